"""Probabilities: whether they are true, what they reach, and where they pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tercet import _arguments, _display
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet._columns import Floats
    from tercet.value.evaluation import BestCutoff, GainTable, Reliability

#: Height of the histogram below the reliability curve, in parts of the axes.
_FOOT = 0.16


def reliability(reliability: Reliability, *, ax: Axes | None = None) -> Axes:
    """Draw observed shares by predicted probability, and how often each probability is predicted.

    Points on the diagonal are right. Whiskers are the intervals of the observed shares: where they
    cross the diagonal, these customers cannot tell the prediction from a right one. The bars at the
    foot are the predictions' distribution.

    Parameters
    ----------
    reliability : Reliability
        What `tercet.reliability` returned.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 4, 2_000)
    >>> ax = tc.plots.reliability(tc.reliability(rng.random(2_000) < p, p))
    """
    from tercet.value.evaluation import Reliability

    _style.require(reliability, Reliability, "reliability", "tercet.reliability")
    found = reliability._found
    predicted, observed = found["mean_predicted"], found["observed"]
    lower, upper = found["lower"], found["upper"]
    top = _round_up(float(max(predicted.max(), upper.max())))

    ax = _style.new_axes(ax, width=6.0, height=5.2)
    heights, edges = reliability._histogram
    ax.bar(
        edges[:-1],
        heights / heights.max() * _FOOT * top,
        width=np.diff(edges),
        align="edge",
        color=_style.PALE,
        alpha=0.5,
        linewidth=0,
        label="how often predicted",
    )
    ax.plot(
        [0, top], [0, top], color=_style.EXPECTED, linestyle="--", linewidth=1.3, label="if right"
    )
    ax.errorbar(
        predicted,
        observed,
        yerr=np.maximum([observed - lower, upper - observed], 0.0),
        fmt="o",
        color=_style.ACTUAL,
        ecolor=_style.ACTUAL,
        elinewidth=1.3,
        capsize=3,
        markersize=5.5,
        label=f"observed, {_display.per_cent(reliability.level)} interval",
    )
    means = (
        f"{_display.per_cent(reliability.mean_predicted, 1)} predicted, "
        f"{_display.per_cent(reliability.event_rate, 1)} observed; "
        f"calibration error {_display.per_cent(reliability.calibration_error, 1)}"
    )
    _style.dress(
        ax,
        title="Do the probabilities come true?",
        subtitle=means,
        x_label="Predicted probability, mean of the group",
        y_label="Share who had the event",
        grid="both",
    )
    ax.set_xlim(0.0, top)
    ax.set_ylim(0.0, top)
    _percent(ax)
    _style.legend(ax, loc="upper left")
    return ax


def gain(table: GainTable, *, ax: Axes | None = None) -> Axes:
    """Draw the share of all events among the best customers, by the share contacted.

    Parameters
    ----------
    table : GainTable
        What `tercet.gain_table` returned; more shares give a smoother curve.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 4, 2_000)
    >>> ax = tc.plots.gain(tc.gain_table(rng.random(2_000) < p, p, shares=50))
    """
    from tercet.value.evaluation import GainTable

    _style.require(table, GainTable, "table", "tercet.gain_table")
    found = table._found
    share, captured = found["share"], found["captured"]
    ax = _style.new_axes(ax, width=6.2, height=4.6)
    _band(ax, share, found["captured_lower"], found["captured_upper"], start=0.0)
    ax.plot(_from(0.0, share), _from(0.0, captured), color=_style.ACTUAL, linewidth=2.0)
    ax.plot([0, 1], [0, 1], color=_style.MUTED, linewidth=1.0, linestyle=":")
    ax.plot(
        [0, table.event_rate, 1],
        [0, 1, 1],
        color=_style.MUTED,
        linewidth=1.0,
        linestyle="--",
    )
    _note(ax, "at random", 0.7, 0.7)
    if table.event_rate < 0.35:
        _note(ax, "with foresight", table.event_rate, 1.0)
    for at in (0.1, 0.2, 0.5):
        y = float(np.interp(at, _from(0.0, share), _from(0.0, captured)))
        ax.plot([at], [y], marker="o", markersize=5, color=_style.EXPECTED, zorder=3)
        _note(ax, f"best {at:.0%}: {y:.0%}", at, y, ink=True)
    tenth = float(np.interp(0.1, _from(0.0, share), _from(0.0, captured)))
    _style.dress(
        ax,
        title=f"The best tenth has {tenth:.0%} of the events",
        subtitle=_who(table),
        x_label="Share of the customers contacted, highest probability first",
        y_label="Share of the events",
        grid="both",
    )
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.02)
    _style.percent(ax.xaxis)
    _style.percent(ax.yaxis)
    return ax


def lift(table: GainTable, *, ax: Axes | None = None) -> Axes:
    """Draw how many times more events the best customers have than customers at random.

    Bars are the customers between one share and the next; the line is all down to that share, with
    its interval. Where a bar ends below 1, contacting at random would do better there.

    Parameters
    ----------
    table : GainTable
        What `tercet.gain_table` returned.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 4, 2_000)
    >>> ax = tc.plots.lift(tc.gain_table(rng.random(2_000) < p, p))
    """
    from tercet.value.evaluation import GainTable

    _style.require(table, GainTable, "table", "tercet.gain_table")
    found = table._found
    share = found["share"]
    before = np.append(0.0, share[:-1])
    ax = _style.new_axes(ax)
    ax.bar(
        before,
        found["band_lift"],
        width=share - before,
        align="edge",
        color=_style.PALE,
        edgecolor=_style.PAPER,
        linewidth=1.0,
        label="between two shares",
    )
    ends = np.maximum(
        [found["lift"] - found["lift_lower"], found["lift_upper"] - found["lift"]], 0.0
    )
    ax.errorbar(
        share,
        found["lift"],
        yerr=np.nan_to_num(ends),
        color=_style.ACTUAL,
        ecolor=_style.ACTUAL,
        elinewidth=1.2,
        capsize=3 if len(share) <= 20 else 0,
        marker="o",
        markersize=5 if len(share) <= 20 else 2.5,
        linewidth=1.6,
        label=f"all down to the share, {_display.per_cent(table.level)} interval",
    )
    ax.axhline(1.0, color=_style.EXPECTED, linestyle="--", linewidth=1.3, label="at random")
    first = _display.per_cent(float(share[0]))
    _style.dress(
        ax,
        title=f"The best {first} have {found['lift'][0]:.1f} times the events of a random {first}",
        subtitle=_who(table),
        x_label="Share of the customers contacted, highest probability first",
        y_label="Events, times those at random",
    )
    ax.set_xlim(0.0, 1.02)
    ax.set_ylim(bottom=0.0)
    _style.percent(ax.xaxis)
    ax.legend(loc="upper right", frameon=False, fontsize=_style.TICK_SIZE, labelcolor=_style.INK)
    return ax


def profit_by_cutoff(
    best: BestCutoff, *, currency: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the profit by the share of the customers contacted, with the rule to use.

    Below each share stands the cut-off that it goes with. The dashed line is the cut-off of
    calibrated probabilities, cost over benefit; the point is the highest profit in these customers,
    which owes something to chance.

    Parameters
    ----------
    best : BestCutoff
        What `tercet.best_cutoff` returned.
    currency : str, optional
        What the amounts are in, for the label ("dollars").
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 4, 2_000)
    >>> best = tc.best_cutoff(rng.random(2_000) < p, p, benefit=30, cost=6)
    >>> ax = tc.plots.profit_by_cutoff(best)
    """
    from tercet.value.evaluation import BestCutoff

    _style.require(best, BestCutoff, "best", "tercet.best_cutoff")
    if currency is not None and not isinstance(currency, str):
        raise _arguments.refusal(currency, "currency", 'a word, such as "dollars"')
    share, cutoff, _, profit, lower, upper = best._curve.T
    ax = _style.new_axes(ax)
    _band(ax, share, lower, upper)
    ax.plot(share, profit, color=_style.ACTUAL, linewidth=2.0)
    ax.axhline(0.0, color=_style.MUTED, linewidth=1.0)
    if best.capacity < 1.0:
        ax.axvspan(best.capacity, 1.0, color=_style.GRID, alpha=0.6, linewidth=0, zorder=0)
        ax.annotate(
            "beyond the capacity",
            xy=(best.capacity, 0.98),
            xycoords=("data", "axes fraction"),
            xytext=(6, 0),
            textcoords="offset points",
            va="top",
            fontsize=_style.TICK_SIZE,
            color=_style.MUTED,
        )
    ax.axvline(best.theoretical_share, color=_style.EXPECTED, linestyle="--", linewidth=1.3)
    _beside(ax, _theory(best), best.theoretical_share)
    if best.cutoff is not None:
        ax.plot([best.share], [best.apparent_profit], marker="o", markersize=7, color=_style.ACTUAL)
    if best.cutoff is None:
        title = "Contacting nobody is best"
        words = "even the best do not surely bring in what contacting them costs"
    else:
        title = f"Contact the best {_display.per_cent(best.rule_share, 1)}"
        title += {
            "cost over benefit": ": for them it pays",
            "capacity": ": as many as can be",
            "everybody": ": everybody pays",
        }.get(best.rule, ": they earn most")
        ends = " to ".join(f"{end:,.0f}" for end in best.rule_interval)
        words = f"{best.rule_profit:,.0f} to be expected"
        if np.isfinite(best.rule_interval).all():
            words += f" ({_display.per_cent(best.level)} interval {ends})"
    unit = "in the unit of the amounts" if currency is None else f"in {currency}"
    value = "lowest probability" if best.by_probability else "lowest expected profit"
    _style.dress(
        ax,
        title=title,
        subtitle=words,
        x_label=f"Share of the customers contacted, and their {value}",
        y_label=f"Profit, {unit}",
    )
    ticks = np.linspace(0.0, 1.0, 6)
    at = [cutoff[int(np.argmin(np.abs(share - tick)))] for tick in ticks]
    ax.set_xticks(ticks, [f"{tick:.0%}\n{_short(x)}" for tick, x in zip(ticks, at, strict=True)])
    ax.set_xlim(0.0, 1.0)
    _style.thousands(ax.yaxis)
    return ax


