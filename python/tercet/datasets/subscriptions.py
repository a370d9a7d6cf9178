"""A software company with subscriptions, whose customers' chances are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tercet import _arguments
from tercet._frames import new_table
from tercet._mixing import Draws
from tercet.datasets._backend import Backend, check_backend
from tercet.datasets._drawing import DAYS, END, happenings, head_count, shown, times, words

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["SimulatedSubscriptions", "simulate_subscriptions"]

_PLANS: Final = ("basic", "pro", "team")
_PRICES: Final = np.array([19.0, 49.0, 199.0])
# Uses a month of an average customer, and how strongly engagement tells.
_FEATURES: Final = {"dashboard": (8.0, 0.6), "export": (2.0, 0.8), "sharing": (1.0, 1.0)}
_PRODUCTS: Final = {"seats": (0.08, 0.5), "training": (0.03, 0.3), "storage": (0.05, 0.7)}
_AMOUNTS: Final = {"seats": 60.0, "training": 250.0, "storage": 15.0}
# A day, so that the mean count of all days is one that can be drawn.
_MOST: Final = 0.7
_STAGES: Final = ("lead", "qualified", "offer", "customer")


class SimulatedSubscriptions(NamedTuple):
    """Tables of an invented software company, and the truth behind them.

    Attributes
    ----------
    subscriptions : table
        One row a customer: `customer_id`, `start`, `end` (missing while it runs), `plan`, `amount`
        a month, `reason` of its end.
    events : table
        One row a use: `customer_id`, `date`, `feature`.
    purchases : table
        One row an add-on: `customer_id`, `date`, `product`, `amount`.
    contacts : table
        One row a campaign contact: `customer_id`, `date`, `channel`, `responded_at`.
    customers : table
        One row a customer: `customer_id`, `since`, `region`.
    stages : table
        One row for each stage that a lead came into: `customer_id` (of leads: none of them is one
        of the customers), `date`, `stage`.
    truth : table
        One row a customer: `customer_id`, `engagement`, `churn_rate` and the rates of each
        feature and add-on, all a day and constant. Who is a customer now has left within d days
        with probability 1 - exp(-churn_rate d), whatever happened before.
    lead_truth : table
        One row a lead: `customer_id`, `move_rate` and `lost_rate` a day. Within d days an open lead
        moves on with probability m / (m + l) (1 - exp(-(m + l) d)).
    observation_end : datetime.date
        The last day of observation.
    """

    subscriptions: Any
    events: Any
    purchases: Any
    contacts: Any
    customers: Any
    stages: Any
    truth: Any
    lead_truth: Any
    observation_end: dt.date

    def __repr__(self) -> str:
        return shown(self)


def simulate_subscriptions(
    n_customers: int, seed: int = 0, *, backend: Backend = "pandas"
) -> SimulatedSubscriptions:
    """Draw customers of a software company, what they do, and as many leads.

    Customers come evenly in the first eighteen months and stay for an exponential time. An
    engagement that nobody sees makes them use more, buy more, respond more and stay longer; the
    cheapest plan is left sooner. So use predicts churn, and the true probability is known.

    Parameters
    ----------
    n_customers : int
        Number of customers, and of leads.
    seed : int
        The same seed gives the same tables, on any machine.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}
        The kind of tables to return.

    Returns
    -------
    SimulatedSubscriptions
        The tables and the truth.

    Raises
    ------
    ParameterError
        For an argument that cannot be used, or a backend that is not installed.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_subscriptions(500, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-07-01", "2024-10-01"], observation="90d", outcome="90d"
    ... )
    >>> table = snapshots.churn(company.subscriptions, events=company.events)
    >>> table.outcome_names
    ['churns']
    """
    check_backend(backend)
    n = head_count(n_customers)
    draws = Draws(_arguments.seed(seed, "seed"))
    plan = draws.choice([0.6, 0.3, 0.1], n)
    engagement = draws.normal(n)
    start = draws.uniform(n) * 540.0
    churn_rate = np.exp(-6.2 - 0.7 * engagement + 0.5 * (plan == 0))
    stay = draws.exponential(churn_rate)
    over = start + stay < DAYS
    until = np.minimum(start + stay, DAYS)
    ids = np.arange(1, n + 1)
    truth: dict[str, Any] = {
        "customer_id": ids,
        "engagement": engagement,
        "churn_rate": churn_rate,
    }
    tables = {
        "subscriptions": {
            "customer_id": ids,
            "start": times(start),
            "end": times(until, ~over),
            "plan": words(_PLANS, plan),
            "amount": _PRICES[plan],
            "reason": words(("price", "payment"), draws.choice([0.7, 0.3], n), ~over),
        },
        "customers": {
            "customer_id": ids,
            "since": times(start),
            "region": words(("north", "south", "west"), draws.choice([0.5, 0.3, 0.2], n)),
        },
    }
    for name, label, rates in (
        ("events", "feature", _FEATURES),
        ("purchases", "product", _PRODUCTS),
    ):
        true = {
            word: np.minimum(average / 30.0 * np.exp(slope * engagement), _MOST)
            for word, (average, slope) in rates.items()
        }
        truth |= {f"{word}_rate": rate for word, rate in true.items()}
        who, when, which = happenings(draws, list(true.values()), start, until)
        tables[name] = {
            "customer_id": ids[who],
            "date": times(when),
            label: words(tuple(rates), which),
        }
        if name == "purchases":
            average = np.array([_AMOUNTS[word] for word in rates])[which]
            spread = np.exp(0.3 * draws.normal(len(which)))
            tables[name]["amount"] = np.round(average * spread, 2)
    who, when, _ = happenings(draws, [np.full(n, 1.0 / 60.0)], start, until)
    responded = draws.uniform(len(who)) < 1.0 / (1.0 + np.exp(1.5 - engagement[who]))
    answered = when + draws.exponential(np.full(len(who), 0.5))
    tables["contacts"] = {
        "customer_id": ids[who],
        "date": times(when),
        "channel": words(("mail", "call"), draws.choice([0.8, 0.2], len(who))),
        "responded_at": times(answered, ~responded | (answered >= DAYS)),
    }
    tables["stages"], lead_truth = _leads(draws, n)
    made = {name: new_table(columns, backend) for name, columns in tables.items()}
    return SimulatedSubscriptions(
        **made,
        truth=new_table(truth, backend),
        lead_truth=new_table(lead_truth, backend),
        observation_end=END,
    )


def _leads(draws: Draws, n: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw leads: from each open stage they move on or are lost, whichever comes first."""
    quality = draws.normal(n)
    move_rate = np.exp(-4.0 + 0.8 * quality)
    lost_rate = np.exp(-4.5 - 0.4 * quality)
    time = draws.uniform(n) * (DAYS - 1)
    lead = np.arange(n)
    found = [(lead, time, np.zeros(n, dtype=np.int64))]
    for stage in range(1, len(_STAGES)):
        moved = draws.exponential(move_rate[lead])
        lost = draws.exponential(lost_rate[lead])
        time = time + np.minimum(moved, lost)
        came_to = np.where(moved < lost, stage, len(_STAGES))
        seen = time < DAYS
        found.append((lead[seen], time[seen], came_to[seen]))
        on = seen & (moved < lost)
        lead, time = lead[on], time[on]
    lead, time, stage_of = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((lead, time))
    ids = np.arange(n + 1, 2 * n + 1)
    stages = {
        "customer_id": ids[lead[order]],
        "date": times(time[order]),
        "stage": words((*_STAGES, "lost"), stage_of[order]),
    }
    return stages, {"customer_id": ids, "move_rate": move_rate, "lost_rate": lost_rate}
