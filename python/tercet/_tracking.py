"""Repeat purchases through calendar time: those that came, and those that the model expects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from tercet import _tercet
from tercet._frames import read_table
from tercet.data.purchases import purchase_summary, split_purchases
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Floats, Ids, Integers
    from tercet._frames import Table
    from tercet._time import Tick, TimeLike, Times, TimeUnit
    from tercet.data.purchases import AfterEnd, Merge, Refunds
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
}
TICKS_PER_DAY: Final = {
    "day": 1,
    "second": 86_400,
    "millisecond": 86_400 * 10**3,
    "microsecond": 86_400 * 10**6,
    "nanosecond": 86_400 * 10**9,
}

_Ticks = TypeVar("_Ticks", int, "Integers")


@dataclass(frozen=True)
class Clock:
    """Turns ticks into the steps that merge purchases, and steps into time units.

    The same arithmetic as in the core, so that spans agree with a summary's to the last bit. A
    period is one step and one time unit, whatever the unit is called.
    """

    tick: Tick
    time_unit: TimeUnit
    merge: Merge = "day"

    def step(self, ticks: _Ticks) -> _Ticks:
        """Return the step that a tick lies in."""
        length = self._ticks_per_step
        # The epoch, 1970-01-01, was a Thursday: three days into its week.
        offset = 3 * length // 7 if self.merge == "week" and self.tick != "period" else 0
        return (ticks + offset) // length

    def units(self, steps: Any) -> Any:
        """Return a difference of steps in time units."""
        if self.tick == "period":
            return steps * 1.0
        ticks_per_unit = TICKS_PER_DAY[self.tick] * DAYS_PER_UNIT[self.time_unit]
        return steps * float(self._ticks_per_step) / ticks_per_unit

    def span(self, first: int, last: int) -> float:
        """Return the time from one tick to another."""
        return float(self.units(self.step(last) - self.step(first)))

    @property
    def _ticks_per_step(self) -> int:
        if self.tick == "period" or self.merge == "tick":
            return 1
        per_day = TICKS_PER_DAY[self.tick]
        # A day cannot be cut into hours.
        lengths = {"hour": max(per_day // 24, 1), "day": per_day, "week": 7 * per_day}
        return lengths[self.merge]


@dataclass(frozen=True)
class LogRules:
    """How a log is read: what `tercet.purchase_summary` is told about it."""

    customer: str = "customer_id"
    time: str = "date"
    amount: str | None = None
    observation_end: TimeLike | None = None
    merge: Merge = "day"
    refunds: Refunds = "error"
    after_end: AfterEnd = "error"

    @property
    def columns(self) -> dict[str, str]:
        """The columns to read, by argument."""
        amount = {} if self.amount is None else {"amount": self.amount}
        return {"customer": self.customer, "time": self.time} | amount


@dataclass(frozen=True)
class Tracking:
    """Repeat purchases of a cohort by calendar time, counted from its first purchase.

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
    model: BGNBD, transactions: Any, rules: LogRules, *, calibration_end: TimeLike
) -> Tracking:
    """Follow the customers who came by `calibration_end` through the whole log.

    The purchases are those that `tercet.split_purchases` counts by the same rules: refunds of the
    holdout period do not reach back into the calibration.
    """
    table = read_table(transactions, rules.columns, what="log of purchases")
    log = _Log.read(table, rules, model.time_unit)
    last_known = calibration_tick(log.times, calibration_end)
    told = {"time_unit": model.time_unit, **asdict(rules)}
    split_purchases(table.columns.to_native(), calibration_end=calibration_end, **told)

    first, again = _cohort(log, last_known)
    start = int(first.min())
    if log.end == start:
        raise DataError("the log lies in one step of the clock: nothing to follow", rules.time)
    entries, known_until, span = (
        log.clock.units(steps - start) for steps in (first, log.clock.step(last_known), log.end)
    )
    repeats = np.round(np.sort(log.clock.units(np.concatenate(again) - start)), DECIMALS)
    ends, whole_periods = _period_ends(span)
    # The calibration need not end with a period: its end goes last, and is taken off again.
    expected = expected_repeat_purchases(model, entries, np.append(ends, known_until))
    return Tracking(
        time=ends,
        actual=np.searchsorted(repeats, np.round(ends, DECIMALS), side="right").astype(np.float64),
        expected=expected[:-1],
        calibration_end=known_until,
        actual_known=float(again[0].size),
        expected_known=float(expected[-1]),
        n_customers=int(entries.size),
        whole_periods=whole_periods,
    )


