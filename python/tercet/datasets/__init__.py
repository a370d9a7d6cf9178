"""Data to try things on, with known truth."""

from tercet.datasets.purchases import SimulatedPurchases, simulate_purchases

__all__ = ["SimulatedPurchases", "simulate_purchases"]
