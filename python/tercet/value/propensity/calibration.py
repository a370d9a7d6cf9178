"""Probabilities of a propensity made right by predictions of rows that its fits had left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _display, _tercet
from tercet.value.evaluation import _inputs
from tercet.value.evaluation._slope import ends_of, too_extreme, with_error
from tercet.value.evaluation.reliability import Reliability, reliability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._frames import Kind
    from tercet.value.propensity._outcome import Outcome

__all__ = ["PropensityCalibration"]

_LEVEL = 0.95


class PropensityCalibration:
    """How a propensity's probabilities were calibrated; made by `Propensity.fit`.

    All figures are of rows that were left out: of the fit before, of fit and map after.

    Attributes
    ----------
    method : str
        The map: "none", "sigmoid", "beta" or "isotonic"; of several classes the classes' maps,
        separated by commas.
    before, after : Reliability
        Predictions and outcomes side by side, as `tercet.reliability` does; of several classes a
        dict by label.
    calibration_error_before, calibration_error_after : float
        The mean distance of predicted and observed shares over ten groups (ECE); of several classes
        the mean of the classes.
    slope_before, slope_after : tuple of float
        The slope of the recalibration line on the scale of log-odds (Cox 1958), and its standard
        error: below 1 where probabilities are too extreme. Of several classes a dict by label.
    intercept_before, intercept_after : tuple of float
        Calibration in the large: what is to be added to all log-odds for the mean probability to be
        the share of events, and its standard error. Of several classes a dict by label.

    References
    ----------
    Cox, D. R. (1958). "Two further applications of a model for binary regression." Biometrika
    45(3-4), 562-565.

    Van Calster, B. et al. (2019). "Calibration: the Achilles heel of predictive analytics." BMC
    Medicine 17, 230.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(2_000, 2))
    >>> y = rng.random(2_000) < 1 / (1 + np.exp(1 - x[:, 0]))
    >>> calibration = tc.Propensity().fit(x, y).calibration_
    >>> calibration.method, calibration.calibration_error_after < 0.03
    ('none', True)
    """

    def __init__(
        self,
        methods: Sequence[str],
        labels: Sequence[Any],
        before: Sequence[Reliability],
        after: Sequence[Reliability],
    ) -> None:
        self.method = ", ".join(methods)
        self._labels = labels
        self._before, self._after = before, after

    @property
    def before(self) -> Any:
        """Predictions of rows left out of the fit, and outcomes."""
        return self._by_label(self._before)

    @property
    def after(self) -> Any:
        """Calibrated predictions of rows left out of the fit and of the map, and outcomes."""
        return self._by_label(self._after)

    @property
    def calibration_error_before(self) -> float:
        """The calibration error before."""
        return float(np.mean([one.calibration_error for one in self._before]))

    @property
    def calibration_error_after(self) -> float:
        """The calibration error after."""
        return float(np.mean([one.calibration_error for one in self._after]))

    @property
    def slope_before(self) -> Any:
        """The calibration slope before, with its standard error."""
        return self._by_label([one.slope for one in self._before])

    @property
    def slope_after(self) -> Any:
        """The calibration slope after, with its standard error."""
        return self._by_label([one.slope for one in self._after])

    @property
    def intercept_before(self) -> Any:
        """Calibration in the large before, with its standard error."""
        return self._by_label([one.intercept for one in self._before])

    @property
    def intercept_after(self) -> Any:
        """Calibration in the large after, with its standard error."""
        return self._by_label([one.intercept for one in self._after])

    def text(self) -> str:
        """Return what was done and what it brought, and whether probabilities are too extreme."""
        before, after = self.calibration_error_before, self.calibration_error_after
        if self._is_plain:
            said = (
                "Probabilities are left as the model gives them: no map predicts rows left out "
                f"better; calibration error {_display.decimals(after, 4)}."
            )
        else:
            said = (
                f"Probabilities are calibrated ({self.method}): calibration error of rows left out "
                f"{_display.decimals(before, 4)} before, {_display.decimals(after, 4)} after."
            )
        if len(self._after) == 1:
            (one,) = self._after
            said += f" Calibration slope {with_error(one.slope)}, in the large "
            said += f"{with_error(one.intercept, sign=True)}."
        return " ".join([said, *self._extremes()])

    @property
    def _is_plain(self) -> bool:
        """Whether probabilities are left as they are."""
        return set(self.method.split(", ")) == {"none"}

    def _extremes(self) -> list[str]:
        """Return which probabilities are too extreme, and the remedy."""
        found = [
            (label, one.slope)
            for label, one in zip(self._labels[-len(self._after) :], self._after, strict=True)
            if too_extreme(*ends_of(one.slope))
        ]
        if not found:
            return []
        whose = ["" if len(self._after) == 1 else f" of '{label}'" for label, _ in found]
        pairs = zip(whose, found, strict=True)
        slopes = ", ".join(f"slope {slope[0]:.2f}{name}" for name, (_, slope) in pairs)
        remedy = 'calibration="sigmoid" draws them together, ' if self._is_plain else ""
        words = f"The probabilities are too extreme: {slopes}, where 1 is right; {remedy}"
        return [f"{words}fewer features or more rows mend the cause."]

    def __repr__(self) -> str:
        return f"PropensityCalibration: {self.text()}"

    def _by_label(self, found: Sequence[Any]) -> Any:
        if len(found) == 1:
            return found[0]
        return dict(zip(self._labels, found, strict=True))

    def _note(self) -> dict[str, Any]:
        """Return it as a file keeps it."""
        return {
            "methods": self.method.split(", "),
            "before": [_noted(one) for one in self._before],
            "after": [_noted(one) for one in self._after],
        }

    @classmethod
    def _of(
        cls, note: Mapping[str, Any], labels: Sequence[Any], kind: Kind | None
    ) -> PropensityCalibration:
        """Return what a file has kept."""
        before = [_restored(one, kind) for one in note["before"]]
        after = [_restored(one, kind) for one in note["after"]]
        return cls(note["methods"], labels, before, after)


@dataclass(frozen=True)
class Maps:
    """A map from prediction to probability for the outcome, or for each class.

    Attributes
    ----------
    engines : tuple of FittedCalibration
        One, or one a class; none where predictions are left as they are.
    """

    engines: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.engines)

    def __call__(self, probabilities: Floats, n_jobs: int | None = None) -> Floats:
        """Return calibrated probabilities; those of several classes still add up to 1."""
        if not self.engines:
            return probabilities
        columns = [
            engine.calibrate(np.ascontiguousarray(probabilities[:, k]), n_jobs=n_jobs)
            for k, engine in enumerate(self.engines)
        ]
        found = np.column_stack(columns)
        return found if len(columns) == 1 else found / found.sum(axis=1, keepdims=True)

    def one(self, values: Floats, n_jobs: int | None = None) -> Floats:
        """Return calibrated probabilities of the outcome, of any shape."""
        if not self.engines:
            return values
        flat = np.ascontiguousarray(values).reshape(-1, 1)
        found: Floats = self(flat, n_jobs).reshape(np.shape(values))
        return found

    def ends(self, values: Floats, probabilities: Floats, n_jobs: int | None = None) -> Floats:
        """Return ends of intervals, calibrated.

        Each class's ends (customers by classes by ends) go through its own map, and are divided by
        what its probability is divided by for all to add up to 1.
        """
        if not self.engines:
            return values
        found = np.empty_like(values)
        total = np.zeros(len(values))
        for k, engine in enumerate(self.engines):
            flat = np.ascontiguousarray(values[:, k]).ravel()
            found[:, k] = engine.calibrate(flat, n_jobs=n_jobs).reshape(len(values), 2)
            own = np.ascontiguousarray(probabilities[:, k])
            total += engine.calibrate(own, n_jobs=n_jobs)
        ends: Floats = np.minimum(found / total[:, None, None], 1.0)
        return ends

    def note(self) -> list[Any]:
        """Return them as a file keeps them."""
        return [json.loads(engine.to_json()) for engine in self.engines]

    @classmethod
    def of(cls, note: Sequence[Any]) -> Maps:
        """Return what a file has kept."""
        read = _tercet.FittedCalibration.from_json
        return cls(tuple(read(json.dumps(one)) for one in note))


@dataclass(frozen=True)
class LeftOut:
    """Predictions of rows by a fit that did not see them.

    Attributes
    ----------
    outcome : Outcome
        What became of the rows.
    probabilities : numpy.ndarray
        Of the outcome (one column), or of each class.
    folds : numpy.ndarray
        Which rows were left out together.
    weights, groups : numpy.ndarray or None
        As given to the fit.
    """

    outcome: Outcome
    probabilities: Floats
    folds: NDArray[np.uint16]
    weights: Floats | None
    groups: NDArray[np.uint32] | None

    def calibrate(
        self, settings: Mapping[str, Any], kind: Kind | None, n_jobs: int | None
    ) -> tuple[Maps, Floats, PropensityCalibration]:
        """Return the maps, the rows' probabilities by maps that did not see them, and both judged.

        `settings` are those of `tercet.Calibration`.
        """
        engines = [self._fit(place, settings, None, n_jobs) for place in self._places]
        methods = [str(engine.method) for engine in engines]
        after = self.probabilities
        maps = Maps()
        if set(methods) != {"none"}:
            maps = Maps(tuple(engines))
            after = self._crossed(settings, methods, n_jobs)
        told = PropensityCalibration(
            methods,
            self.outcome.classes.tolist(),
            self._judged(self.probabilities, kind, n_jobs),
            self._judged(after, kind, n_jobs),
        )
        return maps, after, told

    @property
    def _places(self) -> range:
        return range(self.probabilities.shape[1])

    def _happened(self, place: int) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = self.outcome.codes == (1 if self.outcome.binary else place)
        return flags

    def _fit(
        self,
        place: int,
        settings: Mapping[str, Any],
        rows: NDArray[np.bool_] | None,
        n_jobs: int | None,
    ) -> Any:
        kept: Any = slice(None) if rows is None else rows
        weights = None if self.weights is None else self.weights[kept]
        groups = None if self.groups is None else self.groups[kept].astype(np.int64)
        return _tercet.FittedCalibration.fit(
            self._happened(place)[kept],
            np.ascontiguousarray(self.probabilities[kept, place]),
            weights,
            groups,
            columns=_inputs.NAMES,
            settings=settings,  # type: ignore[arg-type]  # a mapping is read as a dict is
            n_jobs=n_jobs,
        )

    def _crossed(
        self, settings: Mapping[str, Any], methods: Sequence[str], n_jobs: int | None
    ) -> Floats:
        """Return every row's probability by maps of the other folds."""
        found = self.probabilities.copy()
        for fold in np.unique(self.folds):
            inside = self.folds == fold
            if not all(self._has_both(place, ~inside) for place in self._places):
                continue
            engines = [
                self._fit(place, {**settings, "method": method}, ~inside, n_jobs)
                for place, method in enumerate(methods)
            ]
            found[inside] = Maps(tuple(engines))(self.probabilities[inside], n_jobs)
        return found

    def _has_both(self, place: int, rows: NDArray[np.bool_]) -> bool:
        counted = rows if self.weights is None else rows & (self.weights > 0)
        happened = self._happened(place)[counted]
        return bool(happened.any() and not happened.all())

    def _judged(
        self, probabilities: Floats, kind: Kind | None, n_jobs: int | None
    ) -> list[Reliability]:
        found = []
        for place in self._places:
            p = np.ascontiguousarray(probabilities[:, place])
            judged = reliability(
                self._happened(place), p, sample_weight=self.weights, level=_LEVEL, n_jobs=n_jobs
            )
            judged._kind = kind
            found.append(judged)
        return found


def _noted(found: Reliability) -> dict[str, Any]:
    plain = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in dict(found._found).items()
    }
    return {
        "found": plain,
        "level": found.level,
        "histogram": [part.tolist() for part in found._histogram],
    }


def _restored(note: Mapping[str, Any], kind: Kind | None) -> Reliability:
    found = {
        name: np.array(value)
        if isinstance(value, list) and name not in ("slope", "intercept")
        else value
        for name, value in note["found"].items()
    }
    heights, edges = (np.array(part) for part in note["histogram"])
    return Reliability(found, note["level"], (heights, edges), kind)
