"""Experiments: the reference numbers, every kind of table, bad input, and what is told in words."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[1] / "reference" / "experiment"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
SHARES = {"a": 0.35, "b": 0.25, "control": 0.4}


def simple(n: int = 2_000, seed: int = 1, effect: float = 2.0) -> dict[str, Any]:
    """Two arms, a covariate, two outcomes, two columns of segments."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["none", "mail"], n)
    past = rng.gamma(2.0, 10.0, n)
    return {
        "id": np.arange(n),
        "arm": arm,
        "past": past,
        "spend": past + effect * (arm == "mail") + rng.normal(0, 5, n),
        "bought": rng.random(n) < np.where(arm == "mail", 0.3, 0.2),
        "country": rng.choice(["NO", "SE", "DK"], n),
        "new": rng.random(n) < 0.4,
    }


def analyze(data: Any, outcomes: Any = "spend", **changes: Any) -> tc.ExperimentResult:
    return tc.analyze_experiment(data, "arm", "none", outcomes, **changes)


def test_there_are_cases():
    kinds = [case["kind"] for case in CASES.values()]
    assert kinds.count("effects") >= 4
    assert kinds.count("shrinkage") >= 5


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["kind"] == "effects"])
def test_effects_are_those_of_statsmodels_and_scipy(name: str):
    case = CASES[name]
    for check in case["expected"]:
        result = tc.analyze_experiment(
            case["input"]["rows"],
            "arm",
            "control",
            ["spend", "visit"],
            segments="segment",
            covariates=case["input"]["covariates"] or None,
            cluster=case["input"]["cluster"],
            shares=SHARES,
            **check["arguments"],
        )
        if check["quantity"].startswith("ratio."):
            column = check["quantity"].removeprefix("ratio.")
            found = result.sample_ratio_[column].to_numpy()[:1]
        else:
            found = result.table_[check["quantity"]].to_numpy()
        tolerance = {"rtol": check["rtol"], "atol": check["atol"]}
        np.testing.assert_allclose(found, check["values"], err_msg=check["quantity"], **tolerance)


def test_columns_and_rows_are_in_the_promised_order():
    result = analyze(simple(), ["spend", "bought"], segments=["country", "new"])
    table = result.table_
    assert list(table.column_names[:4]) == ["arm", "outcome", "segment", "n"]
    wanted = {"n", "effect", "lower", "upper", "p", "p_adjusted", "effect_shrunken"}
    assert wanted <= set(table.column_names)
    segments = ["everyone", "country=DK", "country=NO", "country=SE", "new=false", "new=true"]
    assert result.segments == segments
    assert table["segment"].to_pylist() == [one for one in segments for _ in range(2)]
    assert "variance_reduction" not in table.column_names


def test_every_kind_of_table_comes_back_as_it_came(kind, table, native, lists):
    data = simple(400)
    given = table({name: pa.array(values) for name, values in data.items()}, kind)
    result = analyze(given, ["spend", "bought"], segments="country", covariates="past")
    expected = pl.DataFrame if kind == "polars lazy" else native[kind]
    assert isinstance(result.table_, expected)
    plain = analyze(data, ["spend", "bought"], segments="country", covariates="past")
    found, wanted = lists(result.table_), lists(plain.table_)
    np.testing.assert_allclose(found["effect"], wanted["effect"], rtol=1e-14)
    assert found["segment"] == wanted["segment"]
    for name in ("sample_ratio_", "heterogeneity_", "outcomes_", "covariates_"):
        assert isinstance(getattr(result, name), expected)


def test_memberships_may_overlap_and_come_in_two_ways():
    data = simple()
    frame = pd.DataFrame(data)
    members = {"new": data["new"], "rich": data["past"] > 25, "all NO": data["country"] == "NO"}
    mapped = analyze(frame, segments={name: pd.Series(v) for name, v in members.items()})
    framed = analyze(frame, segments=pd.DataFrame(members))
    pd.testing.assert_frame_equal(mapped.table_, framed.table_)
    own = frame[members["rich"]]
    alone = analyze(own).table_.iloc[0]
    row = mapped.table_.set_index("segment").loc["rich"]
    assert row["effect"] == pytest.approx(alone["effect"], rel=1e-12)
    assert row["p"] == pytest.approx(alone["p"], rel=1e-9)
    assert mapped.heterogeneity_["segments_of"].tolist() == ["memberships"]


def test_segments_of_a_book_are_taken_as_they_are():
    frame = pd.DataFrame(simple())
    rules = {
        "rich": {"column": "past", ">": 25},
        "north": {"column": "country", "in": ["NO", "SE"]},
        "nobody": {"column": "past", "<": -1},
    }
    book = tc.SegmentBook([tc.Segment.from_dict({"id": k, "where": v}) for k, v in rules.items()])
    result = analyze(frame, segments=book.evaluate(frame))
    assert result.segments == ["everyone", "rich", "north"]
    flags = {"rich": frame["past"] > 25, "north": frame["country"].isin(["NO", "SE"])}
    pd.testing.assert_frame_equal(result.table_, analyze(frame, segments=flags).table_)


