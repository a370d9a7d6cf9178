"""What customers did in every observation window, from one pass over a log.

The rows of a log are first added up in cells: what one customer did on one day. (Where a window
begins or ends within days, a day has a cell before and one after that time of day, so that every
cell lies inside a window or outside it, never across.) Each cell knows when the customer's cell
before it ended. Then the cells of every window are added up by customer. All sums are of whole
numbers, so that the order of the rows changes no digit.

Lazy logs go through this as one query for all windows. Logs in memory take one window after the
other, which needs less of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import pyarrow as pa

from tercet._snapshots.clock import ALWAYS, NEVER
from tercet._snapshots.log import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tercet._snapshots.log import Log

# Added to days so that none is negative; a day is then a remainder of 7 away from its weekday.
_DAYS: Final = 800_000
_TO_MONDAY: Final = (3 - _DAYS) % 7

#: The hours that a share of events is taken of: from, to, and what they are called.
HOURS: Final = ((6, 12, "morning"), (12, 18, "afternoon"), (18, 24, "evening"))


def activity(
    log: Log, windows: pa.Table, *, cuts: Sequence[int], block: int, timed: bool
) -> pa.Table:
    """Add up a log by window and customer.

    Parameters
    ----------
    log : Log
        The log.
    windows : pyarrow.Table
        Place `k`, `low`, `middle` and `high` of every window.
    cuts : sequence of int
        At which times of day, in ticks, a window may begin or end.
    block : int
        The length of the blocks (weeks, say) in which a customer was active or not, in ticks; they
        are counted back from the window's end, and there are 62 at most.
    timed : bool
        Whether to add up hours of the day.

    Returns
    -------
    pyarrow.Table
        A row a window and customer with any event: `n`, `n_recent`, `days`, the sum of `gap`s
        between days and of their squares `gap2`, the `last` tick, `blocks` as bits (the lowest is
        the latest), `weekend`; with amounts `amount`, `amount_recent` and `largest`; with times of
        day the counts of `HOURS`.
    """
    cells = _with_predecessor(_cells(log, cuts, timed), log.lazy)
    totals = ["n", "n_recent", "days", "gap", "gap2", "blocks"]
    if not log.clock.period:
        totals.append("weekend")
    if timed:
        totals += [name for _, _, name in HOURS]
    if log.has_amount:
        totals += ["amount", "amount_recent"]

    def added_up(frame: Any) -> Any:
        frame = _seen_from_window(frame, log, block)
        sums = [nw.col(name).sum().alias(name) for name in totals]
        largest = [nw.col("largest").max()] if log.has_amount else []
        return frame.group_by("k", "customer").agg(*sums, nw.col("last").max(), *largest)

    return by_window(log, cells, windows, "first", added_up)


def label_counts(log: Log, windows: pa.Table, listed: Sequence[str]) -> pa.Table:
    """Count by window and customer of how many labels there were events, and of each listed one.

    Returns
    -------
    pyarrow.Table
        `k`, `customer`, `breadth`, and `n_0`, `n_1`, ... for the listed labels.
    """

    def counted(frame: Any) -> Any:
        each = frame.group_by("k", "customer", "label").agg(n=nw.len())
        columns = {
            f"n_{place}": nw.when(log.has(label))
            .then(nw.col("n").cast(nw.Int64()))
            .otherwise(nw.lit(0))
            for place, label in enumerate(listed)
        }
        sums = [nw.col(name).sum().alias(name) for name in columns]
        # Lazy frames do not like to be given no columns.
        each = each.with_columns(**columns) if columns else each
        return each.group_by("k", "customer").agg(nw.len().alias("breadth"), *sums)

    labelled = log.frame.filter(~nw.col("label").is_null())
    return by_window(log, labelled, windows, "tick", counted)


def rhythm(log: Log, tick: int) -> pa.Table:
    """Say of everybody who did something before a tick how they have gone on doing it.

    Returns
    -------
    pyarrow.Table
        By `customer`: on how many `days`, the `first` and the `last` tick, and the last one
        `before` the day of the last (ALWAYS where there is none).
    """
    past = replace(log, frame=log.frame.filter(nw.col("tick") < tick))
    cells = _with_predecessor(_cells(past, [], timed=False), log.lazy)
    sums = cells.group_by("customer").agg(
        nw.len().alias("days"), nw.col("first").min(), nw.col("last").max(), nw.col("before").max()
    )
    return log.with_ids(collect(sums))


def weekday_counts(log: Log, windows: pa.Table) -> pa.Table:
    """Count events by window, customer and weekday: `w_0` on Mondays to `w_6` on Sundays."""

    def counted(frame: Any) -> Any:
        weekday = (nw.col("tick") // log.clock.day + _DAYS + _TO_MONDAY) % 7
        columns = {f"w_{k}": _whole(weekday == k, nw.lit(1)) for k in range(7)}
        sums = [nw.col(name).sum() for name in columns]
        return frame.with_columns(**columns).group_by("k", "customer").agg(*sums)

    return by_window(log, log.frame, windows, "tick", counted)


def label_totals(log: Log, windows: pa.Table) -> pa.Table:
    """Count events by window, customer and label: `n`, and the `last` tick."""

    def counted(frame: Any) -> Any:
        each = frame.with_columns(last=nw.col("tick")).group_by("k", "customer", "label")
        return each.agg(n=nw.len(), last=nw.col("last").max())

    labelled = log.frame.filter(~nw.col("label").is_null())
    return log.with_labels(by_window(log, labelled, windows, "tick", counted))


def amount_totals(log: Log, windows: pa.Table) -> pa.Table:
    """Add amounts up by window and customer: `amount`, in millionths."""

    def added_up(frame: Any) -> Any:
        return frame.group_by("k", "customer").agg(nw.col("amount").sum())

    return by_window(log, log.frame, windows, "tick", added_up)


def first_times(log: Log, listed: Sequence[str] = ()) -> pa.Table:
    """Return each customer's `first` tick, and `first_0`, ... of the listed labels."""
    frame, sums = _first_of(log, log.frame, listed)
    return log.with_ids(collect(frame.group_by("customer").agg(*sums)))


