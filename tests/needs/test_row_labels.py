"""Memberships, assignments and weights of other rows than the table's: refused, never shifted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

N = 60
POSTERIOR = np.column_stack([np.linspace(0.05, 0.95, N), np.linspace(0.95, 0.05, N)])


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "spend": rng.normal(20, 4, N) + 5 * POSTERIOR[:, 0],
            "age": rng.normal(40, 9, N) + 9 * POSTERIOR[:, 0],
            "q1": rng.integers(1, 6, N),
            "q2": rng.integers(1, 6, N),
        },
        index=np.arange(100, 100 + N),
    )


def distal(given: Any) -> Any:
    return tc.distal_outcome(frame(), "spend", given)


def predictors(given: Any) -> Any:
    return tc.segment_predictors(frame(), ["age"], given)


def importance(given: Any) -> Any:
    return tc.rating_importance(frame(), ["q1", "q2"], segments=given)


def projection(given: Any) -> Any:
    return tc.SegmentProjection(folds=3).fit(frame(), ["age"], posterior=given).shares_


def attractiveness(given: Any) -> Any:
    return tc.attractiveness(frame(), {"spend": "mean"}, members=given).table


CALLS = {
    "distal": (distal, "posterior"),
    "predictors": (predictors, "posterior"),
    "importance": (importance, "segments"),
    "projection": (projection, "posterior"),
    "attractiveness": (attractiveness, "members"),
}


@pytest.mark.parametrize("name", CALLS)
def test_memberships_of_other_rows_are_refused(name):
    call, parameter = CALLS[name]
    call(POSTERIOR)
    call(pd.DataFrame(POSTERIOR, index=frame().index))
    words = rf"{parameter}: the DataFrame has another index than the .*\.reindex.*\.to_numpy\(\)"
    for index in (range(N), frame().index[::-1]):
        with pytest.raises(tc.ParameterError, match=words) as caught:
            call(pd.DataFrame(POSTERIOR, index=index))
        assert caught.value.parameter == parameter


def test_assignments_of_other_rows_are_refused():
    segments = pd.Series(1 + (POSTERIOR[:, 0] > 0.5), index=frame().index)
    shuffled = segments.sample(frac=1, random_state=1)
    with pytest.raises(tc.ParameterError, match="members: the Series has another index"):
        attractiveness(shuffled)
    with pytest.raises(tc.ParameterError, match="second: the Series has another index"):
        tc.align_segments(segments, shuffled)
    with pytest.raises(tc.ParameterError, match="weights: the Series has another index"):
        tc.align_segments(segments, segments, weights=pd.Series(np.ones(N)))
    assert tc.align_segments(segments, shuffled.reindex(segments.index)).adjusted_rand == 1.0
    assert tc.align_segments(segments, segments.to_numpy()).adjusted_rand == 1.0
