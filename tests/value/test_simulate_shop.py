"""The simulated shop: its tables, and that what happens is what its truth predicts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

PRODUCTS = [
    "beans",
    "ground",
    "tea",
    "chocolate",
    "filters",
    "syrup",
    "cups",
    "cleaner",
    "grinder",
    "machine",
]
N = 20_000


@pytest.fixture(scope="module")
def shop() -> tc.datasets.SimulatedShop:
    return tc.datasets.simulate_shop(N, seed=4)


def bought(shop, begin: str, days: int, product=None) -> np.ndarray:
    """Return who bought in the window."""
    log, opens = shop.purchases, pd.Timestamp(begin)
    here = (log["date"] >= opens) & (log["date"] < opens + pd.Timedelta(days=days))
    here &= log["amount"] > 0
    if product is not None:
        here &= log["product"].isin([product] if isinstance(product, str) else product)
    found = np.zeros(len(shop.customers), dtype=bool)
    found[log.loc[here, "customer_id"].unique() - 1] = True
    return found


def surprise(happened: np.ndarray, chance: np.ndarray) -> float:
    """Return how many standard errors the share that happened is from the true chance."""
    known = ~np.isnan(chance)
    spread = np.sqrt((chance[known] * (1.0 - chance[known])).sum())
    return abs(happened[known].sum() - chance[known].sum()) / spread


def test_the_tables_have_these_columns(shop):
    assert list(shop.purchases) == ["customer_id", "date", "product", "amount"]
    assert list(shop.events) == ["customer_id", "date", "feature"]
    assert list(shop.contacts) == ["customer_id", "date", "channel", "responded_at"]
    assert list(shop.customers) == [
        "customer_id",
        "since",
        "region",
        "newsletter",
        "age",
        "household",
        "income",
        "answered_at",
    ]
    assert shop.products["product"].tolist() == PRODUCTS
    assert (shop.products["margin"] < shop.products["price"]).all()
    assert shop.observation_end == dt.date(2025, 6, 30)
    for log in (shop.purchases, shop.events, shop.contacts):
        assert log["date"].is_monotonic_increasing
        assert log["date"].max() < pd.Timestamp("2025-07-01")


def test_two_products_are_rare_and_prices_are_means(shop):
    share = shop.purchases["product"].value_counts(normalize=True)
    assert set(share.index[share < 0.01]) == {"grinder", "machine"}
    assert share["beans"] > 0.2
    price = shop.purchases.groupby("product")["amount"].mean()
    listed = shop.products.set_index("product")["price"]
    np.testing.assert_allclose(price[PRODUCTS], listed[PRODUCTS], rtol=0.02)


def test_products_attract_and_replace_each_other(shop):
    counts = pd.crosstab(shop.purchases["customer_id"], shop.purchases["product"])
    shares = counts.div(counts.sum(axis=1), axis=0)[counts.sum(axis=1) >= 10]
    related = shares.corr()
    assert related.loc["ground", "filters"] > 0.1
    assert related.loc["beans", "ground"] < -0.2
    assert related.loc["tea", "chocolate"] > 0.0


def test_what_was_not_told_is_missing(shop):
    customers = shop.customers
    silent = customers["answered_at"].isna()
    assert 0.3 < silent.mean() < 0.5
    assert customers["age"].isna().equals(silent)
    assert 0.2 < customers.loc[~silent, "income"].isna().mean() < 0.4
    assert (customers["answered_at"] > customers["since"])[~silent].all()
    known = shop.truth.customers["age"][~silent]
    np.testing.assert_array_equal(known, customers["age"][~silent])


@pytest.mark.parametrize("product", [None, "beans", "machine", ["tea", "cleaner"]])
@pytest.mark.parametrize(("begin", "days"), [("2023-10-01", 60), ("2025-01-01", 90)])
def test_shares_that_buy_are_those_of_the_truth(shop, product, begin, days):
    chance = shop.truth.purchase_probability(begin, days, product)
    happened = bought(shop, begin, days, product)
    assert surprise(happened, chance) < 3.5
    # Also among the likely and the unlikely.
    likely = chance > np.nanmedian(chance)
    assert surprise(happened[likely], chance[likely]) < 3.5
    assert surprise(happened[~likely], chance[~likely]) < 3.5


def test_seasons_are_in_the_truth():
    shop = tc.datasets.simulate_shop(N, seed=5, seasonality=1.0)
    for begin, days in (("2024-11-20", 30), ("2024-10-15", 120)):
        chance = shop.truth.purchase_probability(begin, days)
        assert surprise(bought(shop, begin, days), chance) < 3.5
    by_month = shop.purchases[shop.purchases["date"] >= "2024-07-01"][
        "date"
    ].dt.month.value_counts()
    assert by_month[12] > 1.5 * by_month[8]


def test_windows_add_up_for_who_never_leaves():
    shop = tc.datasets.simulate_shop(500, seed=6, seasonality=0.7)
    truth = shop.truth
    truth._leaving_rate = np.full(500, 1e-12)
    truth._left = np.full(500, np.inf)
    whole = truth.purchase_probability("2024-10-10", 100.0)
    first = truth.purchase_probability("2024-10-10", 40.0)
    second = truth.purchase_probability("2024-11-19", 60.0)
    np.testing.assert_allclose(1.0 - whole, (1.0 - first) * (1.0 - second), atol=1e-9)


def test_anything_is_at_least_as_likely_as_each_product_and_at_most_their_sum(shop):
    anything = shop.truth.purchase_probability("2024-06-01", 90)
    each = np.array([shop.truth.purchase_probability("2024-06-01", 90, one) for one in PRODUCTS])
    known = ~np.isnan(anything)
    assert (anything >= each.max(axis=0) - 1e-12)[known].all()
    assert (anything <= each.sum(axis=0) + 1e-12)[known].all()


def test_who_came_later_has_no_chance_and_who_left_has_none_left(shop):
    chance = shop.truth.purchase_probability("2024-01-01", 90)
    new = (shop.customers["since"] >= "2024-01-01").to_numpy()
    np.testing.assert_array_equal(np.isnan(chance), new)
    left = (shop.truth.customers["left_at"] < "2024-01-01").to_numpy()
    assert (chance[left] == 0.0).all()
    assert (chance[~left & ~new] > 0.0).all()


def test_chances_of_some_customers_come_in_their_order(shop):
    everybody = shop.truth.purchase_probability("2025-01-01", 90, "tea")
    some = shop.truth.purchase_probability("2025-01-01", 90, "tea", customers=[7, 3, 7])
    np.testing.assert_array_equal(some, everybody[[6, 2, 6]])


def test_what_is_sent_back_has_a_second_row():
    shop = tc.datasets.simulate_shop(3_000, seed=7, refunds=0.1)
    log = shop.purchases
    back = log[log["amount"] < 0]
    assert 0.08 < len(back) / (len(log) - len(back)) < 0.11
    assert log["date"].is_monotonic_increasing
    gross = log[log["amount"] > 0]
    pairs = back.assign(amount=-back["amount"]).merge(
        gross, on=["customer_id", "product", "amount"], suffixes=("_back", "")
    )
    assert len(pairs) >= len(back)
    assert (pairs["date_back"] - pairs["date"]).max() > pd.Timedelta(days=3)
    # The truth is of purchases, whether they are kept or not.
    chance = shop.truth.purchase_probability("2025-01-01", 90)
    assert surprise(bought(shop, "2025-01-01", 90), chance) < 3.5


def test_the_loyal_respond_and_the_gone_do_not(shop):
    contacts = shop.contacts
    answered = contacts["responded_at"].notna()
    left = shop.truth.customers["left_at"].to_numpy()[contacts["customer_id"] - 1]
    assert not answered[contacts["date"].to_numpy() > left].any()
    loyalty = shop.truth.customers["loyalty"].to_numpy()[contacts["customer_id"] - 1]
    assert answered[loyalty > 1].mean() > 1.3 * answered[loyalty < -1].mean()


def test_a_seed_gives_the_same_shop_and_another_seed_another_one():
    one, two = (tc.datasets.simulate_shop(300, seed=1) for _ in range(2))
    pd.testing.assert_frame_equal(one.purchases, two.purchases)
    other = tc.datasets.simulate_shop(300, seed=2)
    assert not one.customers["since"].equals(other.customers["since"])


@pytest.mark.parametrize(("backend", "kind"), [("polars", pl.DataFrame), ("pyarrow", pa.Table)])
def test_every_kind_of_table_has_the_same(backend, kind):
    shop = tc.datasets.simulate_shop(200, seed=3, backend=backend)
    expected = tc.datasets.simulate_shop(200, seed=3)
    for name in ("purchases", "events", "contacts", "customers", "products"):
        table = getattr(shop, name)
        assert isinstance(table, kind)
        assert len(table) == len(getattr(expected, name))
    assert isinstance(shop.truth.customers, kind)
    amounts = np.asarray(shop.purchases["amount"])
    np.testing.assert_array_equal(amounts, expected.purchases["amount"])


def test_snapshots_know_when_attributes_were_told(shop):
    snapshots = tc.Snapshots("2024-06-01", "180d", "90d", columns=shop.columns)
    table = snapshots.purchases(shop.purchases, customers=shop.customers)
    frame = table.frame.set_index("customer_id")
    told = shop.customers.set_index("customer_id").loc[frame.index, "answered_at"] < "2024-06-01"
    assert (frame["age"].notna() == told).all()
    kinds = {finding.kind for finding in table.audit().findings}
    assert "undated" not in kinds
    assert "leak" not in kinds


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_customers": 0}, "n_customers = 0: expected a whole number, at least 1"),
        ({"n_customers": 1.5}, "n_customers = 1.5: expected a whole number"),
        ({"seed": -1}, "seed = -1"),
        ({"seasonality": -0.1}, "seasonality = -0.1: expected a number from 0 to 10"),
        ({"seasonality": np.nan}, "seasonality = nan"),
        ({"refunds": 1.0}, "refunds = 1.0: expected a share, at least 0 and below 1"),
        ({"backend": "excel"}, "backend = 'excel'"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(arguments, words):
    with pytest.raises(tc.exceptions.ParameterError, match=words.replace("(", r"\(")):
        tc.datasets.simulate_shop(**({"n_customers": 10} | arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"product": "coffee"}, 'product = \'coffee\': expected one of "beans", "ground"'),
        ({"product": []}, r"product = \[\]: expected a name or a list of different names"),
        ({"days": 0}, "days = 0: expected a number of days above 0"),
        ({"days": float("inf")}, "days = inf"),
        ({"as_of": "soon"}, "as_of = 'soon'"),
        ({"customers": [0]}, r"customers = \[0\]: expected numbers of customers from 1 to 20000"),
        ({"customers": [1.0]}, r"customers = \[1.0\]"),
        ({"customers": "1"}, "customers = '1'"),
    ],
)
def test_chances_that_cannot_be_asked_for_are_named(shop, arguments, words):
    with pytest.raises(tc.exceptions.ParameterError, match=words):
        shop.truth.purchase_probability(**({"as_of": "2025-01-01", "days": 90} | arguments))
