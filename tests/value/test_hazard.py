"""Hazards from Python: what is read, what is refused, what is shown; public data."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "hazard" / "plain.json").read_text()
)
DATA = Path(os.environ.get("TERCET_DATA", Path(__file__).parents[3] / "shared" / "data"))


def simulated(n: int = 1_500, seed: int = 1) -> pd.DataFrame:
    """Customers who leave by two ways, or are censored after 12 months or before."""
    rng = np.random.default_rng(seed)
    visits, plan = rng.normal(size=n), rng.choice(["basic", "pro"], n)
    last = rng.integers(4, 13, n)
    months, event = last.copy(), np.zeros(n, dtype=int)
    for row in range(n):
        a = np.exp(-2.8 - 0.7 * visits[row] + 0.5 * (plan[row] == "basic"))
        for t in range(1, last[row] + 1):
            b = np.exp(-3.3 + 0.05 * t)
            u = rng.random() * (1 + a + b)
            if u < a + b:
                months[row], event[row] = t, 1 if u < a else 2
                break
    return pd.DataFrame({"visits": visits, "plan": plan, "months": months, "event": event})


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return simulated()


@pytest.fixture(scope="module")
def model(customers) -> tc.HazardModel:
    return tc.HazardModel(events=["price", "payment"]).fit(customers, "months", "event")


@pytest.fixture(scope="module")
def snapshots() -> tc.SnapshotTable:
    sim = tc.datasets.simulate_subscriptions(800, seed=3)
    dates = tc.Snapshots(
        as_of=["2024-01-01", "2024-05-01", "2024-09-01"], observation="90d", outcome="90d"
    )
    return dates.churn(sim.subscriptions, events=sim.events, outcome_form="when")


class TestAgainstPersonsAndPeriods:
    def test_a_logistic_regression_on_rows_written_out(self) -> None:
        data, told = REFERENCE["data"], REFERENCE["logit"][0]
        rows = pd.DataFrame({name: data[name] for name in ("x1", "x2")})
        rows["level"] = np.array(data["level"]).astype(str)
        happened = np.array(data["event"]) > 0
        for groups, kind in ((None, "model"), (data["group"], "cluster")):
            model = tc.HazardModel(
                baseline="steps", features="linear", strength=0, min_level_count=1, tolerance=1e-13
            ).fit(rows, data["duration"], happened, data["entry"], groups=groups)
            assert model.log_likelihood_ == pytest.approx(told["log_likelihood"], abs=1e-8)
            for place, name in enumerate(told["names"]):
                ours = {"x1": "x1: per unit", "x2": "x2: per unit"}.get(
                    name, name.replace("level ", "level: ")
                )
                if ours in model.params_:
                    assert model.params_[ours] == pytest.approx(
                        told["coefficients"][place], abs=1e-8
                    )
                    error = told["standard_errors"][kind][place]
                    assert model.standard_errors_[ours] == pytest.approx(error, abs=1e-6)


class TestCurves:
    def test_kaplan_meier_is_lifelines(self) -> None:
        data, told = REFERENCE["data"], REFERENCE["curves"]
        happened = np.array(data["event"]) > 0
        found = tc.kaplan_meier(data["duration"], happened, data["entry"])
        np.testing.assert_allclose(found["survival"], np.ravel(told["late"]), atol=1e-12)
        np.testing.assert_allclose(found[["lower", "upper"]], told["late_interval"], atol=1e-12)

    def test_aalen_johansen_is_lifelines(self) -> None:
        told = REFERENCE["curves"]["aalen_johansen"]
        found = tc.aalen_johansen(told["duration"], REFERENCE["data"]["event"])
        for event, own in zip(("1", "2"), told["events"], strict=True):
            rows = found[found["event"] == event]
            np.testing.assert_allclose(rows["incidence"], np.ravel(own["incidence"]), atol=1e-12)

    def test_groups_and_kinds_of_tables(self, customers) -> None:
        found = tc.kaplan_meier(customers["months"], customers["event"], by=customers["plan"])
        assert list(found["by"].unique()) == ["basic", "pro"]
        one = customers[customers["plan"] == "pro"]
        alone = tc.kaplan_meier(one["months"], one["event"])
        together = found[found["by"] == "pro"].drop(columns="by").reset_index(drop=True)
        pd.testing.assert_frame_equal(together, alone)
        texts = customers["event"].map({0: None, 1: "price", 2: "payment"})
        named = tc.aalen_johansen(customers["months"], texts)
        assert set(named["event"]) == {"price", "payment"}

    @pytest.mark.parametrize(
        ("duration", "event", "entry", "said"),
        [
            ([1.0, -1.0], [1, 1], None, "column 'duration', row 1: is -1"),
            ([1.0, np.nan], [1, 1], None, "column 'duration', row 1"),
            ([1.0, 2.0], [1, 0.5], None, "column 'event', row 1: is 0.5"),
            ([1.0, 2.0], [1, 1], [0.0, 2.0], "column 'entry', row 1: is 2"),
            ([1.0, 2.0], [1], None, "has 2 values for 1 rows"),
        ],
    )
    def test_bad_rows_are_named(self, duration, event, entry, said) -> None:
        with pytest.raises(tc.DataError) as error:
            tc.kaplan_meier(duration, event, entry)
        assert said in str(error.value)


class TestPredictions:
    def test_all_that_can_happen_adds_up_to_1(self, customers, model) -> None:
        times = [1, 2.5, 12]
        survival = model.predict_survival(customers, times)
        all_of_it = survival + sum(
            model.predict_cumulative_incidence(customers, times, event=event)
            for event in model.events_
        )
        np.testing.assert_allclose(all_of_it, 1.0, atol=1e-12)
        ends = model.survival_interval(customers, times, level=0.9)
        assert ends.shape == (len(customers), 3, 2)
        assert ((ends[..., 0] <= survival) & (survival <= ends[..., 1])).all()

    def test_survival_is_what_hazards_leave(self, customers, model) -> None:
        hazard = model.predict_hazard(customers)
        assert hazard.shape == (len(customers), model.n_periods_)
        survival = model.predict_survival(customers, range(1, 13))
        np.testing.assert_allclose(np.cumprod(1 - hazard, axis=1), survival, atol=1e-12)
        parts = sum(model.predict_hazard(customers, event=event) for event in model.events_)
        np.testing.assert_allclose(parts, hazard, atol=1e-12)

    def test_time_survived_counts_from_there(self, customers, model) -> None:
        later = model.predict_survival(customers, [2.0], given=3.0)[:, 0]
        both = model.predict_survival(customers, [3.0, 5.0])
        np.testing.assert_allclose(later, both[:, 1] / both[:, 0], atol=1e-12)
        some = customers.assign(survived=np.where(customers["plan"] == "pro", 3.0, 0.0))
        named = model.predict_survival(some, 2.0, given="survived")
        np.testing.assert_array_equal(
            named, model.predict_survival(some, 2.0, given=some["survived"])
        )

    def test_times_until(self, customers, model) -> None:
        expected = model.expected_remaining_time(customers)
        assert ((expected > 0) & (expected < model.horizon_)).all()
        median = model.predict_median(customers)
        survival = model.predict_survival(customers, model.horizon_)[:, 0]
        assert ((survival > 0.5) == np.isinf(median)).all()
        reached = np.isfinite(median)
        for row in np.flatnonzero(reached)[:5]:
            one = customers.iloc[[row]]
            assert model.predict_survival(one, median[row])[0, 0] == pytest.approx(0.5)

    def test_saved_pickled_and_cloned(self, customers, model, tmp_path) -> None:
        wanted = model.survival_interval(customers, [6])
        model.save(tmp_path / "hazard.json")
        for copy in (tc.load(tmp_path / "hazard.json"), pickle.loads(pickle.dumps(model))):
            assert isinstance(copy, tc.HazardModel)
            np.testing.assert_array_equal(copy.survival_interval(customers, [6]), wanted)
            assert copy.get_params() == {**model.get_params(), "events": copy.events}
            assert repr(copy).splitlines()[1:] == repr(model).splitlines()[1:]

    def test_a_period_stays_as_it_was_fitted(self, customers, tmp_path) -> None:
        model = tc.HazardModel(period=2).fit(customers, "months", "event")
        wanted = model.predict_survival(customers, [6])
        model.period = 3
        model.save(tmp_path / "hazard.json")
        copy = tc.load(tmp_path / "hazard.json")
        assert copy.period == 2
        np.testing.assert_array_equal(copy.predict_survival(customers, [6]), wanted)


class TestWhatItSays:
    def test_tables(self, customers, model) -> None:
        effects = model.summary()
        assert set(effects["event"]) == {"price", "payment"}
        baseline = model.baseline_
        assert len(baseline) == 2 * model.n_periods_
        assert (baseline["lower"] < baseline["hazard"]).all()
        matters = model.importance_
        assert "baseline over time" in repr(model)
        assert matters["feature"].tolist()[0] == "visits"
        assert matters["event"].tolist() == ["price"] * 3 + ["payment"] * 3
        curve = model.curve("visits", event="price")
        assert curve["log_odds"].iloc[0] > curve["log_odds"].iloc[-1]
        assert "<table>" in model._repr_html_()

    def test_reasons(self, customers, model) -> None:
        unhappy = customers.sort_values("visits").head(3)
        found = model.reasons(unhappy, top=1, event="price")
        assert found["feature"].tolist() == ["visits"] * 3
        assert set(found["direction"]) == {"raises"}
        parts = model.contributions(unhappy, event="price")
        assert list(parts.columns) == ["baseline", "visits", "plan"]

    def test_where_nothing_tells_rows_apart_it_says_what_to_do(self) -> None:
        for same in (np.ones(100), np.array(["x"] * 100)):
            with pytest.raises(tc.DataError, match=r"no feature tells rows apart.*kaplan_meier"):
                tc.HazardModel().fit({"same": same}, np.arange(100) % 7 + 1, np.ones(100, bool))

    def test_effects_that_change(self) -> None:
        rng = np.random.default_rng(2)
        x = rng.normal(size=4_000)
        months, left = np.full(4_000, 12), np.zeros(4_000, dtype=bool)
        for t in range(12, 0, -1):
            p = 1 / (1 + np.exp(2.8 - (0.9 - 0.3 * np.log2(t - 0.5)) * x))
            hit = rng.random(4_000) < p
            months[hit], left[hit] = t, True
        model = tc.HazardModel(features="linear", strength=0, time_varying_effects=["x"])
        found = model.fit(pd.DataFrame({"x": x}), months, left).changes()
        change, error = found["log_odds"].iloc[0], found["standard_error"].iloc[0]
        assert abs(change + 0.3) < 3 * error
        assert found["p_value"].iloc[0] < 1e-6

    def test_scores(self, customers, model) -> None:
        new = simulated(1_500, seed=9)
        scores = model.score(new, "months", "event", horizons=[3, 6, 12])
        assert 0.55 < scores.concordance < 0.75
        assert scores.integrated_brier < scores.integrated_brier_without
        table = scores.horizons
        # The interval is that of new customers; the model's own error, of 1,200, is about as large.
        low, high = 2 * table["lower"] - table["observed"], 2 * table["upper"] - table["observed"]
        assert ((low < table["predicted"]) & (table["predicted"] < high)).all()
        groups = scores.calibration
        inside = (groups["lower"] <= groups["mean_predicted"]) & (
            groups["mean_predicted"] <= groups["upper"]
        )
        assert inside.mean() >= 0.7
        assert "Uno's C" in str(scores)
        own = model.score(new, "months", "event", judged="payment")
        assert own.horizons["observed"].iloc[-1] < table["observed"].iloc[-1]


class TestSnapshots:
    def test_a_table_of_when(self, snapshots) -> None:
        model = tc.HazardModel(period=30).fit(snapshots)
        assert model.n_periods_ == 3
        assert model._engine is not None
        assert json.loads(model._engine.settings)["closed"] == "left"
        assert json.loads(model._engine.settings)["standard_errors"] == "cluster"
        assert set(model.events_) <= set(snapshots.events)
        survival = model.predict_survival(snapshots, [30, 60, 90])
        observed = (snapshots.y["event"] == 0).mean()
        assert survival[:, 2].mean() == pytest.approx(observed, abs=0.01)
        assert model.score(snapshots).concordance > 0.5

    def test_other_tables_are_refused(self) -> None:
        sim = tc.datasets.simulate_subscriptions(300, seed=3)
        dates = tc.Snapshots(as_of="2024-06-01", observation="90d", outcome="90d")
        table = dates.churn(sim.subscriptions, events=sim.events)
        with pytest.raises(tc.DataError, match='outcome_form="when"'):
            tc.HazardModel().fit(table)


def bad(customers: pd.DataFrame, column: str, row: int, value: Any) -> pd.DataFrame:
    found = customers.copy()
    found[column] = found[column].astype(object)
    found.loc[row, column] = value
    found[column] = found[column].infer_objects()
    return found


class TestBadInput:
    @pytest.mark.parametrize(
        ("column", "value", "said"),
        [
            ("months", -2.0, "column 'months', row 7: is -2"),
            ("months", np.nan, "column 'months', row 7"),
            ("months", np.inf, "column 'months', row 7"),
            ("event", 3, "column 'event', row 7: is 3; the events are 1 (price), 2 (payment)"),
            ("event", -1, "column 'event', row 7: is -1"),
        ],
    )
    def test_rows_are_named(self, customers, column, value, said) -> None:
        model = tc.HazardModel(events=["price", "payment"])
        with pytest.raises(tc.DataError) as error:
            model.fit(bad(customers, column, 7, value), "months", "event")
        assert said in str(error.value)

    def test_times_that_cannot_be(self, customers) -> None:
        model = tc.HazardModel()
        late = customers.assign(entry=0.0)
        late.loc[5, "entry"] = 99.0
        with pytest.raises(tc.DataError, match=r"column 'months', row 5: is .* enters at 99"):
            model.fit(late, "months", "event", "entry")
        with pytest.raises(tc.DataError, match="no event in any row"):
            model.fit(customers.assign(event=0), "months", "event")
        with pytest.raises(tc.DataError, match="row 0: is 0 with an event"):
            model.fit({"x": [1.0, 2.0]}, [0, 1], [1, 0])
        with pytest.raises(tc.DataError, match="requires duration"):
            model.fit(customers)
        with pytest.raises(tc.ParameterError, match="no such column"):
            model.fit(customers, "years", "event")
        with pytest.raises(tc.ParameterError, match="time_varying_effects = 'z'"):
            tc.HazardModel(time_varying_effects=["z"]).fit(customers, "months", "event")
        with pytest.raises(tc.ParameterError, match="period = 0"):
            tc.HazardModel(period=0).fit(customers, "months", "event")

    def test_what_cannot_be_predicted(self, customers, model) -> None:
        with pytest.raises(tc.ParameterError, match="times = 13: expected at most 12"):
            model.predict_survival(customers, [6, 13])
        with pytest.raises(tc.ParameterError, match="horizon = 8: expected at most 7 after the 5"):
            model.expected_remaining_time(customers, 8, given=5)
        with pytest.raises(tc.ParameterError, match=r"event = None: expected one of \['price'"):
            model.predict_cumulative_incidence(customers, [6])
        with pytest.raises(tc.DataError, match="column 'plan'"):
            model.predict_survival(customers.drop(columns="plan"), [6])
        with pytest.raises(tc.NotFittedError, match="fit"):
            tc.HazardModel().predict_survival(customers, [6])


class TestTelco:
    """IBM's public sample of telecom customers, where it is at hand."""

    def test_concordance_is_that_of_a_cox_model_or_better(self) -> None:
        path = DATA / "propensity" / "Telco-Customer-Churn.csv"
        if not path.exists():
            pytest.skip(f"{path} is absent (set TERCET_DATA)")
        telco = pd.read_csv(path).drop(columns=["customerID", "TotalCharges"])
        churned = telco.pop("Churn") == "Yes"
        fold = np.random.default_rng(0).random(len(telco)) < 0.3
        model = tc.HazardModel(standard_errors="none")
        model.fit(telco[~fold], "tenure", churned[~fold])
        scores = model.score(telco[fold], "tenure", churned[fold], horizons=[12, 24, 48, 72])
        # Five-fold Cox of lifelines on the same columns: 0.864.
        assert scores.harrell > 0.855
        # Later on, whom Kaplan-Meier still sees has other contracts than who was censored.
        table = scores.horizons
        assert abs(table["predicted"] - table["observed"]).iloc[0] < 0.03
