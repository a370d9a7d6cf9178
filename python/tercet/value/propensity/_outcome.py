"""What became of customers, and what else is known of rows: weights, offsets, groups."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet import _columns
from tercet._columns import column_error
from tercet._frames import check_same_rows
from tercet.exceptions import DataError
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import column_of, is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._columns import Floats
    from tercet.value.propensity._customers import Customers

Codes = NDArray[np.uint16]
#: As many classes as codes can tell apart.
_MOST: Final = 65_535


@dataclass(frozen=True)
class Outcome:
    """Labels as codes.

    Attributes
    ----------
    name : str
        What messages call it.
    classes : numpy.ndarray
        The labels, sorted.
    codes : numpy.ndarray
        Each row's place among them.
    """

    name: str
    classes: NDArray[Any]
    codes: Codes

    @property
    def binary(self) -> bool:
        """Whether there are two classes."""
        return len(self.classes) == 2

    def core(self) -> tuple[str, Any, list[str]]:
        """Return it as the core takes it."""
        if self.binary:
            return self.name, self.codes == 1, []
        return self.name, self.codes, [str(label) for label in self.classes]


def _sorted_codes(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the labels that there are, sorted, and each row's place among them."""
    if labels.dtype == bool and labels.any() and not labels.all():
        return np.array([False, True]), labels.view(np.uint8)
    found: tuple[NDArray[Any], NDArray[Any]] = np.unique(labels, return_inverse=True)
    return found


def read_outcome(y: Any, customers: Customers) -> Outcome:
    """Read labels, one a row, or the column of them."""
    if y is None:
        message = "Propensity requires y to be passed, but the target y is None"
        raise DataError(message)
    name = "y"
    if isinstance(y, str):
        name, column = y, column_of(customers.table, y, "y")
        labels = np.asarray(_plain(column))
    else:
        check_same_rows(y, customers.given, "y", "X")
        labels = _one_dimension(np.asarray(_plain(y)))
    if len(labels) != len(customers):
        reason = f"has {len(labels):,} labels for {len(customers):,} rows; give one a row"
        raise column_error(name, reason)
    _check_known(labels, name)
    try:
        classes, codes = _sorted_codes(labels)
    except TypeError:
        reason = "Unknown label type: labels mix types that have no order; convert them to text"
        raise column_error(name, reason) from None
    if len(classes) < 2:
        reason = (
            f"has only one class ({classes.tolist()[0]!r}); a model needs rows of both outcomes, "
            "and this is 1 class"
        )
        raise column_error(name, reason)
    if len(classes) > _MOST:
        reason = f"has {len(classes):,} classes; group them into at most {_MOST:,}"
        raise column_error(name, reason)
    return Outcome(name, classes, codes.astype(np.uint16))


def check_both_weigh(outcome: Outcome, named: tuple[str, Floats] | None) -> None:
    """Refuse weights that leave one class only."""
    if named is None:
        return
    name, weights = named
    if not (weights >= 0).all():
        return  # the core names the row
    counts = np.bincount(outcome.codes, weights, minlength=len(outcome.classes))
    if not counts.any():
        reason = "is zero in every row; at least one row must count"
        raise column_error(name, reason)
    if np.count_nonzero(counts) == 1:
        label = outcome.classes.tolist()[int(counts.argmax())]
        reason = f"has only one class ({label!r}) in rows of a positive weight; a model needs both"
        raise column_error(outcome.name, reason)


def read_named(values: Any, argument: str, customers: Customers) -> tuple[str, Floats] | None:
    """Return numbers, one a row, with what messages call them; or the column of them."""
    if values is None:
        return None
    if isinstance(values, str):
        column = column_of(customers.table, values, argument)
        return values, _columns.floats(column, values)
    check_same_rows(values, customers.given, argument, "X")
    numbers = _inputs.read_numbers(values, argument)
    if len(numbers) != len(customers):
        reason = f"has {len(numbers):,} values for {len(customers):,} rows; give one a row"
        raise column_error(argument, reason)
    return argument, numbers


def read_groups(
    values: Any, customers: Customers, argument: str = "groups"
) -> tuple[str, NDArray[np.uint32]] | None:
    """Return a code a row: which rows belong together."""
    if values is None:
        return None
    name = values if isinstance(values, str) else argument
    if isinstance(values, str):
        column = column_of(customers.table, values, argument)
    else:
        check_same_rows(values, customers.given, argument, "X")
        column = _inputs.read_column(values, argument)
    if len(column) != len(customers):
        reason = f"has {len(column):,} values for {len(customers):,} rows; give one a row"
        raise column_error(name, reason)
    column = _columns.contiguous(column, name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    codes = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return name, codes.astype(np.uint32)


def noted_classes(classes: NDArray[Any]) -> dict[str, Any]:
    """Return labels as a file keeps them."""
    kept = "object" if classes.dtype.kind == "O" else classes.dtype.str
    return {"dtype": kept, "values": [_json(label) for label in classes.tolist()]}


def classes_of(note: Mapping[str, Any]) -> NDArray[Any]:
    """Return the labels that a file has kept."""
    return np.array(note["values"], dtype=np.dtype(note["dtype"]))


def _json(label: Any) -> Any:
    """Return a label as JSON keeps it: an object that is no text, number or truth by its text."""
    return label if isinstance(label, str | int | float | bool) else str(label)


def _plain(values: Any) -> Any:
    """Return Arrow's, polars' and pandas' columns as NumPy shows them."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        kind = values.type
        if pa.types.is_dictionary(kind):
            values = values.cast(kind.value_type)
        return np.asarray(values.to_pandas() if kind == pa.bool_() else values)
    if is_table(values) and hasattr(values, "to_numpy"):
        return values.to_numpy()
    return values


def _one_dimension(labels: NDArray[Any]) -> NDArray[Any]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        message = (
            "A column-vector y was passed when a 1d array was expected; pass y.ravel(), or a "
            "single column of the table"
        )
        warnings.warn(message, _conversion_warning(), stacklevel=4)
        return labels.ravel()
    if labels.ndim != 1:
        message = f"y should be a 1d array, got an array of shape {labels.shape} instead."
        raise DataError(message, "y")
    return labels


def _conversion_warning() -> type[Warning]:
    """Return scikit-learn's category where it is at work, so that its filters hold."""
    if "sklearn" not in sys.modules:
        return UserWarning
    from sklearn.exceptions import DataConversionWarning

    category: type[Warning] = DataConversionWarning
    return category


def _check_known(labels: NDArray[Any], name: str) -> None:
    """Refuse rows without a label, and numbers that are measurements."""
    kind = labels.dtype.kind
    if kind not in "OfiubUS":
        reason = f"Unknown label type: {labels.dtype}; pass numbers, text or true/false"
        raise column_error(name, reason)
    if kind not in "Of":
        return
    absent = _absent(labels)
    if absent.any():
        reason = "is missing; leave rows out whose outcome is not known"
        raise column_error(name, reason, int(absent.argmax()))
    if kind == "f":
        broken = ~(labels == np.floor(labels)) | np.isinf(labels)
        if broken.any():
            row = int(broken.argmax())
            reason = (
                f"is {labels[row]:.10g}: Unknown label type: continuous; an outcome is one of a "
                "few labels"
            )
            raise column_error(name, reason, row)


def _absent(labels: NDArray[Any]) -> NDArray[np.bool_]:
    if labels.dtype.kind == "f":
        return np.asarray(np.isnan(labels))
    return np.array([_is_absent(label) for label in labels.tolist()], dtype=np.bool_)


def _is_absent(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas' NA is neither equal to itself nor not
        return True
