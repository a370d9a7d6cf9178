"""How many segments: the table of criteria, the recommendation, and the models behind it."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

ITEMS = ["price", "service", "brand", "advice", "app", "visits"]
COLUMNS = [
    "n_segments",
    "log_likelihood",
    "n_parameters",
    "aic",
    "bic",
    "sabic",
    "caic",
    "aic3",
    "icl",
    "entropy_r2",
    "smallest_share",
    "starts_at_best",
    "blrt",
    "blrt_p",
    "blrt_replications",
    "adjusted_rand",
    "jaccard_min",
    "problem",
]
YES = np.array([[0.9, 0.1, 0.2, 0.1, 0.3], [0.2, 0.85, 0.8, 0.2, 0.2], [0.3, 0.2, 0.2, 0.9, 0.9]])


def simulated(n: int, seed: int) -> pd.DataFrame:
    """Respondents of three segments that are easy to tell apart."""
    rng = np.random.default_rng(seed)
    segment = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    answers = np.where(rng.random((n, 5)) < YES[segment], "yes", "no")
    frame = pd.DataFrame(answers, columns=ITEMS[:5])
    frame["visits"] = rng.poisson(np.array([1.0, 6.0, 2.0])[segment])
    return frame.assign(region=rng.choice(["north", "south"], n), age=rng.normal(40, 9, n))


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulated(400, 1)


@pytest.fixture(scope="module")
def selection(answers) -> tc.SegmentSelection:
    return tc.select_segments(
        answers,
        range(1, 5),
        items=ITEMS,
        kinds={"visits": "count"},
        starts=5,
        replications=20,
        stability=5,
    )


def quick(frame: Any, n_segments: Any = range(1, 4), **settings: Any) -> tc.SegmentSelection:
    """Compare numbers of segments without any replication, unless `settings` say otherwise."""
    defaults = {"starts": 3, "replications": 0, "stability": 0, "kinds": {"visits": "count"}}
    return tc.select_segments(frame, n_segments, **{"items": ITEMS, **defaults, **settings})


# --- what is found --------------------------------------------------------------------------------


def test_the_true_number_is_recommended_with_reasons(selection):
    assert selection.recommended == 3
    assert selection.best is selection.models[3]
    assert selection.text().startswith("3 segments are recommended. The Bayesian information")
    assert "The bootstrap test prefers 3 to 2" in selection.reasons
    assert "would add one more" not in selection.reasons


def test_the_table_has_every_criterion(selection):
    table = selection.table
    assert list(table.columns) == COLUMNS
    assert table["n_segments"].tolist() == [1, 2, 3, 4]
    assert table["log_likelihood"].is_monotonic_increasing
    assert table["bic"].idxmin() == table["icl"].idxmin() == 2
    model = selection.models[4]
    row = table.iloc[3]
    for name in ("log_likelihood", "n_parameters", "aic", "bic", "sabic", "caic", "aic3", "icl"):
        assert row[name] == getattr(model, f"{name}_"), name
    assert row["smallest_share"] == model.shares_.min()
    assert row["starts_at_best"] == model.n_starts_at_best_
    assert table["problem"].isna().all()


def test_the_test_compares_with_one_segment_less(selection):
    table = selection.table
    expected = 2 * table["log_likelihood"].diff()
    np.testing.assert_allclose(table["blrt"][1:], expected[1:])
    assert np.isnan(table["blrt_p"][0])
    assert table["blrt_p"][1] == table["blrt_p"][2] == pytest.approx(1 / 21)
    assert table["blrt_p"][3] > 0.05
    assert table["blrt_replications"].tolist()[1:3] == [20, 20]


def test_stability_says_which_segments_come_back(selection):
    assert sorted(selection.stability) == [2, 3, 4]
    stability = selection.stability[3]
    row = selection.table.iloc[2]
    assert row["adjusted_rand"] == stability.adjusted_rand > 0.8
    assert row["jaccard_min"] == stability.jaccard.min()
    assert stability.table["verdict"].tolist() == ["stable"] * 3
    assert len(stability.replications) == 5


def test_a_segment_that_is_too_small_is_not_recommended(answers):
    found = quick(answers, smallest=0.25)
    assert found.recommended == 2
    assert "below the 25% that were asked for" in found.reasons
    assert "With 2 segments there are no such doubts" in found.reasons


# --- the models -----------------------------------------------------------------------------------


def test_the_models_are_those_of_a_fit(answers, selection):
    alone = tc.LatentClass(3, starts=5, kinds={"visits": "count"}).fit(answers, ITEMS)
    model = selection.best
    assert model.get_params() == alone.get_params()
    assert model.log_likelihood_ == alone.log_likelihood_
    np.testing.assert_array_equal(model.predict_proba(answers), alone.predict_proba(answers))
    assert isinstance(model.summary(), pd.DataFrame)
    assert model.items_ == ITEMS


def test_the_models_know_levels_and_covariates(answers):
    found = quick(answers, [2], covariates=["region", "age"])
    model = found.models[2]
    assert model.coefficients_["covariate"].tolist() == ["intercept", "region=south", "age"]
    strange = answers.head(3).assign(region="west")
    with pytest.raises(tc.DataError, match="'west' is none of the categories"):
        model.predict(strange)
    with pytest.raises(tc.DataError, match="none of the levels that the model knows"):
        model.predict(answers.head(3).assign(price="maybe"))
    assert pickle.loads(pickle.dumps(model)).params_ == model.params_


def test_the_settings_of_a_model_are_used(answers):
    model = tc.LatentClass(
        7, starts=4, prior=1.0, random_state=3, kinds={"visits": "negative_binomial"}, n_jobs=1
    )
    found = tc.select_segments(
        answers, [2], model=model, items=ITEMS, replications=0, stability=0, prior=2.0
    )
    assert model.n_segments == 7
    fitted = found.models[2]
    assert fitted.get_params() == {**model.get_params(), "n_segments": 2, "prior": 2.0}
    assert fitted.kinds_["visits"] == "negative_binomial"


def test_one_number_and_any_order_will_do(answers):
    assert list(quick(answers, 2).models) == [2]
    assert list(quick(answers, [3, 1, 3]).models) == [1, 3]


def test_the_seed_decides_and_threads_do_not(answers):
    settings = {"replications": 10, "stability": 4, "n_segments": [1, 2]}
    first = quick(answers, **settings, n_jobs=1)
    again = quick(answers, **settings, n_jobs=2)
    pd.testing.assert_frame_equal(first.table, again.table, check_exact=True)
    other = quick(answers, **settings, random_state=8)
    assert other.table["jaccard_min"][1] != first.table["jaccard_min"][1]


# --- weights --------------------------------------------------------------------------------------


def test_a_survey_brings_its_items_kinds_and_weights():
    company = tc.datasets.simulate_needs(2_000, n_respondents=200, seed=5)
    settings = {"starts": 3, "replications": 0, "stability": 0}
    found = tc.select_segments(company.survey, [2], **settings)
    assert found.models[2].kinds_ == {
        name: kind
        for name, kind in company.survey.kinds().items()
        if name in found.models[2].items_
    }
    by_hand = tc.select_segments(
        company.respondents,
        [2],
        items=list(company.survey.items),
        kinds=company.survey.kinds(),
        weights="weight",
        **settings,
    )
    assert by_hand.table["bic"][0] == pytest.approx(found.table["bic"][0], rel=1e-12)
    plain = tc.select_segments(company.survey, [2], weights=False, **settings)
    assert plain.table["bic"][0] != found.table["bic"][0]


def test_frequency_weights_are_respondents(answers):
    items = ITEMS[:5]
    counted = answers.groupby(items, as_index=False).size()
    settings = {"items": items, "kinds": None, "replications": 20, "stability": 4}
    rows = quick(answers, [1, 2], **settings)
    weighted = quick(counted, [1, 2], weights="size", weight_type="frequency", **settings)
    pd.testing.assert_series_equal(rows.table["bic"], weighted.table["bic"])
    # Respondents are drawn one by one: a pattern that twenty gave does not come and go as one.
    assert weighted.table["blrt_p"][1] == rows.table["blrt_p"][1] == pytest.approx(1 / 21)
    assert weighted.table["jaccard_min"][1] > 0.6
    bad = counted.assign(size=counted["size"].astype(float))
    bad.loc[2, "size"] = 1.5
    with pytest.raises(tc.DataError, match=r"column 'size', row 2.*whole numbers from 1"):
        quick(bad, [1, 2], weights="size", weight_type="frequency", **settings)


# --- how it shows ---------------------------------------------------------------------------------


def test_it_shows_the_table_and_the_recommendation(selection):
    text, html = repr(selection), selection._repr_html_()
    assert "\n> 3 " in text
    assert "3 segments are recommended." in text
    assert "<th>3</th>" in html
    assert "3 segments are recommended." in html


def test_numbers_that_the_data_cannot_carry_are_rows(answers):
    found = quick(answers.head(60), [1, 2, 9])
    assert found.table["bic"].isna().tolist() == [False, False, True]
    assert "more than the 60 respondents" in found.table["problem"][2]
    assert sorted(found.models) == [1, 2]
    assert "9 segments: n_segments = 9" in repr(found)
    nothing = quick(answers.head(20), [5, 6])
    assert nothing.recommended is None
    with pytest.raises(tc.NotFittedError, match=r"'problem' of \.table says why"):
        _ = nothing.best
    assert "None of these numbers" in repr(nothing)
    assert nothing.text() == nothing.reasons


def test_every_kind_of_table_comes_back(answers, kind, table, native, lists):
    found = quick(table({name: answers[name].to_numpy() for name in ITEMS}, kind), [1, 2])
    expected = "polars" if kind == "polars lazy" else kind
    assert isinstance(found.table, native[expected])
    assert lists(found.table)["n_segments"] == [1, 2]
    assert lists(found.table)["blrt_replications"] == [None, None]
    assert isinstance(found.best.summary(), native[expected])


def test_it_can_be_pickled(selection):
    again = pickle.loads(pickle.dumps(selection))
    assert repr(again) == repr(selection)
    assert again.best.params_ == selection.best.params_


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_segments": []}, "n_segments = .*numbers of segments from 1"),
        ({"n_segments": "3"}, "n_segments = '3'"),
        ({"n_segments": [1, 2.5]}, r"n_segments = 2\.5"),
        ({"n_segments": [0, 1]}, "n_segments = .*from 1"),
        ({"n_segments": [2, 33]}, "n_segments = 33: expected a whole number from 1 to 32"),
        ({"prior": -1}, "prior = -1"),
        ({"starts": 0}, "starts = 0"),
        ({"replications": -1}, "replications = -1.*0 for none"),
        ({"stability": 1.5}, r"stability = 1\.5.*0 for none"),
        ({"smallest": 5}, "smallest = 5.*0.05 for 5 per cent"),
        ({"smallest": -0.1}, r"smallest = -0\.1"),
        ({"random_state": -1}, "random_state = -1"),
        ({"n_jobs": 0}, "n_jobs = 0"),
        ({"model": 3}, "model = 3: expected a LatentClass"),
        ({"segments": 3}, "LatentClass has no parameter 'segments'"),
        ({"items": None}, "items = None"),
        ({"kinds": {"nothing": "count"}}, "kinds = {'nothing'"),
        ({"response_style": "random_intercept"}, "at least three ordinal"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(answers, arguments, words):
    if arguments == {"response_style": "random_intercept"}:
        # Every number of segments fails alike; the table says why.
        found = quick(answers, **arguments)
        assert found.recommended is None
        assert found.table["problem"].str.contains(words).all()
        return
    with pytest.raises(tc.ParameterError, match=words):
        quick(answers, **arguments)


def test_bad_data_are_refused_with_their_place(answers):
    with pytest.raises(tc.DataError, match=r"'prise': is missing.*did you mean 'price'"):
        quick(answers, items=["prise", *ITEMS[1:]])
    bad = answers.assign(visits=answers["visits"].astype(float))
    bad.loc[3, "visits"] = 1.5
    with pytest.raises(tc.DataError, match=r"column 'visits', row 3.*count is a whole number"):
        quick(bad)
    with pytest.raises(tc.DataError, match="'price': has one answer only"):
        quick(answers.assign(price="yes"))
    with pytest.raises(tc.DataError, match=r"column 'w', row 1.*positive"):
        quick(answers.assign(w=[1.0, 0.0, *[1.0] * 398]), weights="w")


def test_it_warns_of_a_recommendation_that_is_not_determined():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({f"q{k}": rng.choice(["a", "b"], 80) for k in range(4)})
    frame["twin"] = frame["q0"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = tc.select_segments(
            frame, [2], items=list(frame), starts=3, replications=0, stability=0
        )
    doubtful = found.best._is_doubtful()
    assert doubtful == any(one.category is tc.ConvergenceWarning for one in caught)


def test_progress_is_told(answers):
    steps: list[tc.Step] = []
    quick(answers, [1, 2], replications=20, stability=4, progress=steps.append)
    assert steps[-1].phase == "resampling"


def test_a_callback_that_raises_stops_it(answers):
    def stop(step: tc.Step) -> None:
        if step.phase == "testing":
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        quick(answers, range(1, 9), starts=30, replications=5_000, progress=stop, n_jobs=1)
