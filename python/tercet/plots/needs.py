"""Macro segments: how many, how large, what they need, how well they carry over to customers."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet._frames import read_table
from tercet._survey.yes_no import yes_of
from tercet.plots import _style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from tercet._columns import Floats

# Drawn from the plainest to the one that the recommendation rests on.
CRITERIA = {
    "aic": ("AIC", "#9aa7b2", ":"),
    "sabic": ("adjusted BIC", "#8fb8d0", "-."),
    "icl": ("ICL", _style.EXPECTED, "--"),
    "bic": ("BIC", _style.ACTUAL, "-"),
}
SIGNIFICANT = 0.05
# More rows than this are cut to those in which segments differ most.
MOST_ROWS = 40
# Standard deviations from the others at which a cell of a profile has its full colour.
FULL_COLOUR = 1.0
# Letters of a segment's name in a line.
NAME_WIDTH = 16


def segment_criteria(
    selection: Any,
    *,
    criteria: Sequence[str] = ("bic", "icl", "sabic", "aic"),
    ax: Axes | None = None,
) -> Axes:
    """Draw the criteria against the number of segments, with the recommendation.

    Parameters
    ----------
    selection
        What `tercet.select_segments` returned.
    criteria
        Which criteria: of "bic", "icl", "sabic", "aic".
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(2_000, n_respondents=300, seed=1).survey
    >>> selection = tc.select_segments(survey, range(1, 4), starts=4, replications=0, stability=0)
    >>> ax = tc.plots.segment_criteria(selection)
    """
    _style.require_part(selection, "table", "selection", "what tercet.select_segments returned")
    listed = ", ".join(f'"{name}"' for name in CRITERIA)
    chosen = _arguments.names(criteria, "criteria", f"a list of {listed}")
    chosen = [_arguments.word(name, "criteria", list(CRITERIA)) for name in chosen]
    wanted = {name: name for name in ["n_segments", "blrt_p", *chosen]}
    table = read_table(selection.table, wanted, what="table of criteria")
    numbers = table.floats("n_segments")
    ax = _style.new_axes(ax, width=7.4, height=4.6)
    for name in CRITERIA:
        if name not in chosen:
            continue
        label, colour, line = CRITERIA[name]
        values = table.floats(name, missing_as_nan=True)
        fitted = np.isfinite(values)
        width = 2.2 if name == "bic" else 1.6
        ax.plot(numbers[fitted], values[fitted], line, color=colour, linewidth=width, label=label)
        if fitted.any():
            lowest = int(np.nanargmin(values))
            ax.plot(numbers[lowest], values[lowest], "o", color=colour, markersize=6)
    recommended = selection.recommended
    if recommended is not None:
        ax.axvspan(recommended - 0.3, recommended + 0.3, color=_style.PALE, alpha=0.35, zorder=0)
    _write_tests(ax, numbers, table.floats("blrt_p", missing_as_nan=True))
    title = "No number of segments fits" if recommended is None else _recommendation(recommended)
    _style.dress(
        ax,
        title=title,
        subtitle="Criteria by number of segments, lower is better; a dot marks each one's lowest",
        x_label="Number of segments",
        y_label="Criterion",
    )
    ax.set_xlim(numbers.min() - 0.5, numbers.max() + 0.5)
    _style.whole_numbers(ax.xaxis)
    _style.thousands(ax.yaxis)
    _style.legend(ax)
    return ax


def segment_profile(
    profile: Any,
    *,
    items: Sequence[str] | None = None,
    names: Mapping[int, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the segments answer as a heat map: blue above the others, orange below.

    A cell shows the segment's share or mean. The colour is how far that lies from the other
    segments, full at one standard deviation of all respondents; figures that do not differ
    significantly (after adjustment for their number) are grey. Of questions answered by yes or no
    the yes is shown, and of ratings the mean.

    Parameters
    ----------
    profile
        What a model's `profile` returned.
    items
        Which items. Default: all; where those have more than 40 rows, the ones in which segments
        differ most.
    names
        What segments are called, by number; `profile.names` after you have edited them, say.
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(2_000, n_respondents=300, seed=1).survey
    >>> model = tc.LatentClass(3, starts=4, response_style="random_intercept").fit(survey)
    >>> ax = tc.plots.segment_profile(model.profile(survey))
    """
    _style.require_part(profile, "table", "profile", "the SegmentProfile of a model")
    cells = _Cells.of(profile, items)
    n_rows, n_segments = cells.values.shape
    if ax is None:
        longest = max(len(label) for label in cells.labels)
        ax = _style.new_axes(
            None,
            width=min(max(2.2 + 0.07 * longest + 1.15 * n_segments, 6.6), 14.0),
            height=2.1 + 0.27 * n_rows,
        )
    colours = np.clip(cells.effect / FULL_COLOUR, -1.0, 1.0)
    ax.imshow(colours, cmap=_style.diverging(), vmin=-1.0, vmax=1.0, aspect="auto")
    for row in range(n_rows):
        for segment in range(n_segments):
            strong = abs(colours[row, segment]) > 0.62
            clear = cells.p_adjusted[row, segment] < SIGNIFICANT
            ax.text(
                segment,
                row,
                cells.written(row, segment),
                ha="center",
                va="center",
                fontsize=_style.TICK_SIZE,
                color=_style.PAPER if strong else _style.INK if clear else _style.MUTED,
            )
    _style.dress(
        ax,
        title="What the segments answer",
        subtitle=cells.shown,
        x_label=(
            "Segment and its share\n\ncolour: distance from the others, full at one\n"
            "standard deviation; grey: not significant"
        ),
        y_label="Question, or its answer",
        grid="none",
    )
    called = _called(names, cells.segments)
    shares = [f"{name}\n{share:.0%}" for name, share in zip(called, cells.shares, strict=True)]
    ax.set_xticks(range(n_segments), shares, parse_math=False)
    ax.set_yticks(range(n_rows), cells.labels, parse_math=False)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax


