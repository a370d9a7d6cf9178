"""Allocations: optimal, allowed, explained; and what is refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import LinearConstraint, linprog, milp

import tercet as tc
from tercet import plots

N = 400
ACTIONS = ("mail", "call", "gift")
COST = {"mail": 0.5, "call": 3.0, "gift": 5.0}


def drawn(n: int = N, seed: int = 1) -> pd.DataFrame:
    """Effects of three actions; the dear ones do more."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0.02, 0.03, (n, 3)) + np.array([0.0, 0.02, 0.05])
    return pd.DataFrame(effects, columns=list(ACTIONS)).assign(customer_id=np.arange(n) + 100)


def programme(
    effects: pd.DataFrame, budget: float | None, limits: dict[str, int], total: int | None
) -> tuple[np.ndarray, sparse.csr_array, np.ndarray]:
    """Profits, rows and bounds of the programme as scipy takes it."""
    n, k = len(effects), len(ACTIONS)
    cost = np.tile([COST[action] for action in ACTIONS], n)
    profit = 100 * effects[list(ACTIONS)].to_numpy().ravel() - cost
    rows = [sparse.kron(sparse.eye_array(n), np.ones((1, k)))]
    bounds = [np.ones(n)]
    if budget is not None:
        rows.append(sparse.csr_array(cost[None]))
        bounds.append([budget])
    for action, most in limits.items():
        rows.append(sparse.csr_array(np.tile(np.array(ACTIONS) == action, n)[None].astype(float)))
        bounds.append([most])
    if total is not None:
        rows.append(sparse.csr_array(np.ones((1, n * k))))
        bounds.append([total])
    return profit, sparse.csr_array(sparse.vstack(rows)), np.concatenate(bounds)


CASES = [
    (400.0, {}, None),
    (None, {"call": 40}, None),
    (None, {}, 150),
    (300.0, {"call": 30, "gift": 25}, None),
    (250.0, {"call": 30, "gift": 25, "mail": 60}, 100),
    (1e6, {"gift": 20}, 390),
    (0.0, {}, None),
]


@pytest.mark.parametrize(("budget", "limits", "total"), CASES)
def test_bounds_and_prices_are_those_of_a_linear_programme(budget, limits, total):
    effects = drawn()
    wanted = limits if total is None else {**limits, "total": total}
    found = tc.allocate(effects, COST, 100, budget, wanted)
    profit, rows, bounds = programme(effects, budget, limits, total)
    exact = linprog(-profit, A_ub=rows, b_ub=bounds, bounds=(0, 1), method="highs")
    assert found.bound_ == pytest.approx(-exact.fun, rel=1e-9, abs=1e-9)
    told = found.actions_.set_index("action")["shadow_price"]
    prices = [] if budget is None else [found.shadow_price_]
    prices += [told[name] for name in wanted]
    for place, price in enumerate(prices):
        more = bounds.copy()
        more[N + place] += 1.0
        above = linprog(-profit, A_ub=rows, b_ub=more, bounds=(0, 1), method="highs")
        assert exact.fun - above.fun <= price + 1e-6
        if len(prices) == 1 and bounds[N]:  # of no money at all any high enough price is right
            more[N] -= 1.0 - 1e-4
            above = linprog(-profit, A_ub=rows, b_ub=more, bounds=(0, 1), method="highs")
            assert price == pytest.approx(-above.ineqlin.marginals[N], abs=1e-6)
    whole = milp(
        -profit,
        integrality=np.ones(len(profit)),
        bounds=(0, 1),
        constraints=LinearConstraint(rows, -np.inf, bounds),
        options={"mip_rel_gap": 0.0, "time_limit": 20},
    )
    assert found.profit_ <= -whole.fun + 1e-6
    assert found.profit_ >= -whole.fun - 0.005 * abs(whole.fun)
    assert found.gap_ >= -whole.fun - found.profit_ - 1e-6


