"""What budgets earn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tercet import _display
from tercet.exceptions import ParameterError
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet.response import Allocation


def profit_by_budget(
    allocation: Allocation, *, currency: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the profit that each budget earns, the budget chosen, and where more earns nothing.

    With scores the solid line is what the experiment found and the dashed one what the effects
    promise; the distance between them is the promise's optimism. Without scores there is only the
    promise.

    Parameters
    ----------
    allocation : Allocation
        What `tercet.allocate` returned, of actions that cost something.
    currency : str, optional
        What a unit of money is called.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    ParameterError
        If no budget makes a difference, since no action that pays costs anything.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> effects = np.random.default_rng(1).gamma(2, 0.02, (2_000, 2))
    >>> found = tc.allocate(effects, {"action 1": 1, "action 2": 3}, margin=100, budget=2_000)
    >>> ax = tc.plots.profit_by_budget(found)
    """
    from tercet.response import Allocation

    _style.require(allocation, Allocation, "allocation", "tercet.allocate")
    curve = allocation._found["curve"]
    budget = curve["budget"]
    if not len(budget):
        message = (
            "allocation: no action that pays costs anything, or curve_points=0: expected an "
            "allocation with a profit curve"
        )
        raise ParameterError(message, "allocation")
    ax = _style.new_axes(ax, width=6.6, height=4.6)
    scored = allocation.profit_by_scores_ is not None
    if scored:
        lower, upper = curve["scores_lower"], curve["scores_upper"]
        ax.fill_between(budget, lower, upper, color=_style.PALE, alpha=0.5, linewidth=0)
        shown = curve["profit_by_scores"]
        ax.plot(budget, shown, color=_style.ACTUAL, linewidth=2.0, label="by the experiment")
        ax.plot(
            budget,
            curve["profit"],
            color=_style.EXPECTED,
            linewidth=1.4,
            linestyle="--",
            label="promised by the effects",
        )
    else:
        shown = curve["profit"]
        if allocation.profit_interval_ is not None:
            lower, upper = curve["lower"], curve["upper"]
            ax.fill_between(budget, lower, upper, color=_style.PALE, alpha=0.5, linewidth=0)
        ax.plot(budget, shown, color=_style.ACTUAL, linewidth=2.0, label="promised by the effects")
    # Where more earns nothing, the line would end without a word.
    enough = allocation.enough_
    end = float(budget[-1])
    if enough is not None and enough > 0:
        at = float(np.interp(enough, budget, shown))
        label = f"more than {enough:,.0f} earns nothing"
        ax.plot(enough, at, "o", color=_style.MUTED, markersize=6, label=label, zorder=4)
        if end <= enough:
            end = enough * 1.06
            ax.plot([enough, end], [at, at], color=_style.MUTED, linewidth=1.2, linestyle=":")
    chosen = allocation.budget
    if chosen is not None:
        at = float(np.interp(chosen, budget, shown))
        label = f"the budget of {chosen:,.0f}"
        ax.axvline(chosen, color=_style.INK, linewidth=0.9)
        ax.plot(chosen, at, "D", color=_style.INK, markersize=6, label=label, zorder=5)
    money = "" if currency is None else f", in {currency}"
    _style.dress(
        ax,
        title=_title(allocation),
        subtitle=_subtitle(allocation, scored),
        x_label=f"Budget{money}",
        y_label=f"Expected incremental profit{money}",
        grid="both",
    )
    ax.axhline(0.0, color=_style.MUTED, linewidth=0.8)
    ax.set_xlim(0.0, end if chosen is None or chosen < end else 1.03 * chosen)
    _few_ticks(ax)
    _style.thousands(ax.xaxis)
    _style.thousands(ax.yaxis)
    _legend_below(ax)
    return ax


def _title(allocation: Allocation) -> str:
    if allocation.profit_by_scores_ is not None:
        promised, found = allocation.profit_, allocation.profit_by_scores_
        return f"Promised {_display.decimals(promised, 0)}, found {_display.decimals(found, 0)}"
    if allocation.budget is None:
        return "What budgets would earn"
    price = allocation.shadow_price_ or 0.0
    return f"Another unit adds {price:,.3g}" if price > 0 else "More money earns nothing"


def _subtitle(allocation: Allocation, scored: bool) -> str:
    places = "" if not allocation._limits else ", within the limits"
    if not scored and allocation.profit_interval_ is None:
        return f"{allocation.n_:,} customers chosen{places}"
    band = f"{_display.per_cent(allocation.level)} band"
    return f"{allocation.n_:,} customers chosen{places}; {band}"


def _few_ticks(ax: Axes) -> None:
    """Write as many amounts of money as there is room for."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=6 if _is_wide(ax) else 4))


def _legend_below(ax: Axes) -> None:
    """Put the legend below, where no curve runs."""
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, -0.16 if _is_wide(ax) else -0.22),
        ncols=2 if _is_wide(ax) else 1,
        frameon=False,
        fontsize=_style.TICK_SIZE,
        labelcolor=_style.INK,
    )


def _is_wide(ax: Axes) -> bool:
    figure = ax.get_figure()
    width = 6.6 if figure is None else figure.get_window_extent().width / figure.dpi
    return bool(width * ax.get_position().width > 3.5)
