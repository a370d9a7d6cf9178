"""Level 2: what customers do, and what works on them."""

from tercet.response.behaviour import Behaviour, BehaviourRecipe, behaviour
from tercet.response.experiment import ExperimentResult, analyze_experiment
from tercet.response.experiment_plan import ExperimentPlan, plan_experiment
from tercet.response.segment import Segment
from tercet.response.segment_book import SegmentBook
from tercet.response.segment_changes import SegmentChanges
from tercet.response.segment_members import SegmentMembers

__all__ = [
    "Behaviour",
    "BehaviourRecipe",
    "ExperimentPlan",
    "ExperimentResult",
    "Segment",
    "SegmentBook",
    "SegmentChanges",
    "SegmentMembers",
    "analyze_experiment",
    "behaviour",
    "plan_experiment",
]
