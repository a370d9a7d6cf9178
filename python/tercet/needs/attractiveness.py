"""Which segments to compete in: size, value and fit on one scale, weighed and ranked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._columns import column_error, floats
from tercet._estimator import Model
from tercet._frames import check_same_rows, new_table, read_table, read_whole
from tercet._levels import is_number
from tercet._survey.item import encoded
from tercet._weights import read_weights
from tercet.data.survey import Survey
from tercet.exceptions import ParameterError
from tercet.needs._items import own_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats, Integers
    from tercet._frames import Kind, Table

__all__ = ["SegmentAttractiveness", "attractiveness"]

_RESERVED: Final = ("segment", "score", "rank")
_SUMMARIES: Final = ("mean", "sum")
_SIZE: Final = "size"
_CRITERIA: Final = "a list of different columns, or a mapping from criteria to values or columns"
_HALFWAY = 50.0


class SegmentAttractiveness:
    """Segments scored and ranked by several criteria; made by `attractiveness`.

    Attributes
    ----------
    table : table
        One row a segment, in the order that they came in: `segment`, each criterion, its score from
        0 to 100 (`score_size`, ...), the overall `score`, and the `rank`, 1 for the most
        attractive.
    criteria : list of str
        The criteria.
    weights : dict
        The weight of each criterion; they add up to 1.
    best : object
        The most attractive segment.
    """

    def __init__(
        self,
        segments: Any,
        values: Mapping[str, Floats],
        scores: Mapping[str, Floats],
        weights: Mapping[str, float],
        kind: Kind | None,
    ) -> None:
        self.criteria = list(values)
        self.weights = dict(weights)
        self._segments = segments
        self._values = dict(values)
        self._scores = dict(scores)
        self._overall = _overall(scores, weights)
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a segment: criteria, scores, overall score and rank."""
        columns = {
            "segment": self._segments,
            **self._values,
            **{f"score_{name}": score for name, score in self._scores.items()},
            "score": self._overall,
            "rank": self._ranks(),
        }
        return new_table(columns, self._kind)

    @property
    def best(self) -> Any:
        """The most attractive segment; of equals the first."""
        return _as_list(self._segments)[int(self._overall.argmax())]

    def text(self) -> str:
        """Return the ranking in sentences, and whether it hangs on a single criterion.

        Examples
        --------
        >>> import tercet as tc
        >>> segments = {"segment": ["savers", "fans"], "size": [0.7, 0.3], "margin": [4.0, 31.0]}
        >>> print(tc.attractiveness(segments, weights={"size": 1, "margin": 2}).text())
        fans is the most attractive segment (67 of 100: size 0, margin 100), then savers (33).
        Without margin savers would come first.
        """
        labels = self._labels()
        order = np.argsort(-self._overall, kind="stable")
        first = order[0]
        parts = ", ".join(f"{name} {self._scores[name][first]:.0f}" for name in self.criteria)
        others = ", ".join(f"{labels[row]} ({self._overall[row]:.0f})" for row in order[1:])
        then = f", then {others}" if others else ""
        said = (
            f"{_named(labels[first])} is the most attractive segment "
            f"({self._overall[first]:.0f} of 100: {parts}){then}."
        )
        return f"{said}\n{self._robustness(labels, int(first))}".strip()

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        labels, ranks = self._labels(), self._ranks()
        weighed = [f"{name} ({self.weights[name]:.0%})" for name in self.criteria]
        rows = []
        for row in np.argsort(-self._overall, kind="stable"):
            cells = [
                f"{_display.number(self._values[name][row])}: {self._scores[name][row]:.0f}"
                for name in self.criteria
            ]
            rows.append((labels[row], *cells, f"{self._overall[row]:.0f}", str(ranks[row])))
        return _display.Grid(
            title="Attractiveness of segments: each criterion and its score from 0 to 100",
            header=("segment", *weighed, "score", "rank"),
            rows=rows,
            words=self.text().splitlines(),
        )

    def _labels(self) -> list[str]:
        return [str(label) for label in _as_list(self._segments)]

    def _ranks(self) -> Integers:
        """Return ranks from 1; equal scores (to ten digits) share the better one."""
        scores = self._overall.round(10)
        ranks: Integers = 1 + (scores[:, np.newaxis] < scores).sum(axis=1)
        return ranks

    def _robustness(self, labels: Sequence[str], first: int) -> str:
        """Say who would come first without each of the criteria that count."""
        counting = [name for name in self.criteria if self.weights[name] > 0]
        if len(counting) < 2 or len(labels) < 2:
            return ""
        others = {}
        for name in counting:
            rest = {one: 0.0 if one == name else weight for one, weight in self.weights.items()}
            best = int(_overall(self._scores, rest).argmax())
            if best != first:
                others[name] = labels[best]
        if not others:
            return f"{_named(labels[first])} would come first without any one of the criteria, too."
        parts = [
            f"without {name} {_named(label, start=False)} would come first"
            for name, label in others.items()
        ]
        said = "; ".join(parts)
        return f"{said[0].upper()}{said[1:]}."


