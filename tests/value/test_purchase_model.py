"""PurchaseModel and FeatureUseModel: several things at once, in agreement, rare ones too."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.optimize import minimize
from sklearn.base import clone

import tercet as tc
from tercet.value.models._coherence import coherent, moved
from tercet.value.models._estimates import Estimate
from tercet.value.models._listed import ends_in_order

DATES = ["2024-03-01", "2024-06-01", "2024-09-01"]
TODAY = "2025-01-01"
PRODUCTS = ["tea", "coffee", "samovar"]
LINEAR = tc.Propensity(features="linear")


def shop(n=1_500, rates=(0.10, 0.06, 0.012), seed=1):
    """Customers whose taste says how much they buy of everything; products differ in how often."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n, 3))
    days = np.arange("2023-09-01", "2024-12-31", dtype="datetime64[D]")
    rows = []
    for name, rate in zip([*PRODUCTS, "other"], [*rates, 0.2], strict=True):
        slopes = np.array([1.0, -0.7, 0.5]) + rng.normal(0, 0.1, 3)
        a_day = rate / 90 * np.exp(taste @ slopes - 0.5 * slopes @ slopes)
        counts = rng.poisson(a_day * len(days))
        who = np.repeat(np.arange(n), counts)
        rows.append(
            pd.DataFrame({"customer_id": who, "date": rng.choice(days, len(who)), "product": name})
        )
    customers = pd.DataFrame(taste.round(3), columns=["a", "b", "c"])
    customers.insert(0, "customer_id", np.arange(n))
    customers["since"] = np.datetime64("2023-08-01")
    return pd.concat(rows, ignore_index=True), customers


def dates(as_of=DATES):
    return tc.Snapshots(as_of=as_of, observation="120d", outcome="90d")


@pytest.fixture(scope="module")
def tables():
    log, customers = shop()
    return {"purchases": log, "customers": customers}


@pytest.fixture(scope="module")
def model(tables):
    return tc.PurchaseModel(PRODUCTS, estimator=LINEAR).fit(dates(), **tables)


@pytest.fixture(scope="module")
def scored(model, tables):
    return model.score(as_of=TODAY, **tables)


@pytest.fixture(scope="module")
def once(tables):
    return tc.PurchaseModel(PRODUCTS, first_only=True, estimator=LINEAR, anyway=True).fit(
        dates(), **tables
    )


def each_of(found, end=""):
    return found[[f"purchase_probability_{name}{end}" for name in PRODUCTS]].to_numpy()


def test_columns(scored):
    want = ["customer_id", "as_of"]
    for stem in ("", *(f"_{name}" for name in PRODUCTS)):
        want += [f"purchase_probability{stem}{end}" for end in ("", "_lower", "_upper")]
    assert list(scored.columns) == [*want, "band", "decile", "not_scored"]
    for stem in ("", *(f"_{name}" for name in PRODUCTS)):
        name = f"purchase_probability{stem}"
        assert (scored[f"{name}_lower"] <= scored[name]).all()
        assert (scored[name] <= scored[f"{name}_upper"]).all()


def test_a_product_that_the_card_says_no_for_is_not_given_out(model, tables, scored, monkeypatch):
    monkeypatch.setattr(tc.ReportCard, "unfit", property(lambda card: ["buys_tea"]))
    log, few = tables["purchases"], tables["customers"].iloc[:50]
    monkeypatch.setattr(model, "anyway", False)
    with pytest.warns(UserWarning, match=r"no probabilities of buys_tea.*anyway=True"):
        found = model.score(**tables, as_of=TODAY)
    for end in ("", "_lower", "_upper"):
        assert found[f"purchase_probability_tea{end}"].isna().all()
    others = [name for name in scored if "_tea" not in name]
    pd.testing.assert_frame_equal(found[others], scored[others])
    with pytest.warns(UserWarning, match="no probabilities of buys_tea"):
        best = model.next_best_product(few, TODAY, purchases=log, owned=None)
    assert "tea" not in set(best["next_product"])
    best = model.next_best_product(few, TODAY, purchases=log, owned=None, anyway=True)
    assert "tea" in set(best["next_product"])
    every = [f"buys_{name}" for name in PRODUCTS]
    monkeypatch.setattr(tc.ReportCard, "unfit", property(lambda card: every))
    with pytest.raises(tc.DataError, match=r"no for every product.*anyway=True"):
        model.next_best_product(few, TODAY, purchases=log)