def test_a_column_of_segments_with_gaps_leaves_those_rows_out():
    data = simple()
    some = [None if k % 5 == 0 else label for k, label in enumerate(data["country"])]
    table = analyze(pd.DataFrame(data | {"country": some}), segments="country").table_
    inside = table[table["segment"] != "everyone"]
    assert (inside["n"] + inside["n_control"]).sum() == sum(label is not None for label in some)


def test_covariates_take_variance_away_and_not_the_effect():
    data = simple(6_000)
    plain, adjusted = analyze(data), analyze(data, covariates=["past", "country"])
    gain = adjusted.table_["variance_reduction"].to_pylist()[0]
    assert 0.8 < gain < 0.95
    ratio = adjusted.table_["standard_error"][0].as_py() / plain.table_["standard_error"][0].as_py()
    assert ratio**2 == pytest.approx(1 - gain, rel=0.01)
    assert abs(adjusted.table_["effect"][0].as_py() - 2.0) < 0.5
    assert "took away" in repr(adjusted)


def test_gaps_of_covariates_become_a_covariate():
    data = simple()
    past = data["past"].copy()
    past[::4] = np.nan
    result = analyze(pd.DataFrame(data | {"past": past}), covariates="past")
    assert result.covariates_["covariate"].tolist() == ["past", "past is missing"]
    assert result.table_["variance_reduction"][0] > 0.3


def test_a_sample_ratio_mismatch_is_loud():
    data = pd.DataFrame(simple())
    lost = data.drop(data.index[(data["arm"] == "mail") & (data["id"] % 4 == 0)])
    with pytest.warns(tc.ExperimentWarning, match="Sample ratio mismatch"):
        result = analyze(lost)
    assert not result.is_sound_
    assert result.verdict_.startswith("Do not rely")
    assert "WARNING" in repr(result)
    counts = lost["arm"].value_counts().to_dict()
    assert analyze(lost, shares=counts).is_sound_


def test_a_mismatch_in_a_segment_is_told_too():
    data = pd.DataFrame(simple(8_000))
    lost = (data["arm"] == "mail") & (data["country"] == "DK") & (data["id"] % 5 == 0)
    added = data[(data["arm"] == "none") & (data["country"] != "DK")].head(0)
    kept = pd.concat([data[~lost], added])
    with pytest.warns(tc.ExperimentWarning, match="segment 'DK'"):
        analyze(kept, segments="country", shares=kept["arm"].value_counts().to_dict())


def test_outcomes_missing_in_one_arm_are_told():
    data = simple(4_000)
    gone = (data["arm"] == "mail") & (np.arange(4_000) % 6 == 0)
    frame = pd.DataFrame(data | {"spend": np.where(gone, np.nan, data["spend"])})
    with pytest.warns(tc.ExperimentWarning, match="missing more often"):
        result = analyze(frame, ["spend", "bought"], missing="skip")
    assert result.outcomes_["n_missing"].tolist() == [int(gone.sum()), 0]
    first, second = result.table_["n"].tolist()
    assert second - first == gone.sum()


def test_a_covariate_from_after_the_treatment_is_told():
    data = simple(4_000)
    clicks = np.random.default_rng(0).poisson(np.where(data["arm"] == "mail", 2.0, 1.0))
    with pytest.warns(tc.ExperimentWarning, match="covariate 'clicks' differs"):
        analyze(data | {"clicks": clicks}, covariates=["past", "clicks"])


def test_winsorizing_is_stated_and_leaves_rates_alone():
    data = simple()
    data["spend"][3] = 1e6
    result = analyze(data, ["spend", "bought"], winsorize=0.99)
    cap = np.quantile(data["spend"], 0.99)
    found = result.outcomes_
    assert found["cap"].to_pylist()[0] == pytest.approx(cap)
    assert np.isnan(found["cap"].to_pylist()[1])
    assert found["n_capped"].to_pylist() == [20, 0]
    assert "count as" in result.verdict_
    capped = analyze(data | {"spend": np.minimum(data["spend"], cap)})
    one, other = result.table_["effect"][0].as_py(), capped.table_["effect"][0].as_py()
    assert one == pytest.approx(other, rel=1e-10)


def test_sequential_intervals_are_wider_and_say_so():
    data = simple()
    once, always = analyze(data), analyze(data, sequential=2_000)
    width = [
        one.table_["upper"][0].as_py() - one.table_["lower"][0].as_py() for one in (once, always)
    ]
    assert 1.4 < width[1] / width[0] < 1.7
    assert always.sequential == 2_000
    assert "every look" in repr(always)
    assert analyze(data, sequential=True).sequential == 10_000


