"""What each feature adds to a probability of any classifier: Shapley values, sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet._mixing import mixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tercet._columns import Floats, Integers

#: Probabilities are looked at no nearer to 0 and 1.
_LEAST: Final = 1e-9
#: So many rows go through the classifier at once.
_ROWS: Final = 20_000


def sampled(
    odds: Callable[[Floats], Floats], rows: Floats, background: Floats, seed: int
) -> tuple[float, Floats]:
    r"""Return Shapley values of the log-odds by random orders of the features.

    From a background row to the row in question features change one after the other, in a random
    order; what each change adds to the log-odds goes to its feature. The mean over background rows
    is the sampled Shapley value (Štrumbelj and Kononenko 2014). An order is used forwards and
    backwards, which takes off much of the noise. The changes of one walk telescope, so that

        baseline + sum of a row's values = log-odds of the row

    exactly, where the baseline is the mean log-odds of the background rows, the same for all.

    Štrumbelj, E. and Kononenko, I. (2014). "Explaining prediction models and individual predictions
    with feature contributions." Knowledge and Information Systems 41(3), 647-665.

    Parameters
    ----------
    odds : callable
        The log-odds of rows.
    rows : numpy.ndarray of shape (n, p)
        The rows in question, as numbers.
    background : numpy.ndarray of shape (m, p)
        Rows to start from.
    seed : int
        Of the orders.
    """
    n, p = rows.shape
    found = np.zeros((n, p))
    start = odds(background)
    for begin in range(0, n, _ROWS):
        here = rows[begin : begin + _ROWS]
        for k, first in enumerate(background):
            walk = np.repeat(first[None, :], len(here), axis=0)
            before = np.full(len(here), start[k])
            for place in _order(p, k, seed):
                walk[:, place] = here[:, place]
                after = odds(walk)
                found[begin : begin + _ROWS, place] += after - before
                before = after
    return float(start.mean()), found / len(background)


def of_trees(estimator: Any, encoded: Any) -> tuple[float, Floats] | None:
    """Return exact values of the log-odds from LightGBM or XGBoost; None from anything else."""
    module = type(estimator).__module__.partition(".")[0]
    if module == "lightgbm":
        found = np.asarray(estimator.predict_proba(encoded, pred_contrib=True))
    elif module == "xgboost":
        import importlib

        matrix = importlib.import_module("xgboost").DMatrix(
            encoded, enable_categorical=bool(getattr(estimator, "enable_categorical", False))
        )
        found = estimator.get_booster().predict(matrix, pred_contribs=True)
    else:
        return None
    values = np.asarray(found, dtype=np.float64)
    # The last column is the baseline, the same in every row.
    return float(values[0, -1]), np.ascontiguousarray(values[:, :-1])


def log_odds(p: Floats) -> Floats:
    """Return log-odds of probabilities that may be 0 or 1."""
    inside = np.clip(p, _LEAST, 1.0 - _LEAST)
    found: Floats = np.log(inside) - np.log1p(-inside)
    return found


def _order(p: int, k: int, seed: int) -> Integers:
    order = np.argsort(mixed(p, seed + k // 2), kind="stable")
    return order[::-1] if k % 2 else order
