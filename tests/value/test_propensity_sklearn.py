"""Propensities keep scikit-learn's contract."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import tercet as tc

RNG = np.random.default_rng(3)
N = 500
X = RNG.normal(size=(N, 3))
Y = RNG.random(N) < 1 / (1 + np.exp(1 - 2 * X[:, 0]))
WEIGHTS = RNG.integers(0, 4, N).astype(float)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(plan=RNG.choice(["x", "y"], N))

#: What is not checked, and why.
DIVIDES_ROWS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "several classes have a cross-validated strength: a row of weight 2 is in one fold, two "
        "equal rows may be in two"
    )
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, DIVIDES_ROWS),
        ({"strength": 1.0, "calibration": "none"}, {}),
        ({"strength": 1.0, "calibration": "none", "features": "linear"}, {}),
        ({"strength": 1.0, "calibration": "none", "features": "bins"}, {}),
    ],
    ids=str,
)
def test_check_estimator(settings, expected):
    # check_array_api_input skips itself unless SCIPY_ARRAY_API is set before SciPy is imported.
    found = check_estimator(
        tc.Propensity(**settings), expected_failed_checks=expected, on_fail=None, on_skip=None
    )
    assert len(found) > 50
    other = {one["check_name"]: one for one in found if one["status"] not in ("passed", "skipped")}
    assert {name: one["status"] for name, one in other.items()} == dict.fromkeys(expected, "xfail")
    skipped = {one["check_name"] for one in found if one["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}


def test_it_is_a_classifier():
    assert is_classifier(tc.Propensity())
    with pytest.raises(NotFittedError):
        tc.Propensity().predict(X)
    with pytest.raises(tc.NotFittedError) as caught:
        tc.Propensity().predict(X)
    assert type(pickle.loads(pickle.dumps(caught.value))) is tc.NotFittedError


def test_clones_are_unfitted_and_keep_settings():
    model = tc.Propensity(features="bins", bins=6, ordered=("plan",)).fit(FRAME, Y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "classes_")
    assert clone(copy).set_params(bins=5).bins == 5


def test_pipelines():
    pipeline = make_pipeline(StandardScaler(), tc.Propensity()).fit(X, Y)
    assert pipeline.predict_proba(X).shape == (N, 2)
    tables = make_pipeline(
        FunctionTransformer(lambda frame: frame.assign(d=frame["a"] ** 2)), tc.Propensity()
    )
    tables.fit(FRAME, Y, propensity__sample_weight=WEIGHTS)
    assert tables[-1].feature_names_in_.tolist() == ["a", "b", "c", "plan", "d"]


def test_grid_search_with_tables_and_weights():
    grid = {"features": ["spline", "linear"], "calibration": ["none"]}
    search = GridSearchCV(tc.Propensity(), grid, scoring="neg_log_loss", cv=3)
    search.fit(FRAME, Y, sample_weight=WEIGHTS)
    assert search.best_estimator_.predict_proba(FRAME).shape == (N, 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_cross_validation_with_weights():
    folds = StratifiedKFold(4, shuffle=True, random_state=1)
    model = tc.Propensity(calibration="none")
    found = cross_val_score(
        model, FRAME, Y, cv=folds, scoring="neg_log_loss", params={"sample_weight": WEIGHTS}
    )
    by_hand = []
    for train, test in folds.split(FRAME, Y):
        fitted = clone(model).fit(FRAME.iloc[train], Y[train], sample_weight=WEIGHTS[train])
        by_hand.append(-log_loss(Y[test], fitted.predict_proba(FRAME.iloc[test])))
    np.testing.assert_allclose(found, by_hand)


def test_metadata_is_routed():
    customer = np.repeat(np.arange(N // 2), 2)
    with sklearn.config_context(enable_metadata_routing=True):
        model = tc.Propensity(standard_errors="cluster", calibration="none")
        model.set_fit_request(sample_weight=True, groups="customer")
        model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"features": ["linear"]}, cv=3)
        search.fit(FRAME, Y, sample_weight=WEIGHTS, customer=customer)
        best = search.best_estimator_
        with pytest.raises(ValueError, match="sample_weight"):
            GridSearchCV(tc.Propensity(), {"features": ["linear"]}, cv=3).fit(
                FRAME, Y, sample_weight=WEIGHTS
            )
    direct = clone(best).fit(FRAME, Y, sample_weight=WEIGHTS, groups=customer)
    assert best.standard_errors_ == direct.standard_errors_
    same = pickle.loads(pickle.dumps(model))
    assert repr(same.get_metadata_routing()) == repr(model.get_metadata_routing())


def test_other_tools_take_it():
    p = cross_val_predict(tc.Propensity(), FRAME, Y, cv=3, method="predict_proba")
    assert p.shape == (N, 2)
    wrapped = CalibratedClassifierCV(tc.Propensity(calibration="none"), cv=3).fit(FRAME, Y)
    assert wrapped.predict_proba(FRAME).shape == (N, 2)


def test_column_vectors_are_warned_of():
    with pytest.warns(sklearn.exceptions.DataConversionWarning, match="column-vector"):
        model = tc.Propensity().fit(X, Y[:, None])
    np.testing.assert_array_equal(
        model.predict_proba(X), tc.Propensity().fit(X, Y).predict_proba(X)
    )


def test_scikit_learn_is_not_needed(tmp_path):
    (tmp_path / "sklearn.py").write_text("raise ImportError('not here')")
    code = (
        "import numpy as np, pickle, tercet as tc\n"
        "x = np.random.default_rng(1).normal(size=(300, 2))\n"
        "y = x[:, 0] > np.random.default_rng(2).normal(size=300)\n"
        "try:\n    tc.Propensity().predict(x)\nexcept tc.NotFittedError:\n    pass\n"
        "model = pickle.loads(pickle.dumps(tc.Propensity().fit(x, y)))\n"
        "repr(model), model.score(x, y), model.reasons(x[:3]), model.get_params()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
