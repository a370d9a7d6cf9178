"""Whom to score: the caller's customers, found among those of the tables, nobody lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _frames
from tercet._frames import Table, read_table
from tercet._join import check_one_row_each
from tercet._snapshots import small
from tercet._snapshots.target import REASONS
from tercet.exceptions import DataError
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tercet._columns import Integers
    from tercet._frames import Kind
    from tercet.data.snapshot_recipe import SnapshotRecipe
    from tercet.data.snapshot_table import SnapshotTable

_WHAT: Final = "table of customers"
_UNKNOWN: Final = "in none of the tables"


@dataclass(frozen=True)
class Whom:
    """The customers to score, in the order of the result.

    Attributes
    ----------
    rows : numpy.ndarray
        Each one's row of the snapshots; -1 for who has none.
    table : Table or None
        The caller's customers; None where all are scored who are at risk.
    name : str
        The column of ids.
    chosen : numpy.ndarray or None
        Which rows of the caller's table are shown; None for all.
    why : pyarrow.Array or None
        Why somebody has no row; null for who has one.
    snapshots : SnapshotTable
        The rows to score.
    """

    rows: Integers
    table: Table | None
    name: str
    chosen: Integers | None
    why: Any
    snapshots: SnapshotTable

    @classmethod
    def everybody(cls, snapshots: SnapshotTable) -> Whom:
        """Return all rows of the snapshots."""
        return cls(np.arange(len(snapshots)), None, snapshots.id_column, None, None, snapshots)

    @classmethod
    def of(cls, customers: Any, snapshots: SnapshotTable, recipe: SnapshotRecipe) -> Whom:
        """Find the caller's customers among the rows of one date.

        Raises
        ------
        DataError
            If a customer occurs twice, or ids are text here and numbers in the tables.
        """
        built = snapshots._built
        if len(built.windows) != 1:
            expected = "one date where customers are given"
            raise _arguments.refusal(
                [str(one) for one in np.unique(snapshots.as_of)], "as_of", expected
            )
        table, name = _read(customers, recipe, snapshots._eager)
        chosen = None
        if _may_repeat(recipe, table):
            chosen = _firsts(small.id_column(table, name))
        else:
            check_one_row_each(table, name)
        ids = small.id_column(table, name)
        if chosen is not None:
            ids = ids.take(pa.array(chosen))
        if ids.type != built.everybody.type:
            words = {pa.int64(): "whole numbers"}
            here, there = (words.get(one, "text") for one in (ids.type, built.everybody.type))
            message = (
                f"column '{name}': holds {here}, and ids are {there} in the other tables; convert "
                "one of the two"
            )
            raise DataError(message, name)
        places = pc.index_in(ids, value_set=built.everybody).fill_null(-1)
        place = places.to_numpy(zero_copy_only=False).astype(np.int64)
        row_of = np.full(len(built.everybody) + 1, -1)
        row_of[built.code] = np.arange(len(built.code))
        reason = np.append(built.reasons[0].astype(np.int64), len(REASONS))[place]
        words = pa.array([None, *REASONS[1:], _UNKNOWN], pa.large_string())
        return cls(row_of[place], table, name, chosen, words.take(pa.array(reason)), snapshots)

    def build(self, columns: Mapping[str, Any]) -> Any:
        """Return columns (of the result's rows) as a table of the caller's kind."""
        if self.table is None:
            return _frames.build_as(columns, self.snapshots._built.scan)
        if self.table.kind == "pandas":
            columns = {name: _frames._with_gaps(column) for name, column in columns.items()}
        return self.table.build(columns)

    def ids(self) -> Any:
        """Return the column of ids as the caller has it."""
        if self.table is None:
            return self.snapshots._built.ids.take(pa.array(self.snapshots._rows))
        return self.table.take(self.name, self.chosen)

    def spread(self, values: Any) -> Any:
        """Return a column of the snapshots' rows in the order of the result, with gaps."""
        if self.table is None:
            return values
        missing = self.rows < 0
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            found = np.where(missing, np.nan, values[self.rows])
            return pa.array(found, from_pandas=True) if np.isnan(found).any() else found
        array = values if isinstance(values, pa.Array) else pa.array(values)
        places = pa.array(np.where(missing, 0, self.rows), mask=missing)
        return array.take(places)

    def why_not(self, none: npt.NDArray[np.bool_], words: str) -> Any:
        """Return why somebody is not scored, also where a row of the snapshots has nothing."""
        shown = np.append(none, False)[self.rows] & (self.rows >= 0)
        why = pa.nulls(len(shown), pa.large_string()) if self.why is None else self.why
        return pc.if_else(pa.array(shown), pa.scalar(words, pa.large_string()), why)

    def dates(self) -> Any:
        """Return the column of dates."""
        if self.table is None:
            return self.snapshots._taken({"as_of": self.snapshots._dates})["as_of"]
        tick = np.full(len(self.rows), self.snapshots._built.windows[0].as_of)
        return self.snapshots._built.clock.column_of(tick)


def _read(customers: Any, recipe: SnapshotRecipe, kind: Kind) -> tuple[Table, str]:
    names, _ = recipe._plan.naming.names("customers")
    if is_table(customers):
        name = names["customer"]
        if not _frames.has_column(customers, name):
            other = recipe._plan.id_column
            name = other if _frames.has_column(customers, other) else name
        wanted = {"customer": name}
        remedy = 'name the right one with columns={"customers": {"customer": ...}} of Snapshots'
        table = _with_since(customers, wanted, names.get("valid_from"), remedy)
        return table, name
    name = recipe._plan.id_column
    ids = _inputs.read_column(customers, "customers")
    made = _frames.new_table({name: ids}, _inputs.kind_of(customers) or kind)
    return read_table(made, {"customer": name}, what=_WHAT), name


def _with_since(native: Any, wanted: dict[str, str], valid_from: str | None, remedy: str) -> Table:
    if valid_from is not None:
        wanted = {**wanted, "valid_from": valid_from}
    remedies = dict.fromkeys(wanted, remedy)
    return read_table(native, wanted, optional=("valid_from",), what=_WHAT, remedies=remedies)


def _may_repeat(recipe: SnapshotRecipe, table: Table) -> bool:
    """Whether a customer may have several rows, each valid from another time on."""
    names, _ = recipe._plan.naming.names("customers")
    return names.get("valid_from", "") in table


def _firsts(ids: Any) -> Integers:
    place = pc.index_in(ids, value_set=pc.unique(ids)).to_numpy(zero_copy_only=False)
    _, first = np.unique(place, return_index=True)
    found: Integers = np.sort(first).astype(np.int64)
    return found
