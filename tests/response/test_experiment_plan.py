"""Plans of experiments: numbers of statsmodels, assignments that repeat, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

FOLDER = Path(__file__).parents[1] / "reference" / "experiment"
POWER = json.loads((FOLDER / "power.json").read_text())


@pytest.mark.parametrize("place", range(len(POWER["expected"])))
def test_power_is_that_of_statsmodels(place: int):
    check = POWER["expected"][place]
    given = check["arguments"]
    plan = tc.plan_experiment(
        given["baseline"],
        deviation=given["deviation"],
        effect=given["effect"],
        n=given["n"],
        arms={"control": given["control"], "treatment": given["arm"]},
        variance_reduction=given["variance_reduction"],
    )
    found = plan.table_["power"].to_numpy()
    np.testing.assert_allclose(found, check["values"], rtol=check["rtol"])


def customers(n: int = 3_000) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "customer_id": rng.permutation(n) + 10,
            "country": rng.choice(["NO", "SE", "DK", None], n),
            "tier": rng.choice(["gold", "blue"], n),
            "past": rng.gamma(2.0, 10.0, n),
        }
    )


def test_size_power_and_detectable_effect_agree():
    plan = tc.plan_experiment(20.0, deviation=50.0, lift=0.1, variance_reduction=0.3, traffic=500)
    row = plan.table_.iloc[0]
    assert row["power"] == pytest.approx(0.8, abs=1e-4)
    assert row["detectable"] == pytest.approx(2.0, rel=1e-3)
    assert plan.n_ == row["customers"]
    assert plan.duration_ == pytest.approx(plan.n_ / 500)
    assert f"{plan.n_:,} customers" in plan.verdict_
    fewer = tc.plan_experiment(20.0, deviation=50.0, lift=0.1, variance_reduction=0.65)
    assert fewer.n_ == pytest.approx(plan.n_ / 2, rel=1e-3)


def test_segments_arms_and_looks_cost_customers():
    def detectable(**arguments: Any) -> float:
        return float(tc.plan_experiment(0.1, n=50_000, **arguments).table_["detectable"].iloc[-1])

    alone = detectable()
    assert detectable(arms=["none", "a", "b"]) > 1.2 * alone
    assert detectable(sequential=True) > 1.3 * alone
    assert detectable(segments={"few": 0.1}) > 3 * alone
    two = {"few": 0.1, "many": 0.9}
    assert detectable(segments=two) > detectable(segments=two, adjust="none")
    assert detectable(outcomes=4) > alone
    assert detectable(holdout=0.5) > 1.3 * alone


def test_the_curve_falls_and_passes_through_the_plan():
    plan = tc.plan_experiment(0.05, lift=0.1, segments={"new": 0.4})
    curve = plan.curve_
    own = curve[curve["segment"] == "everyone"]
    assert (np.diff(own["detectable"]) < 0).all()
    middle = np.interp(plan.n_, own["n"], own["detectable"])
    assert middle == pytest.approx(0.005, rel=0.02)


def test_texts_are_whole():
    plan = tc.plan_experiment(0.05, lift=0.1, segments={"new": 0.4, "rare": 0.00001}, holdout=0.1)
    for text in (repr(plan), plan.summary(), plan._repr_html_()):
        assert "nan" not in text
    assert "10% of them held out" in plan.verdict_
    assert "no effect is large enough" in plan.verdict_
    nothing = tc.plan_experiment(0.0, deviation=3.0, effect=0.2)
    assert "inf" not in repr(nothing)
    assert nothing.table_["detectable_lift"].isna().all()
    assert "Give an effect" in repr(tc.plan_experiment(0.05))


def test_assignment_keeps_shares_in_every_stratum_and_repeats():
    table = customers()
    arms = {"none": 0.5, "mail": 0.3, "call": 0.2}
    plan = tc.plan_experiment(0.1, arms=arms, holdout=0.1, random_state=3)
    assigned = plan.assign(table, strata=["country", "tier"])
    assert list(assigned.columns) == ["customer_id", "country", "tier", "arm"]
    for _, own in assigned.groupby(["country", "tier"], dropna=False):
        for arm, share in plan.shares_.items():
            assert abs((own["arm"] == arm).sum() - share * len(own)) < 1
    shuffled = table.sample(frac=1.0, random_state=1)
    again = plan.assign(shuffled, strata=["country", "tier"])
    both = assigned.merge(again, on="customer_id")
    assert (both["arm_x"] == both["arm_y"]).all()
    other = tc.plan_experiment(0.1, arms=arms, holdout=0.1, random_state=4).assign(table)
    assert (other["arm"].to_numpy() != assigned["arm"].to_numpy()).mean() > 0.4


def test_assignment_of_every_kind_of_table(kind, table, native, lists):
    columns = {"customer_id": [f"c{k}" for k in range(50)], "country": ["NO", "SE"] * 25}
    plan = tc.plan_experiment(0.1)
    found = plan.assign(table(columns, kind), strata="country", arm="group")
    assert isinstance(found, native[kind])
    assert sorted(lists(found)["group"]) == ["control"] * 25 + ["treatment"] * 25
    assert lists(found)["customer_id"] == columns["customer_id"]
    assert lists(found)["group"] == lists(plan.assign(columns, strata="country"))["arm"]


def test_arms_lie_beside_customers_of_any_index():
    frame = pd.DataFrame({"id": np.arange(300), "active": np.arange(300) % 3 > 0})
    chosen = frame[frame["active"]].sample(frac=1.0, random_state=1)
    drawn = tc.plan_experiment(0.1, n=len(chosen)).assign(chosen, id="id")
    assert drawn.index.equals(chosen.index)
    beside = chosen.assign(arm=drawn["arm"])
    assert dict(zip(beside["id"], beside["arm"], strict=True)) == dict(
        zip(drawn["id"], drawn["arm"], strict=True)
    )


def test_balance_tells_how_alike_arms_are():
    plan = tc.plan_experiment(0.1, arms=["none", "mail"], random_state=1)
    table = customers().fillna({"country": "other"})
    assigned = table.assign(arm=plan.assign(table)["arm"])
    found = plan.balance(assigned, ["past", "tier"])
    assert found["column"].tolist() == ["past", "past", "tier=gold", "tier=gold"]
    assert found["arm"].tolist() == ["none", "mail"] * 2
    assert found["difference"].abs().max() < 0.12
    own = table["past"].groupby(assigned["arm"]).agg(["mean", "var"])
    wanted = (own.loc["mail", "mean"] - own.loc["none", "mean"]) / np.sqrt(own["var"].mean())
    assert found["difference"].iloc[1] == pytest.approx(wanted, rel=1e-3)


def test_bad_customers_are_refused():
    plan = tc.plan_experiment(0.1)
    twice = {"customer_id": [1, 2, 1]}
    with pytest.raises(tc.DataError, match="occurs a second time") as caught:
        plan.assign(twice)
    assert (caught.value.column, caught.value.row) == ("customer_id", 2)
    with pytest.raises(tc.DataError, match="is missing") as caught:
        plan.assign({"customer_id": ["a", None]})
    assert caught.value.row == 1
    with pytest.raises(tc.DataError, match="cut numbers into bands"):
        plan.assign(customers(), strata="past")
    with pytest.raises(tc.DataError, match="name the right one with strata="):
        plan.assign(customers(), strata="land")
    with pytest.raises(tc.ParameterError, match="arm = 'tier'"):
        plan.assign(customers(), strata="tier", arm="tier")


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"baseline": 1.5}, "baseline"),
        ({"baseline": "often"}, "baseline"),
        ({"baseline": 0.9, "effect": 0.2}, "effect"),
        ({"effect": 0.0}, "effect"),
        ({"effect": 1e-9}, "effect"),
        ({"effect": 0.01, "lift": 0.1}, "lift"),
        ({"deviation": 0.0}, "deviation"),
        ({"baseline": -5.0, "deviation": 2.0, "lift": 0.1}, "lift"),
        ({"n": 0}, "n"),
        ({"n": 1}, "n"),
        ({"n": 3}, "n"),
        ({"n": 19, "arms": {"a": 0.9, "b": 0.1}}, "n"),
        ({"arms": ["one"]}, "arms"),
        ({"arms": {"a": 1.0, "b": 0.0}}, "arms"),
        ({"arms": ["holdout", "b"], "holdout": 0.1}, "arms"),
        ({"holdout": 1.0}, "holdout"),
        ({"segments": {}}, "segments"),
        ({"segments": {"new": 1.4}}, "segments"),
        ({"segments": {"new": {"size": 0.4}}}, "segments"),
        ({"segments": {"new": {"share": 0.4, "deviation": 3.0}}}, "segments"),
        ({"segments": {"everyone": 0.4}}, "segments"),
        ({"outcomes": 0}, "outcomes"),
        ({"power": 1.0, "n": 100}, "power"),
        ({"power": 0.01, "n": 100}, "power"),
        ({"level": 95, "n": 100}, "level"),
        ({"adjust": "fdr"}, "adjust"),
        ({"variance_reduction": 1.0, "n": 100}, "variance_reduction"),
        ({"sequential": 3}, "sequential"),
        ({"traffic": 0}, "traffic"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], parameter: str):
    with pytest.raises(tc.ParameterError) as caught:
        tc.plan_experiment(**{"baseline": 0.1, **arguments})
    assert caught.value.parameter == parameter
