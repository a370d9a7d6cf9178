"""Scores of probabilities: reference numbers, intervals, ties, weights, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

FOLDER = Path(__file__).parents[1] / "reference" / "evaluation"


def cases(kind: str) -> list[Any]:
    """The reference cases of a kind; finding none is a failure."""
    read = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    found = [pytest.param(case, id=case["case"]) for case in read if case["kind"] == kind]
    assert found
    return found


@pytest.fixture(scope="module")
def customers():
    """Two thousand rows of a thousand customers with true probabilities."""
    rng = np.random.default_rng(3)
    p = rng.beta(1, 5, 2_000)
    return pd.DataFrame(
        {
            "y": rng.random(2_000) < p,
            "p": p,
            "weight": rng.gamma(2, 0.5, 2_000),
            "customer": rng.integers(0, 1_000, 2_000),
            "date": np.where(rng.random(2_000) < 0.5, "2024-01", "2024-02"),
        }
    )


@pytest.mark.parametrize("case", cases("scores"))
def test_the_measures_are_scikit_learns(case):
    rows = case["input"]["rows"]
    scores = tc.score_probabilities(
        rows["y"], rows["p"], rows["sample_weight"], shares=[0.05, 0.1, 0.33], replications=0
    )
    checked = 0
    for check in case["expected"]:
        if check["quantity"] == "auc_standard_error":
            continue
        tolerance = {"rel": check["rtol"], "abs": check["atol"]}
        assert scores[check["quantity"]] == pytest.approx(check["values"], **tolerance), check
        checked += 1
    assert checked == 14


def test_the_interval_of_the_auc_is_about_delongs():
    # DeLong's formula knows no weights.
    checked = 0
    for parameter in cases("scores"):
        checked += _check_error_of_auc(parameter.values[0])
    assert checked == 2


def _check_error_of_auc(case) -> bool:
    expected = [one for one in case["expected"] if one["quantity"] == "auc_standard_error"]
    if not expected:
        return False
    rows = case["input"]["rows"]
    table = tc.score_probabilities(rows["y"], rows["p"], replications=4_000).table
    auc = table.set_index("measure").loc["auc"]
    error = (auc["upper"] - auc["lower"]) / (2 * 1.959964)
    assert error == pytest.approx(expected[0]["values"], rel=expected[0]["rtol"])
    return True


def test_the_decomposition_adds_up(customers):
    scores = tc.score_probabilities(customers["y"], customers["p"], customers["weight"])
    parts = scores["brier_reliability"] - scores["brier_resolution"] + scores["brier_uncertainty"]
    assert parts == pytest.approx(scores["brier"], abs=1e-14)
    table = scores.table
    assert (table["lower"] <= table["value"]).all()
    assert (table["value"] <= table["upper"]).all()


def test_whole_weights_are_repetitions(customers):
    some = customers.head(300)
    times = np.arange(300) % 3
    weighted = tc.score_probabilities(some["y"], some["p"], times, replications=0)
    repeated = some.loc[some.index.repeat(times)]
    plain = tc.score_probabilities(repeated["y"], repeated["p"], replications=0)
    np.testing.assert_allclose(weighted.table["value"], plain.table["value"], rtol=1e-9)
    assert weighted.n == 200


def test_neither_row_order_nor_threads_change_a_bit(customers):
    def table(frame, n_jobs=None):
        scores = tc.score_probabilities(
            frame["y"],
            frame["p"].round(2),
            frame["weight"],
            frame["customer"],
            replications=20,
            n_jobs=n_jobs,
        )
        return scores.table

    shuffled = customers.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(table(customers), table(shuffled), check_exact=True)
    pd.testing.assert_frame_equal(table(customers, 1), table(customers, 4), check_exact=True)


def test_customers_with_many_rows_widen_the_intervals():
    rng = np.random.default_rng(5)
    p = np.repeat(rng.beta(1, 4, 300), 6)
    y = np.repeat(rng.random(300) < p[::6], 6)
    customer = np.repeat(np.arange(300), 6)
    alone = tc.score_probabilities(y, p).table.set_index("measure")
    together = tc.score_probabilities(y, p, groups=customer).table.set_index("measure")
    width = (together["upper"] - together["lower"]) / (alone["upper"] - alone["lower"])
    # Six copies of a row know as much as one: intervals are wider by the root of six.
    for measure in ("auc", "log_loss", "brier", "event_rate"):
        assert width[measure] == pytest.approx(6**0.5, rel=0.2), measure


def test_intervals_cover_the_truth():
    rng = np.random.default_rng(6)
    p = rng.beta(1, 4, 600)
    large = np.random.default_rng(7).beta(1, 4, 200_000)
    truth = tc.score_probabilities(np.random.default_rng(8).random(200_000) < large, large)
    inside = dict.fromkeys(("auc", "log_loss", "brier", "calibration_slope"), 0)
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        p = rng.beta(1, 4, 600)
        table = tc.score_probabilities(rng.random(600) < p, p).table.set_index("measure")
        for measure in inside:
            row = table.loc[measure]
            inside[measure] += bool(row["lower"] <= truth[measure] <= row["upper"])
    assert all(52 <= times <= 60 for times in inside.values()), inside


def test_chance_leaves_a_calibration_error_of_perfect_predictions():
    errors, expected = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.beta(1, 4, 500)
        table = tc.score_probabilities(rng.random(500) < p, p, replications=0).table
        row = table.set_index("measure").loc["ece"]
        errors.append(row["value"])
        expected.append(row["compare_with"])
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.08)


def test_no_skill_is_what_the_measures_are_compared_with():
    y = np.tile([1, 0, 0, 0], 200)
    table = tc.score_probabilities(y, np.full(800, 0.25), replications=0).table
    table = table.set_index("measure")
    for measure in ("auc", "average_precision", "log_loss", "brier", "lift@10%"):
        row = table.loc[measure]
        assert row["value"] == pytest.approx(row["compare_with"], rel=1e-12), measure
    assert np.isnan(table.loc["calibration_slope", "value"])


def test_perfect_and_certain_predictions():
    scores = tc.score_probabilities([0, 0, 1, 1] * 30, [0.0, 0.1, 0.9, 1.0] * 30)
    assert scores["auc"] == 1
    assert scores["calibration_slope"] == np.inf
    assert np.isfinite(scores["log_loss"])
    wrong = tc.score_probabilities([0, 1], [1.0, 0.0], replications=0)
    assert wrong["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_by_date_each_block_is_that_of_its_rows(customers):
    scores = tc.score_probabilities(
        customers["y"], customers["p"], groups=customers["customer"], by=customers["date"]
    )
    blocks = scores.by_table
    assert list(dict.fromkeys(blocks["by"])) == ["2024-01", "2024-02"]
    own = customers[customers["date"] == "2024-02"]
    alone = tc.score_probabilities(own["y"], own["p"], groups=own["customer"]).table
    block = blocks[blocks["by"] == "2024-02"].reset_index(drop=True)
    np.testing.assert_array_equal(block["value"], alone["value"])
    np.testing.assert_array_equal(block["lower"], alone["lower"])
    assert (block["n"] == len(own)).all()
    assert (block["enough"] == "yes").all()


def test_a_group_of_one_class_says_no(customers):
    small = np.where(np.arange(2_000) < 3, "new", "old")
    y = customers["y"].to_numpy() & (small == "old")
    blocks = tc.score_probabilities(y, customers["p"], by=small, replications=2).by_table
    new = blocks[blocks["by"] == "new"]
    assert (new["enough"] == "no").all()
    assert new["value"].isna().all()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda y: y.astype(int), id="integers"),
        pytest.param(lambda y: y.astype(float), id="floats"),
        pytest.param(lambda y: 2 * y.astype(int) - 1, id="minus one and one"),
        pytest.param(lambda y: y.tolist(), id="list"),
        pytest.param(lambda y: pl.Series(y.to_numpy()), id="polars"),
        pytest.param(lambda y: pa.array(y.to_numpy()), id="arrow"),
        pytest.param(lambda y: pd.array(y, dtype="boolean"), id="nullable"),
        pytest.param(lambda y: pd.Categorical(y.astype(int)), id="category"),
    ],
)
def test_outcomes_of_every_kind(change, customers):
    plain = tc.score_probabilities(customers["y"], customers["p"], replications=0)
    other = tc.score_probabilities(
        change(customers["y"]), customers["p"].to_numpy(), replications=0
    )
    assert other["auc"] == plain["auc"]


def test_labels_of_the_callers(customers):
    words = np.where(customers["y"], "churned", "stayed")
    scores = tc.score_probabilities(
        words, customers["p"].to_numpy(), pos_label="churned", replications=0
    )
    assert scores.n_events == customers["y"].sum()
    with pytest.raises(tc.ParameterError, match=r"pos_label.*'stayed'"):
        tc.score_probabilities(words, customers["p"].to_numpy())
    with pytest.raises(tc.ParameterError, match=r"one of the labels of y"):
        tc.score_probabilities(words, customers["p"].to_numpy(), pos_label="left")
    three = ["a", "b", "c"]
    with pytest.raises(tc.DataError, match="3 different labels"):
        tc.score_probabilities(three, [0.1, 0.2, 0.3], pos_label="a")


def test_tables_come_back_in_the_kind_of_the_outcomes(customers):
    y, p = pl.Series(customers["y"].to_numpy()), customers["p"].to_numpy()
    assert isinstance(tc.score_probabilities(y, p, replications=0).table, pl.DataFrame)


@pytest.mark.parametrize(
    ("arguments", "words", "row"),
    [
        ({"y": [1, 1]}, "column 'y': has the event in every row", None),
        ({"y": [0, 2]}, r"column 'y', row 1: is 2.*pos_label", 1),
        ({"y": [0, None]}, "column 'y', row 1: is missing", 1),
        ({"y": [0.0, np.nan]}, "column 'y', row 1: is missing", 1),
        ({"p": [0.1, 1.5]}, r"column 'p', row 1: is 1.5; a probability", 1),
        ({"p": [-0.1, 0.5]}, r"column 'p', row 0: is -0.1", 0),
        ({"p": np.array([0.1, np.nan])}, "column 'p', row 1: is NaN", 1),
        ({"p": [0.1, None]}, "column 'p', row 1: is missing", 1),
        ({"p": [0.1]}, "column 'p': expected 2 rows, found 1", None),
        ({"p": "p"}, "column 'p': is the text", None),
        ({"p": [[0.1, 0.9], [0.2, 0.8]]}, r"column 'p': has two columns.*\[:, 1\]", None),
        ({"sample_weight": [1.0, -2.0]}, "column 'sample_weight', row 1: is -2", 1),
        ({"sample_weight": [0.0, 2.0]}, "column 'y': has the event in", None),
        ({"sample_weight": [1.0]}, "column 'sample_weight': expected 2 rows", None),
        ({"groups": [1]}, "column 'groups': expected 2 rows", None),
        ({"groups": [1, None]}, "column 'groups', row 1: is missing", 1),
        ({"by": [1]}, "column 'by': has 1 values for 2 rows", None),
    ],
)
def test_bad_columns_are_named(arguments, words, row):
    call = {"y": [0, 1], "p": [0.2, 0.8], "replications": 0, **arguments}
    with pytest.raises(tc.DataError, match=words) as refused:
        tc.score_probabilities(**call)
    assert refused.value.row == row


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shares", 0.0),
        ("shares", [0.1, 1.5]),
        ("bins", 0),
        ("replications", 1),
        ("replications", -3),
        ("level", 1.0),
        ("random_state", -1),
        ("n_jobs", 0),
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(tc.ParameterError) as refused:
        tc.score_probabilities([0, 1] * 20, [0.2, 0.8] * 20, **{name: value})
    assert refused.value.parameter == name


def test_series_of_another_index_are_refused(customers):
    with pytest.raises(tc.ParameterError, match="another index") as refused:
        tc.score_probabilities(customers["y"], customers["p"].iloc[::-1])
    assert refused.value.parameter == "p"


def test_it_says_what_it_found(customers):
    scores = tc.score_probabilities(customers["y"], customers["p"] ** 2)
    assert "calibrate them" in scores.text()
    assert scores.text() in " ".join(line.strip() for line in repr(scores).split("\n"))
    assert scores._repr_html_().count("<tr>") == 13
    with pytest.raises(tc.ParameterError, match="one of event_rate, auc"):
        scores["gini"]


def test_reliability_groups_and_intervals(customers):
    found = tc.reliability(
        customers["y"], customers["p"], bins=5, sample_weight=customers["weight"]
    )
    table = found.table
    assert table["n"].sum() == 2_000
    assert (table["n_effective"] < table["n"]).all()
    assert ((table["lower"] <= table["observed"]) & (table["observed"] <= table["upper"])).all()
    scores = tc.score_probabilities(
        customers["y"], customers["p"], customers["weight"], bins=5, replications=0
    )
    assert found.calibration_error == pytest.approx(scores["ece"], rel=1e-12)
    assert found.slope[0] == pytest.approx(scores["calibration_slope"], rel=1e-8)
    assert found.intercept[0] == pytest.approx(scores["calibration_intercept"], abs=1e-8)
    assert "On the whole they are right" in found.verdict


def test_wilsons_interval_is_that_of_the_formula():
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I: 15 of 148.
    y = np.arange(148) < 15
    other = np.tile([0, 1], 50)
    found = tc.reliability(np.r_[y, other], np.r_[np.full(148, 0.1), np.full(100, 0.5)]).table
    assert found["lower"][0] == pytest.approx(0.0624, abs=5e-5)
    assert found["upper"][0] == pytest.approx(0.1605, abs=5e-5)


def test_reliability_says_what_is_wrong():
    rng = np.random.default_rng(2)
    truth = rng.beta(2, 6, 5_000)
    y = rng.random(5_000) < truth
    odds = truth / (1 - truth)
    for p, words in [
        (odds**2 / (1 + odds**2), "too extreme"),
        (odds**0.5 / (1 + odds**0.5), "too timid"),
        (np.minimum(1.6 * truth, 1), "too high on the whole"),
    ]:
        assert words in tc.reliability(y, p).verdict
        assert "Calibrate them" in tc.reliability(y, p).verdict


def test_equal_predictions_make_one_group():
    found = tc.reliability([0, 1] * 50, [0.5] * 100)
    assert len(found.table) == 1
    assert np.isnan(found.slope[0])


def test_enough_data_by_numbers():
    table = tc.enough_data(n_events=60, n_non_events=5_000, n_parameters=6).table
    assert list(table["enough"]) == ["barely", "yes", "barely"]
    assert tc.enough_data(n_events=500, n_non_events=5_000, n_parameters=20).verdict == "yes"
    assert not tc.enough_data(n_events=500, n_non_events=5_000, n_parameters=200)
    assert not tc.enough_data([0] * 500)
    with pytest.raises(tc.ParameterError, match="n_events"):
        tc.enough_data()
    with pytest.raises(tc.ParameterError, match="not both"):
        tc.enough_data([0, 1], n_events=3)
    with pytest.raises(tc.ParameterError, match="n_parameters"):
        tc.enough_data([0, 1], n_parameters=0)


def test_events_of_one_customer_count_once():
    y = np.r_[np.ones(200), np.zeros(1_000)]
    value = tc.enough_data(y).table["value"]
    assert value[0] == 200
    by_customer = tc.enough_data(
        y, groups=np.r_[np.repeat(np.arange(20), 10), np.arange(20, 1_020)]
    )
    assert by_customer.table["value"][0] == pytest.approx(20)
    assert by_customer.verdict == "no"
    weighted = tc.enough_data(y, sample_weight=np.r_[np.repeat([1.0, 3.0], 100), np.ones(1_000)])
    assert weighted.table["value"][0] == pytest.approx(400**2 / 1_000)


def test_dates_with_other_event_rates_are_told():
    rng = np.random.default_rng(1)
    dates = np.repeat(np.array(["2024-01-31", "2024-02-29", "2024-03-31"], "datetime64[D]"), 2_000)
    same = tc.enough_data(rng.random(6_000) < 0.1, dates=dates)
    assert same.verdict == "yes"
    moved = rng.random(6_000) < np.repeat([0.05, 0.1, 0.25], 2_000)
    found = tc.enough_data(moved, dates=dates)
    assert found.verdict == "no"
    assert "2024-01-31" in found.text()
    assert "2024-03-31" in found.text()
    with pytest.raises(tc.DataError, match="dates"):
        tc.enough_data(moved, dates=dates[:5])


def test_progress_is_told_and_can_stop(customers):
    steps: list[tc.Step] = []
    tc.score_probabilities(customers["y"], customers["p"], progress=steps.append)
    assert steps[-1].phase == "resampling"
    assert steps[-1].iteration == steps[-1].total == 200

    def stop(step: tc.Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tc.score_probabilities(customers["y"], customers["p"], progress=stop)
