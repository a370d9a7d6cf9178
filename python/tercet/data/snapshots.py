"""Rows to learn from, without leakage: what was known at a date, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tercet import _arguments
from tercet._snapshots.build import build
from tercet._snapshots.duration import Duration
from tercet._snapshots.feature import slugs
from tercet._snapshots.plan import Plan
from tercet._snapshots.roles import Naming
from tercet._snapshots.target import Target
from tercet._snapshots.windows import Spans, listed
from tercet._time import TimeUnit
from tercet.data.snapshot_table import SnapshotTable
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import numpy as np

    from tercet._progress import Progress
    from tercet._time import TimeLike

__all__ = ["Snapshots"]

#: Whether an outcome is yes or no, or a time and an event.
OutcomeForm: TypeAlias = Literal["whether", "when"]
#: What a length of time may be.
DurationLike: TypeAlias = "str | int | dt.timedelta | np.timedelta64"


class Snapshots:
    """What was known of customers at some dates, and what came of it.

    From logs of events it makes one row a customer and date: features from the observation window
    before the date, the outcome from the window after it. Both windows include their first instant
    and exclude their last one, so that nothing of the date itself is in a feature:

    ```text
    features from [as_of - observation, as_of)
    outcome  from [as_of + gap, as_of + gap + outcome)
    ```

    A date is the first instant of its day. Who is not at risk yet, or no more, or whose outcome
    window ends after the data, has no row and is counted with the reason.

    Parameters
    ----------
    as_of : date or list of dates
        The dates, earliest first: text such as "2025-01-01", dates, datetimes, or integers where
        times are integer periods.
    observation, outcome : str, timedelta or int
        The lengths of the windows: "180d", "26w", "6mo", "1y" (months and years go by the
        calendar), or a number of integer periods.
    gap : str, timedelta or int
        The time between the date and the outcome window, in which a company reacts, say.
    observation_end : str, date, datetime, numpy.datetime64 or int, optional
        Until when the data are complete; a date means the end of that day. By default the last time
        in the logs and stages and the last start of a subscription; where there are subscriptions
        only, their last end too.
    columns : mapping, optional
        What columns are called, by table and role, where they are not called as usual:

        - "purchases": `customer` ("customer_id"), `time` ("date"), and where there are such columns
          `amount` ("amount"), `product` ("product");
        - "events": `customer`, `time` ("date"), `feature` ("feature"), `value` ("value");
        - "contacts": `customer`, `time` ("date"), `channel` ("channel"), `responded_at`
          ("responded_at");
        - "subscriptions": `customer`, `start` ("start"), `end` ("end"), `plan` ("plan"), `amount`
          ("amount"), `reason` ("reason");
        - "stages": `customer`, `time` ("date"), `stage` ("stage");
        - "customers": `customer`, `since` ("since"), `valid_from` ("valid_from"), `attributes` (a
          list; by default all other columns), `known_at` (for an attribute, the column that says
          when its value was written down).
    refunds : {"error", "drop"}
        What to do with purchases of negative amounts: refuse them, or leave them out.

    See Also
    --------
    SnapshotTable : what its methods return.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-05-01", "2024-09-01"], observation="120d", outcome="90d"
    ... )
    >>> table = snapshots.inactivity(purchases=shop.transactions)
    >>> table.feature_names[:3]
    ['purchases_120d', 'purchase_days_120d', 'purchases_trend_120d']
    >>> table.X.shape, float(table.y.mean().round(2))
    ((2000, 15), 0.81)
    """

    def __init__(
        self,
        as_of: TimeLike | Sequence[TimeLike],
        observation: DurationLike,
        outcome: DurationLike,
        gap: DurationLike = "0d",
        *,
        observation_end: TimeLike | None = None,
        columns: Mapping[str, Mapping[str, Any]] | None = None,
        refunds: Literal["error", "drop"] = "error",
    ) -> None:
        self.as_of = listed(as_of)
        self.observation_end = observation_end
        self._spans = Spans(
            Duration.of(observation, "observation"),
            Duration.of(outcome, "outcome"),
            Duration.of(gap, "gap", zero=True),
        )
        self._naming = Naming.of(columns)
        self._drop_refunds = _arguments.word(refunds, "refunds", ("error", "drop")) == "drop"

    def churn(
        self,
        subscriptions: Any,
        *,
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        customers: Any = None,
        products: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        grace: DurationLike = "0d",
        end_reasons: Sequence[str] | None = None,
        outcome_form: OutcomeForm = "whether",
        unit: TimeUnit = "day",
        progress: Progress = False,
    ) -> SnapshotTable:
        """Predict the end of subscriptions.

        At risk is who has a subscription that began before the date and did not end before it. A
        subscription runs up to, and not including, its end; one without an end runs on.

        Parameters
        ----------
        subscriptions : table
            One row a subscription.
        purchases, events, contacts, customers : table, optional
            Where further features come from.
        products, features, channels : sequence of str, optional
            Products, product features and channels that get features of their own.
        grace : str, timedelta or int
            A subscription that begins within this time after the end of the one before continues
            it; a renewal is no churn. Not in months or years.
        end_reasons : sequence of str, optional
            The reasons of ending that are churn; by default all. A subscription that ends for
            another one (an upgrade, say) is no churn. Only for "whether".
        outcome_form : {"whether", "when"}
            "whether" it ends in the window: column `churns`. "when" it ends, for hazard models:
            `duration`, and `event`, which is 0 where it did not end within the window or the data,
            and else the number of the reason (1 for churn where the table has no reasons).
        unit : str
            The unit of `duration`.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SnapshotTable
            A row for each customer at risk and date.

        Raises
        ------
        DataError
            For a table that lacks a column or holds what cannot be used, and if nobody is at risk.
        ParameterError
            For an argument that cannot be used, or a date outside the data.
        """
        length = Duration.of(grace, "grace", zero=True)
        if length.months:
            raise _arguments.refusal(grace, "grace", "days or weeks, not months or years")
        form, checked = _form(outcome_form, unit)
        listed: tuple[str, ...] = ()
        if end_reasons is not None:
            listed = tuple(
                _arguments.names(end_reasons, "end_reasons", "a list of different reasons")
            )
            if form:
                expected = 'None where the outcome is "when": each reason is an event of its own'
                raise _arguments.refusal(end_reasons, "end_reasons", expected)
        target = Target("churn", form, checked, listed, grace=length)
        tables = {
            "subscriptions": subscriptions,
            "purchases": purchases,
            "events": events,
            "contacts": contacts,
            "customers": customers,
        }
        return self._build(target, tables, products, features, channels, progress)

    def inactivity(
        self,
        purchases: Any,
        *,
        events: Any = None,
        contacts: Any = None,
        customers: Any = None,
        products: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        active_within: DurationLike | None = None,
        progress: Progress = False,
    ) -> SnapshotTable:
        """Predict that customers without a contract buy nothing: column `inactive`.

        At risk is who bought before the date.

        Parameters
        ----------
        purchases : table
            One row a purchase.
        events, contacts, customers : table, optional
            Where further features come from.
        products, features, channels : sequence of str, optional
            Products, product features and channels that get features of their own.
        active_within : str, timedelta or int, optional
            At risk is only who bought within this time before the date: who left long ago is no
            case to learn from.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SnapshotTable
            A row for each customer at risk and date.

        Raises
        ------
        DataError, ParameterError
            As `churn`.
        """
        within = _within(active_within)
        tables = {
            "purchases": purchases,
            "events": events,
            "contacts": contacts,
            "customers": customers,
        }
        target = Target("inactivity", within=within)
        return self._build(target, tables, products, features, channels, progress)

    def purchases(
        self,
        purchases: Any,
        *,
        products: Sequence[str] | None = None,
        first_only: bool = False,
        subscriptions: Any = None,
        events: Any = None,
        contacts: Any = None,
        customers: Any = None,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        active_within: DurationLike | None = None,
        outcome_form: OutcomeForm = "whether",
        unit: TimeUnit = "day",
        progress: Progress = False,
    ) -> SnapshotTable:
        """Predict purchases: of anything, or of each of some products.

        At risk is who was known before the date: had a row in any table, or became a customer.

        Parameters
        ----------
        purchases : table
            One row a purchase.
        products : sequence of str, optional
            Products to predict: columns `buys_<product>` and `buys_any`. Without them, `buys` is
            whether anything is bought.
        first_only : bool
            Whether a product is bought once only: who bought it before the date has no outcome for
            it (null).
        subscriptions, events, contacts, customers : table, optional
            Where further features come from.
        features, channels : sequence of str, optional
            Product features and channels that get features of their own.
        active_within : str, timedelta or int, optional
            At risk is only who was active within this time before the date: has a row in purchases
            or events, answered a contact, or has a subscription running at the date. Who left long
            ago is no case to learn from.
        outcome_form : {"whether", "when"}
            "when" gives `duration` until the first purchase and `event`, the number of its product
            (1 for any without `products`), 0 for none within the window or the data.
        unit : str
            The unit of `duration`.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SnapshotTable
            A row for each customer at risk and date.

        Raises
        ------
        DataError, ParameterError
            As `churn`; a product that nobody ever bought is refused.
        """
        tables = {
            "purchases": purchases,
            "subscriptions": subscriptions,
            "events": events,
            "contacts": contacts,
            "customers": customers,
        }
        within = _within(active_within)
        target = _listed_target(
            "purchases", products, "products", first_only, outcome_form, unit, within
        )
        return self._build(target, tables, products, features, channels, progress)

    def feature_use(
        self,
        events: Any,
        *,
        features: Sequence[str] | None = None,
        first_only: bool = False,
        subscriptions: Any = None,
        purchases: Any = None,
        contacts: Any = None,
        customers: Any = None,
        products: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        active_within: DurationLike | None = None,
        outcome_form: OutcomeForm = "whether",
        unit: TimeUnit = "day",
        progress: Progress = False,
    ) -> SnapshotTable:
        """Predict the use of a product: of anything in it, or of each of some features.

        At risk is who was known before the date: had a row in any table, or became a customer.

        Parameters
        ----------
        events : table
            One row a use.
        features : sequence of str, optional
            Product features to predict: columns `uses_<feature>` and `uses_any`. Without them,
            `uses` is whether there is any event.
        first_only : bool
            Whether the first use is to be predicted: who used a feature before the date has no
            outcome for it (null).
        subscriptions, purchases, contacts, customers : table, optional
            Where further features come from.
        products, channels : sequence of str, optional
            Products and channels that get features of their own.
        active_within : str, timedelta or int, optional
            At risk is only who was active within this time before the date: has a row in purchases
            or events, answered a contact, or has a subscription running at the date. Who left long
            ago is no case to learn from.
        outcome_form : {"whether", "when"}
            As for `purchases`.
        unit : str
            The unit of `duration`.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SnapshotTable
            A row for each customer at risk and date.

        Raises
        ------
        DataError, ParameterError
            As `churn`; a feature that nobody ever used is refused.
        """
        tables = {
            "events": events,
            "subscriptions": subscriptions,
            "purchases": purchases,
            "contacts": contacts,
            "customers": customers,
        }
        within = _within(active_within)
        target = _listed_target(
            "feature_use", features, "features", first_only, outcome_form, unit, within
        )
        return self._build(target, tables, products, features, channels, progress)

    def leads(
        self,
        stages: Any,
        *,
        order: Sequence[str],
        lost: Sequence[str] = (),
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        customers: Any = None,
        products: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        outcome_form: OutcomeForm = "whether",
        unit: TimeUnit = "day",
        progress: Progress = False,
    ) -> SnapshotTable:
        """Predict that leads move on to a later stage: columns `moves` and `next_stage`.

        At risk is who came into a stage before the date and is neither in the last one nor lost.
        Moving back is not moving on.

        Parameters
        ----------
        stages : table
            One row for each stage that a lead came into.
        order : sequence of str
            The stages from first to last.
        lost : sequence of str
            Stages from which nothing leads on.
        purchases, events, contacts, customers : table, optional
            Where further features come from.
        products, features, channels : sequence of str, optional
            Products, product features and channels that get features of their own.
        outcome_form : {"whether", "when"}
            "when" gives `duration` until the lead moves on or is lost, and `event`, the number of
            the stage that it comes into; 0 for none within the window or the data.
        unit : str
            The unit of `duration`.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SnapshotTable
            A row for each lead at risk and date.

        Raises
        ------
        DataError, ParameterError
            As `churn`; a stage that is not named is refused.
        """
        expected = "a list of two different stages at least"
        steps = _arguments.names(order, "order", expected)
        if len(steps) < 2:
            raise _arguments.refusal(order, "order", expected)
        ends = _arguments.names(lost, "lost", "a list of different stages") if lost else []
        both = [name for name in ends if name in steps]
        if both:
            raise _arguments.refusal(lost, "lost", f"stages that are not in order ({both[0]!r} is)")
        form, checked = _form(outcome_form, unit)
        target = Target("leads", form, checked, stages=tuple(steps), lost=tuple(ends))
        tables = {
            "stages": stages,
            "purchases": purchases,
            "events": events,
            "contacts": contacts,
            "customers": customers,
        }
        return self._build(target, tables, products, features, channels, progress)

    def __repr__(self) -> str:
        spans = self._spans
        dates = f"{len(self.as_of)} date{'' if len(self.as_of) == 1 else 's'}"
        gap = f", {spans.gap.words} between" if spans.gap.count else ""
        return (
            f"Snapshots at {dates}: {spans.observation.words} observed, "
            f"{spans.outcome.words} predicted{gap}"
        )

    def _build(
        self,
        target: Target,
        tables: Mapping[str, Any],
        products: Sequence[str] | None,
        features: Sequence[str] | None,
        channels: Sequence[str] | None,
        progress: Progress,
    ) -> SnapshotTable:
        labels = {
            "purchases": _labels(products, "products"),
            "events": _labels(features, "features"),
            "contacts": _labels(channels, "channels"),
        }
        parameters = {"purchases": "products", "events": "features", "contacts": "channels"}
        for table, found in labels.items():
            if found and tables.get(table) is None:
                message = (
                    f"{parameters[table]} = {list(found)!r}: expected a table {table} besides, "
                    "which they occur in"
                )
                raise ParameterError(message, parameters[table])
        plan = Plan(target, self._spans, self._naming, labels, self._drop_refunds)
        end = self.observation_end
        built = build(plan, tables, self.as_of, end, fresh=True, progress=progress)
        return SnapshotTable._of(built)


def _labels(names: Any, parameter: str) -> tuple[str, ...]:
    if names is None:
        return ()
    found = _arguments.names(names, parameter, "a list of different names")
    slugs(found, parameter)
    return tuple(found)


def _form(form: Any, unit: Any) -> tuple[bool, str]:
    when = _arguments.word(form, "outcome_form", ("whether", "when")) == "when"
    return when, _arguments.word(unit, "unit", get_args(TimeUnit))


def _within(active_within: DurationLike | None) -> Duration | None:
    return None if active_within is None else Duration.of(active_within, "active_within")


def _listed_target(
    kind: Any,
    names: Any,
    parameter: str,
    first_only: Any,
    form: Any,
    unit: Any,
    within: Duration | None,
) -> Target:
    when, checked = _form(form, unit)
    first = _arguments.truth(first_only, "first_only")
    found = _labels(names, parameter)
    if "any" in slugs(found, parameter):
        expected = "names other than 'any', which is what the outcome of any of them is called"
        raise _arguments.refusal(names, parameter, expected)
    if first and (when or not found):
        expected = f"False without {parameter}, and where the outcome is a time"
        raise _arguments.refusal(first_only, "first_only", expected)
    return Target(kind, when, checked, found, first, within=within)
