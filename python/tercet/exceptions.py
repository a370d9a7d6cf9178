"""Errors and warnings of tercet.

Every error derives from `TercetError` and says which column, which row (counted from 0), what
is wrong and what to do about it. The Rust extension raises the same classes.
"""

from __future__ import annotations

__all__ = [
    "ConvergenceWarning",
    "DataError",
    "ExperimentWarning",
    "ModelFileError",
    "NotFittedError",
    "ParameterError",
    "TercetError",
    "UnsupportedVersionError",
    "WeightsWarning",
]


class TercetError(Exception):
    """Base class of every error that tercet raises."""


class DataError(TercetError, ValueError):
    """A table that was passed in cannot be used as it is.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    column : str, optional
        The column as the caller calls it.
    row : int, optional
        The first row at fault, counted from 0.

    Attributes
    ----------
    column : str or None
        The column as the caller calls it; None where the whole table is at fault.
    row : int or None
        The first row at fault, counted from 0; None where no single row is at fault.

    Examples
    --------
    >>> import tercet as tc
    >>> try:
    ...     tc.BGNBD().fit({"frequency": [2, -1], "recency": [3.0, 0.0], "T": [9.0, 9.0]})
    ... except tc.DataError as error:
    ...     error.column, error.row
    ('frequency', 1)
    """

    def __init__(self, message: str, column: str | None = None, row: int | None = None) -> None:
        super().__init__(message)
        self.column = column
        self.row = row

    def __reduce__(self) -> tuple[type[DataError], tuple[str, str | None, int | None]]:
        return type(self), (str(self), self.column, self.row)


class ParameterError(TercetError, ValueError):
    """An argument has a value that cannot be used.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    parameter : str, optional
        The name of the argument.

    Attributes
    ----------
    parameter : str or None
        The name of the argument.
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, str | None]]:
        return type(self), (str(self), self.parameter)


class NotFittedError(TercetError, ValueError, AttributeError):
    """A result was asked of a model that has not been fitted.

    It is an `AttributeError` too, so that `hasattr(model, "params_")` is False before `fit`.
    """


class ModelFileError(TercetError, ValueError):
    """A model file is damaged, is not a model file, or holds another kind of model."""


class UnsupportedVersionError(ModelFileError):
    """A model file was written by a newer tercet than this one."""


class ConvergenceWarning(UserWarning):
    """A fit stopped before it converged, or ended on the boundary of the parameters.

    The message is the model's `how_it_ended_`.
    """


class WeightsWarning(UserWarning):
    """Survey weights are on a scale that sampling weights do not have, or were left out.

    Sampling weights add up to about the number of respondents. Weights that add up to far more, or
    far less, let criteria such as BIC count respondents whom nobody asked, or too few of them;
    `weight_type` says what the weights are. A model of weighted
    respondents wants the weights of those whom it is applied to, too.
    """


class ExperimentWarning(UserWarning):
    """The arms of an experiment are not alike, so that its effects cannot be believed as they are.

    Arms have other sizes than were planned, outcomes are missing more often in one arm than in
    another, or a covariate differs between arms.
    """
