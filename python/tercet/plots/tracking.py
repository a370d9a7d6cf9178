"""Repeat purchases through time, with the forecast from the calibration period beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._tracking import LogRules, track_purchases
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet._time import TimeLike
    from tercet._tracking import Tracking
    from tercet.data.purchases import AfterEnd, Merge, Refunds
    from tercet.value.lifetime import BGNBD


def cumulative_purchases(
    model: BGNBD,
    transactions: Any,
    *,
    calibration_end: TimeLike,
    observation_end: TimeLike | None = None,
    customer: str = "customer_id",
    time: str = "date",
    amount: str | None = None,
    merge: Merge = "day",
    refunds: Refunds = "error",
    after_end: AfterEnd = "error",
    ax: Axes | None = None,
) -> Axes:
    """Draw the repeat purchases of a cohort up to each moment, actual and expected.

    The cohort is everyone whose first purchase came by `calibration_end`. Each customer's expected
    purchases count from its own first purchase and use nothing of what it bought later, so the
    curve right of the line is a forecast and the curve left of it shows the fit.

    Parameters
    ----------
    model
        A model fitted on the purchases up to `calibration_end`.
    transactions
        The purchase log.
    calibration_end
        The last day that the model has seen.
    observation_end
        The last day of the log. Default: the last day in it.
    customer, time, amount
        Names of the columns. Without amounts there are no refunds.
    merge, refunds, after_end
        As for `tercet.split_purchases`: give what the model's summary was made with.
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
    >>> calibration, _ = tc.split_purchases(log.transactions, calibration_end="2024-12-29")
    >>> model = tc.BGNBD().fit(calibration)
    >>> ax = tc.plots.cumulative_purchases(model, log.transactions, calibration_end="2024-12-29")
    """
    rules = LogRules(customer, time, amount, observation_end, merge, refunds, after_end)
    track = track_purchases(model, transactions, rules, calibration_end=calibration_end)
    ax = _style.new_axes(ax)
    moments = np.append(0.0, track.time)
    _lines(ax, moments, np.append(0.0, track.actual), np.append(0.0, track.expected))
    _calibration_line(ax, track)
    unit = model.time_unit
    _style.dress(
        ax,
        title="Repeat purchases up to each moment",
        subtitle=_forecast(track),
        x_label=f"{unit.capitalize()}s since the first purchase in the log",
        y_label="Repeat purchases, cumulative",
    )
    _finish(ax, track)
    return ax


def purchases_by_period(
    model: BGNBD,
    transactions: Any,
    *,
    calibration_end: TimeLike,
    observation_end: TimeLike | None = None,
    customer: str = "customer_id",
    time: str = "date",
    amount: str | None = None,
    merge: Merge = "day",
    refunds: Refunds = "error",
    after_end: AfterEnd = "error",
    ax: Axes | None = None,
) -> Axes:
    """Draw the repeat purchases of a cohort in each period, actual and expected.

    A period is one time unit of the model: a week, say. The figures are the steps of
    `cumulative_purchases`. Seasons, campaigns and drifts that the sums hide show here. An
    incomplete last period is left out.

    Parameters
    ----------
    model
        A model fitted on the purchases up to `calibration_end`.
    transactions
        The purchase log.
    calibration_end
        The last day that the model has seen.
    observation_end
        The last day of the log. Default: the last day in it.
    customer, time, amount
        Names of the columns. Without amounts there are no refunds.
    merge, refunds, after_end
        As for `tercet.split_purchases`: give what the model's summary was made with.
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
    >>> calibration, _ = tc.split_purchases(log.transactions, calibration_end="2024-12-29")
    >>> model = tc.BGNBD().fit(calibration)
    >>> ax = tc.plots.purchases_by_period(model, log.transactions, calibration_end="2024-12-29")
    """
    rules = LogRules(customer, time, amount, observation_end, merge, refunds, after_end)
    track = track_purchases(model, transactions, rules, calibration_end=calibration_end)
    ax = _style.new_axes(ax)
    whole = track.whole_periods
    actual = np.diff(np.append(0.0, track.actual[:whole]))
    expected = np.diff(np.append(0.0, track.expected[:whole]))
    _lines(ax, track.time[:whole], actual, expected)
    _calibration_line(ax, track)
    unit = model.time_unit
    _style.dress(
        ax,
        title=f"Repeat purchases in each {unit}",
        subtitle=f"{track.n_customers:,} customers who came by the calibration end",
        x_label=f"{unit.capitalize()}s since the first purchase in the log",
        y_label=f"Repeat purchases a {unit}",
    )
    _finish(ax, track)
    return ax


def _forecast(track: Tracking) -> str:
    """Say what came after the calibration end."""
    actual = float(track.actual[-1]) - track.actual_known
    expected = float(track.expected[-1]) - track.expected_known
    if actual <= 0:
        return f"{track.n_customers:,} customers; no purchases after the calibration end"
    return (
        f"{track.n_customers:,} customers; after the calibration end {expected:,.0f} expected,"
        f" {actual:,.0f} actual ({expected / actual - 1.0:+.1%})"
    )


def _lines(ax: Axes, moments: Any, actual: Any, expected: Any) -> None:
    ax.plot(moments, actual, color=_style.ACTUAL, linewidth=1.8, label="actual")
    ax.plot(
        moments, expected, color=_style.EXPECTED, linewidth=1.8, linestyle="--", label="expected"
    )


def _calibration_line(ax: Axes, track: Tracking) -> None:
    ax.axvline(track.calibration_end, color=_style.MUTED, linewidth=1.0, linestyle=":")
    ax.annotate(
        "forecast ",
        xy=(track.calibration_end, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(5, 0),
        textcoords="offset points",
        fontsize=_style.TICK_SIZE,
        color=_style.MUTED,
    )
    ax.annotate(
        "calibration",
        xy=(track.calibration_end, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(-5, 0),
        textcoords="offset points",
        fontsize=_style.TICK_SIZE,
        color=_style.MUTED,
        ha="right",
    )


def _finish(ax: Axes, track: Tracking) -> None:
    ax.set_xlim(0.0, float(track.time[-1]))
    ax.set_ylim(bottom=0.0)
    _style.thousands(ax.xaxis)
    _style.thousands(ax.yaxis)
    _style.legend(ax, loc="best")
