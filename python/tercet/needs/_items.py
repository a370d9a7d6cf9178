"""Items as models of a survey take them: what was asked, and answers as codes of levels or numbers.

A level is a text everywhere behind this file: "1" for the answers 1 and 1.0, "true" for True. Codes
are positions in the item's levels, 255 where there is no answer; a missing number is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments
from tercet._columns import column_error
from tercet._frames import has_column, read_table
from tercet._levels import as_text, is_number, quoted
from tercet._survey.item import MOST_LEVELS, NO_ANSWER, codes, encoded
from tercet._survey.options import guess
from tercet._warning import warn
from tercet.data.survey import Survey
from tercet.exceptions import ParameterError, WeightsWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats
    from tercet._frames import Table
    from tercet._survey.item import Codes, Item

#: What the answers to an item are.
Kind: TypeAlias = Literal[
    "nominal", "ordinal", "continuous", "count", "negative_binomial", "multi-select"
]
#: What is done about an answer that is none of a model's levels.
UnknownLevels: TypeAlias = Literal["error", "missing"]
#: What the core takes for an item: a record of what was asked, and the answers.
Column: TypeAlias = "tuple[dict[str, Any], Codes | Floats]"

KINDS: Final = get_args(Kind)
#: Whole numbers with this many different values at most are levels.
FEW: Final = 12

# The core's words: an item that counts something has the name of its distribution.
_CORE_KINDS = {"multi-select": "nominal", "count": "poisson"}
_OUR_KINDS = {"poisson": "count"}


@dataclass(frozen=True)
class Question:
    """An item as a model knows it.

    Attributes
    ----------
    name : str
        Its column.
    kind : str
        The core's word for what its answers are.
    levels : tuple of str or None
        The levels in the order of their codes; None where answers are numbers.
    scores : tuple of float or None
        How far the levels of an ordinal item lie apart.
    """

    name: str
    kind: str
    levels: tuple[str, ...] | None = None
    scores: tuple[float, ...] | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Question:
        """Return the question of one of the core's records."""
        levels, scores = record["levels"], record["scores"]
        return cls(
            record["name"],
            record["kind"],
            None if levels is None else tuple(levels),
            None if scores is None else tuple(scores),
        )

    def record(self) -> dict[str, Any]:
        """Return the record that the core takes."""
        levels = None if self.levels is None else list(self.levels)
        scores = None if self.scores is None else list(self.scores)
        return {"name": self.name, "kind": self.kind, "levels": levels, "scores": scores}

    @property
    def kind_word(self) -> str:
        """What its answers are, in the words of `kinds`."""
        return _OUR_KINDS.get(self.kind, self.kind)


@dataclass(frozen=True)
class Source:
    """Whose answers are read.

    Attributes
    ----------
    frame : table
        The caller's table, or that of the caller's survey.
    items : list of str
        The columns that are items.
    described : mapping
        What a survey knows of its items; empty for a plain table.
    """

    frame: Any
    items: list[str]
    described: Mapping[str, Item]


def source_of(survey: Any, items: Any) -> Source:
    """Return what is to be read of a survey or of a plain table."""
    expected = "a list of different columns' names"
    if isinstance(survey, Survey):
        named = items is not None
        chosen = survey.select(_arguments.names(items, "items", expected)) if named else survey
        return Source(survey.answers, list(chosen.items), chosen.items)
    if items is None:
        message = (
            "items = None: expected the columns that are items; only a tercet.Survey knows its own "
            "(make one with tercet.Survey.from_frame)"
        )
        raise ParameterError(message, "items")
    return Source(survey, _arguments.names(items, "items", expected), {})


def own_weights(survey: Any, weights: Any) -> Any:
    """Return the weights of a call: by default those that a survey names; False for none."""
    if weights is None and isinstance(survey, Survey):
        return survey.weights
    return None if weights is False else weights


def weights_like(model: Any, survey: Any, weights: Any) -> Any:
    """Return the weights of a call after a fit: by default the survey's, else the fit's column.

    A model of weighted respondents describes the population. Whoever forgets the weights later, in
    a table that holds them or not, would mix the population with the sample.
    """
    found = own_weights(survey, weights)
    fitted = getattr(model, "weights_", None)
    if found is not None or weights is not None or fitted is None:
        return found
    frame = survey.answers if isinstance(survey, Survey) else survey
    if has_column(frame, fitted):
        return fitted
    message = (
        f"the model was fitted with weights ('{fitted}'), and these respondents have no such "
        "column: they count equally. Pass weights=... or, if that is meant, weights=False"
    )
    warn(message, WeightsWarning)
    return None


