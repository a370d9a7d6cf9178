"""Arguments of a plan: arms, segments, strata."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tercet import _arguments
from tercet._columns import column_error
from tercet.response import _experiment_columns as _read

#: The arm of customers who are kept out of the experiment.
HOLDOUT: Final = "holdout"
_ARMS: Final = (
    "a list of the arms' names, the control first, or a dict of their shares (positive numbers)"
)
_SEGMENTS: Final = (
    "a dict of segments' names and shares of the customers, above 0 and at most 1; or of dicts "
    'with "share" and, if they differ, "baseline" and "deviation"'
)


@dataclass(frozen=True)
class PlannedSegment:
    """A part of the customers, and the outcome in its control."""

    name: str
    share: float
    baseline: float
    deviation: float


def planned_shares(arms: Any) -> dict[str, float]:
    if isinstance(arms, Mapping):
        names = _arguments.names(list(arms), "arms", _ARMS)
        given = [_arguments.finite(arms[name], "arms", _ARMS) for name in names]
    else:
        names = _arguments.names(arms, "arms", _ARMS)
        given = [1.0] * len(names)
    if len(names) < 2 or min(given) <= 0:
        raise _arguments.refusal(arms, "arms", f"two arms or more: {_ARMS}")
    return {name: share / sum(given) for name, share in zip(names, given, strict=True)}


def planned_segments(segments: Any, everyone: PlannedSegment) -> list[PlannedSegment]:
    if segments is None:
        return []
    if not isinstance(segments, Mapping) or not segments:
        raise _arguments.refusal(segments, "segments", _SEGMENTS)
    found = []
    for name, given in segments.items():
        if not isinstance(name, str) or name == _read.EVERYONE:
            raise _arguments.refusal(name, "segments", _SEGMENTS)
        own = given if isinstance(given, Mapping) else {"share": given}
        if "share" not in own or not set(own) <= {"share", "baseline", "deviation"}:
            raise _arguments.refusal(given, "segments", _SEGMENTS)
        share = _arguments.finite(own["share"], "segments", _SEGMENTS)
        if not 0 < share <= 1:
            raise _arguments.refusal(given, "segments", _SEGMENTS)
        if "deviation" in own and math.isnan(everyone.deviation):
            wanted = "no deviation, since the outcome is a rate"
            raise _arguments.refusal(given, "segments", wanted)
        baseline = _arguments.finite(own.get("baseline", everyone.baseline), "segments", _SEGMENTS)
        deviation = _arguments.number(own.get("deviation", everyone.deviation), "segments")
        found.append(PlannedSegment(name, share, baseline, deviation))
    return found


def strata_of(table: Any, columns: list[str]) -> Any:
    """Return the number of each row's stratum, in the order of the labels."""
    if not columns:
        return None
    codes = np.zeros(len(table), dtype=np.int64)
    for name in columns:
        labels, own = _read.levels_of(table.arrow(name), name)
        codes = codes * (len(labels) + 1) + own + 1
        # Numbered anew, so that the product of many columns stays small.
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    n_strata = int(codes.max()) + 1
    if n_strata > 1 and 2 * n_strata > len(table):
        reason = (
            f"makes {n_strata:,} strata of {len(table):,} customers, too few in each to be dealt "
            "to the arms; cut numbers into bands, or leave a column out"
        )
        raise column_error(columns[-1], reason)
    return codes.astype(np.uint32)


def at_least_1(value: Any, parameter: str) -> int:
    found = _arguments.whole(value, parameter, "a whole number, at least 1")
    if found < 1:
        raise _arguments.refusal(value, parameter, "a whole number, at least 1")
    return found


def positive(value: Any, parameter: str) -> float:
    found = _arguments.finite(value, parameter, "a positive number")
    if found <= 0:
        raise _arguments.refusal(value, parameter, "a positive number")
    return found
