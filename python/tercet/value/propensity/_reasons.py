"""The features that move each customer's probability most, as a table of words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _columns
from tercet._columns import column_error
from tercet._frames import Table, check_same_rows, new_table, read_table
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import is_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet.value.propensity._customers import Customers

#: The columns of the result but the first.
COLUMNS: Final = (
    "rank",
    "feature",
    "value",
    "direction",
    "log_odds",
    "percentage_points",
    "sentence",
)


#: Changes of the log-odds that are no reason: they move no probability by 0.25 points.
_NOTHING: Final = 0.01
#: Larger numbers are written with an exponent: not all of their figures are known.
_WHOLE: Final = 1e15


@dataclass(frozen=True)
class Found:
    """Reasons, sorted by row and rank.

    Attributes
    ----------
    rows, ranks, features : numpy.ndarray
        Whose it is, from 0; its rank, from 1; the feature's place.
    shares : numpy.ndarray
        What the feature adds to the log-odds.
    """

    rows: Integers
    ranks: Integers
    features: Integers
    shares: Floats

    def points(self, odds: Floats, calibrated: Callable[[Floats], Floats]) -> Floats:
        """Return the percentage points that each reason is worth in the probability."""
        as_it_is = calibrated(_sigmoid(odds))[self.rows]
        points: Floats = 100.0 * (as_it_is - calibrated(_sigmoid(odds[self.rows] - self.shares)))
        return points

    def table(
        self,
        customers: Customers,
        names: Sequence[str],
        points: Floats,
        ids: tuple[str, Any] | None,
    ) -> Any:
        """Return the table of reasons."""
        features = pa.array(names, pa.string()).take(pa.array(self.features))
        values = self._values(customers)
        raises = pa.array(self.shares > 0)
        direction = pc.if_else(raises, "raises", "lowers")
        tenths = np.rint(10.0 * np.abs(points)).astype(np.int64)
        sizes = pa.array([f"{tenth / 10:.1f}" for tenth in range(1_001)], pa.string())
        size = sizes.take(pa.array(tenths))
        # A calibrated probability may stay where it is: its map has steps.
        size = pc.if_else(pa.array(np.abs(points) < 0.05), "less than 0.1", size)
        said = (" = ", values, " ", direction, " the probability by ", size, " percentage points.")
        sentence = pc.binary_join_element_wise(features, *said, "")
        first = ("row", self.rows) if ids is None else (ids[0], _taken(ids[1], self.rows))
        columns = dict(
            zip(
                (first[0], *COLUMNS),
                (
                    first[1],
                    self.ranks,
                    features,
                    values,
                    direction,
                    self.shares,
                    points,
                    sentence,
                ),
                strict=True,
            )
        )
        return table_beside(customers, columns)

    def _values(self, customers: Customers) -> Any:
        """Return each reason's value as the customer has it, in words."""
        pieces, order = [], []
        for place in np.unique(self.features):
            here = np.flatnonzero(self.features == place)
            column = _columns.take(customers.arrow(int(place)), self.rows[here])
            pieces.append(_words(column))
            order.append(here)
        if not pieces:
            return pa.array([], pa.string())
        joined = pa.concat_arrays(pieces)
        back = np.argsort(np.concatenate(order), kind="stable")
        return joined.take(pa.array(back))


def strongest(places: Any, shares: Floats, top: int) -> Found:
    """Return the strongest reasons of every row, of those that raise and those that lower."""
    order = np.argsort(-np.abs(shares), axis=1, kind="stable")[:, :top]
    chosen = np.take_along_axis(np.reshape(places, shares.shape), order, axis=1)
    sizes = np.take_along_axis(shares, order, axis=1)
    rows, ranks = np.nonzero((chosen >= 0) & (np.abs(sizes) >= _NOTHING))
    return Found(
        rows.astype(np.int64),
        ranks.astype(np.int64) + 1,
        chosen[rows, ranks].astype(np.int64),
        np.ascontiguousarray(sizes[rows, ranks]),
    )


def read_ids(X: Any, customer: Any, customers: Customers) -> tuple[str, Any] | None:
    """Return the ids of customers as Arrow, and what their column is called."""
    if customer is None:
        return None
    if isinstance(customer, str) and is_table(X):
        return customer, read_table(X, {"customer": customer}, what="table of customers").arrow(
            customer
        )
    check_same_rows(customer, X, "customer", "X")
    ids = _inputs.read_column(customer, "customer")
    if len(ids) != len(customers):
        reason = f"has {len(ids):,} ids for {len(customers):,} rows; give one a row"
        raise column_error("customer", reason)
    return "customer", ids


def table_beside(customers: Customers, columns: Mapping[str, Any]) -> Any:
    """Return a table of the kind of the customers' one; of an array a new one."""
    if customers.kind is None or customers.table is None:
        return new_table(columns, None)
    table: Table = customers.table
    return table.build(columns)


def _taken(ids: Any, rows: Integers) -> Any:
    return _columns.take(ids, rows)


def short(value: float) -> str:
    """Return a number as a sentence has it: whole, or of three figures that count."""
    if value.is_integer() and abs(value) < _WHOLE:
        return f"{value:.0f}"
    return f"{value:.0f}" if 100.0 <= abs(value) < _WHOLE else f"{value:.3g}"


def _short_texts(values: Floats) -> Any:
    """Return `short` of every number, of which few differ; null for nan."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = np.abs(values)
        power = np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0))
        scale = np.power(10.0, 2.0 - np.clip(power, -290, 2))
        coarse = np.where((size >= 100.0) | (size == 0.0), np.rint(values), 0.0)
        small = (size < 100.0) & (size > 0.0)
        coarse = np.where(small, np.rint(values * scale) / scale, coarse)
        # Whole numbers have all of their figures, and so have those that are too large for it.
        whole = (size >= _WHOLE) | (np.rint(values) == values)
        coarse = np.where(whole | (power < -290) | np.isnan(values), values + 0.0, coarse)
    distinct, place = np.unique(coarse, return_inverse=True)
    texts = [None if one != one else short(one) for one in distinct.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(place))


def _words(column: Any) -> Any:
    """Return values as text; gaps as "missing"."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_floating(column.type):
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        numbers = column.cast(pa.float64()).fill_null(float("nan"))
        column = _short_texts(numbers.to_numpy(zero_copy_only=False))
    text = column.cast(pa.string()).fill_null("missing")
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _sigmoid(odds: Floats) -> Floats:
    """Return the probability of log-odds; the exponent is never positive."""
    small = np.exp(-np.abs(odds))
    found: Floats = np.where(odds >= 0, 1.0 / (1.0 + small), small / (1.0 + small))
    return found
