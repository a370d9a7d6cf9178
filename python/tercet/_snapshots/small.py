"""Columns of tables that are read whole: subscriptions, histories of stages, customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _columns
from tercet._columns import column_error
from tercet._snapshots.clock import NEVER, Clock, clock_of, ticks_of
from tercet._time import read_times

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Integers
    from tercet._frames import Table


def id_column(table: Table, name: str) -> Any:
    """Return a column of ids as Arrow's int64 or large_string."""
    values = _columns.ids_to_show(table.arrow(name), name)
    if not isinstance(values, tuple):
        return pa.array(values)
    offsets, data = (pa.py_buffer(np.ascontiguousarray(part)) for part in values)
    return pa.LargeStringArray.from_buffers(len(values[0]) - 1, offsets, data)


def text_column(table: Table, name: str) -> Any:
    """Return a column of words, or of whole numbers, as Arrow's large_string; gaps stay gaps."""
    column = table.arrow(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    if not whole and not is_text(kind):
        reason = f"holds values of type {kind} where words belong; convert the column to text"
        raise column_error(name, reason)
    return column.cast(pa.large_string())


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def time_column(table: Table, name: str) -> tuple[Integers, Clock]:
    """Return a column of times without gaps as ticks, and their clock."""
    times = table.times(name)
    return ticks_of(times), clock_of(times, name)


def open_time_column(table: Table, name: str) -> tuple[Integers, Clock | None]:
    """Return a column of times as ticks, and their clock; what is missing happens never."""
    column = table.arrow(name)
    missing: npt.NDArray[np.bool_] = pc.is_null(column).to_numpy(zero_copy_only=False)
    if not missing.any():
        return time_column(table, name)
    if missing.all():
        return np.full(len(table), NEVER), None
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    first = int(np.argmin(missing))
    # Filled, not filtered, so that messages name the caller's row.
    rows = np.where(missing, first, np.arange(len(missing)))
    times = read_times(_columns.take(column, rows), name)
    return np.where(missing, NEVER, ticks_of(times)), clock_of(times, name)