def test_what_is_told_adds_up():
    effects = drawn()
    limits = {"call": 30, "total": 200}
    found = tc.allocate(effects, COST, 100, 300, limits)
    table = found.table_
    assert list(table.columns) == [
        *("customer_id", "action", "effect", "cost", "expected_incremental_profit", "reason")
    ]
    chosen = table["reason"] == "chosen"
    assert chosen.sum() == found.n_
    assert (table["action"].notna() == chosen).all()
    assert table["cost"].sum() == pytest.approx(found.cost_)
    assert found.cost_ <= 300
    assert table["expected_incremental_profit"].sum() == pytest.approx(found.profit_)
    assert (table.loc[chosen, "expected_incremental_profit"] > 0).all()
    own = table[chosen].merge(effects.melt("customer_id", var_name="action"))
    np.testing.assert_allclose(own["effect"], own["value"])
    actions = found.actions_.set_index("action")
    assert list(actions.index) == [*ACTIONS, "total"]
    assert actions["n"][list(ACTIONS)].sum() == actions["n"]["total"] == found.n_
    assert actions["profit"]["total"] == pytest.approx(found.profit_)
    assert actions["n"]["call"] <= 30
    assert actions["limit"]["total"] == 200
    assert pd.isna(actions["limit"]["mail"])
    # Below the margins of the prices nobody is chosen, above everybody is.
    price = 1 + found.shadow_price_
    places = {name: actions["shadow_price"].get(name, 0) for name in [*ACTIONS, "total"]}
    value = {
        action: 100 * effects[action] - price * COST[action] - places[action] - places["total"]
        for action in ACTIONS
    }
    value = pd.DataFrame(value)
    by_rule = np.where(value.max(axis=1) > 0, value.idxmax(axis=1), "nothing")
    assert (by_rule == table["action"].fillna("nothing")).mean() > 0.98
    assert "x cost" in found.rule


def test_the_curve_holds_the_allocation():
    effects = drawn()
    found = tc.allocate(effects, COST, 100, 300, {"call": 30})
    curve = found.curve_
    assert len(curve) == 22
    assert (np.diff(curve["profit"]) > -1e-9).all()
    slopes = np.diff(curve["profit"]) / np.diff(curve["budget"])
    assert (np.diff(slopes) < 1e-6).all()
    own = curve[curve["budget"] == 300]
    assert own["profit"].item() == pytest.approx(found.bound_)
    assert own["shadow_price"].item() == pytest.approx(found.shadow_price_)
    plenty = tc.allocate(effects, COST, 100, limits={"call": 30})
    assert plenty.shadow_price_ is None
    assert found.enough_ == pytest.approx(plenty.cost_)
    assert curve["profit"].iloc[-1] == pytest.approx(plenty.profit_)
    rich = tc.allocate(effects, COST, 100, 1e5, {"call": 30})
    assert rich.shadow_price_ == 0
    assert rich.profit_ == pytest.approx(plenty.profit_)
    assert rich.curve_["budget"].iloc[-1] == 1e5
    assert "more earns nothing" in rich.text()
    assert len(tc.allocate(effects, COST, 100, 300, curve_points=0).curve_) == 0
    assert tc.allocate(effects).enough_ is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_wish_is_never_overruled(data):
    n = data.draw(st.integers(1, 30))
    seed = data.draw(st.integers(0, 1_000))
    effects = drawn(n, seed)
    rng = np.random.default_rng(seed)
    never = rng.choice(effects["customer_id"], rng.integers(0, n + 1), replace=False)
    phone = rng.random(n) < 0.5
    found = tc.allocate(
        effects,
        data.draw(st.sampled_from([0.0, COST])),
        margin=100,
        budget=data.draw(st.sampled_from([None, 0, 20, 1e9])),
        limits=data.draw(st.sampled_from([None, 5, {"call": 2}])),
        channels={"call": "phone", "mail": "post", "gift": "post"},
        do_not_contact={"total": never, "phone": phone},
        random_state=seed,
        curve_points=3,
    )
    table = found.table_
    wished = table["customer_id"].isin(never)
    assert table.loc[wished, "action"].isna().all()
    assert set(table.loc[wished, "reason"]) <= {"do not contact"}
    assert not (table["action"] == "call")[phone].any()


