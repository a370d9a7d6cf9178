"""Rows of one table that belong to rows of another: found by id, without a loop over either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _columns
from tercet._columns import column_error

if TYPE_CHECKING:
    from tercet._columns import Integers
    from tercet._frames import Table


def check_one_row_each(table: Table, name: str) -> None:
    """Refuse a column of customers' ids in which one is missing or occurs twice.

    Raises
    ------
    DataError
        If so; it names the rows.
    """
    ids = _as_arrow(_columns.ids_to_show(table.arrow(name), name))
    rows = np.arange(len(ids), dtype=np.int64)
    _check_unique(ids, rows, name, "is the customer of row", "customer")


def rows_among(table: Table, name: str, others: Table, other_name: str) -> Integers:
    """Return for each row of a table the row of another that has its id, or -1.

    Parameters
    ----------
    table, name
        The table, and its column of ids; none may be missing.
    others, other_name
        The other table, and its column of ids. A row without an id belongs to nobody.

    Raises
    ------
    DataError
        If an id occurs twice in the other table, or one table has text and the other numbers.
    """
    ours = _as_arrow(_columns.ids_to_show(table.arrow(name), name))
    column = others.arrow(other_name)
    known = np.flatnonzero(pc.is_valid(column).to_numpy(zero_copy_only=False))
    if not len(known):
        return np.full(len(table), -1, dtype=np.int64)
    theirs = _as_arrow(_columns.ids_to_show(_columns.take(column, known), other_name))
    if ours.type != theirs.type:
        words = {pa.int64(): "whole numbers"}
        found, wanted = (words.get(kind, "text") for kind in (theirs.type, ours.type))
        reason = f"holds {found} where '{name}' holds {wanted}; convert one of the two columns"
        raise column_error(other_name, reason)
    _check_unique(theirs, known, other_name, "has answers already in row", "respondent")
    places = pc.index_in(ours, value_set=theirs).fill_null(-1).to_numpy(zero_copy_only=False)
    found_rows: Integers = np.append(known, -1)[places]
    return found_rows


def _as_arrow(ids: _columns.Ids) -> Any:
    if not isinstance(ids, tuple):
        return pa.array(ids)
    offsets, data = (pa.py_buffer(np.ascontiguousarray(part)) for part in ids)
    return pa.LargeStringArray.from_buffers(len(ids[0]) - 1, offsets, data)


def _check_unique(ids: Any, rows: Integers, name: str, already: str, whom: str) -> None:
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    first = pc.index_in(ids, value_set=ids).to_numpy(zero_copy_only=False)
    again = np.flatnonzero(first != np.arange(len(ids)))
    place = int(again[0])
    more = f" ({len(again) - 1:,} more rows are repeated)" if len(again) > 1 else ""
    reason = (
        f"{ids[place].as_py()!r} {already} {rows[first[place]]}{more}; keep one row of each {whom}"
    )
    raise column_error(name, reason, int(rows[place]))
