"""K-means and Gaussian mixtures: what scikit-learn finds, and what they cannot be given."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture

import tercet as tc

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
KINDS = [tc.KMeansSegments, tc.GaussianMixtureSegments]


@pytest.fixture(scope="module")
def iris() -> pd.DataFrame:
    return pd.DataFrame(load_iris().data, columns=ITEMS)


def test_k_means_is_that_of_scikit_learn(iris):
    z = (iris - iris.mean()) / iris.std(ddof=0)
    theirs = KMeans(3, n_init=20, random_state=1).fit(z)
    ours = tc.KMeansSegments(3, random_state=1).fit(iris, ITEMS)
    assert ours.within_squares_.sum() == pytest.approx(theirs.inertia_, rel=1e-3)
    assert ours.within_squares_.sum() <= theirs.inertia_ * (1 + 1e-9)
    assert ours.explained_ == pytest.approx(1 - ours.within_squares_.sum() / (z**2).sum().sum())
    segments = ours.predict(iris)
    assert np.bincount(segments)[1:].tolist() == sorted(np.bincount(segments)[1:], reverse=True)
    np.testing.assert_allclose(ours.shares_, np.bincount(segments)[1:] / 150)
    centers = ours.centers_
    assert list(centers) == ["segment", *ITEMS]
    by_hand = iris.groupby(segments).mean()
    np.testing.assert_allclose(centers[ITEMS], by_hand[ITEMS])
    members = ours.predict_proba(iris)
    assert set(np.unique(members)) == {0.0, 1.0}
    assert math.isnan(ours.log_likelihood_)
    raw = tc.KMeansSegments(3, standardize=False, random_state=1).fit(iris, ITEMS)
    inertia = KMeans(3, n_init=20, random_state=1).fit(iris).inertia_
    assert raw.within_squares_.sum() == pytest.approx(inertia, rel=1e-3)


def test_the_mixture_is_that_of_scikit_learn(iris):
    theirs = GaussianMixture(3, n_init=20, tol=1e-8, max_iter=5_000, random_state=1).fit(iris)
    ours = tc.GaussianMixtureSegments(3, random_state=1, tolerance=1e-9).fit(iris, ITEMS)
    # -180.1855 by scikit-learn 1.9 with 20 starts
    assert ours.log_likelihood_ == pytest.approx(-180.19, abs=0.05)
    assert ours.log_likelihood_ >= theirs.score(iris) * 150 - 0.05
    assert ours.bic_ == pytest.approx(580.8, abs=0.2)
    assert ours.n_parameters_ == 44
    assert ours.log_likelihood(iris) == pytest.approx(ours.log_likelihood_, abs=1e-6)
    members = ours.predict_proba(iris)
    np.testing.assert_allclose(members.sum(axis=1), 1.0)
    order = np.argsort(-theirs.weights_)
    np.testing.assert_allclose(members, theirs.predict_proba(iris)[:, order], atol=0.02)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_[order], atol=0.01)
    np.testing.assert_allclose(ours.centers_[ITEMS], theirs.means_[order], atol=0.01)


@pytest.mark.parametrize("model", KINDS)
def test_every_kind_of_table(iris, model, kind, table, lists):
    columns = {name: iris[name].to_numpy() for name in ITEMS}
    fitted = model(2, starts=4).fit(table(columns, kind), ITEMS)
    expected = model(2, starts=4).fit(iris, ITEMS)
    np.testing.assert_array_equal(fitted.predict(table(columns, kind)), expected.predict(iris))
    assert lists(fitted.centers_)["segment"] == [1, 2]
    assert fitted.items_ == ITEMS
    assert fitted.classes_.tolist() == [1, 2]
    assert fitted.n_starts_at_best_ >= 1


@pytest.mark.parametrize("model", KINDS)
def test_threads_do_not_change_the_digits(iris, model):
    one, two = (model(3, n_jobs=n, starts=6).fit(iris, ITEMS).params_ for n in (1, 2))
    assert one == two


def test_kinds_of_items():
    frame = pl.DataFrame(
        {
            "size": pl.Series(["S", "M", "L", "L"] * 10, dtype=pl.Enum(["S", "M", "L"])),
            "member": [True, False, True, False] * 10,
            "stars": [1, 5, 4, 2] * 10,
        }
    )
    model = tc.KMeansSegments(2).fit(frame, ["size", "member", "stars"])
    centers = model.centers_
    assert centers["size"].is_between(0, 2).all()
    assert centers["member"].is_between(0, 1).all()
    assert model.predict(frame.with_columns(member=pl.lit("true"))).shape == (40,)
    survey = tc.Survey.from_frame(frame, labels={"stars": {1: "poor", 5: "great"}})
    assert survey.kinds()["stars"] == "ordinal"
    by_survey = tc.KMeansSegments(2).fit(survey)
    np.testing.assert_array_equal(by_survey.predict(survey), model.predict(frame))


@pytest.mark.parametrize("model", KINDS)
def test_what_they_cannot_be_given(iris, model):
    gaps = iris.copy()
    gaps.loc[7, "sepal_width"] = np.nan
    with pytest.raises(tc.DataError, match=r"row 7: is missing, and .* take LatentClass") as caught:
        model(2).fit(gaps, ITEMS)
    assert (caught.value.column, caught.value.row) == ("sepal_width", 7)
    fitted = model(2, starts=3).fit(iris, ITEMS)
    with pytest.raises(tc.DataError, match="column 'sepal_width', row 7: is missing"):
        fitted.predict(gaps)
    with pytest.raises(tc.DataError, match="column 'petal_width': is missing"):
        fitted.predict(iris.drop(columns="petal_width"))
    survey = tc.Survey.from_frame(iris.assign(w=1.0), weights="w")
    with pytest.raises(tc.ParameterError, match=r"weights = 'w': expected none.*LatentClass does"):
        model(2).fit(survey)
    assert model(2, starts=3).fit(survey, weights=False).predict(iris).shape == (150,)
    with pytest.raises(tc.ParameterError, match=r"weights = \.\.\."):
        model(2).fit(iris, ITEMS, weights=np.ones(150))
    words = pd.DataFrame({"region": ["n", "s", "w"] * 20, "age": range(60)})
    with pytest.raises(tc.DataError, match="column 'region': has 3 levels without an order"):
        model(2).fit(words, ["region", "age"])
    with pytest.raises(tc.DataError, match="answered alike by everybody"):
        model(2).fit(iris.assign(one=1.0), [*ITEMS, "one"])
    with pytest.raises(tc.ParameterError, match="n_segments = 200"):
        model(200).fit(iris, ITEMS)
    with pytest.raises(tc.ParameterError, match="starts = 0"):
        model(2, starts=0).fit(iris, ITEMS)
    with pytest.raises(tc.ParameterError, match="items = None"):
        model(2).fit(iris)
    with pytest.raises(tc.NotFittedError, match=r"fit\(survey\)"):
        model(2).predict(iris)


@pytest.mark.parametrize("model", KINDS)
def test_files_pickles_and_clones(iris, model, tmp_path: Path):
    fitted = model(3, starts=5, random_state=2).fit(iris, ITEMS)
    fitted.save(tmp_path / "model.json")
    for copy in (tc.load(tmp_path / "model.json"), pickle.loads(pickle.dumps(fitted))):
        assert isinstance(copy, model)
        assert copy.get_params() == fitted.get_params()
        assert copy.params_ == fitted.params_
        assert repr(copy) == repr(fitted)
        np.testing.assert_array_equal(copy.predict_proba(iris), fitted.predict_proba(iris))
    assert clone(fitted).get_params() == fitted.get_params()
    assert "segment 3" in repr(fitted)
    assert "<table>" in fitted._repr_html_()
    assert all(math.isnan(error) for error in fitted.standard_errors_.values())


def test_they_are_projected_and_compared(iris):
    segments = tc.GaussianMixtureSegments(2, random_state=1).fit(iris, ITEMS[2:])
    projection = tc.SegmentProjection(segments).fit(iris, ITEMS[:2])
    assert projection.is_informative_
    found: Any = tc.distal_outcome(iris, "sepal_length", segments.predict_proba(iris))
    assert found.test["p_value"] < 0.001
