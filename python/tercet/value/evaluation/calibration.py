"""Probabilities made right: what was predicted, mapped to what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._estimator import Model
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats

__all__ = ["Calibration"]

Method: TypeAlias = Literal["auto", "isotonic", "beta", "sigmoid", "none"]


class Calibration(Model):
    r"""A rising map from predictions to probabilities.

    Fit it to predictions of customers whom the model has not seen: out-of-fold predictions, or
    a holdout. It mends probabilities that are too high, too low, too extreme; a wrong order of the
    customers it cannot mend.

    | method | map | for |
    |---|---|---|
    | `"sigmoid"` | $\mathrm{logit}\, q = \alpha + \beta\, \mathrm{logit}\, p$ | few events |
    | `"beta"` | $\mathrm{logit}\, q = c + a \ln p - b \ln(1 - p)$, $a, b \ge 0$ | bent at one end |
    | `"isotonic"` | the best rising step function | thousands of events, any shape |
    | `"none"` | $q = p$ | to compare with |
    | `"auto"` | the one of least log loss in cross-validation | |

    With `"auto"` a more flexible map takes the place of a simpler one only if its log loss on
    held-out customers is lower by more than a standard error of the difference: none wins ties.

    An isotonic block without an event would promise certainty. It gets half an event in one row
    more than it has, and at most half of the next block's value; a block of events only likewise.
    Predictions are never mapped to 0 or 1, then; those of exactly 0 and 1 count as 2.2e-16 and 1 -
    2.2e-16.

    Parameters
    ----------
    method : {"auto", "isotonic", "beta", "sigmoid", "none"}
        The map.
    shift : float, optional
        The event rate of the customers to be scored, where those of the fit were sampled or
        weighted by whether they had the event. Odds are multiplied by the ratio of the two rates'
        odds.
    interpolate : bool
        Whether an isotonic map is linear between its blocks; else it jumps half-way.
    folds : int
        Folds of the comparison of methods.
    random_state : int
        The seed of the folds.
    max_iterations : int
        Steps of the optimiser at most.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    method_ : str
        The method of the map: the one asked for, or the one that was chosen.
    cross_validation_ : table or None
        Of `"auto"`, one row a method: `log_loss` on held-out customers, `gain` over leaving the
        predictions as they are, and its `standard_error`.
    event_rate_ : float
        Of the customers of the fit.
    blocks_ : table or None
        Of an isotonic map: `lowest` and `highest` prediction and `probability` of each block.
    params_, standard_errors_ : dict
        `intercept` and `slope`, or `a`, `b` and `c`; empty for the other maps. Standard errors take
        weights for numbers of rows; there is none where a coefficient is held at 0.
    log_likelihood_, n_observations_, converged_, how_it_ended_, boundary_
        How the fit went.

    References
    ----------
    Kull, M., Silva Filho, T. and Flach, P. (2017). "Beyond sigmoids: how to obtain well-calibrated
    probabilities from binary classifiers with beta calibration." Electronic Journal of Statistics
    11(2), 5052-5080.

    Zadrozny, B. and Elkan, C. (2002). "Transforming classifier scores into accurate multiclass
    probability estimates." KDD, 694-699.

    Saerens, M., Latinne, P. and Decaestecker, C. (2002). "Adjusting the outputs of a classifier to
    new a priori probabilities." Neural Computation 14(1), 21-41.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> truth = rng.beta(1, 4, 4_000)
    >>> y, p = rng.random(4_000) < truth, truth**2 / (truth**2 + (1 - truth) ** 2)
    >>> calibration = tc.Calibration("sigmoid").fit(p, y)
    >>> bool(abs(calibration.params_["slope"] - 0.5) < 0.06)  # log-odds were doubled
    True
    >>> bool(np.abs(calibration.predict(p) - truth).max() < 0.05)
    True
    """

    _engine_class: ClassVar[Any] = _tercet.FittedCalibration
    _fitted_on = "p, y"

    def __init__(
        self,
        method: Method = "auto",
        *,
        shift: float | None = None,
        interpolate: bool = True,
        folds: int = 5,
        random_state: int = 0,
        max_iterations: int = 100,
        n_jobs: int | None = None,
    ) -> None:
        self.method = method
        self.shift = shift
        self.interpolate = interpolate
        self.folds = folds
        self.random_state = random_state
        self.max_iterations = max_iterations
        self.n_jobs = n_jobs

    def fit(
        self,
        p: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        pos_label: Any = None,
        progress: Progress = False,
    ) -> Self:
        """Fit the map to predictions and outcomes.

        Parameters
        ----------
        p : array of shape (n,)
            Predicted probabilities of customers whom the model has not seen.
        y : array of shape (n,)
            Whether the event happened: true/false, 0/1 or -1/1; other labels with `pos_label`.
        sample_weight : array of shape (n,), optional
            How much each row counts.
        groups : array of shape (n,), optional
            The customer of each row; a customer's rows are held out together.
        pos_label : label, optional
            Which of two labels is the event.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For outcomes, probabilities or weights that cannot be; it names column and row.
        ParameterError
            For a setting that cannot be used.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or it lies on a boundary; the message is `how_it_ended_`.
        """
        settings = self._settings()
        given = _inputs.read_outcomes(y, p, sample_weight, groups, pos_label)
        with reporting(progress) as report:
            engine = _tercet.FittedCalibration.fit(
                *given.arrays,
                columns=_inputs.NAMES,
                settings=settings,
                n_jobs=_arguments.threads(self.n_jobs),
                progress=report,
            )
        return self._learn(engine, given.kind or "pandas")

    def predict(self, p: ArrayLike) -> Floats:
        """Return the probability that each prediction stands for.

        Parameters
        ----------
        p : array of shape (n,)
            Predicted probabilities of the model whose predictions it was fitted to.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Probabilities, in the order of the rows.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a prediction that is missing or outside [0, 1].
        """
        engine: _tercet.FittedCalibration = self._require()
        return engine.calibrate(
            _inputs.read_numbers(p, "p"), n_jobs=_arguments.threads(self.n_jobs)
        )

    @property
    def method_(self) -> str:
        """The method of the map."""
        return str(self._require().method)

    @property
    def event_rate_(self) -> float:
        """The weighted share of events in the customers of the fit."""
        return float(self._require().event_rate)

    @property
    def cross_validation_(self) -> Any:
        """How the methods did on held-out customers; None where the method was given."""
        found = self._require().cross_validated
        if found is None:
            return None
        names = ("log_loss", "gain", "standard_error")
        columns = {"method": pa.array(found["method"], pa.string())}
        return new_table({**columns, **{name: found[name] for name in names}}, self._kind)

    @property
    def blocks_(self) -> Any:
        """The blocks of an isotonic map, a row each; None of the other maps."""
        found = self._require().blocks
        if found is None:
            return None
        names = ("lowest", "highest", "probability")
        columns = {name: np.ascontiguousarray(found[:, k]) for k, name in enumerate(names)}
        return new_table(columns, self._kind)

    def _settings(self) -> dict[str, Any]:
        shift = None if self.shift is None else _arguments.number(self.shift, "shift")
        return {
            "method": _arguments.word(self.method, "method", get_args(Method)),
            "shift": shift,
            "interpolate": _arguments.truth(self.interpolate, "interpolate"),
            "folds": _arguments.whole(self.folds, "folds", "a whole number, at least 2"),
            "seed": _arguments.seed(self.random_state, "random_state"),
            "max_iterations": _arguments.iterations(self.max_iterations),
        }

    def _describe(self, schema: dict[str, Any]) -> None:
        """Nothing: a calibration reads no named columns."""

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        settings = dict(engine.settings)
        return {**settings, "random_state": settings.pop("seed")}

    def _as_it_is_now(self) -> Any:
        # What it predicts depends on its settings, so a file keeps those of the fit.
        self._settings()
        return self._require()

    def _shown(self) -> _display.Estimates:
        engine = self._require()
        facts = [("map", self.method_)]
        if self.blocks_ is not None:
            facts.append(("blocks", f"{len(engine.blocks):,}"))
        if self.shift is not None:
            rates = (
                f"{_display.per_cent(self.event_rate_, 2)} to {_display.per_cent(self.shift, 2)}"
            )
            facts.append(("event rate", rates))
        facts.append(("rows", _display.count(self.n_observations_)))
        facts.append(("how it ended", self.how_it_ended_))
        return _display.Estimates(
            title=self._call(),
            names=engine.parameter_names,
            estimates=engine.estimates.tolist(),
            standard_errors=engine.standard_errors.tolist(),
            facts=facts,
        )
