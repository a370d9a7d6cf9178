"""Segments carried to the customer base: quality, tables of every kind, own answers, files."""

from __future__ import annotations

import math
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

import tercet as tc

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = ["price", "service", "brand", "advice"]
FEATURES = ["age", "region", "member"]
# By segment: how likely each item is important, the mean age, the share of the south.
TRUTH = {"important": [0.85, 0.2], "age": [38.0, 56.0], "south": [0.3, 0.6]}


def draw(n: int, seed: int, visible: float = 1.0) -> dict[str, Any]:
    """Customers of two segments (60% and 40%) who answered, with attributes that tell of them."""
    rng = np.random.default_rng(seed)
    segment = (rng.random(n) < 0.4).astype(int)
    columns: dict[str, Any] = {"customer_id": np.arange(1000, 1000 + n)}
    for k, item in enumerate(ITEMS):
        chance = np.array(TRUTH["important"])[segment]
        chance = chance if k < 2 else 1 - chance
        columns[item] = np.where(rng.random(n) < chance, "important", "not")
    seen = visible * segment
    columns["age"] = rng.normal(38 + 18 * seen, 9).round(1)
    columns["region"] = np.where(rng.random(n) < 0.3 + 0.3 * seen, "south", "north")
    columns["member"] = rng.random(n) < 0.5
    columns["segment"] = segment + 1
    return columns


@pytest.fixture(scope="module")
def survey() -> pd.DataFrame:
    return pd.DataFrame(draw(600, seed=1))


@pytest.fixture(scope="module")
def segments(survey) -> tc.LatentClass:
    return tc.LatentClass(2, random_state=1).fit(survey, ITEMS)


@pytest.fixture(scope="module")
def projection(segments, survey) -> tc.SegmentProjection:
    return tc.SegmentProjection(segments).fit(survey, FEATURES)


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return draw(3_000, seed=2)


# --- what it says ---------------------------------------------------------------------------------


def test_probabilities_follow_the_truth_and_keep_the_shares(projection, survey, base):
    members = projection.predict_proba(base)
    assert members.shape == (3_000, 2)
    np.testing.assert_allclose(members.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        projection.predict_proba(survey).mean(axis=0), projection.shares_, atol=1e-12
    )
    # Calibrated: of those given about 70% for a segment about 70% belong to it.
    order = np.argsort(members[:, 1])
    for part in np.array_split(order, 5):
        assert abs(members[part, 1].mean() - (base["segment"][part] == 2).mean()) < 0.08
    assert (projection.predict(base) == base["segment"]).mean() > 0.8
    assert set(projection.predict(base)) == {1, 2}


def test_the_quality_is_told(projection):
    assert projection.is_informative_
    assert projection.majority_ < projection.accuracy_ < projection.ceiling_
    assert projection.auc_.shape == (2,)
    assert 0.8 < projection.mean_auc_ < 1.0
    assert projection.log_loss_ < projection.null_log_loss_
    assert projection.share_error_ < 0.01
    quality = projection.quality_
    assert quality["log_likelihood_gain"] > 2 * quality["log_likelihood_gain_error"]
    assert quality["modal_agreement"] > quality["modal_agreement_largest"]
    calibration = projection.calibration_
    assert list(calibration) == [
        "segment",
        "decile",
        "weight",
        "predicted",
        "expected",
        "observed",
    ]
    assert len(calibration) == 20
    assert abs(calibration["expected"] - calibration["observed"]).max() < 0.15
    effects = projection.effects_
    named = effects[effects["segment"] == 2].set_index("feature")["log_odds"]
    assert named["age"] > 0.5
    assert named["region = south"] > 0 > named["region = north"]
    assert {"member = true", "member = false"} <= set(named.index)
    np.testing.assert_allclose(effects["odds_ratio"], np.exp(effects["log_odds"]))
    penalties = projection.penalties_
    assert penalties["log_likelihood_gain"].idxmax() == list(penalties["penalty"]).index(
        projection.penalty_
    )
    assert projection.features_ == FEATURES
    assert projection.classes_.tolist() == [1, 2]
    assert projection.n_observations_ == 600
    assert all(math.isnan(error) for error in projection.standard_errors_.values())


