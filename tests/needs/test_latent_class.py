"""Latent classes: what the fit finds, how answers are read, and how the model presents itself."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_clusterer
from sklearn.utils import get_tags

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ITEMS = ["brand", "channel", "care", "spend", "visits", "returns"]
KINDS = {"care": "ordinal", "returns": "negative_binomial", "visits": "count"}
SHARES = np.array([0.5, 0.3, 0.2])
BRANDS = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])
WEB = np.array([0.2, 0.9, 0.5])
SLOPES = np.array([0.0, 1.2, -0.8])
SPEND, SPREAD = np.array([10.0, 25.0, 60.0]), np.array([3.0, 6.0, 15.0])
VISITS, RETURNS, SIZE = np.array([1.0, 4.0, 9.0]), np.array([0.5, 2.0, 6.0]), 2.0


def simulated(n: int, seed: int, missing: float = 0.0) -> pd.DataFrame:
    """Respondents of three segments, asked questions of every kind; `segment` is the truth."""
    rng = np.random.default_rng(seed)
    segment = rng.choice(3, n, p=SHARES)
    steps = np.arange(5)
    odds = np.exp(SLOPES[:, None] * steps)[segment]
    care = (rng.random(n)[:, None] > np.cumsum(odds / odds.sum(1, keepdims=True), axis=1)).sum(1)
    brand = (rng.random(n)[:, None] > np.cumsum(BRANDS[segment], axis=1)).sum(1)
    frame = pd.DataFrame(
        {
            "brand": np.array(["own", "premium", "none"])[brand],
            "channel": np.where(rng.random(n) < WEB[segment], "web", "shop"),
            "care": care + 1.0,
            "spend": rng.normal(SPEND[segment], SPREAD[segment]),
            "visits": rng.poisson(VISITS[segment]).astype(float),
            "returns": rng.negative_binomial(SIZE, SIZE / (SIZE + RETURNS[segment])).astype(float),
        }
    )
    frame = frame.mask(pd.DataFrame(rng.random(frame.shape) < missing, columns=frame.columns))
    age = rng.normal(40 + 10 * (segment == 1), 10)
    region = rng.choice(["north", "south", "west"], n)
    return frame.assign(age=age, region=region, segment=segment + 1)


def fit(frame: Any, n: int = 3, **settings: Any) -> tc.LatentClass:
    """Fit to the items, of the kinds that they are, unless `settings` say otherwise."""
    kinds = settings.pop("kinds", KINDS)
    n_segments = settings.pop("n_segments", n)
    names = ("weights", "covariates", "progress")
    told = {name: settings.pop(name) for name in names if name in settings}
    items = settings.pop("items", ITEMS)
    return tc.LatentClass(n_segments, kinds=kinds, **settings).fit(frame, items, **told)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulated(1500, seed=3, missing=0.1)


@pytest.fixture(scope="module")
def segments(answers) -> tc.LatentClass:
    return fit(answers)


def estimates(model: tc.LatentClass, parameter: str, item: str) -> pd.DataFrame:
    table = model.summary()
    return table[(table["parameter"] == parameter) & (table["item"] == item)]


# --- what the fit finds --------------------------------------------------------------------------


def test_the_truth_is_found_again_from_three_answers_in_ten_missing():
    frame = simulated(6000, seed=1, missing=0.3)
    weights = np.random.default_rng(2).uniform(0.5, 1.5, len(frame))
    model = fit(frame, weights=weights)
    truth: dict[tuple[str, str], Any] = {
        ("slope", "care"): SLOPES,
        ("mean", "spend"): SPEND,
        ("standard_deviation", "spend"): SPREAD,
        ("mean", "visits"): VISITS,
        ("mean", "returns"): RETURNS,
        ("size", "returns"): [SIZE],
    }
    for (parameter, item), values in truth.items():
        assert_near(estimates(model, parameter, item), values)
    for place, level in enumerate(("own", "premium", "none")):
        rows = estimates(model, "probability", "brand")
        assert_near(rows[rows["level"] == level], BRANDS[:, place])
    rows = estimates(model, "probability", "channel")
    assert_near(rows[rows["level"] == "web"], WEB)
    table = model.summary()
    assert_near(table[table["parameter"] == "share"], SHARES)
    assert np.mean(model.predict(frame) == frame["segment"]) > 0.85
    others = simulated(2000, seed=9)
    assert np.mean(model.predict(others) == others["segment"]) > 0.9


def assert_near(rows: pd.DataFrame, truth: Any) -> None:
    off = np.abs(rows["estimate"].to_numpy() - np.asarray(truth))
    errors = rows["standard_error"].fillna(0.0).to_numpy()
    assert (off <= 4 * errors).all(), rows.assign(truth=truth)
    assert (errors < 0.2 * (np.abs(truth) + 1)).all()


def test_what_fit_learns_hangs_together(segments, answers):
    n, p = len(answers), segments.n_parameters_
    assert segments.shares_.shape == (3,)
    assert segments.shares_.sum() == pytest.approx(1)
    assert (np.diff(segments.shares_) <= 0).all()
    assert p == 2 + 3 * 2 + 3 * 1 + 4 + 2 + 6 + 3 + 4
    deviance = -2 * segments.log_likelihood_
    assert segments.aic_ == pytest.approx(deviance + 2 * p)
    assert segments.aic3_ == pytest.approx(deviance + 3 * p)
    assert segments.bic_ == pytest.approx(deviance + p * np.log(n))
    assert segments.caic_ == pytest.approx(deviance + p * (np.log(n) + 1))
    assert segments.sabic_ == pytest.approx(deviance + p * np.log((n + 2) / 24))
    members = segments.predict_proba(answers)
    entropy = -np.sum(members * np.log(np.maximum(members, 1e-300)))
    assert segments.icl_ == pytest.approx(segments.bic_ + 2 * entropy)
    assert segments.entropy_r2_ == pytest.approx(1 - entropy / (n * np.log(3)))
    assert np.isnan(segments.g_squared_)
    assert segments.n_observations_ == n
    assert segments.n_unanswered_ == answers[ITEMS].isna().all(axis=1).sum()
    assert segments.n_cells_ == len(answers[ITEMS].drop_duplicates())
    assert segments.n_iterations_ > 0
    assert segments.converged_
    assert "converged" in segments.how_it_ended_
    assert segments.boundary_ is None
    np.testing.assert_array_equal(segments.classes_, [1, 2, 3])
    assert isinstance(segments.log_likelihood_, float)


def test_the_items_are_told(segments):
    assert segments.items_ == ITEMS
    assert segments.kinds_ == {
        "brand": "nominal",
        "channel": "nominal",
        "care": "ordinal",
        "spend": "continuous",
        "visits": "count",
        "returns": "negative_binomial",
    }
    assert segments.levels_ == {
        "brand": ["none", "own", "premium"],
        "channel": ["shop", "web"],
        "care": ["1", "2", "3", "4", "5"],
    }


def test_assignments_and_their_table(segments, answers):
    members = segments.predict_proba(answers)
    assigned = segments.predict(answers)
    assert assigned.dtype == np.int64
    np.testing.assert_array_equal(assigned, members.argmax(axis=1) + 1)
    np.testing.assert_allclose(members.sum(axis=1), 1)
    table = np.array([[members[assigned == s, t].sum() for s in (1, 2, 3)] for t in range(3)])
    np.testing.assert_allclose(segments.classification_, table / table.sum(1, keepdims=True))
    mean = [members[assigned == s, s - 1].mean() for s in (1, 2, 3)]
    np.testing.assert_allclose(segments.assigned_posterior_, mean)
    np.testing.assert_allclose(members.mean(axis=0), segments.shares_, atol=1e-6)


def test_the_starts_are_told(answers):
    model = fit(answers, starts=12, drop_early=False)
    table = model.starts_
    assert list(table.columns) == ["start", "log_likelihood", "dropped", "reached_best"]
    assert table["start"].tolist() == list(range(1, 13))
    assert not table["dropped"].any()
    best = table["log_likelihood"] > model.log_likelihood_ - 0.1
    assert table["reached_best"].tolist() == best.tolist()
    assert model.n_starts_at_best_ == best.sum() > 0
    early = fit(answers, starts=12)
    assert early.starts_["dropped"].any()
    assert early.log_likelihood_ == pytest.approx(model.log_likelihood_)


def test_residuals_find_the_pair_that_is_not_independent(answers):
    twin = answers["brand"].where(np.arange(len(answers)) % 5 > 0, "own")
    model = fit(answers.assign(twin=twin), items=[*ITEMS, "twin"])
    table = model.bivariate_residuals_
    assert list(table.columns) == ["first", "second", "residual"]
    assert len(table) == 7 * 6 / 2
    assert table["residual"].is_monotonic_decreasing
    assert table.loc[0, ["first", "second"]].tolist() == ["brand", "twin"]
    assert table.loc[0, "residual"] > 20
    assert table["residual"].median() < 3


def test_without_standard_errors(answers, segments):
    model = fit(answers, standard_errors=False)
    assert model.params_ == segments.params_
    assert np.isnan(list(model.standard_errors_.values())).all()
    assert len(model.bivariate_residuals_) == 0
    assert list(model.bivariate_residuals_.columns) == ["first", "second", "residual"]


def test_a_prior_keeps_probabilities_inside():
    # Nobody of the second segment answers "a".
    frame = {"x": ["a", "b", "b", "a"] * 30, "y": ["a", "c", "c", "a"] * 30, "n": [9, 0, 1, 7] * 30}
    plain = tc.LatentClass(2, kinds={"n": "count"}).fit(frame, ["x", "y", "n"])
    assert "'x' in segment" in (plain.boundary_ or "")
    assert plain.boundary_ in plain.how_it_ended_
    with_prior = tc.LatentClass(2, kinds={"n": "count"}, prior=1).fit(frame, ["x", "y", "n"])
    assert with_prior.boundary_ is None
    assert np.isfinite(list(with_prior.standard_errors_.values())).all()
    assert with_prior.log_likelihood_ < plain.log_likelihood_


def test_one_segment_is_the_whole_sample(answers):
    model = fit(answers, 1)
    assert model.shares_.tolist() == [1.0]
    assert model.entropy_r2_ == 1.0
    assert (model.predict(answers) == 1).all()
    rows = estimates(model, "mean", "spend")
    assert rows["estimate"].item() == pytest.approx(answers["spend"].mean())
    assert len(model.coefficients_) == 0


def test_a_shared_variance_is_one_number(answers):
    model = fit(answers, variance="shared")
    rows = estimates(model, "standard_deviation", "spend")
    assert rows["estimate"].nunique() == 1
    assert model.n_parameters_ == 30 - 2


def test_response_styles_are_taken_out():
    rng = np.random.default_rng(4)
    n = 1500
    segment, style = rng.integers(0, 2, n), rng.normal(0, 0.5, n)
    steps = np.arange(5)
    frame = {}
    for item in range(6):
        slope = np.where(segment == item % 2, 0.4, -0.4) + style
        odds = np.exp(slope[:, None] * (steps - 2))
        drawn = rng.random(n)[:, None] > np.cumsum(odds / odds.sum(1, keepdims=True), axis=1)
        frame[f"q{item}"] = drawn.sum(1) + 1
    frame, settings = pd.DataFrame(frame), {"kinds": "ordinal", "items": list(frame)}
    plain = fit(frame, 2, **settings)
    styled = fit(frame, 2, response_style="random_intercept", **settings)
    assert styled.bic_ < plain.bic_ - 100
    agreement = [np.mean(model.predict(frame) == 1 + segment) for model in (plain, styled)]
    by_plain, by_styled = np.maximum(agreement, 1 - np.array(agreement))
    assert by_styled > 0.85 > by_plain + 0.1
    row = styled.summary().query("parameter == 'response_style'")
    assert abs(row["estimate"].item() - 0.5) < 4 * row["standard_error"].item()


# --- the summary ---------------------------------------------------------------------------------


def test_the_summary_is_a_table_of_estimates(segments):
    table = segments.summary()
    assert isinstance(table, pd.DataFrame)
    names = ["parameter", "item", "level", "segment"]
    assert list(table.columns) == [*names, "estimate", "standard_error", "lower", "upper"]
    known = table.dropna(subset="standard_error")
    assert (known["lower"] < known["estimate"]).all()
    assert (known["estimate"] < known["upper"]).all()
    shares = known[known["parameter"].isin(["probability", "share"])]
    assert ((shares["lower"] > 0) & (shares["upper"] < 1)).all()
    narrow = segments.summary(level=0.5).dropna(subset="standard_error")
    assert (narrow["lower"] > known["lower"]).all()
    with pytest.raises(tc.ParameterError, match="level = 95: expected a number between 0 and 1"):
        segments.summary(level=95)


def test_the_summary_says_of_each_parameter_what_the_core_says(segments, answers):
    styled = fit(
        answers.assign(q1=answers["care"], q2=answers["care"].shift(1)),
        2,
        items=["care", "q1", "q2", "brand"],
        kinds={"care": "ordinal", "q1": "ordinal", "q2": "ordinal"},
        covariates=["age", "region"],
        response_style="random_intercept",
    )
    for model in (segments, styled):
        table = model.summary()
        table = table[table["parameter"] != "intercept"]
        names = [core_name(row) for row in table.astype(object).itertuples()]
        assert names == list(model.params_)
        assert table["estimate"].tolist() == list(model.params_.values())


def core_name(row: Any) -> str:
    """Return what the core calls the parameter of a row."""
    segment = "" if pd.isna(row.segment) else f"[{row.segment}]"
    if row.parameter == "probability":
        return f"{row.item}={row.level}{segment}"
    if row.parameter == "coefficient":
        return f"{'constant' if row.item == 'intercept' else row.item}{segment}"
    if row.parameter in ("share", "response_style"):
        return f"{row.parameter.replace('_', ' ')}{segment}"
    word = "deviation" if row.parameter == "standard_deviation" else row.parameter
    return f"{row.item} {word}{segment}"


def test_probabilities_of_an_ordinal_item_follow_from_its_parameters(segments):
    slopes = estimates(segments, "slope", "care")["estimate"].to_numpy()
    intercepts = estimates(segments, "intercept", "care")
    assert intercepts["level"].tolist() == ["1", "2", "3", "4", "5"]
    assert intercepts["segment"].isna().all()
    odds = np.exp(intercepts["estimate"].to_numpy() + slopes[:, None] * np.arange(1, 6))
    rows = estimates(segments, "probability", "care")
    found = rows.pivot(index="segment", columns="level", values="estimate").to_numpy()
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), found)


# --- tables of every kind ------------------------------------------------------------------------


def test_every_kind_of_table(kind, table, native, lists, answers, segments):
    columns = {name: answers[name] for name in [*ITEMS, "age", "region"]}
    given = table(columns, kind)
    model = fit(given)
    assert model.params_ == pytest.approx(segments.params_)
    assert model.levels_ == segments.levels_
    members = model.predict_proba(given)
    assert type(members) is np.ndarray
    np.testing.assert_allclose(members, segments.predict_proba(answers), atol=1e-9)
    eager = pl.DataFrame if kind == "polars lazy" else native[kind]
    for made in (model.summary(), model.starts_, model.bivariate_residuals_, model.coefficients_):
        assert isinstance(made, eager)
    assert lists(model.summary())["level"][3:5] == ["none", "none"]
    with_covariates = fit(given, covariates=["age", "region"])
    assert lists(with_covariates.coefficients_)["covariate"][:4] == [
        "intercept",
        "age",
        "region=south",
        "region=west",
    ]


def test_whole_numbers_with_gaps_stay_whole_in_pandas(segments):
    assert str(segments.summary()["segment"].dtype) == "Int64"
    assert str(segments.starts_["start"].dtype) == "int64"


# --- how answers are read ------------------------------------------------------------------------


def test_kinds_are_concluded_from_a_plain_table():
    n = 120
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "text": rng.choice(["b", "a"], n),
            "category": pd.Categorical(rng.choice(["x", "y"], n), categories=["y", "x", "z"]),
            "ordered": pd.Categorical(
                rng.choice(["low", "high"], n), ["low", "mid", "high"], ordered=True
            ),
            "true": rng.random(n) < 0.5,
            "few": np.arange(n) % 12,
            "many": np.arange(n) % 13,
            "fraction": rng.choice([0.5, 1.5], n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.integers(3, 5, n)),
        }
    )
    model = tc.LatentClass(1).fit(frame, list(frame))
    assert model.kinds_ == {
        "text": "nominal",
        "category": "nominal",
        "ordered": "ordinal",
        "true": "nominal",
        "few": "nominal",
        "many": "continuous",
        "fraction": "continuous",
        "gaps": "nominal",
    }
    assert model.levels_ == {
        "text": ["a", "b"],
        "category": ["y", "x"],
        "ordered": ["low", "high"],
        "true": ["false", "true"],
        "few": [str(k) for k in range(12)],
        "gaps": ["3", "4"],
    }


def test_scores_keep_the_distance_of_levels_that_nobody_chose(answers):
    codes = answers["care"].fillna(0).astype(int).replace({3: 4})
    words = ["very little", "little", "some", "much", "very much"]
    chosen = [None if code == 0 else words[code - 1] for code in codes]
    ordered = answers.assign(care=pd.Categorical(chosen, words, ordered=True))
    numbers = answers.assign(care=answers["care"].replace({3: 4}))
    by_words, by_numbers = fit(ordered), fit(numbers)
    assert by_words.levels_["care"] == [words[0], words[1], words[3], words[4]]
    assert by_words.log_likelihood_ == pytest.approx(by_numbers.log_likelihood_)
    slopes = [estimates(one, "slope", "care")["estimate"] for one in (by_words, by_numbers)]
    np.testing.assert_allclose(*slopes, rtol=1e-4)


def test_numbers_are_levels_by_their_text(segments, answers):
    whole = answers.head(100).dropna(subset="care")
    expected = segments.predict_proba(whole)
    as_int, as_text = whole["care"].astype(int), whole["care"].astype(int).astype(str)
    for care in (as_int, as_text, pd.Categorical(as_text)):
        np.testing.assert_array_equal(segments.predict_proba(whole.assign(care=care)), expected)


def test_names_and_order_of_levels_change_nothing(answers):
    plain = fit(answers, kinds={**KINDS, "care": "nominal"})
    renamed = answers.replace({"brand": {"own": "z", "premium": "a", "none": "m"}})
    order = pd.CategoricalDtype(["m", "z", "a"])
    other = fit(renamed.astype({"brand": order}), kinds={**KINDS, "care": "nominal"})
    assert other.levels_["brand"] == ["m", "z", "a"]
    assert other.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)
    np.testing.assert_allclose(other.shares_, plain.shares_, rtol=1e-5)


def test_the_order_of_rows_changes_nothing(answers, segments):
    order = np.random.default_rng(5).permutation(len(answers))
    other = fit(answers.iloc[order])
    assert other.log_likelihood_ == pytest.approx(segments.log_likelihood_, rel=1e-12)
    assert other.params_ == pytest.approx(segments.params_, rel=1e-5, abs=1e-8)
    np.testing.assert_array_equal(
        segments.predict_proba(answers.iloc[order]), segments.predict_proba(answers)[order]
    )


def test_columns_of_nothing_but_gaps_count_as_not_answered(segments, answers):
    gaps = answers.assign(brand=None, spend=np.nan)
    rest = [name for name in ITEMS if name not in ("brand", "spend")]
    np.testing.assert_array_equal(
        segments.predict_proba(gaps), segments.predict_proba(answers[rest], items=rest)
    )


def test_respondents_without_answers_are_kept_and_counted(answers, segments):
    nobody = pd.DataFrame({name: [None] * 7 for name in answers.columns})
    nobody = nobody.astype(answers.dtypes.drop("segment").to_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(pd.concat([answers, nobody], ignore_index=True))
    assert model.n_unanswered_ == segments.n_unanswered_ + 7
    assert model.n_observations_ == len(answers) + 7
    np.testing.assert_allclose(model.shares_, segments.shares_, atol=1e-3)
    members = model.predict_proba(nobody)
    np.testing.assert_allclose(members, np.tile(model.shares_, (7, 1)))
    assert "without any answer: " in repr(model)


def test_unknown_levels_may_count_as_missing(segments, answers):
    some = answers.head(50)
    strange = some.assign(brand=["own" if k % 2 else "new" for k in range(50)])
    with pytest.raises(tc.DataError, match="unknown_levels='missing'") as caught:
        segments.predict(strange)
    assert (caught.value.column, caught.value.row) == ("brand", 0)
    assert "'new' is none of the levels that the model knows ('none', 'own', 'prem" in str(
        caught.value
    )
    lenient = copy.copy(segments).set_params(unknown_levels="missing")
    gaps = strange.assign(brand=strange["brand"].where(strange["brand"] != "new"))
    np.testing.assert_array_equal(lenient.predict_proba(strange), segments.predict_proba(gaps))


def test_a_short_questionnaire(segments, answers):
    members = segments.predict_proba(answers[["spend", "brand"]], items=["spend", "brand"])
    longer = segments.predict_proba(answers)
    assert (members.max(axis=1).mean()) < longer.max(axis=1).mean()
    assert np.mean(members.argmax(axis=1) == longer.argmax(axis=1)) > 0.6
    np.testing.assert_array_equal(
        segments.predict(answers, items=["spend", "brand"]), members.argmax(axis=1) + 1
    )
    with pytest.raises(tc.DataError, match=r"'channel': is missing.*items=\[\.\.\.\]"):
        segments.predict(answers[["spend", "brand"]])
    with pytest.raises(tc.ParameterError, match="items = 'price': expected items of the model"):
        segments.predict(answers, items=["price"])


def test_the_log_likelihood_of_any_respondents_can_be_asked(segments, answers):
    whole = segments.log_likelihood(answers)
    assert isinstance(whole, float)
    assert whole == pytest.approx(segments.log_likelihood_, rel=1e-9)
    halves = segments.log_likelihood(answers[:700]) + segments.log_likelihood(answers[700:])
    assert halves == pytest.approx(whole, rel=1e-12)
    assert segments.log_likelihood(answers, np.full(1500, 2.0)) == pytest.approx(2 * whole)
    assert segments.log_likelihood(answers.assign(n=3), weights="n") == pytest.approx(3 * whole)


# --- surveys -------------------------------------------------------------------------------------


def survey_of(answers: pd.DataFrame, **options: Any) -> tc.Survey:
    settings: dict[str, Any] = {"items": ITEMS, "kinds": {"visits": "count", "returns": "count"}}
    return tc.Survey.from_frame(answers, **{**settings, **options})


def test_a_survey_knows_its_items(answers):
    survey = survey_of(answers.assign(w=1.0))
    model = tc.LatentClass(3).fit(survey)
    plain = fit(answers, kinds={"care": "ordinal", "visits": "count", "returns": "count"})
    assert model.kinds_ == plain.kinds_
    assert model.log_likelihood_ == pytest.approx(plain.log_likelihood_)
    np.testing.assert_allclose(
        model.predict_proba(survey), model.predict_proba(answers), rtol=1e-12
    )
    overruled = tc.LatentClass(3, kinds={"returns": "negative_binomial"}).fit(survey, items=ITEMS)
    assert overruled.kinds_["returns"] == "negative_binomial"
    assert tc.LatentClass(2).fit(survey, ["brand", "care", "spend"]).items_ == [
        "brand",
        "care",
        "spend",
    ]


def test_a_surveys_weights_are_its_own_unless_others_are_given(answers):
    w = np.random.default_rng(6).uniform(0.5, 1.5, len(answers))
    survey = survey_of(answers.assign(w=w), weights="w")
    weighted = tc.LatentClass(2).fit(survey)
    assert weighted.n_observations_ == pytest.approx(w.sum())
    assert tc.LatentClass(2).fit(survey, weights=False).n_observations_ == len(answers)
    other = tc.LatentClass(2).fit(survey, weights=np.full(len(answers), 1.25))
    assert other.n_observations_ == pytest.approx(1.25 * len(answers))


def test_levels_of_a_survey_that_nobody_chose_are_left_out():
    frame = pd.DataFrame({"a": [1, 2, 4, 5] * 30, "b": [5, 4, 2, 1] * 30, "c": ["x", "y"] * 60})
    survey = tc.Survey.from_frame(frame, levels={"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5]})
    model = tc.LatentClass(1).fit(survey)
    assert model.levels_ == {"a": ["1", "2", "4", "5"], "b": ["1", "2", "4", "5"], "c": ["x", "y"]}
    plain = tc.LatentClass(1, kinds={"a": "ordinal", "b": "ordinal"}).fit(frame, ["a", "b", "c"])
    assert plain.params_ == pytest.approx(model.params_)


def test_options_that_were_ticked_are_yes_or_no():
    rng = np.random.default_rng(7)
    seen = rng.integers(0, 2, 200)
    frame = pd.DataFrame({f"seen_{k}": (rng.random(200) < 0.2 + 0.5 * seen) for k in range(4)})
    as_numbers = frame.astype(int)
    survey = tc.Survey.from_frame(as_numbers, kinds=dict.fromkeys(frame, "multi-select"))
    model = tc.LatentClass(2).fit(survey)
    assert set(model.kinds_.values()) == {"nominal"}
    plain = tc.LatentClass(2, kinds="multi-select").fit(frame, list(frame))
    assert plain.log_likelihood_ == pytest.approx(model.log_likelihood_)
    assert model.g_squared_ == pytest.approx(plain.g_squared_)


# --- weights -------------------------------------------------------------------------------------


def test_weights_stand_for_repeated_rows(answers):
    some = answers.head(400)
    counts = np.arange(400) % 3 + 1
    repeated = fit(some.loc[np.repeat(some.index, counts)], 2)
    weighted = fit(some.assign(n=counts), 2, weights="n", weight_type="frequency")
    assert weighted.n_observations_ == repeated.n_observations_ == counts.sum()
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-10)
    assert weighted.params_ == pytest.approx(repeated.params_, rel=1e-4, abs=1e-6)
    errors = repeated.standard_errors_
    assert weighted.standard_errors_ == pytest.approx(errors, rel=1e-3, abs=1e-6, nan_ok=True)
    arrays = fit(some, 2, weights=counts, weight_type="frequency")
    assert arrays.params_ == weighted.params_


def test_expansion_weights_are_scaled_to_the_effective_number(answers):
    w = np.random.default_rng(8).uniform(500, 1500, len(answers))
    model = fit(answers, weights=w, weight_type="expansion")
    assert model.n_observations_ == pytest.approx(w.sum() ** 2 / (w**2).sum())
    sampling = fit(answers, weights=w / w.mean())
    assert model.params_ == pytest.approx(sampling.params_, rel=1e-4)
    errors = sampling.standard_errors_
    assert model.standard_errors_ == pytest.approx(errors, rel=1e-3, nan_ok=True)


@pytest.mark.parametrize("scale", [1000.0, 1.51, 0.66, 1e-3])
def test_sampling_weights_of_another_scale_are_warned_of(scale, answers):
    w = np.full(len(answers), scale)
    with pytest.warns(tc.WeightsWarning, match="weight_type='expansion'") as caught:
        fit_here(answers, w)
    assert caught[0].filename == __file__
    assert f"for {len(answers):,} respondents" in str(caught[0].message)
    for weight_type in ("frequency", "expansion"):
        fit(answers, 1, weights=w, weight_type=weight_type)


def fit_here(answers: pd.DataFrame, weights: Any) -> None:
    tc.LatentClass(1, kinds=KINDS).fit(answers, ITEMS, weights)


@pytest.mark.parametrize("scale", [1.49, 0.67])
def test_sampling_weights_need_not_add_up_exactly(scale, answers):
    w = scale * np.random.default_rng(9).uniform(0.1, 1.9, len(answers))
    fit_here(answers, w / w.mean() * scale)


# --- covariates ----------------------------------------------------------------------------------


def test_covariates_shift_memberships(answers):
    model = fit(answers, covariates=["age", "region"])
    table = model.coefficients_
    assert list(table.columns) == [
        "segment",
        "covariate",
        "coefficient",
        "standard_error",
        "odds_ratio",
    ]
    names = ["intercept", "age", "region=south", "region=west"]
    assert table["covariate"].tolist() == 2 * names
    assert table["segment"].tolist() == [2] * 4 + [3] * 4
    np.testing.assert_allclose(table["odds_ratio"], np.exp(table["coefficient"]))
    age = table[table["covariate"] == "age"].set_index("segment")
    # Segment 2 is ten years older, with a deviation of ten years.
    assert abs(age.loc[2, "coefficient"] - 0.1) < 4 * age.loc[2, "standard_error"]
    assert abs(age.loc[3, "coefficient"]) < 4 * age.loc[3, "standard_error"]
    with_age = model.predict_proba(answers.assign(age=80.0))
    without = model.predict_proba(answers.assign(age=20.0))
    assert with_age[:, 1].mean() > without[:, 1].mean()
    alone = model.predict_proba(answers[ITEMS], covariates=False)
    np.testing.assert_allclose(alone.sum(axis=1), 1)
    nobody = pd.DataFrame({name: [None] for name in ITEMS})
    np.testing.assert_allclose(model.predict_proba(nobody, covariates=False)[0], model.shares_)


def test_covariates_are_needed_again(answers):
    model = fit(answers, covariates=["age", "region"])
    with pytest.raises(tc.DataError, match=r"'region': is missing.*covariates=False"):
        model.predict(answers.drop(columns="region"))
    with pytest.raises(tc.DataError, match="row 0: 'east' is none of the categories") as caught:
        model.predict(answers.assign(region="east"))
    assert (caught.value.column, caught.value.row) == ("region", 0)
    with pytest.raises(tc.DataError, match="'age', row 4: is NaN") as caught:
        model.predict(answers.assign(age=answers["age"].where(answers.index != 4)))
    assert caught.value.row == 4


def test_the_unit_of_a_covariate_changes_nothing(answers):
    years = fit(answers, covariates=["age"])
    days = fit(answers.assign(age=answers["age"] * 365.25 + 1e6), covariates=["age"])
    assert days.log_likelihood_ == pytest.approx(years.log_likelihood_, rel=1e-10)
    slopes = [one.coefficients_.query("covariate == 'age'") for one in (years, days)]
    np.testing.assert_allclose(
        slopes[0]["coefficient"], slopes[1]["coefficient"] * 365.25, rtol=1e-4
    )


# --- bad input -----------------------------------------------------------------------------------


def at(column: str, row: int, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Put a value into a cell."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame[column].copy()
        changed.iloc[row] = value
        return frame.assign(**{column: changed})

    return change


def whole(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Put a value into all cells of a column."""
    return lambda frame: frame.assign(**{column: value})


