"""Whether a tenth means one in ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind

__all__ = ["Reliability", "reliability"]

_COLUMNS = ("lowest", "highest", "mean_predicted", "observed", "lower", "upper")
_COUNTS = ("n", "events", "n_effective")
_BARS = 50


class Reliability(_display.Shown):
    """Predictions and outcomes side by side; made by `reliability`.

    Attributes
    ----------
    table : table
        One row a group, lowest predictions first: `bin`, `lowest` and `highest` prediction,
        `mean_predicted`, `observed` (weighted share of events) with its interval `lower`, `upper`,
        `n`, `events`, `n_effective`.
    calibration_error : float
        The mean distance of `observed` and `mean_predicted`, weighted.
    mean_predicted, event_rate : float
        Of all rows.
    slope, intercept : tuple of float
        Of the recalibration line on the log-odds scale, each with its standard error; the intercept
        with the slope held at 1.
    verdict : str
        What it says.
    level : float
        Of the intervals.
    """

    def __init__(
        self,
        found: Mapping[str, Any],
        level: float,
        histogram: tuple[Floats, Floats],
        kind: Kind | None,
    ) -> None:
        self.calibration_error = float(found["calibration_error"])
        self.mean_predicted = float(found["mean_predicted_of_all"])
        self.event_rate = float(found["event_rate"])
        slope, error = found["slope"]
        self.slope: tuple[float, float] = (slope, error)
        intercept, error = found["intercept"]
        self.intercept: tuple[float, float] = (intercept, error)
        self.verdict = str(found["verdict"])
        self.level = level
        #: Shares of the rows and the edges between which their predictions lie.
        self._histogram = histogram
        self._found = found
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a group."""
        columns = {name: self._found[name] for name in (*_COLUMNS, *_COUNTS)}
        return new_table({"bin": np.arange(1, len(columns["n"]) + 1), **columns}, self._kind)

    def text(self) -> str:
        """Return the verdict."""
        return self.verdict

    def _shown(self) -> _display.Grid:
        columns = [self._found[name].tolist() for name in _COLUMNS]
        counts = [self._found[name].tolist() for name in ("n", "events")]
        rows = [
            (
                str(place),
                f"{low:.4f} to {high:.4f}",
                *(_display.decimals(value, 4) for value in values),
                *(f"{count:,}" for count in own),
            )
            for place, ((low, high, *values), own) in enumerate(
                zip(zip(*columns, strict=True), zip(*counts, strict=True), strict=True), start=1
            )
        ]
        return _display.Grid(
            title=f"Predictions and outcomes, {_display.per_cent(self.level)} intervals",
            header=("group", "predicted", "mean", "observed", "lower", "upper", "n", "events"),
            rows=rows,
            words=[self.verdict],
        )


def reliability(
    y: ArrayLike,
    p: ArrayLike,
    bins: int = 10,
    *,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    level: float = 0.95,
    n_jobs: int | None = None,
) -> Reliability:
    """Compare predicted probabilities with the shares of customers who had the event.

    Rows are put into groups of equal weight by their prediction; equal predictions stay together,
    so there may be fewer groups than asked for. The interval of an observed share is Wilson's, with
    the effective number of rows `(Σ w)² / Σ w²`.

    Parameters
    ----------
    y, p : array of shape (n,)
        Outcomes and predicted probabilities, as in `tercet.score_probabilities`.
    bins : int
        Groups.
    sample_weight : array of shape (n,), optional
        How much each row counts.
    pos_label : label, optional
        Which of two labels is the event.
    level : float
        Confidence level of the intervals, between 0 and 1.
    n_jobs : int, optional
        Threads; None or -1 for all cores.

    Returns
    -------
    Reliability
        `table`, `verdict`; drawn by `tercet.plots.reliability`.

    Raises
    ------
    DataError
        For outcomes, probabilities or weights that cannot be; it names column and row.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Wilson, E. B. (1927). "Probable inference, the law of succession, and statistical inference."
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> p = np.repeat([0.2, 0.4], 500)
    >>> found = tc.reliability(np.tile([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], 100), p)
    >>> found.table[["mean_predicted", "observed"]].to_numpy().tolist()
    [[0.2, 0.2], [0.4, 0.2]]
    >>> print(found.verdict)  # doctest: +ELLIPSIS
    In 1 of 2 groups the mean prediction lies within the interval of what happened. ...
    """
    given = _inputs.read_outcomes(y, p, sample_weight, None, pos_label)
    level = _arguments.number(level, "level")
    found = _tercet.reliability(
        *given.arrays[:3],
        columns=_inputs.NAMES,
        bins=_arguments.whole(bins, "bins", "a whole number, at least 1"),
        level=level,
        n_jobs=_arguments.threads(n_jobs),
    )
    top = max(float(given.probabilities.max()), 1e-9)
    heights, edges = np.histogram(
        given.probabilities, bins=_BARS, range=(0.0, top), weights=given.weights
    )
    return Reliability(found, level, (heights / heights.sum(), edges), given.kind)
