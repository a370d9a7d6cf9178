"""Probabilities of another library's classifier, calibrated and explained as tercet's own."""

from __future__ import annotations

import functools
import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

import numpy as np

from tercet import _arguments, _display
from tercet._mixing import mixed
from tercet._warning import warn
from tercet.exceptions import ParameterError
from tercet.value.evaluation.calibration import Method
from tercet.value.propensity import _outcome
from tercet.value.propensity._customers import read_customers
from tercet.value.propensity._encoding import coding_of, copied
from tercet.value.propensity._foreign import (
    Fitted,
    folds_of,
    probabilities,
    told_of_gaps,
)
from tercet.value.propensity._foreign_predicting import Predicting
from tercet.value.propensity.calibration import LeftOut, Maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats

__all__ = ["ClassifierPropensity"]

#: Of so many rows of the fit the features' spread is told.
_SPREAD_ROWS = 200


class ClassifierPropensity(Predicting):
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
        attributes = customers.by_feature(features)
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
            of_fold = folds_of(codes, units, self.folds, mapping["seed"])
            left = np.empty((len(codes), len(outcome.classes)))
            for fold in range(self.folds):
                out = of_fold == fold
                other = self._fresh(coding.encoded(coded[~out]), codes[~out], w, ~out)
                left[out] = probabilities(other, coding, coded[out], len(outcome.classes))
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
        self._engine = Fitted(
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
        made = copied(self.estimator)
        if weights is None:
            return told_of_gaps(made.fit, self.estimator, encoded, codes)
        if "sample_weight" not in inspect.signature(made.fit).parameters:
            name = type(made).__name__
            expected = f"None: fit of {name} takes no weights"
            raise ParameterError(f"sample_weight: expected {expected}", "sample_weight")
        fit = functools.partial(made.fit, sample_weight=weights[rows])
        return told_of_gaps(fit, self.estimator, encoded, codes)

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
        state: Fitted = self._require()
        labels = ", ".join(str(label) for label in state.classes[:6])
        how = "a frame with categories and gaps" if state.coding.table else "a matrix"
        words = [f"{_display.count(state.n)} rows; classes: {labels}. Handed over as {how}."]
        if state.told is not None:
            words.append(state.told.text())
        return words

    def _shown(self) -> _display.Grid:
        state: Fitted = self._require()
        rows = [(feature.name,) for feature in state.features[:20]]
        return _display.Grid(self._call(), ("feature",), rows, self._words())

    def _call(self) -> str:
        return f"ClassifierPropensity({self.estimator!r})"
