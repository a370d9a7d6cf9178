"""From a file to a `Source`: its format is found out, columns are read, rows chosen by rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from tercet import _arguments
from tercet._frames import Table
from tercet._survey import numbers, qualtrics, text_file, two_headers
from tercet._survey.source import Said, Source, all_rows
from tercet._survey.spss import Labelled
from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tercet._survey.missing import MissingRule

FORMATS: Final = ("auto", "spss", "stata", "qualtrics", "csv", "parquet")
_BY_SUFFIX: Final = {
    ".sav": "spss",
    ".zsav": "spss",
    ".por": "spss",
    ".dta": "stata",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_BY_MAGIC: Final = {b"$FL2": "spss", b"$FL3": "spss", b"PAR1": "parquet"}
_ELSEWHERE: Final = {
    ".xlsx": "Excel",
    ".xls": "Excel",
    ".ods": "LibreOffice",
    ".sas7bdat": "SAS",
    ".rds": "R",
    ".rdata": "R",
    ".qsf": "the definition of a questionnaire",
}


@dataclass(frozen=True)
class HowToRead:
    """How a file is written, and which of its rows are respondents."""

    format: str
    unfinished: str
    previews: str
    encoding: str
    separator: str
    decimal: str
    declared: frozenset[str]
    missing: MissingRule

    @classmethod
    def checked(cls, *, declared: frozenset[str], missing: MissingRule, **given: Any) -> HowToRead:
        """Return the arguments, or refuse one in its own name."""
        rule = ("drop", "keep")
        if not isinstance(given["encoding"], str):
            raise _arguments.refusal(given["encoding"], "encoding", "the name of an encoding")
        if not isinstance(given["separator"], str):
            raise _arguments.refusal(given["separator"], "separator", '"auto" or one character')
        return cls(
            _arguments.word(given["format"], "format", FORMATS),
            _arguments.word(given["unfinished"], "unfinished", rule),
            _arguments.word(given["previews"], "previews", rule),
            given["encoding"],
            given["separator"],
            _arguments.word(given["decimal"], "decimal", (".", ",")),
            declared,
            missing,
        )


def read_source(path: Path, how: HowToRead) -> Source:
    """Read a file.

    Raises
    ------
    DataError
        If it is not whole, not in the format, or holds no answers.
    OSError
        If it cannot be opened.
    """
    found = _format(path) if how.format == "auto" else how.format
    if found in ("spss", "stata"):
        return _labelled(path, how, stata=found == "stata")
    if found == "parquet":
        return _of_qualtrics(_of_columns(_parquet(path), {}, path), how)
    return _text(path, how)


def _format(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix in _ELSEWHERE:
        raise DataError(
            f"{path} is a file of {_ELSEWHERE[suffix]}, which is not read here; save the answers "
            "as CSV, Parquet or SPSS (.sav), or read them yourself and pass the table to "
            "Survey.from_frame"
        )
    with path.open("rb") as file:
        return _BY_MAGIC.get(file.read(4), "text")


def _source(columns: Mapping[str, Any], said: dict[str, Said], what: str) -> Source:
    table = pa.table(dict(columns))
    if table.num_rows == 0:
        raise DataError(f"{what} has no answers, only names of columns")
    view = Table(nw.from_native(table, eager_only=True), "pyarrow", table)
    return Source(view, said, all_rows(table.num_rows), what=what)


def _of_columns(columns: Mapping[str, Any], said: dict[str, Said], path: Path) -> Source:
    """Return the columns of a file that has no import ids, without display orders of Qualtrics."""
    names = list(columns)
    orders = qualtrics.display_orders(names, ()) if qualtrics.is_qualtrics(names) else []
    kept = {name: column for name, column in columns.items() if name not in orders}
    source = _source(kept, said, str(path))
    source.notes = _left_out(orders)
    return source


def _left_out(orders: Sequence[str]) -> list[str]:
    return [f"{len(orders)} columns of display order were left out"] if orders else []


def _labelled(path: Path, how: HowToRead, *, stata: bool) -> Source:
    read = Labelled(path, how.encoding, stata=stata)
    source = _of_columns(read.columns, read.said, path)
    source.sets = read.sets
    source.weights = read.weights
    return _of_qualtrics(source, how)


def _parquet(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            table = pyarrow.parquet.read_table(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{path} is not a readable Parquet file: {error}") from error
    twice = {name for name in table.column_names if table.column_names.count(name) > 1}
    if twice:
        name = min(twice)
        raise DataError(f"{path} has several columns '{name}'; rename all but one", name)
    return dict(zip(table.column_names, table.columns, strict=True))


def _text(path: Path, how: HowToRead) -> Source:
    text = text_file.read_text(path, how.encoding, how.separator)
    ids = None
    if how.format != "csv":
        ids = qualtrics.check_headers(path, text.head, asked=how.format == "qualtrics")
    notes: list[str] = []
    if ids is None and how.format != "csv" and two_headers.has_two(text.head):
        names, said = two_headers.joined(text.head)
        raw, leave = text_file.columns_of(text, names, 2), set[str]()
        notes.append(
            'the second line was read as part of the header; format="csv" reads it as data'
        )
    else:
        names = text_file.header(text)
        raw = text_file.columns_of(text, names, 1 if ids is None else 3)
        unnamed = [name for name, cell in zip(names, text.head[0], strict=True) if not cell.strip()]
        leave = {name for name in unnamed if raw[name].null_count == raw.num_rows}
        said = {name: Said(role="other") for name in unnamed}
    if ids is not None:
        said |= qualtrics.said_of(names, text.head[1], ids)
        orders = qualtrics.display_orders(names, ids)
        leave |= set(orders)
        notes += _left_out(orders)
    columns = {}
    for name in names:
        if name not in leave:
            form: numbers.Form = "answer"
            if name in said and said[name].typed_in:
                form = "entry"
            elif ids is not None or name in how.declared:
                form = "options"
            columns[name], note = numbers.typed(
                raw[name], name, how.decimal, form, how.missing.words_of(name)
            )
            notes += [] if note is None else [note]
    source = _source(columns, said, str(path))
    source.joined = ids is not None
    source.notes = notes
    return _of_qualtrics(source, how)


def _of_qualtrics(source: Source, how: HowToRead) -> Source:
    """Apply what is known of Qualtrics to a table that has its columns."""
    if not source.joined and not qualtrics.is_qualtrics(source.names):
        return source
    about = {
        known: name for name in source.names if (known := qualtrics.canonical(name)) is not None
    }
    for name in source.names:
        said = source.said.get(name, Said())
        # Import ids say more than names.
        settled = source.joined or said.role != "answer"
        role = said.role if settled else qualtrics.role_of_name(name)
        source.said[name] = replace(said, role="about" if name in about.values() else role)
    source.respondent = about.get("ResponseId")
    source.duration = about.get("Duration (in seconds)")
    for name in source.names:
        said = source.said[name]
        if said.role == "answer":
            # Qualtrics writes -99 where a question was seen and not answered.
            source.said[name] = replace(said, missing=(*said.missing, -99, "-99"))
    keep, dropped = qualtrics.keep_responses(
        {known: _of_labels(source, name) for known, name in about.items()},
        source.rows,
        how.unfinished,
        how.previews,
    )
    if not keep.any():
        raise DataError(
            f"{source.what}: every response is left out ({_counts(dropped)}); pass "
            'unfinished="keep" or previews="keep" to read them'
        )
    if dropped:
        table = source.table.columns.to_arrow().filter(pa.array(keep))
        view = Table(nw.from_native(table, eager_only=True), "pyarrow", table)
        source.table, source.rows = view, source.rows[np.flatnonzero(keep)]
        source.dropped = dropped
    return source


def _of_labels(source: Source, name: str) -> Any:
    """Return a column about the interview; codes in words where the file has words for them."""
    column = source.arrow(name)
    labels = source.said[name].labels if name in source.said else {}
    if not labels or name == source.respondent:
        return column
    values = column.to_pylist()
    return pa.chunked_array(
        [pa.array([None if v is None else labels.get(v, str(v)) for v in values])]
    )


def _counts(dropped: Sequence[Any]) -> str:
    return ", ".join(f"{len(one)} {one.reason}" for one in dropped)
