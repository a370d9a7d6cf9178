"""What the customers are worth: how value spreads, how it concentrates, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._frames import read_table
from tercet.exceptions import DataError
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet._columns import Floats

# Shares of the customers at which the concentration curve is read off.
READ_AT = (0.01, 0.05, 0.10, 0.20, 0.50)
BARS = 40


def value_concentration(value: Any, *, clv: str = "clv", ax: Axes | None = None) -> Axes:
    """Draw the share of all value that the most valuable customers hold.

    Parameters
    ----------
    value
        The table of `tercet.lifetime_value`.
    clv
        Name of the value column.
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
    >>> summary = tc.purchase_summary(log.transactions, amount="amount")
    >>> model, spend = tc.BGNBD().fit(summary), tc.GammaGamma().fit(summary)
    >>> value = tc.lifetime_value(model, spend, summary, horizon=52, level=0.95)
    >>> ax = tc.plots.value_concentration(value)
    """
    worth, left_out = _finite(_values(value, clv), clv)
    worth = np.sort(worth)[::-1]
    total = float(worth.sum())
    if total <= 0:
        raise DataError(
            f"column {clv!r} sums to {total:,.4g}; shares need a positive total", column=clv
        )
    curve = (np.arange(worth.size + 1) / worth.size, np.append(0.0, np.cumsum(worth)) / total)
    # Dense where the curve is steep, and few enough points to draw a million customers at once.
    customers = np.union1d(np.linspace(0.0, 1.0, 501), np.geomspace(1e-6, 1.0, 500))
    held = np.interp(customers, *curve)

    ax = _style.new_axes(ax, width=6.2, height=4.6)
    ax.fill_between(customers, held, customers, color=_style.PALE, alpha=0.35, linewidth=0)
    ax.plot(customers, held, color=_style.ACTUAL, linewidth=2.0)
    ax.plot([0, 1], [0, 1], color=_style.MUTED, linewidth=1.0, linestyle=":")
    ax.annotate(
        "if all were worth the same",
        xy=(0.62, 0.62),
        xytext=(6, -4),
        textcoords="offset points",
        va="top",
        fontsize=_style.TICK_SIZE,
        color=_style.MUTED,
    )
    for share in READ_AT:
        at = float(np.interp(share, *curve))
        ax.plot([share], [at], marker="o", markersize=5, color=_style.EXPECTED, zorder=3)
        ax.annotate(
            f"top {share:.0%} hold {at:.0%}",
            xy=(share, at),
            xytext=(8, -3),
            textcoords="offset points",
            va="bottom" if share < 0.02 else "top",
            fontsize=_style.TICK_SIZE,
            color=_style.INK,
        )
    top = float(np.interp(0.2, *curve))
    _style.dress(
        ax,
        title=f"A fifth of the customers hold {top:.0%} of the value",
        subtitle=f"{worth.size:,} customers, ordered by value{left_out}",
        x_label="Share of the customers, most valuable first",
        y_label="Share of the total value",
        grid="both",
    )
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.02)
    _style.percent(ax.xaxis)
    _style.percent(ax.yaxis)
    return ax


def value_distribution(
    value: Any, *, clv: str = "clv", currency: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how many customers are worth how much, on a logarithmic scale of value.

    Parameters
    ----------
    value
        The table of `tercet.lifetime_value`.
    clv
        Name of the value column.
    currency
        What the amounts are in, for the label ("dollars").
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
    >>> summary = tc.purchase_summary(log.transactions, amount="amount")
    >>> model, spend = tc.BGNBD().fit(summary), tc.GammaGamma().fit(summary)
    >>> value = tc.lifetime_value(model, spend, summary, horizon=52, level=0.95)
    >>> ax = tc.plots.value_distribution(value, currency="dollars")
    """
    worth, not_finite = _finite(_values(value, clv), clv)
    positive = worth[worth > 0]
    if positive.size == 0:
        raise DataError(f"column {clv!r} has no positive value to draw", column=clv)
    low, high = _drawn_range(positive)
    edges = np.geomspace(low, high, BARS + 1)
    # Customers below the range are counted in the first bar rather than dropped.
    drawn = np.clip(positive, low, high)

    ax = _style.new_axes(ax)
    ax.hist(drawn, bins=edges.tolist(), color=_style.PALE, edgecolor=_style.PAPER, linewidth=0.6)
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    median, mean = float(np.median(worth)), float(worth.mean())
    _mark(ax, median, "median", style="-", on_the_left=median < mean)
    _mark(ax, mean, "mean", style="--", on_the_left=mean <= median)
    worthless = worth.size - positive.size
    note = f"; {worthless:,} of no value left out" if worthless else ""
    total = _money(float(worth.sum()))
    _style.dress(
        ax,
        title="What customers are worth",
        subtitle=f"{worth.size:,} customers, {total} in total{note}{not_finite}",
        x_label=f"Lifetime value, {_unit(currency)}, logarithmic scale",
        y_label="Customers",
    )
    _style.money_ticks(ax.xaxis, decades=float(np.log10(high / low)))
    _style.thousands(ax.yaxis)
    return ax


