"""Heat maps of what a model says about each (frequency, recency)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._frames import read_table
from tercet.plots import _style

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from tercet._columns import Floats
    from tercet.value.lifetime import BGNBD

# Columns of the map; more would not be seen at notebook size.
RECENCY_STEPS = 120
# Few customers buy more often than this share of all repeaters; they would stretch the map for
# nothing.
SHOWN_SHARE = 0.995


def probability_alive_map(
    model: BGNBD,
    summary: Any,
    *,
    T: float | None = None,
    max_frequency: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability that a customer is still active, for each frequency and recency.

    Read it along a row: of two customers with equally many purchases, the one whose last purchase
    lies further back is less likely to come back, and the more so the more often it used to buy.

    Parameters
    ----------
    model
        A fitted model.
    summary
        The purchase summary; gives the ranges of the map.
    T
        The age of the customers shown, in time units. Default: the oldest customer of `summary`.
    max_frequency
        The highest number of repeat purchases shown. Default: what 99.5% of the repeaters stay
        below.
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(2_000, seed=1)
    >>> summary = tc.purchase_summary(log.transactions)
    >>> model = tc.BGNBD().fit(summary)
    >>> ax = tc.plots.probability_alive_map(model, summary)
    """
    _style.require_part(model, "frequency", "model", "a model of purchases, such as tercet.BGNBD")
    return _draw(
        model,
        summary,
        lambda cells: model.probability_alive(cells),
        T=T,
        max_frequency=max_frequency,
        ax=ax,
        title="Who is still active?",
        what="Probability of being active",
        as_percent=True,
    )


def expected_purchases_map(
    model: BGNBD,
    summary: Any,
    *,
    horizon: float = 39,
    T: float | None = None,
    max_frequency: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the purchases expected within a horizon, for each frequency and recency.

    Customers who bought often and recently are in the dark corner; how dark the rest is says how
    much the forecast rests on them.

    Parameters
    ----------
    model
        A fitted model.
    summary
        The purchase summary; gives the ranges of the map.
    horizon
        How far to look ahead, in time units.
    T
        The age of the customers shown, in time units. Default: the oldest customer of `summary`.
    max_frequency
        The highest number of repeat purchases shown. Default: what 99.5% of the repeaters stay
        below.
    ax
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(2_000, seed=1)
    >>> summary = tc.purchase_summary(log.transactions)
    >>> model = tc.BGNBD().fit(summary)
    >>> ax = tc.plots.expected_purchases_map(model, summary, horizon=52)
    """
    _style.require_part(model, "time_unit", "model", "a model of purchases, such as tercet.BGNBD")
    ahead = _style.plural(horizon, model.time_unit)
    return _draw(
        model,
        summary,
        lambda cells: model.expected_purchases(cells, horizon=horizon),
        T=T,
        max_frequency=max_frequency,
        ax=ax,
        title=f"Purchases expected over the next {ahead}",
        what="Expected purchases",
        as_percent=False,
    )


def _draw(
    model: BGNBD,
    summary: Any,
    predict: Callable[[dict[str, Floats]], Floats],
    *,
    T: float | None,
    max_frequency: int | None,
    ax: Axes | None,
    title: str,
    what: str,
    as_percent: bool,
) -> Axes:
    table = read_table(summary, {"frequency": model.frequency, "T": model.T}, what="summary")
    frequency = table.floats(model.frequency)
    age = float(table.floats(model.T).max()) if T is None else float(T)
    top = _highest_frequency(frequency) if max_frequency is None else max_frequency

    # Cell centres, so that no cell stands for a repeat purchase at the very moment of the first
    # one.
    recency = (np.arange(RECENCY_STEPS) + 0.5) * age / RECENCY_STEPS
    counts = np.arange(1, top + 1, dtype=np.float64)
    grid_recency, grid_frequency = np.meshgrid(recency, counts)
    cells = {
        model.frequency: grid_frequency.ravel(),
        model.recency: grid_recency.ravel(),
        model.T: np.full(grid_recency.size, age),
    }
    height = predict(cells).reshape(grid_recency.shape)

    ax = _style.new_axes(ax, width=7.4, height=4.6)
    image = ax.imshow(
        height,
        origin="lower",
        aspect="auto",
        extent=(0.0, age, 0.5, top + 0.5),
        cmap=_style.sequential(),
        vmin=0.0,
        vmax=1.0 if as_percent else None,
        interpolation="nearest",
    )
    _contours(ax, recency, counts, height, as_percent=as_percent)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
    bar.set_label(what, fontsize=_style.LABEL_SIZE, color=_style.INK)
    bar.ax.tick_params(labelsize=_style.TICK_SIZE, colors=_style.INK, length=3, width=0.8)
    bar.outline.set_visible(False)
    if as_percent:
        _style.percent(bar.ax.yaxis)

    unit = model.time_unit
    _style.dress(
        ax,
        title=title,
        subtitle=f"customers seen {_style.plural(age, unit)} after their first purchase",
        x_label=f"Recency: {unit}s from the first to the last purchase",
        y_label="Frequency: repeat purchases",
        grid="none",
    )
    _style.whole_numbers(ax.yaxis)
    return ax


def _highest_frequency(frequency: Floats) -> int:
    repeaters = frequency[frequency > 0]
    if repeaters.size == 0:
        return 5
    return max(5, int(np.quantile(repeaters, SHOWN_SHARE)))


def _contours(
    ax: Axes, recency: Floats, counts: Floats, height: Floats, *, as_percent: bool
) -> None:
    if len(counts) < 2:
        return
    if as_percent:
        levels = [0.1, 0.25, 0.5, 0.75]
    else:
        from matplotlib.ticker import MaxNLocator

        levels = [float(level) for level in MaxNLocator(5).tick_values(0.0, float(height.max()))]
        levels = [level for level in levels if 0 < level < height.max()]
    if not levels:
        return
    # Pale cells need dark lines, dark cells white ones.
    middle = 0.45 * float(height.max())
    lines = ax.contour(
        recency,
        counts,
        height,
        levels=levels,
        colors=[_style.MUTED if level < middle else _style.PAPER for level in levels],
        linewidths=0.9,
    )
    ax.clabel(
        lines,
        fontsize=_style.TICK_SIZE - 1,
        fmt=(lambda level: f"{level:.0%}") if as_percent else (lambda level: f"{level:,.3g}"),
    )
