"""Random numbers that are the same on every machine and with every NumPy.

SplitMix64: Steele, G. L., Lea, D. and Flood, C. H. (2014). "Fast splittable pseudorandom number
generators." OOPSLA, 453-472. NumPy keeps the right to change what its generators draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Floats, Integers

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mixed(n: int, seed: int, start: int = 0) -> npt.NDArray[np.uint64]:
    """Return numbers `start` to `start + n - 1` of the stream of a seed."""
    with np.errstate(over="ignore"):
        count = np.arange(start + 1, start + n + 1, dtype=np.uint64)
        # The seed is mixed once more, or the streams of 1 and 2 would be one stream, shifted.
        z = count * _GOLDEN + _scrambled(np.full(1, seed, dtype=np.uint64))
        return _scrambled(z)


def _scrambled(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


class Draws:
    """Draws from a seed's stream, one after the other.

    Parameters
    ----------
    seed : int
        From 0 to 2^64 - 1.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def uniform(self, n: int) -> Floats:
        """Return numbers evenly from 0 (included) to 1 (excluded)."""
        bits = mixed(n, self._seed, self._drawn)
        self._drawn += n
        found: Floats = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return found

    def normal(self, n: int) -> Floats:
        """Return standard normal numbers, by the method of Box and Muller."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(n)))
        found: Floats = radius * np.cos(2.0 * np.pi * self.uniform(n))
        return found

    def exponential(self, rate: Any) -> Floats:
        """Return waiting times with these rates."""
        found: Floats = -np.log1p(-self.uniform(len(rate))) / rate
        return found

    def poisson(self, mean: Any) -> Integers:
        """Return counts with these means, by adding up probabilities; for means below 700."""
        u, mean = self.uniform(len(mean)), np.asarray(mean, dtype=np.float64)
        probability = np.exp(-mean)
        total, counts, k = probability.copy(), np.zeros(len(mean), dtype=np.int64), 0
        while (open_ := (u >= total) & (probability > 0)).any():
            k += 1
            probability = probability * mean / k
            counts[open_] = k
            grown = total + probability
            # Beyond the last digit of the sum nothing is added any more.
            probability = np.where((grown == total) & (k > mean), 0.0, probability)
            total = grown
        return counts

    def choice(self, shares: Any, n: int) -> Integers:
        """Return places in a list, with these shares."""
        found: Integers = np.searchsorted(np.cumsum(shares)[:-1], self.uniform(n), side="right")
        return found
