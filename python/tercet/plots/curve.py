"""How the odds of an outcome go with a feature."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _display
from tercet._frames import read_table
from tercet.exceptions import DataError
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet._columns import Floats

#: Height of the distribution below a curve, in parts of the axes.
_FOOT: Final = 0.16
_MISSING: Final = "missing"
_NUMBER: Final = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?")
_FIRST_BIN: Final = re.compile(f"up to {_NUMBER.pattern}")
#: Odds against the average that ticks may stand at, the coarsest first.
_TICKS: Final = (
    (1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9),
    (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0),
    (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
    (0.25, 0.33, 0.5, 0.67, 1.0, 1.5, 2.0, 3.0, 4.0),
    (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0),
)
#: A feature that does nothing shall look as if it did: the axis reaches this far at least.
_LEAST: Final = 0.2


def propensity_curve(
    model: Any,
    feature: str,
    X: Any = None,
    *,
    label: str | None = None,
    points: int = 101,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the odds of the outcome go with a feature, with the interval.

    Odds are those of a customer with this value against the average over the customers of the fit,
    all other features being equal. They tell what goes together; whether the feature is a cause,
    they do not tell. Numbers are a line, levels and "missing" are points. Given
    customers, the bars at the foot say how many there are: where they are few, the interval is
    wide, and the line should not be read closely.

    Parameters
    ----------
    model : Propensity
        A fitted model.
    feature : str
        One of its features.
    X : table, optional
        Customers with this column, whose distribution is drawn.
    label : str, optional
        What to call the feature, where its name is not what readers call it.
    points : int
        At how many numbers to draw the line.
    level : float
        Confidence level of the intervals, between 0 and 1.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    DataError
        For customers without this column.
    ParameterError
        For a feature that the model does not have.

    See Also
    --------
    tercet.Propensity.curve : the numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> visits = rng.poisson(4, 2_000)
    >>> left = rng.random(2_000) < 1 / (1 + np.exp(0.5 * visits))
    >>> model = tc.Propensity().fit({"visits": visits}, left)
    >>> ax = tc.plots.propensity_curve(model, "visits", {"visits": visits})
    """
    _style.require_part(model, "curve", "model", "a tercet.Propensity")
    name = _words(label, "label") or feature
    try:
        curve = _Curve.of(model.curve(feature, points=points, level=level))
    except DataError:  # A table without rows.
        expected = "a feature that varies; it was the same in every row of the fit"
        raise _arguments.refusal(feature, "feature", expected) from None
    column = None
    if X is not None:
        remedy = {"X": "add the column, or leave X out"}
        read = read_table(X, {"X": feature}, what="table of customers", remedies=remedy)
        column = read.arrow(feature)
    ax = _style.new_axes(ax)
    shown = _Shown(curve, column)
    shown.line(ax)
    shown.points(ax)
    ax.axhline(0.0, color=_style.EXPECTED, linestyle="--", linewidth=1.3)
    _style.dress(
        ax,
        title=f"Odds by {name}, other features equal",
        subtitle=f"{shown.curve.extremes()}; {_display.per_cent(level)} intervals{shown.cut}",
        x_label=name,
        y_label="Odds, times those of an average customer",
        grid="y",
    )
    shown.scales(ax)
    shown.distribution(ax)
    return ax


