"""Probabilities of an outcome with their intervals, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet.value.propensity import Propensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet.data.snapshot_table import SnapshotTable


@dataclass(frozen=True)
class Estimate:
    """Probabilities of an outcome, and their intervals where there are any."""

    p: Floats
    lower: Floats | None = None
    upper: Floats | None = None

    def without(self, rows: Any) -> Estimate:
        """Return it without the probabilities of some rows (nan)."""
        found = []
        for values in (self.p, self.lower, self.upper):
            values = None if values is None else values.copy()
            if values is not None:
                values[rows] = np.nan
            found.append(values)
        p, lower, upper = found
        return Estimate(self.p if p is None else p, lower, upper)


def has_intervals(model: Any) -> bool:
    """Whether a propensity's probabilities have intervals."""
    return isinstance(model, Propensity) and model.standard_errors != "none"


def estimate(model: Any, X: Any, level: float | None) -> Estimate:
    """Return a propensity's probabilities of the outcome."""
    p = np.ascontiguousarray(model.predict_proba(X)[:, 1])
    if level is None:
        return Estimate(p)
    ends = model.predict_interval(X, level)
    # Where a calibration has steps, all three are one number but for its last digit.
    return Estimate(p, np.minimum(ends[:, 0], p), np.maximum(ends[:, 1], p))


def with_ends(name: str, found: Estimate) -> dict[str, Any]:
    """Return a probability's columns: itself, its lower and upper end."""
    columns: dict[str, Any] = {name: found.p}
    if found.lower is not None:
        columns |= {f"{name}_lower": found.lower, f"{name}_upper": found.upper}
    return columns


def outcome_column(table: SnapshotTable, name: str) -> NDArray[np.float64]:
    """Return an outcome of a table's rows as 0 and 1, nan where there is none."""
    column = table._built.outcomes[name]
    if not isinstance(column, np.ndarray):
        column = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    found: Floats = column[table._rows].astype(np.float64)
    return found
