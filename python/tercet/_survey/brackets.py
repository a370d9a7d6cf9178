"""Brackets of numbers ("under 18", "7-12 months", "1-2 years") in the order of their lower ends.

Units are converted: minutes to years, thousands and millions, rates such as "2-3 times a week".
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from tercet._survey.units import Unit, comparable, unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# No bracket is longer, and the patterns take long over long text.
_LONGEST: Final = 60
_NUMBER: Final = r"([$€£¥]?\s*\d+(?:\.\d+)?)"
_UNIT: Final = r"((?:\s*(?:[a-z]+|[%$€£¥/])){0,4}?)"
_BELOW: Final = re.compile(
    rf"^(?:under|less than|fewer than|below|up to|at most|younger than|<=?|≤)\s*{_NUMBER}{_UNIT}$"
)
_ABOVE: Final = re.compile(
    rf"^(?:over|more than|above|at least|older than|>=?|≥)\s*{_NUMBER}{_UNIT}$"
)
_UP: Final = r"(?:\+|\b(?:plus|(?:or|and) (?:more|over|older|above|greater|up|longer|higher)))"
_DOWN: Final = r"\b(?:or|and) (?:less|fewer|under|younger|below|lower|shorter)"
_FROM_UP: Final = re.compile(rf"^{_NUMBER}{_UNIT}\s*{_UP}{_UNIT}$")
_UP_TO: Final = re.compile(rf"^{_NUMBER}{_UNIT}\s*{_DOWN}{_UNIT}$")
_RANGE: Final = re.compile(
    rf"^(?:between |from )?{_NUMBER}{_UNIT}"
    rf"\s*(?:-|\b(?:to|until|up to|to (?:under|less than)|and|or)\b)\s*{_NUMBER}{_UNIT}$"
)
_SINGLE: Final = re.compile(rf"^(?:exactly )?{_NUMBER}{_UNIT}$")
_AT_LEAST: Final = ("at least", ">=", "≥")
_ONE: Final = re.compile(r"\b(than|under|over|least|most|to) an? ")
_WORDS: Final = {
    word: str(number)
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
    )
}
_COUNTED: Final = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")
# 1,000 and 1 000 and 1'000; a point only where no label needs it for decimals.
_THOUSANDS: Final = re.compile(r"(?<=\d)[,\s'’](?=\d{3}\b)")
_POINTS: Final = re.compile(r"\b[1-9]\d{0,2}(?:\.\d{3})+\b")
_DECIMALS: Final = re.compile(r"\.(?!\d{3}(?:\D|$))|\b0\.\d")


class _Amount(NamedTuple):
    """A number in a unit."""

    number: float
    unit: Unit


class _Bracket(NamedTuple):
    """The two ends of a bracket; None where it is open."""

    low: _Amount | None
    high: _Amount | None
    above: bool = False


def bracket_order(labels: Sequence[str]) -> list[int] | None:
    """Return the positions of labels from the lowest bracket to the highest.

    None if a label is no bracket, if two begin alike, if one lies within another, if their units do
    not compare, or if there are fewer than three, of which two must be ranges.
    """
    found = _brackets(labels)
    ends = None if found is None else _ends(found)
    if ends is None:
        return None
    order = sorted(range(len(ends)), key=ends.__getitem__)
    lower = [ends[k][0] for k in order]
    upper = [ends[k][1] for k in order]
    if len(set(lower)) < len(lower) or upper != sorted(upper):
        return None
    return order


def are_unordered_brackets(labels: Sequence[str]) -> bool:
    """Whether labels are brackets whose order cannot be told, because of their units or overlap."""
    return _brackets(labels) is not None and bracket_order(labels) is None


def _brackets(labels: Sequence[str]) -> list[_Bracket] | None:
    """Return labels as brackets; None if one is none, or if too few are ranges."""
    if len(labels) < 3 or any(len(label) > _LONGEST for label in labels):
        return None
    texts = [_plain(label) for label in labels]
    # "1.000-4.999" beside "500-999" is in thousands, "0.500-0.999" is not.
    if not any(_DECIMALS.search(text) for text in texts):
        texts = [_POINTS.sub(lambda match: match[0].replace(".", ""), text) for text in texts]
    found = []
    for text in texts:
        one = _bracket(text)
        if one is None:
            return None
        found.append(one)
    ranges = sum(one.low is not None and one.high not in (None, one.low) for one in found)
    return found if ranges >= 2 else None


def _ends(found: Sequence[_Bracket]) -> list[tuple[float, float]] | None:
    """Return the ends of brackets in one unit; None if their units do not compare."""
    # Nothing is nothing in any unit.
    given = [
        end for one in found for end in (one.low, one.high) if end and (end.number or end.unit.kind)
    ]
    factors = comparable([end.unit for end in given])
    if factors is None:
        return None
    by_unit = {end.unit: factor for end, factor in zip(given, factors, strict=True)}
    ends = []
    for one in found:
        low, high = (
            None if end is None else end.number * by_unit.get(end.unit, 1.0)
            for end in (one.low, one.high)
        )
        if low is not None and one.above:
            low += 1e-9 * (1 + low)  # "18 or more" comes before "more than 18"
        ends.append((-math.inf if low is None else low, math.inf if high is None else high))
    return ends


def _plain(label: str) -> str:
    text = _COUNTED.sub(lambda match: _WORDS[match[0]], label.casefold())
    text = _ONE.sub(r"\1 1 ", _THOUSANDS.sub("", text))
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return re.sub(r"\s*[-–—]\s*", "-", text).strip()


def _bracket(text: str) -> _Bracket | None:
    if found := _BELOW.match(text):
        return _Bracket(None, _amount(found[1], found[2]))
    if found := _ABOVE.match(text):
        return _Bracket(_amount(found[1], found[2]), None, above=not text.startswith(_AT_LEAST))
    if found := _FROM_UP.match(text):
        return _Bracket(_amount(found[1], f"{found[2]} {found[3]}"), None)
    if found := _UP_TO.match(text):
        return _Bracket(None, _amount(found[1], f"{found[2]} {found[3]}"))
    if found := _RANGE.match(text):
        return _range(_amount(found[1], found[2]), _amount(found[3], found[4]))
    if found := _SINGLE.match(text):
        amount = _amount(found[1], found[2])
        return _Bracket(amount, amount)
    return None


def _amount(number: str, words: str) -> _Amount:
    digits = number.lstrip("$€£¥ ")
    return _Amount(float(digits), unit_of(f"{words} {number[: -len(digits)]}"))


def _range(low: _Amount, high: _Amount) -> _Bracket | None:
    """Return a range; "7-12 months" and "5-10k" name the unit of both ends at one of them."""
    if low.unit.kind and high.unit.kind and low.unit.kind != high.unit.kind:
        return None
    ascending = low.number < high.number
    first, last = (
        _Amount(one.number, _told(one.unit, other.unit, ascending))
        for one, other in ((low, high), (high, low))
    )
    if first.number * first.unit.size >= last.number * last.unit.size:
        return None
    return _Bracket(first, last)


def _told(own: Unit, other: Unit, ascending: bool) -> Unit:
    """Return a unit with what only the other end of a range says of it."""
    said = own if own.kind else other
    # "5-10k" begins at 5,000, "500-1k" at 500.
    shared = own.power == 1.0 and ascending
    return replace(
        said,
        power=other.power if shared else own.power,
        is_m=own.is_m or (shared and other.is_m),
    )