def test_the_log_of_the_outcome_needs_rows(model, tables):
    with pytest.raises(tc.DataError, match=r"log of purchases has no rows.*all rows until"):
        model.score(tables["customers"], TODAY, purchases=tables["purchases"].iloc[:0])


def assert_agree(each, union):
    assert (union >= np.nanmax(each, axis=1)).all()
    assert (union <= np.minimum(1.0, np.nansum(each, axis=1)) + 1e-15).all()


def test_total_and_products_agree_for_every_customer(scored, once, tables):
    assert_agree(each_of(scored), scored["purchase_probability"].to_numpy())
    found = once.score(tables["customers"], TODAY, purchases=tables["purchases"])
    open_to = found["purchase_probability"].notna()
    assert_agree(each_of(found)[open_to], found.loc[open_to, "purchase_probability"].to_numpy())


def test_agreement_does_not_spoil_the_probabilities(model, tables):
    """Held against what happened at a date that the model has not seen."""
    table = dates(["2024-10-01"]).purchases(
        tables["purchases"], products=PRODUCTS, customers=tables["customers"]
    )
    found = model.score(table)
    p = np.column_stack([found["purchase_probability"], each_of(found)])
    raw = np.column_stack([one.predict_proba(table.X)[:, 1] for one in model.models_.values()])
    y = table.y[["buys_any", *(f"buys_{name}" for name in PRODUCTS)]].to_numpy() > 0
    broken = (raw[:, 0] < raw[:, 1:].max(axis=1)) | (raw[:, 0] > raw[:, 1:].sum(axis=1))
    assert broken.any()
    assert (p != raw).any(axis=1).tolist() == broken.tolist()

    def losses(q):
        return -np.where(y, np.log(q), np.log1p(-q)).sum(axis=1)

    assert (losses(p) <= losses(raw) + 1e-12).all()
    assert losses(p)[broken].sum() < losses(raw)[broken].sum()
    for column in range(4):
        before, after = (tc.reliability(y[:, column], q[:, column]) for q in (raw, p))
        assert after.calibration_error < before.calibration_error + 0.003


def test_the_nearest_probabilities_are_found():
    rng = np.random.default_rng(3)
    n, k = 400, 4
    each = rng.beta(1, rng.choice([2, 9, 40], (n, 1)), (n, k))
    each[rng.random((n, k)) < 0.2] = np.nan
    union = rng.beta(1, 3, n)
    q, total = coherent(each, union)
    known = ~np.isnan(total)
    assert_agree(q[known], total[known])
    assert (np.isnan(q) == np.isnan(each)).all()
    again, same = coherent(q[known], total[known])
    np.testing.assert_allclose(again, q[known], atol=1e-12)
    np.testing.assert_allclose(same, total[known], atol=1e-12)

    def distance(x, p):
        return float(np.sum(x * np.log(x / p) + (1 - x) * np.log((1 - x) / (1 - p))))

    checked = 0
    for row in np.flatnonzero(known)[:60]:
        open_to = ~np.isnan(each[row])
        p = np.append(each[row, open_to], union[row])
        found = np.append(q[row, open_to], total[row])
        bounds = [
            {"type": "ineq", "fun": lambda x: x[-1] - x[:-1]},
            {"type": "ineq", "fun": lambda x: x[:-1].sum() - x[-1]},
        ]
        best = minimize(
            distance,
            found,
            (p,),
            constraints=bounds,
            bounds=[(1e-9, 1 - 1e-9)] * len(p),
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 300},
        )
        assert distance(found, p) <= best.fun + 1e-6
        checked += bool((found != p).any())
    assert checked > 10


def test_ends_move_on_the_scale_of_log_odds():
    lower = moved(np.array([0.1, 0.2]), np.array([0.2, 0.3]), np.array([0.4, 0.3]))
    odds = 0.1 / 0.9 * (0.4 / 0.6) / (0.2 / 0.8)
    np.testing.assert_allclose(lower, [odds / (1 + odds), 0.2])