BAD_DATA = {
    "one answer": (whole("brand", "own"), {}, "brand", None, "one answer only.*leave the question"),
    "no answer": (whole("brand", None), {}, "brand", None, "no answer at all; leave it out"),
    "no number": (
        whole("spend", np.nan),
        {"kinds": {**KINDS, "spend": "continuous"}},
        "spend",
        None,
        "answered alike.*leave the question out",
    ),
    "one number": (whole("spend", 3.5), {}, "spend", None, "answered alike"),
    "infinite": (at("spend", 5, np.inf), {}, "spend", 5, "is infinite; give a number"),
    "infinite count": (at("visits", 5, np.inf), {}, "visits", 5, "a count is a whole number"),
    "fractional count": (at("visits", 8, 1.5), {}, "visits", 8, "is 1.5; a count is a whole"),
    "negative count": (at("visits", 8, -1.0), {}, "visits", 8, "is -1; a count is a whole"),
    "text as a number": (
        whole("age", "old"),
        {"items": ["brand", "age"], "kinds": {"age": "continuous"}},
        "age",
        None,
        "holds text where numbers belong",
    ),
    "text without order": (
        lambda frame: frame,
        {"kinds": {"brand": "ordinal"}},
        "brand",
        None,
        r"text \('none', 'own', 'premium'\) has no order; make it an ordered category",
    ),
    "dates": (
        whole("brand", pd.Timestamp("2026-01-31")),
        {},
        "brand",
        None,
        "holds values of type timestamp.*convert the column",
    ),
    "free text": (
        lambda frame: frame.assign(brand=[f"answer {k}" for k in range(len(frame))]),
        {},
        "brand",
        None,
        "has 1500 different answers where 255 are the most; group them",
    ),
    "weight of zero": (at("age", 6, 0.0), {"weights": "age"}, "age", 6, "is 0;.*positive number"),
    "negative weight": (at("age", 6, -2), {"weights": "age"}, "age", 6, "is -2;.*drop the row"),
    "missing weight": (at("age", 6, np.nan), {"weights": "age"}, "age", 6, "is missing.*fill"),
    "missing covariate": (at("age", 6, np.nan), {"covariates": ["age"]}, "age", 6, "fill the gap"),
    "missing category": (
        at("region", 6, None),
        {"covariates": ["region"]},
        "region",
        6,
        "must be known for every respondent",
    ),
    "constant covariate": (
        whole("age", 40.0),
        {"covariates": ["age"]},
        "age",
        None,
        "is 40 for every respondent.*leave the covariate out",
    ),
    "constant category": (
        whole("region", "north"),
        {"covariates": ["region"]},
        "region",
        None,
        "is 'north' for every respondent",
    ),
    "item that is not there": (
        lambda frame: frame,
        {"items": ["barnd", "care"], "kinds": None},
        "barnd",
        None,
        "did you mean 'brand'.*name the right ones with items=",
    ),
    "covariate that is not there": (
        lambda frame: frame,
        {"covariates": ["ages"]},
        "ages",
        None,
        "name the right ones with covariates=",
    ),
    "weights that are not there": (
        lambda frame: frame,
        {"weights": "weight"},
        "weight",
        None,
        "name the right one with weights=",
    ),
    "no rows": (lambda frame: frame.head(0), {}, None, None, "no rows"),
    "no table": (lambda frame: "survey.sav", {}, None, None, "the survey is a str, not a table"),
    "twin columns": (
        lambda frame: pd.concat([frame, frame[["brand"]]], axis=1),
        {},
        "brand",
        None,
        "several columns of one name",
    ),
}


