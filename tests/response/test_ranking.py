"""Rankings by effect: areas, gains, comparisons and verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tercet as tc
from tercet import plots

REFERENCE = Path(__file__).parents[1] / "reference"
N = 4_000
RNG = np.random.default_rng(6)
X = RNG.uniform(size=N)
TREATED = RNG.random(N) < 0.3
Y = RNG.normal(size=N) + TREATED * X
NOISE = RNG.normal(size=N)


def test_areas_are_those_of_the_definition():
    scores = RNG.normal(size=300)
    effect = RNG.normal(size=300)
    found = tc.rank_effects(effect, scores=scores).areas.set_index("area")["estimate"]
    best = np.cumsum(scores[np.argsort(-effect)]) / np.arange(1, 301)
    share = np.arange(1, 301) / 300
    assert found["qini"] == pytest.approx(np.mean(share * (best - scores.mean())))
    assert found["auuc"] == pytest.approx(np.mean(share * best))
    assert found["autoc"] == pytest.approx(np.mean(best - scores.mean()))


def test_areas_and_errors_are_those_of_other_libraries():
    """causalml's curves and bootstrap, scikit-uplift's curve: `tests/reference/make_ranking.py`."""
    case = json.loads((REFERENCE / "ranking" / "areas.json").read_text())
    given = {name: np.array(values) for name, values in case["input"].items()}
    found = tc.rank_effects(given["effect"], given["treated"], given["outcome"])
    areas = found.areas.set_index("area")
    for name, estimate in case["areas"].items():
        assert areas["estimate"][name] == pytest.approx(estimate, abs=1e-12)
        error = case["standard_errors"][name]
        assert areas["standard_error"][name] == pytest.approx(error, rel=0.06), name
    # By the arms' means among the best instead of scores: the same area, estimated in another way.
    other = case["auuc_of_arms_means"]
    assert abs(areas["estimate"]["auuc"] - other) < 0.2 * areas["standard_error"]["auuc"]


def test_errors_are_those_of_a_bootstrap():
    scores = X + RNG.normal(size=N)
    told = tc.rank_effects(X, scores=scores).areas.set_index("area")["standard_error"]
    drawn = {name: [] for name in told.index}
    for _ in range(300):
        rows = RNG.integers(0, N, N)
        areas = tc.rank_effects(X[rows], scores=scores[rows], shares=1).areas
        for name, value in zip(areas["area"], areas["estimate"], strict=True):
            drawn[name].append(value)
    for name, values in drawn.items():
        assert told[name] == pytest.approx(np.std(values), rel=0.15), name


def test_a_true_ranking_is_told_from_noise():
    found = tc.rank_effects(X, TREATED, Y)
    assert found.better_than_random
    assert "gains more than a random order" in repr(found)
    # A tenth of effects that are uniform from 0 to 1 has a mean of 0.95.
    gains = found.gains
    assert list(gains.columns)[:4] == ["share", "effect", "gain", "above_random"]
    assert gains["effect"].iloc[1] == pytest.approx(0.95, abs=0.25)
    assert gains["above_random"].iloc[-1] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(gains["gain"], gains["share"] * gains["effect"])
    noise = tc.rank_effects(NOISE, TREATED, Y)
    assert not noise.better_than_random
    assert "not clearly better" in noise.text()


def test_two_rankings_are_compared_in_pairs():
    found = tc.rank_effects(X, TREATED, Y, other=NOISE)
    assert found.comparison["p_value"][0] < 0.01
    assert "better than the other" in found.text()
    assert "worse than the other" in tc.rank_effects(NOISE, TREATED, Y, other=X).text()
    assert "cannot be told apart" in tc.rank_effects(X, TREATED, Y, other=2 * X).text()
    assert tc.rank_effects(X, TREATED, Y).comparison is None


def test_expected_outcomes_make_errors_smaller():
    predicted = 3 * NOISE
    plain = tc.rank_effects(X, TREATED, Y + predicted)
    told = tc.rank_effects(X, TREATED, Y + predicted, expected_outcome=predicted)
    assert told.areas["standard_error"][0] < 0.5 * plain.areas["standard_error"][0]


def test_probabilities_and_controls():
    share = tc.rank_effects(X, TREATED, Y, 0.3).areas
    rows = tc.rank_effects(X, TREATED, Y, np.full(N, 0.3)).areas
    np.testing.assert_allclose(share["estimate"], rows["estimate"])
    words = np.where(TREATED, "mail", "none")
    named = tc.rank_effects(X, words, Y, control="none").areas
    plain = tc.rank_effects(X, TREATED, Y).areas
    np.testing.assert_array_equal(named["estimate"], plain["estimate"])


def test_ties_do_not_depend_on_the_order_of_rows():
    effect = np.floor(5 * X)
    turned = slice(None, None, -1)
    one = tc.rank_effects(effect, TREATED, Y).areas
    other = tc.rank_effects(effect[turned], TREATED[turned], Y[turned]).areas
    numbers = ["estimate", "standard_error", "p_value"]
    np.testing.assert_allclose(one[numbers], other[numbers], rtol=1e-9)
    assert not tc.rank_effects(np.ones(N), TREATED, Y).better_than_random


def test_a_table_of_the_callers_kind():
    import polars as pl

    found = tc.rank_effects(pl.Series(X), pl.Series(TREATED), pl.Series(Y))
    assert isinstance(found.areas, pl.DataFrame)
    assert isinstance(tc.rank_effects(pd.Series(X), TREATED, Y).gains, pd.DataFrame)


def test_the_curve_is_the_table():
    found = tc.rank_effects(X, TREATED, Y, shares=10)
    ax = plots.qini(found)
    np.testing.assert_allclose(ax.lines[0].get_ydata()[1:], found.gains["gain"])
    ends = ax.lines[1].get_ydata()
    assert ends[-1] == pytest.approx(found.gains["effect"].iloc[-1])
    assert "beats a random choice" in ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("effect", "arguments", "message"),
    [
        (np.where(X < 0.5, np.nan, X), {"scores": X}, "column 'effect', row"),
        (X, {"scores": np.where(np.arange(N) == 3, np.inf, X)}, "column 'scores', row 3"),
        (X, {"scores": X, "treatment": TREATED}, "treatment is given and scores too"),
        (X, {}, "treatment = None: expected"),
        (X, {"treatment": TREATED}, "outcome = None: expected"),
        (X, {"treatment": TREATED, "outcome": Y, "propensity": 1.5}, "not between 0 and 1"),
        (X, {"treatment": TREATED, "outcome": Y, "propensity": None}, "known probabilities"),
        (X, {"treatment": np.arange(N) % 3, "outcome": Y}, "two arms"),
        (X, {"scores": X, "shares": 0}, "1 to 1000 equal steps"),
        (X, {"scores": X, "shares": [1.5]}, "above 0 and at most 1"),
        (X, {"scores": X, "level": 2}, "level = 2"),
        (X[:-1], {"scores": X}, "expected 4000 rows, found 3999"),
    ],
)
def test_what_cannot_be_is_refused_in_words(effect, arguments, message):
    with pytest.raises((tc.DataError, tc.ParameterError)) as caught:
        tc.rank_effects(effect, **arguments)
    assert message in str(caught.value)


def test_hillstrom(data_file):
    """Who visits because of the women's e-mail: the forest's order beats chance."""
    frame = pd.read_csv(data_file("response/hillstrom.csv"))
    frame = frame[frame["segment"] != "Mens E-Mail"].reset_index(drop=True)
    X = frame.drop(columns=["segment", "visit", "conversion", "spend"])
    model = tc.CausalForest(control="No E-Mail", random_state=1)
    half = np.random.default_rng(42).permutation(len(frame)) < len(frame) // 2
    model.fit(X[half], frame["segment"][half], frame["visit"][half], "observed")
    test = frame[~half]
    found = tc.rank_effects(
        model.effect(X[~half]), test["segment"], test["visit"], control="No E-Mail"
    )
    assert found.areas["p_value"][0] < 0.01