def test_boolean_treatments_know_their_control():
    data = simple()
    result = tc.analyze_experiment(data | {"arm": data["arm"] == "mail"}, "arm", outcomes="spend")
    assert result.control == "false"
    assert result.table_["arm"].to_pylist() == ["true"]


def test_categories_of_polars_are_labels():
    data = simple(400)
    frame = pl.DataFrame(data).with_columns(
        pl.col("arm").cast(pl.Categorical), pl.col("country").cast(pl.Enum(["SE", "NO", "DK"]))
    )
    result = analyze(frame, segments="country")
    assert result.segments == ["everyone", "SE", "NO", "DK"]
    assert result.arms == ["none", "mail"] or result.arms == ["mail", "none"]


def test_small_and_empty_cells_are_told():
    data = pd.DataFrame(simple(600))
    tiny = np.where(data.index < 4, "tiny", np.where(data.index < 40, "small", "large"))
    data["group"], data["arm"] = tiny, np.where(data.index < 4, "none", data["arm"])
    result = analyze(data, ["spend", "bought"], segments="group")
    rows = result.table_.set_index(["segment", "outcome"])
    assert rows.loc[("tiny", "spend"), "caution"] == "an arm has fewer than two customers"
    assert np.isnan(rows.loc[("tiny", "spend"), "p"])
    assert rows.loc[("small", "spend"), "caution"] == "an arm has fewer than 30 customers"
    assert "they have no interval" in result.verdict_


def test_texts_are_whole():
    result = analyze(simple(), ["spend", "bought"], segments="country", covariates="past")
    for text in (repr(result), result.summary()):
        assert "raised 'spend'" in text
        assert "nan" not in text
    assert "Strongest effects in segments" in result.summary()
    assert "<table>" in result._repr_html_()
    assert "'mail' raised 'bought' from" in result.verdict_


def test_threads_do_not_change_a_bit():
    data = simple(20_000)
    one, two = (analyze(data, segments="country", covariates="past", n_jobs=k) for k in (1, 2))
    assert one.table_.equals(two.table_)


def test_a_progress_callable_hears_of_it():
    steps: list[tc.Step] = []
    analyze(simple(20_000), segments="country", progress=steps.append)
    assert steps


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str, int | None]] = {
    "one arm": ({"arm": ["none"] * 2_000}, {}, "every row", None),
    "arm missing": ({"arm": [None] + ["none", "mail"] * 999 + ["mail"]}, {}, "is missing", 0),
    "outcome missing": ({"spend": [1.0, np.nan] + [2.0] * 1_998}, {}, "is missing", 1),
    "outcome infinite": ({"spend": [1.0, np.inf] + [2.0] * 1_998}, {}, "is infinite", 1),
    "outcome constant": ({"spend": [1.0] * 2_000}, {}, "the same in every row", None),
    "outcome text": ({"spend": ["much"] * 2_000}, {}, "holds text", None),
    "no such outcome": ({}, {"outcomes": "spent"}, "did you mean 'spend'", None),
    "customer twice": ({"id": [0, 1, 1, *range(3, 2_000)]}, {"customer": "id"}, "row", 2),
    "constant covariate": ({"past": [1.0] * 2_000}, {"covariates": "past"}, "leave it out", None),
    "infinite covariate": ({"past": [np.inf] + [1.0] * 1_999}, {"covariates": "past"}, "inf", 0),
    "empty segment": ({}, {"segments": {"nobody": [False] * 2_000}}, "without a customer", None),
    "outcome too great": ({"spend": [1.0, 1e300] * 1_000}, {}, "divide it", 1),
    "outcome too small": ({"spend": [0.0, 1e-300] * 1_000}, {}, "multiply it", None),
    "dates as covariate": (
        {"past": pd.date_range("2024-01-01", periods=20).repeat(100)},
        {"covariates": "past"},
        "days before the experiment",
        None,
    ),
    "short segment": ({}, {"segments": {"few": [True] * 3}}, "3 values for 2,000 rows", None),
    "segment of numbers": ({}, {"segments": {"age": [7] * 2_000}}, "not true or false", 0),
    "segment missing": ({}, {"segments": {"x": [None] + [True] * 1_999}}, "is missing", 0),
    "numbers as labels": (
        {"country": np.arange(2_000) % 900},
        {"segments": "country"},
        "cut it into bands",
        None,
    ),
    "everyone": ({"country": ["everyone"] * 2_000}, {"segments": "country"}, "rename", None),
    "cap too low": ({"spend": [0.0] * 1_999 + [5.0]}, {"winsorize": 0.9}, "higher quantile", None),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused_in_words(name: str):
    changes, arguments, words, row = BAD[name]
    data = pd.DataFrame(simple() | changes)
    outcomes = arguments.pop("outcomes", "spend") if "outcomes" in arguments else "spend"
    with pytest.raises(tc.DataError) as caught:
        analyze(data, outcomes, **arguments)
    assert words in str(caught.value)
    if row is not None:
        assert caught.value.row == row


def test_a_customer_in_two_arms_is_named():
    data = pd.DataFrame({"arm": ["none", "mail", "none", "mail"] * 50, "id": np.arange(200)})
    data["spend"] = np.arange(200.0)
    data.loc[7, "id"] = 2
    for role in ("customer", "cluster"):
        with pytest.raises(
            tc.DataError, match="is in the arm 'mail', and its first row 2"
        ) as caught:
            analyze(data, **{role: "id"})
        assert (caught.value.column, caught.value.row) == ("id", 7)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"control": "nobody"}, "control"),
        ({"control": None}, "control"),
        ({"outcomes": []}, "outcomes"),
        ({"outcomes": "arm"}, "outcomes"),
        ({"covariates": ["spend"]}, "covariates"),
        ({"segments": 3}, "segments"),
        ({"segments": {}}, "segments"),
        ({"segments": {1: [True]}}, "segments"),
        ({"shares": {"none": 1.0}}, "shares"),
        ({"shares": [0.5, 0.5]}, "shares"),
        ({"shares": {"none": 1.0, "mail": -1.0}}, "shares"),
        ({"winsorize": 0.2}, "winsorize"),
        ({"winsorize": {"past": 0.9}}, "winsorize"),
        ({"winsorize": "much"}, "winsorize"),
        ({"missing": "drop"}, "missing"),
        ({"adjust": "bonferroni"}, "adjust"),
        ({"family": "mine"}, "family"),
        ({"sequential": -5}, "sequential"),
        ({"sequential": "yes"}, "sequential"),
        ({"level": 95}, "level"),
        ({"standard_errors": "hc9"}, "standard_errors"),
        ({"target": "all"}, "target"),
        ({"ratio_level": 0.0}, "ratio_level"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"progress": 3}, "progress"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], parameter: str):
    given = {"treatment": "arm", "control": "none", "outcomes": "spend", **arguments}
    with pytest.raises(tc.ParameterError) as caught:
        tc.analyze_experiment(simple(), **given)
    assert caught.value.parameter == parameter


