"""Plots that follow purchases over time count what the summaries count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc
from tercet import plots
from tercet._tracking import (
    LogRules,
    Tracking,
    customer_times,
    expected_repeat_purchases,
    track_purchases,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CALIBRATION_END = "2024-12-29"


@pytest.fixture(scope="module")
def refunded(simulated: tc.datasets.SimulatedPurchases) -> pd.DataFrame:
    """A log with refunds small and large, on the day itself and later, and free purchases."""
    log = simulated.transactions
    some = log.sample(frac=0.15, random_state=1)
    days = np.random.default_rng(1).choice([0, 0, 5, 60], len(some))
    factor = np.random.default_rng(2).choice([-0.4, -1.0, -2.5], len(some))
    back = some.assign(
        date=(some["date"] + pd.to_timedelta(days, unit="D")).clip(upper=log["date"].max()),
        amount=some["amount"] * factor,
    )
    free = log.sample(frac=0.02, random_state=3).assign(amount=0.0)
    return pd.concat([log, back, free], ignore_index=True)


def track(model: Any, log: Any, *, calibration_end: Any, **rules: Any) -> Tracking:
    """Follow a log's customers, with rules as the plots take them."""
    return track_purchases(model, log, LogRules(**rules), calibration_end=calibration_end)


def _one_a_unit(horizon: float) -> float:
    return horizon


class TestTracking:
    def test_actual_ends_where_the_summaries_do(
        self,
        simulated: tc.datasets.SimulatedPurchases,
        calibrated: tc.BGNBD,
        calibration: pd.DataFrame,
        ends: dict[str, Any],
    ) -> None:
        found = track(calibrated, simulated.transactions, **ends)
        in_all = calibration["frequency"].sum() + calibration["frequency_holdout"].sum()
        assert found.actual[-1] == in_all
        assert found.n_customers == len(calibration)
        assert found.actual_known == calibration["frequency"].sum()
        held_out = found.time[-1] - found.calibration_end
        assert held_out == pytest.approx(calibration["duration_holdout"].iloc[0])

    def test_expected_counts_each_customer_from_its_entry(
        self,
        simulated: tc.datasets.SimulatedPurchases,
        calibrated: tc.BGNBD,
        calibration: pd.DataFrame,
        ends: dict[str, Any],
    ) -> None:
        found = track(calibrated, simulated.transactions, **ends)
        one_by_one = sum(calibrated.expected_purchases_new(age) for age in calibration["T"])
        assert found.expected_known == pytest.approx(one_by_one, rel=1e-9)

    def test_fine_clocks_are_interpolated_closely(self, model: tc.BGNBD) -> None:
        entries = np.linspace(0.0, 12.0, 3_000)
        at = np.array([30.0, 70.0])
        exact = [sum(model.expected_purchases_new(t - entry) for entry in entries) for t in at]
        assert expected_repeat_purchases(model, entries, at) == pytest.approx(exact, rel=1e-5)

    def test_periods_add_up_to_the_cumulative(
        self,
        simulated: tc.datasets.SimulatedPurchases,
        calibrated: tc.BGNBD,
        ends: dict[str, Any],
    ) -> None:
        each = plots.purchases_by_period(calibrated, simulated.transactions, **ends).lines[0]
        total = plots.cumulative_purchases(calibrated, simulated.transactions, **ends).lines[0]
        whole = len(np.asarray(each.get_ydata()))
        cumulative = np.asarray(total.get_ydata())
        assert np.sum(each.get_ydata()) == cumulative[whole]

    def test_every_kind_of_table(
        self,
        simulated: tc.datasets.SimulatedPurchases,
        calibrated: tc.BGNBD,
        ends: dict[str, Any],
        kind: str,
        table: Callable[[Any, str], Any],
    ) -> None:
        log = simulated.transactions
        expected = track(calibrated, log, **ends)
        ids = [f"customer {name}" for name in log["customer_id"]]
        columns = {"customer_id": ids, "date": log["date"].to_numpy().astype("datetime64[D]")}
        found = track(calibrated, table(columns, kind), **ends)
        assert np.array_equal(found.actual, expected.actual)
        assert np.array_equal(found.expected, expected.expected)

    def test_timestamps_and_integer_periods(self) -> None:
        # One purchase a time unit: what is expected is the customers' time since entry.
        model: Any = SimpleNamespace(time_unit="period", expected_purchases_new=_one_a_unit)
        log = {"customer_id": [1, 1, 1, 2, 3, 3], "date": [0, 2, 6, 0, 1, 4]}
        found = track(model, log, calibration_end=5, observation_end=9)
        assert found.actual.tolist() == [0, 1, 1, 2, 2, 3, 3, 3, 3]
        assert found.expected.tolist() == [2, 5, 8, 11, 14, 17, 20, 23, 26]
        assert found.whole_periods == 9

        hours = pd.Timestamp("2024-01-01") + pd.to_timedelta([1, 50, 51, 30], unit="h")
        stamped = pd.DataFrame({"customer_id": list("aaab"), "date": hours})
        model.time_unit = "day"
        found = track(model, stamped, calibration_end="2024-01-02")
        assert found.actual.tolist() == [0, 1]  # two purchases on the third day are one

    def test_calibration_before_the_log(
        self, simulated: tc.datasets.SimulatedPurchases, model: tc.BGNBD
    ) -> None:
        with pytest.raises(
            tc.ParameterError, match="the log begins later, on 2024-01-01"
        ) as refused:
            plots.cumulative_purchases(model, simulated.transactions, calibration_end="2020-01-01")
        assert refused.value.parameter == "calibration_end"

    @pytest.mark.parametrize("time_unit", ["week", "month", "period"])
    def test_a_period_is_a_unit_whatever_its_name(self, time_unit: Any) -> None:
        model: Any = SimpleNamespace(time_unit=time_unit, expected_purchases_new=_one_a_unit)
        log = {"customer_id": [1, 1, 1, 2, 3, 3], "date": [0, 2, 6, 0, 1, 4]}
        found = track(model, log, calibration_end=5, observation_end=9)
        summary = tc.purchase_summary(log, time_unit=time_unit, observation_end=9)
        assert found.actual.tolist() == [0, 1, 1, 2, 2, 3, 3, 3, 3]
        assert found.calibration_end == 5
        assert found.time[-1] == max(summary["T"].to_pylist()) == 9
        one = customer_times(time_unit, log, 1, LogRules(observation_end=9))
        assert (one.purchases.tolist(), one.end) == ([0, 2, 6], 9)


