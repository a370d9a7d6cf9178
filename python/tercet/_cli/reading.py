"""A purchase log from a text or Parquet file, as one Arrow table of customers, times and amounts.

Text files are looked at before they are parsed: the separator is the one under which the wanted
columns appear in the header line. Customer ids stay as they are written ("00042" is not 42); dates
are parsed once, here, and everything that cannot be read is an error that names column and row.
"""

from __future__ import annotations

import codecs
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
# A column's name longer than this is cut in messages: a file read wrongly is one long name.
SHOWN_CHARACTERS: Final = 40
# 1.234,50 or 1234,50: points only between groups of three digits, one comma at most.
DECIMAL_COMMA: Final = r"^-?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"
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
    raw = _decoded(raw)
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
            _require(wanted, there, f"{path}, which")
            file.seek(0)
            return pyarrow.parquet.read_table(file, columns=wanted)
        except pa.ArrowInvalid as error:
            raise DataError(f"{path} is not a readable Parquet file: {error}") from error


def _read_text(path: Path, how: PurchaseFormat) -> tuple[pa.Table, str]:
    wanted = _wanted(how)
    with _opened(path) as text:
        start = text.read(SNIFFED_BYTES)
    header = _header(start, path, how)
    separator = _separator(header, wanted, path, how)
    names = _split(header.text, separator)
    _require(wanted, names, _header_of(path, header))

    options: dict[str, Any] = {
        "read_options": pa.csv.ReadOptions(
            column_names=names, skip_rows=header.line, encoding=how.encoding
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
                source = _without_blanks_before_quotes(text, start, separator)
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
    """The header's text, and how many lines there are up to and including it."""

    text: str
    line: int


def _header(start: bytes, path: Path, how: PurchaseFormat) -> _Header:
    """Find the first line that is not blank."""
    try:
        # The cut at the end may fall inside a character; only the header matters here.
        text = start.decode(
            how.encoding, errors="ignore" if len(start) == SNIFFED_BYTES else "strict"
        )
    except UnicodeDecodeError as error:
        likely = _likely_encoding(start, _wanted(how)) or "latin1"
        raise DataError(
            f"{path} is not text in the encoding {how.encoding!r} (byte {error.start}); "
            f"name the right one with --encoding, for example {likely}"
        ) from error
    except LookupError as error:
        raise DataError(f"--encoding {how.encoding!r} is not known; utf8 and latin1 are") from error
    _check_encoding(start, text, path, how)
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line.strip():
            return _Header(line, number)
    raise DataError(f"{path} is empty; it needs a header line with the names of the columns")


def _check_encoding(start: bytes, text: str, path: Path, how: PurchaseFormat) -> None:
    """Refuse text that could be decoded only because almost anything can."""
    wanted = _wanted(how)
    if all(name in text for name in wanted):
        return
    likely = _likely_encoding(start, wanted)
    if likely is not None:
        raise DataError(
            f"{path} is not text in the encoding {how.encoding!r}; "
            f"name the right one with --encoding, for example {likely}"
        )


def _likely_encoding(start: bytes, wanted: list[str]) -> str | None:
    """Return the encoding in which the opening of a file has the names of the columns."""
    for encoding in ("utf8", "utf-16-le", "utf-16-be"):
        if all(name.encode(encoding) in start for name in wanted):
            has_mark = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            return "utf-16" if has_mark else encoding
    return None


def _separator(header: _Header, wanted: list[str], path: Path, how: PurchaseFormat) -> str:
    if how.separator != "auto":
        if how.separator not in SEPARATORS:
            known = ", ".join(repr(name) for name in SEPARATORS if name != "\t")
            raise DataError(f"--separator {how.separator!r} is not known; use auto, {known}")
        return "tab" if how.separator == "\t" else how.separator
    candidates = [",", ";", "tab", "|", "whitespace"]
    for candidate in candidates:
        if set(wanted) <= set(_split(header.text, candidate)):
            return candidate
    best = max(candidates, key=lambda candidate: len(_split(header.text, candidate)))
    _require(wanted, _split(header.text, best), _header_of(path, header))
    raise AssertionError("a header with every wanted column has a separator")


def _header_of(path: Path, header: _Header) -> str:
    return f"{path}, whose header line (line {header.line})"


def _split(header: str, separator: str) -> list[str]:
    symbol = SEPARATORS[separator]
    if symbol is None:
        return header.split()
    fields = csv.reader([header], delimiter=symbol, skipinitialspace=True)
    return [name.strip() for name in next(fields)]


def _require(wanted: list[str], there: list[str], where: str) -> None:
    """Refuse a file without one of the columns; `where` goes before "has the columns"."""
    options = dict(zip(wanted, ("--customer", "--date", "--amount"), strict=True))
    shown = ", ".join(map(_short, there[:12])) + (", ..." if len(there) > 12 else "")
    for name in wanted:
        if name not in there:
            raise DataError(
                f"column {_short(name)} is not in {where} has the columns {shown}; "
                f"name the right one with {options[name]}, or put a header line first",
                column=name,
            )
        if there.count(name) > 1:
            raise DataError(
                f"column {_short(name)} appears {there.count(name)} times in {where} has the"
                f" columns {shown}; rename all but one",
                column=name,
            )


def _short(name: str) -> str:
    """Quote a column's name, cut where it is too long to be one."""
    return repr(name if len(name) <= SHOWN_CHARACTERS else f"{name[:SHOWN_CHARACTERS]}...")


def _without_blanks_before_quotes(text: Any, start: bytes, separator: str) -> Any:
    """Drop the blanks in `a, "b"`: the parser knows a quote only right after a separator."""
    symbol = (SEPARATORS[separator] or "\t").encode()
    blanks = re.compile(re.escape(symbol) + b' +(?=")')
    return pa.BufferReader(blanks.sub(symbol, text.read())) if blanks.search(start) else text


def _blanks_to_tabs(raw: bytes) -> bytes:
    trimmed = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", raw)
    return re.sub(rb"[ \t]+", b"\t", trimmed)


def _spoken(separator: str) -> str:
    names = {"tab": "tab-separated text", "whitespace": "text in columns separated by blanks"}
    return names.get(separator, f"text separated by {separator!r}")


def _decoded(table: pa.Table) -> pa.Table:
    """Return text as plain strings, however the file keeps it: in dictionaries, say."""
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        is_text = (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
        )
        table = table.set_column(place, name, column.cast(pa.string() if is_text else kind))
    return table


def _customers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as integers where every one is written as a plain integer, else as they are."""
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    if pc.all(pc.match_substring_regex(trimmed, INTEGER_ID), skip_nulls=True).as_py():
        return trimmed.cast(pa.int64())
    return trimmed


def _amounts(column: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    text = pc.utf8_trim_whitespace(column)
    if how.decimal_comma:
        text = _with_decimal_point(text, how)
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        row = _first_failure(text, pa.float64())
        written = text[row].as_py()
        has_decimal_comma = "," in written and re.fullmatch(DECIMAL_COMMA, written) is not None
        remedy = (
            "pass --decimal-comma if the comma is the decimal sign"
            if has_decimal_comma
            else "write plain numbers, such as 1234.50"
        )
        raise _unreadable(how.amount, row, written, "a number", remedy) from None


def _with_decimal_point(text: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    """Turn 1.234,50 into 1234.50; what is written otherwise would change its value unnoticed."""
    readable = pc.match_substring_regex(text, DECIMAL_COMMA)
    if not pc.all(readable, skip_nulls=True).as_py():
        row = pc.index(readable, False).as_py()
        raise _unreadable(
            how.amount,
            row,
            text[row].as_py(),
            "a number with a decimal comma, such as 1.234,50",
            "correct it, or leave out --decimal-comma",
        )
    return pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")


def _dates(column: pa.ChunkedArray, how: PurchaseFormat) -> pa.ChunkedArray:
    """Return the dates as the library reads them: text, dates, timestamps or integer periods."""
    is_text = pa.types.is_string(column.type)
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
