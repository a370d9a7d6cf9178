"""Data to try things on, with known truth."""

from tercet.datasets.needs import SimulatedNeeds, simulate_needs
from tercet.datasets.purchases import SimulatedPurchases, simulate_purchases

__all__ = ["SimulatedNeeds", "SimulatedPurchases", "simulate_needs", "simulate_purchases"]
