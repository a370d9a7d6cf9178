"""Propensities: what must hold, explanations, settings, files."""

from __future__ import annotations

import json
import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc


def draw(n: int = 3_000, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers, the truth, and whether they left."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.integers(0, 72, n),
            "charges": np.round(rng.gamma(4.0, 15.0, n), 2),
            "plan": rng.choice(["basic", "plus", "pro"], n, p=[0.5, 0.3, 0.2]),
            "paperless": rng.random(n) < 0.6,
        }
    )
    frame.loc[rng.random(n) < 0.1, "charges"] = np.nan
    plan = frame["plan"].map({"basic": 0.6, "plus": 0.0, "pro": -0.8}).to_numpy()
    odds = 1.2 * np.exp(-frame["tenure"].to_numpy() / 12) * 2 - 1.5 + plan
    truth = 1 / (1 + np.exp(-odds))
    return frame, truth, rng.random(n) < truth


FRAME, TRUTH, LEFT = draw()
plain = partial(tc.Propensity, features="linear", calibration="none", min_level_count=1)


@pytest.fixture(scope="module")
def fitted() -> tc.Propensity:
    return tc.Propensity().fit(FRAME, LEFT)


def test_probabilities_are_near_the_truth_and_inside_their_intervals(fitted):
    found = fitted.predict_proba(FRAME)
    assert found.shape == (3_000, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert np.abs(found[:, 1] - TRUTH).mean() < 0.02
    ends = fitted.predict_interval(FRAME)
    assert (ends[:, 0] <= found[:, 1]).all()
    assert (found[:, 1] <= ends[:, 1]).all()
    inside = (ends[:, 0] <= TRUTH) & (ends[:, 1] >= TRUTH)
    assert inside.mean() > 0.85
    wide = fitted.predict_interval(FRAME, level=0.99)
    assert (wide[:, 0] < ends[:, 0]).all()
    assert (wide[:, 1] > ends[:, 1]).all()
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(FRAME)), found)


def test_decisions_are_the_probabilities(fitted):
    odds, p = fitted.decision_function(FRAME), fitted.predict_proba(FRAME)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), p, rtol=1e-12)
    np.testing.assert_array_equal(fitted.predict(FRAME), p > 0.5)
    assert fitted.score(FRAME, LEFT) == ((p > 0.5) == LEFT).mean()
    weights = np.arange(len(LEFT))
    expected = np.average((p > 0.5) == LEFT, weights=weights)
    assert fitted.score(FRAME, LEFT, weights) == pytest.approx(expected)


def test_weights_count_rows():
    weights = np.arange(len(LEFT)) % 3
    rows = np.repeat(np.arange(len(LEFT)), weights)
    model = tc.Propensity(calibration="none")
    one = model.fit(FRAME, LEFT, weights).predict_proba(FRAME)
    other = model.fit(FRAME.iloc[rows], LEFT[rows]).predict_proba(FRAME)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_results_do_not_depend_on_threads():
    one = tc.Propensity(n_jobs=1).fit(FRAME, LEFT)
    two = tc.Propensity(n_jobs=2).fit(FRAME, LEFT)
    np.testing.assert_array_equal(one.predict_proba(FRAME), two.predict_proba(FRAME))
    np.testing.assert_array_equal(one.out_of_fold_, two.out_of_fold_)


def test_predictions_of_rows_left_out_are_worse_than_those_of_the_fit(fitted):
    held, own = fitted.out_of_fold_, fitted.predict_proba(FRAME)
    assert held.shape == own.shape
    loss = [tc.score_probabilities(LEFT, p[:, 1], replications=0)["log_loss"] for p in (held, own)]
    assert loss[0] > loss[1]


@pytest.mark.parametrize("method", ["sigmoid", "beta", "isotonic"])
def test_every_map_is_monotone_and_kept(method, tmp_path):
    model = tc.Propensity(calibration=method).fit(FRAME, LEFT)
    assert model.calibration_.method == method
    raw = tc.Propensity(calibration="none").fit(FRAME, LEFT).predict_proba(FRAME)[:, 1]
    order = np.argsort(raw, kind="stable")
    assert (np.diff(model.predict_proba(FRAME)[order, 1]) >= -1e-15).all()
    model.save(tmp_path / "model.json")
    same = tc.load(tmp_path / "model.json")
    np.testing.assert_array_equal(same.predict_proba(FRAME), model.predict_proba(FRAME))
    assert same.get_params() == model.get_params()


