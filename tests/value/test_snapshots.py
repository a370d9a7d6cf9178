"""`tc.Snapshots`: boundaries, kinds of tables, who is left out, splits, audits, recipes."""

from __future__ import annotations

import datetime as dt
import json
import pickle

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tercet as tc
from tercet._time import read_times

MICRO = dt.timedelta(microseconds=1)
DAY = dt.timedelta(days=1)
AS_OF = dt.datetime(2024, 3, 1)


def company(seed: int = 0, n: int = 300) -> dict[str, dict[str, object]]:
    """Tables of every kind, about the first half of 2024."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2024-01-01", "us")

    def times(size: int, days: int = 180) -> np.ndarray:
        return start + rng.integers(0, days * 86_400, size).astype("timedelta64[s]")

    ids = np.array([f"c{k:03d}" for k in range(60)])
    begun = times(60, 90)
    ends = begun + rng.integers(1, 200, 60).astype("timedelta64[D]")
    over = ends < start + np.timedelta64(180, "D")
    contacted = times(80)
    return {
        "purchases": {
            "customer_id": rng.choice(ids, n),
            "date": times(n),
            "amount": np.round(rng.gamma(2.0, 20.0, n), 2),
            "product": rng.choice(["loan", "card", "fund"], n),
        },
        "events": {
            "customer_id": rng.choice(ids, 2 * n),
            "date": times(2 * n),
            "feature": rng.choice(["export", "share"], 2 * n),
            "value": np.round(rng.random(2 * n), 3),
        },
        "contacts": {
            "customer_id": rng.choice(ids, 80),
            "date": contacted,
            "channel": rng.choice(["mail", "call"], 80),
            "responded_at": pa.array(contacted + np.timedelta64(1, "D"), mask=rng.random(80) < 0.6),
        },
        "subscriptions": {
            "customer_id": ids,
            "start": begun,
            "end": pa.array(ends, mask=~over),
            "plan": rng.choice(["basic", "pro"], 60),
            "amount": rng.choice([10.0, 20.0], 60),
        },
        "customers": {
            "customer_id": ids,
            "since": times(60, 60),
            "region": rng.choice(["north", "south"], 60),
            "score": rng.random(60),
        },
    }


DATES = ["2024-03-01", "2024-04-01"]


def everything(tables, snapshots=None):
    snapshots = snapshots or tc.Snapshots(DATES, "60d", "30d", "1d", observation_end="2024-06-28")
    return snapshots.churn(
        **tables, products=["loan", "card"], features=["export"], channels=["mail"], grace="3d"
    )


@pytest.fixture(scope="module")
def tables():
    return company()


# --- kinds of tables --------------------------------------------------------------------------


def test_every_kind_of_table_gives_the_same(tables, kind, table, native, lists):
    want = everything({name: table(columns, "pyarrow") for name, columns in tables.items()})
    got = everything({name: table(columns, kind) for name, columns in tables.items()})
    assert isinstance(got.frame, native[kind])
    expected, found = lists(want.frame), lists(got.frame)
    assert list(found) == list(expected)
    for name, values in expected.items():
        if name == "as_of":
            continue
        numbers = [np.nan if value is None else value for value in values]
        others = [np.nan if value is None else value for value in found[name]]
        if isinstance(next((v for v in values if v is not None), None), str):
            assert found[name] == values, name
        else:
            # To the last digit: sums are of whole numbers.
            np.testing.assert_array_equal(numbers, others, name)
    assert len(got) == len(want) > 50
    assert got.recipe.to_dict() == want.recipe.to_dict()


def test_leads_of_every_kind_of_table(kind, table, lists):
    company = tc.datasets.simulate_subscriptions(500, seed=4, backend="pyarrow")
    columns = {name: company.stages[name] for name in company.stages.column_names}
    snapshots = tc.Snapshots(["2024-04-01", "2024-07-01"], "90d", "90d", "7d")
    order = ["lead", "qualified", "offer", "customer"]
    want = snapshots.leads(company.stages, order=order, lost=["lost"])
    got = snapshots.leads(table(columns, kind), order=order, lost=["lost"])
    found = lists(got.frame)
    for name, values in lists(want.frame).items():
        if name != "as_of":
            assert found[name] == values, name
    assert len(found["stage"]) > 10
    assert set(found["next_stage"]) <= {*order, "lost", "stays"}


def test_lazy_logs_stay_lazy(tables, monkeypatch):
    from tercet._snapshots import log as logs

    def refuse(*_args, **_kwargs):
        raise AssertionError("the log was read")

    monkeypatch.setattr(logs, "read_table", refuse)
    arrow = pa.table({name: pa.array(column) for name, column in tables["purchases"].items()})
    lazy = pl.from_arrow(arrow).lazy()
    found = tc.Snapshots(DATES, "60d", "30d").purchases(lazy, products=["loan"])
    assert len(found) > 50


@pytest.mark.parametrize("ids", ["text", "integers", "categories"])
def test_rows_are_in_order_of_date_and_customer(ids):
    numbers = np.array([10, 9, 100, 9])
    column = {
        "text": pa.array(numbers.astype(str)),
        "integers": pa.array(numbers),
        "categories": pa.array(numbers.astype(str)).dictionary_encode(),
    }[ids]
    days = pa.array(["2024-01-01", "2024-01-02", "2024-01-03", "2024-06-01"])
    log = pa.table({"customer_id": column, "date": days})
    table = tc.Snapshots(["2024-02-01", "2024-03-01"], "30d", "30d").inactivity(log)
    want = [9, 10, 100] if ids == "integers" else ["10", "100", "9"]
    assert table.frame["customer_id"].to_pylist() == want * 2
    assert table.groups.tolist() == want * 2
    assert table.as_of.astype("datetime64[D]").astype(str).tolist() == (
        ["2024-02-01"] * 3 + ["2024-03-01"] * 3
    )


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-10", "2024-02-29", "2024-03-01", "2024-06-30"],
        ["2024-01-10 00:00", "2024-02-29T23:59:59", "2024-03-01 00:00:00", "2024-06-30 12:00"],
        [dt.date(2024, 1, 10), dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2024, 6, 30)],
        pa.array(
            [dt.datetime(2024, 1, 10), dt.datetime(2024, 2, 29), AS_OF, dt.datetime(2024, 6, 30)],
            pa.timestamp("ns"),
        ),
    ],
)
@pytest.mark.parametrize("kind", ["pandas", "polars lazy", "duckdb"])
def test_kinds_of_times(times, kind, table, lists):
    log = table({"customer_id": [1, 1, 1, 2], "date": times}, kind)
    found = lists(tc.Snapshots("2024-03-01", "60d", "60d").inactivity(log).frame)
    assert found["purchases_60d"] == [2]
    assert found["inactive"] == [0]


def test_times_with_a_zone_count_on_their_local_clock():
    # Half past midnight in Berlin is the day before in London.
    moments = ["2024-01-01T12:00", "2024-02-29T23:30", "2024-06-30T12:00"]
    utc = pa.array([dt.datetime.fromisoformat(text) for text in moments], pa.timestamp("us", "UTC"))
    for zone, want in (("UTC", 2), ("Europe/Berlin", 1)):
        column = utc.cast(pa.timestamp("us", zone))
        log = pa.table({"customer_id": [1, 1, 1], "date": column})
        for one in (log, pl.from_arrow(log).lazy()):
            table = tc.Snapshots("2024-03-01", "90d", "30d").inactivity(one)
            frame = nw.from_native(table.frame).lazy().collect("pyarrow").to_native()
            assert frame["purchases_90d"].to_pylist() == [want], zone


def test_integer_periods():
    log = {"customer_id": [1, 1, 1, 2, 2], "date": [1, 3, 5, 4, 9], "amount": [1.0] * 5}
    table = tc.Snapshots([5, 6], 4, 3).purchases(log)
    frame = table.frame.to_pydict()
    assert frame["as_of"] == [5, 5, 6, 6]
    assert frame["customer_id"] == [1, 2, 1, 2]
    assert frame["purchases_4p"] == [2, 1, 2, 1]
    assert frame["periods_since_purchase_4p"] == [2.0, 1.0, 1.0, 2.0]
    assert frame["buys"] == [1, 0, 0, 0]
    with pytest.raises(tc.ParameterError, match="observation = '30d': expected a whole number of"):
        tc.Snapshots(5, "30d", 2).purchases(log)


def test_a_date_starts_with_its_first_instant():
    zone = pa.timestamp("us", "Europe/Berlin")
    column = pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("us"))
    day = 86_400 * 10**6
    local = read_times(column, "date")
    assert local.start("1970-01-02", "as_of") == day
    assert local.start(dt.datetime(1970, 1, 2), "as_of") == day
    assert local.start(np.datetime64("1970-01-02T01"), "as_of") == day + day // 24
    assert read_times(column.cast(pa.date32()), "date").start("1970-01-02T12:00", "as_of") == 1
    # A time with a zone is read on the clock of the column's zone: an hour ahead of UTC in winter.
    moment = dt.datetime(1970, 1, 1, 23, tzinfo=dt.UTC)
    assert read_times(column.cast(zone), "date").start(moment, "as_of") == day
    with pytest.raises(tc.ParameterError, match="as_of = 'x': expected a date"):
        local.start("x", "as_of")


# --- boundaries -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "counts"),
    [
        (AS_OF - 30 * DAY - MICRO, 0),
        (AS_OF - 30 * DAY, 1),
        (AS_OF - MICRO, 1),
        (AS_OF, 0),
    ],
)
def test_observation_includes_its_first_instant_and_excludes_the_date(moment, counts):
    rows = [("a", moment), ("a", dt.datetime(2024, 1, 1)), ("b", dt.datetime(2024, 6, 1))]
    log = pa.table({"customer_id": [r[0] for r in rows], "date": [r[1] for r in rows]})
    frame = tc.Snapshots(AS_OF, "30d", "10d").inactivity(log).frame
    assert frame["purchases_30d"].to_pylist() == [counts]


@pytest.mark.parametrize(
    ("moment", "bought"),
    [
        (AS_OF + 5 * DAY - MICRO, 0),
        (AS_OF + 5 * DAY, 1),
        (AS_OF + 15 * DAY - MICRO, 1),
        (AS_OF + 15 * DAY, 0),
    ],
)
def test_the_outcome_window_is_half_open(moment, bought):
    rows = [("a", moment), ("a", dt.datetime(2024, 1, 1)), ("b", dt.datetime(2024, 6, 1))]
    log = pa.table({"customer_id": [r[0] for r in rows], "date": [r[1] for r in rows]})
    table = tc.Snapshots(AS_OF, "30d", "10d", "5d").inactivity(log)
    assert table.y.tolist() == [1 - bought]


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (AS_OF - MICRO, "all subscriptions ended before the date"),
        (AS_OF, "subscription ended between the date and the outcome window"),
        (AS_OF + 5 * DAY - MICRO, "subscription ended between the date and the outcome window"),
        (AS_OF + 5 * DAY, 1),
        (AS_OF + 15 * DAY - MICRO, 1),
        (AS_OF + 15 * DAY, 0),
        (None, 0),
    ],
)
def test_subscriptions_at_the_boundaries(end, state):
    table = {
        "customer_id": ["a", "b"],
        "start": [dt.datetime(2024, 1, 1)] * 2,
        "end": pa.array([end, None], pa.timestamp("us")),
    }
    snapshots = tc.Snapshots(AS_OF, "30d", "10d", "5d", observation_end="2024-06-01")
    found = snapshots.churn(table)
    if isinstance(state, str):
        assert found.groups.tolist() == ["b"]
        assert found.left_out["reason"].to_pylist() == [state]
    else:
        assert found.y.tolist() == [state, 0]


def test_who_starts_on_the_date_is_not_at_risk_yet():
    start = [AS_OF - MICRO, AS_OF]
    table = {"customer_id": [1, 2], "start": start, "end": pa.nulls(2, pa.timestamp("us"))}
    found = tc.Snapshots(AS_OF, "30d", "10d", observation_end="2024-06-01").churn(table)
    assert found.groups.tolist() == [1]
    assert found.left_out["reason"].to_pylist() == ["no subscription before the date"]


def test_months_go_by_the_calendar():
    log = {
        "customer_id": [1, 1, 1],
        "date": [dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 9, 1)],
    }
    table = tc.Snapshots("2024-05-31", "3mo", "1 month").inactivity(log)
    assert table.frame["purchases_3mo"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("observation", "label"),
    [
        ("60 days", "60d"),
        (dt.timedelta(days=60), "60d"),
        (np.timedelta64(60, "D"), "60d"),
        ("1440h", "1440h"),
        ("9w", "9w"),
        ("2 Months", "2mo"),
        ("1q", "1q"),
        ("1 year", "1y"),
    ],
)
def test_lengths_of_time(observation, label):
    days = [dt.date(2024, 1, 1), dt.date(2024, 2, 10), dt.date(2024, 9, 1)]
    log = {"customer_id": [1, 1, 1], "date": days}
    frame = tc.Snapshots("2024-03-01", observation, "30d").inactivity(log).frame
    # The first of January is 60 days, and two months, before the first of March.
    assert frame[f"purchases_{label}"].to_pylist() == [2]


def test_streaks_are_counted_back_from_the_date():
    def streaks(*weeks, observation="70d"):
        days = [AS_OF - dt.timedelta(days=7 * week - 3) for week in weeks]
        rows = [*days, dt.datetime(2022, 6, 1), dt.datetime(2024, 9, 1)]
        log = {"customer_id": [1] * len(rows), "date": rows}
        row = tc.Snapshots(AS_OF, observation, "30d").inactivity(log).X.to_pylist()[0]
        kinds = ("active", "streak", "longest_streak")
        return tuple(row[f"purchase_{kind}_weeks_{observation}"] for kind in kinds)

    assert streaks() == (0, 0, 0)
    assert streaks(1, 2, 5, 6, 7) == (5, 2, 3)
    assert streaks(2, 3) == (2, 0, 2)
    # As many weeks as one number has bits for.
    assert streaks(*range(1, 63), observation="434d") == (62, 62, 62)
    assert streaks(1, 62, observation="434d") == (2, 1, 1)


# --- outcomes ---------------------------------------------------------------------------------


def test_a_renewal_is_no_churn_and_a_late_one_only_within_grace():
    table = {
        "customer_id": [1, 1, 2, 2],
        "start": ["2024-01-01", "2024-03-10", "2024-01-01", "2024-03-15"],
        "end": ["2024-03-10", None, "2024-03-10", None],
    }
    snapshots = tc.Snapshots(AS_OF, "30d", "30d", observation_end="2024-06-01")
    assert snapshots.churn(table).y.tolist() == [0, 1]
    assert snapshots.churn(table, grace="5d").y.tolist() == [0, 0]


def test_time_to_churn_with_reasons_and_censoring():
    table = {
        "customer_id": [1, 2, 3, 4],
        "start": ["2024-01-01"] * 4,
        "end": ["2024-03-11", "2024-03-21", "2024-09-01", None],
        "reason": ["price", "payment", "price", None],
    }
    snapshots = tc.Snapshots(AS_OF, "30d", "180d", observation_end="2024-05-30")
    found = snapshots.churn(table, outcome_form="when", unit="week")
    assert found.events == ("censored", "payment", "price")
    frame = found.frame.to_pydict()
    assert frame["event"] == [2, 1, 0, 0]
    # Observed until May 30 is over: 91 days.
    np.testing.assert_allclose(frame["duration"], [10 / 7, 20 / 7, 13.0, 13.0])


def test_only_some_reasons_of_ending_are_churn():
    table = {
        "customer_id": [1, 2, 3, 4],
        "start": ["2024-01-01"] * 4,
        "end": ["2024-03-11", "2024-03-21", "2024-03-09", None],
        "reason": ["price", "upgrade", "payment", None],
    }
    snapshots = tc.Snapshots(AS_OF, "30d", "30d", observation_end="2024-06-01")
    assert snapshots.churn(table).y.tolist() == [1, 1, 1, 0]
    found = snapshots.churn(table, end_reasons=["price", "payment"])
    assert found.y.tolist() == [1, 0, 1, 0]
    assert "because of price or payment" in found.summary()
    assert tc.SnapshotRecipe.from_dict(found.recipe.to_dict()) == found.recipe
    with pytest.raises(tc.exceptions.ParameterError, match=r"end_reasons = 'prise'.*'upgrade'"):
        snapshots.churn(table, end_reasons=["prise"])
    with pytest.raises(tc.exceptions.ParameterError, match="column of reasons"):
        snapshots.churn(
            {name: table[name] for name in ("customer_id", "start", "end")}, end_reasons=["price"]
        )
    with pytest.raises(tc.exceptions.ParameterError, match="an event of its own"):
        snapshots.churn(table, end_reasons=["price"], outcome_form="when")


def test_time_to_the_first_of_some_products():
    log = {
        "customer_id": [1, 1, 2, 2, 3],
        "date": ["2024-01-01", "2024-03-05", "2024-01-01", "2024-03-03", "2024-01-01"],
        "product": ["loan", "card", "loan", "loan", "card"],
    }
    snapshots = tc.Snapshots(AS_OF, "60d", "30d", observation_end="2024-06-01")
    found = snapshots.purchases(log, products=["card", "loan"], outcome_form="when")
    assert found.frame["event"].to_pylist() == [1, 2, 0]
    assert found.frame["duration"].to_pylist() == [4.0, 2.0, 30.0]
    assert found.events == ("censored", "card", "loan")


def test_what_was_bought_before_has_no_first_purchase():
    log = {
        "customer_id": [1, 1, 2, 2, 2],
        "date": ["2024-01-01", "2024-03-05", "2024-01-01", "2024-01-02", "2024-03-03"],
        "product": ["loan", "card", "loan", "card", "card"],
    }
    snapshots = tc.Snapshots(AS_OF, "60d", "30d", observation_end="2024-06-01")
    found = snapshots.purchases(log, products=["card", "loan"], first_only=True).frame
    assert found["owns_card"].to_pylist() == [0, 1]
    assert found["buys_card"].to_pylist() == [1, None]
    assert found["buys_loan"].to_pylist() == [None, None]
    assert found["buys_any"].to_pylist() == [1, None]


def test_feature_use_and_what_is_active_lately():
    log = {
        "customer_id": [1, 1, 2, 3, 3],
        "date": ["2024-02-01", "2024-03-05", "2024-01-01", "2024-02-20", "2024-03-31"],
        "feature": ["export", "share", "export", "share", "export"],
    }
    snapshots = tc.Snapshots(AS_OF, "60d", "30d", observation_end="2024-06-01")
    found = snapshots.feature_use(log, features=["export", "share"]).frame
    assert found["uses_export"].to_pylist() == [0, 0, 0]
    assert found["uses_share"].to_pylist() == [1, 0, 0]
    found = snapshots.inactivity(log, active_within="30d")
    assert found.groups.tolist() == [1, 3]
    assert found.left_out["reason"].to_pylist() == ["no purchase lately"]


# --- attributes -------------------------------------------------------------------------------


def test_attributes_count_only_when_they_were_known_before_the_date():
    log = {"customer_id": [1, 2, 1], "date": ["2024-01-01", "2024-01-01", "2024-06-30"]}
    customers = {
        "customer_id": [1, 2],
        "score": [0.1, 0.9],
        "scored_at": ["2024-02-29", "2024-03-01"],
        "upgraded": [dt.date(2024, 2, 28), dt.date(2024, 5, 1)],
        "region": ["north", None],
    }
    columns = {"customers": {"known_at": {"score": "scored_at"}}}
    snapshots = tc.Snapshots(AS_OF, "30d", "30d", columns=columns)
    table = snapshots.inactivity(log, customers=customers)
    frame = table.frame
    assert frame["score"].to_pylist() == [0.1, None]
    assert frame["days_since_upgraded"].to_pylist() == [2.0, None]
    assert frame["region"].to_pylist() == ["north", None]
    assert table.recipe.text_features == ["region"]
    undated = [finding for finding in table.audit().findings if finding.kind == "undated"]
    assert len(undated) == 1
    assert "'region'" in undated[0].words
    assert "score" not in undated[0].words


def test_slowly_changing_attributes_take_the_row_that_held():
    log = {"customer_id": [1, 1], "date": ["2024-01-01", "2024-06-30"]}
    customers = {
        "customer_id": [1, 1, 1],
        "valid_from": ["2024-03-01", "2024-01-15", "2024-02-10"],
        "tier": ["gold", "iron", "silver"],
    }
    found = tc.Snapshots(["2024-02-01", AS_OF, "2024-03-02"], "30d", "30d").inactivity(
        log, customers=customers
    )
    assert found.frame["tier"].to_pylist() == ["iron", "silver", "gold"]


# --- who is left out --------------------------------------------------------------------------


def test_rows_and_left_out_are_everybody(tables):
    table = everything(tables)
    left, frame = table.left_out.to_pydict(), table.frame.to_pydict()
    for date in (dt.date(2024, 3, 1), dt.date(2024, 4, 1)):
        rows = frame["as_of"].count(date)
        counts = zip(left["as_of"], left["customers"], strict=True)
        assert rows + sum(count for day, count in counts if day == date) == 60
    assert "subscription" in " ".join(left["reason"])
    assert "left out" in table.summary()


def test_dates_whose_outcome_is_not_observed_have_no_rows():
    log = {"customer_id": [1, 2, 1], "date": ["2024-01-01", "2024-02-10", "2024-06-30"]}
    table = tc.Snapshots(["2024-03-01", "2024-06-01"], "30d", "31d").inactivity(log)
    assert table.frame["as_of"].to_pylist() == [dt.date(2024, 3, 1)] * 2
    assert table.left_out.to_pydict() == {
        "as_of": [dt.date(2024, 6, 1)],
        "reason": ["outcome window ends after the data"],
        "customers": [2],
    }
    # Thirty days, from the first of June on, end when June does.
    assert len(tc.Snapshots(["2024-03-01", "2024-06-01"], "30d", "30d").inactivity(log)) == 4
    with pytest.raises(tc.DataError, match="2 outcome window ends after the data; take earlier"):
        tc.Snapshots("2024-06-01", "30d", "31d").inactivity(log)


# --- splits, folds, audit, recipe --------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    return tc.datasets.simulate_purchases(800, seed=3)


MONTHS = ["2024-05-01", "2024-06-01", "2024-07-01", "2024-10-01"]


def test_split_by_date(shop):
    table = tc.Snapshots(MONTHS, "120d", "90d").inactivity(shop.transactions)
    train, test = table.split(last=1)
    assert set(test.as_of.astype("datetime64[D]").astype(str)) == {"2024-10-01"}
    assert len(train) + len(test) == len(table)
    assert len(train.X) == len(train.y) == len(train.groups) == len(train)
    with pytest.raises(tc.ParameterError, match="outcome windows overlap the training end: on "):
        table.split(last=2)
    with pytest.raises(tc.ParameterError, match="no date is left to learn from"):
        table.split(last=3, overlap="drop")
    spaced = tc.Snapshots(["2024-05-01", "2024-09-01", "2024-10-01"], "120d", "90d")
    train, _ = spaced.inactivity(shop.transactions).split(overlap="drop")
    assert set(train.as_of.astype("datetime64[D]").astype(str)) == {"2024-05-01"}
    with pytest.raises(tc.ParameterError, match="last = 4: expected from 1 to 3"):
        table.split(last=4)


def test_a_gap_counts_in_a_split(shop):
    snapshots = tc.Snapshots(["2024-07-01", "2024-09-29"], "90d", "90d", "1d")
    with pytest.raises(tc.ParameterError, match="overlap"):
        snapshots.inactivity(shop.transactions).split()
    snapshots = tc.Snapshots(["2024-07-01", "2024-09-29"], "90d", "90d")
    assert len(snapshots.inactivity(shop.transactions).split().train)


def test_folds_keep_customers_whole(shop):
    table = tc.Snapshots(MONTHS, "120d", "90d").inactivity(shop.transactions)
    folds = table.folds(4, seed=5)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(table)))
    for train, test in folds:
        assert not set(table.groups[train]) & set(table.groups[test])
    again = table.folds(4, seed=5)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    x = np.nan_to_num(table.X.to_numpy(dtype=float))
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(model, x, table.y, cv=folds, scoring="roc_auc").mean() > 0.65


def test_the_audit_finds_a_planted_leak(shop):
    snapshots = tc.Snapshots("2024-07-01", "120d", "90d")
    honest = snapshots.inactivity(shop.transactions)
    assert honest.audit().passed
    status = np.where(honest.y == 1, "lost", "kept")
    customers = {"customer_id": honest.groups, "status": status, "same": np.ones(len(honest))}
    table = snapshots.inactivity(shop.transactions, customers=customers)
    audit = table.audit()
    assert not audit.passed
    assert [(one.kind, one.column) for one in audit.findings][:2] == [
        ("too good", "status"),
        ("undated", "status"),
    ]
    assert ("constant", "same") in [(one.kind, one.column) for one in audit.findings]
    assert audit.features.iloc[0]["feature"] == "status"
    assert "the future may be in it" in repr(audit)
    assert "<table>" in audit._repr_html_()


def test_single_features_are_judged_as_by_scikit_learn(shop):
    table = tc.Snapshots(MONTHS, "120d", "90d").inactivity(shop.transactions)
    found = table.audit().features.set_index("feature")["auc"]
    for name in table.feature_names:
        values = table.X[name].to_numpy(dtype=float)
        there = ~np.isnan(values)
        by_value = roc_auc_score(table.y[there], values[there])
        by_gap = roc_auc_score(table.y, ~there)
        want = max(by_value, 1 - by_value, by_gap, 1 - by_gap)
        assert found[name] == pytest.approx(want, abs=1e-12), name


def test_words_that_are_nobody_elses_do_not_tell_the_outcome(shop):
    snapshots = tc.Snapshots("2024-07-01", "120d", "90d")
    ids = snapshots.inactivity(shop.transactions).groups
    customers = {"customer_id": ids, "name": [f"n{k}" for k in ids]}
    audit = snapshots.inactivity(shop.transactions, customers=customers).audit()
    assert audit.passed
    assert audit.features.set_index("feature")["auc"]["name"] == 0.5


def test_the_audit_knows_short_histories_and_shared_days(shop):
    table = tc.Snapshots(["2024-03-01", "2024-04-01"], "120d", "90d").inactivity(shop.transactions)
    kinds = {finding.kind for finding in table.audit().findings}
    assert {"short history", "overlap"} <= kinds
    assert "fewer than 120 days of history" in table.summary()


def test_a_recipe_builds_the_same_features_again(tables):
    table = everything(tables)
    text = json.dumps(table.recipe.to_dict())
    recipe = tc.SnapshotRecipe.from_dict(json.loads(text))
    assert recipe == table.recipe
    assert json.dumps(recipe.to_dict()) == text
    again = recipe.features(as_of="2024-04-01", **tables)
    assert again.outcome_names == []
    assert again.feature_names == table.feature_names
    ours, theirs = table.frame.to_pydict(), again.frame.to_pydict()
    rows = dict(zip(theirs["customer_id"], range(len(again)), strict=True))
    second = [k for k, day in enumerate(ours["as_of"]) if day == dt.date(2024, 4, 1)]
    assert 10 < len(second) <= len(again)
    for name in table.feature_names:
        for k in second:
            assert ours[name][k] == theirs[name][rows[ours["customer_id"][k]]], name
    with pytest.raises(tc.DataError, match="there is no outcome"):
        _ = again.y
    assert len(recipe.features_) == len(table.feature_names)
    # The day after the last one of the data uses all of them.
    assert len(recipe.features(as_of="2024-06-29", **tables))


def test_a_recipe_needs_the_same_tables(tables):
    recipe = everything(tables).recipe
    fewer = {name: one for name, one in tables.items() if name != "events"}
    with pytest.raises(tc.ParameterError, match="events: expected a table; the features were"):
        recipe.features(as_of="2024-04-01", **fewer)
    with pytest.raises(tc.ParameterError, match="stages: expected none"):
        recipe.features(as_of="2024-04-01", **tables, stages=tables["events"])
    changed = {**tables["purchases"]}
    del changed["amount"]
    with pytest.raises(tc.DataError, match="column 'amount' is missing from the log of purchases"):
        recipe.features(as_of="2024-04-01", **(tables | {"purchases": changed}))
    changed = {name: one for name, one in tables["subscriptions"].items() if name != "plan"}
    with pytest.raises(tc.DataError, match=r"feature 'plan' .* is missing"):
        recipe.features(as_of="2024-04-01", **(tables | {"subscriptions": changed}))
    with pytest.raises(tc.exceptions.ModelFileError, match="damaged"):
        tc.SnapshotRecipe.from_dict({"version": 1})
    with pytest.raises(tc.exceptions.UnsupportedVersionError, match="newer tercet"):
        tc.SnapshotRecipe.from_dict({"version": 99})


def test_pickling(tables):
    table = everything(tables)
    again = pickle.loads(pickle.dumps(table))
    assert again.frame.equals(table.frame)
    assert repr(again) == repr(table)
    assert "<table>" in table._repr_html_()


def test_several_outcomes_are_a_table(tables):
    snapshots = tc.Snapshots(DATES, "60d", "30d")
    table = snapshots.purchases(tables["purchases"], products=["loan", "card"])
    assert table.y.column_names == ["buys_loan", "buys_card", "buys_any"]
    y = table.y.to_pydict()
    either = [int(a or b) for a, b in zip(y["buys_loan"], y["buys_card"], strict=True)]
    assert y["buys_any"] == either
    assert list(table.features_["feature"].to_pylist()) == table.feature_names
    words = dict(
        zip(
            table.features_["feature"].to_pylist(),
            table.features_["words"].to_pylist(),
            strict=True,
        )
    )
    assert words["purchases_60d"] == "purchases in 60 days"
    assert words["purchases_loan_60d"] == "purchases of loan in 60 days"


def test_simulated_subscriptions_have_the_chances_that_they_are_said_to_have():
    company = tc.datasets.simulate_subscriptions(6_000, seed=2)
    snapshots = tc.Snapshots(["2024-04-01", "2024-10-01"], "90d", "90d")
    table = snapshots.churn(company.subscriptions, events=company.events)
    frame = table.frame.merge(company.truth, on="customer_id")
    chance = 1.0 - np.exp(-90.0 * frame["churn_rate"])
    error = np.sqrt((chance * (1 - chance)).sum()) / len(frame)
    assert abs(chance.mean() - frame["churns"].mean()) < 4 * error
    # Use tells: the tenth that uses most stays longer than the tenth that uses least.
    ranked = frame.sort_values("events_90d")["churns"].to_numpy()
    assert ranked[: len(ranked) // 10].mean() > 1.5 * ranked[-len(ranked) // 10 :].mean()

    leads = snapshots.leads(
        company.stages, order=["lead", "qualified", "offer", "customer"], lost=["lost"]
    )
    frame = leads.frame.merge(company.lead_truth, on="customer_id")
    rate = frame["move_rate"] + frame["lost_rate"]
    chance = frame["move_rate"] / rate * (1.0 - np.exp(-90.0 * rate))
    error = np.sqrt((chance * (1 - chance)).sum()) / len(frame)
    assert abs(chance.mean() - frame["moves"].mean()) < 4 * error


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow", "duckdb"])
def test_simulated_subscriptions_are_the_same_for_a_seed(backend):
    one = tc.datasets.simulate_subscriptions(50, seed=7, backend=backend)
    other = tc.datasets.simulate_subscriptions(50, seed=7, backend="pyarrow")
    arrow = nw.from_native(one.events).lazy().collect("pyarrow").to_native()
    assert arrow["customer_id"].to_pylist() == other.events["customer_id"].to_pylist()
    assert len(arrow) > 1_000
    with pytest.raises(tc.ParameterError, match="n_customers = 0"):
        tc.datasets.simulate_subscriptions(0)


def test_an_audit_looks_at_rows_with_an_outcome_only():
    """Who owns a product has no outcome for it: owning it does not predict anything."""
    company = tc.datasets.simulate_subscriptions(600, seed=1)
    snapshots = tc.Snapshots(as_of=["2024-04-01", "2024-07-01"], observation="90d", outcome="30d")
    audit = snapshots.feature_use(
        company.events, features=["export", "sharing"], first_only=True
    ).audit()
    told = dict(zip(audit.features["feature"], audit.features["auc"], strict=True))
    # Of those without one it is the same in all rows; of the other feature's rows it says a little.
    assert told["knows_export"] < 0.9


@pytest.mark.parametrize("lazy", [False, True])
def test_a_lazy_log_of_labels_none_of_which_is_listed(lazy):
    tables = company()
    log = pl.DataFrame(tables["purchases"])
    snapshots = tc.Snapshots(AS_OF, "30d", "30d")
    found = snapshots.purchases(log.lazy() if lazy else log)
    expected = snapshots.purchases(pa.table(tables["purchases"]))
    assert found.X.to_dict(as_series=False) == expected.X.to_pydict()
