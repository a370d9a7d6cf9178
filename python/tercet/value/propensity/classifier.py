"""Probabilities of another library's classifier, calibrated and explained as tercet's own."""

from __future__ import annotations

import copy
import functools
import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._columns import column_error
from tercet._frames import new_table
from tercet._mixing import mixed
from tercet._warning import warn
from tercet.exceptions import ParameterError
from tercet.value.evaluation.calibration import Method
from tercet.value.propensity import _outcome, _reasons, _shapley
from tercet.value.propensity._customers import read_again, read_customers
from tercet.value.propensity._effects import contributions_table
from tercet.value.propensity._encoding import Coding, coding_of
from tercet.value.propensity._sklearn import Classifier
from tercet.value.propensity.calibration import LeftOut, Maps, PropensityCalibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats
    from tercet._features import Feature
    from tercet.value.propensity._customers import Customers

__all__ = ["ClassifierPropensity"]

#: Of so many rows of the fit the features' spread is told.
_SPREAD_ROWS = 200


@dataclass(frozen=True)
class _Fitted:
    estimator: Any
    coding: Coding
    features: tuple[Feature, ...]
    named: bool
    classes: NDArray[Any]
    maps: Maps
    told: PropensityCalibration | None
    background: Floats
    shown: Floats
    n: int


