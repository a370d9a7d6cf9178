"""Surveys from files: SPSS and Stata, text in any form, Parquet, and what is refused."""

from __future__ import annotations

import builtins
import gzip
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

import tercet as tc
from tercet._survey.sav_weight import weight_variable

if TYPE_CHECKING:
    from pathlib import Path

AGREE = {1: "Strongly agree", 2: "Agree", 3: "Neither", 4: "Disagree", 5: "Strongly disagree"}


def columns_of(survey: tc.Survey) -> dict[str, list[Any]]:
    """The answers as lists."""
    columns: dict[str, list[Any]] = survey.answers.to_pydict()
    return columns


# --- SPSS -----------------------------------------------------------------------------------------


def spss_frame() -> pl.DataFrame:
    """Six respondents with everything that files of SPSS have."""
    return pl.DataFrame(
        {
            "caseid": [101.0, 102.0, 103.0, 104.0, 105.0, 106.0],
            "q1": [1.0, 2.0, 9.0, None, 2.0, 1.0],
            "q2": [1.0, 3.0, 98.0, 99.0, 5.0, 7.0],
            "sex": ["m", "f", "f", "", "x", "m"],
            "why": ["a long one", "", "and so", "another one", "", "one more"],
            "m_1": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
            "m_2": [0.0, 0.0, 1.0, 1.0, 0.0, None],
            "age": [23.0, 44.0, 61.0, 35.0, 19.0, 70.0],
            "wave": [1.0, 1.0, 2.0, 2.0, 1.0, 2.0],
            **{f"r{k}": [1.0, 2.0, float(k), 4.0, 5.0, 3.0] for k in (1, 2, 3, 4)},
            "w": [0.8, 1.2, 1.0, 0.5, 1.5, 1.0],
        }
    )


SPSS_OPTIONS: dict[str, Any] = {
    "column_labels": {"q1": "Do you smoke?", "m_1": "Media - Radio", "m_2": "Media - TV"},
    "variable_value_labels": {
        "q1": {1: "no", 2: "yes", 9: "Don't know"},
        "q2": {1: "cold", 7: "warm", 98: "refused", 99: "don't know"},
        "sex": {"m": "male", "f": "female", "x": "missing"},
        **{f"r{k}": AGREE for k in (1, 2, 3, 4)},
    },
    "missing_ranges": {"q1": [9], "q2": [{"lo": 98, "hi": 99}], "sex": ["x"]},
    "variable_measure": {
        "caseid": "nominal",
        "q1": "nominal",
        "q2": "ordinal",
        "age": "scale",
        "w": "scale",
        "r1": "scale",
    },
}


def write_spss(path: Path, frame: pl.DataFrame | None = None, **changes: Any) -> Path:
    pyreadstat.write_sav(
        spss_frame() if frame is None else frame, path, **{**SPSS_OPTIONS, **changes}
    )
    return path


def with_weight(path: Path, record: int) -> Path:
    """Say in a file's header that it is weighted by a variable record, counted from 1."""
    raw = bytearray(path.read_bytes())
    struct.pack_into("<i", raw, 76, record)
    path.write_bytes(raw)
    return path


