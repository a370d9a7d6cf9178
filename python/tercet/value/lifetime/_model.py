"""What the models of customers' lifetimes share: they read a summary, one row a customer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._estimator import Model
from tercet._frames import new_table
from tercet._summary import core_names, our_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._summary import Rows


class LifetimeModel(Model):
    """A model of customers, whose summary has the columns that the constructor names."""

    customer: str | None
    _fitted_on = "summary"

    @property
    def covariance_(self) -> Floats:
        """Covariance matrix of the estimates, in the order of `params_`."""
        covariance: Floats = self._require().covariance
        return covariance

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

    @abstractmethod
    def _open(self, summary: Any, weights: Any = None) -> tuple[Any, Rows]:
        """Return the fitted model and the rows of a summary; each subclass knows its columns."""

    @abstractmethod
    def _summary_columns(self) -> dict[str, str]:
        """Return the columns of a summary by the argument that names them, in Rust's order."""

    def _describe(self, schema: dict[str, Any]) -> None:
        # The time unit is part of the schema: the estimates are in it.
        schema["columns"].update(core_names(self._checked_columns()))

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        return {**engine.settings, **our_names(engine.columns)}

    def _checked_columns(self) -> dict[str, str]:
        """Return every column that the constructor names; an empty name for no column of ids."""
        customer = "" if self.customer is None else self.customer
        columns = {**self._summary_columns(), "customer": customer}
        for argument, name in columns.items():
            if not isinstance(name, str):
                raise _arguments.refusal(name, argument, "a column's name")
        return columns

    @classmethod
    def _with_parameters(cls, engine: Any, settings: Mapping[str, Any]) -> Self:
        """Return a model with given parameters, whose settings are checked at once."""
        model = cls._around(engine, settings)
        _arguments.threads(model.n_jobs)
        model._engine = model._as_it_is_now()
        return model

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

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so it is there to be imported.
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False, positive_only=True),
        )
