"""Who entered and who left segments between two evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _display
from tercet._frames import new_table
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Integers
    from tercet.response.segment_members import SegmentMembers

__all__ = ["SegmentChanges"]


class SegmentChanges:
    """Who entered and who left each segment; made by `SegmentBook.changes`.

    Attributes
    ----------
    ids : list of str
        The segments that both evaluations know.
    added, removed : list of str
        Those that only the current, or only the previous evaluation knows.
    table : table
        One row a segment: `before` and `after` (members), `entered`, `left`, `stayed`, and of those
        `new_customers` (entered, and not in the previous table) and `gone_customers` (left, and not
        in the current table).
    """

    def __init__(
        self,
        previous: SegmentMembers,
        current: SegmentMembers,
        ids: list[str],
        entered: Any,
        left: Any,
        known: tuple[Integers, Integers],
    ) -> None:
        self.ids = ids
        self.added = [segment_id for segment_id in current.ids if segment_id not in previous.ids]
        self.removed = [segment_id for segment_id in previous.ids if segment_id not in current.ids]
        self._previous, self._current = previous, current
        self._entered, self._left = entered, left
        self._known = known

    @classmethod
    def between(
        cls, previous: SegmentMembers, current: SegmentMembers, ids: Sequence[str]
    ) -> SegmentChanges:
        """Compare two evaluations.

        Parameters
        ----------
        previous, current : SegmentMembers
            The evaluations.
        ids : list of str
            The segments to compare, of which those are that both know.
        """
        both = [
            segment_id
            for segment_id in ids
            if segment_id in previous._versions and segment_id in current._versions
        ]
        if not both:
            message = "previous: expected an evaluation that has a segment in common with current"
            raise ParameterError(message, "previous")
        before, after = previous._arrow_ids(), current._arrow_ids()
        if before.type != after.type:
            message = (
                "previous: expected customers whose ids are of the same type as those of current; "
                "convert one of the two columns"
            )
            raise ParameterError(message, "previous")
        there = (_places(after, before), _places(before, after))
        pairs = [(current._place(segment_id), previous._place(segment_id)) for segment_id in both]
        turned = [(one, other) for other, one in pairs]
        entered = current._found.without(previous._found.at(there[0]), pairs)
        left = previous._found.without(current._found.at(there[1]), turned)
        return cls(previous, current, both, entered, left, there)

    @property
    def table(self) -> Any:
        """One row a segment."""
        before, after = self._previous.sizes, self._current.sizes
        entered, left = self._entered.sizes(), self._left.sizes()
        first, last = self._known
        new = [int((first[self._entered.rows(k)] < 0).sum()) for k in range(len(self.ids))]
        gone = [int((last[self._left.rows(k)] < 0).sum()) for k in range(len(self.ids))]
        was = np.array([before[segment_id] for segment_id in self.ids], dtype=np.int64)
        columns = {
            "segment": self.ids,
            "before": was,
            "after": np.array([after[segment_id] for segment_id in self.ids], dtype=np.int64),
            "entered": entered,
            "left": left,
            "stayed": was - left,
            "new_customers": np.array(new, dtype=np.int64),
            "gone_customers": np.array(gone, dtype=np.int64),
        }
        return new_table(columns, self._current._table.kind)

    def entered(self, segment_id: str) -> list[Any]:
        """Return the ids of who entered a segment.

        Parameters
        ----------
        segment_id : str
            The segment.

        Returns
        -------
        list
            In the order of the current table.
        """
        return self._of(self._entered, self._current, segment_id)

    def left(self, segment_id: str) -> list[Any]:
        """Return the ids of who left a segment.

        Parameters
        ----------
        segment_id : str
            The segment.

        Returns
        -------
        list
            In the order of the previous table.
        """
        return self._of(self._left, self._previous, segment_id)

    def to_table(self) -> Any:
        """Return one row for each customer who entered or left a segment.

        Returns
        -------
        table
            `customer_id`, `segment`, and `change`: "entered" or "left".
        """
        ids, segments, words = [], [], []
        for place, segment_id in enumerate(self.ids):
            for found, side, word in (
                (self._entered, self._current, "entered"),
                (self._left, self._previous, "left"),
            ):
                rows = found.rows(place)
                ids.append(side._arrow_ids().take(pa.array(rows)))
                segments += [segment_id] * len(rows)
                words += [word] * len(rows)
        columns = {
            self._current._require_ids(): pa.concat_arrays(ids),
            "segment": pa.array(segments, pa.string()),
            "change": pa.array(words, pa.string()),
        }
        return new_table(columns, self._current._table.kind)

    def _of(self, found: Any, side: SegmentMembers, segment_id: str) -> list[Any]:
        if segment_id not in self.ids:
            message = f"segment = {segment_id!r}: expected one that both evaluations know"
            raise ParameterError(message, "segment")
        rows = found.rows(self.ids.index(segment_id))
        ids: list[Any] = side._arrow_ids().take(pa.array(rows)).to_pylist()
        return ids

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        entered, left = self._entered.sizes(), self._left.sizes()
        after = self._current.sizes
        rows = [
            [segment_id, f"+{entered[k]:,}", f"-{left[k]:,}", _display.count(after[segment_id])]
            for k, segment_id in enumerate(self.ids[:20])
        ]
        when = [one.as_of or "?" for one in (self._previous, self._current)]
        words = [
            f"{word}: {', '.join(ids)}."
            for word, ids in (("Added", self.added), ("Removed", self.removed))
            if ids
        ]
        title = f"Changes of {len(self.ids)} segments from {when[0]} to {when[1]}"
        return _display.Grid(title, ["segment", "entered", "left", "members"], rows, words)


def _places(ours: Any, theirs: Any) -> Integers:
    """Return for each id its place among others, or -1."""
    if ours.equals(theirs):
        return np.arange(len(ours), dtype=np.int64)
    found = pc.index_in(ours, value_set=theirs).fill_null(-1)
    places: Integers = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return places
