"""Surveys of tables: kinds, levels, batteries, options, weights, and the report on quality."""

from __future__ import annotations

import pickle
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyreadstat
import pytest

import tercet as tc
from tercet._survey.item import NO_ANSWER, codes
from tercet._survey.scales import is_ordered, known_numbers, known_order

AGREE = [
    "Strongly disagree",
    "Somewhat disagree",
    "Neither agree nor disagree",
    "Somewhat agree",
    "Strongly agree",
]


def small() -> dict[str, Any]:
    """Six respondents: a battery of ratings, a choice, a number, a weight."""
    return {
        "respondent": ["ann", "bob", "cat", "dan", "eve", "fay"],
        "Q1_1": pa.array([1, 5, 3, 2, 4, None], pa.int64()),
        "Q1_2": pa.array([2, 5, 3, 1, 4, 4], pa.int64()),
        "region": pa.array(["north", "south", "north", "south", None, "north"]),
        "age": [23.5, 44.0, 61.0, 35.0, 19.0, 70.0],
        "w": [0.8, 1.2, 1.0, 0.5, 1.5, 1.0],
    }


# --- tables ---------------------------------------------------------------------------------------


def test_every_kind_of_table_gives_the_same_survey(kind, table, native, lists):
    if kind == "mapping":
        columns = {**small(), "Q1_1": [1, 5, 3, 2, 4, 1], "region": ["n", "s", "n", "s", "n", "n"]}
        survey = tc.Survey.from_frame(columns, weights="w")
    else:
        survey = tc.Survey.from_frame(table(small(), kind), weights="w")
    assert isinstance(survey.answers, native[kind])
    assert isinstance(survey.to_frame(labels=True), native[kind])
    assert survey.kinds() == {
        "Q1_1": "ordinal",
        "Q1_2": "ordinal",
        "region": "nominal",
        "age": "continuous",
    }
    assert (survey.respondent, survey.weights, len(survey)) == ("respondent", "w", 6)
    assert survey.items["Q1_1"].levels == (1, 2, 3, 4, 5)
    assert survey.items["Q1_1"].battery == survey.items["Q1_2"].battery == "Q1"
    frame = lists(survey.to_frame())
    assert list(frame) == ["respondent", "Q1_1", "Q1_2", "region", "age", "w"]
    assert frame["respondent"] == small()["respondent"]


def test_tables_that_change_keep_their_kind(kind, table, native, lists):
    columns = {**small(), "w": [0.8, 0.0, 1.0, 0.5, 1.5, 1.0]}
    if kind == "mapping":
        columns |= {"Q1_1": [1, 5, 3, 2, 4, 1], "region": ["n", "s", "n", "s", "n", "n"]}
    frame = columns if kind == "mapping" else table(columns, kind)
    survey = tc.Survey.from_frame(frame, weights="w", bad_weights="drop", missing={"Q1_2": [3]})
    assert isinstance(survey.answers, native[kind])
    assert isinstance(survey.drop("all_missing").answers, native[kind])
    assert lists(survey.answers)["respondent"] == ["ann", "cat", "dan", "eve", "fay"]
    assert lists(survey.answers)["Q1_2"] == [2, None, 1, 4, 4]
    assert survey.items["Q1_2"].levels == (1, 2, 3, 4)
    assert lists(survey.quality.dropped) == {
        "row": [1],
        "respondent": ["bob"],
        "reason": ["weight 'w' missing or not above 0"],
    }
    assert lists(survey.quality.per_respondent)["row"] == [0, 2, 3, 4, 5]


def test_a_table_that_needs_no_change_is_the_callers_own():
    frame = pd.DataFrame({"Q1": [1, 2, 5], "note": ["a", "b", "c"]}, index=[7, 8, 9])
    assert tc.Survey.from_frame(frame).answers is frame


def test_other_columns_stay_as_they_are():
    frame = pl.DataFrame(
        {
            "Q1": [1, 2, None, 4],
            "when": pl.Series([0, 1, 2, 3]).cast(pl.Date),
            "tags": [["a"], [], ["b"], None],
            "said": ["one thing", "and", "another", "thing"],
        }
    )
    survey = tc.Survey.from_frame(frame, items=["Q1"], missing=[4])
    assert list(survey.items) == ["Q1"]
    assert survey.answers["Q1"].to_list() == [1, 2, None, None]
    assert survey.answers.drop("Q1").equals(frame.drop("Q1"))
    assert list(tc.Survey.from_frame(frame).items) == ["Q1"]


def test_surveys_pickle():
    survey = tc.Survey.from_frame(pd.DataFrame({"Q1": [1, 2, 5]}))
    assert str(pickle.loads(pickle.dumps(survey)).quality) == str(survey.quality)


# --- kinds ----------------------------------------------------------------------------------------

