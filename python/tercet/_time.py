"""Times: a column becomes integer ticks, and an argument such as `observation_end` becomes one.

A tick is a day, a second, ... or a period (a plain integer). Times with a zone count on the local
wall clock of that zone, because "one purchase a day" means the customer's day. No clock of the
machine is read anywhere.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import Integers, casts, column_error, contiguous, first_uncastable
from tercet.exceptions import ParameterError

#: What one integer of a time column is.
Tick: TypeAlias = Literal["day", "second", "millisecond", "microsecond", "nanosecond", "period"]
#: The unit of recency, T, horizons and rates.
TimeUnit: TypeAlias = Literal["hour", "day", "week", "month", "quarter", "year", "period"]
#: What `observation_end` and its like may be.
TimeLike: TypeAlias = str | int | dt.date | dt.datetime | np.datetime64 | np.integer[Any]

_TICKS: dict[str, Tick] = {
    "s": "second",
    "ms": "millisecond",
    "us": "microsecond",
    "ns": "nanosecond",
}
_UNITS = {tick: unit for unit, tick in _TICKS.items()}
_NANOSECONDS = {"second": 10**9, "millisecond": 10**6, "microsecond": 10**3, "nanosecond": 1}
_DAY_IN_NANOSECONDS = 86_400 * 10**9
_EPOCH = dt.date(1970, 1, 1)

_PARSED_AS = (pa.date32(), pa.timestamp("us"), pa.timestamp("ns"))
_REMEDY = "give dates (as '1997-09-30'), timestamps, or integer periods"


@dataclass(frozen=True)
class Times:
    """A time column as integers, with what is needed to speak of its times again."""

    ticks: Integers
    tick: Tick
    zone: str | None = None

    @property
    def _per_day(self) -> int:
        return _DAY_IN_NANOSECONDS // _NANOSECONDS[self.tick]

    def moment(self, value: TimeLike, parameter: str) -> int:
        """Return an argument in this column's ticks; a date without a time is its last tick.

        Raises
        ------
        ParameterError
            If the value is not a time, or not one that this column's ticks can express.
        """
        tick = self._tick(_plain(value), parameter)
        if not -(2**63) <= tick < 2**63:
            raise _not_a_time(value, parameter, f"a time that fits into 64 bits of {self.tick}s")
        return tick

    def _tick(self, value: Any, parameter: str) -> int:
        if self.tick == "period" or isinstance(value, int):
            return self._period(value, parameter)
        moment = _parse(value, parameter) if isinstance(value, str) else value
        if not isinstance(moment, dt.date) or moment != moment:  # pandas' NaT is a datetime
            raise _not_a_time(value, parameter)
        if isinstance(moment, dt.datetime):
            return self._instant(moment)
        day = (moment - _EPOCH).days
        return day if self.tick == "day" else (day + 1) * self._per_day - 1

    def _period(self, value: Any, parameter: str) -> int:
        if self.tick != "period":
            raise _not_a_time(value, parameter, "a date such as '1997-09-30' (the times are dates)")
        if not isinstance(value, int) or isinstance(value, bool):
            raise _not_a_time(value, parameter, "an integer (the times are integer periods)")
        return value

    def _instant(self, moment: dt.datetime) -> int:
        if moment.tzinfo is not None and self.zone is not None:
            unit = "ns" if getattr(moment, "nanosecond", 0) else "us"
            there = pa.scalar(moment, pa.timestamp(unit, tz=self.zone))
            moment = pc.local_timestamp(there).as_py()
        days = (moment.date() - _EPOCH).days
        if self.tick == "day":
            return days
        clock = moment.time()
        seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second
        nanoseconds = seconds * 10**9 + clock.microsecond * 1_000
        # Only pandas' Timestamp, a subclass of datetime, has nanoseconds.
        nanoseconds += int(getattr(moment, "nanosecond", 0))
        return days * self._per_day + nanoseconds // _NANOSECONDS[self.tick]

    def text(self, tick: int, *, whole_days: bool = False) -> str:
        """Return a tick as ISO text; the last tick of a day stands for the whole day."""
        if self.tick == "period":
            return str(tick)
        if self.tick == "day":
            return str(np.datetime64(tick, "D"))
        unit: Any = _UNITS[self.tick]
        if whole_days or (tick + 1) % self._per_day == 0:
            return str(np.datetime64(tick, unit).astype("datetime64[D]"))
        shortest: Any = "s" if tick % (10**9 // _NANOSECONDS[self.tick]) == 0 else unit
        return str(np.datetime_as_string(np.datetime64(tick, unit), unit=shortest))

    def column(self, ticks: Integers) -> Any:
        """Return ticks as an Arrow column of the kind that the times came in."""
        if self.tick == "period":
            return pa.array(ticks)
        if self.tick == "day":
            return pa.array(ticks.astype(np.int32)).cast(pa.date32())
        local = pa.array(ticks).cast(pa.timestamp(_UNITS[self.tick]))
        if self.zone is None:
            return local
        # The hour that a clock change repeats or skips is read as its earlier meaning.
        return pc.assume_timezone(local, self.zone, ambiguous="earliest", nonexistent="earliest")


def read_times(column: Any, name: str) -> Times:
    """Return an Arrow column of dates, timestamps, ISO strings or integer periods as ticks."""
    if isinstance(column.type, pa.BaseExtensionType):
        reason = f"holds values of type {column.type}; {_REMEDY} (column.dt.to_timestamp(), say)"
        raise column_error(name, reason)
    array = contiguous(column, name)
    if pa.types.is_dictionary(array.type):
        array = contiguous(array.cast(array.type.value_type), name)
    if pa.types.is_large_string(array.type):
        array = _parse_strings(array, name)
    kind = array.type
    if pa.types.is_date(kind):
        days = array.cast(pa.date32()).cast(pa.int32()).to_numpy(zero_copy_only=True)
        return Times(days.astype(np.int64), "day")
    if pa.types.is_timestamp(kind):
        local = array if kind.tz is None else _local(array, name)
        ticks = local.cast(pa.int64()).to_numpy(zero_copy_only=True)
        return Times(ticks, _TICKS[kind.unit], kind.tz)
    if pa.types.is_integer(kind):
        return Times(_periods(array, name), "period")
    raise column_error(name, f"holds values of type {kind} where times belong; {_REMEDY}")


def _local(array: Any, name: str) -> Any:
    try:
        return pc.local_timestamp(array)
    except pa.ArrowInvalid as error:
        reason = (
            f"{error}; install the 'tzdata' package, or convert the column to times without a zone"
        )
        raise column_error(name, reason) from error


def _periods(array: Any, name: str) -> Integers:
    if not casts(array, pa.int64()):
        row = first_uncastable(array, pa.int64())
        raise column_error(name, f"{array[row]} is too large for a period; {_REMEDY}", row)
    values: Integers = array.cast(pa.int64()).to_numpy(zero_copy_only=True)
    if _look_like_dates(values):
        reason = (
            f"holds integers that look like dates written as yyyymmdd ({values[0]}): each would "
            "be counted as one period; convert the column to dates, or subtract a starting value "
            "if they are periods"
        )
        raise column_error(name, reason)
    return values


def _look_like_dates(values: Integers) -> bool:
    if values.min() < 1900_01_01 or values.max() > 2100_12_31:
        return False
    months, days = values // 100 % 100, values % 100
    return bool(((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all())


def _parse_strings(array: Any, name: str) -> Any:
    """Return ISO text as dates where no value has a time of day, as timestamps otherwise."""
    # Logs repeat their dates: each distinct text is parsed once.
    encoded = array.dictionary_encode()
    distinct, codes = encoded.dictionary, encoded.indices
    parsed = _first_that_casts(distinct)
    if parsed is None:
        distinct = _tidy(distinct)
        parsed = _first_that_casts(distinct)
    if parsed is not None:
        return parsed.take(codes)
    # Distinct texts stand in the order of their first rows, so the first bad one has the first row.
    bad = max(first_uncastable(distinct, kind) for kind in _PARSED_AS)
    row = int(np.argmax(codes.to_numpy() == bad))
    reason = f"'{array[row].as_py()}' cannot be read as a date or a time; {_REMEDY}"
    raise column_error(name, reason, row)


def _first_that_casts(text: Any) -> Any:
    for kind in _PARSED_AS:
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def _tidy(array: Any) -> Any:
    """Trim blanks, write 19970930 as 1997-09-30, and drop zone offsets, which leaves local time."""
    text = pc.utf8_trim_whitespace(array)
    text = pc.replace_substring_regex(text, r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
    return pc.replace_substring_regex(text, r"^(.*[T ].*?)\s*(?:Z|[+-]\d{2}:?\d{2})$", r"\1")


def _plain(value: Any) -> Any:
    """Return NumPy and Arrow scalars as Python's own; days stay days."""
    if hasattr(value, "as_py"):
        value = value.as_py()
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.datetime64) and not np.isnat(value):
        unit = np.datetime_data(value)[0]
        if unit == "D":
            return value.astype(dt.date)
        if unit not in ("Y", "M", "W"):
            return value.astype("datetime64[us]").astype(dt.datetime)
    return value


def _parse(text: str, parameter: str) -> dt.date:
    for kind in (dt.date, dt.datetime):
        try:
            return kind.fromisoformat(text.strip())
        except ValueError:
            continue
    raise _not_a_time(text, parameter)


def _not_a_time(
    value: object,
    parameter: str,
    expected: str = "a date such as '1997-09-30', a datetime, or an integer period",
) -> ParameterError:
    return ParameterError(f"{parameter} = {value!r}: expected {expected}", parameter)
