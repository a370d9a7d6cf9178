"""One customer's purchases, and how sure one could be, day by day, that it is still one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._tracking import LogRules, customer_times
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet._time import TimeLike
    from tercet.data.purchases import AfterEnd, Merge, Refunds
    from tercet.value.lifetime import BGNBD

# Moments between two purchases; the curve between them is smooth.
STEPS = 60


def customer_history(
    model: BGNBD,
    transactions: Any,
    customer_id: Any,
    *,
    observation_end: TimeLike | None = None,
    customer: str = "customer_id",
    time: str = "date",
    amount: str | None = None,
    merge: Merge = "day",
    refunds: Refunds = "error",
    after_end: AfterEnd = "error",
    ax: Axes | None = None,
) -> Axes:
    """Draw a customer's probability of being active through its history.

    At every moment the curve uses only what was known then: the purchases so far and the silence
    since the last. Each repeat purchase, marked at the foot, lifts it again. Up to the first
    repeat purchase the curve is flat at 100%: in the BG/NBD model a customer can leave only right
    after a repeat purchase.

    Parameters
    ----------
    model
        A fitted model.
    transactions
        The purchase log.
    customer_id
        The customer to draw.
    observation_end
        The last day of the log. Default: the last day in it, of any customer.
    customer, time, amount
        Names of the columns. Without amounts there are no refunds.
    merge, refunds, after_end
        As for `tercet.purchase_summary`: give what the model's summary was made with.
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
    >>> ax = tc.plots.customer_history(model, log.transactions, customer_id=1)
    """
    _style.require_part(model, "time_unit", "model", "a model of purchases, such as tercet.BGNBD")
    rules = LogRules(customer, time, amount, observation_end, merge, refunds, after_end)
    known = customer_times(model.time_unit, transactions, customer_id, rules)
    moments, frequency, recency = _states(known.purchases, known.end)
    alive = model.probability_alive(
        {model.frequency: frequency, model.recency: recency, model.T: moments}
    )

    ax = _style.new_axes(ax, height=3.8)
    ax.fill_between(moments, alive, color=_style.PALE, alpha=0.35, linewidth=0)
    ax.plot(moments, alive, color=_style.ACTUAL, linewidth=1.8)
    ax.vlines(
        known.purchases,
        0.0,
        0.06,
        color=_style.EXPECTED,
        linewidth=1.6,
        zorder=3,
        label="purchases",
    )
    unit = model.time_unit
    repeats = known.purchases.size - 1
    _style.dress(
        ax,
        title=f"Customer {customer_id}: probability of being active",
        subtitle=(
            f"{_style.plural(repeats, 'repeat purchase')};"
            f" {alive[-1]:.0%} at the end of the log, after"
            f" {_style.plural(float(known.end - known.purchases[-1]), unit)} of silence"
        ),
        x_label=f"{unit.capitalize()}s since the first purchase",
        y_label="Probability of being active",
    )
    ax.set_xlim(0.0, max(float(known.end), 1e-9))
    ax.set_ylim(0.0, 1.03)
    _style.percent(ax.yaxis)
    _style.thousands(ax.xaxis)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 0.06),
        frameon=False,
        fontsize=_style.TICK_SIZE,
        labelcolor=_style.INK,
    )
    return ax


def _states(purchases: Any, end: float) -> tuple[Any, Any, Any]:
    """Return what was known at each moment: moments since the first purchase, frequency, recency.

    A purchase's moment appears twice, before and after it, so that the step is drawn as one.
    """
    bounds = np.append(purchases, end)
    moments, frequency, recency = [], [], []
    for count, (since, until) in enumerate(pairwise(bounds)):
        stretch = np.linspace(since, until, STEPS if until > since else 1)
        moments.append(stretch)
        frequency.append(np.full(stretch.size, float(count)))
        recency.append(np.full(stretch.size, since))
    return np.concatenate(moments), np.concatenate(frequency), np.concatenate(recency)
