"""Whether a calibration slope says that probabilities are too extreme."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from tercet import _display

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVEL: Final = 0.95
#: Slopes above are told by large data from 1, and change no decision.
_NEARLY: Final = 0.9


def ends_of(slope: Sequence[float], level: float = _LEVEL) -> tuple[float, float, float]:
    """Return a slope and the ends of its interval, from the slope and its standard error."""
    value, error = slope
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    return value, value - z * error, value + z * error


def too_extreme(slope: float, lower: float, upper: float) -> bool:
    """Whether a slope is below 1 by more than chance, and by enough to matter."""
    return bool(slope < _NEARLY and upper < 1.0 and np.isfinite(lower))


def with_error(figure: Sequence[float], *, sign: bool = False) -> str:
    """Return a figure with its standard error, as text."""
    value, error = figure
    shown = f"{value:+.2f}" if sign else _display.decimals(value, 2)
    return f"{shown} (standard error {_display.decimals(error, 2)})"
