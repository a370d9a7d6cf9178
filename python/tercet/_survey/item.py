"""One item of a survey: what was asked, what may be answered, and how answers become codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet import _arguments
from tercet._columns import column_error
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What kind of answers an item has.
ItemKind: TypeAlias = Literal["nominal", "ordinal", "continuous", "count", "multi-select"]
#: The codes of answers: the position of an answer's level, or `NO_ANSWER`.
Codes: TypeAlias = NDArray[np.uint8]

ITEM_KINDS: Final = get_args(ItemKind)
#: The code of a missing answer.
NO_ANSWER: Final = 255
#: One code stands for a missing answer.
MOST_LEVELS: Final = 255
#: Kinds whose answers are one of a few levels.
WITH_LEVELS: Final = frozenset({"nominal", "ordinal", "multi-select"})

_SHOWN = 8


@dataclass(frozen=True)
class Item:
    """One item of a survey.

    Parameters
    ----------
    name : str
        Its column.
    kind : {"nominal", "ordinal", "continuous", "count", "multi-select"}
        What its answers are: one of some levels without or with an order, a number, how often
        something happens, or whether an option of a question with several answers was chosen.
    text : str
        What was asked.
    levels : tuple, optional
        The answers as the table holds them, ordered ones from the lowest to the highest. None where
        answers are numbers.
    scores : tuple of float, optional
        How far the levels of an ordinal item lie apart: their own numbers, else 1, 2, 3 and so on.
    labels : tuple of str, optional
        The levels in words.
    battery : str, optional
        The question that the item is a part of: the battery of ratings, or the question of which a
        "multi-select" item is one option.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.Survey.from_frame({"price": [1, 5, 3], "service": [2, 4, 4]})
    >>> survey.items["price"].kind, survey.items["price"].levels
    ('ordinal', (1, 3, 5))
    """

    name: str
    kind: ItemKind
    text: str = ""
    levels: tuple[Any, ...] | None = None
    scores: tuple[float, ...] | None = None
    labels: tuple[str, ...] | None = None
    battery: str | None = None

    def __post_init__(self) -> None:
        _arguments.word(self.kind, "kind", ITEM_KINDS)
        if (self.levels is not None) != (self.kind in WITH_LEVELS):
            needs = "has levels" if self.kind in WITH_LEVELS else "has no levels"
            message = f"levels = {self.levels!r}: item '{self.name}' is {self.kind} and {needs}"
            raise ParameterError(message, "levels")
        for name, values in (("scores", self.scores), ("labels", self.labels)):
            if values is not None and len(values) != len(self.levels or ()):
                message = f"{name} = {values!r}: expected one for each level of item '{self.name}'"
                raise ParameterError(message, name)

    @property
    def statement(self) -> str:
        """The item in short: what sets it apart in its battery, else its text or name.

        Examples
        --------
        >>> import tercet as tc
        >>> tc.Item("Q5_2", "continuous", "How important is each? - Low price").statement
        'Low price'
        """
        return self.text.rsplit(" - ", 1)[-1].strip() or self.name


def codes(column: Any, item: Item) -> Codes:
    """Return an Arrow column of answers as positions in an item's levels.

    Raises
    ------
    DataError
        For an answer that is none of the levels; it names the row.
    """
    levels = item.levels or ()
    indices, distinct = encoded(column)
    place = {level: code for code, level in enumerate(levels)}
    unknown = NO_ANSWER + 1
    table = np.array(
        [*(place.get(value, unknown) for value in distinct), NO_ANSWER], dtype=np.int16
    )
    found = table[indices]
    if (found == unknown).any():
        row = int((found == unknown).argmax())
        shown = ", ".join(repr(level) for level in levels[:_SHOWN])
        shown += ", ..." if len(levels) > _SHOWN else ""
        reason = (
            f"{distinct[indices[row]]!r} is none of the item's levels ({shown}); "
            "correct the answer, make it missing, or name every level with levels="
        )
        raise column_error(item.name, reason, row)
    return found.astype(np.uint8)


def in_words(column: Any, item: Item) -> Any:
    """Return an Arrow column of answers in the words of an item's labels."""
    indices, distinct = encoded(column)
    words = dict(zip(item.levels or (), item.labels or (), strict=True))
    told = pa.array([words.get(value, str(value)) for value in distinct], pa.large_string())
    return told.take(pa.array(indices, mask=indices < 0))


def encoded(column: Any) -> tuple[NDArray[np.int64], list[Any]]:
    """Return a column as indices of its distinct values; missing ones (NaN too) have index -1."""
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        column = column.unify_dictionaries().combine_chunks()
    elif not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pa.ChunkedArray):  # combine_chunks of no or several chunks
        column = column.chunk(0)
    distinct = column.dictionary.to_pylist()
    indices: NDArray[np.int64] = (
        column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    )
    absent = [k for k, value in enumerate(distinct) if value is None or value != value]
    if absent:
        indices = np.where(np.isin(indices, absent), -1, indices)
    return indices, distinct


def described(levels: Sequence[Any]) -> tuple[str, ...]:
    """Return levels in words where nobody has given any."""
    return tuple(str(level).lower() if isinstance(level, bool) else str(level) for level in levels)
