"""Doubly robust scores of several arms, and the regression of them with its errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats


def scores(codes: NDArray[Any], y: Floats, outcomes: Floats, propensities: Floats) -> Floats:
    """Return a noisy effect a row, a column an arm but the control.

    `outcomes` and `propensities` have a column an arm: what is expected under each, and how
    probable it was.
    """
    own = np.arange(len(y)), codes
    pull = (y - outcomes[own]) / propensities[own]
    signs = (codes[:, None] == np.arange(1, outcomes.shape[1])).astype(np.float64)
    signs[codes == 0] = -1.0
    found: Floats = outcomes[:, 1:] - outcomes[:, :1] + signs * pull[:, None]
    return found


@dataclass(frozen=True)
class Slope:
    """The slope of scores on effects that were predicted from other customers.

    Attributes
    ----------
    slope, slope_error : float
        1 where predicted effects differ as much as true ones, 0 where they tell nothing; its error.
    p_value : float
        How probable so large a ratio of the two is where all effects are the same.
    """

    slope: float
    slope_error: float
    p_value: float

    @classmethod
    def together(cls, parts: Sequence[tuple[float, float, float]]) -> Slope:
        """Make one of several parts', each a weight, a slope and its error.

        Where every part was predicted from earlier parts only, the ratios of slopes to errors are
        standard normal numbers, one given the others, if all effects are the same; so is their
        weighed sum (Wager 2024, arXiv:2405.05534).
        """
        if not parts:
            # Effects that are all the same have no slope.
            return cls(0.0, 0.0, 1.0)
        ratio = sum(weight * slope / error for weight, slope, error in parts)
        certainty = sum(weight / error for weight, _, error in parts)
        size = math.sqrt(sum(weight**2 for weight, _, _ in parts))
        p = 0.5 * math.erfc(ratio / size / math.sqrt(2.0))
        return cls(ratio / certainty, size / certainty, p)


def slope_of(values: Floats, effects: Floats) -> tuple[float, float] | None:
    """Return the slope of scores on predicted effects and its error, as the forest does (HC1)."""
    n = len(values)
    off = effects - effects.mean()
    spread = float(off @ off)
    if not (n > 2 and spread > 1e-20 * float(effects @ effects)):
        return None
    slope = float(off @ values) / spread
    residuals = values - values.mean() - slope * off
    error = float(np.sqrt(((off * residuals) ** 2).sum() * n / (n - 2.0))) / spread
    return (slope, error) if math.isfinite(slope) and 0.0 < error < math.inf else None


def average(values: Floats) -> tuple[float, float]:
    """Return the mean effect and its error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Line:
    """Least squares of scores on encoded features, with errors that hold for unequal noise.

    Attributes
    ----------
    centre : numpy.ndarray
        The columns' means.
    basis : numpy.ndarray of shape (columns, rank)
        From centred columns to independent ones; columns that repeat others have no part.
    coefficients : numpy.ndarray of shape (1 + rank, effects)
        Of a constant and the independent columns.
    covariances : numpy.ndarray of shape (effects, 1 + rank, 1 + rank)
        Of the coefficients (HC3).
    """

    centre: Floats
    basis: Floats
    coefficients: Floats
    covariances: Floats

    @classmethod
    def fit(cls, columns: Floats, values: Floats) -> Line:
        """Fit to a row a customer, a column of values an effect."""
        centre = columns.mean(axis=0)
        spread = columns.std(axis=0)
        scaled = (columns - centre) / np.where(spread > 0, spread, 1.0)
        _, sizes, turned = np.linalg.svd(scaled, full_matrices=False)
        kept = sizes > 1e-8 * max(sizes.max(initial=0.0), 1e-300) * np.sqrt(len(columns))
        basis = turned[kept].T / np.where(spread > 0, spread, 1.0)[:, None]
        made = cls(centre, basis, np.empty(0), np.empty(0))
        design = made._design(columns)
        inverse = np.linalg.inv(design.T @ design)
        coefficients = inverse @ (design.T @ values)
        leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
        residuals = (values - design @ coefficients) / (1.0 - np.minimum(leverage, 0.999))[:, None]
        meats = [design.T @ (design * residual[:, None] ** 2) for residual in residuals.T]
        covariances = np.array([inverse @ meat @ inverse for meat in meats])
        return cls(centre, basis, coefficients, covariances)

    def mean(self, columns: Floats) -> Floats:
        """Return the fitted values, a column an effect."""
        found: Floats = self._design(columns) @ self.coefficients
        return found

    def error(self, columns: Floats) -> Floats:
        """Return the standard errors of `mean`."""
        design = self._design(columns)
        squares = [np.einsum("ij,jk,ik->i", design, own, design) for own in self.covariances]
        found: Floats = np.sqrt(np.maximum(np.column_stack(squares), 0.0))
        return found

    def _design(self, columns: Floats) -> Floats:
        return np.column_stack([np.ones(len(columns)), (columns - self.centre) @ self.basis])
