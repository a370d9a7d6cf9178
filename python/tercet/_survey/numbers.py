"""Numbers in text: decimal signs, thousands separators, and what only looks like a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error

if TYPE_CHECKING:
    from tercet.exceptions import DataError

#: What a cell of text may be: one answer, several options ("1,5"), or something that was typed in.
Form: TypeAlias = Literal["answer", "options", "entry"]

_LEADING_ZERO: Final = r"^-?0\d"
_EXPONENT: Final = r"([eE][+-]?\d+)?$"
_SIGNS_AND_DIGITS: Final = r"^-?\d+([.,]\d+)*$"


def typed(column: Any, name: str, decimal: str, form: Form) -> tuple[Any, str | None]:
    """Return a column of text as numbers where every answer is one, and what to say about it.

    "007" stays text: it may be an id. "1,200.50" is 1200.5, as thousands are separated by the sign
    that is not the decimal one. Of entries that respondents typed in, "2,5" is 2.5 if no entry says
    otherwise.

    Parameters
    ----------
    column : Arrow array of strings
        The column.
    name : str
        Its name.
    decimal : str
        The decimal sign.
    form : {"answer", "options", "entry"}
        What a cell is.

    Raises
    ------
    DataError
        For answers that are numbers only with the other decimal sign, or two numbers, one with
        each.
    """
    # One chunk is encoded at once; the dictionaries of many would have to be joined.
    coded = column.cast(pa.large_string()).combine_chunks().dictionary_encode()
    if len(coded.dictionary) == 0:
        return column, None
    words = pc.utf8_trim_whitespace(coded.dictionary)
    values, note = _plain(words, decimal), None
    if values is None and form != "options" and _all(words, _SIGNS_AND_DIGITS):
        values, note = _separated(words, column, name, decimal, form)
    values = words if values is None else values
    return pa.chunked_array([values.take(coded.indices)]), note


def _plain(words: Any, decimal: str) -> Any:
    """Return words as numbers; None if one is none."""
    if pc.any(pc.match_substring_regex(words, _LEADING_ZERO)).as_py():
        return None
    if decimal == ",":
        if not _all(words, rf"^-?\d+(,\d+)?{_EXPONENT}"):
            return None
        words = pc.replace_substring(words, ",", ".")
    for kind in (pa.int64(), pa.float64()):
        try:
            return words.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def _separated(
    words: Any, column: Any, name: str, decimal: str, form: Form
) -> tuple[Any, str | None]:
    """Return words of digits, points and commas as numbers where they can be only one."""
    other = "." if decimal == "," else ","
    if pc.any(pc.match_substring_regex(words, _LEADING_ZERO)).as_py() or not pc.any(
        pc.match_substring(words, other)
    ):
        return None, None
    as_said, swapped = (_reads(words, sign) for sign in (decimal, other))
    if as_said and (decimal == "," or not swapped):
        return _plain(pc.replace_substring(words, other, ""), decimal), None
    at = pc.index(pc.match_substring(column, other), True).as_py()
    shown = column[at].as_py().strip()
    if form == "answer":
        if swapped:
            raise _no_number(name, shown, at, other, both=as_said)
        return None, None
    if as_said:
        whole = shown.replace(other, "")
        note = f"'{shown}' in '{name}' was read as {whole}, its comma as a thousands separator"
        return _plain(pc.replace_substring(words, other, ""), decimal), note
    sign = "comma" if other == "," else "point"
    thousands = rf"^-?[1-9]\d{{0,2}}({re.escape(other)}\d{{3}})+$"
    if swapped and not pc.any(pc.match_substring_regex(words, thousands)).as_py():
        note = f"'{shown}' in '{name}' was read as a number with a decimal {sign}"
        return _plain(pc.replace_substring(words, decimal, ""), other), note
    return None, (
        f"'{name}' stays text: the {sign}s of its numbers, as in '{shown}', are decimal signs in "
        "some and thousands separators in others; correct them in the file"
    )


def _reads(words: Any, decimal: str) -> bool:
    """Whether words are numbers with a decimal sign, their thousands separated by the other."""
    point, comma = re.escape(decimal), re.escape("." if decimal == "," else ",")
    return _all(words, rf"^-?(\d+|[1-9]\d{{0,2}}({comma}\d{{3}})+)({point}\d+)?$")


def _all(words: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(words, pattern)).as_py())


def _no_number(name: str, shown: str, row: int, other: str, *, both: bool) -> DataError:
    sign = "comma" if other == "," else "point"
    kinds = f"kinds={{'{name}': 'multi-select'}} if it separates options"
    if other == ".":
        kinds = f"kinds={{'{name}': 'nominal'}} if it is no number"
    if both:
        plain = shown.replace(other, "")
        says = f"'{shown}' may be {plain} or {shown.replace(other, '.')}; write {plain}, or pass"
    else:
        says = f"'{shown}' is no number; pass"
    reason = f'{says} decimal="{other}" if the {sign} is the decimal sign, or {kinds}'
    return column_error(name, reason, row)
