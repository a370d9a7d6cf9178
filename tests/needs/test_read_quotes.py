"""Quotes and line ends of text files: stray ones must not take respondents away in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tercet as tc
from tercet._survey.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEADER = "id,q1,q2,c"


def write(path: Path, changed: Mapping[int, str], header: str = HEADER, n_rows: int = 100) -> Path:
    """Respondents with two ratings and a word each, some of whose lines are others."""
    rows = [changed.get(i, f"{i},{i % 5 + 1},{i % 3 + 1},ok") for i in range(n_rows)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("changed", "row", "words"),
    [
        ({10: '10,1,2,"great'}, 10, r"row 10 \(line 12\): a quote is not closed and takes in the"),
        ({10: '10,1,2,"great', 40: '40,1,2,a "b"'}, 10, "one cell takes in 30 lines"),
        ({10: '10,1,"2,ok'}, 10, "a quote is not closed"),
        ({99: '99,1,2,"great'}, 99, r"row 99 \(line 101\): a quote is not closed \("),
        ({10: '10,1,2,"great', 50: '50,1,2,"great'}, 10, r"row 10 \(line 12\): one cell takes in"),
        ({10: '10,1,2,"great', 50: '50,1,2,great"'}, 10, "one cell takes in 40 lines that look"),
        ({10: '10,1,2,"great', 11: '11,1,2,great"'}, 10, "one cell takes in 1 lines"),
        ({10: '10,1,"2,ok', 50: '50,1,2",ok'}, 10, "one cell takes in 40 lines"),
        ({0: '0,1,2,"great', 99: '99,1,2,great"'}, 0, "one cell takes in 99 lines"),
    ],
    ids=str,
)
def test_stray_quotes_are_refused(tmp_path, changed, row, words):
    with pytest.raises(tc.DataError, match=rf"{words}.*delete the quote, or double it") as caught:
        tc.read_survey(write(tmp_path / "a.csv", changed))
    assert caught.value.row == row


def test_stray_quotes_without_a_last_line_end_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text('id,q1,c\n1,2,a\n2,4,"great')
    with pytest.raises(tc.DataError, match=r"row 1 \(line 3\): a quote is not closed"):
        tc.read_survey(tmp_path / "a.csv")


@pytest.mark.parametrize("header", ['id,q1,q2,"c', 'id,"q1,q2,c'])
def test_stray_quotes_in_the_header_are_refused(tmp_path, header):
    with pytest.raises(tc.DataError, match=r"the header \(line 1\): a quote is not closed"):
        tc.read_survey(write(tmp_path / "a.csv", {}, header))
    with pytest.raises(tc.DataError, match=r"the header takes in records|fields where the header"):
        tc.read_survey(write(tmp_path / "a.csv", {10: '10,1,2,"great'}, header))


def test_a_stray_quote_in_a_large_file_is_named(tmp_path):
    path = write(tmp_path / "a.csv", {10: '10,1,2,"great'}, n_rows=200_000)
    with pytest.raises(tc.DataError, match="is a quote not closed"):
        tc.read_survey(path)
    path = write(tmp_path / "a.csv", {199_900: '10,1,2,"great'}, n_rows=200_000)
    with pytest.raises(tc.DataError, match=r"row 199900 \(line 199902\): a quote is not closed"):
        tc.read_survey(path)


@pytest.mark.parametrize(
    "cell",
    [
        '"a\nb\nc"',
        '"so, it is\nfast, cheap, good, and mine"',
        '"a ""b""\n\n, c, d\n"',
        'the "great"',
        '"great" and so on',
        '"1. price\n2. speed, mostly"',
    ],
)
def test_comments_of_several_lines_are_read(tmp_path, cell):
    survey = tc.read_survey(write(tmp_path / "a.csv", {10: f"10,1,2,{cell}", 99: f"99,1,2,{cell}"}))
    assert len(survey) == 100
    assert survey.items["q1"].levels == (1, 2, 3, 4, 5)


def test_lines_of_old_macs_end_with_a_carriage_return(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,q1,"c\nd"\r1,2,"x\ny"\r2,3,z\r')
    survey = tc.read_survey(path, backend="pyarrow")
    assert survey.answers.to_pydict() == {"id": [1, 2], "q1": [2, 3], "c\nd": ["x\ny", "z"]}
    path.write_bytes(b"id,q1\r1,2\r2,3\r")
    assert tc.read_survey(path).items["q1"].levels == (2, 3)
    path.write_bytes(b"id,q1\r\n1,2\r\n2,3\r\n")
    assert read_text(path, "utf-8", "auto").content == "id,q1\r\n1,2\r\n2,3\r\n"


def test_a_header_that_is_no_header_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x" * 200_000 + "\n1\n")
    with pytest.raises(tc.DataError, match="the header cannot be read"):
        tc.read_survey(tmp_path / "a.csv")
