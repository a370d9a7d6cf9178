"""Micro segments: what customers do, and what works on them."""

from tercet.response.forest import CausalForest
from tercet.response.learners import DRLearner, TLearner, XLearner
from tercet.response.ranking import EffectRanking, rank_effects

__all__ = [
    "CausalForest",
    "DRLearner",
    "EffectRanking",
    "TLearner",
    "XLearner",
    "rank_effects",
]
