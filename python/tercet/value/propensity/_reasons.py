"""The features that move each customer's probability most, as a table of words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import Table, check_same_rows, new_table, read_table
from tercet._tercet import reason_words
from tercet.exceptions import ParameterError
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import is_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet._features import Attribute
    from tercet.value.propensity._customers import Customers

Places: TypeAlias = NDArray[np.uint32]

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


@dataclass(frozen=True)
class Found:
    """Reasons, sorted by row and rank.

    Attributes
    ----------
    rows, ranks, features : numpy.ndarray of uint32
        Whose it is, from 0; its rank, from 1; the feature's place.
    shares : numpy.ndarray
        What the feature adds to the log-odds.
    odds : numpy.ndarray
        The log-odds of every row.
    """

    rows: Places
    ranks: Places
    features: Places
    shares: Floats
    odds: Floats

    def points(self, calibrated: Callable[[Floats], Floats]) -> Floats:
        """Return the percentage points that each reason is worth in the probability."""
        points = calibrated(_sigmoid(self.odds))[self.rows]
        without = self.odds[self.rows]
        without -= self.shares
        points -= calibrated(_sigmoid(without))
        points *= 100.0
        return points

    def table(
        self,
        customers: Customers,
        attributes: Sequence[Attribute],
        points: Floats,
        ids: tuple[str, Any] | None,
        n_jobs: int | None,
    ) -> Any:
        """Return the table of reasons; the attributes are the customers' features."""
        names = _names(attributes)
        own = (self.rows, self.features, self.shares, points)
        values, sentences = reason_words(list(attributes), names, *own, n_jobs=n_jobs)
        rows = self.rows.astype(np.int64)
        columns = {
            "row" if ids is None else ids[0]: rows if ids is None else _columns.take(ids[1], rows),
            "rank": self.ranks.astype(np.int64),
            "feature": _taken(names, self.features),
            "value": _texts(*values),
            "direction": _taken(["lowers", "raises"], (self.shares > 0).view(np.uint8)),
            "log_odds": self.shares,
            "percentage_points": points,
            "sentence": _texts(*sentences),
        }
        return table_beside(customers, columns)


def strongest(shares: Floats, baseline: float, top: int) -> Found:
    """Return the strongest reasons of every row, of a share a feature."""
    order = np.argsort(-np.abs(shares), axis=1, kind="stable")[:, :top]
    sizes = np.take_along_axis(shares, order, axis=1)
    rows, ranks = np.nonzero(np.abs(sizes) >= _NOTHING)
    return Found(
        rows.astype(np.uint32),
        (ranks + 1).astype(np.uint32),
        order[rows, ranks].astype(np.uint32),
        np.ascontiguousarray(sizes[rows, ranks]),
        baseline + shares.sum(axis=1),
    )


def asked(
    top: Any, customer: Any, given: Any, customers: Customers
) -> tuple[int, tuple[str, Any] | None]:
    """Return how many reasons are wanted, and customers' ids with what their column is called."""
    expected = "a whole number, at least 1"
    wanted = _arguments.whole(top, "top", expected)
    if wanted < 1:
        raise _arguments.refusal(top, "top", expected)
    if isinstance(customer, str) and customer in COLUMNS:
        message = f"customer = {customer!r}: expected another name than a column of the result"
        raise ParameterError(message, "customer")
    return wanted, _read_ids(given, customer, customers)


def _read_ids(X: Any, customer: Any, customers: Customers) -> tuple[str, Any] | None:
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


def _names(attributes: Sequence[Attribute]) -> list[str]:
    """Return what the columns of attributes are called; a matrix is one attribute of many."""
    names: list[str] = []
    for name, column, more in attributes:
        names.extend(more if column.ndim == 2 else [name])
    return names


def _taken(words: Sequence[str], places: Any) -> Any:
    return pa.array(words, pa.string()).take(pa.array(places))


def _texts(offsets: Integers, text: NDArray[np.uint8]) -> Any:
    """Return texts that lie one after the other as Arrow, without a copy of them."""
    n = len(offsets) - 1
    if offsets[-1] > np.iinfo(np.int32).max:
        places, kind = offsets, pa.LargeStringArray
    else:
        places, kind = offsets.astype(np.int32), pa.StringArray
    return kind.from_buffers(n, pa.py_buffer(places), pa.py_buffer(text))


def _sigmoid(odds: Floats) -> Floats:
    """Return the probability of log-odds; an exponential that overflows leaves 0."""
    with np.errstate(over="ignore"):
        found = np.exp(-odds)
    found += 1.0
    np.reciprocal(found, out=found)
    return found