class TestRules:
    """Tracking counts what the summaries count, whatever the rules."""

    @pytest.mark.parametrize("merge", ["day", "week", "tick"])
    @pytest.mark.parametrize("refunds", ["drop", "net"])
    def test_actual_is_what_the_summaries_count(
        self, refunded: pd.DataFrame, model: tc.BGNBD, refunds: Any, merge: Any
    ) -> None:
        rules = {"amount": "amount", "refunds": refunds, "merge": merge}
        calibration, _ = tc.split_purchases(refunded, calibration_end=CALIBRATION_END, **rules)
        found = track(model, refunded, calibration_end=CALIBRATION_END, **rules)
        known = calibration["frequency"].sum()
        assert found.actual_known == known
        assert found.actual[-1] == known + calibration["frequency_holdout"].sum()
        assert found.n_customers == len(calibration)
        assert found.calibration_end == calibration["T"].max()

    @pytest.mark.parametrize("refunds", ["drop", "net"])
    def test_one_customer(self, refunded: pd.DataFrame, refunds: Any) -> None:
        rules: dict[str, Any] = {"amount": "amount", "refunds": refunds}
        summary = tc.purchase_summary(refunded, **rules).set_index("customer_id")
        for name in summary["frequency"].nlargest(5).index:
            found = customer_times("week", refunded, name, LogRules(**rules))
            assert found.purchases.size - 1 == summary.loc[name, "frequency"]
            assert found.purchases[-1] == summary.loc[name, "recency"]
            assert found.end == summary.loc[name, "T"]

    def test_a_refund_takes_the_latest_purchases(self) -> None:
        model: Any = SimpleNamespace(time_unit="day", expected_purchases_new=_one_a_unit)
        days = ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05", "2024-01-06", "2024-01-08"]
        log = {"customer_id": ["a"] * 6, "date": days, "amount": [5.0, 5.0, 5.0, -7.0, 5.0, -9.0]}
        rules = {"amount": "amount", "refunds": "net"}
        found = track(model, log, calibration_end="2024-01-05", **rules)
        # The last refund finds one purchase in the holdout, and does not reach into what was known.
        assert found.actual.tolist() == [1] * 7
        one = customer_times("day", log, "a", LogRules(amount="amount", refunds="net"))
        assert one.purchases.tolist() == [0.0]

    @pytest.mark.parametrize("merge", ["hour", "day", "week", "tick"])
    def test_times_with_a_zone(self, merge: Any, model: tc.BGNBD) -> None:
        # Five weeks across the change of clocks on 31 March.
        hours = pd.date_range("2024-03-10", periods=60, freq="13h", tz="Europe/Berlin")
        log = pd.DataFrame({"customer_id": [1, 2, 2] * 20, "date": hours})
        calibration, _ = tc.split_purchases(log, calibration_end="2024-03-27", merge=merge)
        found = track(model, log, calibration_end="2024-03-27", merge=merge)
        known = calibration["frequency"].sum()
        assert found.actual_known == known
        assert found.actual[-1] == known + calibration["frequency_holdout"].sum()
        assert found.calibration_end == calibration["T"].max()
        held_out = found.time[-1] - found.calibration_end
        assert held_out == pytest.approx(calibration["duration_holdout"].iloc[0])

    def test_a_log_of_one_step(self, model: tc.BGNBD) -> None:
        log = {"customer_id": [1, 1], "date": ["2024-01-01", "2024-01-03"]}
        with pytest.raises(tc.DataError, match="nothing to follow"):
            plots.cumulative_purchases(model, log, calibration_end="2024-01-02", merge="week")

    def test_amounts_may_be_missing_after_the_end(self, model: tc.BGNBD) -> None:
        days = ["2024-01-01", "2024-01-20", "2024-02-10", "2024-03-01"]
        log = {"customer_id": [1] * 4, "date": days, "amount": [5.0, 6.0, 7.0, None]}
        rules: dict[str, Any] = {
            "amount": "amount",
            "observation_end": "2024-02-15",
            "after_end": "drop",
        }
        found = track(model, log, calibration_end="2024-01-31", **rules)
        assert (found.actual_known, found.actual[-1]) == (1, 2)

    def test_refunds_and_late_purchases_are_refused_by_default(
        self, refunded: pd.DataFrame, model: tc.BGNBD
    ) -> None:
        ends = {"calibration_end": "2024-06-30", "observation_end": "2024-12-29"}
        with pytest.raises(tc.DataError, match="refunds") as refused:
            plots.cumulative_purchases(
                model, refunded, amount="amount", calibration_end=CALIBRATION_END
            )
        assert refused.value.column == "amount"
        with pytest.raises(tc.DataError, match="after_end"):
            plots.purchases_by_period(model, refunded, **ends)
        with pytest.raises(tc.DataError, match="after_end"):
            plots.customer_history(model, refunded, 1, observation_end="2024-12-29")
        assert plots.purchases_by_period(model, refunded, after_end="drop", **ends).lines

    def test_a_customer_whose_purchases_were_all_refunded(self, model: tc.BGNBD) -> None:
        log = {"customer_id": [1, 1, 2], "date": ["2024-01-01"] * 3, "amount": [5.0, -5.0, 1.0]}
        rules: dict[str, Any] = {"amount": "amount", "refunds": "net"}
        with pytest.raises(tc.ParameterError, match="no purchase"):
            plots.customer_history(model, log, 1, **rules)
        assert plots.customer_history(model, log, 2, **rules).lines
