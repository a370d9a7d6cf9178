"""From purchases to one row a customer: what every column means, and the split in time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tercet as tc

Purchase = tuple[int, int, float]


def by_hand(
    purchases: list[Purchase], end: int, days_per_unit: float
) -> dict[int, tuple[float, ...]]:
    """Frequency, recency, T and monetary value of each customer, straight from the definitions."""
    spent: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for customer, day, amount in purchases:
        if day <= end:
            spent[customer][day] += amount
    result = {}
    for customer in sorted(spent):
        days = sorted(spent[customer])
        repeats = [spent[customer][day] for day in days[1:]]
        result[customer] = (
            float(len(repeats)),
            (days[-1] - days[0]) / days_per_unit,
            (end - days[0]) / days_per_unit,
            sum(repeats) / len(repeats) if repeats else 0.0,
        )
    return result


def frame(purchases: list[Purchase]) -> pd.DataFrame:
    """The purchases as a table, day 0 being 2024-01-01."""
    customers, days, amounts = zip(*purchases, strict=True)
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(list(days), unit="D")
    return pd.DataFrame({"customer_id": customers, "date": dates, "amount": amounts})


def rows(summary: Any) -> dict[int, tuple[float, ...]]:
    """A summary as a dictionary of rows."""
    columns = ["frequency", "recency", "T", "monetary_value"]
    return {
        customer: tuple(float(value) for value in values)
        for customer, *values in summary[["customer_id", *columns]].itertuples(index=False)
    }


purchase_lists = st.lists(
    st.tuples(
        st.integers(-5, 5),
        st.integers(0, 60),
        st.integers(0, 10_000).map(lambda cents: cents / 100),
    ),
    min_size=1,
    max_size=60,
)


@given(purchases=purchase_lists, extra=st.integers(0, 30))
def test_a_summary_is_what_the_definitions_say(purchases, extra):
    end = max(day for _, day, _ in purchases) + extra
    date = dt.date(2024, 1, 1) + dt.timedelta(days=end)
    got = rows(tc.purchase_summary(frame(purchases), amount="amount", observation_end=date))
    expected = by_hand(purchases, end, 7.0)
    assert list(got) == list(expected)
    np.testing.assert_allclose(list(got.values()), list(expected.values()), rtol=1e-12, atol=1e-12)


@given(purchases=purchase_lists, cut=st.integers(0, 60))
def test_a_split_is_a_summary_and_a_count(purchases, cut):
    first = min(day for _, day, _ in purchases)
    end = max(max(day for _, day, _ in purchases), cut) + 1
    cut = max(cut, first)
    dates = [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in (cut, end)]
    calibration, holdout = tc.split_purchases(
        frame(purchases),
        amount="amount",
        time_unit="day",
        calibration_end=dates[0],
        observation_end=dates[1],
    )
    expected = by_hand(purchases, cut, 1.0)
    got = rows(calibration)
    assert list(got) == list(expected)
    np.testing.assert_allclose(list(got.values()), list(expected.values()), rtol=1e-12, atol=1e-12)
    later = {customer: set() for customer in expected}
    for customer, day, _ in purchases:
        if cut < day <= end and customer in later:
            later[customer].add(day)
    assert holdout["frequency"].tolist() == [float(len(days)) for days in later.values()]
    assert calibration["frequency_holdout"].tolist() == holdout["frequency"].tolist()
    assert calibration["monetary_value_holdout"].tolist() == holdout["monetary_value"].tolist()
    assert set(calibration["duration_holdout"]) == set(holdout["duration"]) == {float(end - cut)}
    assert calibration["customer_id"].tolist() == holdout["customer_id"].tolist()


@given(purchases=purchase_lists, seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(purchases, seed):
    table = frame(purchases)
    shuffled = table.iloc[np.random.default_rng(seed).permutation(len(table))]
    plain = tc.purchase_summary(table, amount="amount")
    other = tc.purchase_summary(shuffled, amount="amount")
    pd.testing.assert_frame_equal(plain, other, rtol=1e-12)


@pytest.mark.parametrize("n_jobs", [1, 2, 4, -1, None])
def test_threads_do_not_change_a_bit(n_jobs, simulated, summary):
    again = tc.purchase_summary(
        simulated.transactions,
        amount="amount",
        observation_end=simulated.observation_end,
        n_jobs=n_jobs,
    )
    pd.testing.assert_frame_equal(again, summary, check_exact=True)


@pytest.mark.parametrize(
    ("unit", "days"),
    [
        ("hour", 1 / 24),
        ("day", 1),
        ("week", 7),
        ("month", 365.2425 / 12),
        ("quarter", 365.2425 / 4),
        ("year", 365.2425),
    ],
)
def test_units_scale_times_and_nothing_else(unit, days, log):
    in_days = tc.purchase_summary(pd.DataFrame(log), amount="amount", time_unit="day")
    other = tc.purchase_summary(pd.DataFrame(log), amount="amount", time_unit=unit)
    for name in ("recency", "T"):
        np.testing.assert_allclose(other[name] * days, in_days[name], rtol=1e-14)
    assert other["frequency"].tolist() == in_days["frequency"].tolist()


def test_purchases_of_one_stretch_merge():
    stamps = ["2024-01-01 10:00:00", "2024-01-01 10:20:00", "2024-01-01 18:00:00"]
    stamps += ["2024-01-03 09:00:00", "2024-01-08 09:00:00"]
    table = pd.DataFrame(
        {"customer_id": 1, "date": pd.to_datetime(stamps), "amount": [1.0, 2, 4, 8, 16]}
    )
    found = {}
    for merge in ("tick", "hour", "day", "week"):
        row = tc.purchase_summary(table, amount="amount", time_unit="day", merge=merge).iloc[0]
        found[merge] = (row["frequency"], row["monetary_value"])
    assert found == {"tick": (4, 7.5), "hour": (3, 28 / 3), "day": (2, 12.0), "week": (1, 16.0)}
    ticks = tc.purchase_summary(table, time_unit="hour", merge="tick").iloc[0]
    assert ticks["recency"] == ticks["T"] == 7 * 24 - 1


def test_refunds_follow_the_rule():
    table = {
        "customer_id": [1, 1, 1, 1, 2, 2],
        "date": np.array([0, 7, 7, 14, 0, 7], dtype="datetime64[D]"),
        "amount": [10.0, 20.0, -5.0, 30.0, 8.0, -8.0],
    }
    dropped = tc.purchase_summary(pd.DataFrame(table), amount="amount", refunds="drop")
    assert rows(dropped) == {1: (2.0, 2.0, 2.0, 25.0), 2: (0.0, 0.0, 2.0, 0.0)}
    # Customer 2's only purchase was taken back: no purchase, no customer.
    net = tc.purchase_summary(pd.DataFrame(table), amount="amount", refunds="net")
    assert rows(net) == {1: (2.0, 2.0, 2.0, 22.5)}


def test_a_date_ends_with_its_day_and_a_moment_is_a_moment():
    table = pd.DataFrame(
        {"customer_id": [1, 1], "date": pd.to_datetime(["2024-01-01 08:00", "2024-01-08 20:00"])}
    )
    for end in ("2024-01-08", dt.date(2024, 1, 8), pd.Timestamp("2024-01-08")):
        assert tc.purchase_summary(table, observation_end=end)["T"].tolist() == [1.0]
    for merge in ("day", "week", "tick"):
        with pytest.raises(tc.DataError, match="row 1: lies after the end of observation"):
            tc.purchase_summary(table, observation_end="2024-01-08 12:00", merge=merge)
    whole = tc.purchase_summary(table, observation_end="2024-01-08", merge="tick", time_unit="day")
    assert whole["T"].iloc[0] == pytest.approx(7 + 16 / 24, abs=1e-9)


def zoned(times: list[str], zone: str) -> pd.DataFrame:
    """One customer's purchases, given in UTC, on the clock of a zone."""
    stamps = pd.to_datetime(times, utc=True).tz_convert(zone)
    return pd.DataFrame({"customer_id": [1] * len(times), "date": stamps})


