"""What a fit of a model of customers has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tercet._columns import Floats
    from tercet._frames import Kind
    from tercet.data.snapshot_audit import SnapshotAudit
    from tercet.data.snapshot_recipe import SnapshotRecipe
    from tercet.value.models.report_card import ReportCard
    from tercet.value.propensity import Propensity

#: The tables that models are given.
TABLES = ("subscriptions", "purchases", "events", "contacts", "stages", "customers")


@dataclass(frozen=True)
class Fitted:
    """What a fit has found.

    Attributes
    ----------
    models : dict
        A propensity for each outcome, the main one first.
    recipe : SnapshotRecipe
        How the features are built.
    card : ReportCard
        How the model did on later dates.
    audit : SnapshotAudit
        What looked like the future.
    bands : dict
        Bands of the main probability.
    rates : dict
        The share of events of each outcome.
    n, dates : int, list of str
        Rows and dates of the fit.
    kind : str
        The kind of tables to give back.
    held : dict
        Probabilities of the fit's rows by fits that did not see them; not kept in a file.
    """

    models: dict[str, Propensity]
    recipe: SnapshotRecipe
    card: ReportCard
    audit: SnapshotAudit
    bands: dict[str, float]
    rates: dict[str, float]
    n: int
    dates: list[str]
    kind: Kind
    held: dict[str, Floats | None] = field(default_factory=dict)
