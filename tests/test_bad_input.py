"""Every bad input is refused in words: which column, which row, what is wrong, what to do."""

from __future__ import annotations

import datetime as dt
import pickle
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

DAYS = np.array(["2024-01-01", "2024-01-09", "2024-02-05"], dtype="datetime64[D]")


def log(**changes: Any) -> dict[str, Any]:
    """Three purchases of two customers, with some columns changed."""
    return {"customer_id": [1, 1, 2], "date": DAYS, "amount": [10.0, 5.0, 8.0], **changes}


def rows(**changes: Any) -> dict[str, Any]:
    """Three customers' summary, with some columns changed."""
    return {
        "customer_id": [1, 2, 3],
        "frequency": [2, 0, 1],
        "recency": [5.0, 0.0, 3.0],
        "T": [9.0, 9.0, 8.0],
        "monetary_value": [20.0, 0.0, 10.0],
        **changes,
    }


@dataclass(frozen=True)
class Bad:
    """Changed columns, and what the refusal says."""

    changes: dict[str, Any]
    column: str | None
    row: int | None
    words: str


BAD_LOGS = {
    "null id": Bad({"customer_id": [1, None, 2]}, "customer_id", 1, "is missing.*drop the row"),
    "boolean id": Bad(
        {"customer_id": [True, True, False]}, "customer_id", None, "true/false.*conv"
    ),
    "fractional id": Bad({"customer_id": [1.0, 1.5, 2.0]}, "customer_id", 1, "1.5 is not a whole"),
    "infinite id": Bad({"customer_id": [1.0, np.inf, 2]}, "customer_id", 1, "not a whole"),
    "huge float id": Bad(
        {"customer_id": [1.0, 1.0, 2.0**53]}, "customer_id", 2, "several customers"
    ),
    "date as id": Bad({"customer_id": DAYS}, "customer_id", None, "integers or strings: convert"),
    "mixed ids": Bad(
        {"customer_id": np.array([1, 1, "2"], dtype=object)}, "customer_id", None, "convert"
    ),
    "null date": Bad(
        {"date": pa.array([0, None, 1], pa.date32())}, "date", 1, "is missing.*drop the row"
    ),
    "NaT": Bad({"date": np.array([*DAYS[:2], "NaT"], "datetime64[us]")}, "date", 2, "is missing"),
    "unparsable date": Bad(
        {"date": ["2024-01-01", "2024-01-09", "09.01.2024"]},
        "date",
        2,
        "'09.01.2024' cannot be read",
    ),
    "day that does not exist": Bad(
        {"date": ["2024-01-01", "2024-02-30", "2024-01-09"]}, "date", 1, "'2024-02-30' cannot"
    ),
    "compact day that does not exist": Bad(
        {"date": ["20240101", "20240230", "20240109"]}, "date", 1, "'20240230' cannot"
    ),
    "empty text": Bad({"date": ["2024-01-01", "", "2024-01-09"]}, "date", 1, "give dates"),
    "text after times": Bad(
        {"date": ["2024-01-01 10:00", "2024-01-09", "soon"]}, "date", 2, "'soon' cannot be read"
    ),
    "yyyymmdd as integers": Bad(
        {"date": [20240101, 20240109, 20240205]}, "date", None, "look like dates.*convert"
    ),
    "yyyymmdd with a sentinel below": Bad(
        {"date": [20240101, 20240109, 0]}, "date", None, r"dates.*\(20240101\).*convert"
    ),
    "yyyymmdd with a sentinel above": Bad(
        {"date": [99991231, 20240109, 20240101]}, "date", None, r"dates.*\(20240109\).*convert"
    ),
    "seconds since 1970": Bad(
        {"date": [1_700_000_000, 1_700_600_000, 1_701_000_000]},
        "date",
        0,
        r'too large for a count of weeks.*timestamps, or pass time_unit="period"',
    ),
    "a stray large integer": Bad({"date": [1, 2, 10**9]}, "date", 2, "1000000000 is too large"),
    "the smallest integer": Bad({"date": [1, -(2**63), 3]}, "date", 1, "is too large"),
    "periods of a thousand years": Bad(
        {"date": [0, 1, 100_001]}, "date", None, "runs from 0 to 100001.*too long a time in weeks"
    ),
    "text of several offsets": Bad(
        {"date": ["2024-03-01T10:00Z", "2024-03-09T10:00+00:00", "2024-04-05T10:00+02:00"]},
        "date",
        2,
        r"'2024-04-05T10:00\+02:00' has another UTC offset.*one zone",
    ),
    "text with and without an offset": Bad(
        {"date": ["2024-01-01T10:00:00+0100", "2024-01-09", "2024-02-05 10:00:00"]},
        "date",
        2,
        "another UTC offset",
    ),
    "objects with and without a zone": Bad(
        {
            "date": [
                dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
                dt.datetime(2024, 1, 9, tzinfo=dt.UTC),
                dt.datetime(2024, 2, 5),
            ]
        },
        "date",
        2,
        "mixes times.*one zone",
    ),
    "float times": Bad({"date": [1.0, 2.0, 3.0]}, "date", None, "double where times belong"),
    "period too large": Bad({"date": pa.array([1, 2, 2**63], pa.uint64())}, "date", 2, "too large"),
    "null amount": Bad({"amount": [10.0, None, 8.0]}, "amount", 1, "is missing.*drop the row"),
    "NaN amount": Bad({"amount": np.array([10.0, 5.0, np.nan])}, "amount", 2, "fill"),
    "infinite amount": Bad({"amount": [np.inf, 5.0, 8.0]}, "amount", 0, "is inf.*drop the row"),
    "negative amount": Bad({"amount": [10.0, -5.0, 8.0]}, "amount", 1, 'below 0.*refunds="net"'),
    "text amount": Bad({"amount": ["10", "5", "8"]}, "amount", None, "text where numbers.*convert"),
    "no rows": Bad(
        {"customer_id": [], "date": [], "amount": []}, None, None, "no rows.*at least one"
    ),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_a_bad_log_is_refused(name):
    bad = BAD_LOGS[name]
    for call in (tc.purchase_summary, split):
        with pytest.raises(tc.DataError, match=bad.words) as caught:
            call(log(**bad.changes), amount="amount")
        assert (caught.value.column, caught.value.row) == (bad.column, bad.row)


def split(transactions: Any, **options: Any) -> Any:
    """Split after a time that each log above could have."""
    times = transactions["date"]
    end = 1 if len(times) and isinstance(times[0], int) else "2024-01-20"
    return tc.split_purchases(transactions, calibration_end=end, **options)


def test_nan_amounts_are_named_where_arrow_takes_them_for_numbers():
    table = pa.table({**log(), "amount": pa.array([10.0, float("nan"), 8.0])})
    with pytest.raises(tc.DataError, match="is NaN; fill or drop the row") as caught:
        tc.purchase_summary(table, amount="amount")
    assert (caught.value.column, caught.value.row) == ("amount", 1)


def test_mixed_objects_are_refused_at_the_first_that_differs():
    for values, row in (([1, "a", 2], 1), (["a", "b", 3], 2)):
        frame = pd.DataFrame({**log(), "customer_id": pd.Series(values, dtype=object)})
        with pytest.raises(tc.DataError, match="mixes types") as caught:
            tc.purchase_summary(frame)
        assert (caught.value.column, caught.value.row) == ("customer_id", row)
    frame = pd.DataFrame(log(customer_id=[1j, 2j, 3j]))
    with pytest.raises(tc.DataError, match=r"holds objects.*convert the column"):
        tc.purchase_summary(frame)


def test_objects_of_several_zones_are_refused_in_pandas_too():
    berlin = dt.timezone(dt.timedelta(hours=1))
    stamps = [dt.datetime(2024, 1, day, tzinfo=zone) for day, zone in ((1, dt.UTC), (2, berlin))]
    for values in (stamps, [stamps[0], stamps[0].replace(tzinfo=None)]):
        frame = pd.DataFrame({"customer_id": 1, "date": pd.Series(values, dtype=object)})
        with pytest.raises(tc.DataError, match="mixes times of several zones") as caught:
            tc.purchase_summary(frame)
        assert (caught.value.column, caught.value.row) == ("date", 1)
    same = pd.DataFrame({"customer_id": 1, "date": pd.Series([stamps[0]] * 2, dtype=object)})
    assert tc.purchase_summary(same)["frequency"].tolist() == [0.0]


def test_large_integers_are_periods_where_they_are_said_to_be():
    found = tc.purchase_summary(log(date=[-(2**40), 0, 2**40]), time_unit="period")
    assert found["T"].to_pylist() == [2.0**41, 0.0]


def test_a_column_of_pandas_periods_is_refused():
    frame = pd.DataFrame(log(date=pd.period_range("2024-01", periods=3, freq="M")))
    with pytest.raises(tc.DataError, match=r"column 'date'.*"):
        tc.purchase_summary(frame)


def test_an_unknown_zone_is_named_with_a_remedy():
    times = pa.array([0, 1, 2], pa.timestamp("us", tz="Mars/Olympus"))
    with pytest.raises(tc.DataError, match=r"column 'date': .*Mars/Olympus.*tzdata"):
        tc.purchase_summary(pa.table(log(date=times)))


@pytest.mark.parametrize(
    "kind", ["pandas", "polars", "polars lazy", "pyarrow", "duckdb", "mapping"]
)
def test_a_missing_column_is_named_with_a_guess(kind, table):
    with pytest.raises(tc.DataError) as caught:
        tc.purchase_summary(table(log(), kind), customer="custmer_id")
    assert caught.value.column == "custmer_id"
    message = str(caught.value)
    for words in (
        "did you mean 'customer_id'?",
        "the table has 'customer_id', 'date'",
        "customer=",
    ):
        assert words in message


def test_a_missing_column_that_is_the_index_is_found_out():
    frame = pd.DataFrame(log()).set_index("customer_id")
    with pytest.raises(tc.DataError, match=r"frame's index.*reset_index"):
        tc.purchase_summary(frame)


def test_missing_columns_of_a_summary(model, spend):
    without = {name: values for name, values in rows().items() if name != "recency"}
    for call in (tc.BGNBD().fit, model.probability_alive):
        with pytest.raises(tc.DataError, match=r"column 'recency': is missing.*recency="):
            call(without)
    without = {name: values for name, values in rows().items() if name != "customer_id"}
    with pytest.raises(tc.DataError, match=r"column 'customer_id': is missing.*customer="):
        tc.lifetime_value(model, spend, without, horizon=4)
    for missing, owner in (("recency", "BGNBD"), ("monetary_value", "GammaGamma")):
        without = {name: values for name, values in rows().items() if name != missing}
        remedy = rf"{owner}\({missing}=...\) or .set_params\({missing}=...\)"
        with pytest.raises(tc.DataError, match=remedy):
            tc.lifetime_value(model, spend, without, horizon=4)
    with pytest.raises(tc.DataError, match=r"column 'n': is missing.*weights="):
        tc.BGNBD().fit(rows(), weights="n")


@pytest.mark.parametrize(
    "empty", [pd.DataFrame(log())[:0], pl.DataFrame(log())[:0], pl.LazyFrame(log())[:0]]
)
def test_tables_without_rows_are_refused(empty, model):
    with pytest.raises(tc.DataError, match="the log of purchases has no rows"):
        tc.purchase_summary(empty)
    nothing = {name: [] for name in rows()}
    for call in (tc.BGNBD().fit, tc.GammaGamma().fit, model.probability_alive):
        with pytest.raises(tc.DataError, match="the summary has no rows; pass at least one"):
            call(nothing)


@pytest.mark.parametrize("thing", [3, "log.csv", [1, 2], np.ones((2, 3)), None, pd.Series([1])])
def test_what_is_no_table_is_refused(thing):
    with pytest.raises(tc.DataError, match="not a table; pass a pandas or polars frame"):
        tc.purchase_summary(thing)


def test_tables_with_broken_columns_are_refused():
    with pytest.raises(tc.DataError, match=r"different lengths.*align"):
        tc.purchase_summary(log(customer_id=[1, 2]))
    with pytest.raises(tc.DataError, match="column 'amount': is no one-dimensional array"):
        tc.purchase_summary(log(amount=np.ones((3, 2))), amount="amount")
    twice = pd.DataFrame([[1, 2, 3]], columns=["customer_id", "date", "date"])
    for table in (
        twice,
        pa.Table.from_arrays([pa.array([1])] * 3, names=["customer_id", "date", "date"]),
        duckdb.connect().sql("SELECT 1 AS customer_id, 2 AS date, 3 AS date"),
    ):
        words = "several columns of one name; rename them .'date' occurs 2 times"
        with pytest.raises(tc.DataError, match=words):
            tc.purchase_summary(table)


def test_one_column_cannot_be_two(model):
    for options, name in (({"customer": "date"}, "time"), ({"amount": "customer_id"}, "amount")):
        words = f"{name} = .*: expected another column than"
        with pytest.raises(tc.ParameterError, match=words) as caught:
            tc.purchase_summary(log(), **options)
        assert caught.value.parameter == name
    with pytest.raises(tc.ParameterError, match="T = 'T': expected another column than recency"):
        tc.BGNBD(recency="T").fit(rows())
    with pytest.raises(tc.ParameterError, match="weights = 'frequency'"):
        tc.BGNBD().fit(rows(), weights="frequency")


def test_purchases_after_the_end_are_refused_unless_dropped():
    with pytest.raises(tc.DataError, match=r'after the end.*after_end="drop"') as caught:
        tc.purchase_summary(log(), observation_end="2024-01-31")
    assert (caught.value.column, caught.value.row) == ("date", 2)
    kept = tc.purchase_summary(log(), observation_end="2024-01-31", after_end="drop")
    assert kept["customer_id"].to_pylist() == [1]


def test_an_end_before_every_purchase_leaves_nothing():
    with pytest.raises(tc.DataError, match="no customer with a purchase"):
        tc.purchase_summary(log(), observation_end="2023-12-31", after_end="drop")


BAD_SUMMARIES = {
    "duplicate id": Bad(
        {"customer_id": [1, 2, 1]}, "customer_id", 2, "1 occurs a second time.*drop"
    ),
    "duplicate text": Bad(
        {"customer_id": ["a", "b", "a"]}, "customer_id", 2, '"a" occurs a second'
    ),
    "duplicate category": Bad(
        {"customer_id": pa.array(["x", "b", "x"]).dictionary_encode()},
        "customer_id",
        2,
        '"x" occurs',
    ),
    "duplicate large id": Bad(
        {"customer_id": pa.array([2**64 - 1, 1, 2**64 - 1], pa.uint64())},
        "customer_id",
        2,
        '"18446744073709551615" occurs',
    ),
    "null id": Bad({"customer_id": [1, 2, None]}, "customer_id", 2, "is missing"),
    "recency beyond T": Bad(
        {"recency": [5.0, 0.0, 8.5]}, "recency", 2, "later than 'T' = 8.*same unit"
    ),
    "negative frequency": Bad({"frequency": [2, -1, 1]}, "frequency", 1, "is -1, below 0"),
    "fractional frequency": Bad({"frequency": [2, 0, 1.5]}, "frequency", 2, "is 1.5.*whole number"),
    "NaN frequency": Bad({"frequency": [2, np.nan, 1]}, "frequency", 1, "is missing|is NaN"),
    "infinite frequency": Bad({"frequency": [2, 0, np.inf]}, "frequency", 2, "is inf"),
    "recency without repeats": Bad(
        {"recency": [5.0, 1.0, 3.0]}, "recency", 1, "is 1 although 'frequency' is 0"
    ),
    "negative recency": Bad({"recency": [5.0, 0.0, -1.0]}, "recency", 2, "is -1, below 0"),
    "negative T": Bad({"T": [9.0, -9.0, 8.0]}, "T", 1, "is -9, below 0"),
    "null T": Bad({"T": [9.0, None, 8.0]}, "T", 1, "is missing.*drop the row"),
    "infinite T": Bad({"T": [9.0, 9.0, np.inf]}, "T", 2, "is inf"),
    "text": Bad({"T": ["9", "9", "8"]}, "T", None, "holds text where numbers belong; convert"),
    "truth values": Bad({"frequency": [True, False, True]}, "frequency", None, "true/false"),
}


@pytest.mark.parametrize("name", BAD_SUMMARIES)
def test_a_bad_summary_is_refused_by_fit(name):
    bad = BAD_SUMMARIES[name]
    with pytest.raises(tc.DataError, match=bad.words) as caught:
        tc.BGNBD().fit(rows(**bad.changes))
    assert (caught.value.column, caught.value.row) == (bad.column, bad.row)


# Predictions of one model do not read ids.
BAD_ROWS = [name for name, bad in BAD_SUMMARIES.items() if bad.column != "customer_id"]


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_summary_is_refused_by_predictions(name, model, spend):
    bad = BAD_SUMMARIES[name]
    for call in (
        model.probability_alive,
        model.time_until,
        model.probability_alive_interval,
        lambda table: model.expected_purchases(table, horizon=4),
        lambda table: model.expected_purchases_interval(table, horizon=4),
        lambda table: tc.lifetime_value(model, spend, table, horizon=4),
    ):
        with pytest.raises(tc.DataError, match=bad.words) as caught:
            call(rows(**bad.changes))
        assert (caught.value.column, caught.value.row) == (bad.column, bad.row)


def test_duplicate_ids_are_refused_by_every_user_of_ids(model, spend):
    twice = rows(customer_id=[7, 8, 7])
    for call in (
        tc.GammaGamma().fit,
        lambda table: tc.lifetime_value(model, spend, table, horizon=4),
    ):
        with pytest.raises(tc.DataError, match="7 occurs a second time") as caught:
            call(twice)
        assert (caught.value.column, caught.value.row) == ("customer_id", 2)


def test_the_callers_own_names_are_used():
    ours = {"who": [1, 2], "n": [1, 0], "last": [9.5, 0.0], "age": [9.0, 9.0]}
    model = tc.BGNBD(customer="who", frequency="n", recency="last", T="age")
    with pytest.raises(tc.DataError, match=r"column 'last', row 0: is 9.5, later than 'age' = 9"):
        model.fit(ours)


def test_customers_who_were_not_observed_are_refused_by_fit_unless_skipped(summary, model):
    late = pd.concat(
        [summary, pd.DataFrame({**rows(T=[9.0, 0.0, 8.0]), "customer_id": [-1, -2, -3]})]
    )
    with pytest.raises(tc.DataError, match=r'is 0.*new_customers="skip"') as caught:
        tc.BGNBD().fit(late)
    assert (caught.value.column, caught.value.row) == ("T", len(summary) + 1)
    skipped = tc.BGNBD(new_customers="skip").fit(late)
    assert skipped.n_observations_ == len(late) - 1
    assert model.probability_alive(late)[-2] == 1.0


def test_a_single_customer_is_too_few():
    one = {name: values[:1] for name, values in rows().items()}
    for model in (tc.BGNBD(), tc.GammaGamma()):
        with pytest.raises(tc.DataError, match=r"one customer|single customer|at least two"):
            model.fit(one)


def test_customers_who_all_bought_once_say_nothing():
    once = rows(frequency=[0, 0, 0], recency=[0.0, 0.0, 0.0], monetary_value=[0.0, 0.0, 0.0])
    for model, words in ((tc.BGNBD(), "nobody bought again"), (tc.GammaGamma(), "at least two")):
        with pytest.raises(tc.DataError, match=words) as caught:
            model.fit(once)
        assert caught.value.column == "frequency"


BAD_WEIGHTS = {
    "negative": Bad({"weights": [1.0, -1.0, 1.0]}, "weights", 1, "is -1; .*at least 0"),
    "NaN": Bad({"weights": np.array([1.0, 1.0, np.nan])}, "weights", 2, "is missing|is NaN"),
    "infinite": Bad({"weights": [np.inf, 1.0, 1.0]}, "weights", 0, "is inf; weights are finite"),
    "all zero": Bad({"weights": [0, 0, 0]}, "weights", None, "at least one row must count"),
    "too short": Bad({"weights": [1.0, 1.0]}, "weights", None, "has 2 values for 3 rows; give one"),
    "too long": Bad({"weights": np.ones(4)}, "weights", None, "has 4 values for 3 rows"),
    "a table": Bad({"weights": np.ones((3, 1))}, "weights", None, "has 3 x 1 values for 3 rows"),
    "a number": Bad({"weights": 1.0}, "weights", None, "is a single value; give one"),
    "text": Bad({"weights": ["a", "b", "c"]}, "weights", None, "text where numbers belong"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
@pytest.mark.parametrize("model", [tc.BGNBD, tc.GammaGamma])
def test_bad_weights_are_refused(model, name):
    bad = BAD_WEIGHTS[name]
    with pytest.raises(tc.DataError, match=bad.words) as caught:
        model().fit(rows(), weights=bad.changes["weights"])
    assert (caught.value.column, caught.value.row) == (bad.column, bad.row)


def test_bad_weights_in_a_column_are_refused_under_its_name():
    with pytest.raises(tc.DataError, match="column 'n', row 1: is -1"):
        tc.BGNBD().fit(rows(n=[1.0, -1.0, 1.0]), weights="n")


@pytest.mark.parametrize("model", [tc.BGNBD, tc.GammaGamma])
def test_weights_of_another_index_are_refused(model, summary):
    some = summary[summary["frequency"] > 0]
    with pytest.raises(tc.ParameterError, match=r"another index.*reindex.*to_numpy") as caught:
        model().fit(some, weights=pd.Series(np.ones(len(some))))
    assert caught.value.parameter == "weights"
    by_position = pd.Series(np.ones(len(some)))
    assert model().fit(pl.from_pandas(some), weights=by_position).n_observations_ == len(some)


BAD_SPEND = {
    "negative": Bad({"monetary_value": [20.0, 0.0, -1.0]}, "monetary_value", 2, "is -1.*refunds"),
    "null": Bad({"monetary_value": [None, 0.0, 10.0]}, "monetary_value", 0, "is NaN|is missing"),
    "infinite": Bad({"monetary_value": [20.0, 0.0, np.inf]}, "monetary_value", 2, "is inf"),
    "text": Bad({"monetary_value": ["a", "b", "c"]}, "monetary_value", None, "text where numbers"),
    "text and a null": Bad(
        {"monetary_value": ["5", None, "x"]}, "monetary_value", None, "text where numbers"
    ),
    "dates and a null": Bad(
        {"monetary_value": [DAYS[0].item(), None, None]}, "monetary_value", None, "date32"
    ),
    "categories and a null": Bad(
        {"monetary_value": pa.array(["5", None, "x"]).dictionary_encode()},
        "monetary_value",
        None,
        "text where numbers",
    ),
    "truth and a null": Bad(
        {"monetary_value": [True, None, True]}, "monetary_value", None, "true/false"
    ),
    "nothing but nulls": Bad({"monetary_value": [None] * 3}, "monetary_value", 0, "is NaN"),
    "fractional count": Bad({"frequency": [2, 0, 1.5]}, "frequency", 2, "is 1.5.*whole number"),
}


@pytest.mark.parametrize("name", BAD_SPEND)
def test_bad_spend_is_refused(name, spend):
    bad = BAD_SPEND[name]
    for call in (tc.GammaGamma().fit, spend.expected_spend):
        with pytest.raises(tc.DataError, match=bad.words) as caught:
            call(rows(**bad.changes))
        assert (caught.value.column, caught.value.row) == (bad.column, bad.row)


def test_repeaters_who_paid_nothing_are_refused_unless_skipped(summary):
    free = summary.copy()
    row = int(np.flatnonzero(free["frequency"] > 0)[5])
    free.loc[row, "monetary_value"] = 0.0
    with pytest.raises(tc.DataError, match=r'is 0.*zero_spend="skip"') as caught:
        tc.GammaGamma().fit(free)
    assert (caught.value.column, caught.value.row) == ("monetary_value", row)
    repeaters = int((summary["frequency"] > 0).sum())
    assert tc.GammaGamma(zero_spend="skip").fit(free).n_observations_ == repeaters - 1


BAD_ARGUMENTS = {
    "time_unit": ({"time_unit": "weeks"}, "one of"),
    "merge": ({"merge": "month"}, "one of"),
    "refunds": ({"refunds": "ignore"}, "one of"),
    "after_end": ({"after_end": "ignore"}, "one of"),
    "n_jobs": ({"n_jobs": 0}, "n_jobs = 0: expected"),
    "progress": ({"progress": "yes"}, "expected True, False or a callable"),
    "customer": ({"customer": 3}, "customer = 3: expected a column's name"),
    "time": ({"time": None}, "expected a column's name"),
    "observation_end": ({"observation_end": "31/12/2024"}, "such as '1997-09-30'"),
}


NO_WORDS = ("time_unit", "merge", "refunds", "after_end")
BAD_ARGUMENTS |= {f"{name} none": ({name: None}, f"{name} = None: .*one of") for name in NO_WORDS}
BAD_ARGUMENTS |= {
    "n_jobs text": ({"n_jobs": "2"}, "n_jobs = '2': expected a number of threads"),
    "n_jobs float": ({"n_jobs": 2.0}, "n_jobs = 2.0: expected a number of threads"),
    "n_jobs bool": ({"n_jobs": True}, "n_jobs = True: expected a number of threads"),
    "n_jobs huge": ({"n_jobs": 2**80}, "n_jobs = .*: expected a number of threads"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_arguments_of_a_summary_are_refused(name):
    options, words = BAD_ARGUMENTS[name]
    with pytest.raises(tc.ParameterError, match=words) as caught:
        tc.purchase_summary(log(), **options)
    assert caught.value.parameter == name.split()[0]


@pytest.mark.parametrize("value", [20240131, True, 2.5, pd.NaT, np.datetime64("NaT"), "soon", DAYS])
def test_an_end_that_is_no_time_is_refused(value):
    with pytest.raises(tc.ParameterError, match=r"observation_end = .*: expected a date"):
        tc.purchase_summary(log(), observation_end=value)


@pytest.mark.parametrize("value", ["2024-01-31", dt.date(2024, 1, 31), 2.0, True])
def test_an_end_that_is_no_period_is_refused(value):
    with pytest.raises(tc.ParameterError, match="expected an integer"):
        tc.purchase_summary(log(date=[1, 2, 3]), observation_end=value)


def test_an_end_beyond_the_clock_is_refused():
    stamps = log(date=DAYS.astype("datetime64[ns]"))
    with pytest.raises(tc.ParameterError, match="fits into 64 bits of nanoseconds"):
        tc.purchase_summary(stamps, observation_end="9999-12-31")


def test_periods_of_dates_have_no_length():
    with pytest.raises(tc.ParameterError, match="only a column of integer periods"):
        tc.purchase_summary(log(), time_unit="period")


@pytest.mark.parametrize("end", ["2024-02-05", "2025-01-01"])
def test_a_calibration_that_holds_nothing_out_is_refused_in_dates(end):
    words = f"calibration_end = {end}: expected a time before .*2024-02-05"
    with pytest.raises(tc.ParameterError, match=words):
        tc.split_purchases(log(), calibration_end=end)


def test_a_calibration_that_ends_before_the_log_is_refused_in_dates():
    words = r"calibration_end = 1999-01-01: .*not before the first purchase \(20\d\d-\d\d-\d\d\)"
    with pytest.raises(tc.ParameterError, match=words):
        tc.split_purchases(log(), calibration_end="1999-01-01")


def test_ids_named_like_a_result_are_refused(spend, summary):
    with pytest.raises(tc.ParameterError, match=r"customer = 'frequency'.*rename"):
        tc.purchase_summary(log(frequency=[1, 1, 2]), customer="frequency")
    renamed = summary.rename(columns={"customer_id": "clv"})
    other = tc.BGNBD(customer="clv").fit(renamed)
    with pytest.raises(tc.ParameterError, match=r"customer = 'clv'.*rename"):
        tc.lifetime_value(other, spend, renamed, horizon=1)


@pytest.mark.parametrize(
    "horizon", [-1.0, np.nan, np.inf, "39", None, True, [1, 2], np.ones(2), 1j, 10**400]
)
def test_bad_horizons_are_refused(horizon, model, spend, summary):
    for call in (
        lambda: model.expected_purchases(summary, horizon=horizon),
        lambda: model.expected_purchases_new(horizon=horizon),
        lambda: model.expected_purchases_interval(summary, horizon=horizon),
        lambda: tc.lifetime_value(model, spend, summary, horizon=horizon),
    ):
        with pytest.raises(tc.ParameterError, match=r"horizon = .*: expected") as caught:
            call()
        assert caught.value.parameter == "horizon"


def test_numbers_of_every_type_are_numbers(model, summary):
    expected = model.expected_purchases(summary.head(), 39)
    for horizon in (39, np.float32(39), np.int8(39), np.array(39.0), Decimal(39), Fraction(39)):
        np.testing.assert_array_equal(model.expected_purchases(summary.head(), horizon), expected)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5, np.nan, "0.95", True])
def test_bad_levels_are_refused(level, model, spend, summary):
    for call in (
        lambda: spend.expected_spend_interval(summary, level=level),
        lambda: model.summary(level=level),
        lambda: model.probability_alive_interval(summary, level=level),
        lambda: model.expected_purchases_interval(summary, 1, level=level),
        lambda: tc.lifetime_value(model, spend, summary, horizon=1, level=level),
    ):
        with pytest.raises(tc.ParameterError, match=r"level = .*: expected") as caught:
            call()
        assert caught.value.parameter == "level"


@pytest.mark.parametrize("probability", [-0.1, 1.5, np.nan, "0.5", None])
def test_bad_thresholds_are_refused(probability, model, summary):
    with pytest.raises(tc.ParameterError, match=r"probability = .*: expected"):
        model.time_until(summary, probability=probability)


def test_bad_money_arguments_are_refused(model, spend, summary):
    for name, value in (
        ("discount_rate", -1.0),
        ("discount_rate", np.nan),
        ("discount_rate", "0.1"),
        ("margin", np.inf),
        ("margin", None),
    ):
        with pytest.raises(tc.ParameterError, match=f"{name} = .*: expected") as caught:
            tc.lifetime_value(model, spend, summary, horizon=1, **{name: value})
        assert caught.value.parameter == name
    with pytest.raises(tc.ParameterError, match="discount_rate = None: expected a number"):
        model.discounted_purchases(summary, horizon=1, discount_rate=None)


def test_per_cent_are_not_shares(model, spend, summary):
    with pytest.raises(tc.ParameterError, match=r"margin = 30: .*at most 1: .*0.3 for 30 per"):
        tc.lifetime_value(model, spend, summary, horizon=1, margin=30)
    with pytest.raises(tc.ParameterError, match=r"discount_rate = 10: .*yearly rate, 0.1 for 10"):
        tc.lifetime_value(model, spend, summary, horizon=1, discount_rate=10)
    whole = tc.lifetime_value(model, spend, summary, horizon=1, margin=1, discount_rate=1)
    assert (whole["clv"] > 0).all()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"time_unit": "fortnight"}, "time_unit"),
        ({"new_customers": "drop"}, "new_customers"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"n_jobs": -2}, "n_jobs"),
        ({"frequency": 7}, "frequency"),
        ({"time_unit": None}, "time_unit"),
        ({"new_customers": None}, "new_customers"),
        ({"max_iterations": 1.5}, "max_iterations"),
        ({"n_jobs": "2"}, "n_jobs"),
    ],
)
def test_bad_settings_are_refused_by_fit_not_by_the_constructor(settings, name):
    model = tc.BGNBD(**settings)
    with pytest.raises(tc.ParameterError, match=f"{name} = ") as caught:
        model.fit(rows())
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"time_unit": "fortnight"}, "time_unit"),
        ({"new_customers": "drop"}, "new_customers"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"n_jobs": 1.5}, "n_jobs"),
        ({"T": None}, "T"),
        ({"customer": 3}, "customer"),
        ({"r": "0.243"}, "r"),
        ({"b": -1.0}, "b"),
    ],
)
def test_bad_settings_of_given_parameters_are_refused_at_once(settings, name):
    given = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, **settings}
    with pytest.raises(tc.ParameterError, match=f"{name} = ") as caught:
        tc.BGNBD.from_params(**given)
    assert caught.value.parameter == name


