"""Models that are fitted to snapshots: tables in, every customer's probabilities out."""

from tercet.value.models.churn import ChurnModel
from tercet.value.models.feature_use import FeatureUseModel
from tercet.value.models.lead import LeadScore
from tercet.value.models.purchase import PurchaseModel
from tercet.value.models.report_card import ReportCard
from tercet.value.models.sales_potential import sales_potential

__all__ = [
    "ChurnModel",
    "FeatureUseModel",
    "LeadScore",
    "PurchaseModel",
    "ReportCard",
    "sales_potential",
]
