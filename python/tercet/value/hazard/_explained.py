"""What a hazard says of its features, and of each customer why."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._estimator import Model
from tercet._frames import new_table
from tercet.value.propensity import _reasons
from tercet.value.propensity._effects import (
    MATTERS,
    by_spread,
    contributions_table,
    curve_table,
    effects_of_each,
    effects_table,
    read_level,
)

if TYPE_CHECKING:
    from tercet._features import Feature
    from tercet.value.propensity._customers import Customers


class Explained(Model):
    """Effects, curves, contributions and reasons of a fitted hazard."""

    _features: tuple[Feature, ...]

    @abstractmethod
    def _customers(self, X: Any) -> Customers:
        """Return customers to be scored."""

    @abstractmethod
    def _place(self, event: Any) -> int:
        """Return the place of an event; of the only one where None is named."""

    @abstractmethod
    def _words(self) -> Any:
        """Return how the fit went, in sentences."""

    def summary(self, level: float = 0.95) -> Any:
        """Return the effects of the features on the log-odds of each event in a period as a table.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            `event`; `feature` (none for the intercept, the level at the mean of the baseline); `at`
            (a level, "per unit" of a straight line, a number on a curve); `log_odds` (of a slope by
            unit, of a level against the mean customer or, without a penalty, against the most
            frequent; of a point of a curve against the curve's mean); `odds_ratio`;
            `standard_error`, `lower`, `upper`, `z` and `p_value`, nan where there is none. Under a
            penalty, `p_value` is a guide at best. Of effects that change over time it is the effect
            at the mean of log time.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a level that cannot be.
        """
        level = read_level(level)
        engine = self._require()
        parts = [engine.part(place).effects(level=level) for place in range(len(engine.events))]
        return effects_of_each(parts, "event", engine.events, self._kind)

    def changes(self, level: float = 0.95) -> Any:
        """Return how the effects change that `time_varying_effects` names.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            As of `summary`: `log_odds` is what is added to an effect as time doubles. With
            `strength=0`, `p_value` tests whether the effect is the same at all times.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a level that cannot be.
        """
        engine = self._require()
        found = engine.changes(level=read_level(level))
        events = [engine.events[place] for place in found["event"]]
        return effects_table(found, self._kind, {"event": events})

    def curve(
        self, feature: str, event: str | None = None, *, points: int = 101, level: float = 0.95
    ) -> Any:
        """Return what a feature adds to the log-odds of an event in a period.

        Parameters
        ----------
        feature : str
            The feature.
        event : str, optional
            The event; it may be left out where there is but one.
        points : int
            At how many numbers; evenly spread over all that was at risk for a spline, over the
            range for a straight line. Levels, bins and "missing" follow, each in a row.
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            `value` (nan for a level), `label`, `log_odds` against the mean of all that was at risk,
            `lower`, `upper`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a feature or an event that the model does not have, or an argument that cannot be.
        """
        part = self._require().part(self._place(event))
        return curve_table(part, feature, points, level, self._kind)

    @property
    def baseline_(self) -> Any:
        """The hazard of a customer whom no feature tells apart, period by period.

        A table: `event`, `period` (from 1), `start`, `end`, `hazard`, `lower`, `upper` at 95%.
        """
        engine = self._require()
        found = engine.baseline(level=0.95)
        events = [engine.events[place] for place in found["event"]]
        columns: dict[str, Any] = {"event": pa.array(events, pa.string())}
        for name in ("period", "start", "end", "hazard", "lower", "upper"):
            columns[name] = found[name]
        return new_table(columns, self._kind)

    @property
    def importance_(self) -> Any:
        """How much each feature matters to each event, the one that matters most first.

        A table: `event`; `feature`; `spread`, the standard deviation of what it adds to the
        log-odds of the event in a period, over all that was at risk; `effective_parameters`, how
        many the penalty leaves it; `strength` of its penalty. The baseline over time has a row of
        its own for each event, without a spread.
        """
        found = self._matters()
        words = {name: pa.array(found[name], pa.string()) for name in ("event", "feature")}
        figures = {name: np.array(found[name], dtype=np.float64) for name in MATTERS}
        return new_table({**words, **figures}, self._kind)

    def _matters(self) -> dict[str, list[Any]]:
        """Return events and features by spread, event by event; the baseline last of each."""
        engine = self._require()
        found: dict[str, list[Any]] = {name: [] for name in ("event", "feature", *MATTERS)}
        for place, event in enumerate(engine.events):
            terms = by_spread(engine.part(place).terms())
            strength, used = engine.baseline_strength(place)
            last = {
                "feature": "(baseline over time)",
                "spread": float("nan"),
                "effective_parameters": used,
                "strength": strength,
            }
            for name, one in last.items():
                found[name] += [*terms[name], one]
            found["event"] += [event] * (len(terms["feature"]) + 1)
        return found

    def contributions(self, X: Any, event: str | None = None) -> Any:
        """Return what every feature adds to each customer's log-odds of an event in a period.

        Parameters
        ----------
        X : table, array of shape (n, p) or SnapshotTable
            One row a customer.
        event : str, optional
            The event; it may be left out where there is but one.

        Returns
        -------
        table
            Of the kind of `X` and in its order: `baseline`, the log-odds of a customer whom no
            feature tells apart, at the mean of the baseline over time; then a column a feature,
            with mean 0 over all that was at risk. Of effects that change over time it is the effect
            at the mean of log time.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        ParameterError
            For an event that the model does not have.
        """
        engine = self._require()
        part, customers = engine.part(self._place(event)), self._customers(X)
        baseline, found = part.contributions(
            customers.attributes(self._features), n_jobs=_arguments.threads(self.n_jobs)
        )
        return contributions_table(customers, self._features, baseline, found)

    def reasons(
        self, X: Any, top: int = 3, *, event: str | None = None, customer: Any = None
    ) -> Any:
        """Return the features that move each customer's hazard most, in words.

        Parameters
        ----------
        X : table, array of shape (n, p) or SnapshotTable
            One row a customer.
        top : int
            How many features a customer; fewer where fewer change the log-odds by 0.01 or more.
        event : str, optional
            The event; it may be left out where there is but one.
        customer : str or array of shape (n,), optional
            Ids to show instead of row numbers: a column of `X`, or one value a row.

        Returns
        -------
        table
            Of the kind of `X`, a row a reason: `row` (from 0; or the column of ids), `rank` (from
            1, by the size of `log_odds`), `feature`, `value` in words, `direction` ("raises" or
            "lowers"), `log_odds`, `percentage_points` (the probability of the event in one period,
            at the mean of the baseline over time, less that of the same customer if the feature
            added what it adds on average), `sentence`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        ParameterError
            For an argument that cannot be.
        """
        engine = self._require()
        part, customers = engine.part(self._place(event)), self._customers(X)
        top, ids = _reasons.asked(top, customer, customers.given, customers)
        n_jobs = _arguments.threads(self.n_jobs)
        attributes = customers.attributes(self._features)
        (rows, ranks, places, shares), odds = part.reasons(attributes, top, n_jobs=n_jobs)
        found = _reasons.Found(rows, ranks, places, shares, odds)
        return found.table(customers, attributes, found.points(lambda p: p), ids, n_jobs)
