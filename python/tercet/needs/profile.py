"""Who the segments are: what each answers more and less than the others, with first names."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._levels import as_text
from tercet.data.survey import Survey
from tercet.exceptions import ParameterError
from tercet.needs import _items
from tercet.needs._items import weights_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet._frames import Kind
    from tercet._survey.item import Item
    from tercet.needs._items import Column
    from tercet.needs.latent_class import LatentClass, _Given

__all__ = ["SegmentProfile"]

Measure: TypeAlias = Literal[
    "value", "others", "index", "effect", "z", "p_value", "p_adjusted", "standard_error"
]

_FIGURES = (
    "value",
    "standard_error",
    "total",
    "others",
    "index",
    "effect",
    "z",
    "p_value",
    "p_adjusted",
)
_SIGNIFICANT = 0.05


class SegmentProfile:
    """What the segments answer, beside everybody and with tests against the other segments.

    Made by a model's `profile`.

    Attributes
    ----------
    table : table
        One row a level (or mean) of an item and a segment: `item`, `level` (null where the figure
        is a mean), `label` (what the survey calls the level), `segment`, `value` (the share of the
        level among those who answered, or the mean), `standard_error`, `total` (of everybody),
        `others` (of all other segments together), `index` (100 times value by total), `effect`
        (value less others in standard deviations of all respondents: 0.2 is little, 0.8 much), `z`
        (the same in standard errors), `p_value`, and `p_adjusted` for the number of figures in the
        profile (Benjamini & Hochberg 1995).
    shares : numpy.ndarray of shape (K,)
        The segments' shares of the respondents.
    names : dict
        A first name of each segment, from the answers that set it apart most; to be edited.
    descriptions : dict
        What each segment answers more and less than the others, in a sentence or two.
    drafts : table
        One row a segment: `segment`, `share`, `name`, `description`.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(3_000, n_respondents=400, seed=1).survey
    >>> model = tc.LatentClass(4, starts=6, response_style="random_intercept").fit(survey)
    >>> profile = model.profile(survey)
    >>> profile.names[1]
    'low price and no hidden costs'
    >>> profile.descriptions[1]
    'More than others: low price (4.6... against 3.0...); ...'
    """

    def __init__(
        self, items: Sequence[str], figures: Mapping[str, Any], shares: Floats, kind: Kind | None
    ) -> None:
        numbers = range(1, len(shares) + 1)
        self.shares = shares
        self.names: dict[int, str] = dict(zip(numbers, figures["names"], strict=True))
        self.descriptions: dict[int, str] = dict(zip(numbers, figures["descriptions"], strict=True))
        self._items = [items[place] for place in figures["question"]]
        self._levels: list[str | None] = list(figures["level"])
        self._labels: list[str | None] = list(figures["label"])
        self._segment: Integers = figures["segment"]
        self._figures: dict[str, Floats] = {name: figures[name] for name in _FIGURES}
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a level (or mean) of an item and a segment."""
        columns = {
            "item": pa.array(self._items, pa.string()),
            "level": pa.array(self._levels, pa.string()),
            "label": pa.array(self._labels, pa.string()),
            "segment": self._segment,
            **self._figures,
        }
        return new_table(columns, self._kind)

    @property
    def drafts(self) -> Any:
        """One row a segment: its share, a first name, a description."""
        columns = {
            "segment": np.array(list(self.names), dtype=np.int64),
            "share": self.shares,
            "name": pa.array(list(self.names.values()), pa.string()),
            "description": pa.array(list(self.descriptions.values()), pa.string()),
        }
        return new_table(columns, self._kind)

    def wide(self, measure: Measure = "value") -> Any:
        """Return one row a level (or mean) of an item, and a column a segment.

        Parameters
        ----------
        measure : {"value", "others", "index", "effect", "z", "p_value", "p_adjusted",
            "standard_error"}
            Which figure.

        Returns
        -------
        table
            Columns `item`, `level`, `total` (of everybody) and `segment_1`, `segment_2`, ...

        Raises
        ------
        ParameterError
            For a figure that is not known.

        Examples
        --------
        >>> import tercet as tc
        >>> answers = {
        ...     "price": ["yes", "no", "yes", "no", "yes"] * 20,
        ...     "service": ["no", "yes", "no", "yes", "no"] * 20,
        ...     "brand": ["no", "yes", "no", "yes", "no"] * 20,
        ...     "region": ["east", "east", "west", "north", "west"] * 20,
        ... }
        >>> model = tc.LatentClass(2).fit(answers, items=["price", "service", "brand"])
        >>> wide = model.profile(answers, columns=["region"]).wide()
        >>> wide.column_names
        ['item', 'level', 'total', 'segment_1', 'segment_2']
        >>> wide["level"].to_pylist(), wide["segment_1"].to_numpy().round(2)
        (['east', 'north', 'west'], array([0.33, 0.  , 0.67]))
        """
        chosen = self._figures[_arguments.word(measure, "measure", get_args(Measure))]
        grid = self._grid(chosen)
        columns: dict[str, Any] = {
            "item": pa.array(self._items[:: len(self.shares)], pa.string()),
            "level": pa.array(self._levels[:: len(self.shares)], pa.string()),
            "total": np.ascontiguousarray(self._grid(self._figures["total"])[:, 0]),
        }
        for number in self.names:
            columns[f"segment_{number}"] = np.ascontiguousarray(grid[:, number - 1])
        return new_table(columns, self._kind)

    def text(self) -> str:
        """Return every segment with its size, its first name and what sets it apart.

        Examples
        --------
        >>> import tercet as tc
        >>> answers = {
        ...     "price": ["yes", "no", "yes", "no", "yes"] * 20,
        ...     "service": ["no", "yes", "no", "yes", "no"] * 20,
        ...     "visits": [1, 5, 0, 7, 2] * 20,
        ... }
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(answers, items=list(answers))
        >>> print(model.profile(answers, columns=["price", "service"]).text())
        Segment 1 (60%): price
          More than others: price (100% against 0%). Less: service (0% against 100%).
        Segment 2 (40%): service
          More than others: service (100% against 0%). Less: price (0% against 100%).
        """
        lines = []
        for number, share in zip(self.names, self.shares, strict=True):
            lines.append(f"Segment {number} ({share:.0%}): {self.names[number]}")
            lines += _display.wrapped(self.descriptions[number])
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        said = "".join(
            f"<p><b>Segment {number} ({share:.0%}): {html.escape(self.names[number])}</b><br>"
            f"{html.escape(self.descriptions[number])}</p>"
            for number, share in zip(self.names, self.shares, strict=True)
        )
        heads = "".join(
            f"<th>{number} ({share:.0%})</th>"
            for number, share in zip(self.names, self.shares, strict=True)
        )
        body = "".join(self._html_rows())
        note = "Bold: differs from the other segments (adjusted p below 5%)."
        return (
            f"<div>{said}<table><thead><tr><th>item</th><th>level</th><th>all</th>{heads}</tr>"
            f"</thead><tbody>{body}</tbody></table><div>{note}</div></div>"
        )

    def _html_rows(self) -> Iterator[str]:
        n = len(self.shares)
        values, totals = self._grid(self._figures["value"]), self._grid(self._figures["total"])
        clear = self._grid(self._figures["p_adjusted"]) < _SIGNIFICANT
        labels = zip(self._items[::n], self._labels[::n], strict=True)
        for row, (item, level) in enumerate(labels):
            show = _display.number if level is None else _display.per_cent
            cells = "".join(
                f"<td><b>{show(value)}</b></td>" if bold else f"<td>{show(value)}</td>"
                for value, bold in zip(values[row], clear[row], strict=True)
            )
            said = "mean" if level is None else level
            yield (
                f"<tr><td>{html.escape(item)}</td><td>{html.escape(said)}</td>"
                f"<td>{show(totals[row, 0])}</td>{cells}</tr>"
            )

    def _grid(self, figures: Floats) -> Floats:
        """Return figures as a row a level and a column a segment, as they lie."""
        grid: Floats = figures.reshape(-1, len(self.shares))
        return grid


