"""What customers may yet bring in: every column by its formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tercet as tc

PRODUCTS = ["tea", "coffee", "cups"]
MARGINS = {"tea": 4.0, "coffee": 5.0, "cups": "cup_margin"}
DATE = "2024-07-01"


def company(n=60, seed=1):
    rng = np.random.default_rng(seed)
    scores = pd.DataFrame({"customer_id": rng.permutation(n) + 100, "as_of": pd.Timestamp(DATE)})
    for name in PRODUCTS:
        p = rng.beta(1, 4, n)
        scores[f"purchase_probability_{name}"] = p
        scores[f"purchase_probability_{name}_lower"] = 0.7 * p
        scores[f"purchase_probability_{name}_upper"] = 0.7 * p + 0.3
    scores.loc[3, [c for c in scores if "tea" in c]] = np.nan
    scores["segment"] = rng.choice(["home", "office", "bar"], n)
    scores["cup_margin"] = rng.uniform(5, 20, n).round(2)
    scores["size"] = rng.normal(size=n)
    m = 150
    log = pd.DataFrame(
        {
            "customer_id": rng.choice(scores["customer_id"], m),
            "date": pd.Timestamp("2023-07-01") + pd.to_timedelta(rng.integers(0, 400, m), "D"),
            "product": rng.choice([*PRODUCTS, "other"], m),
            "amount": np.where(rng.random(m) < 0.1, -1.0, 9.0),
        }
    )
    return scores, log


def columns_of(scores, log):
    """The quantities of the formulas, straight from the tables."""
    past = log[(log["date"] < DATE) & (log["amount"] >= 0)]
    late = past[past["date"] >= pd.Timestamp(DATE) - pd.Timedelta(90, "D")]

    def bought(rows):
        pairs = set(zip(rows["customer_id"], rows["product"], strict=True))
        return np.array([[(i, j) in pairs for j in PRODUCTS] for i in scores["customer_id"]])

    p = scores[[f"purchase_probability_{name}" for name in PRODUCTS]].to_numpy()
    m = np.column_stack(
        [np.full(len(scores), 4.0), np.full(len(scores), 5.0), scores["cup_margin"]]
    )
    return p, m, bought(past), bought(late).astype(float)


@pytest.fixture(scope="module")
def tables():
    return company()


@pytest.fixture(scope="module")
def found(tables):
    scores, log = tables
    return tc.sales_potential(
        scores, MARGINS, purchases=log, similar="segment", horizon="90d", level=0.9
    )


def test_every_column_is_its_formula(found, tables):
    scores, log = tables
    p, m, has, b = columns_of(scores, log)
    assert list(found.columns) == [
        "customer_id",
        "expected_margin",
        "expected_margin_lower",
        "expected_margin_upper",
        "open_products",
        "best_product",
        "best_product_expected_margin",
        "current_margin",
        "similar_customers",
        "benchmark_margin",
        "benchmark_margin_lower",
        "benchmark_margin_upper",
        "benchmark_open_margin",
        "gap",
    ]
    assert found["customer_id"].tolist() == scores["customer_id"].tolist()
    open_to = ~has & ~np.isnan(p)
    each = np.where(open_to, p * m, 0.0)
    np.testing.assert_allclose(found["expected_margin"], each.sum(axis=1))
    np.testing.assert_allclose(found["expected_margin_lower"], 0.7 * each.sum(axis=1))
    upper = np.where(open_to, (0.7 * p + 0.3) * m, 0.0).sum(axis=1)
    np.testing.assert_allclose(found["expected_margin_upper"], upper)
    assert found["open_products"].tolist() == open_to.sum(axis=1).tolist()
    some = open_to.any(axis=1)
    best = np.array(PRODUCTS)[np.where(open_to, each, -1).argmax(axis=1)]
    assert found["best_product"][some].tolist() == best[some].tolist()
    assert found["best_product"][~some].isna().all()
    np.testing.assert_allclose(found["best_product_expected_margin"][some], each.max(axis=1)[some])
    np.testing.assert_allclose(found["current_margin"], (b * m).sum(axis=1))
    z = 1.6448536269514722
    for row in range(len(scores)):
        others = (scores["segment"] == scores["segment"][row]).to_numpy(copy=True)
        others[row] = False
        value = b[others] @ m[row]
        got = found.iloc[row]
        assert got["similar_customers"] == others.sum()
        assert got["benchmark_margin"] == pytest.approx(value.mean())
        error = value.std(ddof=1) / np.sqrt(others.sum())
        assert got["benchmark_margin_upper"] == pytest.approx(value.mean() + z * error)
        assert got["benchmark_margin_lower"] == pytest.approx(max(value.mean() - z * error, 0.0))
        rest = b[others] @ np.where(open_to[row], m[row], 0.0)
        assert got["benchmark_open_margin"] == pytest.approx(rest.mean())
        assert got["gap"] == pytest.approx(value.mean() - (b[row] * m[row]).sum())


def test_nearest_customers(tables):
    scores, log = tables
    found = tc.sales_potential(
        scores, MARGINS, purchases=log, similar=7, by=["size", "cup_margin"], horizon="90d"
    )
    _, m, _, b = columns_of(scores, log)
    x = scores[["size", "cup_margin"]].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    for row in range(len(scores)):
        distance = ((x - x[row]) ** 2).sum(axis=1)
        distance[row] = np.inf
        near = np.argsort(distance)[:7]
        assert found["benchmark_margin"][row] == pytest.approx((b[near] @ m[row]).mean())
    assert (found["similar_customers"] == 7).all()


def test_a_column_may_come_from_the_table_of_customers(found, tables):
    scores, log = tables
    customers = scores[["customer_id", "segment", "cup_margin"]].sample(frac=1.0, random_state=2)
    bare = scores.drop(columns=["segment", "cup_margin"])
    again = tc.sales_potential(
        bare,
        MARGINS,
        customers=customers,
        purchases=log,
        similar="segment",
        horizon="90d",
        level=0.9,
    )
    pd.testing.assert_frame_equal(again, found)


def test_tables_of_every_kind(kind, found, tables, table, native, lists):
    scores, log = (
        table({name: one[name].to_numpy() for name in one.columns}, kind) for one in tables
    )
    again = tc.sales_potential(
        scores, MARGINS, purchases=log, similar="segment", horizon="90d", level=0.9
    )
    assert isinstance(again, native[kind])
    back = lists(again)
    np.testing.assert_allclose(back["gap"], found["gap"])
    assert [one or None for one in back["best_product"]] == [
        one if isinstance(one, str) else None for one in found["best_product"]
    ]


def test_what_is_owned(tables):
    scores, _ = tables
    nothing = tc.sales_potential(scores, MARGINS, owned=None)
    assert nothing["open_products"].tolist() == [2 if row == 3 else 3 for row in range(len(scores))]
    assert "current_margin" not in nothing
    who = scores["customer_id"].iloc[5]
    owned = pd.DataFrame({"customer_id": [who, who, who, -1], "product": [*PRODUCTS, "tea"]})
    some = tc.sales_potential(scores, MARGINS, owned=owned)
    assert some["open_products"].iloc[5] == 0
    assert some["expected_margin"].iloc[5] == 0.0
    assert some.drop(index=5)["open_products"].equals(nothing.drop(index=5)["open_products"])


def test_from_a_model():
    shop = tc.datasets.simulate_subscriptions(1_200, seed=3)
    snapshots = tc.Snapshots(
        as_of=["2024-04-01", "2024-07-01", "2024-10-01"], observation="90d", outcome="90d"
    )
    model = tc.PurchaseModel(
        ["seats", "storage"],
        estimator=tc.Propensity(features="linear"),
        anyway=True,
        replications=0,
    ).fit(snapshots, purchases=shop.purchases)
    margins = {"seats": 20.0, "storage": 5.0}
    options = {"purchases": shop.purchases, "similar": "region"}
    found = tc.sales_potential(
        model, margins, customers=shop.customers, as_of="2025-01-01", **options
    )
    scored = model.score(shop.customers, "2025-01-01", purchases=shop.purchases)
    same = tc.sales_potential(scored, margins, customers=shop.customers, horizon="90d", **options)
    pd.testing.assert_frame_equal(found, same)
    assert found["customer_id"].tolist() == shop.customers["customer_id"].tolist()
    unscored = scored["not_scored"].notna() & (scored["not_scored"] != "has every product")
    assert (found["expected_margin"].isna() == unscored).all()
    # Those who bought nothing are below their likes, on average those who bought are above.
    none = found["current_margin"] == 0
    assert found.loc[none, "gap"].min() >= 0
    assert abs(found["gap"].mean()) < 1e-9 * len(found) + 1e-6
    with pytest.raises(tc.ParameterError, match="'training' is none of the model's"):
        tc.sales_potential(model, {"training": 1.0}, as_of="2025-01-01", **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margins": {}}, "margins = {}"),
        ({"margins": {"tea": -1.0}, "owned": None}, "margins\\['tea'\\] = -1.0"),
        ({"margins": {"tea": "price"}, "owned": None}, "'price'"),
        ({"margins": {"milk": 1.0}, "owned": None}, "purchase_probability_milk"),
        ({"margins": {"tea": 1.0}}, "purchases: expected the log"),
        ({"margins": {"tea": 1.0}, "owned": "now"}, "owned = 'now'"),
        ({"margins": {"tea": 1.0}, "owned": None, "similar": "segment"}, "purchases: expected"),
        ({"margins": {"tea": 1.0}, "owned": None, "level": 1.0}, "level = 1.0"),
    ],
)
def test_what_cannot_be(tables, arguments, message):
    with pytest.raises((tc.ParameterError, tc.DataError), match=message):
        tc.sales_potential(tables[0], **arguments)


def test_what_cannot_be_compared(tables):
    scores, log = tables
    more = {"purchases": log, "horizon": "90d"}
    with pytest.raises(tc.ParameterError, match="horizon: expected"):
        tc.sales_potential(scores, MARGINS, purchases=log, similar="segment")
    with pytest.raises(tc.ParameterError, match="by = None"):
        tc.sales_potential(scores, MARGINS, similar=5, **more)
    with pytest.raises(tc.ParameterError, match="similar = 60"):
        tc.sales_potential(scores, MARGINS, similar=60, by=["size"], **more)
    gap = scores.assign(size=scores["size"].where(scores.index != 4))
    with pytest.raises(tc.DataError, match="'size', row 4: is missing"):
        tc.sales_potential(gap, MARGINS, similar=5, by=["size"], **more)
    with pytest.raises(tc.DataError, match="customer of row 0"):
        tc.sales_potential(pd.concat([scores, scores.iloc[:1]]), MARGINS, owned=None)
    above = scores.assign(purchase_probability_tea=1.2)
    with pytest.raises(tc.DataError, match=r"row 0: is 1.2; a probability is from 0 to 1"):
        tc.sales_potential(above, MARGINS, owned=None)
