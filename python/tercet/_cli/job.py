"""From a purchase log to a value for every customer: holdout check, fit, valuation."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

import tercet as tc
from tercet._holdout import HoldoutCheck, check_holdout
from tercet._tracking import TICKS_PER_DAY, Clock, calibration_tick
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
# Columns of the customer table; the customers' own column must have another name.
TABLE_COLUMNS: Final = frozenset(
    {
        "frequency",
        "recency",
        "T",
        "monetary_value",
        "first_purchase",
        "last_purchase",
        "frequency_holdout",
        "monetary_value_holdout",
        "duration_holdout",
        "duration",
        "probability_alive",
        "expected_purchases",
        "expected_spend",
        "clv",
        "clv_lower",
        "clv_upper",
    }
)
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
        if self.customer in TABLE_COLUMNS:
            raise ParameterError(
                f"--customer {self.customer}: the table to be written has a column of that name;"
                " rename the column with the customers' ids"
            )
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
    without_purchase: int
    customers: int
    repeaters: int
    new_customers: int
    zero_spend: int
    without_value: int


@dataclass(frozen=True)
class Holdout:
    """The check on purchases that the model had not seen."""

    calibration_end: str | int
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
    log = {"time_unit": settings.time_unit, **log_arguments(file.times, settings)}
    first, last, end = _span(file.times, settings)

    # What is wrong with the log itself is refused here, before the holdout check can meet it.
    say("summarising the purchases")
    summary = tc.purchase_summary(file.table, include_dates=True, **log)
    say("checking the model on a holdout period")
    holdout, no_holdout = _try_check(file, settings, log, end)

    say("fitting all purchases")
    model = _fitted(summary, settings)
    spend = tc.GammaGamma(customer=settings.customer, zero_spend="skip").fit(summary)

    say(f"valuing {summary.num_rows:,} customers")
    value, no_intervals = _values(model, spend, summary, settings)
    return ValueResult(
        settings=settings,
        file=file,
        first_day=_day_text(file.times, first),
        last_day=_day_text(file.times, last),
        observation_end=_day_text(file.times, end),
        duration=Clock(file.times.tick, settings.time_unit).span(first, end),
        counts=_count(file.table, summary, value),
        holdout=holdout,
        no_holdout=no_holdout,
        model=model,
        spend=spend,
        customers=_customer_table(summary, value),
        warnings=() if no_intervals is None else (no_intervals,),
    )


def _fitted(summary: pa.Table, settings: ValueSettings) -> tc.BGNBD:
    model = tc.BGNBD(settings.time_unit, customer=settings.customer, new_customers="skip")
    return model.fit(summary)


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


def log_arguments(times: Times, settings: ValueSettings) -> dict[str, Any]:
    """Return what summaries and plots are told about the log."""
    return {
        "customer": settings.customer,
        "time": settings.date,
        "amount": settings.amount,
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


def _day_text(times: Times, tick: int) -> str:
    return times.text(tick)[:10] if times.tick != "period" else f"period {tick}"


def _try_check(
    file: PurchaseFile, settings: ValueSettings, log: dict[str, Any], end: int
) -> tuple[Holdout | None, str | None]:
    """Check the model on a holdout period, or say why that is not possible.

    The log has been summarised as a whole, so whatever fails here is for the split: a calibration
    end that the user chose must work, the default one may not.
    """
    chosen = _moment(file.times, settings.calibration_end)
    try:
        calibration_end = _default_calibration_end(file.times, end) if chosen is None else chosen
        calibration_tick(file.times, calibration_end)
        return _check(file, settings, log, calibration_end), None
    except TercetError as error:
        if chosen is None:
            return None, str(error)
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(
            f"calibration_end = {chosen}: the purchases up to it allow no holdout check ({error});"
            " choose another one, or leave it out",
            "calibration_end",
        ) from error


def _check(
    file: PurchaseFile, settings: ValueSettings, log: dict[str, Any], calibration_end: str | int
) -> Holdout:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        calibration, _ = tc.split_purchases(file.table, calibration_end=calibration_end, **log)
        model = _fitted(calibration, settings)
        check = check_holdout(model, calibration)
    for warning in caught:
        # Else it would read as if it were said of the model that the values rest on.
        warnings.warn(f"Holdout check: {warning.message}", warning.category, stacklevel=2)
    return Holdout(calibration_end, model, calibration, check)


def _default_calibration_end(times: Times, end: int) -> str | int:
    per_day = TICKS_PER_DAY.get(times.tick, 1)
    first_day, last_day = int(times.ticks.min()) // per_day, end // per_day
    day = first_day + int((last_day - first_day) * CALIBRATION_SHARE)
    if not first_day < day < last_day:
        raise DataError("the log is too short to hold out its last third")
    return day if times.tick == "period" else times.text((day + 1) * per_day - 1)


def _count(table: pa.Table, summary: pa.Table, value: pa.Table) -> Counts:
    repeats = pc.greater(summary["frequency"], 0)
    unpaid = pc.and_(repeats, pc.equal(summary["monetary_value"], 0))
    note = json.loads(summary.schema.metadata[b"tercet"])
    return Counts(
        rows=table.num_rows,
        purchases=int(pc.sum(summary["frequency"]).as_py()) + summary.num_rows,
        refunds=note.get("n_refunds", 0),
        after_end=note.get("n_dropped_after_end", 0),
        without_purchase=note.get("n_without_purchase", 0),
        customers=summary.num_rows,
        repeaters=_true(repeats),
        new_customers=_true(pc.equal(summary["T"], 0)),
        zero_spend=_true(unpaid),
        without_value=_true(pc.invert(pc.is_finite(value["clv"]))),
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
    if result.counts.without_value:
        found.append(
            f"{result.counts.without_value:,} customers have no finite value and are left out of"
            " totals, shares, ranks and plots: the estimates give the mean spend of the population,"
            " on which their value rests, as infinite."
        )
    if result.counts.repeaters < FEW_REPEATERS:
        found.append(
            f"Only {result.counts.repeaters:,} customers bought more than once; the standard errors"
            " above rest on few observations."
        )
    return found
