"""Segments compared in what they were not made of, and explained by what is known of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

MEANS = [-1.0, 1.0, 0.0]
# Of the third of the items that a segment has for its own, and of the others.
CHANCE = 0.75


def draw(n: int, seed: int) -> pd.DataFrame:
    """Three segments, six yes/no items (the design of Bakk, Tekle and Vermunt), outcomes."""
    rng = np.random.default_rng(seed)
    age = rng.normal(0.0, 1.0, n)
    odds = np.exp(np.outer(age, [0.0, 1.0, -1.0]))
    segment = (rng.random((n, 1)) > (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(
        axis=1
    )
    yes = np.array([[CHANCE] * 6, [CHANCE] * 3 + [1 - CHANCE] * 3, [1 - CHANCE] * 6])
    frame = pd.DataFrame(
        {f"q{k}": np.where(rng.random(n) < yes[segment, k], "yes", "no") for k in range(6)}
    )
    frame["age"] = age
    frame["spend"] = rng.normal(np.array(MEANS)[segment], 1.0)
    frame["churned"] = rng.random(n) < np.array([0.1, 0.5, 0.3])[segment]
    frame["segment"] = segment
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return draw(4_000, seed=4)


@pytest.fixture(scope="module")
def posterior(frame) -> Any:
    """What the true model says of the answers, whatever the order in which a fit has segments."""
    yes = np.array([[CHANCE] * 6, [CHANCE] * 3 + [1 - CHANCE] * 3, [1 - CHANCE] * 6])
    said = (frame[[f"q{k}" for k in range(6)]] == "yes").to_numpy()
    likelihood = np.prod(np.where(said[:, None, :], yes, 1 - yes), axis=2)
    likelihood *= np.bincount(frame["segment"]) / len(frame)
    return likelihood / likelihood.sum(axis=1, keepdims=True)


# --- outcomes -------------------------------------------------------------------------------------


def test_misassignment_hides_differences_and_is_undone(frame, posterior):
    found = {
        method: tc.distal_outcome(frame, "spend", posterior, method=method)
        for method in ("naive", "bch", "ml")
    }
    spread = {name: np.ptp(one.table["estimate"]) for name, one in found.items()}
    assert spread["naive"] < 1.5
    for method in ("bch", "ml"):
        table = found[method].table
        off = np.abs(table["estimate"] - MEANS) / table["standard_error"]
        assert off.max() < 3, (method, off)
        assert ((table["lower"] < table["estimate"]) & (table["estimate"] < table["upper"])).all()
        np.testing.assert_allclose(table["n"], found[method].shares * 4_000)
        assert (table["effective_n"] < table["n"]).all()
        assert found[method].test["degrees_of_freedom"] == 2
        assert found[method].test["p_value"] < 1e-6
    errors = {name: one.table["standard_error"].mean() for name, one in found.items()}
    assert errors["naive"] < errors["ml"] < errors["bch"]
    assert math.isnan(found["bch"].log_likelihood)
    assert math.isfinite(found["ml"].log_likelihood)


def test_pairs_are_adjusted_for_their_number(frame, posterior):
    pairs = tc.distal_outcome(frame, "spend", posterior).pairs
    assert list(pairs) == [
        "first",
        "second",
        "difference",
        "standard_error",
        "chi_squared",
        "degrees_of_freedom",
        "p_value",
        "p_adjusted",
    ]
    assert pairs[["first", "second"]].to_numpy().tolist() == [[1, 2], [1, 3], [2, 3]]
    assert (pairs["p_adjusted"] >= pairs["p_value"]).all()
    np.testing.assert_allclose(
        pairs["chi_squared"], (pairs["difference"] / pairs["standard_error"]) ** 2, rtol=1e-9
    )


def test_levels_have_probabilities(frame, posterior):
    for method in ("bch", "ml"):
        found = tc.distal_outcome(frame, "churned", posterior, method=method)
        table = found.table
        assert table["level"].tolist() == ["false", "true"] * 3
        churned = table[table["level"] == "true"]
        off = np.abs(churned["estimate"].to_numpy() - [0.1, 0.5, 0.3]) / churned["standard_error"]
        assert off.max() < 3.5, method
        np.testing.assert_allclose(table.groupby("segment")["estimate"].sum(), 1.0)
        assert np.isnan(found.deviations).all()
        assert "difference" not in found.pairs
    rate = tc.distal_outcome(frame.assign(churned=frame["churned"] * 1.0), "churned", posterior)
    churned = tc.distal_outcome(frame, "churned", posterior).table
    np.testing.assert_allclose(
        rate.table["estimate"], churned[churned["level"] == "true"]["estimate"]
    )


def test_a_model_compares_its_own_segments(frame):
    items = [f"q{k}" for k in range(6)]
    model = tc.LatentClass(3, random_state=2).fit(frame, items)
    own = model.distal(frame, "spend")
    given = model.distal(frame[["spend"]], "spend", posterior=model.predict_proba(frame))
    pd.testing.assert_frame_equal(own.table, given.table)
    assert sorted(own.table["estimate"].round(1)) == pytest.approx(sorted(MEANS), abs=0.3)
    assert "spend by segment, corrected for misassignment (BCH)" in repr(own)
    assert "All segments equal: chi-squared" in repr(own)
    assert "<table>" in own._repr_html_()
    explained = model.predictors(frame, ["age"])
    assert explained.tests["p_value"][0] < 1e-6


def test_kinds_of_outcome(frame, posterior):
    rated = frame.assign(stars=np.clip(np.round(frame["spend"] + 3), 1, 5).astype(int))
    mean = tc.distal_outcome(rated, "stars", posterior)
    assert "level" not in mean.table
    levels = tc.distal_outcome(rated, "stars", posterior, kind="ordinal")
    assert levels.table["level"][:5].tolist() == ["1", "2", "3", "4", "5"]
    survey = tc.Survey.from_frame(rated, items=["stars"])
    assert survey.kinds() == {"stars": "ordinal"}
    by_survey = tc.distal_outcome(survey, "stars", posterior)
    pd.testing.assert_frame_equal(by_survey.table, levels.table)
    again = tc.distal_outcome(survey, "stars", posterior, kind="continuous")
    pd.testing.assert_frame_equal(again.table, mean.table)
    counts = tc.distal_outcome(rated, "stars", posterior, kind="count")
    pd.testing.assert_frame_equal(counts.table, mean.table)


def test_weights_count_as_rows(frame, posterior):
    part, rows = frame[:500], np.repeat(np.arange(500), np.arange(500) % 3 + 1)
    weighted = tc.distal_outcome(
        part.assign(w=np.arange(500) % 3 + 1.0), "spend", posterior[:500], weights="w"
    )
    repeated = tc.distal_outcome(part.iloc[rows], "spend", posterior[rows])
    np.testing.assert_allclose(weighted.table["estimate"], repeated.table["estimate"])
    np.testing.assert_allclose(weighted.misassignment, repeated.misassignment)
    survey = tc.Survey.from_frame(part.assign(w=np.arange(500) % 3 + 1.0), weights="w")
    named = tc.distal_outcome(survey, "spend", posterior[:500])
    pd.testing.assert_frame_equal(named.table, weighted.table)
    without = tc.distal_outcome(survey, "spend", posterior[:500], weights=False)
    plain = tc.distal_outcome(part, "spend", posterior[:500])
    pd.testing.assert_frame_equal(without.table, plain.table)


def test_a_missing_outcome_counts_for_the_misassignment_only(frame, posterior):
    gaps = frame.assign(spend=frame["spend"].where(np.arange(4_000) % 4 > 0))
    found = tc.distal_outcome(gaps, "spend", posterior)
    assert found.n_missing == 1_000
    assert "1,000 respondents without an outcome" in repr(found)
    whole = tc.distal_outcome(frame, "spend", posterior)
    np.testing.assert_array_equal(found.misassignment, whole.misassignment)
    assert found.table["n"].sum() == pytest.approx(3_000)


def test_every_kind_of_table(frame, posterior, kind, table, lists):
    columns = {"spend": frame["spend"].to_numpy(), "age": frame["age"].to_numpy()}
    found = tc.distal_outcome(table(columns, kind), "spend", posterior)
    expected = tc.distal_outcome(frame, "spend", posterior)
    assert lists(found.table)["estimate"] == expected.table["estimate"].tolist()
    assert lists(found.pairs)["p_adjusted"] == expected.pairs["p_adjusted"].tolist()
    explained = tc.segment_predictors(table(columns, kind), ["age"], posterior)
    assert lists(explained.table)["covariate"] == ["intercept", "age"] * 2


def test_what_cannot_be_compared_is_refused(frame, posterior):
    def refused(error: type[Exception], words: str, *arguments: Any, **settings: Any) -> None:
        with pytest.raises(error, match=words):
            tc.distal_outcome(*(arguments or (frame, "spend", posterior)), **settings)

    refused(tc.DataError, "column 'orders': is missing", frame, "orders", posterior)
    refused(tc.DataError, "expected 4000 x K", frame, "spend", posterior[1:])
    bad = posterior.copy()
    bad[7] = [0.5, 0.5, 0.5]
    refused(tc.DataError, "column 'posterior', row 7:", frame, "spend", bad)
    refused(
        tc.DataError,
        "column 'spend': is the same for everybody",
        frame.assign(spend=1.0),
        "spend",
        posterior,
    )
    alike = np.full((4_000, 2), 0.5)
    refused(tc.DataError, "nobody is assigned to segment 2", frame, "spend", alike)
    refused(tc.ParameterError, "kind = 'continuous'", frame, "q0", posterior, kind="continuous")
    refused(tc.ParameterError, 'method = .best.: expected one of "bch"', method="best")
    refused(tc.ParameterError, "standard_errors", standard_errors="model")
    refused(tc.ParameterError, "level = 95", level=95)
    refused(tc.ParameterError, "max_iterations = 0", method="ml", max_iterations=0)
    refused(tc.ParameterError, "outcome = 5", frame, 5, posterior)
    refused(tc.DataError, "column 'w', row 2", frame.assign(w=[1.0, 2.0, 0.0, *[1.0] * 3_997]),
            "spend", posterior, weights="w")  # fmt: skip
    refused(tc.ParameterError, "method = .ml.", frame.assign(n=np.arange(4_000) % 7), "n",
            posterior, kind="count", method="ml")  # fmt: skip


# --- predictors -----------------------------------------------------------------------------------


def test_predictors_are_recovered(frame, posterior):
    naive, ml, bch = (
        tc.segment_predictors(frame, ["age"], posterior, method=method).table
        for method in ("naive", "ml", "bch")
    )
    slopes = {name: table[table["covariate"] == "age"] for name, table in
              (("naive", naive), ("ml", ml), ("bch", bch))}  # fmt: skip
    assert (np.abs(slopes["naive"]["coefficient"]) < 0.8).all()
    for method in ("ml", "bch"):
        off = np.abs(slopes[method]["coefficient"] - [1.0, -1.0])
        assert (off / slopes[method]["standard_error"]).max() < 3, method
    np.testing.assert_allclose(ml["odds_ratio"], np.exp(ml["coefficient"]))
    assert ml["segment"].tolist() == [2, 2, 3, 3]


def test_categories_become_columns(frame, posterior):
    people = pl.DataFrame(
        {
            "old": np.where(frame["age"] > 0.5, "old", np.where(frame["age"] > -0.5, "mid", "new")),
            "age": frame["age"].to_numpy(),
        }
    )
    found = tc.segment_predictors(people, ["old"], posterior)
    assert found.covariates == ["old=new", "old=old"]
    assert found.tests.columns == ["covariate", "chi_squared", "degrees_of_freedom", "p_value"]
    assert isinstance(found.table, pl.DataFrame)
    text = repr(found)
    assert "Membership against segment 1, corrected for misassignment (maximum" in text
    assert "p: old=new" in text
    assert "<table>" in found._repr_html_()
    np.testing.assert_allclose(found.shares.sum(), 1.0)


def test_what_explains_nothing_is_refused(frame, posterior):
    gaps = frame.assign(age=frame["age"].where(np.arange(4_000) != 3))
    with pytest.raises(tc.DataError, match=r"column 'age', row 3: is NaN"):
        tc.segment_predictors(gaps, ["age"], posterior)
    with pytest.raises(tc.DataError, match="the same for everybody"):
        tc.segment_predictors(frame.assign(one=1.0), ["one"], posterior)
    with pytest.raises(tc.ParameterError, match=r"covariates = \[\]"):
        tc.segment_predictors(frame, [], posterior)
    with pytest.raises(tc.DataError, match="column 'tenure': is missing"):
        tc.segment_predictors(frame, ["tenure"], posterior)
    words = pa.table({"region": pa.array(["n", None, "s", "n"])})
    with pytest.raises(tc.DataError, match="column 'region', row 1: is missing"):
        tc.segment_predictors(words, ["region"], posterior[:4])


def test_threads_do_not_change_the_digits(frame, posterior):
    one, two = (tc.distal_outcome(frame, "spend", posterior, method="ml", n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    one, two = (tc.segment_predictors(frame, ["age"], posterior, n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)


def test_a_covariate_that_gives_the_segment_away_has_no_standard_error():
    rng = np.random.default_rng(0)
    first = rng.random(500) < 0.6
    items = [f"q{i}" for i in range(6)]
    likely = np.where(first, 0.9, 0.1)
    frame = pd.DataFrame({name: np.where(rng.random(500) < likely, "y", "n") for name in items})
    model = tc.LatentClass(2, starts=3).fit(frame, items)
    frame["plan"] = np.where(model.predict(frame) == 1, "basic", "pro")
    for method in ("ml", "bch", "naive"):
        with pytest.warns(tc.ConvergenceWarning, match="'plan=pro' tells segment 2") as caught:
            found = model.predictors(frame, ["plan"], method=method)
        assert caught[0].filename == __file__
        assert not found.converged
        assert found.table["standard_error"].isna().all()
        assert "runs to infinity" in repr(found)


def test_items_of_the_segmentation_are_no_outcomes_and_no_covariates(frame):
    items = [f"q{k}" for k in range(6)]
    model = tc.LatentClass(3, starts=5, random_state=1).fit(frame, items)
    words = "expected .* that the segments were not made from"
    with pytest.raises(tc.ParameterError, match=rf"outcome = 'q0': {words}") as caught:
        model.distal(frame, "q0")
    assert caught.value.parameter == "outcome"
    with pytest.raises(tc.ParameterError, match=rf"covariates = .*'q5', ...\]: {words}") as caught:
        model.predictors(frame, ["age", "q5"])
    assert caught.value.parameter == "covariates"
    posterior = model.predict_proba(frame)
    with pytest.raises(tc.ParameterError, match="outcome = 'q1'"):
        model.distal(frame, "q1", posterior=posterior)
    # Without a model nobody knows where the memberships come from.
    assert tc.distal_outcome(frame, "q0", posterior).table is not None
