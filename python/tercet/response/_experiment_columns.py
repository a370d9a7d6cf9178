"""Columns of an experiment on their way to the core: arms, outcomes, covariates, segments, ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import check_same_rows, read_table, read_whole
from tercet._levels import as_text, is_number, quoted
from tercet.response.segment_members import SegmentMembers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tercet._columns import Floats, Ids
    from tercet._frames import Table

Flags: TypeAlias = NDArray[np.bool_]
Labels: TypeAlias = "tuple[str, list[str], NDArray[np.uint32]]"

#: The name of all customers together in results.
EVERYONE: Final = "everyone"
#: Different labels of one column of segments, and of one covariate, at most.
MOST_SEGMENTS: Final = 2_000
MOST_LEVELS: Final = 50
#: The code of a row that belongs to no segment of a column.
_NO_SEGMENT: Final = np.iinfo(np.uint32).max

_NAMES = "a column's name, or a list of different columns' names (as text: rename numbered columns)"
_SEGMENTS = (
    "a column's name or several, a dict of segments' names and true/false values one a row, what "
    "SegmentBook.evaluate found, or a table of true/false columns"
)


@dataclass
class Columns:
    """The columns that an analysis reads, by role."""

    treatment: str
    outcomes: list[str]
    covariates: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    cluster: str | None = None
    customer: str | None = None

    def read(self, data: Any) -> Table:
        """Read them, each once: a column may be a covariate and make segments."""
        roles = {"treatment": [self.treatment], "outcomes": self.outcomes}
        roles |= {"covariates": self.covariates, "segments": self.segments}
        for role, name in (("cluster", self.cluster), ("customer", self.customer)):
            roles[role] = [] if name is None else [name]
        wanted: dict[str, str] = {}
        owners: dict[str, str] = {}
        for role, names in roles.items():
            for place, name in enumerate(names):
                first = owners.get(name)
                if first in ("treatment", "outcomes"):
                    expected = f"other columns than {first}; '{name}' cannot be both"
                    raise _arguments.refusal(name, role, expected)
                if first is None:
                    owners[name] = role
                    wanted[role if len(names) == 1 else f"{role} {place}"] = name
        remedies = {key: f"name the right one with {key.split()[0]}=" for key in wanted}
        return read_table(data, wanted, what="table", remedies=remedies)


@dataclass(frozen=True)
class Arms:
    """Who got what.

    Attributes
    ----------
    column : str
        The caller's column.
    labels : list
        The arms as the caller's column has them.
    codes : numpy.ndarray of uint16
        Every row's arm.
    control : int
        The place of the control.
    """

    column: str
    labels: list[Any]
    codes: NDArray[np.uint16]
    control: int

    @property
    def names(self) -> list[str]:
        """The arms as text."""
        return [as_text(label) for label in self.labels]

    def core(self) -> tuple[str, list[str], NDArray[np.uint16], int]:
        """Return what the core takes."""
        return self.column, self.names, self.codes, self.control

    @classmethod
    def read(cls, table: Table, column: str, control: Any) -> Arms:
        """Read the column; the control may be left out where an arm is False or 0."""
        labels, codes = levels_of(table.arrow(column), column)
        if len(labels) > np.iinfo(np.uint16).max:
            reason = f"has {len(labels):,} different values; name the column that says who got what"
            raise column_error(column, reason)
        if (codes < 0).any():
            reason = "is missing; drop customers who were not assigned, or say what they got"
            raise column_error(column, reason, int((codes < 0).argmax()))
        names = [as_text(label) for label in labels]
        return cls(column, labels, codes.astype(np.uint16), _place(control, labels, names))

    def shares(self, planned: Any) -> list[float] | None:
        """Return the planned shares in the order of the arms."""
        if planned is None:
            return None
        expected = f"a dict with a positive number for each arm: {quoted(self.names)}"
        if not isinstance(planned, Mapping):
            raise _arguments.refusal(planned, "shares", expected)
        given = {as_text(arm): share for arm, share in planned.items()}
        if set(given) != set(self.names):
            raise _arguments.refusal(planned, "shares", expected)
        return [_arguments.finite(given[name], "shares", expected) for name in self.names]


def names(value: Any, parameter: str) -> list[str]:
    """Return one name or several."""
    if isinstance(value, str):
        return [value]
    return _arguments.names(value, parameter, _NAMES)


def read_outcome(table: Table, name: str) -> Floats:
    """Return an outcome as numbers, true as 1; a missing one is nan."""
    column = table.arrow(name)
    if pa.types.is_boolean(column.type):
        values = column.cast(pa.uint8())
        return _columns.floats(values, name, missing_as_nan=True)
    return table.floats(name, missing_as_nan=True)


def read_covariates(table: Table, wanted: Iterable[str]) -> list[tuple[str, Floats]]:
    """Return covariates as numbers; of categories a 0/1 column for every level but the first."""
    found: list[tuple[str, Floats]] = []
    for name in wanted:
        column = table.arrow(name)
        if is_number(column.type) or pa.types.is_null(column.type):
            found.append((name, table.floats(name, missing_as_nan=True)))
            continue
        if pa.types.is_temporal(column.type):
            reason = (
                f"holds values of type {column.type}; a covariate is a number, text, a category or "
                "true/false: convert it, say to days before the experiment began"
            )
            raise column_error(name, reason)
        labels, codes = levels_of(column, name)
        if len(labels) > MOST_LEVELS:
            reason = f"has {len(labels):,} levels where {MOST_LEVELS} are the most; group them"
            raise column_error(name, f"{reason}, or leave the covariate out")
        if len(labels) < 2:
            reason = "is the same in every row and explains nothing; leave it out"
            raise column_error(name, reason)
        for place, label in enumerate(labels[1:], start=1):
            values = np.where(codes < 0, np.nan, codes == place)
            found.append((f"{name}={as_text(label)}", values))
    return found


@dataclass(frozen=True)
class Segments:
    """Which rows belong to which segments.

    Attributes
    ----------
    labels : list
        For every column its name, its segments' names and the code of each row.
    flags : list
        Names and whether each row belongs to the segment.
    """

    labels: list[Labels]
    flags: list[tuple[str, Flags]]

    @classmethod
    def of_columns(cls, table: Table, columns: list[str]) -> Segments:
        """Read columns of labels; a row without a label belongs to no segment of the column."""
        labels = [_segments_of(table, column, several=len(columns) > 1) for column in columns]
        return cls(labels, [])

    @classmethod
    def of_memberships(cls, given: Any, table: Table) -> Segments:
        """Read what a book of segments found, a mapping of names and values, or a table."""
        columns: dict[str, Any] = {}
        if isinstance(given, SegmentMembers):
            every = {one: given.members(one) for one in given.ids}
            columns = {one: flags for one, flags in every.items() if flags.any()}
        elif isinstance(given, Mapping):
            for name, values in given.items():
                if not isinstance(name, str):
                    raise _arguments.refusal(name, "segments", "names of segments that are text")
                check_same_rows(values, table.native, "segments", "table")
                columns[name] = _flags(values, name)
        else:
            check_same_rows(given, table.native, "segments", "table")
            frame = read_whole(given, "table of memberships")
            columns = {name: _flags(frame.arrow(name), name) for name in frame.columns.columns}
        if not columns:
            raise _arguments.refusal(given, "segments", _SEGMENTS)
        for name, flags in columns.items():
            if len(flags) != len(table):
                reason = f"has {len(flags):,} values for {len(table):,} rows; give one a row"
                raise column_error(name, reason)
        return cls([], list(columns.items()))

    def check(self) -> None:
        """Refuse a segment that has the name of all customers together."""
        every = [name for _, names, _ in self.labels for name in names]
        if EVERYONE in [*every, *(name for name, _ in self.flags)]:
            reason = "is the name of all customers together in the result; rename the segment"
            raise column_error(EVERYONE, reason)


def read_segments(segments: Any, table: Table, columns: list[str]) -> Segments:
    """Return segments from whatever they were given as; `columns` are those read of the table."""
    if segments is None:
        return Segments([], [])
    if columns:
        found = Segments.of_columns(table, columns)
    else:
        found = Segments.of_memberships(segments, table)
    found.check()
    return found


def segment_columns(segments: Any) -> list[str]:
    """Return the columns that segments are read from; none where memberships were given."""
    if isinstance(segments, str):
        return [segments]
    if isinstance(segments, list | tuple):
        return _arguments.names(segments, "segments", _SEGMENTS)
    if segments is not None and (np.isscalar(segments) or callable(segments)):
        raise _arguments.refusal(segments, "segments", _SEGMENTS)
    return []


def read_ids(table: Table, name: str | None) -> tuple[str, Ids] | None:
    """Return a column of ids with its name."""
    return None if name is None else (name, table.ids(name))


def levels_of(column: Any, name: str) -> tuple[list[Any], NDArray[np.int64]]:
    """Return what a column holds, in order, and the code of each row; -1 where it is missing."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # no chunk, or too long for one
        column = pa.concat_arrays(column.chunks)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    ordered = pa.types.is_dictionary(column.type)
    encoded = column if ordered else column.dictionary_encode()
    labels = encoded.dictionary.to_pylist()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    seen = np.bincount(codes[codes >= 0], minlength=len(labels)) > 0
    order = [place for place in range(len(labels)) if seen[place] and labels[place] is not None]
    if not ordered:
        try:
            order.sort(key=labels.__getitem__)
        except TypeError as error:
            reason = f"holds values that have no order ({error}); convert the column to text"
            raise column_error(name, reason) from None
    places = np.full(len(labels) + 1, -1, dtype=np.int64)
    places[order] = np.arange(len(order))
    return [labels[place] for place in order], places[codes]


