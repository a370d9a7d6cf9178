"""Propensities: calibration by rows left out, and what it says of extremes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import tercet as tc


def test_calibration_mends_what_the_shape_of_the_model_spoils():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, 1))
    truth = np.where(x[:, 0] > 1, 0.6, 0.05)
    y = rng.random(20_000) < truth
    fixed = {"features": "linear", "random_state": 1}
    raw = tc.Propensity(calibration="none", **fixed).fit(x, y)
    assert raw.calibration_ is None
    assert raw.out_of_fold_ is None
    model = tc.Propensity(**fixed).fit(x, y)
    found = model.calibration_
    assert found.method == "isotonic"
    assert found.calibration_error_after < 0.3 * found.calibration_error_before
    assert found.before.calibration_error == found.calibration_error_before
    assert "calibration error" in found.text()
    assert "isotonic" in repr(found)
    new = rng.normal(size=(20_000, 1))
    real = np.where(new[:, 0] > 1, 0.6, 0.05)
    off = [np.abs(one.predict_proba(new)[:, 1] - real).mean() for one in (raw, model)]
    assert off[1] < 0.5 * off[0]
    ends, p = model.predict_interval(new), model.predict_proba(new)[:, 1]
    assert (ends[:, 0] <= p).all()
    assert (p <= ends[:, 1]).all()
    odds = model.decision_function(new)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), p, rtol=1e-9)
    # Left out of the map as well: not what the map makes of its own rows.
    own = tc.reliability(y, model.out_of_fold_[:, 1])
    assert own.calibration_error == pytest.approx(found.calibration_error_after)


def test_rows_left_out_had_no_say_in_the_strengths():
    # Sixty features that say nothing: predictions of rows left out must not look as if they did.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1_000, 60)), rng.random(1_000) < 0.2
    model = tc.Propensity(features="linear").fit(x, y)
    assert roc_auc_score(y, model.out_of_fold_[:, 1]) < 0.55


def test_probabilities_that_are_too_extreme_are_told_with_what_mends_them():
    def drawn(n, seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 60))
        odds = -1.3 + 0.4 * x[:, :3].sum(axis=1)
        return x, rng.random(n) < 1 / (1 + np.exp(-odds))

    # One strength for straight lines and bends alike is too weak for the bends.
    x, y = drawn(1_000, 102)
    new, happened = drawn(10_000, 901)
    model = tc.Propensity(strength="cv").fit(x, y)
    calibration = model.calibration_
    slope, error = calibration.slope_after
    assert calibration.slope_after == calibration.after.slope == calibration.slope_before
    assert abs(calibration.intercept_after[0]) < 2 * calibration.intercept_after[1]
    # What rows left out say is what new rows find.
    found = tc.reliability(happened, model.predict_proba(new)[:, 1])
    assert found.slope[0] < 0.75
    assert abs(slope - found.slope[0]) < 2 * (error + found.slope[1])
    words = f'too extreme: slope {slope:.2f}, where 1 is right; calibration="sigmoid" draws'
    assert words in calibration.text()
    assert "too extreme" in " ".join(repr(model).split())
    mended = tc.Propensity(strength="cv", calibration="sigmoid").fit(x, y)
    assert "too extreme" not in mended.calibration_.text()
    after = mended.predict_proba(new)[:, 1]
    assert tc.reliability(happened, after).slope[0] > 0.85
    losses = [
        tc.score_probabilities(happened, p, replications=0)["log_loss"]
        for p in (model.predict_proba(new)[:, 1], after)
    ]
    assert losses[1] < losses[0]


def test_slopes_of_several_classes_are_by_label():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(1_500, 2))
    y = rng.choice(["a", "b", "c"], 1_500)
    calibration = tc.Propensity(features="linear").fit(x, y).calibration_
    assert set(calibration.slope_after) == {"a", "b", "c"}
    assert set(calibration.intercept_before) == {"a", "b", "c"}
    copy = pickle.loads(pickle.dumps(tc.Propensity(features="linear").fit(x, y))).calibration_
    assert copy.slope_after == calibration.slope_after
    assert copy.text() == calibration.text()


def test_groups_share_a_fold():
    rng = np.random.default_rng(3)
    customer = np.repeat(np.arange(400), 4)
    taste = rng.normal(size=400)[customer]
    x = np.round(np.column_stack([customer * 1.0, rng.normal(size=1_600)]), 3)
    y = rng.random(1_600) < 1 / (1 + np.exp(-3 * taste))
    model = tc.Propensity(features="bins", bins=400, strength=0.01)
    alone = model.fit(x, y).out_of_fold_[:, 1]
    together = model.fit(x, y, groups=customer).out_of_fold_[:, 1]
    auc = [tc.score_probabilities(y, p, replications=0)["auc"] for p in (alone, together)]
    assert auc[0] > 0.7
    assert auc[1] < 0.6  # who is known helps only where other rows of theirs are in the fit