def refuse_items(names: Sequence[str], items: Sequence[str], parameter: str, expected: str) -> None:
    """Refuse columns that segments were made from where something else is expected.

    Parameters
    ----------
    names : sequence of str
        The columns that the caller names.
    items : sequence of str
        What the segments were made from.
    parameter : str
        The argument.
    expected : str
        What belongs there, for the message.
    """
    for name in names:
        if name in items:
            shown = repr(name) if parameter == "outcome" else f"[..., {name!r}, ...]"
            message = (
                f"{parameter} = {shown}: expected {expected} that the segments were not made from, "
                "which would count it twice; leave it out, or make segments without it"
            )
            raise ParameterError(message, parameter)


def read_columns(
    frame: Any,
    items: Sequence[str],
    covariates: Sequence[str],
    weights: Any,
    remedies: tuple[str, str],
    others: Sequence[str] = (),
) -> Table:
    """Read items, covariates and, if they have a name, weights.

    Parameters
    ----------
    frame : table
        The caller's table.
    items, covariates : sequence of str
        Columns.
    weights : str, array or None
        A name is read with the others.
    remedies : tuple of str
        What to do about an item, and about a covariate, that is not there.
    others : sequence of str
        Columns besides, some of which may be items or covariates.
    """
    wanted = {f"items[{k}]": name for k, name in enumerate(items)}
    advice = dict.fromkeys(wanted, remedies[0])
    for k, name in enumerate(covariates):
        if name in items:
            message = (
                f"covariates = [..., {name!r}, ...]: expected other columns than the items; one "
                "column cannot be both"
            )
            raise ParameterError(message, "covariates")
        wanted[f"covariates[{k}]"] = name
        advice[f"covariates[{k}]"] = remedies[1]
    if isinstance(weights, str):
        wanted["weights"] = weights
    already = set(wanted.values())
    for k, name in enumerate(name for name in others if name not in already):
        wanted[f"columns[{k}]"] = name
        advice[f"columns[{k}]"] = "name the right ones with columns="
    return read_table(frame, wanted, what="survey", remedies=advice)


def kinds_by_item(kinds: Any, items: Sequence[str]) -> dict[str, str]:
    """Return the kinds that the caller gives, by item."""
    checked = checked_kinds(kinds)
    if checked is None:
        return {}
    if isinstance(checked, str):
        return dict.fromkeys(items, checked)
    for name in checked:
        if name not in items:
            message = f"kinds = {{'{name}': ...}}: expected one of the items{guess(name, items)}"
            raise ParameterError(message, "kinds")
    return checked


def checked_kinds(kinds: Any) -> str | dict[str, str] | None:
    """Return the argument `kinds`, or refuse it."""
    if kinds is None:
        return None
    if isinstance(kinds, str):
        return _arguments.word(kinds, "kinds", KINDS)
    if not isinstance(kinds, Mapping) or not all(isinstance(name, str) for name in kinds):
        raise _arguments.refusal(kinds, "kinds", "a mapping from items to kinds, or one for all")
    return {name: _arguments.word(kind, "kinds", KINDS) for name, kind in kinds.items()}


def learn(table: Table, source: Source, kinds: Mapping[str, str]) -> list[Column]:
    """Return the items of a fit: levels are those that occur.

    Parameters
    ----------
    table : Table
        The items' columns.
    source : Source
        The items, and what a survey knows of them.
    kinds : mapping
        What the caller says that items are.
    """
    return [
        _learn_one(table, name, kinds.get(name), source.described.get(name))
        for name in source.items
    ]


def code(table: Table, questions: Sequence[Question], unknown: UnknownLevels) -> list[Column]:
    """Return answers to questions that a model knows already.

    Parameters
    ----------
    table : Table
        The items' columns.
    questions : sequence of Question
        What the model knows of the items.
    unknown : {"error", "missing"}
        What to do about an answer that is none of the levels.
    """
    return [(one.record(), _code_one(table, one, unknown)) for one in questions]


def levels_in(column: Any, name: str) -> tuple[list[Any], Any]:
    """Return the answers that occur, in the order of levels, and the code of each row.

    Categories keep their order, numbers ascend, text is in alphabetical order.
    """
    indices, distinct = encoded(_readable(column, name))
    # No answer is the last place of every look-up table.
    seen = np.flatnonzero(np.bincount(indices[indices >= 0], minlength=len(distinct)))
    if not len(seen):
        reason = "has no answer at all; leave it out"
        raise column_error(name, reason)
    order = [int(place) for place in seen]
    if not pa.types.is_dictionary(column.type):
        order.sort(key=distinct.__getitem__)
    if len(order) > MOST_LEVELS:
        reason = (
            f"has {len(order)} different answers where {MOST_LEVELS} are the most; group them, "
            "declare them continuous or a count with kinds=, or leave the column out"
        )
        raise column_error(name, reason)
    places = np.full(len(distinct) + 1, NO_ANSWER, dtype=np.uint8)
    places[order] = np.arange(len(order), dtype=np.uint8)
    return [distinct[place] for place in order], places[indices]


