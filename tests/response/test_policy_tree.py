"""Rules in Python: tables in; actions, segments and values out."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

import tercet as tc

N = 4_000
RNG = np.random.default_rng(5)
ORDERS = RNG.integers(0, 10, N).astype(float)
COUNTRY = RNG.choice(["NO", "SE", "DK"], N)
AGE = np.where(RNG.random(N) < 0.2, np.nan, RNG.uniform(18, 80, N).round(1))
MEMBER = RNG.random(N) < 0.5
ARM = RNG.choice(["none", "mail", "call"], N)
GAIN = {
    "none": np.zeros(N),
    "mail": np.where(ORDERS >= 5, 2.0, -1.0),
    "call": np.where((ORDERS < 5) & (COUNTRY == "SE"), 4.0, -1.0),
}
OWN = np.select([ARM == "mail", ARM == "call"], [GAIN["mail"], GAIN["call"]], 0.0)
SPEND = 5.0 + ORDERS + OWN + RNG.normal(size=N)
X = {"orders": ORDERS, "country": COUNTRY, "age": AGE, "member": MEMBER}
BEST = np.where(ORDERS >= 5, "mail", np.where(COUNTRY == "SE", "call", "none"))


def tree(**settings):
    return tc.PolicyTree(**{"control": "none", "nuisance_trees": 20, **settings})


@pytest.fixture(scope="module")
def fitted():
    return tree().fit(X, ARM, SPEND, "observed")


def inside(segments, customers):
    """Return a row of flags a segment."""
    return np.array([segment.members(customers) for segment in segments])


def test_the_best_rule_is_found(fitted):
    assert np.mean(fitted.predict(X) == BEST) > 0.99
    assert fitted.actions_.tolist() == ["none", "call", "mail"]
    assert fitted.is_exact_
    rules = fitted.rules_.to_pydict()
    assert set(rules["action"]) == set(BEST)
    assert sum(rules["n"]) == N
    assert sum(rules["share"]) == pytest.approx(1.0)
    assert fitted.how_it_ended_ == "the best of all trees of depth 2"
    assert (fitted.treatment_, fitted.outcome_) == ("treatment", "outcome")


def test_its_value_is_that_of_the_half_that_did_not_choose_it(fitted):
    value = fitted.value_.to_pydict()
    kinds = ["rule", *["single action"] * 3, "gain over control", "gain over best single action"]
    assert value["what"] == kinds
    assert value["action"] == [None, "none", "call", "mail", "none", "mail"]
    assert set(value["n"]) == {N // 2}
    gain = np.choose(
        np.array([["none", "mail", "call"].index(one) for one in BEST]),
        [GAIN[name] for name in ("none", "mail", "call")],
    ).mean()
    assert value["lower"][4] < gain < value["upper"][4]
    assert value["lower"][5] > 0.0
    again = fitted.value(X, ARM, SPEND, "observed").to_pydict()
    assert set(again["n"]) == {N}
    assert again["value"][0] == pytest.approx(value["value"][0], abs=0.3)


def test_segments_hold_every_customer_once_and_say_what_predict_says(fitted):
    new = pd.DataFrame(
        {
            "orders": np.repeat([0.0, 4.0, 5.0, 9.5, np.nan, -3.0], 5),
            "country": ["NO", "SE", "DK", None, "FI"] * 6,
            "age": [np.nan, 20.0, 30.0, 99.0, 0.0] * 6,
            "member": pd.array([True, False, None, True, False] * 6, dtype="boolean"),
        }
    )
    deep = tree(depth=3, honest=False, min_leaf=20).fit(X, ARM, SPEND, "observed")
    everywhere = GAIN["mail"] * MEMBER + np.where(np.isnan(AGE), 1.5, 0.0) * (COUNTRY != "NO")
    rewards = {"a": np.zeros(N), "b": everywhere, "c": RNG.normal(size=N)}
    given = tree(depth=3, control=None, min_leaf=1).fit(X, rewards=rewards)
    for model in (fitted, deep, given):
        flags = inside(model.segments_, new)
        assert (flags.sum(axis=0) == 1).all()
        assert (flags.argmax(axis=0) == model.apply(new)).all()
        actions = np.array(model.rules_.to_pydict()["action"])
        assert (actions[flags.argmax(axis=0)] == model.predict(new)).all()


@pytest.mark.parametrize("kind", [int, float, bool, "category"])
def test_levels_of_any_type_make_segments(kind):
    values = RNG.integers(0, 2 if kind is bool else 4, N)
    column = pd.Series(values).astype("category") if kind == "category" else values.astype(kind)
    text = pd.Series([f"c{one}" for one in values]).astype("category")
    frame = pd.DataFrame({"x": column, "text": text, "noise": RNG.normal(size=N)})
    rewards = np.column_stack([np.zeros(N), np.where(values == 1, 1.0, -1.0)])
    model = tree(control=None).fit(frame, rewards=rewards)
    assert (model.predict(frame) == (values == 1)).all()
    assert (inside(model.segments_, frame).argmax(axis=0) == model.apply(frame)).all()


def test_missing_values_go_where_they_fit():
    rewards = np.column_stack([np.zeros(N), np.where(np.isnan(AGE) | (AGE > 60), 1.0, -1.0)])
    model = tree(depth=1, control=None).fit(X, rewards=rewards)
    expected = np.isnan(AGE) | (AGE > 60)
    assert np.mean((model.predict(X) == 1) == expected) > 0.97
    told = [words for words in model.rules_.to_pydict()["rule"] if "missing" in words]
    assert len(told) == 1
    alone = np.column_stack([np.zeros(N), np.where(np.isnan(AGE), 1.0, -1.0)])
    model = tree(depth=1, control=None).fit(X, rewards=alone)
    assert ((model.predict(X) == 1) == np.isnan(AGE)).all()
    assert "age is missing" in model.text()


def test_costs(fitted):
    dear = tree().fit(X, ARM, SPEND, "observed", cost={"call": 100.0})
    assert "call" not in dear.predict(X)
    assert "mail" in dear.predict(X)
    none = tree().fit(X, ARM, SPEND, "observed", cost=100.0)
    assert set(none.predict(X)) == {"none"}
    assert len(none.segments_) == 1
    assert none.rules_.to_pydict()["rule"] == ["everyone"]
    listed = tree().fit(X, ARM, SPEND, "observed", cost=[0.0, 100.0, 0.0])
    assert (listed.predict(X) == dear.predict(X)).all()
    value = fitted.value(X, ARM, SPEND, "observed", cost=1.0).to_pydict()["value"]
    plain = fitted.value(X, ARM, SPEND, "observed").to_pydict()["value"]
    np.testing.assert_allclose(np.subtract(plain, value)[1:4], [0.0, 1.0, 1.0])


def test_rewards_of_any_shape():
    rewards = np.column_stack([GAIN["none"], GAIN["mail"], GAIN["call"]])
    by_array = tree(control=0).fit(X, rewards=rewards)
    table = dict(zip(("none", "mail", "call"), rewards.T, strict=True))
    by_table = tree().fit(X, rewards=table)
    by_name = tree().fit({**X, **table}, rewards=["none", "mail", "call"])
    labels = np.array(["none", "mail", "call"])
    assert (labels[by_array.predict(X)] == by_table.predict(X)).all()
    assert (by_name.predict(X) == by_table.predict(X)).all()
    assert by_name.n_features_in_ == 4
    assert (by_table.predict(X) == BEST).all()
    value = by_table.value(X, rewards=table).to_pydict()["value"]
    best = np.maximum(0.0, np.maximum(GAIN["mail"], GAIN["call"])).mean()
    assert value[0] == pytest.approx(best)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"]
)
def test_any_table(fitted, frame):
    native = frame({**X, "arm": ARM, "spend": SPEND})
    model = tree().fit(native, "arm", "spend", "observed")
    assert model.text() == fitted.text()
    assert type(model.rules_) is type(native)
    assert type(model.value_) is type(native)


def test_arrays():
    matrix = np.column_stack([ORDERS, AGE])
    model = tree().fit(matrix, ARM, SPEND, "observed")
    assert model.n_features_in_ == 2
    with pytest.raises(tc.NotFittedError, match="have none"):
        _ = model.feature_names_in_
    assert {"x0"} <= {name for one in model.segments_ for name in one.columns}
    with pytest.raises(tc.DataError, match="2 features"):
        model.predict(matrix[:, :1])


def test_without_honesty_nothing_is_said_of_the_value():
    model = tree(honest=False).fit(X, ARM, SPEND, "observed")
    assert model.value_ is None
    assert np.isnan(model.rules_.to_pydict()["reward"]).all()
    assert "Nothing is said of its value" in repr(model)


def test_depths(fitted):
    rewards = np.column_stack([np.zeros(N), GAIN["mail"], GAIN["call"]])
    worth = []
    for depth in range(4):
        model = tree(depth=depth, control=None, honest=False).fit(X, rewards=rewards)
        worth.append(rewards[np.arange(N), model.predict(X)].sum())
        assert len(model.segments_) <= 2**depth
    assert worth == sorted(worth)
    assert worth[2] == worth[3], "two questions say it all"
    assert len(model.segments_) == 3


def test_it_is_shown(fitted):
    assert repr(tree()) == "PolicyTree(control='none', nuisance_trees=20)"
    text = fitted.text()
    assert text.count("yes:") == text.count("no:") == 2
    assert "Gain over control (none)" in repr(fitted)
    assert "<table>" in fitted._repr_html_()


def test_it_is_pickled_cloned_and_saved(fitted, tmp_path):
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert again.text() == fitted.text()
        assert (again.predict(X) == fitted.predict(X)).all()
    assert clone(fitted).get_params() == fitted.get_params()
    fitted.save(tmp_path / "tree.json")
    read = tc.load(tmp_path / "tree.json")
    assert read.get_params() == fitted.get_params() | {"n_jobs": None}
    assert repr(read) == repr(fitted)
    assert [one.where for one in read.segments_] == [one.where for one in fitted.segments_]


def test_threads_and_seeds(fitted):
    assert repr(tree(n_jobs=1).fit(X, ARM, SPEND, "observed").value_) == repr(fitted.value_)
    other = tree(random_state=3).fit(X, ARM, SPEND, "observed")
    assert other.value_.to_pydict() != fitted.value_.to_pydict()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"depth": 4}, "depth = 4: expected a number from 0 to 3"),
        ({"depth": -1}, "depth = -1"),
        ({"bins": 1}, "bins = 1"),
        ({"min_leaf": 0}, "min_leaf = 0"),
        ({"shortlist": 0}, "shortlist = 0"),
        ({"honest": "yes"}, "honest = 'yes'"),
        ({"nuisance_trees": 1}, "nuisance_trees = 1"),
        ({"min_propensity": 0.7}, "min_propensity"),
        ({"control": "post"}, "control = 'post'"),
        ({"control": None}, "the arm to compare with"),
    ],
)
def test_settings_that_cannot_be(settings, told):
    with pytest.raises(tc.ParameterError, match=told):
        tree(**settings).fit(X, ARM, SPEND, "observed")


def test_data_that_cannot_be():
    new = tree()
    with pytest.raises(tc.ParameterError, match="outcome = None: expected rewards, or treatment"):
        new.fit(X, ARM)
    with pytest.raises(tc.ParameterError, match="not both"):
        new.fit(X, ARM, SPEND, rewards=np.zeros((N, 2)))
    with pytest.raises(tc.DataError, match="one arm only"):
        new.fit(X, np.repeat("none", N), SPEND)
    with pytest.raises(tc.DataError, match="amount"):
        tree(control=None).fit(X, ORDERS + 0.5, SPEND)
    gaps = np.where(np.arange(N) == 7, np.nan, SPEND)
    with pytest.raises(tc.DataError, match=r"'outcome', row 7"):
        new.fit(X, ARM, gaps)
    with pytest.raises(tc.DataError, match="no overlap"):
        new.fit({**X, "got": ARM}, ARM, SPEND)
    with pytest.raises(tc.DataError, match="at least 40"):
        new.fit({"x": ORDERS[:90]}, ARM[:90], SPEND[:90])
    rewards = np.zeros((N, 2))
    rewards[3, 1] = np.nan
    with pytest.raises(tc.DataError, match="row 3: is"):
        tree(control=None).fit(X, rewards=rewards)
    with pytest.raises(tc.DataError, match="2 to 32"):
        tree(control=None).fit(X, rewards=np.zeros((N, 33)))
    with pytest.raises(tc.ParameterError, match="cost = 'post'"):
        new.fit(X, ARM, SPEND, cost={"post": 1.0})
    with pytest.raises(tc.ParameterError, match="3 numbers"):
        new.fit(X, ARM, SPEND, cost=[1.0, 2.0])
    with pytest.raises(tc.NotFittedError):
        new.predict(X)


def test_leaks_are_warned_of():
    with pytest.warns(UserWarning, match="'again' is the outcome 'outcome' again"):
        tree().fit({**X, "again": 2.0 * SPEND + 1.0}, ARM, SPEND, "observed")
    with pytest.warns(UserWarning, match="'got' tells the treatment"):
        tree().fit({**X, "got": np.char.upper(ARM)}, ARM, SPEND, "observed")
