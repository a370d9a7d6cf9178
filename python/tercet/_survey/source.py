"""A survey as it was read, before anything is concluded from its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Integers
    from tercet._frames import Table
    from tercet._survey.dropped import Dropped

#: What a column is for: an answer, something else that is kept, or something about the interview.
Role: TypeAlias = Literal["answer", "other", "about"]


@dataclass(frozen=True)
class Said:
    """What a file says of a column.

    Attributes
    ----------
    text : str
        What was asked.
    labels : mapping
        Values in words.
    measure : str or None
        What it is: "nominal", "ordinal" or "continuous".
    missing : sequence
        Values and ranges that are missing answers.
    role : {"answer", "other", "about"}
        What the column is for.
    typed_in : bool
        Whether respondents typed the answer in: it is never one of several options in one cell.
    """

    text: str = ""
    labels: Mapping[Any, str] = field(default_factory=dict)
    measure: str | None = None
    missing: Sequence[Any] = ()
    role: Role = "answer"
    typed_in: bool = False


@dataclass(frozen=True)
class OptionSet:
    """A multiple-response set of a file: columns that are one question with several answers.

    In a set of dichotomies each column is an option, chosen where it holds `counted`. In a set of
    categories (`counted` is None) each column holds one of the chosen options.
    """

    name: str
    text: str
    members: tuple[str, ...]
    counted: Any = None
    categories: bool = False


@dataclass
class Source:
    """A table and what its file says of it.

    Attributes
    ----------
    table : Table
        The columns, in memory.
    said : dict
        What the file says, by column; a column that is not there is an answer of which nothing is
        said.
    sets : list of OptionSet
        Multiple-response sets.
    respondent, weights, duration : str or None
        Columns that the file itself names as such.
    rows : array
        The row of the file (after its headers) or table that each row was.
    dropped : list of Dropped
        What was left out on reading, and why.
    notes : list of str
        What a reader of the report should know.
    what : str
        What was read, for messages.
    joined : bool
        Whether cells may hold several options joined by commas.
    """

    table: Table
    said: dict[str, Said]
    rows: Integers
    sets: list[OptionSet] = field(default_factory=list)
    respondent: str | None = None
    weights: str | None = None
    duration: str | None = None
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    what: str = "survey"
    joined: bool = False

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.table.columns.columns)

    def arrow(self, name: str) -> pa.ChunkedArray:
        """Return a column as Arrow."""
        return chunked(self.table.arrow(name))


def chunked(column: Any) -> pa.ChunkedArray:
    """Return a column as one of chunks, its text as a type that Arrow can compute with."""
    if not isinstance(column, pa.ChunkedArray):
        column = pa.chunked_array([column])
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def all_rows(n_rows: int) -> Integers:
    """Return the rows of a table from which nothing was left out."""
    return np.arange(n_rows, dtype=np.int64)
