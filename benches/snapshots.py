"""Seconds and memory of `tc.Snapshots`: a million purchases at twelve dates.

    python benches/snapshots.py                 every kind of table, with and without products

Every number comes from a process of its own; reading the file of an eager table is not counted,
and neither are imports.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ("pandas", "polars", "polars lazy", "pyarrow", "duckdb")
DATES = [f"2023-{month:02d}-01" for month in range(8, 13)]
DATES += [f"2024-{month:02d}-01" for month in range(1, 8)]


def write(path: Path, n: int = 1_000_000) -> None:
    """Write purchases of 100,000 customers in two years, of twenty products."""
    rng = np.random.default_rng(0)
    begin = np.datetime64("2023-01-01", "s")
    columns = {
        "customer_id": rng.integers(0, n // 10, n),
        "date": begin + rng.integers(0, 730 * 86_400, n),
        "amount": np.round(rng.gamma(2, 20, n), 2),
        "product": rng.choice([f"p{k}" for k in range(20)], n),
    }
    pq.write_table(pa.table({name: pa.array(column) for name, column in columns.items()}), path)


def opened(path: Path, kind: str, columns: list[str]) -> Any:
    """Return the file as a table of some kind."""
    if kind == "pyarrow":
        return pq.read_table(path, columns=columns)
    if kind == "pandas":
        return pq.read_table(path, columns=columns).to_pandas()
    if kind == "duckdb":
        import duckdb

        return duckdb.connect().read_parquet(str(path)).select(*columns)
    import polars as pl

    lazy = pl.scan_parquet(path).select(columns)
    return lazy if kind == "polars lazy" else lazy.collect()


def measure(path: Path, kind: str, products: bool) -> None:
    """Print one line."""
    import tercet as tc

    columns = ["customer_id", "date", "amount", *(["product"] if products else [])]
    log = opened(path, kind, columns)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    snapshots = tc.Snapshots(DATES, "180d", "90d")
    table = snapshots.purchases(log, products=["p1", "p2", "p3"] if products else None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{kind:12} products {products!s:5} {len(table):,} rows {len(table.feature_names)} features"
        f"  {wall:5.2f} s  {cpu:5.2f} CPU s  peak {after:,.0f} MB ({before:,.0f} before)",
        flush=True,
    )


def main() -> None:
    """Measure everything, each in a process of its own."""
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "products")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "purchases.parquet"
        write(path)
        for how in ("plain", "products"):
            for kind in KINDS:
                command = [sys.executable, __file__, str(path), kind, how]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
