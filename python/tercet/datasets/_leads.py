"""Leads on their way through stages: what they are, what they do, and their chances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet.datasets._drawing import DAYS, happenings, times, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats
    from tercet._mixing import Draws

#: The stages in order; "lost" ends them from any.
STAGES: Final = ("visitor", "trial", "qualified", "customer")
LOST: Final = "lost"
#: A lead that has been in a stage for longer than this many days moves on more slowly.
STALE_AFTER: Final = 30.0
STALE: Final = 0.4

_SOURCES: Final = ("search", "ad", "referral", "event")
# Uses a day of a lead's pages, and how the stages from visitor to qualified differ.
_PAGES: Final = {
    "pricing": (0.03, (1.0, 0.7, 1.2)),
    "docs": (0.02, (0.5, 2.5, 1.5)),
    "product": (0.02, (0.0, 3.0, 2.0)),
}
# The log of the rate of each step a day, and what the fit adds.
_STEPS: Final = {
    ("visitor", "trial"): (-4.4, 0.8),
    ("visitor", LOST): (-4.3, -0.3),
    ("trial", "qualified"): (-4.2, 0.9),
    ("trial", "customer"): (-5.7, 0.7),
    ("trial", LOST): (-4.4, -0.4),
    ("qualified", "customer"): (-4.4, 1.0),
    ("qualified", LOST): (-4.9, -0.4),
}
# Visits a day, so that the mean count of all days is one that can be drawn.
_MOST: Final = 0.7


@dataclass(frozen=True)
class Leads:
    """Leads as they are: for each stage, when they came into it (never: infinity) and where to."""

    came: Floats
    closed: Floats
    rates: Mapping[tuple[str, str], Floats]

    def stage_probability(
        self, begin: float, length: float, wanted: Sequence[str], rows: Any
    ) -> Floats:
        """Return how likely leads go next to one of some stages within a window of days.

        NaN for who is in no stage at the beginning, or is a customer or lost.
        """
        came, closed = self.came[:, rows], self.closed[rows]
        open_ = closed >= begin
        found = np.full(len(closed), np.nan)
        for place, now in enumerate(STAGES[:-1]):
            later = came[place + 1 :].min(axis=0)
            here = open_ & (came[place] < begin) & (later >= begin)
            ways = {to: rate[rows] for (since, to), rate in self.rates.items() if since == now}
            until_stale = np.clip(STALE_AFTER - (begin - came[place]), 0.0, length)
            chance = np.zeros(len(closed))
            stays = np.ones(len(closed))
            for stretch, factor in ((until_stale, 1.0), (length - until_stale, STALE)):
                rates = {to: rate * (1.0 if to == LOST else factor) for to, rate in ways.items()}
                out = np.sum(list(rates.values()), axis=0)
                share = np.sum([rates[to] for to in wanted if to in rates], axis=0) / out
                ends = -np.expm1(-out * stretch)
                chance += stays * ends * share
                stays *= 1.0 - ends
            found[here] = chance[here]
        return found


def draw_leads(draws: Draws, ids: Any) -> tuple[dict[str, Any], Leads, dict[str, Any]]:
    """Draw leads with these ids: their tables, what they are, and that as a table."""
    many = len(ids)
    size, source = draws.normal(many), draws.choice([0.4, 0.3, 0.2, 0.1], many)
    referral, bought = source == 2, source == 1
    fit = 0.5 * draws.normal(many) + 0.35 * size + 0.5 * referral - 0.4 * bought
    employees = np.ceil(np.exp(2.5 + size))
    rates = {step: np.exp(level + pull * fit) for step, (level, pull) in _STEPS.items()}
    came = np.full((len(STAGES), many), np.inf)
    came[0] = draws.uniform(many) * (DAYS - 1)
    lost = np.full(many, np.inf)
    for place, now in enumerate(STAGES[:-1]):
        ways = [(to, rate) for (since, to), rate in rates.items() if since == now]
        ends = []
        for to, rate in ways:
            wait = draws.exponential(rate)
            slow = STALE_AFTER + (wait - STALE_AFTER) / STALE
            ends.append(wait if to == LOST else np.where(wait > STALE_AFTER, slow, wait))
        first, here = np.argmin(ends, axis=0), np.isfinite(came[place])
        then = came[place] + np.min(ends, axis=0)
        for way, (to, _) in enumerate(ways):
            goes = here & (first == way)
            if to == LOST:
                lost[goes] = then[goes]
            else:
                came[STAGES.index(to)][goes] = then[goes]
    closed = np.minimum(came[-1], lost)
    tables = {
        "stages": _history(ids, np.vstack([came, lost])),
        "leads": {
            "customer_id": ids,
            "since": times(came[0]),
            "source": words(_SOURCES, source),
            **told(draws, employees, came[0], np.minimum(closed, DAYS), 0.75),
        },
        "visits": _visits(draws, ids, fit, came, closed),
    }
    table: dict[str, Any] = {"customer_id": ids, "fit": fit, "employees": employees}
    table |= {f"{since}_to_{to}_rate": rate for (since, to), rate in rates.items()}
    return tables, Leads(came, closed, rates), table


def told(
    draws: Draws, employees: Floats, start: Floats, until: Floats, willing: float
) -> dict[str, Any]:
    """Return the number of employees as far as it was told, and when."""
    n = len(employees)
    at = start + draws.exponential(np.full(n, 0.1))
    silent = (draws.uniform(n) >= willing) | (at >= until)
    return {
        "employees": pa.array(employees, mask=silent),
        "employees_at": times(np.minimum(at, DAYS), silent),
    }


def _history(ids: Any, came: Floats) -> dict[str, Any]:
    stage, lead = np.nonzero(came < DAYS)
    when = came[stage, lead]
    order = np.argsort(when, kind="stable")
    return {
        "customer_id": ids[lead[order]],
        "date": times(when[order]),
        "stage": words((*STAGES, LOST), stage[order]),
    }


def _visits(draws: Draws, ids: Any, fit: Floats, came: Floats, closed: Floats) -> dict[str, Any]:
    """Draw visits in each open stage."""
    starts, ends = [], []
    for place in range(len(STAGES) - 1):
        start = np.minimum(came[place], DAYS)
        until = np.minimum(np.minimum(closed, came[place + 1 :].min(axis=0)), DAYS)
        starts.append(start)
        ends.append(np.maximum(start, until))
    eager = np.exp(0.5 * fit)
    rates = [
        np.minimum(np.concatenate([often * factor * eager for factor in by_stage]), _MOST)
        for often, by_stage in _PAGES.values()
    ]
    who, when, which = happenings(draws, rates, np.concatenate(starts), np.concatenate(ends))
    return {
        "customer_id": ids[who % len(ids)],
        "date": times(when),
        "feature": words(tuple(_PAGES), which),
    }
