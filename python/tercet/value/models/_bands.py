"""Bands and tenths of probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet import _arguments

if TYPE_CHECKING:
    from tercet._columns import Floats

_EXPECTED: Final = (
    'names and the probabilities that they begin at, ascending from 0: {"low": 0.0, "high": 0.1}'
)
#: Odds against those of all customers of the fit, from which on a band begins.
_USUAL: Final = {"average": 0.5, "high": 1.5, "very high": 3.0}


def read_bands(bands: Any) -> dict[str, float]:
    """Return bands as the caller gives them: each by the probability that it begins at."""
    if not isinstance(bands, Mapping) or not bands:
        raise _arguments.refusal(bands, "bands", _EXPECTED)
    found = {name: _arguments.number(edge, "bands", _EXPECTED) for name, edge in bands.items()}
    edges = np.array(list(found.values()))
    ascending = edges[0] == 0.0 and bool((np.diff(edges) > 0).all()) and edges[-1] < 1.0
    if not ascending or not all(isinstance(name, str) for name in found):
        raise _arguments.refusal(bands, "bands", _EXPECTED)
    return found


def usual_bands(rate: float) -> dict[str, float]:
    """Return bands by odds: below half of those of an average customer, up to three times them."""
    odds = rate / (1.0 - rate)
    edges = {name: times * odds / (1.0 + times * odds) for name, times in _USUAL.items()}
    return {"low": 0.0, **edges}


def band_of(p: Floats, bands: Mapping[str, float]) -> Any:
    """Return the name of each probability's band; null for none."""
    place = np.searchsorted(list(bands.values()), p, side="right") - 1
    names = pa.array(list(bands), pa.large_string())
    missing = np.isnan(p)
    return names.take(pa.array(np.where(missing, 0, place.clip(0)), mask=missing))


def decile_of(p: Floats) -> Any:
    """Return the tenth that each probability is in, 1 for the highest; null for none.

    Equal probabilities are in one tenth: that of the middle of their ranks.
    """
    missing = np.isnan(p)
    there = -p[~missing]
    values, place, count = np.unique(there, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2.0
    tenth = np.zeros(len(p), dtype=np.int64)
    if len(values):
        tenth[~missing] = np.ceil(10.0 * (middle[place] - 0.5) / len(there)).clip(1, 10)
    return pa.array(tenth, mask=missing)


def points_of(p: Floats, bands: Mapping[str, float]) -> Any:
    """Return points from 0 to 100: every band has as many, and within it they rise evenly.

    A missing probability has none.
    """
    edges = np.array([*bands.values(), 1.0])
    places = np.linspace(0.0, 100.0, len(edges))
    missing = np.isnan(p)
    points = np.rint(np.interp(np.where(missing, 0.0, p), edges, places)).astype(np.int64)
    return pa.array(points, mask=missing) if missing.any() else points
