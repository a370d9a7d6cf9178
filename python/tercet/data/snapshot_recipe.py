"""How to build the same features again at another date, to score customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tercet import _frames
from tercet._snapshots.build import build
from tercet._snapshots.plan import Plan
from tercet._snapshots.windows import listed
from tercet.exceptions import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._frames import Kind
    from tercet._progress import Progress
    from tercet._time import TimeLike
    from tercet.data.snapshot_table import SnapshotTable

__all__ = ["SnapshotRecipe"]


class SnapshotRecipe:
    """Which features there are, and from which columns of which tables they are made.

    A model that was fitted on snapshots keeps the recipe, which is plain values in its file, and
    builds the same features for the customers that it is to score.

    Parameters
    ----------
    plan, events
        What `Snapshots` found; use `SnapshotTable.recipe` or `SnapshotRecipe.from_dict`.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> snapshots = tc.Snapshots(as_of="2024-09-01", observation="120d", outcome="90d")
    >>> table = snapshots.purchases(purchases=shop.transactions)
    >>> recipe = tc.SnapshotRecipe.from_dict(table.recipe.to_dict())
    >>> today = recipe.features(as_of="2025-06-29", purchases=shop.transactions)
    >>> today.feature_names == table.feature_names, today.outcome_names
    (True, [])
    """

    def __init__(self, plan: Any, events: Sequence[str] = ()) -> None:
        self._plan: Plan = plan
        self.events = tuple(events)

    @property
    def feature_names(self) -> list[str]:
        """Return the names of the features."""
        return [feature.name for feature in self._plan.features]

    @property
    def text_features(self) -> list[str]:
        """Return the names of the features that are words."""
        return [feature.name for feature in self._plan.features if feature.kind == "text"]

    @property
    def outcome_names(self) -> list[str]:
        """Return the names of the outcomes that the features were built to predict."""
        return list(self._plan.target.names())

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the tables that features are made from; all are needed to score."""
        return self._plan.tables

    @property
    def features_(self) -> Any:
        """Return a table of the features: `feature`, `words`, `table`, `window`, `kind`."""
        return self._table(None)

    def features(
        self,
        *,
        as_of: TimeLike,
        subscriptions: Any = None,
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        stages: Any = None,
        customers: Any = None,
        observation_end: TimeLike | None = None,
        progress: Progress = False,
    ) -> SnapshotTable:
        """Build the features of all customers at risk at a date, without outcomes.

        Parameters
        ----------
        as_of : str, date, datetime, numpy.datetime64 or int
            The date; what happened on it or later is not used. The day after the last one of the
            data uses all of them.
        subscriptions, purchases, events, contacts, stages, customers : table
            The tables that the features were first built from, with the same columns.
        observation_end : str, date, datetime, numpy.datetime64 or int, optional
            Until when the data are complete; by default the last time in them.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SnapshotTable
            A row for each customer at risk.

        Raises
        ------
        DataError
            For a table that lacks a column, or holds what cannot be used.
        ParameterError
            For a table that is missing or was not used before, or a date outside the data.

        Warns
        -----
        UserWarning
            If a log has no rows, besides the one that the outcome is about: its features are those
            of customers who did nothing.
        """
        from tercet.data.snapshot_table import SnapshotTable

        tables = {
            "subscriptions": subscriptions,
            "purchases": purchases,
            "events": events,
            "contacts": contacts,
            "stages": stages,
            "customers": customers,
        }
        dates = listed(as_of)
        built = build(self._plan, tables, dates, observation_end, fresh=False, progress=progress)
        return SnapshotTable._of(built)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, for a model's file."""
        return self._plan.to_dict() | {"events": list(self.events)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SnapshotRecipe:
        """Return the recipe that `to_dict` wrote.

        Parameters
        ----------
        values : mapping
            What `to_dict` returned.

        Raises
        ------
        ModelFileError
            If it is no such thing, or a newer tercet wrote it.
        """
        plan = Plan.from_dict(values)
        events = values.get("events", ())
        if not isinstance(events, list | tuple) or not all(isinstance(one, str) for one in events):
            raise ModelFileError(
                "this description of snapshots is damaged (events); write it again"
            )
        return cls(plan, events)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SnapshotRecipe) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self._plan.target, self._plan.spans, self._plan.features))

    def __repr__(self) -> str:
        kind = self._plan.target.kind.replace("_", " ")
        tables = ", ".join(self.tables)
        return f"Recipe of snapshots of {kind}: {len(self.feature_names)} features of {tables}"

    def _table(self, kind: Kind | None) -> Any:
        features = self._plan.features
        columns = {
            "feature": [feature.name for feature in features],
            "words": [feature.words for feature in features],
            "table": [feature.table for feature in features],
            "window": [feature.window for feature in features],
            "kind": [feature.kind for feature in features],
        }
        texts = {name: pa.array(values, pa.large_string()) for name, values in columns.items()}
        return _frames.new_table(texts, kind)
