"""Exports of Qualtrics: header lines, columns about the interview, text entries, refusals."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyreadstat
import pytest

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def columns_of(survey: tc.Survey) -> dict[str, list[Any]]:
    """The answers as lists."""
    columns: dict[str, list[Any]] = survey.answers.to_pydict()
    return columns


QUALTRICS = {
    "StartDate": ("Start Date", "startDate"),
    "Status": ("Response Type", "status"),
    "Progress": ("Progress", "progress"),
    "Duration (in seconds)": ("Duration (in seconds)", "duration"),
    "Finished": ("Finished", "finished"),
    "ResponseId": ("Response ID", "_recordId"),
    "DistributionChannel": ("Distribution Channel", "distributionChannel"),
    "Q1": ("Are you\n a smoker?", "QID1"),
    "Q2_1": ("Rate each. - Price", "QID2_1"),
    "Q2_2": ("Rate each. - Speed", "QID2_2"),
    "Q3_1": ("Which? - Selected Choice - Radio", "QID3_1"),
    "Q3_2": ("Which? - Selected Choice - TV, cable", "QID3_2"),
    "Q3_3": ("Which? - Selected Choice - Other", "QID3_3"),
    "Q3_3_TEXT": ("Which? - Other - Text", "QID3_3_TEXT"),
    "Q4": ("Where? - Selected Choice", "QID4"),
    "Q5": ("Age", "QID5_TEXT"),
    "Q6": ("Comments", "QID6_TEXT"),
    "Q7_First Click": ("Timing - First Click", "QID7_FIRST_CLICK"),
    "Q2_DO_1": ("Rate each. - Display Order", "QID2_DO"),
    "FL_3_DO_A": ("FL_3 - Block Randomizer", "FL_3_DO"),
    "NPS_NPS_GROUP": ("Recommend? - Group", "QID9_NPS_GROUP"),
    "tier": ("tier", "tier"),
}
RESPONSES = [
    ["2024-01-01", "IP Address", 100, 300, "True", "R_0", "anonymous", "Yes",
     "Somewhat agree", "Strongly agree", "Radio", "", "Other", "podcasts", "home,work, too", 44,
     "good\nor so", 1.5, 1, "x", "Promoter", "gold"],
    ["2024-01-01", "Survey Preview", 100, 11, "True", "R_1", "preview", "No",
     "Strongly agree", "Strongly agree", "Radio", "", "", "", "home", 3,
     "test", 1.5, 2, "x", "", ""],
    ["2024-01-01", "IP Address", 40, 50, "False", "R_2", "email", "Yes",
     "Strongly disagree", "", "", "", "", "", "", "", "", "", "", "", "", "gold"],
    ["2024-01-02", "IP Address", 100, 320, "True", "R_3", "email", "No",
     "Strongly disagree", "Somewhat agree", "", "TV, cable", "", "", "work, too", 61,
     "", 2.5, 1, "y", "Passive", "silver"],
    ["2024-01-02", "Spam", 100, 90, "True", "R_4", "email", "No",
     "Strongly disagree", "Strongly disagree", "", "", "", "", "home", 20,
     "", 1, 1, "y", "", "gold"],
    ["2024-01-02", "IP Address", 100, 310, "True", "R_5", "email", "No",
     "Neither agree nor disagree", "Somewhat agree", "", "", "", "", "home,the moon", 33,
     "nothing to say", 2.5, 1, "y", "Passive", "silver"],
]  # fmt: skip


def write_qualtrics(
    path: Path,
    responses: Sequence[Sequence[Any]] = RESPONSES,
    lines: Sequence[int] = (0, 1, 2),
    encoding: str = "utf-8-sig",
    delimiter: str = ",",
) -> Path:
    """An export: some of its three header lines, and responses."""
    ids = [json.dumps({"ImportId": import_id}) for _, import_id in QUALTRICS.values()]
    headers = [list(QUALTRICS), [text for text, _ in QUALTRICS.values()], ids]
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([headers[line] for line in lines])
        writer.writerows(responses)
    return path


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter"),
    [("a.csv", "utf-8-sig", ","), ("a.csv", "utf-8", ","), ("a.tsv", "utf-16", "\t")],
)
def test_exports_of_qualtrics(tmp_path, name, encoding, delimiter):
    path = write_qualtrics(tmp_path / name, encoding=encoding, delimiter=delimiter)
    survey = tc.read_survey(path, backend="pyarrow")
    assert survey.respondent == "ResponseId"
    assert survey.duration == "Duration (in seconds)"
    assert survey.n_dropped == {"preview, test or spam": 2, "unfinished": 1}
    assert survey.quality.dropped.to_pydict() == {
        "row": [1, 4, 2],
        "respondent": ["R_1", "R_4", "R_2"],
        "reason": ["preview, test or spam", "preview, test or spam", "unfinished"],
    }
    assert survey.kinds() == {
        "Q1": "nominal",
        "Q2_1": "ordinal",
        "Q2_2": "ordinal",
        "Q3_1": "multi-select",
        "Q3_2": "multi-select",
        "Q3_3": "multi-select",
        "Q4_1": "multi-select",
        "Q4_2": "multi-select",
        "Q4_3": "multi-select",
        "Q5": "continuous",
        "Q6": "nominal",
    }
    assert survey.batteries() == {
        "Q2": ["Q2_1", "Q2_2"],
        "Q3": ["Q3_1", "Q3_2", "Q3_3"],
        "Q4": ["Q4_1", "Q4_2", "Q4_3"],
    }
    answers = columns_of(survey)
    assert answers["ResponseId"] == ["R_0", "R_3", "R_5"]
    assert answers["Q3_1"] == [1, 0, None]
    assert answers["Q3_2"] == [0, 1, None]
    assert answers["Q4_1"] == [1, 0, 1]
    assert answers["Q4_2"] == [1, 1, 0]
    assert answers["tier"] == ["gold", "silver", "silver"]
    assert answers["Q6"][0] == "good\nor so"
    assert "Q2_DO_1" not in answers
    assert "FL_3_DO_A" not in answers
    assert survey.items["Q1"].text == "Are you a smoker?"
    assert survey.items["Q2_2"].statement == "Speed"
    assert survey.items["Q4_3"].text == "Where? - Selected Choice - the moon"
    assert survey.items["Q2_1"].labels == (
        "Strongly disagree",
        "Neither agree nor disagree",
        "Somewhat agree",
        "Strongly agree",
    )
    assert "2 columns of display order were left out" in survey.quality.notes


def test_rules_about_responses_may_be_turned_off(tmp_path):
    path = write_qualtrics(tmp_path / "a.csv")
    assert len(tc.read_survey(path, unfinished="keep", previews="keep")) == 6
    assert len(tc.read_survey(path, unfinished="keep")) == 4
    assert tc.read_survey(path, previews="keep").n_dropped == {"unfinished": 1}
    quality = tc.read_survey(path, unfinished="keep", previews="keep").quality
    assert quality.flags["too_fast"].tolist() == [False, True, True, False, False, False]


def test_numeric_exports_of_qualtrics(tmp_path):
    numbers = {"Yes": 1, "No": 2, "IP Address": 0, "Survey Preview": 1, "Spam": 8, "True": 1,
               "False": 0, "Strongly disagree": 1, "Neither agree nor disagree": 3,
               "Somewhat agree": 4, "Strongly agree": 5, "Radio": 1, "TV, cable": 2,
               "Other": 3, "home,work, too": "1,2", "home": 1, "work, too": 2,
               "home,the moon": "1,5"}  # fmt: skip
    coded = [[numbers.get(cell, cell) for cell in row] for row in RESPONSES]
    coded[3][8] = -99
    survey = tc.read_survey(write_qualtrics(tmp_path / "a.csv", coded), backend="pyarrow")
    assert survey.n_dropped == {"preview, test or spam": 2, "unfinished": 1}
    answers = columns_of(survey)
    assert answers["Q2_1"] == [4, None, 3]
    assert survey.items["Q2_1"].levels == (3, 4, 5)
    assert answers["Q3_3"] == [1, 0, None]
    assert [survey.items[name].kind for name in ("Q4_1", "Q4_2", "Q4_5")] == ["multi-select"] * 3
    assert answers["Q4_5"] == [0, 0, 1]
    labelled = tc.read_survey(
        tmp_path / "a.csv", labels={"Q4": {1: "home", 2: "work, too", 5: "the moon"}}
    )
    assert labelled.items["Q4_5"].text == "Where? - Selected Choice - the moon"


def test_exports_that_somebody_read_as_a_table_are_found_out(tmp_path):
    frame = pd.read_csv(write_qualtrics(tmp_path / "a.csv"))
    with pytest.raises(tc.DataError, match=r"row 1: holds a header line of Qualtrics"):
        tc.Survey.from_frame(frame)
    survey = tc.Survey.from_frame(frame.iloc[2:])
    assert "Progress" not in survey.items
    assert "Q2_1" in survey.items


def test_comments_are_no_options(tmp_path):
    responses = [[*row[:16], f"it is {k},so", *row[17:]] for k, row in enumerate(RESPONSES)]
    survey = tc.read_survey(write_qualtrics(tmp_path / "a.csv", responses), unfinished="keep")
    assert not [name for name in survey.items if name.startswith("Q6")]


def test_exports_without_their_header_lines_are_refused(tmp_path):
    for lines, lacks in (((0,), "third line"), ((0, 1), "third line"), ((0, 2), "second line")):
        path = write_qualtrics(tmp_path / "a.csv", lines=lines)
        for form in ("auto", "qualtrics"):
            with pytest.raises(tc.DataError, match=rf'{lacks}.*export it again.*format="csv"'):
                tc.read_survey(path, format=form)
    survey = tc.read_survey(write_qualtrics(tmp_path / "a.csv", lines=(0,)), format="csv")
    assert survey.n_dropped == {"preview, test or spam": 2, "unfinished": 1}
    (tmp_path / "b.csv").write_text("id,Q1\n1,2\n2,5\n")
    with pytest.raises(tc.DataError, match="was read as an export of Qualtrics"):
        tc.read_survey(tmp_path / "b.csv", format="qualtrics")


def test_exports_of_which_nothing_is_left_are_refused(tmp_path):
    path = write_qualtrics(tmp_path / "a.csv", RESPONSES[1:2])
    with pytest.raises(
        tc.DataError, match=r"every response is left out \(1 preview.*previews=\"keep\""
    ):
        tc.read_survey(path)
    path = write_qualtrics(tmp_path / "a.csv", RESPONSES[2:3])
    with pytest.raises(tc.DataError, match=r"no response is finished.*unfinished=\"keep\""):
        tc.read_survey(path)
    path = write_qualtrics(tmp_path / "a.csv", [])
    with pytest.raises(tc.DataError, match="a header but no answers"):
        tc.read_survey(path)


def test_errors_name_columns_and_rows_of_the_file(tmp_path):
    rows = [list(row) for row in RESPONSES]
    rows[5][8] = "Sort of"
    path = write_qualtrics(tmp_path / "a.csv", rows)
    levels = ["Strongly disagree", "Somewhat agree", "Strongly agree"]
    with pytest.raises(tc.DataError, match=r"column 'Q2_1', row 5: 'Sort of' is none") as caught:
        tc.read_survey(path, levels={"Q2_1": levels})
    assert (caught.value.column, caught.value.row) == ("Q2_1", 5)
    (tmp_path / "b.csv").write_text("id,Q1,w\na,1,1.5\nb,2,0\nc,5,\n")
    with pytest.raises(tc.DataError, match=r"row 1: the weight \(respondent 'b'\) is 0.0"):
        tc.read_survey(tmp_path / "b.csv", weights="w")
    dropped = tc.read_survey(tmp_path / "b.csv", weights="w", bad_weights="drop", backend="pyarrow")
    assert dropped.quality.dropped["row"].to_pylist() == [1, 2]
    with pytest.raises(tc.DataError, match=r"is missing from the .*b\.csv; did you mean 'Q1'"):
        tc.read_survey(tmp_path / "b.csv", items=["Q11"])


# --- what respondents typed in --------------------------------------------------------------------


def write_entries(path: Path, entries: Sequence[str], import_id: str = "QID9_TEXT") -> Path:
    """An export of one question of which respondents typed in the answers, and a rating."""
    ids = ["_recordId", "finished", "QID1", import_id]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ResponseId", "Finished", "Q1", "Q9"])
        writer.writerow(["Response ID", "Finished", "How good?", "How much?"])
        writer.writerow([json.dumps({"ImportId": one}) for one in ids])
        writer.writerows([f"R_{k}", "True", k % 5 + 1, one] for k, one in enumerate(entries))
    return path


@pytest.mark.parametrize(
    ("entries", "numbers", "note"),
    [
        (["1,200", "850", "2,000", "300"], [1200, 850, 2000, 300], "'1,200' in 'Q9' was read as"),
        (["1,200.50", "850", "2.5", "3"], [1200.5, 850, 2.5, 3], None),
        (["1,200,000", "850", "2", "3"], [1200000, 850, 2, 3], None),
        (
            ["2,5", "3", "0,5", "1,25"],
            [2.5, 3, 0.5, 1.25],
            "'2,5' in 'Q9' was read as a number with",
        ),
        (["2,5", "1.200,5", "3", "4"], [2.5, 1200.5, 3, 4], "with a decimal comma"),
        (["34", "61", "20", "33"], [34, 61, 20, 33], None),
    ],
    ids=str,
)
def test_numbers_that_were_typed_in(tmp_path, entries, numbers, note):
    survey = tc.read_survey(write_entries(tmp_path / "a.csv", entries), backend="pyarrow")
    assert columns_of(survey)["Q9"] == numbers
    assert survey.items["Q9"].kind in ("continuous", "ordinal")
    assert [one for one in survey.quality.notes if note and note in one] or note is None
    assert len(survey.quality.notes) == (note is not None)


@pytest.mark.parametrize("entries", [["2,5", "1,200", "850", "3"], ["1,2,3", "2,3", "1,4", "5"]])
def test_what_was_typed_in_is_never_several_options(tmp_path, entries):
    path = write_entries(tmp_path / "a.csv", entries)
    survey = tc.read_survey(path, backend="pyarrow")
    assert columns_of(survey)["Q9"] == entries
    assert "'Q9' stays text: the commas of its numbers" in survey.quality.notes[0]
    assert not any(name.startswith("Q9_") for name in survey.items)
    said = tc.read_survey(path, kinds={"Q9": "multi-select"})
    assert said.items_of("Q9")


def test_options_in_one_cell_are_split_and_noted(tmp_path):
    survey = tc.read_survey(write_entries(tmp_path / "a.csv", ["1,2", "2", "1", "2,3"], "QID9"))
    assert survey.items_of("Q9") == ["Q9_1", "Q9_2", "Q9_3"]
    assert "cells of 'Q9' were taken as several options each" in survey.quality.notes[0]
    path = write_entries(tmp_path / "a.csv", ["1,200", "850", "2,000", "300"], "QID9_1")
    assert "Q9_1" not in tc.read_survey(path).items


# --- files of other kinds -------------------------------------------------------------------------


def test_spss_files_of_qualtrics(tmp_path):
    frame = pl.DataFrame(
        {
            "StartDate": ["2024-01-01"] * 4,
            "Status": [0.0, 1.0, 0.0, 0.0],
            "Progress": [100.0, 100.0, 30.0, 100.0],
            "Duration__in_seconds_": [300.0, 4.0, 20.0, 310.0],
            "Finished": [1.0, 1.0, 0.0, 1.0],
            "ResponseId": ["R_1", "R_2", "R_3", "R_4"],
            "Q1": [1.0, 2.0, 3.0, -99.0],
        }
    )
    labels = {"Status": {0: "IP Address", 1: "Survey Preview"}, "Finished": {0: "False", 1: "True"}}
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels=labels)
    survey = tc.read_survey(tmp_path / "a.sav", backend="pyarrow")
    assert survey.n_dropped == {"preview, test or spam": 1, "unfinished": 1}
    assert (survey.respondent, survey.duration) == ("ResponseId", "Duration__in_seconds_")
    assert columns_of(survey)["Q1"] == [1, None]
    assert list(survey.items) == ["Q1"]


DERIVED = {
    "QT_First_Click": [1.5, 2.5, 0.5, 1.0],
    "QT_Last_Click": [1.5, 2.5, 0.5, 1.0],
    "QT_Page_Submit": [9.5, 12.5, 3.5, 8.0],
    "QT_Click_Count": [1.0, 2.0, 3.0, 1.0],
    "Q5_NPS_GROUP": [1.0, 2.0, 3.0, 1.0],
    "Q6_TEXT___Topics": ["Price", "Price", "", "Speed"],
    "Q6___Sentiment_Polarity": [1.0, 2.0, 0.0, 1.0],
    "Q6___Topic_Sentiment_Score": [1.0, 2.0, 0.0, 1.0],
    "Q6_3_TEXT": ["a", "a", "b", "b"],
    "Q_TotalDuration": [300.0, 4.0, 20.0, 310.0],
    "SC0": [1.0, 2.0, 5.0, 1.0],
}
ORDERS = {
    "Q3_DO_1": [1.0, 2.0, 3.0, 1.0],
    "FL_5_DO": [1.0, 2.0, 2.0, 1.0],
    "FL_5_DO_FL_6": [1.0, 2.0, 2.0, 1.0],
}
ANSWERED = {
    "StartDate": ["2024-01-01"] * 4,
    "Progress": [100.0] * 4,
    "Finished": [1.0] * 4,
    "ResponseId": ["R_1", "R_2", "R_3", "R_4"],
    "Q3": [1.0, 2.0, 3.0, 5.0],
    "TO_DO": [1.0, 2.0, 3.0, 5.0],
    "Q5": [10.0, 8.0, 2.0, 7.0],
}


@pytest.mark.parametrize("name", ["a.sav", "a.parquet"])
def test_what_qualtrics_adds_is_no_item_in_files_of_other_kinds(tmp_path, name):
    frame = pl.DataFrame({**ANSWERED, **DERIVED, **ORDERS})
    if name == "a.sav":
        pyreadstat.write_sav(frame, tmp_path / name)
    else:
        frame.write_parquet(tmp_path / name)
    survey = tc.read_survey(tmp_path / name, backend="pyarrow")
    assert list(survey.items) == ["Q3", "TO_DO", "Q5"]
    assert set(DERIVED) <= set(survey.answers.column_names)
    assert not set(ORDERS) & set(survey.answers.column_names)
    assert "3 columns of display order were left out" in survey.quality.notes
    assert survey.respondent == "ResponseId"


def test_what_qualtrics_adds_is_no_item_in_tables():
    survey = tc.Survey.from_frame(pd.DataFrame({**ANSWERED, **DERIVED, **ORDERS}))
    assert list(survey.items) == ["Q3", "TO_DO", "Q5"]
    assert set(ORDERS) <= set(survey.answers.columns)


@pytest.mark.parametrize(
    "import_id",
    [
        "QID9_TEXT_9079b4e7ParTopics",
        "QID9_TEXT_9079b4e7SenPol",
        "QID9_BROWSER",
        "QID9_NPS_GROUP",
        "QID9_CLICK_COUNT",
        "SC_5abc",
    ],
)
def test_derived_columns_are_known_by_their_import_id(tmp_path, import_id):
    path = write_entries(tmp_path / "a.csv", ["1", "2", "3", "1", "2"], import_id)
    assert list(tc.read_survey(path).items) == ["Q1"]


def test_import_ids_say_more_than_names(tmp_path):
    path = write_entries(tmp_path / "a.csv", ["1", "2", "3", "1", "2"], "QID9")
    path.write_text(path.read_text().replace("Q1,Q9", "TO_SC,SC1"))
    assert list(tc.read_survey(path).items) == ["TO_SC", "SC1"]
