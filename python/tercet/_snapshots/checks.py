"""What may be wrong with a table of snapshots, found feature by feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._snapshots import small

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Floats

#: A single feature that tells outcomes apart this well has seen them.
TOO_GOOD: Final = 0.95
#: A feature with so large a share of gaps says little.
NEARLY_ALL: Final = 0.95
# A level of fewer rows says by chance what it says.
_FEW: Final = 5
# With fewer values of one kind of row, chance alone makes an AUC of any size.
_SOME: Final = 10


@dataclass(frozen=True)
class Column:
    """What one feature looks like.

    Attributes
    ----------
    missing : float
        The share of rows without a value.
    constant : bool
        Whether all values that there are are the same.
    auc : float
        How well it tells rows with the outcome from those without, from 0.5 to 1: by its values or
        by whether there is one, whichever is better; NaN where the outcome is the same in all rows.
    """

    missing: float
    constant: bool
    auc: float


def look_at(values: Any, outcome: npt.NDArray[np.bool_]) -> Column:
    """Return what a feature looks like beside an outcome."""
    if not isinstance(values, np.ndarray):
        if small.is_text(values.type):
            return _look_at_text(values, outcome)
        values = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    there = numbers[~missing]
    constant = len(there) == 0 or bool((there == there[0]).all())
    by_value = auc(there, outcome[~missing]) if _enough(outcome, missing) else float("nan")
    by_gap = auc(missing.astype(np.float64), outcome)
    some = 0 < missing.mean() < 1
    return Column(float(missing.mean()), constant and not some, _best(by_value, by_gap))


def auc(scores: Floats, outcome: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a row with the outcome scores above one without; ties half.

    The Mann-Whitney statistic from mid-ranks. NaN where there are not both kinds of rows.
    """
    n_with = int(outcome.sum())
    n_without = len(outcome) - n_with
    if not n_with or not n_without:
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2.0
    ranks = middle[place]
    above = float(ranks[outcome].sum()) - n_with * (n_with + 1) / 2.0
    return above / (n_with * n_without)


def _look_at_text(values: Any, outcome: npt.NDArray[np.bool_]) -> Column:
    """Judge words by how often their other rows have the outcome.

    The rows are halved, and each half is judged by the other one: words that nearly every row has
    of its own would else tell every outcome.
    """
    missing: npt.NDArray[np.bool_] = pc.is_null(values).to_numpy(zero_copy_only=False)
    levels = pc.unique(values)
    code = pc.index_in(values, value_set=levels).to_numpy(zero_copy_only=False).astype(np.int64)
    odd = np.arange(len(code)) % 2 == 1
    found = []
    for half in (odd, ~odd):
        count = np.bincount(code[~half], minlength=len(levels))
        share = np.bincount(code[~half], outcome[~half], minlength=len(levels))
        share = np.where(count < _FEW, outcome.mean(), share / np.maximum(count, 1))
        found.append(auc(share[code[half]], outcome[half]))
    # A level that is worse in one half and better in the other says nothing: no larger of the two.
    known = [one for one in found if not np.isnan(one)]
    score = max(0.5, float(np.mean(known))) if known else float("nan")
    return Column(float(missing.mean()), len(levels) <= 1, score)


def _enough(outcome: npt.NDArray[np.bool_], missing: npt.NDArray[np.bool_]) -> bool:
    """Whether there are values enough of both kinds of rows that they do not differ by chance."""
    rows = np.array([outcome.sum(), (~outcome).sum()])
    there = np.array([(outcome & ~missing).sum(), (~outcome & ~missing).sum()])
    return bool((there >= np.minimum(rows, _SOME)).all())


def _best(*found: float) -> float:
    """Return the largest AUC, each counted in the direction in which it is above a half."""
    known = [max(one, 1.0 - one) for one in found if not np.isnan(one)]
    return max(known, default=float("nan"))