GUESSES: dict[str, tuple[Any, str | None, tuple[Any, ...] | None]] = {
    "ratings": ([1, 2, 5, 3], "ordinal", (1, 2, 3, 5)),
    "ratings from 0 to 10": ([0, 10, 7, 7], "ordinal", (0, 7, 10)),
    "ratings on two sides": ([-2, -1, 0, 2], "ordinal", (-2, -1, 0, 2)),
    "ratings as floats": ([1.0, 2.0, float("nan"), 4.0], "ordinal", (1, 2, 4)),
    "yes and no": ([0, 1, 1, 0], "nominal", (0, 1)),
    "1 and 2": ([1, 2, 2, 1], "nominal", (1, 2)),
    "whole numbers far apart": ([18, 44, 35, 90], "continuous", None),
    "fractions": ([1.5, 2.0, 3.0, 4.0], "continuous", None),
    "truth": ([True, False, True, None], "nominal", (False, True)),
    "choices": (["b", "a", "b", None], "nominal", ("a", "b")),
    "a known scale": (
        ["Never", "Often", "Sometimes", "Often"],
        "ordinal",
        ("Never", "Sometimes", "Often"),
    ),
    "brackets": (
        ["25-34", "65 or older", "18-24", "35 - 44"],
        "ordinal",
        ("18-24", "25-34", "35 - 44", "65 or older"),
    ),
    "a numbered scale": (
        ["1 - not at all", "2", "4 - entirely", "3"],
        "ordinal",
        ("1 - not at all", "2", "3", "4 - entirely"),
    ),
    "ordered categories": (
        pd.Categorical(["mid", "low", "mid", "low"], ["low", "mid", "top"], ordered=True),
        "ordinal",
        ("low", "mid", "top"),
    ),
    "ordered categories of numbers": (
        pd.Categorical([3, 100, 1, 1], [100, 3, 1], ordered=True),
        "ordinal",
        (100, 3, 1),
    ),
    "categories of numbers": (pd.Categorical([3, 1, 1, 2]), "nominal", (1, 2, 3)),
    "text as views": (
        pa.array(["b", "a", "a", "refused"], pa.string_view()),
        "nominal",
        ("a", "b"),
    ),
    "categories": (
        pd.Categorical(["y", "x", "y", "x"], ["y", "x", "z"]),
        "nominal",
        ("y", "x"),
    ),
    "one thing throughout": (["x", "x", "x", "x"], None, None),
    "nothing": (pa.nulls(4, pa.int64()), None, None),
    "dates": (np.array(["2024-01-01"] * 4, "datetime64[D]"), None, None),
}


@pytest.mark.parametrize("name", GUESSES)
def test_kinds_are_concluded_from_answers(name):
    values, kind, levels = GUESSES[name]
    survey = tc.Survey.from_frame({"x": values, "anchor": [1, 3, 5, 5]})
    if kind is None:
        assert "x" not in survey.items
        return
    assert (survey.items["x"].kind, survey.items["x"].levels) == (kind, levels)
    assert [type(level) for level in survey.items["x"].levels or ()] == [
        type(level) for level in levels or ()
    ]


def test_open_answers_are_no_items_unless_named():
    columns = {"Q1": [1, 2, 3] * 20, "why": [f"because {k}" for k in range(59)] + [None]}
    assert list(tc.Survey.from_frame(columns).items) == ["Q1"]
    named = tc.Survey.from_frame(columns, items=["Q1", "why"])
    assert len(named.items["why"].levels) == 59


def test_scores_are_the_codes_or_steps():
    survey = tc.Survey.from_frame(
        {"code": [1, 2, 5], "word": ["Agree", "Disagree", "Neutral"], "step": ["1 (no)", "2", "7"]}
    )
    assert survey.items["code"].scores == (1.0, 2.0, 5.0)
    assert survey.items["word"].scores == (1.0, 2.0, 3.0)
    assert survey.items["step"].scores == (1.0, 2.0, 7.0)
    assert survey.items["word"].levels == ("Disagree", "Neutral", "Agree")


def test_the_caller_overrules_what_would_be_concluded():
    survey = tc.Survey.from_frame(
        {
            "visits": [0, 3, 12],
            "region": [1, 2, 3],
            "size": ["S", "XL", "M"],
            "spend": [1, 2, 3],
            "Q_1": ["x", "y", "x"],
            "Q_2": ["y", "y", "z"],
        },
        kinds={"visits": "count", "region": "nominal", "spend": "continuous"},
        levels={"size": ["S", "M", "L", "XL"], "Q": ["z", "y", "x"]},
        labels={"region": {1: "north", 2: "south", 3: "west"}},
        texts={"visits": "How often?", "Q": "What?"},
    )
    assert survey.kinds() == {
        "visits": "count",
        "region": "nominal",
        "size": "ordinal",
        "spend": "continuous",
        "Q_1": "ordinal",
        "Q_2": "ordinal",
    }
    assert survey.items["size"].levels == ("S", "M", "L", "XL")
    assert survey.items["Q_2"].levels == ("z", "y", "x")
    assert survey.items["region"].labels == ("north", "south", "west")
    assert survey.items["visits"].text == "How often?"
    assert survey.items["Q_1"].text == "What? - Q_1"
    assert survey.items["Q_1"].statement == "Q_1"


def test_labels_tell_ratings_from_choices():
    labels = {
        "rating": {1: "Very satisfied", 2: "Satisfied", 3: "Neutral", 4: "Dissatisfied"},
        "choice": {1: "Red", 2: "Green", 3: "Blue", 4: "White"},
        "ends": {1: "cold", 7: "warm"},
    }
    columns = {"rating": [1, 2, 2, 3], "choice": [1, 2, 2, 3], "ends": [1, 2, 7, 3]}
    survey = tc.Survey.from_frame(columns, labels=labels)
    assert survey.kinds() == {"rating": "ordinal", "choice": "nominal", "ends": "ordinal"}
    unseen = tc.Survey.from_frame({"Q": [2, 3, 3]}, labels={"Q": {1: "cold", 5: "warm"}})
    assert unseen.items["Q"].levels == (1, 2, 3, 5)
    # A scale keeps the step that nobody chose, a list of choices does not.
    assert survey.items["rating"].levels == (1, 2, 3, 4)
    assert survey.items["choice"].levels == (1, 2, 3)
    assert survey.items["ends"].labels == ("cold", "2", "3", "warm")


# --- scales ---------------------------------------------------------------------------------------

