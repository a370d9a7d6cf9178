"""The columns of a survey on their way to items: what changed, what was added, what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import take
from tercet._survey.profile import Profile, plain, profile
from tercet._survey.source import Said, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tercet._columns import Integers


class Columns:
    """The columns of a survey, some of them no longer as they were read.

    Attributes
    ----------
    order : list of str
        All columns of the table, in order.
    said : dict
        What the file says of each.
    changed : dict
        Those that are not as they were, as Arrow.
    profiles : dict
        What the columns hold that were looked at.
    option_sets : dict
        Columns that are options of one question, by question.
    dont_know : dict
        Answers that say "don't know" and are levels all the same, by column.
    keep : array or None
        The rows to keep; None for all.
    rows : array
        The rows of the file or table that they were.
    """

    def __init__(self, source: Source) -> None:
        self.order = source.names
        self.said = dict(source.said)
        self.changed: dict[str, Any] = {}
        self.profiles: dict[str, Profile] = {}
        self.option_sets: dict[str, tuple[str, ...]] = {}
        self.dont_know: dict[str, frozenset[Any]] = {}
        self.keep: Integers | None = None
        self.rows = source.rows
        self._source = source
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return a column as it is by now, as Arrow."""
        if name in self.changed:
            return self.changed[name]
        if name not in self._read:
            column = self._source.arrow(name)
            self._read[name] = column if self.keep is None else take(column, self.keep)
        return self._read[name]

    def __setitem__(self, name: str, column: Any) -> None:
        """Put another column in the place of one, or a new one beside them."""
        self.changed[name] = column
        self.profiles[name] = profile(name, column)

    def what_is_said(self, name: str) -> Said:
        """Return what the file says of a column."""
        return self.said.get(name) or Said()

    def look_at(self, name: str) -> None:
        """Find out what a column holds; NaN is no answer."""
        column = self[name]
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
            self.changed[name] = column
        self.profiles[name] = profile(name, column)

    def keep_rows(self, rows: Integers) -> None:
        """Leave out all other rows; before anything else is changed."""
        self.keep = rows
        self.rows = self.rows[rows]
        self._read.clear()

    def put_options(
        self,
        question: str,
        instead_of: list[str],
        columns: Mapping[Any, Any],
        words: Iterable[str],
        text: str,
    ) -> list[str]:
        """Put a column for each option in the place of those that held the options together.

        Parameters
        ----------
        question : str
            The question.
        instead_of : list of str
            The columns that held the options.
        columns : mapping
            The new columns by what is put behind the question's name.
        words : iterable of str
            The options.
        text : str
            What was asked.

        Returns
        -------
        list of str
            The names of the new columns.
        """
        at = self.order.index(instead_of[0])
        others = {name for name in self.order if name not in instead_of}
        made: list[str] = []
        for (suffix, column), word in zip(columns.items(), words, strict=True):
            name = f"{question}_{suffix}"
            while name in others or name in made:
                name += "_"
            made.append(name)
            self.said[name] = Said(text=f"{text} - {word}" if text else str(word))
            self[name] = column
        before = [name for name in self.order[:at] if name in others]
        after = [name for name in self.order[at:] if name in others]
        self.order = [*before, *made, *after]
        self.option_sets[question] = tuple(made)
        return made


def blanked(column: Any, values: Iterable[Any]) -> Any:
    """Return an Arrow column in which some values are missing; categories stay categories."""
    gone = set(values)
    if not gone:
        return column
    if pa.types.is_dictionary(column.type):
        return _blanked_categories(column, gone)
    is_text = not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type))
    fitting = [value for value in gone if isinstance(value, str) == is_text]
    try:
        value_set = pa.array(fitting).cast(column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column
    found = pc.is_in(column, value_set=value_set) if fitting else None
    return column if found is None else pc.if_else(found, pa.scalar(None, column.type), column)


def _blanked_categories(column: Any, gone: set[Any]) -> Any:
    chunks = []
    for chunk in column.chunks:
        words = chunk.dictionary.to_pylist()
        bad = pa.array([k for k, word in enumerate(words) if plain(word) in gone], pa.int64())
        absent = pc.is_in(chunk.indices.cast(pa.int64()), value_set=bad)
        indices = pc.if_else(absent, pa.scalar(None, chunk.indices.type), chunk.indices)
        ordered = column.type.ordered
        chunks.append(pa.DictionaryArray.from_arrays(indices, chunk.dictionary, ordered=ordered))
    return pa.chunked_array(chunks, type=column.type)