def _theory(best: BestCutoff) -> str:
    if best.rule == "capacity" and best.theoretical_share >= best.capacity * (1.0 - 1e-9):
        return "all that can be\ncontacted"
    if best.by_probability and best.theoretical_cutoff > 1:
        return "an event is worth less\nthan a contact costs"
    if best.by_probability:
        return f"p from {best.theoretical_cutoff:.4g},\ncost over benefit"
    return "expected profit\nfrom 0"


def _short(cutoff: float) -> str:
    if np.isnan(cutoff):
        return ""
    return f"{cutoff:.3g}" if cutoff == 0 or abs(cutoff) >= 0.0005 else "<0.001"


def _who(table: GainTable) -> str:
    rate = _display.per_cent(table.event_rate, 1)
    return f"{_display.count(round(table.n, 1))} customers, {rate} with the event"


def _from(start: float, values: Floats) -> Floats:
    return np.append(start, values)


def _band(ax: Axes, x: Floats, lower: Floats, upper: Floats, *, start: float | None = None) -> None:
    """Shade an interval, where there is one."""
    if not np.isfinite(lower).any():
        return
    if start is not None:
        x, lower, upper = (_from(start, values) for values in (x, lower, upper))
    ax.fill_between(x, lower, upper, color=_style.PALE, alpha=0.45, linewidth=0)


def _note(ax: Axes, words: str, x: float, y: float, *, ink: bool = False) -> None:
    ax.annotate(
        words,
        xy=(x, y),
        xytext=(8, -4),
        textcoords="offset points",
        va="top",
        fontsize=_style.TICK_SIZE,
        color=_style.INK if ink else _style.MUTED,
    )


def _beside(ax: Axes, words: str, x: float) -> None:
    """Write beside an upright line, at its foot, on the side where there is room."""
    ax.annotate(
        words,
        xy=(x, 0.03),
        xycoords=("data", "axes fraction"),
        xytext=(6 if x < 0.6 else -6, 0),
        textcoords="offset points",
        ha="left" if x < 0.6 else "right",
        va="bottom",
        fontsize=_style.TICK_SIZE,
        color=_style.EXPECTED,
    )


def _round_up(top: float) -> float:
    """Return a round number above the highest point, so that small rates fill the axes."""
    for limit in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8):
        if top <= 0.97 * limit:
            return limit
    return 1.0


def _percent(ax: Axes) -> None:
    """Write shares as percentages, with the decimals that the ticks need."""
    from matplotlib.ticker import PercentFormatter

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
