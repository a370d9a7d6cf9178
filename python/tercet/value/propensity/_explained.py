"""What a propensity says of its features, and of each customer why."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tercet import _arguments
from tercet._estimator import Model
from tercet._frames import new_table
from tercet.value.propensity import _reasons
from tercet.value.propensity._effects import (
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
    from tercet.value.propensity.calibration import Maps


class Explained(Model):
    """Effects, curves, contributions and reasons of a fitted propensity."""

    _features: tuple[Feature, ...]
    _maps: Maps

    @abstractmethod
    def _customers(self, X: Any) -> Customers:
        """Return customers to be scored."""

    def summary(self, level: float = 0.95) -> Any:
        """Return the effects of the features on the log-odds as a table.

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
        level = read_level(level)
        if not engine.classes:
            return effects_table(engine.effects(level=level), self._kind)
        parts = [engine.effects(level=level, class_=place) for place in range(len(engine.classes))]
        labels = [str(label) for label in engine.classes]
        return effects_of_each(parts, "class", labels, self._kind)

    @property
    def importance_(self) -> Any:
        """How much each feature matters, the one that matters most first.

        A table: `feature`; `spread`, the standard deviation of what it adds to the log-odds of the
        customers of the fit (of several classes, the root of the mean of its squares over these);
        `effective_parameters`, how many the penalty leaves it; `strength` of its penalty.
        """
        found = by_spread(self._require().terms())
        return new_table({**found, "feature": pa.array(found["feature"], pa.string())}, self._kind)

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
        return curve_table(self._require(), feature, points, level, self._kind)

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
        return contributions_table(customers, self._features, baseline, found)

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
        customers = self._customers(X)
        top, ids = _reasons.asked(top, customer, X, customers)
        n_jobs = _arguments.threads(self.n_jobs)
        attributes = customers.attributes(self._features)
        (rows, ranks, places, shares), odds = engine.reasons(attributes, top, n_jobs=n_jobs)
        found = _reasons.Found(rows, ranks, places, shares, odds)
        points = found.points(lambda p: self._maps.one(p, n_jobs))
        return found.table(customers, attributes, points, ids, n_jobs)
