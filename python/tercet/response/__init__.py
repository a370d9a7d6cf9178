"""Level 2: what customers do, and what works on them."""

from tercet.response.allocation import Allocation, allocate
from tercet.response.behaviour import Behaviour, BehaviourRecipe, behaviour
from tercet.response.discovery import DiscoveredSegments, discover_segments
from tercet.response.experiment import ExperimentResult, analyze_experiment
from tercet.response.experiment_plan import ExperimentPlan, plan_experiment
from tercet.response.forest import CausalForest
from tercet.response.learners import DRLearner, TLearner, XLearner
from tercet.response.policy_tree import PolicyTree
from tercet.response.ranking import EffectRanking, rank_effects
from tercet.response.segment import Segment
from tercet.response.segment_book import SegmentBook
from tercet.response.segment_changes import SegmentChanges
from tercet.response.segment_members import SegmentMembers

__all__ = [
    "Allocation",
    "Behaviour",
    "BehaviourRecipe",
    "CausalForest",
    "DRLearner",
    "DiscoveredSegments",
    "EffectRanking",
    "ExperimentPlan",
    "ExperimentResult",
    "PolicyTree",
    "Segment",
    "SegmentBook",
    "SegmentChanges",
    "SegmentMembers",
    "TLearner",
    "XLearner",
    "allocate",
    "analyze_experiment",
    "behaviour",
    "discover_segments",
    "plan_experiment",
    "rank_effects",
]
