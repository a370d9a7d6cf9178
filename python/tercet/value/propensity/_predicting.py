"""Probabilities of a fitted propensity, and what else it has learnt."""

from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments, _tercet
from tercet._estimator import note_of
from tercet._features import Feature, of_encoding
from tercet._frames import new_table
from tercet.exceptions import NotFittedError
from tercet.value.propensity import _outcome
from tercet.value.propensity._customers import read_again
from tercet.value.propensity._explained import Explained
from tercet.value.propensity._sklearn import Classifier
from tercet.value.propensity.calibration import Maps, PropensityCalibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute
    from tercet.value.propensity._customers import Customers


class Predicting(Classifier, Explained):
    """A propensity that is fitted: probabilities, intervals, estimates."""

    _features: tuple[Feature, ...] = ()
    _maps: Maps = Maps()
    _held: Floats | None = None

    def predict_proba(self, X: Any) -> Floats:
        """Return each customer's probability of every class.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer. A table's columns are found by their names, in any order, and
            others are passed over; an array's by their places, and there must be as many as in the
            fit.

        Returns
        -------
        numpy.ndarray of shape (n, K)
            Calibrated probabilities in the order of the rows and of `classes_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        """
        return wide(self._calibrated(self._require(), X))

    def decision_function(self, X: Any) -> Floats:
        """Return the log-odds of each customer's (calibrated) probability.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict_proba`.

        Returns
        -------
        numpy.ndarray of shape (n,) or (n, K)
            Log-odds of the outcome; of several classes, of each against their mean.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        """
        engine = self._require()
        if not self._maps:
            attributes = self._attributes(X)
            odds: Floats = engine.log_odds(attributes, n_jobs=_arguments.threads(self.n_jobs))
            return odds[:, 0] if odds.shape[1] == 1 else odds
        with np.errstate(divide="ignore"):
            found = self._calibrated(engine, X)
            if found.shape[1] == 1:
                p = found[:, 0]
                single: Floats = np.log(p) - np.log1p(-p)
                return single
            logs: Floats = np.log(found)
            logs -= logs.mean(axis=1, keepdims=True)
            return logs

    def predict_interval(self, X: Any, level: float = 0.95) -> Floats:
        """Return intervals of each customer's probability.

        They say how far the uncertainty of the coefficients leaves the probability open, not
        whether it will happen: of probabilities near 0.5 nobody knows that. Ends go through the
        calibration, which is taken as known.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict_proba`.
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        numpy.ndarray of shape (n, 2) or (n, K, 2)
            Lower and upper end; of several classes, those of each in the order of `classes_`.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        ParameterError
            For a level that cannot be, or a model without standard errors.
        """
        engine: _tercet.FittedPropensity = self._require()
        n_jobs = _arguments.threads(self.n_jobs)
        level = _arguments.number(level, "level", "a number between 0 and 1")
        attributes = self._attributes(X)
        ends = engine.intervals(attributes, level=level, n_jobs=n_jobs)
        if not engine.classes:
            return self._maps.one(ends, n_jobs)
        ends = ends.reshape(-1, len(engine.classes), 2)
        if not self._maps:
            return ends
        found = engine.probabilities(attributes, n_jobs=n_jobs)
        return self._maps.ends(ends, found, n_jobs)

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted; of two the last is the outcome."""
        engine = self._require()
        kept = note_of(engine).get("classes")
        if kept is not None:
            return _outcome.classes_of(kept)
        return np.array(engine.classes) if engine.classes else np.array([False, True])

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self._require().features)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The features' names, where the fit saw a table."""
        engine = self._require()
        if not self._named:
            message = "feature_names_in_: the model was fitted to an array, whose columns have none"
            raise NotFittedError(message)
        return np.array(engine.features, dtype=object)

    @property
    def calibration_(self) -> PropensityCalibration | None:
        """How probabilities were calibrated; None without."""
        kept = note_of(self._require()).get("calibration")
        if kept is None:
            return None
        return PropensityCalibration._of(kept, self.classes_.tolist(), self._kind)

    @property
    def out_of_fold_(self) -> Floats | None:
        """Calibrated probabilities of the fit's rows, by fits and maps that did not see them."""
        self._require()
        return self._held

    @property
    def params_(self) -> dict[str, float]:
        """The effects by name; of several classes the coefficients by class and name."""
        engine = self._require()
        if not engine.classes:
            return self._by_name("estimate")
        coefficients = json.loads(engine.to_json())["fitted"]["coefficients"]
        return dict(zip(self._labels(), coefficients, strict=True))

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard errors of `params_`, by the same names; nan without."""
        engine = self._require()
        if not engine.classes:
            return self._by_name("standard_error")
        labels = self._labels()
        errors = engine.coefficient_errors
        found = [math.nan] * len(labels) if errors is None else errors.tolist()
        return dict(zip(labels, found, strict=True))

    def _labels(self) -> list[str]:
        """Return the names of the coefficients of several classes."""
        engine = self._require()
        # The core keeps slopes by standard deviation, whatever they are charged by.
        names = [
            name.replace(": per unit", ": per standard deviation")
            for name in engine.columns["column"]
        ]
        return [f"{label}: {name}" for label in engine.classes for name in names]

    def _by_name(self, figure: str) -> dict[str, float]:
        found = self._require().effects(level=0.95)
        pairs = zip(found["feature"], found["at"], strict=True)
        names = [at if feature is None else f"{feature}: {at}" for feature, at in pairs]
        return dict(zip(names, found[figure].tolist(), strict=True))

    @property
    def strengths_(self) -> Any:
        """What cross-validation said of the strengths of the penalty that it tried."""
        return new_table(self._require().strength_scores, self._kind)

    @property
    def _named(self) -> bool:
        return bool(note_of(self._require()).get("named", True))

    def _customers(self, X: Any) -> Customers:
        self._require()
        named = self._named
        found = read_again(X, [feature.name for feature in self._features], named)
        if found.named != named:
            has, was = ("feature names", "without") if found.named else ("no feature names", "with")
            message = f"X has {has}, but Propensity was fitted {was} them; columns go by place"
            warnings.warn(message, UserWarning, stacklevel=self._depth())
        return found

    def _attributes(self, X: Any) -> list[Attribute]:
        return self._customers(X).attributes(self._features)

    def _calibrated(self, engine: _tercet.FittedPropensity, X: Any) -> Floats:
        """Return the calibrated probability of the outcome (one column), or of each class."""
        n_jobs = _arguments.threads(self.n_jobs)
        return self._maps(engine.probabilities(self._attributes(X), n_jobs=n_jobs), n_jobs)

    def _adopt(self, engine: _tercet.FittedPropensity) -> None:
        """Take over what the model notes of features and calibration."""
        note = note_of(engine)
        told = note.get("features")
        if told is None:  # fitted in Rust, which keeps the levels that it needs
            learned = json.loads(engine.to_json())["schema"]["encoding"]["features"]
            self._features = of_encoding(learned)
        else:
            self._features = tuple(Feature.of(one) for one in told)
        self._maps = Maps.of(note.get("maps", ()))


def wide(found: Floats) -> Floats:
    """Return the probabilities of both classes, where there is that of the outcome only."""
    return np.column_stack([1.0 - found[:, 0], found[:, 0]]) if found.shape[1] == 1 else found
