"""What every estimator shares: scikit-learn's manners, without needing scikit-learn.

The constructor stores its keyword arguments and does nothing else; `fit` returns the estimator;
what it learned ends in an underscore. `get_params`, `set_params`, `sklearn.base.clone` and
`pickle` work, the last through the same JSON as `Model.save`.
"""

from __future__ import annotations

import inspect
import json
import math
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._frames import new_table
from tercet._summary import core_names, our_names
from tercet.exceptions import ConvergenceWarning, NotFittedError, ParameterError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind
    from tercet._summary import Rows


class Estimator:
    """Parameters by name, as scikit-learn's `BaseEstimator` has them."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments.

        Parameters
        ----------
        deep : bool
            For scikit-learn; no argument is an estimator itself.

        Returns
        -------
        dict
            Argument names and values.
        """
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments.

        Names of columns and `n_jobs` take effect at once, settings of the fit with the next one.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            For a name that the constructor does not know.
        """
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                message = (
                    f"{type(self).__name__} has no parameter '{name}': expected one of {known}"
                )
                raise ParameterError(message, name)
            setattr(self, name, value)
        return self

    def _call(self) -> str:
        """Return the constructor call with what differs from the defaults."""
        signature = inspect.signature(type(self)).parameters
        changed = {
            name: value
            for name, value in self.get_params().items()
            if value != signature[name].default
        }
        arguments = ", ".join(f"{name}={value!r}" for name, value in changed.items())
        return f"{type(self).__name__}({arguments})"


class Model(Estimator, ABC):
    """An estimator that is fitted by maximum likelihood in Rust.

    Subclasses name their Rust class in `_engine_class` and add `fit` and their predictions.
    """

    customer: str | None
    n_jobs: int | None
    _engine_class: ClassVar[Any]
    _engine: Any = None
    _kind: Kind | None = None

    @property
    def params_(self) -> dict[str, float]:
        """Estimates by parameter name."""
        engine = self._require()
        return dict(zip(engine.parameter_names, engine.estimates.tolist(), strict=True))

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard errors by parameter name; nan where an estimate lies on a boundary."""
        engine = self._require()
        return dict(zip(engine.parameter_names, engine.standard_errors.tolist(), strict=True))

    @property
    def covariance_(self) -> Floats:
        """Covariance matrix of the estimates, in the order of `params_`."""
        covariance: Floats = self._require().covariance
        return covariance

    @property
    def log_likelihood_(self) -> float:
        """Log-likelihood, summed over customers, in the caller's time unit.

        It is nan where the parameters were given instead of fitted, and so are its criteria.
        """
        return self._criterion("log_likelihood")

    @property
    def aic_(self) -> float:
        """Akaike's information criterion; smaller is better."""
        return self._criterion("aic")

    @property
    def bic_(self) -> float:
        """Bayesian information criterion; smaller is better."""
        return self._criterion("bic")

    @property
    def n_observations_(self) -> float:
        """Number of customers in the likelihood: the sum of the weights, else the rows used."""
        total = float(self._report("n_observations"))
        return int(total) if total.is_integer() else total

    @property
    def n_cells_(self) -> int:
        """Number of distinct rows, which is how often the likelihood of a customer is computed."""
        return int(self._report("n_cells"))

    @property
    def n_iterations_(self) -> int:
        """Number of steps that the optimiser took."""
        return int(self._report("iterations"))

    @property
    def converged_(self) -> bool:
        """Whether the optimiser reached an optimum."""
        return bool(self._report("converged"))

    @property
    def how_it_ended_(self) -> str:
        """How the fit ended, in words."""
        return str(self._report("how_it_ended"))

    @property
    def boundary_(self) -> str | None:
        """The boundary on which the estimates lie and the simpler model there; None inside."""
        boundary: str | None = self._report("boundary")
        return boundary

    def summary(self, level: float = 0.95) -> Any:
        """Return the estimates as a table.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1. The intervals are symmetric for the
            logarithm of a parameter, so that they stay positive.

        Returns
        -------
        table
            Columns `parameter`, `estimate`, `standard_error`, `lower`, `upper`, of the
            kind of table that the model was fitted on.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If `level` is not between 0 and 1.
        """
        engine = self._require()
        interval = engine.intervals(_arguments.number(level, "level"))
        columns = {
            "parameter": pa.array(engine.parameter_names),
            "estimate": engine.estimates,
            "standard_error": engine.standard_errors,
            "lower": np.ascontiguousarray(interval[:, 0]),
            "upper": np.ascontiguousarray(interval[:, 1]),
        }
        return new_table(columns, self._kind)

    def log_likelihood(self, summary: Any, weights: str | ArrayLike | None = None) -> float:
        """Return the log-likelihood of customers under the fitted model.

        Parameters
        ----------
        summary : table
            One row a customer; others than those it was fitted to, say, to compare models by.
        weights : str or array of shape (n,), optional
            How many customers each row stands for: a column or one number a row.

        Returns
        -------
        float
            The sum over customers, in the model's time unit.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.
        """
        engine, rows = self._open(summary, weights)
        return float(engine.log_likelihood(*rows.arrays, rows.weights, **rows.options))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a JSON file that `tercet.load` and Rust read.

        The file keeps the constructor's arguments as they are now, except `n_jobs`; the time unit
        is the one that the estimates are in. A pickle keeps every argument.

        Parameters
        ----------
        path : path
            The file; it is replaced if it exists.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If an argument of the constructor, or the path, cannot be used.
        OSError
            If the file cannot be written.
        """
        self._as_it_is_now().save(_arguments.path(path))

    @abstractmethod
    def _open(self, summary: Any, weights: Any = None) -> tuple[Any, Rows]:
        """Return the fitted model and the rows of a summary; each subclass knows its columns."""

    @abstractmethod
    def _summary_columns(self) -> dict[str, str]:
        """Return the columns of a summary by the argument that names them, in Rust's order."""

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return the settings of a fit as Rust takes them."""

    def _as_it_is_now(self) -> Any:
        """Return the fitted model with the settings and column names that the estimator has now."""
        engine = self._require()
        columns = core_names(self._checked_columns())
        settings = self._settings()
        content = json.loads(engine.to_json())
        content["schema"]["columns"].update(columns)
        # The time unit is part of the schema: the estimates are in it.
        content["settings"].update((name, settings[name]) for name in content["settings"])
        return self._engine_class.from_json(json.dumps(content))

    def _checked_columns(self) -> dict[str, str]:
        """Return every column that the constructor names; an empty name for no column of ids."""
        customer = "" if self.customer is None else self.customer
        columns = {**self._summary_columns(), "customer": customer}
        for argument, name in columns.items():
            if not isinstance(name, str):
                raise _arguments.refusal(name, argument, "a column's name")
        return columns

    @property
    def _was_given(self) -> bool:
        """Whether the parameters were given instead of fitted, so that no row was counted."""
        return int(self._report("n_rows")) == 0

    def _criterion(self, name: str) -> float:
        value = self._report(name)
        return math.nan if value is None or self._was_given else float(value)

    def _require(self) -> Any:
        if self._engine is None:
            message = f"this {type(self).__name__} is not fitted yet; call fit(summary) first"
            raise NotFittedError(message)
        return self._engine

    def _report(self, name: str) -> Any:
        return self._require().report[name]

    def _learn(self, engine: Any, kind: Kind) -> Self:
        """Take over a fit that has just ended; called by `fit`, whose caller is warned."""
        self._engine, self._kind = engine, kind
        if not self.converged_ or self.boundary_ is not None:
            warnings.warn(self.how_it_ended_, ConvergenceWarning, stacklevel=self._depth())
        return self

    def _depth(self) -> int:
        """Return how many calls up the first one is that is no method of this estimator.

        A subclass may wrap `fit`: the warning is for whoever called that.
        """
        frame, depth = inspect.currentframe(), 0
        while frame is not None and frame.f_locals.get("self") is self:
            frame, depth = frame.f_back, depth + 1
        return depth

    @classmethod
    def _from_json(cls, text: str) -> Self:
        """Return the model that a JSON text holds."""
        engine = cls._engine_class.from_json(text)
        stored = {**engine.settings, **our_names(engine.columns)}
        known = cls._parameter_names()
        return cls._around(engine, {name: stored[name] for name in known if name in stored})

    @classmethod
    def _with_parameters(cls, engine: Any, settings: Mapping[str, Any]) -> Self:
        """Return a model with given parameters, whose settings are checked at once."""
        model = cls._around(engine, settings)
        _arguments.threads(model.n_jobs)
        model._engine = model._as_it_is_now()
        return model

    @classmethod
    def _around(cls, engine: Any, settings: Mapping[str, Any]) -> Self:
        """Return a model that has been fitted elsewhere."""
        model = cls(**settings)
        model._engine = engine
        return model

    def __getstate__(self) -> dict[str, Any]:
        text = None if self._engine is None else self._engine.to_json()
        return {"params": self.get_params(), "model": text, "kind": self._kind}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.set_params(**state["params"])
        if state["model"] is not None:
            self._engine = self._engine_class.from_json(state["model"])
        self._kind = state["kind"]

    def _shown(self) -> _display.Estimates:
        engine = self._require()
        return _display.Estimates(
            title=self._call(),
            names=engine.parameter_names,
            estimates=engine.estimates.tolist(),
            standard_errors=engine.standard_errors.tolist(),
            facts=[*self._how_it_was_fitted(), *self._more_facts()],
        )

    def _how_it_was_fitted(self) -> list[tuple[str, str]]:
        if self._was_given:
            return [("parameters", "given, not fitted")]
        rows = f"{_display.count(self.n_observations_)} customers, {self.n_cells_:,} distinct"
        return [
            ("log-likelihood", f"{self.log_likelihood_:.4f} ({rows})"),
            ("how it ended", self.how_it_ended_),
        ]

    def _more_facts(self) -> list[tuple[str, str]]:
        """Return what a subclass shows besides; nothing by default."""
        return []

    def __repr__(self) -> str:
        return self._call() if self._engine is None else self._shown().text()

    def _repr_html_(self) -> str:
        if self._engine is None:
            return _display.code(self._call())
        return self._shown().html()

    def __sklearn_is_fitted__(self) -> bool:
        return self._engine is not None

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so it is there to be imported.
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False, positive_only=True),
        )
