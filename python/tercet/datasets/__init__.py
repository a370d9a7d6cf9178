"""Data to try things on, with known truth."""

from tercet.datasets.company import SimulatedCompany, simulate_company
from tercet.datasets.company_truth import CompanyTruth
from tercet.datasets.needs import SimulatedNeeds, simulate_needs
from tercet.datasets.purchases import SimulatedPurchases, simulate_purchases
from tercet.datasets.shop import SimulatedShop, simulate_shop
from tercet.datasets.shop_truth import ShopTruth
from tercet.datasets.software import SimulatedSoftware, simulate_software
from tercet.datasets.software_truth import SoftwareTruth
from tercet.datasets.subscriptions import SimulatedSubscriptions, simulate_subscriptions

__all__ = [
    "CompanyTruth",
    "ShopTruth",
    "SimulatedCompany",
    "SimulatedNeeds",
    "SimulatedPurchases",
    "SimulatedShop",
    "SimulatedSoftware",
    "SimulatedSubscriptions",
    "SoftwareTruth",
    "simulate_company",
    "simulate_needs",
    "simulate_purchases",
    "simulate_shop",
    "simulate_software",
    "simulate_subscriptions",
]
