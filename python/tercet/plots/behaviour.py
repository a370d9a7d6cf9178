"""Behaviour: where customers stand by recency and frequency, and how they move through life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tercet import _arguments, _display
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet.response import Behaviour

# Above so many scores no figure fits into a cell.
_MOST_WRITTEN = 10
# The width of the columns of a flow; its height is 1.
_COLUMN = 0.05
_COLORS = {
    "new": "#56b4e9",
    "active": "#0072b2",
    "slowing": "#f0c96b",
    "passive": "#e59a5c",
    "lost": "#a83f00",
    "won back": "#009e73",
    "not yet a customer": "#c3ccd3",
}
_NOT_YET = "not yet a customer"


def rfm_grid(
    behaviour: Behaviour,
    *,
    measure: Literal["customers", "money", "money_mean"] = "customers",
    ax: Axes | None = None,
) -> Axes:
    """Draw how many customers there are, or what they spend, by recency and frequency.

    The best are in the upper right corner. The lower right one has those who came lately for the
    first time, the upper left one those who bought often and stay away.

    Parameters
    ----------
    behaviour : Behaviour
        What `tercet.behaviour` returned.
    measure : {"customers", "money", "money_mean"}
        What a cell shows: the number of customers, their amounts in the window, or the mean amount.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    ParameterError
        Without purchases, or without amounts where they are to be shown.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> ax = tc.plots.rfm_grid(tc.behaviour(shop.transactions, as_of="2025-01-01"))
    """
    from tercet.response import Behaviour

    _style.require(behaviour, Behaviour, "behaviour", "tercet.behaviour")
    shown = {
        "customers": ("Where are the customers?", "customers"),
        "money": ("Where is the money?", "amount in the window"),
        "money_mean": ("What does a customer spend?", "mean amount in the window"),
    }
    _arguments.word(measure, "measure", tuple(shown))
    found = behaviour._grid()
    if measure not in found:
        raise _arguments.refusal(measure, "measure", '"customers": the purchases have no amounts')
    n = behaviour.recipe.n_scores
    # Rows are frequency, columns recency.
    cells = found[measure].reshape(n, n).T.astype(np.float64)
    count = found["customers"].reshape(n, n).T
    ax = _style.new_axes(ax, width=6.4, height=5.0)
    edges = np.arange(n + 1) + 0.5
    mesh = ax.pcolormesh(
        edges,
        edges,
        np.where(count > 0, cells, np.nan),
        cmap=_style.sequential(),
        vmin=0.0,
        edgecolors=_style.PAPER,
        linewidth=1.5,
    )
    if n <= _MOST_WRITTEN:
        dark = 0.55 * max(float(np.nanmax(cells)), 1e-300)
        for row, column in zip(*np.nonzero(count), strict=True):
            value = cells[row, column]
            ax.text(
                column + 1,
                row + 1,
                _display.decimals(value, 0),
                ha="center",
                va="center",
                fontsize=_style.TICK_SIZE,
                color=_style.PAPER if value > dark else _style.INK,
            )
    title, words = shown[measure]
    bar = ax.figure.colorbar(mesh, ax=ax, shrink=0.85)
    bar.set_label(words, fontsize=_style.LABEL_SIZE, color=_style.INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=_style.TICK_SIZE, colors=_style.INK)
    _style.thousands(bar.ax.yaxis)
    _style.dress(
        ax,
        title=title,
        subtitle=f"{_display.count(int(count.sum()))} customers as of {behaviour.as_of}",
        x_label="Recency score (right: bought lately)",
        y_label="Frequency score (top: buys often)",
        grid="none",
    )
    ax.set_xticks(np.arange(1, n + 1))
    ax.set_yticks(np.arange(1, n + 1))
    return ax


def lifecycle_flow(earlier: Behaviour, later: Behaviour, *, ax: Axes | None = None) -> Axes:
    """Draw who went from which stage of the lifecycle to which between two dates.

    The height of a band is the number of customers. What leads downwards is being lost.

    Parameters
    ----------
    earlier, later : Behaviour
        The same customers at two dates, by the same recipe.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    ParameterError
        If the stages were told by two recipes.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1).transactions
    >>> june = tc.behaviour(shop, as_of="2024-06-01")
    >>> september = tc.behaviour(shop, as_of="2024-09-01", recipe=june.recipe)
    >>> ax = tc.plots.lifecycle_flow(june, september)
    """
    from tercet.response import Behaviour

    _style.require(earlier, Behaviour, "earlier", "tercet.behaviour")
    _style.require(later, Behaviour, "later", "tercet.behaviour")
    moves = later._moves(earlier)
    # Best on top: what falls is lost.
    order = ["active", "new", "won back", "slowing", "passive", "lost"]
    sides = ([_NOT_YET, *order], order)
    whole = sum(moves.values())
    ax = _style.new_axes(ax, width=7.6, height=5.2)
    starts = [_stacked(ax, moves, side, places, whole) for side, places in enumerate(sides)]
    for source in sides[0]:
        for target in order:
            n = moves.get((source, target), 0)
            if n:
                _band(ax, starts[0], starts[1], source, target, n / whole)
    _style.dress(
        ax,
        title="Where do customers go?",
        subtitle=f"{_display.count(whole)} customers, {earlier.as_of} to {later.as_of}",
        x_label="Date",
        y_label="Share of customers",
        grid="none",
    )
    ax.set_xlim(-0.42, 1.42)
    ax.set_ylim(0.0, 1.0)
    ax.set_xticks([0.0, 1.0], [earlier.as_of, later.as_of])
    _style.percent(ax.yaxis)
    return ax


def _stacked(
    ax: Axes,
    moves: dict[tuple[str, str], int],
    side: int,
    order: list[str],
    whole: int,
) -> dict[str, float]:
    """Draw a column of stages, best on top; returns where each begins, from below."""
    sizes = {
        stage: sum(n for move, n in moves.items() if move[side] == stage) / whole for stage in order
    }
    starts, base = {}, 1.0
    for stage in order:
        base -= sizes[stage]
        starts[stage] = base + sizes[stage]
        if not sizes[stage]:
            continue
        left = side - _COLUMN / 2
        ax.bar(left, sizes[stage], _COLUMN, base, align="edge", color=_COLORS[stage], linewidth=0)
        if sizes[stage] > 0.02:
            ax.text(
                side - 0.05 if side == 0 else side + 0.05,
                base + sizes[stage] / 2,
                f"{stage} {_display.per_cent(sizes[stage])}",
                ha="right" if side == 0 else "left",
                va="center",
                fontsize=_style.TICK_SIZE,
                color=_style.INK,
            )
    return starts


def _band(
    ax: Axes,
    left: dict[str, float],
    right: dict[str, float],
    source: str,
    target: str,
    height: float,
) -> None:
    """Draw one band below those that are there, and lower where the next ones begin."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    x0, x1 = _COLUMN / 2, 1 - _COLUMN / 2
    a, b = left[source], right[target]
    left[source], right[target] = a - height, b - height
    points = [
        (x0, a),
        (0.5, a),
        (0.5, b),
        (x1, b),
        (x1, b - height),
        (0.5, b - height),
        (0.5, a - height),
        (x0, a - height),
        (x0, a),
    ]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    patch = PathPatch(Path(points, codes), facecolor=_COLORS[source], alpha=0.35, linewidth=0)
    ax.add_patch(patch)