SCALES = [
    AGREE,
    ["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"],
    ["Disagree strongly", "Disagree slightly", "Agree slightly", "Agree strongly"],
    ["Completely disagree", "Tend to disagree", "Neither", "Tend to agree", "Completely agree"],
    ["Extremely dissatisfied", "Moderately dissatisfied", "Slightly dissatisfied",
     "Neither satisfied nor dissatisfied", "Slightly satisfied", "Moderately satisfied",
     "Extremely satisfied"],
    ["Not at all satisfied", "Not very satisfied", "Fairly satisfied", "Very satisfied"],
    ["Very unlikely", "Unlikely", "Neither likely nor unlikely", "Likely", "Very likely"],
    ["Not at all important", "Slightly important", "Moderately important", "Very important",
     "Extremely important"],
    ["Unimportant", "Important", "Very important"],
    ["Never", "Sometimes", "About half the time", "Most of the time", "Always"],
    ["Never", "Rarely", "Sometimes", "Often", "Very often", "Always"],
    ["Never", "Less than once a month", "Once a month", "2–3 times a month", "Once a week",
     "2-3 times a week", "Daily"],
    ["Less than once per month", "Monthly", "Weekly", "Every day"],
    ["None at all", "A little", "A moderate amount", "A lot", "A great deal"],
    ["Terrible", "Poor", "Average", "Good", "Excellent"],
    ["Poor", "Fair", "Good", "Very good", "Excellent"],
    ["Definitely not", "Probably not", "Might or might not", "Probably yes", "Definitely yes"],
    ["Much worse", "Somewhat worse", "About the same", "Somewhat better", "Much better"],
    ["Low", "Medium", "High"],
    ["Not at all true of me", "Slightly true of me", "Very true of me"],
    ["1 - Strongly disagree", "2 - Disagree", "3 - Agree", "4 - Strongly agree"],
]  # fmt: skip


@pytest.mark.parametrize("scale", SCALES, ids=" | ".join)
def test_known_scales_get_their_order(scale):
    shuffled = sorted(scale)
    order = known_order(shuffled)
    assert order is not None
    assert [shuffled[k] for k in order] == scale
    assert is_ordered(scale)
    assert is_ordered(scale[::-1])
    assert known_order([label.upper() for label in scale]) == list(range(len(scale)))


@pytest.mark.parametrize(
    "labels",
    [
        ["Red", "Green"],
        ["Agree"],
        ["Agree", "Satisfied"],
        ["Neutral", "Neither agree nor disagree", "Agree"],
        ["Yes", "No"],
        ["18-24", "North"],
        ["1. Germany", "2. France", "3. Spain"],
        ["not extremely agree", "agree"],
    ],
    ids=repr,
)
def test_what_is_no_known_scale_gets_none(labels):
    assert known_order(labels) is None
    assert known_numbers(labels) is None


# --- questions ------------------------------------------------------------------------------------


def test_batteries_are_found_by_name_and_share_their_levels():
    rng = np.random.default_rng(1)
    names = ["Q1_1", "Q1_2", "Q2r1", "Q2r2", "Q3a", "Q3b", "Why? [Price]", "Why? [Speed]"]
    columns = {name: rng.integers(1, 6, 300) for name in names}
    columns["Q1_2"] = np.where(columns["Q1_2"] == 1, 2, columns["Q1_2"])
    columns |= {f"item{k}": rng.integers(1, 8, 300) for k in (1, 2, 3)}
    survey = tc.Survey.from_frame(columns)
    assert survey.batteries() == {
        "Q1": ["Q1_1", "Q1_2"],
        "Q2": ["Q2r1", "Q2r2"],
        "Q3": ["Q3a", "Q3b"],
        "Why?": ["Why? [Price]", "Why? [Speed]"],
        "item1 to item3": ["item1", "item2", "item3"],
    }
    assert survey.items["Q1_2"].levels == (1, 2, 3, 4, 5)
    assert survey.items_of("Q1") == ["Q1_1", "Q1_2"]
    assert list(survey.select(["item2", "Q1"]).items) == ["item2", "Q1_1", "Q1_2"]


def test_columns_that_only_share_a_number_are_no_battery():
    rng = np.random.default_rng(2)
    columns = {
        "Q1": rng.integers(1, 3, 300),
        "Q2": rng.integers(18, 80, 300),
        "D_1": rng.integers(1, 3, 300),
        "D_2": rng.integers(1, 8, 300),
        "D_3": rng.integers(18, 80, 300),
    }
    survey = tc.Survey.from_frame(columns)
    assert survey.batteries() == {}
    assert list(survey.kinds().values()) == [
        "nominal", "continuous", "nominal", "ordinal", "continuous",
    ]  # fmt: skip


def test_batteries_may_be_named():
    columns = {"price": [1, 5, 2], "speed": [2, 2, 4], "age": [20.5, 31.0, 44.0]}
    survey = tc.Survey.from_frame(columns, batteries={"needs": ["price", "speed"]})
    assert survey.batteries() == {"needs": ["price", "speed"]}
    assert survey.items["price"].levels == (1, 2, 4, 5)
    survey = tc.Survey.from_frame(
        columns, batteries={"needs": ["price", "speed"]}, kinds={"needs": "nominal"}
    )
    assert survey.kinds()["speed"] == "nominal"
    assert list(tc.Survey.from_frame(columns, items=["needs", "age"], batteries={
        "needs": ["price", "speed"]}).items) == ["price", "speed", "age"]  # fmt: skip