@dataclass(frozen=True)
class _Curve:
    """A curve as numbers; levels have no value."""

    value: Floats
    label: list[str]
    effect: Floats
    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, table: Any) -> _Curve:
        names = ("value", "label", "log_odds", "lower", "upper")
        read = read_table(table, {name: name for name in names}, what="curve")
        figures = {
            name: read.floats(name, missing_as_nan=True) for name in names if name != "label"
        }
        return cls(
            figures["value"],
            read.arrow("label").to_pylist(),
            figures["log_odds"],
            figures["lower"],
            figures["upper"],
        )

    def edges(self) -> list[float]:
        """Return what separates bins; nothing where there are none."""
        if np.isfinite(self.value).any() or not _FIRST_BIN.fullmatch(self.label[0]):
            return []
        bins = [label for label in self.label if label.startswith(("up to ", "("))]
        return [float(_NUMBER.findall(label)[-1]) for label in bins]

    def named(self, place: int, most: int = 18) -> str:
        """Return a level, short enough for a tick; the ends of bins are rounded."""
        label = self.label[place]
        if self.edges() and label != _MISSING:
            return _NUMBER.sub(lambda found: f"{float(found[0]):.3g}", label)
        return _style.shortened(label, most)

    def extremes(self) -> str:
        """Return in words where the odds are highest and lowest."""
        if np.exp(np.ptp(self.effect)) < 1.02:
            return "It tells customers hardly apart"
        high, low = int(np.argmax(self.effect)), int(np.argmin(self.effect))
        words = [f"×{_times(self.effect[k])} at {self._at(k)}" for k in (high, low)]
        return f"Highest {words[0]}, lowest {words[1]}"

    def up_to(self, value: float) -> _Curve:
        """Return the part that is drawn: levels, and numbers up to one."""
        kept = np.flatnonzero(~(self.value > value))
        figures = (self.effect[kept], self.lower[kept], self.upper[kept])
        return _Curve(self.value[kept], [self.label[k] for k in kept], *figures)

    def _at(self, place: int) -> str:
        value = self.value[place]
        return self.named(place, 30) if np.isnan(value) else f"{value:,.4g}"


