"""Respondents drawn from a fitted model, as a table that a model can be fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments, _tercet
from tercet._frames import new_table
from tercet._survey.item import NO_ANSWER
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet.needs._items import Question
    from tercet.needs.latent_class import LatentClass

_TRUTHS = {"false": False, "true": True}


def simulated(model: LatentClass, n: Any, seed: Any, like: Any, segment: Any) -> Any:
    """Draw respondents; `LatentClass.simulate` documents it."""
    engine: _tercet.FittedLatentClass = model._require()
    questions = model._questions()
    _check_segment(segment, [one.name for one in questions])
    checked = _arguments.seed(seed, "seed")
    kind = model._kind
    if like is not None:
        if n is not None:
            message = f"n = {n!r}: expected none beside like=, which has as many as are drawn"
            raise ParameterError(message, "n")
        _, given = model._open(like, None, None, True)
        kind = given.table.kind
        drawn = _tercet.simulate_answers_like(engine, given.questions, given.covariates, checked)
    else:
        if n is not None and engine.covariates:
            message = (
                f"n = {n!r}: expected none; membership depends on covariates, so respondents are "
                "drawn like those of a table that has them: pass it as like="
            )
            raise ParameterError(message, "n")
        number = _arguments.whole(n, "n", "a number of respondents, at least 1, or like=a table")
        drawn = _tercet.simulate_answers(engine, number, checked)
    columns = {one.name: _column(one, drawn["answers"][one.name]) for one in questions}
    if segment is not None:
        columns[segment] = drawn["segment"]
    return new_table(columns, kind)


def _check_segment(segment: Any, items: Sequence[str]) -> None:
    if segment is not None and (not isinstance(segment, str) or segment in items):
        expected = "the name of a column that is no item, or None"
        raise _arguments.refusal(segment, "segment", expected)


def _column(question: Question, answers: Any) -> Any:
    """Return drawn answers as the caller may have had them: numbers, true/false or categories."""
    if question.levels is None:
        numbers = pa.array(answers, from_pandas=True)
        return numbers if question.kind == "continuous" else numbers.cast(pa.int64())
    codes = pa.array(answers.astype(np.int32), mask=answers == NO_ANSWER)
    values = _values(question.levels)
    if values is not None:
        return values.take(codes)
    levels = pa.array(question.levels, pa.string())
    ordered = question.kind == "ordinal"
    return pa.DictionaryArray.from_arrays(codes, levels, ordered=ordered)


def _values(levels: Sequence[str]) -> Any:
    """Return levels as numbers or truth values, if all of them are; else None."""
    if all(level in _TRUTHS for level in levels):
        return pa.array([_TRUTHS[level] for level in levels])
    try:
        numbers = [float(level) for level in levels]
    except ValueError:
        return None
    if not np.isfinite(numbers).all():
        return None
    whole = all(number.is_integer() for number in numbers)
    return pa.array([int(number) for number in numbers] if whole else numbers)
