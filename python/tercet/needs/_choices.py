"""Best-worst choices as the core takes them: a row for every item that was shown.

Tables come long (a row an item shown) or wide (a row a task). Respondents are numbered in the order
in which they first occur; items are known by their names.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet import _arguments
from tercet._columns import column_error, contiguous
from tercet._frames import read_table
from tercet._levels import as_text, quoted
from tercet._survey.item import NO_ANSWER, encoded
from tercet._weights import read_weights
from tercet.needs._items import levels_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet._frames import Table

Places: TypeAlias = NDArray[np.uint16]
#: Respondent, task, item and choice of every item shown.
Rows: TypeAlias = "tuple[NDArray[np.uint32], NDArray[np.uint32], Places, NDArray[np.int8]]"

#: The core's bounds of a set.
FEWEST_SHOWN: Final = 3
MOST_SHOWN: Final = 32

_WORDS: Final = {"best": 1, "most": 1, "worst": -1, "least": -1, "none": 0, "": 0}
_CHOICES: Final = 'a choice is "best" or "worst" (or 1 or -1), and missing (or 0) elsewhere'
#: The place of what is no item.
_NOTHING: Final = int(np.iinfo(np.uint16).max)


@dataclass(frozen=True)
class Layout:
    """Which columns hold what.

    Attributes
    ----------
    respondent : str
        The respondents' ids.
    task : str or None
        The task; None where every row of a wide table is one.
    item, choice : str or None
        Of a long table.
    shown : tuple of str or None
        Of a wide table: the columns of the items shown.
    best, worst : str or None
        Of a wide table.
    """

    respondent: str
    task: str | None
    item: str | None
    choice: str | None
    shown: tuple[str, ...] | None
    best: str | None
    worst: str | None

    @classmethod
    def long(cls, respondent: str, task: str, item: str, choice: str) -> Layout:
        """Return the layout of a table with a row an item shown."""
        return cls(respondent, task, item, choice, None, None, None)

    @classmethod
    def wide(cls, respondent: str, task: str | None, shown: Any, best: str, worst: str) -> Layout:
        """Return the layout of a table with a row a task."""
        names = _arguments.names(shown, "shown", "a list of different columns' names")
        return cls(respondent, task, None, None, tuple(names), best, worst)

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Layout:
        """Return the layout that a model's note tells of."""
        shown = note["shown"]
        return cls(**{**note, "shown": None if shown is None else tuple(shown)})

    def note(self) -> dict[str, Any]:
        """Return what a model notes of it."""
        return asdict(self)

    def columns(self) -> dict[str, str]:
        """Return the columns by the arguments that name them."""
        named = {
            "respondent": self.respondent,
            "task": self.task,
            "item": self.item,
            "choice": self.choice,
            "best": self.best,
            "worst": self.worst,
        }
        columns = {argument: name for argument, name in named.items() if name is not None}
        return columns | {f"shown[{k}]": name for k, name in enumerate(self.shown or ())}

    def core_names(self) -> dict[str, str]:
        """Return what the caller calls the core's columns."""
        first = self.shown[0] if self.shown else None
        return {
            "respondent": self.respondent,
            "task": self.task or self.respondent,
            "item": self.item or str(first),
            "choice": self.choice or str(self.best),
        }


class Choices(NamedTuple):
    """Choices of respondents.

    Attributes
    ----------
    table : Table
        The caller's table.
    rows : tuple of arrays
        What the core takes.
    items : list of str
        The items that were shown.
    first_row : numpy.ndarray
        For each respondent, its first row in the caller's table.
    weights : tuple or None
        What the weights are called, and a number a respondent.
    """

    table: Table
    rows: Rows
    items: list[str]
    first_row: Integers
    weights: tuple[str, Floats] | None


def read_choices(frame: Any, layout: Layout, weights: Any = None) -> Choices:
    """Read choices.

    Raises
    ------
    DataError
        For a respondent, a task or an item that is missing, or a choice that is none; it names
        column and row.
    """
    columns = layout.columns()
    if isinstance(weights, str):
        columns["weights"] = weights
    table = read_table(frame, columns, what="table of choices")
    respondent, first_row = _numbered(table, layout.respondent)
    if layout.task is None:
        task = np.arange(len(table), dtype=np.uint32)
    else:
        task, _ = _numbered(table, layout.task)
    per_row = _weights(table, weights, respondent, first_row)
    name = weights if isinstance(weights, str) else "weights"
    named = None if per_row is None else (name, per_row)
    if layout.shown is None:
        items, places = _items_shown(table, str(layout.item))
        rows = (respondent, task, places, _choice(table, str(layout.choice)))
    else:
        items, rows = _long_of_wide(table, layout, respondent, task)
    return Choices(table, rows, items, first_row, named)


def check_known(choices: Choices, layout: Layout, known: Sequence[str]) -> None:
    """Refuse items that a model does not have."""
    strange = [item for item in choices.items if item not in known]
    if strange:
        reason = f"shows '{strange[0]}', which is none of the model's items ({quoted(known)})"
        raise column_error(layout.core_names()["item"], reason)


