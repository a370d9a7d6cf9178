"""Whether a model may be used: judged on later dates, in figures and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet import _display
from tercet._frames import new_table
from tercet.value.evaluation import (
    DataCheck,
    ProbabilityScores,
)
from tercet.value.models._judged import Judged
from tercet.value.models._stored import noted, restored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    "calibration_intercept": 2,
}
_ANSWERS: Final = {
    "yes": "Yes: the probabilities may be used.",
    "barely": "Barely: use them with care.",
    "no": "No: do not use these probabilities.",
}


class ReportCard(_display.Shown):
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
