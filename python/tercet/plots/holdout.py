"""Forecast and outcome side by side, for a period that the model has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._holdout import check_holdout
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet.value.lifetime import BGNBD


def calibration_holdout(
    model: BGNBD,
    calibration: Any,
    *,
    max_frequency: int = 7,
    ax: Axes | None = None,
) -> Axes:
    """Draw purchases in the holdout period, actual and expected, by earlier purchases.

    The whiskers are the 95% interval of the actual mean: an expected value inside them is as good
    as these customers can tell. Below each group stands the number of its customers.

    Parameters
    ----------
    model
        A model fitted on the calibration period alone.
    calibration
        The calibration summary of `tercet.split_purchases`, with its holdout columns.
    max_frequency
        Customers with at least this many repeat purchases share the last group.
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
    >>> ax = tc.plots.calibration_holdout(model, calibration)
    """
    _style.require_part(model, "frequency", "model", "a model of purchases, such as tercet.BGNBD")
    check = check_holdout(model, calibration, max_frequency=max_frequency)
    ax = _style.new_axes(ax)
    place = np.arange(len(check.groups))
    ax.bar(
        place,
        [group.mean_actual for group in check.groups],
        width=0.62,
        color=_style.PALE,
        label="actual",
    )
    ax.errorbar(
        place,
        [group.mean_actual for group in check.groups],
        yerr=[0.0 if np.isnan(group.margin) else group.margin for group in check.groups],
        fmt="none",
        ecolor=_style.ACTUAL,
        elinewidth=1.4,
        capsize=3,
        label="95% interval of the actual mean",
    )
    ax.plot(
        place,
        [group.mean_expected for group in check.groups],
        color=_style.EXPECTED,
        linestyle="--",
        linewidth=1.4,
        marker="o",
        markersize=6,
        label="expected",
    )
    ax.set_xticks(place, [f"{group.label}\nn = {group.n_customers:,}" for group in check.groups])
    ahead = _style.plural(check.duration, model.time_unit)
    _style.dress(
        ax,
        title="Forecast and outcome by past frequency",
        subtitle=_verdict(check.actual, check.expected, ahead),
        x_label="Repeat purchases in the calibration period, and customers in the group",
        y_label=f"Purchases a customer\nin the {ahead} held out",
    )
    ax.set_ylim(bottom=0.0)
    _style.thousands(ax.yaxis)
    _style.legend(ax, loc="upper left")
    return ax


def _verdict(actual: float, expected: float, ahead: str) -> str:
    if actual <= 0:
        return f"nobody bought in the {ahead} held out; {expected:,.0f} purchases were expected"
    error = expected / actual - 1.0
    return f"in total {expected:,.0f} expected, {actual:,.0f} actual ({error:+.1%})"
