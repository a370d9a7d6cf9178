"""Repeat purchases through calendar time: those that came, and those that the model expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet._frames import read_table
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Floats, Ids, Integers
    from tercet._time import TimeLike, Times
    from tercet.value.lifetime import BGNBD

# With more distinct spans than this (a clock finer than days) the expected purchases are computed
# at as many knots and interpolated; the curve is smooth and concave, so nothing visible is lost.
MAX_SPANS: Final = 2_000
# Spans that differ by less are one span: they come from whole ticks, divided by the length of a
# unit.
DECIMALS: Final = 9

DAYS_PER_YEAR: Final = 365.2425
DAYS_PER_UNIT: Final = {
    "hour": 1.0 / 24.0,
    "day": 1.0,
    "week": 7.0,
    "month": DAYS_PER_YEAR / 12.0,
    "quarter": DAYS_PER_YEAR / 4.0,
    "year": DAYS_PER_YEAR,
    "period": 1.0,
}

# Purchases of one day count as one, and so do those of one period.
TICKS_PER_DAY: Final = {
    "period": 1,
    "day": 1,
    "second": 86_400,
    "millisecond": 86_400 * 10**3,
    "microsecond": 86_400 * 10**6,
    "nanosecond": 86_400 * 10**9,
}


@dataclass(frozen=True)
class Tracking:
    """Repeat purchases of a cohort by calendar time, counted from the first purchase in the log.

    Attributes
    ----------
    time : ndarray
        The ends of the periods, in time units; the last one may be shorter than the others.
    actual, expected : ndarray
        Cumulative repeat purchases up to and including each of them.
    calibration_end : float
        When the model's knowledge ends.
    actual_known, expected_known : float
        Cumulative repeat purchases up to and including that moment.
    n_customers : int
        Size of the cohort.
    whole_periods : int
        How many periods have full length.
    """

    time: Floats
    actual: Floats
    expected: Floats
    calibration_end: float
    actual_known: float
    expected_known: float
    n_customers: int
    whole_periods: int


def track_purchases(
    model: BGNBD,
    transactions: Any,
    *,
    calibration_end: TimeLike,
    observation_end: TimeLike | None = None,
    customer: str = "customer_id",
    time: str = "date",
) -> Tracking:
    """Follow the customers who came by `calibration_end` through the whole log."""
    log = _Log.read(transactions, customer, time, observation_end)
    cut = log.day(calibration_end, "calibration_end")
    unit = DAYS_PER_UNIT[model.time_unit]

    start = int(log.days.min())
    customers, days = _events(log, start)
    is_first = np.ones(len(days), dtype=bool)
    is_first[1:] = customers[1:] != customers[:-1]
    entry_of = days[is_first][np.cumsum(is_first) - 1]
    in_cohort = entry_of <= cut - start
    if not in_cohort.any():
        raise DataError("no customer has bought by calibration_end; choose a later one", time)

    entries = days[is_first & in_cohort] / unit
    repeats = np.sort(days[~is_first & in_cohort] / unit)
    ends, whole_periods = _period_ends((log.end - start) / unit)
    known_until = (cut - start) / unit
    # The calibration need not end with a period: its end goes last, and is taken off again.
    moments = np.append(ends, known_until)
    actual = np.searchsorted(np.round(repeats, DECIMALS), np.round(moments, DECIMALS), side="right")
    expected = expected_repeat_purchases(model, entries, moments)
    return Tracking(
        time=ends,
        actual=actual[:-1].astype(np.float64),
        expected=expected[:-1],
        calibration_end=known_until,
        actual_known=float(actual[-1]),
        expected_known=float(expected[-1]),
        n_customers=int(entries.size),
        whole_periods=whole_periods,
    )


def expected_repeat_purchases(model: BGNBD, entries: Floats, times: Floats) -> Floats:
    """Sum, over the customers that enter at `entries`, the purchases expected by each of `times`.

    Each customer counts from its own entry, as one of whom nothing more is known: conditioning on
    what it bought later would put the outcome into the forecast.
    """
    entry, customers = np.unique(entries, return_counts=True)
    spans = np.round(np.maximum(times[:, None] - entry[None, :], 0.0), DECIMALS)
    distinct, place = np.unique(spans, return_inverse=True)
    if distinct.size > MAX_SPANS:
        knots = np.linspace(0.0, float(distinct[-1]), MAX_SPANS)
        curve = np.interp(distinct, knots, _expected_of_one(model, knots))
    else:
        curve = _expected_of_one(model, distinct)
    total: Floats = curve[place].reshape(spans.shape) @ customers.astype(np.float64)
    return total


@dataclass(frozen=True)
class CustomerTimes:
    """One customer's purchases and the end of the log, in time units since its first purchase."""

    purchases: Floats
    end: float


