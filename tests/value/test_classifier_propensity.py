"""Other libraries' classifiers as propensities: encoded, calibrated, explained."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import tercet as tc
from tercet.value.propensity._encoding import Column

TREES = HistGradientBoostingClassifier(max_iter=25, max_depth=3, early_stopping=False)


def customers(n=1_500, seed=1):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            'months "in"': rng.integers(0, 72, n).astype(float),
            "plan": rng.choice(["basic", "plus", "pro"], n).astype(object),
            "z": rng.normal(size=n),
        }
    )
    odds = X["z"] + 1.5 * (X["plan"] == "basic") - X['months "in"'] / 20
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no")
    X.loc[rng.random(n) < 0.1, "z"] = np.nan
    X.loc[rng.random(n) < 0.05, "plan"] = None
    return X, y


X, Y = customers()
NEW, TRUTH = customers(1_500, seed=2)


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other cost more than they bring here."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def model():
    with threadpool_limits(1):
        return tc.ClassifierPropensity(TREES).fit(X, Y)


CATEGORIES = make_column_selector(dtype_include="category")
ESTIMATORS = [
    TREES,
    RandomForestClassifier(30, min_samples_leaf=10, random_state=0),
    LogisticRegression(max_iter=1_000),
    make_pipeline(
        make_column_transformer(
            (
                OneHotEncoder(handle_unknown="ignore"),
                make_column_selector(dtype_include="category"),
            ),
            (StandardScaler(), ['months "in"']),
        ),
        LogisticRegression(),
    ),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_any_classifier_takes_the_same_tables(estimator):
    model = tc.ClassifierPropensity(estimator).fit(X, Y)
    assert model.classes_.tolist() == ["no", "yes"]
    p = model.predict_proba(NEW)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert tc.score_probabilities(TRUTH == "yes", p[:, 1])["auc"] > 0.68
    assert tc.reliability(TRUTH == "yes", p[:, 1]).calibration_error < 0.06
    assert model.out_of_fold_.shape == (len(X), 2)
    assert model.calibration_.calibration_error_after < 0.05
    turned = NEW[NEW.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(model.predict_proba(turned), p)
    assert set(model.predict(NEW)) <= {"yes", "no"}
    # It was copied, not fitted.
    assert not hasattr(estimator, "classes_")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_contributions_add_up_exactly(estimator):
    model = tc.ClassifierPropensity(estimator, calibration="none").fit(X, Y)
    found = model.contributions(NEW.iloc[:40])
    p = model.predict_proba(NEW.iloc[:40])[:, 1]
    np.testing.assert_allclose(found.sum(axis=1), np.log(p) - np.log1p(-p), atol=1e-9)
    assert found["baseline"].nunique() == 1


def test_sampled_values_are_those_of_a_linear_model():
    """Of a linear model they are known: slope times the distance from the background's mean."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(800, 3))
    y = rng.random(800) < 1 / (1 + np.exp(-x @ [1.0, -2.0, 0.0]))
    model = tc.ClassifierPropensity(LogisticRegression(), calibration="none").fit(x, y)
    found = model.contributions(x[:50]).drop(columns="baseline").to_numpy()
    mean = model._require().background.mean(axis=0)
    want = (x[:50] - mean) * model.estimator_.coef_[0]
    np.testing.assert_allclose(found, want, atol=1e-9)


def test_reasons(model):
    found = model.reasons(NEW.iloc[:30].assign(who=range(30)), top=2, customer="who")
    assert list(found.columns)[:3] == ["who", "rank", "feature"]
    shares = model.contributions(NEW.iloc[:30]).drop(columns="baseline")
    first = found[found["rank"] == 1].set_index("who")
    want = shares.abs().idxmax(axis=1).loc[first.index]
    assert (first["feature"] == want).all()
    assert first["sentence"].str.contains("percentage points").all()
    with pytest.raises(tc.ParameterError, match="top = 0"):
        model.reasons(NEW, top=0)


def test_what_the_classifier_is_handed(model):
    class Spy(LogisticRegression):
        def fit(self, X, y):
            type(self).seen = X
            return super().fit(X, y)

    tc.ClassifierPropensity(Spy(), calibration="none").fit(X, Y)
    matrix = Spy.seen
    # months; three levels and the gaps of plan; z with its median, and where it was missing.
    assert matrix.shape == (len(X), 1 + 4 + 2)
    assert not np.isnan(matrix).any()
    gaps = X["z"].isna().to_numpy()
    np.testing.assert_array_equal(matrix[:, 6], gaps.astype(float))
    assert set(matrix[gaps, 5]) == {X["z"].median()}
    np.testing.assert_array_equal(matrix[:, 4], X["plan"].isna().astype(float))
    frame = model._require().coding.encoded(model._coded(NEW))
    assert list(frame.columns) == ["x0", "x1", "x2"]  # names may hold what LightGBM refuses
    assert frame["x1"].dtype == "category"
    assert frame["x1"].isna().tolist() == NEW["plan"].isna().tolist()


