"""The simulated software company: its tables, and that what happens is what its truth predicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc

N = 30_000
REASONS = ["cancel", "payment", "upgrade"]
WINDOWS = [("2023-06-01", 60), ("2024-09-01", 250)]


@pytest.fixture(scope="module")
def company() -> tc.datasets.SimulatedSoftware:
    return tc.datasets.simulate_software(N, seed=2)


def within(times: pd.Series, begin: str, days: int) -> pd.Series:
    opens = pd.Timestamp(begin)
    return (times >= opens) & (times < opens + pd.Timedelta(days=days))


def surprise(happened: np.ndarray, chance: np.ndarray) -> float:
    """Return how many standard errors the share that happened is from the true chance."""
    known = ~np.isnan(chance)
    spread = np.sqrt((chance[known] * (1.0 - chance[known])).sum())
    return abs(happened[known].sum() - chance[known].sum()) / spread


def agree(happened: np.ndarray, chance: np.ndarray) -> None:
    """Assert that shares agree, of everybody and of the likely."""
    assert surprise(happened, chance) < 3.5
    likely = chance > np.nanquantile(chance, 0.8)
    assert surprise(happened[likely], chance[likely]) < 3.5


def test_the_tables_have_these_columns(company):
    columns = {
        "subscriptions": ["customer_id", "start", "end", "plan", "amount", "reason"],
        "events": ["customer_id", "date", "feature"],
        "contacts": ["customer_id", "date", "channel", "responded_at"],
        "customers": [
            "customer_id",
            "since",
            "industry",
            "payment",
            "employees",
            "employees_at",
        ],
        "stages": ["customer_id", "date", "stage"],
        "leads": ["customer_id", "since", "source", "employees", "employees_at"],
        "visits": ["customer_id", "date", "feature"],
    }
    for name, expected in columns.items():
        assert list(getattr(company, name)) == expected, name
    subscriptions = company.subscriptions
    assert subscriptions["end"].isna().equals(subscriptions["reason"].isna())
    assert set(subscriptions["reason"].dropna()) == set(REASONS)
    assert (company.leads["customer_id"].min(), len(company.leads)) == (N + 1, N)


@pytest.mark.parametrize("reason", [None, *REASONS, ["cancel", "payment"]])
@pytest.mark.parametrize(("begin", "days"), WINDOWS)
def test_shares_that_leave_are_those_of_the_truth(company, reason, begin, days):
    chance = company.truth.churn_probability(begin, days, reason)
    table = company.subscriptions
    happened = within(table["end"], begin, days)
    if reason is not None:
        happened &= table["reason"].isin([reason] if isinstance(reason, str) else reason)
    agree(happened.to_numpy(), chance)
    opens = pd.Timestamp(begin)
    active = (table["start"] < opens) & ~(table["end"] < opens)
    np.testing.assert_array_equal(~np.isnan(chance), active)


@pytest.mark.parametrize("feature", ["dashboard", "sharing", "integration"])
@pytest.mark.parametrize(("begin", "days"), WINDOWS)
def test_shares_that_use_a_feature_are_those_of_the_truth(company, feature, begin, days):
    log = company.events[company.events["feature"] == feature]
    happened = np.zeros(N, dtype=bool)
    happened[log.loc[within(log["date"], begin, days), "customer_id"].unique() - 1] = True
    agree(happened, company.truth.feature_use_probability(begin, days, feature))


@pytest.mark.parametrize("stage", [None, "trial", "qualified", "customer", "lost"])
@pytest.mark.parametrize(("begin", "days"), WINDOWS)
def test_shares_that_move_on_are_those_of_the_truth(company, stage, begin, days):
    chance = company.truth.stage_probability(begin, days, stage)
    history = company.stages
    opens = pd.Timestamp(begin)
    then = history[history["date"] >= opens].groupby("customer_id").first()
    then = then.reindex(company.leads["customer_id"])
    happened = within(then["date"], begin, days)
    happened &= then["stage"] != "lost" if stage is None else then["stage"] == stage
    agree(happened.to_numpy(), chance)
    now = history[history["date"] < opens].groupby("customer_id")["stage"].last()
    open_ = now.reindex(company.leads["customer_id"]).isin(["visitor", "trial", "qualified"])
    np.testing.assert_array_equal(~np.isnan(chance), open_)


def test_reasons_and_stages_add_up(company):
    truth = company.truth
    ends = truth.churn_probability("2024-06-01", 120)
    parts = [truth.churn_probability("2024-06-01", 120, one) for one in REASONS]
    np.testing.assert_allclose(ends, np.sum(parts, axis=0), rtol=1e-12)
    moves = truth.stage_probability("2024-06-01", 120)
    steps = [
        truth.stage_probability("2024-06-01", 120, one)
        for one in ("trial", "qualified", "customer")
    ]
    np.testing.assert_allclose(moves, np.sum(steps, axis=0), rtol=1e-12)
    everything = moves + truth.stage_probability("2024-06-01", 100_000, "lost")
    assert np.nanmax(everything) <= 1.0 + 1e-12


def test_a_short_window_is_the_hazard(company):
    # The end of a month of the subscription within the second would show, but for very few.
    second = 1.0 / 86_400.0
    for reason in (None, "cancel"):
        hazard = company.truth.churn_hazard("2024-06-01", reason)
        chance = company.truth.churn_probability("2024-06-01", second, reason) / second
        known = ~np.isnan(hazard)
        assert np.mean(np.isclose(chance[known], hazard[known], rtol=1e-4)) > 0.999


def test_the_formula_is_what_small_steps_come_to():
    company = tc.datasets.simulate_software(80, seed=8)
    own = company.truth._customers
    begin, days = 500.0, 200
    as_of = np.datetime64("2023-01-01") + int(begin)
    exact = company.truth.churn_probability(as_of, days, "cancel")
    step, engaged = 0.01, (own.faded >= begin).astype(float)
    faded, total = 1.0 - engaged, np.zeros(80)
    hazards = own.hazards
    others = [hazards.payment[k] + hazards.upgrade[k] for k in (0, 1)]
    for k in range(int(days / step)):
        month = np.floor((begin + (k + 0.5) * step - own.start) / 30.0).clip(0)
        factor = tc.datasets.software_truth.by_month(month.astype(int))
        first, second = hazards.cancel[0] * factor, hazards.cancel[1] * factor
        total += step * (first * engaged + second * faded)
        gone = engaged * (first + others[0] + hazards.fading)
        faded = faded + step * (engaged * hazards.fading - faded * (second + others[1]))
        engaged = engaged - step * gone
    known = ~np.isnan(exact)
    assert known.sum() > 10
    np.testing.assert_allclose(total[known], exact[known], rtol=1e-3)


def test_equal_rates_are_no_division_by_zero():
    company = tc.datasets.simulate_software(5, seed=1)
    own = company.truth._customers
    n = len(own.start)
    rate = np.full(n, 0.01)
    equal = own.hazards._replace(
        cancel=(0 * rate, 0 * rate),
        payment=(rate, 2 * rate),
        upgrade=(0 * rate, 0 * rate),
        fading=rate,
    )
    object.__setattr__(own, "hazards", equal)
    object.__setattr__(own, "faded", np.full(n, np.inf))
    object.__setattr__(own, "until", np.full(n, np.inf))
    found = company.truth.churn_probability("2025-06-01", 50)
    # Both states are left at 0.02 a day: the engaged who stay are e^-1, of the others t 0.01 e^-1.
    np.testing.assert_allclose(found, 1.0 - np.exp(-1.0) * (1.0 + 0.5), rtol=1e-9)


def test_faded_customers_use_less_and_cancel_more(company):
    truth = company.truth.customers
    faded = truth["faded_at"].to_numpy() < np.datetime64("2024-09-01")
    cancels = company.truth.churn_probability("2024-09-01", 30, "cancel")
    assert np.nanmean(cancels[faded]) > 3.0 * np.nanmean(cancels[~faded])
    uses = company.truth.feature_use_probability("2024-09-01", 30, "sharing")
    assert np.nanmean(uses[faded]) < 0.5 * np.nanmean(uses[~faded])


def test_chances_of_some_come_in_their_order(company):
    truth = company.truth
    everybody = truth.churn_probability("2024-09-01", 90)
    np.testing.assert_array_equal(
        truth.churn_probability("2024-09-01", 90, customers=company.customers["customer_id"][::-1]),
        everybody[::-1],
    )
    leads = truth.stage_probability("2024-09-01", 90)
    some = truth.stage_probability("2024-09-01", 90, customers=[N + 9, N + 1])
    np.testing.assert_array_equal(some, leads[[8, 0]])


def test_a_seed_gives_the_same_company():
    one, two = (tc.datasets.simulate_software(300, seed=1) for _ in range(2))
    for name in ("subscriptions", "events", "stages", "visits"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))


def test_leads_may_be_more_or_fewer():
    company = tc.datasets.simulate_software(50, seed=1, n_leads=400, backend="polars")
    assert isinstance(company.leads, pl.DataFrame)
    assert (len(company.customers), len(company.leads)) == (50, 400)
    assert company.leads["customer_id"].min() == 51


def test_snapshots_are_built_of_it(company):
    snapshots = tc.Snapshots("2024-09-01", "90d", "90d", columns=company.columns["customers"])
    churn = snapshots.churn(
        company.subscriptions,
        events=company.events,
        contacts=company.contacts,
        customers=company.customers,
        outcome_form="when",
    )
    assert churn.events == ("censored", *REASONS)
    kinds = {finding.kind for finding in churn.audit().findings}
    assert not kinds & {"leak", "undated"}
    leads = tc.Snapshots("2024-09-01", "90d", "60d", columns=company.columns["leads"]).leads(
        company.stages,
        order=["visitor", "trial", "qualified", "customer"],
        lost=["lost"],
        events=company.visits,
        customers=company.leads,
    )
    chosen = leads.frame["customer_id"]
    chance = company.truth.stage_probability("2024-09-01", 60, customers=chosen)
    assert surprise(leads.frame["moves"].to_numpy() == 1, chance) < 3.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_customers": 0}, "n_customers = 0: expected a whole number, at least 1"),
        ({"n_leads": 0}, "n_leads = 0: expected a whole number, at least 1"),
        ({"seed": 1.5}, "seed = 1.5"),
        ({"backend": "excel"}, "backend = 'excel'"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(arguments, words):
    with pytest.raises(tc.exceptions.ParameterError, match=words):
        tc.datasets.simulate_software(**({"n_customers": 10} | arguments))


def test_chances_that_cannot_be_asked_for_are_named(company):
    truth = company.truth
    refused, error = pytest.raises, tc.exceptions.ParameterError
    with refused(error, match="reason = 'price': expected one of"):
        truth.churn_probability("2024-09-01", 90, "price")
    with refused(error, match="feature = 'chat': expected one of"):
        truth.feature_use_probability("2024-09-01", 90, "chat")
    with refused(error, match="stage = 'visitor': expected one of"):
        truth.stage_probability("2024-09-01", 90, "visitor")
    with refused(error, match=f"expected numbers of leads from {N + 1} to {2 * N}"):
        truth.stage_probability("2024-09-01", 90, customers=[1])
    with refused(error, match="days = -1: expected a number of days above 0"):
        truth.churn_probability("2024-09-01", -1)
