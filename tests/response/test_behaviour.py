"""Behaviour as of a date: by hand, against plain Python, over every kind of table, and later."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

import tercet as tc

AS_OF = "2025-06-01"
END = dt.datetime(2025, 6, 1)


def day(text):
    return dt.datetime.fromisoformat(text)


LOG = {
    "customer_id": ["ann", "ann", "ann", "ann", "bob", "bob", "eve", "kim", "kim", "zoe"],
    "date": [
        day("2025-05-03"),  # a Saturday
        day("2025-05-03 18:00"),
        day("2025-05-13"),
        day("2025-05-24"),  # a Saturday
        day("2024-05-01"),
        day("2024-05-11"),
        day("2025-05-30"),
        day("2024-07-01"),
        day("2025-05-28"),
        day("2025-06-01"),  # on the date itself
    ],
    "amount": [10.0, 5.0, 20.0, 25.0, 7.0, 9.0, 100.0, 8.0, 12.0, 1.0],
    "product": ["tea", "cup", "tea", "pot", "tea", "tea", "pot", "tea", None, "pot"],
    "channel": ["web", "web", "shop", "shop", "web", None, "app", "web", "web", "web"],
    "discount": [0.0, 5.0, 0.0, 15.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0],
}


def described(**arguments):
    found = tc.behaviour(pd.DataFrame(LOG), as_of=AS_OF, **arguments)
    return found, found.table.set_index("customer_id")


def test_who_has_a_row():
    found, table = described()
    assert list(table.index) == ["ann", "bob", "eve", "kim"]
    assert len(found) == 4
    assert found.as_of == AS_OF
    assert list(found.features_["feature"]) == list(table.columns)
    assert all(found.features_["words"])


def test_habits_by_hand():
    found, table = described(products=["tea", "pot"])
    ann = table.loc["ann"]
    assert ann["favourite_weekday_365d"] == "Saturday"
    assert ann["favourite_weekday_share_365d"] == 0.75
    assert ann["favourite_product_365d"] == "tea"
    assert ann["favourite_product_share_365d"] == 0.5
    # Two by web, two in the shop: the one that was used last.
    assert ann["favourite_channel_365d"] == "shop"
    assert ann["basket_size_365d"] == pytest.approx(4 / 3)
    assert ann["basket_amount_365d"] == 20.0
    assert ann["discount_share_365d"] == pytest.approx(20 / 80)
    assert table.loc["kim", "favourite_channel_365d"] == "web"
    assert table.loc["kim", "discount_share_365d"] == pytest.approx(2 / 22)
    # Purchases of products in the window: 3 of tea, 2 of pot, 1 of cup.
    assert found.recipe.shares == {"tea": 0.5, "pot": pytest.approx(1 / 3)}
    assert ann["affinity_tea_365d"] == pytest.approx((2 + 0.5) / 5 / 0.5)
    assert table.loc["eve", "affinity_tea_365d"] == pytest.approx(0.5 / 2 / 0.5)
    assert pd.isna(table.loc["bob", "affinity_tea_365d"])
    for name in ("favourite_weekday_365d", "favourite_product_365d", "basket_size_365d"):
        assert pd.isna(table.loc["bob", name])


def test_scores_by_hand():
    found, table = described(n_scores=2)
    # Bought in the window: ann (8 days ago, 3 days, 60), eve (2, 1, 100), kim (4, 2, 20).
    assert found.recipe.cuts == {"recency": [4.0], "frequency": [2.0], "money": [60.0]}
    assert table["rfm"].to_dict() == {"ann": "121", "bob": "111", "eve": "212", "kim": "111"}
    assert table["days_since_last_purchase"].to_dict() == {
        "ann": 8.0,
        "bob": 386.0,
        "eve": 2.0,
        "kim": 4.0,
    }
    grid = found.rfm_grid
    assert len(grid) == 4
    assert grid.loc[(grid["r_score"] == 2) & (grid["f_score"] == 1), "money"].item() == 100.0
    assert grid["customers"].sum() == 4


def test_equal_values_have_equal_scores_in_any_order():
    rng = np.random.default_rng(1)
    n = 3_000
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 800, n),
            "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 120, n), "D"),
            "amount": rng.integers(1, 5, n).astype(float),
        }
    )
    one = tc.behaviour(log, as_of="2025-06-01")
    two = tc.behaviour(log.sample(frac=1, random_state=2), as_of="2025-06-01")
    assert one.table.equals(two.table)
    assert one.recipe == two.recipe
    for measure, score in (
        ("days_since_last_purchase", "r_score"),
        ("purchase_days_365d", "f_score"),
        ("amount_365d", "m_score"),
    ):
        assert (one.table.groupby(measure)[score].nunique() == 1).all()


def test_without_ties_scores_are_quantiles():
    rng = np.random.default_rng(3)
    n = 500
    log = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "date": pd.Timestamp("2025-06-01") - pd.to_timedelta(rng.permutation(n) + 1, "h"),
            "amount": rng.permutation(n) + 1.0,
        }
    )
    table = tc.behaviour(log, as_of="2025-06-01").table
    rank = pd.qcut(log["amount"], 5, labels=False) + 1
    assert (table["m_score"].to_numpy() == rank.to_numpy()).all()
    lately = 6 - (
        pd.qcut((pd.Timestamp("2025-06-01") - log["date"]).dt.total_seconds(), 5, labels=False) + 1
    )
    assert (table["r_score"].to_numpy() == lately.to_numpy()).all()
    assert (table["f_score"] == 1).all()


def test_scores_are_applied_later():
    shop = tc.datasets.simulate_purchases(2_000, seed=4).transactions
    june = tc.behaviour(shop, as_of="2024-06-01")
    recipe = tc.BehaviourRecipe.from_dict(json.loads(json.dumps(june.recipe.to_dict())))
    again = tc.behaviour(shop, as_of="2024-06-01", recipe=recipe)
    assert again.table.equals(june.table)
    half = shop[shop["customer_id"] < shop["customer_id"].median()]
    some = tc.behaviour(half, as_of="2024-06-01", recipe=recipe).table
    whole = june.table[june.table["customer_id"].isin(some["customer_id"])].reset_index(drop=True)
    assert some.equals(whole)
    later = tc.behaviour(shop, as_of="2025-01-01", recipe=recipe)
    assert later.recipe == june.recipe
    cuts = np.array(june.recipe.cuts["frequency"])
    days = later.table["purchase_days_365d"].to_numpy()
    bought = later.table["days_since_last_purchase"].notna().to_numpy()
    expected = (days[:, None] > cuts).sum(axis=1) + 1
    assert (later.table["f_score"].to_numpy(dtype=float)[bought] == expected[bought]).all()


# The stages, one by one: typical gap 10 days, so that one gap of 10 leaves a customer at 10.
RHYTHMS = {
    "new": ["2025-05-25"],
    "active": ["2025-04-25", "2025-05-05", "2025-05-15", "2025-05-25"],
    "slowing": ["2025-04-01", "2025-04-11", "2025-04-21", "2025-05-01", "2025-05-12"],
    "passive": ["2025-03-11", "2025-03-21", "2025-03-31", "2025-04-10", "2025-04-25"],
    "lost": ["2024-10-01", "2024-10-11", "2024-10-21"],
    "won back": ["2025-01-01", "2025-01-11", "2025-01-21", "2025-05-25"],
    "slow as ever": ["2024-03-01", "2024-06-01", "2024-09-01", "2024-12-01", "2025-03-01"],
}


def rhythms(as_of=AS_OF, **arguments):
    rows = [(name, date) for name, dates in RHYTHMS.items() for date in dates]
    rows += [(f"usual {k}", date) for k in range(9) for date in ("2025-05-15", "2025-05-25")]
    log = pd.DataFrame(rows, columns=["customer_id", "date"])
    found = tc.behaviour(log, as_of=as_of, **arguments)
    return found, found.table.set_index("customer_id")


def test_the_lifecycle_goes_by_each_customers_own_rhythm():
    found, table = rhythms()
    assert found.recipe.typical_gap == 10.0
    stages = table["lifecycle_stage"]
    for name in ("new", "active", "slowing", "passive", "lost", "won back"):
        assert stages[name] == name, name
    # Three months without a purchase are no pause for who buys every three months.
    assert stages["slow as ever"] == "active"
    assert table.loc["slow as ever", "rhythm_days"] == pytest.approx((365 + 10) / 5)
    assert table.loc["passive", "pause_in_gaps"] == pytest.approx(37 / ((45 + 10) / 5))
    counts = found.lifecycle.set_index("stage")["customers"]
    assert counts.sum() == len(table)
    assert counts["won back"] == 1


def test_limits_of_the_lifecycle():
    _, table = rhythms(lifecycle={"slowing": 5, "passive": 6, "lost": 100})
    assert table.loc["lost", "lifecycle_stage"] == "passive"
    assert table.loc["slowing", "lifecycle_stage"] == "active"
    for wrong in ({"slowing": 4}, {"lazy": 3}, {"lost": "far"}, 3):
        with pytest.raises(tc.ParameterError, match="lifecycle"):
            rhythms(lifecycle=wrong)


def test_the_flow_between_stages():
    found, _ = rhythms()
    later, _ = rhythms("2025-07-15", recipe=found.recipe)
    flow = later.flow(found)
    assert flow["customers"].sum() == len(later)
    assert flow.groupby("from_stage")["share"].sum().to_numpy() == pytest.approx(1.0)
    with pytest.raises(tc.ParameterError, match="swap the two"):
        found.flow(later)
    earlier, _ = rhythms("2025-05-20", recipe=found.recipe)
    flow = found.flow(earlier)
    came = flow[flow["from_stage"].isna()]
    assert came["to_stage"].tolist() == ["new"]
    other, _ = rhythms("2025-07-15", lifecycle={"lost": 9})
    with pytest.raises(tc.ParameterError, match="by the same recipe"):
        other.flow(found)


LEADS = {
    "customer_id": ["ann", "ann", "ann", "bob", "bob", "eve", "kim"],
    "date": [
        "2025-01-01",
        "2025-01-11",
        "2025-02-01",
        "2025-01-05",
        "2025-07-01",
        "2025-03-01",
        "2025-07-02",
    ],
    "stage": ["lead", "trial", "customer", "lead", "trial", "lead", "lead"],
}


def test_the_funnel():
    found = tc.behaviour(
        stages=LEADS, as_of=AS_OF, order=["lead", "trial", "customer"], lost=["gone"]
    )
    table = found.table.to_pydict()
    assert table["customer_id"] == ["ann", "bob", "eve"]
    assert table["stage"] == ["customer", "lead", "lead"]
    moves = found.transitions.to_pylist()
    assert [(one["from_stage"], one["to_stage"], one["moves"]) for one in moves] == [
        ("lead", None, 2),
        ("lead", "trial", 1),
        ("trial", "customer", 1),
        ("customer", None, 1),
    ]
    assert moves[1]["share"] == pytest.approx(1 / 3)
    assert moves[1]["days_median"] == 10.0
    interval = binomtest(1, 3).proportion_ci(method="wilson")
    assert (moves[1]["lower"], moves[1]["upper"]) == pytest.approx(tuple(interval))
    with pytest.raises(tc.ParameterError, match="'lifecycle_stage'"):
        _ = found.lifecycle
    with pytest.raises(tc.ParameterError, match="there are no transitions"):
        _ = described()[0].transitions


def test_engagement_and_attributes():
    events = {
        "customer_id": ["ann", "ann", "lea"],
        "date": ["2025-05-20", "2025-05-31", "2025-05-01"],
        "feature": ["login", "export", "login"],
    }
    contacts = {
        "customer_id": ["ann", "bob"],
        "date": ["2025-05-01", "2025-05-02"],
        "channel": ["mail", "mail"],
        "responded_at": [day("2025-05-03"), None],
    }
    customers = {"customer_id": ["ann", "uli"], "country": ["NO", "SE"]}
    found = tc.behaviour(
        pd.DataFrame(LOG),
        events,
        as_of=AS_OF,
        contacts=contacts,
        customers=customers,
        features=["export"],
    )
    table = found.table.set_index("customer_id")
    assert list(table.index) == ["ann", "bob", "eve", "kim", "lea", "uli"]
    assert table.loc["ann", "events_365d"] == 2
    assert table.loc["ann", "knows_export"] == 1
    assert table.loc["ann", "responses_365d"] == 1
    assert table.loc["bob", "contacts_365d"] == 1
    assert table.loc["uli", "country"] == "SE"
    # Known, but never bought: no scores, no stage.
    assert pd.isna(table.loc["lea", ["rfm", "r_score", "lifecycle_stage"]]).all()
    again = tc.behaviour(
        pd.DataFrame(LOG),
        events,
        as_of="2025-05-25",
        contacts=contacts,
        customers=customers,
        recipe=found.recipe,
    )
    assert list(again.table.columns) == list(found.table.columns)
    segment = tc.Segment(
        "s",
        {
            "all": [
                {"column": "events_365d", ">=": 2},
                {"column": "lifecycle_stage", "==": "active"},
            ]
        },
    )
    assert segment.members(found.table).sum() <= 1


def test_customers_who_are_none_yet_have_no_row():
    customers = {
        "customer_id": ["new", "old", "unknown"],
        "since": [day("2025-06-01"), day("2025-05-31"), None],
        "plan": ["a", "b", "c"],
    }
    found = tc.behaviour(pd.DataFrame(LOG), as_of=AS_OF, customers=customers)
    assert set(found.table["customer_id"]) - set(LOG["customer_id"]) == {"old", "unknown"}
    dated = {
        "customer_id": ["p", "p", "q"],
        "valid_from": [day("2025-01-01"), day("2025-07-01"), day("2025-07-01")],
        "plan": ["a", "b", "c"],
    }
    found = tc.behaviour(pd.DataFrame(LOG), as_of=AS_OF, customers=dated)
    table = found.table.set_index("customer_id")
    assert set(table.index) - set(LOG["customer_id"]) == {"p"}
    assert table.loc["p", "plan"] == "a"


def test_every_kind_of_table(table, kind, lists, native):
    columns = dict(LOG)
    columns["date"] = np.array(columns["date"], dtype="datetime64[us]")
    found = tc.behaviour(table(columns, kind), as_of=AS_OF, products=["tea"])
    assert isinstance(found.table, native[kind])
    got = lists(found.table)
    expected = lists(tc.behaviour(columns, as_of=AS_OF, products=["tea"]).table)
    assert list(got) == list(expected)
    for name, values in expected.items():
        gone = [None if value != value else value for value in values]
        assert [None if value != value else value for value in got[name]] == gone, name


def test_integer_periods():
    log = {"customer_id": [1, 1, 1, 2], "date": [1, 3, 5, 4], "amount": [1.0, 2.0, 3.0, 4.0]}
    found = tc.behaviour(pd.DataFrame(log), as_of=6, observation=5)
    assert "favourite_weekday_5p" not in found.table
    assert found.table["rhythm_periods"].tolist() == [2.0, 2.0]
    assert found.table["periods_since_last_purchase"].tolist() == [1.0, 2.0]


def test_other_names_refunds_and_lazy_tables():
    frame = pl.DataFrame({**LOG, "date": LOG["date"]}).rename(
        {"customer_id": "id", "date": "bought_at", "channel": "via"}
    )
    frame = pl.concat([frame, frame[:1].with_columns(amount=-3.0)])
    names = {"purchases": {"customer": "id", "time": "bought_at", "channel": "via"}}
    with pytest.raises(tc.DataError, match="'amount', row 10: -3 is negative"):
        tc.behaviour(frame, as_of=AS_OF, columns=names)
    found = tc.behaviour(frame.lazy(), as_of=AS_OF, columns=names, refunds="drop")
    assert isinstance(found.table, pl.LazyFrame)
    got = found.table.collect()
    assert got["favourite_channel_365d"].to_list() == ["shop", None, "app", "web"]
    assert got["id"].to_list() == ["ann", "bob", "eve", "kim"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"purchases": None}, tc.ParameterError, "purchases = None: expected a table"),
        ({"as_of": "2024-05-01"}, tc.ParameterError, "after the first one in the data"),
        ({"as_of": "soon"}, tc.ParameterError, "as_of"),
        ({"observation": "1d"}, tc.ParameterError, "somebody has bought within 1d"),
        ({"observation": 30}, tc.ParameterError, "a length of time such as"),
        ({"n_scores": 1}, tc.ParameterError, "from 2 to 100"),
        ({"products": ["coffee"]}, None, ""),
        ({"products": "tea"}, tc.ParameterError, "a list of different products"),
        ({"features": ["x"]}, tc.ParameterError, "none without a table of events"),
        ({"order": ["x"]}, tc.ParameterError, "none without a table of stages"),
        ({"stages": LEADS}, tc.ParameterError, "the stages from first to last"),
        ({"stages": LEADS, "order": ["lead"]}, tc.DataError, "'trial' is none of the stages"),
        ({"columns": {"purchases": {"channel": "by"}}}, tc.DataError, "column 'by'"),
        ({"columns": {"purchases": {"time": "when"}}}, tc.DataError, "column 'when'"),
        ({"recipe": 3}, tc.ParameterError, "a BehaviourRecipe"),
        ({"refunds": "net"}, tc.ParameterError, 'one of "error", "drop"'),
    ],
)
def test_what_cannot_be_used(arguments, error, words):
    given = {"purchases": pd.DataFrame(LOG), "as_of": AS_OF} | arguments
    if error is None:
        with pytest.raises(tc.ParameterError, match="products that occur in the log of purchases"):
            tc.behaviour(**given)
        return
    with pytest.raises(error, match=words):
        tc.behaviour(**given)


def test_a_recipe_that_does_not_fit():
    recipe = described()[0].recipe
    log = pd.DataFrame(LOG)
    for left_out, words in (("channel", "channel"), ("amount", "amount"), ("product", "product")):
        with pytest.raises(tc.DataError, match=f"'{words}'.*the recipe was found with it"):
            tc.behaviour(log.drop(columns=left_out), as_of=AS_OF, recipe=recipe)
    with pytest.raises(tc.ParameterError, match="nothing beside recipe="):
        tc.behaviour(log, as_of=AS_OF, recipe=recipe, n_scores=5)
    with pytest.raises(tc.ParameterError, match="purchases"):
        tc.behaviour(
            events={"customer_id": [1], "date": ["2025-01-01"]}, as_of=AS_OF, recipe=recipe
        )
    for damaged, error in (
        ({}, tc.ModelFileError),
        (recipe.to_dict() | {"version": 2}, tc.UnsupportedVersionError),
        (recipe.to_dict() | {"cuts": 3}, tc.ModelFileError),
        (recipe.to_dict() | {"observation": "long"}, tc.ModelFileError),
    ):
        with pytest.raises(error):
            tc.BehaviourRecipe.from_dict(damaged)


def test_behaviour_shows_itself():
    found, _ = described()
    assert "Behaviour of 4 customers as of 2025-06-01" in repr(found)
    assert "won back" in repr(found)
    assert "<table>" in found._repr_html_()
    leads = tc.behaviour(stages=LEADS, as_of=AS_OF, order=["lead", "trial", "customer"])
    assert "Behaviour of 3 customers" in repr(leads)


TIMES = st.integers(0, 400).map(lambda k: END - dt.timedelta(days=200) + dt.timedelta(hours=17 * k))
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        TIMES,
        st.integers(1, 6).map(lambda k: k / 2),
        st.sampled_from(["tea", "pot", None]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(ROWS)
def test_plain_python_says_the_same(rows):
    before = [row for row in rows if row[1] < END]
    since = END - dt.timedelta(days=90)
    if not any(row[1] >= since for row in before):
        return
    log = pl.DataFrame(
        {
            "customer_id": [row[0] for row in rows],
            "date": [row[1] for row in rows],
            "amount": [row[2] for row in rows],
            "product": pl.Series([row[3] for row in rows], dtype=pl.String),
        }
    )
    found = tc.behaviour(log, as_of=AS_OF, observation="90d", n_scores=3)
    table = {row["customer_id"]: row for row in found.table.to_dicts()}
    assert sorted(table) == sorted({row[0] for row in before})
    gaps = []
    by_customer = defaultdict(list)
    for row in sorted(before, key=lambda row: row[1]):
        by_customer[row[0]].append(row)
    for own in by_customer.values():
        days = sorted({row[1].date() for row in own})
        if len(days) > 1:
            gaps.append((days[-1] - days[0]).days / (len(days) - 1))
    typical = statistics.median(gaps) if gaps else float("nan")
    assert found.recipe.typical_gap == pytest.approx(typical, nan_ok=True)
    values = {}
    for name, own in by_customer.items():
        inside = [row for row in own if row[1] >= since]
        days = {row[1].date() for row in inside}
        got = table[name]
        last = (END - own[-1][1]).total_seconds() / 86_400
        assert got["days_since_last_purchase"] == pytest.approx(last)
        values[name] = (last, len(days), sum(row[2] for row in inside), bool(inside))
        products = Counter(row[3] for row in inside if row[3] is not None)
        if products:
            most = max(products.values())
            latest = {row[3]: row[1] for row in inside}
            best = [product for product in products if products[product] == most]
            best.sort(key=lambda product: (-latest[product].timestamp(), product))
            assert got["favourite_product_90d"] == best[0]
            assert got["favourite_product_share_90d"] == most / products.total()
        weekdays = Counter(row[1].weekday() for row in inside)
        if weekdays:
            best_day = min(weekdays, key=lambda k: (-weekdays[k], k))
            assert (
                got["favourite_weekday_90d"]
                == [
                    "Monday",
                    "Tuesday",
                    "Wednesday",
                    "Thursday",
                    "Friday",
                    "Saturday",
                    "Sunday",
                ][best_day]
            )
    for place, (measure, letter, sign) in enumerate(
        (("recency", "r", -1), ("frequency", "f", 1), ("money", "m", 1))
    ):
        seen = sorted(sign * one[place] for one in values.values() if one[3])
        # The smallest value that at least a third (two thirds) do not exceed.
        cuts = [seen[-(-len(seen) * k // 3) - 1] for k in (1, 2)]
        assert [sign * cut for cut in found.recipe.cuts[measure]] == pytest.approx(cuts)
        for name, one in values.items():
            expected = 1 + sum(sign * one[place] > cut for cut in cuts)
            assert table[name][f"{letter}_score"] == expected


def test_cdnow_as_sql_has_it(cdnow_sample):
    case = json.loads((Path(__file__).parents[1] / "reference/behaviour/cdnow.json").read_text())
    found = tc.behaviour(cdnow_sample, as_of=case["as_of"], observation=case["observation"])
    assert len(found) == case["customers"]
    for measure, cuts in case["cuts"].items():
        assert found.recipe.cuts[measure] == pytest.approx(cuts, rel=1e-12)
    assert found.recipe.typical_gap == pytest.approx(case["typical_gap"])
    assert Counter(found.table["rfm"]) == case["rfm"]
    lifecycle = found.lifecycle.set_index("stage")["customers"]
    assert {stage: n for stage, n in lifecycle.items() if n} == case["lifecycle"]


def test_progress_is_told():
    shop = tc.datasets.simulate_purchases(50, seed=1)
    steps: list[tc.Step] = []
    tc.behaviour(shop.transactions, as_of="2024-06-01", progress=steps.append)
    assert [(step.phase, step.iteration) for step in steps] == [
        ("reading tables", 1),
        ("features", 1),
    ]
