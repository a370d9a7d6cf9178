"""Another library's classifier: fitted copies, their probabilities, and rows left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._columns import column_error
from tercet._mixing import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._features import Feature
    from tercet.value.propensity._encoding import Coding
    from tercet.value.propensity.calibration import Maps, PropensityCalibration


@dataclass(frozen=True)
class Fitted:
    """What a fit of another library's classifier has found.

    Attributes
    ----------
    estimator : classifier
        The fitted copy.
    coding : Coding
        How features are handed over.
    features : tuple of Feature
        The features of the fit.
    named : bool
        Whether the caller named them.
    classes : numpy.ndarray
        The labels, sorted.
    maps : Maps
        From its predictions to probabilities.
    told : PropensityCalibration or None
        How these were found.
    background, shown : numpy.ndarray
        Rows of the fit that Shapley values start from, and by which features' spread is told.
    n : int
        Rows of the fit.
    """

    estimator: Any
    coding: Coding
    features: tuple[Feature, ...]
    named: bool
    classes: NDArray[Any]
    maps: Maps
    told: PropensityCalibration | None
    background: Floats
    shown: Floats
    n: int


def probabilities(estimator: Any, coding: Coding, coded: Floats, n_classes: int) -> Floats:
    """Return the probabilities of all classes of the fit; 0 of one that a fold did not have."""
    encoded = coding.encoded(coded)
    p = np.asarray(told_of_gaps(estimator.predict_proba, estimator, encoded), dtype=np.float64)
    found = np.zeros((len(coded), n_classes))
    found[:, np.asarray(estimator.classes_, dtype=np.int64)] = p
    return found


def told_of_gaps(call: Any, estimator: Any, encoded: Any, *more: Any) -> Any:
    """Return what a classifier answers; where it stumbles over gaps, say where they are."""
    try:
        return call(encoded, *more)
    except ValueError as error:
        if not hasattr(encoded, "isna") or not encoded.isna().to_numpy().any():
            raise
        missing = encoded.isna().to_numpy()
        place = int(missing.any(axis=0).argmax())
        reason = (
            f"is missing, which {type(estimator).__name__} may not read "
            f"({str(error).splitlines()[0]}); fill gaps in a step of the pipeline "
            "(sklearn.impute.SimpleImputer), or beforehand"
        )
        row = int(missing[:, place].argmax())
        raise column_error(str(encoded.columns[place]), reason, row) from error


def folds_of(codes: Any, units: Any, n: int, seed: int) -> NDArray[np.uint16]:
    """Return each row's fold: units stay together, and their rarest classes are spread evenly."""
    rare = np.argsort(np.argsort(np.bincount(codes), kind="stable"), kind="stable")
    distinct, unit = np.unique(units, return_inverse=True)
    of_unit = np.full(len(distinct), len(rare))
    np.minimum.at(of_unit, unit, rare[codes])
    order = np.lexsort((mixed(len(distinct), seed), of_unit))
    fold = np.empty(len(distinct), dtype=np.uint16)
    fold[order] = np.arange(len(distinct)) % n
    found: NDArray[np.uint16] = fold[unit]
    return found
