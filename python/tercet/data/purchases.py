"""A log of purchases becomes a summary with one row a customer, whole or split in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from tercet import _arguments, _tercet
from tercet._frames import Table, read_table
from tercet._progress import Progress, reporting
from tercet._time import TimeUnit
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from tercet._columns import Floats, Integers
    from tercet._time import TimeLike, Times

__all__ = ["PurchaseSplit", "purchase_summary", "split_purchases"]

Merge: TypeAlias = Literal["hour", "day", "week", "tick"]
Refunds: TypeAlias = Literal["error", "drop", "net"]
AfterEnd: TypeAlias = Literal["error", "drop"]


class PurchaseSplit(NamedTuple):
    """What customers did up to a date, and what the same customers did afterwards.

    Attributes
    ----------
    calibration : table
        The summary at the end of calibration, with the columns `frequency_holdout`,
        `duration_holdout` and, with amounts, `monetary_value_holdout` besides.
    holdout : table
        The same customers in the same order: `frequency` (every purchase of the holdout period
        counts), `duration` in time units and, with amounts, `monetary_value`.
    """

    calibration: Any
    holdout: Any


def purchase_summary(
    transactions: Any,
    *,
    customer: str = "customer_id",
    time: str = "date",
    amount: str | None = None,
    time_unit: TimeUnit = "week",
    observation_end: TimeLike | None = None,
    merge: Merge = "day",
    refunds: Refunds = "error",
    after_end: AfterEnd = "error",
    include_dates: bool = False,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> Any:
    """Summarise a log of purchases: one row a customer, as the lifetime models take it.

    Parameters
    ----------
    transactions : table
        One row a purchase: a pandas or polars frame (lazy too), a pyarrow table, a DuckDB relation
        or a mapping of arrays.
    customer : str
        Column of customer ids: integers, strings or categories.
    time : str
        Column of times: dates, timestamps, ISO text or integer periods. Timestamps with a zone
        merge by the days and weeks of that zone's local clock; with `merge` "hour" or "tick" they
        are instants, so that a clock change adds no hour and loses none. Text with a UTC offset
        counts on the clock that it was written on. An integer period is one time unit.
    amount : str, optional
        Column of amounts. Without it there is no `monetary_value`.
    time_unit : {"hour", "day", "week", "month", "quarter", "year", "period"}
        Unit of `recency` and `T`. Months and years are mean Gregorian ones. Times are as fine as
        `merge` leaves them: hours are multiples of 24 while purchases merge by the day. "period" is
        for integers that are periods of whatever length, however many.
    observation_end : str, date, datetime, numpy.datetime64 or int, optional
        When observation ended: a moment, or a date (midnight too), which means the end of that day.
        By default the last time in the data. A moment without a zone is one of the data's own
        clock. No clock of the machine is ever read.
    merge : {"day", "hour", "week", "tick"}
        Purchases of one customer within this stretch count as one occasion, their amounts added;
        "tick" merges only equal times. Integer periods merge only where equal.
    refunds : {"error", "drop", "net"}
        What to do with negative amounts: refuse them, leave them out, or take them off the
        customer's purchases of the same stretch and then off the latest ones before.
    after_end : {"error", "drop"}
        What to do with purchases after `observation_end`: refuse them or leave them out, whatever
        their amounts.
    include_dates : bool
        Whether to add `first_purchase` and `last_purchase`.
    n_jobs : int, optional
        Threads; None or -1 for all cores. The result does not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    table
        Of the caller's kind, sorted by customer:

        - the customer's id, under the caller's name and of the caller's type;
        - `frequency`, the number of repeat purchases (the first one does not count);
        - `recency`, the time from the first to the last purchase, in time units;
        - `T`, the time from the first purchase to the end of observation, in time units;
        - `monetary_value`, the mean amount of the *repeat* purchases, 0 without any.

        pandas frames (in `attrs["tercet"]`) and pyarrow tables (in the schema's metadata) note the
        time unit, the end of observation and the name of the customer's column, where models read
        them, and how many rows or customers were left out.

    Raises
    ------
    DataError
        For a missing column, no rows, a missing or unreadable time, an amount that is missing, not
        finite or negative, or a purchase after the end; it names the column and the row.
    ParameterError
        For an argument that cannot be used.

    See Also
    --------
    split_purchases : the same with a holdout period.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2005). "RFM and CLV: using iso-value curves for customer base
    analysis." Journal of Marketing Research 42(4), 415-430.

    Examples
    --------
    >>> import pandas as pd
    >>> import tercet as tc
    >>> log = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "bob", "ann", "ann"],
    ...         "date": ["2024-01-01", "2024-01-01", "2024-01-22", "2024-01-29", "2024-01-15"],
    ...         "amount": [10.0, 5.0, 8.0, 30.0, 20.0],
    ...     }
    ... )
    >>> tc.purchase_summary(log, amount="amount", observation_end="2024-02-05")
      customer_id  frequency  recency    T  monetary_value
    0         ann        2.0      4.0  5.0            25.0
    1         bob        0.0      0.0  2.0             0.0
    """
    rules = _Rules.checked(time_unit, merge, refunds, after_end)
    log = _read_log(transactions, customer, time, amount, rules)
    end = log.moment(observation_end, "observation_end")
    found = _summarize(log, rules, end, None, n_jobs, progress)
    columns = _summary_columns(log, found)
    if include_dates:
        columns |= _date_columns(log, found)
    return log.table.build(columns, _note(log, rules, found, found.observation_end))


def split_purchases(
    transactions: Any,
    *,
    calibration_end: TimeLike,
    customer: str = "customer_id",
    time: str = "date",
    amount: str | None = None,
    time_unit: TimeUnit = "week",
    observation_end: TimeLike | None = None,
    merge: Merge = "day",
    refunds: Refunds = "error",
    after_end: AfterEnd = "error",
    include_dates: bool = False,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> PurchaseSplit:
    """Summarise purchases up to a date, and count what the same customers did afterwards.

    A model is fitted on the first part and judged by the second, which it has not seen.

    Parameters
    ----------
    transactions : table
        One row a purchase, as for `purchase_summary`.
    calibration_end : str, date, datetime, numpy.datetime64 or int
        Where the first part ends; a date means the end of that day. Customers who came later are in
        neither part.
    customer, time, amount, time_unit, merge, refunds, after_end, include_dates, n_jobs, progress
        As for `purchase_summary`.
    observation_end : str, date, datetime, numpy.datetime64 or int, optional
        Where the second part ends; by default the last time in the data.

    Returns
    -------
    PurchaseSplit
        `calibration` and `holdout`, two tables of the caller's kind with the same customers in
        the same order. Refunds of the second part never change the first.

    Raises
    ------
    DataError
        As `purchase_summary`.
    ParameterError
        If the calibration does not end before the observation does.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> calibration, holdout = tc.split_purchases(log.transactions, calibration_end="2024-09-29")
    >>> list(holdout.columns)
    ['customer_id', 'frequency', 'duration']
    >>> len(calibration) == len(holdout)
    True
    """
    rules = _Rules.checked(time_unit, merge, refunds, after_end)
    log = _read_log(transactions, customer, time, amount, rules)
    end = log.moment(observation_end, "observation_end")
    cut = log.times.moment(calibration_end, "calibration_end")
    found = _summarize(log, rules, end, cut, n_jobs, progress)
    columns = _summary_columns(log, found)
    ids = columns[customer]
    duration = np.full(len(found.first_row), found.holdout_duration)
    holdout = {customer: ids, "frequency": found.holdout_frequency}
    columns["frequency_holdout"] = found.holdout_frequency
    if amount is not None:
        columns["monetary_value_holdout"] = found.holdout_monetary_value
        holdout["monetary_value"] = found.holdout_monetary_value
    columns["duration_holdout"] = holdout["duration"] = duration
    if include_dates:
        columns |= _date_columns(log, found)
    calibration = log.table.build(columns, _note(log, rules, found, cut))
    return PurchaseSplit(calibration, log.table.build(holdout))


@dataclass(frozen=True)
class _Log:
    """The columns of a log, read."""

    table: Table
    times: Times
    customer: str
    time: str
    amount: str | None

    def moment(self, value: TimeLike | None, parameter: str) -> int | None:
        return None if value is None else self.times.moment(value, parameter)


class _Rules(NamedTuple):
    """How a log is summarised, in words."""

    time_unit: str
    merge: str
    refunds: str
    after_end: str

    @classmethod
    def checked(cls, time_unit: Any, merge: Any, refunds: Any, after_end: Any) -> _Rules:
        return cls(
            _arguments.word(time_unit, "time_unit", get_args(TimeUnit)),
            _arguments.word(merge, "merge", get_args(Merge)),
            _arguments.word(refunds, "refunds", get_args(Refunds)),
            _arguments.word(after_end, "after_end", get_args(AfterEnd)),
        )

    @property
    def count_days(self) -> bool:
        """Whether purchases merge by days, which are those of the local clock."""
        return self.merge in ("day", "week")


# Columns that the results have besides the customer's.
_RESULTS = frozenset(
    {
        "T",
        "duration",
        "duration_holdout",
        "first_purchase",
        "frequency",
        "frequency_holdout",
        "last_purchase",
        "monetary_value",
        "monetary_value_holdout",
        "recency",
    }
)


def _read_log(
    transactions: Any, customer: str, time: str, amount: str | None, rules: _Rules
) -> _Log:
    if customer in _RESULTS:
        message = f"customer = {customer!r}: the result has a column of that name; rename the ids"
        raise ParameterError(message, "customer")
    names = {"customer": customer, "time": time}
    if amount is not None:
        names["amount"] = amount
    table = read_table(transactions, names, what="log of purchases")
    times = table.times(time, time_unit=rules.time_unit, instants=not rules.count_days)
    return _Log(table, times, customer, time, amount)


def _summarize(
    log: _Log,
    rules: _Rules,
    observation_end: int | None,
    calibration_end: int | None,
    n_jobs: int | None,
    progress: Progress,
) -> _tercet.PurchaseSummary:
    names = {"customer": log.customer, "time": log.time}
    if log.amount is not None:
        names["amount"] = log.amount
    n_jobs = _arguments.threads(n_jobs)
    try:
        with reporting(progress) as report:
            return _tercet.summarize_purchases(
                log.table.ids(log.customer),
                log.times.ticks,
                _amounts(log, rules, observation_end),
                columns=names,
                ticks=log.times.tick,
                observation_end=observation_end,
                calibration_end=calibration_end,
                n_jobs=n_jobs,
                progress=report,
                **rules._asdict(),
            )
    except ParameterError as error:
        if error.parameter != "calibration_end" or calibration_end is None:
            raise
        raise _outside(log.times, calibration_end, observation_end) from None


def _amounts(log: _Log, rules: _Rules, observation_end: int | None) -> Floats | None:
    if log.amount is None:
        return None
    # The core knows which rows lie after the end, where an amount may be missing.
    may_be_missing = rules.after_end == "drop" and observation_end is not None
    return log.table.floats(log.amount, missing_as_nan=may_be_missing)


def _outside(times: Times, calibration_end: int, observation_end: int | None) -> ParameterError:
    """Say in dates what the core says in ticks."""
    first = int(times.ticks.min())
    end = int(times.ticks.max()) if observation_end is None else observation_end
    message = (
        f"calibration_end = {times.text(calibration_end)}: expected a time before the end of "
        f"observation ({times.text(end, whole_days=True)}) and not before the first purchase "
        f"({times.text(first, whole_days=True)}), so that something is known and something held out"
    )
    return ParameterError(message, "calibration_end")


def _note(log: _Log, rules: _Rules, found: _tercet.PurchaseSummary, end: int) -> dict[str, Any]:
    """Say of a summary what its numbers do not: when it ends, its unit, and what was left out."""
    as_of = log.times.text(end, whole_days=rules.count_days)
    left_out = {
        "n_dropped_after_end": found.n_dropped_after_end,
        "n_refunds": found.n_refunds,
        "n_without_purchase": found.n_without_purchase,
        "n_new_customers": found.n_new_customers,
    }
    counted = {name: count for name, count in left_out.items() if count}
    known = {"as_of": as_of, "time_unit": rules.time_unit, "customer": log.customer}
    return {**known, **counted}


def _date_columns(log: _Log, found: _tercet.PurchaseSummary) -> dict[str, Any]:
    return {
        "first_purchase": log.times.column(found.first_time),
        "last_purchase": log.times.column(found.last_time),
    }


def _summary_columns(log: _Log, found: _tercet.PurchaseSummary) -> dict[str, Any]:
    rows: Integers = found.first_row
    columns = {
        log.customer: log.table.take(log.customer, rows),
        "frequency": found.frequency,
        "recency": found.recency,
        "T": found.age,
    }
    if found.monetary_value is not None:
        columns["monetary_value"] = found.monetary_value
    return columns
