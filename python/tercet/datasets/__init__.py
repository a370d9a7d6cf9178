"""Data to try things on, with known truth."""

from tercet.datasets.needs import SimulatedNeeds, simulate_needs
from tercet.datasets.purchases import SimulatedPurchases, simulate_purchases
from tercet.datasets.shop import SimulatedShop, simulate_shop
from tercet.datasets.shop_truth import ShopTruth
from tercet.datasets.software import SimulatedSoftware, simulate_software
from tercet.datasets.software_truth import SoftwareTruth
from tercet.datasets.subscriptions import SimulatedSubscriptions, simulate_subscriptions

__all__ = [
    "ShopTruth",
    "SimulatedNeeds",
    "SimulatedPurchases",
    "SimulatedShop",
    "SimulatedSoftware",
    "SimulatedSubscriptions",
    "SoftwareTruth",
    "simulate_needs",
    "simulate_purchases",
    "simulate_shop",
    "simulate_software",
    "simulate_subscriptions",
]
