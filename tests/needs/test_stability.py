"""Stability of segments under resampling, and the matching of two solutions."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import tercet as tc

ITEMS = ["a", "b", "c", "d", "e"]
YES = np.array([[0.9, 0.9, 0.1, 0.2, 0.1], [0.1, 0.2, 0.9, 0.8, 0.2], [0.2, 0.1, 0.2, 0.9, 0.9]])


def simulated(n: int, seed: int) -> pd.DataFrame:
    """Respondents of three segments of five items, with a region and weights."""
    rng = np.random.default_rng(seed)
    segment = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame(np.where(rng.random((n, 5)) < YES[segment], "yes", "no"), columns=ITEMS)
    region = np.where(rng.random(n) < np.array([0.2, 0.5, 0.8])[segment], "north", "south")
    weights = rng.uniform(0.5, 1.5, n)
    return frame.assign(region=region, w=weights / weights.mean(), segment=segment + 1)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulated(500, 1)


@pytest.fixture(scope="module")
def model(answers) -> tc.LatentClass:
    return tc.LatentClass(3, starts=5).fit(answers, ITEMS)


@pytest.fixture(scope="module")
def stability(model, answers) -> tc.SegmentStability:
    return tc.segment_stability(model, answers, 10)


# --- stability ------------------------------------------------------------------------------------


def test_clear_segments_come_back(stability, model):
    table = stability.table
    assert list(table.columns) == ["segment", "share", "jaccard", "verdict"]
    assert table["segment"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(table["share"], model.shares_)
    assert (table["jaccard"] > 0.75).all()
    assert table["verdict"].tolist() == ["stable"] * 3
    assert stability.adjusted_rand > 0.7
    assert stability.n_failed == 0
    assert stability.text().startswith("All 3 segments come back")


def test_the_means_are_those_of_the_replications(stability):
    runs = stability.replications
    columns = ["replication", "adjusted_rand", "jaccard_1", "jaccard_2", "jaccard_3"]
    assert list(runs.columns) == columns
    assert runs["replication"].tolist() == list(range(1, 11))
    assert stability.adjusted_rand == pytest.approx(runs["adjusted_rand"].mean(), rel=1e-12)
    np.testing.assert_allclose(stability.jaccard, runs[columns[2:]].mean(), rtol=1e-12)


def test_segments_of_noise_do_not_come_back():
    rng = np.random.default_rng(4)
    noise = pd.DataFrame(rng.choice(["yes", "no"], (300, 5)), columns=ITEMS)
    model = tc.LatentClass(3, starts=4, prior=1.0, standard_errors=False).fit(noise, ITEMS)
    stability = tc.segment_stability(model, noise, 6)
    assert "doubtful" in stability.table["verdict"].tolist()
    assert "not found again: do not build on" in stability.text()
    assert stability.adjusted_rand < 0.6


def test_the_seed_decides_and_threads_do_not(model, answers, stability):
    again = tc.segment_stability(model, answers, 10, n_jobs=1)
    pd.testing.assert_frame_equal(again.replications, stability.replications, check_exact=True)
    other = tc.segment_stability(model, answers, 10, random_state=1)
    assert (
        other.replications["adjusted_rand"].tolist() != again.replications["adjusted_rand"].tolist()
    )


def test_weights_and_covariates_of_the_fit_are_used(answers):
    settings = {"starts": 4, "standard_errors": False}
    model = tc.LatentClass(2, **settings).fit(answers, ITEMS, "w", ["region"])
    weighted = tc.segment_stability(model, answers, 4, weights="w")
    plain = tc.segment_stability(model, answers, 4, weights=False)
    assert plain.adjusted_rand != weighted.adjusted_rand
    assert tc.segment_stability(model, answers, 4).adjusted_rand == weighted.adjusted_rand
    survey = tc.Survey.from_frame(answers, items=ITEMS, weights="w")
    assert tc.segment_stability(model, survey, 4).adjusted_rand == weighted.adjusted_rand
    with pytest.raises(tc.DataError, match="'region': is missing"):
        tc.segment_stability(model, answers.drop(columns="region"), 4)


def test_it_shows_and_can_be_pickled(stability):
    assert "segment  share  Jaccard  verdict" in repr(stability)
    assert "Adjusted Rand index" in stability._repr_html_()
    assert repr(pickle.loads(pickle.dumps(stability))) == repr(stability)


def test_every_kind_of_table_comes_back(answers, kind, table, native, lists):
    frame = table({name: answers[name].to_numpy() for name in ITEMS}, kind)
    model = tc.LatentClass(2, starts=3, standard_errors=False).fit(frame, ITEMS)
    stability = tc.segment_stability(model, frame, 2)
    expected = native["polars" if kind == "polars lazy" else kind]
    assert isinstance(stability.table, expected)
    assert isinstance(stability.replications, expected)
    assert lists(stability.table)["segment"] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"replications": 1}, "replications = 1: expected at least 2"),
        ({"replications": 2.5}, r"replications = 2\.5"),
        ({"random_state": -3}, "random_state = -3"),
        ({"n_jobs": 0}, "n_jobs = 0"),
        ({"model": tc.BGNBD()}, "model = BGNBD.*expected a fitted LatentClass"),
        ({"progress": 3}, "progress = 3"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(model, answers, arguments, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.segment_stability(**{"model": model, "survey": answers, **arguments})


def test_an_unfitted_model_is_refused(answers):
    with pytest.raises(tc.NotFittedError, match=r"call fit\(survey\) first"):
        tc.segment_stability(tc.LatentClass(2), answers)


# --- matching -------------------------------------------------------------------------------------


def test_renumbered_segments_are_found_again(model, answers):
    members = model.predict(answers)
    shuffled = np.array([3, 1, 2])[members - 1]
    alignment = tc.align_segments(members, shuffled)
    assert alignment.matches == {3: 1, 1: 2, 2: 3}
    assert alignment.adjusted_rand == 1.0
    np.testing.assert_array_equal(alignment.similarity, [1, 1, 1])
    np.testing.assert_array_equal(alignment.relabel(shuffled), members)


def test_the_adjusted_rand_index_is_that_of_others(answers):
    rng = np.random.default_rng(2)
    first, second = rng.integers(1, 5, 300), rng.integers(1, 4, 300)
    second = np.where(rng.random(300) < 0.6, np.minimum(first, 3), second)
    found = tc.align_segments(first, second).adjusted_rand
    assert found == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)
    weights = rng.integers(1, 4, 300).astype(float)
    repeated = np.repeat(np.arange(300), weights.astype(int))
    weighted = tc.align_segments(first, second, weights=weights)
    expected = tc.align_segments(first[repeated], second[repeated])
    assert weighted.adjusted_rand == pytest.approx(expected.adjusted_rand, abs=1e-12)
    np.testing.assert_allclose(weighted.similarity, expected.similarity)


def test_probabilities_are_assigned_and_relabelled(model, answers):
    members = model.predict_proba(answers)
    turned = members[:, [1, 2, 0]]
    alignment = tc.align_segments(members, turned)
    assert alignment.matches == {1: 2, 2: 3, 3: 1}
    np.testing.assert_array_equal(alignment.relabel(turned), members)
    np.testing.assert_array_equal(
        tc.align_segments(model.predict(answers), turned).relabel(turned), members
    )


def test_more_segments_than_before_get_new_numbers():
    alignment = tc.align_segments([1, 1, 1, 2, 2, 2], [2, 2, 2, 3, 3, 1])
    assert alignment.matches == {1: None, 2: 1, 3: 2}
    assert alignment.relabel([1, 2, 3]).tolist() == [3, 1, 2]
    probabilities = alignment.relabel(np.array([[0.5, 0.3, 0.2]]))
    np.testing.assert_array_equal(probabilities, [[0.3, 0.2, 0.5]])
    assert alignment.table["match"].isna().tolist() == [True, False, False]
    assert alignment.text().startswith("Segment 1 has no match, 2 is 1 of the first solution")


def test_fewer_segments_than_before_leave_columns_empty():
    alignment = tc.align_segments([1, 2, 3, 3], [2, 1, 1, 1])
    assert alignment.matches == {1: 3, 2: 1}
    np.testing.assert_array_equal(alignment.relabel(np.array([[0.6, 0.4]])), [[0.4, 0.0, 0.6]])


def test_a_segment_that_nobody_is_assigned_to_keeps_its_column():
    first = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    second = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
    alignment = tc.align_segments(first, second)
    assert alignment.matches == {1: 2, 2: 1, 3: None}
    assert alignment.relabel(second).shape == (2, 4)


def test_models_are_matched_by_their_answers(model):
    later = simulated(400, 7)
    # In the later wave the smallest segment has become the largest.
    later = pd.concat([later, *[later[later["segment"] == 3]] * 4])
    other = tc.LatentClass(3, starts=5).fit(later, ITEMS)
    alignment = tc.align_segments(model, other)
    assert sorted(alignment.matches.values()) == [1, 2, 3]
    assert alignment.matches[1] == 3
    assert alignment.adjusted_rand is None
    assert (alignment.similarity > 0.8).all()
    agreed = alignment.relabel(other.predict(later)) == model.predict(later)
    assert agreed.mean() > 0.8
    assert "Adjusted Rand" not in repr(alignment)


def test_models_are_matched_though_a_level_is_missing(answers, model):
    rare = answers.copy()
    rare["e"] = np.where(np.arange(len(rare)) % 50 == 0, "maybe", rare["e"])
    other = tc.LatentClass(3, starts=5).fit(rare, ITEMS)
    alignment = tc.align_segments(model, other)
    assert alignment.matches == {1: 1, 2: 2, 3: 3}
    assert (alignment.similarity > 0.9).all()


def test_it_shows_its_matches_in_every_kind_of_table(answers, kind, table, native, lists):
    frame = table({name: answers[name].to_numpy() for name in ITEMS}, kind)
    model = tc.LatentClass(2, starts=3, standard_errors=False).fit(frame, ITEMS)
    alignment = tc.align_segments(model, model)
    assert isinstance(alignment.table, native["polars" if kind == "polars lazy" else kind])
    assert lists(alignment.table) == {"segment": [1, 2], "match": [1, 2], "similarity": [1.0, 1.0]}
    assert "<td>1.00</td>" in alignment._repr_html_()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1, 2], [1, 2, 1], r"'second': has 3 rows and the first 2; pass assignments of the same"),
        ([1, 0], [1, 2], r"column 'first', row 1: is 0; segments are numbered from 1"),
        ([1, 2], [1, 2.5], r"column 'second', row 1: is 2\.5"),
        ([1, 2], [1, None], r"column 'second', row 1: is missing"),
        (["a", "b"], [1, 2], r"column 'first': holds text where numbers belong"),
        ([], [], r"column 'first': is no column of segments"),
        ([1, 2], [5000, 1], r"column 'second', row 0: is 5000.*1,000 at most"),
        ([[0.5, np.nan]], [1], r"column 'first', row 0: holds something else than probabilities"),
    ],
)
def test_assignments_that_cannot_be_compared_are_refused(first, second, words):
    with pytest.raises(tc.DataError, match=words):
        tc.align_segments(first, second)


def test_other_refusals_of_a_matching(model):
    with pytest.raises(tc.ParameterError, match=r"second = .*two fitted LatentClass, or two"):
        tc.align_segments(model, [1, 2])
    with pytest.raises(tc.ParameterError, match="compared by their answers"):
        tc.align_segments(model, model, weights=[1, 2])
    with pytest.raises(tc.NotFittedError):
        tc.align_segments(tc.LatentClass(2), model)
    other = tc.LatentClass(2).fit(
        {"x": [1, 2] * 20, "y": [1, 2] * 20, "z": [1, 2] * 20}, ["x", "y", "z"]
    )
    with pytest.raises(tc.ParameterError, match="two models of the same questions"):
        tc.align_segments(model, other)
    with pytest.raises(tc.DataError, match=r"'weights': has 3 values for 2 rows"):
        tc.align_segments([1, 2], [1, 2], weights=[1, 2, 3])
    with pytest.raises(tc.DataError, match=r"'weights', row 1: is -1"):
        tc.align_segments([1, 2], [1, 2], weights=[1, -1])
    alignment = tc.align_segments([1, 2], [1, 2])
    with pytest.raises(tc.DataError, match=r"'predictions', row 0: is 3.*has 2 segments"):
        alignment.relabel([3])
    with pytest.raises(tc.DataError, match=r"'predictions': has 3 columns; expected 2"):
        alignment.relabel(np.ones((1, 3)))
