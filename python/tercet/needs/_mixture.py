"""What models of segments share: mixtures with an unknown membership, fitted from many starts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._estimator import Model
from tercet._frames import new_table

if TYPE_CHECKING:
    from tercet._columns import Floats, Integers


class Mixture(Model):
    """A model whose respondents belong to segments with unknown shares."""

    @property
    def shares_(self) -> Floats:
        """The segments' shares of the respondents (weighted), largest first."""
        shares: Floats = self._require().shares
        return shares

    @property
    def n_parameters_(self) -> int:
        """Free parameters, those on a boundary included."""
        return int(self._report("n_parameters"))

    @property
    def n_effective_(self) -> float:
        """The respondents that the weights are worth (Kish 1965): what the criteria count."""
        return self._quality("n_effective")

    @property
    def aic_(self) -> float:
        """Akaike's information criterion; smaller is better."""
        return self._quality("aic")

    @property
    def bic_(self) -> float:
        """Bayesian information criterion; smaller is better."""
        return self._quality("bic")

    @property
    def aic3_(self) -> float:
        """Akaike's criterion with 3 for each parameter; smaller is better."""
        return self._quality("aic3")

    @property
    def caic_(self) -> float:
        """Consistent AIC; smaller is better."""
        return self._quality("caic")

    @property
    def sabic_(self) -> float:
        """BIC adjusted for the sample's size; smaller is better."""
        return self._quality("sabic")

    @property
    def icl_(self) -> float:
        """Integrated completed likelihood, BIC plus twice the entropy; smaller is better."""
        return self._quality("icl")

    @property
    def entropy_r2_(self) -> float:
        """How well the segments are told apart: 1 if every respondent's segment is certain."""
        return self._quality("entropy_r2")

    @property
    def classification_(self) -> Floats:
        """By true segment (rows), the probability of being assigned to each."""
        return self._qualities("classification", (len(self.classes_),) * 2)

    @property
    def assigned_posterior_(self) -> Floats:
        """The mean probability of membership of those assigned to each segment."""
        return self._qualities("assigned_posterior", (len(self.classes_),))

    @property
    def starts_(self) -> Any:
        """What became of each start, in a table."""
        starts = self._require().starts
        numbers = np.arange(1, len(starts["log_likelihood"]) + 1)
        return new_table({"start": numbers, **starts}, self._kind)

    @property
    def n_starts_at_best_(self) -> int:
        """How many starts ended within 0.1 of the best log-likelihood."""
        return int(self._require().starts["reached_best"].sum())

    @property
    def classes_(self) -> Integers:
        """The segments' numbers: 1 for the largest."""
        return np.arange(1, len(self.shares_) + 1)

    def _quality(self, name: str) -> float:
        criteria = self._require().criteria
        return math.nan if criteria is None else float(criteria[name])

    def _qualities(self, name: str, shape: tuple[int, ...]) -> Floats:
        criteria = self._require().criteria
        values: Floats = np.full(shape, math.nan) if criteria is None else criteria[name]
        return values

    def _how_they_went(self) -> str:
        """Say how many starts reached the best."""
        dropped = self._require().starts["dropped"]
        early = int(dropped.sum())
        words = f"{self.n_starts_at_best_} of {len(dropped)} reached the best"
        return f"{words}; {early} were given up early" if early else words
