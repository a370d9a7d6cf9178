"""Questions with several answers: one column an option, or all chosen options in one cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet._survey.item import MOST_LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._survey.profile import Profile

#: The words for 0 and 1.
TICK_LABELS: Final = ("not chosen", "chosen")

# A label's own comma is followed by a blank, or stands in a number; a joint is neither.
_JOINT: Final = re.compile(r",(?! )(?!\d{3}(?:\D|$))")
_THOUSANDS: Final = re.compile(r"^[1-9]\d{0,2}(?:,\d{3})+$")
_NUMBERS: Final = re.compile(r"^\d{1,4}(?:,\d{1,4})*$")
_MOST_OPTIONS: Final = 60


def are_options(
    profiles: Sequence[Profile], texts: Mapping[str, str], labels: Mapping[str, Mapping[Any, str]]
) -> bool:
    """Whether columns of one question are its options, each chosen or not.

    They are if every column holds nothing but 1, or the option's own name or code, where it was
    chosen, and 0 or nothing where it was not. Ratings on which all respondents agree are told
    apart: they leave no cell empty, or are the same in all columns.
    """
    marks = [_mark(one) for one in profiles]
    if any(mark is None for mark in marks):
        return False
    if not any(one.n_answers for one in profiles):
        return False
    if all(_says_selected(texts.get(one.name, "")) for one in profiles):
        return True
    if any(_has_a_scale(labels.get(one.name, {})) for one in profiles):
        return False
    found = [(one, mark) for one, mark in zip(profiles, marks, strict=True) if mark != ""]
    distinct = {mark for _, mark in found}
    if any(isinstance(mark, str) for mark in distinct):
        named = all(texts.get(one.name, "").strip().endswith(str(mark)) for one, mark in found)
        return named or len(distinct) == len(found) > 1
    zeros = any(0 in one.counts for one in profiles)
    gaps = any(one.n_answers < one.n_rows for one in profiles)
    return (zeros or gaps) and (distinct <= {1} or len(distinct) == len(found))


def check_option(found: Profile) -> None:
    """Refuse a column that is said to be an option, but is more than chosen or not."""
    if _mark(found) is None:
        shown = ", ".join(repr(value) for value in found.values[:4])
        reason = (
            f"is an option of a question with several answers, but holds more than chosen and not "
            f"chosen ({shown or 'many numbers'}); make it 1 and 0, or correct kinds="
        )
        raise column_error(found.name, reason)


def ticked(columns: Mapping[str, Any], counted: Any = None) -> dict[str, Any]:
    """Return columns of options as 1 (chosen), 0 (not chosen) and null (nothing is known).

    Files that leave the cells of options empty that were not chosen have no zeros. There an empty
    cell is a 0 if the respondent chose another option of the question, and unknown if none.

    Parameters
    ----------
    columns : mapping
        The columns of one question.
    counted : value, optional
        The value that means "chosen"; by default any but 0 and no.
    """
    chosen = {}
    zeros = False
    for name, column in columns.items():
        known = pc.is_valid(column)
        chosen[name] = pc.and_(known, pc.fill_null(_is_chosen(column, counted), False))
        zeros = zeros or bool(pc.any(pc.and_(known, pc.invert(chosen[name]))).as_py())
    if zeros:
        known_in = {name: pc.is_valid(column) for name, column in columns.items()}
    else:
        answered = None
        for mask in chosen.values():
            answered = mask if answered is None else pc.or_(answered, mask)
        known_in = dict.fromkeys(columns, answered)
    return {
        name: pc.if_else(known_in[name], mask.cast(pa.int8()), pa.scalar(None, pa.int8()))
        for name, mask in chosen.items()
    }


def is_joined(found: Profile) -> bool:
    """Whether a column of text holds several options a cell, joined by commas."""
    if found.type != "text" or (found.many and not found.counts):
        return False
    cells = list(found.counts)
    if all(_NUMBERS.match(cell) for cell in cells):
        rows = [[int(code) for code in cell.split(",")] for cell in cells]
        ascending = all(row == sorted(set(row)) for row in rows)
        # No question has hundreds of options: "1,200" alone is a number.
        several = [cell for cell in cells if "," in cell and not _THOUSANDS.match(cell)]
        return ascending and bool(several)
    parts = [_JOINT.split(cell) for cell in cells]
    if all(len(row) == 1 for row in parts) or any("" in row for row in parts):
        return False
    options = {part for row in parts for part in row}
    # Of comments with a comma nearly every one would be an option of its own.
    return len(options) <= min(_MOST_OPTIONS, len(cells))


def options_in(name: str, column: Any) -> list[str]:
    """Return the options that the cells of a column hold, in the order in which they turn up."""
    cells = [cell for cell in pc.unique(column).to_pylist() if cell and cell.strip()]
    joint = _joint_of(cells)
    found = dict.fromkeys(part.strip() for cell in cells for part in joint.split(cell))
    found.pop("", None)
    if all(re.fullmatch(r"\d+", option) for option in found):
        return sorted(found, key=int)
    if len(found) > MOST_LEVELS:
        reason = (
            f"holds {len(found)} different options; name the question's with levels={{'{name}': "
            "[...]}, or leave the column out"
        )
        raise column_error(name, reason)
    return list(found)


def split_joined(name: str, column: Any, options: Sequence[Any]) -> list[Any]:
    """Return a column of 0, 1 and null for each option of a question answered in one cell.

    Parameters
    ----------
    name : str
        The column.
    column : Arrow array of strings
        The cells.
    options : sequence
        The options, as they are written in the cells. An option may hold commas of its own.
    """
    unique = pc.unique(column)
    cells = unique.to_pylist()
    written = [str(option) for option in options]
    longest_first = sorted(written, key=len, reverse=True)
    table = np.zeros((len(cells), len(written)), dtype=np.int8)
    place = {option: k for k, option in enumerate(written)}
    for row, cell in enumerate(cells):
        for option in _chosen_in(cell, longest_first) if cell is not None else ():
            if option not in place:
                at = pc.index(pc.equal(column, cell), True).as_py()
                reason = (
                    f"'{option}' in '{cell}' is none of the question's options; add it to "
                    f"levels={{'{name}': [...]}}"
                )
                raise column_error(name, reason, at)
            table[row, place[option]] = 1
    codes = pc.index_in(column, value_set=unique).to_numpy(zero_copy_only=False)
    unknown = pc.is_null(column)
    return [
        pc.if_else(unknown, pa.scalar(None, pa.int8()), pa.array(table[codes, k]))
        for k in range(len(written))
    ]


def _chosen_in(cell: str, options: Sequence[str]) -> list[str]:
    """Return the options in a cell; what is none of them is returned as it is written."""
    found = []
    rest = cell.strip()
    while rest:
        for option in options:
            if rest == option or (rest.startswith(option) and rest[len(option)] in ",;|"):
                found.append(option)
                rest = rest[len(option) + 1 :].strip()
                break
        else:
            part = re.split(r"[,;|]", rest, maxsplit=1)
            found.append(part[0].strip())
            rest = part[1].strip() if len(part) > 1 else ""
    return found


def _joint_of(cells: Sequence[str]) -> re.Pattern[str]:
    """Return what stands between options: a semicolon, a bar, or a comma without a blank."""
    for mark in (";", "|"):
        if any(mark in cell for cell in cells):
            return re.compile(re.escape(mark))
    if all(_NUMBERS.match(cell) for cell in cells):
        return re.compile(",")
    return _JOINT if any(_JOINT.search(cell) for cell in cells) else re.compile(", ?")


def _mark(found: Profile) -> Any:
    """Return the one value that means "chosen": "" if nobody chose it, None if there is none."""
    if found.many or (found.type == "other" and found.n_answers):
        return None
    values = [value for value, count in found.counts.items() if count and value != 0]
    values = [value for value in values if not (isinstance(value, str) and _is_no(value))]
    if not values:
        return ""
    return values[0] if len(values) == 1 else None


def _is_chosen(column: Any, counted: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return pa.chunked_array([pa.nulls(len(column), pa.bool_())])
    if counted is not None:
        return pc.equal(column, pa.scalar(counted).cast(column.type))
    if pa.types.is_boolean(column.type):
        return column
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return pc.not_equal(column, pa.scalar(0).cast(column.type))
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    return pc.invert(pc.is_in(lower, value_set=pa.array(sorted(_NO), lower.type)))


_NO: Final = frozenset({"", "0", "no", "false", "not selected", "not chosen", "unchecked"})


def _is_no(word: str) -> bool:
    return word.strip().casefold() in _NO


def _says_selected(text: str) -> bool:
    return "Selected Choice" in text


def _has_a_scale(labels: Mapping[Any, str]) -> bool:
    """Whether there are more answers than chosen and not chosen."""
    return len(labels) > 2
