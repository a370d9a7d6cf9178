"""Gamma-gamma: what customers spend, and whether it goes with how often they buy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import tercet as tc

TRUTH = {"p": 6.25, "q": 3.74, "v": 15.44}


def test_the_truth_is_found_again(spend):
    assert spend.converged_
    for name, truth in TRUTH.items():
        assert abs(spend.params_[name] - truth) < 4 * spend.standard_errors_[name], name
    mean = TRUTH["p"] * TRUTH["v"] / (TRUTH["q"] - 1)
    assert spend.population_mean_ == pytest.approx(mean, rel=0.1)


def test_what_fit_learns_hangs_together(spend, summary):
    p, q, v = spend.params_.values()
    assert spend.population_mean_ == pytest.approx(p * v / (q - 1), rel=1e-12)
    assert spend.n_observations_ == (summary["frequency"] > 0).sum()
    assert spend.covariance_.shape == (3, 3)
    assert spend.aic_ == pytest.approx(6 - 2 * spend.log_likelihood_)
    assert spend.summary()["parameter"].tolist() == ["p", "q", "v"]


def test_spend_lies_between_the_own_mean_and_the_populations(spend, summary):
    expected = spend.expected_spend(summary)
    assert expected.dtype == np.float64
    own, all_ = summary["monetary_value"].to_numpy(), spend.population_mean_
    repeated = summary["frequency"].to_numpy() > 0
    assert (expected[~repeated] == all_).all()
    low, high = np.minimum(own, all_), np.maximum(own, all_)
    assert ((expected >= low) & (expected <= high))[repeated].all()


def test_intervals_hold_the_expectation(spend, summary):
    expected = spend.expected_spend(summary)
    lower, upper = spend.expected_spend_interval(summary).T
    assert ((lower < expected) & (expected < upper)).all()
    narrow = spend.expected_spend_interval(summary, level=0.5)
    assert (narrow[:, 0] > lower).all()


def test_given_parameters_predict_but_have_no_errors(summary, spend):
    same = tc.GammaGamma.from_params(**spend.params_)
    np.testing.assert_array_equal(same.expected_spend(summary), spend.expected_spend(summary))
    assert same.log_likelihood(summary) == pytest.approx(spend.log_likelihood_, rel=1e-12)
    assert same.independence_["verdict"] is None
    assert "not tested" in repr(same)
    with pytest.raises(tc.ParameterError, match="no standard errors"):
        same.expected_spend_interval(summary)


def test_the_more_was_bought_the_more_the_own_mean_counts(spend):
    rows = {"frequency": [1, 5, 50, 5000], "monetary_value": [100.0] * 4}
    assert (np.diff(spend.expected_spend(rows)) > 0).all()
    assert spend.expected_spend(rows)[-1] == pytest.approx(100, rel=1e-2)


def test_the_unit_of_money_scales_v_alone(summary, spend):
    cents = tc.GammaGamma().fit(summary.assign(monetary_value=100 * summary["monetary_value"]))
    scaled = {**spend.params_, "v": 100 * spend.params_["v"]}
    assert cents.params_ == pytest.approx(scaled, rel=1e-4)


def test_weights_stand_for_repeated_rows(summary):
    some = summary[summary["frequency"] > 0].head(300)
    counts = np.arange(300) % 3
    repeated = some.loc[np.repeat(some.index, counts)].drop(columns="customer_id")
    plain = tc.GammaGamma().fit(repeated)
    weighted = tc.GammaGamma().fit(some, weights=counts)
    assert weighted.params_ == pytest.approx(plain.params_, rel=1e-5)
    assert weighted.n_observations_ == counts.sum()
    found, expected = weighted.independence_, plain.independence_
    for name in ("correlation", "p_value", "n"):
        assert found[name] == pytest.approx(expected[name], rel=1e-9)


def test_customers_without_repeats_say_nothing(summary, spend):
    repeaters = summary[summary["frequency"] > 0]
    assert tc.GammaGamma().fit(repeaters).params_ == spend.params_


def test_a_missing_mean_is_no_loss_where_there_is_nothing_to_average(summary, spend):
    gaps = summary.assign(monetary_value=summary["monetary_value"].where(summary["frequency"] > 0))
    assert gaps["monetary_value"].isna().any()
    assert tc.GammaGamma().fit(gaps).params_ == spend.params_
    np.testing.assert_array_equal(spend.expected_spend(gaps), spend.expected_spend(summary))


def test_independence_is_reported(spend, summary):
    found = spend.independence_
    repeaters = summary[summary["frequency"] > 0]
    correlation = repeaters["frequency"].corr(repeaters["monetary_value"])
    assert found["correlation"] == pytest.approx(correlation, rel=1e-9)
    assert found["n"] == len(repeaters)
    assert found["p_value"] > 0.01
    assert "independent" in found["verdict"]


def test_dependence_is_reported_in_words(summary):
    tied = summary.assign(monetary_value=summary["monetary_value"] * (1 + summary["frequency"]))
    model = tc.GammaGamma().fit(tied)
    assert model.independence_["correlation"] > 0.5
    assert model.independence_["p_value"] < 1e-3
    assert "spend depends on frequency" in model.independence_["verdict"]
    assert model.independence_["verdict"] in repr(model)


def test_one_price_for_all_is_refused_or_a_boundary_in_words(summary):
    one_price = summary.assign(monetary_value=9.99)
    with pytest.raises(tc.DataError, match="monetary_value"):
        tc.GammaGamma().fit(one_price)


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_threads_do_not_change_a_bit(n_jobs, summary, spend):
    other = tc.GammaGamma(n_jobs=n_jobs).fit(summary)
    assert other.params_ == spend.params_
    np.testing.assert_array_equal(other.expected_spend(summary), spend.expected_spend(summary))


def test_scikit_learns_manners(spend):
    twin = clone(spend)
    assert twin.get_params() == spend.get_params()
    assert repr(twin) == "GammaGamma()"
    assert "mean value of a purchase" in repr(spend)
    assert spend._repr_html_().count("<tr>") == 4


def test_columns_may_have_any_name(summary, spend):
    renamed = summary.rename(columns={"frequency": "x", "monetary_value": "mean"})
    other = tc.GammaGamma(frequency="x", monetary_value="mean").fit(renamed)
    assert other.params_ == spend.params_
    np.testing.assert_array_equal(other.expected_spend(renamed), spend.expected_spend(summary))


def test_progress_is_told(summary):
    steps: list[tc.Step] = []
    model = tc.GammaGamma().fit(summary, progress=steps.append)
    assert steps[-1].objective == pytest.approx(model.log_likelihood_)


def test_cdnow(cdnow_summary):
    model = tc.GammaGamma().fit(cdnow_summary)
    assert isinstance(cdnow_summary, pd.DataFrame)
    expected = {"p": 6.248802, "q": 3.744589, "v": 15.447751}
    assert model.params_ == pytest.approx(expected, rel=1e-4)
    assert model.log_likelihood_ == pytest.approx(-4055.923244, abs=1e-3)
    assert model.n_observations_ == 946
    assert model.independence_["correlation"] == pytest.approx(0.1139, abs=1e-4)