def _cohort(log: _Log, last_known: int) -> tuple[Integers, tuple[Integers, Integers]]:
    """Return the steps of the first purchases by a tick, and of the others: by then, and later."""
    # By the times themselves: a step that the end cuts in two is merged on each side.
    is_known, is_observed = log.times.ticks <= last_known, log.times.ticks <= log.last_tick
    known, later = log.purchases(is_known), log.purchases(is_observed & ~is_known)
    is_first = np.append(True, known.customers[1:] != known.customers[:-1])
    is_ours = np.isin(later.customers, known.customers[is_first])
    return known.steps[is_first], (known.steps[~is_first], later.steps[is_ours])


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


def calibration_tick(times: Times, calibration_end: TimeLike) -> int:
    """Return where the calibration ends, in ticks.

    Raises
    ------
    ParameterError
        If that is no time, or one before the first in the log.
    """
    tick = times.moment(calibration_end, "calibration_end")
    first = int(times.ticks.min())
    if tick < first:
        raise ParameterError(
            f"calibration_end = {times.text(tick)}: the log begins later, "
            f"{'with' if times.tick == 'period' else 'on'} {times.text(first, whole_days=True)};"
            " choose a later end",
            "calibration_end",
        )
    return tick


@dataclass(frozen=True)
class CustomerTimes:
    """One customer's purchases and the end of the log, in time units since its first purchase."""

    purchases: Floats
    end: float


def customer_times(
    time_unit: TimeUnit, transactions: Any, customer_id: object, rules: LogRules
) -> CustomerTimes:
    """Find the purchases of one customer up to the end of the log."""
    table = read_table(transactions, rules.columns, what="log of purchases")
    purchase_summary(table.columns.to_native(), time_unit=time_unit, **asdict(rules))
    log = _Log.read(table, rules, time_unit)
    own = _equal(table.arrow(rules.customer), customer_id)
    steps = log.purchases(own & (log.times.ticks <= log.last_tick)).steps
    if steps.size == 0:
        raise ParameterError(
            f"customer_id = {customer_id!r}: no purchase in the log; "
            f"choose an id from column '{rules.customer}'",
            "customer_id",
        )
    since_first = log.clock.units(steps - steps[0])
    return CustomerTimes(since_first, float(log.clock.units(log.end - steps[0])))


class _Purchases(NamedTuple):
    """Purchases by customer and then by step, each once."""

    customers: Integers
    steps: Integers