def test_options_are_zero_and_one():
    columns = {
        "Q1_1": pa.array(["Radio", None, None, "Radio"]),
        "Q1_2": pa.array([None, "TV", None, "TV"]),
        "Q2_1": [1, 0, 0, 1],
        "Q2_2": [0, 0, 1, 1],
        "Q3_1": pa.array([True, False, None, True]),
        "Q3_2": pa.array([False, False, None, True]),
        "Q4_1": pa.array([1, None, None, None], pa.int64()),
        "Q4_2": pa.array([None, None, None, None], pa.int64()),
        "Q4_3": pa.array([None, 3, None, None], pa.int64()),
    }
    survey = tc.Survey.from_frame(columns)
    assert set(survey.kinds().values()) == {"multi-select"}
    assert set(survey.batteries()) == {"Q1", "Q2", "Q3", "Q4"}
    answers = survey.answers.to_pydict()
    # Nothing is known of whoever chose nothing where the file writes no zeros.
    assert answers["Q1_1"] == [1, 0, None, 1]
    assert answers["Q1_2"] == [0, 1, None, 1]
    assert answers["Q2_1"] == [1, 0, 0, 1]
    assert answers["Q3_1"] == [True, False, None, True]
    assert answers["Q4_1"] == [1, 0, None, None]
    assert answers["Q4_2"] == [0, 0, None, None]
    assert answers["Q4_3"] == [0, 1, None, None]
    assert survey.items["Q1_1"].levels == (0, 1)


def test_joined_options_are_split_where_asked():
    cells = ["a;b", "c", None, "b;c", "a"]
    survey = tc.Survey.from_frame(
        {"media": cells, "x": [1, 2, 3, 4, 5]}, kinds={"media": "multi-select"}
    )
    assert survey.items_of("media") == ["media_1", "media_2", "media_3"]
    assert [survey.items[name].text for name in survey.items_of("media")] == ["a", "b", "c"]
    answers = survey.answers.to_pydict()
    assert list(answers) == ["media_1", "media_2", "media_3", "x"]
    assert answers["media_2"] == [1, 0, None, 1, 0]

    cells = ["Yes, often", "No, never,Yes, often", "No, never"]
    survey = tc.Survey.from_frame(
        {"q": cells},
        kinds={"q": "multi-select"},
        levels={"q": ["No, never", "Yes, often", "Maybe"]},
        texts={"q": "Do you?"},
    )
    answers = survey.answers.to_pydict()
    assert answers == {"q_1": [0, 1, 1], "q_2": [1, 1, 0], "q_3": [0, 0, 0]}
    assert survey.items["q_3"].text == "Do you? - Maybe"


def test_an_option_that_is_not_listed_is_named():
    with pytest.raises(
        tc.DataError, match=r"'d' in 'a;d' is none of the question's options"
    ) as caught:
        tc.Survey.from_frame(
            {"q": ["a", "b;a", "a;d"]}, kinds={"q": "multi-select"}, levels={"q": ["a", "b"]}
        )
    assert (caught.value.column, caught.value.row) == ("q", 2)


def test_columns_that_are_not_named_stay_as_they_are():
    columns = {
        "Q1_1": [1, 5, 99],
        "Q1_2": [1, 3, 5],
        "Q2_1": pa.array([1, None, None], pa.int64()),
        "Q2_2": pa.array([None, 1, None], pa.int64()),
        "sex": ["f", "m", "Prefer not to say"],
    }
    frame = pa.table(columns)
    survey = tc.Survey.from_frame(frame, items=["Q1_2"], batteries={"b": ["Q1_1", "Q1_2"]})
    assert survey.answers is frame
    assert survey.items["Q1_2"].battery == "b"
    assert list(tc.Survey.from_frame(frame, items=["sex", "Q2"]).items) == ["sex", "Q2_1", "Q2_2"]


def test_questions_are_found_by_their_text_too(tmp_path):
    frame = pl.DataFrame(
        {
            "media_radio": [1.0, 0.0, 1.0],
            "media_tv": [0.0, 0.0, 1.0],
            "likes_price": [1.0, 5.0, 3.0],
            "likes_speed": [2.0, 4.0, 3.0],
            "age": [20.0, 31.0, 44.0],
        }
    )
    texts = ["Used: Radio", "Used: TV", "Like? - Price", "Like? - Speed", "Age - years"]
    pyreadstat.write_sav(frame, tmp_path / "a.sav", column_labels=texts)
    survey = tc.read_survey(tmp_path / "a.sav")
    assert survey.batteries() == {
        "media": ["media_radio", "media_tv"],
        "likes": ["likes_price", "likes_speed"],
    }
    assert survey.items["media_tv"].kind == "multi-select"


# --- missing answers ------------------------------------------------------------------------------


def test_refusals_in_words_are_missing_and_noted():
    columns = {
        "Q1_1": ["Agree", "Don't know", "Disagree", "N/A"],
        "Q1_2": ["Agree", "Disagree", " ", "Prefer not to say"],
        "sex": ["f", "m", "Prefer not to answer", "f"],
    }
    survey = tc.Survey.from_frame(columns)
    assert survey.answers.to_pydict() == {
        "Q1_1": ["Agree", None, "Disagree", None],
        "Q1_2": ["Agree", "Disagree", None, None],
        "sex": ["f", "m", None, "f"],
    }
    assert survey.kinds() == {"Q1_1": "nominal", "Q1_2": "nominal", "sex": "nominal"}
    assert survey.items["Q1_1"].battery == "Q1"
    assert "'Don't know' was taken as missing: Q1_1 1" in survey.quality.notes


