"""What a propensity says of its features, and of each customer why."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._columns import column_error
from tercet._estimator import Model
from tercet._frames import new_table
from tercet.exceptions import ParameterError
from tercet.value.propensity import _reasons
from tercet.value.propensity.summary import PropensitySummary

if TYPE_CHECKING:
    from tercet._features import Feature
    from tercet.value.propensity._customers import Customers
    from tercet.value.propensity.calibration import Maps

_LEVEL = "a number between 0 and 1"


class Explained(Model):
    """Effects, curves, contributions and reasons of a fitted propensity."""

    _features: tuple[Feature, ...]
    _maps: Maps

    @abstractmethod
    def _customers(self, X: Any) -> Customers:
        """Return customers to be scored."""

    def effects(self, level: float = 0.95) -> Any:
        """Return what the features do to the log-odds, in numbers.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            The intercept first: `feature`; `at` (a level, "per unit" of a straight line, a number
            on a curve); `log_odds` (of a slope by unit, of a level against the mean customer or,
            without a penalty, against the most frequent; of a point of a curve against the curve's
            mean); `odds_ratio`; `standard_error`, `lower`, `upper`, `z` and `p_value`, nan where
            there is none. Under a penalty, `p_value` is a guide at best. Of several classes all
            this for each, against the mean of their log-odds, after a column `class`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a level that cannot be.
        """
        engine = self._require()
        level = _arguments.number(level, "level", _LEVEL)
        columns: dict[str, Any] = {}
        if engine.classes:
            parts = [
                engine.effects(level=level, class_=place) for place in range(len(engine.classes))
            ]
            found = {name: _joined([part[name] for part in parts]) for name in parts[0]}
            labels = [str(label) for label in engine.classes for _ in parts[0]["at"]]
            columns["class"] = pa.array(labels, pa.string())
        else:
            found = engine.effects(level=level)
        columns |= {
            "feature": pa.array(found["feature"], pa.string()),
            "at": pa.array(found["at"], pa.string()),
            "log_odds": found["estimate"],
            "odds_ratio": np.exp(found["estimate"]),
        }
        rest = ("standard_error", "lower", "upper", "z", "p_value")
        return new_table({**columns, **{name: found[name] for name in rest}}, self._kind)

    def curve(self, feature: str, *, points: int = 101, level: float = 0.95) -> Any:
        """Return what a feature adds to the log-odds, from its lowest to its highest value.

        Parameters
        ----------
        feature : str
            The feature.
        points : int
            At how many numbers; evenly spread over the customers of a spline, over the range of a
            straight line. Levels, bins and "missing" follow, each in a row.
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            `value` (nan for a level), `label`, `log_odds` against the mean of the customers of the
            fit, `lower`, `upper`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a feature that the model does not have, an argument that cannot be, or an outcome of
            several classes.
        """
        if not isinstance(feature, str):
            raise _arguments.refusal(feature, "feature", "the name of a feature")
        found = self._require().curve(
            feature,
            points=_arguments.whole(points, "points", "a whole number, at least 2"),
            level=_arguments.number(level, "level", _LEVEL),
        )
        columns = {
            "value": found["value"],
            "label": pa.array(found["label"], pa.string()),
            "log_odds": found["effect"],
            "lower": found["lower"],
            "upper": found["upper"],
        }
        return new_table(columns, self._kind)

    def summary(self, level: float = 0.95) -> PropensitySummary:
        """Return the features by how much they matter, with their effects and how the fit went.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        PropensitySummary
            `features`, `effects`; shown as a table in words.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a level that cannot be.
        """
        terms, effects = self._require().terms(), self.effects(level)
        order = np.argsort(-terms["spread"], kind="stable")
        names = [terms["feature"][place] for place in order]
        columns: dict[str, Any] = {"feature": pa.array(names, pa.string())}
        for name in ("spread", "effective_parameters", "strength"):
            columns[name] = terms[name][order]
        words = list(self._words())
        table, figures = new_table(columns, self._kind), {**columns, "feature": names}
        return PropensitySummary(table, effects, figures, words)

    @abstractmethod
    def _words(self) -> Any:
        """Return how the fit went, in sentences."""

    def contributions(self, X: Any) -> Any:
        """Return what every feature adds to each customer's log-odds.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer.

        Returns
        -------
        table
            Of the kind of `X` and in its order: `baseline`, the log-odds of a customer whom no
            feature tells apart; then a column a feature, with mean 0 over the customers of the fit.
            A row adds up to its log-odds before calibration.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        ParameterError
            For an outcome of several classes.
        """
        engine = self._require()
        customers = self._customers(X)
        baseline, found = engine.contributions(
            customers.attributes(self._features), n_jobs=_arguments.threads(self.n_jobs)
        )
        columns: dict[str, Any] = {"baseline": np.full(len(found), baseline)}
        for place, feature in enumerate(self._features):
            if feature.name in columns:
                reason = "has the name of a column of the result; rename it"
                raise column_error(feature.name, reason)
            columns[feature.name] = np.ascontiguousarray(found[:, place])
        return _reasons.table_beside(customers, columns)

    def reasons(self, X: Any, top: int = 3, *, customer: Any = None) -> Any:
        """Return the features that move each customer's probability most, in words.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer.
        top : int
            How many features a customer; fewer where fewer change the log-odds by 0.01 or more.
        customer : str or array of shape (n,), optional
            Ids to show instead of row numbers: a column of `X`, or one value a row.

        Returns
        -------
        table
            Of the kind of `X`, a row a reason: `row` (from 0; or the column of ids), `rank` (from
            1, by the size of `log_odds`), `feature`, `value` in words, `direction` ("raises" or
            "lowers"), `log_odds`, `percentage_points` (the probability as it is, less that of the
            same customer if the feature added what it adds on average), `sentence`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        ParameterError
            For an argument that cannot be, or an outcome of several classes.

        Examples
        --------
        >>> import tercet as tc
        >>> customers = {"plan": ["basic", "pro"] * 100, "visits": [0, 9, 1, 8, 0, 7, 2, 9] * 25}
        >>> left = [1, 0, 1, 0, 1, 0, 0, 1] * 25
        >>> model = tc.Propensity().fit(customers, left)
        >>> found = model.reasons({"plan": ["basic"], "visits": [0]}, top=1)
        >>> found["feature"].to_pylist(), found["direction"].to_pylist()
        (['visits'], ['raises'])
        """
        engine = self._require()
        top = _arguments.whole(top, "top", "a whole number, at least 1")
        if top < 1:
            raise _arguments.refusal(top, "top", "a whole number, at least 1")
        customers = self._customers(X)
        ids = _reasons.read_ids(X, customer, customers)
        n_jobs = _arguments.threads(self.n_jobs)
        attributes = customers.attributes(self._features)
        places, shares = engine.reasons(attributes, top, n_jobs=n_jobs)
        odds = engine.log_odds(attributes, n_jobs=n_jobs)[:, 0]
        found = _reasons.strongest(places, shares, top)
        names = [feature.name for feature in self._features]
        if customer is not None and isinstance(customer, str) and customer in _reasons.COLUMNS:
            message = f"customer = {customer!r}: expected another name than a column of the result"
            raise ParameterError(message, "customer")
        points = found.points(odds, lambda p: self._maps.one(p, n_jobs))
        return found.table(customers, names, points, ids)


def _joined(parts: list[Any]) -> Any:
    """Return arrays, or lists of words, one after the other."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [value for part in parts for value in part]
