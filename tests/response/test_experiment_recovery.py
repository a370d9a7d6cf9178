"""Experiments with known effects: intervals cover, shrinkage helps, false alarms stay rare."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc


def draw(rng: np.random.Generator, n: int, effect: Any = 0.5, segments: int = 1) -> dict[str, Any]:
    """Skew spend, two arms, effects that differ by segment and by a covariate."""
    arm, segment = rng.choice(["none", "mail"], n), rng.integers(0, segments, n)
    past = rng.gamma(2.0, 1.0, n)
    own = np.broadcast_to(effect, segments)[segment] * (0.5 + 0.25 * past)
    spend = 1.0 + past + own * (arm == "mail") + rng.exponential(2.0, n)
    return {"arm": arm, "segment": segment.astype(str), "past": past, "spend": spend}


def analyze(data: Any, **arguments: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tc.ExperimentWarning)
        result = tc.analyze_experiment(
            pd.DataFrame(data), "arm", "none", "spend", n_jobs=1, **arguments
        )
    table: pd.DataFrame = result.table_
    return table


@pytest.mark.parametrize("covariates", [None, "past"])
def test_intervals_cover_the_effect_and_the_lift(covariates: str | None):
    rng = np.random.default_rng(11)
    hits = np.zeros(2)
    runs = 300
    for _ in range(runs):
        # The mean of past is 2: the effect among customers like these is 0.5, of a mean of 5.
        row = analyze(draw(rng, 400), covariates=covariates).iloc[0]
        hits += [
            row["lower"] <= 0.5 <= row["upper"],
            row["lift_lower"] <= 0.1 <= row["lift_upper"],
        ]
    assert (hits / runs >= 0.92).all()
    assert (hits / runs <= 0.98).all()


def test_clusters_cover_where_rows_do_not():
    rng = np.random.default_rng(5)
    hits = np.zeros(2)
    runs = 200
    for _ in range(runs):
        customer = np.repeat(np.arange(120), 5)
        arm = rng.choice(["none", "mail"], 120)[customer]
        own = rng.normal(0, 2, 120)[customer]
        data = {"arm": arm, "customer": customer, "spend": own + rng.normal(0, 1, 600)}
        for place, cluster in enumerate((None, "customer")):
            row = analyze(data, cluster=cluster).iloc[0]
            hits[place] += row["lower"] <= 0.0 <= row["upper"]
    assert hits[0] / runs < 0.75
    assert 0.91 <= hits[1] / runs <= 0.985


def test_shrunken_effects_are_nearer_and_their_intervals_cover():
    rng = np.random.default_rng(3)
    raw = shrunken = 0.0
    hits, rows = 0, 0
    for spread in (0.0, 0.2, 0.5):
        for _ in range(25):
            effect = rng.normal(0.5, spread, 25)
            table = analyze(draw(rng, 5_000, effect, 25), segments="segment").iloc[1:]
            truth = effect[table["segment"].astype(int)]
            raw += ((table["effect"] - truth) ** 2).sum()
            shrunken += ((table["effect_shrunken"] - truth) ** 2).sum()
            low, high = table["shrunken_lower"], table["shrunken_upper"]
            hits += ((low <= truth) & (truth <= high)).sum()
            rows += len(table)
    assert shrunken < 0.6 * raw
    assert 0.93 <= hits / rows <= 0.98


def test_sequential_intervals_hold_under_peeking():
    rng = np.random.default_rng(8)
    alarms = np.zeros(2)
    runs = 80
    for _ in range(runs):
        data = pd.DataFrame(draw(rng, 4_000, 0.0))
        looks = [data.iloc[:n] for n in range(400, 4_001, 400)]
        once = [analyze(look)["p"].iloc[0] for look in looks]
        always = [analyze(look, sequential=4_000)["p"].iloc[0] for look in looks]
        alarms += [min(once) < 0.05, min(always) < 0.05]
    assert alarms[0] / runs > 0.10
    assert alarms[1] / runs <= 0.06


def test_false_discoveries_stay_below_the_promise():
    rng = np.random.default_rng(2)
    effect = np.zeros(40)
    effect[:8] = 1.2
    shares, found, families = [], 0, 0
    runs = 60
    for _ in range(runs):
        data = draw(rng, 8_000, effect, 40)
        table = analyze(data, segments="segment").iloc[1:]
        real = effect[table["segment"].astype(int)] > 0
        called = table["p_adjusted"] < 0.05
        shares.append((called & ~real).sum() / max(1, called.sum()))
        found += (called & real).sum()
        strict = analyze(data, segments="segment", adjust="holm").iloc[1:]
        families += ((strict["p_adjusted"] < 0.05) & ~real).any()
    assert np.mean(shares) <= 0.06
    assert families / runs <= 0.1
    assert found / (8 * runs) > 0.5


def test_the_sample_ratio_check_alarms_as_seldom_as_it_says():
    rng = np.random.default_rng(4)
    alarms = 0
    runs = 400
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tc.ExperimentWarning)
        for _ in range(runs):
            data = {"arm": rng.choice(["none", "mail"], 1_000, p=[0.3, 0.7])}
            data["spend"] = rng.random(1_000)
            shares = {"none": 3, "mail": 7}
            result = tc.analyze_experiment(
                data, "arm", "none", "spend", shares=shares, ratio_level=0.05, n_jobs=1
            )
            alarms += not result.is_sound_
    assert 0.03 <= alarms / runs <= 0.075


def test_the_power_of_a_plan_is_what_experiments_find():
    rng = np.random.default_rng(9)
    plan = tc.plan_experiment(0.10, effect=0.05, arms={"none": 0.6, "mail": 0.4}, power=0.8)
    found = 0
    runs = 300
    for _ in range(runs):
        arm = rng.choice(["none", "mail"], plan.n_, p=[0.6, 0.4])
        data = {"arm": arm, "spend": rng.random(plan.n_) < np.where(arm == "mail", 0.15, 0.10)}
        found += analyze(data)["p"].iloc[0] < 0.05
    assert 0.74 <= found / runs <= 0.86


def small_segments(rng: np.random.Generator, k: int, n: int, kind: str) -> dict[str, Any]:
    """Segments of few customers, a third of them treated, without any effect."""
    segment = np.repeat(np.arange(k), n)
    arm = np.where(np.tile(np.arange(n) % 3 == 0, k), "mail", "none")
    spend = rng.random(k * n) < 0.2 if kind == "binary" else rng.lognormal(size=k * n)
    return {"arm": arm, "segment": segment.astype(str), "spend": spend.astype(float)}


@pytest.mark.parametrize("kind", ["binary", "log-normal"])
@pytest.mark.parametrize(("k", "n"), [(20, 12), (40, 30), (20, 51)])
def test_equal_effects_in_small_segments_are_seldom_called_different(kind: str, k: int, n: int):
    rng = np.random.default_rng([k, n])
    alarms, runs = 0, 200
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tc.ExperimentWarning)
        for _ in range(runs):
            data = small_segments(rng, k, n, kind)
            result = tc.analyze_experiment(
                pd.DataFrame(data), "arm", "none", "spend", segments="segment", n_jobs=1
            )
            alarms += result.heterogeneity_["p"].iloc[0] < 0.05
    assert alarms / runs <= 0.09


def test_shrunken_effects_on_skewed_spend_are_not_drawn_down():
    rng = np.random.default_rng(4)
    raw, shrunken, off, hits, rows = 0.0, 0.0, 0.0, 0, 0
    for n in (20, 60, 200):
        for _ in range(30):
            segment = np.repeat(np.arange(20), n)
            arm = np.tile(np.where(np.arange(n) % 2, "mail", "none"), 20)
            lift = 0.3 * (1 + rng.normal(size=20))
            spend = np.where(rng.random(len(segment)) < 0.3, rng.lognormal(size=len(segment)), 0.0)
            spend = spend * (1 + lift[segment] * (arm == "mail"))
            data = {"arm": arm, "segment": segment.astype(str), "spend": spend}
            table = analyze(data, segments="segment").iloc[1:]
            truth = 0.3 * np.exp(0.5) * lift[table["segment"].astype(int)]
            raw += ((table["effect"] - truth) ** 2).sum()
            shrunken += ((table["effect_shrunken"] - truth) ** 2).sum()
            off += (table["effect_shrunken"] - truth).sum()
            low, high = table["shrunken_lower"], table["shrunken_upper"]
            hits += ((low <= truth) & (truth <= high)).sum()
            rows += len(table)
    # The mean effect is 0.15; weighed by their own variances segments lose half of it.
    assert abs(off / rows) < 0.03
    assert shrunken < 0.25 * raw
    assert 0.92 <= hits / rows <= 0.99
