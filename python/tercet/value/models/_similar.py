"""What comparable customers bring in: those of the same segment, or the nearest ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet._mixing import mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tercet._columns import Floats, Integers
    from tercet._frames import Table

#: Neighbours are looked for among so many customers at most, drawn by a fixed seed.
_POOL: Final = 20_000
_BLOCK: Final = 256


@dataclass(frozen=True)
class Benchmark:
    """Means over comparable customers, the customer left out.

    Attributes
    ----------
    n : numpy.ndarray
        How many.
    mean, error : numpy.ndarray
        What they bring in, at the customer's own margins, and its standard error.
    """

    n: Integers
    mean: Floats
    error: Floats


def of_segment(segment: Any, bought: npt.NDArray[np.bool_], worth: Floats) -> Benchmark:
    """Compare with the other customers of the same segment.

    Parameters
    ----------
    segment : pyarrow.Array
        The segment of each; who has none has no benchmark.
    bought : numpy.ndarray of shape (n, K)
        What each bought.
    worth : numpy.ndarray of shape (n, K)
        What each product counts for each customer.
    """
    encoded = pc.dictionary_encode(segment)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    code = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    b = bought.astype(np.float64)
    n, mean, error = _nothing(len(b))
    for own in np.unique(code[code >= 0]):
        rows = np.flatnonzero(code == own)
        others = len(rows) - 1
        n[rows] = others
        if others < 1:
            continue
        w, x = worth[rows], b[rows]
        mine = (w * x).sum(axis=1)
        # Sums over the segment at each customer's margins; its own purchases are taken off.
        first = w @ x.sum(axis=0) - mine
        second = np.einsum("ij,jk,ik->i", w, x.T @ x, w) - mine * mine
        mean[rows] = first / others
        if others > 1:
            spread = (second - first * first / others) / (others - 1)
            error[rows] = np.sqrt(np.maximum(spread, 0.0) / others)
    return Benchmark(n, mean, error)


def of_nearest(points: Floats, k: int, bought: npt.NDArray[np.bool_], worth: Floats) -> Benchmark:
    """Compare with the `k` other customers nearest in standard deviations."""
    b = bought.astype(np.float64)
    n, mean, error = _nothing(len(b))
    spread = points.std(axis=0)
    z = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    pool = np.arange(len(z))
    if len(pool) > _POOL:
        pool = np.sort(np.argsort(mixed(len(z), 0), kind="stable")[:_POOL])
    theirs = z[pool]
    lengths = (theirs * theirs).sum(axis=1)
    place = np.full(len(z), -1)
    place[pool] = np.arange(len(pool))
    for start in range(0, len(z), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(z)))
        distance = lengths - 2.0 * (z[rows] @ theirs.T)
        inside = np.flatnonzero(place[rows] >= 0)
        distance[inside, place[rows[inside]]] = np.inf
        nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
        value = np.einsum("ikj,ij->ik", b[pool[nearest]], worth[rows])
        n[rows], mean[rows] = k, value.mean(axis=1)
        if k > 1:
            error[rows] = value.std(axis=1, ddof=1) / np.sqrt(k)
    return Benchmark(n, mean, error)


def read_points(table: Table, names: Sequence[str]) -> Floats:
    """Return the columns that customers are compared by."""
    columns = []
    for name in names:
        values = table.floats(name, missing_as_nan=True)
        if np.isnan(values).any():
            row = int(np.isnan(values).argmax())
            raise column_error(name, "is missing; fill the gap to compare customers by it", row)
        columns.append(values)
    return np.column_stack(columns)


def _nothing(n: int) -> tuple[Integers, Floats, Floats]:
    return np.zeros(n, dtype=np.int64), np.full(n, np.nan), np.full(n, np.nan)
