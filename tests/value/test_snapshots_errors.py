"""What `tc.Snapshots` refuses, in which words."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

LOG = {
    "customer_id": ["ann", "bob", "ann"],
    "date": ["2024-01-01", "2024-02-01", "2024-06-30"],
    "amount": [1.0, 2.0, 3.0],
    "product": ["loan", "card", "loan"],
}
SUBSCRIPTIONS = {
    "customer_id": ["ann", "bob"],
    "start": ["2024-01-01", "2024-02-01"],
    "end": ["2024-05-01", None],
}


def snapshots(**changes):
    arguments = {"as_of": "2024-03-01", "observation": "30d", "outcome": "30d"} | changes
    return tc.Snapshots(**arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observation": "-30d"}, "observation = '-30d': expected a length of time that is not"),
        ({"observation": "0d"}, "observation = '0d': expected a length of time above 0"),
        ({"outcome": "soon"}, "outcome = 'soon': expected a length of time such as '180d'"),
        ({"outcome": dt.timedelta(seconds=1)}, "outcome = .*: expected a length of time"),
        ({"observation": "3000y"}, "observation = '3000y': expected a length of time of a hundred"),
        ({"gap": "-1d"}, "gap = '-1d': expected a length of time that is not negative"),
        ({"as_of": []}, r"as_of = \[\]: expected at least one date"),
        ({"refunds": "net"}, "refunds = 'net': expected one of"),
        ({"columns": {"purchase": {}}}, "did you mean 'purchases'"),
        ({"columns": {"purchases": {"tim": "x"}}}, "did you mean 'time'"),
        ({"columns": {"purchases": {"time": 3}}}, "expected a column's name"),
        ({"columns": {"customers": {"known_at": "x"}}}, "expected a column of times for each"),
        ({"columns": 3}, "expected names by table and role"),
    ],
)
def test_constructor(changes, message):
    with pytest.raises(tc.ParameterError, match=message):
        snapshots(**changes)


@pytest.mark.parametrize(
    ("as_of", "message"),
    [
        (["2024-03-01", "2024-03-01"], "the same date twice"),
        (["2024-04-01", "2024-03-01"], r"as_of\[1\] = 2024-03-01 after 2024-04-01: dates that do"),
        ("2024-01-01", r"as_of\[0\] = 2024-01-01: expected a time after the first one in the data"),
        ("2024-07-01", r"not after the last one \(2024-06-30\)"),
        (["2024-03-01", "x"], r"as_of\[1\] = 'x': expected a date"),
        (3, "expected a date such as '1997-09-30'"),
    ],
)
def test_dates(as_of, message):
    with pytest.raises(tc.ParameterError, match=message):
        snapshots(as_of=as_of).inactivity(LOG)


@pytest.mark.parametrize(
    ("changed", "column", "row", "message"),
    [
        ({"customer_id": ["ann", None, "bob"]}, "customer_id", 1, "is missing"),
        ({"date": ["2024-01-01", None, "2024-06-30"]}, "date", 1, "is missing"),
        ({"date": ["2024-01-01", "soon", "2024-06-30"]}, "date", 1, "cannot be read as a date"),
        ({"amount": [1.0, -2.0, 3.0]}, "amount", 1, "is negative; leave refunds out with"),
        ({"amount": [1.0, None, 3.0]}, "amount", 1, "is missing"),
        ({"amount": [1.0, float("inf"), 3.0]}, "amount", 1, "is no amount"),
        ({"amount": [1e13, 1.0, 3.0]}, "amount", None, "adds up to more than 9e12"),
        ({"product": [1.5, 2.5, 3.5]}, "product", None, "where words belong"),
        ({"customer_id": [1.5, 2.0, 3.0]}, "customer_id", 0, "is not a whole number"),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_rows_of_a_log(changed, column, row, message, lazy):
    table = pa.table(LOG | changed)
    if lazy:
        table = pl.from_arrow(table).lazy()
        if table.collect_schema()["date"] == pl.String and column != "date":
            table = table.with_columns(pl.col("date").str.to_date())
    with pytest.raises(tc.DataError, match=message) as caught:
        snapshots().inactivity(table)
    assert (caught.value.column, caught.value.row) == (column, row)


def test_missing_columns_are_guessed():
    log = {"customer": LOG["customer_id"], "dates": LOG["date"]}
    with pytest.raises(tc.DataError, match=r"'customer_id': is missing \(did you mean 'customer'"):
        snapshots().inactivity(log)
    named = {"purchases": {"customer": "customer"}}
    with pytest.raises(tc.DataError, match=r'columns=\{"purchases": \{"time": ...\}\}'):
        snapshots(columns=named).inactivity(log)
    named["purchases"]["time"] = "dates"
    table = snapshots(columns=named).inactivity(log)
    assert table.id_column == "customer"
    named["purchases"]["amount"] = "price"
    with pytest.raises(tc.DataError, match="'price': is missing"):
        snapshots(columns=named).inactivity(log)


def test_products_and_features():
    with pytest.raises(tc.ParameterError, match=r"products = 'loam': .* \(did you mean 'loan'\?\)"):
        snapshots().purchases(LOG, products=["loam"])
    with pytest.raises(tc.ParameterError, match=r"products .* expected a list of different names"):
        snapshots().purchases(LOG, products="loan")
    with pytest.raises(tc.ParameterError, match="expected names that differ in letters"):
        snapshots().purchases(LOG, products=["loan", "Loan"])
    with pytest.raises(tc.ParameterError, match="expected a table events besides"):
        snapshots().purchases(LOG, features=["export"])
    plain = {name: LOG[name] for name in ("customer_id", "date")}
    with pytest.raises(tc.ParameterError, match="has no column 'product'"):
        snapshots().purchases(plain, products=["loan"])
    with pytest.raises(tc.ParameterError, match="first_only = True: expected False without"):
        snapshots().purchases(LOG, first_only=True)


def test_subscriptions():
    wrong = SUBSCRIPTIONS | {"end": ["2024-05-01", "2024-01-31"]}
    with pytest.raises(tc.DataError, match=r"'end', row 1: 2024-01-31 is before 'start'"):
        snapshots(observation_end="2024-06-01").churn(wrong)
    with pytest.raises(tc.ParameterError, match="grace = '1mo': expected days or weeks"):
        snapshots().churn(SUBSCRIPTIONS, grace="1mo")
    with pytest.raises(tc.ParameterError, match="unit = 'fortnight'"):
        snapshots().churn(SUBSCRIPTIONS, outcome_form="when", unit="fortnight")
    with pytest.raises(tc.ParameterError, match="subscriptions: expected a table"):
        snapshots().churn(None)
    with pytest.raises(tc.ParameterError, match="observation_end = '2023-01-01': expected a time"):
        snapshots(observation_end="2023-01-01").churn(SUBSCRIPTIONS)


def test_stages():
    stages = {"customer_id": [1, 1, 2], "date": ["2024-01-01", "2024-05-01", "2024-06-30"]}
    stages["stage"] = ["new", "ofer", "new"]
    order = ["new", "offer", "customer"]
    with pytest.raises(tc.DataError, match=r"row 1: 'ofer' is none .*did you mean 'offer'"):
        snapshots().leads(stages, order=order)
    with pytest.raises(tc.ParameterError, match=r"order = .*: expected a list of two"):
        snapshots().leads(stages, order=["new"])
    with pytest.raises(
        tc.ParameterError, match=r"lost = .*: expected stages that are not in order"
    ):
        snapshots().leads(stages, order=order, lost=["new"])


def test_customers():
    twice = {"customer_id": ["ann", "bob", "ann"], "region": ["n", "s", "n"]}
    with pytest.raises(tc.DataError, match="'customer_id', row 2: 'ann' is in row 0 already"):
        snapshots().inactivity(LOG, customers=twice)
    again = twice | {"valid_from": ["2024-01-01", "2024-01-01", "2024-01-01"]}
    with pytest.raises(tc.DataError, match="row 2: 'ann' is in row 0 already"):
        snapshots().inactivity(LOG, customers=again)
    numbers = {"customer_id": [1, 2], "region": ["n", "s"]}
    with pytest.raises(tc.DataError, match="whole numbers in 'customers'; convert one"):
        snapshots().inactivity(LOG, customers=numbers)
    clash = {"customer_id": ["ann", "bob"], "purchases_30d": [1.0, 2.0]}
    with pytest.raises(tc.ParameterError, match="would be called 'purchases_30d'"):
        snapshots().inactivity(LOG, customers=clash)
    columns = {"customers": {"attributes": ["regoin"]}}
    with pytest.raises(tc.DataError, match="did you mean 'region'"):
        snapshots(columns=columns).inactivity(LOG, customers=twice)


def test_clocks_must_fit_together():
    utc = pa.array([dt.datetime(2024, 1, 1), dt.datetime(2024, 6, 30)], pa.timestamp("us", "UTC"))
    log = {"customer_id": ["ann", "bob"], "date": utc}
    other = {"customer_id": ["ann", "bob"], "date": utc.cast(pa.timestamp("us", "Asia/Tokyo"))}
    with pytest.raises(tc.DataError, match="times of zone Asia/Tokyo where 'date' has times of"):
        snapshots().inactivity(log, events=other)
    naive = {"customer_id": ["ann", "bob"], "date": utc.cast(pa.timestamp("us"))}
    with pytest.raises(tc.DataError, match="times without a zone where 'date' has times of zone"):
        snapshots().inactivity(log, events=naive)
    periods = {"customer_id": ["ann", "bob"], "date": [1, 2]}
    with pytest.raises(tc.DataError, match="holds integer periods where 'date' holds dates"):
        snapshots().inactivity(log, events=periods)
    # Dates fit either.
    dates = {"customer_id": ["ann", "bob"], "date": ["2024-01-01", "2024-02-01"]}
    assert len(snapshots().inactivity(log, events=dates))
    with pytest.raises(tc.ParameterError, match="unit = 'period': expected a unit of time"):
        snapshots().purchases(log, outcome_form="when", unit="period")


def test_refunds_are_dropped_on_request():
    log = LOG | {"amount": [1.0, -2.0, 3.0]}
    table = snapshots(refunds="drop").inactivity(log)
    assert table.groups.tolist() == ["ann"]
    with pytest.raises(tc.DataError, match="has no amount that is not negative"):
        snapshots(refunds="drop").inactivity(LOG | {"amount": [-1.0, -2.0, -3.0]})


def test_nothing_is_called_as_the_outcome_of_any_of_them():
    log = {"customer_id": [1, 1], "date": ["2024-01-01", "2024-03-05"], "product": ["any", "tea"]}
    snapshots = tc.Snapshots("2024-02-01", "30d", "30d", observation_end="2024-06-01")
    with pytest.raises(tc.exceptions.ParameterError, match="other than 'any'"):
        snapshots.purchases(log, products=["any", "tea"])
