"""Units of numbers in words ("12 months", "$5k", "3 times a week"), made comparable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_POWERS: Final = {
    "hundred": 1e2,
    **dict.fromkeys(("k", "thousand", "thousands", "tsd"), 1e3),
    **dict.fromkeys(("m", "mm", "mn", "mln", "mio", "million", "millions"), 1e6),
    **dict.fromkeys(("bn", "mrd", "billion", "billions"), 1e9),
}
# Seconds. Months and years are those of the Gregorian calendar on average, so that 12 months are
# one year.
_YEAR: Final = 365.2425 * 86_400
_TIMES: Final = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 * 86_400.0),
    **dict.fromkeys(("mo", "mos", "mth", "mths", "month", "months"), _YEAR / 12),
    **dict.fromkeys(("quarter", "quarters"), _YEAR / 4),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), _YEAR),
    **dict.fromkeys(("decade", "decades"), 10 * _YEAR),
}
_MONEY: Final = {
    **dict.fromkeys(("$", "usd", "dollar", "dollars"), "$"),
    **dict.fromkeys(("€", "eur", "euro", "euros"), "€"),
    **dict.fromkeys(("£", "gbp", "pound", "pounds"), "£"),
    **dict.fromkeys(("¥", "jpy", "yen"), "¥"),
    "chf": "chf",
}
_PERCENT: Final = frozenset({"%", "percent", "pct", "per cent"})
_PER: Final = frozenset({"a", "an", "per", "each", "every", "/"})
# They say nothing of the unit.
_FILLERS: Final = frozenset(
    {"of", "age", "aged", "old", "in", "the", "total", "full", "about", "ago", "time", "times"}
)
# Not "m", which is a million, a metre or a minute.
_WORD: Final = re.compile(r"[a-z]+|[%$€£¥/]")


@dataclass(frozen=True)
class Unit:
    """A unit in which a number is given.

    Attributes
    ----------
    kind : str
        What it measures: "duration", "money $", "%", the words of an unknown unit, or "" for a
        number without a unit; "per time" follows where it is a rate.
    factor : float
        How many of the kind's base unit (seconds of time, one of all else) it is.
    power : float
        The thousands or millions before it.
    is_m : bool
        Whether it is a bare "m", of which nobody knows whether it is a million.
    """

    kind: str = ""
    factor: float = 1.0
    power: float = 1.0
    is_m: bool = False

    @property
    def size(self) -> float:
        """How many of the base unit one is."""
        return self.factor * self.power


def unit_of(words: str) -> Unit:
    """Return the unit that the words after (or the mark before) a number name.

    Parameters
    ----------
    words : str
        In small letters: "months", "thousand euros", "k", "times a week", "".
    """
    left = _WORD.findall(words.replace("per cent", "percent"))
    power, is_m = 1.0, False
    while left and left[0] in _POWERS:
        is_m = left == ["m"]
        power *= _POWERS[left.pop(0)]
    rate = ""
    factor = 1.0
    for at in range(len(left) - 1):
        if left[at] in _PER and left[at + 1] in _TIMES:
            rate, factor = " per time", 1 / _TIMES[left[at + 1]]
            del left[at : at + 2]
            break
    kinds = dict.fromkeys(_kind(word) for word in left if word not in _FILLERS)
    for word in left:
        factor *= _TIMES.get(word, 1.0)
    return Unit(" ".join(sorted(kinds)) + rate, factor, power, is_m)


def comparable(units: Sequence[Unit]) -> list[float] | None:
    """Return by how much numbers in some units must be multiplied; None if they do not compare.

    A number without a unit is in the unit of the others if they have all the same.
    """
    told = [unit for unit in units if unit.kind or unit.factor != 1.0]
    if len({unit.kind for unit in told}) > 1:
        return None
    if told and any(unit.is_m for unit in units) and "money" not in told[0].kind:
        return None
    factors = {unit.factor for unit in told}
    if len(told) < len(units) and len(factors) > 1:
        return None
    common = next(iter(factors), 1.0)
    return [unit.power * (unit.factor if unit in told else common) for unit in units]


def _kind(word: str) -> str:
    if word in _TIMES:
        return "duration"
    if word in _MONEY:
        return f"money {_MONEY[word]}"
    if word in _PERCENT:
        return "%"
    # One person and two persons are counted in the same unit.
    return word if len(word) < 4 else word.removesuffix("s")
