"""From a purchase log to a value for every customer: holdout check, fit, valuation."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

import tercet as tc
from tercet._holdout import HoldoutCheck, check_holdout
from tercet._tracking import DAYS_PER_UNIT, TICKS_PER_DAY
from tercet.exceptions import DataError, ParameterError, TercetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tercet._cli.reading import PurchaseFile
    from tercet._time import Times, TimeUnit
    from tercet.data.purchases import AfterEnd, Refunds

# The last third of the time is held out unless the user says otherwise.
CALIBRATION_SHARE: Final = 2 / 3
# A total that is off by more than this share deserves a warning.
TOLERATED_ERROR: Final = 0.15
# The usual level of a test.
SIGNIFICANCE: Final = 0.05
# Below this many repeat customers the four parameters rest on very little.
FEW_REPEATERS: Final = 100


@dataclass(frozen=True)
class ValueSettings:
    """What is to be computed, in the words of the command line."""

    customer: str = "customer_id"
    date: str = "date"
    amount: str = "amount"
    time_unit: TimeUnit = "week"
    horizon: float = 52.0
    discount_rate: float = 0.0
    margin: float = 1.0
    level: float = 0.95
    calibration_end: str | None = None
    observation_end: str | None = None
    refunds: Refunds = "error"
    after_end: AfterEnd = "error"

    def check(self) -> None:
        """Refuse at once what the library would refuse only after the fits."""
        for option, number in (
            ("--horizon", self.horizon),
            ("--discount-rate", self.discount_rate),
            ("--margin", self.margin),
        ):
            if not 0.0 <= number < math.inf:
                raise ParameterError(f"{option} {number:g}: expected a number of at least 0")
        if not 0.0 < self.level < 1.0:
            raise ParameterError(
                f"--level {self.level:g}: expected a number between 0 and 1, such as 0.95"
            )
        if self.discount_rate > 0.0 and self.time_unit == "period":
            raise ParameterError(
                f"--discount-rate {self.discount_rate:g} is yearly, and nothing says how long a"
                " period is; use 0, or another --time-unit"
            )


@dataclass(frozen=True)
class Counts:
    """Where every row and every customer went."""

    rows: int
    purchases: int
    refunds: int
    after_end: int
    customers: int
    repeaters: int
    new_customers: int
    zero_spend: int


@dataclass(frozen=True)
class Holdout:
    """The check on purchases that the model had not seen."""

    calibration_end: str
    observation_end: str
    model: tc.BGNBD
    calibration: pa.Table
    check: HoldoutCheck


@dataclass(frozen=True)
class ValueResult:
    """Everything that the report, the plots and the files are made of."""

    settings: ValueSettings
    file: PurchaseFile
    first_day: str
    last_day: str
    observation_end: str
    duration: float
    counts: Counts
    holdout: Holdout | None
    no_holdout: str | None
    model: tc.BGNBD
    spend: tc.GammaGamma
    customers: pa.Table
    warnings: tuple[str, ...]


def value_customers(
    file: PurchaseFile, settings: ValueSettings, say: Callable[[str], None]
) -> ValueResult:
    """Run the whole job; `say` is told what is being done."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = _value_customers(file, settings, say)
    spoken = [str(warning.message) for warning in caught]
    every = tuple(dict.fromkeys([*spoken, *result.warnings, *_reservations(result)]))
    return replace(result, warnings=every)


def _value_customers(
    file: PurchaseFile, settings: ValueSettings, say: Callable[[str], None]
) -> ValueResult:
    log = _log_arguments(file.times, settings)
    first, last, end = _span(file.times, settings)

    holdout, no_holdout = None, None
    say("checking the model on a holdout period")
    try:
        holdout = _check(file, settings, log, end)
    except TercetError as error:
        # A calibration end that the user chose must work; a default one may not.
        if settings.calibration_end is not None:
            raise
        no_holdout = str(error)

    say("fitting all purchases")
    summary = tc.purchase_summary(file.table, amount=settings.amount, include_dates=True, **log)
    model = tc.BGNBD(settings.time_unit, customer=settings.customer, new_customers="skip").fit(
        summary
    )
    spend = tc.GammaGamma(customer=settings.customer, zero_spend="skip").fit(summary)

    say(f"valuing {summary.num_rows:,} customers")
    value, no_intervals = _values(model, spend, summary, settings)
    return ValueResult(
        settings=settings,
        file=file,
        first_day=_day_text(file.times, first),
        last_day=_day_text(file.times, last),
        observation_end=_day_text(file.times, end),
        duration=_length(file.times, settings, first, end),
        counts=_count(file.table, summary, settings, _late_rows(file.times, end)),
        holdout=holdout,
        no_holdout=no_holdout,
        model=model,
        spend=spend,
        customers=_customer_table(summary, value),
        warnings=() if no_intervals is None else (no_intervals,),
    )


def _values(
    model: tc.BGNBD, spend: tc.GammaGamma, summary: pa.Table, settings: ValueSettings
) -> tuple[pa.Table, str | None]:
    """Value the customers, without intervals where the data leave the parameters open."""
    wanted: dict[str, Any] = {
        "horizon": settings.horizon,
        "discount_rate": settings.discount_rate,
        "margin": settings.margin,
    }
    try:
        return tc.lifetime_value(model, spend, summary, level=settings.level, **wanted), None
    except ParameterError as error:
        if error.parameter != "level":
            raise
    value = tc.lifetime_value(model, spend, summary, **wanted)
    return value, (
        "The values have no intervals: the data say too little for the parameters to have standard"
        " errors."
    )


