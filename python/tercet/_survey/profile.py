"""What a column holds: its distinct answers and how often each was given."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tercet._survey.item import MOST_LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ValueType: TypeAlias = Literal["number", "text", "boolean", "other"]

# A column with more distinct answers than this is no list of levels; they are not looked at one by
# one. The first rows tell, so that numbers are not sorted for nothing.
_MANY: Final = 4 * MOST_LEVELS
_FIRST: Final = 8 * MOST_LEVELS


@dataclass(frozen=True)
class Profile:
    """The distinct answers in a column.

    Attributes
    ----------
    name : str
        The column, or what columns that were pooled have in common.
    type : {"number", "text", "boolean", "other"}
        What the answers are; dates and lists are "other".
    counts : dict
        How often each answer was given: numbers ascending, categories in their order, text in
        alphabetical order. Empty where `many`.
    n_answers, n_rows : int
        How many answers are not missing, and how many could be.
    low, high : float
        The smallest and the largest number; NaN for anything else.
    whole : bool
        Whether all answers are whole numbers.
    many : bool
        Whether there are too many distinct answers for a list of levels.
    categories : bool
        Whether the table says that the answers are categories.
    ordered : bool
        Whether it says that they are ordered.
    """

    name: str
    type: ValueType
    counts: dict[Any, int]
    n_answers: int
    n_rows: int
    low: float = math.nan
    high: float = math.nan
    whole: bool = False
    many: bool = False
    categories: bool = False
    ordered: bool = False

    @property
    def values(self) -> tuple[Any, ...]:
        """The distinct answers."""
        return tuple(self.counts)

    @property
    def chosen(self) -> tuple[Any, ...]:
        """The distinct answers that somebody gave; a category may be one that nobody chose."""
        return tuple(value for value, count in self.counts.items() if count)


def profile(name: str, column: Any) -> Profile:
    """Return what an Arrow column holds."""
    kind = column.type
    categories = _categories(column)
    value_type = _value_type(kind.value_type if pa.types.is_dictionary(kind) else kind)
    n_answers = len(column) - column.null_count
    if value_type == "other":
        return Profile(name, "other", {}, n_answers, len(column))
    low, high, whole = _range(column, value_type, categories)
    if _has_many(column, value_type):
        return Profile(name, value_type, {}, n_answers, len(column), low, high, whole, many=True)
    counts = _counts(column)
    return Profile(
        name,
        value_type,
        _sorted(counts, categories),
        n_answers,
        len(column),
        low,
        high,
        whole,
        categories=categories is not None,
        ordered=categories is not None and bool(kind.ordered),
    )


def pooled(name: str, profiles: Sequence[Profile]) -> Profile | None:
    """Return the profile of several columns together; None if their types differ."""
    asked = [one for one in profiles if one.n_answers]
    if not asked or len({one.type for one in asked}) > 1:
        return None
    counts: dict[Any, int] = {}
    for one in asked:
        for value, count in one.counts.items():
            counts[value] = counts.get(value, 0) + count
    many = any(one.many for one in asked) or len(counts) > _MANY
    ordered = all(one.ordered and one.values == asked[0].values for one in asked)
    return Profile(
        name,
        asked[0].type,
        {} if many else (counts if ordered else _sorted(counts, None)),
        sum(one.n_answers for one in asked),
        sum(one.n_rows for one in asked),
        min(one.low for one in asked),
        max(one.high for one in asked),
        all(one.whole for one in asked),
        many,
        all(one.categories for one in asked),
        ordered,
    )


def without(found: Profile, absent: Iterable[Any]) -> Profile:
    """Return a profile without some of its answers, which became missing."""
    gone = set(absent)
    counts = {value: count for value, count in found.counts.items() if value not in gone}
    if found.many or len(counts) == len(found.counts):
        return found
    numbers = [value for value in counts if found.type == "number"]
    return replace(
        found,
        counts=counts,
        n_answers=sum(counts.values()),
        low=float(min(numbers, default=math.nan)),
        high=float(max(numbers, default=math.nan)),
        whole=found.type == "number" and all(float(value).is_integer() for value in numbers),
    )


def plain(value: Any) -> Any:
    """Return a whole number as an int, so that 1.0 reads as 1; anything else as it is."""
    if isinstance(value, bool | int | str):
        return value
    try:
        return int(value) if value == int(value) else value
    except (TypeError, ValueError, OverflowError):
        return value


def _value_type(kind: Any) -> ValueType:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    is_text = (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
    return "text" if is_text else "other"


def _categories(column: Any) -> list[Any] | None:
    if not pa.types.is_dictionary(column.type):
        return None
    return list(column.unify_dictionaries().chunk(0).dictionary.to_pylist())


def _has_many(column: Any, value_type: ValueType) -> bool:
    if value_type == "boolean":
        return False
    if pa.types.is_dictionary(column.type):
        return len(column.unify_dictionaries().chunk(0).dictionary) > _MANY
    if len(pc.unique(column.slice(0, _FIRST))) > _MANY:
        return True
    return len(column) > _FIRST and len(pc.unique(column)) > _MANY


def _range(
    column: Any, value_type: ValueType, categories: list[Any] | None
) -> tuple[float, float, bool]:
    if value_type != "number" or column.null_count == len(column):
        return math.nan, math.nan, False
    if categories is not None:
        column = column.cast(column.type.value_type)
    numbers = column.cast(pa.float64(), safe=False)
    ends = pc.min_max(numbers)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    whole = pa.types.is_integer(column.type) or pc.all(pc.equal(pc.floor(numbers), numbers)).as_py()
    return float(low), float(high), bool(whole) and math.isfinite(low) and math.isfinite(high)


def _counts(column: Any) -> dict[Any, int]:
    found: dict[Any, int] = {}
    counted = pc.value_counts(column)
    values = counted.field("values")
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    for value, count in zip(values.to_pylist(), counted.field("counts").to_pylist(), strict=True):
        if value is not None:
            found[plain(value)] = count
    return found


def _sorted(counts: Mapping[Any, int], categories: list[Any] | None) -> dict[Any, int]:
    if categories is not None:
        # A category that nobody chose is a level all the same; a mere dictionary holds none.
        order = [plain(value) for value in categories if value is not None]
        return {value: counts.get(value, 0) for value in order}
    return {value: counts[value] for value in sorted(counts)}
