"""Plots of behaviour show the numbers that they claim to show."""

from __future__ import annotations

import numpy as np
import pytest

import tercet as tc
from tercet import plots


@pytest.fixture(scope="module")
def june(simulated: tc.datasets.SimulatedPurchases) -> tc.Behaviour:
    """Behaviour at a date."""
    return tc.behaviour(simulated.transactions, as_of="2024-06-01")


@pytest.fixture(scope="module")
def september(simulated: tc.datasets.SimulatedPurchases, june: tc.Behaviour) -> tc.Behaviour:
    """The same three months later."""
    return tc.behaviour(simulated.transactions, as_of="2024-09-01", recipe=june.recipe)


@pytest.mark.parametrize("measure", ["customers", "money", "money_mean"])
def test_cells_are_the_grid(june: tc.Behaviour, measure: str) -> None:
    ax = plots.rfm_grid(june, measure=measure)
    cells = ax.collections[0].get_array()
    grid = june.rfm_grid.sort_values(["f_score", "r_score"])
    values = grid[measure].where(grid["customers"] > 0)
    np.testing.assert_allclose(np.ma.filled(cells, np.nan).ravel(), values)
    written = sum(
        int(text.get_text().replace(",", "")) for text in ax.texts if "c" not in text.get_text()
    )
    if measure == "customers":
        assert written == grid["customers"].sum()


def test_bands_are_the_flow(june: tc.Behaviour, september: tc.Behaviour) -> None:
    ax = plots.lifecycle_flow(june, september)
    flow = september.flow(june)
    bands = [
        patch
        for patch in ax.patches
        if hasattr(patch, "get_path") and len(patch.get_path().codes) == 9
    ]
    assert len(bands) == len(flow)
    heights = [band.get_path().vertices[0, 1] - band.get_path().vertices[7, 1] for band in bands]
    np.testing.assert_allclose(sorted(heights), sorted(flow["customers"] / flow["customers"].sum()))
    columns = [patch.get_height() for patch in ax.patches if hasattr(patch, "get_height")]
    assert sum(columns) == pytest.approx(2.0)


def test_what_cannot_be_drawn(
    june: tc.Behaviour, simulated: tc.datasets.SimulatedPurchases
) -> None:
    plain = tc.behaviour(simulated.transactions.drop(columns="amount"), as_of="2024-06-01")
    with pytest.raises(tc.ParameterError, match="the purchases have no amounts"):
        plots.rfm_grid(plain, measure="money")
    with pytest.raises(tc.ParameterError, match='one of "customers"'):
        plots.rfm_grid(june, measure="clicks")
    other = tc.behaviour(simulated.transactions, as_of="2024-09-01", lifecycle={"lost": 9})
    with pytest.raises(tc.ParameterError, match="by the same recipe"):
        plots.lifecycle_flow(june, other)
