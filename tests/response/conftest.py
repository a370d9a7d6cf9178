"""What tests of segments share: a table of customers on which every edge is met."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")
TEXTS = [
    "NO",
    "SE",
    "",
    "O'Brien",
    'a "quoted" \\ one',
    "x'; DROP TABLE t; --",
    "ærlig",
    "a%b_c",
    "\n",
]
DAYS = ["2024-02-29", "2025-03-30", "2025-05-31", "2025-06-01", "2025-10-26"]
TIMES = ["2025-05-31T23:59:59", "2025-06-01T00:00:00", "2025-06-01T12:30:00.000001"]


@pytest.fixture(scope="session")
def edges() -> pa.Table:
    """Every kind of column, with values at the ends of what rules ask for, and gaps."""
    numbers = [-1.0, -0.0, 0.0, 0.1, 0.30000000000000004, 2.0, 2.5, NAN, None, float("inf"), 1e300]
    whole = [-1, 0, 2, 3, None, 2**53 + 1, 2**62, 5, 2, 0, 1]
    days = [dt.date.fromisoformat(day) for day in DAYS]
    dates = [
        *days,
        dt.date(2025, 3, 3),
        dt.date(2025, 3, 2),
        dt.date(2025, 7, 1),
        None,
        None,
        days[0],
    ]
    local = [dt.datetime.fromisoformat(time) for time in TIMES]
    times = [
        *local,
        dt.datetime(2025, 3, 3),
        dt.datetime(2025, 3, 2, 23, 59, 59, 999_999),
        dt.datetime(2025, 7, 1),
        dt.datetime(2024, 2, 29, 8),
        None,
        dt.datetime(2025, 10, 26, 12),
        dt.datetime(2025, 3, 30, 12),
        None,
    ]
    # In Oslo: two hours ahead in summer, one in winter; midnights, and moments beside them.
    instants = [
        dt.datetime(2025, 5, 31, 22, tzinfo=dt.UTC),
        dt.datetime(2025, 5, 31, 21, 59, 59, tzinfo=dt.UTC),
        dt.datetime(2025, 3, 2, 23, tzinfo=dt.UTC),
        dt.datetime(2025, 3, 2, 22, 59, 59, tzinfo=dt.UTC),
        dt.datetime(2025, 3, 29, 23, tzinfo=dt.UTC),
        dt.datetime(2025, 10, 25, 22, tzinfo=dt.UTC),
        dt.datetime(2025, 10, 26, 23, tzinfo=dt.UTC),
        None,
        dt.datetime(2024, 2, 28, 23, tzinfo=dt.UTC),
        dt.datetime(2025, 6, 30, 22, tzinfo=dt.UTC),
        dt.datetime(2025, 6, 1, 10, 30, 0, 1, tzinfo=dt.UTC),
    ]
    prices = [
        None if x is None else Decimal(x) for x in ("0.10", "2.50", "-1.00", None, "2.00", "3")
    ]
    return pa.table(
        {
            "customer_id": pa.array([f"c{k}" for k in range(11)]),
            "amount": pa.array(numbers, pa.float64()),
            "small": pa.array([*numbers[:-1], 1.0], pa.float32()),
            "orders": pa.array(whole, pa.int64()),
            "price": pa.array((prices * 2)[:11], pa.decimal128(10, 2)),
            "text": pa.array([*TEXTS, None, "no"], pa.string()),
            "opted": pa.array([True, False, None] * 3 + [True, None], pa.bool_()),
            "day": pa.array(dates, pa.date32()),
            "time": pa.array(times, pa.timestamp("us")),
            "instant": pa.array(instants, pa.timestamp("us", tz="Europe/Oslo")),
        }
    )


@pytest.fixture(scope="session")
def database(edges: pa.Table) -> Any:
    """A database in Oslo that has the table."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Europe/Oslo'")
    connection.register("edges", edges)
    connection.execute("CREATE TABLE t AS SELECT * FROM edges")
    return connection


@pytest.fixture(scope="session")
def selected(database: Any) -> Callable[[str], list[bool]]:
    """Whether a condition is true of each row, as a query's WHERE takes it."""

    def find(condition: str) -> list[bool]:
        query = f"SELECT coalesce(({condition}), false) AS member FROM t"
        return [bool(row[0]) for row in database.execute(query).fetchall()]

    return find
