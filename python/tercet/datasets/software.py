"""A software company with subscriptions and leads, whose hazards are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tercet import _arguments
from tercet._frames import new_table
from tercet._mixing import Draws
from tercet.datasets import software_truth as true
from tercet.datasets._backend import Backend, check_backend
from tercet.datasets._drawing import DAYS, END, happenings, head_count, shown, times, words
from tercet.datasets._leads import draw_leads, told
from tercet.datasets.software_truth import MONTH, REASONS, SoftwareTruth

if TYPE_CHECKING:
    import datetime as dt

    from tercet._columns import Floats

__all__ = ["SimulatedSoftware", "simulate_software"]

_PLANS: Final = ("basic", "pro", "team")
_PRICES: Final = np.array([19.0, 49.0, 199.0])
_INDUSTRIES: Final = ("services", "trade", "industry", "education")
# Uses a month of an average engaged customer, and how engagement and growth tell.
_FEATURES: Final = {
    "dashboard": (2.0, 0.5, 0.0),
    "report": (0.8, 0.6, 0.0),
    "export": (0.5, 0.7, 0.0),
    "sharing": (0.4, 0.5, 0.6),
    "integration": (0.15, 0.8, 0.3),
}
#: What is left of uses when engagement has faded, and how cancelling and upgrades change.
_FADED_USE: Final = 0.25
_FADED_CANCEL: Final = 5.0
_FADED_UPGRADE: Final = 0.3
# A day, so that the mean count of all days is one that can be drawn.
_MOST: Final = 0.7


class SimulatedSoftware(NamedTuple):
    """Tables of an invented software company, and the truth behind them.

    Attributes
    ----------
    subscriptions : table
        One row a customer: `customer_id`, `start`, `end` (missing while it runs), `plan` ("basic",
        "pro", "team"), `amount` a month, and the `reason` of its end: "cancel", "payment" (a
        payment failed and was not mended) or "upgrade" (to a contract that another department
        keeps, so that nothing follows in these tables).
    events : table
        One row a use: `customer_id`, `date`, `feature` ("dashboard", "report", "export", "sharing",
        "integration", from the most to the least frequent).
    contacts : table
        One row a question to the support: `customer_id`, `date`, `channel` ("mail", "chat",
        "phone"), `responded_at`, when the customer answered whether it helped (mostly missing).
    customers : table
        One row a customer: `customer_id`, `since`, `industry`, `payment` ("card", "invoice"),
        `employees` (missing for one in four) and `employees_at`, when that was asked.
    stages : table
        One row for each stage that a lead came into: `customer_id` (of leads: none of them is one
        of the customers), `date`, `stage` ("visitor", "trial", "qualified", "customer", "lost").
    leads : table
        One row a lead: `customer_id`, `since`, `source`, `employees` (missing for two in five) and
        `employees_at`.
    visits : table
        One row a visit of a lead to the website or in the trial: `customer_id`, `date`, `feature`
        ("pricing", "docs", "product").
    truth : SoftwareTruth
        Traits and rates, and the chances that follow from them: `truth.churn_probability`,
        `churn_hazard`, `feature_use_probability` and `stage_probability`.
    columns : dict
        When each attribute was known, of customers and of leads, for
        `tercet.Snapshots(columns=company.columns["customers"])`, or `["leads"]`.
    observation_end : datetime.date
        The last day of observation.
    """

    subscriptions: Any
    events: Any
    contacts: Any
    customers: Any
    stages: Any
    leads: Any
    visits: Any
    truth: SoftwareTruth
    columns: dict[str, dict[str, Any]]
    observation_end: dt.date

    def __repr__(self) -> str:
        return shown(self)


def simulate_software(
    n_customers: int,
    seed: int = 0,
    *,
    n_leads: int | None = None,
    backend: Backend = "pandas",
) -> SimulatedSoftware:
    """Draw customers of a software company, what they use, why they leave, and leads.

    Customers come evenly in the first twenty-two months of thirty. They are engaged at first; the
    engagement of some fades on a day that nobody sees, after which they use a quarter as much and
    cancel five times as often, so that falling use predicts the end. Cancelling is also more
    likely in the first three months, in the months of renewal (the 13th and 25th), on the cheapest
    plan and after trouble, which the support hears of. Payments fail mostly by card. Growing
    customers share more and leave for a larger contract. Which of the three comes first ends the
    subscription.

    Leads go from "visitor" to "trial", to "qualified" or at once to "customer", or are lost from
    any stage; those that fit do so sooner, and a lead that has been in a stage for 30 days moves on
    less than half as fast.

    Parameters
    ----------
    n_customers : int
        Number of customers.
    seed : int
        The same seed gives the same tables, on any machine.
    n_leads : int, optional
        Number of leads; by default as many as customers.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}
        The kind of tables to return.

    Returns
    -------
    SimulatedSoftware
        The tables and the truth.

    Raises
    ------
    ParameterError
        For an argument that cannot be used, or a backend that is not installed.

    See Also
    --------
    simulate_subscriptions : simpler: constant rates, no fading.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_software(2_000, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-07-01", "2025-01-01"],
    ...     observation="90d",
    ...     outcome="90d",
    ...     columns=company.columns["customers"],
    ... )
    >>> table = snapshots.churn(
    ...     company.subscriptions, events=company.events, customers=company.customers
    ... )
    >>> _, latest = table.split(last=1)
    >>> chosen = latest.frame["customer_id"]
    >>> truth = company.truth.churn_probability("2025-01-01", 90, customers=chosen)
    >>> bool(abs(latest.y.mean() - truth.mean()) < 0.03)
    True
    """
    check_backend(backend)
    n = head_count(n_customers)
    many = n if n_leads is None else head_count(n_leads, "n_leads")
    draws = Draws(_arguments.seed(seed, "seed"))
    tables, of_customers, true_customers = _customers(draws, n)
    more, of_leads, true_leads = draw_leads(draws, np.arange(n + 1, n + many + 1))
    made = {name: new_table(columns, backend) for name, columns in (tables | more).items()}
    truth = SoftwareTruth(
        new_table(true_customers, backend), new_table(true_leads, backend), of_customers, of_leads
    )
    asked = {"employees": "employees_at"}
    own = {"industry": "since", "payment": "since"}
    return SimulatedSoftware(
        **made,
        truth=truth,
        columns={
            "customers": {"customers": {"known_at": asked | own}},
            "leads": {"customers": {"known_at": asked | {"source": "since"}}},
        },
        observation_end=END,
    )


def _customers(draws: Draws, n: int) -> tuple[dict[str, Any], true.Customers, dict[str, Any]]:
    """Draw customers: their tables, what they are, and that as a table."""
    ids = np.arange(1, n + 1)
    start = draws.uniform(n) * 660.0
    plan = draws.choice([0.55, 0.33, 0.12], n)
    by_card = draws.uniform(n) < 0.65
    engagement, trouble, growth = draws.normal(n), draws.normal(n), draws.normal(n)
    employees = np.ceil(np.exp(2.0 + 0.5 * plan + 0.4 * growth + 0.8 * draws.normal(n)))
    cancel = np.exp(-7.7 - 0.5 * engagement + 0.5 * trouble + 0.4 * (plan == 0))
    payment = np.exp(-9.0 + 1.2 * by_card)
    upgrade = np.exp(-8.3 + 0.8 * growth + 0.7 * (plan == 2))
    hazards = true.Hazards(
        (cancel, _FADED_CANCEL * cancel),
        (payment, payment),
        (upgrade, _FADED_UPGRADE * upgrade),
        np.exp(-6.3 - 0.5 * engagement + 0.3 * trouble),
    )
    stay, reason, fades = _stay(draws, hazards)
    until = start + stay
    over = until < DAYS
    faded = np.where(fades < stay, start + fades, np.inf)
    uses = {}
    for name, (average, pull, grow) in _FEATURES.items():
        often = np.minimum(average / 30.0 * np.exp(pull * engagement + grow * growth), _MOST)
        uses[name] = (often, _FADED_USE * often)
    seen = np.minimum(until, DAYS)
    change = np.minimum(faded, seen)
    asking = np.exp(-4.7 + 0.7 * trouble)
    tables = {
        "subscriptions": {
            "customer_id": ids,
            "start": times(start),
            "end": times(seen, ~over),
            "plan": words(_PLANS, plan),
            "amount": _PRICES[plan],
            "reason": words(REASONS, reason, ~over),
        },
        "events": _uses(draws, ids, uses, (start, change, seen)),
        "contacts": _questions(draws, ids, asking, engagement, (start, seen)),
        "customers": {
            "customer_id": ids,
            "since": times(start),
            "industry": words(_INDUSTRIES, draws.choice([0.4, 0.3, 0.2, 0.1], n)),
            "payment": words(("invoice", "card"), by_card.astype(np.int64)),
            **told(draws, employees, start, seen, 0.8),
        },
    }
    table = {
        "customer_id": ids,
        "engagement": engagement,
        "trouble": trouble,
        "growth": growth,
        "employees": employees,
        "fading_rate": hazards.fading,
        **{f"{one}_rate": getattr(hazards, one)[0] for one in REASONS},
        **{f"{name}_rate": rate for name, (rate, _) in uses.items()},
        "faded_at": times(change, ~(faded < DAYS)),
    }
    return tables, true.Customers(start, faded, until, hazards, uses), table


def _stay(draws: Draws, hazards: true.Hazards) -> tuple[Floats, Any, Floats]:
    """Draw how long each stays, why it ends, and after how long engagement would fade."""
    fades = draws.exponential(hazards.fading)
    months = np.arange(1_200)
    edges = np.arange(1_201) * MONTH
    elapsed = np.concatenate([[0.0], np.cumsum(true.by_month(months)) * MONTH])
    ends = []
    for one in REASONS:
        engaged, after = getattr(hazards, one)
        # A cumulated hazard of this much is lived up to the end: first at one rate, then at the
        # other, in a time of its own that runs by the month's factor.
        lived = draws.exponential(np.ones(len(fades)))
        clock = fades if one != "cancel" else np.interp(fades, edges, elapsed)
        early = lived / engaged
        own_time = np.where(early < clock, early, clock + (lived - engaged * clock) / after)
        ends.append(own_time if one != "cancel" else np.interp(own_time, elapsed, edges))
    reason = np.argmin(ends, axis=0)
    return np.min(ends, axis=0), reason, fades


def _uses(
    draws: Draws,
    ids: Any,
    uses: dict[str, tuple[Floats, Floats]],
    spell: tuple[Floats, Floats, Floats],
) -> dict[str, Any]:
    """Draw uses of features before and after engagement has faded."""
    start, change, until = spell
    both = [np.concatenate(rates) for rates in uses.values()]
    who, when, which = happenings(
        draws, both, np.concatenate([start, change]), np.concatenate([change, until])
    )
    return {
        "customer_id": ids[who % len(ids)],
        "date": times(when),
        "feature": words(tuple(uses), which),
    }


def _questions(
    draws: Draws, ids: Any, rate: Floats, engagement: Floats, spell: tuple[Floats, Floats]
) -> dict[str, Any]:
    start, until = spell
    who, when, _ = happenings(draws, [np.minimum(rate, _MOST)], start, until)
    answers = draws.uniform(len(who)) < 1.0 / (1.0 + np.exp(1.0 - 0.5 * engagement[who]))
    answered = when + draws.exponential(np.full(len(who), 0.5))
    return {
        "customer_id": ids[who],
        "date": times(when),
        "channel": words(("mail", "chat", "phone"), draws.choice([0.5, 0.4, 0.1], len(who))),
        "responded_at": times(np.minimum(answered, DAYS), ~answers | (answered >= until[who])),
    }
