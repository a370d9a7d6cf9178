"""Features that know of the treatment although nobody could know of it before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet._levels import quoted
from tercet._warning import warn
from tercet.exceptions import ExperimentWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute

#: How seldom features of a sound experiment are called so.
_ALPHA: Final = 0.001
#: Rows that are looked at, at most, and the fewest of a level or of gaps.
_ROWS: Final = 100_000
_FEWEST: Final = 20
_NAMED: Final = 5


def warn_of_caused(attributes: Sequence[Attribute], codes: NDArray[Any], known: Floats) -> None:
    """Warn of features that depend on the treatment where its probabilities are known.

    Given its probability, treatment was drawn by chance, and nothing that was there before depends
    on it. What does was made by the treatment (mails opened, visits since, the arm itself), or the
    probabilities are wrong. Every number's ranks, gaps and levels are set against the arms, the
    p-values multiplied by how many there are.

    Parameters
    ----------
    attributes : sequence
        The features, as the core takes them.
    codes : numpy.ndarray of shape (n,)
        The arms.
    known : numpy.ndarray of shape (arms,) or (n, arms)
        Their probabilities.
    """
    step = -(-len(codes) // _ROWS)
    known = np.broadcast_to(known, (len(codes), known.shape[-1]))[::step]
    own = (codes[::step, None] == np.arange(known.shape[1])) - known
    noise = known * (1.0 - known)
    if known.shape[1] == 2:  # either arm says it all
        own, noise = own[:, 1:], noise[:, 1:]
    least: dict[str, float] = {}
    tests = 0
    for name, values, levels in attributes:
        columns = values[::step, None] if values.ndim == 1 else values[::step]
        names = [name] if values.ndim == 1 else levels
        for column, one in zip(columns.T, names, strict=True):
            for numbers in _numbers(column, has_levels=values.ndim == 1 and bool(levels)):
                off = numbers - numbers.mean()
                spread = off**2 @ noise
                z = np.abs(off @ own) / np.sqrt(np.where(spread > 0, spread, np.inf))
                tests += len(z)
                p = math.erfc(float(z.max()) / math.sqrt(2.0))
                least[one] = min(p, least.get(one, 1.0))
    found = sorted((p, name) for name, p in least.items() if p * tests < _ALPHA)
    if not found:
        return
    worst = [name for _, name in found[:_NAMED]]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    message = (
        f"customers of different arms differ in {quoted(worst)}{more}, which chance would do in "
        f"less than one experiment in {round(1 / _ALPHA):,}: leave columns out that were made "
        "after the treatment or by it, since effects go unseen behind them; if there are none, "
        "the arms were not drawn by these probabilities"
    )
    warn(message, ExperimentWarning)


def _numbers(column: NDArray[Any], *, has_levels: bool) -> Iterator[Floats]:
    """Return what of a column may depend on the arms: ranks, gaps, levels."""
    if has_levels:
        places, counts = np.unique(column, return_counts=True)
        for place, count in zip(places, counts, strict=True):
            if _FEWEST <= count <= len(column) - _FEWEST:
                yield (column == place).astype(np.float64)
        return
    missing = np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), np.bool_)
    if _FEWEST <= missing.sum() <= len(column) - _FEWEST:
        yield missing.astype(np.float64)
    _, places, counts = np.unique(column[~missing], return_inverse=True, return_counts=True)
    if len(counts) > 1:
        middles = np.cumsum(counts) - 0.5 * counts
        ranks = np.full(len(column), 0.5 * counts.sum())
        ranks[~missing] = middles[places]
        yield ranks
