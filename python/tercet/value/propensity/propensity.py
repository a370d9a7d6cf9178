"""How probable an outcome is, of every customer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._progress import Progress, reporting
from tercet.value.propensity import _outcome, _settings
from tercet.value.propensity._customers import (
    read_customers,
    warn_of_numbers_as_text,
)
from tercet.value.propensity._effects import by_spread, card
from tercet.value.propensity._order import in_order
from tercet.value.propensity._predicting import Predicting, wide
from tercet.value.propensity.calibration import LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet.value.evaluation.calibration import Method
    from tercet.value.propensity._outcome import Outcome
    from tercet.value.propensity._settings import Errors, Features, Penalty, Solver, Strength

__all__ = ["Propensity"]


class Propensity(Predicting):
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
        self._held = None if out_of_fold is None else wide(out_of_fold)
        self._adopt(engine)
        return self._learn(engine, customers.kind or "pandas")

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


def _with_note(engine: _tercet.FittedPropensity, note: Mapping[str, Any]) -> Any:
    content = json.loads(engine.to_json())
    content["schema"]["note"] = note
    return _tercet.FittedPropensity.from_json(json.dumps(content))
