"""Customers with known needs: some answer a survey, all leave traces in the CRM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from tercet import _arguments, _tercet
from tercet._frames import new_table
from tercet._survey.item import NO_ANSWER
from tercet.data.survey import Survey
from tercet.datasets._backend import Backend, check_backend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._survey.item import Codes

__all__ = ["SimulatedNeeds", "simulate_needs"]

_RATINGS = (1, 2, 3, 4, 5)
_BATTERY = "importance"


class SimulatedNeeds(NamedTuple):
    """Simulated customers, a survey of some of them, and the truth behind both.

    Attributes
    ----------
    customers : table
        One row a customer: `customer_id`, `age`, `tenure` (years), `orders` (last year),
        `discount_share` and `online_share` (of the orders; missing without any), `returns`,
        `region`, and the true `segment`.
    respondents : table
        One row a respondent: `customer_id`, `weight`, twelve ratings from 1 to 5 ("low_price",
        "special_offers", ...), `channel`, `visits` (a month), and the true `segment`.
    survey : Survey
        The answers of `respondents`, with texts, kinds, the battery "importance" and the weights;
        the truth is none of its items.
    needs : dict
        What the customers of each true segment need, by its number.
    """

    customers: Any
    respondents: Any
    survey: Survey
    needs: dict[int, str]


def simulate_needs(
    n_customers: int,
    *,
    n_respondents: int | None = None,
    missing: float = 0.05,
    seed: int = 0,
    backend: Backend = "pandas",
) -> SimulatedNeeds:
    """Draw customers of an invented retailer whose needs are known, and ask some of them.

    Each customer needs one of four things most of all: a low price, convenience, quality, or
    advice. Needs shift what the CRM sees (age, tenure, orders, shares of discounted and of online
    orders, returns), but no attribute gives a need away. Respondents rate twelve criteria, three
    for each need, on five-point scales that some use more generously than others. Older customers
    answer more often, and `weight` corrects for that.

    Parameters
    ----------
    n_customers : int
        Number of customers.
    n_respondents : int, optional
        How many of them answer; by default a tenth, 2,000 at most.
    missing : float
        The probability that an answer is missing, at least 0 and below 1.
    seed : int
        The same seed gives the same customers, on any machine.
    backend : {"pandas", "polars", "pyarrow", "duckdb"}
        The kind of tables to return.

    Returns
    -------
    SimulatedNeeds
        `customers`, `respondents`, `survey` and `needs`.

    Raises
    ------
    ParameterError
        For an argument that cannot be used, or a backend that is not installed.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_needs(5_000, n_respondents=800, seed=1)
    >>> company.needs
    {1: 'price', 2: 'convenience', 3: 'quality', 4: 'advice'}
    >>> company.survey
    Survey of 800 respondents (customer_id), 14 items, weighted by weight
      importance: 12 ordinal items of 5 levels, not important to decisive
      channel: nominal, 3 levels
      visits: count
    >>> len(company.customers), list(company.customers.columns)[-2:]
    (5000, ['region', 'segment'])
    """
    check_backend(backend)
    n_asked = None
    if n_respondents is not None:
        expected = "a whole number from 1 to the number of customers"
        n_asked = _arguments.whole(n_respondents, "n_respondents", expected)
    drawn = _tercet.simulate_needs(
        _arguments.whole(n_customers, "n_customers", "a whole number, at least 1"),
        n_asked,
        missing=_arguments.number(missing, "missing"),
        seed=_arguments.seed(seed, "seed"),
    )
    respondents = new_table(_respondents(drawn), backend)
    return SimulatedNeeds(
        new_table(_customers(drawn), backend),
        respondents,
        _survey(respondents, drawn["criteria"]),
        dict(enumerate(drawn["needs"], start=1)),
    )


def _customers(drawn: Mapping[str, Any]) -> dict[str, Any]:
    columns = drawn["customers"]
    return {
        "customer_id": columns["customer"],
        "age": columns["age"].astype(np.int64),
        "tenure": columns["tenure"],
        "orders": columns["orders"].astype(np.int64),
        "discount_share": pa.array(columns["discount_share"], from_pandas=True),
        "online_share": pa.array(columns["online_share"], from_pandas=True),
        "returns": columns["returns"].astype(np.int64),
        "region": _words(columns["region"], drawn["regions"]),
        "segment": columns["segment"],
    }


def _respondents(drawn: Mapping[str, Any]) -> dict[str, Any]:
    columns, everybody = drawn["respondents"], drawn["customers"]
    rows = columns["customer"]
    ratings = zip(drawn["criteria"], columns["ratings"], strict=True)
    return {
        "customer_id": everybody["customer"][rows],
        "weight": columns["weight"],
        **{_column(criterion): _rating(codes) for criterion, codes in ratings},
        "channel": _words(columns["channel"], drawn["channels"]),
        "visits": pa.array(columns["visits"], from_pandas=True).cast(pa.int64()),
        "segment": everybody["segment"][rows],
    }


def _survey(respondents: Any, criteria: Sequence[str]) -> Survey:
    ratings = {
        _column(criterion): f"How important is … to you? - {criterion}" for criterion in criteria
    }
    return Survey.from_frame(
        respondents,
        items=[*ratings, "channel", "visits"],
        kinds={"channel": "nominal", "visits": "count"},
        levels={_BATTERY: _RATINGS},
        labels={_BATTERY: {_RATINGS[0]: "not important", _RATINGS[-1]: "decisive"}},
        texts={
            **ratings,
            "channel": "Where do you prefer to buy?",
            "visits": "How often do you visit us in a month?",
        },
        batteries={_BATTERY: list(ratings)},
        respondent="customer_id",
        weights="weight",
    )


def _column(criterion: str) -> str:
    """Return the name of a criterion's column."""
    return criterion.replace(" ", "_").replace("-", "_")


def _rating(codes: Codes) -> Any:
    return pa.array(codes.astype(np.int64) + 1, mask=codes == NO_ANSWER)


def _words(codes: Codes, words: Sequence[str]) -> Any:
    """Return codes as the words that they stand for; text, as a file would have it."""
    indices = pa.array(codes.astype(np.int64), mask=codes == NO_ANSWER)
    return pa.array(words, pa.string()).take(indices)