def lost(truth, p):
    """What is expected of the log loss above that of the truth."""
    return float((truth * np.log(truth / p) + (1 - truth) * np.log((1 - truth) / (1 - p))).sum())


def test_a_rare_product_gains_from_the_others():
    """Of twenty buyers or so: nearer to the truth together than alone, in sum over shops."""
    alone, together, events = 0.0, 0.0, []
    for seed in range(4):
        log, customers = shop(1_200, (0.3, 0.25, 0.018), seed=10 + seed)
        table = dates(["2024-06-01"]).purchases(log, products=PRODUCTS, customers=customers)
        model = tc.PurchaseModel(
            PRODUCTS,
            estimator=tc.Propensity(features="linear", calibration="none"),
            anyway=True,
            replications=0,
        ).fit(table)
        y = table.y["buys_samovar"].to_numpy()
        events.append(int(y.sum()))
        single = tc.Propensity(features="linear", calibration="none").fit(table.X, y)
        rng = np.random.default_rng(10 + seed)
        taste = rng.normal(size=(1_200, 3))
        slopes = np.array([1.0, -0.7, 0.5])
        rate = 0.018 * np.exp(taste @ slopes - 0.5 * slopes @ slopes)
        truth = 1 - np.exp(-rate[table.groups.astype(int)])
        alone += lost(truth, single.predict_proba(table.X)[:, 1])
        together += lost(truth, model.models_["buys_samovar"].predict_proba(table.X)[:, 1])
    assert 10 <= np.mean(events) <= 35
    assert together < 0.8 * alone, (together, alone, events)


def test_the_report_card_tells_of_every_product(model):
    card = model.report_card_
    outcomes = card.outcomes
    assert outcomes["outcome"].tolist() == ["buys_any", *(f"buys_{one}" for one in PRODUCTS)]
    assert (outcomes["auc"] > 0.55).all()
    assert outcomes["verdict"].iloc[0] == "yes"
    assert outcomes["verdict"].iloc[3] in ("barely", "no")  # too few samovars to judge by
    assert set(card.table["outcome"]) == set(outcomes["outcome"])
    assert "buys_samovar: auc" in repr(card)


def who_has(log, ids):
    """Who ever bought each product."""
    bought = [log.loc[log["product"] == name, "customer_id"] for name in PRODUCTS]
    return np.column_stack([ids.isin(one) for one in bought])


def test_who_has_a_product_has_no_probability_of_it(once, tables):
    found = once.score(tables["customers"], TODAY, purchases=tables["purchases"])
    log = tables["purchases"]
    has = who_has(log, found["customer_id"])
    assert (np.isnan(each_of(found)) == has).all()
    assert (np.isnan(each_of(found, "_upper")) == has).all()
    everything = has.all(axis=1)
    assert everything.any()
    assert (found["not_scored"] == "has every product").tolist() == everything.tolist()
    one_left = has.sum(axis=1) == 2
    np.testing.assert_array_equal(
        np.nanmax(each_of(found)[one_left], axis=1), found.loc[one_left, "purchase_probability"]
    )


def test_the_next_best_product(model, scored, tables):
    log, customers = tables["purchases"], tables["customers"]
    found = model.next_best_product(customers, TODAY, purchases=log)
    p = each_of(scored)
    has = who_has(log, customers["customer_id"])
    masked = np.where(has, -1.0, p)
    there = ~has.all(axis=1)
    best = np.array(PRODUCTS)[masked.argmax(axis=1)]
    assert found["next_product"].notna().tolist() == there.tolist()
    assert found["next_product"][there].tolist() == best[there].tolist()
    np.testing.assert_array_equal(
        found["next_product_probability"][there], masked.max(axis=1)[there]
    )
    assert set(found["not_scored"].dropna()) == {"has every product"}


