"""From tables to rows: one a customer and date, with features and, where asked for, outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet._progress import reporting
from tercet._snapshots import clock as clocks
from tercet._snapshots.activity import Activity, Blocks
from tercet._snapshots.case import Case, Opened, bring_together, open_tables
from tercet._snapshots.cells import HOURS, activity, label_counts
from tercet._snapshots.clock import NEVER
from tercet._snapshots.feature import Feature, check_names
from tercet._snapshots.log import is_empty
from tercet._snapshots.roles import LOGS, ROLES
from tercet._snapshots.rows import Rows
from tercet._snapshots.target import MAIN, REASONS
from tercet._snapshots.windows import Window, bounds, read_dates, times_of_day
from tercet._warning import warn
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tercet._columns import Integers
    from tercet._frames import Scan
    from tercet._progress import Progress, Report
    from tercet._snapshots.clock import Clock
    from tercet._snapshots.duration import Duration
    from tercet._snapshots.plan import LogShape, Plan


@dataclass(frozen=True)
class Built:
    """What a call built.

    Attributes
    ----------
    plan : Plan
        The plan, completed by what was found in the tables.
    clock : Clock
        What ticks are.
    windows : list of Window
        The dates.
    scan : Scan
        The table whose kind the result has.
    ids : pyarrow.Array
        The customer of each row.
    code, k : numpy.ndarray
        The customer's number, and the place of the date.
    columns : dict
        The features.
    outcomes : dict
        The columns of the outcome; empty when customers are to be scored.
    events : tuple of str
        What the numbers of `event` mean.
    states : numpy.ndarray
        For each date, how many customers have no row, by the number of the reason.
    latest : dict
        For each log, the latest tick that went into features, by date; below every tick for none.
    first, end : int
        The first time in the data, and the first tick that is not observed any more.
    everybody : pyarrow.Array
        The ids of all customers of all tables, in order.
    reasons : numpy.ndarray
        For each date and each of them, the number of the reason for having no row; 0 for a row.
    """

    plan: Plan
    clock: Clock
    windows: list[Window]
    scan: Scan
    ids: Any
    code: Integers
    k: Integers
    columns: dict[str, Any]
    outcomes: dict[str, Any]
    events: tuple[str, ...]
    states: Integers
    latest: dict[str, Integers]
    first: int
    end: int
    everybody: Any
    reasons: npt.NDArray[np.int8]


def build(
    plan: Plan,
    tables: Mapping[str, Any],
    dates: Any,
    observation_end: Any,
    *,
    fresh: bool,
    progress: Progress = False,
) -> Built:
    """Build rows.

    Parameters
    ----------
    plan : Plan
        What to build.
    tables : mapping
        The caller's tables by name; None for what there is not.
    dates : list
        The as-of dates.
    observation_end : optional
        Until when the data are complete.
    fresh : bool
        Whether features and outcomes are built to learn from: then the tables say what there is.
        Else features are built as the plan says, without outcomes.
    progress : bool or callable
        Told after each table; Ctrl-C is heard there at the latest.
    """
    tables = {name: table for name, table in tables.items() if table is not None}
    _check_tables(plan, tables, fresh)
    with reporting(progress) as report:
        return _build(plan, tables, dates, observation_end, fresh, report or silent)


def silent(phase: str, done: int, total: int | None, objective: float | None) -> None:
    """Tell nobody."""


def _build(
    plan: Plan,
    tables: Mapping[str, Any],
    dates: Any,
    observation_end: Any,
    fresh: bool,
    report: Report,
) -> Built:
    naming = plan.naming
    wanted = None if fresh else plan.attributes
    if not fresh:
        tables = _without_empty(tables, plan)
    opened = open_tables(tables, naming, wanted, report, drop_refunds=plan.drop_refunds)
    plan = plan.completed(opened) if fresh else plan
    opened = _shaped(opened, plan)
    clock = opened.clock()
    plan.check_clock(clock)
    target = plan.target
    case = bring_together(
        opened,
        plan.listed,
        observation_end=observation_end,
        stages=target.stages,
        lost=target.lost,
        grace=target.grace.ticks,
        new_labels=not fresh,
    )
    ticks = read_dates(dates, clock)
    windows = [plan.spans.around(tick, k, clock.day) for k, tick in enumerate(ticks)]
    _check_dates(case, windows, fresh)
    states = target.states(case, windows, observed=fresh)
    rows = Rows.of(states == 0)
    if not len(rows):
        raise _nobody(states, clock, windows)
    features, columns, latest = _features(case, plan, windows, rows, report)
    if not fresh:
        features, columns = _as_planned(plan, features, columns)
    outcomes, events = target.outcomes(case, windows, rows) if fresh else ({}, ())
    if fresh:
        report("outcomes", 1, 1, None)
    main = opened.scan(MAIN[target.kind])
    check_names([plan.id_column, "as_of", *columns, *outcomes])
    counts = np.array([np.bincount(state, minlength=len(REASONS)) for state in states])
    return Built(
        replace(plan, features=tuple(features)),
        clock,
        windows,
        main,
        case.everybody.ids.take(pa.array(rows.code)),
        rows.code,
        rows.k,
        columns,
        outcomes,
        events,
        counts,
        latest,
        case.first,
        case.end,
        case.everybody.ids,
        states,
    )


def _check_tables(plan: Plan, tables: Mapping[str, Any], fresh: bool) -> None:
    main = MAIN[plan.target.kind]
    if main not in tables:
        raise ParameterError(f"{main}: expected a table; it is what the outcome is about", main)
    if fresh:
        return
    for name in plan.tables:
        if name not in tables:
            message = f"{name}: expected a table; the features were built from it"
            raise ParameterError(message, name)
    for name in tables:
        if name not in plan.tables:
            message = f"{name}: expected none; the features were built without such a table"
            raise ParameterError(message, name)


def _without_empty(tables: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Leave out logs without rows: features of them say that nobody did anything.

    Rows cannot be learnt from such a log, and without the log that the outcome is about nobody is
    at risk.
    """
    main = MAIN[plan.target.kind]
    empty = [
        name
        for name, table in tables.items()
        if name in LOGS and is_empty(table, name, plan.naming)
    ]
    if main in empty:
        message = (
            f"the {ROLES[main].what} has no rows: without it nobody is known to be at risk; pass "
            "all rows until the date, not only those since the fit"
        )
        raise DataError(message)
    for name in empty:
        message = (
            f"the {ROLES[name].what} has no rows: its features say that no customer did anything. "
            "If there were any, pass all rows until the date"
        )
        warn(message, UserWarning)
    return {name: table for name, table in tables.items() if name not in empty}