@pytest.mark.filterwarnings("ignore::tercet.exceptions.WeightsWarning")
@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_is_refused_by_column_row_and_remedy(name, answers):
    change, settings, column, row, words = BAD_DATA[name]
    with pytest.raises(tc.DataError, match=words) as caught:
        fit(change(answers), **settings)
    assert (caught.value.column, caught.value.row) == (column, row)


BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"n_segments": 0}, "n_segments = 0: expected a whole number from 1 to 32"),
    ({"n_segments": 33}, "n_segments = 33: expected a whole number from 1 to 32"),
    ({"n_segments": "3"}, "n_segments = '3': expected a whole number"),
    ({"n_segments": 2.0}, "n_segments = 2.0: expected a whole number"),
    ({"starts": 0}, "starts = 0: expected a whole number"),
    ({"random_state": -1}, "random_state = -1: expected a whole number from 0"),
    ({"random_state": None}, "random_state = None: expected a whole number from 0"),
    ({"prior": -0.5}, "prior = -0.5: expected a number of respondents"),
    ({"prior": "1"}, "prior = '1': expected a number"),
    ({"variance": "equal"}, 'variance = \'equal\': expected one of "free", "shared"'),
    ({"weight_type": "pweight"}, "weight_type = 'pweight': expected one of \"sampling\""),
    ({"response_style": "row"}, "response_style = 'row': expected one of \"ignore\""),
    ({"response_style": "random_intercept"}, "at least three ordinal questions"),
    ({"unknown_levels": "drop"}, "unknown_levels = 'drop': expected one of \"error\""),
    ({"drop_early": 1}, "drop_early = 1: expected True or False"),
    ({"standard_errors": "no"}, "standard_errors = 'no': expected True or False"),
    ({"max_iterations": 0}, "max_iterations = 0: expected a whole number"),
    ({"tolerance": 0}, "tolerance = 0: expected a log-likelihood above 0"),
    ({"n_jobs": 0}, "n_jobs = 0: expected a number of threads"),
    ({"kinds": "category"}, "kinds = 'category': expected one of \"nominal\""),
    ({"kinds": {"care": "likert"}}, "kinds = 'likert': expected one of \"nominal\""),
    ({"kinds": {"cair": "ordinal"}}, "expected one of the items; did you mean 'care'"),
    ({"kinds": ["ordinal"]}, "kinds = .*: expected a mapping from items to kinds"),
    ({"items": ["care", "care"]}, "items = .*: expected a list of different columns' names"),
    ({"items": "care"}, "items = 'care': expected a list"),
    ({"items": []}, r"items = \[\]: expected a list"),
    ({"items": None}, "items = None: expected the columns that are items.*from_frame"),
    ({"covariates": "age"}, "covariates = 'age': expected a list"),
    ({"covariates": ["care"]}, "covariates = .*'care'.*expected other columns than the items"),
    ({"weights": "care"}, "weights = 'care': expected another column than"),
]


