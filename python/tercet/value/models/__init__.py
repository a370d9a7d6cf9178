"""Models that are fitted to snapshots: tables in, every customer's probabilities out."""

from tercet.value.models.churn import ChurnModel
from tercet.value.models.report_card import ReportCard

__all__ = ["ChurnModel", "ReportCard"]
