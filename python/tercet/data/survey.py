"""Surveys: what was asked, what was answered, by whom, with what weight, and how good it all is."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tercet import _arguments
from tercet._frames import read_table, read_whole
from tercet._survey.assembly import Parts, assemble
from tercet._survey.checks import check
from tercet._survey.display import as_html, as_text
from tercet._survey.dropped import Dropped, History, dropped_rows
from tercet._survey.item import Item, ItemKind, in_words
from tercet._survey.options import BadWeights, DontKnow, Options, missing_column
from tercet._survey.quality import FLAGS, SPOKEN, QualityReport
from tercet._survey.source import Source, all_rows, chunked
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tercet._columns import Integers
    from tercet._frames import Table

__all__ = ["Item", "QualityReport", "Survey"]


class Survey:
    """Answers to a questionnaire, and what is known about its items.

    Made by `read_survey` from a file and by `Survey.from_frame` from a table.

    Parameters
    ----------
    answers : table
        One row a respondent: ids, items, weights and whatever else there is. Answers are as the
        file or the caller's table has them; missing ones are null.
    items : mapping
        The items by their columns.
    respondent, weights, duration : str, optional
        The columns of ids, of weights, and of the seconds that the interview took.
    history : optional
        What was left out on the way here.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.Survey.from_frame(
    ...     {
    ...         "respondent": ["ann", "bob", "eve"],
    ...         "Q1_1": ["Agree", "Strongly agree", "Disagree"],
    ...         "Q1_2": ["Disagree", "Agree", None],
    ...         "region": ["north", "south", "north"],
    ...     }
    ... )
    >>> survey
    Survey of 3 respondents (respondent), 3 items
      Q1: 2 ordinal items of 3 levels, Disagree to Strongly agree
      region: nominal, 2 levels
    >>> survey.items["Q1_2"].levels
    ('Disagree', 'Agree', 'Strongly agree')
    """

    def __init__(
        self,
        answers: Any,
        items: Mapping[str, Item],
        *,
        respondent: str | None = None,
        weights: str | None = None,
        duration: str | None = None,
        history: History | None = None,
    ) -> None:
        self.answers = answers
        self.items = dict(items)
        self.respondent = respondent
        self.weights = weights
        self.duration = duration
        if history is None:
            history = History(all_rows(len(self._read([*self.items, *self._columns_besides()]))))
        self._history = history

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
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
    ) -> Survey:
        """Make a survey from a table that is in memory already.

        Parameters
        ----------
        frame : table
            One row a respondent: a pandas or polars frame (lazy too), a pyarrow table, a DuckDB
            relation or a mapping of arrays.
        items : sequence of str, optional
            The columns that are items, or names of batteries. By default those that look like it;
            everything else stays in `answers`.
        kinds : mapping, optional
            What items are, by column or battery: "nominal", "ordinal", "continuous", "count" or
            "multi-select". It overrules what would be concluded from the answers. A text column
            whose cells hold several options ("a;b") becomes a column an option where it is
            "multi-select".
        levels : mapping, optional
            The levels of items, lowest first, by column or battery. Without a kind the item is
            ordinal. For a "multi-select" in one cell, the options.
        labels : mapping, optional
            Values in words, by column or battery: `{"Q1": {1: "never", 2: "always"}}`.
        texts : mapping, optional
            What was asked, by column or battery.
        batteries : mapping, optional
            Items that belong together, by question. By default items with names such as Q5_1 and
            Q5_2 do, and neighbours such as item1 and item2 that share a rating scale.
        respondent : str, optional
            The column of ids. By default one with a usual name (`respondent`, `id`, `customer_id`).
        weights : str or False, optional
            The column of weights. False disregards the weight that a file of SPSS names itself.
        duration : str, optional
            The column of the seconds that the interview took.
        missing : sequence or mapping, optional
            Values that stand for missing answers (-99, "refused"), everywhere or by column or
            battery.
        dont_know : {"missing", "level"}
            What "don't know" in words is: a missing answer, or a level, which makes a rating
            nominal. Refusals and "not applicable" are missing in any case.
        bad_weights : {"error", "drop"}
            What to do with respondents whose weight is missing, zero or negative: refuse them, or
            leave them out and say so in the report.

        Returns
        -------
        Survey
            With `answers` of the caller's kind; the caller's own table where nothing had to change.

        Raises
        ------
        DataError
            For a column that is not there or cannot be what it is said to be, or a bad weight; it
            names the column, the row and the remedy.
        ParameterError
            For an argument that cannot be used.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.Survey.from_frame(
        ...     {"visits": [0, 3, 12], "price": [1, 2, 9], "w": [0.8, 1.1, 1.1]},
        ...     kinds={"visits": "count"},
        ...     labels={"price": {1: "unimportant", 5: "important", 9: "don't know"}},
        ...     weights="w",
        ... )
        >>> survey.kinds()
        {'visits': 'count', 'price': 'ordinal'}
        >>> survey.answers["price"].null_count
        1
        """
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
        table = read_whole(frame, what="survey")
        parts = assemble(Source(table, {}, all_rows(len(table))), options)
        return survey_of(parts.put_into(table), parts)

    @cached_property
    def quality(self) -> QualityReport:
        """How good the data are: missing answers, straight-lining, speed, duplicates, left-outs.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.Survey.from_frame({"Q1": [1, 4, None, 2], "Q2": ["a", "b", "a", None]})
        >>> print(survey.quality)
        Quality of a survey: 4 respondents, 2 items
          missing answers: 25.0%; most in Q1 25.0%, Q2 25.0%
          answered nothing: nobody
        """
        table = self._read([*self.items, *self._columns_besides()])
        columns = {name: chunked(table.arrow(name)) for name in self.items}
        ids = None if self.respondent is None else chunked(table.arrow(self.respondent))
        seconds = None if self.duration is None else chunked(table.arrow(self.duration))
        found = check(columns, self.items, ids, seconds, self.duration or "")
        named = None if ids is None or self.respondent is None else (self.respondent, ids)
        return QualityReport(found, self.items, named, self._history, table.kind)

    @property
    def n_dropped(self) -> dict[str, int]:
        """How many respondents were left out, by reason.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.Survey.from_frame(
        ...     {"Q1": [1, 5, 3], "w": [1.0, 0.0, 1.0]}, weights="w", bad_weights="drop"
        ... )
        >>> survey.n_dropped
        {"weight 'w' missing or not above 0": 1}
        """
        found: dict[str, int] = {}
        for one in self._history.dropped:
            found[one.reason] = found.get(one.reason, 0) + len(one)
        return found

    def to_frame(self, labels: bool = False) -> Any:
        """Return the ids, the items and the weights as a table of the kind of `answers`.

        Parameters
        ----------
        labels : bool
            Whether to write answers in words where the items have labels.

        Returns
        -------
        table
            One row a respondent, in the order of `answers`.

        Examples
        --------
        >>> import polars as pl
        >>> import tercet as tc
        >>> frame = pl.DataFrame({"price": [1, 2, 1], "note": ["x", "y", "z"]})
        >>> survey = tc.Survey.from_frame(
        ...     frame, items=["price"], labels={"price": {1: "low", 2: "high"}}
        ... )
        >>> survey.to_frame(labels=True)["price"].to_list()
        ['low', 'high', 'low']
        """
        first, last = ([name] if name else [] for name in (self.respondent, self.weights))
        names = [*first, *self.items, *last]
        table = self._read(names)
        columns: dict[str, Any] = {}
        for name in names:
            item = self.items.get(name)
            if labels and item is not None and item.labels is not None:
                columns[name] = in_words(chunked(table.arrow(name)), item)
            else:
                columns[name] = table.take(name)
        return table.build(columns)

    def kinds(self) -> dict[str, str]:
        """Return the kind of each item.

        Examples
        --------
        >>> import tercet as tc
        >>> tc.Survey.from_frame({"age": [19.5, 44.0], "region": ["n", "s"]}).kinds()
        {'age': 'continuous', 'region': 'nominal'}
        """
        return {name: item.kind for name, item in self.items.items()}

    def batteries(self) -> dict[str, list[str]]:
        """Return the items of each question that has several.

        Examples
        --------
        >>> import tercet as tc
        >>> tc.Survey.from_frame({"Q1_1": [1, 5], "Q1_2": [3, 3], "age": [19.5, 44.0]}).batteries()
        {'Q1': ['Q1_1', 'Q1_2']}
        """
        found: dict[str, list[str]] = {}
        for name, item in self.items.items():
            if item.battery is not None:
                found.setdefault(item.battery, []).append(name)
        return found

    def items_of(self, battery: str) -> list[str]:
        """Return the columns of a battery, or of the options of a question with several answers.

        Parameters
        ----------
        battery : str
            The question.

        Returns
        -------
        list of str
            Its columns, in order.

        Raises
        ------
        ParameterError
            If there is no such battery.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.Survey.from_frame({"Q1_1": [1, 5], "Q1_2": [3, 3]})
        >>> survey.items_of("Q1")
        ['Q1_1', 'Q1_2']
        """
        found = self.batteries()
        if battery not in found:
            raise _arguments.refusal(battery, "battery", f"one of {', '.join(found) or 'none'}")
        return found[battery]

    def select(self, items: Iterable[str]) -> Survey:
        """Return the survey with some of its items; the table stays as it is.

        Parameters
        ----------
        items : iterable of str
            Columns or batteries, in the order wanted.

        Returns
        -------
        Survey
            With the same `answers`.

        Raises
        ------
        DataError
            If there is no such item.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.Survey.from_frame({"Q1_1": [1, 5], "Q1_2": [3, 3], "age": [19.5, 44.0]})
        >>> list(survey.select(["Q1"]).items)
        ['Q1_1', 'Q1_2']
        """
        if isinstance(items, str):
            raise _arguments.refusal(items, "items", "a list of items or batteries")
        wanted = list(items)
        batteries = self.batteries()
        found: dict[str, Item] = {}
        for name in wanted:
            members = batteries.get(name, [name])
            for member in members:
                if member not in self.items:
                    raise missing_column(member, [*self.items, *batteries], "items", "survey")
                found[member] = self.items[member]
        if not found:
            raise _arguments.refusal(wanted, "items", "at least one item")
        return self._with(self.answers, found, self._history)

    def drop(self, *flags: str) -> Survey:
        """Return the survey without respondents whom the report flags, and note whom it left out.

        Parameters
        ----------
        *flags : {"all_missing", "straight_lined", "duplicate_answers", "too_fast", "duplicate_id"}
            Flags of `quality.per_respondent`; whoever has one of them is left out. Of respondents
            with the same id, or with the same answers, all are.

        Returns
        -------
        Survey
            With `answers` of the same kind, and the left-outs in `quality.dropped`.

        Raises
        ------
        ParameterError
            For a flag that is not known, or was not checked.
        DataError
            If nobody is left.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.Survey.from_frame({"Q1": [1, 4, None], "Q2": ["a", "b", None]})
        >>> smaller = survey.drop("all_missing")
        >>> len(smaller), smaller.n_dropped
        (2, {'answered nothing': 1})
        """
        masks = {_arguments.word(flag, "flags", FLAGS): self._flag(flag) for flag in flags}
        gone = np.zeros(len(self), dtype=bool)
        table = read_whole(self.answers, what="survey")
        ids = None if self.respondent is None else chunked(table.arrow(self.respondent))
        dropped: list[Dropped] = []
        for flag, mask in masks.items():
            fresh = mask & ~gone
            if fresh.any():
                dropped.append(dropped_rows(SPOKEN[flag], self._history.rows, ids, fresh))
            gone |= mask
        if not dropped:
            return self
        if gone.all():
            raise DataError(f"every respondent has one of the flags {', '.join(masks)}; drop fewer")
        rows: Integers = np.flatnonzero(~gone)
        names = table.columns.columns
        answers = table.build({name: table.take(name, rows) for name in names})
        before = self._history
        history = History(before.rows[rows], (*before.dropped, *dropped), before.notes)
        return self._with(answers, self.items, history)

    def __len__(self) -> int:
        return len(self._history.rows)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _read(self, names: Sequence[str]) -> Table:
        columns = {f"items['{name}']": name for name in names}
        remedies = dict.fromkeys(columns, "leave the survey's answers as they are, or make it anew")
        return read_table(self.answers, columns, what="survey", remedies=remedies)

    def _columns_besides(self) -> list[str]:
        return [name for name in (self.respondent, self.weights, self.duration) if name is not None]

    def _flag(self, flag: str) -> Any:
        flags = self.quality.flags
        if flag not in flags:
            why = "it could not be checked in this survey; see quality.per_respondent"
            raise ParameterError(f"flags = {flag!r}: {why}", "flags")
        return flags[flag]

    def _with(self, answers: Any, items: Mapping[str, Item], history: History) -> Survey:
        return Survey(
            answers,
            items,
            respondent=self.respondent,
            weights=self.weights,
            duration=self.duration,
            history=history,
        )


def survey_of(answers: Any, parts: Parts) -> Survey:
    """Return a survey of its parts."""
    return Survey(
        answers,
        parts.items,
        respondent=parts.respondent,
        weights=parts.weights,
        duration=parts.duration,
        history=History(parts.rows, tuple(parts.dropped), tuple(parts.notes)),
    )