def test_several_classes():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1_500, 2))
    next_step = np.array(["buy", "leave", "wait"])[
        np.argmax(x @ [[1.0, -1.0, 0.0], [0.5, 0.5, 0.0]] + rng.gumbel(size=(1_500, 3)), axis=1)
    ]
    model = tc.Propensity(features="linear", calibration="sigmoid").fit(x, next_step)
    assert model.classes_.tolist() == ["buy", "leave", "wait"]
    found = model.predict_proba(x)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(x), model.classes_[found.argmax(axis=1)])
    odds = model.decision_function(x)
    assert odds.shape == (1_500, 3)
    np.testing.assert_allclose(np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True), found)
    assert set(model.calibration_.before) == {"buy", "leave", "wait"}
    assert model.out_of_fold_.shape == (1_500, 3)
    assert "wait" in repr(model)
    assert set(model.standard_errors_) == set(model.params_)
    assert len(model.strengths_) > 3
    with pytest.raises(tc.ParameterError, match="binary outcome"):
        model.reasons(x)
    table = model.summary()
    assert list(table["class"]) == ["buy"] * 3 + ["leave"] * 3 + ["wait"] * 3
    errors = np.array(table["standard_error"])
    assert (errors > 0.0).all()
    slopes = np.array(table["log_odds"]).reshape(3, 3)
    np.testing.assert_allclose(slopes.sum(axis=0), 0.0, atol=1e-12)
    assert list(model.importance_["feature"]) != []
    assert "x0" in repr(model)
    ends = model.predict_interval(x)
    assert ends.shape == (1_500, 3, 2)
    assert (ends[:, :, 0] <= found).all()
    assert (found <= ends[:, :, 1]).all()
    assert ends.min() >= 0.0
    assert ends.max() <= 1.0
    bare = tc.Propensity(features="linear", calibration="none", standard_errors="none")
    bare = bare.fit(x, next_step)
    with pytest.raises(tc.ParameterError, match="standard errors"):
        bare.predict_interval(x)
    assert np.isnan(list(bare.standard_errors_.values())).all()
    same = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(same.predict_proba(x), found)


def test_contributions_add_up(fitted):
    raw = tc.Propensity(calibration="none").fit(FRAME, LEFT)
    table = raw.contributions(FRAME)
    assert list(table.columns) == ["baseline", *FRAME.columns]
    np.testing.assert_allclose(table.sum(axis=1), raw.decision_function(FRAME))
    np.testing.assert_allclose(table[list(FRAME.columns)].mean(), 0.0, atol=1e-8)


def test_reasons_are_the_largest_contributions_in_words(fitted):
    table = fitted.reasons(FRAME, top=2)
    shares = fitted.contributions(FRAME).drop(columns="baseline").to_numpy()
    best = np.abs(shares).argmax(axis=1)
    first = table[table["rank"] == 1]
    assert first["row"].tolist() == list(range(len(FRAME)))
    assert first["feature"].tolist() == [FRAME.columns[k] for k in best]
    np.testing.assert_allclose(first["log_odds"], shares[np.arange(len(best)), best])
    assert set(table["direction"]) == {"raises", "lowers"}
    np.testing.assert_array_equal(table["direction"] == "raises", table["log_odds"] > 0)
    p = fitted.predict_proba(FRAME)[:, 1]
    without = 1 / (1 + np.exp(-(np.log(p / (1 - p)) - shares[np.arange(len(best)), best])))
    np.testing.assert_allclose(first["percentage_points"], 100 * (p - without), atol=1e-6)
    one = table.iloc[0]
    for _, one in table.iterrows():
        value = FRAME[one["feature"]].iloc[one["row"]]
        number = isinstance(value, float) and value == value
        if number:
            assert float(one["value"]) == pytest.approx(value, rel=0.005)
        start = f"{one['feature']} = {one['value']} {one['direction']} the "
        assert one["sentence"].startswith(start)
    assert "missing" in set(fitted.reasons(FRAME, top=4)["value"])


def test_numbers_in_sentences_are_short():
    spend = np.array([74.4037, 410.314, 12_345.0, 12_345.6, 0.012345, -2.0, -0.55555, 1.5e15, 2e-7])
    model = tc.Propensity(features="linear", strength=1.0, calibration="none")
    model.fit({"spend": np.tile(spend[:7], 20)}, np.tile([1, 0, 0, 1, 0, 1, 1], 20))
    table = model.reasons({"spend": spend}, top=1)
    shown = dict(zip(table["row"].to_pylist(), table["value"].to_pylist(), strict=True))
    expected = ["74.4", "410", "12345", "12346", "0.0123", "-2", "-0.556", "1.5e+15", "2e-07"]
    assert shown == {row: text for row, text in enumerate(expected) if row in shown}
    assert len(shown) >= 5


