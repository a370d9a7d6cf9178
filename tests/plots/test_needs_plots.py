"""Plots of segments show the numbers that they claim to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import tercet as tc
from tercet import plots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def legend_of(ax: Axes) -> list[str]:
    """The words of a legend."""
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def line_of(ax: Axes, label: str) -> np.ndarray:
    """The heights of the line of a label."""
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return np.asarray(line.get_ydata())


class TestCriteria:
    def test_lines_are_the_table_s(self, selection: tc.SegmentSelection) -> None:
        ax = plots.segment_criteria(selection)
        for label, column in (("BIC", "bic"), ("AIC", "aic"), ("ICL", "icl")):
            assert np.array_equal(line_of(ax, label), selection.table[column])

    def test_title_is_the_recommendation(self, selection: tc.SegmentSelection) -> None:
        ax = plots.segment_criteria(selection)
        assert str(selection.recommended) in ax.get_title(loc="left")

    def test_tests_are_written(self, selection: tc.SegmentSelection) -> None:
        tested = selection.table["blrt_p"].notna().sum()
        ax = plots.segment_criteria(selection)
        assert tested > 0
        assert sum(text.get_text().startswith("p = ") for text in ax.texts) == tested

    def test_only_some_criteria(self, selection: tc.SegmentSelection) -> None:
        assert "AIC" not in legend_of(plots.segment_criteria(selection, criteria=["bic", "icl"]))

    @pytest.mark.parametrize("criteria", [["aicc"], [], "bic"])
    def test_unknown_criteria(self, selection: tc.SegmentSelection, criteria: object) -> None:
        with pytest.raises(tc.ParameterError) as refused:
            plots.segment_criteria(selection, criteria=criteria)  # type: ignore[arg-type]
        assert refused.value.parameter == "criteria"


class TestProfile:
    def test_cells_are_the_table_s(
        self, company: tc.datasets.SimulatedNeeds, segments: tc.LatentClass
    ) -> None:
        profile = segments.profile(company.survey)
        ax = plots.segment_profile(profile, items=["visits"])
        (row,) = (label.get_text() for label in ax.get_yticklabels())
        assert row == "visits"
        table: pd.DataFrame = profile.table
        means = table[(table["item"] == "visits") & table["level"].isna()]["value"]
        written = [float(text.get_text()) for text in ax.texts if text.get_text()[:1].isdigit()]
        assert written == pytest.approx(list(means), abs=0.05)

    def test_segments_carry_their_shares(
        self, company: tc.datasets.SimulatedNeeds, segments: tc.LatentClass
    ) -> None:
        ax = plots.segment_profile(segments.profile(company.survey))
        ticks = [label.get_text() for label in ax.get_xticklabels()]
        assert ticks == [f"{k + 1}\n{share:.0%}" for k, share in enumerate(segments.shares_)]

    def test_unknown_item(
        self, company: tc.datasets.SimulatedNeeds, segments: tc.LatentClass
    ) -> None:
        with pytest.raises(tc.ParameterError, match="nothing") as refused:
            plots.segment_profile(segments.profile(company.survey), items=["nothing"])
        assert refused.value.parameter == "items"


class TestSizes:
    def test_bars_and_intervals_are_the_summary_s(self, segments: tc.LatentClass) -> None:
        ax = plots.segment_sizes(segments, level=0.9)
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(list(segments.shares_))
        summary = segments.summary(0.9)
        shares = summary[summary["parameter"] == "share"]
        (drawn,) = (c for c in ax.collections if hasattr(c, "get_segments"))
        ends = np.array([[one[0, 0], one[1, 0]] for one in drawn.get_segments()])
        assert np.allclose(ends, shares[["lower", "upper"]])
        assert "90%" in " ".join(text.get_text() for text in ax.texts)


class TestQuestions:
    def test_lines_are_the_agreement(self, tool: tc.TypingTool) -> None:
        ax = plots.question_accuracy(tool)
        agreement = tool.agreement_
        assert np.array_equal(line_of(ax, "respondents left out"), agreement["cross_validated"])
        chosen = agreement.set_index("n_questions").loc[3, "cross_validated"]
        assert ax.get_title(loc="left").strip() == f"3 questions find the segment of {chosen:.0%}"


class TestProjectedShares:
    def test_bars_are_the_summed_probabilities(
        self, company: tc.datasets.SimulatedNeeds, projection: tc.SegmentProjection
    ) -> None:
        ax = plots.projected_shares(projection, company.customers)
        summed = projection.predict_proba(company.customers).mean(axis=0)
        assert [bar.get_height() for bar in ax.patches] == pytest.approx(list(summed))
        assert "true" not in legend_of(ax)

    def test_truth_by_number_or_in_order(
        self, company: tc.datasets.SimulatedNeeds, projection: tc.SegmentProjection
    ) -> None:
        truth = {3: 0.2, 1: 0.5, 2: 0.3}
        by_number = plots.projected_shares(projection, company.customers, truth=truth)
        in_order = plots.projected_shares(projection, company.customers, truth=[0.5, 0.3, 0.2])
        assert np.array_equal(line_of(by_number, "true"), [0.5, 0.3, 0.2])
        assert np.array_equal(line_of(in_order, "true"), [0.5, 0.3, 0.2])

    @pytest.mark.parametrize("truth", [[0.5, 0.5], {1: 0.5, 2: 0.5}])
    def test_truth_of_other_segments(
        self, company: tc.datasets.SimulatedNeeds, projection: tc.SegmentProjection, truth: object
    ) -> None:
        with pytest.raises(tc.ParameterError) as refused:
            plots.projected_shares(projection, company.customers, truth=truth)  # type: ignore[arg-type]
        assert refused.value.parameter == "truth"
