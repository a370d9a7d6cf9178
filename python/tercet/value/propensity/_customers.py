"""What is known of customers, from any table or array, as the core takes it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _columns
from tercet._columns import column_error
from tercet._features import MANY_ROWS, Attribute, Feature
from tercet._frames import Table, read_table, read_whole
from tercet._levels import is_number
from tercet._warning import warn
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats
    from tercet._frames import Kind

_WHAT = "table of customers"
#: So many different numbers are hardly categories.
_MANY_LEVELS = 50
_ADD = "add the column; the model was fitted with it"


@dataclass(frozen=True)
class Customers:
    """A row a customer: a table, or a matrix of numbers.

    Attributes
    ----------
    names : tuple of str
        The columns, in order.
    named : bool
        Whether the names are the caller's; else they are x0, x1 and so on.
    table : Table or None
        The caller's table, or what an array of texts has become.
    matrix : numpy.ndarray or None
        Numbers whose rows or columns lie together.
    given : object
        What the caller passed.
    kind : str or None
        The kind of table to give back; None where it was an array.
    """

    names: tuple[str, ...]
    named: bool
    table: Table | None
    matrix: Floats | None
    given: Any
    kind: Kind | None

    def __len__(self) -> int:
        rows: Any = self.matrix if self.table is None else self.table
        return len(rows)

    def without(self, columns: Sequence[str]) -> Customers:
        """Return it without columns that are no features."""
        names = tuple(name for name in self.names if name not in columns)
        if not names:
            raise DataError(f"the {_WHAT} has no columns left to learn from; pass at least one")
        return Customers(names, self.named, self.table, self.matrix, self.given, self.kind)

    def learn(self) -> list[Feature]:
        """Return its columns as features of a fit."""
        if self.table is None:
            return [Feature(name, has_levels=False) for name in self.names]
        return [Feature.learn(self.table, name) for name in self.names]

    def attributes(self, features: Sequence[Feature]) -> list[Attribute]:
        """Return the features' columns as the core takes them, under the features' names.

        The features are those of this table, or of a fit to a table that had these columns in this
        order.
        """
        names = [feature.name for feature in features]
        if self.matrix is not None and not any(feature.has_levels for feature in features):
            return [("X", self.matrix, names)]
        table = self._columns()
        found = []
        for own, feature in zip(self.names, features, strict=True):
            here = Feature(own, feature.has_levels)
            _, values, levels = here.column(table) if here.has_levels else _numbers(table, own)
            unknown = feature.unknown(levels) if len(table) >= MANY_ROWS else None
            if unknown is not None:
                warn(f"column '{own}': {unknown}; all count as rare levels", UserWarning)
            found.append((feature.name, values, levels))
        return found

    def by_feature(self, features: Sequence[Feature]) -> list[Attribute]:
        """Return `attributes` one by one, also where they came as a matrix."""
        found = self.attributes(features)
        if len(found) == 1 and getattr(found[0][1], "ndim", 1) == 2:
            _, matrix, names = found[0]
            return [(name, matrix[:, place], []) for place, name in enumerate(names)]
        return found

    def arrow(self, place: int) -> Any:
        """Return a column as Arrow, to be shown."""
        if self.matrix is not None:
            return pa.array(np.ascontiguousarray(self.matrix[:, place]), from_pandas=True)
        return self._columns().arrow(self.names[place])

    def _columns(self) -> Table:
        """Return the columns as a table, also where they came as a matrix."""
        return _as_table(self.matrix, self.names) if self.table is None else self.table


def read_customers(X: Any) -> Customers:
    """Read every column of a table, or an array with two dimensions."""
    _refuse_sparse(X)
    if not is_table(X):
        return _of_array(X)
    plain = _unnamed(X)
    if plain is not None:
        made = _names(plain.shape[1])
        table = read_whole(plain.set_axis(list(made), axis=1), what=_WHAT)
        return Customers(made, False, table, None, X, table.kind)
    table = read_whole(X, what=_WHAT)
    return Customers(tuple(table.columns.columns), True, table, None, X, table.kind)


def read_again(X: Any, names: Sequence[str], named: bool, model: str = "Propensity") -> Customers:
    """Read customers to be scored: a table's columns by their names, an array's by their places.

    Parameters
    ----------
    X : table or array
        The customers.
    names : sequence of str
        The features of the fit.
    named : bool
        Whether they were named by the caller of the fit.
    model : str
        The model's class, for messages.
    """
    _refuse_sparse(X)
    if named and is_table(X) and _unnamed(X) is None:
        wanted = {f"X[{k}]": name for k, name in enumerate(names)}
        table = read_table(X, wanted, what=_WHAT, remedies=dict.fromkeys(wanted, _ADD))
        return Customers(tuple(names), True, table, None, X, table.kind)
    found = read_customers(X)
    if len(found.names) != len(names):
        message = (
            f"X has {len(found.names)} features, but {model} is expecting {len(names)} features "
            "as input"
        )
        raise DataError(message)
    return found


def is_table(X: Any) -> bool:
    """Whether something is a table with columns, not an array."""
    if isinstance(X, Mapping | pa.Table) or nw.dependencies.is_pandas_dataframe(X):
        return True  # narwhals would refuse two columns of one name before we can say which
    if isinstance(X, np.ndarray) or nw.dependencies.is_into_series(X):
        return False
    if isinstance(nw.from_native(X, pass_through=True), nw.DataFrame | nw.LazyFrame):
        return True
    return hasattr(X, "__arrow_c_stream__")


def _refuse_sparse(X: Any) -> None:
    if hasattr(X, "tocsr") and hasattr(X, "nnz"):
        message = (
            "X is a sparse matrix, which is not read; pass X.toarray(), or better a table with "
            "categories as columns of text"
        )
        raise DataError(message)


def _unnamed(X: Any) -> Any:
    """Return a pandas frame whose columns are numbered instead of named; None for anything else."""
    if not nw.dependencies.is_pandas_dataframe(X) or not len(X.columns):
        return None
    return None if any(isinstance(name, str) for name in X.columns) else X


def _names(n: int) -> tuple[str, ...]:
    return tuple(f"x{place}" for place in range(n))


def _of_array(X: Any) -> Customers:
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise DataError(f"X is no table and no array ({error}); pass rows of one length") from error
    if array.dtype.kind == "c":
        raise DataError("Complex data not supported: X has complex numbers; pass real ones")
    if array.ndim != 2:
        message = (
            f"X has {array.ndim} dimensions; expected 2, one row a customer. Reshape your data: "
            "X.reshape(-1, 1) is a single column, X.reshape(1, -1) a single customer"
        )
        raise DataError(message)
    for size, what in zip(array.shape, ("sample", "feature"), strict=True):
        if size == 0:
            message = f"X has 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required."
            raise DataError(message)
    names = _names(array.shape[1])
    if array.dtype.kind in "fiub":
        return Customers(names, False, None, _contiguous(array), X, None)
    return Customers(names, False, _as_table(array, names), None, X, None)


def _contiguous(array: Any) -> Floats:
    """Return numbers as float64 whose rows or columns lie together; without a copy if they do."""
    numbers: Floats = array.astype(np.float64, order="K", copy=False)
    if not (numbers.flags.c_contiguous or numbers.flags.f_contiguous) or not numbers.flags.aligned:
        numbers = np.ascontiguousarray(numbers)
    return np.asarray(numbers)


def _as_table(array: Any, names: Sequence[str]) -> Table:
    columns = {name: np.ascontiguousarray(array[:, place]) for place, name in enumerate(names)}
    return read_whole(columns, what=_WHAT)


def _numbers(table: Table, name: str) -> Attribute:
    """Return a column of numbers; a text among them is named by its row."""
    column = table.arrow(name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not is_number(kind) and len(column) > column.null_count:
        row = pc.index(pc.is_valid(column), True).as_py()
        value = column[row].as_py()
        reason = (
            f"is {value!r}, and the model was fitted with numbers here; convert the column as for "
            "the fit"
        )
        raise column_error(name, reason, row)
    if len(column) == column.null_count:
        return name, np.full(len(column), np.nan), []
    return name, table.floats(name, missing_as_nan=True), []


def warn_of_numbers_as_text(attributes: Sequence[Attribute], known: Sequence[str]) -> None:
    """Warn of columns of text that read as numbers, as a file's do where some cells are blank.

    `known` are columns that are categories by the caller's word.
    """
    for name, _, levels in attributes:
        if name in known or len(levels) < _MANY_LEVELS:
            continue
        read = sum(map(_reads_as_number, levels))
        if read >= 0.9 * len(levels):
            message = (
                f"column '{name}' is text, and {read:,} of its {len(levels):,} different values "
                "read as numbers; convert the column, or its values are unrelated levels"
            )
            warnings.warn(message, UserWarning, stacklevel=3)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def column_of(table: Table | None, name: str, argument: str) -> Any:
    """Return a column that an argument names, as Arrow."""
    if table is None or name not in table:
        have = "an array, whose columns have no names" if table is None else "no such column"
        expected = f"values, one a row, or the name of a column of X, which has {have}"
        raise ParameterError(f"{argument} = {name!r}: expected {expected}", argument)
    return _columns.contiguous(table.arrow(name), name) if argument != "y" else table.arrow(name)
