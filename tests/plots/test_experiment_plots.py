"""Plots of experiments: what is drawn, and what is refused."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tercet as tc


@pytest.fixture(scope="module")
def result() -> tc.ExperimentResult:
    """Two arms, a rate and an amount, five segments of which one has nobody in an arm."""
    rng = np.random.default_rng(4)
    arm = rng.choice(["none", "mail", "call"], 3_000)
    shop = rng.choice(["a", "b", "c", "d", "empty"], 3_000, p=[0.25, 0.25, 0.25, 0.25, 0.0])
    arm[:3], shop[:3] = "none", "empty"
    data: dict[str, Any] = {"arm": arm, "shop": shop, "spend": rng.gamma(2, 10, 3_000)}
    data["visit"] = rng.random(3_000) < 0.1 + 0.05 * (arm == "mail")
    return tc.analyze_experiment(data, "arm", "none", ["spend", "visit"], segments="shop")


def test_segments_are_in_the_order_of_the_shrunken_effects(result: tc.ExperimentResult):
    ax = tc.plots.effects_by_segment(result, "visit", arms="mail")
    drawn = [label.get_text() for label in ax.get_yticklabels()]
    frame = result.table_.to_pandas()
    own = frame[(frame["arm"] == "mail") & (frame["outcome"] == "visit")]
    own = own[own["segment"] != "everyone"].sort_values("effect_shrunken", ascending=False)
    assert drawn[:4] == own["segment"].tolist()[:4]
    assert drawn[4] == "empty"
    assert ax.get_xlabel() == "Difference, percentage points"
    assert ax.get_legend() is None


def test_arms_have_colours_and_the_most_certain_segments_are_kept(result: tc.ExperimentResult):
    ax = tc.plots.effects_by_segment(result, most=3)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["call", "mail"]
    assert len(ax.get_yticklabels()) == 3
    assert "2 more segments" in ax.texts[0].get_text()


def test_an_experiment_without_segments_is_one_row(result: tc.ExperimentResult):
    data = {"arm": ["none", "mail"] * 50, "spend": np.arange(100.0)}
    whole = tc.analyze_experiment(data, "arm", "none", "spend")
    ax = tc.plots.effects_by_segment(whole)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["everyone"]


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"outcome": "clicks"}, "outcome"),
        ({"arms": "none"}, "arms"),
        ({"arms": []}, "arms"),
        ({"most": 0}, "most"),
    ],
)
def test_what_is_not_there_is_refused(
    result: tc.ExperimentResult, arguments: dict[str, Any], parameter: str
):
    with pytest.raises(tc.ParameterError) as caught:
        tc.plots.effects_by_segment(result, **arguments)
    assert caught.value.parameter == parameter


def test_the_plan_is_marked():
    plan = tc.plan_experiment(0.05, lift=0.1, segments={"new": 0.4})
    ax = tc.plots.detectable_effect(plan, lift=True)
    assert ax.get_ylabel() == "Lift"
    assert any(f"{plan.n_:,}" in text.get_text() for text in ax.texts)
    without = tc.plots.detectable_effect(tc.plan_experiment(20.0, deviation=30.0))
    assert without.get_ylabel() == "Difference of means"


@pytest.mark.parametrize("name", tc.plots.__all__)
def test_every_plot_says_what_it_is_of(name: str):
    draw = getattr(tc.plots, name)
    every = inspect.signature(draw).parameters.values()
    needed = [one for one in every if one.default is one.empty]
    given = [3 for one in needed if one.kind is one.POSITIONAL_OR_KEYWORD]
    named = {one.name: "2024-01-01" for one in needed if one.kind is one.KEYWORD_ONLY}
    with pytest.raises((tc.ParameterError, tc.DataError), match=r"expected|not a table"):
        draw(*given, **named)


@pytest.mark.parametrize(
    "draw", [tc.plots.effects_by_segment, tc.plots.detectable_effect, tc.plots.qini]
)
@pytest.mark.parametrize("given", [None, 3, {"effect": [1.0]}])
def test_what_is_drawn_has_to_be_what_it_is_of(draw: Any, given: Any):
    with pytest.raises(tc.ParameterError, match=r"is of type .* expected the .* that tercet"):
        draw(given)


def test_many_segments_of_two_arms_have_room():
    rng = np.random.default_rng(5)
    data = {"arm": rng.choice(["none", "mail", "call"], 9_000), "spend": rng.gamma(2, 10, 9_000)}
    data["shop"] = np.char.add("a shop of a long name ", rng.integers(0, 30, 9_000).astype(str))
    found = tc.analyze_experiment(data, "arm", "none", "spend", segments="shop")
    ax = tc.plots.effects_by_segment(found)
    ax.figure.canvas.draw()
    width, height = ax.figure.get_size_inches()
    assert ax.get_window_extent().width / ax.figure.dpi > 5.0
    assert height < 1.8 * width


def test_the_other_ranking_is_drawn():
    rng = np.random.default_rng(6)
    effect, noise = rng.normal(size=(2, 1_000))
    treated = rng.random(1_000) < 0.5
    y = effect * treated + rng.normal(size=1_000)
    both = tc.rank_effects(effect, treated, y, other=noise)
    drawn = {line.get_label(): line.get_ydata() for line in tc.plots.qini(both).get_lines()}
    alone = tc.rank_effects(noise, treated, y).gains["gain"]
    np.testing.assert_allclose(drawn["in the other order"][1:], alone)
    ax = tc.plots.qini(tc.rank_effects(effect, treated, y))
    assert "in the other order" not in [line.get_label() for line in ax.get_lines()]
