"""Durations, events and times on their way to the core; snapshots taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet.exceptions import DataError, ParameterError
from tercet.value.hazard._events import read_events
from tercet.value.propensity import _outcome
from tercet.value.propensity._customers import read_customers

if TYPE_CHECKING:
    from tercet._columns import Floats
    from tercet.data.snapshot_table import SnapshotTable
    from tercet.value.propensity._customers import Customers


def required(values: Any, argument: str) -> Any:
    """Return what only a table of snapshots may leave out."""
    if values is None:
        message = f"HazardModel requires {argument}, which is None; only a SnapshotTable brings it"
        raise DataError(message)
    return values


def read_times(values: Any, argument: str, customers: Customers) -> tuple[str, Floats]:
    """Return durations, one a row, with what messages call them."""
    named = _outcome.read_named(required(values, argument), argument, customers)
    if named is None:
        raise DataError(f"{argument} is None")
    return named


def listed(times: Any, argument: str = "times") -> list[float]:
    """Return times as numbers; one alone is a list of one."""
    found = [times] if np.ndim(times) == 0 and not hasattr(times, "__len__") else list(times)
    if isinstance(times, str) or not found:
        raise _arguments.refusal(times, argument, "times, at least one")
    return [_arguments.number(one, argument, "numbers") for one in found]


def of_snapshots(
    table: SnapshotTable, duration: Any, event: Any, groups: Any, names: list[str] | None
) -> tuple[Any, Floats, Any, Any, list[str] | None, str]:
    """Return features, durations, events and customers of snapshots."""
    if duration is not None or event is not None:
        message = "duration = ...: expected None where X is a SnapshotTable, which brings its own"
        raise ParameterError(message, "duration")
    if table.outcome_names != ["duration", "event"]:
        found = ", ".join(table.outcome_names) or "no outcome"
        message = (
            f"the SnapshotTable has {found}; expected duration and event: make it with "
            'outcome_form="when"'
        )
        raise DataError(message)
    outcomes = read_customers(table.y)
    named = _outcome.read_named("duration", "duration", outcomes)
    codes = read_events("event", outcomes, list(table.events[1:])).codes
    # Only events that occurred can be learned.
    occurred = np.unique(codes[codes > 0])
    kinds = names or [table.events[int(code)] for code in occurred]
    texts = np.array(["censored", *table.events[1:]], dtype=object)[codes]
    durations = np.zeros(len(table)) if named is None else named[1]
    return table.X, durations, texts, table.groups if groups is None else groups, kinds, "left"
