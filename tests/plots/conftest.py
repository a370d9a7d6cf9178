"""What the tests of the plots share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pytest

import tercet as tc

if TYPE_CHECKING:
    import pandas as pd

CALIBRATION_END = "2024-12-29"


@pytest.fixture(autouse=True)
def _quiet_figures() -> None:
    mpl.use("Agg")


@pytest.fixture(scope="module")
def ends(simulated: tc.datasets.SimulatedPurchases) -> dict[str, Any]:
    """The ends of calibration and observation, as the plots are told them."""
    return {"calibration_end": CALIBRATION_END, "observation_end": simulated.observation_end}


@pytest.fixture(scope="module")
def calibration(simulated: tc.datasets.SimulatedPurchases, ends: dict[str, Any]) -> pd.DataFrame:
    """Summary at the calibration end, with the holdout columns."""
    frame: pd.DataFrame = tc.split_purchases(simulated.transactions, amount="amount", **ends)[0]
    return frame


@pytest.fixture(scope="module")
def calibrated(calibration: pd.DataFrame) -> tc.BGNBD:
    """BG/NBD fitted on the calibration period."""
    return tc.BGNBD().fit(calibration)


@pytest.fixture(scope="module")
def value(model: tc.BGNBD, spend: tc.GammaGamma, summary: pd.DataFrame) -> pd.DataFrame:
    """The value of each customer of `summary`."""
    frame: pd.DataFrame = tc.lifetime_value(
        model, spend, summary, horizon=52, discount_rate=0.10, margin=0.3, level=0.95
    )
    return frame


@pytest.fixture(scope="session")
def company() -> tc.datasets.SimulatedNeeds:
    """Customers with known segments, and a survey of some of them."""
    return tc.datasets.simulate_needs(4_000, n_respondents=500, seed=1)


@pytest.fixture(scope="session")
def selection(company: tc.datasets.SimulatedNeeds) -> tc.SegmentSelection:
    """One to four segments, with tests."""
    return tc.select_segments(
        company.survey, range(1, 5), starts=4, replications=19, stability=0, random_state=1
    )


@pytest.fixture(scope="session")
def segments(selection: tc.SegmentSelection) -> tc.LatentClass:
    """Three segments."""
    return selection.models[3]


@pytest.fixture(scope="session")
def tool(company: tc.datasets.SimulatedNeeds, segments: tc.LatentClass) -> tc.TypingTool:
    """Three golden questions."""
    return tc.TypingTool(segments, n_questions=3, folds=3, max_questions=5).fit(company.survey)


@pytest.fixture(scope="session")
def projection(
    company: tc.datasets.SimulatedNeeds, segments: tc.LatentClass
) -> tc.SegmentProjection:
    """The segments by what is known of every customer."""
    asked = company.respondents.merge(company.customers, on="customer_id")
    return tc.SegmentProjection(segments).fit(asked, features=["age", "orders", "region"])
