"""Which answers are none: blanks, codes that stand for missing, and refusals in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.types import is_dictionary

from tercet._arguments import refusal
from tercet._columns import column_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tercet._columns import Integers
    from tercet._survey.profile import Profile
    from tercet.exceptions import DataError

_DONT_KNOW: Final = re.compile(
    r"^(?:i )?(?:don'?t|do not) (?:know|remember|recall)\b.{0,30}$|^dk(?: ?/ ?na)?$"
    r"|^(?:i have )?no opinion$"
    r"|^(?:i )?(?:can'?t|cannot|can not|unable to) (?:say|judge|rate|tell|choose)\b.{0,20}$"
    r"|^no idea$|^hard to say$"
)
_NO_ANSWER: Final = re.compile(
    r"^(?:i(?:'d| would)? )?(?:prefer|rather|choose|wish) not(?: to)?\b.{0,30}$"
    r"|^(?:refused|refusal|refuse|refused to answer|declined?(?: to (?:answer|say))?)$"
    r"|^no (?:answer|response)(?: given)?$|^not? ?(?:applicable|answered|asked|stated|reached)$"
    r"|^n ?[/.] ?a\.?$|^does(?:n'?t| not) apply\b.{0,20}$|^(?:skipped|missing|system missing)$"
)
#: Codes that stand for a missing answer in many questionnaires.
_USUAL_CODES: Final = frozenset(
    {-99, -98, -97, -9, -8, -7, -2, -1, 77, 88, 97, 98, 99, 777, 888, 997, 998, 999, 9999}
)
#: Where a scale ends at most beyond which 8 and 9 are codes, by where it begins.
_LONGEST: Final = {0: 4, 1: 7}


class Range(NamedTuple):
    """Values from `low` to `high`, both included."""

    low: Any
    high: Any

    def holds(self, value: Any) -> bool:
        """Whether a value is between the two; text and numbers are never."""
        try:
            return bool(self.low <= value <= self.high)
        except TypeError:
            return False


@dataclass(frozen=True)
class MissingRule:
    """What the caller says of missing answers.

    Attributes
    ----------
    everywhere : frozenset
        Values that are missing in every item.
    by_item : mapping
        Values that are missing in one item or one battery.
    keep_dont_know : bool
        Whether "don't know" is a level.
    """

    everywhere: frozenset[Any] = frozenset()
    by_item: Mapping[str, frozenset[Any]] = field(default_factory=dict)
    keep_dont_know: bool = False

    @classmethod
    def of(cls, missing: Any, dont_know: str) -> MissingRule:
        """Read the caller's `missing`, values or values by item, and `dont_know`."""
        keep = dont_know == "level"
        if missing is None:
            return cls(keep_dont_know=keep)
        if isinstance(missing, Mapping):
            by_item = {name: _values(values) for name, values in missing.items()}
            return cls(by_item=by_item, keep_dont_know=keep)
        return cls(_values(missing), keep_dont_know=keep)

    def words_of(self, name: str) -> frozenset[str]:
        """Return the words that are missing answers in one column."""
        values = self.everywhere | self.by_item.get(name, frozenset())
        return frozenset(value for value in values if isinstance(value, str))


class Absent(NamedTuple):
    """Answers of an item that are taken as missing.

    Attributes
    ----------
    values : frozenset
        What is missing.
    in_words : dict
        How often it was said in words, by the words.
    dont_know : frozenset
        What says "don't know" and is a level all the same.
    """

    values: frozenset[Any]
    in_words: dict[str, int]
    dont_know: frozenset[Any]


def absent_answers(
    found: Profile,
    group: str | None,
    labels: Mapping[Any, str],
    declared: Iterable[Any],
    rule: MissingRule,
    levels: Sequence[Any] | None,
) -> Absent:
    """Return which answers of a column are missing.

    Parameters
    ----------
    found : Profile
        The column.
    group : str or None
        The battery that it belongs to.
    labels : mapping
        Values in words.
    declared : iterable
        Values and `Range`s that the file declares as missing.
    rule : MissingRule
        What the caller says.
    levels : sequence or None
        Levels that the caller names: they are answers, whatever they say.
    """
    named = {
        *rule.everywhere,
        *rule.by_item.get(found.name, ()),
        *rule.by_item.get(group or "", ()),
    }
    ranges = list(declared)
    values: set[Any] = set()
    kept: set[Any] = set()
    in_words: dict[str, int] = {}
    for value in dict.fromkeys([*found.counts, *labels]):
        if levels is not None and value in levels:
            continue
        word = labels.get(value, value if isinstance(value, str) else "")
        dont_know = means_dont_know(word)
        if value in named or _is_blank(value):
            values.add(value)
        elif rule.keep_dont_know and dont_know:
            kept.add(value)
        elif any(one.holds(value) if isinstance(one, Range) else value == one for one in ranges):
            values.add(value)
        elif dont_know or means_no_answer(word):
            values.add(value)
            if found.counts.get(value):
                in_words[word] = found.counts[value]
    # What is taken as missing in a column of many distinct answers has to be named by value.
    values |= named if found.many else set()
    return Absent(frozenset(values), in_words, frozenset(kept))


