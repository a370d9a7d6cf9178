"""Micro segments: what customers do, and what works on them."""

from tercet.response.forest import CausalForest

__all__ = ["CausalForest"]
