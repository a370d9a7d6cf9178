"""Lifetime value: purchases times spend, discounted, with intervals on request."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc

COLUMNS = ["customer_id", "probability_alive", "expected_purchases", "expected_spend", "clv"]


@pytest.fixture(scope="module")
def value(model, spend, summary) -> pd.DataFrame:
    """A year's value with everything on."""
    frame: pd.DataFrame = tc.lifetime_value(
        model, spend, summary, horizon=52, discount_rate=0.10, margin=0.3, level=0.95
    )
    return frame


def test_the_table_has_these_columns_in_the_callers_order(value, model, spend, summary):
    assert list(value.columns) == [*COLUMNS, "clv_lower", "clv_upper"]
    plain = tc.lifetime_value(model, spend, summary, horizon=52)
    assert list(plain.columns) == COLUMNS
    order = np.random.default_rng(8).permutation(len(summary))
    shuffled = tc.lifetime_value(model, spend, summary.iloc[order], horizon=52)
    expected = plain.iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(shuffled, expected, check_exact=True)


def test_the_parts_are_the_models_own(value, model, spend, summary):
    alive, purchases = model.probability_alive(summary), model.expected_purchases(summary, 52)
    np.testing.assert_array_equal(value["probability_alive"], alive)
    np.testing.assert_array_equal(value["expected_purchases"], purchases)
    np.testing.assert_array_equal(value["expected_spend"], spend.expected_spend(summary))


def test_without_discount_value_is_purchases_times_spend(model, spend, summary):
    value = tc.lifetime_value(model, spend, summary, horizon=52, margin=0.3)
    expected = 0.3 * value["expected_purchases"] * value["expected_spend"]
    np.testing.assert_allclose(value["clv"], expected, rtol=1e-10)


def test_discounting_agrees_with_a_sum_over_days(value, model, spend, summary):
    some = summary.head(200)
    edges = np.linspace(0, 52, 365)
    expected = np.array([model.expected_purchases(some, edge) for edge in edges])
    weeks_per_year = 365.2425 / 7
    factors = 1.10 ** (-(edges[1:] + edges[:-1]) / 2 / weeks_per_year)
    discounted = (np.diff(expected, axis=0) * factors[:, None]).sum(axis=0)
    by_days = 0.3 * discounted * spend.expected_spend(some)
    np.testing.assert_allclose(value["clv"].head(200), by_days, rtol=1e-6)


def test_the_rate_is_yearly_in_every_unit(simulated, value, model, spend, summary):
    days = tc.purchase_summary(
        simulated.transactions,
        amount="amount",
        time_unit="day",
        observation_end=simulated.observation_end,
    )
    daily = tc.BGNBD(time_unit="day").fit(days)
    again = tc.lifetime_value(daily, spend, days, horizon=7 * 52, discount_rate=0.10, margin=0.3)
    np.testing.assert_allclose(again["clv"], value["clv"], rtol=1e-3)


def test_intervals_hold_the_value_and_widen_with_the_level(value, model, spend, summary):
    assert (value["clv_lower"] < value["clv"]).all()
    assert (value["clv"] < value["clv_upper"]).all()
    assert (value["clv_lower"] > 0).all()
    options = {"horizon": 52, "discount_rate": 0.10, "margin": 0.3}
    narrow = tc.lifetime_value(model, spend, summary, level=0.5, **options)
    assert (narrow["clv_lower"] > value["clv_lower"]).all()
    assert (narrow["clv_upper"] < value["clv_upper"]).all()


def test_a_longer_horizon_a_lower_rate_and_a_larger_margin_are_worth_more(model, spend, summary):
    def total(**options):
        defaults = {"horizon": 52, "discount_rate": 0.1, "margin": 0.3}
        value = tc.lifetime_value(model, spend, summary, **{**defaults, **options})
        return value["clv"].sum()

    assert total(horizon=104) > total() > total(horizon=26)
    assert total(discount_rate=0.0) > total() > total(discount_rate=0.2)
    assert total(margin=0.6) == pytest.approx(2 * total())
    assert total(horizon=0) == 0


def test_the_simulated_future_is_about_what_was_expected():
    log = tc.datasets.simulate_purchases(20_000, seed=4)
    calibration, holdout = tc.split_purchases(
        log.transactions,
        amount="amount",
        calibration_end="2024-12-29",
        observation_end=log.observation_end,
    )
    model, spend = tc.BGNBD().fit(calibration), tc.GammaGamma().fit(calibration)
    horizon = holdout["duration"].iloc[0]
    value = tc.lifetime_value(model, spend, calibration, horizon=horizon)
    actual = holdout["frequency"] * holdout["monetary_value"]
    assert value["clv"].sum() == pytest.approx(actual.sum(), rel=0.1)


def test_ids_may_be_left_out_or_have_another_name(model, spend, summary):
    nameless = tc.BGNBD(customer=None).fit(summary)
    assert list(tc.lifetime_value(nameless, spend, summary, horizon=1).columns) == COLUMNS[1:]
    renamed = summary.rename(columns={"customer_id": "who"})
    other = tc.BGNBD(customer="who").fit(renamed)
    assert tc.lifetime_value(other, spend, renamed, horizon=1).columns[0] == "who"
    for one in (model, nameless):
        named = tc.lifetime_value(one, spend, pl.from_pandas(renamed), horizon=1, customer="who")
        assert named["who"].to_list() == renamed["who"].tolist()
    with pytest.raises(tc.DataError, match=r"'customer_id': is missing.*customer="):
        tc.lifetime_value(model, spend, pl.from_pandas(renamed), horizon=1)


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_threads_do_not_change_a_bit(n_jobs, value, model, spend, summary):
    options = {"horizon": 52, "discount_rate": 0.10, "margin": 0.3, "level": 0.95}
    again = tc.lifetime_value(model, spend, summary, n_jobs=n_jobs, **options)
    pd.testing.assert_frame_equal(again, value, check_exact=True)


def test_periods_of_unsaid_length_cannot_be_discounted_by_the_year(summary, spend):
    model = tc.BGNBD(time_unit="period").fit(pd.DataFrame(summary.to_dict("list")))
    rows = pd.DataFrame(summary.to_dict("list"))
    assert tc.lifetime_value(model, spend, rows, horizon=5)["clv"].gt(0).all()
    with pytest.raises(tc.ParameterError, match=r"discount_rate = 0.1: .*yearly"):
        tc.lifetime_value(model, spend, rows, horizon=5, discount_rate=0.1)


def test_a_missing_mean_is_no_loss_where_there_is_nothing_to_average(model, spend, summary):
    gaps = summary.assign(monetary_value=summary["monetary_value"].where(summary["frequency"] > 0))
    pd.testing.assert_frame_equal(
        tc.lifetime_value(model, spend, gaps, horizon=9),
        tc.lifetime_value(model, spend, summary, horizon=9),
    )


def test_progress_is_told(model, spend, summary):
    steps: list[tc.Step] = []
    tc.lifetime_value(model, spend, summary, horizon=9, progress=steps.append)
    assert steps
