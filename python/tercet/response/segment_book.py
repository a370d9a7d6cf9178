"""Many segments: their order, who is in which, how they overlap, and who comes and goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tercet import _arguments, _columns, _display, _join, _tercet
from tercet._frames import has_column, new_table
from tercet._progress import Progress, reporting
from tercet._snapshots.clock import Clock
from tercet.exceptions import ParameterError
from tercet.response import _sql
from tercet.response._frozen import Frozen, taken_out
from tercet.response._rule_columns import tick_of
from tercet.response.segment import Segment, read_customers, read_segments
from tercet.response.segment_changes import SegmentChanges
from tercet.response.segment_members import SegmentMembers

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tercet._time import TimeLike
    from tercet.response._sql import Dialect

__all__ = ["SegmentBook"]


class SegmentBook:
    """Many segments that may refer to each other.

    A segment is active, which means that it is evaluated anew each time, or frozen: a list of
    customers as of a date. A book does not change; `add`, `replace`, `remove`, `freeze` and `thaw`
    return another one.

    Parameters
    ----------
    segments : list of Segment or mapping
        The segments, or their definitions. A definition may have an entry "frozen", as `to_dict`
        writes it.

    Raises
    ------
    ParameterError
        For no segment, two of one id, a reference to a segment that is not in the book, and for
        segments that refer to each other in a circle; it names them.

    Examples
    --------
    >>> import pandas as pd
    >>> import tercet as tc
    >>> book = tc.SegmentBook(
    ...     [
    ...         tc.Segment("buyers", {"column": "orders", ">=": 1}),
    ...         tc.Segment(
    ...             "win_back",
    ...             {"all": [{"segment": "buyers"}, {"column": "last", "older_than_days": 180}]},
    ...         ),
    ...     ]
    ... )
    >>> customers = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bob", "eve"],
    ...         "orders": [3, 0, 1],
    ...         "last": pd.to_datetime(["2025-05-20", None, "2024-08-01"]),
    ...     }
    ... )
    >>> found = book.evaluate(customers, as_of="2025-06-01")
    >>> found.table[["segment", "members"]].to_numpy().tolist()
    [['buyers', 2], ['win_back', 1]]
    """

    def __init__(self, segments: Iterable[Segment | Mapping[str, Any]]) -> None:
        values = list(segments) if hasattr(segments, "__iter__") else segments
        frozen = [taken_out(value) for value in values] if isinstance(values, list) else []
        read = read_segments([value for value, _ in frozen] if frozen else values)
        lists = {segment.id: one for segment, (_, one) in zip(read, frozen, strict=True) if one}
        self._set(read, lists)

    def _set(self, segments: Sequence[Segment], frozen: Mapping[str, Frozen]) -> None:
        self._frozen = dict(frozen)
        self._rules = _tercet.SegmentRules.from_segments(
            json.dumps([self._entry(segment) for segment in segments])
        )
        self._segments = {segment.id: segment for segment in segments}

    @classmethod
    def _of(cls, segments: Iterable[Segment], frozen: Mapping[str, Frozen]) -> Self:
        made = cls.__new__(cls)
        made._set(list(segments), frozen)
        return made

    @classmethod
    def around(cls, segment: Segment, book: SegmentBook | Iterable[Segment] | None) -> SegmentBook:
        """Return a segment with those of a book that it refers to.

        Parameters
        ----------
        segment : Segment
            The segment.
        book : SegmentBook or list of Segment, optional
            Where the others are.

        Raises
        ------
        ParameterError
            For a segment that it refers to and that is not there.
        """
        if book is None:
            if segment.references:
                expected = f"a book with {', '.join(map(repr, segment.references))}"
                message = f"book = None: expected {expected}; segment {segment.id!r} refers to it"
                raise ParameterError(message, "book")
            return cls._of([segment], {})
        if not isinstance(book, SegmentBook):
            others = [one for one in read_segments(book, "book") if one.id != segment.id]
            return cls._around(segment, {one.id: one for one in others}, {})
        return cls._around(segment, book._segments, book._frozen)

    @classmethod
    def _around(
        cls, segment: Segment, others: Mapping[str, Segment], frozen: Mapping[str, Frozen]
    ) -> SegmentBook:
        found = {segment.id: segment}
        waiting = list(segment.references)
        while waiting:
            segment_id = waiting.pop()
            if segment_id not in found and segment_id in others:
                found[segment_id] = others[segment_id]
                waiting += [] if segment_id in frozen else others[segment_id].references
        lists = {
            segment_id: one
            for segment_id, one in frozen.items()
            if segment_id in found and segment_id != segment.id
        }
        return cls._of(found.values(), lists)

    @property
    def ids(self) -> list[str]:
        """The segments' ids."""
        return list(self._segments)

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments.values())

    def __contains__(self, segment_id: object) -> bool:
        return segment_id in self._segments

    def __getitem__(self, segment_id: str) -> Segment:
        if segment_id not in self._segments:
            raise self._unknown(segment_id)
        return self._segments[segment_id]

    def _unknown(self, segment_id: object) -> ParameterError:
        some = ", ".join(map(repr, self.ids[:12])) + (", ..." if len(self) > 12 else "")
        return ParameterError(f"segment = {segment_id!r}: expected one of {some}", "segment")

    @property
    def frozen(self) -> dict[str, str]:
        """The frozen segments: their ids, and as of when they were frozen."""
        return {
            segment_id: self._frozen[segment_id].as_of
            for segment_id in self.ids
            if segment_id in self._frozen
        }

    @property
    def dependencies(self) -> dict[str, list[str]]:
        """For each segment those that it refers to; a frozen one needs none."""
        return {
            segment.id: [] if segment.id in self._frozen else segment.references for segment in self
        }

    @property
    def order(self) -> list[str]:
        """The ids in an order in which those that others refer to come first."""
        ids = self.ids
        return [ids[place] for place in self._rules.order]

    @property
    def table(self) -> Any:
        """One row a segment: id, version, status, what it depends on, and its words."""
        depends = self.dependencies
        columns = {
            "segment": self.ids,
            "version": np.array([segment.version for segment in self], dtype=np.int64),
            "status": [
                "frozen" if segment_id in self._frozen else "active" for segment_id in self.ids
            ],
            "frozen_as_of": [self.frozen.get(segment_id) for segment_id in self.ids],
            "depends_on": [", ".join(depends[segment_id]) for segment_id in self.ids],
            "description": [segment.description for segment in self],
            "sentence": [segment.sentence() for segment in self],
        }
        return new_table(columns, None)

    def add(self, *segments: Segment | Mapping[str, Any]) -> SegmentBook:
        """Return a book with further segments.

        Parameters
        ----------
        segments : Segment or mapping
            The segments.
        """
        return self._of([*self, *read_segments(segments)], self._frozen)

    def replace(self, segment: Segment | Mapping[str, Any]) -> SegmentBook:
        """Return a book with another definition of a segment; its version is one higher.

        A frozen segment is active again.

        Parameters
        ----------
        segment : Segment or mapping
            The definition. A version above the present one is kept.

        Raises
        ------
        ParameterError
            If there is no segment of its id.
        """
        new = read_segments([segment])[0]
        old = self[new.id]
        values = new.to_dict() | {"version": max(new.version, old.version + 1)}
        changed = Segment.from_dict(values)
        frozen = {
            segment_id: one for segment_id, one in self._frozen.items() if segment_id != new.id
        }
        return self._of([changed if one.id == new.id else one for one in self], frozen)

    def remove(self, *ids: str) -> SegmentBook:
        """Return a book without some segments.

        Parameters
        ----------
        ids : str
            Their ids.

        Raises
        ------
        ParameterError
            For an id that is not there, one that others refer to, and if nothing would be left.
        """
        for segment_id in ids:
            self[segment_id]
        frozen = {
            segment_id: one for segment_id, one in self._frozen.items() if segment_id not in ids
        }
        return self._of([one for one in self if one.id not in ids], frozen)

    def freeze(
        self, segment_id: str, customers: Any, as_of: TimeLike, *, customer: str = "customer_id"
    ) -> SegmentBook:
        """Return a book in which a segment is the list of its members as of a date.

        Parameters
        ----------
        segment_id : str
            The segment.
        customers : table
            The customers.
        as_of : str, date, datetime, numpy.datetime64
            The date.
        customer : str
            The column of ids.
        """
        segment = self[segment_id]
        small = self.around(segment, self) if segment_id not in self._frozen else self
        found = small.evaluate(customers, as_of, customer=customer)
        ids = found.customer_ids(segment_id)
        frozen = Frozen(str(found.as_of), sorted(ids))
        return self._of(self, {**self._frozen, segment_id: frozen})

    def thaw(self, segment_id: str) -> SegmentBook:
        """Return a book in which a frozen segment is active again.

        Parameters
        ----------
        segment_id : str
            The segment.

        Raises
        ------
        ParameterError
            If it is not frozen.
        """
        self[segment_id]
        if segment_id not in self._frozen:
            raise _arguments.refusal(segment_id, "segment", "a frozen segment")
        frozen = {other: one for other, one in self._frozen.items() if other != segment_id}
        return self._of(self, frozen)

    def evaluate(
        self,
        customers: Any,
        as_of: TimeLike | None = None,
        *,
        customer: str = "customer_id",
        n_jobs: int | None = None,
        progress: Progress = False,
    ) -> SegmentMembers:
        """Say who is in which segment, in one pass; conditions that segments share count once.

        Parameters
        ----------
        customers : table
            One row a customer: a pandas or polars frame (lazy too), a pyarrow table, a DuckDB
            relation or a mapping of arrays.
        as_of : str, date, datetime, numpy.datetime64, optional
            The date that windows count from; a date is the first instant of its day.
        customer : str
            The column of ids. Without one the result knows rows only, and there must be no frozen
            segment.
        n_jobs : int, optional
            Threads; None or -1 for all cores.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        SegmentMembers
            Members, sizes, overlap and coverage.

        Raises
        ------
        DataError
            For a column that is missing or of a type that no rule reads, and for two rows of one
            customer.
        ParameterError
            For a test of another kind than its column, and for windows without `as_of`.
        """
        active = [segment for segment in self if segment.id not in self._frozen]
        known = bool(self._frozen) or has_column(customers, customer)
        read = read_customers(active, customers, as_of, customer if known else None)
        ids = None
        if known:
            _join.check_one_row_each(read.table, customer)
            ids = _columns.ids_to_show(read.table.arrow(customer), customer)
        tick = read.tick(as_of)
        with reporting(progress) as report:
            found = self._rules.evaluate(
                read.columns,
                len(read.table),
                ids,
                customer,
                tick,
                n_jobs=_arguments.threads(n_jobs),
                progress=report,
            )
        versions = {segment.id: segment.version for segment in self}
        statuses = {
            segment_id: "frozen" if segment_id in self._frozen else "active"
            for segment_id in self.ids
        }
        when = None if tick is None else Clock().text(tick)
        return SegmentMembers(
            found, versions, statuses, when, read.table, customer if known else None
        )

    def changes(self, previous: SegmentMembers, current: SegmentMembers) -> SegmentChanges:
        """Say who entered and who left each segment between two evaluations.

        Customers are matched by their ids; who is in one of the two tables only has entered what it
        is in now, or left what it was in.

        Parameters
        ----------
        previous, current : SegmentMembers
            What `evaluate` returned, or `SegmentMembers.from_table` made of a stored table.

        Returns
        -------
        SegmentChanges
            Of the segments of this book that both know.

        Raises
        ------
        ParameterError
            If an evaluation does not know the customers' ids, or the two have no segment in common.
        """
        return SegmentChanges.between(previous, current, self.ids)

    def sql(
        self,
        segment_id: str,
        dialect: Dialect = "duckdb",
        *,
        as_of: TimeLike | None = None,
        customers: Any = None,
        table: str | None = None,
        customer: str = "customer_id",
    ) -> str:
        """Write the condition that follows WHERE in a query for a segment's members.

        Segments that it refers to are written out; of a frozen one, the list of its customers.

        Parameters
        ----------
        segment_id : str
            The segment.
        dialect, as_of, customers, table
            As for `Segment.sql`.
        customer : str
            The column of ids, for frozen segments.

        Returns
        -------
        str
            The condition.

        Raises
        ------
        ParameterError, TercetError
            As `Segment.sql`.
        """
        self[segment_id]
        checked = _arguments.word(dialect, "dialect", _sql.DIALECTS)
        needed = [] if segment_id in self._frozen else list(self.around(self[segment_id], self))
        active = [segment for segment in needed if segment.id not in self._frozen]
        paths: dict[str, str] = {}
        kinds: dict[str, str] = {}
        for segment in active:
            for name, path, kind in segment._columns:
                paths.setdefault(name, path)
                if kind is not None:
                    kinds.setdefault(name, kind)
            if as_of is None and segment.needs_as_of:
                expected = f"a date: {segment._relative} counts from it"
                raise _arguments.refusal(None, "as_of", expected)
        schema = _sql.Schema.of(customers, paths, kinds)
        tick = None if as_of is None else tick_of(as_of, schema.clocks())

        def expression(other: str) -> Any:
            if other in self._frozen:
                return writer.listed(customer, self._frozen[other].ids)
            return writer.condition(self._segments[other].where)

        writer = _sql.Writer(checked, tick, schema, table, expression)
        return writer.text(expression(segment_id))

    def to_dict(self) -> dict[str, Any]:
        """Return the book as plain values, which `from_dict` reads.

        Returns
        -------
        dict
            "segments": the definitions, with "frozen" for those that are lists.
        """
        return {"segments": [self._entry(segment) for segment in self]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a book that `to_dict` wrote.

        Parameters
        ----------
        values : mapping
            With "segments".
        """
        if not hasattr(values, "keys") or "segments" not in values:
            raise _arguments.refusal(values, "book", 'a mapping with "segments"')
        return cls(values["segments"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the book to a JSON file that `tercet.load` and Rust read.

        Parameters
        ----------
        path : path
            The file; it is replaced if it exists.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self._rules.save(_arguments.path(path))

    @classmethod
    def _from_json(cls, text: str) -> Self:
        """Return the book that a file's text holds."""
        rules = _tercet.SegmentRules.from_json(text)
        content = json.loads(rules.to_json())["fitted"]
        return cls.from_dict(content)

    def _entry(self, segment: Segment) -> dict[str, Any]:
        entry = segment.to_dict()
        frozen = self._frozen.get(segment.id)
        if frozen is not None:
            entry["frozen"] = {"as_of": frozen.as_of, "ids": frozen.ids}
        return entry

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SegmentBook) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return type(self).from_dict, (self.to_dict(),)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        rows = []
        for segment in list(self)[:20]:
            status = f"as of {self.frozen[segment.id]}" if segment.id in self._frozen else "active"
            words = segment.sentence()
            rows.append([segment.id, str(segment.version), status, _display.shortened(words, 60)])
        more = [f"{len(self) - 20} more segments."] if len(self) > 20 else []
        title = f"SegmentBook of {len(self)} segment{'' if len(self) == 1 else 's'}"
        return _display.Grid(title, ["segment", "version", "status", "sentence"], rows, more)
