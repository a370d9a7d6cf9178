"""A whole company with known truth: needs that drive purchases, responses and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._frames import new_table
from tercet._mixing import Draws
from tercet.datasets._backend import Backend, check_backend
from tercet.datasets._company_survey import draw_survey
from tercet.datasets._drawing import DAYS, END, happenings, head_count, shown, times, words
from tercet.datasets._leads import draw_leads
from tercet.datasets.company_truth import (
    ARMS,
    NEEDS,
    CompanyTruth,
    Customers,
    customer_id,
    lead_id,
)

if TYPE_CHECKING:
    import datetime as dt

    from tercet._columns import Floats, Integers
    from tercet.data.survey import Survey

__all__ = ["SimulatedCompany", "simulate_company"]

# By need, in the order of NEEDS: price, convenience, quality, advice.
_SHARES: Final = (0.32, 0.28, 0.24, 0.16)
#: Days between orders on average, and the chance to leave after an order.
_GAP: Final = np.array([56.0, 30.0, 44.0, 68.0])
_LEAVING: Final = np.array([0.13, 0.06, 0.05, 0.09])
_AGE: Final = np.array([38.0, 41.0, 52.0, 33.0])
_CHILDREN: Final = np.array([1.2, 1.9, 0.6, 0.7])
_REGION: Final = ((0.3, 0.3, 0.4), (0.6, 0.2, 0.2), (0.4, 0.45, 0.15), (0.45, 0.3, 0.25))
_CAME_BY: Final = (
    (0.25, 0.5, 0.1, 0.15),
    (0.45, 0.25, 0.15, 0.15),
    (0.2, 0.1, 0.35, 0.35),
    (0.35, 0.1, 0.4, 0.15),
)
_MEMBER: Final = np.array([0.15, 0.6, 0.4, 0.25])
_CANCEL: Final = np.array([-5.2, -6.6, -6.4, -5.9])
_APP_SHARE: Final = np.array([0.5, 0.75, 0.4, 0.75])
_WEB_SHARE: Final = np.array([0.5, 0.25, 0.35, 0.3])
_DISCOUNTED: Final = np.array([0.55, 0.2, 0.08, 0.2])
_CONSENT: Final = np.array([0.86, 0.78, 0.68, 0.84])


class _Product(NamedTuple):
    price: float
    margin: float
    #: Log-odds that an order holds it, by need.
    level: tuple[float, float, float, float]


_PRODUCTS: Final = {
    "vegetables": _Product(12.0, 0.28, (0.6, 0.7, 0.9, 0.5)),
    "bread": _Product(5.0, 0.35, (0.2, 0.4, 0.3, -0.3)),
    "meat": _Product(16.0, 0.25, (-0.6, -0.2, 0.2, -0.7)),
    "cheese": _Product(11.0, 0.38, (-1.2, -0.6, 0.5, -0.2)),
    "wine": _Product(28.0, 0.42, (-2.8, -1.6, -0.6, -1.2)),
    "meal kit": _Product(24.0, 0.45, (-2.6, 0.1, -1.4, -0.2)),
    "spices": _Product(6.0, 0.60, (-2.4, -1.8, -1.2, 0.3)),
    "cookware": _Product(65.0, 0.35, (-4.6, -3.8, -3.2, -2.3)),
}
#: Uses of the app a day of a customer with it, by need.
_FEATURES: Final = {
    "lists": (0.030, 0.090, 0.025, 0.030),
    "recipes": (0.010, 0.030, 0.025, 0.110),
    "offers": (0.080, 0.020, 0.006, 0.015),
    "chat": (0.001, 0.002, 0.003, 0.020),
}
#: The chance of one more order in the four weeks of the campaign, by arm and need.
_EXTRA: Final = {"discount": (0.30, 0.06, 0.0, 0.04), "recipes": (0.0, 0.05, 0.06, 0.32)}
#: The chance of each order to be left out: who looks for quality distrusts discounts.
_FEWER: Final = {"discount": (0.0, 0.0, 0.25, 0.0), "recipes": (0.0, 0.0, 0.0, 0.0)}
_PRICE_CUT: Final = {"discount": 0.15, "recipes": 0.0}
_CAMPAIGN: Final = (DAYS - 70.0, 28.0)
#: What is left of the app's use, and how the end of a membership hastens, when a customer has left.
_GONE_USE: Final = 0.15
_GONE_CANCEL: Final = 6.0
# A day, so that the mean count of all days is one that can be drawn.
_MOST: Final = 0.6


class SimulatedCompany(NamedTuple):
    """The tables of an invented company that delivers food, and the truth behind them.

    Attributes
    ----------
    customers : table
        One row a customer: `customer_id`, `since`, `region`, `came_by`; `age` and `children`, which
        are missing where not told.
    survey : Survey
        Twelve criteria for choosing a supplier, rated by a sample of the customers from 1 to 5, and
        where they like to buy; with weights, and ids as people type them.
    respondents : table
        The same as a table.
    purchases : table
        One row for each product of an order: `customer_id`, `date` (to the second, the same for all
        products of an order), `product`, `amount`, `channel` ("web", "app", "shop"), `discounted`.
    events : table
        One row a use of the app: `customer_id`, `date`, `feature` ("lists", "recipes", "offers",
        "chat").
    subscriptions : table
        One row a membership: `customer_id`, `start`, `end` (missing while it runs), `amount` a
        month.
    campaigns : table
        One row for each customer in the randomised campaign: `customer_id`, `date`, `campaign`,
        `channel`, `arm` ("none", "discount", "recipes").
    contacts : table
        One row for each message sent: `customer_id`, `date`, `channel` ("email", "sms", "app").
    stages : table
        One row for each stage that a lead came into: `customer_id` (of leads), `date`, `stage`.
    leads : table
        One row a lead: `customer_id`, `since`, `source`, `employees`, `employees_at`.
    visits : table
        One row a visit of a lead to the website: `customer_id`, `date`, `feature`.
    consent : table
        One row a customer who was asked: `customer_id`, `email`, `sms`, `app` (whether the channel
        is allowed), `do_not_contact`.
    feedback : table
        One row an answer: `customer_id`, `date`, `score` from 0 to 10.
    products : table
        One row a product: `product`, `price` (the mean amount), `margin` (a share).
    truth : CompanyTruth
        Needs, chances, effects and values.
    columns : dict
        When each attribute was known, for `tercet.Snapshots(columns=...)`, by table.
    observation_end : datetime.date
        The last day of observation.
    """

    customers: Any
    survey: Survey
    respondents: Any
    purchases: Any
    events: Any
    subscriptions: Any
    campaigns: Any
    contacts: Any
    stages: Any
    leads: Any
    visits: Any
    consent: Any
    feedback: Any
    products: Any
    truth: CompanyTruth
    columns: dict[str, dict[str, Any]]
    observation_end: dt.date

    def __repr__(self) -> str:
        return shown(self)


def simulate_company(
    n_customers: int,
    seed: int = 0,
    *,
    n_respondents: int | None = None,
    n_leads: int | None = None,
    mess: float = 0.01,
    backend: Backend = "pandas",
) -> SimulatedCompany:
    """Draw a company whose customers' needs drive what they buy, answer and are worth.

    Each customer needs one of four things most of all: a low price, convenience, quality or advice.
    The need shifts what the customer answers in the survey, how often and what is bought and for
    how long, whether there is a membership, what of the app is used, and what a message does:
    discounts bring orders of those who look for the price and cost some of those who look for
    quality; recipes bring orders of those who look for advice. More so where the last order is
    longer ago. Nothing that the company sees gives a need away.

    Customers come evenly over two and a half years. Purchases follow the assumptions of
    `BGNBD` within each need. The campaign went to a random third each, ten weeks before the end.

    Parameters
    ----------
    n_customers : int
        Number of customers.
    seed : int
        The same seed gives the same tables, on any machine.
    n_respondents : int, optional
        How many answer the survey; by default a tenth, 2,500 at most.
    n_leads : int, optional
        Number of leads; by default a fifth of the customers.
    mess : float
        The share of ids in survey, purchases and events that are not right, from 0 to 0.5: with
        blanks or in small letters in the survey, of nobody in the others.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}
        The kind of tables to return.

    Returns
    -------
    SimulatedCompany
        The tables and the truth.

    Raises
    ------
    ParameterError
        For an argument that cannot be used, or a backend that is not installed.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_company(2_000, seed=1)
    >>> company.truth.customers.groupby("need")["order_rate"].mean().idxmax()
    'convenience'
    >>> company.truth.purchase_probability("2025-07-01", 28, "meal kit").shape
    (2000,)
    """
    check_backend(backend)
    n = head_count(n_customers)
    expected = "a whole number from 1 to the number of customers"
    asked = min(max(n // 10, 1), 2_500)
    if n_respondents is not None:
        asked = _arguments.whole(n_respondents, "n_respondents", expected)
        if not 1 <= asked <= n:
            raise _arguments.refusal(n_respondents, "n_respondents", expected)
    many = max(n // 5, 1) if n_leads is None else head_count(n_leads, "n_leads")
    spoilt = _arguments.number(mess, "mess")
    if not 0.0 <= spoilt <= 0.5:
        raise _arguments.refusal(mess, "mess", "a share from 0 to 0.5")
    draws = Draws(_arguments.seed(seed, "seed"))
    people = _People(draws, n)
    tables = people.tables(draws, spoilt)
    of_leads, leads, true_leads = draw_leads(draws, _ids(lead_id, many))
    survey, respondents = draw_survey(
        draws, people.ids, people.need, people.age, asked, spoilt, backend
    )
    made = {name: new_table(columns, backend) for name, columns in (tables | of_leads).items()}
    products = {
        "product": pa.array(list(_PRODUCTS)),
        "price": [product.price for product in _PRODUCTS.values()],
        "margin": [product.margin for product in _PRODUCTS.values()],
    }
    own = dict.fromkeys(("region", "came_by", "age", "children"), "since")
    of_leads_columns = {"employees": "employees_at", "source": "since"}
    return SimulatedCompany(
        survey=survey,
        respondents=respondents,
        **made,
        products=new_table({name: pa.array(column) for name, column in products.items()}, backend),
        truth=CompanyTruth(
            new_table(people.true_columns(), backend),
            new_table(true_leads, backend),
            people.own,
            leads,
        ),
        columns={
            "customers": {"customers": {"known_at": own}},
            "leads": {"customers": {"known_at": of_leads_columns}},
        },
        observation_end=END,
    )


def _ids(of: Any, n: int) -> Any:
    return np.array([of(number) for number in range(n)], dtype=np.str_)


class _People:
    """Customers as they are, whether anybody knows it or not, and what they order."""

    def __init__(self, draws: Draws, n: int) -> None:
        self.ids = _ids(customer_id, n)
        self.need = need = draws.choice(_SHARES, n)
        self.start = draws.uniform(n) * (DAYS - 1.0)
        self.age = np.clip(np.round(_AGE[need] + 11.0 * draws.normal(n)), 18.0, 90.0)
        self.children = np.minimum(draws.poisson(_CHILDREN[need]), 5)
        self.region = _by_need(draws, _REGION, need)
        self.came_by = _by_need(draws, _CAME_BY, need)
        # Gamma of shape 2, as the sum of two waiting times; its mean is 1.
        eager = 0.5 * (draws.exponential(np.ones(n)) + draws.exponential(np.ones(n)))
        self.order_rate = np.minimum(eager / _GAP[need], _MOST)
        # Beta of (1, b) by its inverse; its mean is that of the need.
        b = 1.0 / _LEAVING[need] - 1.0
        self.leaving = np.maximum(1.0 - draws.uniform(n) ** (1.0 / b), 1e-4)
        generous = np.exp(0.3 * draws.normal(n) - 0.045)
        self.paid = {name: product.price * generous for name, product in _PRODUCTS.items()}
        # Tastes of one's own, so that products are not told by the need alone.
        self.held = {
            name: 1.0 / (1.0 + np.exp(-(np.array(product.level)[need] + 0.7 * draws.normal(n))))
            for name, product in _PRODUCTS.items()
        }
        who, when, left = self._orders(draws)
        self.left = left
        self._members(draws)
        has_app = draws.uniform(n) < _APP_SHARE[need]
        self.uses = {}
        for name, often in _FEATURES.items():
            own = np.exp(0.8 * draws.normal(n) - 0.32)
            rate = np.minimum(np.where(has_app, 1.0, 0.03) * np.array(often)[need] * own, _MOST)
            self.uses[name] = (rate, _GONE_USE * rate)
        self.consent = draws.uniform(n) < _CONSENT[need]
        self.asked = draws.uniform(n) < 0.97
        self.never = draws.uniform(n) < 0.03
        self._campaign(draws)
        begin, _ = _CAMPAIGN
        last = np.full(n, -np.inf)
        before = when < begin
        np.maximum.at(last, who[before], when[before])
        # A message does more where the last order is longer ago, and little where a customer left.
        urge = np.where(begin - last > 30.0, 1.3, 0.7) * np.where(left < begin, 0.1, 1.0)
        extra = {arm: np.array(chance)[need] * urge for arm, chance in _EXTRA.items()}
        fewer = {arm: np.array(chance)[need] for arm, chance in _FEWER.items()}
        self.own = Customers(
            ids=self.ids,
            need=need,
            start=self.start,
            left=left,
            order_rate=self.order_rate,
            leaving=self.leaving,
            held=self.held,
            paid=self.paid,
            margins={name: product.margin for name, product in _PRODUCTS.items()},
            joined=self.joined,
            ended=self.ended,
            cancel=self.cancel,
            uses=self.uses,
            extra=extra,
            fewer=fewer,
            campaign=_CAMPAIGN,
            price_cut=_PRICE_CUT,
        )
        self.orders = self._answered(draws, who, when)

    def _orders(self, draws: Draws) -> tuple[Integers, Floats, Floats]:
        """Draw who orders when, and when customers leave."""
        n = len(self.ids)
        counts = draws.poisson(self.order_rate * (DAYS - self.start))
        last = 1 + np.floor(np.log1p(-draws.uniform(n)) / np.log1p(-self.leaving)).astype(np.int64)
        who = np.repeat(np.arange(n), counts)
        when = self.start[who] + draws.uniform(len(who)) * (DAYS - self.start)[who]
        order = np.lexsort((when, who))
        who, when = who[order], when[order]
        first = np.cumsum(counts) - counts
        rank = np.arange(len(who)) - first[who] + 1
        left = np.full(n, np.inf)
        final = rank == last[who]
        left[who[final]] = when[final]
        kept = rank <= last[who]
        who = np.concatenate([np.arange(n), who[kept]])
        return who, np.concatenate([self.start, when[kept]]), left

    def _members(self, draws: Draws) -> None:
        """Draw memberships, which end sooner when a customer has left."""
        n = len(self.ids)
        joined = self.start + draws.exponential(np.full(n, 1.0 / 60.0))
        joins = (draws.uniform(n) < _MEMBER[self.need]) & (joined < np.minimum(self.left, DAYS))
        self.joined = np.where(joins, joined, np.inf)
        rate = np.exp(_CANCEL[self.need] + 0.6 * draws.normal(n))
        self.cancel = (rate, _GONE_CANCEL * rate)
        lived = draws.exponential(np.ones(n)) / rate
        until_left = np.where(np.isfinite(self.left), self.left, 1e6) - np.where(joins, joined, 0.0)
        stay = np.where(lived < until_left, lived, until_left + (lived - until_left) / _GONE_CANCEL)
        self.ended = np.where(joins, joined + stay, np.inf)

    def _campaign(self, draws: Draws) -> None:
        begin, _ = _CAMPAIGN
        n = len(self.ids)
        allowed = self.consent & self.asked & ~self.never & (self.start < begin)
        arm = draws.choice([1.0 / 3.0] * 3, n)
        self.arm = np.where(allowed, arm, -1)

    def _answered(self, draws: Draws, who: Integers, when: Floats) -> tuple[Any, Any, Any]:
        """Return the orders with what the campaign did to them, and the price cut of each."""
        begin, length = _CAMPAIGN
        cut = np.zeros(len(who))
        kept = np.ones(len(who), dtype=bool)
        more_who, more_when, more_cut = [], [], []
        for place, arm in enumerate(ARMS[1:], start=1):
            treated = np.flatnonzero(self.arm == place)
            extra = treated[draws.uniform(len(treated)) < self.own.extra[arm][treated]]
            more_who.append(extra)
            more_when.append(begin + draws.uniform(len(extra)) * length)
            more_cut.append(np.full(len(extra), _PRICE_CUT[arm]))
            inside = (self.arm[who] == place) & (when >= begin) & (when < begin + length)
            kept &= ~(inside & (draws.uniform(len(who)) < self.own.fewer[arm][who]))
        who = np.concatenate([who[kept], *more_who])
        when = np.concatenate([when[kept], *more_when])
        cut = np.concatenate([cut[kept], *more_cut])
        order = np.lexsort((who, when))
        return who[order], when[order], cut[order]

    def true_columns(self) -> dict[str, Any]:
        """Return what is true of them as a table."""
        own = self.own
        effects = {
            f"effect_{arm}_{what}": pa.array(own.effect(arm, what), from_pandas=True)
            for arm in ARMS[1:]
            for what in ("orders", "spend")
        }
        return {
            "customer_id": pa.array(self.ids),
            "need": words(NEEDS, self.need),
            "order_rate": self.order_rate,
            "leaving_probability": self.leaving,
            "order_value": own.order_value,
            "order_margin": own.order_margin,
            "left_at": times(np.minimum(self.left, DAYS), self.left >= DAYS),
            **effects,
        }

    def tables(self, draws: Draws, mess: float) -> dict[str, Any]:
        """Return what the company sees of them."""
        n = len(self.ids)
        silent = draws.uniform(n) < 0.15
        begin, _ = _CAMPAIGN
        tried = np.flatnonzero(self.arm >= 0)
        member = np.flatnonzero(self.joined < DAYS)
        ended = self.ended[member]
        asked = np.flatnonzero(self.asked)
        rest = len(asked)
        return {
            "customers": {
                "customer_id": pa.array(self.ids),
                "since": times(self.start),
                "region": words(("city", "suburb", "country"), self.region),
                "came_by": words(("search", "ad", "friend", "market"), self.came_by),
                "age": pa.array(self.age, mask=silent),
                "children": pa.array(self.children.astype(np.float64), mask=silent),
            },
            "purchases": self._purchases(draws, mess),
            "events": self._events(draws, mess),
            "subscriptions": {
                "customer_id": pa.array(self.ids[member]),
                "start": times(self.joined[member]),
                "end": times(np.minimum(ended, DAYS), ended >= DAYS),
                "amount": np.full(len(member), 7.9),
            },
            "campaigns": {
                "customer_id": pa.array(self.ids[tried]),
                "date": times(np.full(len(tried), begin)),
                "campaign": pa.array(["spring"] * len(tried), pa.string()),
                "channel": pa.array(["email"] * len(tried), pa.string()),
                "arm": words(ARMS, self.arm[tried]),
            },
            "contacts": self._contacts(draws),
            "consent": {
                "customer_id": pa.array(self.ids[asked]),
                "email": self.consent[asked],
                "sms": draws.uniform(rest) < 0.35,
                "app": draws.uniform(rest) < 0.5,
                "do_not_contact": self.never[asked],
            },
            "feedback": self._feedback(draws),
        }

    def _purchases(self, draws: Draws, mess: float) -> dict[str, Any]:
        who, when, cut = self.orders
        held = self._baskets(draws, who)
        order, product = np.nonzero(held)
        channel = np.where(draws.uniform(len(who)) < _WEB_SHARE[self.need[who]], 0, 1)
        channel = np.where(draws.uniform(len(who)) < 0.15, 2, channel)[order]
        often = (draws.uniform(len(who)) < _DISCOUNTED[self.need[who]]) | (cut > 0.0)
        discounted = often[order]
        cut = cut[order]
        who, when = who[order], when[order]
        price = np.column_stack(list(self.paid.values()))[who, product]
        # The mean of the lognormal factor is 1.
        amount = price * np.exp(0.2 * draws.normal(len(who)) - 0.02) * (1.0 - cut)
        return {
            "customer_id": self._named(draws, who, mess),
            "date": times(when),
            "product": words(tuple(_PRODUCTS), product),
            "amount": np.maximum(np.round(amount, 2), 0.01),
            "channel": words(("web", "app", "shop"), channel),
            "discounted": discounted,
        }

    def _baskets(self, draws: Draws, who: Integers) -> Any:
        """Draw what orders hold; those that would hold nothing are thought of again."""
        shares = np.column_stack(list(self.held.values()))
        held = np.zeros((len(who), shares.shape[1]), dtype=bool)
        empty = np.arange(len(who))
        while len(empty):
            drawn = draws.uniform(held[empty].size).reshape(len(empty), -1)
            held[empty] = drawn < shares[who[empty]]
            empty = empty[~held[empty].any(axis=1)]
        return held

    def _events(self, draws: Draws, mess: float) -> dict[str, Any]:
        until = np.minimum(self.left, DAYS)
        rates = [np.concatenate(both) for both in self.uses.values()]
        ends = np.full(len(self.ids), float(DAYS))
        who, when, which = happenings(
            draws, rates, np.concatenate([self.start, until]), np.concatenate([until, ends])
        )
        return {
            "customer_id": self._named(draws, who % len(self.ids), mess),
            "date": times(when),
            "feature": words(tuple(_FEATURES), which),
        }

    def _contacts(self, draws: Draws) -> dict[str, Any]:
        """Draw newsletters, and the mails of the campaign."""
        rate = np.where(self.consent & self.asked & ~self.never, 1.0 / 40.0, 0.0)
        ends = np.full(len(self.ids), float(DAYS))
        who, when, _ = happenings(draws, [rate], self.start, ends)
        channel = draws.choice([0.8, 0.08, 0.12], len(who))
        mailed = np.flatnonzero(self.arm > 0)
        who = np.concatenate([who, mailed])
        when = np.concatenate([when, np.full(len(mailed), _CAMPAIGN[0])])
        channel = np.concatenate([channel, np.zeros(len(mailed), dtype=np.int64)])
        order = np.lexsort((who, when))
        return {
            "customer_id": pa.array(self.ids[who[order]]),
            "date": times(when[order]),
            "channel": words(("email", "sms", "app"), channel[order]),
        }

    def _feedback(self, draws: Draws) -> dict[str, Any]:
        """Draw answers to the question how likely customers are to recommend the company."""
        rate = np.full(len(self.ids), 1.0 / 400.0)
        who, when, _ = happenings(draws, [rate], self.start, np.minimum(self.left, DAYS))
        # Who leaves soon is less content.
        content = 8.0 - 12.0 * np.minimum(self.leaving, 0.3) + 1.8 * draws.normal(len(self.ids))
        score = np.clip(np.round(content[who] + draws.normal(len(who))), 0.0, 10.0)
        return {
            "customer_id": pa.array(self.ids[who]),
            "date": times(when),
            "score": score.astype(np.int64),
        }

    def _named(self, draws: Draws, who: Integers, mess: float) -> Any:
        """Return ids, some of them of nobody."""
        ids = self.ids[who]
        if mess > 0.0:
            strange = np.flatnonzero(draws.uniform(len(who)) < mess)
            nobody = _ids(lambda number: f"X{number + 1:07}", max(len(self.ids) // 50, 1))
            ids[strange] = nobody[(draws.uniform(len(strange)) * len(nobody)).astype(np.int64)]
        return pa.array(ids)


def _by_need(draws: Draws, shares: Any, need: Integers) -> Integers:
    """Draw places in a list, with shares that the need tells."""
    edges = np.cumsum(np.array(shares), axis=1)[:, :-1]
    found: Integers = (draws.uniform(len(need))[:, None] >= edges[need]).sum(axis=1)
    return found