def test_dont_know_may_be_a_level():
    columns = {
        "Q1_1": ["Agree", "Don't know", "Disagree", "Refused"],
        "Q1_2": ["Agree", "Disagree", "Agree", "Agree"],
        "Q2": ["Agree", "Disagree", "Agree", "Strongly agree"],
        "Q3": [1, 2, 9, 1],
        "Q4": [1, 2, 3, 1],
    }
    dk = {1: "good", 2: "fair", 3: "poor", 9: "don't know"}
    labels = {"Q3": dk, "Q4": {**dk, 3: "bad"}}
    survey = tc.Survey.from_frame(columns, dont_know="level", labels=labels)
    assert survey.items["Q1_1"].levels == ("Agree", "Disagree", "Don't know")
    assert survey.kinds() == {
        "Q1_1": "nominal",
        "Q1_2": "nominal",
        "Q2": "ordinal",
        "Q3": "nominal",
        "Q4": "ordinal",
    }
    assert survey.items["Q3"].labels[-1] == "don't know"
    assert survey.items["Q4"].levels == (1, 2, 3)


def test_levels_win_over_words_for_missing():
    survey = tc.Survey.from_frame(
        {"Q": ["no answer", "some", "no answer"]}, levels={"Q": ["no answer", "some"]}
    )
    assert survey.answers["Q"].null_count == 0


def test_missing_codes(lists):
    columns = {"Q1": [1, 2, -99, 5], "Q2": [99, 1, 2, 3], "spend": [1.5, -99.0, 2.5, 3.5]}
    survey = tc.Survey.from_frame(columns, missing=[-99, 99])
    assert lists(survey.answers) == {
        "Q1": [1, 2, None, 5],
        "Q2": [None, 1, 2, 3],
        "spend": [1.5, None, 2.5, 3.5],
    }
    assert survey.items["Q2"].levels == (1, 2, 3)
    survey = tc.Survey.from_frame({"Q_1": [1, 7, 5], "Q_2": [7, 2, 3]}, missing={"Q": [7]})
    assert survey.items["Q_1"].levels == (1, 2, 3, 5)


@pytest.mark.parametrize(
    ("values", "code", "row"),
    [
        ([1, 2, 99, 5], 99, 2),
        ([1, 2, 5, -99], -99, 3),
        ([-1, 3, 5, 2], -1, 0),
        ([30, 999, 44, 60], 999, 1),
        ([30, -9, 44, 60], -9, 1),
    ],
)
def test_a_number_that_may_be_a_code_is_asked_about(values, code, row):
    with pytest.raises(
        tc.DataError, match=rf"{code} lies outside.*missing=\{{'Q': \[{code}\]"
    ) as caught:
        tc.Survey.from_frame({"Q": values})
    assert (caught.value.column, caught.value.row) == ("Q", row)
    assert tc.Survey.from_frame({"Q": values}, kinds={"Q": "continuous"}).items["Q"].levels is None
    assert tc.Survey.from_frame({"Q": values}, missing=[code]).answers["Q"].null_count == 1


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([1, 2, 3, 4, 5, 9] * 10, "9"),
        ([1, 2, 3, 4, 5, 8, 9] * 10, "8, 9"),
        ([1, 2, 3, 4, 5, 6, 7, 9] * 10, "9"),
        ([1, 2, 9] * 10, "9"),
        ([1, 2, 7, 9] * 10, "7, 9"),
        ([0, 1, 2, 3, 8] * 10, "8"),
        ([1.0, 2.0, 3.0, 9.0, None] * 10, "9"),
    ],
    ids=str,
)
def test_codes_beyond_a_gap_are_asked_about(values, codes):
    with pytest.raises(tc.DataError, match=rf"missing=\{{'q': \[{codes}\]\}}.*'q': 'ordinal'"):
        tc.Survey.from_frame({"q": values})
    said = [int(code) for code in codes.split(", ")]
    assert tc.Survey.from_frame({"q": values}, missing=said).items["q"].levels[-1] < 8
    assert 9 in tc.Survey.from_frame({"q": [*values, 9]}, kinds={"q": "ordinal"}).items["q"].levels


@pytest.mark.parametrize(
    "values",
    [
        list(range(11)) * 3,
        list(range(1, 11)) * 3,
        list(range(1, 10)) * 3,
        [1, 3, 5, 7, 9] * 3,
        [0, 2, 4, 8] * 3,
        [1, 2, 3, 4, 5, 6, 7, 8] * 3,
        [0, 1, 2, 3, 4, 5, 6, 9] * 3,
        [1, 2, 3, 5, 9] * 3,
        [1, 2, 3, 4, 7] * 3,
        [1, 2, 3, 4, 5, 9, 10] * 3,
    ],
    ids=str,
)
def test_scales_that_go_on_to_9_have_no_codes(values):
    assert tc.Survey.from_frame({"q": values}).items["q"].kind == "ordinal"


def test_categories_are_no_scale():
    survey = tc.Survey.from_frame({"q": pd.Categorical([1, 2, 9] * 10)})
    assert survey.items["q"].levels == (1, 2, 9)


def test_a_battery_and_labels_show_where_its_scale_ends():
    low, high = [1, 2, 3, 4, 5, 9] * 10, list(range(1, 11)) * 6
    assert tc.Survey.from_frame({"Q_1": low, "Q_2": high}).items["Q_1"].levels[-1] == 10
    with pytest.raises(tc.DataError, match="column 'Q_1', row 5: 9 lies outside"):
        tc.Survey.from_frame({"Q_1": low, "Q_2": low})
    with pytest.raises(tc.DataError, match="column 'q1', row 5: 9 lies outside"):
        tc.Survey.from_frame({"q1": low, "q2": high})
    ends = {1: "bad", 9: "good"}
    assert tc.Survey.from_frame({"q": low}, labels={"q": ends}).items["q"].levels[-1] == 9
    assert tc.Survey.from_frame({"q": low}, labels={"q": {1: "bad", 9: "don't know"}})
    with pytest.raises(tc.DataError, match="9 lies outside the other answers"):
        tc.Survey.from_frame({"q": low}, labels={"q": {1: "bad", 5: "good"}})