def test_hillstrom(data_file: Callable[[str], Path]):
    data = pd.read_csv(data_file("response/hillstrom.csv"))
    result = tc.analyze_experiment(
        data,
        treatment="segment",
        control="No E-Mail",
        outcomes=["visit", "conversion", "spend"],
        segments=["zip_code", "channel", "newbie"],
    )
    table = result.table_.set_index(["arm", "outcome", "segment"])
    women, men = (
        table.loc[arm].xs("everyone", level=1) for arm in ("Womens E-Mail", "Mens E-Mail")
    )
    assert women["mean_control"].round(5).tolist() == [0.10617, 0.00573, 0.65279]
    assert women["mean"].round(5).tolist() == [0.15140, 0.00884, 1.07720]
    assert men["mean"].round(5).tolist() == [0.18276, 0.01253, 1.42262]
    assert (women["n"].iloc[0], men["n"].iloc[0], men["n_control"].iloc[0]) == (21387, 21307, 21306)
    assert result.is_sound_
    for (arm, outcome, segment), row in table.iterrows():
        if segment == "everyone":
            continue
        column, label = segment.split("=")
        own = data[data[column].astype(str) == label]
        pair = own[own["segment"].isin([arm, "No E-Mail"])]
        # Ordinary least squares on a constant and the arm, with White's errors (HC2).
        x = np.column_stack([np.ones(len(pair)), pair["segment"] == arm]).astype(float)
        inverse = np.linalg.inv(x.T @ x)
        beta = inverse @ x.T @ pair[outcome].to_numpy(dtype=float)
        residual = pair[outcome] - x @ beta
        leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
        meat = x.T @ (x * (residual**2 / (1 - leverage)).to_numpy()[:, None])
        error = np.sqrt((inverse @ meat @ inverse)[1, 1])
        np.testing.assert_allclose([row["effect"], row["standard_error"]], [beta[1], error], 1e-8)


def test_nothing_warns_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        analyze(simple(), ["spend", "bought"], segments="country", covariates="past")


def test_results_are_pickled():
    found = analyze(pd.DataFrame(simple()), segments="country")
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.table_, found.table_)
    assert repr(again) == repr(found)


def test_a_mean_of_0_has_no_sign():
    data = pd.DataFrame(simple())
    data["visit"] = (np.arange(len(data)) < 3) & (data["arm"] == "mail")
    found = analyze(data, "visit", covariates="past")
    assert not re.search(r"[-\u2212]0(\.0+)?%", f"{found} {found.verdict_}")
