"""Outcomes, probabilities, weights, customers and money on their way to the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import check_same_rows

if TYPE_CHECKING:
    from tercet._columns import Floats, Ids, Integers
    from tercet._frames import Kind

Flags: TypeAlias = NDArray[np.bool_]

#: What the core calls the columns, and what the arguments are called.
NAMES = {"outcome": "y", "probability": "p", "weight": "sample_weight", "customer": "groups"}
_LABELS = (
    "outcomes are 0 and 1, false and true, or -1 and 1; say which label is the event: pos_label="
)
_SHOWN = 5


class Given(NamedTuple):
    """What happened, what was predicted, how much each row counts, and whose it is."""

    happened: Flags
    probabilities: Floats
    weights: Floats | None
    customers: Any
    kind: Kind | None

    @property
    def arrays(self) -> tuple[Flags, Floats, Floats | None, Ids | None]:
        """The arguments of the core."""
        ids = None if self.customers is None else _columns.ids(self.customers, "groups")
        return self.happened, self.probabilities, self.weights, ids

    def rows(self, places: Integers) -> Given:
        """Return some of the rows."""
        return Given(
            self.happened[places],
            self.probabilities[places],
            None if self.weights is None else self.weights[places],
            None if self.customers is None else self.customers.take(pa.array(places)),
            self.kind,
        )


def read_outcomes(
    y: Any, p: Any, sample_weight: Any = None, groups: Any = None, pos_label: Any = None
) -> Given:
    """Read what all judgements start from; ranges are checked in the core."""
    happened = read_happened(y, pos_label)
    for name, values in (("p", p), ("sample_weight", sample_weight), ("groups", groups)):
        check_same_rows(values, y, name, "y")
    weights = None if sample_weight is None else read_numbers(sample_weight, "sample_weight")
    customers = None if groups is None else read_column(groups, "groups")
    return Given(happened, read_numbers(p, "p"), weights, customers, kind_of(y) or kind_of(p))


def read_column(values: Any, name: str) -> Any:
    """Return any one-dimensional values as Arrow."""
    if isinstance(values, str):
        raise column_error(name, f"is the text {values!r}; pass the values themselves, one a row")
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 2:
        reason = "has two columns; pass the one of the event, as in predict_proba(X)[:, 1]"
        raise column_error(name, reason)
    if array.ndim != 1:
        shape = " x ".join(str(n) for n in array.shape) or "a single value"
        raise column_error(name, f"is {shape}; pass one value a row, in one dimension")
    try:
        return pa.array(array, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise column_error(name, f"mixes types ({error}); convert it to one type") from error


def read_numbers(values: Any, name: str) -> Floats:
    """Return numbers, one a row."""
    array = values if isinstance(values, np.ndarray) else None
    if array is not None and array.dtype == np.float64 and array.ndim == 1:
        # As it lies; the core refuses a NaN with its row.
        return np.ascontiguousarray(array)
    return _columns.floats(read_column(values, name), name)


def read_happened(y: Any, pos_label: Any = None, name: str = "y") -> Flags:
    """Return whether the event happened in each row.

    Accepted are true/false, 0/1 and -1/1, as by scikit-learn; other labels with `pos_label`.
    """
    column = _columns.contiguous(read_column(y, name), name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pos_label is not None:
        return _with_label(column, pos_label, name)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.bool_)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        shown = ", ".join(repr(label) for label in pc.unique(column).to_pylist()[:_SHOWN])
        raise _arguments.refusal(
            pos_label, "pos_label", f"the label of the event, since {name} holds {shown}"
        )
    values = column.to_numpy(zero_copy_only=False)
    other = -1 if (values == -1).any() and not (values == 0).any() else 0
    strange = (values != 1) & (values != other)
    if strange.any():
        row = int(strange.argmax())
        raise column_error(name, f"is {values[row]:.10g}; {_LABELS}", row)
    return np.asarray(values == 1)


def _with_label(column: Any, pos_label: Any, name: str) -> Flags:
    labels = pc.unique(column).to_pylist()
    shown = ", ".join(repr(label) for label in labels[:_SHOWN])
    if len(labels) > 2:
        reason = (
            f"has {len(labels)} different labels ({shown}, ...); pass whether the event happened"
        )
        raise column_error(name, reason)
    if pos_label not in labels:
        raise _arguments.refusal(pos_label, "pos_label", f"one of the labels of {name}: {shown}")
    first = np.asarray(column.dictionary_encode().indices.to_numpy(zero_copy_only=False))
    return np.asarray(first == labels.index(pos_label))


def read_money(amount: Any, name: str) -> float | Floats:
    """Return one amount, or one a row."""
    if np.ndim(amount) == 0 and not hasattr(amount, "__len__"):
        return _arguments.number(amount, name, "a number, or one a row")
    return read_numbers(amount, name)


def kind_of(values: Any) -> Kind | None:
    """Return the kind of table that goes with a column."""
    if nw.dependencies.is_polars_series(values):
        return "polars"
    if nw.dependencies.is_pandas_series(values):
        return "pandas"
    return "pyarrow" if isinstance(values, pa.Array | pa.ChunkedArray) else None


def resampling(replications: Any, level: Any, random_state: Any) -> dict[str, Any]:
    """Return the settings of a bootstrap."""
    expected = "0 for no intervals, or a whole number, at least 2"
    return {
        "replications": _arguments.whole(replications, "replications", expected),
        "level": _arguments.number(level, "level"),
        "seed": _arguments.seed(random_state, "random_state"),
    }


def shares(values: Any, parameter: str = "shares") -> list[float]:
    """Return shares of the customers."""
    found = [values] if np.ndim(values) == 0 else list(values)
    return [_arguments.number(one, parameter) for one in found]


def steps(given: Any, parameter: str = "shares") -> list[float]:
    """Return shares to stop at: those given, or so many equal steps."""
    if np.ndim(given) > 0:
        return shares(given, parameter)
    n = _arguments.whole(given, parameter, "a number of equal steps, or a list of shares")
    if not 1 <= n <= 1000:
        raise _arguments.refusal(given, parameter, "1 to 1000 equal steps, or a list of shares")
    return [step / n for step in range(1, n + 1)]