def attractiveness(
    segments: Any,
    criteria: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    lower_is_better: Sequence[str] = (),
    scales: Mapping[str, tuple[float, float]] | None = None,
    members: Any = None,
    sample_weight: Any = None,
    segment: str = "segment",
) -> SegmentAttractiveness:
    r"""Score segments by criteria such as size, value and fit, and rank them.

    A criterion with the value $x_k$ in segment $k$ becomes a score from 0 to 100,

    $$
    s_k = 100 \, \frac{x_k - l}{h - l}
    $$

    where $l$ and $h$ are the ends of its scale: the smallest and the largest value among the
    segments, or those given by `scales`. Where less is better the score is $100 - s_k$; where all
    segments are equal it is 50. The overall score is the mean of the scores, weighed by the
    importance of the criteria:

    $$
    S_k = \sum_j w_j s_{jk} \Big/ \sum_j w_j
    $$

    Between the smallest and the largest value a small difference looks as large as a great one:
    give `scales` where the ends of a scale have a meaning (marks from 1 to 5, say).

    Parameters
    ----------
    segments : model or table
        What is scored:

        - a fitted model of segments, such as `LatentClass`: `size` is the segments' share;
        - a table with one row a segment;
        - with `members`, a table (or `tercet.Survey`) with one row a customer, of which means by
          segment are taken; `size` is the segments' share of the customers.
    criteria : sequence of str or mapping, optional
        Columns of the table; by default all numbers in a table of segments. Or a mapping from
        names to one value a segment (in order), to "mean" or "sum" of a column of customers, or to
        None for a column as it is. The `size` that is computed is always a criterion.
    weights : mapping, optional
        How important each criterion is: numbers of any scale; 0 leaves one out of the score. By
        default all are equally important.
    lower_is_better : sequence of str
        Criteria of which less is better, such as a churn rate.
    scales : mapping, optional
        The worst and the best value that a criterion could have, lowest first, for those whose
        scale is not that of the segments. Values beyond count as its ends.
    members : str, sequence of str or array, optional
        To which segment customers belong: the column of their segment, columns of probabilities
        (one a segment, in order), or an array of numbers from 1, or of shape (n, K) of
        probabilities. A customer counts in each segment with the probability of belonging to it.
    sample_weight : str, array of shape (n,), False, optional
        How much each customer counts, such as the weights of a survey: a column or one number a
        row. By default those that a `tercet.Survey` names; False for none.
    segment : str
        The column that names the segments, in a table of segments.

    Returns
    -------
    SegmentAttractiveness
        `table`, `text`, `weights`, `best`.

    Raises
    ------
    DataError
        For a value that is missing or no number; it names column and row.
    ParameterError
        For an argument that cannot be used.

    Examples
    --------
    >>> import tercet as tc
    >>> segments = {
    ...     "segment": ["savers", "fans", "browsers"],
    ...     "size": [0.5, 0.2, 0.3],
    ...     "clv": [40.0, 210.0, 55.0],
    ...     "churn": [0.3, 0.1, 0.25],
    ... }
    >>> found = tc.attractiveness(
    ...     segments, weights={"size": 1, "clv": 2, "churn": 1}, lower_is_better=["churn"]
    ... )
    >>> found.best, found.table["rank"].to_pylist()
    ('fans', [2, 1, 3])

    Customers by the probability that they belong to a segment:

    >>> customers = {
    ...     "clv": [10.0, 90.0, 50.0],
    ...     "segment_1": [1.0, 0.0, 0.5],
    ...     "segment_2": [0, 1, 0.5],
    ... }
    >>> by_segment = tc.attractiveness(customers, ["clv"], members=["segment_1", "segment_2"])
    >>> by_segment.table["clv"].to_numpy().round(2)
    array([23.33, 76.67])
    """
    if members is not None:
        found = _of_customers(segments, criteria, members, sample_weight)
    elif isinstance(segments, Model):
        found = _of_model(segments, criteria)
    else:
        found = _of_segments(segments, criteria, segment)
    for name in found.values:
        if name in _RESERVED:
            message = (
                f"criteria = [..., {name!r}, ...]: the result has a column of that name; rename it"
            )
            raise ParameterError(message, "criteria")
    less = _checked_names(lower_is_better, found, "lower_is_better")
    ends = _checked_scales(scales, found)
    scores = {
        name: _scores(values, ends.get(name), name in less) for name, values in found.values.items()
    }
    weighed = _checked_weights(weights, found)
    return SegmentAttractiveness(found.segments, found.values, scores, weighed, found.kind)