@pytest.mark.parametrize(("settings", "words"), BAD_ARGUMENTS)
def test_arguments_that_cannot_be_used_are_refused(settings, words, answers):
    with pytest.raises(tc.ParameterError, match=words) as caught:
        fit(answers, **settings)
    assert caught.value.parameter == next(iter(settings))


def test_weights_as_an_array_are_one_a_row(answers):
    with pytest.raises(tc.DataError, match="2 values for 1500 rows"):
        fit(answers, weights=[1.0, 1.0])
    with pytest.raises(tc.DataError, match="column 'weights', row 3: is 0"):
        fit(answers, weights=np.where(np.arange(1500) == 3, 0.0, 1.0))
    with pytest.raises(tc.ParameterError, match=r"another index than the survey.*\.reindex"):
        fit(answers, weights=pd.Series(1.0, index=answers.index + 1))


def test_more_segments_than_the_data_can_carry_are_refused():
    frame = {"a": ["x", "y", "y"] * 10, "b": ["x", "y", "x"] * 10}
    with pytest.raises(tc.ParameterError, match="can be answered in only 4 ways"):
        tc.LatentClass(2).fit(frame, ["a", "b"])
    few = simulated(20, seed=1)
    with pytest.raises(tc.ParameterError, match="30 parameters, more than the 20 respondents"):
        fit(few)


