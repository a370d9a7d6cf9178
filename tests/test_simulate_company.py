"""The simulated company: its tables, and that what happens is what its truth predicts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc

N = 20_000


@pytest.fixture(scope="module")
def company() -> tc.datasets.SimulatedCompany:
    return tc.datasets.simulate_company(N, seed=4)


def inside(log, begin: str, days: int):
    """Return the rows of a window."""
    opens = pd.Timestamp(begin)
    return log[(log["date"] >= opens) & (log["date"] < opens + pd.Timedelta(days=days))]


def surprise(happened, chance) -> float:
    """Return how many standard errors the share that happened is from the true chance."""
    known = ~np.isnan(chance)
    spread = np.sqrt((chance[known] * (1.0 - chance[known])).sum())
    return abs(happened[known].sum() - chance[known].sum()) / spread


def test_the_tables_have_these_columns(company):
    assert list(company.customers) == [
        "customer_id",
        "since",
        "region",
        "came_by",
        "age",
        "children",
    ]
    assert list(company.purchases) == [
        "customer_id",
        "date",
        "product",
        "amount",
        "channel",
        "discounted",
    ]
    assert list(company.campaigns) == ["customer_id", "date", "campaign", "channel", "arm"]
    assert list(company.consent) == ["customer_id", "email", "sms", "app", "do_not_contact"]
    assert list(company.feedback) == ["customer_id", "date", "score"]
    assert company.observation_end == dt.date(2025, 6, 30)
    for log in ("purchases", "events", "campaigns", "contacts", "stages", "visits", "feedback"):
        dates = getattr(company, log)["date"]
        assert dates.is_monotonic_increasing
        assert dates.max() < pd.Timestamp("2025-07-01")


@pytest.mark.parametrize("product", [None, "wine", ["meat", "cookware"]])
@pytest.mark.parametrize(("begin", "days"), [("2024-06-01", 60), ("2025-05-25", 30)])
def test_shares_that_buy_are_those_of_the_truth(company, product, begin, days):
    chance = company.truth.purchase_probability(begin, days, product)
    log = inside(company.purchases, begin, days)
    if product is not None:
        log = log[log["product"].isin([product] if isinstance(product, str) else product)]
    # A hundredth of the rows have ids of nobody, which now and then was the only row of a customer.
    happened = company.customers["customer_id"].isin(log["customer_id"]).to_numpy()
    assert surprise(happened, chance) < 4.0
    likely = chance > np.nanmedian(chance)
    assert surprise(happened[likely], chance[likely]) < 4.0


def test_shares_that_leave_or_use_are_those_of_the_truth(company):
    begin, days = "2025-01-01", 90
    events = inside(company.events, begin, days)
    ids = company.customers["customer_id"]
    for feature in ("recipes", "chat"):
        used = ids.isin(events.loc[events["feature"] == feature, "customer_id"]).to_numpy()
        chance = company.truth.feature_use_probability(begin, days, feature)
        assert surprise(used, chance) < 4.0
    ends = company.subscriptions.set_index("customer_id")["end"].reindex(ids)
    opens = pd.Timestamp(begin)
    ended = ((ends >= opens) & (ends < opens + pd.Timedelta(days=days))).to_numpy()
    assert surprise(ended, company.truth.churn_probability(begin, days)) < 3.5
    stages = company.stages
    moves = inside(stages[stages["stage"].isin(["trial", "qualified", "customer"])], begin, days)
    moved = company.leads["customer_id"].isin(moves["customer_id"]).to_numpy()
    # Who moves on may move on twice, or out of a stage entered in the window.
    chance = company.truth.stage_probability(begin, days)
    assert surprise(moved, chance) < 3.5


def test_margins_are_those_of_the_truth(company):
    begin, days = "2024-06-01", 365
    expected = company.truth.expected_margin(begin, days)
    known = company.customers["customer_id"][~np.isnan(expected)]
    log = inside(company.purchases, begin, days).merge(company.products, on="product")
    log = log[log["customer_id"].isin(known)]
    earned = (log["amount"] * log["margin"]).sum()
    # The campaign and ids of nobody make a difference of about a hundredth each.
    assert earned == pytest.approx(np.nansum(expected), rel=0.04)
    later = company.truth.expected_margin(begin, days, 0.2)
    assert np.nansum(later) < np.nansum(expected)


def test_the_campaign_does_what_the_truth_says(company):
    tried = company.campaigns
    bought = inside(company.purchases, str(tried["date"].iloc[0]), 28)
    spend = tried["customer_id"].map(bought.groupby("customer_id")["amount"].sum()).fillna(0.0)
    need = pd.Series(company.truth.need(customers=tried["customer_id"]))
    for arm in company.truth.arms[1:]:
        true = company.truth.effect(arm, customers=tried["customer_id"])
        for which in sorted(set(need)):
            here = (need == which).to_numpy()
            treated = spend[here & (tried["arm"] == arm).to_numpy()]
            control = spend[here & (tried["arm"] == "none").to_numpy()]
            error = np.hypot(treated.sem(), control.sem())
            found = treated.mean() - control.mean()
            assert abs(found - true[here].mean()) < 4.0 * error
    assert np.nanmean(company.truth.effect("recipes", "orders")) > 0.0


def test_needs_drive_answers_purchases_and_value(company):
    truth = company.truth.customers
    margin = truth.groupby("need")["order_margin"].mean()
    assert margin["quality"] > 1.2 * margin["price"]
    ids = company.respondents["customer_id"].str.strip().str.upper()
    need = pd.Series(company.truth.need(customers=ids))
    rating = company.respondents.groupby(need)[["low_price", "taste", "recipes"]].mean()
    assert rating["low_price"].idxmax() == "price"
    assert rating["taste"].idxmax() == "quality"
    assert rating["recipes"].idxmax() == "advice"
    baskets = company.purchases.assign(
        need=company.purchases["customer_id"].map(truth.set_index("customer_id")["need"])
    )
    kits = (baskets["product"] == "meal kit").groupby(baskets["need"]).mean()
    assert kits.idxmax() == "convenience"


def test_nobody_without_consent_is_written_to(company):
    consent = company.consent.set_index("customer_id")
    for log in (company.contacts, company.campaigns):
        assert log["customer_id"].isin(consent.index).all()
        allowed = consent.loc[log["customer_id"]]
        assert allowed["email"].all()
        assert not allowed["do_not_contact"].any()


def test_ids_are_as_messy_as_asked():
    clean = tc.datasets.simulate_company(1_000, seed=2, mess=0.0)
    known = set(clean.customers["customer_id"])
    assert set(clean.purchases["customer_id"]) <= known
    assert set(clean.respondents["customer_id"]) <= known
    messy = tc.datasets.simulate_company(1_000, seed=2, n_respondents=900, mess=0.2)
    assert not set(messy.purchases["customer_id"]) <= known
    strange = ~messy.respondents["customer_id"].isin(known)
    assert 0.1 < strange.mean() < 0.3
    assert messy.respondents["customer_id"].str.strip().str.upper().isin(known).all()


def test_the_same_seed_gives_the_same_tables():
    first, second = (tc.datasets.simulate_company(300, seed=7) for _ in range(2))
    other = tc.datasets.simulate_company(300, seed=8)
    pd.testing.assert_frame_equal(first.purchases, second.purchases)
    pd.testing.assert_frame_equal(first.respondents, second.respondents)
    assert not first.purchases.equals(other.purchases)
    in_polars = tc.datasets.simulate_company(300, seed=7, backend="polars")
    assert isinstance(in_polars.purchases, pl.DataFrame)
    assert in_polars.purchases["amount"].to_list() == first.purchases["amount"].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_customers": 0}, "n_customers = 0: expected a whole number, at least 1"),
        ({"n_respondents": 101}, "a whole number from 1 to the number of customers"),
        ({"n_leads": 0}, "n_leads = 0"),
        ({"mess": 0.9}, "mess = 0.9: expected a share from 0 to 0.5"),
        ({"backend": "excel"}, "backend = 'excel'"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(tc.ParameterError, match=message):
        tc.datasets.simulate_company(**{"n_customers": 100} | arguments)


def test_questions_that_cannot_be(company):
    truth = company.truth
    with pytest.raises(tc.ParameterError, match="the id of a customer"):
        truth.need(customers=["nobody"])
    with pytest.raises(tc.ParameterError, match="arm = 'none'"):
        truth.effect("none")
    with pytest.raises(tc.ParameterError, match="feature = 'telepathy'"):
        truth.feature_use_probability("2025-01-01", 90, "telepathy")
    assert "20,000 customers" in repr(truth)
    assert "purchases" in repr(company)
