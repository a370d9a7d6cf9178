"""Seconds of `tc.SegmentBook`: 500 segments over a million customers, and questions about them.

    python benches/rules.py [pandas|polars|pyarrow]

Segments draw their conditions from 36 columns: numbers, counts, texts, dates; every fifth refers to
the one before it. Building the table and the book is not counted.
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

import tercet as tc

N, SEGMENTS = 1_000_000, 500
AS_OF = "2025-06-01"


def customers(kind: str) -> Any:
    """Return a million customers with 36 columns and an id."""
    rng = np.random.default_rng(1)
    countries = np.array(["NO", "SE", "DK", "FI", "DE", "FR"], dtype=object)
    columns: dict[str, Any] = {"customer_id": np.arange(N)}
    columns |= {f"amount_{k}": rng.gamma(2, 20, N) for k in range(15)}
    columns |= {f"count_{k}": rng.poisson(3, N) for k in range(10)}
    columns |= {f"text_{k}": rng.choice(countries, N) for k in range(6)}
    for k in range(5):
        days = rng.integers(0, 700, N).astype("timedelta64[D]")
        columns[f"date_{k}"] = np.datetime64(AS_OF) - days
    columns["amount_0"][rng.random(N) < 0.1] = np.nan
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    if kind == "pyarrow":
        return table
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table.to_pandas()


def segments() -> list[tc.Segment]:
    """Return segments of four to six conditions."""
    rng = np.random.default_rng(2)
    made = []
    for k in range(SEGMENTS):
        two = rng.choice(["NO", "SE", "DK", "FI"], 2, replace=False)
        above, below = rng.integers(10, 80, 2)
        parts: list[dict[str, Any]] = [
            {"column": f"text_{rng.integers(6)}", "in": two.tolist()},
            {"column": f"count_{rng.integers(10)}", ">=": int(rng.integers(1, 6))},
            {
                "any": [
                    {"column": f"amount_{rng.integers(15)}", ">": float(above)},
                    {"not": {"column": f"amount_{rng.integers(15)}", "<": float(below)}},
                ]
            },
            {
                "column": f"date_{rng.integers(5)}",
                "within_days": int(rng.choice([30, 60, 90, 180, 365])),
            },
        ]
        if k % 5 == 4:
            parts.append({"segment": f"s{k - 1}"})
        made.append(tc.Segment(f"s{k}", {"all": parts}))
    return made


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Print the seconds of some work, and return what it made."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:34} {wall:6.2f} s  {cpu:5.2f} CPU s", flush=True)
    return made


def main() -> None:
    """Measure everything on one kind of table."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "pandas"
    table, book = customers(kind), tc.SegmentBook(segments())
    june = timed("evaluate", lambda: book.evaluate(table, AS_OF))
    timed("evaluate again", lambda: book.evaluate(table, AS_OF))
    timed("sizes and who is in no other", lambda: june.table)
    timed("overlap of all pairs", june.overlap)
    july = book.evaluate(table, "2025-07-01")
    timed("changes, the same rows", lambda: book.changes(june, july).table)
    few = table.slice(1_000) if kind != "pandas" else table.iloc[1_000:]
    later = book.evaluate(few, "2025-07-01")
    timed("changes, other rows", lambda: book.changes(june, later).table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{kind}, peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
