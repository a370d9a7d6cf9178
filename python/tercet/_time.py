"""Times: a column becomes integer ticks, and an argument such as `observation_end` becomes one.

A tick is a day, a second, ... or a period (a plain integer). Times with a zone count on the local
wall clock of that zone, because "one purchase a day" means the customer's day; where no days are
counted they count on UTC, on which no hour is missing or comes twice. No clock of the machine is
read anywhere.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import Integers, casts, column_error, contiguous, first_uncastable
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

# Far beyond any count of hours or days, and the size of seconds since 1970.
_LARGEST_PERIOD = 10**8
_LONGEST_LOG = 10**5

_PARSED_AS = (pa.date32(), pa.timestamp("us"), pa.timestamp("ns"))
_OFFSET = r"[T ].*?\s*(?P<offset>Z|[+-]\d{2}:?\d{2})$"
_REMEDY = "give dates (as '1997-09-30'), timestamps, or integer periods"


@dataclass(frozen=True)
class Times:
    """A time column as integers, with what is needed to speak of its times again.

    Attributes
    ----------
    ticks : numpy.ndarray
        The times.
    tick : str
        What one of them counts.
    zone : str or None
        The zone of the column's type.
    instants : bool
        Whether ticks count on UTC, not on the local clock; only with a zone.
    """

    ticks: Integers
    tick: Tick
    zone: str | None = None
    instants: bool = False

    @property
    def _per_day(self) -> int:
        if self.tick == "day":
            return 1
        return _DAY_IN_NANOSECONDS // _NANOSECONDS[self.tick]

    def moment(self, value: TimeLike, parameter: str) -> int:
        """Return an argument in this column's ticks; a date, or midnight, is its day's last tick.

        A time without a zone is read on the column's own clock.

        Raises
        ------
        ParameterError
            If the value is not a time, or not one that this column's ticks can express.
        """
        tick = self._tick(_plain(value), parameter)
        if not -(2**63) <= tick < 2**63:
            raise _not_a_time(value, parameter, f"a time that fits into 64 bits of {self.tick}s")
        return tick

    def start(self, value: TimeLike, parameter: str) -> int:
        """Return an argument in this column's ticks; a date, or midnight, is its day's first tick.

        What `moment` is to the end of a stretch of time, this is to its beginning.

        Raises
        ------
        ParameterError
            If the value is not a time, or not one that this column's ticks can express.
        """
        plain = _plain(value)
        if self.tick == "period" or isinstance(plain, int):
            return self._period(plain, parameter)
        moment = _calendar(plain, parameter)
        if isinstance(moment, dt.datetime) and self.tick != "day":
            local = moment if moment.tzinfo is None else self._on_our_clock(moment, parameter)
            return self._own(self._count(local))
        return self._own((dt.date(*moment.timetuple()[:3]) - _EPOCH).days * self._per_day)

    def _tick(self, value: Any, parameter: str) -> int:
        if self.tick == "period" or isinstance(value, int):
            return self._period(value, parameter)
        moment = _calendar(value, parameter)
        if isinstance(moment, dt.datetime):
            return self._instant(moment, parameter)
        day = (moment - _EPOCH).days
        return day if self.tick == "day" else self._last_of(day)

    def _period(self, value: Any, parameter: str) -> int:
        if self.tick != "period":
            raise _not_a_time(value, parameter, "a date such as '1997-09-30' (the times are dates)")
        if not isinstance(value, int) or isinstance(value, bool):
            raise _not_a_time(value, parameter, "an integer (the times are integer periods)")
        return value

    def _instant(self, moment: dt.datetime, parameter: str) -> int:
        local = moment if moment.tzinfo is None else self._on_our_clock(moment, parameter)
        days = (local.date() - _EPOCH).days
        if self.tick == "day":
            return days
        if _nanoseconds_of_day(local) == 0:
            # Midnight is how pandas and datetime write a date: it means the day.
            return self._last_of(days)
        if self.instants and moment.tzinfo is not None:
            return self._count(moment.astimezone(dt.UTC))
        return self._own(self._count(local))

    def _count(self, moment: dt.datetime) -> int:
        """Return what a clock shows as ticks since it showed the start of 1970."""
        days = (moment.date() - _EPOCH).days
        return days * self._per_day + _nanoseconds_of_day(moment) // _NANOSECONDS[self.tick]

    def _on_our_clock(self, moment: dt.datetime, parameter: str) -> dt.datetime:
        """Return a time with a zone as the local time of the column's zone."""
        if self.zone is None:
            expected = "a time without a zone (the times have none); give the local time"
            raise _not_a_time(moment, parameter, expected)
        unit = "ns" if getattr(moment, "nanosecond", 0) else "us"
        there = pa.scalar(moment, pa.timestamp(unit, tz=self.zone))
        local: dt.datetime = pc.local_timestamp(there).as_py()
        return local

    def _last_of(self, day: int) -> int:
        """Return the last tick of a day on the local clock."""
        return self._own((day + 1) * self._per_day) - 1

    def _own(self, local: int) -> int:
        """Return a tick of the local clock as one of the column's."""
        if not self.instants or not -(2**63) <= local < 2**63:
            return local
        tick: int = self._zoned(pa.scalar(local, pa.int64())).cast(pa.int64()).as_py()
        return tick

    def _zoned(self, local: Any) -> Any:
        """Return ticks of the local clock as times with the column's zone.

        What a clock change repeats is read as its earlier meaning; a midnight that it skips is the
        moment of the change, which is on the same day.
        """
        stamps = local.cast(pa.timestamp(_UNITS[self.tick]))
        return pc.assume_timezone(stamps, self.zone, ambiguous="earliest", nonexistent="latest")

    def text(self, tick: int, *, whole_days: bool = False) -> str:
        """Return a tick as ISO text; the last tick of a day stands for the whole day."""
        if self.tick == "period":
            return str(tick)
        if self.tick == "day":
            return str(np.datetime64(tick, "D"))
        unit: Any = _UNITS[self.tick]
        if self.instants:
            there = pa.scalar(tick, pa.timestamp(unit, tz=self.zone))
            tick = pc.local_timestamp(there).cast(pa.int64()).as_py()
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
        if self.zone is None or self.instants:
            return pa.array(ticks).cast(pa.timestamp(_UNITS[self.tick], tz=self.zone))
        return self._zoned(pa.array(ticks))


