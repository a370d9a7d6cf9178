"""What kind of item a column is, and its levels: from the file's word, the labels, or the answers.

The rules, for columns of which nobody has said the kind:

- ordered categories are ordinal, other categories and true/false are nominal;
- text is ordinal if its answers are those of a known scale (`scales.py`), nominal if they are few
  and come again, and else no item: open answers;
- whole numbers within a span of ten (1 to 5, 0 to 10) are ordinal, nominal if they are two
  neighbours (0 and 1, 1 and 2);
- labelled numbers are ordinal if the labels stand in the order of a known scale or only some codes
  are labelled (the ends, say), and else nominal;
- other numbers are continuous. Counts look like ratings or like measurements: they are never
  guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tercet._columns import column_error
from tercet._survey.item import MOST_LEVELS, Item, ItemKind, described
from tercet._survey.scales import is_ordered, known_numbers, known_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._survey.profile import Profile

#: Whole numbers within this span are the codes of a rating scale.
WIDEST_SCALE: Final = 10
#: Text with this many different answers at most is nominal, however few respondents there are.
_FEW: Final = 10
#: With this many nobody asks whether they come again.
_VERY_FEW: Final = 3
#: Beyond that each answer must turn up this often on average.
_TIMES: Final = 10


@dataclass(frozen=True)
class Words:
    """What is said of a column, or of all columns of a battery.

    Attributes
    ----------
    kind : str or None
        What the caller says it is.
    measure : str or None
        What the file says it is: "nominal", "ordinal" or "continuous".
    levels : tuple or None
        Its levels, as the caller gives them.
    labels : mapping
        Values in words; values that are missing are left out.
    """

    kind: ItemKind | None
    measure: str | None
    levels: tuple[Any, ...] | None
    labels: Mapping[Any, str]


@dataclass(frozen=True)
class Nature:
    """What an item's answers are."""

    kind: ItemKind
    levels: tuple[Any, ...] | None = None
    scores: tuple[float, ...] | None = None
    labels: tuple[str, ...] | None = None

    def item(self, name: str, text: str, battery: str | None) -> Item:
        """Return the item of this nature."""
        return Item(name, self.kind, text, self.levels, self.scores, self.labels, battery)


def nature_of(found: Profile, words: Words) -> Nature | None:
    """Return what the answers of a column are; None if it is no item.

    Raises
    ------
    DataError
        If they cannot be what the caller says.
    """
    kind = words.kind or ("ordinal" if words.levels is not None else _guess(found, words))
    if kind is None:
        return None
    if kind in ("continuous", "count"):
        _check_numbers(found, kind)
        return Nature(kind)
    if kind == "multi-select":
        return Nature(kind, (0, 1), labels=("not chosen", "chosen"))
    _check_levels(found, kind, words.levels)
    levels = words.levels or _levels(found, words, kind)
    labels = tuple(
        words.labels.get(level, text) for level, text in zip(levels, described(levels), strict=True)
    )
    return Nature(kind, levels, _scores(levels, labels) if kind == "ordinal" else None, labels)


def _guess(found: Profile, words: Words) -> ItemKind | None:
    if found.type == "other" or not found.n_answers:
        return None
    if found.ordered:
        return "ordinal"
    if found.type == "boolean" or (found.type == "number" and found.categories):
        return "nominal"
    return _guess_text(found, words) if found.type == "text" else _guess_number(found, words)


def _guess_text(found: Profile, words: Words) -> ItemKind | None:
    n_values = len(found.counts)
    if found.many or n_values > MOST_LEVELS:
        return None
    if words.measure == "ordinal":
        return "ordinal"
    answers = [words.labels.get(value, value) for value in found.values]
    if n_values > 2 and (known_order(answers) or known_numbers(answers)):
        return "ordinal"  # of two levels every order is as good
    if words.labels or found.categories:
        return "nominal"
    if n_values == 1 and found.n_answers > 1:
        return None  # what everybody says is no answer, but something about the survey
    if n_values <= _VERY_FEW:
        return "nominal"
    comes_again = n_values < found.n_answers
    few = comes_again and (n_values <= _FEW or n_values * _TIMES <= found.n_answers)
    return "nominal" if few else None