class _Segments(NamedTuple):
    """Segments by name or number, and the values of every criterion."""

    segments: Any
    values: dict[str, Floats]
    kind: Kind | None


def _of_model(model: Any, criteria: Any) -> _Segments:
    """Return a model's segments: their sizes, and the values that the caller gives."""
    shares: Floats = model.shares_
    values = {_SIZE: shares}
    for name, value in _as_mapping(criteria).items():
        if value is None and name == _SIZE:
            continue
        if value is None or isinstance(value, str):
            message = (
                f"criteria: '{name}' has no values; a model knows the size of its segments only: "
                f"give {len(shares)} numbers, or pass a table of segments or of customers"
            )
            raise ParameterError(message, "criteria")
        values[name] = _given(name, value, len(shares))
    return _Segments(np.arange(1, len(shares) + 1), values, model._kind)


def _of_segments(frame: Any, criteria: Any, segment: Any) -> _Segments:
    """Return the rows of a table as segments."""
    if criteria is None:
        table = read_whole(frame, what="table of segments")
        wanted: dict[str, Any] = {
            name: None
            for name in table.columns.columns
            if name != segment and is_number(table.arrow(name).type)
        }
        if not wanted:
            raise _arguments.refusal(None, "criteria", "columns; the table has no numbers besides")
        table = _read(frame, segment, list(wanted))
    else:
        wanted = _as_mapping(criteria)
        columns = [name for name, value in wanted.items() if value is None]
        for name, value in wanted.items():
            if isinstance(value, str):
                message = (
                    f"criteria: '{name}' is to be a {value} over customers; say to which segment "
                    "each belongs with members="
                )
                raise ParameterError(message, "criteria")
        table = _read(frame, segment, columns)
    labels = table.arrow(segment)
    _, distinct = encoded(labels)
    if len(distinct) < len(labels):
        reason = (
            "names a segment twice, or not at all; a table of segments has one row a segment "
            f"(for customers: members='{segment}')"
        )
        raise column_error(segment, reason)
    values = {
        name: _checked(table.floats(name), name)
        if value is None
        else _given(name, value, len(labels))
        for name, value in wanted.items()
    }
    return _Segments(labels, values, table.kind)


def _read(frame: Any, segment: Any, columns: Sequence[str]) -> Table:
    wanted = {"segment": segment, **{f"criteria['{name}']": name for name in columns}}
    remedies = {f"criteria['{name}']": "name the right ones with criteria=" for name in columns}
    return read_table(frame, wanted, what="table of segments", remedies=remedies)


