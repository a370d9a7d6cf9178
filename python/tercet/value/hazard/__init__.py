"""When customers churn, or reach the next stage, and by which of several ways."""

from tercet.value.hazard.curves import aalen_johansen, kaplan_meier
from tercet.value.hazard.hazard import HazardModel
from tercet.value.hazard.scores import HazardScores

__all__ = ["HazardModel", "HazardScores", "aalen_johansen", "kaplan_meier"]
