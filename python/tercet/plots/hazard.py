"""Survival and incidences: what a hazard predicts, against what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet._frames import has_column, read_table
from tercet.data.snapshot_table import SnapshotTable
from tercet.exceptions import ParameterError
from tercet.plots import _style
from tercet.value.hazard._events import read_events
from tercet.value.hazard.curves import aalen_johansen, kaplan_meier, read_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet.value.hazard import HazardModel

#: Okabe and Ito (2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#22303c")
#: Points of a curve of a model.
_POINTS = 60


def survival(
    model: HazardModel | Any,
    X: Any = None,
    by: str | ArrayLike | None = None,
    *,
    duration: str | ArrayLike | None = None,
    event: str | ArrayLike | None = None,
    horizon: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw survival by group: of a model as curves, of what was seen as steps.

    Where steps lie within the band of a curve of their colour, the model is right about the group.

    Parameters
    ----------
    model : HazardModel or table
        A fitted model; or the table of `tercet.kaplan_meier`, whose steps are drawn, and nothing
        else.
    X : table, array or SnapshotTable, optional
        Customers; a curve is the mean survival of a group of them, and its band the mean of their
        intervals, which is wider than the interval of the mean.
    by : str or array of shape (n,), optional
        Groups: a column of `X`, or one value a customer. Seven at most.
    duration, event : str or array of shape (n,), optional
        What became of the customers, as for `HazardModel.fit`: adds Kaplan-Meier steps. A
        `SnapshotTable` brings them.
    horizon : float, optional
        The end of the axis. Default: that of the model.
    level : float
        Confidence level of the bands, between 0 and 1.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> table = tc.kaplan_meier([3, 5, 5, 8], [1, 1, 0, 1], by=["a", "b", "a", "b"])
    >>> ax = tc.plots.survival(table)
    """
    subtitle = "Steps: Kaplan-Meier"
    if has_engine(model):
        level = _arguments.number(level, "level", "a number between 0 and 1")
        end = model.horizon_ if horizon is None else _arguments.number(horizon, "horizon")
        ax = _style.new_axes(ax)
        times = np.linspace(0.0, end, _POINTS + 1)
        X, by, duration, event, seen = _customers(X, by, duration, event)
        curves = model.predict_survival(X, times)
        bands = model.survival_interval(X, times, level=level)
        for colour, name, rows in _groups(by, len(curves)):
            ends = bands[rows].mean(axis=0)
            ax.fill_between(times, ends[:, 0], ends[:, 1], color=colour, alpha=0.15, linewidth=0)
            ax.plot(times, curves[rows].mean(axis=0), color=colour, linewidth=2.0, label=name)
        subtitle = "Curves: the model's mean of the group"
        if seen:
            _steps(ax, kaplan_meier(duration, event, by=by, level=level), "survival", end, None)
            subtitle += "; steps: Kaplan-Meier"
        unit = model._require().duration
    else:
        ax = _style.new_axes(ax)
        end = _steps(ax, model, "survival", horizon, "by")
        unit = "time"
    _style.dress(
        ax,
        title="How many are still there",
        subtitle=subtitle,
        x_label=f"Time from now ({unit})" if has_engine(model) else "Time",
        y_label="Survival",
    )
    _finish(ax, end)
    return ax