class _Shown:
    """What of a curve is drawn where: numbers by value, levels side by side behind them."""

    def __init__(self, curve: _Curve, column: Any) -> None:
        self.column = column
        self.cut = ""
        self.low, self.high = 0.0, np.inf
        if np.isfinite(curve.value).any():
            self._bounds(curve.value[np.isfinite(curve.value)])
        self.curve = curve = curve.up_to(self.high)
        self.numbers = np.flatnonzero(np.isfinite(curve.value))
        self.levels = np.flatnonzero(~np.isfinite(curve.value))
        if len(self.numbers):
            step = 0.12 * (self.high - self.low)
            self.at = self.high + step * (1.0 + np.arange(len(self.levels)))
            return
        if not curve.edges():
            # By effect, "missing" last; bins have an order of their own.
            missing = np.array([curve.label[k] == _MISSING for k in self.levels])
            self.levels = self.levels[np.lexsort((-curve.effect[self.levels], missing))]
        self.at = np.arange(len(self.levels), dtype=np.float64)

    def _bounds(self, values: Floats) -> None:
        self.low, self.high = float(values.min()), float(values.max())
        if self.low == self.high:
            self.low, self.high = self.low - 0.5, self.high + 0.5
        given = self._given()
        if given is None or not len(given):
            return
        far = float(np.quantile(given, 0.99))
        if self.high - self.low > 1.5 * (far - self.low) > 0.0:
            self.cut = "; 1% lie beyond"
            self.high = far

    def _given(self) -> Floats | None:
        """Return the customers' numbers, without gaps."""
        if self.column is None or self.high == np.inf:
            return None
        try:
            values = self.column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        found: Floats = values[np.isfinite(values)]
        return found

    def line(self, ax: Axes) -> None:
        """Draw the line through numbers."""
        if not len(self.numbers):
            return
        curve, rows = self.curve, self.numbers
        x, y = curve.value[rows], curve.effect[rows]
        lower, upper = curve.lower[rows], curve.upper[rows]
        if np.isfinite(lower).any():
            ax.fill_between(x, lower, upper, color=_style.PALE, alpha=0.45, linewidth=0)
        ax.plot(x, y, color=_style.ACTUAL, linewidth=2.0)

    def points(self, ax: Axes) -> None:
        """Draw levels as points."""
        if not len(self.levels):
            return
        curve, rows = self.curve, self.levels
        ends = np.maximum(
            [curve.effect[rows] - curve.lower[rows], curve.upper[rows] - curve.effect[rows]], 0.0
        )
        ax.errorbar(
            self.at,
            curve.effect[rows],
            yerr=np.nan_to_num(ends),
            fmt="o",
            color=_style.ACTUAL,
            ecolor=_style.ACTUAL,
            elinewidth=1.3,
            capsize=3,
            markersize=5.5,
        )

    def scales(self, ax: Axes) -> None:
        """Set limits and ticks of both axes."""
        curve = self.curve
        bottom = float(np.nanmin(np.append(curve.lower, curve.effect)))
        top = float(np.nanmax(np.append(curve.upper, curve.effect)))
        bottom, top = min(bottom, -_LEAST), max(top, _LEAST)
        room = 0.06 * (top - bottom)
        foot = _FOOT / (1.0 - _FOOT) * (top - bottom) if self.column is not None else 0.0
        ax.set_ylim(bottom - room - foot, top + room)
        ticks = _odds_ticks(bottom - room, top + room)
        ax.set_yticks(np.log(ticks), [f"×{tick:g}" for tick in ticks])
        names = [curve.named(int(k)) for k in self.levels]
        if not len(self.numbers):
            ax.set_xlim(-0.6, len(names) - 0.4)
            turned = len(names) > 6 or sum(map(len, names)) > 60
            shown = slice(None, None, max(1, -(-len(names) // 40)))
            ax.set_xticks(
                self.at[shown],
                names[shown],
                rotation=40 if turned else 0,
                ha="right" if turned else "center",
                parse_math=False,
            )
            return
        width = self.high - self.low
        begin, end = self._span[0] - 0.02 * width, self._span[1] + 0.02 * width
        ax.set_xlim(begin, self.at[-1] + 0.06 * width if names else end)
        _style.thousands(ax.xaxis)
        if names:
            ax.axvline(self.high + 0.05 * width, color=_style.GRID, linewidth=0.8)
            low, high = self.low - 0.02 * width, self.high - 0.04 * width
            ticks_at = [tick for tick in ax.get_xticks() if low <= tick <= high]
            texts = [f"{tick:,.10g}" for tick in ticks_at]
            ax.set_xticks([*ticks_at, *self.at], [*texts, *names], parse_math=False)

    def distribution(self, ax: Axes) -> None:
        """Draw how many customers there are, at the foot of the axes."""
        if self.column is None:
            return
        bottom, top = ax.get_ylim()
        height = _FOOT * 0.85 * (top - bottom)
        given = self._given()
        if given is not None:
            counts, edges = np.histogram(given, bins=self._bins, range=self._span)
            if counts.any():
                bars = counts / counts.max() * height
                self._bars(ax, edges[:-1], bars, np.diff(edges), bottom, "edge")
            return
        found = self._tally()
        if found.any():
            self._bars(ax, self.at, found / found.max() * height, 0.6, bottom, "center")

    def _tally(self) -> Floats:
        """Return how many customers there are of each level."""
        edges = self.curve.edges()
        if edges:
            values = self.column.cast(pa.float64()).to_numpy(zero_copy_only=False)
            places = np.searchsorted(edges, values[~np.isnan(values)])
            counts = np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
            gaps = float(np.isnan(values).sum())
            return np.append(counts, gaps)[: len(self.levels)]
        texts = pc.fill_null(self.column.cast(pa.string()), _MISSING)
        tally = {one["values"]: one["counts"] for one in pc.value_counts(texts).to_pylist()}
        labels = [self.curve.label[k] for k in self.levels]
        return np.array([tally.get(label, 0) for label in labels], dtype=np.float64)

    @property
    def _whole(self) -> bool:
        """Whether the customers' numbers are few whole ones, each of which gets a bar."""
        given = self._given()
        if given is None or not 1.0 <= self.high - self.low <= 60.0:
            return False
        return bool((given == np.floor(given)).all())

    @property
    def _bins(self) -> int:
        return round(self.high - self.low) + 1 if self._whole else 50

    @property
    def _span(self) -> tuple[float, float]:
        half = 0.5 if self._whole else 0.0
        return self.low - half, self.high + half

    @staticmethod
    def _bars(ax: Axes, x: Any, heights: Any, width: Any, bottom: float, align: Any) -> None:
        ax.bar(
            x,
            heights,
            width=width,
            bottom=bottom,
            align=align,
            color=_style.PALE,
            alpha=0.7,
            linewidth=0,
            zorder=0.5,
        )


def _odds_ticks(bottom: float, top: float) -> list[float]:
    """Return the fewest round odds of which at least four are in sight; 1 is one of them."""
    found: list[float] = []
    for ticks in _TICKS:
        found = [tick for tick in ticks if bottom <= np.log(tick) <= top]
        if len(found) >= 4:
            break
    return found


def _times(log_odds: float) -> str:
    times = float(np.exp(log_odds))
    return f"{times:,.0f}" if 100.0 <= times < 1e6 else f"{times:.2g}"


def _words(value: Any, parameter: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _arguments.refusal(value, parameter, "words")
    return value
