"""Every plot labels what it shows, draws where it is told, and keeps to the house style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

import tercet as tc
from tercet import plots

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes


@pytest.fixture(scope="module")
def value_drawers(
    simulated: tc.datasets.SimulatedPurchases,
    calibration: pd.DataFrame,
    calibrated: tc.BGNBD,
    summary: pd.DataFrame,
    model: tc.BGNBD,
    value: pd.DataFrame,
    ends: dict[str, Any],
) -> dict[str, Callable[..., Axes]]:
    """The plots of purchases and value."""
    log = simulated.transactions
    return {
        "probability_alive_map": lambda **on: plots.probability_alive_map(model, summary, **on),
        "expected_purchases_map": lambda **on: plots.expected_purchases_map(model, summary, **on),
        "calibration_holdout": lambda **on: plots.calibration_holdout(
            calibrated, calibration, **on
        ),
        "cumulative_purchases": lambda **on: plots.cumulative_purchases(
            calibrated, log, **ends, **on
        ),
        "purchases_by_period": lambda **on: plots.purchases_by_period(
            calibrated, log, **ends, **on
        ),
        "value_concentration": lambda **on: plots.value_concentration(value, **on),
        "value_distribution": lambda **on: plots.value_distribution(value, **on),
        "top_customers": lambda **on: plots.top_customers(value, **on),
        "customer_history": lambda **on: plots.customer_history(
            model, log, summary["customer_id"].iloc[0], **on
        ),
    }


@pytest.fixture(scope="module")
def needs_drawers(
    company: tc.datasets.SimulatedNeeds,
    selection: tc.SegmentSelection,
    segments: tc.LatentClass,
    tool: tc.TypingTool,
    projection: tc.SegmentProjection,
) -> dict[str, Callable[..., Axes]]:
    """The plots of segments."""
    return {
        "segment_criteria": lambda **on: plots.segment_criteria(selection, **on),
        "segment_profile": lambda **on: plots.segment_profile(
            segments.profile(company.survey), **on
        ),
        "segment_sizes": lambda **on: plots.segment_sizes(segments, **on),
        "question_accuracy": lambda **on: plots.question_accuracy(tool, **on),
        "projected_shares": lambda **on: plots.projected_shares(
            projection, company.customers, **on
        ),
    }


@pytest.fixture(scope="module")
def probability_drawers() -> dict[str, Callable[..., Axes]]:
    """The plots of probabilities."""
    rng = np.random.default_rng(1)
    p = rng.beta(1, 5, 1_000)
    y = rng.random(1_000) < p
    table = tc.gain_table(y, p, replications=20)
    best = tc.best_cutoff(y, p, benefit=30, cost=4, capacity=0.6, replications=20)
    X = {"visits": rng.poisson(1 / p), "plan": rng.choice(["basic", "pro"], 1_000)}
    model = tc.Propensity().fit(X, y)
    return {
        "propensity_curve": lambda **on: plots.propensity_curve(model, "visits", X, **on),
        "reasons": lambda **on: plots.reasons(model.reasons(X), **on),
        "reliability": lambda **on: plots.reliability(tc.reliability(y, p), **on),
        "gain": lambda **on: plots.gain(table, **on),
        "lift": lambda **on: plots.lift(table, **on),
        "profit_by_cutoff": lambda **on: plots.profit_by_cutoff(best, **on),
    }


@pytest.fixture(scope="module")
def response_drawers() -> dict[str, Callable[..., Axes]]:
    """The plots of effects."""
    rng = np.random.default_rng(1)
    effect, treated = rng.random(1_000), rng.random(1_000) < 0.5
    ranking = tc.rank_effects(effect, treated, effect * treated + rng.normal(size=1_000))
    allocation = tc.allocate(effect, rng.random(1_000), budget=100)
    return {
        "qini": lambda **on: plots.qini(ranking, **on),
        "profit_by_budget": lambda **on: plots.profit_by_budget(allocation, **on),
    }


@pytest.fixture(scope="module")
def hazard_drawers() -> dict[str, Callable[..., Axes]]:
    """The plots of times."""
    rng = np.random.default_rng(1)
    visits, group = rng.normal(size=500), rng.choice(["a", "b"], 500)
    months = np.minimum(rng.geometric(0.1 * np.exp(-0.3 * visits)), 12)
    event = np.where(months < 12, rng.integers(1, 3, 500), 0)
    model = tc.HazardModel().fit({"visits": visits}, months, event)
    told = {"duration": months, "event": event}
    new = {"visits": visits}
    return {
        "survival": lambda **on: plots.survival(model, new, group, **told, **on),
        "cumulative_incidence": lambda **on: plots.cumulative_incidence(model, new, **told, **on),
    }


@pytest.fixture(scope="module")
def behaviour_drawers(
    simulated: tc.datasets.SimulatedPurchases,
) -> dict[str, Callable[..., Axes]]:
    """The plots of behaviour."""
    june = tc.behaviour(simulated.transactions, as_of="2024-06-01")
    september = tc.behaviour(simulated.transactions, as_of="2024-09-01", recipe=june.recipe)
    return {
        "rfm_grid": lambda **on: plots.rfm_grid(june, **on),
        "lifecycle_flow": lambda **on: plots.lifecycle_flow(june, september, **on),
    }


@pytest.fixture(scope="module")
def experiment_drawers() -> dict[str, Callable[..., Axes]]:
    """The plots of experiments."""
    rng = np.random.default_rng(1)
    data = {"arm": rng.choice(["none", "mail", "call"], 900), "spend": rng.gamma(2, 10, 900)}
    data["shop"] = rng.choice(list("abcd"), 900)
    result = tc.analyze_experiment(data, "arm", "none", "spend", segments="shop")
    plan = tc.plan_experiment(0.05, lift=0.1, segments={"new": 0.4})
    return {
        "effects_by_segment": lambda **on: plots.effects_by_segment(result, **on),
        "detectable_effect": lambda **on: plots.detectable_effect(plan, **on),
    }


@pytest.fixture(scope="module")
def drawers(
    value_drawers: dict[str, Callable[..., Axes]],
    needs_drawers: dict[str, Callable[..., Axes]],
    probability_drawers: dict[str, Callable[..., Axes]],
    hazard_drawers: dict[str, Callable[..., Axes]],
    behaviour_drawers: dict[str, Callable[..., Axes]],
    experiment_drawers: dict[str, Callable[..., Axes]],
    response_drawers: dict[str, Callable[..., Axes]],
) -> dict[str, Callable[..., Axes]]:
    """Every plot, ready to be drawn on some axes or on new ones."""
    drawers = value_drawers | needs_drawers | probability_drawers | hazard_drawers
    return drawers | behaviour_drawers | experiment_drawers | response_drawers


every_plot = pytest.mark.parametrize("name", plots.__all__)


class TestEveryPlot:
    @every_plot
    def test_draws_on_new_axes(self, name: str, drawers: dict[str, Callable[..., Axes]]) -> None:
        ax = drawers[name]()
        assert ax.get_title(loc="left").strip()
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert not ax.spines["top"].get_visible()

    @every_plot
    def test_draws_on_given_axes(self, name: str, drawers: dict[str, Callable[..., Axes]]) -> None:
        _, given = plt.subplots()
        assert drawers[name](ax=given) is given
        assert len(plt.get_fignums()) == 1

    @every_plot
    def test_leaves_settings_alone(
        self, name: str, drawers: dict[str, Callable[..., Axes]]
    ) -> None:
        before = dict(mpl.rcParams)
        drawers[name]()
        assert dict(mpl.rcParams) == before

    def test_all_are_here(self, drawers: dict[str, Callable[..., Axes]]) -> None:
        assert sorted(drawers) == sorted(plots.__all__)
