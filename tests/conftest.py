"""What the tests share: kinds of tables, a small log, simulated data, and the public data files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import settings

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]

# The same cases in every run: a failure on somebody else's machine is one here too.
settings.register_profile("tercet", deadline=None, derandomize=True, database=None)
settings.load_profile("tercet")

KINDS = ("pandas", "polars", "polars lazy", "pyarrow", "duckdb", "mapping")

#: What a table of each kind comes back as.
NATIVE: dict[str, type] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "polars lazy": pl.LazyFrame,
    "pyarrow": pa.Table,
    "duckdb": duckdb.DuckDBPyRelation,
    "mapping": pa.Table,
}


def make_table(columns: Mapping[str, Any], kind: str) -> Any:
    """Return columns (Arrow arrays, or what becomes one) as a table of some kind."""
    arrow = pa.table({name: pa.array(values) for name, values in columns.items()})
    if kind == "pandas":
        # Another index than the default one: results must not be aligned by it.
        return arrow.to_pandas().set_index(pd.RangeIndex(100, 100 + len(arrow)))
    if kind == "polars":
        return pl.from_arrow(arrow)
    if kind == "polars lazy":
        return pl.from_arrow(arrow).lazy()
    if kind == "duckdb":
        return duckdb.connect().from_arrow(arrow)
    if kind == "mapping":
        return {name: arrow.column(name).to_numpy() for name in arrow.column_names}
    return arrow


def read_back(table: Any) -> dict[str, list[Any]]:
    """Return a table of any kind as lists."""
    frame = nw.from_native(table)
    frame = frame.collect(backend="pyarrow") if isinstance(frame, nw.LazyFrame) else frame
    columns: dict[str, list[Any]] = frame.to_arrow().to_pydict()
    return columns


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of table in turn."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def native() -> dict[str, type]:
    """The class that a table of each kind comes back as."""
    return NATIVE


@pytest.fixture(scope="session")
def table() -> Callable[[Mapping[str, Any], str], Any]:
    """`table(columns, kind)` makes a table of some kind."""
    return make_table


@pytest.fixture(scope="session")
def lists() -> Callable[[Any], dict[str, list[Any]]]:
    """`lists(table)` reads a table of any kind."""
    return read_back


@pytest.fixture
def log() -> dict[str, Any]:
    """Six purchases of three customers: ann repeats, bob does not, eve came last."""
    days = ["2024-01-01", "2024-01-01", "2024-01-22", "2024-01-29", "2024-01-15", "2024-02-05"]
    return {
        "customer_id": ["ann", "ann", "bob", "ann", "ann", "eve"],
        "date": np.array(days, dtype="datetime64[D]"),
        "amount": [10.0, 5.0, 8.0, 30.0, 20.0, 1.0],
    }


@pytest.fixture(scope="session")
def simulated() -> tc.datasets.SimulatedPurchases:
    """5,000 customers with known truth."""
    return tc.datasets.simulate_purchases(5_000, seed=20)


@pytest.fixture(scope="session")
def summary(simulated: tc.datasets.SimulatedPurchases) -> pd.DataFrame:
    """One row a customer of `simulated`, in weeks, with mean values."""
    frame: pd.DataFrame = tc.purchase_summary(
        simulated.transactions, amount="amount", observation_end=simulated.observation_end
    )
    return frame


@pytest.fixture(scope="session")
def model(summary: pd.DataFrame) -> tc.BGNBD:
    """BG/NBD fitted on `summary`."""
    return tc.BGNBD().fit(summary)


@pytest.fixture(scope="session")
def spend(summary: pd.DataFrame) -> tc.GammaGamma:
    """Gamma-gamma fitted on `summary`."""
    return tc.GammaGamma().fit(summary)


@pytest.fixture(scope="session")
def data_file() -> Callable[[str], Path]:
    """`data_file("cdnow/x.csv")` is a public data file; without it the test is skipped."""
    folder = Path(os.environ.get("TERCET_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(
                f"{name} is not below {folder}: set TERCET_DATA to the folder of public data"
            )
        return path

    return find


@pytest.fixture(scope="session")
def cdnow_sample(data_file: Callable[[str], Path]) -> pd.DataFrame:
    """The log of the papers' 1/10 sample of CDNOW: 2,357 customers."""
    path = data_file("cdnow/CDNOW_sample.txt")
    names = ["master_id", "customer_id", "date", "quantity", "amount"]
    frame = pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype={"date": str})
    return frame.assign(date=pd.to_datetime(frame["date"], format="%Y%m%d"))


@pytest.fixture(scope="session")
def cdnow_summary(data_file: Callable[[str], Path]) -> pd.DataFrame:
    """The summary of that sample at 39 weeks, times rounded to 0.01 week as in the papers."""
    path = data_file("cdnow/cdnow_customers_summary_with_transactions.csv")
    names = {"ID": "customer_id", "x": "frequency", "t_x": "recency", "zbar": "monetary_value"}
    return pd.read_csv(path).rename(columns=names)
