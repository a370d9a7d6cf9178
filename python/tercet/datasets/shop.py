"""A shop without contracts, whose customers' chances to buy each product are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._frames import new_table
from tercet._mixing import Draws
from tercet.datasets._backend import Backend, check_backend
from tercet.datasets._drawing import DAYS, END, happenings, head_count, shown, times, words
from tercet.datasets.shop_truth import ShopTruth

if TYPE_CHECKING:
    import datetime as dt

    from tercet._columns import Floats, Integers

__all__ = ["SimulatedShop", "simulate_shop"]


class _Product(NamedTuple):
    price: float
    margin: float
    #: Log-odds that the order of an average customer holds it, and how tastes shift them.
    level: float
    espresso: float
    filter: float
    sweet: float


_PRODUCTS: Final = {
    "beans": _Product(14.0, 0.35, -0.3, 1.0, 0.2, 0.0),
    "ground": _Product(11.0, 0.35, -1.2, -0.9, 0.9, 0.0),
    "tea": _Product(8.0, 0.50, -1.8, -0.4, 0.0, 0.8),
    "chocolate": _Product(6.0, 0.45, -1.9, 0.0, 0.0, 1.0),
    "filters": _Product(5.0, 0.40, -2.0, -0.6, 1.2, 0.0),
    "syrup": _Product(9.0, 0.50, -2.8, 0.5, -0.2, 0.9),
    "cups": _Product(24.0, 0.55, -3.0, 0.2, 0.2, 0.4),
    "cleaner": _Product(10.0, 0.60, -3.2, 1.0, 0.3, 0.0),
    "grinder": _Product(120.0, 0.25, -5.6, 0.9, 0.8, 0.0),
    "machine": _Product(480.0, 0.18, -6.4, 1.4, -0.5, 0.0),
}
#: Uses of the website for each order, and how the wish for a machine shifts them.
_VISITS: Final = {"search": (1.5, 0.0), "wishlist": (0.4, 0.6), "review": (0.2, 0.0)}
_REGIONS: Final = ("north", "south", "west")
_KNOWN_AT: Final = {
    "region": "since",
    "newsletter": "since",
    "age": "answered_at",
    "household": "answered_at",
    "income": "answered_at",
}
# A day, so that the mean count of all days is one that can be drawn.
_MOST: Final = 0.25


class SimulatedShop(NamedTuple):
    """Tables of an invented shop for coffee and tea, and the truth behind them.

    Attributes
    ----------
    purchases : table
        One row for each product of an order: `customer_id`, `date` (to the second, the same for
        all products of an order), `product`, `amount`; negative for what was sent back.
    events : table
        One row a use of the website: `customer_id`, `date`, `feature` ("search", "wishlist",
        "review").
    contacts : table
        One row a campaign contact: `customer_id`, `date`, `channel` ("mail", "app", "call"),
        `responded_at` (missing without a response). Who has left is written to, too.
    customers : table
        One row a customer: `customer_id`, `since`, `region`, `newsletter`; `age`, `household`
        (persons) and `income` (a year), which are missing where not told; `answered_at`, when the
        customer told them.
    products : table
        One row a product: `product`, `price` (the mean amount), `margin` (of a sale of that price).
    truth : ShopTruth
        The customers' traits, and `truth.purchase_probability(as_of, days, product)`.
    columns : dict
        When each attribute was known, for `tercet.Snapshots(columns=...)`.
    observation_end : datetime.date
        The last day of observation.
    """

    purchases: Any
    events: Any
    contacts: Any
    customers: Any
    products: Any
    truth: ShopTruth
    columns: dict[str, dict[str, Any]]
    observation_end: dt.date

    def __repr__(self) -> str:
        return shown(self)


def simulate_shop(
    n_customers: int,
    seed: int = 0,
    *,
    seasonality: float = 0.0,
    refunds: float = 0.0,
    backend: Backend = "pandas",
) -> SimulatedShop:
    """Draw customers of a shop, what they buy, and what else the shop sees of them.

    Customers come evenly in the first eighteen months of two and a half years. Each orders at a
    rate of their own, highest in the middle of life and in large households, until leaving for
    good, which nobody sees. Three tastes (espresso, filter coffee, sweets) tell what an order
    holds, so that products attract or replace each other: machines go with beans and cleaner,
    ground coffee with filters and without espresso. Tastes depend a little on age, household,
    income and region. There are ten products from "beans" (in nearly half of the orders) to the
    rare "grinder" and "machine". The loyal answer campaigns, tell more of themselves and stay.

    Parameters
    ----------
    n_customers : int
        Number of customers.
    seed : int
        The same seed gives the same tables, on any machine.
    seasonality : float
        How much more is ordered in December, at least 0: 1 for twice as much. November has half
        of it, April, May and October a tenth.
    refunds : float
        The share of products that are sent back, at least 0 and below 1. Each has a second row with
        the negative amount some days later; the truth counts the purchase all the same.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}
        The kind of tables to return.

    Returns
    -------
    SimulatedShop
        The tables and the truth.

    Raises
    ------
    ParameterError
        For an argument that cannot be used, or a backend that is not installed.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_shop(2_000, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-09-01", "2025-01-01"],
    ...     observation="180d",
    ...     outcome="90d",
    ...     columns=shop.columns,
    ... )
    >>> table = snapshots.purchases(
    ...     shop.purchases, products=["beans", "machine"], customers=shop.customers
    ... )
    >>> table.outcome_names
    ['buys_beans', 'buys_machine', 'buys_any']

    The share that bought is the one that the truth predicts:

    >>> truth = shop.truth.purchase_probability("2025-01-01", 90, ["beans", "machine"])
    >>> _, latest = table.split(last=1)
    >>> bool(abs(latest.frame["buys_any"].mean() - truth.mean()) < 0.03)
    True
    """
    check_backend(backend)
    n = head_count(n_customers)
    more = _arguments.number(seasonality, "seasonality")
    if not 0.0 <= more <= 10.0:
        raise _arguments.refusal(seasonality, "seasonality", "a number from 0 to 10")
    sent_back = _arguments.number(refunds, "refunds")
    if not 0.0 <= sent_back < 1.0:
        raise _arguments.refusal(refunds, "refunds", "a share, at least 0 and below 1")
    draws = Draws(_arguments.seed(seed, "seed"))
    people = _People(draws, n)
    truth = people.truth(more, backend)
    tables = {
        "purchases": _purchases(draws, people, truth, more, sent_back),
        "events": _visits(draws, people),
        "contacts": _contacts(draws, people),
        "customers": people.register(draws),
    }
    products = {
        "product": list(_PRODUCTS),
        "price": [product.price for product in _PRODUCTS.values()],
        "margin": [round(product.price * product.margin, 2) for product in _PRODUCTS.values()],
    }
    made = {name: new_table(columns, backend) for name, columns in tables.items()}
    return SimulatedShop(
        **made,
        products=new_table({name: pa.array(column) for name, column in products.items()}, backend),
        truth=truth,
        columns={"customers": {"known_at": dict(_KNOWN_AT)}},
        observation_end=END,
    )


class _People:
    """Customers as they are, whether anybody knows it or not."""

    def __init__(self, draws: Draws, n: int) -> None:
        self.ids = np.arange(1, n + 1)
        self.start = draws.uniform(n) * 540.0
        self.age = np.floor(18.0 + 62.0 * np.sqrt(draws.uniform(n) * draws.uniform(n)))
        self.household = 1 + draws.choice([0.35, 0.33, 0.15, 0.12, 0.05], n)
        self.region = draws.choice([0.5, 0.3, 0.2], n)
        self.newsletter = draws.uniform(n) < 0.4
        self.appetite, self.loyalty = draws.normal(n), draws.normal(n)
        wealth = 0.3 * self.appetite + 0.95 * draws.normal(n)
        self.income = np.round(38_000.0 * np.exp(0.45 * wealth), -2)
        late = (self.age - 45.0) / 15.0
        self.espresso = (
            0.8 * draws.normal(n) + 0.35 * wealth - 0.25 * late + 0.5 * (self.region == 1)
        )
        self.filter = 0.8 * draws.normal(n) + 0.4 * late + 0.3 * (self.region == 0)
        self.sweet = 0.8 * draws.normal(n) + 0.3 * (self.household - 2)
        prime = ((self.age - 44.0) / 25.0) ** 2
        intent = -3.6 + 0.5 * self.appetite - 0.8 * prime + 0.12 * (self.household - 1)
        # Orders that are thought of; those that would hold nothing are not made.
        self.intent_rate = np.minimum(np.exp(intent + 0.15 * self.newsletter), _MOST)
        self.leaving_rate = np.exp(-6.8 - 0.5 * self.loyalty + 0.6 * (self.age < 28.0))
        self.left = self.start + draws.exponential(self.leaving_rate)
        self.until = np.minimum(self.left, DAYS)
        self.shares = {
            name: 1.0 / (1.0 + np.exp(-(product.level + self._pull(product))))
            for name, product in _PRODUCTS.items()
        }

    def _pull(self, product: _Product) -> Floats:
        found: Floats = (
            product.espresso * self.espresso
            + product.filter * self.filter
            + product.sweet * self.sweet
        )
        return found

    def truth(self, seasonality: float, backend: Backend) -> ShopTruth:
        """Return what is true of them."""
        nothing = np.prod([1.0 - share for share in self.shares.values()], axis=0)
        order_rate = self.intent_rate * (1.0 - nothing)
        rates = {name: self.intent_rate * share for name, share in self.shares.items()}
        columns = {
            "customer_id": self.ids,
            **{name: getattr(self, name) for name in ("appetite", "loyalty")},
            **{name: getattr(self, name) for name in ("espresso", "filter", "sweet")},
            **{name: getattr(self, name) for name in ("age", "household", "income")},
            "order_rate": order_rate,
            "leaving_rate": self.leaving_rate,
            "left_at": times(self.until, self.left >= DAYS),
            **{f"rate_{name}": rate for name, rate in rates.items()},
        }
        return ShopTruth(
            new_table(columns, backend),
            start=self.start,
            left=self.left,
            intent_rate=self.intent_rate,
            leaving_rate=self.leaving_rate,
            shares=self.shares,
            seasonality=seasonality,
        )

    def register(self, draws: Draws) -> dict[str, Any]:
        """Return what the shop knows of them."""
        n = len(self.ids)
        willing = draws.uniform(n) < 1.0 / (1.0 + np.exp(-(0.6 + 0.5 * self.loyalty)))
        answered = self.start + draws.exponential(np.full(n, 1.0 / 40.0))
        silent = ~willing | (answered >= self.until)
        discreet = silent | (draws.uniform(n) < 0.3)
        return {
            "customer_id": self.ids,
            "since": times(self.start),
            "region": words(_REGIONS, self.region),
            "newsletter": self.newsletter,
            "age": pa.array(self.age, mask=silent),
            "household": pa.array(self.household.astype(np.float64), mask=silent),
            "income": pa.array(self.income, mask=discreet),
            "answered_at": times(np.minimum(answered, DAYS), silent),
        }


def _purchases(
    draws: Draws, people: _People, truth: ShopTruth, seasonality: float, sent_back: float
) -> dict[str, Any]:
    """Draw orders, and which products each of them holds."""
    most = float(truth.season(np.arange(365.0)).max())
    who, when, _ = happenings(draws, [people.intent_rate * most], people.start, people.until)
    if seasonality > 0.0:
        made = draws.uniform(len(who)) * most < truth.season(when)
        who, when = who[made], when[made]
    held = np.column_stack(
        [draws.uniform(len(who)) < share[who] for share in people.shares.values()]
    )
    order, product = np.nonzero(held)
    who, when = who[order], when[order]
    price = np.array([one.price for one in _PRODUCTS.values()])[product]
    # The mean of the lognormal factor is 1.
    amount = np.round(price * np.exp(0.2 * draws.normal(len(who)) - 0.02), 2)
    if sent_back > 0.0:
        back = np.flatnonzero(draws.uniform(len(who)) < sent_back)
        then = when[back] + 3.0 + draws.exponential(np.full(len(back), 0.1))
        back, then = back[then < DAYS], then[then < DAYS]
        when = np.concatenate([when, then])
        in_time = np.argsort(when, kind="stable")
        rows = np.concatenate([np.arange(len(who)), back])[in_time]
        sign = np.where(in_time < len(who), 1.0, -1.0)
        who, product, amount, when = who[rows], product[rows], sign * amount[rows], when[in_time]
    return {
        "customer_id": people.ids[who],
        "date": times(when),
        "product": words(tuple(_PRODUCTS), product),
        "amount": amount,
    }


def _visits(draws: Draws, people: _People) -> dict[str, Any]:
    wish = people.espresso
    rates = [
        np.minimum(people.intent_rate * often * np.exp(pull * wish), 2.0 * _MOST)
        for often, pull in _VISITS.values()
    ]
    who, when, which = happenings(draws, rates, people.start, people.until)
    return {
        "customer_id": people.ids[who],
        "date": times(when),
        "feature": words(tuple(_VISITS), which),
    }


def _contacts(draws: Draws, people: _People) -> dict[str, Any]:
    rate = np.where(people.newsletter, 1.0 / 45.0, 1.0 / 150.0)
    end = np.full(len(people.ids), float(DAYS))
    who, when, _ = happenings(draws, [rate], people.start, end)
    chance = 1.0 / (1.0 + np.exp(1.4 - 0.5 * people.loyalty - 0.4 * people.appetite))[who]
    answered = when + draws.exponential(np.full(len(who), 0.5))
    responded = (draws.uniform(len(who)) < chance) & (answered < people.until[who])
    channel: Integers = draws.choice([0.7, 0.2, 0.1], len(who))
    return {
        "customer_id": people.ids[who],
        "date": times(when),
        "channel": words(("mail", "app", "call"), channel),
        "responded_at": times(np.minimum(answered, DAYS), ~responded),
    }