def test_rare_and_new_levels():
    codes = np.array([0] * 30 + [1] * 25 + [2] * 3 + [65_535] * 2, dtype=np.uint16)
    column = Column.learn(("c", codes, ["a", "b", "rare"]), 20)
    assert column.levels == ("a", "b", "(other)")
    new = np.array([0, 1, 2, 65_535], dtype=np.uint16)
    np.testing.assert_array_equal(
        column.coded(("c", new, ["rare", "new", "b"])), [2, np.nan, 1, np.nan]
    )


def test_customers_stay_in_one_fold():
    who = np.repeat(np.arange(500), 3)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(500, 2))[who]  # the same features in each customer's rows
    y = (rng.random(500) < 0.3)[who]  # and an outcome that they do not tell
    nearest = KNeighborsClassifier(1)
    apart = tc.ClassifierPropensity(nearest).fit(x, y, groups=who)
    mixed = tc.ClassifierPropensity(nearest).fit(x, y)
    scores = [tc.score_probabilities(y, one.out_of_fold_[:, 1])["auc"] for one in (apart, mixed)]
    assert scores[0] < 0.6 < 0.9 < scores[1]


def test_calibration_mends_what_is_too_extreme():
    rng = np.random.default_rng(6)
    base = rng.normal(size=4_000)
    x = base[:, None] + 0.3 * rng.normal(size=(4_000, 6))  # six times the same news
    y = rng.random(4_000) < 1 / (1 + np.exp(-base))
    model = tc.ClassifierPropensity(GaussianNB()).fit(x[:3_000], y[:3_000])
    told = model.calibration_
    assert told.method != "none"
    assert told.calibration_error_after < 0.5 * told.calibration_error_before
    after = tc.reliability(y[3_000:], model.predict_proba(x[3_000:])[:, 1])
    raw = tc.ClassifierPropensity(GaussianNB(), calibration="none").fit(x[:3_000], y[:3_000])
    before = tc.reliability(y[3_000:], raw.predict_proba(x[3_000:])[:, 1])
    assert after.calibration_error < 0.5 * before.calibration_error


def test_several_classes():
    y = np.where(X["z"] > 0.5, "high", np.where(X["z"] < -0.5, "low", "middle"))
    model = tc.ClassifierPropensity(TREES).fit(X, y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (model.predict(X) == y).mean() > 0.9
    with pytest.raises(tc.ParameterError, match="two classes"):
        model.reasons(X)


def test_sklearn_manners(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(
            tc.ClassifierPropensity(LogisticRegression()), on_fail=None, on_skip=None
        )
    failed = [one["check_name"] for one in found if one["status"] == "failed"]
    assert not failed
    assert len(found) > 40
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(NEW), model.predict_proba(NEW))
    assert repr(again) == repr(model)
    fresh = clone(model)
    assert fresh.get_params()["estimator__max_depth"] == 3
    search = GridSearchCV(
        tc.ClassifierPropensity(TREES, calibration="none"),
        {"estimator__max_depth": [1, 3]},
        cv=2,
        scoring="neg_log_loss",
    ).fit(X, Y)
    assert search.best_params_["estimator__max_depth"] in (1, 3)
    assert list(model.feature_names_in_) == list(X.columns)
    assert model.importance_["feature"].tolist()[0] in X.columns
    with pytest.raises(tc.ParameterError, match=r"no effects.*importance_"):
        model.summary()


@pytest.mark.parametrize("estimator", [TREES, LogisticRegression()])
def test_a_column_without_values_has_no_effect(estimator):
    model = tc.ClassifierPropensity(estimator, calibration="none").fit(X, Y)
    with pytest.warns(UserWarning, match="column 'nothing': is missing in every row"):
        other = tc.ClassifierPropensity(estimator, calibration="none").fit(
            X.assign(nothing=np.nan), Y
        )
    found = other.predict_proba(X.assign(nothing=np.arange(len(X)) * 1.0))
    np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-5)
    assert other.importance_.set_index("feature").loc["nothing", "spread"] == 0.0


@pytest.mark.parametrize("estimator", [TREES, LogisticRegression()])
def test_infinite_numbers_are_refused(estimator):
    numbers = X.select_dtypes("number").columns
    broken = X.copy()
    broken[numbers[0]] = broken[numbers[0]].astype(float)
    broken.loc[broken.index[7], numbers[0]] = np.inf
    words = rf"column '{numbers[0]}', row 7: is infinite; give a number, or leave it missing"
    with pytest.raises(tc.DataError, match=words) as caught:
        tc.ClassifierPropensity(estimator).fit(broken, Y)
    assert (caught.value.column, caught.value.row) == (numbers[0], 7)
    model = tc.ClassifierPropensity(estimator, calibration="none").fit(X, Y)
    with pytest.raises(tc.DataError, match=words):
        model.predict_proba(broken)


