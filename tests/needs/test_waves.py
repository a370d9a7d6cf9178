"""Later waves: shares, answers within segments, and segments made anew."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

ITEMS = ["a", "b", "c", "d", "e", "visits"]
YES = np.array([[0.9, 0.9, 0.1, 0.2, 0.1], [0.1, 0.2, 0.9, 0.8, 0.2], [0.2, 0.1, 0.2, 0.9, 0.9]])
VISITS = np.array([1.0, 3.0, 6.0])
SHARES = (0.5, 0.3, 0.2)


def simulated(n: int, seed: int, shares: Any = SHARES, turned: str | None = None) -> pd.DataFrame:
    """Respondents of three segments; one item may be answered the other way round."""
    rng = np.random.default_rng(seed)
    segment = rng.choice(3, n, p=shares)
    frame = pd.DataFrame(
        np.where(rng.random((n, 5)) < YES[segment], "yes", "no"), columns=ITEMS[:5]
    )
    if turned is not None:
        frame[turned] = np.where(frame[turned] == "yes", "no", "yes")
    frame["visits"] = rng.poisson(VISITS[segment])
    return frame.assign(w=rng.uniform(0.7, 1.3, n), segment=segment + 1)


@pytest.fixture(scope="module")
def model() -> tc.LatentClass:
    return tc.LatentClass(3, starts=5, kinds={"visits": "count"}).fit(simulated(800, 20), ITEMS)


@pytest.fixture(scope="module")
def same(model) -> tc.WaveComparison:
    return tc.compare_waves(model, simulated(600, 2))


# --- applied --------------------------------------------------------------------------------------


def test_a_wave_of_the_same_customers_has_not_changed(same, model):
    assert same.mode == "apply"
    assert same.model is model
    assert same.shares_test["degrees_of_freedom"] == 2
    assert same.shares_test["p_value"] > 0.01
    assert same.changed_items == []
    assert same.questions["item"].tolist() == ITEMS
    assert (same.questions["p_adjusted"] > 0.05).all()
    assert (same.questions["largest_change"][:5] < 0.15).all()
    assert same.verdict.endswith("Score the wave with the model as it is.")
    assert same.alignment is None


def test_shares_are_found_where_they_have_moved(model):
    wave = simulated(600, 3, shares=(0.3, 0.3, 0.4))
    found = tc.compare_waves(model, wave)
    shares = found.shares
    assert list(shares.columns) == [
        "segment",
        "before",
        "before_error",
        "after",
        "after_error",
        "change",
        "change_error",
        "p_value",
    ]
    np.testing.assert_array_equal(shares["before"], model.shares_)
    true = wave["segment"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(shares["after"], true, atol=0.06)
    np.testing.assert_allclose(shares["change"], shares["after"] - shares["before"])
    assert found.shares_test["p_value"] < 0.001
    assert found.changed_items == []
    assert "The shares of the segments have changed (p < 0.001): segment 1 from" in found.verdict
    assert "Score the wave with the model as it is." in found.verdict


def test_an_item_that_is_answered_otherwise_is_found(model):
    found = tc.compare_waves(model, simulated(600, 4, turned="c"))
    assert found.questions.set_index("item")["p_adjusted"]["c"] < 1e-6
    assert "c (p < 0.001, by up to" in found.verdict
    change = found.questions.set_index("item")["largest_change"]
    assert change["c"] > 0.5
    answers = found.answers
    assert list(answers.columns) == ["item", "level", "segment", "before", "after", "change"]
    row = answers[(answers["item"] == "c") & (answers["level"] == "yes")].iloc[1]
    assert row["before"] > 0.7
    assert row["after"] < 0.6


def test_segments_that_are_others_are_said_to_be_others(model):
    rng = np.random.default_rng(8)
    noise = pd.DataFrame(rng.choice(["yes", "no"], (500, 5)), columns=ITEMS[:5])
    found = tc.compare_waves(model, noise.assign(visits=rng.poisson(3.0, 500)))
    assert len(found.changed_items) >= 3
    assert 'fit the wave anew (mode="refit")' in found.verdict


def test_a_segment_that_is_gone_is_told(model):
    found = tc.compare_waves(model, simulated(600, 5, shares=(0.6, 0.4, 0.0)))
    assert found.shares["after"][2] < 0.02
    assert "segment 3" in found.verdict.lower()


def test_numbers_change_in_standard_deviations(model):
    wave = simulated(600, 6)
    wave["visits"] += 2
    found = tc.compare_waves(model, wave)
    assert "visits" in found.changed_items
    before = found.answers[found.answers["item"] == "visits"]
    spread = np.sqrt(before["before"])
    largest = (before["change"].abs() / spread).max()
    row = found.questions.set_index("item").loc["visits"]
    assert row["largest_change"] == pytest.approx(largest)
    assert "standard deviations" in found.verdict


def test_a_short_wave_and_weights_will_do(model):
    wave = simulated(500, 7)
    short = tc.compare_waves(model, wave[["a", "c", "e"]], items=["a", "c", "e"])
    assert short.questions["item"].tolist() == ["a", "c", "e"]
    survey = tc.Survey.from_frame(wave, items=ITEMS, kinds={"visits": "count"}, weights="w")
    weighted = tc.compare_waves(model, survey)
    pd.testing.assert_frame_equal(
        weighted.shares, tc.compare_waves(model, wave, weights="w").shares
    )
    plain = tc.compare_waves(model, survey, weights=False)
    assert plain.shares["after"][0] != weighted.shares["after"][0]


def test_frequency_weights_are_respondents():
    settings = {"starts": 5, "weight_type": "frequency"}
    model = tc.LatentClass(3, **settings).fit(simulated(800, 1), ITEMS[:5])
    wave = simulated(400, 9)
    counted = wave.groupby(ITEMS[:5], as_index=False).size()
    rows = tc.compare_waves(model, wave)
    weighted = tc.compare_waves(model, counted, weights="size")
    pd.testing.assert_frame_equal(rows.shares, weighted.shares, rtol=1e-6)
    pd.testing.assert_frame_equal(rows.questions, weighted.questions, rtol=1e-6)


def test_ratings_with_a_style_are_compared_by_their_means():
    company = tc.datasets.simulate_needs(4_000, n_respondents=500, seed=1)
    model = tc.LatentClass(4, starts=5, response_style="random_intercept").fit(company.survey)
    # The survey itself, as if it were a wave: there is nothing to find.
    found = tc.compare_waves(model, company.survey)
    assert found.answers["level"].dropna().unique().tolist() == ["app", "shop", "web"]
    assert (found.questions["largest_change"] < 0.05).all()
    assert found.changed_items == []


def test_a_model_with_covariates_compares_shares():
    answers = simulated(800, 1)
    answers["age"] = 40 + 10 * (answers["segment"] == 2) + np.arange(800) % 7
    model = tc.LatentClass(3, starts=4, kinds={"visits": "count"}).fit(
        answers, ITEMS, covariates=["age"]
    )
    found = tc.compare_waves(model, simulated(500, 2))
    assert found.changed_items == []
    again = tc.compare_waves(model, answers.tail(400), mode="refit")
    assert again.model.coefficients_["covariate"].tolist()[:2] == ["intercept", "age"]


# --- fitted anew ----------------------------------------------------------------------------------


def test_segments_made_anew_are_matched(model):
    wave = simulated(700, 30, shares=(0.2, 0.3, 0.5))
    found = tc.compare_waves(model, wave, mode="refit")
    assert found.alignment.matches == {1: 3, 2: 2, 3: 1}
    shares = found.shares
    assert shares["segment_after"].tolist() == [3, 2, 1]
    np.testing.assert_allclose(shares["after"], [0.2, 0.3, 0.5], atol=0.06)
    np.testing.assert_array_equal(shares["after"], found.model.shares_[[2, 1, 0]])
    assert (shares["similarity"] > 0.85).all()
    assert (shares["jaccard"] > 0.75).all()
    assert found.adjusted_rand > 0.7
    assert "Every segment comes back in the new segmentation." in found.verdict
    assert "The shares of the segments have changed" in found.verdict
    relabelled = found.alignment.relabel(found.model.predict(wave))
    assert (relabelled == model.predict(wave)).mean() > 0.9


def test_answers_made_anew_stand_beside_the_old_ones(model):
    wave = simulated(700, 12, turned="c")
    found = tc.compare_waves(model, wave, mode="refit")
    answers = found.answers.set_index(["item", "level", "segment"])
    assert found.changed_items == ["c"]
    row = answers.loc[("c", "yes", 2)]
    old = model.summary().set_index(["item", "level", "segment"]).loc[("c", "yes", 2)]
    assert row["before"] == old["estimate"]
    number = found.shares["segment_after"][1]
    new = found.model.summary().set_index(["item", "level", "segment"]).loc[("c", "yes", number)]
    assert row["after"] == new["estimate"]
    assert row["standard_error"] == pytest.approx(
        np.hypot(old["standard_error"], new["standard_error"])
    )
    assert row["p_adjusted"] < 1e-6
    assert (answers["p_adjusted"] >= answers["p_value"]).all()
    assert found.questions["item"].tolist() == ITEMS


def test_settings_are_kept_and_levels_may_differ(model):
    wave = simulated(500, 13)
    wave.loc[::40, "e"] = "maybe"
    found = tc.compare_waves(model, wave, mode="refit")
    assert found.model.get_params() == {**model.get_params(), "kinds": model.kinds_}
    answers = found.answers
    new = answers[answers["level"] == "maybe"]
    assert new["before"].isna().all()
    assert new["after"].notna().all()
    with pytest.raises(tc.DataError, match="'maybe' is none of the levels"):
        tc.compare_waves(model, wave)


def test_the_seed_of_the_model_decides(model):
    wave = simulated(300, 14)
    first = tc.compare_waves(model, wave, mode="refit", n_jobs=1)
    again = tc.compare_waves(model, wave, mode="refit", n_jobs=2)
    pd.testing.assert_frame_equal(first.answers, again.answers, check_exact=True)


# --- how it shows ---------------------------------------------------------------------------------


def test_it_shows_shares_and_the_verdict(same, model):
    text = repr(same)
    assert text.startswith("A later wave, the model applied as it is\n  segment  before  after")
    assert "Score the wave" in text
    assert "<table>" in same._repr_html_()
    anew = tc.compare_waves(model, simulated(500, 15), mode="refit")
    assert "similarity  Jaccard" in repr(anew)
    assert repr(pickle.loads(pickle.dumps(anew))) == repr(anew)


def test_every_kind_of_table_comes_back(model, kind, table, native, lists):
    wave = simulated(300, 16)
    frame = table({name: wave[name].to_numpy() for name in ITEMS}, kind)
    expected = native["polars" if kind == "polars lazy" else kind]
    for mode in ("apply", "refit"):
        found = tc.compare_waves(model, frame, mode=mode)
        for made in (found.shares, found.questions, found.answers):
            assert isinstance(made, expected)
        assert lists(found.shares)["segment"] == [1, 2, 3]
        assert lists(found.questions)["item"] == ITEMS


def test_one_segment_has_no_shares_to_test():
    model = tc.LatentClass(1).fit(simulated(200, 1), ITEMS[:3])
    found = tc.compare_waves(model, simulated(200, 2))
    assert found.shares["after"].tolist() == [1.0]
    assert found.shares_test is None
    assert "cannot be tested" in found.verdict
    assert tc.compare_waves(model, simulated(200, 2), mode="refit").adjusted_rand == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"mode": "guess"},
            tc.ParameterError,
            'mode = \'guess\': expected one of "apply", "refit"',
        ),
        ({"items": ["a", "z"]}, tc.ParameterError, "items = 'z': expected items of the model"),
        ({"items": []}, tc.ParameterError, r"items = \[\]"),
        ({"n_jobs": 0}, tc.ParameterError, "n_jobs = 0"),
        ({"weights": "v"}, tc.DataError, "'v': is missing"),
        ({"weights": "zero"}, tc.DataError, r"column 'zero', row 0"),
        ({"model": "old"}, tc.ParameterError, "model = 'old': expected a fitted LatentClass"),
        ({"wave": {"a": ["yes"]}}, tc.DataError, "'b': is missing"),
    ],
)
def test_bad_arguments_are_refused(model, arguments, error, words):
    wave = simulated(50, 1).assign(zero=0.0)
    with pytest.raises(error, match=words):
        tc.compare_waves(**{"model": model, "wave": wave, **arguments})


def test_unfitted_models_are_refused():
    with pytest.raises(tc.NotFittedError):
        tc.compare_waves(tc.LatentClass(2), simulated(50, 1))
