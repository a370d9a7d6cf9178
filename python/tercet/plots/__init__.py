"""Plots of segments, behaviour, effects, purchase models, customer values and probabilities.

Every function draws on the axes that it is given, or on new ones, and returns them; none shows or
saves anything. They need matplotlib: `pip install 'tercet[plots]'`.
"""

from __future__ import annotations

from tercet.plots.allocation import profit_by_budget
from tercet.plots.behaviour import lifecycle_flow, rfm_grid
from tercet.plots.curve import propensity_curve
from tercet.plots.experiment import detectable_effect, effects_by_segment
from tercet.plots.hazard import cumulative_incidence, survival
from tercet.plots.history import customer_history
from tercet.plots.holdout import calibration_holdout
from tercet.plots.matrix import expected_purchases_map, probability_alive_map
from tercet.plots.needs import (
    projected_shares,
    question_accuracy,
    segment_criteria,
    segment_profile,
    segment_sizes,
)
from tercet.plots.propensity import gain, lift, profit_by_cutoff, reliability
from tercet.plots.ranking import qini
from tercet.plots.reason_bars import reasons
from tercet.plots.tracking import cumulative_purchases, purchases_by_period
from tercet.plots.value import top_customers, value_concentration, value_distribution

__all__ = [
    "calibration_holdout",
    "cumulative_incidence",
    "cumulative_purchases",
    "customer_history",
    "detectable_effect",
    "effects_by_segment",
    "expected_purchases_map",
    "gain",
    "lifecycle_flow",
    "lift",
    "probability_alive_map",
    "profit_by_budget",
    "profit_by_cutoff",
    "projected_shares",
    "propensity_curve",
    "purchases_by_period",
    "qini",
    "question_accuracy",
    "reasons",
    "reliability",
    "rfm_grid",
    "segment_criteria",
    "segment_profile",
    "segment_sizes",
    "survival",
    "top_customers",
    "value_concentration",
    "value_distribution",
]