@dataclass(frozen=True)
class _Log:
    """A purchase log as codes of customers and steps of the clock.

    Reading it checks neither the rules nor the amounts: the library's summaries do that.
    """

    codes: Integers
    times: Times
    amounts: Floats | None
    last_tick: int
    nets: bool
    clock: Clock

    @cached_property
    def steps(self) -> Integers:
        """The step that each row lies in."""
        return self.clock.step(self.times.ticks)

    @property
    def end(self) -> int:
        """The last step that was observed."""
        return self.clock.step(self.last_tick)

    @classmethod
    def read(cls, table: Table, rules: LogRules, time_unit: TimeUnit) -> _Log:
        # Days are those of the local clock, shorter stretches are not: as in the summaries.
        times = table.times(rules.time, instants=rules.merge in ("hour", "tick"))
        last_tick = int(times.ticks.max())
        if rules.observation_end is not None:
            last_tick = times.moment(rules.observation_end, "observation_end")
        return cls(
            codes=_codes(table.ids(rules.customer)),
            times=times,
            amounts=_amounts(table, rules.amount),
            last_tick=last_tick,
            nets=rules.refunds == "net",
            clock=Clock(times.tick, time_unit, rules.merge),
        )

    def purchases(self, rows: npt.NDArray[np.bool_]) -> _Purchases:
        """Return what counts as a purchase among some rows, which must be checked ones."""
        chosen = np.flatnonzero(rows)
        if self.amounts is None:
            return _distinct(self.codes[chosen], self.steps[chosen])
        is_refund = self.amounts[chosen] < 0
        bought = chosen[~is_refund]
        if not (self.nets and is_refund.any()):
            return _distinct(self.codes[bought], self.steps[bought])
        # Few customers have refunds; theirs are left to the core, the others are plain.
        refunded = np.zeros(int(self.codes.max()) + 1, dtype=bool)
        refunded[self.codes[chosen[is_refund]]] = True
        plain = bought[~refunded[self.codes[bought]]]
        netted = self._netted(chosen[refunded[self.codes[chosen]]])
        return _distinct(
            np.append(self.codes[plain], netted.customers),
            np.append(self.steps[plain], netted.steps),
        )

    def _netted(self, rows: Integers) -> _Purchases:
        """Return the purchases that refunds leave, by the core's own rule.

        The core names each customer's last remaining purchase. A refund after it has not reached
        past it, so the purchase before is the last one that remains of the rows before.
        """
        assert self.amounts is not None  # noqa: S101 - for the type checker
        found = _Purchases(np.empty(0, np.int64), np.empty(0, np.int64))
        while rows.size:
            last = _last_purchases(self.codes[rows], self.steps[rows], self.amounts[rows])
            found = _Purchases(*map(np.append, found, last))
            before = np.full(int(self.codes.max()) + 1, np.iinfo(np.int64).min)
            before[last.customers] = last.steps
            rows = rows[self.steps[rows] < before[self.codes[rows]]]
        return found


def _last_purchases(codes: Integers, steps: Integers, amounts: Floats) -> _Purchases:
    """Return the last purchase, net of refunds, of each customer that has one left."""
    try:
        found = _tercet.summarize_purchases(
            codes,
            steps,
            amounts,
            columns={"customer": "customer", "time": "time", "amount": "amount"},
            ticks="period",
            time_unit="period",
            merge="tick",
            observation_end=None,
            calibration_end=None,
            after_end="error",
            refunds="net",
        )
    except DataError:
        # The rows have been checked: all that can be refused is that no customer has any left.
        return _Purchases(codes[:0], steps[:0])
    return _Purchases(codes[found.first_row], found.last_time)


def _amounts(table: Table, name: str | None) -> Floats | None:
    # Amounts may be missing after the end of observation, where nobody looks at them.
    return None if name is None else table.floats(name, missing_as_nan=True)


def _distinct(codes: Integers, steps: Integers) -> _Purchases:
    """Return each customer's steps once, by customer and then by step."""
    if codes.size == 0:
        return _Purchases(codes, steps)
    # One number a customer and step sorts many times faster than the two side by side; ranks keep
    # it small where steps are nanoseconds.
    levels, ranks = np.unique(steps, return_inverse=True)
    customers, places = np.divmod(np.unique(codes * levels.size + ranks), levels.size)
    return _Purchases(customers, levels[places])


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
    kind = names.type.value_type if pa.types.is_dictionary(names.type) else names.type
    return names.cast(kind).cast(pa.large_string()).to_numpy(zero_copy_only=False) == str(
        customer_id
    )


def _period_ends(span: float) -> tuple[Floats, int]:
    """Return the ends of the whole periods, and of what is left over."""
    whole = int(np.floor(span + 10.0**-DECIMALS))
    ends = np.arange(1, whole + 1, dtype=np.float64)
    return (np.append(ends, span) if span - whole > 10.0**-DECIMALS else ends), whole


def _expected_of_one(model: BGNBD, spans: npt.NDArray[np.floating[Any]]) -> Floats:
    return np.array(
        [model.expected_purchases_new(horizon=float(s)) if s > 0.0 else 0.0 for s in spans]
    )