def test_scales_with_two_sides_are_no_codes():
    assert tc.Survey.from_frame({"Q": [-3, -1, 0, 3]}).items["Q"].levels == (-3, -1, 0, 3)
    assert tc.Survey.from_frame({"Q": [-10, 0, 10]}).items["Q"].kind == "continuous"


def test_categories_stay_categories_when_answers_become_missing():
    frame = pd.DataFrame(
        {"Q": pd.Categorical(["low", "refused", "high"], ["low", "high", "refused"], ordered=True)}
    )
    survey = tc.Survey.from_frame(frame)
    assert survey.items["Q"].levels == ("low", "high")
    assert survey.answers["Q"].dtype == frame["Q"].dtype
    assert survey.answers["Q"].isna().tolist() == [False, True, False]


# --- coding ---------------------------------------------------------------------------------------


def test_answers_become_codes_of_levels():
    survey = tc.Survey.from_frame({"Q": pa.array([3.0, None, 1.0, 5.0, float("nan")])})
    item = survey.items["Q"]
    found = codes(pa.chunked_array([[3.0, None], [1.0, 5.0, float("nan")]]), item)
    assert found.tolist() == [1, NO_ANSWER, 0, 2, NO_ANSWER]
    assert codes(pa.array([5, 1], pa.int8()), item).tolist() == [2, 0]
    assert codes(pa.array([5, None, 1]).dictionary_encode(), item).tolist() == [2, NO_ANSWER, 0]
    assert codes(pa.chunked_array([], pa.int64()), item).tolist() == []
    with pytest.raises(tc.DataError, match=r"column 'Q', row 1: 4 is none of the item's levels"):
        codes(pa.array([5, 4]), item)


# --- the survey -----------------------------------------------------------------------------------


def test_words_instead_of_codes(lists):
    survey = tc.Survey.from_frame(
        {"Q1": pa.array([1, None, 2]), "age": [1.5, 2.5, 3.5]}, labels={"Q1": {1: "no", 2: "yes"}}
    )
    assert lists(survey.to_frame(labels=True)) == {
        "Q1": ["no", None, "yes"],
        "age": [1.5, 2.5, 3.5],
    }


def test_it_shows_itself():
    survey = tc.Survey.from_frame(small(), weights="w", texts={"age": "Age <in years>"})
    assert repr(survey).splitlines() == [
        "Survey of 6 respondents (respondent), 4 items, weighted by w",
        "  Q1: 2 ordinal items of 5 levels, 1 to 5",
        "  region: nominal, 2 levels",
        "  age: continuous",
    ]
    page = survey._repr_html_()
    assert "Age &lt;in years&gt;" in page
    assert page.count("<tr>") == 5
    many = tc.Survey.from_frame({f"{chr(97 + k)}x": [1, 2, 5] for k in range(20)})
    assert repr(many).splitlines()[-1] == "  and 8 more"
    assert "<li>" in survey.quality._repr_html_()


def test_ids_are_found_by_usual_names_only():
    for name in ("respondent_id", "ID", "CaseID", "customer_id"):
        assert tc.Survey.from_frame({name: [7, 8, 9], "Q": [1, 3, 5]}).respondent == name
    assert tc.Survey.from_frame({"who": [7, 8, 9], "Q": [1, 3, 5]}).respondent is None
    assert tc.Survey.from_frame({"who": [7, 8, 9], "Q": [1, 3, 5]}, respondent="who").kinds() == {
        "Q": "ordinal"
    }
    named = tc.Survey.from_frame({"id": [1, 2, 3], "Q": [1, 3, 5]}, items=["id", "Q"])
    assert (named.respondent, list(named.items)) == (None, ["id", "Q"])


def test_row_numbers_are_no_items():
    columns = {"n": list(range(1, 21)), "Q": [1, 2, 3, 5] * 5}
    assert list(tc.Survey.from_frame(columns).items) == ["Q"]


# --- quality --------------------------------------------------------------------------------------


def careless() -> dict[str, Any]:
    """Twelve respondents, the last five of whom deserve a second look."""
    rng = np.random.default_rng(5)
    ratings = np.array([rng.permutation([1, 2, 3, 4, 5, 6, 7, 1]) for _ in range(12)])
    ratings[8] = 4  # the same throughout
    ratings[9] = ratings[2]  # a copy
    columns: dict[str, Any] = {
        f"Q_{k + 1}": pa.array(ratings[:, k], mask=np.arange(12) == 10) for k in range(8)
    }
    columns["id"] = [f"r{k}" for k in range(11)] + ["r3"]
    columns["seconds"] = [300, 310, 290, 305, 20, 400, 350, 280, 300, 310, 320, 330]
    return columns


