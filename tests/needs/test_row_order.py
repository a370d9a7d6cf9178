"""The order of rows and columns changes nothing, even where chance has a part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tercet as tc

ITEMS = [f"q{i}" for i in range(6)]
FEATURES = ["region", *(f"x{i}" for i in range(4))]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    first = rng.random(400) < 0.6
    likely = np.where(first, 0.75, 0.25)
    answers = {name: np.where(rng.random(400) < likely, "yes", "no") for name in ITEMS}
    numbers = {name: rng.normal(0.1 * first) for name in FEATURES[1:]}
    region = rng.choice(["north", "south", "west"], 400)
    return pd.DataFrame({**answers, **numbers, "region": region})


@pytest.fixture(scope="module")
def shuffled(frame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=1)


@pytest.fixture(scope="module")
def model(frame) -> tc.LatentClass:
    return tc.LatentClass(2, starts=4).fit(frame, ITEMS)


def test_projection(model, frame, shuffled):
    one = tc.SegmentProjection(model).fit(frame, FEATURES)
    other = tc.SegmentProjection(model).fit(shuffled, FEATURES[::-1])
    assert one.penalty_ == other.penalty_
    np.testing.assert_allclose(one.predict_proba(frame), other.predict_proba(frame), atol=1e-9)
    assert one.log_loss_ == pytest.approx(other.log_loss_)
    assert one.accuracy_ == pytest.approx(other.accuracy_)


def test_typing_tool(model, frame, shuffled):
    one = tc.TypingTool(model, 2).fit(frame).agreement_
    other = tc.TypingTool(model, 2).fit(shuffled).agreement_
    pd.testing.assert_frame_equal(one, other)


def test_stability(model, frame, shuffled):
    one = tc.segment_stability(model, frame, 6).replications
    other = tc.segment_stability(model, shuffled, 6).replications
    pd.testing.assert_frame_equal(one, other, atol=1e-6)


@pytest.mark.parametrize("baseline", [tc.KMeansSegments, tc.GaussianMixtureSegments])
def test_baselines(baseline, frame, shuffled):
    one = baseline(3, starts=4).fit(frame, FEATURES[1:])
    other = baseline(3, starts=4).fit(shuffled, FEATURES[1:])
    np.testing.assert_allclose(one.shares_, other.shares_)
    np.testing.assert_array_equal(one.predict(frame), other.predict(frame))
