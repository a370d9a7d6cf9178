"""What a projection asks of the model that its segments come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tercet import _arguments
from tercet._estimator import Saved
from tercet._frames import read_table
from tercet._levels import quoted
from tercet._survey.item import NO_ANSWER
from tercet.data.survey import Survey
from tercet.exceptions import DataError
from tercet.needs import _items
from tercet.needs.latent_class import LatentClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._frames import Table

_EXPECTED = "a fitted model of segments: LatentClass, TypingTool, KMeansSegments or the like"


class OwnAnswers(NamedTuple):
    """What respondents say of themselves.

    Attributes
    ----------
    posterior : numpy.ndarray of shape (n, K)
        Their memberships, with the segments' shares as the prior.
    answered : numpy.ndarray of bool
        Who answered any of the items.
    beyond : numpy.ndarray of bool
        Who answered more than the golden questions.
    """

    posterior: Floats
    answered: NDArray[np.bool_]
    beyond: NDArray[np.bool_]


def checked(model: Any) -> Any:
    """Return the argument `model`, or refuse it."""
    if isinstance(model, Saved) and hasattr(model, "predict_proba"):
        return model
    raise _arguments.refusal(model, "model", _EXPECTED)


def latent_class_of(model: Any) -> LatentClass | None:
    """Return the latent class model that answers are scored by, if there is one."""
    if isinstance(model, LatentClass):
        return model
    behind = getattr(model, "model", None)
    return behind if hasattr(model, "questions_") and isinstance(behind, LatentClass) else None


def items_of(model: Any) -> list[str]:
    """Return the columns that the segments were made from."""
    found: list[str] = getattr(latent_class_of(model) or model, "items_", [])
    return found


def posterior_of(model: Any, respondents: Any) -> Floats:
    """Return memberships whose prior are the segments' shares: by answers alone."""
    if latent_class_of(model) is not None:
        alone: Floats = model.predict_proba(respondents, covariates=False)
        return alone
    posterior: Floats = model.predict_proba(respondents)
    return posterior


def content_of(model: Any) -> Any:
    """Return what a file keeps of a model."""
    return json.loads(model._as_it_is_now().to_json())


def restored(content: Any) -> Any:
    """Return the model that a file has kept; None where it kept none."""
    if content is None:
        return None
    # The registry knows this package's models; they need not know it.
    from tercet.persistence import model_of

    return model_of(json.dumps(content))


def own_answers(
    model: LatentClass, table: Table, questions: Sequence[_items.Question], golden: Sequence[str]
) -> OwnAnswers:
    """Score answers to those of a model's items that a table has."""
    columns = _items.code(table, questions, model._unknown())
    engine = model._require()
    given = {record["name"]: _is_given(answers) for record, answers in columns}
    nobody = np.zeros(len(table), dtype=bool)
    short = [given[name] for name in golden if name in given]
    long = [answers for name, answers in given.items() if name not in golden]
    beyond = np.logical_or.reduce([nobody, *long])
    typed = np.logical_or.reduce([nobody, *short])
    posterior = engine.posterior(columns, [], n_jobs=_arguments.threads(model.n_jobs))
    return OwnAnswers(posterior, beyond | typed, beyond)


def read_answers(answers: Any, respondent: Any, customer: str, model: LatentClass) -> ReadAnswers:
    """Read the ids of respondents, and those of a model's items that are there."""
    frame = answers.answers if isinstance(answers, Survey) else answers
    if respondent is None and isinstance(answers, Survey):
        respondent = answers.respondent
    name = customer if respondent is None else respondent
    questions = model._questions()
    wanted = {f"items[{k}]": one.name for k, one in enumerate(questions)}
    table = read_table(
        frame,
        {"respondent": name, **wanted},
        optional=list(wanted),
        what="table of answers",
    )
    asked = [one for one in questions if one.name in table]
    if not asked:
        listed = quoted([one.name for one in questions])
        message = f"the table of answers has none of the model's items ({listed}); add some"
        raise DataError(message)
    return ReadAnswers(table, name, asked)


class ReadAnswers(NamedTuple):
    """A table of answers, the column of its ids, and the items that it has."""

    table: Table
    respondent: str
    questions: list[_items.Question]


def checked_golden(golden: Any, model: LatentClass) -> list[str]:
    """Return the golden questions: a list of items, or those of a typing tool."""
    if golden is None:
        return []
    names = golden if not hasattr(golden, "questions_") else golden.questions_
    found = _arguments.names(names, "golden", "a TypingTool, or a list of different items")
    for name in found:
        if name not in model.items_:
            expected = f"items of the model: {', '.join(model.items_)}"
            raise _arguments.refusal(name, "golden", expected)
    return found


def refuse_items_as_features(features: Sequence[str], model: Any) -> None:
    """Refuse attributes that the segments were made from."""
    _items.refuse_items(features, items_of(model), "features", "attributes")


def _is_given(answers: Any) -> NDArray[np.bool_]:
    given: NDArray[np.bool_] = (
        answers != NO_ANSWER if answers.dtype == np.uint8 else ~np.isnan(answers)
    )
    return given
