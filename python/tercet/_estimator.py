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

from tercet import _arguments, _display
from tercet.exceptions import ConvergenceWarning, NotFittedError, ParameterError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from tercet._frames import Kind


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
        arguments = ", ".join(f"{name}={_said(value)}" for name, value in changed.items())
        return f"{type(self).__name__}({arguments})"


def _said(value: Any) -> str:
    """Return an argument as it is written in a call; a fitted model as its own call."""
    return value._call() if isinstance(value, Estimator) else repr(value)


class Saved(Estimator, ABC):
    """An estimator whose fitted half lives in Rust, and is saved, loaded, pickled and shown.

    Subclasses name their Rust class in `_engine_class` and add `fit` and their predictions.
    """

    n_jobs: int | None
    _engine_class: ClassVar[Any]
    #: What `fit` is given, in a word.
    _fitted_on: ClassVar[str]
    _engine: Any = None
    _kind: Kind | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a JSON file that `tercet.load` and Rust read.

        The file keeps the constructor's arguments as they are now, except `n_jobs`. What estimates
        depend on (a time unit, say) stays as it was fitted. A pickle keeps every argument.

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
    def _settings(self) -> dict[str, Any]:
        """Return the settings of a fit as Rust takes them."""

    @abstractmethod
    def _describe(self, schema: dict[str, Any]) -> None:
        """Put what a file keeps of the constructor's other arguments into its schema."""

    @classmethod
    @abstractmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        """Return the constructor's arguments that a file has kept."""

    def _as_it_is_now(self) -> Any:
        """Return the fitted model with the arguments that the estimator has now."""
        content = json.loads(self._require().to_json())
        settings = self._settings()
        self._describe(content["schema"])
        kept = content["settings"]
        kept.update((name, settings[name]) for name in kept if name in settings)
        return self._engine_class.from_json(json.dumps(content))

    def _require(self) -> Any:
        if self._engine is None:
            name = type(self).__name__
            message = f"this {name} is not fitted yet; call fit({self._fitted_on}) first"
            raise NotFittedError(message)
        return self._engine

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
        stored = cls._stored(engine)
        known = cls._parameter_names()
        return cls._around(engine, {name: stored[name] for name in known if name in stored})

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

    @abstractmethod
    def _shown(self) -> _display.Estimates | _display.Grid:
        """Return what is shown of a fitted model."""

    def __repr__(self) -> str:
        return self._call() if self._engine is None else self._shown().text()

    def _repr_html_(self) -> str:
        if self._engine is None:
            return _display.code(self._call())
        return self._shown().html()

    def __sklearn_is_fitted__(self) -> bool:
        return self._engine is not None


class Model(Saved):
    """An estimator that is fitted by maximum likelihood: estimates, and how the fit went."""

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
    def log_likelihood_(self) -> float:
        """Log-likelihood, summed over the rows with their weights.

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
        """Number of observations in the likelihood: the sum of the weights, else the rows used."""
        total = float(self._report("n_observations"))
        return int(total) if total.is_integer() else total

    @property
    def n_cells_(self) -> int:
        """Number of distinct rows, which is how often the likelihood of a row is computed."""
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
        """The boundary on which the estimates lie, in words; None inside."""
        boundary: str | None = self._report("boundary")
        return boundary

    @property
    def _was_given(self) -> bool:
        """Whether the parameters were given instead of fitted, so that no row was counted."""
        return int(self._report("n_rows")) == 0

    def _criterion(self, name: str) -> float:
        value = self._report(name)
        return math.nan if value is None or self._was_given else float(value)

    def _report(self, name: str) -> Any:
        return self._require().report[name]

    def _learn(self, engine: Any, kind: Kind) -> Self:
        """Take over a fit that has just ended; called by `fit`, whose caller is warned."""
        self._engine, self._kind = engine, kind
        if self._is_doubtful():
            warnings.warn(self.how_it_ended_, ConvergenceWarning, stacklevel=self._depth())
        return self

    def _is_doubtful(self) -> bool:
        """Return whether how a fit ended is worth a warning."""
        return not self.converged_ or self.boundary_ is not None


def note_of(engine: Any) -> dict[str, Any]:
    """Return what a model notes; a model that was fitted in Rust may note nothing."""
    note = json.loads(engine.note)
    return note if isinstance(note, dict) else {}