def _place(control: Any, labels: list[Any], texts: list[str]) -> int:
    if control is None:
        for place, label in enumerate(labels):
            if label in (False, 0) and len(labels) == 2:
                return place
        expected = f"the arm that the others are compared with, one of {quoted(texts)}"
        raise _arguments.refusal(control, "control", expected)
    if control in labels:
        return labels.index(control)
    if as_text(control) in texts:
        return texts.index(as_text(control))
    raise _arguments.refusal(control, "control", f"one of {quoted(texts)}")


def _segments_of(table: Table, column: str, *, several: bool) -> Labels:
    labels, codes = levels_of(table.arrow(column), column)
    if not labels:
        raise column_error(column, "is missing in every row; leave it out of segments")
    if len(labels) > min(MOST_SEGMENTS, max(20, len(table) // 5)):
        reason = (
            f"has {len(labels):,} different values in {len(table):,} rows, too many for segments "
            f"(at most {MOST_SEGMENTS:,}, of five rows each on average); cut it into bands"
        )
        raise column_error(column, reason)
    names = [f"{column}={as_text(label)}" if several else as_text(label) for label in labels]
    return column, names, np.where(codes < 0, _NO_SEGMENT, codes).astype(np.uint32)


def _flags(values: Any, name: str) -> Flags:
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
        if array.dtype == np.bool_ and array.ndim == 1:
            return np.ascontiguousarray(array)  # as it lies: Arrow would pack bits and unpack them
        values = _arrow(array, name)
    column = values
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        reason = "is missing; a customer belongs to a segment or does not: fill the gap"
        raise column_error(name, reason, pc.index(pc.is_null(column), True).as_py())
    if pa.types.is_boolean(column.type):
        return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), dtype=np.bool_)
    if is_number(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
        strange = (numbers != 0) & (numbers != 1)
        if not strange.any():
            return np.ascontiguousarray(numbers == 1)
        row = int(strange.argmax())
        reason = f"is {numbers[row]}, not true or false"
        raise column_error(name, f"{reason}; for labels name the column: segments=...", row)
    reason = "holds no true/false values; for labels name the column: segments=..."
    raise column_error(name, reason)


def _arrow(array: Any, name: str) -> Any:
    if array.ndim != 1:
        raise column_error(name, "is no single column; give one true/false value a row")
    try:
        return pa.array(array, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise column_error(name, f"mixes types ({error}); give true/false values") from error