def test_consent_may_be_told_in_many_ways():
    effects = drawn()
    ids = effects["customer_id"]
    never = ids[::3]
    flags = ids.isin(never)
    ways = [list(never), set(never), never, pa.array(never), pl.Series(never.to_numpy()), flags]
    ways += [flags.to_numpy(), {"mail": never, "call": flags, "gift": list(never)}]
    first = tc.allocate(effects, COST, 100, do_not_contact=ways[0])
    assert (first.table_["action"].isna() & flags).sum() == flags.sum()
    for way in ways[1:]:
        other = tc.allocate(effects, COST, 100, do_not_contact=way)
        pd.testing.assert_frame_equal(first.table_, other.table_)
    strangers = tc.allocate(effects, COST, 100, do_not_contact=[100, 7, 8])
    assert strangers.unknown_ids_ == {"do_not_contact": 2}
    assert "2 ids of do_not_contact are not among the customers" in strangers.text()
    assert tc.allocate(effects, COST, 100, do_not_contact=[]).unknown_ids_ == {}


def test_who_was_contacted_often_rests():
    effects = pd.DataFrame({"customer_id": list("abcde"), "mail": 0.1, "call": 0.05})
    history = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c", "c", "d", "z"],
            "time": pd.to_datetime([f"2024-03-{day:02}" for day in (1, 30, 31, 2, 31, 24, 30)]),
            "channel": ["email", "email", "phone", "email", "email", "email", "email"],
        }
    )
    ways = {"mail": "email", "call": "phone"}

    def reasons(*rules: dict[str, object], **more: object) -> list[object]:
        told = {"contact_history": history, "as_of": "2024-03-31", "channels": ways, **more}
        found = tc.allocate(effects, 1.0, 100, fatigue=list(rules), **told)
        assert found.unknown_ids_["contact_history"] == 1
        return list(found.table_["action"].fillna("resting"))

    # The first of a is 30 days ago, that of c 29.
    assert reasons({"days": 30, "contacts": 2}) == ["mail", "mail", "resting", "mail", "mail"]
    assert reasons({"days": 31, "contacts": 2})[0] == "resting"
    # d's contact is a week ago to the day.
    week = {"days": 7, "contacts": 1, "channel": "email"}
    assert reasons(week) == ["call", "mail", "call", "mail", "mail"]
    both = reasons(week, {"days": 8, "contacts": 1})
    assert both == ["resting", "resting", "resting", "resting", "mail"]
    assert reasons({"days": 9, "contacts": 1, "channel": "phone"}) == ["mail"] * 5
    zoned = history.assign(time=history["time"].dt.tz_localize("Europe/Oslo"))
    assert reasons(week, contact_history=zoned) == reasons(week)
    days = history.assign(time=[0, 29, 30, 1, 30, 23, 29])
    assert reasons(week, contact_history=days, as_of=30) == reasons(week)
    assert reasons(week, as_of=dt.date(2024, 3, 31)) == reasons(week)


def test_reasons():
    effects = pd.DataFrame({"mail": [0.5, 0.4, 0.001, 0.3, 0.2], "call": [0.0, 0.6, 0, 0, 0]})
    found = tc.allocate(effects, 1.0, 10, 1.0, eligible=[True, True, True, False, True])
    why = ["budget", "chosen", "not profitable", "not eligible", "budget"]
    assert list(found.table_["reason"]) == why
    found = tc.allocate(effects, 1.0, 10, limits=1, do_not_contact=np.arange(5) == 1)
    why = ["chosen", "do not contact", "not profitable", "capacity", "capacity"]
    assert list(found.table_["reason"]) == why
    # What would pay is closed; the other action is open and does not.
    found = tc.allocate(effects, 1.0, 10, eligible={"mail": [False] * 5})
    assert found.table_["reason"].tolist()[0] == "not eligible"
    assert found.table_["action"].tolist()[1] == "call"
    nobody = tc.allocate(-effects)
    assert nobody.n_ == 0
    assert "None of 5 customers gets an action: no action earns what it costs" in nobody.text()


