"""A purchase log from a text or Parquet file, as one Arrow table of customers, times and amounts.

Text files are looked at before they are parsed: the separator is the one under which the wanted
columns appear in the header line. Customer ids stay as they are written ("00042" is not 42); dates
are parsed once, here, and everything that cannot be read is an error that names column and row.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from tercet._time import Times, read_times
from tercet.exceptions import DataError

if TYPE_CHECKING:
    from pathlib import Path

# What a user may write for a separator, and the byte that it stands for. Runs of blanks are turned
# into tabs before the parser sees them.
SEPARATORS: Final = {",": ",", ";": ";", "|": "|", "tab": "\t", "\t": "\t", "whitespace": None}
PARQUET_SUFFIXES: Final = frozenset({".parquet", ".pq"})
# Enough to hold any header line; the rest of the file is not looked at to find the separator.
SNIFFED_BYTES: Final = 65_536
INTEGER_ID: Final = r"^(0|-?[1-9][0-9]{0,17})$"


@dataclass(frozen=True)
class PurchaseFormat:
    """How the file is written."""

    customer: str = "customer_id"
    date: str = "date"
    amount: str = "amount"
    separator: str = "auto"
    date_format: str = "auto"
    decimal_comma: bool = False
    encoding: str = "utf8"


@dataclass(frozen=True)
class PurchaseFile:
    """A purchase log as it was read, with its times also as integers."""

    table: pa.Table
    times: Times
    description: str


def read_purchases(path: Path, how: PurchaseFormat) -> PurchaseFile:
    """Read a purchase log; Parquet by its extension, anything else as text.

    Raises
    ------
    DataError
        If the columns are not there, or a date or an amount cannot be read.
    OSError
        If the file cannot be opened.
    """
    if path.suffix.lower() in PARQUET_SUFFIXES:
        raw, description = _read_parquet(path, how), "Parquet"
    else:
        raw, description = _read_text(path, how)
    if raw.num_rows == 0:
        raise DataError(f"{path} has a header but no purchases")
    dates = _dates(raw[how.date], how)
    times = read_times(dates, how.date)
    table = pa.table(
        {
            how.customer: _customers(raw[how.customer]),
            how.date: times.column(times.ticks),
            how.amount: _amounts(raw[how.amount], how),
        }
    )
    return PurchaseFile(table, times, description)


def _wanted(how: PurchaseFormat) -> list[str]:
    names = [how.customer, how.date, how.amount]
    if len(set(names)) < len(names):
        raise DataError(
            f"--customer, --date and --amount name {', '.join(map(repr, names))}; "
            "they must be three different columns"
        )
    return names


def _read_parquet(path: Path, how: PurchaseFormat) -> pa.Table:
    wanted = _wanted(how)
    # Opened here so that a missing file is an OSError in the system's own words.
    with path.open("rb") as file:
        try:
            there = pyarrow.parquet.read_schema(file).names
            _require(wanted, there, path)
            file.seek(0)
            return pyarrow.parquet.read_table(file, columns=wanted)
        except pa.ArrowInvalid as error:
            raise DataError(f"{path} is not a readable Parquet file: {error}") from error


def _read_text(path: Path, how: PurchaseFormat) -> tuple[pa.Table, str]:
    wanted = _wanted(how)
    with _opened(path) as text:
        start = text.read(SNIFFED_BYTES)
    header = _header(start, path, how)
    separator = _separator(header.text, wanted, path, how)
    names = _split(header.text, separator)
    _require(wanted, names, path)

    options: dict[str, Any] = {
        "read_options": pa.csv.ReadOptions(
            column_names=names, skip_rows=header.lines_to_skip, encoding=how.encoding
        ),
        "convert_options": pa.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            strings_can_be_null=True,
            # An empty field is missing; "NA" may be a customer.
            null_values=[""],
        ),
    }
    try:
        with _opened(path) as text:
            if separator == "whitespace":
                source = pa.BufferReader(_blanks_to_tabs(text.read()))
                parse = pa.csv.ParseOptions(delimiter="\t", quote_char=False)
            else:
                source = text
                parse = pa.csv.ParseOptions(
                    delimiter=SEPARATORS[separator], newlines_in_values=True
                )
            return pa.csv.read_csv(source, parse_options=parse, **options), _spoken(separator)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path} cannot be read as {_spoken(separator)}: {error}; "
            "correct the line, or name the separator with --separator"
        ) from error


def _opened(path: Path) -> Any:
    """Open a text file; .gz, .bz2, .zst and the like are unpacked on the way."""
    # Python's own errors of a missing file or a folder are clearer than Arrow's.
    path.open("rb").close()
    return pa.input_stream(str(path))


@dataclass(frozen=True)
class _Header:
    text: str
    lines_to_skip: int


def _header(start: bytes, path: Path, how: PurchaseFormat) -> _Header:
    """Find the first line that is not blank."""
    try:
        # The cut at the end may fall inside a character; only the header matters here.
        text = start.decode(
            how.encoding, errors="ignore" if len(start) == SNIFFED_BYTES else "strict"
        )
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not text in the encoding {how.encoding!r} (byte {error.start}); "
            "name the right one with --encoding, for example latin1"
        ) from error
    except LookupError as error:
        raise DataError(f"--encoding {how.encoding!r} is not known; utf8 and latin1 are") from error
    for skipped, line in enumerate(text.removeprefix("\ufeff").splitlines()):
        if line.strip():
            return _Header(line, skipped + 1)
    raise DataError(f"{path} is empty; it needs a header line with the names of the columns")


def _separator(header: str, wanted: list[str], path: Path, how: PurchaseFormat) -> str:
    if how.separator != "auto":
        if how.separator not in SEPARATORS:
            known = ", ".join(repr(name) for name in SEPARATORS if name != "\t")
            raise DataError(f"--separator {how.separator!r} is not known; use auto, {known}")
        return "tab" if how.separator == "\t" else how.separator
    candidates = [",", ";", "tab", "|", "whitespace"]
    for candidate in candidates:
        if set(wanted) <= set(_split(header, candidate)):
            return candidate
    best = max(candidates, key=lambda candidate: len(_split(header, candidate)))
    _require(wanted, _split(header, best), path)
    raise AssertionError("a header with every wanted column has a separator")


def _split(header: str, separator: str) -> list[str]:
    symbol = SEPARATORS[separator]
    if symbol is None:
        return header.split()
    return [name.strip() for name in next(csv.reader([header], delimiter=symbol))]


def _require(wanted: list[str], there: list[str], path: Path) -> None:
    options = dict(zip(wanted, ("--customer", "--date", "--amount"), strict=True))
    shown = ", ".join(repr(name) for name in there[:12]) + (", ..." if len(there) > 12 else "")
    for name in wanted:
        if name not in there:
            raise DataError(
                f"column {name!r} is not in {path}, whose first line has the columns {shown}; "
                f"name the right one with {options[name]}, or add a header line",
                column=name,
            )
        if there.count(name) > 1:
            raise DataError(
                f"column {name!r} appears {there.count(name)} times in {path}; rename all but one",
                column=name,
            )


def _blanks_to_tabs(raw: bytes) -> bytes:
    trimmed = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", raw)
    return re.sub(rb"[ \t]+", b"\t", trimmed)


def _spoken(separator: str) -> str:
    names = {"tab": "tab-separated text", "whitespace": "text in columns separated by blanks"}
    return names.get(separator, f"text separated by {separator!r}")


def _customers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as integers where every one is written as a plain integer, else as they are."""
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    if pc.all(pc.match_substring_regex(trimmed, INTEGER_ID), skip_nulls=True).as_py():
        return trimmed.cast(pa.int64())
    return trimmed