def segment_sizes(
    model: Any,
    *,
    level: float = 0.95,
    names: Mapping[int, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the segments' shares with their intervals.

    Parameters
    ----------
    model
        A fitted `tercet.LatentClass`.
    level
        Confidence level of the intervals, between 0 and 1.
    names
        What segments are called, by number.
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(2_000, n_respondents=300, seed=1).survey
    >>> ax = tc.plots.segment_sizes(tc.LatentClass(3, starts=4).fit(survey))
    """
    _style.require_part(
        model, "shares_", "model", "a model of segments, such as tercet.LatentClass"
    )
    shares, ends = model.shares_, _share_ends(model, level)
    numbers = np.arange(1, len(shares) + 1)
    ax = _style.new_axes(ax, width=6.6, height=1.6 + 0.5 * len(shares))
    ax.barh(numbers, shares, color=_style.PALE, height=0.62)
    known = np.isfinite(ends).all(axis=1)
    lengths = np.abs(ends - shares[:, np.newaxis]).T
    ax.errorbar(
        shares[known],
        numbers[known],
        xerr=lengths[:, known],
        fmt="none",
        ecolor=_style.INK,
        elinewidth=1.4,
        capsize=4,
    )
    right = np.where(known, ends[:, 1], shares)
    for number, share, end in zip(numbers, shares, right, strict=True):
        ax.annotate(
            f"{share:.0%}",
            xy=(end, number),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=_style.TICK_SIZE,
            color=_style.INK,
        )
    _style.dress(
        ax,
        title="How large the segments are",
        subtitle=f"Shares of the respondents (weighted), with {level:.0%} intervals",
        x_label="Share",
        y_label="Segment",
        grid="x",
    )
    ax.invert_yaxis()
    ax.set_xlim(0.0, 1.12 * float(np.nanmax(right)))
    ax.set_yticks(numbers, _called(names, numbers.tolist()), parse_math=False)
    _style.percent(ax.xaxis)
    return ax


def question_accuracy(tool: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how well few questions find the segment that the whole questionnaire finds.

    Parameters
    ----------
    tool
        A fitted `tercet.TypingTool`.
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(2_000, n_respondents=300, seed=1).survey
    >>> model = tc.LatentClass(3, starts=4).fit(survey)
    >>> tool = tc.TypingTool(model, n_questions=3, folds=3, max_questions=5).fit(survey)
    >>> ax = tc.plots.question_accuracy(tool)
    """
    _style.require_part(tool, "agreement_", "tool", "a tercet.TypingTool")
    columns = ("n_questions", "in_sample", "cross_validated", "majority")
    table = read_table(tool.agreement_, {name: name for name in columns}, what="agreement")
    numbers, inside, held_out, majority = (table.floats(name) for name in columns)
    ax = _style.new_axes(ax, width=7.0, height=4.4)
    ax.plot(numbers, inside, "--", color=_style.PALE, linewidth=1.8, label="the same respondents")
    ax.plot(
        numbers, held_out, "-o", color=_style.ACTUAL, linewidth=2.0, label="respondents left out"
    )
    ax.axhline(float(majority[0]), color=_style.MUTED, linewidth=1.2, linestyle=":")
    ax.annotate(
        "everybody put into the largest segment",
        xy=(numbers[-1], float(majority[0])),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=_style.TICK_SIZE,
        color=_style.MUTED,
    )
    chosen = int(np.flatnonzero(numbers == len(tool.questions_))[0])
    ax.plot(
        numbers[chosen],
        held_out[chosen],
        "o",
        markersize=11,
        mfc="none",
        mec=_style.EXPECTED,
        mew=2,
    )
    _style.dress(
        ax,
        title=f"{len(tool.questions_)} questions find the segment of {held_out[chosen]:.0%}",
        subtitle="Agreement with the segment found by the whole questionnaire",
        x_label="Number of questions",
        y_label="Share of respondents in the same segment",
        grid="both",
    )
    ax.set_ylim(0.0, 1.02)
    _style.whole_numbers(ax.xaxis)
    _style.percent(ax.yaxis)
    _style.legend(ax)
    return ax


def projected_shares(
    projection: Any,
    customers: Any,
    *,
    truth: Sequence[float] | Mapping[int, float] | None = None,
    names: Mapping[int, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the segments' shares of the customer base against the survey's and the truth.

    Parameters
    ----------
    projection
        A fitted `tercet.SegmentProjection`.
    customers
        The customers' attributes.
    truth
        The true share of each segment in order (or by number), where it is known.
    names
        What segments are called, by number.
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_needs(3_000, n_respondents=400, seed=1)
    >>> model = tc.LatentClass(3, starts=4).fit(company.survey)
    >>> asked = company.respondents.merge(company.customers, on="customer_id")
    >>> projection = tc.SegmentProjection(model).fit(asked, features=["age", "orders"])
    >>> ax = tc.plots.projected_shares(projection, company.customers)
    """
    _style.require_part(projection, "predict_proba", "projection", "a tercet.SegmentProjection")
    members = projection.predict_proba(customers)
    summed = members.mean(axis=0)
    modal = np.bincount(members.argmax(axis=1), minlength=len(summed)) / len(members)
    known = _true_shares(truth, len(summed))
    numbers = np.arange(1, len(summed) + 1)
    ax = _style.new_axes(ax, width=7.0, height=4.4)
    ax.bar(numbers, summed, width=0.6, color=_style.PALE, label="probabilities added up")
    drawn = [
        ("in the survey", projection.shares_, "D", _style.MUTED),
        ("each in the most probable", modal, "x", _style.EXPECTED),
        ("true", known, "_", _style.INK),
    ]
    for label, shares, marker, colour in drawn:
        if shares is not None:
            size = 26 if marker == "_" else 8
            ax.plot(
                numbers,
                shares,
                marker,
                color=colour,
                label=label,
                markersize=size,
                mew=2,
                linestyle="none",
            )
    _style.dress(
        ax,
        title="The segments in the customer base",
        subtitle=f"{len(members):,} customers, by their attributes",
        x_label="Segment",
        y_label="Share of the customers",
    )
    ax.set_xticks(numbers, _called(names, numbers.tolist()), parse_math=False)
    ax.set_ylim(0.0, None)
    _style.percent(ax.yaxis)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(
        handles,
        labels,
        frameon=False,
        fontsize=_style.TICK_SIZE,
        labelcolor=_style.INK,
        markerscale=0.7,
        labelspacing=0.8,
    )
    return ax


def _share_ends(model: Any, level: float) -> Floats:
    """Return lower and upper end of each share's interval; nan where there is none."""
    columns = ("parameter", "lower", "upper")
    table = read_table(model.summary(level), {name: name for name in columns}, what="summary")
    shares = [name == "share" for name in table.arrow("parameter").to_pylist()]
    ends = [table.floats(name, missing_as_nan=True)[shares] for name in ("lower", "upper")]
    stacked: Floats = np.stack(ends, axis=1)
    return stacked


class _Cells:
    """The figures of a profile as a table of rows by segments."""

    def __init__(self, columns: dict[str, Any], keep: list[int], n_segments: int) -> None:
        def grid(name: str) -> Floats:
            values: Floats = np.asarray(columns[name], dtype=float).reshape(-1, n_segments)
            return values[keep]

        self.values, self.effect = grid("value"), grid("effect")
        self.p_adjusted = grid("p_adjusted")
        items = columns["item"][::n_segments]
        levels = columns["label"][::n_segments]
        self.is_mean = [levels[row] is None for row in keep]
        self.labels = [
            items[row]
            if levels[row] is None or _yes(columns, items[row]) is not None
            else f"{items[row]}: {levels[row]}"
            for row in keep
        ]
        self.shown = "Shares of levels, and means"
        self.segments: list[int] = columns["segment"][:n_segments]
        self.shares: Sequence[float] = []

    @classmethod
    def of(cls, profile: Any, items: Sequence[str] | None) -> _Cells:
        names = ("item", "level", "label", "segment", "value", "effect", "p_adjusted")
        table = read_table(profile.table, {name: name for name in names}, what="profile")
        columns = {name: table.arrow(name).to_pylist() for name in names}
        n_segments = len(set(columns["segment"]))
        rows = range(len(columns["item"]) // n_segments)
        keep = [row for row in rows if _is_told(columns, row, n_segments)]
        if items is not None:
            wanted = _arguments.names(items, "items", "a list of items of the profile")
            for name in wanted:
                _arguments.word(name, "items", sorted(set(columns["item"])))
            keep = [row for row in keep if columns["item"][row * n_segments] in wanted]
        of_all = len(keep)
        if of_all > MOST_ROWS:
            spread = {
                row: max(
                    abs(d) for d in columns["effect"][row * n_segments : (row + 1) * n_segments]
                )
                for row in keep
            }
            keep = sorted(sorted(keep, key=lambda row: -spread[row])[:MOST_ROWS])
        cells = cls(columns, keep, n_segments)
        if len(keep) < of_all:
            cells.shown = f"The {len(keep)} of {of_all} rows in which segments differ most"
        cells.shares = profile.shares
        return cells

    def written(self, row: int, segment: int) -> str:
        value = self.values[row, segment]
        if math.isnan(value):
            return "–"
        if not self.is_mean[row]:
            return f"{value:.0%}"
        # As many decimals as tell the means of the row apart.
        largest = float(np.nanmax(np.abs(self.values[row])))
        return f"{value:,.{2 if largest < 10 else 1 if largest < 100 else 0}f}"


def _is_told(columns: dict[str, Any], row: int, n_segments: int) -> bool:
    """Whether a row is drawn: of a rating its mean, of yes and no the yes."""
    item, level = columns["item"][row * n_segments], columns["level"][row * n_segments]
    yes = _yes(columns, item)
    if yes is not None:
        return bool(columns["label"][row * n_segments] == yes)
    return level is None or None not in _levels_of(columns, item, "level")


def _levels_of(columns: Mapping[str, Any], item: str, which: str) -> list[str | None]:
    pairs = zip(columns["item"], columns[which], strict=True)
    return list(dict.fromkeys(level for name, level in pairs if name == item))


def _yes(columns: Mapping[str, Any], item: str) -> str | None:
    """Return what an item that is answered by yes or no calls its yes."""
    levels = _levels_of(columns, item, "label")
    return yes_of([level for level in levels if level is not None])


def _called(names: Mapping[int, str] | None, numbers: Sequence[int]) -> list[str]:
    """Return what segments are called: by number unless they have names."""
    if names is None:
        return [str(number) for number in numbers]
    expected = "a mapping from segments' numbers to their names, such as {1: 'savers'}"
    if not hasattr(names, "keys") or not set(names.keys()) <= set(numbers):
        raise _arguments.refusal(names, "names", expected)
    called = (str(names.get(number, number)) for number in numbers)
    return ["\n".join(textwrap.wrap(name, NAME_WIDTH)) for name in called]


def _write_tests(ax: Axes, numbers: Floats, p_values: Floats) -> None:
    """Write the p-values of the bootstrap tests along the top."""
    tested = np.isfinite(p_values)
    if not tested.any():
        return
    for number, p_value in zip(numbers[tested], p_values[tested], strict=True):
        ax.annotate(
            f"p = {p_value:.2g}",
            xy=(number, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -12),
            textcoords="offset points",
            ha="center",
            fontsize=_style.TICK_SIZE - 1,
            color=_style.MUTED,
        )
    ax.margins(y=0.12)


def _recommendation(number: int) -> str:
    return "One segment is recommended" if number == 1 else f"{number} segments are recommended"


def _true_shares(truth: Any, n_segments: int) -> Floats | None:
    if truth is None:
        return None
    expected = f"{n_segments} shares, one a segment"
    if hasattr(truth, "keys"):
        if set(truth.keys()) != set(range(1, n_segments + 1)):
            raise _arguments.refusal(truth, "truth", f"{expected}, by its number from 1")
        truth = [truth[number] for number in range(1, n_segments + 1)]
    shares: Floats = np.asarray(truth, dtype=float)
    if shares.shape != (n_segments,):
        raise _arguments.refusal(truth, "truth", expected)
    return shares
