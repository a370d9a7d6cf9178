"""What models of customers refuse, and what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tercet as tc

DATES = ["2024-07-01", "2024-10-01", "2025-01-01"]
TODAY = "2025-06-29"


def dates(as_of=DATES, **more):
    return tc.Snapshots(as_of=as_of, **{"observation": "180d", "outcome": "90d"} | more)


@pytest.fixture(scope="module")
def log():
    return tc.datasets.simulate_purchases(800, seed=2).transactions


@pytest.fixture(scope="module")
def customers(log):
    ids = np.sort(log["customer_id"].unique())
    return pd.DataFrame({"customer_id": ids, "region": np.where(ids % 2, "north", "south")})


@pytest.fixture(scope="module")
def model(log, customers):
    return tc.ChurnModel(active_within="180d", replications=0, anyway=True).fit(
        dates(), purchases=log, customers=customers
    )


def test_one_class_only(log):
    daily = pd.concat(
        [
            log[["customer_id"]].drop_duplicates().assign(date=d)
            for d in ("2024-12-20", "2025-01-02", "2025-04-10")
        ]
    )
    with pytest.raises(tc.DataError, match="outcome 'inactive' is 0 in all 800 rows") as error:
        tc.ChurnModel().fit(dates(["2025-01-01"]), purchases=daily)
    assert error.value.column == "inactive"


def test_a_customer_twice(model, log, customers):
    twice = pd.concat([customers.iloc[:3], customers.iloc[1:2]])
    with pytest.raises(tc.DataError, match=r"customer_id', row 3: 2 is in row 1 already") as error:
        model.score(twice, TODAY, purchases=log)
    assert (error.value.column, error.value.row) == ("customer_id", 3)


def test_a_date_outside_the_data(model, log, customers):
    with pytest.raises(tc.ParameterError, match="2030-01-01") as error:
        model.score(customers, "2030-01-01", purchases=log)
    assert error.value.parameter.startswith("as_of")
    with pytest.raises(tc.ParameterError, match="2031-01-01"):
        tc.ChurnModel().fit(dates(["2024-07-01", "2031-01-01"]), purchases=log)
    with pytest.raises(tc.ParameterError, match="as_of = None"):
        model.score(customers, purchases=log)


def test_outcomes_that_were_not_known_when_the_test_begins(log):
    near = dates(["2024-10-01", "2024-12-01", "2025-01-01"])
    with pytest.raises(tc.ParameterError, match=r"overlap the training end.*overlap='drop'"):
        tc.ChurnModel(active_within="180d").fit(near, purchases=log)
    dropped = tc.ChurnModel(active_within="180d", overlap="drop", anyway=True).fit(
        near, purchases=log
    )
    assert "1 earlier date" in dropped.report_card_.judged_on


def test_a_table_that_is_missing_when_scoring(model, log, customers):
    with pytest.raises(tc.ParameterError, match="purchases: expected a table"):
        model.score(customers, TODAY)
    with pytest.raises(tc.ParameterError, match="customers: expected the table of customers"):
        model.score(as_of=TODAY, purchases=log)
    with pytest.raises(tc.ParameterError, match="customers: expected the table of customers"):
        model.score(customers["customer_id"].tolist(), TODAY, purchases=log)
    with pytest.raises(tc.ParameterError, match="contacts: expected none"):
        model.score(customers, TODAY, purchases=log, contacts=log)


def test_columns_that_are_missing_or_in_another_order(model, log, customers):
    with pytest.raises(tc.DataError, match="'region'"):
        model.score(customers[["customer_id"]], TODAY, purchases=log)
    with pytest.raises(tc.DataError, match="'date': is missing"):
        model.score(customers, TODAY, purchases=log.rename(columns={"date": "day"}))
    turned = customers.assign(more=1)[["region", "more", "customer_id"]]
    one = model.score(turned, TODAY, purchases=log[log.columns[::-1]])
    pd.testing.assert_frame_equal(one, model.score(customers, TODAY, purchases=log))


def test_a_card_that_says_no_does_not_score(log):
    few = log[log["customer_id"].isin(log["customer_id"].unique()[:120])]
    with pytest.warns(UserWarning, match="No: do not use") as seen:
        model = tc.ChurnModel().fit(dates(), purchases=few)
    assert seen[0].filename == __file__
    assert model.report_card_.verdict == "no"
    assert not model.report_card_
    with pytest.raises(tc.DataError, match="anyway=True"):
        model.score(as_of=TODAY, purchases=few)
    assert len(model.score(as_of=TODAY, purchases=few, anyway=True))
    quiet = tc.ChurnModel(anyway=True).fit(dates(), purchases=few)
    assert len(quiet.score(as_of=TODAY, purchases=few))


def test_a_feature_that_is_too_good_is_warned_of(log, customers):
    table = dates(["2025-01-01"]).inactivity(log)
    left = dict(zip(table.groups.tolist(), table.y.tolist(), strict=True))
    known = customers.assign(status=[f"s{left.get(one, 1)}" for one in customers["customer_id"]])
    with pytest.warns(UserWarning, match="too good: 'status'"):
        model = tc.ChurnModel(anyway=True).fit(
            dates(["2025-01-01"]), purchases=log, customers=known
        )
    assert not model.audit_.passed


@pytest.mark.parametrize(
    ("settings", "tables", "message"),
    [
        ({"contract": "rent"}, ("purchases",), "contract = 'rent'"),
        ({"contract": "subscription"}, ("purchases",), "subscriptions: expected a table"),
        ({}, (), "purchases: expected a table of"),
        ({}, ("purchases", "stages"), "stages: expected none"),
        ({"bands": {"a": 0.2}}, ("purchases",), "bands = "),
        ({"bands": {"a": 0.0, "b": 1.0}}, ("purchases",), "bands = "),
        ({"estimator": "trees"}, ("purchases",), "estimator = 'trees'"),
        ({"test_dates": 3}, ("purchases",), "from 1 to 2"),
        ({"overlap": "keep"}, ("purchases",), "overlap = 'keep'"),
    ],
)
def test_settings_that_cannot_be(log, settings, tables, message):
    with pytest.raises(tc.ParameterError, match=message):
        tc.ChurnModel(**settings).fit(dates(), **dict.fromkeys(tables, log))


def test_other_things_that_cannot_be(model, log, customers):
    with pytest.raises(tc.NotFittedError, match=r"fit\(snapshots"):
        tc.ChurnModel().score(as_of=TODAY, purchases=log)
    with pytest.raises(tc.ParameterError, match="snapshots = "):
        tc.ChurnModel().fit(log)
    with pytest.raises(tc.ParameterError, match=r"rows of churn or inactivity.*purchases"):
        tc.ChurnModel().fit(dates().purchases(log))
    with pytest.raises(tc.ParameterError, match="purchases: expected none; the rows are built"):
        tc.ChurnModel().fit(dates().inactivity(log), purchases=log)
    texts = customers.assign(customer_id=customers["customer_id"].astype(str))
    with pytest.raises(tc.DataError, match="text"):
        model.score(texts, TODAY, purchases=log)
    with pytest.raises(tc.ParameterError, match="outcome = 'buys'"):
        model.summary("buys")
    other = dates(["2025-01-01"]).inactivity(log)
    with pytest.raises(tc.DataError, match=r"the rows lack 1 features.*'region'"):
        model.score(other)


@pytest.mark.parametrize("test_dates", [1, 2])
def test_a_date_to_be_judged_by_whose_outcome_is_not_known_is_named(log, test_dates):
    late = dates(["2024-04-01", "2024-09-01", "2025-06-01"])
    message = (
        r"^2025-06-01 has no rows: [\d,]+ .*outcome window ends after the data; take earlier dates "
        r"or a shorter outcome$"
    )
    with pytest.raises(tc.DataError, match=message):
        tc.ChurnModel(test_dates=test_dates, replications=0).fit(late, purchases=log)


def test_dates_to_learn_from_without_anybody_at_risk_are_named():
    log = pd.DataFrame(
        {
            "customer_id": [0, 1, 2, 3, 2],
            "date": ["2024-01-01", "2024-01-01", "2024-06-01", "2024-06-02", "2024-06-10"],
        }
    )
    snapshots = tc.Snapshots(
        ["2024-02-01", "2024-06-05"], "30d", "30d", observation_end="2024-12-01"
    )
    # At the first date nobody bought within ten days before it.
    message = "^2024-02-01 has no rows: 2 no purchase before the date, 2 no .*; take other dates$"
    with pytest.raises(tc.DataError, match=message):
        tc.ChurnModel(active_within="10d", replications=0).fit(snapshots, purchases=log)
