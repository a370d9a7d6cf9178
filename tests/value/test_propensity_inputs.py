"""Propensities take tables of every kind, arrays as they lie, and any two labels."""

from __future__ import annotations

import pickle
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc
from tercet.value.propensity._customers import read_customers

RNG = np.random.default_rng(11)
N = 600
COLUMNS = {
    "tenure": RNG.integers(0, 60, N).astype(np.float64),
    "visits": RNG.poisson(3, N),
    "plan": RNG.choice(["basic", "pro"], N),
}
ODDS = 1.0 - COLUMNS["tenure"] / 15 + (COLUMNS["plan"] == "basic")
Y = RNG.random(N) < 1 / (1 + np.exp(-ODDS))
NUMBERS = np.column_stack([COLUMNS["tenure"], COLUMNS["visits"].astype(float)])


@pytest.fixture(scope="module")
def fitted() -> tc.Propensity:
    return tc.Propensity().fit(COLUMNS, Y)


def test_every_kind_of_table(fitted, kind, table, native, lists):
    frame = table(COLUMNS, kind)
    if kind in ("polars lazy", "duckdb", "mapping"):
        model = tc.Propensity().fit(frame, Y)
    else:
        model = tc.Propensity().fit(frame, pd.Series(Y, index=getattr(frame, "index", None)))
    np.testing.assert_array_equal(model.predict_proba(frame), fitted.predict_proba(COLUMNS))
    assert model.feature_names_in_.tolist() == ["tenure", "visits", "plan"]
    assert model.n_features_in_ == 3
    shares = model.contributions(frame)
    assert isinstance(shares, native[kind])
    assert list(lists(shares)) == ["baseline", "tenure", "visits", "plan"]
    reasons = model.reasons(frame, top=2, customer="tenure")
    assert isinstance(reasons, native[kind])
    found = lists(reasons)
    assert list(found)[:3] == ["tenure", "rank", "feature"]
    # Features that add next to nothing are no reasons.
    assert 0.9 * N < found["rank"].count(1) <= N
    assert min(np.abs(found["log_odds"])) >= 0.01
    assert set(found["rank"]) == {1, 2}
    as_pandas = tc.Propensity().fit(pd.DataFrame(COLUMNS), Y)
    expected = as_pandas.reasons(pd.DataFrame(COLUMNS), top=2)["sentence"].tolist()
    assert found["sentence"] == expected


def test_columns_go_by_name_and_others_are_passed_over(fitted):
    frame = pd.DataFrame(COLUMNS)
    other = frame[["plan", "visits", "tenure"]].assign(more="not looked at")
    np.testing.assert_array_equal(fitted.predict_proba(other), fitted.predict_proba(frame))


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix_is_read_as_it_lies(order):
    matrix = np.asarray(NUMBERS, order=order)
    assert np.shares_memory(read_customers(matrix).matrix, matrix)
    expected = tc.Propensity().fit(NUMBERS, Y).predict_proba(NUMBERS)
    np.testing.assert_array_equal(tc.Propensity().fit(matrix, Y).predict_proba(matrix), expected)


@pytest.mark.parametrize("kind", ["float32", "int16", "uint8", "bool"])
def test_other_numbers_are_converted(kind):
    matrix = np.round(NUMBERS).clip(0, 1 if kind == "bool" else 100).astype(kind)
    one = tc.Propensity().fit(matrix, Y).predict_proba(matrix)
    other = tc.Propensity().fit(matrix.astype(float), Y).predict_proba(matrix.astype(float))
    np.testing.assert_array_equal(one, other)


def test_strided_and_read_only_arrays_lists_and_objects():
    expected = tc.Propensity().fit(NUMBERS, Y).predict_proba(NUMBERS)
    wide = np.repeat(NUMBERS, 2, axis=1)[:, ::2]
    frozen = NUMBERS.copy()
    frozen.flags.writeable = False
    for X in (wide, NUMBERS[::-1][::-1], frozen, NUMBERS.tolist(), NUMBERS.astype(object)):
        np.testing.assert_allclose(tc.Propensity().fit(X, Y).predict_proba(X), expected)


def test_an_array_of_texts_and_numbers_has_levels_too(fitted):
    mixed = np.column_stack([COLUMNS["tenure"], COLUMNS["visits"], COLUMNS["plan"]]).astype(object)
    for place in (0, 1):
        mixed[:, place] = mixed[:, place].astype(float)
    model = tc.Propensity().fit(mixed, Y)
    np.testing.assert_allclose(model.predict_proba(mixed), fitted.predict_proba(COLUMNS))
    assert not hasattr(model, "feature_names_in_")
    assert model.reasons(mixed, top=1)["feature"].iloc[0] in ("x0", "x1", "x2")