def means_dont_know(word: str) -> bool:
    """Whether an answer says that the respondent does not know."""
    return _DONT_KNOW.match(_plain(word)) is not None


def means_no_answer(word: str) -> bool:
    """Whether an answer says that there is none."""
    return _NO_ANSWER.match(_plain(word)) is not None


def suspicious_code(
    found: Profile,
    column: Any,
    rows: Integers,
    labelled: Collection[Any] = (),
    beside: Iterable[Any] = (),
) -> DataError | None:
    """Return an error for a number that looks like a code for missing answers.

    Such a code lies outside the scale that the other answers form: 99 beside 1 to 5, and 9 beside
    1 to 5 if nobody answered 6, 7 or 8.

    Parameters
    ----------
    found : Profile
        What the column holds.
    column : Arrow array
        The column.
    rows : array
        The rows of the file or table that its rows were.
    labelled : collection
        Numbers that have labels: they are answers.
    beside : iterable
        Numbers in other items of the battery, which show its scale.
    """
    if found.type != "number" or not found.whole or found.many:
        return None
    codes = {value for value in found.counts if value in _USUAL_CODES and value not in labelled}
    others = [value for value in [*found.counts, *labelled] if value not in codes]
    if len(others) < 2:
        return None
    low, high = min(others), max(others)
    negative = [value for value in found.counts if value < 0]
    # A scale with two sides (-3 to 3) has negative codes that are answers.
    if low >= 0:
        outside = [code for code in negative if code in codes and code <= -7 and -code != high]
    else:
        outside = []
    if negative == [-1] and -1 in codes and low >= 0 and high > 1 and high - low <= 10:
        outside.append(-1)
    outside += [
        code
        for code in sorted(codes)
        if (high - low <= 10 and code > high + 10) or (code >= 777 and code > 5 * high > 0)
    ]
    kind = "continuous" if outside else "ordinal"
    if not found.categories:
        outside += _beyond_a_gap([value for value in others if value >= 0], {*labelled}, beside)
    if not outside:
        return None
    left = [value for value in others if value not in outside]
    reason = (
        f"{outside[0]} lies outside the other answers ({min(left)} to {max(left)}) and may stand"
        f" for a missing one; if it does, pass missing={{'{found.name}': {outside}}}, if not, name"
        f" the item's kind: kinds={{'{found.name}': '{kind}'}}"
    )
    plain = column.cast(column.type.value_type) if is_dictionary(column.type) else column
    row = int(rows[pc.index(plain, pa.scalar(outside[0]).cast(plain.type)).as_py()])
    return column_error(found.name, reason, row)


def _beyond_a_gap(
    answers: Sequence[Any], labelled: Collection[Any], beside: Iterable[Any]
) -> list[Any]:
    """Return 8 and 9 (and 7 beside them) where they lie beyond a whole scale, and a gap.

    The scale goes from 1 to 7 at most, or from 0 to 4, and has every step in between: on one to 9
    or 10 somebody would have chosen a step in the gap.
    """
    codes = sorted({value for value in answers if value in (8, 9)} - {*labelled})
    scale = sorted({*answers, *beside} - {*codes, *({8, 9} - {*labelled})})
    if codes and len(scale) > 2 and scale[-1] == 7 and scale[-2] < 6 and 7 not in labelled:
        scale.pop()
        codes = [7, *codes] if 7 in answers else codes
    if not codes or len(scale) < 2:
        return []
    low, high = scale[0], scale[-1]
    # Short ones first: a column of ids goes up to billions.
    short = high <= _LONGEST.get(low, -1) and codes[0] > high + 1
    return codes if short and scale == list(range(int(low), int(high) + 1)) else []


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _plain(word: str) -> str:
    return re.sub(r"\s+", " ", word.casefold().replace("’", "'")).strip(" .!()-*")


def _values(values: Any) -> frozenset[Any]:
    if isinstance(values, str | int | float):
        return frozenset([values])
    try:
        return frozenset(values)
    except TypeError:
        raise refusal(values, "missing", "values, or lists of values by item") from None
