"""Plots of effects and reasons show the numbers that they claim to show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc
from tercet import plots


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Visits that keep customers, sizes of a long tail with gaps, plans, a flag and a constant."""
    rng = np.random.default_rng(3)
    n = 3_000
    size = np.round(rng.lognormal(2, 1, n), 1)
    size[rng.random(n) < 0.2] = np.nan
    plan = rng.choice(["basic", "pro", "team", None], n, p=[0.5, 0.3, 0.1, 0.1])
    return pd.DataFrame(
        {
            "visits": rng.poisson(4, n),
            "size": size,
            "plan": plan,
            "paid": rng.random(n) < 0.5,
            "same": 1,
        }
    )


@pytest.fixture(scope="module")
def left(customers) -> np.ndarray:
    odds = 0.5 - 0.5 * customers["visits"] + 1.0 * (customers["plan"] == "basic")
    return np.random.default_rng(4).random(len(customers)) < 1 / (1 + np.exp(-odds))


@pytest.fixture(scope="module")
def model(customers, left) -> tc.Propensity:
    return tc.Propensity().fit(customers, left)


def bars(ax):
    """Return the heights of the bars at the foot."""
    return np.array([bar.get_height() for bar in ax.patches])


class TestCurve:
    def test_the_line_is_the_curve(self, model) -> None:
        ax = plots.propensity_curve(model, "visits", points=21)
        curve = model.curve("visits", points=21)
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), curve["value"])
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), curve["log_odds"])
        band = ax.collections[0].get_paths()[0].vertices[:, 1]
        assert band.max() == curve["upper"].max()
        assert band.min() == curve["lower"].min()
        top = np.exp(curve["log_odds"].max())
        assert f"×{top:.2g} at" in ax.texts[0].get_text()

    def test_ticks_are_odds(self, model) -> None:
        ax = plots.propensity_curve(model, "visits")
        for tick, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True):
            assert np.exp(tick) == pytest.approx(float(text.get_text().removeprefix("×")))
        assert "×1" in [text.get_text() for text in ax.get_yticklabels()]

    def test_bars_are_the_customers(self, model, customers) -> None:
        ax = plots.propensity_curve(model, "visits", customers)
        counts = customers["visits"].value_counts().sort_index()
        # Whole numbers have a bar each, up to where the line ends.
        heights = bars(ax)
        np.testing.assert_allclose(
            heights / heights.max(), (counts / counts.max())[: len(heights)], atol=1e-12
        )

    def test_a_long_tail_is_left_out_and_said(self, model, customers) -> None:
        whole = plots.propensity_curve(model, "size")
        ax = plots.propensity_curve(model, "size", customers)
        assert ax.get_xlim()[1] < whole.get_xlim()[1]
        assert "1% lie beyond" in ax.texts[0].get_text()
        assert ax.lines[0].get_xdata().max() <= customers["size"].quantile(0.99)

    def test_missing_is_a_point_beside_the_line(self, model, customers) -> None:
        ax = plots.propensity_curve(model, "size", customers)
        curve = model.curve("size")
        missing = curve[curve["label"] == "missing"].iloc[0]
        point = next(line for line in ax.lines if line.get_marker() == "o")
        assert point.get_ydata()[0] == missing["log_odds"]
        names = [text.get_text() for text in ax.get_xticklabels()]
        assert names[-1] == "missing"
        assert ax.get_xticks()[-1] == point.get_xdata()[0]

    def test_levels_are_points_in_the_order_of_their_odds(self, model, customers) -> None:
        ax = plots.propensity_curve(model, "plan", customers)
        names = [text.get_text() for text in ax.get_xticklabels()]
        curve = model.curve("plan").set_index("label")
        by_odds = curve.drop("missing")["log_odds"].sort_values(ascending=False).index
        assert names == [*by_odds, "missing"]
        point = next(line for line in ax.lines if line.get_marker() == "o")
        np.testing.assert_array_equal(point.get_ydata(), curve.loc[names, "log_odds"])
        counts = customers["plan"].fillna("missing").value_counts()[names]
        heights = bars(ax)
        np.testing.assert_allclose(heights / heights.max(), counts / counts.max())

    def test_flags_and_bins(self, customers, left) -> None:
        model = tc.Propensity(features="bins", bins=5).fit(customers[["size", "paid"]], left)
        ax = plots.propensity_curve(model, "paid", customers)
        assert {text.get_text() for text in ax.get_xticklabels()} == {"true", "false"}
        ax = plots.propensity_curve(model, "size", customers)
        names = [text.get_text() for text in ax.get_xticklabels()]
        labels = model.curve("size")["label"]
        assert len(names) == len(labels) == len(bars(ax))
        assert names[0].startswith("up to ")
        assert names[-1] == "missing"
        assert max(map(len, names)) < 18
        filled = bars(ax)[:-1]
        assert filled.min() > 0.8 * filled.max()

    def test_other_kinds_of_tables_and_words(self, model, customers) -> None:
        ax = plots.propensity_curve(model, "plan", pl.from_pandas(customers), label="the plan")
        assert ax.get_title(loc="left").startswith("Odds by the plan, other features equal")
        assert len(bars(ax)) == 4

    def test_a_feature_that_does_nothing_looks_flat(self, left) -> None:
        rng = np.random.default_rng(9)
        X = {"noise": rng.normal(size=len(left)), "plan": rng.choice(["a", "b"], len(left))}
        model = tc.Propensity().fit(X, left)
        ax = plots.propensity_curve(model, "plan", X)
        bottom, top = ax.get_ylim()
        assert top - bottom >= 0.4

    def test_what_cannot_be_drawn_is_named(self, model, customers) -> None:
        error = tc.exceptions.ParameterError
        with pytest.raises(error, match="feature = 'same': expected a feature that varies"):
            plots.propensity_curve(model, "same")
        with pytest.raises(error, match="colour"):
            plots.propensity_curve(model, "colour")
        with pytest.raises(error, match="label = 3: expected words"):
            plots.propensity_curve(model, "plan", label=3)
        with pytest.raises(tc.exceptions.DataError, match=r"'plan': is missing.*or leave X out"):
            plots.propensity_curve(model, "plan", customers[["visits"]])


