"""Answers that are none: refusals in words, codes, and numbers that may be codes."""

from __future__ import annotations

import pandas as pd
import pytest

import tercet as tc

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