def test_an_end_of_observation_is_text():
    with pytest.raises(tc.ParameterError, match="as_of = 1997: expected text"):
        tc.BGNBD().fit(rows(), as_of=1997)


def test_models_of_the_wrong_kind_are_refused(model, spend, summary):
    with pytest.raises(tc.ParameterError, match="model = GammaGamma: expected a fitted BGNBD"):
        tc.lifetime_value(spend, model, summary, horizon=1)
    with pytest.raises(tc.ParameterError, match="spend = NoneType: expected a fitted GammaGamma"):
        tc.lifetime_value(model, None, summary, horizon=1)
    other = tc.GammaGamma(frequency="n").fit(summary.rename(columns={"frequency": "n"}))
    with pytest.raises(tc.ParameterError, match="the column of repeat purchases that the BGNBD"):
        tc.lifetime_value(model, other, summary, horizon=1)


def test_another_time_unit_is_noticed(simulated, summary, model):
    days = tc.purchase_summary(simulated.transactions, amount="amount", time_unit="day")
    for call in (tc.BGNBD(time_unit="week").fit, model.probability_alive):
        with pytest.raises(tc.ParameterError, match=r"made with time_unit='day'.*attrs.clear"):
            call(days)
    assert tc.BGNBD(time_unit="day").fit(days).as_of_ is not None


