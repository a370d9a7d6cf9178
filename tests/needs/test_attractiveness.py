"""Attractiveness of segments: scores, weights, ranks; of models, segments and customers."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

SEGMENTS = {
    "segment": ["savers", "fans", "browsers"],
    "size": [0.5, 0.2, 0.3],
    "clv": [40.0, 210.0, 55.0],
    "churn": [0.3, 0.1, 0.2],
}
CUSTOMERS = {
    "customer_id": [1, 2, 3, 4],
    "segment": [2, 1, 2, 2],
    "clv": [10.0, 90.0, 30.0, np.nan],
    "segment_1": [0.25, 1.0, 0.0, 0.5],
    "segment_2": [0.75, 0.0, 1.0, 0.5],
}


def frame(**changes: Any) -> pd.DataFrame:
    """The segments, with some columns changed."""
    return pd.DataFrame({**SEGMENTS, **changes})


@pytest.fixture(scope="module")
def model() -> tc.LatentClass:
    answers = {
        "a": ["yes", "no", "yes", "no", "yes"] * 20,
        "b": ["no", "yes", "no", "yes", "no"] * 20,
        "c": [1, 0, 1, 0, 1] * 20,
    }
    return tc.LatentClass(2, starts=2).fit(pd.DataFrame(answers), ["a", "b", "c"])


# --- the formula ----------------------------------------------------------------------------------


def test_scores_run_from_the_worst_to_the_best():
    found = tc.attractiveness(frame(), lower_is_better=["churn"])
    assert found.criteria == ["size", "clv", "churn"]
    table = found.table
    columns = ["segment", "size", "clv", "churn", "score_size", "score_clv", "score_churn"]
    assert list(table.columns) == [*columns, "score", "rank"]
    np.testing.assert_allclose(table["score_size"], [100, 0, 100 / 3])
    np.testing.assert_allclose(table["score_clv"], [0, 100, 100 * 15 / 170])
    np.testing.assert_allclose(table["score_churn"], [0, 100, 50])
    mean = table[["score_size", "score_clv", "score_churn"]].mean(axis=1)
    np.testing.assert_allclose(table["score"], mean)
    assert table["rank"].tolist() == [2, 1, 3]
    assert found.best == "fans"


def test_weights_may_have_any_scale():
    weights = {"size": 3, "clv": 1, "churn": 0}
    found = tc.attractiveness(frame(), weights=weights)
    assert found.weights == {"size": 0.75, "clv": 0.25, "churn": 0.0}
    tenfold = {name: 10 * weight for name, weight in weights.items()}
    again = tc.attractiveness(frame(), weights=tenfold)
    pd.testing.assert_frame_equal(found.table, again.table)
    np.testing.assert_allclose(
        found.table["score"], 0.75 * found.table["score_size"] + 0.25 * found.table["score_clv"]
    )
    assert found.best == "savers"


def test_a_scale_may_be_given():
    found = tc.attractiveness(frame(), scales={"size": (0, 1), "clv": (50, 200)})
    np.testing.assert_allclose(found.table["score_size"], [50, 20, 30])
    # Values beyond the scale are its ends.
    np.testing.assert_allclose(found.table["score_clv"], [0, 100, 100 / 30])


def test_equal_segments_are_halfway_and_share_a_rank():
    found = tc.attractiveness(frame(size=[1, 1, 1], clv=[2, 2, 2], churn=[0, 0, 0]))
    assert found.table["score"].tolist() == pytest.approx([50, 50, 50])
    assert found.table["rank"].tolist() == [1, 1, 1]
    assert found.best == "savers"


# --- what is scored -------------------------------------------------------------------------------


def test_columns_and_given_values_may_be_mixed():
    found = tc.attractiveness(frame(), {"clv": None, "fit": [3, 5, 4]})
    assert found.criteria == ["clv", "fit"]
    assert found.table["fit"].tolist() == [3, 5, 4]
    some = tc.attractiveness(frame(note="x"), ["size", "clv"])
    assert some.criteria == ["size", "clv"]
    numbered = tc.attractiveness(
        frame(segment=[3, 1, 2]).rename(columns={"segment": "no"}), segment="no"
    )
    assert numbered.table["segment"].tolist() == [3, 1, 2]
    assert numbered.text().startswith("Segment 3 is the most attractive segment")


def test_a_model_knows_the_size_of_its_segments(model):
    found = tc.attractiveness(model, {"margin": [10.0, 30.0]}, weights={"size": 1, "margin": 3})
    assert found.table["segment"].tolist() == [1, 2]
    np.testing.assert_array_equal(found.table["size"], model.shares_)
    assert found.table["rank"].tolist() == [2, 1]
    assert tc.attractiveness(model).criteria == ["size"]
    assert tc.attractiveness(model, ["size"]).best == 1
    with pytest.raises(tc.NotFittedError):
        tc.attractiveness(tc.LatentClass(2))


def test_customers_are_averaged_by_segment():
    customers = pd.DataFrame(CUSTOMERS)
    by_column = tc.attractiveness(customers, ["clv"], members="segment")
    assert by_column.table["segment"].tolist() == [1, 2]
    assert by_column.table["size"].tolist() == [0.25, 0.75]
    assert by_column.table["clv"].tolist() == [90.0, 20.0]
    by_array = tc.attractiveness(customers, ["clv"], members=customers["segment"])
    pd.testing.assert_frame_equal(by_array.table, by_column.table)
    words = customers.assign(segment=["fans", "savers", "fans", "fans"])
    named = tc.attractiveness(words, {"clv": "sum"}, members="segment")
    assert named.table["segment"].tolist() == ["fans", "savers"]
    assert named.table["clv"].tolist() == [40.0, 90.0]


def test_customers_count_with_their_probabilities():
    customers = pd.DataFrame(CUSTOMERS)
    names = ["segment_1", "segment_2"]
    found = tc.attractiveness(customers, {"clv": "mean", "fit": [1, 2]}, members=names)
    members = customers[names].to_numpy()
    np.testing.assert_allclose(found.table["size"], members.mean(axis=0))
    known = slice(0, 3)
    means = members[known].T @ customers["clv"][known] / members[known].sum(axis=0)
    np.testing.assert_allclose(found.table["clv"], means)
    array = tc.attractiveness(customers, {"clv": None, "fit": [1, 2]}, members=members)
    pd.testing.assert_frame_equal(array.table, found.table)
    assert tc.attractiveness(customers, members=members).criteria == ["size"]


def test_lifetime_value_by_projected_segment():
    log = tc.datasets.simulate_purchases(300, seed=1)
    summary = tc.purchase_summary(log.transactions, amount="amount")
    value = tc.lifetime_value(
        tc.BGNBD().fit(summary), tc.GammaGamma().fit(summary), summary, horizon=52
    )
    members = np.random.default_rng(1).dirichlet([2.0, 1.0], len(value))
    found = tc.attractiveness(value, {"clv": "mean", "probability_alive": "mean"}, members=members)
    assert found.criteria == ["size", "clv", "probability_alive"]
    total = (found.table["clv"] * found.table["size"]).sum() * len(value)
    assert total == pytest.approx(value["clv"].sum())


# --- how it shows ---------------------------------------------------------------------------------


def test_the_text_says_what_the_ranking_hangs_on():
    found = tc.attractiveness(frame(), ["size", "clv"], weights={"size": 1, "clv": 2})
    assert found.text() == (
        "fans is the most attractive segment (67 of 100: size 0, clv 100), then savers (33), "
        "browsers (17).\nWithout clv savers would come first."
    )
    clear = tc.attractiveness(frame(size=[1, 9, 2]), ["size", "clv"])
    assert "fans would come first without any one of the criteria, too." in clear.text()
    assert "segment   size (33%)  clv (67%)  score  rank" in repr(found)
    assert "fans" in found._repr_html_()
    assert repr(pickle.loads(pickle.dumps(found))) == repr(found)


def test_every_kind_of_table_comes_back(kind, table, native, lists):
    found = tc.attractiveness(table(SEGMENTS, kind), lower_is_better=["churn"])
    expected = native["polars" if kind == "polars lazy" else kind]
    assert isinstance(found.table, expected)
    assert lists(found.table)["segment"] == SEGMENTS["segment"]
    assert lists(found.table)["rank"] == [2, 1, 3]
    columns = {name: CUSTOMERS[name] for name in ("segment", "clv")}
    aggregated = tc.attractiveness(table(columns, kind), ["clv"], members="segment")
    assert isinstance(aggregated.table, expected)
    assert lists(aggregated.table)["segment"] == [1, 2]


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "arguments", "words"),
    [
        ({}, {"criteria": ["sise"]}, r"'sise': is missing \(did you mean 'size'\?\).*criteria="),
        ({"clv": [1.0, np.nan, 2.0]}, {}, r"column 'clv', row 1: is missing"),
        ({"clv": [1.0, 2.0, np.inf]}, {}, r"column 'clv', row 2: is inf"),
        ({"clv": ["a", "b", "c"]}, {"criteria": ["clv"]}, "'clv': holds text where numbers belong"),
        ({"segment": ["a", "a", "b"]}, {}, "names a segment twice.*members='segment'"),
        ({}, {"segment": "name"}, "'name': is missing"),
        ({}, {"criteria": {"fit": [1, 2]}}, "'fit': has 2 values; give 3"),
        ({}, {"members": "segment", "criteria": ["value"]}, "'value': is missing"),
        ({}, {"members": [[1, 2]]}, "'members': has 1 x 2 values for 3 customers"),
        ({}, {"members": [0.5, 1, 1]}, r"column 'members', row 0: is 0\.5; segments are numbered"),
        ({}, {"members": ["size", "clv"]}, r"column 'clv', row 0: is 40; a probability"),
        ({"segment": ["a", None, "b"]}, {"members": "segment"}, "row 1: is missing; leave out"),
        (
            {"clv": [np.nan, 1.0, 2.0]},
            {"members": "segment", "criteria": ["clv"]},
            "'clv': is missing for every customer of segment 3",
        ),
        (
            {"clv": [np.inf, 1, 2]},
            {"members": "segment", "criteria": ["clv"]},
            "row 0: is infinite",
        ),
    ],
)
def test_bad_data_are_refused_with_their_place(changes, arguments, words):
    with pytest.raises(tc.DataError, match=words):
        tc.attractiveness(frame(**changes), **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"criteria": "size"}, "criteria = 'size': expected a list of different columns"),
        ({"criteria": []}, r"criteria = \[\]"),
        ({"criteria": {}}, r"criteria = {}"),
        ({"criteria": {"clv": "mean"}}, "'clv' is to be a mean over customers.*members="),
        ({"criteria": {"clv": "median"}, "members": "segment"}, "criteria.'clv'. = 'median'"),
        ({"criteria": {"score": [1, 2, 3]}}, "the result has a column of that name"),
        ({"weights": {"size": 1}}, "'clv' has none; give every criterion one, 0 to leave it out"),
        (
            {"weights": {"size": 1, "sise": 1}},
            "weights = 'sise': expected criteria: size, clv, churn",
        ),
        ({"weights": {"size": -1, "clv": 1, "churn": 1}}, "none below 0"),
        ({"weights": {"size": 0, "clv": 0, "churn": 0}}, "at least one weight above 0"),
        ({"weights": {"size": "a", "clv": 0, "churn": 0}}, "weights.'size'. = 'a'"),
        ({"weights": [1, 2, 3]}, "weights = .*a mapping"),
        ({"lower_is_better": ["chrun"]}, "lower_is_better = 'chrun'"),
        ({"lower_is_better": "churn"}, "lower_is_better = 'churn'"),
        ({"scales": {"size": (1, 0)}}, "scales.'size'. = .*the lowest first"),
        ({"scales": {"size": 3}}, "scales.'size'. = 3"),
        ({"scales": {"fit": (0, 1)}}, "scales = 'fit'"),
        ({"scales": [1]}, r"scales = \[1\]"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.attractiveness(frame(), **arguments)


def test_a_model_has_no_columns(model):
    with pytest.raises(tc.ParameterError, match="'clv' has no values; a model knows the size"):
        tc.attractiveness(model, ["clv"])
    with pytest.raises(tc.DataError, match="'clv': has 3 values; give 2"):
        tc.attractiveness(model, {"clv": [1, 2, 3]})
    with pytest.raises(tc.DataError, match="not a table"):
        tc.attractiveness(3)
    with pytest.raises(tc.ParameterError, match="the table has no numbers besides"):
        tc.attractiveness({"segment": ["a", "b"]})
