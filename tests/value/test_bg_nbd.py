"""BG/NBD: what the fit finds, what the model says of customers, and how it presents itself."""

from __future__ import annotations

import copy
import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils import get_tags

import tercet as tc

TRUTH = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def test_the_truth_is_found_again(model):
    assert model.converged_
    for name, truth in TRUTH.items():
        error = model.standard_errors_[name]
        assert abs(model.params_[name] - truth) < 4 * error, name
        assert 0 < error < truth


def test_what_fit_learns_hangs_together(model, summary):
    assert list(model.params_) == ["r", "alpha", "a", "b"]
    deviations = np.sqrt(np.diag(model.covariance_))
    np.testing.assert_allclose(list(model.standard_errors_.values()), deviations, rtol=1e-12)
    np.testing.assert_allclose(model.covariance_, model.covariance_.T)
    assert model.covariance_.shape == (4, 4)
    assert model.n_observations_ == len(summary)
    columns = ["frequency", "recency", "T"]
    assert model.n_cells_ == len(summary[columns].drop_duplicates())
    assert model.aic_ == pytest.approx(8 - 2 * model.log_likelihood_)
    assert model.bic_ == pytest.approx(4 * np.log(len(summary)) - 2 * model.log_likelihood_)
    assert model.n_iterations_ > 0
    assert "converged" in model.how_it_ended_
    assert model.boundary_ is None
    assert isinstance(model.log_likelihood_, float)


def test_the_summary_is_a_table_of_estimates(model):
    table = model.summary()
    assert isinstance(table, pd.DataFrame)
    columns = ["parameter", "estimate", "standard_error", "lower", "upper"]
    assert list(table.columns) == columns
    assert table["parameter"].tolist() == list(model.params_)
    assert table["estimate"].tolist() == list(model.params_.values())
    assert (table["lower"] > 0).all()
    assert (table["lower"] < table["estimate"]).all()
    assert (table["estimate"] < table["upper"]).all()
    narrow = model.summary(level=0.5)
    assert (narrow["lower"] > table["lower"]).all()
    assert (narrow["upper"] < table["upper"]).all()


def test_weights_stand_for_repeated_rows(summary):
    some = summary.head(400)
    counts = np.arange(400) % 3
    repeated = some.loc[np.repeat(some.index, counts)].drop(columns="customer_id")
    plain = tc.BGNBD().fit(repeated)
    weighted = tc.BGNBD().fit(some, weights=counts)
    by_column = tc.BGNBD().fit(some.assign(n=counts), weights="n")
    assert by_column.params_ == weighted.params_
    assert weighted.n_observations_ == plain.n_observations_ == counts.sum()
    assert weighted.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)
    assert weighted.params_ == pytest.approx(plain.params_, rel=1e-6)


def test_weights_may_be_fractions_or_series(summary):
    half = tc.BGNBD().fit(summary, weights=np.full(len(summary), 0.5))
    whole = tc.BGNBD().fit(summary, weights=pd.Series(1, index=summary.index))
    assert half.n_observations_ == len(summary) / 2
    assert half.params_ == pytest.approx(whole.params_, rel=1e-6)
    assert half.log_likelihood_ == pytest.approx(whole.log_likelihood_ / 2)


def test_the_time_unit_scales_alpha_and_the_likelihood_alone(simulated, summary, model):
    days = tc.purchase_summary(
        simulated.transactions, observation_end=simulated.observation_end, time_unit="day"
    )
    daily = tc.BGNBD(time_unit="day").fit(days)
    scaled = {**model.params_, "alpha": 7 * model.params_["alpha"]}
    assert daily.params_ == pytest.approx(scaled, rel=1e-4)
    shift = summary["frequency"].sum() * np.log(7)
    assert daily.log_likelihood_ == pytest.approx(model.log_likelihood_ - shift, abs=1e-3)
    np.testing.assert_allclose(
        daily.expected_purchases(days, horizon=7 * 39),
        model.expected_purchases(summary, horizon=39),
        rtol=1e-3,
    )


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_threads_do_not_change_a_bit(n_jobs, summary, model):
    other = tc.BGNBD(n_jobs=n_jobs).fit(summary)
    assert other.params_ == model.params_
    assert other.log_likelihood_ == model.log_likelihood_
    np.testing.assert_array_equal(other.covariance_, model.covariance_)
    np.testing.assert_array_equal(
        other.expected_purchases(summary, 39), model.expected_purchases(summary, 39)
    )


