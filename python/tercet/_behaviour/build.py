"""From logs to one row a customer: features of the window, habits, scores, stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import pyarrow as pa

from tercet._behaviour import funnel, habits, rfm
from tercet._behaviour.lifecycle import Limits, Rhythm
from tercet._columns import column_error
from tercet._frames import scan_table
from tercet._progress import reporting
from tercet._snapshots import log as logs
from tercet._snapshots.build import LogPlan, features_of_log, silent
from tercet._snapshots.case import Case, Opened, bring_together, open_tables
from tercet._snapshots.cells import rhythm
from tercet._snapshots.clock import NEVER
from tercet._snapshots.duration import Duration
from tercet._snapshots.feature import EVER, Feature, check_names, slugs
from tercet._snapshots.plan import LogShape
from tercet._snapshots.roles import LOGS, ROLES, Naming
from tercet._snapshots.rows import Rows
from tercet._snapshots.windows import Spans, bounds
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tercet._behaviour.recipe import BehaviourRecipe
    from tercet._columns import Floats, Integers
    from tercet._frames import Scan
    from tercet._progress import Progress, Report
    from tercet._snapshots.clock import Clock
    from tercet._snapshots.log import Log
    from tercet._snapshots.windows import Window
    from tercet._time import TimeLike

#: Columns of a log of purchases that habits are made of: the role, and whether it is added up.
_FURTHER: Final = {"channel": False, "discount": True}


@dataclass(frozen=True)
class Found:
    """What behaviour was found.

    Attributes
    ----------
    recipe : BehaviourRecipe
        What is applied at other dates.
    scan : Scan
        The table whose kind the result has.
    id_column : str
        What ids are called.
    as_of : str
        The date.
    columns : dict
        The columns, that of ids first.
    features : list of Feature
        Their words.
    money : numpy.ndarray or None
        The amount of each row in the window.
    transitions : dict or None
        Moves in the funnel.
    """

    recipe: BehaviourRecipe
    scan: Scan
    id_column: str
    as_of: str
    columns: dict[str, Any]
    features: list[Feature]
    money: Floats | None
    transitions: dict[str, Any] | None


def describe(
    tables: Mapping[str, Any],
    as_of: TimeLike,
    plan: BehaviourRecipe,
    *,
    fresh: bool,
    progress: Progress = False,
) -> Found:
    """Describe behaviour.

    Parameters
    ----------
    tables : mapping
        The caller's tables by name; None for what there is not.
    as_of : date
        The date.
    plan : BehaviourRecipe
        What to describe; if `fresh`, without what is yet to be found.
    fresh : bool
        Whether cut points, rhythm and shares are to be found in these tables.
    progress : bool or callable
        Told after each table; Ctrl-C is heard there at the latest.
    """
    with reporting(progress) as report:
        return _describe(tables, as_of, plan, fresh, report or silent)


def _describe(
    tables: Mapping[str, Any], as_of: TimeLike, plan: BehaviourRecipe, fresh: bool, report: Report
) -> Found:
    naming = Naming.of(plan.columns)
    opened = open_tables(tables, naming, None, report, drop_refunds=plan.drop_refunds)
    further = _further_logs(tables, naming, plan.drop_refunds)
    plan = _completed(plan, opened, further, naming) if fresh else plan
    opened, further = _shaped(plan, opened, further, naming)
    clock = opened.clock()
    observation = Duration.of(plan.observation, "observation")
    clock.check(observation, "observation")
    case = bring_together(
        opened,
        plan.listed,
        observation_end=None,
        stages=plan.order,
        lost=plan.lost,
        grace=0,
        new_labels=not fresh,
    )
    tick = clock.start(as_of, "as_of")
    if tick <= case.first:
        first = clock.text(case.first)
        expected = f"a time after the first one in the data ({first})"
        message = f"as_of = {clock.text(tick)}: expected {expected}"
        raise ParameterError(message, "as_of")
    # There is no outcome; its window is never looked at.
    window = Spans(observation, observation, Duration(0, "d")).around(tick, 0, clock.day)
    known = (case.known_from() < tick) | _registered(case, tick)
    rows = Rows.of(known[None, :])
    table = _Table(case, window, rows, observation)
    plan, money = table.of_logs(plan, further, report, fresh=fresh)
    moves = table.of_stages(observation)
    if case.register is not None:
        table.add(case.register.features(), case.register.values(tick, rows.code))
    main = next(name for name in ("purchases", "events", "contacts", "stages") if name in tables)
    names, _ = naming.names(main)
    ids = case.everybody.ids.take(pa.array(rows.code))
    check_names([names["customer"], *table.columns])
    return Found(
        plan,
        opened.scan(main),
        names["customer"],
        clock.text(tick),
        {names["customer"]: ids, **table.columns},
        table.features,
        money,
        moves,
    )


def _registered(case: Case, tick: int) -> npt.NDArray[np.bool_]:
    """Say who stands in the table of customers, and did so before a date."""
    found = np.zeros(len(case), dtype=np.bool_)
    register = case.register
    if register is None:
        return found
    found[register.code] = True
    since = register.since()
    found &= (since < tick) | (since >= NEVER)
    return found & (register.row_at(tick) >= 0)


class _Table:
    """The columns as they are made."""

    def __init__(self, case: Case, window: Window, rows: Rows, observation: Duration) -> None:
        self.features: list[Feature] = []
        self.columns: dict[str, Any] = {}
        self._case, self._window, self._rows = case, window, rows
        self._observation = observation
        self._unit = case.clock.unit

    def add(self, features: list[Feature], values: list[Any]) -> None:
        """Add columns."""
        check_names([*self.columns, *(feature.name for feature in features)])
        self.features += features
        self.columns |= dict(zip((one.name for one in features), values, strict=True))

    def of_logs(
        self, plan: BehaviourRecipe, further: Mapping[str, Log], report: Report, *, fresh: bool
    ) -> tuple[BehaviourRecipe, Floats | None]:
        """Add what logs say; returns the plan with what was found in them, and amounts."""
        money = None
        own = {name: shape for name, shape in plan.logs.items() if name not in _FURTHER}
        for done, (name, shape) in enumerate(own.items(), 1):
            made = LogPlan(name, shape, self._observation, plan.listed.get(name, ()))
            features, values, _ = features_of_log(self._case, made, [self._window], self._rows)
            self.add(features, values)
            if name == "purchases":
                plan, money = self._of_purchases(plan, shape, further, fresh=fresh)
            report("features", done, len(own), None)
        return plan, money

    def _of_purchases(
        self,
        plan: BehaviourRecipe,
        shape: LogShape,
        further: Mapping[str, Log],
        *,
        fresh: bool,
    ) -> tuple[BehaviourRecipe, Floats | None]:
        log, everybody, rows = self._case.logs["purchases"], self._case.everybody, self._rows
        span = self._observation.label
        n = self.columns[f"purchases_{span}"]
        days = self.columns[f"purchase_{self._unit}s_{span}"]
        money: Floats | None = self.columns[f"amount_{span}"] if shape.has_amount else None
        plan = self._habits(plan, log, further, n, days, money, fresh=fresh)
        sums = rhythm(log, self._window.as_of)
        sums = sums.append_column("k", pa.array(np.zeros(len(sums), dtype=np.int64)))
        own = Rhythm.of(rows.scattered(sums, everybody), self._window.as_of, self._case.clock.day)
        measures = {
            "recency": own.since_last,
            "frequency": np.where(own.days > 0, days, np.nan),
        }
        if money is not None:
            measures["money"] = np.where(own.days > 0, money, np.nan)
        if fresh:
            plan = _with_cuts(plan, measures, days > 0, own.typical())
        self.add(
            [
                Feature(
                    f"{self._unit}s_since_last_purchase",
                    f"{self._unit}s since the last purchase of all",
                    "purchases",
                    EVER,
                )
            ],
            [own.since_last],
        )
        self.add(*rfm.columns(measures, plan.cuts, self._observation.words))
        limits = Limits(**plan.limits)
        self.add(*own.columns(_gap(plan, self._case.clock), limits, self._unit))
        return plan, money

    def _habits(
        self,
        plan: BehaviourRecipe,
        log: Log,
        further: Mapping[str, Log],
        n: Integers,
        days: Integers,
        money: Floats | None,
        *,
        fresh: bool,
    ) -> BehaviourRecipe:
        into = habits.Columns(self._observation)
        stretches = bounds([self._window], "start", "as_of")
        everybody, rows = self._case.everybody, self._rows
        if not self._case.clock.period:
            habits.weekdays(into, log, stretches, rows, everybody)
        habits.baskets(into, n, days, money, self._unit)
        if log.has_label:
            labelled = habits.favourite(into, "product", log, stretches, rows, everybody)
            listed = plan.listed.get("purchases", ())
            counts = self._counts(listed)
            if fresh:
                plan = replace(plan, shares=habits.product_shares(listed, counts, labelled))
            habits.affinities(into, counts, labelled, plan.shares)
        if "channel" in further:
            habits.favourite(into, "channel", further["channel"], stretches, rows, everybody)
        if "discount" in further and money is not None:
            habits.discounts(into, further["discount"], stretches, rows, everybody, money)
        self.add(into.features, into.values)
        return plan

    def _counts(self, listed: tuple[str, ...]) -> list[Integers]:
        """Return how often each row bought each listed product in the window."""
        names = slugs(list(listed), "products")
        return [self.columns[f"purchases_{name}_{self._observation.label}"] for name in names]

    def of_stages(self, observation: Duration) -> dict[str, Any] | None:
        """Add what the funnel says; returns its moves."""
        pipeline = self._case.pipeline
        if pipeline is None:
            return None
        window = self._window
        values = pipeline.values(window.start, window.as_of, self._rows.code)
        self.add(pipeline.features(observation), values)
        return funnel.transitions(pipeline, window.as_of)


def _with_cuts(
    plan: BehaviourRecipe, measures: Mapping[str, Floats], bought: Any, typical: float
) -> BehaviourRecipe:
    """Return the plan with cut points of those who bought in the window."""
    if not bought.any():
        message = (
            f"as_of: expected a date at which somebody has bought within {plan.observation} before "
            "it; take another date or a longer observation"
        )
        raise ParameterError(message, "as_of")
    within = {name: values[bought] for name, values in measures.items()}
    cuts = rfm.find_cuts(within, plan.n_scores)
    return replace(plan, cuts=cuts, typical_gap=typical)


def _gap(plan: BehaviourRecipe, clock: Clock) -> float:
    """Return the typical gap; where nobody bought twice, the window stands for it."""
    if plan.typical_gap == plan.typical_gap:
        return max(plan.typical_gap, 1.0)
    return max(Duration.of(plan.observation, "observation").longest / clock.day, 1.0)


def _further_logs(tables: Mapping[str, Any], naming: Naming, drop: bool) -> dict[str, Log]:
    """Open the log of purchases again for columns that have no place in it."""
    found: dict[str, Log] = {}
    if tables.get("purchases") is None:
        return found
    names, optional = naming.names("purchases")
    amount = names.pop("amount")
    for role, summed in _FURTHER.items():
        own = {key: names[key] for key in ("customer", "time")}
        own["amount" if summed else "product"] = names[role]
        missing_is_fine = ["amount" if summed else "product"] if role in optional else []
        native = _without_refunds(tables["purchases"], amount) if drop else tables["purchases"]
        log = logs._open(native, role, "purchases", naming, own, missing_is_fine)
        if log.has_amount if summed else log.has_label:
            found[role] = log
    return found


def _without_refunds(native: Any, amount: str) -> Any:
    """Leave out purchases of negative amounts, as the log of purchases does."""
    scan = scan_table(native, {"amount": amount}, ["amount"])
    if not scan.names:
        return native
    return scan.frame.filter(~(nw.col(amount) < 0)).to_native()


def _completed(
    plan: BehaviourRecipe, opened: Opened, further: Mapping[str, Log], naming: Naming
) -> BehaviourRecipe:
    """Return the plan with what the tables have."""
    shapes = {
        name: LogShape(log.timed, log.has_amount, log.has_label)
        for name, log in {**opened.logs, **further}.items()
    }
    for name, labels in plan.listed.items():
        if labels and name in shapes and not shapes[name].has_label:
            names, _ = naming.names(name)
            role = str(ROLES[name].label)
            message = (
                f"{role}s = {list(labels)!r}: the {ROLES[name].what} has no column "
                f'\'{names[role]}\'; name it with columns={{"{name}": {{"{role}": ...}}}}'
            )
            raise ParameterError(message, f"{role}s")
    order = (*LOGS, "responses", *_FURTHER)
    return replace(plan, logs={name: shapes[name] for name in order if name in shapes})


def _shaped(
    plan: BehaviourRecipe, opened: Opened, further: Mapping[str, Log], naming: Naming
) -> tuple[Opened, dict[str, Log]]:
    """Let logs have the columns that the plan knows, no others."""
    every = {**opened.logs, **further}
    shaped = {}
    for name, shape in plan.logs.items():
        log = every.get(name)
        table = "purchases" if name in _FURTHER else "contacts" if name == "responses" else name
        if log is None and name == "responses":
            continue
        names, _ = naming.names(table)
        if log is None and name in _FURTHER:
            raise column_error(names[name], f"is missing from the {ROLES[table].what}: {_SAYS}")
        if log is None:
            message = f"{name}: expected a table; the recipe was found with one"
            raise ParameterError(message, name)
        for role, has, needs in (
            (ROLES[table].amount, log.has_amount, shape.has_amount),
            (ROLES[table].label, log.has_label, shape.has_label),
        ):
            if needs and not has:
                column = names[str(role)]
                raise DataError(
                    f"column '{column}' is missing from the {ROLES[table].what}: {_SAYS}", column
                )
        shaped[name] = replace(log, has_amount=shape.has_amount, has_label=shape.has_label)
    own = {name: log for name, log in shaped.items() if name not in _FURTHER}
    return replace(opened, logs=own), {name: shaped[name] for name in _FURTHER if name in shaped}


_SAYS: Final = "the recipe was found with it; name the right one with columns="


def limits_of(values: Any) -> dict[str, float]:
    """Return limits of the lifecycle as plain values."""
    return asdict(Limits.of(values))