def test_margins_and_what_is_owned(model, scored, tables):
    rich = tables["customers"].assign(dear=np.where(tables["customers"]["a"] > 0, 900.0, 9.0))
    margins = {"tea": 3, "coffee": 4.0, "samovar": "dear"}
    found = model.next_best_product(
        rich, TODAY, purchases=tables["purchases"], margins=margins, owned=None, top=3
    )
    value = each_of(scored) * np.column_stack(
        [np.full(len(rich), 3.0), np.full(len(rich), 4.0), rich["dear"]]
    )
    np.testing.assert_allclose(found["next_product_expected_margin"], value.max(axis=1))
    np.testing.assert_allclose(found["next_product_3_expected_margin"], value.min(axis=1))
    owned = pd.DataFrame({"customer_id": [0, 0, 1], "product": ["tea", "samovar", "coffee"]})
    some = model.next_best_product(
        rich, TODAY, purchases=tables["purchases"], owned=owned, top=3
    ).iloc[:3]
    shown = some[["next_product", "next_product_2", "next_product_3"]]
    assert shown.notna().sum(axis=1).tolist() == [1, 2, 3]
    assert shown.iloc[0, 0] == "coffee"
    for wrong, message in (
        ({"tea": 3}, "'coffee' is missing"),
        ({**margins, "cups": 1}, "'cups' is none of them"),
        ({**margins, "tea": "price"}, "'price'"),
    ):
        with pytest.raises((tc.ParameterError, tc.DataError), match=message):
            model.next_best_product(rich, TODAY, purchases=tables["purchases"], margins=wrong)
    with pytest.raises(tc.ParameterError, match="owned = 'now'"):
        model.next_best_product(rich, TODAY, purchases=tables["purchases"], owned="now")
    with pytest.raises(tc.ParameterError, match="from 1 to 3"):
        model.next_best_product(rich, TODAY, purchases=tables["purchases"], top=4)


def test_kept(model, scored, tables, tmp_path):
    model.save(tmp_path / "m.json")
    for copy in (tc.load(tmp_path / "m.json"), pickle.loads(pickle.dumps(model))):
        assert isinstance(copy, tc.PurchaseModel)
        pd.testing.assert_frame_equal(copy.score(as_of=TODAY, **tables), scored)
        assert repr(copy.report_card_) == repr(model.report_card_)
    assert clone(model).products == PRODUCTS


def test_reasons_by_product(model, tables):
    some = tables["customers"].iloc[:20]
    words = model.reasons(some, TODAY, purchases=tables["purchases"], outcome="samovar", top=1)
    same = model.reasons(some, TODAY, purchases=tables["purchases"], outcome="buys_samovar", top=1)
    pd.testing.assert_frame_equal(words, same)
    assert model.summary("tea")["log_odds"].notna().all()


def test_polars(model, scored, tables):
    frames = {name: pl.from_pandas(frame) for name, frame in tables.items()}
    found = model.score(as_of=TODAY, **frames)
    assert isinstance(found, pl.DataFrame)
    np.testing.assert_array_equal(
        found["purchase_probability_tea"], scored["purchase_probability_tea"]
    )


def test_a_purchase_of_anything_and_a_single_product(tables):
    anything = tc.PurchaseModel(estimator=LINEAR, replications=0).fit(dates(), **tables)
    found = anything.score(as_of=TODAY, **tables)
    assert list(found.columns)[2:] == [
        "purchase_probability",
        "purchase_probability_lower",
        "purchase_probability_upper",
        "band",
        "decile",
        "not_scored",
    ]
    with pytest.raises(tc.ParameterError, match="two at least"):
        anything.next_best_product(as_of=TODAY, **tables)
    single = tc.PurchaseModel(["tea"], estimator=LINEAR, replications=0).fit(dates(), **tables)
    found = single.score(as_of=TODAY, **tables)
    assert found["purchase_probability"].equals(
        found["purchase_probability_tea"].rename("purchase_probability")
    )


def test_what_cannot_be(tables):
    with pytest.raises(tc.ParameterError, match="purchases: expected a table"):
        tc.PurchaseModel(PRODUCTS).fit(dates(), customers=tables["customers"])
    with pytest.raises(tc.ParameterError, match="products = 'samovars'"):
        tc.PurchaseModel([*PRODUCTS, "samovars"]).fit(dates(), **tables)
    with pytest.raises(tc.ParameterError, match="rows of feature_use"):
        tc.FeatureUseModel(PRODUCTS).fit(dates().purchases(tables["purchases"]))
    with pytest.raises(tc.ParameterError, match="strength"):
        tc.PurchaseModel(PRODUCTS, estimator=tc.Propensity(features="linear", strength=1.0)).fit(
            dates(), **tables
        )


