"""Answers of customers who are not among the customers."""

from __future__ import annotations

import pytest

import tercet as tc


@pytest.fixture(scope="module")
def fitted():
    company = tc.datasets.simulate_needs(1_000, n_respondents=300, seed=1)
    model = tc.LatentClass(2, starts=3).fit(company.survey)
    asked = company.respondents.merge(company.customers, on="customer_id")
    return company, tc.SegmentProjection(model).fit(asked, ["age", "orders"])


def test_nobody_is_found(fitted):
    company, projection = fitted
    ids = [f"C{number}" for number in company.customers["customer_id"]]
    customers = company.customers.assign(customer_id=ids)
    answers = company.respondents.assign(
        customer_id=[f"C0{number}" for number in company.respondents["customer_id"]]
    )
    with pytest.raises(tc.DataError, match="none of the ids") as refused:
        projection.project(customers, answers=answers)
    assert refused.value.column == "customer_id"


def test_a_few_who_were_not_asked_are_projected(fitted):
    company, projection = fitted
    asked = company.customers["customer_id"].isin(company.respondents["customer_id"])
    found = projection.project(company.customers[~asked].head(5), answers=company.respondents)
    assert set(found["source"]) == {"projected"}
