"""ChurnModel: snapshots in, judged probabilities of every customer out."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

import tercet as tc
from tercet.value.models._judged import Judged

DATES = ["2024-07-01", "2024-10-01", "2025-01-01"]
TODAY = "2025-06-29"


def dates(as_of=DATES, **more):
    return tc.Snapshots(as_of=as_of, **{"observation": "180d", "outcome": "90d"} | more)


@pytest.fixture(scope="module")
def log():
    return tc.datasets.simulate_purchases(1_500, seed=1).transactions


@pytest.fixture(scope="module")
def model(log):
    return tc.ChurnModel(active_within="180d").fit(dates(), purchases=log)


@pytest.fixture(scope="module")
def scored(model, log):
    return model.score(as_of=TODAY, purchases=log, reasons=2)


@pytest.fixture(scope="module")
def company():
    return tc.datasets.simulate_subscriptions(2_500, seed=1)


@pytest.fixture(scope="module")
def contract(company):
    table = dates(["2024-04-01", "2024-07-01", "2024-10-01"], observation="90d")
    return tc.ChurnModel(estimator=tc.Propensity(features="linear")).fit(
        table, subscriptions=company.subscriptions, customers=company.customers
    )


def test_a_score_has_the_columns_of_the_customers_table(scored):
    assert list(scored.columns) == [
        "customer_id",
        "as_of",
        "churn_probability",
        "churn_probability_lower",
        "churn_probability_upper",
        "band",
        "decile",
        "reason_1",
        "reason_2",
    ]
    assert scored["customer_id"].is_monotonic_increasing
    inside = scored["churn_probability"].between(
        scored["churn_probability_lower"], scored["churn_probability_upper"]
    )
    assert inside.all()
    assert scored["decile"].value_counts(normalize=True).between(0.08, 0.12).all()
    assert scored.groupby("decile")["churn_probability"].mean().is_monotonic_decreasing
    assert scored["reason_1"].str.contains("the probability by .* percentage points").all()


def test_what_it_says_comes_true(model, log):
    """Customers scored at the date after the last one that it learnt from."""
    later = dates(["2025-03-30"]).inactivity(log, active_within="180d")
    found = model.score(as_of="2025-03-30", purchases=log)
    assert found["customer_id"].tolist() == later.groups.tolist()
    p = found["churn_probability"].to_numpy()
    assert roc_auc_score(later.y, p) > 0.65
    assert abs(p.mean() - later.y.mean()) < 0.06
    assert roc_auc_score(later.y, p) == pytest.approx(model.report_card_["auc"], abs=0.08)


def test_the_probabilities_are_those_of_a_propensity(model, log):
    table = dates().inactivity(log, active_within="180d")
    plain = tc.Propensity(standard_errors="cluster").fit(table.X, table.y, groups=table.groups)
    rows = model.recipe_.features(as_of=TODAY, purchases=log)
    found = model.score(rows)
    np.testing.assert_allclose(
        found["churn_probability"], plain.predict_proba(rows.X)[:, 1], rtol=1e-12
    )
    np.testing.assert_allclose(
        found[["churn_probability_lower", "churn_probability_upper"]],
        plain.predict_interval(rows.X),
        rtol=1e-9,
    )


def test_the_report_card_is_of_the_later_date(model, log):
    table = dates().inactivity(log, active_within="180d")
    train, test = table.split(last=1)
    first = tc.Propensity(standard_errors="cluster").fit(train.X, train.y, groups=train.groups)
    p = first.predict_proba(test.X)[:, 1]
    card = model.report_card_
    assert card["auc"] == pytest.approx(roc_auc_score(test.y, p), abs=1e-12)
    assert card.event_rate == pytest.approx(test.y.mean())
    assert card.later_dates
    assert "2025-01-01" in card.judged_on
    figures = card.table.set_index("measure")
    for measure in ("auc", "log_loss", "brier", "ece", "average_precision", "lift@10%"):
        row = figures.loc[measure]
        assert row["lower"] <= row["value"] <= row["upper"], measure
    assert card.reliability.calibration_error == pytest.approx(card["ece"])
    assert set(card.data.table["check"]) >= {"events", "events_per_date", "stability"}
    assert card.verdict == "yes"
    assert bool(card)
    assert "Report card (churn): yes" in repr(card)
    assert "<table>" in card._repr_html_()
    assert "2024-07-01 to 2025-01-01" in repr(model)
    assert model._repr_html_().startswith("<div>")


def test_nobody_is_lost_and_rows_keep_their_order(model, log, scored):
    one = int(scored["customer_id"].iloc[3])
    lost = int(log["customer_id"].max()) + 7
    gone = sorted(set(log["customer_id"]) - set(scored["customer_id"]))[0]
    customers = pd.DataFrame({"name": list("abcd"), "customer_id": [lost, one, gone, one + 0]})
    customers = customers.iloc[:3].set_index(pd.Index([9, 8, 7]))
    found = model.score(customers, TODAY, purchases=log, reasons=1)
    assert found["customer_id"].tolist() == [lost, one, gone]
    assert found["not_scored"].tolist()[0] == "in none of the tables"
    assert found["not_scored"].tolist()[2] == "no purchase lately"
    assert found["not_scored"].isna().tolist() == [False, True, False]
    want = scored.set_index("customer_id").loc[one, "churn_probability"]
    assert found["churn_probability"].tolist()[1] == want
    assert found["churn_probability"].isna().tolist() == [True, False, True]
    assert found["decile"].dtype == "Int64"
    assert found["as_of"].notna().all()
    everybody = sorted(set(log["customer_id"]))
    of_all = model.score(everybody, TODAY, purchases=log)
    assert len(of_all) == len(everybody)
    assert (of_all["not_scored"].isna() == of_all["churn_probability"].notna()).all()


def test_tables_of_every_kind(kind, model, log, scored, table, native, lists):
    purchases = table({name: log[name] for name in log.columns}, kind)
    found = model.score(as_of=TODAY, purchases=purchases)
    assert isinstance(found, native[kind])
    back = lists(found)
    np.testing.assert_allclose(back["churn_probability"], scored["churn_probability"], rtol=1e-12)
    whom = table({"customer_id": back["customer_id"][:4]}, kind)
    some = model.score(whom, TODAY, purchases=purchases, reasons=1)
    assert isinstance(some, native[kind])
    assert lists(some)["churn_probability"] == back["churn_probability"][:4]
    why = model.reasons(whom, TODAY, purchases=purchases, top=2)
    assert isinstance(why, native[kind])


def test_ids_of_text_and_categories_come_back_as_they_were(log):
    texts = log.assign(customer_id="c" + log["customer_id"].astype(str))
    model = tc.ChurnModel(active_within="180d", replications=0).fit(dates(), purchases=texts)
    ids = pd.Series(texts["customer_id"].unique()[:6]).astype("category")
    found = model.score(ids.to_frame("customer_id"), TODAY, purchases=texts)
    assert found["customer_id"].dtype == "category"
    assert found["customer_id"].tolist() == ids.tolist()
    series = model.score(pl.Series(ids.astype(str).to_numpy()), TODAY, purchases=texts)
    assert isinstance(series, pl.DataFrame)
    assert series["customer_id"].to_list() == ids.tolist()


def test_reasons_in_words(model, log, scored):
    found = model.reasons(as_of=TODAY, purchases=log, top=2)
    first = found[found["rank"] == 1].set_index("customer_id")
    shown = scored.set_index("customer_id")["reason_1"].dropna()
    assert (first.loc[shown.index, "sentence"] == shown).all()
    assert set(found["direction"]) == {"raises", "lowers"}
    words = dict(
        zip(model.recipe_.features_["feature"], model.recipe_.features_["words"], strict=True)
    )
    some = found.iloc[0]
    assert some["sentence"].startswith(words[some["feature"]])


def test_saved_pickled_and_cloned(model, log, scored, tmp_path):
    path = tmp_path / "churn.json"
    model.save(path)
    copies = [tc.load(path), pickle.loads(pickle.dumps(model))]
    for copy in copies:
        assert isinstance(copy, tc.ChurnModel)
        assert copy.get_params() == model.get_params()
        again = copy.score(as_of=TODAY, purchases=log, reasons=2)
        pd.testing.assert_frame_equal(again, scored)
        assert repr(copy) == repr(model)
        assert repr(copy.report_card_) == repr(model.report_card_)
        assert repr(copy.audit_) == repr(model.audit_)
        assert copy.bands_ == model.bands_
        pd.testing.assert_frame_equal(copy.report_card_.table, model.report_card_.table)
    copies[0].save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert not hasattr(clone(model), "report_card_")
    assert clone(model).get_params() == model.get_params()


def test_a_file_of_a_newer_version_or_damaged_is_refused(model, tmp_path):
    path = tmp_path / "churn.json"
    model.save(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": 99}))
    with pytest.raises(tc.UnsupportedVersionError, match="newer"):
        tc.load(path)
    path.write_text(json.dumps({**content, "report": {}}))
    with pytest.raises(tc.ModelFileError, match="damaged"):
        tc.load(path)


def test_the_end_of_subscriptions(contract, company):
    assert contract.report_card_.verdict in ("yes", "barely")
    found = contract.score(
        company.customers, "2025-07-01", subscriptions=company.subscriptions, reasons=1
    )
    assert found["customer_id"].tolist() == company.customers["customer_id"].tolist()
    counts = found["not_scored"].value_counts()
    assert counts["all subscriptions ended before the date"] > 100
    truth = company.truth.set_index("customer_id")["churn_rate"].loc[found["customer_id"]]
    chance = 1 - np.exp(-90 * truth.to_numpy())
    there = found["churn_probability"].notna().to_numpy()
    assert abs(found["churn_probability"][there].mean() - chance[there].mean()) < 0.03
    assert (contract.models_["churns"].features) == "linear"


def test_a_log_without_rows_says_that_nobody_did_anything(company):
    uses, table = company.events, dates(["2023-10-01", "2024-01-01"], observation="90d")
    model = tc.ChurnModel(
        estimator=tc.Propensity(features="linear"), anyway=True, overlap="drop", replications=0
    ).fit(table, subscriptions=company.subscriptions, events=uses)
    ids, date = company.customers["customer_id"], "2024-06-01"
    contracts = company.subscriptions
    with pytest.warns(UserWarning, match=r"log of events has no rows.*no customer did anything"):
        found = model.score(ids, date, subscriptions=contracts, events=uses.iloc[:0])
    somebody_else = uses.iloc[:1].assign(customer_id=10**9)
    same = model.score(ids, date, subscriptions=contracts, events=somebody_else)
    pd.testing.assert_frame_equal(found, same)
    assert found["churn_probability"].notna().sum() > 100
    lazily = pl.from_pandas(uses.iloc[:0]).lazy()
    with pytest.warns(UserWarning, match="has no rows"):
        same = model.score(ids, date, subscriptions=contracts, events=lazily)
    pd.testing.assert_frame_equal(found, same)
    with pytest.raises(tc.DataError, match="subscriptions has no rows"):
        model.score(ids, date, subscriptions=contracts.iloc[:0], events=uses)
    with pytest.raises(tc.DataError, match="missing"):
        model.score(ids, date, subscriptions=contracts, events=uses.iloc[:0][["date"]])


def test_settings_of_the_learner_are_saved(contract, company, tmp_path):
    contract.save(tmp_path / "m.json")
    again = tc.load(tmp_path / "m.json")
    assert again.estimator.get_params() == contract.estimator.get_params()
    one, other = (
        m.score(
            as_of="2025-07-01", subscriptions=company.subscriptions, customers=company.customers
        )
        for m in (again, contract)
    )
    pd.testing.assert_frame_equal(one, other)


def test_bands_are_fixed_by_the_fit(model, log):
    rate = model.event_rates_["inactive"]
    odds = rate / (1 - rate)
    edges = list(model.bands_.values())
    np.testing.assert_allclose(
        np.array(edges[1:]) / (1 - np.array(edges[1:])), np.array([0.5, 1.5, 3.0]) * odds
    )
    own = tc.ChurnModel(
        active_within="180d", bands={"stays": 0.0, "wavers": 0.5, "goes": 0.8}, replications=0
    ).fit(dates(), purchases=log)
    found = own.score(as_of=TODAY, purchases=log)
    p = found["churn_probability"]
    want = np.select([p >= 0.8, p >= 0.5], ["goes", "wavers"], "stays")
    assert (found["band"] == want).all()


def test_the_report_card_says_that_probabilities_are_too_extreme():
    def judged(times):
        rng = np.random.default_rng(4)
        odds = rng.normal(-1.0, 1.0, 2_000)
        happened = rng.random(2_000) < 1 / (1 + np.exp(-odds))
        p = 1 / (1 + np.exp(-(times * (odds + 1.0) - 1.0)))
        for replications in (0, 20):
            yield Judged.of("churns", happened, p, np.arange(2_000), replications, 0)

    for one in judged(1.6):
        answer, words = one.verdict("churn")
        assert answer == "barely"
        assert any("too extreme: calibration slope 0.6" in text for text in words), words
    for one in judged(1.0):
        assert one.verdict("churn") == ("yes", [])


def test_many_features_for_few_events_are_mentioned(company):
    table = dates(["2024-07-01"], observation="90d")
    tables = {"subscriptions": company.subscriptions, "events": company.events}
    model = tc.ChurnModel(
        estimator=tc.Propensity(features="linear"), replications=0, anyway=True
    ).fit(table, **tables)
    rarer = min(model.report_card_.data.table["value"][:2])
    n = len(model.recipe_.feature_names)
    said = [text for text in model.report_card_.reasons if "features are learnt from" in text]
    assert bool(said) == (rarer < 5 * n)


def test_one_date_is_judged_by_customers_left_out(log):
    model = tc.ChurnModel(active_within="180d").fit(dates(["2025-01-01"]), purchases=log)
    card = model.report_card_
    assert not card.later_dates
    assert card.verdict == "barely"
    assert "no later date" in card.text()
    assert card["auc"] > 0.6


def test_rows_already_built(log):
    table = dates().inactivity(log, active_within="180d")
    one = tc.ChurnModel().fit(table)
    other = tc.ChurnModel(active_within="180d").fit(dates(), purchases=log)
    assert one.report_card_["auc"] == other.report_card_["auc"]


def test_features_that_are_the_same_in_all_rows_are_listed_but_not_warned_of():
    company = tc.datasets.simulate_subscriptions(800, seed=1)
    three = tc.Snapshots(["2024-04-01", "2024-07-01", "2024-10-01"], "90d", "90d")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = tc.ChurnModel(anyway=True, replications=0).fit(
            three, subscriptions=company.subscriptions, events=company.events
        )
    constant = {one.column for one in model.audit_.findings if one.kind == "constant"}
    assert constant == {"subscriptions_active", "subscriptions_ended"}
