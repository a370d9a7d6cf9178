"""Calibration: reference numbers, properties, saving, what cannot be calibrated."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import tercet as tc

FOLDER = Path(__file__).parents[1] / "reference" / "evaluation"
METHODS = ("none", "sigmoid", "beta", "isotonic")


def cases() -> list[object]:
    """The reference cases; finding none is a failure."""
    read = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("map-*.json"))]
    assert read
    return [pytest.param(case, id=case["case"]) for case in read]


@pytest.fixture(scope="module")
def overconfident():
    """Predictions whose log-odds are twice what they should be."""
    rng = np.random.default_rng(1)
    truth = rng.beta(1, 4, 4_000)
    odds = truth / (1 - truth)
    return odds**2 / (1 + odds**2), rng.random(4_000) < truth, truth


def fitted(method, p, y, *rest, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tc.ConvergenceWarning)
        return tc.Calibration(method, **settings).fit(p, y, *rest)


@pytest.mark.parametrize("case", cases())
def test_reference(case):
    rows = case["input"]["rows"]
    data = rows["p"], rows["y"], rows["sample_weight"]
    want = {check["quantity"]: check for check in case["expected"]}
    grid = want.pop("grid")["values"]
    assert len(want) == 6
    for quantity, check in want.items():
        method = quantity.split("_")[0]
        shift = 0.02 if quantity.endswith("shifted") else None
        model = fitted(method, *data, shift=shift)
        got = list(model.params_.values()) if "parameters" in quantity else model.predict(grid)
        tolerance = {"rtol": check["rtol"], "atol": check["atol"]}
        np.testing.assert_allclose(got, check["values"], **tolerance, err_msg=quantity)


@pytest.mark.parametrize("method", METHODS)
def test_maps_rise_and_stay_inside(method, overconfident):
    p, y, _ = overconfident
    model = tc.Calibration(method).fit(p, y)
    q = model.predict(np.linspace(0, 1, 10_001))
    assert (np.diff(q) >= 0).all()
    if method != "none":
        assert ((q > 0) & (q < 1)).all()


@pytest.mark.parametrize("method", METHODS[1:])
def test_the_truth_is_found(method, overconfident):
    p, y, truth = overconfident
    q = tc.Calibration(method).fit(p, y).predict(p)
    assert np.abs(q - truth).mean() < 0.02
    assert q.mean() == pytest.approx(y.mean(), abs=1e-3)


def test_auto_takes_what_it_needs_and_no_more(overconfident):
    p, y, truth = overconfident
    model = tc.Calibration().fit(p, y)
    assert model.method_ == "sigmoid"
    table = model.cross_validation_
    assert list(table["method"]) == list(METHODS)
    assert table["gain"][0] == 0
    assert table["gain"][1] > table["standard_error"][1]
    assert tc.Calibration().fit(truth, y).method_ == "none"
    steps = np.where(truth < 0.2, 0.2 * truth, truth)
    bent = np.where(np.random.default_rng(2).random(4_000) < 0.5, steps, steps)
    assert tc.Calibration().fit(np.round(bent, 3), y).method_ in {"beta", "isotonic"}


def test_auto_rarely_calibrates_what_is_calibrated():
    chosen = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.beta(1, 4, 400)
        chosen.append(tc.Calibration().fit(p, rng.random(400) < p).method_)
    assert chosen.count("none") >= 30


def test_auto_with_too_few_events_leaves_predictions_alone():
    y = np.arange(100) == 7
    p = np.linspace(0.01, 0.3, 100)
    model = tc.Calibration().fit(p, y)
    assert model.method_ == "none"
    assert model.cross_validation_ is None
    assert "too few events" in model.how_it_ended_
    np.testing.assert_array_equal(model.predict(p), p)


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_row_order_and_threads_change_nothing(method, overconfident):
    p, y, _ = overconfident
    p = p.round(2)
    group = np.arange(4_000) // 3
    order = np.random.default_rng(3).permutation(4_000)
    grid = np.linspace(0, 1, 101)
    first = tc.Calibration(method, n_jobs=1).fit(p, y, groups=group)
    second = tc.Calibration(method, n_jobs=3).fit(p[order], y[order], groups=group[order])
    assert first.method_ == second.method_
    np.testing.assert_array_equal(first.predict(grid), second.predict(grid))


@pytest.mark.parametrize("method", METHODS[1:])
def test_whole_weights_are_repetitions(method, overconfident):
    p, y, _ = (some[:500] for some in overconfident)
    times = np.arange(500) % 3
    grid = np.linspace(0.05, 0.6, 20)
    weighted = tc.Calibration(method).fit(p, y, times).predict(grid)
    repeated = tc.Calibration(method).fit(np.repeat(p, times), np.repeat(y, times)).predict(grid)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-7)


def test_shift_undoes_sampling_by_outcome(overconfident):
    p, y, _ = overconfident
    rng = np.random.default_rng(4)
    kept = y | (rng.random(4_000) < 0.2)
    shifted = tc.Calibration("sigmoid", shift=y.mean()).fit(p[kept], y[kept])
    plain = tc.Calibration("sigmoid").fit(p, y)
    assert np.abs(shifted.predict(p) - plain.predict(p)).mean() < 0.01
    assert shifted.event_rate_ == pytest.approx(y[kept].mean())
    assert "event rate" in repr(shifted)


def test_isotonic_blocks_and_steps(overconfident):
    p, y, _ = overconfident
    model = tc.Calibration("isotonic").fit(p, y)
    blocks = model.blocks_
    assert (np.diff(blocks["probability"]) > 0).all()
    jumps = tc.Calibration("isotonic", interpolate=False).fit(p, y)
    between = (blocks["highest"][0] + blocks["lowest"][1]) / 2
    got = jumps.predict([between - 1e-9, between + 1e-9])
    np.testing.assert_allclose(got, blocks["probability"][:2])
    assert tc.Calibration("sigmoid").fit(p, y).blocks_ is None


def test_useless_and_perfect_predictions_are_named():
    y = np.tile([0, 1], 100)
    reversed_ = np.tile([0.8, 0.2], 100) + np.linspace(0, 0.1, 200)
    for method in ("sigmoid", "beta"):
        with pytest.warns(tc.ConvergenceWarning, match="do not mean more events"):
            model = tc.Calibration(method).fit(reversed_, y)
        np.testing.assert_allclose(model.predict([0.1, 0.9]), 0.5)
        with pytest.warns(tc.ConvergenceWarning, match="without a mistake"):
            tc.Calibration(method).fit(np.tile([0.2, 0.8], 100), y)
    with pytest.warns(tc.ConvergenceWarning, match="predictions are equal"):
        model = tc.Calibration("sigmoid").fit(np.full(200, 0.3), y)
    np.testing.assert_allclose(model.predict([0.3]), 0.5)


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_saved_and_loaded_bit_for_bit(method, overconfident, tmp_path):
    p, y, _ = overconfident
    model = tc.Calibration(method, shift=0.05, random_state=3).fit(p, y)
    model.save(tmp_path / "calibration.json")
    loaded = tc.load(tmp_path / "calibration.json")
    assert loaded.get_params() == model.get_params()
    assert loaded.params_ == model.params_
    for other in (loaded, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(p), model.predict(p))
        assert other.method_ == model.method_


def test_a_damaged_file_is_refused(overconfident, tmp_path):
    p, y, _ = overconfident
    path = tmp_path / "calibration.json"
    tc.Calibration("isotonic").fit(p, y).save(path)
    content = json.loads(path.read_text())
    content["fitted"]["map"]["value"].reverse()
    path.write_text(json.dumps(content))
    with pytest.raises(tc.ModelFileError, match="not in order"):
        tc.load(path)
    content["fitted"]["event_rate"] = 2.0
    path.write_text(json.dumps(content))
    with pytest.raises(tc.ModelFileError, match="event rate"):
        tc.load(path)


def test_scikit_learns_manners(overconfident):
    p, y, _ = overconfident
    model = tc.Calibration("beta", folds=4)
    assert repr(clone(model)) == "Calibration(method='beta', folds=4)"
    assert repr(model.fit(p, y)).startswith("Calibration(method='beta', folds=4)")
    assert "<table>" in model._repr_html_()
    with pytest.raises(tc.NotFittedError, match=r"call fit\(p, y\) first"):
        tc.Calibration().predict(p)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "platt"),
        ("shift", 0.0),
        ("shift", 1.0),
        ("shift", "2%"),
        ("folds", 1),
        ("max_iterations", 0),
        ("random_state", -1),
        ("interpolate", 1),
    ],
)
def test_bad_settings_are_named(name, value, overconfident):
    p, y, _ = overconfident
    with pytest.raises(tc.ParameterError) as refused:
        tc.Calibration(**{name: value}).fit(p, y)
    assert refused.value.parameter == name


def test_bad_predictions_are_named(overconfident):
    p, y, _ = overconfident
    model = tc.Calibration("sigmoid").fit(p, y)
    with pytest.raises(tc.DataError, match="column 'p', row 1: is 7"):
        model.predict([0.5, 7.0])
    with pytest.raises(tc.DataError, match="column 'p', row 0: is NaN"):
        model.predict(np.array([np.nan, 0.5]))