def places_of(column: Any, levels: Sequence[str], name: str) -> tuple[Codes, int | None, str]:
    """Return answers as positions in a model's levels, 255 for others.

    Returns
    -------
    codes : numpy.ndarray of uint8
        One a row.
    row : int or None
        The first row whose answer is none of the levels.
    answer : str
        The answer there.
    """
    indices, distinct = encoded(_readable(column, name))
    known = {level: place for place, level in enumerate(levels)}
    texts = [as_text(value) for value in distinct]
    places = [known.get(text, NO_ANSWER) for text in texts]
    found: Codes = np.array([*places, NO_ANSWER], dtype=np.uint8)[indices]
    strange = (found == NO_ANSWER) & (indices >= 0)
    if not strange.any():
        return found, None, ""
    row = int(strange.argmax())
    return found, row, texts[indices[row]]


def _learn_one(table: Table, name: str, said: str | None, item: Item | None) -> Column:
    kind = said or (_guess(table, name) if item is None else item.kind)
    kind = _CORE_KINDS.get(kind, kind)
    if kind not in ("nominal", "ordinal"):
        return Question(name, kind).record(), _numbers(table, name)
    if item is not None and item.levels is not None:
        levels, scores, found = _levels_of(table.arrow(name), item)
    else:
        column = table.arrow(name)
        values, found = levels_in(column, name)
        levels = tuple(as_text(value) for value in values)
        scores = _scores(column, values, name) if kind == "ordinal" else ()
    question = Question(name, kind, levels, scores if kind == "ordinal" else None)
    return question.record(), found


def _guess(table: Table, name: str) -> str:
    """Return the kind that answers in a plain table have if nobody says it."""
    kind = table.arrow(name).type
    if pa.types.is_dictionary(kind):
        return "ordinal" if kind.ordered else "nominal"
    if not is_number(kind):
        return "nominal"
    numbers = _numbers(table, name)
    numbers = numbers[~np.isnan(numbers)]
    whole = bool((np.isfinite(numbers) & (np.floor(numbers) == numbers)).all())
    return "nominal" if whole and len(pc.unique(pa.array(numbers))) <= FEW else "continuous"


def _numbers(table: Table, name: str) -> Floats:
    return table.floats(name, missing_as_nan=True)


def _levels_of(column: Any, item: Item) -> tuple[tuple[str, ...], tuple[float, ...], Codes]:
    """Return the levels of a survey's item that occur, their scores and the codes."""
    found = codes(_readable(column, item.name), item)
    every = item.levels or ()
    seen = np.flatnonzero(np.bincount(found, minlength=NO_ANSWER + 1)[:NO_ANSWER])
    if not len(seen):
        raise column_error(item.name, "has no answer at all; leave it out")
    places = np.full(NO_ANSWER + 1, NO_ANSWER, dtype=np.uint8)
    places[seen] = np.arange(len(seen), dtype=np.uint8)
    scores = item.scores or tuple(float(k) for k in range(len(every)))
    levels = tuple(as_text(every[place]) for place in seen)
    return levels, tuple(scores[place] for place in seen), places[found]


def _scores(column: Any, values: Sequence[Any], name: str) -> tuple[float, ...]:
    """Return where levels lie on their scale: their places among all categories, or themselves."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        every = encoded(column)[1]
        return tuple(float(every.index(value)) for value in values)
    if is_number(kind) or pa.types.is_boolean(kind):
        return tuple(float(value) for value in values)
    reason = (
        f"is ordinal, and text ({quoted(values)}) has no order; make it an ordered category, or a "
        "tercet.Survey with levels=, or declare it nominal with kinds="
    )
    raise column_error(name, reason)


def _code_one(table: Table, question: Question, unknown: UnknownLevels) -> Codes | Floats:
    name, levels = question.name, question.levels
    if levels is None:
        return _numbers(table, name)
    found, row, answer = places_of(table.arrow(name), levels, name)
    if row is not None and unknown == "error":
        reason = (
            f"'{answer}' is none of the levels that the model knows ({quoted(levels)}); correct "
            "the answer, or count such answers as missing with "
            ".set_params(unknown_levels='missing')"
        )
        raise column_error(name, reason, row)
    return found


def _readable(column: Any, name: str) -> Any:
    """Return a column whose answers can be levels."""
    kind = column.type
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    is_text = any(
        is_type(values)
        for is_type in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )
    if is_text or is_number(values) or pa.types.is_boolean(values) or pa.types.is_null(values):
        return column
    reason = (
        f"holds values of type {values}, and answers are text, numbers or true/false; convert the "
        "column, or leave it out"
    )
    raise column_error(name, reason)
