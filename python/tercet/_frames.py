"""The only file that knows what a dataframe is.

In: `read_table` collects the named columns of a caller's table once and hands them out as
arrays. Out: `Table.build` makes a table of the caller's own kind. Kinds: pandas, polars
(eager and lazy), pyarrow, DuckDB relations; a mapping of arrays and anything else that narwhals or
the Arrow PyCapsule interface reads comes back as a `pyarrow.Table`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import narwhals as nw
import numpy as np
import pyarrow as pa

from tercet import _columns, _time
from tercet._columns import Floats, Ids, Integers, column_error, first_failure
from tercet.exceptions import DataError, ParameterError

#: The kinds of table that tercet gives back.
Kind: TypeAlias = Literal["pandas", "polars", "polars lazy", "pyarrow", "duckdb"]

_NOTE = "tercet"
_ACCEPTED = (
    "pass a pandas or polars frame, a pyarrow table, a DuckDB relation or a mapping of arrays"
)


@dataclass(frozen=True)
class Table:
    """The columns of a caller's table that were asked for, and the way back to its kind.

    Attributes
    ----------
    columns : narwhals.DataFrame
        The columns, in memory: read once, so that ids and numbers come from the same rows.
    kind : str
        The kind of table to give back.
    native : object
        What the caller passed.
    """

    columns: nw.DataFrame[Any]
    kind: Kind
    native: Any

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, name: str) -> bool:
        return name in self.columns.columns

    def arrow(self, name: str) -> Any:
        """Return a column as Arrow."""
        series = self.columns.get_column(name)
        if self.columns.implementation.is_pyarrow():
            return series.to_native()  # as it lies; narwhals would join its chunks by a copy
        try:
            return series.to_arrow()
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            works = _converts(series)
            row = None if works is None else first_failure(len(series), works)
            reason = f"mixes types or holds objects ({error}); convert the column to one type"
            raise column_error(name, reason, row) from error

    def floats(self, name: str, *, missing_as_nan: bool = False) -> Floats:
        """Return a column of numbers."""
        if self.columns.implementation.is_pandas_like():
            # pandas would look for NaN row by row on the way to Arrow.
            values = _plain_floats(self.columns.get_column(name).to_native())
            if values is not None:
                return values
        return _columns.floats(self.arrow(name), name, missing_as_nan=missing_as_nan)

    def ids(self, name: str) -> Ids:
        """Return a column of customer ids."""
        return _columns.ids(self.arrow(name), name)

    def ids_to_show(self, name: str) -> Ids:
        """Return a column of customer ids as an error message may quote them."""
        return _columns.ids_to_show(self.arrow(name), name)

    def times(
        self, name: str, *, time_unit: str | None = None, instants: bool = False
    ) -> _time.Times:
        """Return a column of times, as `_time.read_times` does."""
        column = self.arrow(name)
        series = self.columns.get_column(name)
        if series.dtype == nw.Object and pa.types.is_timestamp(column.type):
            _time.check_zones(series.to_numpy(), name)
        return _time.read_times(column, name, time_unit=time_unit, instants=instants)

    def take(self, name: str, rows: Integers | None = None) -> nw.Series[Any]:
        """Return a column, or some rows of it, with the type that the caller gave it."""
        series = self.columns.get_column(name)
        if rows is None:
            return nw.maybe_reset_index(series)
        if self.columns.implementation.is_pyarrow():
            taken = _columns.take(series.to_native(), rows)
            return nw.from_native(taken, series_only=True)
        return nw.maybe_reset_index(series[rows])

    def note(self) -> dict[str, Any]:
        """Return what `build` noted in the table, where this kind of table keeps notes."""
        return read_note(self.native)

    def build(self, columns: Mapping[str, Any], note: Mapping[str, Any] | None = None) -> Any:
        """Return a table of the caller's kind.

        Parameters
        ----------
        columns : mapping
            Names and columns: NumPy arrays, Arrow arrays, or what `take` returned.
        note : mapping, optional
            A few words about the table, kept where the kind of table has room for them.
        """
        table = build_table(columns, self.kind, note, backend=self.columns.implementation)
        if self.kind == "duckdb":
            own = [name for name, column in columns.items() if isinstance(column, nw.Series)]
            return _relation_beside(self.native, table, own)
        return table


def read_table(
    native: Any,
    columns: Mapping[str, str],
    optional: Sequence[str] = (),
    what: str = "table",
    owners: Mapping[str, str] | None = None,
    remedies: Mapping[str, str] | None = None,
) -> Table:
    """Read named columns of a caller's table.

    Parameters
    ----------
    native : object
        The caller's table.
    columns : mapping
        The columns to read: the argument that names each, and the name.
    optional : sequence of str
        Arguments (keys of `columns`) whose column need not be there.
    what : str
        What the table is, for messages.
    owners : mapping, optional
        For arguments that are some class's constructor arguments, the name of the class.
    remedies : mapping, optional
        For other arguments, what to do about a column that is not there.

    Returns
    -------
    Table
        The columns, in memory.

    Raises
    ------
    DataError
        If it is no table, has no rows, or lacks a column.
    ParameterError
        If a column's name is not a string, or names two columns at once.
    """
    _check_names(columns)
    native, frame, kind = _recognise(_without_twins(native, columns.values(), what), what)
    present = _column_names(frame)
    wanted = []
    for argument, name in columns.items():
        if name in present:
            wanted.append(name)
        elif argument not in optional:
            owner, remedy = (owners or {}).get(argument), (remedies or {}).get(argument)
            raise _missing(native, name, present, remedy or _remedy(argument, owner))
    eager = _collect(frame, list(dict.fromkeys(wanted)), kind)
    if len(eager) == 0:
        raise DataError(f"the {what} has no rows; pass at least one")
    return Table(eager, kind, native)


@dataclass(frozen=True)
class Scan:
    """A caller's table that has not been read, and which of the wanted columns it has.

    Attributes
    ----------
    frame : narwhals.DataFrame or narwhals.LazyFrame
        The table; lazy if the caller's is.
    kind : str
        The kind of table to give back.
    native : object
        What the caller passed.
    names : dict
        The columns that are there, by the argument that names each.
    present : list of str
        Every column of the table.
    """

    frame: nw.DataFrame[Any] | nw.LazyFrame[Any]
    kind: Kind
    native: Any
    names: dict[str, str]
    present: list[str]

    @property
    def lazy(self) -> bool:
        """Whether the rows are yet to be read."""
        return isinstance(self.frame, nw.LazyFrame)


def scan_table(
    native: Any,
    columns: Mapping[str, str],
    optional: Sequence[str] = (),
    what: str = "table",
    remedies: Mapping[str, str] | None = None,
) -> Scan:
    """Find named columns of a caller's table without reading it.

    Parameters
    ----------
    native : object
        The caller's table.
    columns, optional, what, remedies
        As for `read_table`.

    Raises
    ------
    DataError
        If it is no table, or lacks a column.
    ParameterError
        If a column's name is not a string, or names two columns at once.
    """
    _check_names(columns)
    native, frame, kind = _recognise(_without_twins(native, columns.values(), what), what)
    present = _column_names(frame)
    names = {}
    for argument, name in columns.items():
        if name in present:
            names[argument] = name
        elif argument not in optional:
            remedy = (remedies or {}).get(argument) or _remedy(argument, None)
            raise _missing(native, name, present, remedy)
    return Scan(frame, kind, native, names, present)


def build_as(columns: Mapping[str, Any], scan: Scan) -> Any:
    """Return a new table of the kind of one that was scanned; of a lazy one a lazy one."""
    table = build_table(columns, scan.kind)
    return _relation_beside(scan.native, table, []) if scan.kind == "duckdb" else table


def read_whole(native: Any, what: str = "table") -> Table:
    """Read every column of a caller's table.

    Parameters
    ----------
    native : object
        The caller's table.
    what : str
        What the table is, for messages.

    Returns
    -------
    Table
        The columns, in memory.

    Raises
    ------
    DataError
        If it is no table, has no rows or columns, or if a column's name is not text or another's.
    """
    for name in _names_that_may_repeat(native):
        if not isinstance(name, str):
            reason = "has a name that is not text; rename the column"
            raise column_error(str(name), reason)
    native = _without_twins(native, _names_that_may_repeat(native), what)
    native, frame, kind = _recognise(native, what)
    names = _column_names(frame)
    if not names:
        raise DataError(f"the {what} has no columns; pass at least one")
    eager = _collect(frame, names, kind)
    if len(eager) == 0:
        raise DataError(f"the {what} has no rows; pass at least one")
    return Table(eager, kind, native)


def read_note(native: Any) -> dict[str, Any]:
    """Return what `Table.build` noted in a table, where its kind of table keeps notes."""
    if isinstance(native, pa.Table):
        return _read_schema_note(native.schema.metadata)
    attributes = getattr(native, "attrs", None)
    note = attributes.get(_NOTE) if isinstance(attributes, Mapping) else None
    return dict(note) if isinstance(note, Mapping) else {}


def has_column(native: Any, name: str) -> bool:
    """Whether a table of any kind has a column of that name."""
    if isinstance(native, Mapping):
        return name in native
    return name in _column_names(_recognise(native, "table")[1])


def check_same_rows(values: Any, native: Any, parameter: str, what: str) -> None:
    """Refuse a pandas Series or frame whose rows carry other labels than those of a table.

    Values that belong to the rows of a table are taken by their position. Of two pandas objects
    with different labels, nobody knows whether they are in one order.

    Parameters
    ----------
    values : object
        One value or more for each row.
    native : object
        The caller's table, or a Series.
    parameter : str
        The argument that `values` were passed as.
    what : str
        What the table is, for messages.

    Raises
    ------
    ParameterError
        If so.
    """
    theirs: Any = getattr(values, "index", None)
    ours: Any = getattr(native, "index", None)
    if hasattr(theirs, "equals") and hasattr(ours, "equals") and not theirs.equals(ours):
        labels = f"{what}.index" if what.isidentifier() else "its index"
        message = (
            f"{parameter}: the {type(values).__name__} has another index than the {what}; align "
            f"it with .reindex({labels}), or pass .to_numpy() if its rows are in the {what}'s "
            "order"
        )
        raise ParameterError(message, parameter)


def noted_name(native: Any, role: str, name: str) -> str:
    """Return a column's name, or where the table lacks it, the one that its note gives the role."""
    noted = read_note(native).get(role)
    if not isinstance(noted, str):
        return name
    present = native.column_names if isinstance(native, pa.Table) else native.columns
    return noted if name not in present and noted in present else name