def test_reasons_name_customers(fitted):
    ids = [f"c{k}" for k in range(5)]
    named = FRAME.head(5).assign(who=ids)
    by_column = fitted.reasons(named, top=1, customer="who")
    assert by_column["who"].tolist() == ids
    by_values = fitted.reasons(FRAME.head(5), top=1, customer=ids)
    assert by_values["customer"].tolist() == ids
    assert by_values["sentence"].tolist() == by_column["sentence"].tolist()


def test_effects_curves_and_summary(fitted):
    effects = fitted.summary()
    assert effects["feature"].isna().sum() == 1
    assert effects["at"].iloc[0] == "intercept"
    assert (effects["lower"] <= effects["log_odds"]).all()
    by_level = effects[effects["feature"] == "plan"].set_index("at")["log_odds"]
    assert by_level["basic"] > by_level["plus"] > by_level["pro"]
    narrow = fitted.summary(level=0.5)
    assert (narrow["upper"] <= effects["upper"]).all()
    assert (
        fitted.standard_errors_["plan: basic"]
        == effects.set_index(["feature", "at"]).loc[("plan", "basic"), "standard_error"]
    )
    curve = fitted.curve("tenure", points=11)
    numbers = curve[curve["value"].notna()]
    assert numbers["value"].iloc[0] == 0
    assert numbers["log_odds"].iloc[0] > 1 > 0 > numbers["log_odds"].iloc[-1]
    assert "missing" in set(fitted.curve("charges")["label"])
    matters = fitted.importance_
    assert list(matters.columns) == ["feature", "spread", "effective_parameters", "strength"]
    assert matters["feature"].iloc[0] == "tenure"
    assert matters["spread"].is_monotonic_decreasing
    text = repr(fitted)
    for words in ("tenure", "calibration error", "3,000 rows"):
        assert words in text
    assert "tenure" in fitted._repr_html_()


def test_settings_reach_the_core():
    x, y = FRAME[["tenure", "charges"]], LEFT
    none = tc.Propensity(standard_errors="none", calibration="none").fit(x, y)
    assert none.summary()["standard_error"].isna().all()
    with pytest.raises(tc.ParameterError, match="standard errors"):
        none.predict_interval(x)
    bins = tc.Propensity(features="bins", bins=4, calibration="none").fit(x, y)
    assert sum(name.startswith("tenure") for name in bins.params_) == 4
    rare = tc.Propensity(min_level_count=2_000, calibration="none").fit(FRAME, LEFT)
    assert "plan: basic" not in rare.params_
    few = tc.Propensity(intervals=1, calibration="none").fit(x, y)
    assert few.log_likelihood_ != tc.Propensity(calibration="none").fit(x, y).log_likelihood_
    by_unit = plain(standardize=False, strength=50.0).fit(x, y).params_["tenure: per unit"]
    by_deviation = plain(strength=50.0).fit(x, y).params_["tenure: per unit"]
    assert abs(by_unit) > abs(by_deviation)  # a month is a twentieth of a standard deviation
    lasso = plain(penalty="elastic_net", l1_ratio=1.0, strength=1e4).fit(x, y)
    assert lasso.params_["tenure: per unit"] == 0
    cv = tc.Propensity(strength="cv", calibration="none").fit(x, y)
    best = cv.strengths_.sort_values("log_loss")["strength"].iloc[0]
    careful = tc.Propensity(strength="cv", one_standard_error=True, calibration="none").fit(x, y)
    assert len(careful.strengths_) == len(cv.strengths_)
    assert best in set(cv.strengths_["strength"])
    by_newton = plain(strength=2.0).fit(x, y).predict_proba(x)
    by_linfa = plain(strength=2.0, solver="linfa").fit(x, y).predict_proba(x)
    np.testing.assert_allclose(by_newton, by_linfa, atol=1e-5)