def test_use_of_features(tables):
    uses = tables["purchases"].rename(columns={"product": "feature"})
    both = {"events": uses, "customers": tables["customers"]}
    model = tc.FeatureUseModel(PRODUCTS[:2], first_only=True, estimator=LINEAR, anyway=True).fit(
        dates(), **both
    )
    found = model.score(as_of=TODAY, **both)
    assert "feature_use_probability_coffee_upper" in found
    known = found["feature_use_probability"].notna()
    each = found[[f"feature_use_probability_{name}" for name in PRODUCTS[:2]]].to_numpy()
    assert_agree(each[known], found.loc[known, "feature_use_probability"].to_numpy())
    best = model.next_best_feature(tables["customers"], TODAY, events=uses)
    assert set(best["next_feature"].dropna()) == set(PRODUCTS[:2])
    assert set(best["not_scored"].dropna()) == {"has every feature"}


def contradictions(total, each):
    """Rows in which ends of intervals contradict P(any) >= P(j), or leave their estimate out."""
    p, lower, upper = total
    bad = (lower > p) | (p > upper)
    for p_k, lower_k, upper_k in each:
        bad |= (lower_k > lower) | (upper_k > upper) | (lower_k > p_k) | (p_k > upper_k)
    return np.flatnonzero(bad)


@pytest.mark.parametrize("seed", range(5))
def test_ends_keep_that_anything_is_likelier_than_each_thing(seed):
    rng = np.random.default_rng(seed)
    n, k = 2_000, 4
    p, union = coherent(rng.uniform(size=(n, k)), rng.uniform(size=n))
    p[rng.uniform(size=(n, k)) < 0.2] = np.nan

    def around(middle):
        below, above = rng.uniform(size=(2, len(middle)))
        return Estimate(middle, middle * below, middle + (1 - middle) * above)

    given = {"any": around(union), **{str(j): around(p[:, j].copy()) for j in range(k)}}
    found = ends_in_order(given)
    total, *each = ((one.p, one.lower, one.upper) for one in found.values())
    assert len(contradictions(total, each)) == 0
    before = [(one.p, one.lower, one.upper) for one in given.values()]
    assert len(contradictions(before[0], before[1:])) > 100
    for name, one in found.items():
        np.testing.assert_array_equal(one.p, given[name].p)
        assert np.array_equal(np.isnan(one.upper), np.isnan(one.p))


def test_ends_stay_as_they_are_where_there_are_none():
    given = {"any": Estimate(np.array([0.5])), "one": Estimate(np.array([0.2]))}
    assert ends_in_order(given) == given


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_ends_of_a_fitted_model_do_not_contradict_each_other(model, tables, level):
    found = model.score(as_of=TODAY, level=level, **tables)

    def ends(stem):
        return [found[f"{stem}{end}"].to_numpy() for end in ("", "_lower", "_upper")]

    total = ends("purchase_probability")
    each = [ends(f"purchase_probability_{name}") for name in PRODUCTS]
    assert len(contradictions(total, each)) == 0


def test_who_has_everything_is_said_without_customers_given(tables):
    model = tc.PurchaseModel(
        ["tea", "coffee"], first_only=True, estimator=LINEAR, anyway=True, replications=0
    ).fit(dates(), **tables)
    # Features of the table of customers ask for it; the rows built are given instead.
    rows = model.recipe_.features(as_of=TODAY, **tables)
    found = model.score(rows)
    assert list(found.columns)[-1] == "not_scored"
    nothing = found["purchase_probability"].isna()
    assert nothing.any()
    assert (found["not_scored"] == "has every product").tolist() == nothing.tolist()
    again = tc.PurchaseModel(
        ["tea", "coffee"], first_only=True, estimator=LINEAR, anyway=True, replications=0
    ).fit(dates(), purchases=tables["purchases"])
    found = again.score(as_of=TODAY, purchases=tables["purchases"])
    nothing = found["purchase_probability"].isna()
    assert (found["not_scored"] == "has every product").tolist() == nothing.tolist()
    plain = tc.PurchaseModel(["tea", "coffee"], estimator=LINEAR, anyway=True, replications=0)
    plain = plain.fit(dates(), purchases=tables["purchases"])
    assert "not_scored" not in plain.score(as_of=TODAY, purchases=tables["purchases"])
