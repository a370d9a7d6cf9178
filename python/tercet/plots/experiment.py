"""Experiments: effects by segment, and what a plan can show."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _arguments, _display
from tercet._frames import read_table
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from tercet._columns import Floats
    from tercet.response import DiscoveredSegments, ExperimentPlan, ExperimentResult

#: Okabe and Ito (2008).
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#22303c")
_EVERYONE: Final = "everyone"


def effects_by_segment(
    result: ExperimentResult | DiscoveredSegments,
    outcome: str | None = None,
    *,
    arms: str | list[str] | None = None,
    most: int = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw the effects of the arms on an outcome in every segment, with intervals.

    Faint: the effect as it was measured in the segment. Strong: drawn towards the other segments',
    which is the better guess of what would happen again. The band is the effect on everyone.

    Of segments that were discovered each arm has its own, in its colour; hollow are those that are
    not clear of chance.

    Parameters
    ----------
    result : ExperimentResult or DiscoveredSegments
        What `tercet.analyze_experiment` or `tercet.discover_segments` found.
    outcome : str, optional
        The outcome; default: the first. For several, draw each on axes of its own.
    arms : str or list of str, optional
        The arms, a colour each; default: all but the control.
    most : int
        Segments that are drawn at most: those with the smallest standard errors; of segments that
        were discovered the first of `table_`.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    ParameterError
        For an outcome or an arm that the result does not have.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(3)
    >>> arm, shop = rng.choice(["none", "mail"], 6_000), rng.choice(list("abcdef"), 6_000)
    >>> data = {"arm": arm, "shop": shop, "spend": rng.gamma(2, 10, 6_000) + 2 * (arm == "mail")}
    >>> result = tc.analyze_experiment(data, "arm", "none", "spend", segments="shop")
    >>> ax = tc.plots.effects_by_segment(result)
    """
    from tercet.response import DiscoveredSegments, ExperimentResult

    makers = "tercet.analyze_experiment or tercet.discover_segments"
    _style.require(result, (ExperimentResult, DiscoveredSegments), "result", makers)
    outcomes = [result.outcome] if isinstance(result, DiscoveredSegments) else result.outcomes
    outcome = outcomes[0] if outcome is None else outcome
    if outcome not in outcomes:
        raise _arguments.refusal(outcome, "outcome", f"one of {outcomes}")
    treated = [arm for arm in result.arms if arm != result.control]
    chosen = treated if arms is None else [arms] if isinstance(arms, str) else list(arms)
    if not chosen or not set(chosen) <= set(treated):
        raise _arguments.refusal(arms, "arms", f"some of {treated}")
    most = _arguments.whole(most, "most", "a whole number, at least 1")
    if most < 1:
        raise _arguments.refusal(most, "most", "a whole number, at least 1")
    if isinstance(result, DiscoveredSegments):
        return _discovered(result, chosen, most, ax)
    rows = _Rows(result, outcome)
    segments = rows.order(chosen, most)
    # Rows come closer and the figure wider as there are more of them.
    lines = max(1, len(segments)) * _room(chosen)
    height = max(2.8, 1.5 + 0.32 * min(lines, 12.0) + 0.22 * max(lines - 12.0, 0.0))
    ax = _style.new_axes(ax, width=float(np.clip(0.8 * height, 7.2, 10.0)), height=height)
    for place, arm in enumerate(chosen):
        rows.draw(ax, arm, segments, (place, len(chosen)))
    ax.axvline(0.0, color=_style.MUTED, linewidth=0.9, zorder=1)
    names = [_style.shortened(name, 34) for name in segments] or [_EVERYONE]
    ax.set_yticks(np.arange(len(names)), names, parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    left_out = len(result.segments) - 1 - len(segments)
    more = f"; {left_out} more segments" if left_out else ""
    what = "faint: as measured, strong: shrunken" if segments else "no segments"
    _style.dress(
        ax,
        title=f"Effect on {outcome} against {result.control}",
        subtitle=f"{what}; {_display.per_cent(result.level)} intervals{more}",
        x_label=_measure(lift=False, rate=rows.binary),
        y_label="Segment",
        grid="x",
    )
    ax.tick_params(axis="y", length=0)
    if rows.binary:
        _hundredths(ax.xaxis, "")
    else:
        _style.thousands(ax.xaxis)
    if len(chosen) > 1:
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            frameon=False,
            fontsize=_style.TICK_SIZE,
        )
    return ax


