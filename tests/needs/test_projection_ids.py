"""Ids of customers whom segments are carried to: each is there, and only once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tercet as tc


@pytest.fixture(scope="module")
def survey() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    segment = rng.random(300) < 0.4
    frame = pd.DataFrame({"age": rng.normal(40 + 15 * segment, 8)})
    for k in range(4):
        frame[f"q{k}"] = np.where(rng.random(300) < np.where(segment, 0.8, 0.2), "yes", "no")
    return frame


@pytest.fixture(scope="module")
def projection(survey) -> tc.SegmentProjection:
    model = tc.LatentClass(2, random_state=1).fit(survey, [f"q{k}" for k in range(4)])
    return tc.SegmentProjection(model, folds=3).fit(survey, ["age"])


ANSWERS = {"customer_id": ["a"], "q0": ["yes"]}


@pytest.mark.parametrize("answers", [None, ANSWERS])
@pytest.mark.parametrize(
    ("ids", "row", "words"),
    [
        (["a", None, "c", "d"], 1, "is missing"),
        (["a", "b", "a", "d"], 2, "'a' is the customer of row 0; keep one row of each customer"),
        (["a", "b", "b", "b"], 2, r"row 1 \(1 more rows are repeated\)"),
        (pa.array(["a", "b", "a", "d"]).dictionary_encode(), 2, "'a' is the customer of row 0"),
    ],
    ids=str,
)
def test_ids_that_are_missing_or_repeated_are_refused(projection, answers, ids, row, words):
    customers = {"customer_id": ids, "age": [23.0, 68.0, 44.0, 50.0]}
    with pytest.raises(
        tc.DataError, match=rf"column 'customer_id', row {row}: .*{words}"
    ) as caught:
        projection.project(customers, answers)
    assert (caught.value.column, caught.value.row) == ("customer_id", row)
    if answers is None:  # nothing is looked up
        assert len(projection.share_report(customers)) == 2


def test_ids_of_any_kind_are_taken(projection):
    for ids in ([1, 2, 3], ["a", "b", "c"], [1.0, 2.0, 3.0]):
        columns: dict[str, Any] = {"customer_id": ids, "age": [23.0, 68.0, 44.0]}
        assert projection.project(columns)["customer_id"].to_pylist() == ids


def test_items_are_no_features_whatever_the_memberships(projection, survey):
    posterior = projection.model.predict_proba(survey)
    with pytest.raises(tc.ParameterError, match=r"features = .*'q0'.*were not made from"):
        tc.SegmentProjection(projection.model).fit(survey, ["age", "q0"], posterior=posterior)