class ClassifierPropensity(Classifier):
    """A scikit-learn classifier (boosted trees, a forest, a pipeline) as a propensity.

    The same tables go in, and probabilities come out that were calibrated on rows left out, with
    reasons in words: what `tercet.Propensity` does, by another engine.

    The classifier gets the features in one of two ways:

    1. A pandas frame with numbers (nan for gaps) and categories of the levels of the fit, where it
       reads these by itself: `HistGradientBoosting`, LightGBM, XGBoost with
       `enable_categorical=True`; and a pipeline, whose frame has the features' own names.
    2. A matrix otherwise: a column a number, with its median in place of gaps and a column that
       says where they were (gaps stay where the classifier says that it reads them); a column a
       level, and one for gaps.

    Levels of fewer than `min_level_count` rows share one, and of more than 250 levels the rarest;
    levels never seen are gaps.

    What each feature adds to the log-odds is exact for LightGBM and XGBoost (their
    `pred_contrib`). Otherwise it is sampled: Shapley values against `background` rows of the fit,
    which add up to the log-odds exactly, at as many predictions a customer as features times
    background rows. So ask for reasons of those who matter, not of all.

    There are no intervals: such a classifier does not know how unsure it is.

    Parameters
    ----------
    estimator : classifier
        With `fit` and `predict_proba`; it is copied before it is fitted.
    calibration : {"auto", "isotonic", "beta", "sigmoid", "none"}
        How probabilities are mapped to what happened, as in `tercet.Calibration`, by predictions of
        rows left out.
    background : int
        Rows that sampled Shapley values start from; an even number.
    min_level_count : int
        The fewest rows that a level needs to be one of its own.
    folds : int
        Into how many parts rows are divided, each of which is left out once.
    random_state : int
        The seed of folds, background rows and orders. The classifier has a seed of its own.
    n_jobs : int, optional
        Threads of the calibration; the classifier has a setting of its own.

    Attributes
    ----------
    classes_ : numpy.ndarray
        The labels, sorted. Of two, the last is the outcome whose probability is modelled.
    estimator_ : classifier
        The fitted classifier.
    importance_ : table
        How much each feature matters, the one that matters most first: `feature`, `spread`.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only if the fit saw a table.
    calibration_ : PropensityCalibration or None
        How probabilities were calibrated; None without.
    out_of_fold_ : numpy.ndarray of shape (n, K) or None
        Calibrated probabilities of the rows of the fit, by fits and maps that did not see them.

    References
    ----------
    Štrumbelj, E. and Kononenko, I. (2014). "Explaining prediction models and individual predictions
    with feature contributions." Knowledge and Information Systems 41(3), 647-665.

    Lundberg, S. M. et al. (2020). "From local explanations to global understanding with explainable
    AI for trees." Nature Machine Intelligence 2, 56-67.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> rng = np.random.default_rng(1)
    >>> tenure = rng.integers(0, 72, 2_000)
    >>> plan = rng.choice(["basic", "pro"], 2_000)
    >>> left = rng.random(2_000) < 0.6 * np.exp(-tenure / 20) + 0.2 * (plan == "basic")
    >>> trees = HistGradientBoostingClassifier(max_iter=30, max_depth=3)
    >>> model = tc.ClassifierPropensity(trees).fit({"tenure": tenure, "plan": plan}, left)
    >>> new = {"tenure": [1, 60], "plan": ["basic", "pro"]}
    >>> model.predict_proba(new)[:, 1].round(1).tolist()
    [0.8, 0.0]
    """

    _engine_class: ClassVar[Any] = None
    _fitted_on = "X, y"
    _held: Floats | None = None

    def __init__(
        self,
        estimator: Any,
        *,
        calibration: Method = "auto",
        background: int = 20,
        min_level_count: int = 20,
        folds: int = 5,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.calibration = calibration
        self.background = background
        self.min_level_count = min_level_count
        self.folds = folds
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: str | ArrayLike,
        sample_weight: str | ArrayLike | None = None,
        groups: str | ArrayLike | None = None,
    ) -> Self:
        """Fit the classifier to all rows, and to all but each fold for the calibration.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer (or a customer and date), a column a feature.
        y : str or array of shape (n,)
            What became of each. Here and below a text names a column of `X`, which is no feature
            then.
        sample_weight : str or array of shape (n,), optional
            How much each row counts; for a classifier whose `fit` takes weights.
        groups : str or array of shape (n,), optional
            Which rows belong together: the customer of each. They share a fold.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For columns, labels or weights that cannot be, and an outcome of one class only.
        ParameterError
            For a setting that cannot be used, such as an estimator without `predict_proba`.
        """
        mapping = self._settings()
        self._check_estimator()
        customers = read_customers(X)
        outcome = _outcome.read_outcome(y, customers)
        weights = _outcome.read_named(sample_weight, "sample_weight", customers)
        _outcome.check_both_weigh(outcome, weights)
        together = _outcome.read_groups(groups, customers)
        apart = [one for one in (y, sample_weight, groups) if isinstance(one, str)]
        customers = customers.without(apart)
        features = tuple(customers.learn())
        attributes = _by_feature(customers, features)
        coding = coding_of(self.estimator, attributes, customers.named, self.min_level_count)
        for column in coding.columns:
            if column.empty:
                message = f"column '{column.name}': is missing in every row, and has no effect"
                warn(message, UserWarning)
        coded = coding.coded(attributes)
        w = None if weights is None else weights[1]
        told, maps, self._held = None, Maps(), None
        codes = outcome.codes.astype(np.int64)
        units = np.arange(len(codes)) if together is None else together[1].astype(np.int64)
        # First of all rows, so that a row that is refused has its own number.
        fitted = self._fresh(coding.encoded(coded), codes, w, slice(None))
        if mapping["method"] != "none" and self._can_cross(codes, units, w):
            of_fold = _folds(codes, units, self.folds, mapping["seed"])
            left = np.empty((len(codes), len(outcome.classes)))
            for fold in range(self.folds):
                out = of_fold == fold
                other = self._fresh(coding.encoded(coded[~out]), codes[~out], w, ~out)
                left[out] = _probabilities(other, coding, coded[out], len(outcome.classes))
            p = left[:, 1:] if outcome.binary else left
            groups_of = None if together is None else together[1]
            held = LeftOut(outcome, np.ascontiguousarray(p), of_fold, w, groups_of)
            maps, after, told = held.calibrate(
                mapping, customers.kind, _arguments.threads(self.n_jobs)
            )
            self._held = (
                np.column_stack([1.0 - after[:, 0], after[:, 0]]) if outcome.binary else after
            )
        drawn = np.argsort(mixed(len(coded), mapping["seed"]), kind="stable")
        self._engine = _Fitted(
            fitted,
            coding,
            features,
            customers.named,
            outcome.classes,
            maps,
            told,
            coded[np.sort(drawn[: self.background])],
            coded[np.sort(drawn[:_SPREAD_ROWS])],
            len(coded),
        )
        self._kind = customers.kind or "pandas"
        return self

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
        state: _Fitted = self._require()
        p = _probabilities(state.estimator, state.coding, self._coded(X), len(state.classes))
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
        expected = "a whole number, at least 1"
        top = _arguments.whole(top, "top", expected)
        if top < 1:
            raise _arguments.refusal(top, "top", expected)
        customers = self._customers(X)
        ids = _reasons.read_ids(X, customer, customers)
        if isinstance(customer, str) and customer in _reasons.COLUMNS:
            message = f"customer = {customer!r}: expected another name than a column of the result"
            raise ParameterError(message, "customer")
        baseline, shares = self._shares(self._coded_of(customers))
        places = np.broadcast_to(np.arange(shares.shape[1]), shares.shape)
        found = _reasons.strongest(places, shares, top)
        state: _Fitted = self._require()
        n_jobs = _arguments.threads(self.n_jobs)
        points = found.points(baseline + shares.sum(axis=1), lambda p: state.maps.one(p, n_jobs))
        names = [feature.name for feature in state.features]
        return found.table(customers, names, points, ids)

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
        state: _Fitted = self._require()
        _, shares = self._shares(state.shown)
        spread = shares.std(axis=0)
        order = np.argsort(-spread, kind="stable")
        names = [state.features[place].name for place in order]
        columns = {"feature": pa.array(names, pa.string()), "spread": spread[order]}
        return new_table(columns, self._kind)

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
        state: _Fitted = self._require()
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

    def save(self, path: Any) -> None:
        """Refuse: tercet cannot write another library's classifier.

        Parameters
        ----------
        path : path
            Not looked at.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            Always.
        """
        self._require()
        name = type(self.estimator).__name__
        message = f"estimator: tercet cannot write a {name} to a file; use pickle or joblib"
        raise ParameterError(message, "estimator")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments, and those of the classifier.

        Parameters
        ----------
        deep : bool
            Whether the classifier's are among them, as `estimator__<name>`.

        Returns
        -------
        dict
            Argument names and values.
        """
        found = super().get_params()
        if deep and hasattr(self.estimator, "get_params") and not isinstance(self.estimator, type):
            inner = self.estimator.get_params()
            found |= {f"estimator__{name}": value for name, value in inner.items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments, and with `estimator__<name>` those of the classifier.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            For a name that the constructor does not know.
        """
        mark = "estimator__"
        inner = {name: value for name, value in params.items() if name.startswith(mark)}
        super().set_params(**{name: one for name, one in params.items() if name not in inner})
        if inner:
            plain = {name.removeprefix(mark): value for name, value in inner.items()}
            self.estimator.set_params(**plain)
        return self

    def _check_estimator(self) -> None:
        expected = "a classifier with fit and predict_proba"
        given = self.estimator
        if isinstance(given, type):
            raise _arguments.refusal(given, "estimator", f"{expected}, not a class: call it")
        if not hasattr(given, "fit") or not hasattr(given, "predict_proba"):
            raise _arguments.refusal(given, "estimator", expected)

    def _fresh(self, encoded: Any, codes: Any, weights: Floats | None, rows: Any) -> Any:
        """Return a fitted copy of the classifier."""
        made = _copy(self.estimator)
        if weights is None:
            return _told_of_gaps(made.fit, self.estimator, encoded, codes)
        if "sample_weight" not in inspect.signature(made.fit).parameters:
            name = type(made).__name__
            expected = f"None: fit of {name} takes no weights"
            raise ParameterError(f"sample_weight: expected {expected}", "sample_weight")
        fit = functools.partial(made.fit, sample_weight=weights[rows])
        return _told_of_gaps(fit, self.estimator, encoded, codes)

    def _can_cross(self, codes: Any, units: Any, weights: Floats | None) -> bool:
        counted = np.ones(len(codes), dtype=bool) if weights is None else weights > 0
        pairs = np.unique(np.column_stack([codes, units])[counted], axis=0)
        least = int(np.bincount(pairs[:, 0]).min())
        if least >= self.folds or self.calibration == "auto":
            return least >= self.folds
        expected = (
            f'"auto" or "none" where a class has {least} rows (customers, with groups): fewer than '
            f"folds = {self.folds}"
        )
        raise _arguments.refusal(self.calibration, "calibration", expected)

    def _customers(self, X: Any) -> Customers:
        state: _Fitted = self._require()
        return read_again(X, [feature.name for feature in state.features], state.named)

    def _coded(self, X: Any) -> Floats:
        return self._coded_of(self._customers(X))

    def _coded_of(self, customers: Customers) -> Floats:
        state: _Fitted = self._require()
        return state.coding.coded(_by_feature(customers, state.features))

    def _shares(self, coded: Floats) -> tuple[float, Floats]:
        """Return the baseline, and what each feature adds to each row's log-odds."""
        state: _Fitted = self._require()
        if len(state.classes) > 2:
            message = "reasons are told of two classes; fit one model a class (class or not)"
            raise ParameterError(message, "y")
        exact = _shapley.of_trees(state.estimator, state.coding.encoded(coded))
        # A category that is several columns of a matrix has no one value.
        if exact is not None and exact[1].shape == coded.shape:
            return exact

        def odds(rows: Floats) -> Floats:
            p = _probabilities(state.estimator, state.coding, rows, 2)
            return _shapley.log_odds(p[:, 1])

        return _shapley.sampled(odds, coded, state.background, self.random_state)

    def _settings(self) -> dict[str, Any]:
        whole = _arguments.whole
        least = whole(self.background, "background", "an even number, at least 2")
        if least < 2 or least % 2:
            raise _arguments.refusal(self.background, "background", "an even number, at least 2")
        at_least_1 = "a whole number, at least 1"
        if whole(self.min_level_count, "min_level_count", at_least_1) < 1:
            raise _arguments.refusal(self.min_level_count, "min_level_count", at_least_1)
        at_least_2 = "a whole number, at least 2"
        if whole(self.folds, "folds", at_least_2) < 2:
            raise _arguments.refusal(self.folds, "folds", at_least_2)
        return {
            "method": _arguments.word(self.calibration, "calibration", get_args(Method)),
            "shift": None,
            "interpolate": True,
            "folds": self.folds,
            "seed": _arguments.seed(self.random_state, "random_state"),
            "max_iterations": 100,
        }

    def _describe(self, schema: dict[str, Any]) -> None:
        """Nothing: there is no file."""

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(vars(self))
        if self._engine is None:
            return kept
        # Maps are the core's, which goes through JSON.
        return {**kept, "_engine": replace(self._engine, maps=self._engine.maps.note())}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        if self._engine is not None:
            self._engine = replace(self._engine, maps=Maps.of(self._engine.maps))

    def _words(self) -> list[str]:
        state: _Fitted = self._require()
        labels = ", ".join(str(label) for label in state.classes[:6])
        how = "a frame with categories and gaps" if state.coding.table else "a matrix"
        words = [f"{_display.count(state.n)} rows; classes: {labels}. Handed over as {how}."]
        if state.told is not None:
            words.append(state.told.text())
        return words

    def _shown(self) -> _display.Grid:
        state: _Fitted = self._require()
        rows = [(feature.name,) for feature in state.features[:20]]
        return _display.Grid(self._call(), ("feature",), rows, self._words())

    def _call(self) -> str:
        return f"ClassifierPropensity({self.estimator!r})"