def _of_customers(frame: Any, criteria: Any, members: Any, sample_weight: Any) -> _Segments:
    """Return the segments of customers: sizes, and means or sums of columns."""
    sample_weight = own_weights(frame, sample_weight)
    frame = frame.answers if isinstance(frame, Survey) else frame
    wanted = {name: value for name, value in _as_mapping(criteria).items() if name != _SIZE}
    columns = [name for name, value in wanted.items() if value is None or isinstance(value, str)]
    named = {f"criteria['{name}']": name for name in columns}
    remedies = dict.fromkeys(named, "name the right ones with criteria=")
    by_column = isinstance(members, str)
    if by_column:
        named["members"] = members
    elif isinstance(members, list | tuple) and all(isinstance(name, str) for name in members):
        several = _arguments.names(members, "members", "different columns of probabilities")
        named.update({f"members[{k}]": name for k, name in enumerate(several)})
        remedies.update({f"members[{k}]": "name them with members=" for k in range(len(several))})
    if isinstance(sample_weight, str):
        named["sample_weight"] = sample_weight
    if not named:
        table = read_whole(frame, what="table of customers")
    else:
        table = read_table(frame, named, what="table of customers", remedies=remedies)
    labels, weights = _memberships(members, table)
    each = read_weights(table, sample_weight, what="table of customers")
    if each is not None:
        bad = ~((each >= 0) & np.isfinite(each))
        if bad.any():
            row = int(bad.argmax())
            name = sample_weight if isinstance(sample_weight, str) else "sample_weight"
            raise column_error(name, f"is {each[row]:g}; a weight is 0 or more", row)
        weights = weights * each[:, np.newaxis]
    total = weights.sum(axis=0)
    values: dict[str, Floats] = {_SIZE: total / total.sum()}
    for name, value in wanted.items():
        if value is not None and not isinstance(value, str):
            values[name] = _given(name, value, len(total))
            continue
        how = _arguments.word(value or "mean", f"criteria['{name}']", _SUMMARIES)
        values[name] = _summarised(table.floats(name, missing_as_nan=True), weights, how, name)
    return _Segments(labels, values, table.kind)


def _memberships(members: Any, table: Table) -> tuple[Any, Floats]:
    """Return the segments and how far each customer belongs to each: a row a customer."""
    if isinstance(members, str):
        indices, distinct = encoded(table.arrow(members))
        if (indices < 0).any():
            row = int((indices < 0).argmax())
            reason = "is missing; leave out customers who belong to no segment"
            raise column_error(members, reason, row)
        places = sorted(range(len(distinct)), key=distinct.__getitem__)
        labels = [distinct[place] for place in places]
        weights: Floats = (indices[:, np.newaxis] == np.array(places)).astype(np.float64)
        return pa.array(labels), weights
    if isinstance(members, list | tuple) and all(isinstance(name, str) for name in members):
        weights = np.column_stack([_probability(table.floats(name), name) for name in members])
        return np.arange(1, len(members) + 1), weights
    check_same_rows(members, table.native, "members", "customers")
    values = np.asarray(members)
    if values.ndim not in (1, 2) or len(values) != len(table):
        shape = " x ".join(str(n) for n in values.shape) or "one"
        reason = f"has {shape} values for {len(table):,} customers; give a row a customer"
        raise column_error("members", reason)
    if values.ndim == 2:
        columns = [floats(pa.array(column), "members") for column in values.T]
        weights = np.column_stack([_probability(column, "members") for column in columns])
        return np.arange(1, values.shape[1] + 1), weights
    numbers = floats(pa.array(values, from_pandas=True), "members")
    bad = ~((numbers >= 1) & (np.floor(numbers) == numbers) & (numbers <= len(numbers)))
    if bad.any():
        row = int(bad.argmax())
        raise column_error("members", f"is {numbers[row]:g}; segments are numbered from 1", row)
    segments = np.arange(1, int(numbers.max()) + 1)
    return segments, (numbers[:, np.newaxis] == segments).astype(np.float64)


def _probability(values: Floats, name: str) -> Floats:
    bad = ~((values >= 0) & (values <= 1 + 1e-9))
    if bad.any():
        row = int(bad.argmax())
        raise column_error(name, f"is {values[row]:g}; a probability lies between 0 and 1", row)
    return values


def _summarised(values: Floats, weights: Floats, how: str, name: str) -> Floats:
    """Return the mean or the sum of customers' values by segment; missing ones count nowhere."""
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise column_error(name, "is infinite; give a number, or leave it missing", row)
    known = ~np.isnan(values)
    sums: Floats = values[known] @ weights[known]
    if how == "sum":
        return sums
    counts = weights[known].sum(axis=0)
    if not (counts > 0).all():
        place = int((counts <= 0).argmax()) + 1
        reason = f"is missing for every customer of segment {place}; leave the criterion out"
        raise column_error(name, reason)
    means: Floats = sums / counts
    return means