def _amounts(column: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    text = pc.utf8_trim_whitespace(column)
    if how.decimal_comma:
        text = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        row = _first_failure(text, pa.float64())
        written = column[row].as_py()
        remedy = (
            "pass --decimal-comma if the comma is the decimal sign"
            if "," in written and not how.decimal_comma
            else "write plain numbers, such as 1234.50"
        )
        raise _unreadable(how.amount, row, written, "a number", remedy) from None


def _dates(column: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    """Return the dates as the library reads them: text, dates, timestamps or integer periods."""
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if how.date_format == "auto":
        if is_text:
            return _iso_dates(pc.utf8_trim_whitespace(column), how)
        if pa.types.is_integer(column.type):
            return _iso_dates(column.cast(pa.string()), how)
        return column
    if how.date_format == "period":
        return _periods(column, how)
    if not (is_text or pa.types.is_integer(column.type)):
        return column
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    parsed = pc.strptime(text, format=how.date_format, unit="us", error_is_null=True)
    failed = pc.and_(pc.is_null(parsed), pc.is_valid(text))
    if pc.any(failed).as_py():
        row = pc.index(failed, True).as_py()
        raise _unreadable(
            how.date,
            row,
            text[row].as_py(),
            f"a date in the format {how.date_format!r}",
            "correct it, or name the right format with --date-format",
        )
    has_clock = any(code in how.date_format for code in ("%H", "%I", "%M", "%S", "%T", "%R"))
    return parsed if has_clock else parsed.cast(pa.date32())


def _iso_dates(text: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    """Pass text in ISO form or as yyyymmdd; the rest could mean two things, and is not guessed."""
    readable = pc.match_substring_regex(text, r"^\d{4}-?\d{2}-?\d{2}([T ].*)?$")
    if pc.all(readable, skip_nulls=True).as_py():
        return text
    row = pc.index(readable, False).as_py()
    written = text[row].as_py()
    whole_number = re.fullmatch(r"-?\d+", written) is not None
    remedy = (
        "pass --date-format period, and --time-unit period, if the column counts periods"
        if whole_number
        else "name the format with --date-format, for example %d/%m/%Y"
    )
    raise _unreadable(how.date, row, written, "a date as 1997-09-30 or 19970930", remedy)


def _periods(column: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    try:
        return column.cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        row = _first_failure(column, pa.int64())
        raise _unreadable(
            how.date,
            row,
            column[row].as_py(),
            "a whole number",
            "correct it, or pass --date-format auto",
        ) from None


def _first_failure(column: pa.ChunkedArray, kind: pa.DataType) -> int:
    from tercet._columns import first_uncastable

    return first_uncastable(column, kind)


def _unreadable(column: str, row: int, written: object, expected: str, remedy: str) -> DataError:
    return DataError(
        f"column '{column}', row {row}: '{written}' is not {expected}; {remedy}", column, row
    )