def customer_times(
    time_unit: str,
    transactions: Any,
    customer_id: object,
    *,
    observation_end: TimeLike | None = None,
    customer: str = "customer_id",
    time: str = "date",
) -> CustomerTimes:
    """Find the purchases of one customer up to the end of the log."""
    log = _Log.read(transactions, customer, time, observation_end)
    names = read_table(transactions, {"customer": customer}, what="transactions").arrow(customer)
    own = np.unique(log.days[_equal(names, customer_id) & (log.days <= log.end)])
    if own.size == 0:
        raise ParameterError(
            f"customer_id = {customer_id!r}: no purchase in the log; "
            f"choose an id from column '{customer}'",
            "customer_id",
        )
    unit = DAYS_PER_UNIT[time_unit]
    return CustomerTimes((own - own[0]) / unit, float((log.end - own[0]) / unit))


@dataclass(frozen=True)
class _Log:
    """A purchase log as codes of customers and whole days (or periods)."""

    codes: Integers
    days: Integers
    end: int
    times: Times

    @classmethod
    def read(
        cls, transactions: Any, customer: str, time: str, observation_end: TimeLike | None
    ) -> _Log:
        table = read_table(transactions, {"customer": customer, "time": time}, what="transactions")
        times = table.times(time)
        per_day = TICKS_PER_DAY[times.tick]
        last = int(times.ticks.max())
        end = last if observation_end is None else times.moment(observation_end, "observation_end")
        return cls(_codes(table.ids(customer)), times.ticks // per_day, end // per_day, times)

    def day(self, moment: TimeLike, parameter: str) -> int:
        return self.times.moment(moment, parameter) // TICKS_PER_DAY[self.times.tick]


def _events(log: _Log, start: int) -> tuple[Integers, Integers]:
    """Return each customer's days of purchase since `start`, once, by customer and then by day."""
    seen = log.days <= log.end
    # One number a customer and day sorts many times faster than the two side by side.
    length = log.end - start + 1
    keys = np.sort(log.codes[seen] * length + (log.days[seen] - start))
    is_new = np.append(True, keys[1:] != keys[:-1])
    return np.divmod(keys[is_new], length)


def _codes(ids: Ids) -> Integers:
    """Return the customers numbered from 0, in any order."""
    if not isinstance(ids, tuple):
        numbers: Integers = np.unique(ids, return_inverse=True)[1]
        return numbers
    offsets, text = ids
    names = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    )
    codes: Integers = names.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _equal(names: Any, customer_id: object) -> Any:
    """Say which rows are the customer's; 42 finds "42" and the other way round."""
    return np.array([], dtype=bool) if len(names) == 0 else _as_text(names) == str(customer_id)


def _as_text(names: Any) -> Any:
    kind = names.type.value_type if pa.types.is_dictionary(names.type) else names.type
    return names.cast(kind).cast(pa.large_string()).to_numpy(zero_copy_only=False)


def _period_ends(span: float) -> tuple[Floats, int]:
    """Return the ends of the whole periods, and of what is left over."""
    whole = int(np.floor(span + 10.0**-DECIMALS))
    ends = np.arange(1, whole + 1, dtype=np.float64)
    return (np.append(ends, span) if span - whole > 10.0**-DECIMALS else ends), whole


def _expected_of_one(model: BGNBD, spans: npt.NDArray[np.floating[Any]]) -> Floats:
    return np.array(
        [model.expected_purchases_new(horizon=float(s)) if s > 0.0 else 0.0 for s in spans]
    )
