"""How probable an outcome is, of every customer."""

from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._features import Feature
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.exceptions import NotFittedError
from tercet.value.propensity import _outcome, _settings
from tercet.value.propensity._customers import (
    read_again,
    read_customers,
    warn_of_numbers_as_text,
)
from tercet.value.propensity._effects import by_spread, card
from tercet.value.propensity._explained import Explained
from tercet.value.propensity._order import in_order
from tercet.value.propensity._sklearn import Classifier
from tercet.value.propensity.calibration import LeftOut, Maps, PropensityCalibration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute
    from tercet.value.evaluation.calibration import Method
    from tercet.value.propensity._customers import Customers
    from tercet.value.propensity._outcome import Outcome
    from tercet.value.propensity._settings import Errors, Features, Penalty, Solver, Strength

__all__ = ["Propensity"]


class Propensity(Classifier, Explained):
    r"""The probability of an outcome (churn, a purchase, use of a feature) from what is known.

    A logistic regression on curves, with every convention of a scikit-learn classifier. Its
    assumptions:

    1. Every feature adds its own share to the log-odds, $\ln \frac{p}{1-p} = a + \sum_j f_j(x_j)$:
       a smooth curve of the customer's rank, a table of levels, or a straight line.
    2. Rows are independent, or groups of rows are.

    Numbers are numbers; text, categories and true/false are levels, by their names. Missing values
    are a level of their own and tell of the outcome in their own way. Rare levels share one, which
    levels never seen join. Beyond the range of the fit a curve stays where it ended.

    Nothing is done about rare outcomes: weighting or drawing rows by outcome would spoil the
    probabilities. To decide by money, see `tercet.best_cutoff`.

    Parameters
    ----------
    features : {"spline", "bins", "linear"}
        How numbers enter: by smooth curves, by levels of equally filled bins, by straight lines.
    penalty : {"l2", "elastic_net"}
        What is charged for coefficients: half their squares; or for a share `l1_ratio` their sizes,
        so that some become 0.
    l1_ratio : float
        That share, from 0 to 1.
    strength : {"auto", "estimated", "cv"} or float
        By how much it is charged. "estimated": every feature by its own strength, under which the
        data are most probable. "cv": all by one, that predicts best who was left out. A number: by
        this much; 0 for no penalty at all. "auto": "estimated" for two classes under "l2", else
        "cv".
    solver : {"newton", "linfa"}
        What finds the coefficients: Newton's method, or linfa-logistic's L-BFGS (for a number as
        `strength`, "l2", no weights, no offset).
    calibration : {"auto", "isotonic", "beta", "sigmoid", "none"}
        How probabilities are mapped to what happened, as in `tercet.Calibration`, by predictions of
        rows left out. "auto" leaves them as they are unless a map is clearly better. "none" saves
        the fits without each of the folds; then there is no `out_of_fold_`.
    intervals : int, optional
        Between the knots of a spline; by default as many as rows can carry, at most 100.
    bins : int
        Bins at most.
    ordered : sequence of str, or dict
        Features whose levels are in order, so that neighbours are drawn to each other. A dict gives
        each feature's levels, lowest first. Without, categories keep their order, and text is in
        the order of numbers or letters.
    min_level_count : int
        The fewest rows (by weight) that a level needs for an effect of its own.
    standardize : bool
        Whether slopes of straight lines are charged per standard deviation, or per unit.
    standard_errors : {"model", "robust", "cluster", "none"}
        Those of the model, those that hold where its variance does not (Huber 1967), those for
        dependent rows of one group (Liang and Zeger 1986), or none, which saves a pass.
    folds : int
        Into how many parts rows are divided, each of which is left out once.
    one_standard_error : bool
        Whether "cv" takes the strongest penalty within one standard error of the best.
    random_state : int
        The seed of the folds.
    max_iterations : int
        Steps of the optimiser at most.
    tolerance : float
        A step that wins no more than this share of the loss is the last.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    classes_ : numpy.ndarray
        The labels, sorted. Of two, the last is the outcome whose probability is modelled.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only if the fit saw a table.
    calibration_ : PropensityCalibration or None
        How probabilities were calibrated, with reliability before and after; None without.
    out_of_fold_ : numpy.ndarray of shape (n, K) or None
        Calibrated probabilities of the rows of the fit, by fits and maps that did not see them. A
        file does not keep them, a pickle does.
    params_, standard_errors_ : dict
        The effects of `summary`, by name. Of several classes the coefficients of all columns (of
        straight lines by standard deviation, of curves those of their basis), without errors.
    importance_ : table
        How much each feature matters, the one that matters most first: `feature`, `spread`,
        `effective_parameters`, `strength`.
    strengths_ : table
        What "cv" tried: `strength`, `log_loss`, `standard_error`; without rows otherwise.
    log_likelihood_, n_observations_, n_iterations_, converged_, how_it_ended_, boundary_
        How the fit went, as for other models.

    References
    ----------
    Eilers, P. H. C. and Marx, B. D. (1996). "Flexible smoothing with B-splines and penalties."
    Statistical Science 11(2), 89-121.

    Wood, S. N. and Fasiolo, M. (2017). "A generalized Fellner-Schall method for smoothing parameter
    optimization with application to Tweedie location, scale and shape models." Biometrics 73(4),
    1071-1081.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> tenure = rng.integers(0, 72, 2_000)
    >>> plan = rng.choice(["basic", "pro"], 2_000)
    >>> left = rng.random(2_000) < 0.6 * np.exp(-tenure / 20) + 0.2 * (plan == "basic")
    >>> model = tc.Propensity().fit({"tenure": tenure, "plan": plan}, left)
    >>> new = {"tenure": [1, 60], "plan": ["basic", "pro"]}
    >>> model.predict_proba(new)[:, 1].round(1).tolist()
    [0.8, 0.0]
    """

    _engine_class: ClassVar[Any] = _tercet.FittedPropensity
    _fitted_on = "X, y"
    _features: tuple[Feature, ...] = ()
    _maps: Maps = Maps()
    _held: Floats | None = None

    def __init__(
        self,
        *,
        features: Features = "spline",
        penalty: Penalty = "l2",
        l1_ratio: float = 0.5,
        strength: Strength = "auto",
        solver: Solver = "newton",
        calibration: Method = "auto",
        intervals: int | None = None,
        bins: int = 10,
        ordered: Sequence[str] | Mapping[str, Sequence[Any]] = (),
        min_level_count: int = 20,
        standardize: bool = True,
        standard_errors: Errors = "model",
        folds: int = 5,
        one_standard_error: bool = False,
        random_state: int = 0,
        max_iterations: int = 100,
        tolerance: float = 1e-9,
        n_jobs: int | None = None,
    ) -> None:
        self.features = features
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.strength = strength
        self.solver = solver
        self.calibration = calibration
        self.intervals = intervals
        self.bins = bins
        self.ordered = ordered
        self.min_level_count = min_level_count
        self.standardize = standardize
        self.standard_errors = standard_errors
        self.folds = folds
        self.one_standard_error = one_standard_error
        self.random_state = random_state
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: str | ArrayLike,
        sample_weight: str | ArrayLike | None = None,
        offset: str | ArrayLike | None = None,
        groups: str | ArrayLike | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Learn how the probability depends on the features.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer (or a customer and date), a column a feature. A matrix of float64 is
            read as it lies; other numbers are converted. Sparse matrices are refused.
        y : str or array of shape (n,)
            What became of each: any two labels, or more for an outcome of several classes. Here and
            below a text names a column of `X`, which is no feature then.
        sample_weight : str or array of shape (n,), optional
            How much each row counts; one of weight 0 not at all.
        offset : str or array of shape (n,), optional
            What is known of each row's log-odds beforehand, for two classes. Predictions are those
            of an offset of 0.
        groups : str or array of shape (n,), optional
            Which rows belong together: the customer of each. They share a fold, and standard errors
            by cluster count them as one.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For columns, labels or weights that cannot be, for an outcome of one class only, and for
            a column that tells the outcomes apart without any error where nothing is penalised; it
            names column and row.
        ParameterError
            For a setting that cannot be used.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or it lies on a boundary; the message is `how_it_ended_`.
        """
        params = self.get_params()
        settings, mapping = _settings.of_fit(params), _settings.of_calibration(params)
        customers = read_customers(X)
        outcome = _outcome.read_outcome(y, customers)
        weights = _outcome.read_named(sample_weight, "sample_weight", customers)
        _outcome.check_both_weigh(outcome, weights)
        known = _outcome.read_named(offset, "offset", customers)
        together = _outcome.read_groups(groups, customers)
        apart = (y, sample_weight, offset, groups)
        customers = customers.without([one for one in apart if isinstance(one, str)])
        learned = customers.learn()
        crosses = mapping["method"] != "none" and self._can_cross(outcome, weights, together)
        note = {
            "params": _settings.params_as_json(params),
            "features": [feature.note() for feature in learned],
            "named": customers.named,
            "classes": _outcome.noted_classes(outcome.classes),
        }
        n_jobs = _arguments.threads(self.n_jobs)
        attributes = in_order(customers.attributes(learned), self.ordered, customers)
        warn_of_numbers_as_text(attributes, list(_settings.levels_in_order(self.ordered)))
        with reporting(progress) as report:
            engine, held = _tercet.FittedPropensity.fit(
                attributes,
                outcome.core(),
                weights,
                known,
                together,
                settings=settings,
                note=json.dumps(note),
                out_of_fold=crosses,
                n_jobs=n_jobs,
                progress=report,
            )
        out_of_fold = None
        if held is not None:
            left_out = LeftOut(
                outcome,
                *held,
                None if weights is None else weights[1],
                None if together is None else together[1],
            )
            maps, out_of_fold, told = left_out.calibrate(mapping, customers.kind, n_jobs)
            note.update(maps=maps.note(), calibration=told._note())
            engine = _with_note(engine, note)
        self._held = None if out_of_fold is None else _wide(out_of_fold)
        self._adopt(engine)
        return self._learn(engine, customers.kind or "pandas")

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
        return _wide(self._calibrated(self._require(), X))

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

    def _can_cross(self, outcome: Outcome, weights: Any, together: Any) -> bool:
        """Return whether there are rows enough of every class to leave some out in turn."""
        counted: Any = slice(None) if weights is None else weights[1] > 0
        codes = outcome.codes[counted]
        if together is not None:
            pairs = np.column_stack([codes, together[1][counted]])
            codes = np.unique(pairs, axis=0)[:, 0].astype(np.uint16)
        least = int(np.bincount(codes, minlength=len(outcome.classes)).min())
        if least >= self.folds:
            return True
        if self.calibration == "auto":
            return False
        expected = (
            f'"auto" or "none" where a class has {least} rows (customers, with groups) of positive '
            f"weight: fewer than folds = {self.folds}"
        )
        raise _arguments.refusal(self.calibration, "calibration", expected)

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
            self._features = _features_of(engine)
        else:
            self._features = tuple(Feature.of(one) for one in told)
        self._maps = Maps.of(note.get("maps", ()))

    @classmethod
    def _around(cls, engine: Any, settings: Mapping[str, Any]) -> Self:
        model = super()._around(engine, settings)
        model._adopt(engine)
        return model

    def __getstate__(self) -> dict[str, Any]:
        routing = getattr(self, "_metadata_request", None)
        return {**super().__getstate__(), "out_of_fold": self._held, "routing": routing}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        self._held = state["out_of_fold"]
        if state["routing"] is not None:
            self._metadata_request = state["routing"]
        if self._engine is not None:
            self._adopt(self._engine)

    def _settings(self) -> dict[str, Any]:
        return _settings.of_file(self.get_params())

    def _describe(self, schema: dict[str, Any]) -> None:
        note = note_of(self._require())
        schema["note"] = {**note, "params": _settings.params_as_json(self.get_params())}

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        kept = note_of(engine).get("params")
        if kept is not None:
            return _settings.params_of_json(kept)
        return {**_settings.from_file(json.loads(engine.settings)), "calibration": "none"}

    def _words(self) -> Iterator[str]:
        rows = _display.count(self.n_observations_)
        labels = ", ".join(str(label) for label in self.classes_[:6])
        yield f"{rows} rows; classes: {labels}{', ...' if len(self.classes_) > 6 else ''}."
        if self.calibration_ is not None:
            yield self.calibration_.text()
        yield f"How it ended: {self.how_it_ended_}."

    def _shown(self) -> _display.Grid:
        return card(self._call(), by_spread(self._require().terms()), list(self._words()))


def _features_of(engine: _tercet.FittedPropensity) -> tuple[Feature, ...]:
    """Return the features of a model that notes nothing of them."""
    learned = json.loads(engine.to_json())["schema"]["encoding"]["features"]
    return tuple(Feature(one["name"], _has_levels(one)) for one in learned)


def _has_levels(learned: Mapping[str, Any]) -> bool:
    """Return whether a feature is a category; a constant one says so itself."""
    return learned["as"] == "levels" or learned.get("levels") is True


def _with_note(engine: _tercet.FittedPropensity, note: Mapping[str, Any]) -> Any:
    content = json.loads(engine.to_json())
    content["schema"]["note"] = note
    return _tercet.FittedPropensity.from_json(json.dumps(content))


def _wide(found: Floats) -> Floats:
    """Return the probabilities of both classes, where there is that of the outcome only."""
    return np.column_stack([1.0 - found[:, 0], found[:, 0]]) if found.shape[1] == 1 else found
