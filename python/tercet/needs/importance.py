"""What matters to each segment, from ratings of importance or agreement."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._columns import column_error
from tercet._frames import new_table
from tercet._survey.item import NO_ANSWER
from tercet._weights import read_weights
from tercet.data.survey import Survey
from tercet.exceptions import ParameterError
from tercet.needs import _items
from tercet.needs._memberships import checked_posterior
from tercet.needs._mixture import Mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Table

__all__ = ["rating_importance"]

#: Of fewer ratings there is no own mean to take off.
_FEWEST = 2


def rating_importance(
    survey: Any,
    items: Sequence[str] | None = None,
    *,
    segments: Any = None,
    correct_style: bool = True,
    top: int = 2,
    weights: str | ArrayLike | Literal[False] | None = None,
    level: float = 0.95,
) -> Any:
    r"""Rank items by their ratings in each segment, each respondent's own mean taken off.

    Some respondents find everything important, others nothing. A respondent's rating $r_{ij}$ less
    the mean of the respondent's own ratings says what is more important than the rest. With the
    memberships $p_{ik}$ and weights $w_i$ the importance in a segment is

    $$
    \frac{\sum_i w_i p_{ik} (r_{ij} - \bar r_i)}{\sum_i w_i p_{ik}}
    $$

    The table has the columns of `MaxDiff.importance_`, so that ratings and choices compare. For
    ratings that were not part of the segmentation, `distal_outcome` undoes misassignment too.

    Parameters
    ----------
    survey : Survey or table
        One row a respondent.
    items : sequence of str, optional
        Ratings on one scale: columns, or of a `tercet.Survey` batteries; by default its ordinal
        items.
    segments : LatentClass or array of shape (n, K), optional
        The fitted model, whose items `survey` has, or memberships. By default everybody is one
        segment.
    correct_style : bool
        Whether each respondent's own mean is taken off.
    top : int
        How many of the highest levels count for `top_share`.
    weights : str, array of shape (n,), False, optional
        Survey weights: a column or one number a row. By default those that a `tercet.Survey` names;
        False for none.
    level : float
        Confidence level of the intervals, between 0 and 1.

    Returns
    -------
    table
        One row a segment and item: `segment`, `item`, `importance` (in steps of the scale; 0 is as
        important as the average), `standard_error`, `lower`, `upper`, `rank` (1 is the most
        important), `mean` (of the ratings as they are), `top_share`, and `n`, how many respondents
        (by weight) it rests on. Whoever rated fewer than two of the items does not count for the
        importance.

    Raises
    ------
    DataError
        For a column that is missing or holds text without an order, or weights that are none.
    ParameterError
        For an argument that cannot be used.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = {"price": [5, 3, 4, 5], "service": [4, 2, 5, 3], "brand": [3, 1, 3, 1]}
    >>> table = tc.rating_importance(survey, ["price", "service", "brand"])
    >>> table["importance"].to_pylist(), table["rank"].to_pylist()
    ([1.0, 0.25, -1.25], [1, 2, 3])
    """
    level = _arguments.number(level, "level")
    if not 0.0 < level < 1.0:
        raise _arguments.refusal(level, "level", "a number between 0 and 1, such as 0.95")
    n_top = _arguments.whole(top, "top", "a whole number, at least 1")
    if n_top < 1:
        raise _arguments.refusal(top, "top", "a whole number, at least 1")
    source = _items.source_of(survey, _rated(survey, items))
    weights = _items.own_weights(survey, weights)
    advice = ("name the right ones with items=", "")
    table = _items.read_columns(source.frame, source.items, [], weights, advice)
    ratings, scale = _ratings(table, source)
    counted = _weights_of(table, weights)
    members = _memberships(segments, survey, table) * counted[:, None]
    known = ~np.isnan(ratings)
    own = ratings
    if _arguments.truth(correct_style, "correct_style"):
        enough = known.sum(axis=1, keepdims=True) >= min(_FEWEST, ratings.shape[1])
        sums = np.where(known, ratings, 0.0).sum(axis=1, keepdims=True)
        means = sums / np.maximum(known.sum(axis=1, keepdims=True), 1)
        own = np.where(enough, ratings - means, np.nan)
    importance, errors, n = _weighted(own, members)
    mean, _, _ = _weighted(ratings, members)
    highest = np.where(known, ratings >= sorted(scale)[-min(n_top, len(scale))], np.nan)
    shares, _, _ = _weighted(highest, members)
    z = NormalDist().inv_cdf(0.5 + 0.5 * level)
    columns = importance_columns(
        source.items, importance, errors, importance - z * errors, importance + z * errors
    )
    columns |= {"mean": mean.ravel(), "top_share": shares.ravel(), "n": n.ravel()}
    return new_table(columns, table.kind)


def importance_columns(
    items: Sequence[str], importance: Floats, errors: Floats, lower: Floats, upper: Floats
) -> dict[str, Any]:
    """Return a table of importance: a row a segment and item, of arrays with a row a segment."""
    n_segments, n_items = importance.shape
    order = np.argsort(-importance, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, n_items + 1)[None, :], axis=1)
    return {
        "segment": np.repeat(np.arange(1, n_segments + 1), n_items),
        "item": pa.array(list(items) * n_segments, pa.string()),
        "importance": np.ascontiguousarray(importance).ravel(),
        "standard_error": np.ascontiguousarray(errors).ravel(),
        "lower": np.ascontiguousarray(lower).ravel(),
        "upper": np.ascontiguousarray(upper).ravel(),
        "rank": ranks.ravel().astype(np.int64),
    }


def _rated(survey: Any, items: Any) -> Any:
    """Return the items: by default a survey's ordinal ones."""
    if items is not None or not isinstance(survey, Survey):
        return items
    ordinal = [name for name, kind in survey.kinds().items() if kind == "ordinal"]
    if not ordinal:
        message = "items = None: expected columns of ratings, since the survey has no ordinal items"
        raise ParameterError(message, "items")
    return ordinal