def _by_feature(customers: Customers, features: Any) -> Any:
    """Return columns one by one, also where they came as a matrix."""
    found = customers.attributes(features)
    if len(found) == 1 and getattr(found[0][1], "ndim", 1) == 2:
        _, matrix, names = found[0]
        return [(name, matrix[:, place], []) for place, name in enumerate(names)]
    return found


def _probabilities(estimator: Any, coding: Coding, coded: Floats, n_classes: int) -> Floats:
    encoded = coding.encoded(coded)
    p = np.asarray(_told_of_gaps(estimator.predict_proba, estimator, encoded), dtype=np.float64)
    found = np.zeros((len(coded), n_classes))
    found[:, np.asarray(estimator.classes_, dtype=np.int64)] = p
    return found


def _told_of_gaps(call: Any, estimator: Any, encoded: Any, *more: Any) -> Any:
    """Return what a classifier answers; where it stumbles over gaps, say where they are."""
    try:
        return call(encoded, *more)
    except ValueError as error:
        if not hasattr(encoded, "isna") or not encoded.isna().to_numpy().any():
            raise
        missing = encoded.isna().to_numpy()
        place = int(missing.any(axis=0).argmax())
        reason = (
            f"is missing, which {type(estimator).__name__} may not read "
            f"({str(error).splitlines()[0]}); fill gaps in a step of the pipeline "
            "(sklearn.impute.SimpleImputer), or beforehand"
        )
        row = int(missing[:, place].argmax())
        raise column_error(str(encoded.columns[place]), reason, row) from error


def _folds(codes: Any, units: Any, n: int, seed: int) -> NDArray[np.uint16]:
    """Return each row's fold: units stay together, and their rarest classes are spread evenly."""
    rare = np.argsort(np.argsort(np.bincount(codes), kind="stable"), kind="stable")
    distinct, unit = np.unique(units, return_inverse=True)
    of_unit = np.full(len(distinct), len(rare))
    np.minimum.at(of_unit, unit, rare[codes])
    order = np.lexsort((mixed(len(distinct), seed), of_unit))
    fold = np.empty(len(distinct), dtype=np.uint16)
    fold[order] = np.arange(len(distinct)) % n
    found: NDArray[np.uint16] = fold[unit]
    return found


def _copy(estimator: Any) -> Any:
    try:
        from sklearn.base import clone
    except ImportError:
        return copy.deepcopy(estimator)
    return clone(estimator)
