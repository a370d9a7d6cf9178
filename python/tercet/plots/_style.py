"""The look that every tercet plot shares.

Nothing here touches matplotlib's global settings: a plot dresses its own axes and leaves the
notebook's other figures alone. matplotlib is an optional dependency, so it is imported when the
first plot is drawn.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Literal

from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap

INK = "#22303c"
MUTED = "#66737f"
GRID = "#e3e8ec"
PAPER = "#ffffff"

# Blue and vermilion of Okabe and Ito (2008): told apart under every common colour-vision
# deficiency, and in grey print too, since the first is drawn solid and the second dashed wherever
# they meet.
ACTUAL = "#0072b2"
EXPECTED = "#d55e00"
PALE = "#a9cde3"

TITLE_SIZE = 12.0
LABEL_SIZE = 10.0
TICK_SIZE = 9.0

Corner = Literal["best", "upper left", "upper right", "lower left"]
GridLines = Literal["both", "x", "y", "none"]


def new_axes(ax: Axes | None, *, width: float = 7.2, height: float = 4.4) -> Axes:
    """Return the caller's axes, or those of a new figure of notebook size."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot as plt
    except ImportError as missing:
        raise ImportError(
            "tercet's plots need matplotlib, which is not installed; "
            "install it with: pip install 'tercet[plots]'"
        ) from missing
    _, created = plt.subplots(figsize=(width, height), dpi=110, layout="constrained")
    return created


def require(given: object, kind: type | tuple[type, ...], argument: str, made_by: str) -> None:
    """Refuse anything but what a plot is of."""
    if not isinstance(given, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = f"the {' or '.join(one.__name__ for one in kinds)} that {made_by} returned"
        found = f"{argument} is of type {type(given).__name__}: expected {expected}"
        raise ParameterError(found, argument)


def require_part(given: object, part: str, argument: str, what: str) -> None:
    """Refuse what has not the part that a plot is of; without looking at it."""
    if inspect.getattr_static(given, part, None) is None:
        message = f"{argument} is of type {type(given).__name__}: expected {what}"
        raise ParameterError(message, argument)


def dress(
    ax: Axes,
    *,
    title: str,
    x_label: str,
    y_label: str,
    subtitle: str | None = None,
    grid: GridLines = "y",
) -> Axes:
    """Give the axes tercet's title, labels, spines and grid."""
    ax.set_facecolor(PAPER)
    heading = title if subtitle is None else f"{title}\n"
    ax.set_title(heading, loc="left", fontsize=TITLE_SIZE, color=INK, fontweight="bold", pad=8)
    if subtitle is not None:
        ax.annotate(
            subtitle,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 8),
            textcoords="offset points",
            fontsize=LABEL_SIZE,
            color=MUTED,
            va="bottom",
        )
    ax.set_xlabel(x_label, fontsize=LABEL_SIZE, color=INK)
    ax.set_ylabel(y_label, fontsize=LABEL_SIZE, color=INK)
    ax.tick_params(labelsize=TICK_SIZE, colors=INK, length=3, width=0.8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
        ax.spines[side].set_linewidth(0.8)
    ax.set_axisbelow(True)
    if grid != "none":
        ax.grid(True, axis=grid, color=GRID, linewidth=0.8)
    return ax


def thousands(axis: Axis) -> None:
    """Write large ticks as 12,000 and keep the decimals that small ones need."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:,.10g}"))


def whole_numbers(axis: Axis) -> None:
    """Put ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", integer=True))


def money_ticks(axis: Axis, *, decades: float) -> None:
    """Ticks of a logarithmic axis written out: 1, 10, 100 rather than powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    steps = (1.0, 2.0, 5.0) if decades < 3.5 else (1.0,)
    axis.set_major_locator(LogLocator(base=10.0, subs=steps, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def percent(axis: Axis) -> None:
    """Write shares of one as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def legend(ax: Axes, *, loc: Corner = "best") -> None:
    """Add a legend without a box."""
    ax.legend(loc=loc, frameon=False, fontsize=TICK_SIZE, labelcolor=INK)


def sequential() -> Colormap:
    """Return pale to dark blue: one hue, lightness falling steadily, so it survives grey print."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "tercet", ["#f3f7fa", "#c9dfec", "#86b8d6", "#3d87b5", "#0b5586", "#072f4f"]
    )


def diverging() -> Colormap:
    """Return orange over white to blue: below and above, told apart in every colour vision."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "tercet-diverging",
        ["#a83f00", "#e59a5c", "#fbeadb", "#f7f9fa", "#dcebf4", "#6ba9cf", "#0b5586"],
    )


def plural(count: float, unit: str) -> str:
    """`1 week`, `39 weeks`, `38.9 weeks`."""
    number = f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"


def shortened(text: str, most: int = 44) -> str:
    """Return a text that is not longer than it may be."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