def _log_arguments(times: Times, settings: ValueSettings) -> dict[str, Any]:
    """Return what `purchase_summary` and `split_purchases` are both told about the log."""
    return {
        "customer": settings.customer,
        "time": settings.date,
        "time_unit": settings.time_unit,
        "observation_end": _moment(times, settings.observation_end),
        "refunds": settings.refunds,
        "after_end": settings.after_end,
    }


def _moment(times: Times, written: str | None) -> str | int | None:
    """Return a date as the user wrote it, or the number of a period."""
    if written is None or times.tick != "period":
        return written
    try:
        return int(written)
    except ValueError:
        raise ParameterError(
            f"{written!r} is not the number of a period, which is what the log's times are"
        ) from None


def _span(times: Times, settings: ValueSettings) -> tuple[int, int, int]:
    """First and last purchase and the end of the observation, in ticks."""
    first, last = int(times.ticks.min()), int(times.ticks.max())
    chosen = _moment(times, settings.observation_end)
    return first, last, last if chosen is None else times.moment(chosen, "observation_end")


def _length(times: Times, settings: ValueSettings, first: int, end: int) -> float:
    """Whole days (or periods) from the first one to the last, in time units."""
    per_day = TICKS_PER_DAY[times.tick]
    return (end // per_day - first // per_day) / DAYS_PER_UNIT[settings.time_unit]


def _day_text(times: Times, tick: int) -> str:
    return times.text(tick)[:10] if times.tick != "period" else str(tick)


def _late_rows(times: Times, end: int) -> int:
    return int((times.ticks > end).sum())


def _check(file: PurchaseFile, settings: ValueSettings, log: dict[str, Any], end: int) -> Holdout:
    calibration_end = _moment(file.times, settings.calibration_end)
    if calibration_end is None:
        calibration_end = _default_calibration_end(file.times, end)
    calibration, _ = tc.split_purchases(
        file.table, calibration_end=calibration_end, amount=settings.amount, **log
    )
    model = tc.BGNBD(settings.time_unit, customer=settings.customer, new_customers="skip").fit(
        calibration
    )
    return Holdout(
        calibration_end=str(calibration_end),
        observation_end=_day_text(file.times, end),
        model=model,
        calibration=calibration,
        check=check_holdout(model, calibration),
    )


def _default_calibration_end(times: Times, end: int) -> str | int:
    per_day = TICKS_PER_DAY[times.tick]
    first_day, last_day = int(times.ticks.min()) // per_day, end // per_day
    day = first_day + int((last_day - first_day) * CALIBRATION_SHARE)
    if not first_day < day < last_day:
        raise DataError("the log is too short to hold out its last third")
    return day if times.tick == "period" else times.text((day + 1) * per_day - 1)


def _count(table: pa.Table, summary: pa.Table, settings: ValueSettings, late_rows: int) -> Counts:
    repeats = pc.greater(summary["frequency"], 0)
    unpaid = pc.and_(repeats, pc.equal(summary["monetary_value"], 0))
    return Counts(
        rows=table.num_rows,
        purchases=int(pc.sum(summary["frequency"]).as_py()) + summary.num_rows,
        refunds=_true(pc.less(table[settings.amount], 0)),
        after_end=late_rows,
        customers=summary.num_rows,
        repeaters=_true(repeats),
        new_customers=_true(pc.equal(summary["T"], 0)),
        zero_spend=_true(unpaid),
    )


def _true(flags: Any) -> int:
    return int(pc.sum(flags).as_py() or 0)


def _customer_table(summary: pa.Table, value: pa.Table) -> pa.Table:
    """Set summary and values side by side: both have a row a customer, in the same order."""
    table = summary
    for name in value.column_names:
        if name not in summary.column_names:
            table = table.append_column(name, value[name])
    return table.replace_schema_metadata(None)


def _reservations(result: ValueResult) -> list[str]:
    """Say what an analyst should know before using the values."""
    found = []
    independence = result.spend.independence_
    if independence["p_value"] < SIGNIFICANCE:
        found.append(
            "Does what customers spend on a purchase depend on how often they buy? Among"
            f" {independence['n']:,.0f} repeat customers, {independence['verdict']}. The"
            " Gamma-Gamma model assumes that spend does not depend on frequency."
        )
    if result.holdout is not None:
        error = result.holdout.check.relative_error
        if error is None:
            found.append("Nobody bought in the holdout period, so the check says little.")
        elif abs(error) > TOLERATED_ERROR:
            found.append(
                f"The forecast of the holdout period is {abs(error):.1%} too"
                f" {'high' if error > 0 else 'low'}. The order of the customers may still be right;"
                " treat the amounts with care."
            )
    if result.counts.repeaters < FEW_REPEATERS:
        found.append(
            f"Only {result.counts.repeaters:,} customers bought more than once; the standard errors"
            " above rest on few observations."
        )
    return found
