"""Text files with separated columns: decoded, their header records, and their columns as text."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.csv

from tercet._arguments import refusal
from tercet._columns import column_error
from tercet._survey.quotes import check_closed, check_swallowed, has_line_breaks
from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEPARATORS: Final = {",": ",", ";": ";", "|": "|", "tab": "\t", "\t": "\t"}
#: What stands for "no answer" in text files, whatever the question.
NULLS: Final = ("", " ", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "#NULL!", ".")
_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_MARK: Final = re.compile(r'"|\r\n|\r|\n')
_SAYS_SEPARATOR: Final = re.compile(r'\A"?sep=([,;|\t])"?\r?\n', re.IGNORECASE)
_SHOWN: Final = 60
# Enough for the header lines of almost any file.
_BEGINNING: Final = 1 << 20


@dataclass(frozen=True)
class Text:
    """A text file in memory.

    Attributes
    ----------
    path : Path
        Where it came from.
    content : str
        Its characters.
    separator : str
        What separates its columns.
    head : list of list of str
        Its first three records.
    ends : list of int
        Where each of them ends in `content`.
    """

    path: Path
    content: str
    separator: str
    head: list[list[str]]
    ends: list[int]


def read_text(path: Path, encoding: str, separator: str) -> Text:
    """Read and decode a text file, and look at its first records.

    Raises
    ------
    DataError
        If it is empty, not text in the encoding, or has a header that cannot be read.
    OSError
        If it cannot be opened.
    """
    content = _with_usual_line_ends(_decoded(_bytes(path), path, encoding))
    if not content or content.isspace():
        raise DataError(f"{path} is empty; it needs a header line with the names of the questions")
    if "\0" in content[:_BEGINNING]:
        raise DataError(
            f'{path} holds zero bytes, as text in UTF-16 does; pass encoding="utf-16-le" (or '
            '"utf-16-be"), or save it as UTF-8'
        )
    if said := _SAYS_SEPARATOR.match(content):  # a line of Excel
        content = content[said.end() :]
        separator = said[1] if separator == "auto" else separator
    mark = _separator(content, separator)
    head, ends = _records(content[:_BEGINNING], mark, 3)
    if len(content) > _BEGINNING == ends[-1]:  # it was cut off in the header
        head, ends = _records(content, mark, 3)
    return Text(path, content, mark, head, ends)


def columns_of(text: Text, names: Sequence[str], n_header: int) -> pa.Table:
    """Return the records after the header as columns of text, blanks at both ends taken off.

    Raises
    ------
    DataError
        If a record has another number of fields than the header, or there is none.
    """
    above, body = text.content[: text.ends[n_header - 1]], text.content[text.ends[n_header - 1] :]
    check_closed(above, text.separator, text.path, 1, rows=False)
    if not body or body.isspace():
        raise DataError(f"{text.path} has a header but no answers")
    first_line = 1 + above.count("\n")
    try:
        table = _parsed(body.encode(), text, names, threads=True)
    except DataError:
        if '"' in body:  # the reason why a row has too few or too many columns
            check_closed(body, text.separator, text.path, first_line, rows=True)
        raise
    if table.num_rows == 0:
        raise DataError(f"{text.path} has a header but no answers")
    if '"' in body and (has_line_breaks(table) or _last_line(body).count('"') % 2):
        check_closed(body, text.separator, text.path, first_line, rows=True)
    if '"' in text.content:
        check_swallowed(table, text.head[0], body, text.separator, text.path, first_line)
    return table


def header(text: Text) -> list[str]:
    """Return the names of the columns; those without a name get one from their place.

    Raises
    ------
    DataError
        If two columns have one name.
    """
    names = [name.strip() for name in text.head[0]]
    for place, name in enumerate(names):
        if name and name in names[:place]:
            reason = (
                f"is the name of two columns of {text.path} (columns {names.index(name) + 1} and "
                f"{place + 1}, counted from 1); rename one"
            )
            raise column_error(name, reason)
    return [name or f"column {place}" for place, name in enumerate(names, start=1)]


def _bytes(path: Path) -> bytes:
    # Python's own errors of a missing file or a folder are clearer than Arrow's.
    path.open("rb").close()
    try:
        with pa.input_stream(str(path)) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); is it a damaged archive?") from error


def _decoded(raw: bytes, path: Path, encoding: str) -> str:
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError):
        expected = 'the name of an encoding, such as "utf-8", "cp1252" or "latin-1"'
        raise refusal(encoding, "encoding", expected) from None
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            encoding = name
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start)
        remedy = ' or "latin-1"' if encoding.replace("-", "").lower() == "utf8" else ""
        raise DataError(
            f"{path} is not text in the encoding {encoding!r}: byte {error.start} "
            f"(0x{raw[error.start]:02x}), in line {row + 1}; name the right one, for example "
            f'encoding="cp1252"{remedy}'
        ) from error


def _with_usual_line_ends(content: str) -> str:
    """Return text of old Macs, whose lines end with a carriage return, as other text."""
    quoted = False
    # The first line break outside quotes is that after the header.
    for mark in _MARK.finditer(content):
        if mark[0] == '"':
            quoted = not quoted
        elif not quoted:
            return content.replace("\r", "\n") if mark[0] == "\r" else content
    return content


def _last_line(content: str) -> str:
    return content[content.rfind("\n", 0, len(content) - 1) + 1 :]


def _separator(content: str, separator: str) -> str:
    if separator != "auto":
        if separator not in SEPARATORS:
            raise refusal(separator, "separator", '"auto", ",", ";", "|" or "tab"')
        return SEPARATORS[separator]
    lines = content[:_BEGINNING].lstrip("\r\n").split("\n", 2)[:2]
    try:
        n_fields = {
            mark: [len(next(csv.reader([line], delimiter=mark), [])) for line in lines]
            for mark in ",;\t|"
        }
    except csv.Error as error:
        raise _no_header(error) from error
    # Questions in the header have commas of their own: the next line must have as many fields.
    # Before a header of one column every separator finds one field; the comma is the usual one.
    return max(n_fields, key=lambda mark: (_agrees(n_fields[mark]), n_fields[mark][0]))


def _agrees(n_fields: Sequence[int]) -> bool:
    return n_fields[0] > 1 and len(set(n_fields)) == 1


def _records(content: str, separator: str, wanted: int) -> tuple[list[list[str]], list[int]]:
    """Return the first records, and where they end; a quoted cell may hold line breaks."""
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        for line in io.StringIO(content, newline=""):
            consumed += len(line)
            yield line

    records: list[list[str]] = []
    ends: list[int] = []
    try:
        for record in csv.reader(lines(), delimiter=separator):
            if not record and not records:
                continue  # blank lines before the header
            records.append(record)
            ends.append(consumed)
            if len(records) == wanted:
                break
    except csv.Error as error:
        raise _no_header(error) from error
    return records, ends


def _no_header(error: csv.Error) -> DataError:
    return DataError(f"the header cannot be read: {error}; is the file text, is a quote closed?")


def _parsed(body: bytes, text: Text, names: Sequence[str], *, threads: bool) -> pa.Table:
    bad: list[Any] = []

    def remember(row: Any) -> str:
        bad.append(row)
        return "error"

    try:
        return pa.csv.read_csv(
            pa.BufferReader(body),
            read_options=pa.csv.ReadOptions(column_names=list(names), use_threads=threads),
            parse_options=pa.csv.ParseOptions(
                delimiter=text.separator,
                newlines_in_values=b'"' in body,
                invalid_row_handler=remember,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=list(NULLS),
            ),
        )
    except pa.ArrowInvalid as error:
        if threads:  # one thread knows the number of the row
            return _parsed(body, text, names, threads=False)
        if not bad:
            raise DataError(f"{text.path} cannot be read: {error}") from error
        row = bad[0]
        at = None if row.number is None else int(row.number) - 1
        place = "a row" if at is None else f"row {at}"
        raise DataError(
            f"{text.path}, {place}: has {row.actual_columns} fields where the header has "
            f"{row.expected_columns} ({row.text[:_SHOWN]!r}); quote cells that hold the separator, "
            "or name the separator with separator=",
            row=at,
        ) from error
