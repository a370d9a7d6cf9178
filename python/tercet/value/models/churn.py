"""Which customers are about to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tercet import _arguments
from tercet.exceptions import ParameterError
from tercet.value.models._estimates import outcome_column, with_ends
from tercet.value.models._model import SnapshotModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats
    from tercet.data.snapshot_table import SnapshotTable
    from tercet.data.snapshots import DurationLike
    from tercet.value.models._estimates import Estimate

__all__ = ["ChurnModel"]


class ChurnModel(SnapshotModel):
    """The probability that a customer leaves, from tables of what customers did.

    With a contract, leaving is the end of the subscription within the outcome window. Without one
    nobody says goodbye: leaving is that a customer who bought before buys nothing in the window.

    The rows are built by `tercet.Snapshots`, the probabilities are those of `tercet.Propensity`.
    The model learns from the earlier dates, is judged on the last (`report_card_`), and is then
    fitted again to all. Where the report card says no, so does `score`.

    Parameters
    ----------
    contract : {"subscription", "none"}, optional
        What leaving is; by default "subscription" where `fit` is given subscriptions.
    grace : str, timedelta or int
        With a contract: a subscription that begins within this time after the end of the one before
        continues it.
    end_reasons : sequence of str, optional
        With a contract: the reasons of ending that are churn; by default all. One that ends for
        another reason, an upgrade say, is none.
    active_within : str, timedelta or int, optional
        Without a contract: at risk is only who bought within this time before the date.
    products, features, channels : sequence of str, optional
        Products, product features and channels that get features of their own.
    estimator : Propensity, ClassifierPropensity or classifier, optional
        What learns; by default a `Propensity` whose standard errors are by customer. Another
        library's classifier has no intervals, and is kept by pickle only.
    bands : mapping, optional
        Names and the probabilities that they begin at, ascending from 0. By default four, by odds
        against those of all rows of the fit: "low" to a half, "average" to 1.5 times, "high" to 3
        times, "very high". They are fixed by the fit and do not move with the customers scored.
    test_dates : int
        How many of the last dates the model is judged on.
    overlap : {"error", "drop"}
        What to do with earlier dates whose outcome was not known yet on the first of these: refuse,
        or leave them out of the judged fit.
    anyway : bool
        Whether `score` scores although the report card says no, and `fit` does not warn of it.
    replications : int
        Bootstrap replications (of customers) of the report card's intervals; 0 for none.
    random_state : int
        The seed of folds and replications.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    report_card_ : ReportCard
        How the model did on later dates, and whether it may be used.
    audit_ : SnapshotAudit
        What looked like the future in the rows of the fit.
    recipe_ : SnapshotRecipe
        How the features are built again at another date.
    models_ : dict
        The `Propensity` by outcome: "churns" or "inactive".
    bands_, event_rates_ : dict
        Bands by the probability that they begin at; the share of rows with the event.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_500, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-07-01", "2024-10-01", "2025-01-01"], observation="180d", outcome="90d"
    ... )
    >>> model = tc.ChurnModel(active_within="180d").fit(snapshots, purchases=shop.transactions)
    >>> scored = model.score(as_of="2025-06-29", purchases=shop.transactions)
    >>> list(scored.columns)[:3]
    ['customer_id', 'as_of', 'churn_probability']
    """

    _file_kind: ClassVar[str] = "churn_model"
    _noun: ClassVar[str] = "churn"
    _targets: ClassVar[tuple[str, ...]] = ("churn", "inactivity")

    def __init__(
        self,
        *,
        contract: Literal["subscription", "none"] | None = None,
        grace: DurationLike = "0d",
        end_reasons: Sequence[str] | None = None,
        active_within: DurationLike | None = None,
        products: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        estimator: Any = None,
        bands: Mapping[str, float] | None = None,
        test_dates: int = 1,
        overlap: Literal["error", "drop"] = "error",
        anyway: bool = False,
        replications: int = 200,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.contract = contract
        self.grace = grace
        self.end_reasons = end_reasons
        self.active_within = active_within
        self.products = products
        self.features = features
        self.channels = channels
        self.estimator = estimator
        self.bands = bands
        self.test_dates = test_dates
        self.overlap = overlap
        self.anyway = anyway
        self.replications = replications
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _settings_more(self) -> None:
        if self.contract is not None:
            _arguments.word(self.contract, "contract", ("subscription", "none"))

    def _table(self, snapshots: Any, tables: Mapping[str, Any]) -> SnapshotTable:
        ready = self._of_snapshots(snapshots, tables)
        if ready is not None:
            return ready
        contract = self.contract
        if contract is None:
            contract = "subscription" if "subscriptions" in tables else "none"
        main, spare = "subscriptions", "stages"
        if contract == "none":
            main = "purchases"
            spare = "subscriptions" if "subscriptions" in tables else "stages"
        if main not in tables:
            what = "subscriptions, or purchases of customers without a contract"
            if self.contract is not None:
                what = f"it, since contract={self.contract!r}"
            message = f"{main}: expected a table of {what}"
            raise ParameterError(message.replace("a table of it", "a table"), main)
        if spare in tables:
            words = "no features are made of it"
            if spare == "subscriptions":
                words = 'customers with a contract churn by contract="subscription"'
            raise ParameterError(f"{spare}: expected none; {words}", spare)
        named = {"products": self.products, "features": self.features, "channels": self.channels}
        others = {name: table for name, table in tables.items() if name != main}
        more: dict[str, Any]
        build, more = snapshots.inactivity, {"active_within": self.active_within}
        if contract == "subscription":
            build, more = snapshots.churn, {"grace": self.grace, "end_reasons": self.end_reasons}
        built: SnapshotTable = build(tables[main], **others, **named, **more)
        return built

    def _outcomes(self, table: SnapshotTable) -> dict[str, Floats]:
        (name,) = table.outcome_names
        return {name: outcome_column(table, name)}

    def _columns(
        self, found: Mapping[str, Estimate], X: Any, table: SnapshotTable
    ) -> dict[str, Any]:
        (only,) = found.values()
        return with_ends("churn_probability", only)
