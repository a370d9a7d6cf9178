"""Respondents on their way to what is done with a fitted model: weights, repeated rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet._columns import column_error
from tercet.needs._items import weights_like
from tercet.needs.latent_class import LatentClass

if TYPE_CHECKING:
    from tercet import _tercet
    from tercet.needs.latent_class import _Given


def checked_model(model: Any, parameter: str = "model") -> LatentClass:
    """Return a fitted latent class model, or refuse what is none."""
    if not isinstance(model, LatentClass):
        raise _arguments.refusal(model, parameter, "a fitted LatentClass")
    model._require()
    return model


def opened(
    model: LatentClass,
    survey: Any,
    weights: Any,
    *,
    items: Any = None,
    covariates: bool = True,
) -> tuple[_tercet.FittedLatentClass, _Given]:
    """Return a fitted model of the core, and respondents as it reads them."""
    return model._open(survey, items, weights_like(model, survey, weights), covariates)


def as_rows(given: _Given, model: LatentClass) -> _Given:
    """Return respondents as a row each, where weights say how many gave the same answers.

    Whoever draws respondents anew draws single ones; a row that stands for twenty of them would
    come and go as one.
    """
    if given.weights is None or model.weight_type != "frequency":
        return given
    name, weights = given.weights
    bad = ~((weights >= 1) & (np.floor(weights) == weights) & np.isfinite(weights))
    if bad.any():
        row = int(bad.argmax())
        reason = (
            f"is {weights[row]}; frequency weights are whole numbers from 1, or respondents cannot "
            "be drawn anew: correct the weight, or name another weight_type"
        )
        raise column_error(name, reason, row)
    rows = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
    return given._replace(
        questions=[(record, answers[rows]) for record, answers in given.questions],
        weights=None,
        covariates=[(name, values[rows]) for name, values in given.covariates],
    )
