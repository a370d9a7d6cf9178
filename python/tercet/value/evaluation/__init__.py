"""Judging probabilities, from whatever model they come, and deciding by them."""

from tercet.value.evaluation.calibration import Calibration
from tercet.value.evaluation.cutoff import BestCutoff, best_cutoff
from tercet.value.evaluation.enough import DataCheck, enough_data
from tercet.value.evaluation.gain import GainTable, gain_table
from tercet.value.evaluation.reliability import Reliability, reliability
from tercet.value.evaluation.scores import ProbabilityScores, score_probabilities

__all__ = [
    "BestCutoff",
    "Calibration",
    "DataCheck",
    "GainTable",
    "ProbabilityScores",
    "Reliability",
    "best_cutoff",
    "enough_data",
    "gain_table",
    "reliability",
    "score_probabilities",
]