class TestReasons:
    def test_bars_are_the_reasons(self, model, customers) -> None:
        found = model.reasons(customers.head(20), top=4)
        ax = plots.reasons(found, 7)
        own = found[found["row"] == 7]
        widths = [bar.get_width() for bar in ax.patches]
        np.testing.assert_array_equal(widths, own["log_odds"])
        names = [text.get_text() for text in ax.get_yticklabels()]
        assert names == [f"{one.feature} = {one.value}" for one in own.itertuples()]
        said = [text.get_text() for text in ax.texts]
        assert any("row 7" in text for text in said)
        assert f"{own['percentage_points'].iloc[0]:+.1f} points".replace("-", "−") in said

    def test_words_are_those_of_the_sentences(self) -> None:
        long = "weeks with an event in 90 days, counted back from the date"
        told = {
            "customer_id": [5, 5, 5],
            "feature": ["events_90d", "weeks_90d", "plan"],
            "value": ["1", "3", "pro"],
            "log_odds": [0.5, -0.4, 0.1],
            "percentage_points": [3.0, -2.0, 0.5],
            "sentence": [
                "events in 90 days: 1 (raises the probability by 3.0 percentage points)",
                f"{long}: 3 (lowers the probability by 2.0 percentage points)",
                "plan = pro raises the probability by 0.5 percentage points.",
            ],
        }
        ax = plots.reasons(told)
        names = [text.get_text() for text in ax.get_yticklabels()]
        assert names[0] == "events in 90 days: 1"
        assert names[1].replace("\n", " ") == f"{long}: 3"
        assert names[1].count("\n") == 1
        assert names[2] == "plan = pro"
        without = {name: values for name, values in told.items() if name != "sentence"}
        names = [text.get_text() for text in plots.reasons(without).get_yticklabels()]
        assert names[0] == "events_90d = 1"

    def test_the_strongest_is_above(self, model, customers) -> None:
        ax = plots.reasons(model.reasons(customers.head(3), top=4))
        bottom, top = ax.get_ylim()
        assert bottom > top

    def test_ids_and_the_probability_are_shown(self, model, customers) -> None:
        some = customers.head(5)
        ids = np.array([f"c{k}" for k in range(5)])
        found = model.reasons(some, customer=ids)
        p = float(model.predict_proba(some)[3, 1])
        ax = plots.reasons(found, "c3", probability=p)
        assert f"{p:.1%}" in ax.get_title(loc="left")
        assert any("customer c3" in text.get_text() for text in ax.texts)

    def test_formulas_are_no_formulas(self) -> None:
        X = {"a $x^$ b": [1.0, 2.0, 3.0, 4.0] * 50}
        model = tc.Propensity().fit(X, [0, 0, 1, 1, 0, 1, 0, 1] * 25)
        ax = plots.reasons(model.reasons(X))
        ax.figure.canvas.draw()

    def test_what_cannot_be_drawn_is_named(self, model, customers) -> None:
        found = model.reasons(customers.head(3))
        with pytest.raises(tc.exceptions.DataError, match="'row': has no 99"):
            plots.reasons(found, 99)
        with pytest.raises(
            tc.exceptions.DataError, match="'value' is missing from the table of re"
        ):
            plots.reasons(found.drop(columns="value"))
        with pytest.raises(tc.exceptions.ParameterError, match="probability = 30"):
            plots.reasons(found, probability=30)
