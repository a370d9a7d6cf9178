"""Data to try things on, with known truth."""

from tercet.datasets.needs import SimulatedNeeds, simulate_needs
from tercet.datasets.purchases import SimulatedPurchases, simulate_purchases
from tercet.datasets.subscriptions import SimulatedSubscriptions, simulate_subscriptions

__all__ = [
    "SimulatedNeeds",
    "SimulatedPurchases",
    "SimulatedSubscriptions",
    "simulate_needs",
    "simulate_purchases",
    "simulate_subscriptions",
]
