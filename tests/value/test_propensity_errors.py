"""What a propensity refuses, with column and row, and what to do about it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tercet as tc

N = 200
RNG = np.random.default_rng(7)
FRAME = pd.DataFrame(
    {
        "tenure": RNG.integers(0, 60, N).astype(float),
        "plan": RNG.choice(["basic", "pro"], N),
    }
)
Y = RNG.random(N) < 0.4
FITTED = tc.Propensity().fit(FRAME, Y)


def refused(match, call, *, column=None, row=None):
    with pytest.raises(tc.DataError, match=match) as caught:
        call()
    assert caught.value.column == column
    assert caught.value.row == row


def fit(X=FRAME, y=Y, **more):
    return lambda: tc.Propensity().fit(X, y, **more)


def changed(values, place, value):
    found = np.array(values, dtype=object if isinstance(value, str | None) else None)
    found[place] = value
    return found


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (np.ones(N), r"only one class \(1.0\)"),
        (np.zeros(N, dtype=bool), r"only one class \(False\)"),
        (["no"] * N, r"only one class \('no'\)"),
    ],
)
def test_one_class_only(y, match):
    refused(match, fit(y=y), column="y")


def test_one_class_only_where_rows_weigh():
    refused("only one class", fit(sample_weight=Y.astype(float)), column="y")


def test_labels_that_are_missing_or_measured():
    labels = np.where(Y, 1.0, 0.0)
    refused("is missing", fit(y=changed(labels, 3, np.nan)), column="y", row=3)
    refused("is missing", fit(y=changed(np.where(Y, "a", "b"), 5, None)), column="y", row=5)
    refused("continuous", fit(y=changed(labels, 7, 0.25)), column="y", row=7)
    refused("continuous", fit(y=changed(labels, 7, np.inf)), column="y", row=7)
    refused("mix types", fit(y=changed(Y, 0, "yes")), column="y")
    refused("y to be passed", fit(y=None))
    refused("1d array", fit(y=np.column_stack([Y, Y])), column="y")
    refused("Unknown label type", fit(y=np.full(N, "2024-01-01", "datetime64[D]")), column="y")


def test_infinite_numbers():
    broken = FRAME.assign(tenure=changed(FRAME["tenure"], 9, np.inf))
    refused("inf", fit(broken), column="tenure", row=9)
    refused("inf", lambda: FITTED.predict_proba(broken), column="tenure", row=9)
    matrix = FRAME[["tenure"]].to_numpy().copy()
    matrix[4, 0] = -np.inf
    refused("inf", fit(matrix), column="x0", row=4)


def test_texts_where_numbers_belong():
    texts = FRAME.assign(tenure=FRAME["tenure"].astype(str))
    refused("fitted with numbers", lambda: FITTED.predict(texts), column="tenure", row=0)
    with_gap = texts.assign(tenure=changed(texts["tenure"], 0, None))
    refused("fitted with numbers", lambda: FITTED.predict(with_gap), column="tenure", row=1)
    mixed = FRAME.assign(tenure=changed(FRAME["tenure"].astype(object), 6, "long"))
    refused("mixes types", lambda: FITTED.predict(mixed), column="tenure", row=6)
    dates = FRAME.assign(tenure=pd.Timestamp("2024-01-01"))
    refused("fitted with numbers", lambda: FITTED.predict(dates), column="tenure", row=0)


def test_levels_that_are_coded_otherwise():
    other = FRAME.assign(plan=np.where(FRAME["plan"] == "pro", 1, 0))
    with pytest.warns(UserWarning, match="column 'plan': .*code the column as in the fit"):
        FITTED.predict(other)


def test_columns_that_are_missing():
    refused("is missing", lambda: FITTED.predict(FRAME[["tenure"]]), column="plan")
    near = FRAME.rename(columns={"tenure": "tenura"})
    refused(r"did you mean 'tenura'", lambda: FITTED.predict(near), column="tenure")
    matrix = FRAME[["tenure"]].to_numpy()
    refused("expecting 2 features", lambda: FITTED.predict(matrix))
    numbers = tc.Propensity().fit(matrix, Y)
    refused("has 2 features", lambda: numbers.predict(np.hstack([matrix, matrix])))


def test_columns_that_cannot_be_features():
    refused("type timestamp", fit(FRAME.assign(day=pd.Timestamp("2024-01-01"))), column="day")
    twice = pd.concat([FRAME, FRAME[["plan"]]], axis=1)
    refused("several columns of one name", fit(twice), column="plan")
    constant = FRAME.assign(tenure=1.0, plan="basic")
    with pytest.raises(tc.DataError, match="no feature tells rows apart"):
        fit(constant)()


def test_weights_offsets_and_groups():
    ones = np.ones(N)
    negative = changed(ones, 2, -1.0)
    refused("negative|-1", fit(sample_weight=negative), column="sample_weight", row=2)
    weights = FRAME.assign(w=negative)
    refused("negative|-1", fit(weights, sample_weight="w"), column="w", row=2)
    unknown = changed(ones, 8, np.nan)
    refused("NaN|missing", fit(sample_weight=unknown), column="sample_weight", row=8)
    refused("zero in every row", fit(sample_weight=0 * ones), column="sample_weight")
    refused("finite", fit(offset=changed(ones, 1, np.inf)), column="offset", row=1)
    refused("is missing", fit(groups=changed(ones, 4, None)), column="groups", row=4)


@pytest.mark.parametrize("name", ["sample_weight", "offset", "groups"])
def test_lengths(name):
    refused("199 values for 200 rows", fit(**{name: np.ones(N - 1)}), column=name)


def test_lengths_of_labels():
    refused("199 labels for 200 rows", fit(y=Y[1:]), column="y")
    with pytest.raises(tc.ParameterError, match="199"):
        FITTED.score(FRAME, Y[1:])


def test_other_indices_are_refused():
    labels = pd.Series(Y, index=np.arange(N) + 5)
    with pytest.raises(tc.ParameterError, match="another index"):
        tc.Propensity().fit(FRAME, labels)


def test_separation_names_the_column():
    perfect = FRAME.assign(cancelled_on=Y.astype(float))
    free = tc.Propensity(features="linear", strength=0.0, calibration="none")
    refused("apart", lambda: free.fit(perfect, Y), column="cancelled_on")
    level = FRAME.assign(status=np.where(Y, "closed", "open"))
    refused("apart", lambda: free.fit(level, Y), column="status = closed")


def test_shapes():
    refused("sparse", fit(sparse.csr_array(np.eye(N))))
    refused("sparse", lambda: FITTED.predict(sparse.csr_matrix(np.eye(3))))
    refused("Reshape your data", fit(np.arange(N)))
    refused("minimum of 1", fit(np.empty((0, 2)), []))
    refused("minimum of 1", fit(np.empty((N, 0))))
    refused("Complex", fit(np.ones((N, 1)) * 1j))
    refused("no rows", fit(FRAME.head(0), []))
    refused("no columns", fit(FRAME[["plan"]], "plan"))


def test_names_of_columns_that_are_not_there():
    with pytest.raises(tc.ParameterError, match="no such column") as caught:
        tc.Propensity().fit(FRAME, "left")
    assert caught.value.parameter == "y"
    with pytest.raises(tc.ParameterError, match="whose columns have no names"):
        tc.Propensity().fit(FRAME[["tenure"]].to_numpy(), Y, sample_weight="weight")


@pytest.mark.parametrize(
    ("settings", "parameter"),
    [
        ({"features": "cubic"}, "features"),
        ({"penalty": "l1"}, "penalty"),
        ({"l1_ratio": 2.0, "penalty": "elastic_net"}, "l1_ratio"),
        ({"strength": "strong"}, "strength"),
        ({"strength": -1.0}, "strength"),
        ({"strength": None}, "strength"),
        ({"solver": "lbfgs"}, "solver"),
        ({"solver": "linfa"}, "solver"),
        ({"calibration": "platt"}, "calibration"),
        ({"intervals": 0}, "intervals"),
        ({"intervals": 2.5}, "intervals"),
        ({"features": "bins", "bins": 1}, "bins"),
        ({"ordered": "plan"}, "ordered"),
        ({"ordered": ["no"]}, "ordered"),
        ({"ordered": ["tenure"]}, "ordered"),
        ({"min_level_count": 0}, "min_level_count"),
        ({"standardize": 1}, "standardize"),
        ({"standard_errors": "hc3"}, "standard_errors"),
        ({"standard_errors": "cluster"}, "standard_errors"),
        ({"folds": 1}, "folds"),
        ({"one_standard_error": None}, "one_standard_error"),
        ({"random_state": -1}, "random_state"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
    ids=str,
)
def test_settings_that_cannot_be(settings, parameter):
    with pytest.raises(tc.ParameterError) as caught:
        tc.Propensity(**settings).fit(FRAME, Y)
    assert caught.value.parameter == parameter


def test_an_ordered_level_that_is_not_listed():
    model = tc.Propensity(ordered={"plan": ["basic"]})
    first = int((FRAME["plan"] == "pro").argmax())
    refused("ordered=", lambda: model.fit(FRAME, Y), column="plan", row=first)


def test_arguments_of_questions():
    for call in (
        lambda: FITTED.predict_interval(FRAME, level=1.5),
        lambda: FITTED.summary(level="high"),
        lambda: FITTED.curve("nothing"),
        lambda: FITTED.curve(3),
        lambda: FITTED.curve("tenure", points=1),
        lambda: FITTED.reasons(FRAME, top=0),
        lambda: FITTED.reasons(FRAME.assign(rank=1), customer="rank"),
    ):
        with pytest.raises(tc.ParameterError):
            call()
    refused(
        "3 ids for 200 rows", lambda: FITTED.reasons(FRAME, customer=[1, 2, 3]), column="customer"
    )
    refused("is missing", lambda: FITTED.reasons(FRAME, customer="who"), column="who")


def test_nothing_is_told_before_the_fit():
    model = tc.Propensity()
    for call in (model.predict, model.predict_proba, model.decision_function, model.reasons):
        with pytest.raises(tc.NotFittedError, match=r"call fit\(X, y\) first"):
            call(FRAME)
    for name in ("classes_", "calibration_", "out_of_fold_", "n_features_in_", "params_"):
        assert not hasattr(model, name)


@pytest.mark.parametrize("name", ["strength", "tolerance", "l1_ratio"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_settings_that_are_no_numbers_are_named(name, value):
    x, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
    with pytest.raises(tc.exceptions.ParameterError, match=f"{name} = (nan|inf)"):
        tc.Propensity(**{name: value}).fit(x, y)


def test_levels_none_of_which_were_seen_are_warned_of_and_scored():
    rng = np.random.default_rng(0)
    plans = {"plan": rng.choice(["a", "b"], 200)}
    model = tc.Propensity().fit(plans, rng.random(200) < 0.3)
    with pytest.warns(UserWarning, match="column 'plan': holds 'w'.*rare levels"):
        many = model.predict_proba({"plan": ["w"] * 50})
    one = model.predict_proba({"plan": ["w"]})
    np.testing.assert_array_equal(many, np.repeat(one, 50, axis=0))
