"""How a model of customers is judged: on dates later than those that it learnt from."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from tercet import _display, _frames
from tercet._estimator import Estimator
from tercet._snapshots.build import why_nobody
from tercet.exceptions import DataError
from tercet.value.evaluation import enough_data
from tercet.value.models._judged import Judged
from tercet.value.models.report_card import ReportCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._columns import Floats
    from tercet.data.snapshot_table import SnapshotTable
    from tercet.value.evaluation import DataCheck
    from tercet.value.models._estimates import Estimate
    from tercet.value.propensity import Propensity


#: The fewest events a feature that are enough not to be mentioned.
_EVENTS_A_FEATURE: Final = 5


class Judging(Estimator):
    """An estimator that learns from the earlier dates of snapshots to be judged on the last."""

    test_dates: int
    overlap: Any
    replications: int
    random_state: int
    _noun: ClassVar[str]

    @abstractmethod
    def _outcomes(self, table: SnapshotTable) -> dict[str, Floats]:
        """Return the outcomes as 0 and 1, nan where a row has none; the main one first."""

    @abstractmethod
    def _learn(
        self, table: SnapshotTable, outcomes: Mapping[str, Floats]
    ) -> tuple[dict[str, Propensity], dict[str, Floats | None]]:
        """Return a fitted propensity an outcome, and its probabilities of rows left out."""

    @abstractmethod
    def _of_models(
        self,
        models: Mapping[str, Propensity],
        X: Any,
        table: SnapshotTable,
        level: float | None,
    ) -> dict[str, Estimate]:
        """Return the probabilities of every outcome, by models that are fitted."""

    def _judged_later(self, table: SnapshotTable) -> dict[str, Floats | None] | None:
        """Return probabilities of the last dates by a fit to the earlier ones; None of one date."""
        if len(table._places) == 1:
            return None
        train, test = table.split(self.test_dates, overlap=self.overlap)
        _check_rows(train, test)
        learnt = self._outcomes(train)
        if not 0.0 < np.nanmean(next(iter(learnt.values()))) < 1.0:
            return dict.fromkeys(learnt)
        with warnings.catch_warnings():
            # What is to be said is said of the fit to all dates.
            warnings.simplefilter("ignore")
            models, _ = self._learn(train, learnt)
        found = self._of_models(models, matrix_of(test), test, None)
        return {name: one.p for name, one in found.items()}

    def _card(
        self,
        table: SnapshotTable,
        outcomes: Mapping[str, Floats],
        probabilities: Mapping[str, Floats | None],
    ) -> ReportCard:
        several = len(table._places) > 1
        test, on = table, "customers left out of the fit in turn, at the same date"
        if several:
            train, test = table.split(self.test_dates, overlap=self.overlap)
            clock, windows = table._built.clock, table._built.windows
            spans = [
                " and ".join(
                    dict.fromkeys(clock.text(windows[k].as_of) for k in (ends[0], ends[-1]))
                )
                for ends in (train._places, test._places)
            ]
            on = f"{spans[1]}, by a fit to {len(train._places)} earlier date"
            on += f" ({spans[0]})" if len(train._places) == 1 else f"s (between {spans[0]})"
        known = {}
        for name, values in outcomes.items():
            p = probabilities.get(name)
            known[name] = np.full(len(test), np.nanmean(values)) if p is None else p
        # What is no outcome of its own to learn, but given out.
        more = {name: p for name, p in probabilities.items() if name not in known}
        known |= {name: p for name, p in more.items() if p is not None}
        judged = self._judge(test, known)
        main = next(iter(outcomes.values()))
        there = ~np.isnan(main)
        data = enough_data(main[there] > 0, dates=table.as_of[there], groups=table.groups[there])
        remarks = [*_crowded(len(table._features), data), *self._remarks(test)]
        return ReportCard(judged, data, on, several, self._noun, table._eager, remarks)

    def _remarks(self, test: SnapshotTable) -> list[str]:
        """Return what is to be known of the rows judged, in words."""
        return []

    def _judge(self, test: SnapshotTable, probabilities: Mapping[str, Floats]) -> list[Judged]:
        """Return each outcome's probabilities beside what happened."""
        return [
            self._judged(name, values, probabilities[name], test.groups)
            for name, values in self._outcomes(test).items()
        ]

    def _judged(self, name: str, values: Floats, p: Floats, groups: Any) -> Judged:
        there = ~np.isnan(values) & ~np.isnan(p)
        return Judged.of(
            name,
            values[there] > 0,
            p[there],
            groups[there],
            self.replications,
            self.random_state,
        )


def _crowded(n_features: int, data: DataCheck) -> list[str]:
    """Return in words that there are many features for the events that they are learnt from.

    Below five events a feature estimates are apt to be wrong (Vittinghoff, E. and McCulloch, C. E.
    (2007). "Relaxing the rule of ten events per variable in logistic and Cox regression." American
    Journal of Epidemiology 165(6), 710-718). A penalty helps, so that this is no verdict.
    """
    found = dict(zip(data._found["check"], data._found["value"], strict=True))
    rarer = min(found["events"], found["non_events"])
    if rarer >= _EVENTS_A_FEATURE * n_features:
        return []
    words = (
        f"{n_features:,} features are learnt from {rarer:,.0f} customers of the rarer outcome, "
        f"{_display.decimals(rarer / n_features, 1)} a feature: probabilities of others are apt to "
        "be too extreme; see the calibration slope"
    )
    return [words]


def _check_rows(train: SnapshotTable, test: SnapshotTable) -> None:
    """Refuse dates to be judged by without any row, and a past without any to learn from."""
    built = test._built
    empty = [place for place in test._places if not built.states[place][0]]
    if not empty and not len(train):
        empty = list(train._places)
    if empty:
        dates = " and ".join(built.clock.text(built.windows[place].as_of) for place in empty[:3])
        why = why_nobody(built.states[empty].sum(axis=0))
        raise DataError(f"{dates} ha{'s' if len(empty) == 1 else 've'} no rows: {why}")


def matrix_of(table: SnapshotTable) -> Any:
    """Return the features as an Arrow table."""
    return _frames.build_table(table._taken(table._features), "pyarrow")