def with_sets(path: Path, sets: bytes) -> Path:
    """Put an extension record with multiple-response sets before the end of the dictionary."""
    raw = bytearray(path.read_bytes())
    end = raw.index(struct.pack("<2i", 999, 0))
    raw[end:end] = struct.pack("<4i", 7, 7, 1, len(sets)) + sets
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("name", ["a.sav", "a.zsav"])
def test_spss_files_say_most_of_it_themselves(tmp_path, name):
    path = write_spss(tmp_path / name, row_compress=name.endswith("zsav"))
    survey = tc.read_survey(path, backend="pyarrow", weights="w")
    assert (survey.respondent, survey.weights, len(survey)) == ("caseid", "w", 6)
    assert survey.kinds() == {
        "q1": "nominal",
        "q2": "ordinal",
        "sex": "nominal",
        "m_1": "multi-select",
        "m_2": "multi-select",
        "age": "continuous",
        "wave": "nominal",
        "r1": "ordinal",
        "r2": "ordinal",
        "r3": "ordinal",
        "r4": "ordinal",
    }
    answers = columns_of(survey)
    assert answers["q1"] == [1, 2, None, None, 2, 1]
    assert answers["q2"] == [1, 3, None, None, 5, 7]
    assert answers["sex"] == ["m", "f", "f", None, None, "m"]
    assert answers["m_2"] == [0, 0, 1, 1, 0, None]
    assert survey.items["q1"].text == "Do you smoke?"
    assert survey.items["q1"].labels == ("no", "yes")
    assert survey.items["q2"].levels == (1, 3, 5, 7)
    assert survey.items["q2"].labels == ("cold", "3", "5", "warm")
    assert survey.items["sex"].labels == ("female", "male")
    # Downwards is an order, too; a scale that was left at SPSS's default "scale" is still one.
    assert survey.items["r1"].labels == tuple(AGREE.values())
    assert "why" in answers


def test_dont_know_of_spss_may_be_a_level(tmp_path):
    survey = tc.read_survey(write_spss(tmp_path / "a.sav"), dont_know="level", backend="pyarrow")
    assert columns_of(survey)["q1"] == [1, 2, 9, None, 2, 1]
    assert columns_of(survey)["q2"] == [1, 3, None, 99, 5, 7]
    assert survey.items["q1"].labels == ("no", "yes", "Don't know")
    assert survey.items["q2"].kind == "nominal"
    assert survey.items["sex"].levels == ("f", "m")


def test_the_weight_of_spss_is_found_in_the_header(tmp_path):
    path = write_spss(tmp_path / "a.sav")
    names = spss_frame().columns
    found = {record: weight_variable(with_weight(path, record), names) for record in range(30)}
    # Text of 14 bytes takes two records; text is no weight.
    assert found[0] is None
    assert [name for name in found.values() if name] == [
        name for name in names if name not in ("sex", "why")
    ]
    with_weight(path, next(record for record, name in found.items() if name == "w"))
    survey = tc.read_survey(path)
    assert survey.weights == "w"
    assert "w" not in survey.items
    unweighted = tc.read_survey(path, weights=False)
    assert unweighted.weights is None
    assert "w" not in unweighted.items
    assert tc.read_survey(path, weights="age").weights == "age"


def test_multiple_response_sets_of_spss(tmp_path):
    frame = spss_frame().with_columns(
        c1=pl.Series([1.0, 2.0, 3.0, 1.0, None, 9.0]),
        c2=pl.Series([2.0, None, 1.0, None, None, None]),
        yes=pl.Series([1.0, 2.0, 2.0, 2.0, 1.0, None]),
        nope=pl.Series([2.0, 2.0, 1.0, 2.0, 2.0, None]),
    )
    colours = {1: "Red", 2: "Green", 3: "Blue"}
    labels = {**SPSS_OPTIONS["variable_value_labels"], "c1": colours, "c2": colours}
    path = write_spss(
        tmp_path / "a.sav",
        frame,
        variable_value_labels=labels,
        missing_ranges={"c1": [9]},
    )
    with_sets(path, b"$pets=D1 1 4 Pets yes nope\n$colour=C 7 Colours c1 c2\n$gone=C 1 x c1 zz\n")
    survey = tc.read_survey(path, backend="pyarrow")
    assert survey.items_of("pets") == ["yes", "nope"]
    assert survey.items_of("colour") == ["colour_1", "colour_2", "colour_3"]
    answers = columns_of(survey)
    assert answers["yes"] == [1, 0, 0, 0, 1, None]
    assert answers["nope"] == [0, 0, 1, 0, 0, None]
    assert "c1" not in answers
    assert answers["colour_1"] == [1, 0, 1, 1, None, None]
    assert answers["colour_2"] == [1, 1, 0, 0, None, None]
    assert survey.items["colour_3"].text == "Colours - Blue"