def test_amounts_in_every_way():
    effects = drawn(60)
    n = len(effects)
    cost = pd.DataFrame({action: np.full(n, value) for action, value in COST.items()})
    one = tc.allocate(effects, COST, 100, 60).table_
    for other in (cost, cost.to_numpy(), dict(cost), pl.from_pandas(cost)):
        pd.testing.assert_frame_equal(one, tc.allocate(effects, other, np.full(n, 100), 60).table_)
    margin = dict.fromkeys(ACTIONS, 100)
    pd.testing.assert_frame_equal(one, tc.allocate(effects, COST, margin, 60).table_)
    ids = effects.pop("customer_id")
    apart = tc.allocate(effects.to_numpy(), cost.to_numpy(), 100, 60, customer_id=ids)
    np.testing.assert_array_equal(apart.table_["cost"], one["cost"])
    alone = tc.allocate(effects["call"], 3, 100, 60)
    assert set(alone.table_["action"].dropna()) == {"call"}


def test_kinds_of_table_and_index():
    effects = drawn(50)
    expected = tc.allocate(effects, COST, 100, 40).table_
    shuffled = effects.sample(frac=1, random_state=3).set_index(np.arange(50) * 2)
    found = tc.allocate(shuffled, COST, 100, 40)
    assert found.table_.index.equals(shuffled.index)
    back = found.table_.sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(back, expected)
    assert isinstance(tc.allocate(pl.from_pandas(effects), COST, 100).table_, pl.DataFrame)
    lazy = tc.allocate(pl.from_pandas(effects).lazy(), COST, 100)
    assert isinstance(lazy.table_, pl.LazyFrame)
    arrow = tc.allocate(pa.Table.from_pandas(effects), COST, 100, 40)
    assert isinstance(arrow.table_, pa.Table)
    assert arrow.table_["action"].to_pylist() == [
        None if pd.isna(action) else action for action in expected["action"]
    ]
    assert isinstance(arrow.curve_, pa.Table)


def test_equals_are_drawn_by_their_ids():
    effects = pd.DataFrame({"customer_id": np.arange(1_000), "mail": 0.1})
    first = tc.allocate(effects, 1, 100, 300)
    table = first.table_.set_index("customer_id")["action"].notna()
    assert table.sum() == 300
    assert 100 < table[:500].sum() < 200
    turned = tc.allocate(effects[::-1], 1, 100, 300).table_.set_index("customer_id")
    assert (turned["action"].notna()[table.index] == table).all()
    other = tc.allocate(effects, 1, 100, 300, random_state=1).table_["action"].notna()
    assert 50 < (other.to_numpy() & table.to_numpy()).sum() < 130
    threads = tc.allocate(effects, 1, 100, 300, n_jobs=1).table_["action"].notna()
    assert (threads.to_numpy() == table.to_numpy()).all()


def test_errors_of_a_model_are_shared_between_customers():
    effects = drawn()
    errors = pd.DataFrame(0.01, index=effects.index, columns=list(ACTIONS))

    def half(correlation: float) -> float:
        told = {"errors": errors, "error_correlation": correlation}
        found = tc.allocate(effects, COST, 100, 300, **told)
        lower, upper = found.profit_interval_
        assert (lower + upper) / 2 == pytest.approx(found.profit_)
        rows = found.table_[found.table_["reason"] == "chosen"]
        width = rows["upper"] - rows["expected_incremental_profit"]
        np.testing.assert_allclose(width, 1.959964, rtol=1e-6)
        assert {"lower", "upper"} <= set(found.curve_.columns)
        return (upper - lower) / 2 / found.n_

    assert half(1.0) == pytest.approx(1.959964)
    n = tc.allocate(effects, COST, 100, 300).n_
    assert half(0.0) == pytest.approx(1.959964 / np.sqrt(n))
    assert half(0.0) < half(0.3) < half(1.0)