def _shaped(opened: Opened, plan: Plan) -> Opened:
    """Let logs have the columns that the plan knows, no others."""
    logs = {}
    for name, shape in plan.logs.items():
        log = opened.logs.get(name)
        if log is None:
            continue  # No rows yet, or contacts to which nobody has responded.
        for role, has, needs in (
            (log.role.amount, log.has_amount, shape.has_amount),
            (log.role.label, log.has_label, shape.has_label),
        ):
            if needs and not has:
                names, _ = plan.naming.names(name)
                column = names[str(role)]
                message = (
                    f"column '{column}' is missing from the {log.role.what}: features are made of"
                    f' it; name the right one with columns={{"{name}": {{"{role}": ...}}}}'
                )
                raise DataError(message, column)
        logs[name] = replace(log, has_amount=shape.has_amount, has_label=shape.has_label)
    return replace(opened, logs=logs)


def _check_dates(case: Case, windows: list[Window], fresh: bool) -> None:
    for window in windows:
        # To be scored, a customer needs a past, which may have ended some time ago.
        known_until = case.end - 1 if fresh else case.end + window.as_of - window.start - 1
        if not case.first < window.as_of <= known_until:
            raise clocks.outside(case.clock, window.as_of, case.first, case.end, window.place)


def _nobody(states: Any, clock: Clock, windows: list[Window]) -> DataError:
    counts = np.bincount(states.ravel(), minlength=len(REASONS))
    dates = ", ".join(clock.text(window.as_of) for window in windows[:3])
    dates += ", ..." if len(windows) > 3 else ""
    return DataError(f"no customer has a row at any date ({dates}): {why_nobody(counts)}")


def why_nobody(counts: Integers) -> str:
    """Return why there is no row, and what to do, of how many are left out for each reason."""
    words = ", ".join(f"{counts[k]:,} {REASONS[k]}" for k in np.flatnonzero(counts))
    late = "outcome window" in REASONS[int(np.argmax(counts))]
    remedy = "take earlier dates or a shorter outcome" if late else "take other dates"
    return f"{words}; {remedy}"


