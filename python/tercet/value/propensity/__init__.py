"""How probable it is that a customer churns, buys, uses a feature, becomes a lead."""

from tercet.value.propensity.calibration import PropensityCalibration
from tercet.value.propensity.classifier import ClassifierPropensity
from tercet.value.propensity.propensity import Propensity

__all__ = ["ClassifierPropensity", "Propensity", "PropensityCalibration"]
