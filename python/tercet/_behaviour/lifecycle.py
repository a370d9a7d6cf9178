"""Where a customer stands: by the time since the last purchase, in gaps of their own rhythm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments
from tercet._snapshots.clock import ALWAYS
from tercet._snapshots.feature import AT_DATE, EVER, Feature

if TYPE_CHECKING:
    from tercet._columns import Floats, Integers

#: The stages, in an order in which each may lead to the next.
STAGES: Final = ("new", "active", "slowing", "passive", "lost", "won back")


@dataclass(frozen=True)
class Limits:
    """When a stage begins, in gaps of the customer's own rhythm.

    Attributes
    ----------
    new : float
        So many typical gaps after the first purchase a customer is new no more.
    slowing, passive, lost : float
        So many gaps after the last purchase a customer is slowing, passive, lost.
    """

    new: float = 1.5
    slowing: float = 1.5
    passive: float = 3.0
    lost: float = 6.0

    @classmethod
    def of(cls, values: Any) -> Limits:
        """Read limits given by name.

        Raises
        ------
        ParameterError
            For a name that is none, and for numbers that do not ascend.
        """
        expected = 'numbers of gaps by name, ascending: {"slowing": 1.5, "passive": 3, "lost": 6}'
        if values is None:
            return cls()
        known = set(asdict(cls()))
        if not isinstance(values, Mapping) or not set(values) <= known:
            raise _arguments.refusal(values, "lifecycle", expected)
        read = {name: _arguments.number(values[name], f"lifecycle['{name}']") for name in values}
        made = cls(**read)
        if not (0 < made.new < np.inf and 0 < made.slowing < made.passive < made.lost < np.inf):
            raise _arguments.refusal(values, "lifecycle", expected)
        return made


@dataclass(frozen=True)
class Rhythm:
    """How customers have gone on buying, in days (or periods); nan and 0 for who never bought.

    Attributes
    ----------
    days : numpy.ndarray
        On how many days each has bought.
    since_first, since_last : numpy.ndarray
        How long ago the first and the last of these days are.
    span, span_before : numpy.ndarray
        From the first day to the last one, and to the one before the last.
    """

    days: Integers
    since_first: Floats
    since_last: Floats
    span: Floats
    span_before: Floats

    @classmethod
    def of(cls, sums: Mapping[str, Integers], as_of: int, day: int) -> Rhythm:
        """Make it of what `cells.rhythm` found."""
        bought = sums["days"] > 0
        first, last, before = (
            np.where(bought, sums[key], 0) for key in ("first", "last", "before")
        )
        before = np.where(before == ALWAYS, first, before)

        def where(values: Any) -> Floats:
            found: Floats = np.where(bought, values, np.nan).astype(np.float64)
            return found

        return cls(
            sums["days"],
            where((as_of - first) / day),
            where((as_of - last) / day),
            where(last // day - first // day),
            where(before // day - first // day),
        )

    def typical(self) -> float:
        """Return the median of the mean gaps of who bought on two days or more; nan for none."""
        several = self.days >= 2
        if not several.any():
            return float("nan")
        return float(np.median(self.span[several] / (self.days[several] - 1)))

    def gap(self, typical: float) -> Floats:
        """Return each customer's gap: the mean of their own ones and of one typical gap."""
        return (self.span + typical) / np.maximum(self.days, 1)

    def gap_before(self, typical: float) -> Floats:
        """Return the gap as it was before the last purchase; nan where there was none."""
        return np.where(
            self.days >= 2, (self.span_before + typical) / np.maximum(self.days - 1, 1), np.nan
        )

    def stages(self, typical: float, limits: Limits) -> Integers:
        """Return each customer's stage as a place in `STAGES`; -1 for who never bought."""
        with np.errstate(invalid="ignore"):
            pause = self.since_last / self.gap(typical)
            came_back = (self.span - self.span_before) / self.gap_before(typical)
            found = np.select(
                [
                    self.days == 0,
                    pause > limits.lost,
                    pause > limits.passive,
                    pause > limits.slowing,
                    came_back > limits.passive,
                    self.since_first <= limits.new * typical,
                ],
                [-1, 4, 3, 2, 5, 0],
                default=1,
            )
        return found.astype(np.int64)

    def columns(self, typical: float, limits: Limits, unit: str) -> tuple[list[Feature], list[Any]]:
        """Return the columns: the stage, the rhythm, and the pause in gaps of it."""
        features = [
            Feature("lifecycle_stage", "stage of the lifecycle", "purchases", AT_DATE, "text"),
            Feature(
                f"rhythm_{unit}s",
                f"{unit}s from one purchase to the next, as usual for the customer",
                "purchases",
                EVER,
            ),
            Feature(
                "pause_in_gaps", "time since the last purchase, in usual gaps", "purchases", EVER
            ),
        ]
        stage = self.stages(typical, limits)
        names = pa.array(STAGES, pa.large_string())
        text = names.take(pa.array(np.maximum(stage, 0), mask=stage < 0))
        gap = np.where(self.days > 0, self.gap(typical), np.nan)
        return features, [text, gap, self.since_last / gap]


def counts(stages: Any) -> dict[str, Any]:
    """Count customers by stage; who never bought is left out."""
    place = pc.index_in(stages, value_set=pa.array(STAGES, stages.type)).drop_null()
    found = np.bincount(place.to_numpy(zero_copy_only=False), minlength=len(STAGES))
    return {"stage": list(STAGES), "customers": found, "share": found / max(int(found.sum()), 1)}
