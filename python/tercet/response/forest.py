"""What a treatment does to each customer: the causal forest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.response import _treatment
from tercet.response._binned_model import BinnedModel
from tercet.response._crossing import labels_of
from tercet.response._leaks import warn_of_leaks
from tercet.value.propensity._customers import (
    read_customers,
    warn_of_numbers_as_text,
)
from tercet.value.propensity._outcome import classes_of, noted_classes
from tercet.value.propensity._settings import params_as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats

__all__ = ["CausalForest"]

_LEVEL = "a number between 0 and 1"
_OPTIONAL = "a whole number, at least 1, or None"
_AT_LEAST = "a whole number, at least "
#: What a pickle keeps beside the model: what the forest says of the rows that it was fitted to.
_TOLD = ("_effects", "_scores", "_expected", "_propensities")


class CausalForest(BinnedModel):
    r"""The effect of a treatment on each customer, with intervals, by an honest causal forest.

    Its assumptions:

    1. Customers with the same features were treated by chance, as in an experiment: nothing that is
       not among the features led to the treatment and to the outcome as well.
    2. Everybody could have got every arm.
    3. One customer's treatment does not change another's outcome.

    Outcome and treatment are freed of what the features predict of them. Trees then look for parts
    of the customers in which effects differ; the rows that tell a leaf's effect are not those that
    made it. A customer's effect is that of the rows that share leaves with the customer,
    $\hat\tau(x) = \widehat{\mathrm{Cov}}_x(\tilde w, \tilde w)^{-1}\,
    \widehat{\mathrm{Cov}}_x(\tilde w, \tilde y)$. Trends that trees of few customers do not reach
    are found by a regression of doubly robust scores on the features, and added.

    Numbers are numbers; text, categories and true/false are levels, by their names. Missing values
    are sorted to where they fit. Nothing has to be scaled or encoded.

    Parameters
    ----------
    n_trees : int
        Trees. More make effects and intervals steadier and take proportionally longer.
    control : label, optional
        The arm that others are compared with. Not needed where it is 0 or False.
    bag_size : int
        How many trees share half of the rows; their differences tell the noise of few trees.
    min_leaf : int, optional
        The fewest rows of each arm on either side of a split. By default a quarter of the square
        root of the rows, at least 10.
    max_depth : int, optional
        How many splits lie one below the other at most.
    max_features : int, optional
        How many features, drawn at random, are looked at in a node. By default nearly all, up to
        20 beyond the square root of their number.
    bins : int
        Into how many bins numbers are cut at most, 2 to 254.
    imbalance : float
        The least share of a node's rows on either side of a split, below 0.5.
    nuisance_trees : int, optional
        Trees that tell the expected outcome, and the probability of each arm. By default a quarter
        of `n_trees`, at least 50.
    min_propensity : float
        The smallest probability of an arm that leaves enough to compare: with more than a row in
        twenty below it there is no overlap, which is an error.
    random_state : int
        The seed of samples and features.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    arms_ : numpy.ndarray
        The arms, the control first; empty for an amount.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only if the fit saw a table.
    out_of_bag_effect_ : numpy.ndarray of shape (n,) or (n, K) or None
        Effects on the rows of the fit, by trees and trends that did not see them. A file keeps
        neither these nor the next three, a pickle does.
    scores_ : numpy.ndarray of shape (n,) or (n, K) or None
        Doubly robust scores: a noisy effect a row, whose mean over customers chosen by their
        features is the mean effect on them.
    expected_outcome_ : numpy.ndarray of shape (n,) or None
        The outcome that the features predict.
    propensity_ : numpy.ndarray of shape (n, arms) or None
        The probability of each arm; of an amount its expectation.
    how_it_ended_ : str
        How many leaves the trees have.

    References
    ----------
    Athey, S., Tibshirani, J. and Wager, S. (2019). "Generalized random forests." Annals of
    Statistics 47(2), 1148-1178.

    Wager, S. and Athey, S. (2018). "Estimation and inference of heterogeneous treatment effects
    using random forests." Journal of the American Statistical Association 113(523), 1228-1242.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> orders, country = rng.integers(0, 10, 4_000), rng.choice(["NO", "SE"], 4_000)
    >>> mailed = rng.random(4_000) < 0.5
    >>> spend = orders + 4.0 * mailed * (orders >= 5) + rng.normal(size=4_000)
    >>> customers = {"orders": orders, "country": country}
    >>> forest = tc.CausalForest(random_state=1).fit(customers, mailed, spend, "observed")
    >>> new = {"orders": [1, 8], "country": ["NO", "SE"]}
    >>> forest.effect(new).round().tolist()
    [0.0, 4.0]
    >>> forest.effect_interval(new).shape
    (2, 2)
    """

    _engine_class: ClassVar[Any] = _tercet.FittedCausalForest
    _fitted_on = "X, treatment, outcome"
    _effects: Floats | None = None
    _scores: Floats | None = None
    _expected: Floats | None = None
    _propensities: Floats | None = None

    def __init__(
        self,
        *,
        n_trees: int = 200,
        control: Any = None,
        bag_size: int = 4,
        min_leaf: int | None = None,
        max_depth: int | None = None,
        max_features: int | None = None,
        bins: int = 128,
        imbalance: float = 0.05,
        nuisance_trees: int | None = None,
        min_propensity: float = 0.01,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_trees = n_trees
        self.control = control
        self.bag_size = bag_size
        self.min_leaf = min_leaf
        self.max_depth = max_depth
        self.max_features = max_features
        self.bins = bins
        self.imbalance = imbalance
        self.nuisance_trees = nuisance_trees
        self.min_propensity = min_propensity
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        treatment: str | ArrayLike,
        outcome: str | ArrayLike,
        propensity: str | float | Mapping[Any, float] | ArrayLike | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Learn how effects depend on the features.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer, a column a feature that was known before the treatment.
        treatment : str or array of shape (n,)
            The arm of each customer: labels, of which `control` is one; or amounts, as numbers with
            decimals or of more than eight kinds are. Here and below a text names a column of `X`,
            which is no feature then.
        outcome : str or array of shape (n,)
            What became of each: a number, or whether it happened.
        propensity : "observed", float, dict or array, optional
            The probability of treatment, where it is known: "observed" for an experiment in which
            everybody had the same chances (the arms' shares), a number, a dict by arm, one value a
            row, or a column an arm in the order of `arms_`. None: estimated from the features.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Warns
        -----
        ExperimentWarning
            Of features that depend on the treatment although its probability is known: they were
            made by it.

        Raises
        ------
        DataError
            For columns, treatments or outcomes that cannot be, for a single arm, an arm of fewer
            than 20 rows, and features that all but tell the arm, so that there is nothing to
            compare.
        ParameterError
            For a setting that cannot be used, and a control that is not said.
        """
        settings = self._settings()
        customers = read_customers(X)
        treated = _treatment.read_treatment(treatment, self.control, customers)
        result = _treatment.read_outcome(outcome, customers)
        known = _treatment.read_known(propensity, treated, customers)
        apart = [one for one in (treatment, outcome, propensity) if isinstance(one, str)]
        customers = customers.without(apart)
        learned = customers.learn()
        note = {
            "params": params_as_json(self.get_params()),
            "features": [feature.note() for feature in learned],
            "named": customers.named,
            "arms": noted_classes(labels_of(treated.arms)),
        }
        attributes = customers.attributes(learned)
        warn_of_numbers_as_text(attributes, ())
        with reporting(progress) as report:
            engine, told = _tercet.FittedCausalForest.fit(
                attributes,
                treated.core(),
                result,
                known,
                settings=settings,
                note=json.dumps(note),
                n_jobs=_arguments.threads(self.n_jobs),
                progress=report,
            )
        if treated.arms:
            probabilities = _treatment.probabilities(known, treated)
            warn_of_leaks(attributes, (treated.name, treated.values), result, probabilities)
        self._engine, self._kind = engine, customers.kind or "pandas"
        effects, scores, self._expected, self._propensities = told
        self._effects, self._scores = _narrow(effects), _narrow(scores)
        self._adopt(engine)
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
            there are several; of an amount by unit of it.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        """
        engine: _tercet.FittedCausalForest = self._require()
        n_jobs = _arguments.threads(self.n_jobs)
        return _narrow(engine.effects(self._attributes(X), n_jobs=n_jobs))

    def effect_error(self, X: Any) -> Floats:
        """Return the standard errors of `effect`.

        They hold how far effects would move with other customers, and by how much the forest draws
        them together, on average over customers.

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
        """
        engine: _tercet.FittedCausalForest = self._require()
        n_jobs = _arguments.threads(self.n_jobs)
        return _narrow(engine.standard_errors(self._attributes(X), n_jobs=n_jobs))

    def effect_interval(self, X: Any, level: float = 0.95) -> Floats:
        """Return intervals of `effect`.

        They hold their level on average over customers; less for those whose effects are the most
        unusual, since a forest draws effects towards those of similar customers.

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
            For a level that cannot be.
        """
        engine: _tercet.FittedCausalForest = self._require()
        n_jobs = _arguments.threads(self.n_jobs)
        level = _arguments.number(level, "level", _LEVEL)
        ends = engine.intervals(self._attributes(X), level=level, n_jobs=n_jobs)
        return ends if ends.shape[1] == 2 else ends.reshape(len(ends), -1, 2)

    def summary(self, level: float = 0.95) -> Any:
        """Return the mean effects, and whether effects differ from customer to customer.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            A row an arm: `arm`; `effect`, the mean over the customers of the fit by doubly robust
            scores, with `standard_error`, `lower`, `upper`; `slope` of the scores on effects that
            small forests of other customers predict, 1 where these differ as much as true effects
            do and 0 where they tell nothing, with its `slope_error`; `p_value` of a slope as large
            by chance, where all effects are the same.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a level that cannot be.
        """
        found = self._require().averages(level=_arguments.number(level, "level", _LEVEL))
        columns = {
            "arm": pa.array(found["arm"], pa.string()),
            "effect": found["estimate"],
            "standard_error": found["standard_error"],
            "lower": np.ascontiguousarray(found["interval"][:, 0]),
            "upper": np.ascontiguousarray(found["interval"][:, 1]),
        }
        rest = ("slope", "slope_error", "p_value")
        return new_table({**columns, **{name: found[name] for name in rest}}, self._kind)

    def importance(self) -> Any:
        """Return how much of the splits each feature has, those at the top counting most.

        Returns
        -------
        table
            `feature` and `importance`, a share; the greatest first.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        engine: _tercet.FittedCausalForest = self._require()
        shares = engine.importance
        order = np.argsort(-shares, kind="stable")
        names = [engine.features[place] for place in order]
        columns = {"feature": pa.array(names, pa.string()), "importance": shares[order]}
        return new_table(columns, self._kind)

    @property
    def arms_(self) -> NDArray[Any]:
        """The arms, the control first; empty for an amount."""
        engine: _tercet.FittedCausalForest = self._require()
        kept = note_of(engine).get("arms")
        return np.array(engine.arms) if kept is None else classes_of(kept)

    @property
    def treatment_(self) -> str:
        """What the treatment is called."""
        engine: _tercet.FittedCausalForest = self._require()
        return engine.treatment

    @property
    def outcome_(self) -> str:
        """What the outcome is called."""
        engine: _tercet.FittedCausalForest = self._require()
        return engine.outcome

    @property
    def out_of_bag_effect_(self) -> Floats | None:
        """Effects on the rows of the fit, by trees that did not see them."""
        self._require()
        return self._effects

    @property
    def scores_(self) -> Floats | None:
        """Doubly robust scores of the rows of the fit."""
        self._require()
        return self._scores

    @property
    def expected_outcome_(self) -> Floats | None:
        """The outcome that the features predict of the rows of the fit."""
        self._require()
        return self._expected

    @property
    def propensity_(self) -> Floats | None:
        """The probability of each arm in the rows of the fit; of an amount its expectation."""
        self._require()
        return self._propensities

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "told": [getattr(self, name) for name in _TOLD]}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        for name, value in zip(_TOLD, state["told"], strict=True):
            if value is not None:
                setattr(self, name, value)

    def _settings(self) -> dict[str, Any]:
        counts = {"n_trees": "4", "bag_size": "2", "bins": "2"}
        optional = ("min_leaf", "max_depth", "max_features", "nuisance_trees")
        found: dict[str, Any] = {
            name: _arguments.whole(getattr(self, name), name, _AT_LEAST + least)
            for name, least in counts.items()
        }
        for name in optional:
            value = getattr(self, name)
            found[name] = None if value is None else _arguments.whole(value, name, _OPTIONAL)
        for name in ("imbalance", "min_propensity"):
            found[name] = _arguments.number(getattr(self, name), name)
        found["seed"] = _arguments.seed(self.random_state, "random_state")
        return found

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        control = engine.arms[0] if engine.arms else None
        return {"control": control, **super()._stored(engine)}

    def _words(self) -> Iterator[str]:
        engine = self._require()
        against = f", against {engine.arms[0]!r}" if engine.arms else ""
        yield f"{self.n_observations_:,} rows; outcome: {engine.outcome}{against}."
        for arm, p in zip(
            *(engine.averages(level=0.95)[name] for name in ("arm", "p_value")), strict=True
        ):
            yield f"Effects of {arm!r} {_differ(float(p))} ({_display.p_sentence(float(p))})."
        yield f"How it ended: {self.how_it_ended_}."

    def _shown(self) -> _display.Grid:
        found = self._require().averages(level=0.95)
        ends = found["interval"]
        rows = [
            (arm, *(f"{x:.4g}" for x in (effect, *ends[k])), f"{found['slope'][k]:.2f}")
            for k, (arm, effect) in enumerate(zip(found["arm"], found["estimate"], strict=True))
        ]
        header = ("arm", "mean effect", "lower", "upper", "slope")
        return _display.Grid(self._call(), header, rows, list(self._words()))


def _narrow(found: Floats) -> Floats:
    """Return a single column as one dimension."""
    return found[:, 0] if found.shape[1] == 1 else found


def _differ(p: float) -> str:
    """Return whether effects differ."""
    return "differ from customer to customer" if p < 0.05 else "may be the same for all"