def detectable_effect(
    plan: ExperimentPlan, *, lift: bool = False, most: int = 8, ax: Axes | None = None
) -> Axes:
    """Draw the smallest effect that experiments of all sizes show, overall and by segment.

    Parameters
    ----------
    plan : ExperimentPlan
        What `tercet.plan_experiment` found.
    lift : bool
        Whether effects are shares of the baseline.
    most : int
        Segments that are drawn at most.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    ParameterError
        For anything but a plan.

    Examples
    --------
    >>> import tercet as tc
    >>> plan = tc.plan_experiment(0.05, lift=0.1, segments={"new": 0.4, "loyal": 0.1})
    >>> ax = tc.plots.detectable_effect(plan)
    """
    from tercet.response import ExperimentPlan

    _style.require(plan, ExperimentPlan, "plan", "tercet.plan_experiment")
    column = "detectable_lift" if _arguments.truth(lift, "lift") else "detectable"
    names = ("n", "segment", "arm", column)
    table = read_table(plan.curve_, {name: name for name in names}, what="curve")
    n, y = table.floats("n"), table.floats(column, missing_as_nan=True)
    segment = np.array(table.arrow("segment").to_pylist(), dtype=object)
    last_arm = np.array(table.arrow("arm").to_pylist(), dtype=object) == plan.arms[-1]
    ax = _style.new_axes(ax)
    shown = list(dict.fromkeys(segment))[: 1 + most]
    for place, name in enumerate(shown):
        rows = last_arm & (segment == name)
        whole = name == _EVERYONE
        ax.plot(
            n[rows],
            y[rows],
            color=_COLOURS[place % len(_COLOURS)],
            linewidth=2.4 if whole else 1.3,
            linestyle="-" if whole else "--",
            label=_style.shortened(name, 26),
        )
    if plan.n_ is not None:
        ax.axvline(plan.n_, color=_style.MUTED, linewidth=0.9)
        top = ax.get_ylim()[1]
        ax.annotate(
            f"{plan.n_:,} customers",
            (plan.n_, top),
            xytext=(4, -2),
            textcoords="offset points",
            va="top",
            color=_style.MUTED,
            fontsize=_style.TICK_SIZE,
        )
    ax.set_xscale("log")
    _style.money_ticks(ax.xaxis, decades=float(np.log10(n.max() / n.min())))
    ax.set_ylim(bottom=0.0)
    _style.dress(
        ax,
        title="The smallest effect that is found",
        subtitle=f"with a probability of {_display.per_cent(plan.power)}",
        x_label="Customers",
        y_label=_measure(lift=lift, rate=plan.is_rate),
    )
    if lift or plan.is_rate:
        _hundredths(ax.yaxis, "%" if lift else "")
    if len(shown) > 1:
        ax.legend(frameon=False, fontsize=_style.TICK_SIZE)
    return ax


def _discovered(result: DiscoveredSegments, arms: list[str], most: int, ax: Axes | None) -> Axes:
    """Draw segments that were discovered, arm below arm."""
    figures = ("effect", "lower", "upper", "effect_shrunken", "shrunken_lower", "shrunken_upper")
    wanted = {name: name for name in ("arm", "rule", "found", *figures)}
    table = read_table(result.table_, wanted, what="result")
    arm, rule, found = (table.arrow(name).to_pylist() for name in ("arm", "rule", "found"))
    numbers = {name: table.floats(name, missing_as_nan=True) for name in figures}
    rows = [row for name in arms for row in range(len(arm)) if arm[row] == name]
    shown, binary = rows[:most], result.is_binary
    ax = _style.new_axes(ax, width=8.4, height=max(2.8, 1.6 + 0.5 * len(shown)))
    for place, name in enumerate(arms):
        colour = _COLOURS[place % len(_COLOURS)]
        own = [at for at, row in enumerate(shown) if arm[row] == name]
        if own:
            _everybody(ax, result, name, (min(own) - 0.5, max(own) + 0.5), colour)
        for at in own:
            row = shown[at]
            for raw in (True, False):
                names = figures[:3] if raw else figures[3:]
                middle, low, high = (float(numbers[one][row]) for one in names)
                ax.errorbar(
                    [middle],
                    [at + (0.16 if raw else 0.0)],
                    xerr=np.nan_to_num(np.maximum([[middle - low], [high - middle]], 0.0)),
                    fmt="o",
                    color=colour,
                    markerfacecolor=colour if found[row] or raw else "white",
                    alpha=0.35 if raw else 1.0,
                    elinewidth=0.9 if raw else 1.8,
                    markersize=3.0 if raw else 5.5,
                    label=name if at == own[0] and not raw else None,
                    zorder=2 if raw else 3,
                )
    ax.axvline(0.0, color=_style.MUTED, linewidth=0.9, zorder=1)
    names_of = ["\n".join(_two_lines(rule[row])) for row in shown]
    ax.set_yticks(np.arange(len(shown)), names_of, parse_math=False)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    more = f"; {len(rows) - len(shown)} more segments" if len(rows) > len(shown) else ""
    _style.dress(
        ax,
        title=f"Effect on {result.outcome} against {result.control}",
        subtitle=f"faint: measured, strong: shrunken, hollow: may be chance; "
        f"{_display.per_cent(result.level)} intervals{more}",
        x_label=_measure(lift=False, rate=binary),
        y_label="Discovered segment",
        grid="x",
    )
    ax.tick_params(axis="y", length=0)
    if binary:
        _hundredths(ax.xaxis, "")
    else:
        _style.thousands(ax.xaxis)
    if len(arms) > 1:
        ax.legend(loc="best", frameon=False, fontsize=_style.TICK_SIZE)
    return ax