def profile_of(
    model: LatentClass,
    survey: Any,
    columns: Any,
    weights: Any,
    *,
    kinds: Any,
    covariates: bool,
) -> SegmentProfile:
    """Profile a model's segments; `LatentClass.profile` documents it."""
    if columns is None and kinds is not None:
        message = "kinds = ...: expected none without columns; what the items are, the model knows"
        raise ParameterError(message, "kinds")
    asked = None if columns is None else _asked(survey, columns)
    weights = weights_like(model, survey, weights)
    engine, given = model._open(survey, None, weights, covariates, asked or ())
    members = engine.posterior(
        given.questions, given.covariates, n_jobs=_arguments.threads(model.n_jobs)
    )
    described = survey.items if isinstance(survey, Survey) else {}
    questions = given.questions
    if asked is not None:
        questions = _columns_of(asked, given, described, kinds)
    figures = _tercet.profile_segments(
        _in_words(questions, described), given.weights, members.ravel(), members.shape[1]
    )
    weighted = None if given.weights is None else given.weights[1]
    shares: Floats = np.average(members, axis=0, weights=weighted)
    # The core was given words for its drafts: in the table they are labels.
    figures["label"] = figures["level"]
    figures["level"] = [
        level
        for record, _ in questions
        for level in _figures_of(record)
        for _ in range(len(shares))
    ]
    names = [record["name"] for record, _ in questions]
    return SegmentProfile(names, figures, shares, given.table.kind)


