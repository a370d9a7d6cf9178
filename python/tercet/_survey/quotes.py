"""Stray quotes in text files: a quote that is not closed takes the lines after it into one cell."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_REMEDY: Final = "delete the quote, or double it where it belongs to the text"
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_BREAK: Final = re.compile(r"\r\n|\r|\n")
#: Columns with more distinct cells than this are known by their form only.
_MOST_KNOWN: Final = 1000
_SHOWN: Final = 40


def check_closed(content: str, separator: str, path: Path, first_line: int, *, rows: bool) -> None:
    """Refuse text whose last quote is never closed.

    Parameters
    ----------
    content : str
        The records.
    separator : str
        What separates their columns.
    path : Path
        The file, for messages.
    first_line : int
        The line of the file, from 1, in which `content` begins.
    rows : bool
        Whether the records are answers rather than the header.

    Raises
    ------
    DataError
        If so; it names the line and the row.
    """
    last = None
    try:
        for last in _records(content, separator):  # noqa: B007 - the last one is wanted
            pass
    except csv.Error as error:
        # A cell of more than 100,000 characters.
        raise DataError(f"{path} cannot be read: {error}; is a quote not closed?") from error
    if last is None:
        return
    row, line, _, raw = last
    try:
        list(csv.reader(io.StringIO(raw, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return
        _refuse_unclosed(path, raw, first_line + line, row if rows else None)


def check_swallowed(
    table: pa.Table, header: Sequence[str], content: str, separator: str, path: Path, line: int
) -> None:
    """Refuse cells of several lines that are records of their own.

    A line within a cell is one if it has as many columns as the header and most of its cells are
    what the other records have in these columns: numbers, or the very same words.

    Parameters
    ----------
    table : table
        The records, as they were parsed.
    header : sequence of str
        The cells of the header.
    content : str
        The records, as they are written.
    separator : str
        What separates their columns.
    path : Path
        The file, for messages.
    line : int
        The line of the file, from 1, in which `content` begins.
    """
    in_cells = has_line_breaks(table)
    if not in_cells and not any(_BREAK.search(name) for name in header):
        return
    known = _Known(table)
    for name in header:
        if known.has_record(_BREAK.split(name)[1:], separator):
            raise DataError(
                f"{path}: the header takes in records, from a stray quote before "
                f"{_BREAK.split(name)[0][:_SHOWN]!r} on; {_REMEDY}"
            )
    for row, start, cells, _ in _records(content, separator) if in_cells else ():
        for cell in cells:
            lines = _BREAK.split(cell)
            if len(lines) > 1 and known.has_record(lines[1:], separator):
                raise DataError(
                    f"{path}, row {row} (line {line + start}): one cell takes in {len(lines) - 1} "
                    "lines that look like records, from a stray quote before "
                    f"{lines[0][:_SHOWN]!r} on; {_REMEDY}; if one cell is meant, read the file "
                    "yourself and pass the table to Survey.from_frame",
                    row=row,
                )


def has_line_breaks(table: pa.Table) -> bool:
    """Whether any cell holds several lines."""
    return any(
        pc.any(pc.match_substring_regex(column, r"[\r\n]")).as_py() for column in table.columns
    )


class _Known:
    """What the columns of a file hold."""

    def __init__(self, table: pa.Table) -> None:
        self._words = [_words(column) for column in table.columns]

    def has_record(self, lines: Sequence[str], separator: str) -> bool:
        """Whether one of some lines could be a record."""
        return any(self._is_record(line, separator) for line in lines)

    def _is_record(self, line: str, separator: str) -> bool:
        n_columns = len(self._words)
        if line.count(separator) < n_columns - 1:
            return False
        cells = next(csv.reader([line], delimiter=separator), [])
        if len(cells) != n_columns:
            return False
        told = [(cell, known) for cell, known in zip(cells, self._words, strict=True) if cell]
        alike = sum(known is not None and _form(cell) in known for cell, known in told)
        return 2 * alike > len(told)


def _words(column: Any) -> frozenset[str] | None:
    """Return the words of a column, numbers as "0"; None where they are too many to be known."""
    found = pc.unique(column.slice(0, 100_000)).drop_null().to_pylist()
    words = {_form(word) for word in found if not _BREAK.search(word)}
    return frozenset(words) if len(words) <= _MOST_KNOWN else None


def _form(cell: str) -> str:
    return "0" if _NUMBER.fullmatch(cell) else cell


def _records(content: str, separator: str) -> Iterator[tuple[int, int, list[str], str]]:
    """Return the records of several lines: row, line (both from 0), cells, and as written.

    The last record is always among them.
    """
    held: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(content, newline=""):
            held.append(line)
            yield line

    row = -1
    reader = csv.reader(lines(), delimiter=separator)
    start = 0
    last = None
    for cells in reader:
        raw = held[:]
        held.clear()
        row += bool(cells)
        last = (row, start, cells, "".join(raw)) if cells else last
        if len(raw) > 1 and last is not None:
            yield last
            last = None
        start = reader.line_num
    if last is not None:
        yield last


def _refuse_unclosed(path: Path, raw: str, line: int, row: int | None) -> None:
    where = "the header" if row is None else f"row {row}"
    n_lines = len(raw.splitlines())
    takes = f" and takes in the {n_lines - 1} lines after it" if n_lines > 1 else ""
    raise DataError(
        f"{path}, {where} (line {line}): a quote is not closed{takes} "
        f"({raw.splitlines()[0][:_SHOWN]!r}); {_REMEDY}",
        row=row,
    )
