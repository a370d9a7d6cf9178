"""Probabilities of one outcome beside what happened, and whether they may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _display
from tercet.value.evaluation import (
    ProbabilityScores,
    Reliability,
    reliability,
    score_probabilities,
)
from tercet.value.evaluation._slope import ends_of, too_extreme
from tercet.value.models._stored import noted, restored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tercet._columns import Floats

_LEVEL: Final = 0.95
#: Predicted over observed events from which on the level has shifted.
_SHIFT: Final = 1.25


@dataclass(frozen=True)
class Judged:
    """Probabilities of one outcome beside what happened.

    Attributes
    ----------
    name : str
        The outcome.
    n, n_events : int
        Rows and events.
    scores, reliability
        The measures; None where there were rows of one kind only.
    """

    name: str
    n: int
    n_events: int
    scores: ProbabilityScores | None
    reliability: Reliability | None

    @classmethod
    def of(
        cls,
        name: str,
        happened: NDArray[np.bool_],
        p: Floats,
        groups: NDArray[Any],
        replications: int,
        random_state: int,
    ) -> Judged:
        """Judge probabilities; customers are drawn with all their rows."""
        n, events = len(happened), int(happened.sum())
        if not 0 < events < n:
            return cls(name, n, events, None, None)
        scores = score_probabilities(
            happened,
            p,
            groups=groups,
            replications=replications,
            random_state=random_state,
            level=_LEVEL,
        )
        return cls(name, n, events, scores, reliability(happened, p, level=_LEVEL))

    def figure(self, measure: str, which: str = "value") -> float:
        """Return a figure of a measure; nan where nothing could be judged."""
        if self.scores is None:
            return float("nan")
        found = self.scores._found
        return float(found[which][found["measure"].index(measure)])

    def verdict(self, noun: str) -> tuple[str, list[str]]:
        """Return whether the probabilities may be used, and why not."""
        if self.scores is None or self.reliability is None:
            what = "none of them has" if not self.n_events else "all of them have"
            text = f"of the {self.n:,} rows to be judged by, {what} the event ({noun})"
            return "no", [f"{text}: nothing can be said"]
        answer = "yes"
        words: list[str] = []
        if self.figure("auc", "lower") <= 0.5:
            answer = "no"
            words.append(
                f"the ranking is not surely better than chance (AUC {self.figure('auc'):.3f}, "
                f"from {self.figure('auc', 'lower'):.3f})"
            )
        if self.figure("log_loss") >= self.figure("log_loss", "compare_with"):
            answer = "no"
            words.append(
                "the probabilities are no better than the event rate alone "
                f"(log loss {self.figure('log_loss'):.4f} against "
                f"{self.figure('log_loss', 'compare_with'):.4f})"
            )
        if answer == "yes" and self.scores.enough != "yes":
            answer = "barely"
            words.append(
                f"there are few events to judge by ({self.n_events:,}): intervals are wide"
            )
        ratio = self.reliability.mean_predicted / self.reliability.event_rate
        beyond = self.figure("ece") > 2 * self.figure("ece", "compare_with")
        if beyond and not 1 / _SHIFT <= ratio <= _SHIFT:
            answer = "barely" if answer == "yes" else answer
            words.append(
                f"the level has shifted: {_display.per_cent(self.reliability.mean_predicted, 1)} "
                f"predicted, {_display.per_cent(self.reliability.event_rate, 1)} observed"
            )
        elif beyond:
            answer = "barely" if answer == "yes" else answer
            off, chance = (
                _display.per_cent(self.figure("ece", which), 1)
                for which in ("value", "compare_with")
            )
            words.append(
                f"probabilities are off by {off} on average, where chance would leave {chance}"
            )
        slope = self._slope()
        if too_extreme(*slope):
            answer = "barely" if answer == "yes" else answer
            shown, lower, upper = (_display.decimals(one, 2) for one in slope)
            words.append(
                f"the probabilities are too extreme: calibration slope {shown} ({lower} to "
                f"{upper}), where 1 is right; fewer features, or an estimator with "
                'calibration="sigmoid", draw them together'
            )
        return answer, words

    def _slope(self) -> tuple[float, float, float]:
        """Return the calibration slope with its interval, by customer where there is one."""
        value, lower, upper = (
            self.figure("calibration_slope", which) for which in ("value", "lower", "upper")
        )
        if np.isfinite(upper) or self.reliability is None:
            return value, lower, upper
        return ends_of(self.reliability.slope, _LEVEL)

    def note(self) -> dict[str, Any]:
        """Return it as a file keeps it."""
        plain = {"name": self.name, "n": self.n, "n_events": self.n_events}
        if self.scores is None or self.reliability is None:
            return plain
        told = self.reliability
        return {
            **plain,
            "scores": noted(dict(self.scores._found)),
            "reliability": noted({"found": dict(told._found), "bars": list(told._histogram)}),
        }

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> Judged:
        """Return what a file has kept."""
        plain = (note["name"], note["n"], note["n_events"])
        if "scores" not in note:
            return cls(*plain, None, None)
        scores = ProbabilityScores(restored(note["scores"]), _LEVEL, None, None, None)
        kept = restored(note["reliability"])
        heights, edges = kept["bars"]
        return cls(*plain, scores, Reliability(kept["found"], _LEVEL, (heights, edges), None))