def test_the_report_counts_what_deserves_a_second_look(lists):
    survey = tc.Survey.from_frame(careless(), duration="seconds")
    rows = lists(survey.quality.per_respondent)
    assert rows["id"] == careless()["id"]
    assert rows["row"] == list(range(12))
    assert [k for k in range(12) if rows["straight_lined"][k]] == [8]
    assert [k for k in range(12) if rows["duplicate_answers"][k]] == [2, 9]
    assert [k for k in range(12) if rows["all_missing"][k]] == [10]
    assert [k for k in range(12) if rows["too_fast"][k]] == [4]
    assert [k for k in range(12) if rows["duplicate_id"][k]] == [3, 11]
    assert rows["n_flags"] == [0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    assert rows["share_missing"] == [0.0] * 10 + [1.0, 0.0]
    text = str(survey.quality)
    for words in (
        "12 respondents, 8 items",
        "missing answers: 8.3%; most in Q_1 8.3%",
        "straight-lined: 1 (8.3%); Q 1 (batteries of 4 items or more)",
        "same answers as somebody else: 2 (16.7%)",
        "too fast: 1 (8.3%) (less than 102 s, a third of the median)",
        "id occurs twice: 2 (16.7%)",
    ):
        assert words in text
    items = lists(survey.quality.per_item)
    assert items["item"] == [f"Q_{k}" for k in range(1, 9)]
    assert items["n_missing"] == [1] * 8
    assert items["n_levels"] == [7] * 8
    assert survey.quality.share_missing == pytest.approx(1 / 12)
    assert "row" in lists(survey.quality.dropped)


def test_respondents_without_an_id_are_counted():
    survey = tc.Survey.from_frame({"id": pa.array(["a", None, None]), "Q": [1, 2, 5]})
    assert "without an id: 2 (66.7%)" in str(survey.quality)
    assert not survey.quality.flags["duplicate_id"].any()


def test_flags_are_dropped_only_when_asked(lists):
    survey = tc.Survey.from_frame(careless(), duration="seconds")
    assert len(survey) == 12
    smaller = survey.drop("too_fast", "straight_lined").drop("all_missing")
    assert len(smaller) == 9
    assert smaller.n_dropped == {"too fast": 1, "straight-lined": 1, "answered nothing": 1}
    assert lists(smaller.quality.dropped) == {
        "row": [4, 8, 10],
        "respondent": ["r4", "r8", "r10"],
        "reason": ["too fast", "straight-lined", "answered nothing"],
    }
    assert "; 3 left out" in repr(smaller)
    assert survey.drop("all_missing").drop("all_missing").n_dropped == {"answered nothing": 1}
    assert len(survey) == 12


def test_checks_that_cannot_be_made_have_no_column(lists):
    quality = tc.Survey.from_frame({"Q1": [1, 2, 5]}).quality
    assert list(lists(quality.per_respondent)) == ["row", "share_missing", "all_missing", "n_flags"]
    with pytest.raises(tc.ParameterError, match=r"too_fast.*could not be checked"):
        tc.Survey.from_frame({"Q1": [1, 2, 5]}).drop("too_fast")
    with pytest.raises(tc.ParameterError, match='one of "all_missing"'):
        tc.Survey.from_frame({"Q1": [1, 2, 5]}).drop("lazy")


def test_equal_answers_count_where_they_are_many_enough():
    columns = {f"q{chr(97 + k)}": [1, 1, 3, 2] for k in range(7)}
    assert "duplicate_answers" not in tc.Survey.from_frame(columns).quality.flags
    columns["x"] = [1.5, 1.5, 2.5, 3.5]
    found = tc.Survey.from_frame(columns).quality.flags["duplicate_answers"]
    assert found.tolist() == [True, True, False, False]
    columns["x"] = [1.5, 1.6, 2.5, 3.5]
    assert not tc.Survey.from_frame(columns).quality.flags["duplicate_answers"].any()


def test_durations_may_be_durations():
    columns = {"Q": [1, 2, 5], "took": pa.array([300, 310, 20], pa.duration("s"))}
    survey = tc.Survey.from_frame(columns, duration="took")
    assert survey.quality.flags["too_fast"].tolist() == [False, False, True]


# --- what is refused ------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str, str | None, int | None]] = {
    "a zero weight": (
        {"weights": "w"}, r"weight \(respondent 'bob'\) is 0.0; .*bad_weights=\"drop\"", "w", 1,
    ),
    "a missing weight": (
        {"weights": "gap"}, r"weight \(respondent 'cat'\) is missing", "gap", 2,
    ),
    "a negative weight": (
        {"weights": "minus"}, r"is -1.0, and so are 1 more", "minus", 0,
    ),
    "weights that are text": ({"weights": "name"}, "text where numbers belong", "name", None),
    "a weight that is not there": ({"weights": "ww"}, "did you mean 'w'.*weights=", "ww", None),
    "an item that is not there": ({"items": ["Q11"]}, "did you mean 'Q1'.*items=", "Q11", None),
    "an id that is not there": ({"respondent": "who"}, "respondent=", "who", None),
    "a battery's item that is not there": (
        {"batteries": {"b": ["Q1", "zz"]}}, "batteries=", "zz", None,
    ),
    "a column with two roles": (
        {"weights": "Q1", "items": ["Q1"]}, "named as weights and as something else", "Q1", None,
    ),
    "an answer that is no level": (
        {"levels": {"Q1": [1, 2]}}, "5 is none of the item's levels.*levels=", "Q1", 2,
    ),
    "text that is said to be a number": (
        {"kinds": {"name": "continuous"}}, "holds text where numbers belong", "name", None,
    ),
    "fractions that are said to be a count": (
        {"kinds": {"w": "count"}}, "is a count.*correct kinds=", "w", None,
    ),
    "text without an order": (
        {"kinds": {"name": "ordinal"}}, r"order .*\('x', 'y'\) is not known", "name", None,
    ),
    "a kind of nothing": ({"kinds": {"none": "ordinal"}}, "holds no answers", "none", None),
    "true and false that are said to be a number": (
        {"kinds": {"truth": "continuous"}}, "holds true/false where numbers belong", "truth", None,
    ),
    "ratings that are said to be an option": (
        {"kinds": {"Q1": "multi-select"}}, r"more than chosen .*\(1, 2, 5\)", "Q1", None,
    ),
    "an item without answers": ({"items": ["none"]}, "holds no answers", "none", None),
    "a date as an item": ({"items": ["day"]}, "holds no text, numbers or true/false", "day", None),
    "an infinite number": ({"items": ["far"]}, "infinite", "far", None),
}  # fmt: skip


