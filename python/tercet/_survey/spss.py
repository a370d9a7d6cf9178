"""Files of SPSS and Stata: values, labels, missing values, levels of measurement, option sets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tercet._survey.missing import Range
from tercet._survey.profile import plain
from tercet._survey.sav_weight import weight_variable
from tercet._survey.source import OptionSet, Said
from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MEASURES: Final = {"nominal": "nominal", "ordinal": "ordinal", "scale": "continuous"}


class Labelled:
    """A file of SPSS or Stata, read.

    Attributes
    ----------
    columns : dict
        The columns as Arrow.
    said : dict
        What the file says of each.
    sets : list of OptionSet
        Multiple-response sets.
    weights : str or None
        The variable by which the file says that it is weighted.
    """

    def __init__(self, path: Path, encoding: str, *, stata: bool) -> None:
        values, about = _read(path, encoding, stata=stata)
        self.columns = {name: _column(some) for name, some in values.items()}
        self.said = {name: _said(name, about) for name in self.columns}
        self.sets = [] if stata else _sets(about, list(self.columns))
        self.weights = None if stata else weight_variable(path, list(self.columns))


def _read(path: Path, encoding: str, *, stata: bool) -> tuple[dict[str, list[Any]], Any]:
    try:
        pyreadstat = importlib.import_module("pyreadstat")
    except ImportError as missing:
        raise ImportError(
            "tercet reads files of SPSS and Stata with pyreadstat, which is not installed; "
            "install it with: pip install 'tercet[survey]'"
        ) from missing
    with path.open("rb") as file:  # a missing file is an error in the system's own words
        if not file.read(1):
            raise DataError(f"{path} is empty; export it again")
    options: dict[str, Any] = {"output_format": "dict"}
    portable = path.suffix.lower() == ".por"
    if not (stata or portable):
        # Of the other formats the reader says only that a value is missing.
        options["user_missing"] = True
    if not portable and encoding.replace("-", "").lower() != "utf8":
        options["encoding"] = encoding
    sav = pyreadstat.read_por if portable else pyreadstat.read_sav
    read = pyreadstat.read_dta if stata else sav
    try:
        values, about = read(str(path), **options)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
        program = "Stata" if stata else "SPSS"
        remedy = "export it again (it may be cut off)"
        if "encoding" in str(error) or "convert" in str(error) or isinstance(error, ValueError):
            remedy = 'name its encoding, for example encoding="cp1252"'
        raise DataError(f"{path} is no whole file of {program} ({error}); {remedy}") from error
    if not values:
        raise DataError(f"{path} has no variables")
    return values, about


def _column(values: Sequence[Any]) -> Any:
    """Return values as Arrow: whole numbers as integers, empty text as missing."""
    try:
        column = pa.chunked_array([pa.array(values, from_pandas=True)])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        column = pa.chunked_array([pa.array([None if v is None else str(v) for v in values])])
    kind = column.type
    if pa.types.is_floating(kind):
        whole = pc.all(pc.equal(pc.floor(column), column)).as_py()
        return column.cast(pa.int64()) if whole and column.null_count < len(column) else column
    if pa.types.is_string(kind):
        return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)
    return column


def _said(name: str, about: Any) -> Said:
    labels = {
        plain(value): str(label).strip()
        for value, label in (about.variable_value_labels.get(name) or {}).items()
    }
    missing = [_missing(one) for one in about.missing_ranges.get(name, ())]
    return Said(
        text=(about.column_names_to_labels.get(name) or "").strip(),
        labels={value: label for value, label in labels.items() if label != str(value)},
        measure=_MEASURES.get(about.variable_measure.get(name, "")),
        missing=missing,
    )


def _missing(found: Any) -> Any:
    if not isinstance(found, dict):
        return plain(found)
    low, high = plain(found["lo"]), plain(found["hi"])
    return low if low == high else Range(low, high)


def _sets(about: Any, names: Sequence[str]) -> list[OptionSet]:
    """Return the multiple-response sets; files write their variables in small letters."""
    written = {name.casefold(): name for name in names}
    found = []
    for name, one in (getattr(about, "mr_sets", None) or {}).items():
        members = [written.get(member.casefold()) for member in one["variable_list"]]
        known = tuple(member for member in members if member is not None)
        if len(known) >= 2 and len(known) == len(members):
            text, counted = (one.get("label") or "").strip(), plain(one.get("counted_value"))
            categories = not one["is_dichotomy"]
            found.append(OptionSet(name.removeprefix("$"), text, known, counted, categories))
    return found
