"""Purchases drawn from the models, so that what a fit finds can be compared with the truth."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet._time import TimeUnit
from tercet.datasets._backend import Backend, check_backend

if TYPE_CHECKING:
    from tercet._columns import Integers

__all__ = ["SimulatedPurchases", "simulate_purchases"]

_EPOCH = dt.date(1970, 1, 1)


class SimulatedPurchases(NamedTuple):
    """A simulated log of purchases and the truth behind it.

    Attributes
    ----------
    transactions : table
        One row a purchase: `customer_id`, `date`, `amount`.
    customers : table
        One row a customer: `customer_id`, `first_purchase`, the true `rate` of purchases (a
        time unit), `dropout_probability` (after each purchase) and `mean_spend`, whether the
        customer was `alive` at the end of observation, and the number of its `purchases`.
    parameters : dict
        The parameters that it was drawn with.
    observation_end : datetime.date
        The last day of observation, also where nobody bought on it.
    """

    transactions: Any
    customers: Any
    parameters: dict[str, float]
    observation_end: dt.date


def simulate_purchases(
    n_customers: int,
    seed: int = 0,
    *,
    r: float = 0.243,
    alpha: float = 4.414,
    a: float = 0.793,
    b: float = 2.426,
    p: float = 6.25,
    q: float = 3.74,
    v: float = 15.44,
    time_unit: TimeUnit = "week",
    acquisition: float = 12,
    duration: float = 78,
    start: str | dt.date = "2024-01-01",
    backend: Backend = "pandas",
    n_jobs: int | None = None,
    progress: Progress = False,
) -> SimulatedPurchases:
    """Draw a log of purchases from the BG/NBD and the gamma-gamma model.

    The default parameters are those of the CDNOW data, which the papers use.

    Parameters
    ----------
    n_customers : int
        Number of customers.
    seed : int
        The same seed gives the same log, on any number of threads.
    r, alpha, a, b : float
        Parameters of `tercet.BGNBD`, in time units.
    p, q, v : float
        Parameters of `tercet.GammaGamma`.
    time_unit : {"week", "hour", "day", "month", "quarter", "year"}
        The unit of `alpha`, `acquisition` and `duration`.
    acquisition : float
        First purchases are spread evenly over this many time units from the start.
    duration : float
        Time units from the start to the end of observation.
    start : str or date
        The first day.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}
        The kind of tables to return.
    n_jobs : int, optional
        Threads; None or -1 for all cores.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    SimulatedPurchases
        `transactions`, `customers` (the truth), `parameters` and `observation_end`.

    Raises
    ------
    ParameterError
        For a parameter that cannot be used, or a backend that is not installed.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(1_000, seed=7)
    >>> list(log.transactions.columns), len(log.customers)
    (['customer_id', 'date', 'amount'], 1000)
    >>> log.observation_end
    datetime.date(2025, 6, 30)
    """
    first_day = _start_day(start)
    check_backend(backend)
    given = {"r": r, "alpha": alpha, "a": a, "b": b, "p": p, "q": q, "v": v}
    parameters = {name: _arguments.number(value, name) for name, value in given.items()}
    with reporting(progress) as report:
        drawn = _tercet.simulate_purchases(
            _arguments.whole(n_customers, "n_customers", "a whole number, at least 1"),
            _arguments.seed(seed, "seed"),
            **parameters,
            time_unit=_arguments.word(time_unit, "time_unit", get_args(TimeUnit)),
            acquisition=_arguments.number(acquisition, "acquisition"),
            duration=_arguments.number(duration, "duration"),
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    end = _day(first_day + int(drawn["observation_end_day"]), duration)
    log, truth = drawn["transactions"], drawn["customers"]
    transactions = {
        "customer_id": log["customer"],
        "date": _dates(log["day"], first_day),
        "amount": log["amount"],
    }
    customers = {
        "customer_id": truth["customer"],
        "first_purchase": _dates(truth["first_day"], first_day),
        "rate": truth["rate"],
        "dropout_probability": truth["dropout_probability"],
        "mean_spend": truth["mean_spend"],
        "alive": truth["alive"],
        "purchases": truth["purchases"],
    }
    return SimulatedPurchases(
        new_table(transactions, backend),
        new_table(customers, backend),
        parameters,
        end,
    )


def _start_day(start: str | dt.date) -> int:
    """Return the start as days since 1970-01-01."""
    try:
        day = dt.date.fromisoformat(start) if isinstance(start, str) else start
        return (day - _EPOCH).days
    except (TypeError, ValueError):
        expected = "a date such as '2024-01-01', without a time of day"
        raise _arguments.refusal(start, "start", expected) from None


def _day(days: int, duration: float) -> dt.date:
    """Return the end of observation as a date."""
    try:
        return _EPOCH + dt.timedelta(days=days)
    except OverflowError:
        expected = "an end of observation before the year 10000; shorten it"
        raise _arguments.refusal(duration, "duration", expected) from None


def _dates(days: Integers, first_day: int) -> Any:
    """Return days since the start as an Arrow column of dates."""
    return pa.array((days + first_day).astype(np.int32)).cast(pa.date32())