def _features(
    case: Case, plan: Plan, windows: list[Window], rows: Rows, report: Report
) -> tuple[list[Feature], dict[str, Any], dict[str, Integers]]:
    features: list[Feature] = []
    values: list[Any] = []
    small = [table for table in (case.book, case.pipeline, case.register) if table is not None]
    done, total = 0, len(small) + len(plan.logs)

    def one_more() -> None:
        nonlocal done
        done += 1
        report("features", done, total, None)

    def by_date(own: list[Feature], at: Any) -> None:
        parts = [at(window, rows.at(window.place)) for window in windows]
        features.extend(own)
        values.extend(_joined(column) for column in zip(*parts, strict=True))
        one_more()

    book, pipeline, register = case.book, case.pipeline, case.register
    if book is not None:
        by_date(book.features(), lambda window, who: book.values(window.as_of, who))
    if pipeline is not None:
        by_date(
            pipeline.features(plan.spans.observation),
            lambda window, who: pipeline.values(window.start, window.as_of, who),
        )
    latest = {}
    for name in plan.logs:
        own, columns, latest[name] = features_of_log(case, log_plan(plan, name), windows, rows)
        features += own
        values += columns
        one_more()
    if register is not None:
        by_date(register.features(), lambda window, who: register.values(window.as_of, who))
    names = [feature.name for feature in features]
    check_names(names)
    return features, dict(zip(names, values, strict=True)), latest


def _as_planned(
    plan: Plan, features: list[Feature], columns: dict[str, Any]
) -> tuple[list[Feature], dict[str, Any]]:
    """Return the features that the plan knows, in its order."""
    found = {feature.name: feature for feature in features}
    for planned in plan.features:
        feature = found.get(planned.name)
        if feature is None or feature.kind != planned.kind:
            problem = "is missing" if feature is None else f"is no {planned.kind} any more"
            message = (
                f"feature '{planned.name}' ({planned.words}) {problem}: the table of "
                f"{planned.table} has other columns than when the features were first built"
            )
            raise DataError(message, planned.name)
    names = [planned.name for planned in plan.features]
    return list(plan.features), {name: columns[name] for name in names}


@dataclass(frozen=True)
class LogPlan:
    """What features of a log are made.

    Attributes
    ----------
    name : str
        The log.
    shape : LogShape
        What it has.
    observation : Duration
        The length of the window.
    listed : tuple of str
        The labels with features of their own.
    """

    name: str
    shape: LogShape
    observation: Duration
    listed: tuple[str, ...]


def log_plan(plan: Plan, name: str) -> LogPlan:
    """Return what features of a log a plan makes."""
    return LogPlan(name, plan.logs[name], plan.spans.observation, plan.listed.get(name, ()))


def features_of_log(
    case: Case, plan: LogPlan, windows: list[Window], rows: Rows
) -> tuple[list[Feature], list[Any], Integers]:
    """Return the features of a log, their columns, and the latest tick that went into each date."""
    name, shape, observation, listed = plan.name, plan.shape, plan.observation, plan.listed
    period = case.clock.period
    blocks = Blocks.of(observation, period=period)
    made = Activity(
        name, observation, blocks, period, shape.timed, shape.has_amount, shape.has_label, listed
    )
    log = case.logs.get(name)
    stretches = bounds(windows, "start", "as_of")
    sums = {key: np.zeros(len(rows), dtype=np.int64) for key in _SUMS}
    labels: dict[str, Integers] = {"breadth": np.zeros(len(rows), dtype=np.int64)}
    labels |= {f"n_{k}": np.zeros(len(rows), dtype=np.int64) for k in range(len(listed))}
    latest = np.full(len(windows), clocks.ALWAYS)
    first = np.full(len(rows), NEVER)
    first_of = [first] * len(listed)
    if log is not None:
        cuts = [] if period else times_of_day(windows, case.clock.day)
        table = activity(log, stretches, cuts=cuts, block=blocks.length, timed=shape.timed)
        places = table["k"].cast(pa.int64()).to_numpy()
        np.maximum.at(latest, places, table["last"].cast(pa.int64()).to_numpy())
        sums |= rows.scattered(table, case.everybody)
        if shape.has_label:
            labels |= rows.scattered(label_counts(log, stretches, listed), case.everybody)
        first = case.firsts[name].all[rows.code]
        first_of = [ticks[rows.code] for ticks in case.firsts[name].of]
    window = {
        key: np.array([getattr(one, key) for one in windows])[rows.k]
        for key in ("start", "middle", "as_of")
    }
    return made.features(), made.values(sums, labels, first, first_of, window), latest


_SUMS = (
    "n",
    "n_recent",
    "days",
    "gap",
    "gap2",
    "blocks",
    "last",
    "weekend",
    "amount",
    "amount_recent",
    "largest",
    *(name for _, _, name in HOURS),
)


def _joined(parts: tuple[Any, ...]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    chunks = [
        chunk
        for part in parts
        for chunk in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])
    ]
    return pa.chunked_array(chunks, pa.large_string()).combine_chunks()