def stata_frame() -> pl.DataFrame:
    return pl.DataFrame({"id": [1.0, 2.0, 3.0], "q1": [1.0, 2.0, None], "age": [20.5, 31.0, 44.0]})


def test_portable_files_of_spss(tmp_path):
    pyreadstat.write_por(stata_frame(), tmp_path / "a.por")
    survey = tc.read_survey(tmp_path / "a.por", backend="polars")
    assert survey.answers["Q1"].to_list() == [1, 2, None]


def test_stata_files(tmp_path):
    frame = stata_frame()
    pyreadstat.write_dta(
        frame,
        tmp_path / "a.dta",
        column_labels=["", "Smoker?", ""],
        variable_value_labels={"q1": {1: "no", 2: "yes"}},
    )
    survey = tc.read_survey(tmp_path / "a.dta", backend="polars")
    assert survey.kinds() == {"q1": "nominal", "age": "continuous"}
    assert (survey.items["q1"].text, survey.items["q1"].labels) == ("Smoker?", ("no", "yes"))
    assert survey.answers["q1"].to_list() == [1, 2, None]


def test_pyreadstat_is_asked_for_only_where_it_is_needed(tmp_path, monkeypatch):
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pyreadstat":
            raise ImportError(name)
        return original(name, *rest)

    path = write_spss(tmp_path / "a.sav")
    (tmp_path / "a.csv").write_text("Q1\n1\n2\n5\n")
    monkeypatch.setattr("importlib.import_module", without)
    assert len(tc.read_survey(tmp_path / "a.csv")) == 3
    with pytest.raises(ImportError, match=r"pip install 'tercet\[survey\]'"):
        tc.read_survey(path)


def test_damaged_files_of_spss_are_refused(tmp_path):
    whole = write_spss(tmp_path / "a.sav").read_bytes()
    for n_bytes, words in (
        (len(whole) - 20, "no whole file of SPSS"),
        (100, "no whole"),
        (0, "empty"),
    ):
        (tmp_path / "cut.sav").write_bytes(whole[:n_bytes])
        with pytest.raises(tc.DataError, match=rf"cut\.sav is {words}.*export it again"):
            tc.read_survey(tmp_path / "cut.sav")
    (tmp_path / "not.sav").write_text("id,Q1\n1,2\n")
    with pytest.raises(tc.DataError, match="no whole file of SPSS"):
        tc.read_survey(tmp_path / "not.sav")
    (tmp_path / "not.dta").write_text("id,Q1\n1,2\n")
    with pytest.raises(tc.DataError, match="no whole file of Stata"):
        tc.read_survey(tmp_path / "not.dta")


# --- text -----------------------------------------------------------------------------------------


def test_text_in_any_form_gives_the_same_answers(tmp_path):
    cells = [["id", "Q1", "spend"], ["007", "1", "1.5"], ["008", "", "20.0"], ["009", "5", "NA"]]
    for separator, suffix in ((",", "csv"), (";", "csv"), ("\t", "tsv"), ("|", "txt")):
        text = "\n".join(separator.join(row) for row in cells) + "\n"
        for content in (text, text.replace("\n", "\r\n"), "\ufeff" + text, "\n\n" + text):
            path = tmp_path / f"a.{suffix}"
            path.write_text(content, encoding="utf-8", newline="")
            survey = tc.read_survey(path, backend="pyarrow")
            assert columns_of(survey) == {
                "id": ["007", "008", "009"],
                "Q1": [1, None, 5],
                "spend": [1.5, 20.0, None],
            }
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("id,Q1,spend\n007,1,1.5\n")
    assert len(tc.read_survey(tmp_path / "a.csv.gz")) == 1


def test_backends(tmp_path, native):
    (tmp_path / "a.csv").write_text("id,Q1\na,1\nb,\nc,4\n")
    for backend in ("pandas", "polars", "pyarrow", "duckdb"):
        survey = tc.read_survey(tmp_path / "a.csv", backend=backend)
        assert isinstance(survey.answers, native[backend])
        assert isinstance(survey.quality.per_item, native[backend])
        assert survey.items["Q1"].levels == (1, 4)
    assert isinstance(tc.read_survey(tmp_path / "a.csv").answers, pd.DataFrame)
    for backend in ("excel", "polars lazy"):
        with pytest.raises(tc.ParameterError, match="backend = "):
            tc.read_survey(tmp_path / "a.csv", backend=backend)


