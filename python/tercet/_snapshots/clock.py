"""The one clock that all tables of a call run on.

It counts microseconds of the local wall clock since 1970, or integer periods. A table of dates
fits any calendar clock; times with a zone fit only times of the same zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._columns import column_error
from tercet._snapshots.duration import DAY, Duration
from tercet._time import Times
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from tercet._columns import Integers
    from tercet._time import TimeLike

#: Later than any time, for what has not happened. Twice this still fits into 64 bits.
NEVER: Final = 2**61
#: Earlier than any time.
ALWAYS: Final = -(2**61)

_PER_TICK: Final = {
    "day": (DAY, 1),
    "second": (10**6, 1),
    "millisecond": (10**3, 1),
    "microsecond": (1, 1),
    "nanosecond": (1, 10**3),
    "period": (1, 1),
}


@dataclass(frozen=True)
class Clock:
    """What one tick is, and whose wall clock it is.

    Attributes
    ----------
    period : bool
        Whether a tick is an integer period instead of a microsecond.
    zone : str or None
        The zone of the times.
    timed : bool
        Whether it comes from times of day, which have a zone or have none; dates fit either.
    column : str
        The column that it was first seen in, for messages.
    """

    period: bool = False
    zone: str | None = None
    timed: bool = False
    column: str = ""

    def joined(self, other: Clock) -> Clock:
        """Return the clock of both.

        Raises
        ------
        DataError
            If one counts periods and the other does not, or their zones differ.
        """
        if self.period != other.period:
            names = ("integer periods", "dates or times")
            mine, theirs = names if self.period else names[::-1]
            reason = f"holds {theirs} where '{self.column}' holds {mine}; convert one of the two"
            raise column_error(other.column, reason)
        if not (self.timed and other.timed):
            return other if other.timed else self
        if self.zone != other.zone:
            reason = (
                f"has times {_of_zone(other.zone)} where '{self.column}' has times "
                f"{_of_zone(self.zone)}; convert both to one zone"
            )
            raise column_error(other.column, reason)
        return self

    @property
    def day(self) -> int:
        """Return the ticks of a day; a period is a day of its own."""
        return 1 if self.period else DAY

    @property
    def unit(self) -> str:
        """Return the word for what features count time in."""
        return "period" if self.period else "day"

    @property
    def _times(self) -> Times:
        tick: Any = "period" if self.period else "microsecond"
        return Times(np.empty(0, dtype=np.int64), tick, self.zone)

    def start(self, value: TimeLike, parameter: str) -> int:
        """Return a time as a tick; a date is the first of its day."""
        return self._times.start(value, parameter)

    def end(self, value: TimeLike, parameter: str) -> int:
        """Return the first tick after a time; a date is the whole day."""
        return self._times.moment(value, parameter) + 1

    def end_of_data(self, last: int) -> int:
        """Return the first tick after the last one of the data; midnight means its day."""
        return last + (self.day if last % self.day == 0 else 1)

    def text(self, tick: int) -> str:
        """Return a tick as ISO text, a midnight as its date."""
        if not self.period and tick % DAY == 0:
            return str(np.datetime64(tick // DAY, "D"))
        return self._times.text(tick)

    def column_of(self, ticks: Integers) -> Any:
        """Return ticks as an Arrow column: dates if all are midnights."""
        if not self.period and not (ticks % DAY).any():
            return pa.array((ticks // DAY).astype(np.int32)).cast(pa.date32())
        return self._times.column(ticks)

    def check(self, duration: Duration, parameter: str) -> None:
        """Refuse a length of time that this clock cannot measure."""
        fits = (duration.unit == "p") == self.period or duration.count == 0
        if fits:
            return
        expected = (
            "a whole number of periods (the times are integer periods)"
            if self.period
            else "a length of time such as '180d' (the times are dates)"
        )
        raise _arguments.refusal(duration.label, parameter, expected)


def clock_of(times: Times, column: str) -> Clock:
    """Return the clock of a column of times."""
    if times.tick == "period":
        return Clock(period=True, column=column)
    return Clock(zone=times.zone, timed=times.tick != "day", column=column)


def ticks_of(times: Times) -> Integers:
    """Return times as the ticks of their clock; what is finer than a microsecond is cut off."""
    factor, divisor = _PER_TICK[times.tick]
    return times.ticks * factor if divisor == 1 else times.ticks // divisor


def outside(clock: Clock, tick: int, first: int, end: int, place: int) -> ParameterError:
    """Return the error for an as-of date at which nothing is known yet or no more."""
    last = clock.text(end - clock.day) if end % clock.day == 0 else clock.text(end - 1)
    message = (
        f"as_of[{place}] = {clock.text(tick)}: expected a time after the first one in the data "
        f"({clock.text(first)}) and not after the last one ({last})"
    )
    return ParameterError(message, "as_of")


def _of_zone(zone: str | None) -> str:
    return "without a zone" if zone is None else f"of zone {zone}"