def build_table(
    columns: Mapping[str, Any],
    kind: Kind,
    note: Mapping[str, Any] | None = None,
    backend: Any = None,
) -> Any:
    """Return a table of some kind; a DuckDB one as the `pyarrow.Table` that it is made from."""
    if kind == "pyarrow" or kind == "duckdb":
        arrow = pa.table({name: _as_arrow(column) for name, column in columns.items()})
        if note and kind == "pyarrow":
            arrow = arrow.replace_schema_metadata({_NOTE: json.dumps(dict(note))})
        return arrow
    backend = backend or _IMPLEMENTATIONS[kind]
    series = [_as_series(name, column, backend).to_frame() for name, column in columns.items()]
    frame = nw.concat(series, how="horizontal").to_native()
    if kind == "polars lazy":
        return frame.lazy()
    if kind == "pandas" and note:
        frame.attrs[_NOTE] = dict(note)
    return frame


def new_table(columns: Mapping[str, Any], kind: Kind | None) -> Any:
    """Return a table that stems from no table of the caller's: one row a parameter, say.

    Without a kind it is pandas or polars where installed, else pyarrow. It is never lazy.
    """
    kind = kind or _installed_kind()
    if kind == "polars lazy":
        kind = "polars"
    if kind == "pandas":
        columns = {name: _with_gaps(column) for name, column in columns.items()}
    table = build_table(columns, kind)
    return importlib.import_module("duckdb").from_arrow(table) if kind == "duckdb" else table


