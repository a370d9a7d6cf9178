"""What T-, X- and DR-learners have in common: reading, crossing, scores, manners."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._columns import column_error
from tercet._estimator import Estimator
from tercet._frames import new_table
from tercet._levels import as_text
from tercet.exceptions import DataError, NotFittedError, ParameterError
from tercet.response import _doubly_robust, _treatment
from tercet.response._crossing import Template, folds_of, labels_of
from tercet.response._leaks import warn_of_leaks
from tercet.value.propensity._customers import read_again, read_customers, warn_of_numbers_as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute, Feature
    from tercet._frames import Kind
    from tercet.response._crossing import Fitted, Rows
    from tercet.value.propensity._encoding import Coding

#: The fewest rows of an arm, and the share of rows without overlap that is no error.
_FEWEST = 20
_TOLERATED = 0.05
#: The greatest outcome whose squares and products are numbers, and the inverse of the smallest.
_GREATEST = 1e30


@dataclass(frozen=True)
class Chance:
    """The probability of every arm of any customer: shares, or a fitted classifier."""

    source: Floats | Fitted
    n_arms: int
    least: float

    def __call__(self, coded: Floats) -> Floats:
        """Return a column an arm."""
        if isinstance(self.source, np.ndarray):
            return np.broadcast_to(self.source, (len(coded), self.n_arms))
        found: Floats = np.maximum(self.source.probabilities(coded, self.n_arms), self.least)
        return found


@dataclass(frozen=True)
class Parts:
    """Some of the customers of a fit, and the models that learn from them."""

    attributes: Sequence[Attribute]
    named: bool
    least_level: int
    coded: Floats
    codes: NDArray[np.int64]
    y: Floats
    n_arms: int
    outcome: Template
    #: What tells the probability of each arm, or the shares.
    chance: Template | Floats
    #: Probabilities that are known row by row.
    known: Floats | None
    least: float
    folds: int
    seed: int
    #: Scores, where they have been computed.
    told: Floats | None = None

    def of(self, rows: Rows) -> Parts:
        """Return those of some rows."""
        return Parts(
            **{
                **vars(self),
                "coded": self.coded[rows],
                "codes": self.codes[rows],
                "y": self.y[rows],
                "known": None if self.known is None else self.known[rows],
                "told": None if self.told is None else self.told[rows],
            }
        )

    def enough(self, rows: Rows) -> bool:
        """Return whether models can learn from some rows: there are some of every arm."""
        counts = np.bincount(self.codes[rows], minlength=self.n_arms)
        return bool((counts >= _FEWEST).all())

    def template(self, model: Any, name: str) -> Template:
        """Return the template of another model of the same features."""
        return Template.of(model, name, self.attributes, self.named, self.least_level)

    def linear_template(self) -> Template:
        """Return how a matrix without gaps is made of the features."""
        return Template.of(_Filled(), "effect_model", self.attributes, False, self.least_level)

    def outcome_models(self) -> list[Fitted]:
        """Return a fitted model of the outcome an arm."""
        rows = [self.codes == arm for arm in range(self.n_arms)]
        return [self.outcome.fit(self.coded[own], self.y[own]) for own in rows]

    def propensity_model(self) -> Chance:
        """Return what tells the probability of every arm."""
        source = self.chance
        if isinstance(source, Template):
            return Chance(source.fit(self.coded, self.codes), self.n_arms, self.least)
        return Chance(source, self.n_arms, self.least)

    def crossed(self) -> tuple[Floats, Floats]:
        """Return outcomes under every arm and probabilities, by models that did not see the row."""
        n = len(self.y)
        outcomes, p = np.empty((n, self.n_arms)), np.empty((n, self.n_arms))
        fold = folds_of(self.codes, self.folds, self.seed)
        for part in range(self.folds):
            out = fold == part
            rest = self.of(~out)
            models = rest.outcome_models()
            outcomes[out] = np.column_stack([model.mean(self.coded[out]) for model in models])
            if self.known is None:
                p[out] = rest.propensity_model()(self.coded[out])
        return outcomes, p if self.known is None else self.known

    def scores(self) -> Floats:
        """Return doubly robust scores, a column an effect."""
        if self.told is not None:
            return self.told
        return _doubly_robust.scores(self.codes, self.y, *self.crossed())


class _Filled:
    """A stand-in for a model that takes a matrix of numbers without gaps."""

    def fit(self, X: Any, y: Any) -> Self:
        return self

    def predict(self, X: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class State:
    """What a fit leaves."""

    effect: Callable[[Floats], Floats]
    coding: Coding
    named: bool
    features: tuple[Feature, ...]
    arms: tuple[Any, ...]
    outcome_name: str
    crossed_effect: Floats
    scores: Floats
    outcomes: Floats
    propensities: Floats
    #: Whether effects differ, an arm but the control each.
    slopes: tuple[_doubly_robust.Slope, ...]


class Learner(Estimator):
    """A learner of effects by other libraries' models."""

    _state: State | None = None
    _kind: Kind | None = None

    def __init__(
        self,
        outcome_model: Any,
        *,
        control: Any = None,
        propensity_model: Any = None,
        folds: int = 5,
        min_propensity: float = 0.01,
        min_level_count: int = 20,
        random_state: int = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.control = control
        self.propensity_model = propensity_model
        self.folds = folds
        self.min_propensity = min_propensity
        self.min_level_count = min_level_count
        self.random_state = random_state

    @abstractmethod
    def _learn(self, parts: Parts) -> Callable[[Floats], Floats]:
        """Return what tells the effects of encoded customers, a column an effect."""

    def fit(
        self,
        X: Any,
        treatment: str | ArrayLike,
        outcome: str | ArrayLike,
        propensity: str | float | Mapping[Any, float] | ArrayLike | None = None,
    ) -> Self:
        """Fit the models to all customers, and to all but each part of them.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer, a column a feature that was known before the treatment.
        treatment : str or array of shape (n,)
            The arm of each customer. Here and below a text names a column of `X`, which is no
            feature then.
        outcome : str or array of shape (n,)
            What became of each: a number, or whether it happened.
        propensity : "observed", float, dict or array, optional
            The probability of treatment, where it is known, as for `CausalForest`. None: by
            `propensity_model`.

        Returns
        -------
        self

        Warns
        -----
        ExperimentWarning
            Of features that depend on the treatment although its probability is known.

        Raises
        ------
        DataError
            For columns, treatments or outcomes that cannot be, for a single arm, an arm of fewer
            than 20 rows, and features that all but tell the arm.
        ParameterError
            For a setting or a model that cannot be used, and a control that is not said.
        """
        settings = self._settings()
        customers = read_customers(X)
        treated = _treatment.read_treatment(treatment, self.control, customers)
        name, y = _treatment.read_outcome(outcome, customers)
        codes = _checked(treated, y, name, settings)
        word, values = _treatment.read_known(propensity, treated, customers)
        n_arms = len(treated.arms)
        shares, rows = _known(word, values, codes, n_arms)
        apart = [one for one in (treatment, outcome, propensity) if isinstance(one, str)]
        customers = customers.without(apart)
        features = tuple(customers.learn())
        attributes = customers.by_feature(features)
        warn_of_numbers_as_text(attributes, ())
        probabilities = rows if shares is None else shares
        estimated = word == "estimated" or probabilities is None
        warn_of_leaks(
            attributes,
            (treated.name, codes),
            (name, y),
            None if estimated else np.asarray(probabilities),
        )
        least = int(settings["min_level_count"])
        template = Template.of(
            self.outcome_model, "outcome_model", attributes, customers.named, least
        )
        if template.gives_probabilities and not np.isin(y, (0.0, 1.0)).all():
            row = int((~np.isin(y, (0.0, 1.0))).argmax())
            reason = (
                f"is {y[row]:g}, and outcome_model is a classifier, which takes 0 and 1; pass a "
                "regressor"
            )
            raise column_error(name, reason, row)
        chance: Template | Floats
        if shares is not None:
            chance = shares
        else:
            # Probabilities that are known row by row are learned for other customers.
            model = self.propensity_model
            model = _logistic() if model is None else model
            chance = Template.of(model, "propensity_model", attributes, customers.named, least)
            if not chance.gives_probabilities:
                expected = "a classifier with predict_proba"
                raise _arguments.refusal(model, "propensity_model", expected)
        parts = Parts(
            attributes=attributes,
            named=customers.named,
            least_level=least,
            coded=template.coding.coded(attributes),
            codes=codes,
            y=y,
            n_arms=n_arms,
            outcome=template,
            chance=chance,
            known=rows,
            least=float(settings["min_propensity"]),
            folds=int(settings["folds"]),
            seed=int(settings["seed"]),
        )
        outcomes, p = parts.crossed()
        scores = _doubly_robust.scores(codes, y, outcomes, p)
        parts = replace(parts, told=scores)
        if word == "estimated":
            _check_overlap(p, parts.least, treated)
        fold = folds_of(codes, parts.folds, parts.seed)
        crossed = np.empty((len(y), n_arms - 1))
        for part in range(parts.folds):
            out = fold == part
            crossed[out] = self._learn(parts.of(~out))(parts.coded[out])
        self._state = State(
            self._learn(parts),
            template.coding,
            customers.named,
            features,
            treated.arms,
            name,
            crossed,
            scores,
            outcomes,
            np.array(p),
            self._validated(parts, fold, scores),
        )
        self._kind = customers.kind or "pandas"
        return self

    def effect(self, X: Any) -> Floats:
        """Return the effect of treatment on each customer.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer. A table's columns are found by their names, in any order, and
            others are passed over; an array's by their places.

        Returns
        -------
        numpy.ndarray of shape (n,) or (n, K)
            How much higher the outcome is expected than with the control; a column an arm where
            there are several.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        """
        return self._narrow(self._require().effect(self._coded(X)))

    def effect_error(self, X: Any) -> Floats:
        """Refuse: there are no standard errors.

        Parameters
        ----------
        X : table or array of shape (n, p)
            Not looked at.

        Returns
        -------
        numpy.ndarray
            Never.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            Always.
        """
        self._require()
        raise self._no_intervals()

    def effect_interval(self, X: Any, level: float = 0.95) -> Floats:
        """Return intervals of `effect`, where there are standard errors.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `effect`.
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        numpy.ndarray of shape (n, 2) or (n, K, 2)
            Lower and upper end.

        Raises
        ------
        NotFittedError, DataError
            As `effect` does.
        ParameterError
            For a level that cannot be, and where there are no standard errors.
        """
        z = _quantile(level)
        errors = self.effect_error(X)
        effects = self.effect(X)
        return np.stack([effects - z * errors, effects + z * errors], axis=-1)

    def summary(self, level: float = 0.95) -> Any:
        """Return the mean effects by doubly robust scores, and whether effects differ.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            As `CausalForest.summary`: a row an arm with `arm`, `effect`, `standard_error`,
            `lower`, `upper`, `slope`, `slope_error`, `p_value`. The slope is that of the scores of
            each of the `folds` on effects learned from the folds before it, so that `p_value`
            holds what it promises.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a level that cannot be.
        """
        state, z = self._require(), _quantile(level)
        means = np.array([_doubly_robust.average(values) for values in state.scores.T])
        effect, error = means[:, 0], means[:, 1]
        columns = {
            "arm": pa.array([as_text(arm) for arm in state.arms[1:]], pa.string()),
            "effect": effect,
            "standard_error": error,
            "lower": effect - z * error,
            "upper": effect + z * error,
            **{
                name: np.array([getattr(slope, name) for slope in state.slopes])
                for name in ("slope", "slope_error", "p_value")
            },
        }
        return new_table(columns, self._kind)

    def _validated(
        self, parts: Parts, fold: NDArray[np.int64], scores: Floats
    ) -> tuple[_doubly_robust.Slope, ...]:
        """Set the scores of each fold against effects predicted from earlier folds alone.

        Crossed effects of two folds know of each other: their slopes are not independent.
        """
        found: list[list[tuple[float, float, float]]] = [[] for _ in scores.T]
        for part in range(1, parts.folds):
            before, own = fold < part, fold == part
            if not parts.enough(before):
                continue
            effects = self._learn(parts.of(before))(parts.coded[own])
            for k, slopes in enumerate(found):
                one = _doubly_robust.slope_of(scores[own, k], effects[:, k])
                if one is not None:
                    # More rows tell better what to look for.
                    slopes.append((float(part), *one))
        return tuple(_doubly_robust.Slope.together(slopes) for slopes in found)

    @property
    def arms_(self) -> NDArray[Any]:
        """The arms, the control first."""
        return labels_of(self._require().arms)

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self._require().features)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The features' names, where the fit saw a table."""
        state = self._require()
        if not state.named:
            message = "feature_names_in_: the model was fitted to an array, whose columns have none"
            raise NotFittedError(message)
        return np.array([feature.name for feature in state.features], dtype=object)

    @property
    def out_of_fold_effect_(self) -> Floats:
        """Effects on the rows of the fit, by fits that did not see them."""
        return self._narrow(self._require().crossed_effect)

    @property
    def scores_(self) -> Floats:
        """Doubly robust scores of the rows of the fit."""
        return self._narrow(self._require().scores)

    @property
    def expected_outcome_(self) -> Floats:
        """The outcome predicted under every arm, by models that did not see the row."""
        return self._require().outcomes

    @property
    def propensity_(self) -> Floats:
        """The probability of every arm."""
        return self._require().propensities

    def _coded(self, X: Any) -> Floats:
        state = self._require()
        names = [feature.name for feature in state.features]
        own = type(self).__name__
        found = read_again(X, names, state.named, own)
        if found.named != state.named:
            has, was = ("feature names", "without") if found.named else ("no feature names", "with")
            message = f"X has {has}, but {own} was fitted {was} them; columns go by place"
            warnings.warn(message, UserWarning, stacklevel=3)
        return state.coding.coded(found.by_feature(state.features))

    def _require(self) -> State:
        if self._state is None:
            name = type(self).__name__
            message = f"this {name} is not fitted yet; call fit(X, treatment, outcome) first"
            raise NotFittedError(message)
        return self._state

    def _narrow(self, found: Floats) -> Floats:
        return np.ascontiguousarray(found[:, 0] if found.shape[1] == 1 else found)

    def _no_intervals(self) -> ParameterError:
        own = type(self).__name__
        message = (
            f"outcome_model: a {own} has no standard errors, so there are no intervals; take "
            "tercet.CausalForest, or a DRLearner without effect_model"
        )
        return ParameterError(message, "outcome_model")

    def _settings(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, least in (("folds", 2), ("min_level_count", 1)):
            expected = f"a whole number, at least {least}"
            found[name] = _arguments.whole(getattr(self, name), name, expected)
            if found[name] < least:
                raise _arguments.refusal(found[name], name, expected)
        expected = "a small probability, such as 0.01"
        found["min_propensity"] = _arguments.number(self.min_propensity, "min_propensity", expected)
        if not 0.0 < found["min_propensity"] < 0.5:
            raise _arguments.refusal(self.min_propensity, "min_propensity", expected)
        found["seed"] = _arguments.seed(self.random_state, "random_state")
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return self._state is not None

    def __repr__(self) -> str:
        return self._call() if self._state is None else self._shown().text()

    def _repr_html_(self) -> str:
        return _display.code(self._call()) if self._state is None else self._shown().html()

    def _shown(self) -> _display.Grid:
        state, z = self._require(), _quantile(0.95)
        rows = []
        against = as_text(state.arms[0])
        count = _display.count(len(state.scores))
        words = [f"{count} rows; outcome: {state.outcome_name}, against {against!r}."]
        for k, (arm, slope) in enumerate(zip(state.arms[1:], state.slopes, strict=True)):
            effect, error = _doubly_robust.average(state.scores[:, k])
            numbers = (effect, effect - z * error, effect + z * error)
            rows.append((as_text(arm), *(f"{x:.4g}" for x in numbers), f"{slope.slope:.2f}"))
            p = slope.p_value
            differ = "differ from customer to customer" if p < 0.05 else "may be the same for all"
            words.append(f"Effects of {as_text(arm)!r} {differ} ({_display.p_sentence(p)}).")
        header = ("arm", "mean effect", "lower", "upper", "slope")
        return _display.Grid(self._call(), header, rows, words)


def _checked(
    treated: _treatment.Treatment, y: Floats, name: str, settings: Mapping[str, Any]
) -> NDArray[np.int64]:
    """Return the arms' codes of data from which effects can be learned."""
    if not treated.arms:
        reason = "is an amount, and these learners compare arms; tercet.CausalForest takes amounts"
        raise column_error(treated.name, reason)
    strange = ~np.isfinite(y)
    if strange.any():
        row = int(strange.argmax())
        reason = f"is {y[row]}; leave out rows whose outcome is not known, or say what it is"
        raise column_error(name, reason, row)
    most = float(np.abs(y).max(initial=0.0))
    if most > _GREATEST or 0.0 < most < 1.0 / _GREATEST:
        reason = (
            f"goes up to {most:.3g}; numbers between {1.0 / _GREATEST:g} and {_GREATEST:g} can be "
            "squared: give the column in another unit"
        )
        raise column_error(name, reason)
    if len(treated.arms) < 2:
        reason = "has one arm only; an effect is a difference between two"
        raise column_error(treated.name, reason)
    codes = treated.values.astype(np.int64)
    counts = np.bincount(codes, minlength=len(treated.arms))
    least = max(_FEWEST, 2 * int(settings["folds"]))
    for arm, n in zip(treated.arms, counts, strict=True):
        if n < least:
            reason = (
                f"has {n} rows of arm {as_text(arm)!r}, and a learner needs at least {least} of "
                "each; leave the arm out, or join it to another"
            )
            raise column_error(treated.name, reason)
    return codes


def _known(
    word: str, values: Floats | None, codes: Any, n_arms: int
) -> tuple[Floats | None, Floats | None]:
    """Return probabilities that are the same for all, and those by row; neither if not known."""
    if word == "estimated":
        return None, None
    if values is None:
        return np.bincount(codes, minlength=n_arms) / len(codes), None
    table = np.asarray(values, dtype=np.float64).reshape(-1, n_arms)
    strange = ~((table > 0) & (table < 1)).all(axis=1)
    strange |= np.abs(table.sum(axis=1) - 1.0) > 1e-6
    if strange.any():
        row = int(strange.argmax()) if word == "rows" else None
        reason = "has to be above 0 and below 1 for every arm, and to add up to 1 over the arms"
        raise column_error("propensity", reason, row)
    return (table[0], None) if word == "shares" else (None, table)


def _check_overlap(p: Floats, least: float, treated: _treatment.Treatment) -> None:
    few = (p <= least).mean(axis=0)
    arm = int(few.argmax())
    if few[arm] > _TOLERATED:
        message = (
            f"column '{treated.name}' leaves no overlap: for {int(few[arm] * len(p))} of {len(p)} "
            f"rows the features give arm {as_text(treated.arms[arm])!r} a probability of at most "
            f"{least}; such customers cannot be compared: leave them out, leave out columns that "
            "were made by the treatment, or pass the probabilities that were used"
        )
        raise DataError(message)


def _logistic() -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        message = (
            "propensity_model = None: expected a classifier, or known probabilities, since "
            "scikit-learn is not installed"
        )
        raise ParameterError(message, "propensity_model") from error
    made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    return _Matrix(made)


class _Matrix:
    """A pipeline that gets a matrix of numbers instead of a frame."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"made": self.made}

    def set_params(self, **params: Any) -> Self:
        vars(self).update(params)
        return self

    def fit(self, X: Any, y: Any) -> Self:
        self.made.fit(X, y)
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.made.predict_proba(X)

    @property
    def classes_(self) -> Any:
        return self.made.classes_


def _quantile(level: Any) -> float:
    expected = "a number between 0 and 1"
    found = _arguments.number(level, "level", expected)
    if not 0.0 < found < 1.0:
        raise _arguments.refusal(level, "level", expected)
    return NormalDist().inv_cdf(0.5 + 0.5 * found)