def test_what_the_data_do_not_determine_is_warned_of():
    # All patterns of four yes/no items as often as two segments give them: a third is anywhere.
    patterns = np.array(list(itertools.product([0, 1], repeat=4)))
    chances = (np.where(patterns == 1, yes, 1 - yes).prod(axis=1) for yes in (0.8, 0.3))
    counts = 500 * sum(chances)
    frame = {f"q{k}": patterns[:, k] for k in range(4)}
    model = tc.LatentClass(3, weight_type="frequency")
    with pytest.warns(tc.ConvergenceWarning, match="do not identify") as caught:
        model.fit(frame, list(frame), counts)
    assert str(caught[0].message) == model.how_it_ended_
    assert caught[0].filename == __file__
    assert np.isnan(list(model.standard_errors_.values())).all()


def test_a_segment_of_equal_numbers_is_warned_of():
    rng = np.random.default_rng(1)
    x = np.where(rng.random(800) < 0.1, 5.0, rng.normal(0, 2, 800))
    frame = {"x": x, "y": rng.normal(size=800)}
    with pytest.warns(tc.ConvergenceWarning, match="all but equal in a segment") as caught:
        model = tc.LatentClass(2).fit(frame, ["x", "y"])
    assert caught[0].filename == __file__
    assert "'x' in segment 2" in (model.boundary_ or "")
    assert "always or never" not in model.how_it_ended_
    assert tc.LatentClass(2, variance="shared").fit(frame, ["x", "y"]).boundary_ is None
    assert tc.LatentClass(2, prior=1).fit(frame, ["x", "y"]).boundary_ is None