def _installed_kind() -> Kind:
    likely: tuple[Kind, ...] = ("pandas", "polars")
    for kind in likely:
        if importlib.util.find_spec(kind):
            return kind
    return "pyarrow"


_IMPLEMENTATIONS = {
    "pandas": nw.Implementation.PANDAS,
    "polars": nw.Implementation.POLARS,
    "polars lazy": nw.Implementation.POLARS,
}


def _check_names(columns: Mapping[str, str]) -> None:
    roles: dict[str, str] = {}
    for argument, name in columns.items():
        if not isinstance(name, str):
            raise ParameterError(f"{argument} = {name!r}: expected a column's name", argument)
        if name in roles:
            message = (
                f"{argument} = {name!r}: expected another column than {roles[name]}; one column "
                "cannot be both"
            )
            raise ParameterError(message, argument)
        roles[name] = argument


def _without_twins(native: Any, wanted: Iterable[str], what: str) -> Any:
    """Leave out columns of one name, unless that name is wanted: narwhals reads no such table."""
    names = _names_that_may_repeat(native)
    count = Counter(names)
    if len(count) == len(names):
        return native
    for name in wanted:
        if count[name] > 1:
            reason = f"'{name}' occurs {count[name]} times"
            message = f"the {what} has several columns of one name; rename them ({reason})"
            raise DataError(message, name)
    single = [position for position, name in enumerate(names) if count[name] == 1]
    if isinstance(native, pa.Table):
        return native.select(single)
    return native.iloc[:, single] if hasattr(native, "iloc") else native


