"""How good a hazard is, on customers whose times are known as far as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _display, _tercet
from tercet._frames import new_table

if TYPE_CHECKING:
    from tercet._columns import Floats
    from tercet._frames import Kind
    from tercet.value.hazard._events import Codes

__all__ = ["HazardScores"]

_GROUPS = ("group", "n", "mean_predicted", "observed", "lower", "upper")


@dataclass(frozen=True)
class Seen:
    """Customers with what became of them, and what was predicted.

    Attributes
    ----------
    times : numpy.ndarray
        Until the event, or until last seen; from when the customer was scored.
    codes : numpy.ndarray
        0 for none, else the event's place from 1.
    weights : numpy.ndarray or None
        How much each counts.
    horizons : numpy.ndarray
        The times that are judged.
    probabilities : numpy.ndarray
        Of the event within each horizon: a row a customer.
    place : int or None
        The event that is judged, from 1; None for any.
    closed : str
        "left" where an event at a horizon has not happened within it.
    level : float
        Of the intervals.
    """

    times: Floats
    codes: Codes
    weights: Floats | None
    horizons: Floats
    probabilities: Floats
    place: int | None
    closed: str
    level: float

    def cut(self, horizon: float) -> float:
        """Return the last instant that lies within a horizon."""
        return float(np.nextafter(horizon, 0.0)) if self.closed == "left" else float(horizon)

    def coded(self) -> tuple[Codes, int]:
        """Return the events, any as one where any is judged; and the one that is."""
        if self.place is None:
            return (self.codes > 0).astype(np.uint16), 1
        return self.codes, self.place


class HazardScores:
    """How well a hazard tells who leaves when; made by `HazardModel.score`.

    Attributes
    ----------
    concordance : float
        Uno's C: the share of pairs in which the one who left first had the higher probability of
        leaving within the last horizon, with weights for who was censored.
    harrell : float
        Harrell's C: the same without weights, which depends on who was censored when.
    integrated_brier : float
        The Brier score averaged over time from 0 to the last horizon; smaller is better.
    integrated_brier_without : float
        That of a model which knows no feature: Kaplan-Meier or Aalen-Johansen of these customers.
    horizons : table
        A row a horizon: `horizon`, `brier`, `brier_without`, `skill` (1 - their ratio), `predicted`
        (the mean probability), `observed` (of Kaplan-Meier or Aalen-Johansen) with `lower`,
        `upper`.
    calibration : table
        A row a horizon and group of customers of similar probability: `horizon`, `group`, `n`,
        `mean_predicted`, `observed` with `lower`, `upper`.
    """

    def __init__(self, seen: Seen, curve: Floats, groups: int, event: str, kind: Kind | None):
        self._seen = seen
        self._event = event
        self._kind = kind
        codes, of = seen.coded()
        last = float(seen.horizons[-1])
        found = _tercet.concordance(
            seen.times,
            np.ascontiguousarray(codes == of),
            np.ascontiguousarray(seen.probabilities[:, -1]),
            seen.weights,
            until=seen.cut(last),
        )
        self.concordance = float(found["uno"])
        self.harrell = float(found["harrell"])
        self._pairs = float(found["pairs"])
        whole = self._observed(slice(None))
        without = np.column_stack(
            [np.full(len(seen.times), whole.at(seen.cut(float(h)))[0]) for h in seen.horizons]
        )
        self._brier = self._scores(seen.horizons, seen.probabilities)
        self._without = self._scores(seen.horizons, without)
        fine = np.linspace(0.0, last, curve.shape[1] + 1)[1:]
        flat = np.column_stack(
            [np.full(len(seen.times), whole.at(seen.cut(float(h)))[0]) for h in fine]
        )
        # By the trapezium rule; at time 0 nothing has happened, and the score is 0.
        self.integrated_brier = _mean(self._scores(fine, curve))
        self.integrated_brier_without = _mean(self._scores(fine, flat))
        self._whole = [whole.at(seen.cut(float(h))) for h in seen.horizons]
        self._groups = self._by_group(groups)

    @property
    def horizons(self) -> Any:
        """One row a horizon."""
        predicted = np.average(self._seen.probabilities, axis=0, weights=self._seen.weights)
        observed = np.array(self._whole)
        columns = {
            "horizon": self._seen.horizons,
            "brier": self._brier,
            "brier_without": self._without,
            "skill": 1.0 - self._brier / np.maximum(self._without, 1e-300),
            "predicted": predicted,
        }
        for place, name in enumerate(("observed", "lower", "upper")):
            columns[name] = np.ascontiguousarray(observed[:, place])
        return new_table(columns, self._kind)

    @property
    def calibration(self) -> Any:
        """One row a horizon and group."""
        columns: dict[str, Any] = {"horizon": np.array([row[0] for row in self._groups])}
        for place, name in enumerate(_GROUPS, start=1):
            columns[name] = np.array([row[place] for row in self._groups])
        return new_table(columns, self._kind)

    def text(self) -> str:
        """Return them as text."""
        return self._shown().text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        predicted = np.average(self._seen.probabilities, axis=0, weights=self._seen.weights)
        rows = []
        for place, horizon in enumerate(self._seen.horizons.tolist()):
            observed = [_display.per_cent(one, 1) for one in self._whole[place]]
            brier = [self._brier[place], self._without[place]]
            scores = [_display.decimals(float(one), 4) for one in brier]
            rows.append(
                (f"{horizon:g}", _display.per_cent(predicted[place], 1), *observed, *scores)
            )
        order = (
            f"Uno's C {self.concordance:.3f}, Harrell's C {self.harrell:.3f}: how often the one "
            "who leaves first has the higher probability (0.5 is chance, 1 is always)."
        )
        brier_said = (
            f"Integrated Brier score {self.integrated_brier:.4f}; "
            f"{self.integrated_brier_without:.4f} without features."
        )
        words = [order, brier_said]
        return _display.Grid(
            title=f"{self._event}: predicted and observed, "
            f"{_display.per_cent(self._seen.level)} intervals",
            header=("within", "predicted", "observed", "lower", "upper", "Brier", "without"),
            rows=rows,
            words=words,
        )

    def _scores(self, times: Floats, probabilities: Floats) -> Floats:
        codes, of = self._seen.coded()
        clipped = np.clip(np.ascontiguousarray(probabilities), 0.0, 1.0)
        cuts = [self._seen.cut(float(time)) for time in times]
        found: Floats = _tercet.brier_scores(
            self._seen.times, codes, of, cuts, clipped.ravel(), self._seen.weights
        )
        return found

    def _observed(self, rows: Any) -> Observed:
        codes, of = self._seen.coded()
        weights = self._seen.weights
        found = _tercet.event_table(
            np.ascontiguousarray(self._seen.times[rows]),
            np.ascontiguousarray(codes[rows]),
            max(int(self._seen.codes.max()), of),
            None,
            None if weights is None else np.ascontiguousarray(weights[rows]),
            level=self._seen.level,
        )
        own = [found[name][:, of - 1] for name in ("incidence", "lower", "upper")]
        return Observed(found["time"], own)

    def _by_group(self, groups: int) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        weights = self._seen.weights
        for place, horizon in enumerate(self._seen.horizons.tolist()):
            p = self._seen.probabilities[:, place]
            edges = np.quantile(p, np.arange(1, groups) / groups)
            of = np.searchsorted(np.unique(edges), p, side="left")
            for group in np.unique(of):
                rows = np.flatnonzero(of == group)
                own = None if weights is None else weights[rows]
                if own is not None and not own.any():
                    continue
                mean = float(np.average(p[rows], weights=own))
                observed = self._observed(rows).at(self._seen.cut(horizon))
                found.append((horizon, int(group) + 1, len(rows), mean, *observed))
        return found


@dataclass(frozen=True)
class Observed:
    """An incidence without a model, with its interval."""

    times: Floats
    columns: list[Floats]

    def at(self, time: float) -> tuple[float, float, float]:
        """Return the incidence by a time, and its interval."""
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        if place < 0:
            return 0.0, 0.0, 0.0
        incidence, lower, upper = (float(column[place]) for column in self.columns)
        return incidence, lower, upper


def _mean(scores: Floats) -> float:
    """Return the mean over time of scores at evenly spaced times, the first after 0."""
    whole = np.concatenate([[0.0], scores])
    return float(np.mean((whole[1:] + whole[:-1]) / 2.0))
