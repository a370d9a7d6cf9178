"""Plots of models and value show the numbers that they claim to show."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import tercet as tc
from tercet import plots


class TestMaps:
    def test_cells_are_the_model_s(self, model: tc.BGNBD, summary: pd.DataFrame) -> None:
        ax = plots.probability_alive_map(model, summary, T=52, max_frequency=6)
        height = np.asarray(ax.images[0].get_array())
        assert height.shape[0] == 6
        column = 70
        recency = (column + 0.5) * 52 / height.shape[1]
        cell = {"frequency": [4.0], "recency": [recency], "T": [52.0]}
        assert height[3, column] == model.probability_alive(cell)[0]

    def test_own_column_names(self, summary: pd.DataFrame) -> None:
        renamed = summary.rename(columns={"frequency": "x", "recency": "t_x", "T": "age"})
        model = tc.BGNBD(frequency="x", recency="t_x", T="age").fit(renamed)
        ax = plots.expected_purchases_map(model, renamed, horizon=1)
        assert "next 1 week" in ax.get_title(loc="left")
        assert "weeks" not in ax.get_title(loc="left")

    def test_nobody_came_back(self, model: tc.BGNBD) -> None:
        once = {"frequency": [0.0, 0.0], "recency": [0.0, 0.0], "T": [10.0, 20.0]}
        assert plots.probability_alive_map(model, once).images


class TestCalibrationHoldout:
    def test_bars_and_line_are_the_groups_means(
        self, calibrated: tc.BGNBD, calibration: pd.DataFrame
    ) -> None:
        ax = plots.calibration_holdout(calibrated, calibration, max_frequency=3)
        group = calibration["frequency"].clip(upper=3)
        actual = calibration.groupby(group)["frequency_holdout"].mean()
        horizon = calibration["duration_holdout"].iloc[0]
        expected = pd.Series(calibrated.expected_purchases(calibration, horizon), group.index)
        assert np.allclose([bar.get_height() for bar in ax.patches], actual)
        drawn = next(line for line in ax.lines if line.get_label() == "expected")
        assert np.allclose(drawn.get_ydata(), expected.groupby(group).mean())
        assert [text.get_text().split("\n")[0] for text in ax.get_xticklabels()] == [
            *list("012"),
            "3+",
        ]

    def test_needs_the_holdout_columns(self, model: tc.BGNBD, summary: pd.DataFrame) -> None:
        with pytest.raises(tc.DataError, match="frequency_holdout"):
            plots.calibration_holdout(model, summary)


class TestValue:
    def test_concentration_reads_the_shares(self, value: pd.DataFrame) -> None:
        ax = plots.value_concentration(value)
        ordered = value["clv"].sort_values(ascending=False)
        share = ordered.head(len(value) // 10).sum() / ordered.sum()
        assert f"top 10% hold {share:.0%}" in [text.get_text() for text in ax.texts]
        held = np.asarray(ax.lines[0].get_ydata())
        assert held[0] == 0
        assert held[-1] == pytest.approx(1)
        assert (np.diff(held) >= 0).all()

    def test_concentration_of_nothing(self, value: pd.DataFrame) -> None:
        with pytest.raises(tc.DataError, match="positive total"):
            plots.value_concentration(value.assign(clv=0.0))

    def test_distribution_counts_everybody(self, value: pd.DataFrame) -> None:
        ax = plots.value_distribution(value, currency="euros")
        assert sum(bar.get_height() for bar in ax.patches) == len(value)
        assert "in euros" in ax.get_xlabel()

    def test_distribution_of_equal_values(self, value: pd.DataFrame) -> None:
        ax = plots.value_distribution(value.assign(clv=7.0))
        assert sum(bar.get_height() for bar in ax.patches) == len(value)

    def test_top_customers_are_the_best(self, value: pd.DataFrame) -> None:
        ax = plots.top_customers(value, n=5)
        best = value.sort_values("clv", ascending=False).head(5)
        assert np.allclose(ax.lines[0].get_xdata(), best["clv"])
        assert [text.get_text() for text in ax.get_yticklabels()] == [
            str(name) for name in best["customer_id"]
        ]

    def test_top_customers_need_intervals(self, value: pd.DataFrame) -> None:
        with pytest.raises(tc.DataError, match="clv_lower"):
            plots.top_customers(value.drop(columns=["clv_lower", "clv_upper"]))

    def test_values_that_are_not_finite_are_left_out_in_words(self, value: pd.DataFrame) -> None:
        clv = value["clv"].where(np.arange(len(value)) % 2 == 0, np.inf)
        odd = value.assign(clv=clv)
        words = f"{len(value) // 2:,} without a finite value left out"
        for draw in (plots.value_concentration, plots.value_distribution, plots.top_customers):
            ax = draw(odd)
            assert words in " ".join(text.get_text() for text in ax.texts)
            assert np.isfinite(ax.get_xlim()).all()
        with pytest.raises(tc.DataError, match="no finite value"):
            plots.top_customers(value.assign(clv=np.inf))


class TestHistory:
    def test_ends_at_the_summary_s_probability(
        self,
        simulated: tc.datasets.SimulatedPurchases,
        summary: pd.DataFrame,
        model: tc.BGNBD,
    ) -> None:
        row = summary["frequency"].idxmax()
        ax = plots.customer_history(
            model,
            simulated.transactions,
            summary.loc[row, "customer_id"],
            observation_end=simulated.observation_end,
        )
        curve = np.asarray(ax.lines[0].get_ydata())
        assert curve[-1] == pytest.approx(model.probability_alive(summary)[row])
        assert curve[0] == 1.0
        assert np.asarray(ax.lines[0].get_xdata())[-1] == summary.loc[row, "T"]

    def test_unknown_customer(
        self, simulated: tc.datasets.SimulatedPurchases, model: tc.BGNBD
    ) -> None:
        with pytest.raises(tc.ParameterError, match="nobody") as refused:
            plots.customer_history(model, simulated.transactions, "nobody")
        assert refused.value.parameter == "customer_id"


class TestMatplotlibIsOptional:
    def test_importing_tercet_does_not_import_it(self) -> None:
        code = "import sys, tercet; assert 'matplotlib' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_says_how_to_get_it(self, value: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(ImportError, match=r"pip install 'tercet\[plots\]'"):
            plots.value_concentration(value)
