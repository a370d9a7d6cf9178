"""Propensities against scikit-learn and statsmodels."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

FOLDER = Path(__file__).parents[1] / "reference" / "propensity"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
CASES = {name: case for name, case in FILES.items() if case["kind"] == "logistic"}

plain = partial(tc.Propensity, features="linear", calibration="none", min_level_count=1)


def case_frame(case: dict[str, Any]) -> pd.DataFrame:
    data = case["data"]
    levels = [str(level) for level in data["level"]]
    return pd.DataFrame({"x1": data["x1"], "x2": data["x2"], "level": levels})


def test_there_are_cases():
    assert set(CASES) == {"plain", "scales"}


@pytest.mark.parametrize("name", CASES)
def test_ridge_is_that_of_scikit_learn(name):
    case = CASES[name]
    frame, y = case_frame(case), np.array(case["data"]["outcome"])
    for told in case["ridge"]:
        weights = case["data"]["weights"] if told["weighted"] else None
        model = plain(strength=told["strength"]).fit(frame, y, sample_weight=weights)
        found = model.predict_proba(frame)[:, 1]
        np.testing.assert_allclose(found, told["probabilities"], rtol=1e-7)
        scale = [np.sqrt(np.cov(frame[x], aweights=weights, bias=True)) for x in ("x1", "x2")]
        effects = model.summary().set_index(["feature", "at"])["log_odds"]
        slopes = [effects[("x1", "per unit")] * scale[0], effects[("x2", "per unit")] * scale[1]]
        np.testing.assert_allclose(slopes, told["coefficients"][:2], rtol=1e-6)
        # Effects are against the mean customer, scikit-learn's coefficients against nobody.
        shares = [np.average(frame["level"] == level, weights=weights) for level in "012"]
        levels = np.array(told["coefficients"][2:])
        found = [effects[("level", level)] for level in "012"]
        np.testing.assert_allclose(found, levels - levels @ shares, rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("errors", ["model", "robust", "cluster"])
def test_free_fits_and_their_errors_are_those_of_statsmodels(name, errors):
    case = CASES[name]
    frame, data = case_frame(case), case["data"]
    for told in case["free"]:
        offset = data["offset"] if told["offset"] else None
        model = plain(strength=0.0, standard_errors=errors)
        model.fit(frame, data["outcome"], offset=offset, groups=data["group"])
        table = model.summary().set_index(["feature", "at"])
        for label, want, error in zip(
            told["names"], told["coefficients"], told["standard_errors"][errors], strict=True
        ):
            if label == "intercept":
                continue  # statsmodels' is that of numbers that are not centred
            feature, at = label.split(": ")
            row = table.loc[(feature, at)]
            np.testing.assert_allclose(row["log_odds"], want, rtol=1e-6)
            np.testing.assert_allclose(row["standard_error"], error, rtol=1e-5)
            np.testing.assert_allclose(row["odds_ratio"], np.exp(want), rtol=1e-6)
        assert model.log_likelihood_ == pytest.approx(told["log_likelihood"], rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_elastic_net_and_several_classes_are_those_of_scikit_learn(name):
    case = CASES[name]
    frame, data = case_frame(case), case["data"]
    for told in case["elastic_net"]:
        model = plain(penalty="elastic_net", l1_ratio=told["l1_ratio"], strength=told["strength"])
        params = model.fit(frame, data["outcome"]).params_
        slopes = [params[f"{x}: per unit"] * np.std(frame[x]) for x in ("x1", "x2")]
        np.testing.assert_allclose(slopes, told["coefficients"][:2], atol=2e-5)
        found = [params[f"level: {level}"] for level in "012"]
        levels = np.array(told["coefficients"][2:])
        shares = [np.mean(frame["level"] == level) for level in "012"]
        np.testing.assert_allclose(found, levels - levels @ shares, atol=2e-5)
    frame = frame.drop(columns="level").assign(outcome=np.array(data["outcome"], dtype=float))
    for told in case["multinomial"]:
        model = plain(strength=told["strength"]).fit(frame, data["level"])
        found = model.predict_proba(frame)
        np.testing.assert_allclose(found.ravel(), told["probabilities"], rtol=1e-5)
        assert len(model.params_) == 3 * 4


def test_errors_of_several_classes_are_those_of_statsmodels():
    case = FILES["classes"]
    data = case["data"]
    x = pd.DataFrame({name: data[name] for name in ("x1", "x2", "outcome")}).astype(float)
    model = plain(strength=0.0, tolerance=1e-13).fit(x, np.array(data["level"]))
    table = model.summary(level=case["level"])
    slopes = table[table["at"] == "per unit"]
    found = slopes["standard_error"].to_numpy().reshape(3, 3)
    np.testing.assert_allclose(found, case["standard_errors"], rtol=1e-6)
    ends = model.predict_interval(x, level=case["level"])
    np.testing.assert_allclose(ends.ravel(), case["intervals"], atol=1e-6)