def top_customers(
    value: Any,
    *,
    n: int = 20,
    customer: str = "customer_id",
    clv: str = "clv",
    currency: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the most valuable customers with the intervals of their value.

    The intervals say how well the expected value is known, not how far the customer's real spending
    may lie from it, which is much further.

    Parameters
    ----------
    value
        The table of `tercet.lifetime_value`, computed with a `level`.
    n
        How many customers to draw.
    customer
        Name of the column with the customers' ids.
    clv
        Name of the value column; the bounds are read from the same name with `_lower` and `_upper`.
    currency
        What the amounts are in, for the label ("dollars").
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
    >>> summary = tc.purchase_summary(log.transactions, amount="amount")
    >>> model, spend = tc.BGNBD().fit(summary), tc.GammaGamma().fit(summary)
    >>> value = tc.lifetime_value(model, spend, summary, horizon=52, level=0.95)
    >>> ax = tc.plots.top_customers(value, n=10)
    """
    bounds = {"lower": f"{clv}_lower", "upper": f"{clv}_upper"}
    table = read_table(value, {"clv": clv, "customer": customer} | bounds, what="value table")
    worth = table.floats(clv)
    lower, upper = (table.floats(name) for name in bounds.values())
    _, left_out = _finite(worth, clv)
    # Stable, so that equal values keep the order of the table.
    order = np.argsort(-worth, kind="stable")
    best = order[np.isfinite(worth[order])][:n]
    names = [str(name) for name in table.take(customer, best).to_list()]
    place = np.arange(best.size)

    of_what = left_out or ", from the parameters' uncertainty"

    ax = _style.new_axes(ax, width=6.6, height=max(2.4, 0.9 + 0.23 * best.size))
    ax.hlines(place, lower[best], upper[best], color=_style.PALE, linewidth=5)
    ax.plot(worth[best], place, linestyle="none", marker="o", markersize=5.5, color=_style.ACTUAL)
    ax.set_yticks(place, names)
    ax.invert_yaxis()
    _style.dress(
        ax,
        title=f"The {best.size:,} most valuable customers",
        subtitle=f"dot: expected value; bar: its interval{of_what}",
        x_label=f"Lifetime value, {_unit(currency)}",
        y_label="Customer",
        grid="x",
    )
    ax.set_xlim(left=0.0)
    _style.thousands(ax.xaxis)
    return ax


def _values(value: Any, clv: str) -> Floats:
    return read_table(value, {"clv": clv}, what="value table").floats(clv)


def _finite(worth: Floats, clv: str) -> tuple[Floats, str]:
    """Return the finite values, and what to say of the others.

    Where the Gamma-Gamma model's q is at most 1, customers without a repeat purchase have none.
    """
    finite = worth[np.isfinite(worth)]
    if finite.size == 0:
        raise DataError(f"column {clv!r} has no finite value to draw", column=clv)
    left_out = worth.size - finite.size
    return finite, f"; {left_out:,} without a finite value left out" if left_out else ""


def _drawn_range(positive: Floats) -> tuple[float, float]:
    """Return bounds that keep the few customers worth next to nothing from stretching the axis."""
    low = max(float(np.quantile(positive, 0.005)), float(positive.max()) * 1e-5)
    high = float(positive.max())
    return (low, high * (1 + 1e-9)) if high > low * 1.01 else (low / 2, high * 2)


def _mark(ax: Axes, amount: float, name: str, *, style: str, on_the_left: bool) -> None:
    if amount <= 0:
        return
    ax.axvline(amount, color=_style.EXPECTED, linewidth=1.5, linestyle=style)
    ax.annotate(
        f"{name} {_money(amount)}",
        xy=(amount, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(-6 if on_the_left else 6, 0),
        textcoords="offset points",
        ha="right" if on_the_left else "left",
        va="top",
        fontsize=_style.TICK_SIZE,
        color=_style.INK,
    )


def _money(amount: float) -> str:
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.2f}"


def _unit(currency: str | None) -> str:
    return "in the unit of the amounts" if currency is None else f"in {currency}"