def test_probabilities_are_probabilities(model, summary):
    alive = model.probability_alive(summary)
    assert ((alive > 0) & (alive <= 1)).all()
    assert (alive[summary["frequency"] == 0] == 1).all()
    lower, upper = model.probability_alive_interval(summary).T
    assert ((lower <= alive) & (alive <= upper)).all()
    assert (lower >= 0).all()
    assert (upper <= 1).all()


def test_the_longer_the_silence_the_less_alive(model):
    silent = {"frequency": [5.0] * 6, "recency": [20.0] * 6, "T": [20.0, 25, 30, 40, 60, 100]}
    alive = model.probability_alive(silent)
    assert (np.diff(alive) < 0).all()


def test_time_until_is_when_the_probability_falls_below(model, summary):
    repeaters = summary[summary["frequency"] > 0].head(500)
    wait = model.time_until(repeaters, probability=0.5)
    later = repeaters.assign(T=repeaters["T"] + wait)
    alive = model.probability_alive(later)
    fallen = wait > 0
    assert fallen.any()
    np.testing.assert_allclose(alive[fallen], 0.5, rtol=1e-9)
    assert (model.probability_alive(repeaters)[~fallen] <= 0.5).all()
    never = model.time_until({"frequency": [0], "recency": [0.0], "T": [9.0]})
    assert np.isinf(never).all()


def test_expectations_grow_with_the_horizon(model, summary):
    horizons = [0.0, 1e-6, 1.0, 13.0, 52.0, 520.0]
    expected = [model.expected_purchases(summary, horizon) for horizon in horizons]
    assert (expected[0] == 0).all()
    assert all((late > early).all() for early, late in itertools.pairwise(expected))
    lower, upper = model.expected_purchases_interval(summary, 13.0).T
    assert ((lower < expected[3]) & (expected[3] < upper)).all()


def test_discounted_purchases_are_fewer_and_agree_without_discount(model, summary):
    plain = model.expected_purchases(summary, 52)
    np.testing.assert_allclose(model.discounted_purchases(summary, 52, 0.0), plain, rtol=1e-12)
    discounted = model.discounted_purchases(summary, 52, 0.10)
    assert ((discounted < plain) & (discounted > plain / 1.10)).all()


def test_the_log_likelihood_of_any_customers_can_be_asked(model, summary):
    whole = model.log_likelihood(summary)
    assert isinstance(whole, float)
    assert whole == pytest.approx(model.log_likelihood_, rel=1e-12)
    halves = model.log_likelihood(summary[:2500]) + model.log_likelihood(summary[2500:])
    assert halves == pytest.approx(whole, rel=1e-12)
    assert model.log_likelihood(summary, weights=np.full(5000, 2)) == pytest.approx(2 * whole)
    assert model.log_likelihood(summary.assign(n=3), weights="n") == pytest.approx(3 * whole)


def test_given_parameters_predict_but_have_no_errors(summary, model):
    same = tc.BGNBD.from_params(**model.params_)
    assert same.params_ == model.params_
    np.testing.assert_array_equal(
        same.expected_purchases(summary, 39), model.expected_purchases(summary, 39)
    )
    assert np.isnan(list(same.standard_errors_.values())).all()
    assert "given, not fitted" in same.how_it_ended_
    assert "given, not fitted" in repr(same)
    assert "<table>" in same._repr_html_()
    with pytest.raises(tc.ParameterError, match="no standard errors"):
        same.probability_alive_interval(summary)
    with pytest.raises(tc.ParameterError, match="alpha = -1: expected a positive number"):
        tc.BGNBD.from_params(r=1, alpha=-1, a=1, b=1)