def _asked(survey: Any, columns: Any) -> list[str]:
    """Return the columns to profile: of a survey also those of a battery."""
    names = _arguments.names(columns, "columns", "a list of different columns' names")
    batteries = survey.batteries() if isinstance(survey, Survey) else {}
    members = [member for name in names for member in batteries.get(name, [name])]
    return list(dict.fromkeys(members))


def _columns_of(
    asked: Sequence[str], given: _Given, described: Mapping[str, Item], kinds: Any
) -> list[Column]:
    """Return columns as the core takes them: the model's items as it knows them, others anew."""
    known = {record["name"]: (record, answers) for record, answers in given.questions}
    others = [name for name in asked if name not in known]
    said = _items.kinds_by_item(kinds, others)
    source = _items.Source(None, others, described)
    learned = {column[0]["name"]: column for column in _items.learn(given.table, source, said)}
    return [known[name] if name in known else learned[name] for name in asked]


def _in_words(questions: Sequence[Column], described: Mapping[str, Item]) -> list[Column]:
    """Return questions under the words that a survey has for them, for the drafts."""
    names = [_called(record["name"], described.get(record["name"])) for record, _ in questions]
    told: list[Column] = []
    for (record, answers), name in zip(questions, names, strict=True):
        words = {"name": name if names.count(name) == 1 else record["name"]}
        item = described.get(record["name"])
        if item is not None and item.labels and item.levels and record["levels"] is not None:
            labels = dict(zip(map(as_text, item.levels), item.labels, strict=True))
            words["levels"] = [labels.get(level, level) for level in record["levels"]]
        told.append(({**record, **words}, answers))
    return told


def _called(name: str, item: Item | None) -> str:
    """Return what an item is called in a sentence: in a battery, what sets it apart."""
    return name if item is None or item.battery is None else item.statement


def _figures_of(record: Mapping[str, Any]) -> list[str | None]:
    """Return the levels of which there are shares, and None for a mean."""
    if record["levels"] is None:
        return [None]
    return [*record["levels"], *([None] if record["kind"] == "ordinal" else [])]
