"""Whether a model may be used: judged on later dates, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet import _display
from tercet._frames import new_table
from tercet.value.evaluation import (
    DataCheck,
    ProbabilityScores,
    Reliability,
    reliability,
    score_probabilities,
)
from tercet.value.evaluation._slope import ends_of, too_extreme
from tercet.value.models._stored import noted, restored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._frames import Kind

__all__ = ["ReportCard"]

_LEVEL: Final = 0.95
_FIGURES: Final = ("value", "lower", "upper", "compare_with")
#: What is shown, and how many decimals.
_SHOWN: Final = {
    "auc": 3,
    "log_loss": 4,
    "brier": 4,
    "ece": 4,
    "average_precision": 3,
    "lift@10%": 2,
    "calibration_slope": 2,
}
_ANSWERS: Final = {
    "yes": "Yes: the probabilities may be used.",
    "barely": "Barely: use them with care.",
    "no": "No: do not use these probabilities.",
}
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


class ReportCard:
    """How a model does on dates that it had not seen, and whether it may be used.

    A first model learns from the earlier dates and predicts the last ones; what it said is held
    against what happened. The model that scores is fitted again, to all dates. Of a single date
    there is no later one: then customers are judged who were left out of the fit, which says
    nothing of how the model will do in time.

    Attributes
    ----------
    verdict : {"yes", "barely", "no"}
        Whether the probabilities may be used.
    reasons : list of str
        Why not, or why only with care; and what else is to be known of the rows judged.
    table : table
        One row an outcome and measure: `outcome`, `measure`, `value`, `lower`, `upper` (95%, by
        customer), `compare_with`: what the event rate alone, or chance, would reach.
    outcomes : table
        One row an outcome: `outcome`, `n`, `n_events`, `event_rate`, `auc` with its ends,
        `lift@10%`, `ece`, `verdict`.
    reliability : Reliability or None
        Predicted and observed shares, drawn by `tercet.plots.reliability`; None where the rows to
        be judged by all had the event, or none.
    data : DataCheck
        Whether there are events enough, at every date, and whether their rate is stable over dates.
    event_rate : float
        Of the rows to be judged by: the probability that a model without features gives all.
    judged_on : str
        Which rows were judged, in words.
    later_dates : bool
        Whether they are of later dates than those learnt from.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_500, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-07-01", "2024-10-01", "2025-01-01"], observation="180d", outcome="90d"
    ... )
    >>> model = tc.ChurnModel(active_within="180d").fit(snapshots, purchases=shop.transactions)
    >>> card = model.report_card_
    >>> card.verdict, card["auc"] > 0.7
    ('yes', True)
    """

    def __init__(
        self,
        judged: Sequence[Judged],
        data: DataCheck,
        judged_on: str,
        later_dates: bool,
        noun: str,
        kind: Kind | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        self.data = data
        self.judged_on = judged_on
        self.later_dates = later_dates
        self._judged = tuple(judged)
        self._noun = noun
        self._kind = kind
        first = self._judged[0]
        answer, words = first.verdict(noun)
        wanting = zip(data._found["words"], data._found["enough"], strict=True)
        words += [text for text, enough in wanting if enough != "yes"]
        if not later_dates:
            words.append(
                "there was no later date to be judged by: how it does in time is not known"
            )
        self._remarks = tuple(remarks)
        words += self._remarks
        order = ("yes", "barely", "no")
        answers = [answer, data.verdict, "yes" if later_dates else "barely"]
        self.verdict = max(answers, key=order.index)
        self.reasons = words
        self.event_rate = first.n_events / max(first.n, 1)
        self.reliability = first.reliability

    def __bool__(self) -> bool:
        """Whether the verdict is not "no"."""
        return self.verdict != "no"

    def __getitem__(self, measure: str) -> float:
        """Return the value of a measure of the first outcome."""
        scores = self._judged[0].scores
        return float("nan") if scores is None else scores[measure]

    @property
    def scores(self) -> ProbabilityScores | None:
        """All measures of the first outcome; None where there were rows of one kind only."""
        return self._judged[0].scores

    @property
    def table(self) -> Any:
        """One row an outcome and measure."""
        told = [one for one in self._judged if one.scores is not None]
        names, measures = [], []
        figures: dict[str, list[Any]] = {name: [] for name in _FIGURES}
        for one in told:
            found = one.scores._found if one.scores else {}
            names += [one.name] * len(found["measure"])
            measures += found["measure"]
            for name in _FIGURES:
                figures[name].append(found[name])
        columns: dict[str, Any] = {
            "outcome": pa.array(names, pa.string()),
            "measure": pa.array(measures, pa.string()),
        }
        for name, parts in figures.items():
            columns[name] = np.concatenate([np.empty(0), *parts])
        return new_table(columns, self._kind)

    @property
    def outcomes(self) -> Any:
        """One row an outcome."""
        told = self._judged
        columns: dict[str, Any] = {
            "outcome": pa.array([one.name for one in told], pa.string()),
            "n": np.array([one.n for one in told]),
            "n_events": np.array([one.n_events for one in told]),
            "event_rate": np.array([one.n_events / max(one.n, 1) for one in told]),
        }
        for name, which in (("auc", "value"), ("auc_lower", "lower"), ("auc_upper", "upper")):
            columns[name] = np.array([one.figure("auc", which) for one in told])
        for name in ("lift@10%", "ece"):
            columns[name] = np.array([one.figure(name) for one in told])
        verdicts = [one.verdict(one.name)[0] for one in told]
        return new_table({**columns, "verdict": pa.array(verdicts, pa.string())}, self._kind)

    @property
    def unfit(self) -> list[str]:
        """The outcomes but the first that are judged "no", each by itself."""
        return [one.name for one in self._judged[1:] if one.verdict(one.name)[0] == "no"]

    def text(self) -> str:
        """Return the verdict and its reasons, in sentences."""
        said = [_ANSWERS[self.verdict], f"Judged on {self.judged_on}."]
        if self and self.unfit:
            said.append(
                f"No for {', '.join(self.unfit)}: those probabilities are left out of scores."
            )
        return " ".join([*said, *(f"{words[0].upper()}{words[1:]}." for words in self.reasons)])

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        several = len(self._judged) > 1
        rows = []
        for one in self._judged:
            if one.scores is None:
                continue
            shown = _SHOWN if not several else {"auc": 3, "ece": 4, "lift@10%": 2}
            for measure, decimals in shown.items():
                name = f"{one.name}: {measure}" if several else measure
                figures = [one.figure(measure, which) for which in _FIGURES]
                rows.append((name, *(_display.decimals(value, decimals) for value in figures)))
        first = self._judged[0]
        rate = (
            f"{first.n_events:,} of {first.n:,} rows have the event "
            f"({_display.per_cent(self.event_rate, 1)})."
        )
        return _display.Grid(
            title=f"Report card ({self._noun}): {self.verdict}",
            header=("measure", "value", "lower", "upper", "compare with"),
            rows=rows,
            words=[rate, self.text()],
        )

    def _note(self) -> dict[str, Any]:
        """Return it as a file keeps it."""
        # A card without remarks is kept as before there were any.
        remarks = {"remarks": list(self._remarks)} if self._remarks else {}
        return {
            "judged": [one.note() for one in self._judged],
            "data": noted(dict(self.data._found)),
            "judged_on": self.judged_on,
            "later_dates": self.later_dates,
            "noun": self._noun,
            **remarks,
        }

    @classmethod
    def _of(cls, note: Mapping[str, Any], kind: Kind | None) -> ReportCard:
        """Return what a file has kept."""
        return cls(
            [Judged.from_note(one) for one in note["judged"]],
            DataCheck(restored(note["data"]), kind),
            note["judged_on"],
            note["later_dates"],
            note["noun"],
            kind,
            note.get("remarks", ()),
        )