def test_decimal_commas(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id;spend;Q1\n1;1,5;1\n2;-2,25;4\n3;3;5\n")
    with pytest.raises(tc.DataError, match=r"'1,5' is no number; pass decimal=\",\"") as caught:
        tc.read_survey(path)
    assert (caught.value.column, caught.value.row) == ("spend", 0)
    survey = tc.read_survey(path, decimal=",", backend="pyarrow")
    assert columns_of(survey)["spend"] == [1.5, -2.25, 3.0]
    options = tc.read_survey(
        path, kinds={"spend": "multi-select"}, levels={"spend": ["1", "5", "-2", "25", "3"]}
    )
    assert len(options.items_of("spend")) == 5


def test_thousands_separators(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,spend\n1,"1,200.50"\n2,30\n3,"2,000"\n')
    assert columns_of(tc.read_survey(path, backend="pyarrow"))["spend"] == [1200.5, 30.0, 2000.0]
    path.write_text("id;spend;Q1\n1;1.200;1\n2;30,5;2\n3;2.000;5\n")
    survey = tc.read_survey(path, decimal=",", backend="pyarrow")
    assert columns_of(survey)["spend"] == [1200.0, 30.5, 2000.0]
    path.write_text('id,spend\n1,"1,200"\n2,30\n3,"2,000"\n')
    with pytest.raises(tc.DataError, match=r"'1,200' may be 1200 or 1\.200; write 1200, or pass"):
        tc.read_survey(path)
    path.write_text("id;spend\n1;1.5\n2;30\n")
    with pytest.raises(tc.DataError, match=r"'1\.5' is no number; pass decimal=\"\.\""):
        tc.read_survey(path, decimal=",")
    assert "spend" in tc.read_survey(path, decimal=",", kinds={"spend": "nominal"}).items


def test_encodings(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,Stadt\n1,Köln\n2,Köln\n3,Bonn\n".encode("cp1252"))
    with pytest.raises(tc.DataError, match=r"byte 12 \(0xf6\), in line 2; .*encoding=\"cp1252\""):
        tc.read_survey(path)
    assert tc.read_survey(path, encoding="cp1252").items["Stadt"].levels == ("Bonn", "Köln")
    path.write_text("id,Stadt\n1,Köln\n2,Köln\n3,Bonn\n", encoding="utf-16")
    assert tc.read_survey(path).items["Stadt"].levels == ("Bonn", "Köln")
    for encoding in ("utf-9", None, 3):
        with pytest.raises(tc.ParameterError, match="encoding = "):
            tc.read_survey(path, encoding=encoding)


def test_quoted_cells_may_hold_anything(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,"How, and\nwhy?",Q\n1,"a ""b"", c\nd",1\n2,"x",5\n')
    survey = tc.read_survey(path, backend="pyarrow")
    assert columns_of(survey) == {
        "id": [1, 2],
        "How, and\nwhy?": ['a "b", c\nd', "x"],
        "Q": [1, 5],
    }


def test_columns_without_a_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",Q1,\n0,1,\n1,5,\n2,3,\n")
    survey = tc.read_survey(path, backend="pyarrow")
    assert list(survey.items) == ["Q1"]
    assert columns_of(survey) == {"column 1": [0, 1, 2], "Q1": [1, 5, 3]}


BAD_FILES = {
    "an empty file": (b"", "is empty.*header line"),
    "blank lines": (b"\n \n", "is empty"),
    "a header only": (b"id,Q1\n", "a header but no answers"),
    "a header and blank lines": (b"id,Q1\n\n\n", "a header but no answers"),
    "a short row": (b"id,Q1\n1,2\n2\n3,4\n", r"row 1: has 1 fields where the header has 2"),
    "a long row": (b"id,Q1\n1,2,3\n", r"row 0: has 3 fields where the header has 2 \('1,2,3'\)"),
    "two columns of one name": (
        b"id,Q1,Q1\n1,2,3\n",
        r"'Q1': is the name of two.*\(columns 2 and 3",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_cannot_be_read_are_refused(tmp_path, name):
    content, words = BAD_FILES[name]
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(tc.DataError, match=words):
        tc.read_survey(tmp_path / "a.csv")


def test_a_missing_file_is_the_systems_error(tmp_path):
    for name in ("no.csv", "no.sav", "no.dta", "no.parquet", "no.zsav", "no"):
        with pytest.raises(FileNotFoundError):
            tc.read_survey(tmp_path / name)
    with pytest.raises(OSError, match="directory"):
        tc.read_survey(tmp_path)


def test_files_of_other_programs_are_named(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(tc.DataError, match=r"a file of Excel.*save the answers as CSV"):
        tc.read_survey(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "xlsx"}, "format = 'xlsx': expected one of"),
        ({"unfinished": "error"}, "unfinished = "),
        ({"previews": None}, "previews = None"),
        ({"separator": "::"}, "separator = '::'"),
        ({"separator": None}, "separator = None"),
        ({"decimal": "·"}, "decimal = "),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(tmp_path, options, words):
    (tmp_path / "a.csv").write_text("id,Q1\n1,2\n2,5\n")
    with pytest.raises(tc.ParameterError, match=words):
        tc.read_survey(tmp_path / "a.csv", **options)
    with pytest.raises(tc.ParameterError, match="path = 3"):
        tc.read_survey(3)


# --- Parquet --------------------------------------------------------------------------------------


def test_parquet(tmp_path):
    table = pa.table(
        {
            "id": ["a", "b", "c"],
            "Q1": [1, None, 5],
            "mood": pa.array(["good", "bad", "good"]).dictionary_encode(),
        }
    )
    for name in ("a.parquet", "a.pq", "answers"):
        pq.write_table(table, tmp_path / name)
        survey = tc.read_survey(tmp_path / name, backend="pyarrow")
        # Categories have an order of their own.
        assert survey.items["mood"].levels == ("good", "bad")
        assert columns_of(survey)["Q1"] == [1, None, 5]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and so on")
    with pytest.raises(tc.DataError, match="not a readable Parquet file"):
        tc.read_survey(tmp_path / "bad.parquet")


# --- public data ----------------------------------------------------------------------------------


def test_public_surveys(data_file):
    gss = tc.read_survey(data_file("survey/gss82.csv"))
    assert set(gss.kinds().values()) == {"nominal"}
    assert len(gss) == 1202
    cheating = tc.read_survey(data_file("survey/cheating.csv"))
    assert cheating.kinds()["GPA"] == "ordinal"
    assert cheating.items["LIEEXAM"].levels == (1, 2)
    motives = tc.read_survey(data_file("survey/vacmot.csv"))
    assert len(motives.items) == 20
    described = tc.read_survey(data_file("survey/vacmot_descriptors.csv"))
    assert described.items["Income"].kind == "ordinal"
    assert described.items["Income"].levels[0] == "Less than $30,000"


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_large_files_are_read_in_seconds(tmp_path):
    rng = np.random.default_rng(0)
    n_rows = 200_000
    columns: dict[str, Any] = {"id": np.arange(n_rows) * 7}
    words = np.array(list(AGREE.values()))
    for battery in range(6):
        for k in range(10):
            ratings = rng.integers(0, 5, n_rows)
            columns[f"Q{battery}_{k}"] = words[ratings] if battery == 0 else ratings + 1
    pl.DataFrame(columns).write_csv(tmp_path / "big.csv")
    start = time.process_time()
    survey = tc.read_survey(tmp_path / "big.csv", backend="pyarrow")
    assert len(survey.quality.per_respondent) == n_rows
    assert time.process_time() - start < 30
    assert len(survey.batteries()) == 6
