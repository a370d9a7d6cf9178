"""From which stage to which stage leads move, and with what probability."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._snapshots.duration import DAY

if TYPE_CHECKING:
    from tercet._snapshots.stages import Pipeline

# The 97.5% quantile of the standard normal distribution.
_Z = 1.959963984540054


def transitions(pipeline: Pipeline, as_of: int) -> dict[str, Any]:
    """Count moves before a date.

    Every time that a lead came into a stage it either moved on from it before the date, to another
    stage, or is still there. Shares are of all times that leads came into the stage, with Wilson's
    95% intervals; so those of leads that came in lately are part of "still there".

    Returns
    -------
    dict
        `from_stage`, `to_stage` (None: still there), `moves`, `share`, `lower`, `upper`, and the
        median time until the move, `days_median` (or periods).
    """
    names = pipeline.names
    came = np.flatnonzero(pipeline.tick < as_of)
    moved = pipeline.until[came] < as_of
    place = pipeline.place[came]
    # Rows of one lead stand together, so that the next row is where it moved.
    whereto = np.where(moved, pipeline.place[np.minimum(came + 1, len(pipeline.place) - 1)], -1)
    stayed = (pipeline.until[came] - pipeline.tick[came]) / (1 if pipeline.period else DAY)
    unit = "period" if pipeline.period else "day"
    found: dict[str, list[Any]] = {
        "from_stage": [],
        "to_stage": [],
        "moves": [],
        "share": [],
        "lower": [],
        "upper": [],
        f"{unit}s_median": [],
    }
    for start in range(len(names)):
        ours = place == start
        whole = int(ours.sum())
        for end in range(-1, len(names)):
            both = ours & (whereto == end)
            n = int(both.sum())
            if not n:
                continue
            lower, upper = wilson(n, whole)
            found["from_stage"].append(names[start])
            found["to_stage"].append(None if end < 0 else names[end])
            found["moves"].append(n)
            found["share"].append(n / whole)
            found["lower"].append(lower)
            found["upper"].append(upper)
            found[f"{unit}s_median"].append(float(np.median(stayed[both])) if end >= 0 else np.nan)
    return found


def wilson(n: int, whole: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share."""
    p, z2 = n / whole, _Z * _Z
    centre = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _Z / (1 + z2 / whole) * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    return max(0.0, centre - half), min(1.0, centre + half)