def _names_that_may_repeat(native: Any) -> list[Any]:
    """Return the column names of a pyarrow, pandas or DuckDB table; polars has each name once."""
    if isinstance(native, pa.Table):
        return cast("list[Any]", native.column_names)
    may_repeat = hasattr(native, "iloc") or nw.dependencies.is_duckdb_relation(native)
    return list(getattr(native, "columns", ())) if may_repeat else []


def _recognise(native: Any, what: str) -> tuple[Any, Any, Kind]:
    """Return the table (as something that narwhals reads), its narwhals face, and its kind."""
    if isinstance(native, Mapping):
        native = _table_of_arrays(native, what)
    frame = nw.from_native(native, pass_through=True)
    if not isinstance(frame, nw.DataFrame | nw.LazyFrame):
        native = _table_of_stream(native, what)
        frame = nw.from_native(native)
    implementation = frame.implementation
    if implementation.is_polars():
        return native, frame, "polars lazy" if isinstance(frame, nw.LazyFrame) else "polars"
    if implementation.is_duckdb():
        return native, frame, "duckdb"
    return native, frame, "pandas" if implementation.is_pandas_like() else "pyarrow"


def _table_of_stream(native: Any, what: str) -> Any:
    try:
        return pa.table(native)
    except (ValueError, TypeError):
        message = f"the {what} is a {type(native).__name__}, not a table; {_ACCEPTED}"
        raise DataError(message) from None


def _table_of_arrays(arrays: Mapping[str, Any], what: str) -> Any:
    columns = {}
    for name, values in arrays.items():
        values = values if hasattr(values, "__len__") else np.asarray(values)
        try:
            columns[name] = pa.array(values, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            reason = f"is no one-dimensional array of one type ({error}); convert it"
            raise column_error(str(name), reason) from error
        has_objects = getattr(values, "dtype", np.dtype(object)) == np.dtype(object)
        if has_objects and pa.types.is_timestamp(columns[name].type):
            _time.check_zones(values, str(name))
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"the {what} has columns of different lengths: {lengths}; align them")
    return pa.table(columns)


def _column_names(frame: Any) -> list[str]:
    if isinstance(frame, nw.LazyFrame):
        return frame.collect_schema().names()
    return cast("list[str]", frame.columns)


def _collect(frame: Any, names: list[str], kind: Kind) -> nw.DataFrame[Any]:
    selected = frame.select(*names)
    if isinstance(selected, nw.LazyFrame):
        return selected.collect(backend="polars" if kind == "polars lazy" else "pyarrow")
    return cast("nw.DataFrame[Any]", selected)


