"""The chances that customers of an invented shop buy, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _arguments
from tercet.datasets._drawing import START, day_of, positive_days, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet._time import TimeLike

__all__ = ["ShopTruth"]

#: How much of the season is felt in each month, January first.
_SEASON: Final = np.array([0.0, 0.0, 0.0, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5, 1.0])
_FIRST_MONTH: Final = np.datetime64(START, "M")


class ShopTruth:
    """What is true of the customers of `simulate_shop`, and how likely they buy.

    A customer orders at a constant rate (times the season's factor) until leaving for good, which
    nobody sees and which may happen on any day with the same chance. An order holds a product or
    not, so that orders with a product come at a constant rate too.

    Attributes
    ----------
    customers : table
        One row a customer: `customer_id`; `appetite`, `loyalty` and the tastes `espresso`,
        `filter` and `sweet` that nobody sees (standard deviations); `age`, `household` and
        `income`, also where the customer told nobody; `order_rate` and `leaving_rate` a day;
        `left_at` (missing for who is still there at the end); `rate_<product>`, the rate a day of
        orders with the product.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_shop(500, seed=1)
    >>> shop.truth.purchase_probability("2025-01-01", 90).shape
    (500,)
    >>> chosen = shop.customers["customer_id"].head(3)
    >>> machine = shop.truth.purchase_probability("2025-01-01", 90, "machine", customers=chosen)
    >>> bool((machine < 0.2).all())
    True
    """

    def __init__(
        self,
        customers: Any,
        *,
        start: Floats,
        left: Floats,
        intent_rate: Floats,
        leaving_rate: Floats,
        shares: Mapping[str, Floats],
        seasonality: float,
    ) -> None:
        self.customers = customers
        self._start = start
        self._left = left
        self._intent_rate = intent_rate
        self._leaving_rate = leaving_rate
        self._shares = dict(shares)
        self._seasonality = seasonality

    def purchase_probability(
        self,
        as_of: TimeLike,
        days: float,
        product: str | Sequence[str] | None = None,
        *,
        customers: Any = None,
    ) -> Floats:
        """Return how likely each customer buys within some days from a date.

        It is the chance of somebody who knows everything but the future: the customer's rates, and
        whether the customer has left. Without seasons, with the rate r of orders and the rate m of
        leaving, who is still there buys with probability r / (r + m) (1 - exp(-(r + m) days)), and
        who has left does not. With seasons this is applied month after month.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        product : str or sequence of str, optional
            The product, or any of several; by default any at all.
        customers : sequence of int, optional
            Whose; by default all, in the order of the table of customers.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who became a customer on the date or later.

        Raises
        ------
        ParameterError
            For a product or customer that does not exist, or a window that is none.
        """
        begin, length = day_of(as_of), positive_days(days)
        rows = rows_of(customers, 1, len(self._start))
        rate, leaving = self._of(product)[rows], self._leaving_rate[rows]
        open_ = np.ones(len(rate))
        found = np.zeros(len(rate))
        for stretch, factor in self._seasons(begin, length):
            out = rate * factor + leaving
            ends = -np.expm1(-out * stretch)
            found += open_ * ends * rate * factor / out
            open_ *= 1.0 - ends
        found[self._left[rows] < begin] = 0.0
        found[self._start[rows] >= begin] = np.nan
        return found

    def season(self, days: Floats) -> Floats:
        """Return the factor of the rate of orders.

        Parameters
        ----------
        days : numpy.ndarray
            Days since 2023-01-01.
        """
        months = (np.datetime64(START, "D") + np.floor(days).astype(np.int64)).astype(
            "datetime64[M]"
        )
        return self._factor(months.astype(np.int64) % 12)

    def _factor(self, month: Integers) -> Floats:
        found: Floats = 1.0 + self._seasonality * _SEASON[month]
        return found

    def _of(self, product: str | Sequence[str] | None) -> Floats:
        """Return the rate of orders that hold any of some products."""
        names = _arguments.some_of(product, "product", tuple(self._shares))
        none = np.prod([1.0 - self._shares[name] for name in names], axis=0)
        found: Floats = self._intent_rate * (1.0 - none)
        return found

    def _seasons(self, begin: float, length: float) -> list[tuple[float, float]]:
        """Return the stretches of a window and the factor of each."""
        if self._seasonality == 0.0:
            return [(length, 1.0)]
        first = (np.datetime64(START, "D") + int(np.floor(begin))).astype("datetime64[M]")
        last = (np.datetime64(START, "D") + int(np.floor(begin + length))).astype("datetime64[M]")
        months = np.arange(first, last + 1)
        origin = np.datetime64(START, "D")
        edges = np.append(months, last + 1).astype("datetime64[D]") - origin
        cuts = np.clip(edges.astype(np.float64), begin, begin + length)
        factors = self._factor(months.astype(np.int64) % 12)
        return [
            (float(stretch), float(factor))
            for stretch, factor in zip(np.diff(cuts), factors, strict=True)
            if stretch > 0.0
        ]

    def __repr__(self) -> str:
        products = ", ".join(self._shares)
        return f"Truth of {len(self._start):,} customers of a shop, products: {products}"
