"""What customers need: segments of respondents to a survey."""

from tercet.needs.align import SegmentAlignment, align_segments
from tercet.needs.attractiveness import SegmentAttractiveness, attractiveness
from tercet.needs.baselines import GaussianMixtureSegments, KMeansSegments
from tercet.needs.distal import (
    SegmentOutcome,
    SegmentPredictors,
    distal_outcome,
    segment_predictors,
)
from tercet.needs.importance import rating_importance
from tercet.needs.latent_class import LatentClass
from tercet.needs.max_diff import MaxDiff
from tercet.needs.profile import SegmentProfile
from tercet.needs.projection import SegmentProjection
from tercet.needs.selection import SegmentSelection, select_segments
from tercet.needs.stability import SegmentStability, segment_stability
from tercet.needs.typing_tool import TypingTool
from tercet.needs.waves import WaveComparison, compare_waves

__all__ = [
    "GaussianMixtureSegments",
    "KMeansSegments",
    "LatentClass",
    "MaxDiff",
    "SegmentAlignment",
    "SegmentAttractiveness",
    "SegmentOutcome",
    "SegmentPredictors",
    "SegmentProfile",
    "SegmentProjection",
    "SegmentSelection",
    "SegmentStability",
    "TypingTool",
    "WaveComparison",
    "align_segments",
    "attractiveness",
    "compare_waves",
    "distal_outcome",
    "rating_importance",
    "segment_predictors",
    "segment_stability",
    "select_segments",
]
