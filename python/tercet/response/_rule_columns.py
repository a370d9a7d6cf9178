"""The columns of a caller's table of customers as rules read them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import read_table, scan_table
from tercet._snapshots import small
from tercet._snapshots.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._frames import Table
    from tercet._time import TimeLike

WHAT = "table of customers"

#: Name, whether whole numbers are times, values, which are missing, and the texts of codes.
Named: TypeAlias = tuple[str, bool, Any, Any, Any]


@dataclass(frozen=True)
class RuleColumns:
    """What rules read of a table.

    Attributes
    ----------
    table : Table
        The table.
    columns : list
        Its columns as Rust takes them.
    clocks : list of Clock
        Those of its times.
    """

    table: Table
    columns: list[Named]
    clocks: list[Clock]

    def tick(self, as_of: TimeLike | None) -> int | None:
        """Return the as-of date in microseconds of the local clock; a date is the first of its day.

        Raises
        ------
        ParameterError
            If it is no time, or one with a zone where the columns have none or another one.
        """
        return None if as_of is None else tick_of(as_of, self.clocks)


def tick_of(as_of: TimeLike, clocks: list[Clock]) -> int:
    """Return a date or time in microseconds of the local clock of some columns."""
    clock = Clock(timed=False)
    zoned = isinstance(as_of, dt.datetime) and as_of.tzinfo is not None
    if zoned and clocks:
        for one in clocks:
            clock = clock.joined(one)
    return clock.start(as_of, "as_of")


def read_columns(
    customers: Any, paths: Mapping[str, str], customer: str | None = None
) -> RuleColumns:
    """Read the columns that rules ask for.

    Parameters
    ----------
    customers : table
        The caller's table.
    paths : mapping
        The columns, and where a rule first asks for each.
    customer : str, optional
        The column of ids, if it is needed.

    Raises
    ------
    DataError
        For a column that is missing or of a type that no rule reads.
    """
    wanted = {name: name for name in paths}
    remedies = {name: f"{path} asks for it" for name, path in paths.items()}
    if customer is not None and customer not in wanted:
        wanted[customer] = customer
        remedies[customer] = "name the right one with customer="
    if not wanted:
        # Nothing is asked of the customers but how many they are.
        present = scan_table(customers, {}, what=WHAT).present
        wanted = {name: name for name in present[:1]}
    table = read_table(customers, wanted, (), WHAT, remedies=remedies)
    clocks: list[Clock] = []
    columns = [_named(table, name, clocks) for name in paths]
    return RuleColumns(table, columns, clocks)


def _named(table: Table, name: str, clocks: list[Clock]) -> Named:
    column = table.arrow(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # Without chunks.
        column = pa.array([], column.type)
    if pa.types.is_dictionary(column.type) and not small.is_text(column.type.value_type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if column.null_count == len(column):
        return name, False, None, None, None
    missing = pc.is_null(column).to_numpy(zero_copy_only=False) if column.null_count else None
    if pa.types.is_boolean(kind):
        values = column.fill_null(False).to_numpy(zero_copy_only=False)
        return name, False, values, missing, None
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return name, False, _columns.floats(column, name, missing_as_nan=True), None, None
    if pa.types.is_uint64(kind):
        # By its type, not its values, so that SQL, which knows no more, compares as this does.
        return name, False, _columns.floats(column, name, missing_as_nan=True), None, None
    if pa.types.is_integer(kind):
        whole = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=True)
        return name, False, whole, missing, None
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        ticks, clock = small.open_time_column(table, name)
        if clock is not None:
            clocks.append(clock)
        return name, True, ticks, missing, None
    if pa.types.is_dictionary(kind) or small.is_text(kind):
        return _text(name, column)
    reason = (
        f"holds values of type {kind}; rules read numbers, text, true/false values, dates and "
        "times: convert the column"
    )
    raise column_error(name, reason)


def _text(name: str, column: Any) -> Named:
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.large_string()).dictionary_encode()
    levels = column.dictionary.cast(pa.large_string())
    codes = column.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=True)
    if levels.null_count:
        # A dictionary may itself hold the missing value.
        holes = np.append(pc.is_null(levels).to_numpy(zero_copy_only=False), False)
        codes = np.where(holes[codes], np.int32(-1), codes)
        levels = levels.fill_null("")
    return name, False, codes, None, _columns.ids(levels, name) if len(levels) else _NO_TEXTS


_NO_TEXTS = (np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8))


def check_as_of(as_of: Any, relative: str | None) -> None:
    """Refuse a call without an as-of date where a rule counts from it."""
    if as_of is None and relative is not None:
        raise _arguments.refusal(None, "as_of", f"a date: {relative} counts from it")