def test_scores_tell_what_the_promise_is_too_high_by():
    rng = np.random.default_rng(5)
    n = 6_000
    true = rng.normal(0.03, 0.02, (n, 2))
    guessed = true + rng.normal(0, 0.04, (n, 2))
    cost = np.array([1.0, 2.0])
    covered, optimism = [], []
    for _ in range(40):
        scores = true + rng.normal(0, 0.5, (n, 2))
        found = tc.allocate(guessed, np.tile(cost, (n, 1)), 100, 1_500, scores=scores)
        action = found.table_["action"].str[-1].astype(float).fillna(0).astype(int).to_numpy()
        chosen = action > 0
        real = (100 * true - cost)[chosen, action[chosen] - 1].sum()
        lower, upper = found.profit_by_scores_interval_
        covered.append(lower <= real <= upper)
        optimism.append(found.profit_ / real)
    assert np.mean(covered) > 0.85
    assert np.mean(optimism) > 1.3
    assert "figure to plan with" in found.text()
    assert {"profit_by_scores", "scores_lower", "scores_upper"} <= set(found.curve_.columns)
    plain = tc.allocate(guessed, 1.0, 100, 1_500)
    assert plain.profit_by_scores_ is None
    assert "too high as a rule" in plain.text()


def test_it_shows_itself():
    found = tc.allocate(drawn(), COST, 100, 300, {"call": 20})
    shown = repr(found)
    assert "Which action for whom" in shown
    assert "another unit of money" in shown
    assert "The limit of 20 for 'call' is used up" in shown
    assert "Without an action:" in shown
    assert "<table>" in found._repr_html_()