def _two_lines(words: str) -> list[str]:
    """Return a rule in lines that leave room for the effects."""
    first, joint, rest = words.partition(" and ")
    lines = [first, joint.lstrip() + rest] if joint else textwrap.wrap(words, 36)[:2]
    return [_style.shortened(line, 40) for line in lines]


def _everybody(
    ax: Axes, result: DiscoveredSegments, arm: str, rows: tuple[float, float], colour: str
) -> None:
    """Draw an arm's effect on everybody as a band beside its segments."""
    names = ("arm", "effect", "lower", "upper")
    table = read_table(result.arms_, {name: name for name in names}, what="result")
    place = table.arrow("arm").to_pylist().index(arm)
    effect, low, high = (float(table.floats(name)[place]) for name in names[1:])
    ax.fill_between([low, high], *rows, color=colour, alpha=0.10, linewidth=0, zorder=0)
    ax.plot([effect, effect], rows, color=colour, linewidth=0.8, alpha=0.6, zorder=1)


class _Rows:
    """The rows of a result for one outcome, as arrays."""

    def __init__(self, result: ExperimentResult, outcome: str) -> None:
        words = ("arm", "outcome", "segment")
        figures = ["effect", "lower", "upper", "standard_error"]
        figures += ["effect_shrunken", "shrunken_lower", "shrunken_upper"]
        names = {name: name for name in (*words, *figures)}
        table = read_table(result.table_, names, what="result")
        texts = {name: np.array(table.arrow(name).to_pylist(), dtype=object) for name in words}
        kept = texts["outcome"] == outcome
        self.arm, self.segment = texts["arm"][kept], texts["segment"][kept]
        self.figures: dict[str, Floats] = {
            name: table.floats(name, missing_as_nan=True)[kept] for name in figures
        }
        kinds = read_table(result.outcomes_, {"outcome": "outcome", "kind": "kind"}, what="result")
        place = kinds.arrow("outcome").to_pylist().index(outcome)
        self.binary = kinds.arrow("kind").to_pylist()[place] == "binary"

    def order(self, arms: list[str], most: int) -> list[str]:
        """Return the segments to draw, the largest shrunken effect of the first arm first."""
        own = np.flatnonzero((self.arm == arms[0]) & (self.segment != _EVERYONE))
        errors = self.figures["standard_error"][own]
        own = own[np.argsort(np.nan_to_num(errors, nan=np.inf), kind="stable")][:most]
        effects = np.nan_to_num(self.figures["effect_shrunken"][own], nan=-np.inf)
        return list(self.segment[own[np.argsort(-effects, kind="stable")]])

    def draw(self, ax: Axes, arm: str, segments: list[str], at: tuple[int, int]) -> None:
        """Draw one arm: its effect on everyone as a band, those in segments as points."""
        place, of = at
        colour = _COLOURS[place % len(_COLOURS)]
        own = self.arm == arm
        where = {name: k for k, name in zip(np.flatnonzero(own), self.segment[own], strict=True)}
        shift = 0.0 if of == 1 else (place - 0.5 * (of - 1)) * min(0.7 / of, 0.32)
        whole = where[_EVERYONE]
        low, high = self.figures["lower"][whole], self.figures["upper"][whole]
        if not segments:
            self._points(ax, [whole], np.array([shift]), colour, arm, raw=False)
            return
        if np.isfinite(low):
            ax.axvspan(low, high, color=colour, alpha=0.10, linewidth=0, zorder=0)
        ax.axvline(self.figures["effect"][whole], color=colour, linewidth=0.8, alpha=0.6, zorder=1)
        rows = [where[name] for name in segments]
        y: Floats = np.arange(len(rows), dtype=np.float64) + shift
        gap = min(0.16, 0.32 / of)
        self._points(ax, rows, y + gap, colour, None, raw=True)
        self._points(ax, rows, y, colour, arm, raw=False)

    def _points(
        self, ax: Axes, rows: list[Any], y: Floats, colour: str, label: str | None, *, raw: bool
    ) -> None:
        names = ("effect", "lower", "upper")
        if not raw:
            names = ("effect_shrunken", "shrunken_lower", "shrunken_upper")
        middle, low, high = (self.figures[name][rows] for name in names)
        ends = np.nan_to_num(np.maximum([middle - low, high - middle], 0.0))
        ax.errorbar(
            middle,
            y,
            xerr=ends,
            fmt="o",
            color=colour,
            alpha=0.35 if raw else 1.0,
            elinewidth=0.9 if raw else 1.8,
            markersize=3.0 if raw else 5.5,
            label=label,
            zorder=2 if raw else 3,
        )


def _room(arms: list[str]) -> float:
    return 1.0 if len(arms) == 1 else 0.65 + 0.45 * len(arms)


def _measure(*, lift: bool, rate: bool) -> str:
    if lift:
        return "Lift"
    return "Difference, percentage points" if rate else "Difference of means"


def _hundredths(axis: Axis, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda tick, _: f"{100 * tick:,.6g}{unit}"))
