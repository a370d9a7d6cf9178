"""Numbers in text: decimal signs, thousands separators, and what only looks like a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error

if TYPE_CHECKING:
    from collections.abc import Collection

    from tercet.exceptions import DataError

#: What a cell of text may be: one answer, several options ("1,5"), or something that was typed in.
Form: TypeAlias = Literal["answer", "options", "entry"]

_LEADING_ZERO: Final = r"^-?0\d"
#: More words than these are answers.
_FEW: Final = 3
# "1 (not at all)", "10+", "6-10", "less than 5": answers of a scale or of brackets.
_MAY_BE_A_STEP: Final = re.compile(r"[^#]*\d")
_EXPONENT: Final = r"([eE][+-]?\d+)?$"
_SIGNS_AND_DIGITS: Final = r"^-?\d+([.,]\d+)*$"


def typed(
    column: Any, name: str, decimal: str, form: Form, absent: Collection[str] = ()
) -> tuple[Any, str | None]:
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
    absent : collection of str
        Words that stand for a missing answer.

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
    numbers = words
    if absent:
        gone = pc.is_in(words, value_set=pa.array(sorted(absent), words.type))
        numbers = pc.if_else(gone, pa.scalar(None, words.type), words)
    values, note = None, None
    if numbers.null_count < len(numbers):
        values, note = _read(numbers, column, name, decimal, form)
    values = words if values is None else values
    return pa.chunked_array([values.take(coded.indices)]), note


def _read(words: Any, column: Any, name: str, decimal: str, form: Form) -> tuple[Any, str | None]:
    """Return words as numbers, or None where they are none, and what to say about it."""
    values, note = _plain(words, decimal), None
    if values is None and form != "options" and _all(words, _SIGNS_AND_DIGITS):
        values, note = _separated(words, column, name, decimal, form)
    if values is None and note is None and form != "options" and (mark := _mark(words)):
        plain = pc.utf8_trim_whitespace(pc.replace_substring(words, mark, ""))
        # With a mark "1,000" is no list of options, and hardly 1.000.
        values, note = _read(plain, column, name, decimal, "entry")
        note = f"'{mark}' was taken off the numbers in '{name}'" if note is None else note
    if values is None and note is None and form != "options":
        note = _mixed(words, column, name)
    return values, note


def _mark(words: Any) -> str | None:
    """Return the one mark ("%", "$") that stands before or behind all numbers that have one."""
    if not _all(words, r"^[$€£]? ?-?\d+([.,]\d+)* ?[%$€£]?$"):
        return None
    found = [mark for mark in "%$€£" if pc.any(pc.match_substring(words, mark)).as_py()]
    return found[0] if len(found) == 1 else None


def _mixed(words: Any, column: Any, name: str) -> str | None:
    """Return a note on a column of numbers in which a few words keep it from being one."""
    is_number = pc.match_substring_regex(words, _SIGNS_AND_DIGITS)
    others = words.filter(pc.invert(is_number)).drop_null().unique().to_pylist()
    n_numbers = pc.sum(is_number).as_py() or 0
    if not 0 < len(others) <= min(_FEW, n_numbers) or any(map(_MAY_BE_A_STEP.match, others)):
        return None
    found = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    row = pc.index(found, pa.scalar(others[0], pa.large_string())).as_py()
    shown = ", ".join(repr(other) for other in others)
    return (
        f"'{name}' stays text, since beside numbers it holds {shown} (first in row {row}); if "
        f"that is no answer, pass missing={{'{name}': {others}}}, or correct the file"
    )


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
