"""Probabilities of another library's fitted classifier, and why they are what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._frames import new_table
from tercet.exceptions import ParameterError
from tercet.value.propensity import _reasons, _shapley
from tercet.value.propensity._customers import read_again
from tercet.value.propensity._effects import contributions_table
from tercet.value.propensity._foreign import Fitted, probabilities
from tercet.value.propensity._sklearn import Classifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet.value.propensity._customers import Customers
    from tercet.value.propensity.calibration import PropensityCalibration


class Predicting(Classifier):
    """A fitted classifier of another library: probabilities, contributions, reasons."""

    random_state: int
    estimator: Any
    _held: Floats | None = None

    def predict_proba(self, X: Any) -> Floats:
        """Return each customer's probability of every class.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer. A table's columns are found by their names; an array's by place.

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
        state: Fitted = self._require()
        p = probabilities(state.estimator, state.coding, self._coded(X), len(state.classes))
        n_jobs = _arguments.threads(self.n_jobs)
        if len(state.classes) > 2:
            return state.maps(p, n_jobs)
        one = state.maps.one(np.ascontiguousarray(p[:, 1]), n_jobs)
        return np.column_stack([1.0 - one, one])

    def predict_interval(self, X: Any, level: float = 0.95) -> Floats:
        """Refuse: another library's classifier does not know how unsure its probabilities are.

        Parameters
        ----------
        X : table or array of shape (n, p)
            Not looked at.
        level : float
            Not looked at.

        Returns
        -------
        numpy.ndarray
            Never.

        Raises
        ------
        ParameterError
            Always.
        """
        name = type(self.estimator).__name__
        message = (
            f"estimator: {name} has no standard errors, so there are no intervals; "
            "tercet.Propensity has them"
        )
        raise ParameterError(message, "estimator")

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted; of two the last is the outcome."""
        found: NDArray[Any] = self._require().classes
        return found

    @property
    def estimator_(self) -> Any:
        """The fitted classifier; its labels are places in `classes_`."""
        return self._require().estimator

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self._require().features)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The features' names, where the fit saw a table."""
        state: Fitted = self._require()
        if not state.named:
            message = "feature_names_in_: the model was fitted to an array, whose columns have none"
            raise AttributeError(message)
        return np.array([feature.name for feature in state.features], dtype=object)

    @property
    def calibration_(self) -> PropensityCalibration | None:
        """How probabilities were calibrated; None without."""
        told: PropensityCalibration | None = self._require().told
        return told

    @property
    def out_of_fold_(self) -> Floats | None:
        """Calibrated probabilities of the fit's rows, by fits and maps that did not see them."""
        self._require()
        return self._held

    def contributions(self, X: Any) -> Any:
        """Return what every feature adds to each customer's log-odds.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer.

        Returns
        -------
        table
            Of the kind of `X` and in its order: `baseline`, then a column a feature. A row adds up
            to its log-odds before calibration.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        ParameterError
            For an outcome of several classes.
        """
        customers = self._customers(X)
        baseline, found = self._shares(self._coded_of(customers))
        features = self._require().features
        return contributions_table(customers, features, baseline, found)

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
            As that of `tercet.Propensity.reasons`.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        ParameterError
            For an argument that cannot be, or an outcome of several classes.
        """
        customers = self._customers(X)
        top, ids = _reasons.asked(top, customer, X, customers)
        baseline, shares = self._shares(self._coded_of(customers))
        found = _reasons.strongest(shares, baseline, top)
        state: Fitted = self._require()
        n_jobs = _arguments.threads(self.n_jobs)
        points = found.points(lambda p: state.maps.one(p, n_jobs))
        attributes = customers.attributes(state.features)
        return found.table(customers, attributes, points, ids, n_jobs)

    def summary(self, level: float = 0.95) -> Any:
        """Refuse: another library's classifier has no effects with standard errors.

        Parameters
        ----------
        level : float
            Not looked at.

        Returns
        -------
        table
            Never.

        Raises
        ------
        ParameterError
            Always.
        """
        name = type(self.estimator).__name__
        message = (
            f"estimator: {name} has no effects with standard errors; importance_ says which "
            "features matter, reasons(...) why a customer's probability is what it is"
        )
        raise ParameterError(message, "estimator")

    @property
    def importance_(self) -> Any:
        """How much each feature matters, the one that matters most first.

        A table: `feature`; `spread`, the standard deviation of what it adds to the log-odds of up
        to 200 rows of the fit. Of two classes only.
        """
        state: Fitted = self._require()
        _, shares = self._shares(state.shown)
        spread = shares.std(axis=0)
        order = np.argsort(-spread, kind="stable")
        names = [state.features[place].name for place in order]
        columns = {"feature": pa.array(names, pa.string()), "spread": spread[order]}
        return new_table(columns, self._kind)

    def _customers(self, X: Any) -> Customers:
        state: Fitted = self._require()
        return read_again(X, [feature.name for feature in state.features], state.named)

    def _coded(self, X: Any) -> Floats:
        return self._coded_of(self._customers(X))

    def _coded_of(self, customers: Customers) -> Floats:
        state: Fitted = self._require()
        return state.coding.coded(customers.by_feature(state.features))

    def _shares(self, coded: Floats) -> tuple[float, Floats]:
        """Return the baseline, and what each feature adds to each row's log-odds."""
        state: Fitted = self._require()
        if len(state.classes) > 2:
            message = "reasons are told of two classes; fit one model a class (class or not)"
            raise ParameterError(message, "y")
        exact = _shapley.of_trees(state.estimator, state.coding.encoded(coded))
        # A category that is several columns of a matrix has no one value.
        if exact is not None and exact[1].shape == coded.shape:
            return exact

        def odds(rows: Floats) -> Floats:
            p = probabilities(state.estimator, state.coding, rows, 2)
            return _shapley.log_odds(p[:, 1])

        return _shapley.sampled(odds, coded, state.background, self.random_state)
