"""Columns of weights: which ones look like it, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tercet as tc

ROUND = list(range(1000, 1414, 7))
NEAR_ONE = [0.5, 1.5, 1.0, 0.8] * 15


def survey_of(values: Any, name: str = "weight", **others: Any) -> tc.Survey:
    rows = len(values)
    return tc.Survey.from_frame(
        {"Q1": [1, 2, 3, 5] * (rows // 4) + [1] * (rows % 4), name: values, **others}
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("weight", ROUND),
        ("weight", [float(value) for value in ROUND]),
        ("weights", [1.0] * 20),
        ("w", ROUND),
        ("w", NEAR_ONE),
        ("W", NEAR_ONE),
        ("final_weight", NEAR_ONE),
        ("PERWT", ROUND),
        ("finalwgt", ROUND),
        ("Gewicht", NEAR_ONE),
        ("wgt_2024", [0.0, 310.0, 455.0, 120.0]),
        ("weight", [44.0, 71.5, float("nan"), 98.0]),
        ("weight", np.arange(45, 105)),
    ],
    ids=str,
)
def test_weights_are_no_items_whole_ones_neither(name, values):
    survey = survey_of(values, name)
    assert (survey.weights, list(survey.items)) == (None, ["Q1"])
    assert f"'{name}' looks like weights and is not used" in survey.quality.notes[0]
    assert survey_of(values, name, note=["x"] * len(values)).quality.notes == survey.quality.notes


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([1, 2, 3, 5] * 5, {}),
        ([44.0, 71.5, 98.0, 80.0], {"height": [160, 171, 182, 190]}),
        ([44, 71, 98, 80], {"Body_Height_cm": [160, 171, 182, 190]}),
    ],
    ids=str,
)
def test_ratings_and_what_people_weigh_are_items_with_a_note(values, options):
    survey = survey_of(values, **options)
    assert "weight" in survey.items
    assert "'weight' has a name as weights have, and is taken as an item" in survey.quality.notes[0]


def test_names_of_body_weights():
    for name in ("body_weight", "weight_kg", "Weight (lbs)", "weight in kg"):
        assert name in survey_of([44.0, 71.5, 98.0, 80.0], name).items
    assert (
        "final_weight" not in survey_of([44.0, 71.5, 98.0], "final_weight", height=[1, 2, 5]).items
    )


def test_the_caller_decides():
    columns = {"Q1": [1, 2, 3, 5] * 5, "weight": list(range(60, 80))}
    named = tc.Survey.from_frame(columns, kinds={"weight": "continuous"})
    assert (list(named.items), named.quality.notes) == (["Q1", "weight"], ())
    assert tc.Survey.from_frame(columns, weights="weight").quality.notes == ()
    assert "weight" in tc.Survey.from_frame(columns, items=["Q1", "weight"]).items
    labelled = tc.Survey.from_frame(columns, texts={"weight": "How much do you weigh?"})
    assert "weight" in labelled.items


@pytest.mark.parametrize("name", ["wtp", "wave", "weightless", "how", "q_w", "sweets"])
def test_other_names_are_not_those_of_weights(name):
    survey = survey_of(ROUND, name)
    assert name in survey.items
    assert survey.quality.notes == ()


def test_negative_numbers_are_no_weights():
    assert "weight" in survey_of([-20, 3, 15, 44]).items
