"""Plots of probabilities show the numbers that they claim to show."""

from __future__ import annotations

import numpy as np
import pytest

import tercet as tc
from tercet import plots


@pytest.fixture(scope="module")
def customers() -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and true probabilities."""
    rng = np.random.default_rng(4)
    p = rng.beta(1, 6, 1_500)
    return rng.random(1_500) < p, p


class TestReliability:
    def test_points_and_whiskers_are_the_table(self, customers) -> None:
        found = tc.reliability(*customers)
        ax = plots.reliability(found)
        drawn = next(line for line in ax.lines if line.get_marker() == "o")
        np.testing.assert_array_equal(drawn.get_xdata(), found.table["mean_predicted"])
        np.testing.assert_array_equal(drawn.get_ydata(), found.table["observed"])
        whiskers = np.array(ax.collections[0].get_segments())[:, :, 1]
        np.testing.assert_allclose(whiskers, found.table[["lower", "upper"]], atol=1e-12)

    def test_bars_are_the_predictions(self, customers) -> None:
        ax = plots.reliability(tc.reliability(*customers))
        heights = np.array([bar.get_height() for bar in ax.patches])
        counts, _ = np.histogram(customers[1], bins=50, range=(0, customers[1].max()))
        np.testing.assert_allclose(heights / heights.max(), counts / counts.max())

    def test_one_group_and_probabilities_of_nothing(self) -> None:
        for p in (np.full(200, 0.5), np.zeros(200)):
            ax = plots.reliability(tc.reliability(np.tile([0, 1], 100), p))
            assert np.isfinite(ax.get_xlim()).all()


class TestGainAndLift:
    def test_the_curve_is_the_table(self, customers) -> None:
        table = tc.gain_table(*customers, shares=20, replications=10)
        ax = plots.gain(table)
        np.testing.assert_array_equal(ax.lines[0].get_ydata()[1:], table.table["share_captured"])
        captured = table.table["share_captured"][1]
        assert ax.get_title(loc="left").startswith(f"The best tenth has {captured:.0%}")

    def test_bars_and_line_are_the_table(self, customers) -> None:
        table = tc.gain_table(*customers, replications=10)
        ax = plots.lift(table)
        heights = [bar.get_height() for bar in ax.patches]
        np.testing.assert_array_equal(heights, table.table["band_lift"])
        line = next(line for line in ax.lines if len(line.get_xdata()) == 10)
        np.testing.assert_array_equal(line.get_ydata(), table.table["lift"])

    def test_without_replications_there_is_no_band(self, customers) -> None:
        table = tc.gain_table(*customers, replications=0)
        assert not plots.gain(table).collections
        plots.lift(table)


class TestProfit:
    def test_the_curve_and_the_point(self, customers) -> None:
        best = tc.best_cutoff(*customers, benefit=30, cost=4, replications=20)
        ax = plots.profit_by_cutoff(best, currency="euros")
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), best.table["profit"])
        point = next(line for line in ax.lines if line.get_marker() == "o")
        assert point.get_xdata()[0] == best.share
        assert "in euros" in ax.get_ylabel()
        assert f"{best.rule_share:.1%}" in ax.get_title(loc="left")

    def test_nobody(self, customers) -> None:
        best = tc.best_cutoff(*customers, benefit=1, cost=50, replications=10)
        assert "nobody" in plots.profit_by_cutoff(best).get_title(loc="left")

    def test_by_expected_profit(self, customers) -> None:
        worth = np.linspace(1, 60, 1_500)
        best = tc.best_cutoff(*customers, benefit=worth, cost=4, replications=0)
        assert "expected profit" in plots.profit_by_cutoff(best).get_xlabel()

    def test_currency_is_a_word(self, customers) -> None:
        best = tc.best_cutoff(*customers, benefit=30, cost=4, replications=0)
        with pytest.raises(tc.ParameterError, match="currency"):
            plots.profit_by_cutoff(best, currency=3)  # type: ignore[arg-type]
