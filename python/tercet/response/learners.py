"""Effects by other libraries' models: T-, X- and doubly robust learners, with cross-fitting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet.exceptions import ParameterError
from tercet.response import _doubly_robust
from tercet.response._learner import Learner, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tercet._columns import Floats
    from tercet.response._crossing import Fitted, Template
    from tercet.response._learner import Chance

__all__ = ["DRLearner", "TLearner", "XLearner"]


class TLearner(Learner):
    """Effects as differences of two models' outcomes: the T-learner.

    A model of the outcome is fitted to the customers of each arm; the effect is the difference of
    what they predict. Simple, and right where outcomes are easy to predict; what the two models
    smooth away differently looks like an effect.

    There are no intervals: nothing tells how far the difference of two such models is off.
    `summary` and `rank_effects` with `scores_` and `out_of_fold_effect_` have errors all the same.

    Parameters
    ----------
    outcome_model : estimator
        A regressor, or for outcomes of yes and no a classifier with `predict_proba`; of
        scikit-learn, LightGBM and the like. It is copied. Numbers, levels and gaps are handed over
        as for `ClassifierPropensity`.
    control : label, optional
        The arm that others are compared with. Not needed where it is 0 or False.
    propensity_model : classifier, optional
        The probability of each arm, where `fit` is not told; only the scores need it. Default:
        scikit-learn's logistic regression.
    folds : int
        Into how many parts customers are divided, each of which is predicted by the others.
    min_propensity : float
        As for `CausalForest`.
    min_level_count : int
        The fewest rows that a level needs to be one of its own.
    random_state : int
        The seed of the parts. The models have seeds of their own.

    Attributes
    ----------
    arms_ : numpy.ndarray
        The arms, the control first.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only if the fit saw a table.
    out_of_fold_effect_ : numpy.ndarray of shape (n,) or (n, K)
        Effects on the rows of the fit, by fits that did not see them.
    scores_ : numpy.ndarray of shape (n,) or (n, K)
        Doubly robust scores, by models that did not see the row: a noisy effect each, whose mean
        over customers chosen by their features is the mean effect on them.
    expected_outcome_ : numpy.ndarray of shape (n, arms)
        The outcome predicted under every arm, likewise.
    propensity_ : numpy.ndarray of shape (n, arms)
        The probability of every arm.

    References
    ----------
    Künzel, S. R., Sekhon, J. S., Bickel, P. J. and Yu, B. (2019). "Metalearners for estimating
    heterogeneous treatment effects using machine learning." PNAS 116(10), 4156-4165.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> rng = np.random.default_rng(1)
    >>> orders, country = rng.integers(0, 10, 4_000), rng.choice(["NO", "SE"], 4_000)
    >>> mailed = rng.random(4_000) < 0.5
    >>> spend = orders + 4.0 * mailed * (orders >= 5) + rng.normal(size=4_000)
    >>> trees = RandomForestRegressor(20, min_samples_leaf=20, random_state=1)
    >>> learner = tc.TLearner(trees)
    >>> learner = learner.fit({"orders": orders, "country": country}, mailed, spend, "observed")
    >>> learner.effect({"orders": [1, 8], "country": ["NO", "SE"]}).round().tolist()
    [0.0, 4.0]
    """

    def _learn(self, parts: Parts) -> Callable[[Floats], Floats]:
        return _Difference(parts.outcome_models())


class XLearner(Learner):
    """Effects imputed to each customer and regressed: the X-learner.

    Every treated customer's outcome less what a model of the control predicts is a noisy effect,
    and so is what a model of the arm predicts less a control customer's outcome. A model of each
    is fitted, and both are averaged by the probability of treatment. Good where one arm is small.

    There are no intervals: nothing tells how far such a model is off. `summary` and `rank_effects`
    with `scores_` and `out_of_fold_effect_` have errors all the same.

    Parameters
    ----------
    outcome_model : estimator
        As for `TLearner`.
    effect_model : regressor, optional
        The model of imputed effects. Default: `outcome_model`, if that is a regressor.
    control, propensity_model, folds, min_propensity, min_level_count, random_state
        As for `TLearner`; the effects too need the probabilities.

    Attributes
    ----------
    arms_, out_of_fold_effect_, scores_, expected_outcome_, propensity_
        As for `TLearner`.

    References
    ----------
    Künzel, S. R., Sekhon, J. S., Bickel, P. J. and Yu, B. (2019). "Metalearners for estimating
    heterogeneous treatment effects using machine learning." PNAS 116(10), 4156-4165.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> rng = np.random.default_rng(1)
    >>> orders, mailed = rng.uniform(0, 10, 4_000), rng.random(4_000) < 0.1
    >>> spend = orders + 4.0 * mailed * (orders >= 5) + rng.normal(size=4_000)
    >>> trees = RandomForestRegressor(20, min_samples_leaf=20, random_state=1)
    >>> learner = tc.XLearner(trees).fit({"orders": orders}, mailed, spend, 0.1)
    >>> learner.effect({"orders": [1.0, 8.0]}).round().tolist()
    [0.0, 4.0]
    """

    def __init__(
        self,
        outcome_model: Any,
        effect_model: Any = None,
        *,
        control: Any = None,
        propensity_model: Any = None,
        folds: int = 5,
        min_propensity: float = 0.01,
        min_level_count: int = 20,
        random_state: int = 0,
    ) -> None:
        super().__init__(
            outcome_model,
            control=control,
            propensity_model=propensity_model,
            folds=folds,
            min_propensity=min_propensity,
            min_level_count=min_level_count,
            random_state=random_state,
        )
        self.effect_model = effect_model

    def _learn(self, parts: Parts) -> Callable[[Floats], Floats]:
        template = parts.template(
            self.outcome_model if self.effect_model is None else self.effect_model, "effect_model"
        )
        _require_regressor(template)
        models = parts.outcome_models()
        chance = parts.propensity_model()
        pairs = []
        for arm in range(1, parts.n_arms):
            treated, control = parts.codes == arm, parts.codes == 0
            gained = parts.y[treated] - models[0].mean(parts.coded[treated])
            lost = models[arm].mean(parts.coded[control]) - parts.y[control]
            pairs.append(
                (
                    template.fit(parts.coded[treated], gained),
                    template.fit(parts.coded[control], lost),
                )
            )

        return _Averaged(pairs, chance)


class DRLearner(Learner):
    """Effects by a regression of doubly robust scores: the DR-learner.

    Models of the outcome under each arm and of the probability of each arm, by which no customer is
    predicted who was in their fit, give every customer a score: a noisy effect without bias if
    either is right. The effect is a regression of the scores on the features.

    Without `effect_model` that regression is least squares, and there are standard errors and
    intervals: of the best straight line through the effects (robust, HC3), which is the effect
    itself where that is straight. With one there are none.

    Parameters
    ----------
    outcome_model : estimator
        As for `TLearner`.
    effect_model : regressor, optional
        The model of the scores. Default: least squares, with errors.
    control, propensity_model, folds, min_propensity, min_level_count, random_state
        As for `TLearner`.

    Attributes
    ----------
    arms_, scores_, expected_outcome_, propensity_
        As for `TLearner`.
    out_of_fold_effect_ : numpy.ndarray of shape (n,) or (n, K)
        Effects on the rows of the fit, by regressions on scores of the other rows (whose outcome
        models may have seen the row).

    References
    ----------
    Kennedy, E. H. (2023). "Towards optimal doubly robust estimation of heterogeneous causal
    effects." Electronic Journal of Statistics 17(2), 3008-3049.

    Semenova, V. and Chernozhukov, V. (2021). "Debiased machine learning of conditional average
    treatment effects and other causal functions." Econometrics Journal 24(2), 264-289.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> rng = np.random.default_rng(1)
    >>> orders, mailed = rng.uniform(0, 10, 4_000), rng.random(4_000) < 0.5
    >>> spend = orders + 0.5 * mailed * orders + rng.normal(size=4_000)
    >>> trees = RandomForestRegressor(20, min_samples_leaf=20, random_state=1)
    >>> learner = tc.DRLearner(trees).fit({"orders": orders}, mailed, spend, "observed")
    >>> learner.effect({"orders": [2.0, 8.0]}).round().tolist()
    [1.0, 4.0]
    >>> learner.effect_interval({"orders": [2.0, 8.0]}).shape
    (2, 2)
    """

    def __init__(
        self,
        outcome_model: Any,
        effect_model: Any = None,
        *,
        control: Any = None,
        propensity_model: Any = None,
        folds: int = 5,
        min_propensity: float = 0.01,
        min_level_count: int = 20,
        random_state: int = 0,
    ) -> None:
        super().__init__(
            outcome_model,
            control=control,
            propensity_model=propensity_model,
            folds=folds,
            min_propensity=min_propensity,
            min_level_count=min_level_count,
            random_state=random_state,
        )
        self.effect_model = effect_model

    def effect_error(self, X: Any) -> Floats:
        """Return the standard errors of `effect`.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `effect`.

        Returns
        -------
        numpy.ndarray of shape (n,) or (n, K)
            Standard errors.

        Raises
        ------
        NotFittedError, DataError
            As `effect` does.
        ParameterError
            With an `effect_model`, which has none.
        """
        state = self._require()
        if not isinstance(state.effect, _Straight):
            raise self._no_intervals()
        return self._narrow(state.effect.error(self._coded(X)))

    def _learn(self, parts: Parts) -> Callable[[Floats], Floats]:
        targets = parts.scores()
        if self.effect_model is None:
            template = parts.linear_template()
            columns = template.coding.encoded(parts.coded)
            return _Straight(template, _doubly_robust.Line.fit(columns, targets))
        template = parts.template(self.effect_model, "effect_model")
        _require_regressor(template)
        return _Direct([template.fit(parts.coded, target) for target in targets.T])

    def _no_intervals(self) -> ParameterError:
        name = type(self.effect_model).__name__
        message = (
            f"effect_model: {name} has no standard errors, so there are no intervals; "
            "leave effect_model out, or take tercet.CausalForest"
        )
        return ParameterError(message, "effect_model")


@dataclass(frozen=True)
class _Difference:
    """Outcomes under the arms less that under the control."""

    models: list[Fitted]

    def __call__(self, coded: Floats) -> Floats:
        found = np.column_stack([model.mean(coded) for model in self.models])
        return found[:, 1:] - found[:, :1]


@dataclass(frozen=True)
class _Averaged:
    """Models of effects imputed to the treated and to controls, averaged."""

    pairs: list[tuple[Fitted, Fitted]]
    chance: Chance

    def __call__(self, coded: Floats) -> Floats:
        p = self.chance(coded)
        found = []
        for arm, (treated, control) in enumerate(self.pairs, start=1):
            # Controls' effects are imputed by the arm's model: better where the arm is large.
            share = p[:, arm] / (p[:, arm] + p[:, 0])
            found.append(share * control.mean(coded) + (1.0 - share) * treated.mean(coded))
        return np.column_stack(found)


@dataclass(frozen=True)
class _Direct:
    """Regressions of scores."""

    models: list[Fitted]

    def __call__(self, coded: Floats) -> Floats:
        return np.column_stack([model.mean(coded) for model in self.models])


@dataclass(frozen=True)
class _Straight:
    """Least squares of scores, with errors."""

    template: Template
    line: _doubly_robust.Line

    def __call__(self, coded: Floats) -> Floats:
        return self.line.mean(self.template.coding.encoded(coded))

    def error(self, coded: Floats) -> Floats:
        """Return standard errors, a column an effect."""
        return self.line.error(self.template.coding.encoded(coded))


def _require_regressor(template: Template) -> None:
    if template.gives_probabilities:
        expected = "a regressor: effects are differences, not classes"
        raise _arguments.refusal(template.model, template.name, expected)
