"""Probabilities of several things and of any of them, brought into agreement.

Whatever the events A_1, ..., A_K are, Fréchet's bounds hold for their union:

    max_k P(A_k) <= P(A_1 or ... or A_K) <= min(1, sum_k P(A_k)).

Models that were fitted apart may break them for a customer. The probabilities q that keep them and
are nearest to those given, p, minimise

    KL(q, p) = sum over the K things and the union of
               q ln(q / p) + (1 - q) ln((1 - q) / (1 - p)).

The probabilities that keep the bounds are a convex set C, and KL is a Bregman divergence of its
first argument, so for every point t of C (Csiszár 1975, theorem 2.2)

    KL(t, p) >= KL(t, q) + KL(q, p).

The true probabilities lie in C: what is expected of the log loss, summed over the things and the
union, does not grow. What happens lies in C too (somebody buys anything just where he buys one of
the things): the log loss itself does not grow either, customer by customer.

Csiszár, I. (1975). "I-divergence geometry of probability distributions and minimization problems."
Annals of Probability 3(1), 146-158.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from tercet._columns import Floats

#: Nearer to 0 and 1 log-odds are not looked at.
_LEAST: Final = 1e-15
_ROUNDS: Final = 100


def coherent(each: Floats, union: Floats) -> tuple[Floats, Floats]:
    """Return the nearest probabilities that keep the bounds.

    Parameters
    ----------
    each : numpy.ndarray of shape (n, K)
        Probabilities of the things, nan where one is not possible (owned already).
    union : numpy.ndarray of shape (n,)
        The probability of any of those possible; nan comes back where none is.

    Returns
    -------
    each, union : numpy.ndarray
        New arrays; rows that keep the bounds are as they were.
    """
    open_to = ~np.isnan(each)
    each, union = each.copy(), np.where(open_to.any(axis=1), union, np.nan)
    possible = np.where(open_to, each, 0.0)
    with np.errstate(invalid="ignore"):
        high = np.flatnonzero(union > possible.sum(axis=1))
        low = np.flatnonzero(union < possible.max(axis=1, initial=0.0))
    if len(high):
        each[high], union[high] = _lowered(each[high], union[high])
    if len(low):
        each[low], union[low] = _raised(each[low], union[low])
    return each, union


def _lowered(each: Floats, union: Floats) -> tuple[Floats, Floats]:
    """Return probabilities whose sum is the union's, where that was above it.

    With the bound's multiplier m the log-odds of the things are raised by m and those of the union
    lowered by it; the sum less the union rises with m, so that it is 0 once. Newton's method,
    inside a bracket that is halved where a step leaves it.
    """
    a, b = _odds(np.where(np.isnan(each), 0.0, each)), _odds(union)
    a[np.isnan(each)] = -np.inf
    # Raised by ln of the ratio, things of small probability add up to the union at least.
    low, high = np.zeros(len(b)), np.full(len(b), 80.0)
    m = np.zeros(len(b))
    for _ in range(_ROUNDS):
        up, down = _share(a + m[:, None]), _share(b - m)
        excess = up.sum(axis=1) - down
        low, high = np.where(excess < 0, m, low), np.where(excess < 0, high, m)
        slope = (up * (1 - up)).sum(axis=1) + down * (1 - down)
        step = m - excess / slope
        inside = (step > low) & (step < high)
        new = np.where(inside, step, (low + high) / 2)
        if np.abs(new - m).max() < 1e-13:
            break
        m = new
    up = _share(a + m[:, None])
    total = np.minimum(up.sum(axis=1), 1.0)
    return np.where(np.isnan(each), np.nan, up), total


def _raised(each: Floats, union: Floats) -> tuple[Floats, Floats]:
    """Return probabilities none of which is above the union's, where one was.

    Things above the union share one value with it, the mean of their log-odds: adjacent violators
    are pooled, the most probable first, until the next one is below.
    """
    a, b = _odds(np.where(np.isnan(each), 0.0, each)), _odds(union)
    a[np.isnan(each)] = -np.inf
    ordered = -np.sort(-a, axis=1)
    sums = b[:, None] + np.cumsum(np.where(np.isinf(ordered), 0.0, ordered), axis=1)
    means = sums / (2.0 + np.arange(a.shape[1]))
    below = np.column_stack([ordered[:, 1:], np.full(len(b), -np.inf)])
    place = (means >= below).argmax(axis=1)
    level = means[np.arange(len(b)), place]
    pooled = a > level[:, None]
    shared = _share(level)
    found = np.where(pooled, shared[:, None], each)
    return found, np.maximum(shared, np.nanmax(found, axis=1))


def moved(end: Floats, before: Floats, after: Floats) -> Floats:
    """Return the end of an interval that moves with its probability, on the scale of log-odds."""
    with np.errstate(invalid="ignore"):
        shifted = _share(_odds(end) + _odds(after) - _odds(before))
        found: Floats = np.where(before == after, end, shifted)
    return found


def _odds(p: Floats) -> Floats:
    inside = np.clip(p, _LEAST, 1.0 - _LEAST)
    found: Floats = np.log(inside) - np.log1p(-inside)
    return found


def _share(odds: Floats) -> Floats:
    small = np.exp(-np.abs(odds))
    found: Floats = np.where(odds >= 0, 1.0 / (1.0 + small), small / (1.0 + small))
    return found