def _as_mapping(criteria: Any) -> dict[str, Any]:
    if criteria is None:
        return {}
    if isinstance(criteria, Mapping):
        if not all(isinstance(name, str) for name in criteria) or not criteria:
            raise _arguments.refusal(criteria, "criteria", _CRITERIA)
        return dict(criteria)
    return dict.fromkeys(_arguments.names(criteria, "criteria", _CRITERIA))


def _given(name: str, value: Any, n_segments: int) -> Floats:
    """Return values that the caller gives, one a segment."""
    values = np.asarray(value)
    if values.shape != (n_segments,):
        shape = " x ".join(str(n) for n in values.shape) or "one"
        raise column_error(name, f"has {shape} values; give {n_segments}, one a segment in order")
    return _checked(floats(pa.array(values, from_pandas=True), name), name)


def _checked(values: Floats, name: str) -> Floats:
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(bad.argmax())
        reason = f"is {values[row]}; a criterion needs a number for every segment"
        raise column_error(name, reason, row)
    return values


def _checked_names(names: Any, found: _Segments, parameter: str) -> list[str]:
    if isinstance(names, list | tuple) and not names:
        return []
    expected = f"criteria: {', '.join(found.values)}"
    checked = _arguments.names(names, parameter, expected)
    for name in checked:
        if name not in found.values:
            raise _arguments.refusal(name, parameter, expected)
    return checked


def _checked_scales(scales: Any, found: _Segments) -> dict[str, tuple[float, float]]:
    if scales is None:
        return {}
    expected = "a mapping from criteria to (lowest, highest)"
    if not isinstance(scales, Mapping):
        raise _arguments.refusal(scales, "scales", expected)
    checked = {}
    for name in _checked_names(list(scales), found, "scales") if scales else ():
        try:
            low, high = scales[name]
        except (TypeError, ValueError):
            raise _arguments.refusal(scales[name], f"scales['{name}']", expected) from None
        ends = tuple(_arguments.number(end, f"scales['{name}']") for end in (low, high))
        if not (all(map(math.isfinite, ends)) and ends[0] < ends[1]):
            expected = "two numbers, the lowest first"
            raise _arguments.refusal(scales[name], f"scales['{name}']", expected)
        checked[name] = (ends[0], ends[1])
    return checked


def _checked_weights(weights: Any, found: _Segments) -> dict[str, float]:
    names = list(found.values)
    if weights is None:
        return dict.fromkeys(names, 1 / len(names))
    if not isinstance(weights, Mapping):
        raise _arguments.refusal(weights, "weights", "a mapping from criteria to their importance")
    for name in weights:
        if name not in names:
            raise _arguments.refusal(name, "weights", f"criteria: {', '.join(names)}")
    for name in names:
        if name not in weights:
            message = f"weights: '{name}' has none; give every criterion one, 0 to leave it out"
            raise ParameterError(message, "weights")
    checked = {name: _arguments.number(weights[name], f"weights['{name}']") for name in names}
    if not all(0 <= weight < math.inf for weight in checked.values()):
        raise _arguments.refusal(weights, "weights", "finite numbers, none below 0")
    total = sum(checked.values())
    if not total > 0:
        raise _arguments.refusal(weights, "weights", "at least one weight above 0")
    return {name: weight / total for name, weight in checked.items()}


def _scores(values: Floats, ends: tuple[float, float] | None, less: bool) -> Floats:
    """Return the scores of a criterion from 0 to 100."""
    low, high = (float(values.min()), float(values.max())) if ends is None else ends
    if high <= low:
        return np.full(len(values), _HALFWAY)
    scores: Floats = 100 * np.clip((values - low) / (high - low), 0.0, 1.0)
    return 100 - scores if less else scores


def _as_list(segments: Any) -> list[Any]:
    """Return the names or numbers of segments as Python's own."""
    labels: list[Any] = (
        segments.tolist() if isinstance(segments, np.ndarray) else segments.to_pylist()
    )
    return labels


def _overall(scores: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    total = sum(weights.values())
    overall: Floats = np.sum([weights[name] * scores[name] for name in scores], axis=0) / total
    return overall


def _named(label: str, start: bool = True) -> str:
    """Return a segment in a sentence: its name, or its number behind the word."""
    if not label.isdecimal():
        return label
    return f"Segment {label}" if start else f"segment {label}"