def _numbered(table: Table, name: str) -> tuple[NDArray[np.uint32], Integers]:
    """Return the number of each row's id, in the order in which ids occur, and their first rows."""
    column = contiguous(table.arrow(name), name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    codes = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(codes, return_index=True)
    return codes.astype(np.uint32), first.astype(np.int64)


def _weights(
    table: Table, weights: Any, respondent: NDArray[np.uint32], first_row: Integers
) -> Floats | None:
    """Return a weight a respondent, which must be the same in all of its rows."""
    values = read_weights(table, weights, what="table of choices")
    if values is None:
        return None
    name = weights if isinstance(weights, str) else "weights"
    own = values[first_row]
    differs = values != own[respondent]
    if differs.any():
        row = int(differs.argmax())
        reason = (
            f"is {values[row]}, and {own[respondent[row]]} in row {first_row[respondent[row]]} of "
            "the same respondent; a respondent has one weight"
        )
        raise column_error(name, reason, row)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(bad.argmax())
        reason = f"is {values[row]}; a weight is a number of at least 0"
        raise column_error(name, reason, row)
    return own


def _items_shown(table: Table, name: str) -> tuple[list[str], Places]:
    levels, codes = levels_in(table.arrow(name), name)
    missing = codes == NO_ANSWER
    if missing.any():
        reason = "is missing; a row stands for an item that was shown: fill the gap or drop the row"
        raise column_error(name, reason, int(missing.argmax()))
    return [as_text(level) for level in levels], codes.astype(np.uint16)


def _choice(table: Table, name: str) -> NDArray[np.int8]:
    indices, distinct = encoded(table.arrow(name))
    # The last place is that of no choice.
    meaning = [*(_meaning(value) for value in distinct), 0]
    strange = [place for place, found in enumerate(meaning) if found is None]
    if strange:
        at_fault = np.isin(indices, strange)
        if at_fault.any():
            row = int(at_fault.argmax())
            raise column_error(name, f"is {distinct[indices[row]]!r}; {_CHOICES}", row)
    codes = np.array([found or 0 for found in meaning], dtype=np.int8)
    found: NDArray[np.int8] = codes[indices]
    return found


def _meaning(value: Any) -> int | None:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    if isinstance(value, bool):
        return None
    return int(value) if value in (-1, 0, 1) else None


def _long_of_wide(
    table: Table, layout: Layout, respondent: NDArray[np.uint32], task: NDArray[np.uint32]
) -> tuple[list[str], Rows]:
    """Return the items, and a row for every item that a task showed."""
    shown = layout.shown or ()
    items, found = _common_places(table, [*shown, str(layout.best), str(layout.worst)])
    places, best, worst = np.stack(found[:-2], axis=1), found[-2], found[-1]
    is_shown = places != _NOTHING
    _check_sets(layout, places, is_shown, respondent, task)
    choice = np.zeros(places.shape, dtype=np.int8)
    for picked, sign, name in ((best, 1, layout.best), (worst, -1, layout.worst)):
        here = (places == picked[:, None]) & is_shown
        made = picked != _NOTHING
        strange = made & ~here.any(axis=1)
        if strange.any():
            row = int(strange.argmax())
            reason = f"is '{items[picked[row]]}', which this task does not show; correct it"
            raise column_error(str(name), reason, row)
        choice[here] = sign
    same = (best == worst) & (best != _NOTHING)
    if same.any():
        row = int(same.argmax())
        reason = f"is '{items[best[row]]}', which is the best too; an item cannot be both"
        raise column_error(str(layout.worst), reason, row)
    width = places.shape[1]
    every = [
        np.repeat(column, width).reshape(places.shape)[is_shown] for column in (respondent, task)
    ]
    return items, (every[0], every[1], places[is_shown], choice[is_shown])


def _common_places(table: Table, names: Sequence[str]) -> tuple[list[str], list[Places]]:
    """Return the items of several columns, and each column as places among them."""
    read = [_texts(table, name) for name in names]
    # Those of the picks are among those shown, or refused.
    every = {
        text: value for texts, values, _ in read for text, value in zip(texts, values, strict=True)
    }
    items = sorted(every, key=lambda text: (isinstance(every[text], str), every[text]))
    place = {text: k for k, text in enumerate(items)}
    found = []
    for texts, _, indices in read:
        codes = np.array([*(place[text] for text in texts), _NOTHING], dtype=np.uint16)
        found.append(codes[indices])
    return items, found


def _texts(table: Table, name: str) -> tuple[list[str], list[Any], NDArray[np.int64]]:
    column = table.arrow(name)
    if pa.types.is_null(column.type):
        return [], [], np.full(len(table), -1, dtype=np.int64)
    levels, codes = levels_in(column, name)
    indices = np.where(codes == NO_ANSWER, -1, codes.astype(np.int64))
    return [as_text(level) for level in levels], list(levels), indices


def _check_sets(
    layout: Layout,
    places: Places,
    is_shown: NDArray[np.bool_],
    respondent: NDArray[np.uint32],
    task: NDArray[np.uint32],
) -> None:
    """Refuse tasks that are no sets: too small, with an item twice, or twice in the table."""
    first = (layout.shown or ("",))[0]
    n_shown = is_shown.sum(axis=1)
    wrong = (n_shown < FEWEST_SHOWN) | (n_shown > MOST_SHOWN)
    if wrong.any():
        row = int(wrong.argmax())
        reason = f"shows {n_shown[row]} item(s); a task shows {FEWEST_SHOWN} to {MOST_SHOWN}"
        raise column_error(first, reason, row)
    ordered = np.sort(places, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != _NOTHING)).any(axis=1)
    if twice.any():
        reason = "shows an item twice in this task; a task shows an item once"
        raise column_error(first, reason, int(twice.argmax()))
    both = respondent.astype(np.int64) << 32 | task
    _, first_row, counts = np.unique(both, return_index=True, return_counts=True)
    if (counts > 1).any():
        again = np.setdiff1d(np.arange(len(both)), first_row)
        reason = "has this task of this respondent a second time; drop one of the rows"
        raise column_error(str(layout.task), reason, int(again.min()))