def _guess_number(found: Profile, words: Words) -> ItemKind | None:
    coded = found.whole and not found.many and len(found.counts) <= MOST_LEVELS
    if words.measure in ("nominal", "ordinal"):
        if coded:
            return "ordinal" if words.measure == "ordinal" else "nominal"
        return "continuous"
    labelled = [value for value in found.values if value in words.labels]
    if coded and words.labels and labelled:
        if len(words.labels) == len(labelled) == len(found.values) == 2:
            return "nominal"
        if is_ordered([words.labels[code] for code in sorted(words.labels)]):
            return "ordinal"
        if len(labelled) == len(found.values):
            scale = words.measure == "continuous" and len(words.labels) > 2
            return "ordinal" if scale else "nominal"
    if words.measure == "continuous" and not labelled:
        return "continuous"
    if coded and found.high - found.low <= WIDEST_SCALE:
        two_neighbours = found.high - found.low == 1 and found.low in (0, 1)
        return "nominal" if two_neighbours else "ordinal"
    return "continuous"


def _levels(found: Profile, words: Words, kind: ItemKind) -> tuple[Any, ...]:
    # A scale has the steps that nobody chose, too; a list of choices only those that somebody did.
    if kind == "nominal":
        return found.chosen
    if found.ordered or found.type == "boolean":
        return found.values
    if found.type == "number":
        steps = {value for value in words.labels if isinstance(value, int | float)}
        return tuple(sorted({*found.values, *steps}))
    values = found.values
    if words.labels and words.measure == "ordinal":
        values = tuple(dict.fromkeys([*words.labels, *values]))
    answers = [words.labels.get(value, str(value)) for value in values]
    order = known_order(answers)
    if order is None:
        numbers = known_numbers(answers)
        order = None if numbers is None else sorted(range(len(values)), key=numbers.__getitem__)
    if order is None:
        if words.measure == "ordinal":
            return values
        shown = ", ".join(repr(value) for value in values[:6])
        shown += ", ..." if len(values) > 6 else ""
        reason = (
            f"is ordinal, but the order of its answers ({shown}) is not known; give them from the "
            f"lowest to the highest: levels={{'{found.name}': [...]}}"
        )
        raise column_error(found.name, reason)
    return tuple(values[k] for k in order)


def _scores(levels: Sequence[Any], labels: Sequence[str]) -> tuple[float, ...]:
    """Return how far levels lie apart: their own numbers, else steps of one."""
    steps = tuple(float(k) for k in range(1, len(levels) + 1))
    numbers: Sequence[float] | None
    if all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels):
        numbers = [float(level) for level in levels]
    else:
        numbers = known_numbers(labels)
    if numbers is None or any(a >= b for a, b in pairwise(numbers)):
        return steps
    return tuple(numbers)


def _check_numbers(found: Profile, kind: str) -> None:
    if found.type != "number" and found.n_answers:
        holds = {"text": "text", "boolean": "true/false"}.get(found.type, "other things")
        reason = f"is {kind}, but holds {holds} where numbers belong; correct kinds= or convert it"
        raise column_error(found.name, reason)
    if kind == "count" and (not found.whole or found.low < 0) and found.n_answers:
        reason = "is a count, but holds numbers that are no whole numbers from 0 on; correct kinds="
        raise column_error(found.name, reason)
    if found.n_answers and not (abs(found.low) < float("inf") and abs(found.high) < float("inf")):
        reason = "holds an infinite number; correct it or make it missing with missing="
        raise column_error(found.name, reason)


def _check_levels(found: Profile, kind: str, levels: Sequence[Any] | None) -> None:
    n_levels = len(found.counts if levels is None else levels)
    if found.type == "other" and found.n_answers:
        reason = (
            f"is {kind}, but holds no text, numbers or true/false; correct kinds= or convert it"
        )
        raise column_error(found.name, reason)
    if (found.many and levels is None) or n_levels > MOST_LEVELS:
        shown = "too many" if found.many else str(n_levels)
        reason = (
            f"is {kind}, but has {shown} different answers where {MOST_LEVELS} are the most; group"
            " them, make it continuous with kinds=, or leave it out of items="
        )
        raise column_error(found.name, reason)
