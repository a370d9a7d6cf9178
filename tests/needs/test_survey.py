"""Surveys of tables: every kind of table, batteries, options, codes, and how they show."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyreadstat
import pytest

import tercet as tc
from tercet._survey.item import NO_ANSWER, codes

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