def test_ordered_levels_are_drawn_to_their_neighbours():
    rng = np.random.default_rng(4)
    stars = rng.integers(1, 11, 2_000)
    y = rng.random(2_000) < 0.05 * stars
    texts = [str(one) for one in stars]
    wanted = [str(one) for one in range(1, 11)]

    def levels(model: tc.Propensity) -> list[str]:
        curve = model.curve("stars")
        return [label for label in curve["label"] if label in wanted]

    plain_text = tc.Propensity(ordered=["stars"]).fit(pd.DataFrame({"stars": texts}), y)
    assert levels(plain_text) == wanted
    category = pd.DataFrame({"stars": pd.Categorical(texts, wanted, ordered=True)})
    by_category = tc.Propensity(ordered=("stars",)).fit(category, y)
    by_dict = tc.Propensity(ordered={"stars": wanted}).fit(pd.DataFrame({"stars": texts}), y)
    for model in (by_category, by_dict):
        assert levels(model) == wanted
        np.testing.assert_allclose(
            model.predict_proba(category), plain_text.predict_proba(category)
        )
    assert by_dict.get_params()["ordered"] == {"stars": wanted}


def test_a_saved_model_comes_back(fitted, tmp_path):
    path = tmp_path / "model.json"
    fitted.save(path)
    loaded = tc.load(path)
    assert type(loaded) is tc.Propensity
    assert loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(loaded.classes_, fitted.classes_)
    assert loaded.classes_.dtype == fitted.classes_.dtype
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), fitted.predict_proba(FRAME))
    np.testing.assert_array_equal(loaded.predict_interval(FRAME), fitted.predict_interval(FRAME))
    assert loaded.params_ == fitted.params_
    assert loaded.reasons(FRAME.head(3)).equals(fitted.reasons(FRAME.head(3)))
    assert repr(loaded) == repr(fitted)
    assert loaded.calibration_.after.verdict == fitted.calibration_.after.verdict
    assert repr(loaded.calibration_.before) == repr(fitted.calibration_.before)
    assert loaded.out_of_fold_ is None
    assert loaded.feature_names_in_.tolist() == list(FRAME.columns)
    path2 = tmp_path / "again.json"
    loaded.save(path2)
    assert path.read_text() == path2.read_text()


def test_arguments_are_saved_as_they_are_now(tmp_path):
    path = tmp_path / "model.json"
    model = plain(strength=2.0).fit(FRAME, LEFT)
    model.set_params(tolerance=1e-8, features="bins", bins=7, penalty="elastic_net", l1_ratio=0.2)
    model.save(path)
    assert tc.load(path).get_params() == model.get_params()
    np.testing.assert_array_equal(tc.load(path).predict_proba(FRAME), model.predict_proba(FRAME))


def test_a_pickle_keeps_everything(fitted):
    same = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(same.out_of_fold_, fitted.out_of_fold_)
    np.testing.assert_array_equal(same.predict_proba(FRAME), fitted.predict_proba(FRAME))
    assert repr(same) == repr(fitted)


def test_a_model_that_was_fitted_in_rust_has_no_note(fitted, tmp_path):
    raw = tc.Propensity(calibration="none", features="bins", bins=5).fit(FRAME, LEFT)
    path = tmp_path / "rust.json"
    raw.save(path)
    content = json.loads(path.read_text())
    content["schema"]["note"] = None
    path.write_text(json.dumps(content))
    loaded = tc.load(path)
    assert loaded.classes_.tolist() == [False, True]
    assert (loaded.features, loaded.bins, loaded.calibration) == ("bins", 5, "none")
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), raw.predict_proba(FRAME))


def test_progress_is_told():
    steps: list[tc.Step] = []
    tc.Propensity().fit(FRAME, LEFT, progress=steps.append)
    assert steps


def test_too_few_events_are_not_calibrated():
    y = np.zeros(len(FRAME), dtype=bool)
    y[[5, 50, 500]] = True
    model = tc.Propensity().fit(FRAME, y)
    assert model.calibration_ is None
    assert model.out_of_fold_ is None
    with pytest.raises(tc.ParameterError, match="3 rows") as caught:
        tc.Propensity(calibration="sigmoid").fit(FRAME, y)
    assert caught.value.parameter == "calibration"


def test_effects_of_levels_are_those_of_their_curve():
    rng = np.random.default_rng(3)
    plan = rng.choice(["basic", "plus", "pro"], 3_000)
    left = rng.random(3_000) < np.where(plan == "basic", 0.4, 0.2)
    model = tc.Propensity().fit(pl.DataFrame({"plan": plan}), left)
    effects = model.summary().filter(pl.col("feature") == "plan").sort("at")
    curve = model.curve("plan").sort("label")
    for figure in ("log_odds", "lower", "upper"):
        np.testing.assert_allclose(effects[figure], curve[figure], atol=1e-12)
    assert effects["lower"][0] > 0.0