@pytest.mark.parametrize("merge", ["hour", "tick"])
def test_an_hour_that_comes_twice_counts_twice(merge):
    # Clocks in Berlin went from 03:00 back to 02:00 at 01:00 UTC.
    twice = zoned(["2024-10-27T00:30Z", "2024-10-27T01:30Z"], "Europe/Berlin")
    row = tc.purchase_summary(twice, merge=merge, time_unit="hour", include_dates=True).iloc[0]
    assert (row["frequency"], row["recency"]) == (1.0, 1.0)
    by_day = tc.purchase_summary(twice, time_unit="hour").iloc[0]
    assert by_day["frequency"] == 0.0
    if merge == "tick":
        assert row["first_purchase"] == twice["date"][0]
        assert row["last_purchase"] == twice["date"][1]


def test_days_of_a_zone_are_those_of_its_clock():
    late = zoned(["2024-10-26T22:30Z", "2024-10-27T22:59Z"], "Europe/Berlin")
    assert tc.purchase_summary(late, time_unit="day")["frequency"].tolist() == [0.0]


def test_the_end_of_a_day_is_that_of_the_local_clock():
    table = zoned(["2024-10-26T12:00Z", "2024-10-27T22:00Z"], "Europe/Berlin")
    options = {"merge": "tick", "time_unit": "hour"}
    whole = tc.purchase_summary(table, observation_end="2024-10-27", **options)
    assert whole["T"].iloc[0] == pytest.approx(35.0)
    assert whole.attrs["tercet"]["as_of"] == "2024-10-27"
    zoned_end = dt.datetime(2024, 10, 27, 22, 0, tzinfo=dt.UTC)
    for end in (zoned_end, "2024-10-27 23:00", "2024-10-27T23:00:00+01:00"):
        exact = tc.purchase_summary(table, observation_end=end, **options)
        assert exact["T"].iloc[0] == 34.0
        assert exact.attrs["tercet"]["as_of"] == "2024-10-27T23:00:00"
    # The second 02:30 of that night, which only a time with a zone can name.
    second = pd.Timestamp("2024-10-27T01:30Z")
    cut = tc.split_purchases(table, calibration_end=second, **options).calibration
    assert cut["T"].iloc[0] == 13.5


