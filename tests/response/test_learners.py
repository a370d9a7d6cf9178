"""T-, X- and DR-learners: known effects are found, by any library's models."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

import tercet as tc

N = 3_000
RNG = np.random.default_rng(11)
ORDERS = RNG.uniform(0, 10, N)
COUNTRY = RNG.choice(["NO", "SE", "DK"], N)
AGE = np.where(RNG.random(N) < 0.1, np.nan, RNG.uniform(18, 80, N))
FEATURES = {"orders": ORDERS, "country": COUNTRY, "age": AGE}
EFFECT = 0.3 * ORDERS + 1.0 * (COUNTRY == "NO")
BASE = np.sin(ORDERS) + RNG.normal(size=N)
MAILED = RNG.random(N) < 0.4
SPEND = BASE + MAILED * EFFECT
ARM = RNG.choice(["none", "mail", "call"], N)
TREES = RandomForestRegressor(20, min_samples_leaf=15, random_state=1)
LEARNERS = [tc.TLearner, tc.XLearner, tc.DRLearner]

every_learner = pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: one.__name__)


@every_learner
def test_effects_are_found(learner):
    model = learner(TREES).fit(FEATURES, MAILED, SPEND, "observed")
    effects = model.effect(FEATURES)
    assert effects.shape == (N,)
    assert np.corrcoef(effects, EFFECT)[0, 1] > 0.9
    assert np.corrcoef(model.out_of_fold_effect_, EFFECT)[0, 1] > 0.85
    assert model.scores_.shape == (N,)
    assert model.expected_outcome_.shape == model.propensity_.shape == (N, 2)
    found = model.summary().to_pydict()
    assert found["arm"] == ["true"]
    assert found["lower"][0] < EFFECT.mean() < found["upper"][0]
    assert found["slope"][0] == pytest.approx(1, abs=0.25)
    assert found["p_value"][0] < 1e-6
    ranking = tc.rank_effects(model.out_of_fold_effect_, scores=model.scores_)
    assert ranking.better_than_random


@every_learner
def test_who_was_likely_to_be_treated_is_no_effect(learner):
    likely = 0.2 + 0.6 * (ORDERS / 10)
    treated = np.random.default_rng(3).random(N) < likely
    y = ORDERS + BASE + treated * EFFECT
    model = learner(TREES).fit(FEATURES, treated, y)
    np.testing.assert_allclose(model.propensity_[:, 1], likely, atol=0.1)
    found = model.summary().to_pydict()
    plain = y[treated].mean() - y[~treated].mean()
    assert plain - EFFECT.mean() > 1.0
    assert abs(found["effect"][0] - EFFECT.mean()) < 3.5 * found["standard_error"][0]
    assert np.corrcoef(model.effect(FEATURES), EFFECT)[0, 1] > 0.8


@every_learner
def test_several_arms(learner):
    y = BASE + EFFECT * (ARM == "mail") - 0.5 * (ARM == "call")
    model = learner(TREES, control="none").fit(FEATURES, ARM, y)
    assert list(model.arms_) == ["none", "call", "mail"]
    effects = model.effect(FEATURES)
    assert effects.shape == model.scores_.shape == (N, 2)
    assert effects[:, 0].mean() == pytest.approx(-0.5, abs=0.15)
    assert np.corrcoef(effects[:, 1], EFFECT)[0, 1] > 0.85
    np.testing.assert_allclose(model.propensity_.sum(axis=1), 1)
    assert len(model.summary()["arm"]) == 2


def test_intervals_of_straight_effects_cover():
    rng = np.random.default_rng(5)
    covered, errors, estimates = [], [], []
    new = {"a": rng.uniform(-1, 1, 200), "b": rng.uniform(-1, 1, 200)}
    truth = 0.5 + new["a"]
    for _ in range(40):
        X = {"a": rng.uniform(-1, 1, 600), "b": rng.uniform(-1, 1, 600)}
        treated = rng.random(600) < 0.5
        y = X["b"] + treated * (0.5 + X["a"]) + rng.normal(size=600) * (1 + X["b"] ** 2)
        model = tc.DRLearner(Ridge()).fit(X, treated, y, 0.5)
        ends = model.effect_interval(new)
        covered.append(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])))
        estimates.append(model.effect(new))
        errors.append(model.effect_error(new))
    assert 0.9 <= np.mean(covered) <= 0.98
    spread = np.std(estimates, axis=0, ddof=1)
    assert np.mean(errors) == pytest.approx(spread.mean(), rel=0.15)
    assert ends.shape == (200, 2)
    assert np.all(np.diff(model.effect_interval(new, 0.5)) < np.diff(ends))


def test_the_line_is_that_of_statsmodels_formulae():
    """Least squares of the scores, and HC3 errors, by their definitions."""
    X = np.column_stack([ORDERS, RNG.normal(size=N)])
    model = tc.DRLearner(LinearRegression()).fit(X, MAILED, SPEND, "observed")
    design = np.column_stack([np.ones(N), X])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ model.scores_
    np.testing.assert_allclose(model.effect(X), design @ beta, rtol=1e-8)
    leverage = np.sum((design @ inverse) * design, axis=1)
    residuals = (model.scores_ - design @ beta) / (1 - leverage)
    covariance = inverse @ (design.T * residuals**2) @ design @ inverse
    errors = np.sqrt(np.sum((design @ covariance) * design, axis=1))
    np.testing.assert_allclose(model.effect_error(X), errors, rtol=1e-8)
    p = MAILED.mean()
    low, high = model.expected_outcome_.T
    scores = np.where(MAILED, (SPEND - high) / p, -(SPEND - low) / (1 - p)) + high - low
    np.testing.assert_allclose(model.scores_, scores)


def test_outcomes_of_yes_and_no_by_a_classifier():
    chance = 0.1 + 0.02 * ORDERS
    bought = np.random.default_rng(6).random(N) < chance + 0.3 * MAILED * (ORDERS > 5)
    trees = RandomForestClassifier(20, min_samples_leaf=150, random_state=1)
    smooth = RandomForestRegressor(20, min_samples_leaf=150, random_state=1)
    for model in (tc.TLearner(trees), tc.XLearner(trees, smooth), tc.DRLearner(trees, smooth)):
        model.fit(FEATURES, MAILED, bought, "observed")
        assert np.corrcoef(model.effect(FEATURES), ORDERS > 5)[0, 1] > 0.7
        assert model.expected_outcome_.min() >= 0
        assert model.expected_outcome_.max() <= 1
    with pytest.raises(tc.ParameterError, match="a regressor: effects are differences"):
        tc.XLearner(trees).fit(FEATURES, MAILED, bought)


def test_every_kind_of_table(table, kind, native):
    given = {**FEATURES, "age": RNG.uniform(18, 80, N), "arm": MAILED, "spend": SPEND}
    made = table(given, kind)
    model = tc.TLearner(TREES).fit(made, "arm", "spend", "observed")
    plain = {name: given[name] for name in FEATURES}
    other = tc.TLearner(TREES).fit(plain, MAILED, SPEND, "observed")
    np.testing.assert_array_equal(model.effect(made), other.effect(plain))
    assert list(model.feature_names_in_) == ["orders", "country", "age"]
    assert isinstance(model.summary(), native[kind] if kind != "polars lazy" else object)


@every_learner
def test_manners(learner):
    model = learner(Ridge(), folds=3)
    assert repr(model) == f"{learner.__name__}(outcome_model=Ridge(), folds=3)"
    with pytest.raises(tc.NotFittedError):
        model.effect(FEATURES)
    copy = clone(model)
    assert copy.folds == 3
    model.fit(FEATURES, MAILED, SPEND, "observed")
    assert "differ from customer to customer" in repr(model)
    assert "<table>" in model._repr_html_()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.effect(FEATURES), model.effect(FEATURES))
    np.testing.assert_array_equal(again.scores_, model.scores_)
    X = np.column_stack([ORDERS, AGE])
    model.fit(X, MAILED, SPEND)
    assert model.n_features_in_ == 2
    with pytest.raises(AttributeError):
        model.feature_names_in_  # noqa: B018
    with pytest.raises(tc.DataError, match=f"{learner.__name__} is expecting 2 features"):
        model.effect(X[:, :1])
    with pytest.warns(UserWarning, match=f"{learner.__name__} was fitted without them"):
        model.effect(pd.DataFrame(X, columns=["a", "b"]))


@pytest.mark.parametrize(
    "model", [tc.TLearner(Ridge()), tc.XLearner(Ridge()), tc.DRLearner(Ridge(), Ridge())], ids=str
)
def test_intervals_that_would_be_none_are_refused(model):
    with pytest.raises(tc.NotFittedError):
        model.effect_interval(FEATURES)
    model.fit(FEATURES, MAILED, SPEND, "observed")
    for refused in (model.effect_error, model.effect_interval):
        with pytest.raises(tc.ParameterError, match="has no standard errors"):
            refused(FEATURES)


MISSING = np.where(np.arange(N) == 7, np.nan, SPEND)


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, (MAILED, MISSING), "column 'outcome', row 7: is missing"),
        ({}, (MAILED, np.where(np.arange(N) == 7, np.inf, SPEND)), "row 7: is inf"),
        ({}, (np.zeros(N, bool), SPEND), "has one arm only"),
        ({}, (RNG.random(N), SPEND), "tercet.CausalForest takes amounts"),
        ({}, (ARM, SPEND), "control = None: expected the arm to compare with"),
        ({}, (ORDERS >= 5, SPEND), "leaves no overlap"),
        ({}, (np.arange(N) < 5, SPEND), "has 5 rows of arm 'true'"),
        ({}, (MAILED[:-1], SPEND), "2,999 values for 3,000 rows"),
        ({}, (MAILED, SPEND, 1.5), "above 0 and below 1"),
        ({"folds": 1}, (MAILED, SPEND), "folds = 1"),
        ({"min_propensity": 0.6}, (MAILED, SPEND), "min_propensity = 0.6"),
        ({"outcome_model": Ridge}, (MAILED, SPEND), "not a class: call it"),
        ({"outcome_model": "ridge"}, (MAILED, SPEND), "a regressor with fit and predict"),
        ({"outcome_model": LogisticRegression()}, (MAILED, SPEND), "takes 0 and 1"),
        ({"propensity_model": Ridge()}, (MAILED, SPEND), "a classifier with predict_proba"),
    ],
)
def test_what_cannot_be_is_refused_in_words(settings, arguments, message):
    with pytest.raises((tc.DataError, tc.ParameterError)) as caught:
        tc.DRLearner(**{"outcome_model": Ridge(), **settings}).fit(FEATURES, *arguments)
    assert message in str(caught.value)


@every_learner
def test_equal_effects_are_seldom_called_different(learner):
    from sklearn.tree import DecisionTreeRegressor

    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X, treated = rng.normal(size=(600, 4)), rng.random(600) < 0.5
        model = learner(DecisionTreeRegressor(min_samples_leaf=30))
        alarms += model.fit(X, treated, rng.normal(X[:, 0]), 0.5).summary()["p_value"][0] < 0.05
    # 3 give or take 1.7.
    assert alarms <= 9


@every_learner
def test_features_that_the_treatment_made_are_named(learner):
    columns = {"orders": ORDERS, "since": np.where(MAILED, 3.0, 0.0) + RNG.normal(size=N)}
    with pytest.warns(tc.ExperimentWarning, match="'since'"):
        learner(LinearRegression()).fit(columns, MAILED, SPEND, "observed")


def test_outcomes_that_cannot_be_squared_are_refused():
    with pytest.raises(tc.DataError, match="another unit"):
        tc.TLearner(LinearRegression()).fit(FEATURES, MAILED, SPEND * 1e300, "observed")
