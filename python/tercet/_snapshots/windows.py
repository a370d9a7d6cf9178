"""The stretches of time around each as-of date: what is known, and what is to be predicted.

    start ........ middle ........ as_of .... opens ........ closes
    |------ observation ----------|   gap    |--- outcome ---|

Every stretch includes its first instant and excludes its last one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._snapshots.clock import Clock
    from tercet._snapshots.duration import Duration


@dataclass(frozen=True)
class Window:
    """The stretches of one as-of date, in ticks."""

    place: int
    start: int
    middle: int
    as_of: int
    opens: int
    closes: int


@dataclass(frozen=True)
class Spans:
    """The lengths that make windows out of dates."""

    observation: Duration
    outcome: Duration
    gap: Duration

    def around(self, as_of: int, place: int, day: int) -> Window:
        """Return the windows of a date; the recent half is of whole days, where there are two."""
        start = self.observation.before(as_of)
        half = (as_of - start) // 2
        whole = half // day * day
        opens = self.gap.after(as_of)
        middle = as_of - (whole or half)
        return Window(place, start, middle, as_of, opens, self.outcome.after(opens))


def read_dates(values: Any, clock: Clock) -> list[int]:
    """Return as-of dates as ticks.

    Raises
    ------
    ParameterError
        For none, for what is no time, and for dates that repeat or do not ascend.
    """
    ticks = [clock.start(value, f"as_of[{k}]") for k, value in enumerate(listed(values))]
    for k, (earlier, later) in enumerate(itertools.pairwise(ticks), start=1):
        if later <= earlier:
            problem = "the same date twice" if later == earlier else "dates that do not ascend"
            message = (
                f"as_of[{k}] = {clock.text(later)} after {clock.text(earlier)}: {problem}; expected"
                " different dates, earliest first"
            )
            raise ParameterError(message, "as_of")
    return ticks


def listed(values: Any) -> list[Any]:
    """Return one date or several as a list."""
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        return [values]
    found = list(values)
    if not found:
        raise _arguments.refusal(values, "as_of", "at least one date")
    return found


def bounds(windows: Sequence[Window], low: str, high: str) -> pa.Table:
    """Return a stretch of every window as a table: its place `k`, `low`, `middle` and `high`."""
    columns = {
        "k": [window.place for window in windows],
        "low": [getattr(window, low) for window in windows],
        "middle": [window.middle for window in windows],
        "high": [getattr(window, high) for window in windows],
    }
    return pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})


def times_of_day(windows: Sequence[Window], day: int) -> list[int]:
    """Return at which times of day, other than midnight, some stretch begins or ends."""
    ticks = np.array(
        [
            [window.start, window.middle, window.as_of, window.opens, window.closes]
            for window in windows
        ]
    )
    return sorted({int(tick) for tick in np.unique(ticks % day) if tick})