def _ratings(table: Table, source: _items.Source) -> tuple[Floats, set[float]]:
    """Return the ratings, a column an item, and the values of the scale that any item has."""
    kinds = dict.fromkeys(source.items, "ordinal")
    columns, scale = [], set[float]()
    for record, codes in _items.learn(table, source, kinds):
        values = np.full(NO_ANSWER + 1, np.nan)
        values[: len(record["scores"])] = record["scores"]
        scale.update(record["scores"])
        columns.append(values[codes.astype(np.int64)])
        described = source.described.get(record["name"])
        if described is not None and described.scores is not None:
            scale.update(described.scores)
    return np.stack(columns, axis=1), scale


def _weights_of(table: Table, weights: Any) -> Floats:
    values = read_weights(table, weights, what="survey")
    if values is None:
        return np.ones(len(table))
    bad = ~(np.isfinite(values) & (values >= 0.0))
    if bad.any():
        row = int(bad.argmax())
        name = weights if isinstance(weights, str) else "weights"
        reason = f"is {values[row]}; a weight is a number of at least 0"
        raise column_error(name, reason, row)
    return values


def _memberships(segments: Any, survey: Any, table: Table) -> Floats:
    if segments is None:
        return np.ones((len(table), 1))
    if isinstance(segments, Mixture):
        segments = segments.predict_proba(survey)  # type: ignore[attr-defined]
    return checked_posterior(segments, table, None, parameter="segments", what="survey")


def _weighted(values: Floats, members: Floats) -> tuple[Floats, Floats, Floats]:
    """Return means by segment (rows) and item (columns), standard errors, and sums of weights.

    The errors are those of a ratio of sums over independent respondents.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    n = members.T @ known.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = members.T @ filled / n
        squares = members.T**2
        # Of w² (x - m)², x the value and m the mean, over those whose value is known.
        spread = (
            squares @ filled**2 - 2.0 * means * (squares @ filled) + means**2 * (squares @ known)
        )
        errors = np.sqrt(np.maximum(spread, 0.0)) / n
    return means, errors, n
