"""Survey weights: what they are worth, and what they do to criteria, tests and later tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tercet as tc

ITEMS = [f"q{i}" for i in range(6)]


def two_segments(
    n: int, seed: int, *, share: float = 0.6, clear: float = 0.75, spread: float = 0.0
):
    """Yes/no answers of two segments, and weights with a lognormal spread and mean 1."""
    rng = np.random.default_rng(seed)
    first = rng.random(n) < share
    likely = np.where(first, clear, 1 - clear)
    answers = {name: np.where(rng.random(n) < likely, "yes", "no") for name in ITEMS}
    weights = rng.lognormal(0, spread, n) if spread else np.ones(n)
    return pd.DataFrame({**answers, "w": weights / weights.mean()})


def kish(weights: pd.Series) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())


# --- criteria -------------------------------------------------------------------------------------


def test_criteria_count_the_effective_number():
    frame = two_segments(600, 1, spread=0.8)
    model = tc.LatentClass(2, starts=4).fit(frame, ITEMS, "w")
    n = kish(frame["w"])
    assert model.n_effective_ == pytest.approx(n)
    assert model.n_observations_ == pytest.approx(600)
    deviance = -2 * model.log_likelihood_ * n / 600
    assert model.bic_ == pytest.approx(deviance + model.n_parameters_ * np.log(n))
    assert model.aic_ == pytest.approx(deviance + 2 * model.n_parameters_)


def test_criteria_know_no_scale_of_the_weights():
    frame = two_segments(400, 2, spread=0.6)
    model = tc.LatentClass(2, starts=4).fit(frame, ITEMS, "w")
    scaled = frame.assign(w=1.4 * frame["w"])
    again = tc.LatentClass(2, starts=4).fit(scaled, ITEMS, "w")
    expansion = tc.LatentClass(2, starts=4, weight_type="expansion").fit(scaled, ITEMS, "w")
    for other in (again, expansion):
        assert other.bic_ == pytest.approx(model.bic_)
        assert other.icl_ == pytest.approx(model.icl_)
        assert other.n_effective_ == pytest.approx(model.n_effective_)


def test_frequencies_are_respondents():
    frame = two_segments(300, 3).assign(n=np.arange(300) % 3 + 1)
    rows = frame.loc[frame.index.repeat(frame["n"])]
    counted = tc.LatentClass(2, starts=4, weight_type="frequency").fit(frame, ITEMS, "n")
    repeated = tc.LatentClass(2, starts=4).fit(rows, ITEMS)
    assert counted.n_effective_ == repeated.n_effective_ == len(rows)
    assert counted.bic_ == pytest.approx(repeated.bic_)


def test_unequal_weights_make_no_segments_of_noise():
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({name: rng.choice(["yes", "no"], 500) for name in ITEMS})
        weights = rng.lognormal(0, 1.2, 500)
        frame["w"] = weights / weights.mean()
        selection = tc.select_segments(
            frame, range(1, 3), items=ITEMS, weights="w", starts=5, replications=0, stability=0
        )
        found.append(selection.recommended)
    # With the sum of the weights for n, five of these twelve would be two segments.
    assert found.count(1) >= 11


# --- drift ----------------------------------------------------------------------------------------


def p_values(spread: float, n_waves: int) -> tuple[np.ndarray, np.ndarray]:
    """Of items, and of the first share, in waves without a change."""
    items, shares = [], []
    for seed in range(n_waves):
        first = two_segments(800, 2 * seed, clear=0.8, spread=spread)
        later = two_segments(800, 2 * seed + 1, clear=0.8, spread=spread)
        model = tc.LatentClass(2, starts=3).fit(first, ITEMS, "w")
        found = tc.compare_waves(model, later)
        items.append(found.questions["p_value"])
        shares.append(found.shares["p_value"].iloc[0])
    return np.concatenate(items), np.array(shares)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_tests_of_drift_keep_their_level(spread):
    items, shares = p_values(spread, 40)
    # Of 240 and 40 tests at 10%, four standard errors around it.
    assert 0.02 < np.mean(items < 0.1) < 0.18
    assert np.mean(shares < 0.1) < 0.3
    # Neither are they cautious: p-values are spread over all of 0 to 1.
    assert 0.3 < np.mean(shares) < 0.7


def test_a_change_of_shares_is_found_where_segments_overlap():
    # What the segments answer is badly known here, but equally badly in both waves.
    found = 0
    for seed in range(20):
        first = two_segments(1_000, 100 + seed, clear=0.68)
        later = two_segments(1_000, 200 + seed, share=0.75, clear=0.68)
        model = tc.LatentClass(2, starts=3).fit(first, ITEMS)
        shares = tc.compare_waves(model, later).shares
        together = np.hypot(shares["before_error"], shares["after_error"])
        assert (shares["change_error"] < together).all()
        found += shares["p_value"].iloc[0] < 0.05
    assert found >= 15


def test_a_row_that_stands_for_many_counts_for_many():
    # Twenty patterns carry two segments if each was given by twenty respondents.
    patterns = two_segments(2_000, 5).groupby(ITEMS, as_index=False).size()
    frame = patterns.nlargest(12, "size")
    model = tc.LatentClass(2, starts=3, weight_type="frequency")
    assert model.fit(frame, ITEMS, "size").n_observations_ == frame["size"].sum()
    with pytest.raises(tc.ParameterError, match="more than the 12 respondents"):
        tc.LatentClass(2).fit(frame, ITEMS)