def read_times(
    column: Any, name: str, *, time_unit: str | None = None, instants: bool = False
) -> Times:
    """Return an Arrow column of dates, timestamps, ISO strings or integer periods as ticks.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        The times.
    name : str
        The column's name, for messages.
    time_unit : str, optional
        The unit that integer periods would count: with one of a known length, integers are refused
        that cannot be such a count.
    instants : bool
        Whether times with a zone count on UTC instead of their local clock.

    Raises
    ------
    DataError
        For a value that is missing or no time, and for integers that are no periods.
    """
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
        # Reading the local clock is also what finds an unknown zone.
        local = array if kind.tz is None else _local(array, name)
        instants = instants and kind.tz is not None
        ticks = (array if instants else local).cast(pa.int64()).to_numpy(zero_copy_only=True)
        return Times(ticks, _TICKS[kind.unit], kind.tz, instants)
    if pa.types.is_integer(kind):
        return Times(_periods(array, name, time_unit), "period")
    raise column_error(name, f"holds values of type {kind} where times belong; {_REMEDY}")


def _local(array: Any, name: str) -> Any:
    try:
        return pc.local_timestamp(array)
    except pa.ArrowInvalid as error:
        reason = (
            f"{error}; install the 'tzdata' package, or convert the column to times without a zone"
        )
        raise column_error(name, reason) from error


def _periods(array: Any, name: str, time_unit: str | None) -> Integers:
    if not casts(array, pa.int64()):
        row = first_uncastable(array, pa.int64())
        raise column_error(name, f"{array[row]} is too large for a period; {_REMEDY}", row)
    values: Integers = array.cast(pa.int64()).to_numpy(zero_copy_only=True)
    dates = _look_like_dates(values)
    if 2 * int(dates.sum()) > len(values):
        reason = (
            f"holds integers that look like dates written as yyyymmdd ({values[dates.argmax()]}): "
            "each would be counted as one period; convert the column to dates, or subtract a "
            "starting value if they are periods"
        )
        raise column_error(name, reason)
    if time_unit not in (None, "period"):
        _refuse_other_clocks(values, name, f"{time_unit}s")
    return values