def test_gaps_that_a_pipeline_does_not_read_are_named():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    x = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0) % 7})
    y = np.arange(100) % 3 == 0
    model = tc.ClassifierPropensity(pipeline).fit(x, y)
    x.loc[41, "b"] = np.nan
    for call in (lambda: tc.ClassifierPropensity(pipeline).fit(x, y), lambda: model.predict(x)):
        with pytest.raises(tc.DataError, match=r"'b', row 41: is missing.*SimpleImputer"):
            call()


def test_what_is_refused_in_words(model, tmp_path):
    with pytest.raises(tc.ParameterError, match=r"no standard errors.*Propensity has them"):
        model.predict_interval(NEW)
    with pytest.raises(tc.ParameterError, match="use pickle or joblib"):
        model.save(tmp_path / "m.json")
    for given in (LinearSVC(), RandomForestClassifier, "trees"):
        with pytest.raises(tc.ParameterError, match="fit and predict_proba"):
            tc.ClassifierPropensity(given).fit(X, Y)
    with pytest.raises(tc.ParameterError, match="background = 5"):
        tc.ClassifierPropensity(TREES, background=5).fit(X, Y)
    with pytest.raises(tc.ParameterError, match="takes no weights"):
        tc.ClassifierPropensity(KNeighborsClassifier()).fit(
            X[['months "in"']], Y, sample_weight=np.ones(len(X))
        )
    with pytest.raises(tc.DataError, match="one class"):
        tc.ClassifierPropensity(TREES).fit(X, np.repeat("yes", len(X)))
    with pytest.raises(tc.DataError, match="'plan': is missing"):
        model.predict_proba(NEW.drop(columns="plan"))
    with pytest.raises(tc.NotFittedError):
        tc.ClassifierPropensity(TREES).predict_proba(X)


def test_models_of_customers_take_it(tmp_path):
    log = tc.datasets.simulate_purchases(900, seed=1).transactions
    snapshots = tc.Snapshots(
        as_of=["2024-07-01", "2024-10-01", "2025-01-01"], observation="180d", outcome="90d"
    )
    model = tc.ChurnModel(active_within="180d", estimator=TREES, anyway=True).fit(
        snapshots, purchases=log
    )
    found = model.score(as_of="2025-06-29", purchases=log, reasons=1)
    assert "churn_probability_lower" not in found
    assert found["reason_1"].str.contains("percentage points").any()
    assert model.report_card_["auc"] > 0.6
    assert isinstance(model.models_["inactive"], tc.ClassifierPropensity)
    with pytest.raises(tc.ParameterError, match="no standard errors"):
        model.score(as_of="2025-06-29", purchases=log, level=0.9)
    with pytest.raises(tc.ParameterError, match="use pickle or joblib"):
        model.save(tmp_path / "m.json")
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.score(as_of="2025-06-29", purchases=log, reasons=1), found)


def test_products_by_trees_agree_too():
    company = tc.datasets.simulate_subscriptions(900, seed=1)
    snapshots = tc.Snapshots(
        as_of=["2024-04-01", "2024-07-01", "2024-10-01"], observation="90d", outcome="90d"
    )
    model = tc.PurchaseModel(["seats", "storage"], estimator=TREES, anyway=True).fit(
        snapshots, purchases=company.purchases
    )
    found = model.score(as_of="2025-01-01", purchases=company.purchases)
    each = found[["purchase_probability_seats", "purchase_probability_storage"]].to_numpy()
    total = found["purchase_probability"].to_numpy()
    assert (total >= each.max(axis=1)).all()
    assert (total <= each.sum(axis=1) + 1e-12).all()


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_trees_that_tell_contributions_themselves(library):
    module = pytest.importorskip(library)
    if library == "lightgbm":
        estimator = module.LGBMClassifier(n_estimators=25, n_jobs=1, verbose=-1)
    else:
        estimator = module.XGBClassifier(n_estimators=25, n_jobs=1, enable_categorical=True)
    model = tc.ClassifierPropensity(estimator, calibration="none").fit(X, Y)
    found = model.contributions(NEW.iloc[:60])
    p = model.predict_proba(NEW.iloc[:60])[:, 1]
    np.testing.assert_allclose(found.sum(axis=1), np.log(p) - np.log1p(-p), atol=1e-5)
    assert found.drop(columns="baseline").std().gt(0).all()