def test_what_tells_nothing_is_called_so_without_a_warning(segments):
    blind = draw(600, seed=3, visible=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        projection = tc.SegmentProjection(segments).fit(blind, FEATURES)
    assert not projection.is_informative_
    assert "do not tell the segments apart" in projection.verdict_
    assert "do not tell the segments apart" in repr(projection).replace("\n  ", " ")
    assert abs(projection.accuracy_ - projection.majority_) < 0.05


def test_the_correction_undoes_the_attenuation(segments, survey):
    def slope(**settings: Any) -> float:
        projection = tc.SegmentProjection(segments, penalty=0.0001, **settings)
        effects = projection.fit(survey, ["age"]).effects_
        chosen = (effects["feature"] == "age") & (effects["segment"] == 2)
        return float(effects[chosen]["log_odds"].iloc[0])

    assert slope(correction=False) < 0.9 * slope()


def test_a_posterior_takes_the_place_of_a_model(segments, projection, survey):
    posterior = segments.predict_proba(survey)
    given = tc.SegmentProjection().fit(survey, FEATURES, posterior=posterior)
    np.testing.assert_allclose(
        given.predict_proba(survey), projection.predict_proba(survey), atol=1e-6
    )
    frame = pd.DataFrame(posterior)
    again = tc.SegmentProjection().fit(survey, FEATURES, posterior=frame)
    np.testing.assert_array_equal(again.predict_proba(survey), given.predict_proba(survey))


def test_weights_count_as_rows(segments, survey):
    part = {name: column[:200] for name, column in survey.items()}
    times = np.arange(200) % 3
    repeated = {name: np.repeat(column, times) for name, column in part.items()}
    # Levels are told apart by how many respondents have them, so that there are enough of each.
    settings: dict[str, Any] = {"penalty": 0.01, "min_level_count": 2}
    weighted = tc.SegmentProjection(segments, **settings).fit(part, FEATURES, weights=times * 1.0)
    rows = tc.SegmentProjection(segments, **settings).fit(repeated, FEATURES)
    np.testing.assert_allclose(
        weighted.predict_proba(part), rows.predict_proba(part), rtol=0, atol=1e-8
    )
    assert weighted.n_observations_ == rows.n_observations_ == times.sum()


def test_a_survey_knows_its_weights(segments, survey):
    frame = pd.DataFrame(survey).assign(w=np.linspace(0.5, 1.5, 600))
    told = tc.Survey.from_frame(frame, weights="w")
    by_survey = tc.SegmentProjection(segments).fit(told, FEATURES)
    by_name = tc.SegmentProjection(segments).fit(frame, FEATURES, weights="w")
    without = tc.SegmentProjection(segments).fit(told, FEATURES, weights=False)
    np.testing.assert_array_equal(by_survey.predict_proba(frame), by_name.predict_proba(frame))
    assert by_survey.n_observations_ == pytest.approx(600)
    assert not np.array_equal(by_survey.predict_proba(frame), without.predict_proba(frame))


def test_covariates_of_the_segments_do_not_count_twice(survey):
    with_age = tc.LatentClass(2, random_state=1).fit(survey, ITEMS, covariates=["age"])
    projection = tc.SegmentProjection(with_age).fit(survey, ["age"])
    answers = with_age.predict_proba(survey, covariates=False)
    by_hand = tc.SegmentProjection(with_age).fit(survey, ["age"], posterior=answers)
    np.testing.assert_array_equal(projection.predict_proba(survey), by_hand.predict_proba(survey))


def test_threads_do_not_change_the_digits(segments, survey, base):
    one, two = (
        tc.SegmentProjection(segments, n_jobs=n).fit(survey, FEATURES).predict_proba(base)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


# --- tables ---------------------------------------------------------------------------------------


def test_every_kind_of_table_is_projected(projection, base, kind, table, native, lists):
    columns = {name: base[name] for name in ("customer_id", *FEATURES)}
    found = projection.project(table(columns, kind))
    assert isinstance(found, native[kind])
    got = lists(found)
    assert list(got) == ["customer_id", "segment_1", "segment_2", "macro_segment", "source"]
    assert got["customer_id"] == base["customer_id"].tolist()
    members = projection.predict_proba(base)
    np.testing.assert_array_equal(got["segment_2"], members[:, 1])
    assert got["macro_segment"] == projection.predict(base).tolist()
    assert set(got["source"]) == {"projected"}
    report = lists(projection.share_report(table(columns, kind)))
    np.testing.assert_allclose(report["expected_share"], members.mean(axis=0))


def test_every_kind_of_table_is_fitted(segments, survey, kind, table, projection, base):
    found = tc.SegmentProjection(segments).fit(table(survey, kind), FEATURES)
    np.testing.assert_array_equal(found.predict_proba(base), projection.predict_proba(base))


def test_an_index_is_kept_and_ids_stay_as_they_are(projection, base):
    frame = pd.DataFrame({name: base[name][:3] for name in FEATURES}, index=[7, 8, 9])
    frame["who"] = pd.Categorical(["c", "a", "b"])
    found = projection.project(frame, customer="who")
    assert found["who"].dtype == frame["who"].dtype
    assert found["who"].tolist() == ["c", "a", "b"]


def test_levels_are_known_by_their_names(segments, survey):
    codes = {**survey, "region": pd.Categorical(np.where(survey["region"] == "south", 2, 1))}
    projection = tc.SegmentProjection(segments).fit(pd.DataFrame(codes), ["region"])
    assert "region = 2" in set(projection.effects_["feature"])
    expected = projection.predict_proba({"region": ["1", "2"]})
    for same in ([1, 2], [1.0, 2.0], pd.Series([1, 2]).astype("category")):
        frame = pd.DataFrame({"region": same})
        np.testing.assert_array_equal(projection.predict_proba(frame), expected)


def test_a_column_that_is_coded_otherwise_is_refused(projection, base):
    ones = {**base, "member": base["member"].astype(int)}
    with pytest.raises(tc.DataError, match=r"column 'member': holds '.', '.', and the model"):
        projection.predict_proba(ones)
    with pytest.raises(tc.DataError, match=r"column 'region': holds 'atlantis', and.*'south'"):
        projection.predict_proba({**base, "region": ["atlantis"] * 3_000})
    # One customer may well live where no respondent did.
    one = {"age": [40.0], "region": ["atlantis"], "member": [True]}
    assert projection.predict_proba(one).shape == (1, 2)


def test_what_was_never_seen_gets_possible_probabilities(projection):
    strange = pl.DataFrame(
        {
            "age": [40.0, 1e9, None, 40.0],
            "region": ["atlantis", "south", "south", None],
            "member": [True, False, None, True],
        }
    )
    members = projection.predict_proba(strange)
    np.testing.assert_allclose(members.sum(axis=1), 1.0)
    assert np.isfinite(members).all()
    unknown = pl.DataFrame({"age": [40.0], "region": [None], "member": [None]})
    assert np.isfinite(projection.predict_proba(unknown)).all()


def test_a_gap_tells_in_its_own_way(segments, survey):
    # Customers of the second segment do not give their age.
    members = segments.predict(survey)
    age = pa.array(np.where(members == 2, np.nan, survey["age"]), from_pandas=True)
    projection = tc.SegmentProjection(segments).fit({**survey, "age": age}, ["age"])
    assert "age: missing" in projection.effects_["feature"].to_pylist()
    missing = projection.predict_proba(pl.DataFrame({"age": [None, 38.0]}))
    assert missing[0, 1] > missing[1, 1]


# --- own answers ----------------------------------------------------------------------------------


def test_own_answers_win(projection, segments, survey, base):
    customers = {name: base[name][:4] for name in ("customer_id", *FEATURES)}
    ids = base["customer_id"]
    answers = pl.DataFrame(
        {
            "customer_id": [ids[2], 5, ids[0], None],
            "price": ["not", "not", "important", "not"],
            "service": ["not", "not", None, "not"],
            "brand": ["important", "not", None, "not"],
            "advice": ["important", "not", None, "not"],
        }
    )
    found = projection.project(pd.DataFrame(customers), answers)
    assert found["source"].tolist() == ["answered", "projected", "answered", "projected"]
    before = projection.predict_proba(customers)
    after = found[["segment_1", "segment_2"]].to_numpy()
    np.testing.assert_array_equal(after[[1, 3]], before[[1, 3]])
    # Bayes: the projected probabilities take the place of the shares.
    own = segments.predict_proba(answers)[[2, 0]]
    by_hand = before[[0, 2]] * own / segments.shares_
    by_hand /= by_hand.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after[[0, 2]], by_hand, rtol=1e-12)
    assert after[2, 1] > 0.9


def test_golden_questions_are_told_from_the_whole_questionnaire(projection, base):
    customers = pd.DataFrame({name: base[name][:4] for name in ("customer_id", *FEATURES)})
    answers = {
        "customer_id": base["customer_id"][:3],
        "price": pa.array(["important", None, None]),
        "brand": pa.array([None, "not", None], pa.string()),
    }
    found = projection.project(customers, answers, golden=["price"])
    assert found["source"].tolist() == ["typed", "answered", "projected", "projected"]
    every = projection.project(customers, answers)
    assert every["source"].tolist() == ["answered", "answered", "projected", "projected"]
    pd.testing.assert_frame_equal(found.drop(columns="source"), every.drop(columns="source"))


def test_a_survey_names_its_respondents(projection, base):
    text = [f"c{number}" for number in base["customer_id"][:3]]
    customers = pd.DataFrame({"id": text, **{name: base[name][:3] for name in FEATURES}})
    frame = pl.DataFrame({"respondent": [text[1]], "price": ["not"], "service": ["not"]})
    survey = tc.Survey.from_frame(frame, items=["price", "service"], respondent="respondent")
    found = projection.project(customers, survey, customer="id")
    assert found["source"].tolist() == ["projected", "answered", "projected"]
    named = projection.project(customers, frame, customer="id", respondent="respondent")
    pd.testing.assert_frame_equal(found, named)


def test_ids_of_any_type_meet(projection, base):
    columns = {name: base[name][:3] for name in FEATURES}
    numbers = base["customer_id"][:3]
    answers = {"customer_id": numbers[[1]].astype(float), "price": ["not"], "service": ["not"]}
    by_number = projection.project({"customer_id": numbers, **columns}, answers)
    words = pa.array([str(number) for number in numbers]).dictionary_encode()
    answers = {"customer_id": [str(numbers[1])], "price": ["not"], "service": ["not"]}
    by_word = projection.project(pa.table({"customer_id": words, **columns}), answers)
    assert by_number["source"].to_pylist() == by_word["source"].to_pylist()
    assert by_number["segment_1"].to_pylist() == by_word["segment_1"].to_pylist()
    with pytest.raises(tc.DataError, match="holds text where 'customer_id' holds whole numbers"):
        projection.project({"customer_id": numbers, **columns}, answers)


def test_the_share_report_shows_what_modes_distort(segments, base):
    faint = draw(600, seed=5, visible=0.3)
    projection = tc.SegmentProjection(segments).fit(faint, FEATURES)
    report = projection.share_report(pd.DataFrame(draw(3_000, seed=6, visible=0.3)))
    assert list(report) == [
        "segment",
        "survey_share",
        "expected_share",
        "modal_share",
        "difference",
    ]
    np.testing.assert_allclose(report["survey_share"], segments.shares_)
    np.testing.assert_allclose(report["expected_share"].sum(), 1.0)
    np.testing.assert_allclose(report["modal_share"].sum(), 1.0)
    np.testing.assert_allclose(report["difference"].sum(), 0.0, atol=1e-12)
    assert report["difference"][0] > 0.05  # the largest segment grows
    answered = projection.share_report(base, base)
    assert isinstance(answered, pa.Table)
    modal = answered["modal_share"].to_pylist()
    assert modal[1] == pytest.approx(np.mean(base["segment"] == 2), abs=0.06)


# --- what is refused ------------------------------------------------------------------------------


def test_refusals_name_column_row_and_remedy(projection, segments, survey, base):
    fresh = tc.SegmentProjection(segments)

    def refused(kind: type[Exception], call: Any, *words: str) -> Any:
        with pytest.raises(kind) as caught:
            call()
        for word in words:
            assert word in str(caught.value), str(caught.value)
        return caught.value

    error = refused(
        tc.DataError,
        lambda: fresh.fit({**survey, "age": np.full(600, 3.0)}, ["age"]),
        "column 'age': is 3 wherever it is known",
    )
    assert error.column == "age"
    ages = survey["age"].copy()
    ages[17] = np.inf
    error = refused(tc.DataError, lambda: fresh.fit({**survey, "age": ages}, ["age"]), "infinite")
    assert (error.column, error.row) == ("age", 17)
    refused(
        tc.DataError,
        lambda: fresh.fit(survey, ["age", "tenure"]),
        "column 'tenure': is missing",
        "features=",
    )
    refused(
        tc.ParameterError,
        lambda: fresh.fit(survey, ["age", "price"]),
        "'price'",
        "segments were not made from",
    )
    refused(tc.ParameterError, lambda: fresh.fit(survey, "age"), "features = 'age'")
    refused(tc.ParameterError, lambda: tc.SegmentProjection().fit(survey, ["age"]), "posterior =")
    days = np.full(600, "2024-01-01", dtype="datetime64[D]")
    refused(
        tc.DataError,
        lambda: fresh.fit({**survey, "since": days}, ["since"]),
        "column 'since': holds values of type date32",
        "days",
    )
    posterior = segments.predict_proba(survey)
    bad = posterior.copy()
    bad[3] = [0.5, 0.6]
    error = refused(
        tc.DataError,
        lambda: tc.SegmentProjection().fit(survey, ["age"], posterior=bad),
        "column 'posterior', row 3: adds up to 1.1",
    )
    for wrong in (posterior[:-1], posterior[:, 0], [["a", "b"]] * 600):
        refused(
            tc.DataError,
            lambda wrong=wrong: tc.SegmentProjection().fit(survey, ["age"], posterior=wrong),
            "column 'posterior'",
        )
    refused(
        tc.DataError,
        lambda: fresh.fit(survey, ["age"], posterior=np.full((600, 3), 1 / 3)),
        "expected 600 x 2",
    )
    refused(
        tc.DataError,
        lambda: projection.predict_proba({"age": base["age"], "region": base["region"]}),
        "column 'member': is missing",
        "add the column",
    )
    refused(
        tc.DataError,
        lambda: projection.predict_proba({**base, "age": ["young"] * 3_000}),
        "column 'age'",
        "text where numbers belong",
    )


def test_refusals_of_answers(projection, segments, survey, base):
    customers = {name: base[name][:3] for name in ("customer_id", *FEATURES)}
    ids = base["customer_id"][:3]
    answers = {"customer_id": ids, "price": ["not", "not", "important"]}
    with pytest.raises(tc.DataError, match=r"row 2: 1000 has answers already in row 0") as caught:
        projection.project(customers, {**answers, "customer_id": [ids[0], ids[1], ids[0]]})
    assert (caught.value.column, caught.value.row) == ("customer_id", 2)
    with pytest.raises(tc.DataError, match="column 'price', row 1: 'perhaps' is none of"):
        projection.project(customers, {**answers, "price": ["not", "perhaps", "not"]})
    with pytest.raises(tc.DataError, match="none of the model's items"):
        projection.project(customers, {"customer_id": ids})
    with pytest.raises(tc.DataError, match="column 'customer_id': is missing"):
        projection.project(customers, {"price": ["not"]})
    with pytest.raises(tc.ParameterError, match="golden = 'taste': expected items of the model"):
        projection.project(customers, answers, golden=["taste"])
    bare = tc.SegmentProjection().fit(survey, FEATURES, posterior=segments.predict_proba(survey))
    with pytest.raises(tc.ParameterError, match="no latent class model can read them"):
        bare.project(customers, answers)
    with pytest.raises(tc.ParameterError, match="model = 5: expected a fitted model"):
        tc.SegmentProjection(5).fit(survey, FEATURES)
    with pytest.raises(tc.NotFittedError, match=r"LatentClass is not fitted"):
        tc.SegmentProjection(tc.LatentClass(2)).fit(survey, FEATURES)
    with pytest.raises(tc.NotFittedError, match=r"fit\(respondents, features\)"):
        tc.SegmentProjection(segments).predict_proba(base)
    with pytest.raises(tc.DataError, match="column 'customer_id', row 1: is missing"):
        projection.project({**customers, "customer_id": pa.array([1, None, 2])}, answers)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"penalty": -1.0}, "penalty = -1"),
        ({"penalty": "strong"}, 'penalty = .strong.: expected one of "cv"'),
        ({"penalty": True}, "penalty = True"),
        ({"correction": 1}, "correction = 1: expected True or False"),
        ({"folds": 1}, "folds = 1: expected at least 2"),
        ({"folds": 601}, "at most the number of respondents, 600"),
        ({"random_state": -1}, "random_state = -1"),
        ({"min_level_count": 0}, "min_level_count = 0"),
        ({"max_iterations": 0}, "max_iterations = 0"),
        ({"n_jobs": 0}, "n_jobs = 0"),
    ],
)
def test_settings_that_cannot_be(segments, survey, settings, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.SegmentProjection(segments, **settings).fit(survey, FEATURES)


def test_a_column_made_of_the_segments_is_warned_of(segments, survey):
    made = {**survey, "leak": np.where(survey["segment"] == 2, "x", "y")}
    posterior = np.eye(2)[survey["segment"] - 1]
    with pytest.warns(tc.ConvergenceWarning, match="tells segment 2 from segment 1"):
        tc.SegmentProjection(penalty=0.0).fit(made, ["leak"], posterior=posterior)
    held = tc.SegmentProjection().fit(made, ["leak"], posterior=posterior)
    assert held.accuracy_ > 0.99


# --- manners --------------------------------------------------------------------------------------


def test_files_pickles_and_clones(projection, segments, base, tmp_path: Path):
    projection.save(tmp_path / "projection.json")
    answers = {name: base[name][:50] for name in ("customer_id", *ITEMS)}
    expected = projection.project(base, answers)
    for copy in (tc.load(tmp_path / "projection.json"), pickle.loads(pickle.dumps(projection))):
        assert isinstance(copy, tc.SegmentProjection)
        assert repr(copy) == repr(projection)
        assert copy.project(base, answers).equals(expected)
        assert copy.model.params_ == segments.params_
        assert copy.quality_ == projection.quality_
        copy.save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_text() == (tmp_path / "projection.json").read_text()
    fresh = clone(projection.set_params(folds=10))
    assert fresh.get_params() == projection.get_params()
    assert fresh.model is segments
    with pytest.raises(tc.NotFittedError):
        fresh.predict(base)


def test_settings_are_saved(survey, segments, tmp_path: Path):
    posterior = segments.predict_proba(survey)
    for penalty in ("cv", 0.05, 1):
        projection = tc.SegmentProjection(
            penalty=penalty, correction=False, folds=5, random_state=3, min_level_count=7
        ).fit(survey, FEATURES, posterior=posterior)
        projection.save(tmp_path / "projection.json")
        loaded = tc.load(tmp_path / "projection.json")
        assert loaded.get_params() == projection.get_params()
        assert loaded.penalty_ == projection.penalty_
        assert loaded.model is None


def test_it_shows_itself(projection, segments):
    text = repr(projection)
    assert text.startswith("SegmentProjection(model=LatentClass(n_segments=2, random_state=1))")
    assert "AUC" in text
    assert "These attributes tell the segments apart" in text
    assert "3 features: age, region, member" in text
    page = projection._repr_html_()
    assert "<table>" in page
    assert "These attributes tell" in page
    assert repr(tc.SegmentProjection()) == "SegmentProjection()"
    assert "SegmentProjection(model=LatentClass" in tc.SegmentProjection(segments)._repr_html_()


class Enough(Exception):
    """What a caller's `progress` raises to stop a fit."""


def test_progress_is_told_and_may_stop_the_fit(segments, survey):
    steps: list[tc.Step] = []
    tc.SegmentProjection(segments).fit(survey, FEATURES, progress=steps.append)
    assert steps
    assert steps[-1].phase == "cross-validating"

    def stop(step: tc.Step) -> None:
        raise Enough(step.phase)

    with pytest.raises(Enough):
        tc.SegmentProjection(segments).fit(survey, FEATURES, progress=stop)


# --- weights --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weighted() -> tuple[tc.datasets.SimulatedNeeds, tc.LatentClass, pd.DataFrame]:
    """A company whose older customers answer more often, and the weights that make up for it."""
    company = tc.datasets.simulate_needs(4_000, n_respondents=500, seed=1)
    model = tc.LatentClass(4, starts=6, response_style="random_intercept").fit(company.survey)
    customers = company.customers.drop(columns="segment")
    return company, model, company.respondents.merge(customers, on="customer_id")


def test_the_weights_of_the_fit_are_used(weighted):
    company, model, asked = weighted
    assert model.weights_ == "weight"
    features = ["age", "orders", "region"]
    found = tc.SegmentProjection(model).fit(asked, features)
    named = tc.SegmentProjection(model).fit(asked, features, weights="weight")
    members = found.predict_proba(company.customers)
    assert np.array_equal(members, named.predict_proba(company.customers))
    plain = tc.SegmentProjection(model).fit(asked, features, weights=False)
    assert not np.array_equal(members, plain.predict_proba(company.customers))
    # Weighted to the customer base, the sample's shares are the base's.
    truth = company.customers["segment"].value_counts(normalize=True).sort_index()
    assert np.abs(members.mean(axis=0) - truth.to_numpy()).max() < 0.02


def test_weights_that_are_lost_are_told(weighted):
    _, model, asked = weighted
    bare = asked.drop(columns="weight")
    with pytest.warns(tc.WeightsWarning, match="'weight'") as caught:
        tc.SegmentProjection(model).fit(bare, ["age"])
    assert caught[0].filename == __file__
    tc.SegmentProjection(model).fit(bare, ["age"], weights=False)
    with pytest.warns(tc.WeightsWarning, match="count equally"):
        model.profile(bare)