def _look_like_dates(values: Integers) -> NDArray[np.bool_]:
    """Return which integers could be dates written as yyyymmdd."""
    found: NDArray[np.bool_] = (values >= 1900_01_01) & (values <= 2100_12_31)
    if found.any():
        months, days = values // 100 % 100, values % 100
        found &= (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
    return found


def _refuse_other_clocks(values: Integers, name: str, units: str) -> None:
    """Refuse integers that cannot count time units from anywhere, such as seconds since 1970."""
    remedy = (
        'convert the column to dates or timestamps, or pass time_unit="period" if they are periods'
    )
    # Not the absolute value, which the smallest integer does not have.
    far = (values > _LARGEST_PERIOD) | (values < -_LARGEST_PERIOD)
    if far.any():
        row = int(far.argmax())
        reason = (
            f"{values[row]} is too large for a count of {units} (seconds since 1970?); {remedy}"
        )
        raise column_error(name, reason, row)
    first, last = int(values.min()), int(values.max())
    if last - first > _LONGEST_LOG:
        reason = f"runs from {first} to {last}, which is too long a time in {units}; {remedy}"
        raise column_error(name, reason)


def _parse_strings(array: Any, name: str) -> Any:
    """Return ISO text as dates where no value has a time of day, as timestamps otherwise."""
    # Logs repeat their dates: each distinct text is parsed once.
    encoded = array.dictionary_encode()
    distinct, codes = encoded.dictionary, encoded.indices
    parsed = _first_that_casts(distinct)
    if parsed is None:
        _check_offsets(encoded, name)
        distinct = _tidy(distinct)
        parsed = _first_that_casts(distinct)
    if parsed is not None:
        return parsed.take(codes)
    # Distinct texts stand in the order of their first rows, so the first bad one has the first row.
    bad = max(first_uncastable(distinct, kind) for kind in _PARSED_AS)
    row = int(np.argmax(codes.to_numpy() == bad))
    reason = f"'{array[row].as_py()}' cannot be read as a date or a time; {_REMEDY}"
    raise column_error(name, reason, row)


def _check_offsets(encoded: Any, name: str) -> None:
    """Refuse text of several UTC offsets: days are read on the local clock, which must be one."""
    text = pc.utf8_trim_whitespace(encoded.dictionary)
    offsets = pc.struct_field(pc.extract_regex(text, _OFFSET), "offset")
    has_offset = pc.is_valid(offsets).to_numpy(zero_copy_only=False)
    if not has_offset.any():
        return
    offsets = pc.replace_substring(offsets, ":", "").fill_null("none").to_numpy(False)
    offsets[np.isin(offsets, ["Z", "-0000"])] = "+0000"
    # A date without a time of day has no offset to differ by.
    has_time = pc.match_substring_regex(text, r"\d[T ]\d").to_numpy(zero_copy_only=False)
    differs = has_time & (offsets != offsets[has_offset.argmax()])
    if differs.any():
        row = int(np.argmax(encoded.indices.to_numpy() == differs.argmax()))
        reason = (
            f"'{encoded[row].as_py()}' has another UTC offset than the rows before, so that it is "
            "unclear whose days are counted; convert the column to timestamps of one zone"
        )
        raise column_error(name, reason, row)


def check_zones(moments: Any, name: str) -> None:
    """Refuse Python datetimes of several zones, or only some of which have one.

    Arrow would put them all on the clock of one of them, without a word.
    """
    zones = _zone_of(np.fromiter(moments, dtype=object, count=len(moments))).astype(str)
    known = zones != ""
    if not known.any():
        return
    differs = known & (zones != zones[known.argmax()])
    if differs.any():
        row = int(differs.argmax())
        reason = (
            "mixes times of several zones, or with and without one; convert the column to "
            "timestamps of one zone"
        )
        raise column_error(name, reason, row)


def _zone(moment: object) -> str:
    """Return a datetime's zone in words; nothing for what is missing or no datetime."""
    if not isinstance(moment, dt.datetime) or moment != moment:  # NaT equals nothing
        return ""
    return str(moment.tzinfo)


_zone_of = np.frompyfunc(_zone, 1, 1)


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


def _nanoseconds_of_day(moment: dt.datetime) -> int:
    clock = moment.time()
    seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second
    # Only pandas' Timestamp, a subclass of datetime, has nanoseconds.
    return seconds * 10**9 + clock.microsecond * 1_000 + int(getattr(moment, "nanosecond", 0))


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


def _calendar(value: Any, parameter: str) -> dt.date:
    """Return a date or a time, which text may stand for."""
    moment = _parse(value, parameter) if isinstance(value, str) else value
    if not isinstance(moment, dt.date) or moment != moment:  # pandas' NaT is a datetime
        raise _not_a_time(value, parameter)
    return moment


def _not_a_time(
    value: object,
    parameter: str,
    expected: str = "a date such as '1997-09-30', a datetime, or an integer period",
) -> ParameterError:
    return ParameterError(f"{parameter} = {value!r}: expected {expected}", parameter)