def _remedy(argument: str, owner: str | None) -> str:
    """Say how a column is named: by an argument of the call, or of a constructor before it."""
    if owner is None:
        return f"name the right one with {argument}="
    return f"name the right one with {owner}({argument}=...) or .set_params({argument}=...)"


def _missing(native: Any, name: str, present: Sequence[str], remedy: str) -> DataError:
    """Say which columns there are, and guess which was meant."""
    if name in getattr(getattr(native, "index", None), "names", ()):
        return column_error(name, "is the frame's index, not a column; call .reset_index() first")
    shown = ", ".join(f"'{column}'" for column in present[:12])
    shown += ", ..." if len(present) > 12 else ""
    near = difflib.get_close_matches(name, [str(column) for column in present], n=1)
    guess = f" (did you mean '{near[0]}'?)" if near else ""
    return column_error(name, f"is missing{guess}; the table has {shown or 'no columns'}: {remedy}")


def _plain_floats(column: Any) -> Floats | None:
    """Return a pandas column of NumPy floats as it lies; None if a value might be missing."""
    if column.dtype != np.dtype(np.float64):
        return None
    values: Floats = np.ascontiguousarray(column.to_numpy())
    with np.errstate(over="ignore", invalid="ignore"):
        # NaN and infinity reach the sum; the careful way names their row.
        return values if np.isfinite(values.sum()) else None


def _converts(series: nw.Series[Any]) -> Any:
    """Return a function that says whether a prefix of an object column converts to Arrow."""

    def works(n_rows: int) -> bool:
        try:
            series.head(n_rows).to_arrow()
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return False
        return True

    # A type that Arrow does not know at all fails for no rows, too: then no single row is at fault.
    try:
        return works if works(0) else None
    except pa.ArrowNotImplementedError:
        return None


def _as_series(name: str, column: Any, backend: Any) -> nw.Series[Any]:
    if isinstance(column, nw.Series):
        return column.alias(name)
    if isinstance(column, pa.Array | pa.ChunkedArray):
        if backend.is_pandas_like() and pa.types.is_date32(column.type):
            column = column.cast(pa.timestamp("s"))  # else pandas makes an object column of dates
        table = nw.from_arrow(pa.table({name: column}), backend=backend)
        return table.get_column(name)
    return nw.new_series(name, column, backend=backend)


def _with_gaps(column: Any) -> Any:
    """Return whole numbers of which some are missing as pandas' own kind, not as floats."""
    if isinstance(column, pa.Array) and pa.types.is_integer(column.type) and column.null_count:
        series = _as_series("", column, _IMPLEMENTATIONS["pandas"])
        return nw.maybe_convert_dtypes(series)
    return column


def _as_arrow(column: Any) -> Any:
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column  # pa.array would take a chunked one apart value by value
    return column.to_arrow() if isinstance(column, nw.Series) else pa.array(column)


def _read_schema_note(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    try:
        note = json.loads((metadata or {}).get(_NOTE.encode(), b"{}"))
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _relation_beside(relation: Any, table: pa.Table, own: Sequence[str]) -> Any:
    """Return an Arrow table as a relation on the connection of the caller's relation.

    The caller's own columns get DuckDB's types back (ENUM, HUGEINT, UUID) that Arrow lacks.
    """
    types = dict(zip(relation.columns, relation.types, strict=True))
    columns = []
    for name in table.column_names:
        quoted = '"' + name.replace('"', '""') + '"'
        cast_back = f"CAST({quoted} AS {types[name]}) AS {quoted}" if name in own else quoted
        columns.append(cast_back)
    # DuckDB finds the table by this variable's name, if no table of its own has that name.
    __tercet_columns__ = table
    query = f"SELECT {', '.join(columns)} FROM __tercet_columns__"  # noqa: S608 - names are quoted
    duckdb = importlib.import_module("duckdb")
    try:
        made = relation.query("__tercet_input__", query)
    except duckdb.CatalogException:
        # The connection does not look at Python's variables: use the default connection instead.
        return duckdb.from_arrow(__tercet_columns__)
    return made.set_alias("tercet_result")