@pytest.mark.parametrize("merge", ["day", "tick"])
def test_a_skipped_midnight_is_on_its_day(merge):
    # In Sao Paulo 4 November 2018 began at 01:00.
    table = zoned(["2018-11-04T12:00Z"], "America/Sao_Paulo")
    found = tc.purchase_summary(table, include_dates=True, merge=merge)
    assert found["first_purchase"].dt.date.tolist() == [dt.date(2018, 11, 4)]
    before = zoned(["2018-11-03T12:00Z"], "America/Sao_Paulo")
    whole = tc.purchase_summary(
        before, observation_end="2018-11-03", merge="tick", time_unit="hour"
    )
    assert whole["T"].iloc[0] == pytest.approx(15.0)


@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
@pytest.mark.parametrize("gap", [None, float("nan")])
def test_a_missing_amount_after_the_end_does_not_matter(kind, gap, table, lists, log):
    amounts = pa.array([10.0, 5.0, 8.0, 30.0, 20.0, gap])
    late = table({**log, "amount": amounts}, kind)
    options = {"amount": "amount", "observation_end": "2024-01-31", "after_end": "drop"}
    kept = lists(tc.purchase_summary(late, **options))
    assert kept["customer_id"] == ["ann", "bob"]
    assert kept["monetary_value"] == [25.0, 0.0]
    observed = table({**log, "amount": amounts[::-1]}, kind)
    with pytest.raises(tc.DataError, match="row 0: is NaN; fill or drop the row"):
        tc.purchase_summary(observed, **options)
    with pytest.raises(tc.DataError, match=r"row 0: is (missing|NaN)"):
        tc.purchase_summary(observed, amount="amount")


def test_the_customers_column_is_noted_and_used(simulated):
    named = simulated.transactions.rename(columns={"customer_id": "Kunde"})
    for source in (named, pa.Table.from_pandas(named)):
        found = tc.purchase_summary(source, customer="Kunde", amount="amount")
        model, spend = tc.BGNBD().fit(found), tc.GammaGamma().fit(found)
        value = tc.lifetime_value(model, spend, found, horizon=4)
        assert list(value["Kunde"]) == list(found["Kunde"])
        assert model.customer == "customer_id"
    frame = tc.purchase_summary(named, customer="Kunde", amount="amount")
    twice = pd.concat([frame, frame.head(1)], ignore_index=True)
    twice.attrs = frame.attrs
    for estimator in (tc.BGNBD(), tc.GammaGamma()):
        with pytest.raises(tc.DataError, match="occurs a second time") as caught:
            estimator.fit(twice)
        assert (caught.value.column, caught.value.row) == ("Kunde", len(frame))
    calibration, _ = tc.split_purchases(named, calibration_end="2024-12-29", customer="Kunde")
    assert calibration.attrs["tercet"]["customer"] == "Kunde"
    # A model without ids has none to look for.
    assert len(tc.BGNBD(customer=None).fit(twice).params_) == 4


def test_what_was_left_out_is_noted(log):
    table = pd.DataFrame({**log, "amount": [10.0, 5, -8, 30, 20, 1]})
    options = {"amount": "amount", "observation_end": "2024-02-01", "after_end": "drop"}
    note = tc.purchase_summary(table, refunds="drop", **options).attrs["tercet"]
    # Of bob only the refund is known; eve came after the end.
    assert note == {
        "as_of": "2024-02-01",
        "time_unit": "week",
        "customer": "customer_id",
        "n_dropped_after_end": 1,
        "n_refunds": 1,
        "n_without_purchase": 2,
    }
    calibration, _ = tc.split_purchases(pd.DataFrame(log), calibration_end="2024-01-16")
    assert calibration.attrs["tercet"]["n_new_customers"] == 2


