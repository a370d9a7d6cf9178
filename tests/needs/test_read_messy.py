"""Files as spreadsheets and web forms write them: read as they are meant, refused, or noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import tercet as tc

if TYPE_CHECKING:
    from pathlib import Path

RATINGS = [(i, i % 5 + 1, f"{i % 7 / 2}".replace(".", ",")) for i in range(1, 41)]
GERMAN = "id;q1;spend\n" + "\n".join(f"{i};{q};{spend}" for i, q, spend in RATINGS) + "\n"


def read(path: Path, content: str | bytes, **options: Any) -> tc.Survey:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tc.read_survey(path, backend="pyarrow", **options)


def one_column(answers: list[Any]) -> str:
    return "id,q\n" + "".join(f'{i + 7},"{answer}"\n' for i, answer in enumerate(answers))


# --- spreadsheets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
def test_a_line_that_names_the_separator_is_no_header(tmp_path, first):
    survey = read(tmp_path / "a.csv", first + GERMAN, decimal=",")
    assert survey.kinds() == {"q1": "ordinal", "spend": "continuous"}
    assert len(survey) == 40


def test_commas_in_questions_are_no_separators(tmp_path):
    content = GERMAN.replace(
        "q1;spend", "Price, speed, or both?;How much, roughly, in euros, a year"
    )
    survey = read(tmp_path / "a.csv", content, decimal=",")
    assert list(survey.items) == ["Price, speed, or both?", "How much, roughly, in euros, a year"]


def test_utf_16_without_a_mark_is_refused(tmp_path):
    raw = GERMAN.encode("utf-16-le")
    with pytest.raises(tc.DataError, match=r"zero bytes.*encoding=\"utf-16-le\""):
        read(tmp_path / "a.csv", raw, decimal=",")
    assert len(read(tmp_path / "a.csv", raw, decimal=",", encoding="utf-16-le")) == 40


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([1, 2, "-", 4, 5], ["-"]),
        ([1, 2, 3, 4, "Total"], ["Total"]),
        ([1, 2, 3, "#DIV/0!", "#REF!", 4], ["#DIV/0!", "#REF!"]),
        ([1.5, 2.5, 99.25, "n.b."], ["n.b."]),
    ],
    ids=str,
)
def test_words_beside_numbers_are_noted_and_may_be_missing(tmp_path, answers, words):
    survey = read(tmp_path / "a.csv", one_column(answers * 8))
    row = answers.index(words[0])
    note = f"'q' stays text, since beside numbers it holds {', '.join(map(repr, words))}"
    assert survey.quality.notes[0].startswith(f"{note} (first in row {row})")
    for missing in (words, {"q": words}):
        found = read(tmp_path / "a.csv", one_column(answers * 8), missing=missing)
        assert found.quality.notes == ()
        assert found.answers["q"].null_count == 8 * len(words)
        assert found.items["q"].kind in ("ordinal", "continuous")


@pytest.mark.parametrize(
    "answers",
    [["1 (not at all)", "2", "3", "4 (very)"], ["0", "1-2", "3-5", "6+"], ["S", "M", "L", "1"]],
)
def test_steps_of_scales_and_sizes_are_no_stray_words(tmp_path, answers):
    assert read(tmp_path / "a.csv", one_column(answers * 8)).quality.notes == ()


@pytest.mark.parametrize(
    ("answers", "numbers", "mark"),
    [
        (["7%", "14%", "100%", "33.5%"], [7, 14, 100, 33.5], "%"),
        (["7 %", "14", "100 %", "3%"], [7, 14, 100, 3], "%"),
        (["$1,200", "$850", "$2,000.50", "$3"], [1200, 850, 2000.5, 3], r"\$"),
        (["€7", "12 €", "$3", "4"], None, None),
    ],
    ids=str,
)
def test_marks_of_money_and_per_cent_are_taken_off(tmp_path, answers, numbers, mark):
    survey = read(tmp_path / "a.csv", one_column(answers * 4))
    assert survey.answers["q"].to_pylist() == 4 * (answers if numbers is None else numbers)
    if mark is not None:
        assert "was taken off" in survey.quality.notes[0]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (["Agree", "agree", "Disagree"], "'q' tells 'Agree' from 'agree'"),
        (
            ["01-May", "06-Oct", "11-20", "21+"],
            "'01-May', which looks like a bracket that a spread",
        ),
        (["App, Web", "Web", "App, Web, Shop", "Shop"], r"look like several options each.*multi-s"),
    ],
    ids=str,
)
def test_doubtful_answers_in_words_are_noted(tmp_path, answers, words):
    survey = read(tmp_path / "a.csv", one_column(answers * 10))
    assert survey.items["q"].kind == "nominal"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(survey.quality.notes[0])
    kept = read(tmp_path / "a.csv", one_column(answers * 10), kinds={"q": "nominal"})
    assert kept.quality.notes == ()


def test_names_of_places_are_no_options():
    cities = ["Paris, France", "Lyon, France", "Rome, Italy", "Bonn"] * 10
    assert tc.Survey.from_frame({"q": cities}).quality.notes == ()


# --- two header lines -----------------------------------------------------------------------------

MONKEY = (
    "Respondent ID,Collector ID,Start Date,Which do you use?,,,How satisfied?,Rate,\n"
    ",,,App,Web,Other (please specify),Response,Price,Speed\n"
)


def monkey_rows() -> str:
    said = ["Very satisfied", "Satisfied", "Dissatisfied"]
    return "".join(
        f"{1000 + i},77,2024-01-02,{'App' if i % 2 else ''},{'Web' if i % 3 else ''},"
        f"{'a fax' if i == 4 else ''},{said[i % 3]},{i % 5 + 1},{i % 4 + 1}\n"
        for i in range(40)
    )


def test_the_second_header_line_of_surveymonkey(tmp_path):
    survey = read(tmp_path / "a.csv", MONKEY + monkey_rows())
    assert (len(survey), survey.respondent) == (40, "Respondent ID")
    assert survey.kinds() == {
        "Which do you use? - App": "multi-select",
        "Which do you use? - Web": "multi-select",
        "How satisfied?": "ordinal",
        "Rate - Price": "ordinal",
        "Rate - Speed": "ordinal",
    }
    assert survey.batteries()["Rate"] == ["Rate - Price", "Rate - Speed"]
    assert "the second line was read as part of the header" in survey.quality.notes[0]
    raw = read(tmp_path / "a.csv", MONKEY + monkey_rows(), format="csv")
    assert len(raw) == 41


def test_a_first_response_is_no_header(tmp_path):
    assert len(read(tmp_path / "a.csv", "a,Q1,\n,1,2\n2,5,3\n3,4,1\n")) == 3
    assert len(read(tmp_path / "a.csv", "Q1,Q2\n,yes\nno,no\nyes,no\n")) == 3
