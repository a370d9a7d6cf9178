"""`active_within` of purchases and uses: who has left long ago is no case to learn from."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc

AS_OF = "2024-03-01"
SNAPSHOTS = tc.Snapshots(AS_OF, "60d", "30d", observation_end="2024-06-01")
#: 1 bought lately, 2 long ago; 3 used something lately; 4 was written to, 5 answered; 6 subscribes,
#: 7 did, 8 comes later.
PURCHASES = {
    "customer_id": [1, 2, 3, 1, 8],
    "date": ["2024-02-20", "2023-06-01", "2023-06-01", "2024-03-05", "2024-03-10"],
}
EVENTS = {"customer_id": [3, 2, 2], "date": ["2024-02-25", "2023-07-01", "2024-03-05"]}
CONTACTS = {
    "customer_id": [4, 5, 5],
    "date": ["2024-02-20", "2024-01-01", "2024-03-05"],
    "responded_at": [None, "2024-02-21", "2024-03-06"],
}
SUBSCRIPTIONS = {
    "customer_id": [6, 7],
    "start": ["2023-01-01", "2023-01-01"],
    "end": [None, "2024-02-25"],
}
OTHERS = {"contacts": CONTACTS, "subscriptions": SUBSCRIPTIONS}


def lazy(table):
    return pl.DataFrame(table).with_columns(pl.col("date").str.to_date()).lazy()


@pytest.mark.parametrize("how", [dict, pl.DataFrame, lazy])
def test_only_who_was_active_lately_is_at_risk(how):
    found = SNAPSHOTS.purchases(how(PURCHASES), events=how(EVENTS), **OTHERS, active_within="30d")
    assert found.groups.tolist() == [1, 3, 5, 6]
    left = dict(
        zip(found.left_out["reason"].to_list(), found.left_out["customers"].to_list(), strict=True)
        if how is not dict
        else zip(
            *(found.left_out[name].to_pylist() for name in ("reason", "customers")), strict=True
        )
    )
    assert left == {"not known before the date": 1, "not active lately": 3}
    assert "3 not active lately" in found.summary()
    used = SNAPSHOTS.feature_use(
        how(EVENTS), purchases=how(PURCHASES), **OTHERS, active_within="30d"
    )
    assert used.groups.tolist() == [1, 3, 5, 6]


def test_without_it_everybody_known_is_at_risk():
    found = SNAPSHOTS.purchases(PURCHASES, events=EVENTS, **OTHERS)
    assert found.groups.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_time_begins_within_it_and_ends_before_the_date():
    log = {"customer_id": [1, 2, 3], "date": ["2024-02-20", "2024-02-19", "2024-03-01"]}
    found = SNAPSHOTS.purchases(log, active_within="10d")
    assert found.groups.tolist() == [1]


def test_a_recipe_keeps_it_and_an_older_one_has_none():
    recipe = SNAPSHOTS.purchases(PURCHASES, active_within="30d").recipe
    text = json.dumps(recipe.to_dict())
    again = tc.SnapshotRecipe.from_dict(json.loads(text))
    assert again == recipe
    assert json.dumps(again.to_dict()) == text
    assert again.features(purchases=PURCHASES, as_of=AS_OF).groups.tolist() == [1]
    older = json.loads(text)
    del older["target"]["within"]
    everybody = tc.SnapshotRecipe.from_dict(older).features(purchases=PURCHASES, as_of=AS_OF)
    assert everybody.groups.tolist() == [1, 2, 3]


@pytest.mark.parametrize("bad", ["soon", "0d", -3])
def test_it_must_be_a_time(bad):
    with pytest.raises(tc.ParameterError, match="active_within"):
        SNAPSHOTS.purchases(PURCHASES, active_within=bad)


@pytest.fixture(scope="module")
def leavers():
    """A log in which half of the customers left in the first months."""
    rng = np.random.default_rng(3)
    days = np.arange("2023-01-01", "2024-12-31", dtype="datetime64[D]")
    n = 1_200
    rate = 0.05 + rng.gamma(1.0, 0.03, n)
    parts = []
    for customer in range(n):
        last = 120 if customer % 2 else len(days)
        count = rng.poisson(rate[customer] * last) + 1
        parts.append(
            pd.DataFrame({"customer_id": customer, "date": days[rng.integers(0, last, count)]})
        )
    return pd.concat(parts, ignore_index=True)


def test_models_learn_from_and_score_the_active_only(leavers, tmp_path):
    dates = tc.Snapshots(["2024-03-01", "2024-06-01", "2024-09-01"], "120d", "14d")
    model = tc.PurchaseModel(
        active_within="120d", estimator=tc.Propensity(features="linear"), replications=20
    ).fit(dates, purchases=leavers)
    scored = model.score(leavers["customer_id"].unique(), as_of="2025-01-01", purchases=leavers)
    idle = scored[scored["not_scored"] == "not active lately"]
    assert len(idle) > 500
    assert idle["purchase_probability"].isna().all()
    model.save(tmp_path / "model.json")
    again = tc.load(tmp_path / "model.json")
    assert again.active_within == "120d"
    pd.testing.assert_frame_equal(
        again.score(leavers["customer_id"].unique(), as_of="2025-01-01", purchases=leavers), scored
    )
    log = leavers.assign(feature="any")
    used = tc.FeatureUseModel(
        active_within="120d", estimator=tc.Propensity(features="linear"), replications=20
    ).fit(dates, events=log)
    assert used.recipe_.to_dict()["target"]["within"] == model.recipe_.to_dict()["target"]["within"]


def test_the_card_says_where_many_have_left(leavers, tmp_path):
    dates = tc.Snapshots(["2024-03-01", "2024-06-01", "2024-09-01"], "120d", "14d")
    settings = {"estimator": tc.Propensity(features="linear"), "replications": 20}
    model = tc.PurchaseModel(**settings).fit(dates, purchases=leavers)
    card = model.report_card_
    rows = dates.purchases(leavers)
    last = rows.as_of == np.datetime64("2024-09-01")
    idle = (np.asarray(rows.X["purchases_120d"]) == 0)[last]
    bought = np.asarray(rows.y)[last][idle].mean()
    assert idle.mean() > 0.2
    said = [one for one in card.reasons if "see active_within" in one]
    assert (len(said) == 1) == (bought < 0.01)
    assert said, bought
    assert said[0].startswith(f"{100 * idle.mean():.0f}% of these rows are customers who were not")
    assert card.verdict == "yes"
    model.save(tmp_path / "model.json")
    assert tc.load(tmp_path / "model.json").report_card_.reasons == card.reasons
    active = tc.PurchaseModel(active_within="120d", **settings).fit(dates, purchases=leavers)
    assert not any("active_within" in one for one in active.report_card_.reasons)
    # Who has a running subscription is no leaver.
    everybody = pd.DataFrame({"customer_id": leavers["customer_id"].unique()})
    running = everybody.assign(start=np.datetime64("2023-01-01"), end=np.datetime64("NaT"))
    bound = tc.PurchaseModel(**settings).fit(dates, purchases=leavers, subscriptions=running)
    assert not any("active_within" in one for one in bound.report_card_.reasons)
