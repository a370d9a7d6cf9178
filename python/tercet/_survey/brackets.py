"""Brackets of numbers ("under 18", "18-24", "65 or older") in the order of their lower ends."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# No bracket is longer, and the patterns take long over long text.
_LONGEST: Final = 60
_NUMBER: Final = r"(\d+(?:\.\d+)?)(k|m)?"
_UNIT: Final = r"(?:\s*[a-z%]+){0,3}"
_BELOW: Final = re.compile(
    rf"^(?:under|less than|fewer than|below|up to|at most|younger than|<=?|≤)\s*{_NUMBER}{_UNIT}$"
)
_ABOVE: Final = re.compile(
    rf"^(?:over|more than|above|at least|older than|>=?|≥)\s*{_NUMBER}{_UNIT}$"
)
_OPEN: Final = re.compile(
    rf"^{_NUMBER}(?:\s*[a-z%]+)?\s*"
    rf"(?:\+|(?:plus|(?:or|and) (?:more|over|older|above|greater|up)))(?:\s*[a-z%]+)?$"
)
_RANGE: Final = re.compile(rf"^{_NUMBER}{_UNIT}\s*(?:-|to|until)\s*{_NUMBER}{_UNIT}$")
_SINGLE: Final = re.compile(rf"^{_NUMBER}{_UNIT}$")


def bracket_order(labels: Sequence[str]) -> list[int] | None:
    """Return the positions of labels from the lowest bracket to the highest.

    None if a label is no bracket, if two begin alike, or if there are fewer than three, of which
    two must be ranges.
    """
    ends = [_ends(label) for label in labels]
    found = [end for end in ends if end is not None]
    lower = [end[0] for end in found]
    ranges = sum(math.isfinite(low) and low < high < math.inf for low, high in found)
    if len(found) < max(3, len(ends)) or len(set(lower)) < len(lower) or ranges < 2:
        return None
    return sorted(range(len(lower)), key=lower.__getitem__)


def _ends(label: str) -> tuple[float, float] | None:
    """Return the two ends of a bracket; "18 or more" comes before "more than 18"."""
    if len(label) > _LONGEST:
        return None
    text = re.sub(r"[$€£]|\b(?:eur|usd|gbp)\b", "", label.casefold()).strip()
    text = re.sub(r"(?<=\d)[,\s](?=\d{3}\b)", "", text)
    text = re.sub(r"\s*[-–—]\s*", "-", text)
    if found := _BELOW.match(text):
        return -math.inf, _value(found[1], found[2])
    if found := _ABOVE.match(text):
        return _value(found[1], found[2]) + 1e-6, math.inf
    if found := _OPEN.match(text):
        return _value(found[1], found[2]), math.inf
    if found := _RANGE.match(text):
        low, high = _value(found[1], found[2] or found[4]), _value(found[3], found[4])
        return (low, high) if low < high else None
    if found := _SINGLE.match(text):
        return _value(found[1], found[2]), _value(found[1], found[2])
    return None


def _value(digits: str, power: str | None) -> float:
    return float(digits) * {"k": 1e3, "m": 1e6}.get(power or "", 1.0)
