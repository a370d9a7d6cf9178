"""Lengths of time as a caller writes them: "180d", "26w", "6mo", "1 year", a timedelta, periods.

Days, weeks and hours are exact; months and years go by the calendar, so that three months before
May 31 are the last day of February.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tercet import _arguments

#: Microseconds of a day: the ticks that snapshots count in.
DAY: Final = 86_400 * 10**6
_EPOCH: Final = dt.date(1970, 1, 1)
_WRITTEN: Final = re.compile(r"^\s*(?P<count>\d+)\s*(?P<unit>[a-zA-Z]+)\s*$")
# A hundred years, of which every month has 31 days.
_LONGEST: Final = 100 * 12 * 31 * DAY
_LONGEST_PERIODS: Final = 10**8
_EXPECTED: Final = (
    "a length of time such as '180d', '26w', '6mo' or '1y', a timedelta, or, where times are "
    "integer periods, a whole number"
)

# The letter for names, months, ticks, and the word of each unit.
_UNITS: Final[dict[str, tuple[int, int, str]]] = {
    "min": (0, 60 * 10**6, "minute"),
    "h": (0, 3_600 * 10**6, "hour"),
    "d": (0, DAY, "day"),
    "w": (0, 7 * DAY, "week"),
    "mo": (1, 0, "month"),
    "q": (3, 0, "quarter"),
    "y": (12, 0, "year"),
    "p": (0, 1, "period"),
}
_SPELLINGS: Final = {
    **{unit: unit for unit in _UNITS},
    **{word: unit for unit, (_, _, word) in _UNITS.items()},
    **{word + "s": unit for unit, (_, _, word) in _UNITS.items()},
    "hr": "h",
    "hrs": "h",
    "mon": "mo",
    "yr": "y",
    "yrs": "y",
}


@dataclass(frozen=True)
class Duration:
    """So many units of time.

    Attributes
    ----------
    count : int
        How many.
    unit : str
        Of what: "min", "h", "d", "w", "mo", "q", "y", or "p" for periods.
    """

    count: int
    unit: str

    @classmethod
    def of(cls, value: Any, parameter: str, *, zero: bool = False) -> Duration:
        """Read a length of time.

        Raises
        ------
        ParameterError
            If it is none, negative, or nothing where it must be something.
        """
        if isinstance(value, Duration):
            return value
        found = _read(value)
        if found is None:
            raise _arguments.refusal(value, parameter, _EXPECTED)
        if found.count < 0:
            raise _arguments.refusal(value, parameter, "a length of time that is not negative")
        if found.count == 0 and not zero:
            raise _arguments.refusal(value, parameter, "a length of time above 0")
        if found.longest > (_LONGEST_PERIODS if found.unit == "p" else _LONGEST):
            raise _arguments.refusal(
                value, parameter, "a length of time of a hundred years at most"
            )
        return found

    @property
    def label(self) -> str:
        """Return it as part of a column's name: 180d."""
        return f"{self.count}{self.unit}"

    @property
    def words(self) -> str:
        """Return it as a person says it: 180 days."""
        return f"{self.count} {_UNITS[self.unit][2]}{'' if self.count == 1 else 's'}"

    @property
    def months(self) -> int:
        """Return how many calendar months it is, if it goes by the calendar."""
        return self.count * _UNITS[self.unit][0]

    @property
    def ticks(self) -> int:
        """Return how many microseconds (or periods) it is, if it is exact."""
        return self.count * _UNITS[self.unit][1]

    @property
    def longest(self) -> int:
        """Return the most ticks that it can be."""
        return self.ticks + self.months * 31 * DAY

    def after(self, tick: int) -> int:
        """Return the time that is this much later."""
        return _add_months(tick, self.months) + self.ticks

    def before(self, tick: int) -> int:
        """Return the time that is this much earlier."""
        return _add_months(tick, -self.months) - self.ticks


#: No time at all, on any clock.
NO_TIME: Final = Duration(0, "d")


def _read(value: Any) -> Duration | None:
    if isinstance(value, np.timedelta64):
        value = value.astype("timedelta64[us]").astype(object)
    if isinstance(value, dt.timedelta):
        return _exact(value)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return Duration(int(value), "p")
    if isinstance(value, str):
        negative = value.strip().startswith("-")
        written = _WRITTEN.match(value.strip().removeprefix("-"))
        unit = written and _SPELLINGS.get(written["unit"].lower())
        if written and unit:
            return Duration(int(written["count"]) * (-1 if negative else 1), unit)
    return None


def _exact(value: dt.timedelta) -> Duration | None:
    ticks = value // dt.timedelta(microseconds=1)
    for unit in ("d", "h", "min"):
        length = _UNITS[unit][1]
        if ticks % length == 0:
            return Duration(ticks // length, unit)
    return None


def _add_months(tick: int, months: int) -> int:
    if not months:
        return tick
    days, rest = divmod(tick, DAY)
    day = _EPOCH + dt.timedelta(days=days)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    moved = dt.date(year, month + 1, min(day.day, last))
    return (moved - _EPOCH).days * DAY + rest