def test_a_new_customer_is_one_of_whom_nothing_is_known(model):
    new = {"frequency": [0], "recency": [0.0], "T": [0.0]}
    assert model.expected_purchases_new(39) == model.expected_purchases(new, 39)[0]
    assert isinstance(model.expected_purchases_new(39), float)


def test_rows_are_answered_in_their_order(model, summary):
    order = np.random.default_rng(3).permutation(len(summary))
    np.testing.assert_array_equal(
        model.probability_alive(summary.iloc[order]), model.probability_alive(summary)[order]
    )


@settings(max_examples=200)
@given(
    x=st.integers(0, 3000),
    t_x=st.floats(0, 1e4),
    silence=st.floats(0, 1e4),
    horizon=st.floats(0, 1e5),
)
def test_no_history_leads_out_of_the_numbers(model, x, t_x, silence, horizon):
    history = {"frequency": [x], "recency": [t_x if x else 0.0], "T": [t_x + silence]}
    assert 0 <= model.probability_alive(history)[0] <= 1
    expected = model.expected_purchases(history, horizon)[0]
    assert np.isfinite(expected)
    assert expected >= 0
    lower, upper = model.expected_purchases_interval(history, horizon)[0]
    assert 0 <= lower <= upper
    assert model.time_until(history)[0] >= 0


def test_a_boundary_is_named_in_words_and_warned_of():
    # Poisson buyers of one rate who never leave: nothing for the model's spreads to describe.
    rng = np.random.default_rng(5)
    t = np.full(2000, 50.0)
    frequency = rng.poisson(10.0, 2000)
    recency = np.where(frequency > 0, t * rng.beta(np.maximum(frequency, 1), 1), 0.0)
    homogeneous = {"frequency": frequency, "recency": recency, "T": t}
    with pytest.warns(tc.ConvergenceWarning) as caught:
        model = tc.BGNBD().fit(homogeneous)
    assert model.converged_
    assert model.boundary_
    assert str(caught[0].message) == model.how_it_ended_
    assert model.boundary_ in model.how_it_ended_
    assert caught[0].filename == __file__
    errors = list(model.standard_errors_.values())
    assert np.isnan(errors).any()
    assert (model.probability_alive(homogeneous) > 0.9).all()
    assert any(line.endswith(" -") for line in repr(model).splitlines())


def test_the_warning_is_for_whoever_called_fit(summary):
    class Careful(tc.BGNBD):
        def fit(self, *arguments, **options):
            return super().fit(*arguments, **options)

    with pytest.warns(tc.ConvergenceWarning) as caught:
        Careful(max_iterations=1).fit(summary)  # this line
    assert caught[0].filename == __file__
    source = Path(__file__).read_text().splitlines()
    assert source[caught[0].lineno - 1].endswith("# this line")


def test_stopping_early_is_a_warning_not_an_error(summary):
    with pytest.warns(tc.ConvergenceWarning, match="raise max_iterations"):
        model = tc.BGNBD(max_iterations=1).fit(summary)
    assert not model.converged_
    assert np.isfinite(model.log_likelihood_)


def test_the_end_of_observation_is_kept(summary, simulated):
    assert tc.BGNBD().fit(summary).as_of_ == simulated.observation_end.isoformat()
    assert tc.BGNBD().fit(summary, as_of="1997-09-30").as_of_ == "1997-09-30"
    plain = pd.DataFrame({name: summary[name].to_numpy() for name in summary.columns})
    assert tc.BGNBD().fit(plain).as_of_ is None


def test_progress_reports_the_log_likelihood(summary):
    steps: list[tc.Step] = []
    model = tc.BGNBD().fit(summary, progress=steps.append)
    assert steps[-1].objective == pytest.approx(model.log_likelihood_)