def first_in_windows(log: Log, windows: pa.Table, listed: Sequence[str] = ()) -> pa.Table:
    """Return by window and customer the `first` tick in it, and that of the listed labels."""

    def firsts(frame: Any) -> Any:
        frame, sums = _first_of(log, frame, listed)
        return frame.group_by("k", "customer").agg(*sums)

    return by_window(log, log.frame, windows, "tick", firsts)


def by_window(
    log: Log, frame: Any, windows: pa.Table, time: str, add_up: Callable[[Any], Any]
) -> pa.Table:
    """Apply an aggregation to the rows of each window: those with low <= time < high."""
    if log.lazy:
        joined = frame.join(log.beside(windows), how="cross")
        inside = joined.filter(nw.col(time) >= nw.col("low"), nw.col(time) < nw.col("high"))
        return collect(add_up(inside))
    parts = []
    for window in windows.to_pylist():
        low, high = window["low"], window["high"]
        inside = frame.filter(nw.col(time) >= low, nw.col(time) < high)
        constants = {name: nw.lit(value, nw.Int64()) for name, value in window.items()}
        parts.append(collect(add_up(inside.with_columns(**constants))))
    return log.with_ids(pa.concat_tables(parts))


def _cells(log: Log, cuts: Sequence[int], timed: bool) -> Any:
    tick: Any = nw.col("tick")
    day = log.clock.day
    columns: dict[str, Any] = {"day": tick if log.clock.period else tick // day + _DAYS}
    keys = ["customer", "day"]
    if cuts:
        of_day = tick % day
        columns["part"] = nw.sum_horizontal(
            *[_whole(of_day >= cut, nw.lit(1)).alias(f"part_{k}") for k, cut in enumerate(cuts)]
        )
        keys.append("part")
    sums = []
    if timed:
        hour = tick % day // (day // 24)
        for begin, end, name in HOURS:
            columns[name] = _whole((hour >= begin) & (hour < end), nw.lit(1))
            sums.append(nw.col(name).sum())
    if log.has_amount:
        columns["largest"] = nw.col("amount")
        sums += [nw.col("amount").sum(), nw.col("largest").max()]
    first, last = tick.min().alias("first"), tick.max().alias("last")
    if log.clock.period:
        # A tick cannot be the key and be added up under its own name.
        columns["first"] = columns["last"] = tick
        first, last = nw.col("first").min(), nw.col("last").max()
    cells = log.frame.with_columns(**columns).group_by(*keys)
    return cells.agg(nw.len().alias("n"), first, last, *sums)


def _with_predecessor(cells: Any, lazy: bool) -> Any:
    """Add `before`: when the customer's cell before ended; ALWAYS where there is none."""
    cells = cells.with_columns(n=nw.col("n").cast(nw.Int64()))
    if lazy:
        before = nw.col("last").shift(1).over("customer", order_by="first")
    else:
        cells = cells.sort("customer", "first")
        same = nw.col("customer") == nw.col("customer").shift(1)
        before = nw.when(same).then(nw.col("last").shift(1)).otherwise(nw.lit(ALWAYS, nw.Int64()))
    return cells.with_columns(before=before.fill_null(ALWAYS))


def _seen_from_window(frame: Any, log: Log, block: int) -> Any:
    """Add what a cell brings to the window that it is in."""
    low, high = nw.col("low"), nw.col("high")
    known = nw.col("before") >= low
    day_before = nw.col("before")
    if not log.clock.period:
        day_before = day_before // log.clock.day + _DAYS
    place = (high - 1 - nw.col("first")) // block
    place_before = (high - 1 - nw.col("before")) // block
    bit = (nw.lit(2.0) ** place.cast(nw.Float64())).cast(nw.Int64())
    recent = nw.col("first") >= nw.col("middle")
    gap = nw.when(known).then(nw.col("day") - day_before).otherwise(nw.lit(0, nw.Int64()))
    columns = {
        "n_recent": _whole(recent, nw.col("n")),
        "days": _whole(~(known & (nw.col("day") == day_before)), nw.lit(1)),
        "gap": gap,
        "gap2": gap * gap,
        "blocks": _whole(~(known & (place == place_before)), bit),
    }
    if not log.clock.period:
        columns["weekend"] = _whole((nw.col("day") + _TO_MONDAY) % 7 >= 5, nw.col("n"))
    if log.has_amount:
        columns["amount_recent"] = _whole(recent, nw.col("amount"))
    return frame.with_columns(**columns)


def _first_of(log: Log, frame: Any, listed: Sequence[str]) -> tuple[Any, list[Any]]:
    columns: dict[str, Any] = {"first": nw.col("tick")}
    for place, label in enumerate(listed):
        of_label = nw.when(log.has(label)).then(nw.col("tick"))
        columns[f"first_{place}"] = of_label.otherwise(nw.lit(NEVER, nw.Int64()))
    return frame.with_columns(**columns), [nw.col(name).min() for name in columns]


def _whole(condition: Any, value: Any) -> Any:
    """Return a whole number where a condition holds, else 0."""
    return nw.when(condition).then(value.cast(nw.Int64())).otherwise(nw.lit(0, nw.Int64()))
