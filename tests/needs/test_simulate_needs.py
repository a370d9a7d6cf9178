"""Customers with known needs, and the survey that some of them answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

CUSTOMERS = [
    "customer_id",
    "age",
    "tenure",
    "orders",
    "discount_share",
    "online_share",
    "returns",
    "region",
    "segment",
]
RATINGS = [
    "low_price",
    "special_offers",
    "no_hidden_costs",
    "fast_delivery",
    "easy_ordering",
    "open_at_any_time",
    "durable_products",
    "well_known_brands",
    "sustainable_production",
    "personal_advice",
    "knowledgeable_staff",
    "help_after_the_purchase",
]


@pytest.fixture(scope="module")
def company() -> tc.datasets.SimulatedNeeds:
    return tc.datasets.simulate_needs(20_000, n_respondents=1_500, seed=3)


def test_the_tables_have_these_columns(company):
    assert list(company.customers.columns) == CUSTOMERS
    expected = ["customer_id", "weight", *RATINGS, "channel", "visits", "segment"]
    assert list(company.respondents.columns) == expected
    assert len(company.customers) == 20_000
    assert len(company.respondents) == 1_500
    assert company.needs == {1: "price", 2: "convenience", 3: "quality", 4: "advice"}


def test_customers_are_what_they_need(company):
    customers = company.customers
    assert customers["customer_id"].tolist() == list(range(1, 20_001))
    shares = customers["segment"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(shares, [0.36, 0.28, 0.22, 0.14], atol=0.015)
    means = customers.groupby("segment")[["orders", "discount_share", "online_share"]].mean()
    assert means["orders"].idxmax() == means["online_share"].idxmax() == 2
    assert means["discount_share"].idxmax() == 1
    assert set(customers["region"]) == {"north", "east", "south", "west"}
    assert (customers["discount_share"].isna() == (customers["orders"] == 0)).all()
    assert (customers["returns"] <= customers["orders"]).all()


def test_respondents_are_customers(company):
    joined = company.respondents.merge(company.customers, on="customer_id", suffixes=("", "_truth"))
    assert len(joined) == 1_500
    assert (joined["segment"] == joined["segment_truth"]).all()
    assert company.respondents["weight"].mean() == pytest.approx(1)
    # The old answer more often, and weights correct for it.
    population = company.customers["age"].mean()
    assert joined["age"].mean() > population + 2
    assert np.average(joined["age"], weights=joined["weight"]) == pytest.approx(population, abs=1)


def test_answers_are_ratings_words_and_counts(company):
    respondents = company.respondents
    ratings = respondents[RATINGS]
    assert set(ratings.stack().dropna()) == {1, 2, 3, 4, 5}
    assert 0.04 < ratings.isna().to_numpy().mean() < 0.06
    assert set(respondents["channel"].dropna()) == {"shop", "web", "app"}
    means = ratings.astype(float).groupby(respondents["segment"]).mean()
    for segment in range(4):
        own = means.iloc[segment, 3 * segment : 3 * segment + 3].mean()
        assert own > means.iloc[segment].mean() + 0.5


def test_the_survey_is_ready_to_be_fitted(company):
    survey = company.survey
    assert list(survey.items) == [*RATINGS, "channel", "visits"]
    assert survey.kinds() == {
        **dict.fromkeys(RATINGS, "ordinal"),
        "channel": "nominal",
        "visits": "count",
    }
    assert survey.batteries() == {"importance": RATINGS}
    assert (survey.respondent, survey.weights) == ("customer_id", "weight")
    item = survey.items["low_price"]
    assert item.levels == (1, 2, 3, 4, 5)
    assert item.statement == "low price"
    assert item.labels == ("not important", "2", "3", "4", "decisive")
    assert survey.answers is company.respondents


def test_the_truth_is_found_again(company):
    model = tc.LatentClass(4, starts=6, response_style="random_intercept").fit(company.survey)
    truth = company.respondents["segment"]
    alignment = tc.align_segments(truth, model.predict(company.survey))
    assert alignment.matches == {1: 1, 2: 2, 3: 3, 4: 4}
    assert alignment.adjusted_rand > 0.75
    shares = company.customers["segment"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(model.shares_, shares, atol=0.04)


def test_nothing_need_be_missing():
    company = tc.datasets.simulate_needs(500, n_respondents=200, missing=0.0)
    assert company.respondents.notna().to_numpy().all()
    assert company.respondents["low_price"].dtype == np.int64


def test_a_tenth_answers_unless_told_otherwise():
    assert len(tc.datasets.simulate_needs(1_000).respondents) == 100
    assert len(tc.datasets.simulate_needs(3).respondents) == 1
    assert len(tc.datasets.simulate_needs(30_000).respondents) == 2_000


def test_the_seed_decides():
    first, again, other = (tc.datasets.simulate_needs(300, seed=seed) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first.customers, again.customers)
    pd.testing.assert_frame_equal(first.respondents, again.respondents)
    assert not first.customers.equals(other.customers)


@pytest.mark.parametrize(
    ("backend", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)]
)
def test_tables_are_of_the_kind_asked_for(backend, kind, lists):
    company = tc.datasets.simulate_needs(400, n_respondents=200, seed=2, backend=backend)
    plain = tc.datasets.simulate_needs(400, n_respondents=200, seed=2, backend="pyarrow")
    assert isinstance(company.customers, kind)
    assert isinstance(company.respondents, kind)
    assert lists(company.customers)["region"] == lists(plain.customers)["region"]
    assert company.survey.kinds() == plain.survey.kinds()


def test_duckdb_tables_can_be_fitted():
    company = tc.datasets.simulate_needs(400, n_respondents=200, seed=2, backend="duckdb")
    assert type(company.customers).__name__ == "DuckDBPyRelation"
    model = tc.LatentClass(2, starts=2, standard_errors=False).fit(company.survey)
    assert model.predict(company.survey).shape == (200,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_customers": 0}, "n_customers = 0"),
        ({"n_customers": 1.5}, r"n_customers = 1\.5"),
        (
            {"n_respondents": 11},
            "n_respondents = 11: expected from 1 to 10, the number of customers",
        ),
        ({"n_respondents": 0}, "n_respondents = 0"),
        ({"n_respondents": "all"}, "n_respondents = 'all'"),
        ({"missing": 1}, "missing = 1: expected a probability, at least 0 and below 1"),
        ({"missing": "no"}, "missing = 'no'"),
        ({"seed": -1}, "seed = -1"),
        ({"backend": "excel"}, "backend = 'excel'"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.datasets.simulate_needs(**{"n_customers": 10, **arguments})