def cumulative_incidence(
    model: HazardModel | Any,
    X: Any = None,
    *,
    duration: str | ArrayLike | None = None,
    event: str | ArrayLike | None = None,
    horizon: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw by which time how many have left by each of several ways.

    Parameters
    ----------
    model : HazardModel or table
        A fitted model; or the table of `tercet.aalen_johansen`, whose steps are drawn, and nothing
        else.
    X : table, array or SnapshotTable, optional
        Customers; a curve is their mean probability of an event.
    duration, event : str or array of shape (n,), optional
        What became of the customers, as for `HazardModel.fit`: adds Aalen-Johansen steps with their
        intervals. A `SnapshotTable` brings them.
    horizon : float, optional
        The end of the axis. Default: that of the model.
    level : float
        Confidence level of the intervals of the steps, between 0 and 1.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Examples
    --------
    >>> import tercet as tc
    >>> table = tc.aalen_johansen([3, 5, 5, 8], ["price", "moved", None, "price"])
    >>> ax = tc.plots.cumulative_incidence(table)
    """
    subtitle = "Steps: Aalen-Johansen"
    if has_engine(model):
        level = _arguments.number(level, "level", "a number between 0 and 1")
        end = model.horizon_ if horizon is None else _arguments.number(horizon, "horizon")
        ax = _style.new_axes(ax)
        times = np.linspace(0.0, end, _POINTS + 1)
        X, _, duration, event, seen = _customers(X, None, duration, event)
        for colour, name in zip(_colours(len(model.events_)), model.events_, strict=True):
            curves = model.predict_cumulative_incidence(X, times, event=name)
            ax.plot(times, curves.mean(axis=0), color=colour, linewidth=2.0, label=name)
        subtitle = "Curves: the model's mean"
        if seen:
            codes = read_events(event, None, known=model._kinds).codes
            named = np.array(["censored", *model.events_], dtype=object)[codes]
            table = aalen_johansen(duration, named, level=level)
            _steps(ax, table, "incidence", end, None, order=model.events_)
            subtitle += "; steps: Aalen-Johansen"
        label = f"Time from now ({model._require().duration})"
    else:
        ax = _style.new_axes(ax)
        end = _steps(ax, model, "incidence", horizon, "event")
        label = "Time"
    _style.dress(
        ax,
        title="How many have left, and by which way",
        subtitle=subtitle,
        x_label=label,
        y_label="Share of customers",
    )
    _finish(ax, end)
    return ax


def has_engine(model: Any) -> bool:
    """Whether something is a model, and not a table."""
    return hasattr(model, "predict_survival")


def _finish(ax: Axes, end: float) -> None:
    ax.set_xlim(0.0, end)
    ax.set_ylim(0.0, None if ax.get_ylim()[1] < 0.9 else 1.0)
    _style.percent(ax.yaxis)
    _style.thousands(ax.xaxis)
    if ax.get_legend_handles_labels()[1]:
        _style.legend(ax)


def _customers(X: Any, by: Any, duration: Any, event: Any) -> tuple[Any, Any, Any, Any, bool]:
    """Return customers, their groups, and what became of them where it is known."""
    if X is None:
        raise ParameterError("X = None: expected customers, of whom the curves are", "X")
    if isinstance(X, SnapshotTable):
        if "duration" in X.outcome_names and duration is None and event is None:
            outcomes = read_table(X.y, {"duration": "duration", "event": "event"}, what="y")
            duration, codes = outcomes.floats("duration"), outcomes.floats("event")
            names = np.array(["censored", *X.events[1:]], dtype=object)
            event = names[codes.astype(np.int64)]
        X = X.X
    duration, event, by = (
        _column(X, values, name)
        for values, name in ((duration, "duration"), (event, "event"), (by, "by"))
    )
    if (duration is None) != (event is None):
        raise ParameterError("event = ...: expected both duration and event, or neither", "event")
    return X, by, duration, event, duration is not None


def _column(X: Any, values: Any, name: str) -> Any:
    if not isinstance(values, str):
        return values
    return read_table(X, {name: values}, what="table of customers").arrow(values)


def _groups(by: Any, n: int) -> Iterator[tuple[str, str | None, Any]]:
    """Yield each group's colour, name and rows."""
    if by is None:
        yield _COLOURS[0], None, slice(None)
        return
    groups = read_groups(by, n)
    for colour, (name, rows) in zip(_colours(len(groups)), groups, strict=True):
        yield colour, str(name), rows


def _colours(n: int) -> tuple[str, ...]:
    if n > len(_COLOURS):
        message = f"by = {n} groups: expected at most {len(_COLOURS)}; put some together"
        raise ParameterError(message, "by")
    return _COLOURS[:n]


def _steps(
    ax: Axes,
    native: Any,
    what: str,
    end: float | None,
    labelled: str | None,
    order: list[str] | None = None,
) -> float:
    """Draw the steps of a table, with their intervals; return the end of the axis."""
    key = "event" if what == "incidence" else "by"
    names = {name: name for name in ("time", what, "lower", "upper")}
    if has_column(native, key):
        names[key] = key
    table = read_table(native, names, what="table of steps")
    figures = {
        name: table.floats(name, missing_as_nan=True) for name in ("time", what, "lower", "upper")
    }
    end = float(figures["time"].max()) if end is None else end
    groups = read_groups(table.arrow(key), len(table)) if key in names else [(None, slice(None))]
    if order is not None:
        groups = [pair for name in order for pair in groups if pair[0] == name]
    for colour, (name, rows) in zip(_colours(len(groups)), groups, strict=True):
        own = {name: figure[rows] for name, figure in figures.items()}
        start = 1.0 if what == "survival" else 0.0
        x, y = _from(0.0, own["time"], end), _from(start, own[what], None)
        low, high = (_from(start, own[side], None) for side in ("lower", "upper"))
        label = None if labelled is None or name is None else str(name)
        ax.step(x, y, where="post", color=colour, linewidth=1.2, label=label)
        for side in (low, high):
            ax.step(x, side, where="post", color=colour, linewidth=0.8, linestyle=":", alpha=0.8)
    return end


def _from(first: float, values: Floats, last: float | None) -> Floats:
    """Put a start before values, and carry the last of them to the end of the axis."""
    end = float(values[-1]) if last is None else max(last, float(values[-1]))
    return np.concatenate([[first], values, [end]])
