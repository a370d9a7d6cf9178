"""What is true of an invented company's customers: needs, chances, effects and values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _arguments
from tercet.datasets._drawing import day_of, positive_days, shrinking
from tercet.datasets._leads import LOST, STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats, Integers
    from tercet._time import TimeLike
    from tercet.datasets._leads import Leads

__all__ = ["CompanyTruth"]

#: What customers need most of all.
NEEDS: Final = ("price", "convenience", "quality", "advice")
#: The arms of the campaign, the control first.
ARMS: Final = ("none", "discount", "recipes")
_YEAR: Final = 365.25


@dataclass(frozen=True)
class Customers:
    """Customers as they are; times in days of the calendar, rates a day.

    Attributes
    ----------
    ids : numpy.ndarray
        Of text.
    need : numpy.ndarray
        Places in `NEEDS`.
    start, left : numpy.ndarray
        Of the first order, and of leaving for good (never: infinity).
    order_rate, leaving : numpy.ndarray
        Of orders while a customer is there, and the chance to leave after each but the first.
    held : dict
        The chance that an order holds a product.
    paid : dict
        The mean amount for a product of an order.
    margins : dict
        What is earned of the amount for a product, a share.
    joined, ended : numpy.ndarray
        Of the membership (never: infinity).
    cancel : pair of numpy.ndarray
        Rates of its end while the customer is there, and afterwards.
    uses : dict
        Rates of the use of features while the customer is there, and afterwards.
    extra, fewer : dict
        By arm: the chance of an order more, and of each order to be left out, in the days of the
        campaign.
    campaign : pair of float
        The day it began, and its length.
    price_cut : dict
        By arm, a share of the amount.
    """

    ids: NDArray[Any]
    need: Integers
    start: Floats
    left: Floats
    order_rate: Floats
    leaving: Floats
    held: Mapping[str, Floats]
    paid: Mapping[str, Floats]
    margins: Mapping[str, float]
    joined: Floats
    ended: Floats
    cancel: tuple[Floats, Floats]
    uses: Mapping[str, tuple[Floats, Floats]]
    extra: Mapping[str, Floats]
    fewer: Mapping[str, Floats]
    campaign: tuple[float, float]
    price_cut: Mapping[str, float]

    @property
    def order_value(self) -> Floats:
        """The mean amount of an order, which holds one product at least."""
        found: Floats = sum(
            (share * self.paid[name] for name, share in self.held.items()), np.zeros(len(self.ids))
        )
        return found / self.something

    @property
    def order_margin(self) -> Floats:
        """What is earned of an order on average."""
        parts = (share * self.paid[name] * self.margins[name] for name, share in self.held.items())
        found: Floats = sum(parts, np.zeros(len(self.ids)))
        return found / self.something

    @property
    def something(self) -> Floats:
        """The chance that a thought of an order becomes one: that it holds anything."""
        nothing: Floats = np.prod([1.0 - share for share in self.held.values()], axis=0)
        return 1.0 - nothing

    def effect(self, arm: str, outcome: str) -> Floats:
        """Return what an arm of the campaign does to orders, or to spend."""
        begin, length = self.campaign
        out = self.order_rate * self.leaving
        orders = np.where(self.left < begin, 0.0, self.order_rate * -np.expm1(-out * length) / out)
        more, fewer = self.extra[arm], self.fewer[arm] * orders
        if outcome == "spend":
            more = more * self.order_value * (1.0 - self.price_cut[arm])
            fewer = fewer * self.order_value
        found: Floats = np.where(self.start < begin, more - fewer, np.nan)
        return found


class CompanyTruth:
    """What is true of the customers and leads of `simulate_company`.

    A customer orders at a constant rate, and after each order but the first leaves for good with a
    constant chance, which nobody sees. The chances are those of somebody who knows everything but
    the future: rates, and who has left. They are exact.

    Attributes
    ----------
    customers : table
        One row a customer: `customer_id`; `need`, one of "price", "convenience", "quality" and
        "advice"; `order_rate` a day, `leaving_probability` after an order, `order_value` and
        `order_margin` (means of an order), `left_at` (missing for who is still there), and the
        effects of the campaign's arms on orders and spend in its four weeks:
        `effect_discount_orders`, `effect_discount_spend`, `effect_recipes_orders`,
        `effect_recipes_spend` (of who was in it, and of who might have been).
    leads : table
        One row a lead: `customer_id`, `fit`, `employees`, and a rate a day for each step.
    arms : tuple
        The arms of the campaign, the control first.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_company(500, seed=1)
    >>> value = company.truth.expected_margin("2025-07-01", 365)
    >>> bool((value[company.truth.customers["left_at"].notna()] == 0.0).all())
    True
    """

    def __init__(self, customers: Any, leads: Any, own: Customers, of_leads: Leads) -> None:
        self.customers = customers
        self.leads = leads
        self.arms = ARMS
        self._own = own
        self._leads = of_leads
        self._places = {str(one): row for row, one in enumerate(own.ids)}

    def need(self, *, customers: Sequence[str] | None = None) -> NDArray[Any]:
        """Return what each customer needs most of all.

        Parameters
        ----------
        customers : sequence of str, optional
            Whose; here and below by default all, in the order of the table of customers.

        Returns
        -------
        numpy.ndarray
            "price", "convenience", "quality" or "advice".
        """
        found: NDArray[Any] = np.array(NEEDS)[self._own.need[self._rows(customers)]]
        return found

    def purchase_probability(
        self,
        as_of: TimeLike,
        days: float,
        product: str | Sequence[str] | None = None,
        *,
        customers: Sequence[str] | None = None,
    ) -> Floats:
        """Return how likely each customer buys within some days from a date.

        With orders at rate r, each of which holds the product with chance s and is the last with
        chance p, it is s / q (1 - exp(-r q days)) with q = s + (1 - s) p.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        product : str or sequence of str, optional
            The product, or any of several; by default any at all.
        customers : sequence of str, optional
            Whose.

        Returns
        -------
        numpy.ndarray
            Probabilities, 0 for who has left; NaN for who became a customer on the date or later.

        Raises
        ------
        ParameterError
            For a product or customer that does not exist, or a window that is none.
        """
        begin, length = day_of(as_of), positive_days(days)
        own, rows = self._own, self._rows(customers)
        names = _arguments.some_of(product, "product", tuple(own.held))
        none = np.prod([1.0 - own.held[name][rows] for name in names], axis=0)
        share = (1.0 - none) / own.something[rows]
        ends = share + (1.0 - share) * own.leaving[rows]
        found: Floats = share / ends * -np.expm1(-own.order_rate[rows] * ends * length)
        return self._of_those_there(found, begin, rows)

    def expected_margin(
        self,
        as_of: TimeLike,
        days: float,
        discount_rate: float = 0.0,
        *,
        customers: Sequence[str] | None = None,
    ) -> Floats:
        """Return what is earned of each customer's orders within some days from a date.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        discount_rate : float
            By year, continuously, from the moment at which an order is expected.
        customers : sequence of str, optional
            Whose.

        Returns
        -------
        numpy.ndarray
            Money, 0 for who has left; NaN for who became a customer on the date or later.

        Raises
        ------
        ParameterError
            For a customer that does not exist, or a window that is none.
        """
        begin, length = day_of(as_of), positive_days(days)
        own, rows = self._own, self._rows(customers)
        rate = own.order_rate[rows]
        out = (
            rate * own.leaving[rows]
            + np.log1p(_arguments.number(discount_rate, "discount_rate")) / _YEAR
        )
        orders = rate * -np.expm1(-out * length) / out
        return self._of_those_there(orders * own.order_margin[rows], begin, rows)

    def churn_probability(
        self, as_of: TimeLike, days: float, *, customers: Sequence[str] | None = None
    ) -> Floats:
        """Return how likely each membership ends within some days from a date.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        customers : sequence of str, optional
            Whose.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who is no member at the date.

        Raises
        ------
        ParameterError
            For a customer that does not exist, or a window that is none.
        """
        begin, length = day_of(as_of), positive_days(days)
        own, rows = self._own, self._rows(customers)
        found = self._first(own.cancel, begin, length, rows)
        found[~((own.joined[rows] < begin) & (own.ended[rows] >= begin))] = np.nan
        return found

    def feature_use_probability(
        self, as_of: TimeLike, days: float, feature: str, *, customers: Sequence[str] | None = None
    ) -> Floats:
        """Return how likely each customer uses a feature of the app within some days from a date.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        feature : str
            The feature.
        customers : sequence of str, optional
            Whose.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who became a customer on the date or later.

        Raises
        ------
        ParameterError
            For a feature or customer that does not exist, or a window that is none.
        """
        name = _arguments.word(feature, "feature", tuple(self._own.uses))
        begin, length = day_of(as_of), positive_days(days)
        rows = self._rows(customers)
        found = self._first(self._own.uses[name], begin, length, rows)
        found[self._own.start[rows] >= begin] = np.nan
        return found

    def stage_probability(
        self,
        as_of: TimeLike,
        days: float,
        stage: str | None = None,
        *,
        customers: Sequence[str] | None = None,
    ) -> Floats:
        """Return how likely each lead goes from its stage to another within some days.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        stage : str, optional
            The stage that it goes to next: "trial", "qualified", "customer" or "lost"; by default
            any but "lost".
        customers : sequence of str, optional
            Leads; by default all, in the order of the table of leads.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who is in no stage at the date, or is a customer or lost.

        Raises
        ------
        ParameterError
            For a stage or lead that does not exist, or a window that is none.
        """
        names = (*STAGES[1:], LOST)
        wanted = STAGES[1:] if stage is None else (_arguments.word(stage, "stage", names),)
        begin, length = day_of(as_of), positive_days(days)
        places = {lead_id(row): row for row in range(len(self._leads.closed))}
        rows = _rows_of(customers, places, "a lead")
        return self._leads.stage_probability(begin, length, wanted, rows)

    def effect(
        self, arm: str, outcome: str = "spend", *, customers: Sequence[str] | None = None
    ) -> Floats:
        """Return what an arm of the campaign does to each customer in its four weeks.

        Parameters
        ----------
        arm : {"discount", "recipes"}
            The arm, against none.
        outcome : {"spend", "orders"}
            The amount spent, or the number of orders.
        customers : sequence of str, optional
            Whose.

        Returns
        -------
        numpy.ndarray
            Expected differences; NaN for who became a customer on the campaign's day or later.

        Raises
        ------
        ParameterError
            For an arm, outcome or customer that does not exist.
        """
        name = _arguments.word(arm, "arm", ARMS[1:])
        what = _arguments.word(outcome, "outcome", ("spend", "orders"))
        found: Floats = self._own.effect(name, what)[self._rows(customers)]
        return found

    def _of_those_there(self, found: Floats, begin: float, rows: Any) -> Floats:
        found[self._own.left[rows] < begin] = 0.0
        found[self._own.start[rows] >= begin] = np.nan
        return found

    def _first(
        self, rates: tuple[Floats, Floats], begin: float, length: float, rows: Any
    ) -> Floats:
        """Return the chance of something whose rate changes when a customer leaves."""
        own = self._own
        there, after = rates[0][rows], rates[1][rows]
        leaving = own.order_rate[rows] * own.leaving[rows]
        out = there + leaving
        # (e^-at - e^-bt) / (b - a) without dividing by zero where the rates are equal.
        apart = (out - after) * length
        met = shrinking(apart)
        stays = np.exp(-out * length) + leaving * length * np.exp(-after * length) * met
        gone = own.left[rows] < begin
        found: Floats = np.where(gone, -np.expm1(-after * length), 1.0 - stays)
        return found

    def _rows(self, customers: Sequence[str] | None) -> Any:
        return _rows_of(customers, self._places, "a customer")

    def __repr__(self) -> str:
        n, leads = len(self._own.ids), len(self._leads.closed)
        return f"Truth of {n:,} customers and {leads:,} leads of a company"


def customer_id(number: int) -> str:
    """Return the id of a customer."""
    return f"C{number + 1:07}"


def lead_id(number: int) -> str:
    """Return the id of a lead."""
    return f"L{number + 1:07}"


def _rows_of(customers: Any, places: Mapping[str, int], what: str) -> Any:
    if customers is None:
        return slice(None)
    rows = [places.get(str(one)) for one in customers]
    if None in rows:
        strange = list(customers)[rows.index(None)]
        raise _arguments.refusal(strange, "customers", f"the id of {what}")
    return np.array(rows, dtype=np.int64)
