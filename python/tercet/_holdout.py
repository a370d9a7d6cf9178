"""Expected against actual purchases in a period that the model has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet._frames import read_table

if TYPE_CHECKING:
    from tercet._columns import Floats
    from tercet.value.lifetime import BGNBD

# 1.96 standard errors of a mean: a 95% interval for groups of more than a handful of customers.
TWO_SIDED_95: Final = 1.959963984540054


@dataclass(frozen=True)
class HoldoutGroup:
    """The customers with one number of repeat purchases in the calibration period."""

    label: str
    n_customers: int
    actual: float
    expected: float
    mean_standard_error: float

    @property
    def mean_actual(self) -> float:
        """Purchases a customer in the holdout period."""
        return self.actual / self.n_customers

    @property
    def mean_expected(self) -> float:
        """Purchases a customer that the model expects for the holdout period."""
        return self.expected / self.n_customers

    @property
    def margin(self) -> float:
        """Half the width of the 95% interval of the actual mean."""
        return TWO_SIDED_95 * self.mean_standard_error


@dataclass(frozen=True)
class HoldoutCheck:
    """What a calibrated model says about the holdout period, and what came."""

    duration: float
    n_customers: int
    actual: float
    expected: float
    groups: tuple[HoldoutGroup, ...]

    @property
    def relative_error(self) -> float | None:
        """Expected over actual purchases, less one; None where nobody bought."""
        return self.expected / self.actual - 1.0 if self.actual > 0 else None


def check_holdout(model: BGNBD, calibration: Any, *, max_frequency: int = 7) -> HoldoutCheck:
    """Compare a model's forecast with the holdout columns that `tercet.split_purchases` adds.

    Customers with `max_frequency` or more repeat purchases share one group.
    """
    names = ("frequency_holdout", "duration_holdout")
    table = read_table(
        calibration,
        {"frequency": model.frequency} | {name: name for name in names},
        what="calibration summary",
    )
    frequency = table.floats(model.frequency)
    actual, durations = (table.floats(name) for name in names)
    duration = float(durations[0])
    expected = model.expected_purchases(calibration, horizon=duration)

    top = int(min(max_frequency, frequency.max()))
    groups = []
    for count in range(top + 1):
        last = count == top
        members = frequency >= count if last else frequency == count
        n_customers = int(members.sum())
        if n_customers == 0:
            continue
        beyond = last and frequency.max() > top
        groups.append(
            HoldoutGroup(
                label=f"{count}+" if beyond else str(count),
                n_customers=n_customers,
                actual=float(actual[members].sum()),
                expected=float(expected[members].sum()),
                mean_standard_error=_standard_error_of_mean(actual[members]),
            )
        )
    return HoldoutCheck(
        duration=duration,
        n_customers=int(frequency.size),
        actual=float(actual.sum()),
        expected=float(expected.sum()),
        groups=tuple(groups),
    )


def _standard_error_of_mean(values: Floats) -> float:
    """Return the spread of a mean; nan for one customer, who shows no spread."""
    return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float("nan")
