"""Surveys from files: SPSS, Stata, Qualtrics, CSV and Parquet."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tercet import _arguments
from tercet._columns import take
from tercet._frames import new_table
from tercet._survey.assembly import assemble
from tercet._survey.options import BadWeights, DontKnow, Options
from tercet._survey.reading import HowToRead, read_source
from tercet.data.survey import Survey, survey_of
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from tercet._survey.assembly import Parts
    from tercet._survey.item import ItemKind
    from tercet._survey.source import Source

__all__ = ["read_survey"]

Format: TypeAlias = Literal["auto", "spss", "stata", "qualtrics", "csv", "parquet"]
Rule: TypeAlias = Literal["drop", "keep"]
Backend: TypeAlias = Literal["pandas", "polars", "pyarrow", "duckdb"]


def read_survey(
    path: str | os.PathLike[str],
    *,
    format: Format = "auto",  # noqa: A002 - the word that everybody looks for
    items: Sequence[str] | None = None,
    kinds: Mapping[str, ItemKind] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    labels: Mapping[str, Mapping[Any, str]] | None = None,
    texts: Mapping[str, str] | None = None,
    batteries: Mapping[str, Sequence[str]] | None = None,
    respondent: str | None = None,
    weights: str | Literal[False] | None = None,
    duration: str | None = None,
    missing: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    dont_know: DontKnow = "missing",
    bad_weights: BadWeights = "error",
    unfinished: Rule = "drop",
    previews: Rule = "drop",
    encoding: str = "utf-8",
    separator: str = "auto",
    decimal: Literal[".", ","] = ".",
    backend: Backend | None = None,
) -> Survey:
    r"""Read a survey from a file.

    What the file says of its questions is kept: texts, labels, levels of measurement, missing
    values, questions with several answers. What it does not say is concluded from names and answers
    by rules that the how-to on surveys lists; `kinds`, `levels` and `batteries` overrule them.

    Parameters
    ----------
    path : str or path
        An SPSS (.sav, .zsav, .por) or Stata file (.dta), a CSV or TSV export of Qualtrics with its
        three header lines, another text file with a header line (or two, as SurveyMonkey writes
        them), or a Parquet file.
    format : {"auto", "spss", "stata", "qualtrics", "csv", "parquet"}
        What the file is; by default what its name and its first bytes say. "csv" reads the first
        line as the only header.
    items, kinds, levels, labels, texts, batteries, respondent, weights, duration
        As for `Survey.from_frame`. A file of SPSS may name its weight itself; exports of Qualtrics
        have ids and durations.
    missing, dont_know, bad_weights
        As for `Survey.from_frame`. Values that a file of SPSS declares as missing are missing; with
        `dont_know="level"` those labelled "don't know" are answers. A column of a text file that is
        numbers but for missing words is numbers.
    unfinished : {"drop", "keep"}
        What to do with responses of Qualtrics that were not finished.
    previews : {"drop", "keep"}
        What to do with previews, tests and spam of Qualtrics.
    encoding : str
        The encoding of a text file. A byte-order mark overrules it.
    separator : {"auto", ",", ";", "|", "tab"}
        What separates the columns of a text file; by default what the header holds most of and the
        next line as often.
    decimal : {".", ","}
        The decimal sign in a text file; the other sign may separate thousands.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}, optional
        The kind of tables to return; by default pandas or polars where installed, else pyarrow.

    Returns
    -------
    Survey
        Respondents in the order of the file.

    Raises
    ------
    DataError
        If the file is empty, cut off, in another encoding or format, for a quote that is not closed
        or takes in other lines, or for a column that cannot be used; it names the column, the row
        (from 0, without header lines) and the remedy.
    ParameterError
        For an argument that cannot be used, or a backend that is not installed.
    ImportError
        For a file of SPSS or Stata if pyreadstat is not installed: `pip install 'tercet[survey]'`.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import tercet as tc
    >>> file = Path(tempfile.mkdtemp()) / "wave1.csv"
    >>> _ = file.write_text("id,Q1_1,Q1_2,w\n7,Often,Never,0.9\n8,Sometimes,,1.1\n")
    >>> survey = tc.read_survey(file, weights="w", backend="polars")
    >>> survey
    Survey of 2 respondents (id), 2 items, weighted by w
      Q1: 2 ordinal items of 3 levels, Never to Often
    """
    where = Path(_arguments.path(path))
    _check_backend(backend)
    options = Options.checked(
        items=items,
        kinds=kinds,
        levels=levels,
        labels=labels,
        texts=texts,
        batteries=batteries,
        respondent=respondent,
        weights=weights,
        duration=duration,
        missing=missing,
        dont_know=dont_know,
        bad_weights=bad_weights,
    )
    how = HowToRead.checked(
        format=format,
        unfinished=unfinished,
        previews=previews,
        encoding=encoding,
        separator=separator,
        decimal=decimal,
        declared=frozenset({*options.kinds, *options.levels}),
        missing=options.missing,
    )
    source = read_source(where, how)
    parts = assemble(source, options)
    return survey_of(_answers(source, parts, backend), parts)


def _answers(source: Source, parts: Parts, backend: Backend | None) -> Any:
    columns = {}
    for name in parts.order:
        column = parts.columns[name] if name in parts.columns else source.arrow(name)
        if name not in parts.columns and parts.keep is not None:
            column = take(column, parts.keep)
        columns[name] = column
    return new_table(columns, backend)


def _check_backend(backend: Any) -> None:
    if backend is None:
        return
    _arguments.word(backend, "backend", get_args(Backend))
    if importlib.util.find_spec(backend) is None:
        message = (
            f"backend = {backend!r}: {backend} is not installed; install it, or pass "
            'backend="pyarrow"'
        )
        raise ParameterError(message, "backend")