@pytest.mark.parametrize("kind", [tc.BGNBD, tc.GammaGamma])
def test_nothing_is_answered_before_fit(kind, summary, tmp_path):
    model = kind()
    assert not hasattr(model, "params_")
    for call in (
        lambda: model.params_,
        lambda: model.summary(),
        lambda: model.save(tmp_path / "model.json"),
        lambda: tc.lifetime_value(tc.BGNBD(), tc.GammaGamma(), summary, horizon=1),
    ):
        with pytest.raises(
            tc.NotFittedError, match=r"is not fitted yet; call fit\(summary\) first"
        ):
            call()


def test_bad_simulations_are_refused():
    for options, name in (
        ({"r": -1.0}, "r"),
        ({"duration": 0.0}, "duration"),
        ({"start": "someday"}, "start"),
        ({"backend": "excel"}, "backend"),
        ({"start": dt.datetime(2024, 1, 1)}, "start"),
        ({"start": None}, "start"),
        ({"duration": 1e7}, "duration"),
        ({"duration": "78"}, "duration"),
        ({"acquisition": None}, "acquisition"),
        ({"v": "15"}, "v"),
        ({"seed": None}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"time_unit": None}, "time_unit"),
        ({"n_jobs": "all"}, "n_jobs"),
    ):
        with pytest.raises(tc.ParameterError, match=f"{name} = ") as caught:
            tc.datasets.simulate_purchases(10, **options)
        assert caught.value.parameter == name
    for n_customers in ("10", 1.5, 0, 2**70):
        with pytest.raises(tc.ParameterError, match="n_customers = "):
            tc.datasets.simulate_purchases(n_customers)
    assert len(tc.datasets.simulate_purchases(2, seed=2**64 - 1).customers) == 2


def test_errors_are_values_errors_and_pickle():
    for error in (tc.DataError("m", "c", 3), tc.ParameterError("m", "p"), tc.ModelFileError("m")):
        assert isinstance(error, ValueError)
        assert isinstance(error, tc.TercetError)
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), vars(copy)) == (type(error), "m", vars(error))
    assert issubclass(tc.NotFittedError, AttributeError)


def test_errors_of_a_duckdb_relation_carry_the_row():
    relation = duckdb.connect().sql(
        "SELECT 1 AS customer_id, DATE '2024-01-01' AS date, -3 AS amount"
    )
    with pytest.raises(tc.DataError, match="column 'amount', row 0: is -3, below 0"):
        tc.purchase_summary(relation, amount="amount")
