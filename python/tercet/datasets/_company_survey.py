"""The survey of an invented company: criteria for choosing a supplier, as customers rate them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet._frames import new_table
from tercet.data.survey import Survey
from tercet.datasets._drawing import words

if TYPE_CHECKING:
    from tercet._columns import Floats, Integers
    from tercet._mixing import Draws
    from tercet.datasets._backend import Backend

#: Which need each criterion belongs to, by its place.
_CRITERIA: Final = {
    "low price": 0,
    "special offers": 0,
    "no delivery fee": 0,
    "quick delivery": 1,
    "easy ordering": 1,
    "opening hours": 1,
    "freshness": 2,
    "origin of goods": 2,
    "taste": 2,
    "recipes": 3,
    "personal advice": 3,
    "answers to questions": 3,
}
_BATTERY: Final = "importance"
_RATINGS: Final = (1, 2, 3, 4, 5)
# Where answers change from one rating to the next, for criteria of the own need and of others.
_EDGES: Final = np.array([-1.6, -0.7, 0.3, 1.2])
_OWN: Final = 1.35
_OTHER: Final = -0.45
_STYLE: Final = 0.5
_MISSING: Final = 0.04


def draw_survey(
    draws: Draws,
    ids: Any,
    need: Integers,
    age: Floats,
    n_asked: int,
    mess: float,
    backend: Backend,
) -> tuple[Survey, Any]:
    """Draw who answers, and what; return the survey and its table."""
    # The older answer more often; the weight undoes that.
    willing = np.exp(0.02 * (age - 42.0))
    waits = draws.exponential(willing)
    rows = np.sort(np.argsort(waits, kind="stable")[:n_asked])
    weight = 1.0 / willing[rows]
    weight = np.round(weight / weight.mean(), 4)
    own = need[rows]
    style = _STYLE * draws.normal(n_asked)
    columns: dict[str, Any] = {
        "customer_id": pa.array(_as_typed(draws, ids[rows], mess)),
        "weight": weight,
    }
    for criterion, of_need in _CRITERIA.items():
        leaning = np.where(own == of_need, _OWN, _OTHER) + style
        # Logistic noise, so that answers follow proportional odds within a need.
        u = draws.uniform(n_asked)
        noise = np.log((u + 1e-12) / (1.0 - u + 1e-12))
        rating = 1 + (leaning[:, None] + 0.8 * noise[:, None] >= _EDGES).sum(axis=1)
        columns[_column(criterion)] = pa.array(rating, mask=draws.uniform(n_asked) < _MISSING)
    channel = draws.choice([0.4, 0.4, 0.2], n_asked)
    columns["channel"] = words(("web", "app", "shop"), channel)
    table = new_table(columns, backend)
    return _survey(table), table


def _as_typed(draws: Draws, ids: Any, mess: float) -> Any:
    """Return ids as people type them: some with blanks, some in small letters."""
    typed = ids.astype(np.str_).astype(object)
    chance = draws.uniform(len(ids))
    for row in np.flatnonzero(chance < mess):
        typed[row] = f" {typed[row]} " if chance[row] < 0.5 * mess else typed[row].lower()
    return typed


def _survey(table: Any) -> Survey:
    ratings = {
        _column(criterion): f"How important is … to you? - {criterion}" for criterion in _CRITERIA
    }
    return Survey.from_frame(
        table,
        items=[*ratings, "channel"],
        kinds={"channel": "nominal"},
        levels={_BATTERY: _RATINGS},
        labels={_BATTERY: {_RATINGS[0]: "not important", _RATINGS[-1]: "decisive"}},
        texts={**ratings, "channel": "Where do you prefer to buy?"},
        batteries={_BATTERY: list(ratings)},
        respondent="customer_id",
        weights="weight",
    )


def _column(criterion: str) -> str:
    return criterion.replace(" ", "_")
