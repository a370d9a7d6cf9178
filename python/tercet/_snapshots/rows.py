"""All customers of all tables, and the rows of snapshots: which customer at which date."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tercet._columns import Integers


@dataclass(frozen=True)
class Everybody:
    """The customers of all tables, in the order of their ids.

    Attributes
    ----------
    ids : pyarrow.Array
        Int64 or large_string, sorted.
    """

    ids: Any

    @classmethod
    def of(cls, ids: Mapping[str, Any]) -> Everybody:
        """Gather customers from columns of ids, given by the names of their tables.

        Raises
        ------
        DataError
            If ids are text in one table and whole numbers in another.
        """
        kinds = {table: pa.types.is_integer(column.type) for table, column in ids.items()}
        if len(set(kinds.values())) > 1:
            whole = next(table for table, kind in kinds.items() if kind)
            text = next(table for table, kind in kinds.items() if not kind)
            message = (
                f"ids of customers are text in '{text}' and whole numbers in '{whole}'; convert "
                "one of the two"
            )
            raise DataError(message)
        kind = pa.int64() if all(kinds.values()) else pa.large_string()
        chunks = [part for column in ids.values() for part in _parts(column.cast(kind))]
        found = pc.unique(pa.chunked_array(chunks, kind))
        return cls(found.take(pc.array_sort_indices(found)))

    def __len__(self) -> int:
        return len(self.ids)

    def codes(self, column: Any, name: str = "customer_id") -> Integers:
        """Return ids as places in `ids`."""
        if pa.types.is_dictionary(column.type):
            column = column.combine_chunks()
            places: Integers = column.indices.to_numpy()
            return self.codes(column.dictionary, name)[places]
        ours = pc.index_in(column.cast(self.ids.type), value_set=self.ids)
        if ours.null_count:  # A table that changed between two passes over it.
            raise column_error(name, "has customers that it had not a moment ago; copy the table")
        found: Integers = ours.to_numpy(zero_copy_only=False).astype(np.int64)
        return found


@dataclass(frozen=True)
class Rows:
    """The rows of a table of snapshots, by date and then by customer.

    Attributes
    ----------
    k : numpy.ndarray
        The place of each row's date.
    code : numpy.ndarray
        The place of its customer among everybody.
    n_dates, n_customers : int
        How many dates and customers there are.
    """

    k: Integers
    code: Integers
    n_dates: int
    n_customers: int

    @classmethod
    def of(cls, at_risk: npt.NDArray[np.bool_]) -> Rows:
        """Return the rows of a table (dates x customers) of who is at risk."""
        k, code = np.nonzero(at_risk)
        return cls(k, code, *at_risk.shape)

    def __len__(self) -> int:
        return len(self.k)

    @cached_property
    def _places(self) -> Integers:
        found = np.full(self.n_dates * self.n_customers, -1)
        found[self.k * self.n_customers + self.code] = np.arange(len(self))
        return found

    def at(self, k: int) -> Integers:
        """Return the customers of a date."""
        start, end = np.searchsorted(self.k, [k, k + 1])
        return self.code[start:end]

    def scattered(
        self, table: pa.Table, everybody: Everybody, fill: int = 0
    ) -> dict[str, Integers]:
        """Return a table of whole numbers by `k` and `customer` as columns of these rows.

        Rows that the table lacks get `fill`; what it has besides these rows is left out.
        """
        k = table["k"].cast(pa.int64()).to_numpy()
        code = everybody.codes(table["customer"])
        place = self._places[k * self.n_customers + code]
        ours = place >= 0
        place = place[ours]
        found = {}
        for name in table.column_names:
            if name in ("k", "customer"):
                continue
            values = np.full(len(self), fill)
            values[place] = table[name].cast(pa.int64()).to_numpy()[ours]
            found[name] = values
        return found


def _parts(column: Any) -> list[Any]:
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]
