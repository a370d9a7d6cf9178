"""Plots of times show the numbers that they claim to show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tercet as tc
from tercet import plots


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"visits": rng.normal(size=600), "plan": rng.choice(["a", "b"], 600)})
    rate = 0.12 * np.exp(-0.4 * frame["visits"] + 0.5 * (frame["plan"] == "a"))
    months = np.ceil(rng.exponential(1 / rate))
    frame["months"] = np.minimum(months, 10)
    frame["event"] = np.where(months <= 10, rng.integers(1, 3, 600), 0)
    return frame


@pytest.fixture(scope="module")
def model(customers) -> tc.HazardModel:
    return tc.HazardModel(events=["price", "payment"]).fit(customers, "months", "event")


def test_curves_are_means_of_groups_and_steps_kaplan_meier(customers, model) -> None:
    ax = plots.survival(model, customers, by="plan", duration="months", event="event")
    curves = {line.get_label(): line for line in ax.lines if line.get_label() in ("a", "b")}
    for plan, line in curves.items():
        own = customers[customers["plan"] == plan]
        wanted = model.predict_survival(own, line.get_xdata()).mean(axis=0)
        np.testing.assert_allclose(line.get_ydata(), wanted, atol=1e-12)
        table = tc.kaplan_meier(own["months"], own["event"])
        steps = [line.get_ydata() for line in ax.lines if line.get_drawstyle() == "steps-post"]
        assert any(
            len(step) == len(table) + 2 and np.allclose(step[1:-1], table["survival"])
            for step in steps
        )
    assert len(ax.collections) == 2


def test_incidences_are_the_models_and_aalen_johansens(customers, model) -> None:
    ax = plots.cumulative_incidence(model, customers, duration="months", event="event")
    for name in model.events_:
        line = next(line for line in ax.lines if line.get_label() == name)
        wanted = model.predict_cumulative_incidence(customers, line.get_xdata(), event=name)
        np.testing.assert_allclose(line.get_ydata(), wanted.mean(axis=0), atol=1e-12)
    names = customers["event"].map({0: None, 1: "price", 2: "payment"})
    table = tc.aalen_johansen(customers["months"], names)
    alone = plots.cumulative_incidence(table)
    assert {text.get_text() for text in alone.get_legend().get_texts()} == {"price", "payment"}


def test_what_cannot_be_drawn_is_refused(customers, model) -> None:
    with pytest.raises(tc.ParameterError, match="X = None"):
        plots.survival(model)
    with pytest.raises(tc.ParameterError, match="both duration and event"):
        plots.survival(model, customers, duration="months")
    with pytest.raises(tc.ParameterError, match="at most 7"):
        plots.survival(model, customers, by=np.arange(600))
