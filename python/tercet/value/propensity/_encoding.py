"""Customers as another library's classifier takes them: its own way where it has one."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet._columns import column_error
from tercet._features import NO_LEVEL
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute

#: As many levels as histograms of trees hold; the others share one.
_MOST: Final = 250
_OTHER: Final = "(other)"


@dataclass(frozen=True)
class Column:
    """One feature of the fit.

    Attributes
    ----------
    name : str
        Its name.
    levels : tuple of str or None
        Of a category the levels of the fit, the rare ones as one; None of a number.
    kept : dict
        Of a category the place of each level.
    median : float
        Of a number, what stands for a gap where gaps are filled.
    gaps : bool
        Whether there were gaps in the fit.
    empty : bool
        Whether there was nothing but gaps: such a column is 0 in every row, also later.
    """

    name: str
    levels: tuple[str, ...] | None
    kept: dict[str, int]
    median: float
    gaps: bool
    empty: bool = False

    @classmethod
    def learn(cls, attribute: Attribute, least: int) -> Column:
        """Return what is to be known of a column."""
        name, values, levels = attribute
        if values.dtype != np.uint16:
            numbers = values.astype(np.float64)
            known = numbers[~np.isnan(numbers)]
            if not len(known):
                return cls(name, None, {}, 0.0, gaps=False, empty=True)
            return cls(name, None, {}, float(np.median(known)), len(known) < len(numbers))
        counts = np.bincount(values[values != NO_LEVEL].astype(np.int64), minlength=len(levels))
        order = np.argsort(-counts, kind="stable")[:_MOST]
        frequent = sorted(int(place) for place in order if counts[place] >= least)
        names = [levels[place] for place in frequent]
        kept = {level: place for place, level in enumerate(names)}
        rare = [level for place, level in enumerate(levels) if level not in kept and counts[place]]
        if rare:
            names.append(_OTHER)
            kept |= dict.fromkeys(rare, len(names) - 1)
        return cls(name, tuple(names), kept, 0.0, bool((values == NO_LEVEL).any()))

    def coded(self, attribute: Attribute) -> Floats:
        """Return numbers: of a category the level's place; nan for gaps and new levels."""
        _, values, levels = attribute
        if self.empty:
            return np.zeros(len(values))
        if self.levels is None:
            numbers = values.astype(np.float64)
            infinite = np.isinf(numbers)
            if infinite.any():
                reason = "is infinite; give a number, or leave it missing"
                raise column_error(self.name, reason, int(infinite.argmax()))
            return numbers
        places = np.full(NO_LEVEL + 1, np.nan)
        for code, level in enumerate(levels):
            places[code] = self.kept.get(level, np.nan)
        found: Floats = places[values.astype(np.int64)]
        return found


@dataclass(frozen=True)
class Coding:
    """How all features are encoded.

    Attributes
    ----------
    columns : tuple of Column
        The features of the fit.
    table : bool
        Whether the classifier gets a pandas frame with categories and gaps, or a matrix.
    named : bool
        Whether the frame's columns have the features' names; else x0, x1 and so on.
    fills : bool
        Whether a matrix has its gaps filled.
    """

    columns: tuple[Column, ...]
    table: bool
    named: bool
    fills: bool

    def coded(self, attributes: Sequence[Attribute]) -> Floats:
        """Return the features as a matrix of numbers, a column a feature."""
        pairs = zip(self.columns, attributes, strict=True)
        return np.column_stack([column.coded(attribute) for column, attribute in pairs])

    def encoded(self, coded: Floats) -> Any:
        """Return such a matrix as the classifier takes it."""
        return self._frame(coded) if self.table else self._matrix(coded)

    def _frame(self, coded: Floats) -> Any:
        pandas = _pandas()
        found = {}
        for place, column in enumerate(self.columns):
            values = coded[:, place]
            if column.levels is not None:
                codes = np.where(np.isnan(values), -1, values).astype(np.int64)
                values = pandas.Categorical.from_codes(codes, list(column.levels))
            found[column.name if self.named else f"x{place}"] = values
        return pandas.DataFrame(found)

    def _matrix(self, coded: Floats) -> Floats:
        found: list[NDArray[np.float64]] = []
        for place, column in enumerate(self.columns):
            values = coded[:, place]
            missing = np.isnan(values)
            if column.levels is not None:
                found += [(values == k).astype(np.float64) for k in range(len(column.levels))]
            elif not self.fills:
                found.append(values)
                continue
            else:
                found.append(np.where(missing, column.median, values))
            if column.gaps:
                found.append(missing.astype(np.float64))
        return np.column_stack(found)


def coding_of(estimator: Any, attributes: Sequence[Attribute], named: bool, least: int) -> Coding:
    """Return how a classifier's features are encoded."""
    columns = tuple(Column.learn(attribute, least) for attribute in attributes)
    pipeline = hasattr(estimator, "steps")
    table = pipeline or reads_categories(estimator)
    if not table and all(one.levels is None for one in columns):
        return Coding(columns, False, False, not reads_gaps(estimator))
    return Coding(columns, table, named and pipeline, not reads_gaps(estimator))


def reads_categories(estimator: Any) -> bool:
    """Whether a classifier reads categories and gaps of a frame by itself."""
    inner = getattr(estimator, "estimator", None)
    if inner is not None and hasattr(inner, "fit"):
        return reads_categories(inner) or hasattr(inner, "steps")
    kind = type(estimator)
    module = kind.__module__.partition(".")[0]
    if module == "xgboost":
        return bool(getattr(estimator, "enable_categorical", False))
    return module == "lightgbm" or kind.__name__.startswith("HistGradientBoosting")


def reads_gaps(estimator: Any) -> bool:
    """Whether a classifier reads gaps in a matrix by itself, as it says."""
    if type(estimator).__module__.partition(".")[0] in ("xgboost", "lightgbm"):
        return True
    try:
        from sklearn.utils import get_tags
    except ImportError:
        return False
    try:
        return bool(get_tags(estimator).input_tags.allow_nan)
    except (AttributeError, TypeError, ValueError):
        return False


def copied(estimator: Any) -> Any:
    """Return an unfitted copy of another library's estimator."""
    try:
        from sklearn.base import clone
    except ImportError:
        return copy.deepcopy(estimator)
    return clone(estimator)


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        message = (
            "estimator: pandas is needed to hand categories and gaps to this classifier; install "
            "it, or take another estimator"
        )
        raise ParameterError(message, "estimator") from error
    return pd