def test_the_plot():
    found = tc.allocate(drawn(), COST, 100, 300, {"call": 20})
    ax = plots.profit_by_budget(found, currency="euros")
    assert ax.get_xlabel() == "Budget, in euros"
    assert "Another unit adds" in ax.get_title(loc="left")
    free = tc.allocate(drawn())
    with pytest.raises(tc.ParameterError, match="no action that pays costs anything"):
        plots.profit_by_budget(free)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"effects": {"mail": [0.1, np.nan]}}, tc.DataError, "column 'mail', row 1"),
        ({"effects": {"mail": [0.1, np.inf]}}, tc.DataError, "row 1: is infinite"),
        ({"effects": np.array([[0.1], [np.nan]])}, tc.DataError, "row 1: is missing"),
        ({"effects": np.ones((2, 2, 2))}, tc.DataError, "2 x 2 x 2"),
        ({"effects": {"customer_id": [1, 2]}}, tc.DataError, "no column of an action"),
        ({"effects": {"customer_id": [1, 1], "mail": [1, 2]}}, tc.DataError, "row 1: 1 is the"),
        ({"effects": [0.1] * 4, "customer_id": "id"}, tc.ParameterError, "effects is no table"),
        ({"customer_id": "id"}, tc.DataError, "column 'id': is missing"),
        ({"cost": -1.0}, tc.DataError, "column 'cost': is -1"),
        ({"cost": [0.0, 1.0, -2.0, 1.0]}, tc.DataError, "column 'cost', row 2: is -2"),
        ({"cost": [0.0, 1.0]}, tc.DataError, "2 values for 4 customers"),
        ({"cost": {"mail": 1.0}}, tc.ParameterError, "a number for 'call', too"),
        ({"cost": {"mail": 1.0, "fax": 2.0}}, tc.ParameterError, "'fax'"),
        ({"margin": {"mail": [1.0] * 4}}, tc.DataError, "column 'call': is missing"),
        ({"margin": "much"}, tc.DataError, "the text 'much'"),
        ({"margin": np.ones((4, 3))}, tc.DataError, "4 x 3"),
        ({"budget": -5}, tc.ParameterError, "budget = -5"),
        ({"budget": np.inf}, tc.ParameterError, "a finite amount"),
        ({"limits": {"fax": 3}}, tc.ParameterError, "limits = 'fax'"),
        ({"limits": -1}, tc.ParameterError, "limits = -1"),
        ({"limits": {"mail": 2.5}}, tc.ParameterError, "limits = 2.5"),
        ({"channels": {"fax": "phone"}}, tc.ParameterError, "channels = 'fax'"),
        ({"do_not_contact": {"fax": [1]}}, tc.ParameterError, "do_not_contact = 'fax'"),
        ({"do_not_contact": [77, 78]}, tc.DataError, "2 ids, none of which is among"),
        ({"do_not_contact": ["1", "2"]}, tc.DataError, "convert one of the two columns"),
        ({"do_not_contact": [True, False]}, tc.DataError, "2 rows for 4 customers"),
        ({"do_not_contact": "all"}, tc.DataError, "the text 'all'"),
        ({"eligible": [1, 0, 1, 1]}, tc.ParameterError, "true or false"),
        ({"eligible": [True]}, tc.DataError, "1 rows for 4 customers"),
        ({"errors": -np.ones((4, 2))}, tc.DataError, "column 'errors', row 0: is -1"),
        ({"errors": np.ones((3, 2))}, tc.DataError, "3 rows for 4 customers"),
        ({"scores": np.ones(4)}, tc.DataError, "4 x 1"),
        ({"error_correlation": 1.5}, tc.ParameterError, "a correlation from 0 to 1"),
        ({"level": 95}, tc.ParameterError, "level"),
        ({"curve_points": -1}, tc.ParameterError, "curve_points"),
        ({"fatigue": {"days": 3, "contacts": 1}}, tc.ParameterError, "contact_history = None"),
    ],
)
def test_what_cannot_be_is_refused(change, error, words):
    arguments = {
        "effects": {"customer_id": [1, 2, 3, 4], "mail": [0.1] * 4, "call": [0.2] * 4},
        "margin": 10,
        **change,
    }
    with pytest.raises(error) as raised:
        tc.allocate(**arguments)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"as_of": None}, tc.ParameterError, "as_of = None"),
        ({"as_of": "2024-03-01"}, tc.DataError, "row 1: is 2024-03-05, after as_of (1 such"),
        ({"fatigue": None}, tc.ParameterError, "since contact_history is given"),
        ({"fatigue": {"days": 3}}, tc.ParameterError, "rules such as"),
        ({"fatigue": {"days": 0, "contacts": 1}}, tc.ParameterError, "days from 1"),
        ({"fatigue": {"days": 3, "contacts": 1, "chanel": "x"}}, tc.ParameterError, "rules such"),
        ({"fatigue": {"days": 3, "contacts": 1, "channel": "fax"}}, tc.ParameterError, "'fax'"),
        (
            {"fatigue": {"days": 3, "contacts": 1, "channel": "mail"}},
            tc.DataError,
            "column 'channel': is missing",
        ),
        ({"contact_time": "when"}, tc.DataError, "column 'when': is missing"),
        ({"ids": None}, tc.ParameterError, "customer_id = None"),
        ({"ids": [8, 9]}, tc.DataError, "none of which is among the customers"),
    ],
)
def test_histories_that_cannot_be_are_refused(change, error, words):
    ids = change.pop("ids", [1, 2])
    effects = {"mail": [0.1, 0.2]}
    if ids is not None:
        effects["customer_id"] = ids
    arguments = {
        "contact_history": {"customer_id": [1, 2], "time": ["2024-02-01", "2024-03-05"]},
        "as_of": "2024-03-31",
        "fatigue": {"days": 30, "contacts": 1},
        **change,
    }
    with pytest.raises(error) as raised:
        tc.allocate(effects, **arguments)
    assert words in str(raised.value)


def test_mixed_zones_are_refused():
    when = np.array(
        [dt.datetime(2024, 3, 1, tzinfo=dt.UTC), dt.datetime(2024, 3, 2)],
        dtype=object,
    )
    history = {"customer_id": [1, 2], "time": when}
    with pytest.raises(tc.DataError, match="zone"):
        tc.allocate(
            {"customer_id": [1, 2], "mail": [0.1, 0.2]},
            contact_history=history,
            as_of="2024-03-31",
            fatigue={"days": 30, "contacts": 1},
        )


def test_rows_with_another_index_are_refused():
    effects = drawn(10)
    cost = pd.Series(1.0, index=np.arange(10) + 5)
    with pytest.raises(tc.ParameterError, match="another index"):
        tc.allocate(effects, cost)
