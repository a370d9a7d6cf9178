"""Models that older versions saved load, and answer as they did: see tests/golden/README.md."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

import tercet as tc
from tercet import _tercet

FOLDER = Path(__file__).parent / "golden"
SCORES = sorted(FOLDER.glob("v*/*.scores.json"))


def test_there_are_golden_models():
    assert {path.name for path in FOLDER.glob("v1/*.scores.json")} >= {
        "bg_nbd.scores.json",
        "calibration.scores.json",
        "causal_forest.scores.json",
        "gamma_gamma.scores.json",
        "gaussian_mixture.scores.json",
        "hazard.scores.json",
        "k_means.scores.json",
        "latent_class.scores.json",
        "max_diff.scores.json",
        "policy_tree.scores.json",
        "propensity.scores.json",
        "segment_book.scores.json",
        "segment_projection.scores.json",
        "typing_tool.scores.json",
    }
    models = {path for path in FOLDER.glob("v*/*.json") if not path.name.endswith(".scores.json")}
    assert models == {path.with_name(path.name.replace(".scores", "")) for path in SCORES}


@pytest.mark.parametrize("path", SCORES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_model_answers_as_it_did(path):
    told = json.loads(path.read_text())
    model = tc.load(path.with_name(path.name.replace(".scores", "")))
    assert getattr(model, "params_", None) == told["estimates"]
    assert told["scores"]
    for score in told["scores"]:
        rows = () if score["quantity"] == "expected_purchases_new" else (told["rows"],)
        got = getattr(model, score["quantity"])(*rows, **score["arguments"])
        want = np.array(score["values"], dtype=float)
        np.testing.assert_allclose(got, want, rtol=1e-12, err_msg=score["quantity"])


OF_CUSTOMERS = sorted(FOLDER.glob("python/v*/*.scores.json"))


def test_there_are_golden_models_of_customers():
    assert {path.name.partition(".")[0] for path in OF_CUSTOMERS} >= {
        "churn_model",
        "purchase_model",
        "feature_use_model",
        "lead_score",
    }


@pytest.mark.parametrize("path", OF_CUSTOMERS, ids=lambda path: path.stem)
def test_a_golden_model_of_customers_answers_as_it_did(path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    make = importlib.import_module("make_golden_models")
    file = path.with_name(path.name.replace(".scores", ""))
    model, kind = tc.load(file), path.name.partition(".")[0]
    want = json.loads(path.read_text())["scores"]
    found = make.answers(model, kind)
    assert list(found) == list(want)
    for name, values in want.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, err_msg=name)
    # What is inside are files of the core.
    for one in json.loads(file.read_text())["fitted"]["models"].values():
        assert _tercet.FittedPropensity.from_json(json.dumps(one)).features