def test_later_purchases_are_dropped_on_request(log):
    table = pd.DataFrame(log)
    early = tc.purchase_summary(table, observation_end="2024-01-28", after_end="drop")
    kept = tc.purchase_summary(table[table["date"] <= "2024-01-28"], observation_end="2024-01-28")
    pd.testing.assert_frame_equal(early, kept)
    assert early.attrs["tercet"]["n_dropped_after_end"] == 2


def test_without_amounts_there_is_no_monetary_value(log):
    table = pd.DataFrame(log)
    assert list(tc.purchase_summary(table).columns) == ["customer_id", "frequency", "recency", "T"]
    calibration, holdout = tc.split_purchases(table, calibration_end="2024-01-20")
    assert "monetary_value_holdout" not in calibration
    assert list(holdout.columns) == ["customer_id", "frequency", "duration"]


def test_the_columns_of_a_split_are_these(log):
    calibration, holdout = tc.split_purchases(
        pd.DataFrame(log), calibration_end="2024-01-20", amount="amount", include_dates=True
    )
    assert list(calibration.columns) == [
        "customer_id",
        "frequency",
        "recency",
        "T",
        "monetary_value",
        "frequency_holdout",
        "monetary_value_holdout",
        "duration_holdout",
        "first_purchase",
        "last_purchase",
    ]
    assert list(holdout.columns) == ["customer_id", "frequency", "monetary_value", "duration"]
    assert calibration["customer_id"].tolist() == ["ann"]
    assert calibration["frequency_holdout"].tolist() == [1.0]
    assert calibration["monetary_value_holdout"].tolist() == [30.0]
    assert calibration["duration_holdout"].tolist() == [16 / 7]
    assert calibration.attrs["tercet"]["as_of"] == "2024-01-20"


def test_the_callers_own_column_names_are_kept():
    table = pl.DataFrame({"Kunde": ["b", "a"], "am": [dt.date(2024, 1, 1)] * 2, "Betrag": [1, 2]})
    result = tc.purchase_summary(table, customer="Kunde", time="am", amount="Betrag")
    assert result.columns == ["Kunde", "frequency", "recency", "T", "monetary_value"]
    assert result["Kunde"].to_list() == ["a", "b"]


def test_progress_is_told_and_may_stop_the_work(simulated):
    steps: list[tc.Step] = []
    tc.purchase_summary(simulated.transactions, progress=steps.append)
    assert steps
    assert all(isinstance(step, tc.Step) for step in steps)

    def stop(step: tc.Step) -> None:
        raise RuntimeError(f"enough of {step.phase}")

    with pytest.raises(RuntimeError, match="enough of"):
        tc.purchase_summary(simulated.transactions, progress=stop)


def test_cdnow_39_weeks(cdnow_sample, cdnow_summary):
    calibration, holdout = tc.split_purchases(
        cdnow_sample, amount="amount", calibration_end="1997-09-30", observation_end="1998-06-30"
    )
    assert len(calibration) == 2357
    assert calibration["frequency"].sum() == 2457
    # The papers' customers are numbered in the order of the log's own ids; times rounded.
    pd.testing.assert_series_equal(
        calibration["frequency"], cdnow_summary["frequency"].astype(float), check_names=False
    )
    for name in ("recency", "T"):
        np.testing.assert_allclose(calibration[name], cdnow_summary[name], atol=0.0051)
    np.testing.assert_allclose(
        calibration["monetary_value"], cdnow_summary["monetary_value"], atol=0.0051
    )
    assert holdout["frequency"].sum() == 1882
    assert set(holdout["duration"]) == {39.0}
    note = {"as_of": "1997-09-30", "time_unit": "week", "customer": "customer_id"}
    assert calibration.attrs["tercet"] == note


def test_a_million_purchases_need_no_python_loop():
    n = 1_000_000
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 200_000, n)
    table = pa.table(
        {
            "customer_id": pa.array(codes).cast(pa.string()),
            "date": pa.array(rng.integers(19_000, 19_500, n).astype(np.int32)).cast(pa.date32()),
            "amount": rng.uniform(1, 100, n),
        }
    )
    by_text = tc.purchase_summary(table, amount="amount")
    by_number = tc.purchase_summary(
        table.set_column(0, "customer_id", pa.array(codes)), amount="amount"
    )
    assert len(by_text) == len(by_number) == len(np.unique(codes))
    order = np.argsort(by_number.column("customer_id").to_numpy().astype(str), kind="stable")
    for name in ("frequency", "recency", "T", "monetary_value"):
        np.testing.assert_array_equal(
            by_text.column(name), by_number.column(name).to_numpy()[order]
        )
