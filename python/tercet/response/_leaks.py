"""Features that know of the outcome or the treatment although nobody could know of it before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet._levels import quoted
from tercet._warning import warn
from tercet.exceptions import ExperimentWarning
from tercet.response._leaf_rules import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute

#: How seldom features of a sound experiment are called so.
_ALPHA: Final = 0.001
#: Rows that are looked at, at most, and the fewest of a level or of gaps.
_ROWS: Final = 100_000
_FEWEST: Final = 20
_NAMED: Final = 5
#: Columns of more different values tell no arm.
_MANY: Final = 50
#: The correlation of what is the same again.
_SAME: Final = 0.9999


def warn_of_leaks(
    attributes: Sequence[Attribute],
    treatment: tuple[str, NDArray[Any]],
    outcome: tuple[str, Floats],
    known: Floats | None,
) -> None:
    """Warn of features that are the outcome again, or know of the treatment.

    Parameters
    ----------
    attributes : sequence
        The features, as the core takes them.
    treatment : tuple
        What it is called, and the arm of each customer.
    outcome : tuple
        What it is called, and its values.
    known : numpy.ndarray of shape (arms,) or (n, arms), optional
        The probabilities of the arms, where they are known. Where they are not, a feature may
        depend on the treatment; it must not tell it.
    """
    told = set()
    for name, values in columns_of(attributes):
        if values.dtype.kind == "f" and _is_again(values, outcome[1]):
            words = f"column '{name}' is the outcome '{outcome[0]}' again, or all but"
        elif _tells(values, treatment[1]):
            words = f"column '{name}' tells the treatment '{treatment[0]}' of every customer"
        else:
            continue
        remedy = "only what was known before the treatment may be a feature: leave the column out"
        warn(f"{words}; {remedy}", ExperimentWarning)
        told.add(name)
    if known is not None:
        _warn_of_caused(attributes, treatment[1], known, told)


def _warn_of_caused(
    attributes: Sequence[Attribute], codes: NDArray[Any], known: Floats, told: AbstractSet[str]
) -> None:
    """Warn of features that depend on the treatment where its probabilities are known.

    Given its probability, treatment was drawn by chance, and nothing that was there before depends
    on it. What does was made by the treatment (mails opened, visits since, the arm itself), or the
    probabilities are wrong. Every number's ranks, gaps and levels are set against the arms, the
    p-values multiplied by how many there are.
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
    suspect = {name: p for name, p in least.items() if p * tests < _ALPHA}
    found = sorted((p, name) for name, p in suspect.items() if name not in told)
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


def _is_again(values: Any, outcome: Any) -> bool:
    known = ~np.isnan(values)
    x, y = values[known], outcome[known]
    if len(x) < 3 or len(x) < 0.5 * len(values) or x.min() == x.max() or y.min() == y.max():
        return False
    # Of 0/1 outcomes few customers make a column of theirs: so exactly.
    return bool(abs(np.corrcoef(x, y)[0, 1]) > _SAME)


def _tells(values: Any, codes: Any) -> bool:
    head = values[: 10 * _MANY]
    if len(np.unique(head)) > _MANY:
        return False
    distinct, places = np.unique(values, return_inverse=True)
    if not 1 < len(distinct) <= _MANY:
        return False
    pairs = np.unique(places.astype(np.int64) * (int(codes.max()) + 1) + codes)
    return len(pairs) == len(distinct)
