"""What the answers of a survey are: kinds, levels, scores, scales that everybody knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tercet as tc
from tercet._survey.scales import is_ordered, known_numbers, known_order

AGREE = [
    "Strongly disagree",
    "Somewhat disagree",
    "Neither agree nor disagree",
    "Somewhat agree",
    "Strongly agree",
]


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
