"""Causal forests in Python: tables in, effects and intervals out."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tercet as tc

N = 3_000
RNG = np.random.default_rng(5)
ORDERS = RNG.integers(0, 10, N).astype(float)
COUNTRY = RNG.choice(["NO", "SE", "DK"], N)
AGE = np.where(RNG.random(N) < 0.1, np.nan, RNG.uniform(18, 80, N))
ARM = RNG.choice(["none", "mail", "call"], N)
EFFECT = 2.0 * (ORDERS >= 5) + 1.0 * (COUNTRY == "NO")
BASE = ORDERS + RNG.normal(size=N)
FEATURES = {"orders": ORDERS, "country": COUNTRY, "age": AGE}
MAILED = ARM == "mail"
SPEND = BASE + MAILED * EFFECT


def forest(**settings):
    return tc.CausalForest(**{"n_trees": 40, "random_state": 1, **settings})


@pytest.fixture(scope="module")
def fitted():
    return forest().fit(FEATURES, MAILED, SPEND, "observed")


def test_effects_of_a_table(fitted):
    effects = fitted.effect(FEATURES)
    assert effects.shape == (N,)
    assert np.corrcoef(effects, EFFECT)[0, 1] > 0.95
    ends, errors = fitted.effect_interval(FEATURES), fitted.effect_error(FEATURES)
    assert ends.shape == (N, 2)
    np.testing.assert_allclose(ends.mean(axis=1), effects, atol=1e-12)
    np.testing.assert_allclose(np.diff(ends)[:, 0], 2 * 1.959963984540054 * errors)
    assert np.all(np.diff(fitted.effect_interval(FEATURES, 0.5)) < np.diff(ends))
    assert np.mean((ends[:, 0] <= EFFECT) & (ends[:, 1] >= EFFECT)) > 0.85


def test_what_it_says_of_the_rows_of_the_fit(fitted):
    assert fitted.out_of_bag_effect_.shape == fitted.scores_.shape == (N,)
    assert np.corrcoef(fitted.out_of_bag_effect_, EFFECT)[0, 1] > 0.9
    assert fitted.scores_.mean() == pytest.approx(EFFECT.mean(), abs=0.15)
    assert fitted.expected_outcome_.shape == (N,)
    np.testing.assert_allclose(fitted.propensity_[:, 1], MAILED.mean())
    summary = fitted.summary().to_pydict()
    assert summary["arm"] == ["true"]
    assert summary["lower"][0] < EFFECT.mean() < summary["upper"][0]
    assert summary["p_value"][0] < 1e-6
    importance = fitted.importance().to_pydict()
    assert importance["feature"][0] == "orders"
    assert sum(importance["importance"]) == pytest.approx(1)


def test_every_kind_of_table(table, kind, fitted, native):
    columns = {"country": COUNTRY, "more": ORDERS, "age": pa.array(AGE, from_pandas=True)}
    made = table({**columns, "orders": ORDERS, "arm": MAILED, "spend": SPEND}, kind)
    np.testing.assert_array_equal(fitted.effect(made), fitted.effect(FEATURES))
    given = {**FEATURES, "age": pa.array(AGE, from_pandas=True), "arm": MAILED, "spend": SPEND}
    model = forest().fit(table(given, kind), "arm", "spend", "observed")
    np.testing.assert_array_equal(model.effect(FEATURES), fitted.effect(FEATURES))
    assert list(model.feature_names_in_) == ["orders", "country", "age"]
    assert isinstance(model.summary(), native[kind] if kind != "polars lazy" else object)


def test_several_arms():
    model = forest(control="none").fit(FEATURES, ARM, SPEND)
    assert list(model.arms_) == ["none", "call", "mail"]
    assert model.effect(FEATURES).shape == (N, 2)
    assert model.effect_interval(FEATURES).shape == (N, 2, 2)
    assert np.abs(model.effect(FEATURES)[:, 0].mean()) < 0.2
    assert np.corrcoef(model.effect(FEATURES)[:, 1], EFFECT)[0, 1] > 0.9
    np.testing.assert_allclose(model.propensity_.sum(axis=1), 1)
    third = dict.fromkeys(["none", "call", "mail"], 1 / 3)
    assert forest(control="none").fit(FEATURES, ARM, SPEND, third).summary().shape == (2, 8)


def test_amounts():
    mails = RNG.uniform(0, 3, N)
    model = forest().fit(FEATURES, mails, BASE + mails * EFFECT)
    assert len(model.arms_) == 0
    assert model.propensity_.shape == (N, 1)
    assert np.corrcoef(model.effect(FEATURES), EFFECT)[0, 1] > 0.9
    counts = RNG.integers(0, 12, N)
    assert len(forest().fit(FEATURES, counts, SPEND).arms_) == 0
    assert list(forest().fit(FEATURES, counts % 3, SPEND).arms_) == [0, 1, 2]


def test_probabilities_in_any_form():
    share = np.full(N, 0.35)
    one = forest().fit(FEATURES, MAILED, SPEND, 0.35)
    for known in (share, np.column_stack([1 - share, share]), {True: 0.35, False: 0.65}):
        other = forest().fit(FEATURES, MAILED, SPEND, known)
        np.testing.assert_allclose(other.effect(FEATURES), one.effect(FEATURES), atol=1e-6)
    other = forest().fit({**FEATURES, "p": share}, MAILED, SPEND, "p")
    assert list(other.feature_names_in_) == list(FEATURES)


def test_arrays_go_by_place():
    X = np.column_stack([ORDERS, AGE])
    model = forest().fit(X, MAILED, SPEND, "observed")
    assert model.n_features_in_ == 2
    effects = model.effect(X)
    np.testing.assert_array_equal(model.effect(np.asfortranarray(X)), effects)
    with pytest.raises(AttributeError):
        model.feature_names_in_  # noqa: B018
    with pytest.raises(tc.DataError, match="CausalForest is expecting 2 features"):
        model.effect(X[:, :1])
    with pytest.warns(UserWarning, match="CausalForest was fitted without them"):
        model.effect(pd.DataFrame(X, columns=["a", "b"]))


def test_saved_pickled_and_shown(fitted, tmp_path):
    fitted.save(tmp_path / "forest.json")
    loaded = tc.load(tmp_path / "forest.json")
    assert loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(loaded.effect(FEATURES), fitted.effect(FEATURES))
    np.testing.assert_array_equal(
        loaded.effect_interval(FEATURES), fitted.effect_interval(FEATURES)
    )
    assert loaded.arms_.tolist() == [False, True]
    assert loaded.out_of_bag_effect_ is None
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.scores_, fitted.scores_)
    np.testing.assert_array_equal(copy.effect(FEATURES), fitted.effect(FEATURES))
    assert repr(copy) == repr(fitted)
    assert "differ from customer to customer" in repr(fitted)
    assert "<table>" in fitted._repr_html_()


def test_threads_and_seeds():
    one, two = (forest(n_jobs=jobs).fit(FEATURES, MAILED, SPEND) for jobs in (1, 2))
    np.testing.assert_array_equal(one.effect_interval(FEATURES), two.effect_interval(FEATURES))
    other = forest(random_state=2).fit(FEATURES, MAILED, SPEND)
    assert not np.array_equal(other.effect(FEATURES), one.effect(FEATURES))


def test_a_placebo_finds_nothing():
    placebo = np.random.default_rng(8).random(N) < 0.5
    summary = forest().fit(pd.DataFrame(FEATURES), placebo, BASE, "observed").summary()
    assert summary["p_value"][0] > 0.01
    assert summary["lower"][0] < 0 < summary["upper"][0]


def test_equal_effects_are_seldom_called_different():
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(600, 5))
        treated, y = rng.random(600) < 0.5, rng.lognormal(0.5 * X[:, 0], 1.0)
        model = forest(random_state=seed).fit(X, treated, y, "observed" if seed % 2 else None)
        alarms += model.summary()["p_value"][0] < 0.05
    # 5 give or take 2.2.
    assert alarms <= 12


def test_small_differences_of_effects_are_found():
    rng = np.random.default_rng(2)
    found = 0
    for seed in range(10):
        X, treated = rng.normal(size=(4_000, 5)), rng.random(4_000) < 0.5
        y = X[:, 1] + treated * 0.5 * X[:, 0] + rng.normal(0, 2, 4_000)
        model = forest(random_state=seed).fit(X, treated, y, "observed")
        found += model.summary()["p_value"][0] < 0.05
    assert found >= 8


def test_features_that_the_treatment_made_are_named():
    opened = MAILED & (RNG.random(N) < 0.3)
    with pytest.warns(tc.ExperimentWarning, match=r"differ in 'opened', which chance"):
        forest(n_trees=8).fit({**FEATURES, "opened": opened}, MAILED, SPEND, "observed")
    X = np.column_stack([ORDERS, np.where(MAILED, 5.0, 1.0) + RNG.normal(size=N)])
    with pytest.warns(tc.ExperimentWarning, match="'x1'"):
        forest(n_trees=8).fit(X, MAILED, SPEND, MAILED.mean())
    text = np.where(ARM == "none", "nothing", "a letter")
    with pytest.warns(tc.ExperimentWarning, match="'what'"):
        forest(n_trees=8, control="none").fit({**FEATURES, "what": text}, ARM, SPEND, "observed")
    unknown = np.where(opened, np.nan, AGE)
    with pytest.warns(tc.ExperimentWarning, match="'age'"):
        forest(n_trees=8).fit({**FEATURES, "age": unknown}, MAILED, SPEND, "observed")


@pytest.mark.parametrize("scale", [1e300, -1e200, 1e-300])
def test_outcomes_that_cannot_be_squared_are_refused(scale):
    with pytest.raises(tc.DataError, match=r"outcome.* squared .*give the column in a"):
        forest().fit(FEATURES, MAILED, SPEND * scale, "observed")


def test_outcomes_of_any_usual_size_are_alike():
    plain = forest().fit(FEATURES, MAILED, SPEND, "observed")
    for scale in (2.0**80, 2.0**-80):
        scaled = forest().fit(FEATURES, MAILED, SPEND * scale, "observed")
        np.testing.assert_allclose(scaled.effect(FEATURES), plain.effect(FEATURES) * scale, 1e-3)
        assert scaled.summary()["p_value"][0] == pytest.approx(plain.summary()["p_value"][0])


def test_scikit_learn_clones_it(fitted):
    from sklearn.base import clone

    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(tc.NotFittedError):
        copy.effect(FEATURES)


MISSING = np.where(np.arange(N) == 7, np.nan, SPEND)
LATE = pa.array([None if row == 4 else label for row, label in enumerate(ARM.tolist())])


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, (MAILED, MISSING), "column 'outcome', row 7: is missing"),
        ({}, (MAILED, np.where(np.arange(N) == 7, np.inf, SPEND)), "row 7: is inf"),
        ({"control": "none"}, (LATE, SPEND), "column 'treatment', row 4: is missing"),
        ({}, (np.zeros(N, bool), SPEND), "has one arm only"),
        ({}, (np.full(N, "mail"), SPEND), "has one arm only, 'mail'"),
        ({}, (0, SPEND), "rename numbered columns"),
        ({}, (ARM, SPEND), "control = None: expected the arm to compare with"),
        ({"control": "post"}, (ARM, SPEND), "control = 'post': expected one of the arms"),
        ({}, (ORDERS >= 5, SPEND), "leaves no overlap"),
        ({}, (np.arange(N) < 5, SPEND), "has 5 rows of arm 'true'"),
        ({}, (MAILED[:-1], SPEND), "2,999 values for 3,000 rows"),
        ({}, (MAILED, "spend"), "outcome = 'spend'"),
        ({"control": 0}, (np.arange(N) % 9, SPEND), "at most 8 are compared"),
        ({}, (MAILED, SPEND, 1.5), "is -0.5 for arm 'false'"),
        ({}, (MAILED, SPEND, np.full((N, 3), 0.3)), "3,000 rows and 2 columns"),
        ({}, (MAILED, SPEND, {"a": 0.5}), "a probability for each of"),
        ({"n_trees": 10}, (MAILED, SPEND), "a multiple of bag_size = 4"),
        ({"n_trees": 2.5}, (MAILED, SPEND), "n_trees = 2.5: expected a whole number"),
        ({"min_leaf": 0}, (MAILED, SPEND), "min_leaf = 0"),
        ({"imbalance": 0.7}, (MAILED, SPEND), "imbalance = 0.7"),
    ],
)
def test_what_cannot_be_is_refused_in_words(settings, arguments, message):
    with pytest.raises((tc.DataError, tc.ParameterError)) as caught:
        forest(**settings).fit(FEATURES, *arguments)
    assert message in str(caught.value)


def test_hillstrom(data_file):
    """The women's e-mail of a public experiment: who visits because of it is told."""
    frame = pd.read_csv(data_file("response/hillstrom.csv"))
    frame = frame[frame["segment"] != "Mens E-Mail"].reset_index(drop=True)
    X = frame.drop(columns=["segment", "visit", "conversion", "spend"])
    model = tc.CausalForest(control="No E-Mail", random_state=1)
    model.fit(X, frame["segment"], frame["visit"], "observed")
    summary = model.summary()
    assert summary["effect"][0] == pytest.approx(0.15140 - 0.10617, abs=0.001)
    assert summary["p_value"][0] < 0.01
