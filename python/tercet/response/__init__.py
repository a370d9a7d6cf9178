"""Micro segments: what customers do, and what works on them."""

from tercet.response.forest import CausalForest
from tercet.response.ranking import EffectRanking, rank_effects

__all__ = ["CausalForest", "EffectRanking", "rank_effects"]