def test_progress_draws_a_bar(summary, capsys):
    tc.BGNBD().fit(summary, progress=True)
    assert "fitting" in capsys.readouterr().err


def test_ids_are_optional_for_the_model(summary):
    assert tc.BGNBD(customer=None).fit(summary).converged_
    assert tc.BGNBD().fit(summary.drop(columns="customer_id")).converged_


def test_columns_may_have_any_name(summary, model):
    names = {"customer_id": "who", "frequency": "x", "recency": "t_x", "T": "age"}
    other = tc.BGNBD(customer="who", frequency="x", recency="t_x", T="age")
    renamed = summary.rename(columns=names)
    assert other.fit(renamed).params_ == model.params_
    np.testing.assert_array_equal(
        other.probability_alive(renamed), model.probability_alive(summary)
    )


def test_parameters_are_read_and_set_as_in_scikit_learn():
    model = tc.BGNBD("day", max_iterations=7)
    parameters = model.get_params()
    assert parameters == {
        "time_unit": "day",
        "frequency": "frequency",
        "recency": "recency",
        "T": "T",
        "customer": "customer_id",
        "new_customers": "error",
        "max_iterations": 7,
        "n_jobs": None,
    }
    assert model.set_params(n_jobs=2) is model
    assert model.n_jobs == 2
    with pytest.raises(tc.ParameterError, match="BGNBD has no parameter 'jobs'"):
        model.set_params(jobs=2)


def test_clones_are_unfitted_copies(model):
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "params_")
    assert get_tags(model).estimator_type is None


def test_copies_are_fitted_and_apart(model, summary):
    for twin in (copy.copy(model), copy.deepcopy(model)):
        assert twin.params_ == model.params_
        twin.set_params(n_jobs=1)
        assert model.n_jobs is None


def test_fit_returns_the_model_and_may_be_repeated(summary):
    model = tc.BGNBD()
    assert model.fit(summary) is model
    first = model.params_
    assert model.fit(summary.head(1000)).params_ != first
    assert model.fit(summary).params_ == first


def test_the_text_says_what_was_found(model):
    assert repr(tc.BGNBD()) == "BGNBD()"
    assert repr(tc.BGNBD("day", n_jobs=2)) == "BGNBD(time_unit='day', n_jobs=2)"
    text = repr(model)
    for words in ("BGNBD()", "standard error", "log-likelihood", "5,000 customers", "how it ended"):
        assert words in text
    assert f"{model.params_['alpha']:.6g}" in text


def test_the_notebook_table_is_plain_html(model):
    assert tc.BGNBD()._repr_html_() == "<code>BGNBD()</code>"
    html = model._repr_html_()
    assert html.count("<tr>") == 5
    assert "log-likelihood" in html
    odd = tc.BGNBD(customer="<script>")._repr_html_()
    assert "<script>" not in odd


def test_nothing_is_said_without_reason(summary):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tc.BGNBD().fit(summary)


def test_cdnow(cdnow_sample, cdnow_summary):
    published = tc.BGNBD().fit(cdnow_summary)
    expected = {"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425754}
    assert published.params_ == pytest.approx(expected, rel=1e-4)
    assert published.log_likelihood_ == pytest.approx(-9582.425561, abs=1e-3)
    assert published.n_observations_ == 2357
    calibration, holdout = tc.split_purchases(
        cdnow_sample, calibration_end="1997-09-30", observation_end="1998-06-30"
    )
    exact = tc.BGNBD().fit(calibration)
    assert exact.log_likelihood_ == pytest.approx(-9582.4292, abs=1e-3)
    assert exact.as_of_ == "1997-09-30"
    paper = tc.BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    total = paper.expected_purchases(cdnow_summary, 39).sum()
    assert total == pytest.approx(1653.94, abs=0.01)
    assert holdout["frequency"].sum() == 1882