def refused() -> dict[str, Any]:
    return {
        "id": ["ann", "bob", "cat"],
        "Q1": [1, 2, 5],
        "w": [0.5, 0.0, 1.5],
        "gap": pa.array([0.5, 1.0, None]),
        "minus": [-1.0, 0.0, 1.0],
        "name": ["x", "y", "x"],
        "none": pa.nulls(3, pa.float64()),
        "day": np.array(["2024-01-01"] * 3, "datetime64[D]"),
        "truth": [True, False, True],
        "far": [1.0, 2.0, np.inf],
    }


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused(name):
    options, words, column, row = REFUSED[name]
    if name != "an infinite number":
        columns = {key: values for key, values in refused().items() if key != "far"}
    else:
        columns = refused()
    with pytest.raises(tc.DataError, match=words) as caught:
        tc.Survey.from_frame(columns, **options)
    assert (caught.value.column, caught.value.row) == (column, row)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kinds": {"Q1": "likert"}}, r"kinds\['Q1'\] = 'likert': expected one of \"nominal\""),
        ({"kinds": {"Q11": "nominal"}}, "expected an item or a battery.*did you mean 'Q1'"),
        ({"kinds": ["nominal"]}, "kinds = .*a mapping from items to kinds"),
        ({"levels": {"Q1": "abc"}}, r"levels\['Q1'\] = 'abc': expected a list of 2 to 255"),
        ({"levels": {"Q1": [1, 1]}}, "different levels"),
        ({"levels": {"zz": [1, 2]}}, "levels = .*expected an item or a battery"),
        ({"labels": {"Q1": ["a"]}}, r"labels\['Q1'\] = .*a mapping from values to words"),
        ({"labels": {"Q1": {"1": "a"}}}, "expected words for the answers .*, which are 1, 2, 5"),
        ({"texts": {"Q1": 3}}, r"texts\['Q1'\] = 3: expected text"),
        ({"items": "Q1"}, "items = 'Q1': expected a list"),
        ({"items": []}, "items = .*a list"),
        ({"batteries": {"b": ["Q1"], "c": ["Q1"]}}, "each in one battery"),
        ({"respondent": 3}, "respondent = 3: expected a column's name"),
        ({"weights": True}, "weights = True: expected a column's name"),
        ({"weights": np.ones(3)}, "weights = .*a column's name"),
        (
            {"missing": 3.5, "dont_know": "maybe"},
            "dont_know = 'maybe': expected one of \"missing\"",
        ),
        ({"missing": {"zz": [1]}}, "missing = .*expected an item or a battery"),
        ({"missing": object()}, "missing = "),
        ({"bad_weights": "skip"}, "bad_weights = 'skip'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(options, words):
    with pytest.raises(tc.ParameterError, match=words) as caught:
        tc.Survey.from_frame({"Q1": [1, 2, 5], "w": [1.0, 1.0, 1.0]}, **options)
    assert caught.value.parameter in {*options, "dont_know"}


def test_tables_that_cannot_be_used_are_refused():
    twice = pa.table([[1, 2], [3, 4]], names=["Q1", "Q1"])
    for frame, words in (
        (twice, "several columns of one name"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["Q1", "Q1"]), "several columns of one name"),
        (pd.DataFrame({0: [1, 2]}), "name that is not text"),
        (pd.DataFrame({"Q1": []}), "no rows"),
        (pa.table({}), "no columns"),
        (3, "not a table"),
        (pd.DataFrame({"Q1": pd.Series([1, "a"], dtype=object)}), "mixes types"),
        ({"said": [f"this {k}" for k in range(50)]}, "no column looks like an item"),
        ({"Q1": [1, 2, 3], "w": [0.0, 0.0, None]}, "no weight is above 0"),
    ):
        options = {"weights": "w", "bad_weights": "drop"} if "weight" in words else {}
        with pytest.raises(tc.DataError, match=words):
            tc.Survey.from_frame(frame, **options)


def test_selecting_what_is_not_there_is_refused():
    survey = tc.Survey.from_frame({"Q1_1": [1, 5], "Q1_2": [3, 3]})
    with pytest.raises(tc.DataError, match="did you mean 'Q1_2'"):
        survey.select(["Q1_3", "Q1_2"])
    for wrong in ("Q1", []):
        with pytest.raises(tc.ParameterError, match="items = "):
            survey.select(wrong)
    with pytest.raises(tc.ParameterError, match="battery = 'Q2': expected one of Q1"):
        survey.items_of("Q2")
    with pytest.raises(tc.DataError, match="every respondent"):
        tc.Survey.from_frame({"Q": [1, 2], "id": ["a", "a"]}).drop("duplicate_id")


def test_items_hold_together():
    with pytest.raises(tc.ParameterError, match="kind = 'likert'"):
        tc.Item("Q", "likert")  # type: ignore[arg-type]
    with pytest.raises(tc.ParameterError, match="is nominal and has levels"):
        tc.Item("Q", "nominal")
    with pytest.raises(tc.ParameterError, match="is count and has no levels"):
        tc.Item("Q", "count", levels=(1, 2))
    with pytest.raises(tc.ParameterError, match=r"scores = .*one for each level"):
        tc.Item("Q", "ordinal", levels=(1, 2), scores=(1.0,))


def test_a_duckdb_relation_with_categories():
    relation = duckdb.connect().sql(
        "SELECT Q1, kind::ENUM('b', 'a') AS kind "
        "FROM (VALUES (1, 'b'), (4, 'a'), (5, NULL)) AS t(Q1, kind)"
    )
    survey = tc.Survey.from_frame(relation, missing={"Q1": [5]})
    assert survey.items["kind"].levels == ("b", "a")
    assert survey.answers.types == relation.types
    assert survey.answers.fetchall() == [(1, "b"), (4, "a"), (None, None)]