def test_stopping_early_is_a_warning_not_an_error():
    # Too large for second derivatives, so that nothing is polished after the one cycle.
    rng = np.random.default_rng(1)
    frame = {f"q{k}": rng.integers(0, 11, 1100) for k in range(30)}
    model = tc.LatentClass(25, kinds="ordinal", starts=1, max_iterations=1)
    with pytest.warns(tc.ConvergenceWarning, match="raise max_iterations") as caught:
        model.fit(frame, list(frame))
    assert "too large for second derivatives" in str(caught[0].message)
    assert not model.converged_
    assert np.isfinite(model.log_likelihood_)


def test_nothing_is_said_without_reason(answers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(answers)


# --- manners -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_threads_do_not_change_a_bit(n_jobs, answers, segments):
    other = fit(answers, n_jobs=n_jobs)
    assert other.params_ == segments.params_
    assert list(other.standard_errors_.values()) == pytest.approx(
        list(segments.standard_errors_.values()), rel=0, abs=0, nan_ok=True
    )
    assert other.starts_.equals(segments.starts_)
    np.testing.assert_array_equal(other.predict_proba(answers), segments.predict_proba(answers))


def test_another_seed_finds_the_same_maximum(answers, segments):
    other = fit(answers, random_state=99)
    assert other.log_likelihood_ == pytest.approx(segments.log_likelihood_)
    assert other.starts_["log_likelihood"].tolist() != segments.starts_["log_likelihood"].tolist()


def test_parameters_are_read_and_set_as_in_scikit_learn():
    model = tc.LatentClass(4, kinds="ordinal", prior=1)
    parameters = model.get_params()
    assert parameters == {
        "n_segments": 4,
        "kinds": "ordinal",
        "starts": 20,
        "random_state": 0,
        "prior": 1,
        "variance": "free",
        "weight_type": "sampling",
        "response_style": "ignore",
        "unknown_levels": "error",
        "drop_early": True,
        "standard_errors": True,
        "max_iterations": 5000,
        "tolerance": 1e-7,
        "n_jobs": None,
    }
    assert model.set_params(n_segments=5) is model
    assert model.n_segments == 5
    with pytest.raises(tc.ParameterError, match="LatentClass has no parameter 'k'"):
        model.set_params(k=3)


def test_clones_are_unfitted_copies(segments):
    twin = clone(segments)
    assert twin.get_params() == segments.get_params()
    assert not hasattr(twin, "shares_")
    assert is_clusterer(segments)
    assert get_tags(segments).input_tags.allow_nan


def test_copies_are_fitted_and_apart(segments, answers):
    pickled = pickle.loads(pickle.dumps(segments))
    for twin in (copy.copy(segments), copy.deepcopy(segments), pickled):
        assert twin.params_ == segments.params_
        assert type(twin.summary()) is pd.DataFrame
        np.testing.assert_array_equal(twin.predict(answers), segments.predict(answers))
        twin.set_params(n_jobs=1)
        assert segments.n_jobs is None


def test_an_unfitted_model_says_so(answers):
    model = tc.LatentClass(2)
    for ask in (model.predict, model.predict_proba, model.log_likelihood):
        with pytest.raises(
            tc.NotFittedError, match=r"LatentClass is not fitted yet; call fit\(sur"
        ):
            ask(answers)
    with pytest.raises(tc.NotFittedError):
        model.summary()
    assert not hasattr(model, "bivariate_residuals_")
    assert repr(model) == "LatentClass(n_segments=2)"


def test_fit_returns_the_model_and_may_be_repeated(answers):
    model = tc.LatentClass(2, kinds=KINDS)
    assert model.fit(answers, ITEMS) is model
    first = model.params_
    assert model.fit(answers.head(1000), ITEMS).params_ != first
    assert model.fit(answers, ITEMS).params_ == first


def test_the_text_says_what_was_found(segments):
    text = repr(segments)
    for words in ("LatentClass(n_segments=3", "segment", "share", "standard error"):
        assert words in text
    for words in ("1,500 respondents", "30 parameters", "BIC: ", "reached the best", "converged"):
        assert words in text
    assert f"{segments.shares_[0]:.6g}" in text
    html = segments._repr_html_()
    assert html.count("<tr>") == 4
    assert "<th>share</th>" in html
    odd = tc.LatentClass(2, kinds="<script>")._repr_html_()
    assert "<script>" not in odd


def test_progress_goes_through_grouping_and_fitting(answers, capsys):
    steps: list[tc.Step] = []
    fit(pd.concat([answers] * 20, ignore_index=True), progress=steps.append)
    phases = list(dict.fromkeys(step.phase for step in steps))
    assert phases[-1] == "fitting"
    assert set(phases) <= {"grouping", "fitting"}
    tc.LatentClass(2, kinds=KINDS).fit(answers, ITEMS, progress=True)
    assert "fitting" in capsys.readouterr().err


# --- files ---------------------------------------------------------------------------------------


def test_a_saved_model_comes_back_bit_for_bit(answers, segments, tmp_path):
    covariates = fit(answers, covariates=["age", "region"], unknown_levels="missing", prior=1.0)
    for model in (segments, covariates):
        path = tmp_path / "model.json"
        model.save(path)
        loaded = tc.load(path)
        assert type(loaded) is tc.LatentClass
        assert loaded.get_params() == model.get_params()
        assert repr(loaded) == repr(model)
        assert loaded.params_ == model.params_
        assert loaded.standard_errors_ == pytest.approx(model.standard_errors_, nan_ok=True, rel=0)
        np.testing.assert_array_equal(loaded.predict_proba(answers), model.predict_proba(answers))
        loaded.save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_the_same_fit_gives_the_same_bytes(answers, segments, tmp_path):
    segments.save(tmp_path / "one.json")
    fit(answers).save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_what_the_model_was_told_since_is_saved(segments, tmp_path):
    told = copy.copy(segments)
    told.set_params(kinds={"care": "nominal"}, unknown_levels="missing", starts=7, random_state=5)
    told.save(tmp_path / "model.json")
    assert tc.load(tmp_path / "model.json").get_params() == told.get_params()
    told.set_params(kinds="likert")
    with pytest.raises(tc.ParameterError, match="kinds = 'likert'"):
        told.save(tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()


def test_a_model_that_notes_nothing_is_read(answers, tmp_path):
    model = fit(answers, covariates=["age"])
    path = tmp_path / "model.json"
    model.save(path)
    content = json.loads(path.read_text())
    del content["schema"]["note"]
    path.write_text(json.dumps(content))
    loaded = tc.load(path)
    assert loaded.kinds is None
    np.testing.assert_array_equal(loaded.predict_proba(answers), model.predict_proba(answers))


def test_damaged_files_are_refused(segments, tmp_path):
    path = tmp_path / "model.json"
    segments.save(path)
    content = json.loads(path.read_text())
    for damage in (
        {"shares": [0.5, 0.5]},
        {"shares": [0.9, 0.9, 0.9]},
        {"coefficients": [[0.0], [0.0]]},
        {"answers": content["fitted"]["answers"][:2]},
    ):
        path.write_text(json.dumps({**content, "fitted": {**content["fitted"], **damage}}))
        with pytest.raises(tc.ModelFileError, match=r"model\.json"):
            tc.load(path)


def test_the_file_names_levels_and_kinds(segments, tmp_path):
    segments.save(tmp_path / "model.json")
    content = json.loads((tmp_path / "model.json").read_text())
    assert content["kind"] == "latent_class"
    names = [question["name"] for question in content["schema"]["questions"]]
    assert names == ITEMS
    assert content["schema"]["note"]["kinds"] == KINDS


# --- public data ---------------------------------------------------------------------------------


def test_carcinoma(data_file: Callable[[str], Path]):
    frame = pd.read_csv(data_file("survey/carcinoma.csv"))
    model = tc.LatentClass(3, starts=50).fit(frame, items=list("ABCDEFG"))
    assert model.log_likelihood_ == pytest.approx(-293.705, abs=1e-3)
    assert model.bic_ == pytest.approx(697.1357, abs=0.01)
    assert model.g_squared_ == pytest.approx(15.26171, abs=0.002)
    np.testing.assert_allclose(model.shares_, [0.4447, 0.3736, 0.1817], atol=1e-3)
    assert model.levels_["A"] == ["1", "2"]