def test_arrays_and_tables_may_be_mixed_with_a_warning(fitted):
    frame = pd.DataFrame(NUMBERS, columns=["tenure", "visits"])
    by_name, by_place = tc.Propensity().fit(frame, Y), tc.Propensity().fit(NUMBERS, Y)
    with pytest.warns(UserWarning, match="fitted with them"):
        one = by_name.predict_proba(NUMBERS)
    with pytest.warns(UserWarning, match="fitted without them"):
        other = by_place.predict_proba(frame)
    np.testing.assert_array_equal(one, other)
    unnamed = pd.DataFrame(NUMBERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(by_place.predict_proba(unnamed), one)
        tc.Propensity().fit(unnamed, Y).predict_proba(NUMBERS)


LABELS = {
    "text": np.where(Y, "yes", "no"),
    "signs": np.where(Y, 1, -1),
    "floats": np.where(Y, 2.0, 1.0),
    "bytes": Y.astype(np.uint8),
    "objects": np.where(Y, "yes", "no").astype(object),
    "list": np.where(Y, "yes", "no").tolist(),
    "category": pd.Series(np.where(Y, "yes", "no"), dtype="category"),
    "string": pd.Series(np.where(Y, "yes", "no"), dtype="string"),
    "boolean": pd.Series(Y, dtype="boolean"),
    "polars text": pl.Series(np.where(Y, "yes", "no").tolist()),
    "polars": pl.Series(Y),
    "arrow": pa.array(np.where(Y, "yes", "no")),
    "chunks": pa.chunked_array([pa.array(Y[:100]), pa.array(Y[100:])]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_any_two_labels(fitted, labels):
    model = tc.Propensity().fit(COLUMNS, labels)
    np.testing.assert_array_equal(model.predict_proba(COLUMNS), fitted.predict_proba(COLUMNS))
    assert model.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
    assert set(model.predict(COLUMNS).tolist()) <= set(model.classes_.tolist())
    same = pickle.loads(pickle.dumps(model))
    assert same.classes_.dtype == model.classes_.dtype
    assert same.classes_.tolist() == model.classes_.tolist()


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, duckdb.from_arrow], ids=["pandas", "polars", "duckdb"]
)
def test_columns_may_be_named_instead(make):
    rows = {
        **COLUMNS,
        "left": np.where(Y, "yes", "no"),
        "weight": RNG.integers(1, 4, N).astype(float),
        "known": RNG.normal(size=N) / 10,
        "who": np.repeat(np.arange(N // 2), 2),
    }
    frame = pa.table(rows) if make is duckdb.from_arrow else rows
    model = tc.Propensity(standard_errors="cluster").fit(
        make(frame), "left", sample_weight="weight", offset="known", groups="who"
    )
    assert model.feature_names_in_.tolist() == ["tenure", "visits", "plan"]
    by_arrays = tc.Propensity(standard_errors="cluster").fit(
        COLUMNS, rows["left"], rows["weight"], rows["known"], rows["who"]
    )
    assert model.standard_errors_ == by_arrays.standard_errors_


def test_numbers_that_are_text_are_warned_of():
    charges = RNG.gamma(4, 15, N).round(2).astype(str)
    charges[3] = " "
    frame = pd.DataFrame({**COLUMNS, "charges": charges})
    with pytest.warns(UserWarning, match="'charges' is text, and .* read as numbers"):
        tc.Propensity().fit(frame, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tc.Propensity(ordered=["charges"]).fit(frame, Y)
        tc.Propensity().fit(
            pd.DataFrame({**COLUMNS, "store": RNG.integers(0, 9, N).astype(str)}), Y
        )


def test_missing_values_and_unseen_levels(fitted):
    new = {"tenure": [None, 5.0, 1e9], "visits": [1, 2, None], "plan": ["pro", None, "new"]}
    found = fitted.predict_proba(new)
    assert np.isfinite(found).all()
    far = fitted.predict_proba({"tenure": [59, 1e9], "visits": [1, 1], "plan": ["pro", "pro"]})
    np.testing.assert_allclose(far[0], far[1], atol=1e-12)


def test_one_customer_is_scored_as_among_many(fitted):
    frame = pd.DataFrame(COLUMNS)
    alone = np.vstack([fitted.predict_proba(frame.iloc[[row]]) for row in range(20)])
    np.testing.assert_array_equal(alone, fitted.predict_proba(frame)[:20])


def test_snapshots_are_taken_as_they_are():
    shop = tc.datasets.simulate_purchases(800, seed=1)
    snapshots = tc.Snapshots(as_of=["2024-05-01", "2024-09-01"], observation="120d", outcome="90d")
    table = snapshots.purchases(purchases=shop.transactions)
    model = tc.Propensity(standard_errors="cluster").fit(table.X, table.y, groups=table.groups)
    found = model.out_of_fold_[:, 1]
    assert tc.score_probabilities(table.y, found, replications=0)["auc"] > 0.6
