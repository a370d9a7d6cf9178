"""The report on how carefully a survey was answered, and tables that cannot be a survey."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tercet as tc

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
