"""Who is in which segment: what an evaluation of a book found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _columns, _display, _join, _tercet
from tercet._frames import new_table, read_table
from tercet._snapshots import small
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tercet._columns import Integers
    from tercet._frames import Table

__all__ = ["SegmentMembers"]


class SegmentMembers:
    """Who is in which segment; made by `SegmentBook.evaluate`.

    Attributes
    ----------
    ids : list of str
        The segments.
    as_of : str or None
        The date of the evaluation.
    n_customers : int
        How many customers there are.
    """

    def __init__(
        self,
        found: Any,
        versions: Mapping[str, int],
        statuses: Mapping[str, str],
        as_of: str | None,
        table: Table,
        customer: str | None,
    ) -> None:
        self._found = found
        self._versions = dict(versions)
        self._statuses = dict(statuses)
        self._table = table
        self._customer = customer
        self.as_of = as_of
        self.ids = list(versions)
        self.n_customers: int = found.n_rows

    @classmethod
    def from_table(
        cls,
        memberships: Any,
        *,
        customer: str = "customer_id",
        segment: str = "segment",
        segments: Sequence[str] | None = None,
        customers: Any = None,
        as_of: str | None = None,
    ) -> SegmentMembers:
        """Read memberships that `to_table` wrote and somebody stored.

        The table has no row of a segment without members, and none of a customer in no segment.
        With `segments=members.ids` and `customers=`, the table that was evaluated, all is as it
        was.

        Parameters
        ----------
        memberships : table
            One row a customer and segment.
        customer, segment : str
            The columns.
        segments : list of str, optional
            All segments, in the order that they are to have. Default: those in the table.
        customers : table, optional
            All customers, in the order that they are to have, with a column `customer`. Default:
            those in the table, in the order of their first rows.
        as_of : str, optional
            The date of the evaluation.

        Returns
        -------
        SegmentMembers
            Without `customers` of those who are in any segment; `coverage` is 1 then.

        Raises
        ------
        DataError
            For a column that is missing, a gap in one, and a customer or a segment in the table
            who is none of `customers` or `segments`.

        Examples
        --------
        >>> import tercet as tc
        >>> book = tc.SegmentBook([tc.Segment.from_sql("big", "spend > 50")])
        >>> table = {"customer_id": ["a", "b", "c"], "spend": [10, 80, 60]}
        >>> found = book.evaluate(table, customer="customer_id")
        >>> stored = found.to_table()
        >>> again = tc.SegmentMembers.from_table(stored, segments=found.ids, customers=table)
        >>> again.members("big").tolist(), again.n_customers
        ([False, True, True], 3)
        """
        names = {"customer": customer, "segment": segment}
        table = read_table(memberships, names, (), "table of memberships")
        ids = small.id_column(table, customer)
        labels = small.text_column(table, segment)
        if labels.null_count:
            row = int(np.argmax(pc.is_null(labels).to_numpy(zero_copy_only=False)))
            raise _columns.column_error(segment, "is missing; fill the gap or drop the row", row)
        names_of = _all_segments(labels, segments)
        codes = _found_in(labels, pa.array(names_of, pa.string()), segment, "segments")
        whole = table
        if customers is None:
            everyone = pc.unique(ids)
        else:
            whole = read_table(customers, {"customer": customer}, (), "table of customers")
            everyone = small.id_column(whole, customer)
        places = _found_in(ids, everyone, customer, "customers")
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(names_of)))
        rows = np.split(places[order], ends[:-1])
        found = _tercet.SegmentMemberships.from_rows(
            [np.ascontiguousarray(one) for one in rows], len(everyone)
        )
        if customers is None:
            # Customers in the order of their first rows, as the caller has them.
            first = np.full(len(everyone), len(places))
            np.minimum.at(first, places, np.arange(len(places)))
        else:
            first = np.arange(len(everyone))
        kept = _only(whole, customer, first)
        unknown = dict.fromkeys(names_of, 0)
        return cls(found, unknown, dict.fromkeys(names_of, "stored"), as_of, kept, customer)

    def members(self, segment_id: str) -> NDArray[np.bool_]:
        """Say which customers are members of a segment.

        Parameters
        ----------
        segment_id : str
            The segment.

        Returns
        -------
        numpy.ndarray
            True or False for each customer, in the order of the table.
        """
        flags: NDArray[np.bool_] = self._found.flags(self._place(segment_id))
        return flags

    def customer_ids(self, segment_id: str) -> list[Any]:
        """Return the ids of a segment's members, in the order of the table.

        Parameters
        ----------
        segment_id : str
            The segment.

        Returns
        -------
        list
            Text or whole numbers.

        Raises
        ------
        ParameterError
            If the table had no column of ids.
        """
        rows = self._found.rows(self._place(segment_id))
        ids: list[Any] = self._arrow_ids().take(pa.array(rows)).to_pylist()
        return ids

    @property
    def sizes(self) -> dict[str, int]:
        """The number of members of each segment."""
        return dict(zip(self.ids, self._found.sizes().tolist(), strict=True))

    @property
    def segments_of_each(self) -> Integers:
        """In how many segments each customer is."""
        count: Integers = self._found.segments_of_each().astype(np.int64)
        return count

    @property
    def coverage(self) -> float:
        """The share of customers who are in at least one segment."""
        return float((self._found.segments_of_each() > 0).mean())

    @property
    def table(self) -> Any:
        """One row a segment: its members, their share, and how many are in no other segment."""
        sizes = self._found.sizes()
        alone = self._found.segments_of_each() == 1
        nowhere_else = [int(alone[self._found.rows(place)].sum()) for place in range(len(self.ids))]
        columns = {
            "segment": self.ids,
            "version": np.array(
                [self._versions[segment_id] for segment_id in self.ids], dtype=np.int64
            ),
            "status": [self._statuses[segment_id] for segment_id in self.ids],
            "members": sizes,
            "share": sizes / self.n_customers,
            "in_no_other": np.array(nowhere_else, dtype=np.int64),
        }
        return new_table(columns, self._table.kind)

    def overlap(
        self, measure: Literal["count", "share", "jaccard"] = "count", n_jobs: int | None = None
    ) -> Any:
        """Say how far each two segments share their members.

        Parameters
        ----------
        measure : {"count", "share", "jaccard"}
            The number of common members; their share of the members of the row's segment; or their
            share of those who are in either. NaN where there are none.
        n_jobs : int, optional
            Threads; None or -1 for all cores.

        Returns
        -------
        table
            A row a segment: `segment`, and a column for each.
        """
        checked = _arguments.word(measure, "measure", ("count", "share", "jaccard"))
        n = len(self.ids)
        counts = self._found.overlap(n_jobs=_arguments.threads(n_jobs)).reshape(n, n)
        values = counts
        if checked != "count":
            sizes = np.diag(counts).astype(np.float64)
            whole = np.repeat(sizes[:, None], n, axis=1)
            if checked == "jaccard":
                whole = sizes[:, None] + sizes[None, :] - counts
            values = np.where(whole > 0, counts / np.maximum(whole, 1), np.nan)
        columns = {
            segment_id: np.ascontiguousarray(values[:, place])
            for place, segment_id in enumerate(self.ids)
        }
        # A segment may itself be called "segment".
        first = "segment" if "segment" not in columns else "segment_id"
        return new_table({first: self.ids, **columns}, self._table.kind)

    def to_table(self) -> Any:
        """Return one row a customer and segment that it is in.

        Returns
        -------
        table
            Of the caller's kind: the id under the caller's name, and `segment`.

        Raises
        ------
        ParameterError
            If the table had no column of ids.
        """
        customer = self._require_ids()
        rows = [self._found.rows(place) for place in range(len(self.ids))]
        codes = np.repeat(np.arange(len(rows), dtype=np.int32), [len(one) for one in rows])
        names = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(self.ids, pa.string()))
        taken = self._table.take(customer, np.concatenate(rows))
        return self._table.build({customer: taken, "segment": names.cast(pa.string())})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return customers by segments, True where one is in the other."""
        flags = [self._found.flags(place) for place in range(len(self.ids))]
        return np.column_stack(flags).astype(dtype or np.bool_)

    def _place(self, segment_id: str) -> int:
        if segment_id not in self._versions:
            some = ", ".join(map(repr, self.ids[:12])) + (", ..." if len(self.ids) > 12 else "")
            raise ParameterError(f"segment = {segment_id!r}: expected one of {some}", "segment")
        return self.ids.index(segment_id)

    def _require_ids(self) -> str:
        if self._customer is None:
            message = (
                "customer: expected a column of ids in the customers that were evaluated; name it "
                "with customer="
            )
            raise ParameterError(message, "customer")
        return self._customer

    def _arrow_ids(self) -> Any:
        return _join._as_arrow(self._table.ids_to_show(self._require_ids()))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        rows = [
            [segment_id, _display.count(size), _display.per_cent(size / self.n_customers, 1)]
            for segment_id, size in list(self.sizes.items())[:20]
        ]
        when = f" as of {self.as_of}" if self.as_of else ""
        title = f"{_display.count(self.n_customers)} customers in {len(self)} segments{when}"
        covered = f"{_display.per_cent(self.coverage, 1)} of the customers are in a segment."
        more = [f"{len(self) - 20} more segments."] if len(self) > 20 else []
        return _display.Grid(title, ["segment", "members", "share"], rows, [covered, *more])


def _all_segments(labels: Any, given: Sequence[str] | None) -> list[str]:
    """Return the segments' names: those given, else those that occur in their order."""
    if given is None:
        found: list[str] = pc.unique(labels).to_pylist()
        return found
    expected = "a list of different segments' names"
    return _arguments.names(given, "segments", expected)


def _found_in(column: Any, known: Any, name: str, argument: str) -> Integers:
    """Return the place of each row's value among those that are known."""
    places = pc.index_in(column, value_set=known.cast(column.type))
    if places.null_count:
        row = int(np.argmax(pc.is_null(places).to_numpy(zero_copy_only=False)))
        reason = f"is {column[row].as_py()!r}, which is none of {argument}="
        raise _columns.column_error(name, f"{reason}; add it there, or drop the row", row)
    found: Integers = places.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _only(table: Table, name: str, rows: Integers) -> Table:
    """Return a table with some rows of one column."""
    from tercet._frames import Table

    return Table(table.take(name, rows).alias(name).to_frame(), table.kind, table.native)
