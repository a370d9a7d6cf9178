"""What a hazard predicts of customers: survival, incidences, times."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from tercet import _arguments
from tercet.value.hazard._explained import Explained
from tercet.value.hazard._inputs import listed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet.value.propensity._customers import Customers


class Predicting(Explained):
    """Predictions of a fitted hazard."""

    @abstractmethod
    def _given(self, X: Any, given: Any) -> tuple[Customers, Floats]:
        """Return customers, and what they have survived: one number, or one a row."""

    def _jobs(self) -> dict[str, Any]:
        return {"n_jobs": _arguments.threads(self.n_jobs)}

    def predict_survival(
        self, X: Any, times: float | ArrayLike, given: float | str | ArrayLike = 0.0
    ) -> Floats:
        """Return each customer's probability that nothing happens within some times from now.

        Parameters
        ----------
        X : table, array of shape (n, p) or SnapshotTable
            One row a customer, as known now.
        times : float or array of shape (m,)
            Times from now, in the unit of the durations.
        given : float, str or array of shape (n,)
            What each customer has survived already: one time for all, one a row, or a column of
            `X`. `times` are counted from there.

        Returns
        -------
        numpy.ndarray of shape (n, m)
            Probabilities in the order of the rows and of `times`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        ParameterError
            For times that are negative, or end after `horizon_`.
        """
        engine = self._require()
        customers, survived = self._given(X, given)
        found: Floats = engine.survival(
            customers.attributes(self._features), listed(times), survived, **self._jobs()
        )
        return found

    def survival_interval(
        self,
        X: Any,
        times: float | ArrayLike,
        level: float = 0.95,
        given: float | str | ArrayLike = 0.0,
    ) -> Floats:
        """Return intervals of `predict_survival`, by the delta method on ln(-ln S).

        They say how far the uncertainty of the coefficients leaves survival open, not when the
        event comes. That the strengths of the penalty are estimated is part of it.

        Parameters
        ----------
        X, times, given
            As for `predict_survival`.
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        numpy.ndarray of shape (n, m, 2)
            Lower and upper ends.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `predict_survival` does; and for a model without standard errors.
        """
        engine = self._require()
        customers, survived = self._given(X, given)
        wanted = listed(times)
        level = _arguments.number(level, "level", "a number between 0 and 1")
        attributes = customers.attributes(self._features)
        ends = engine.survival_intervals(attributes, wanted, survived, level=level, **self._jobs())
        found: Floats = ends.reshape(len(customers), len(wanted), 2)
        return found

    def predict_cumulative_incidence(
        self,
        X: Any,
        times: float | ArrayLike,
        event: str | None = None,
        given: float | str | ArrayLike = 0.0,
    ) -> Floats:
        """Return each customer's probability of an event, and no other first, within some times.

        Those of all events and survival add up to 1.

        Parameters
        ----------
        X, times, given
            As for `predict_survival`.
        event : str, optional
            The event; it may be left out where there is but one.

        Returns
        -------
        numpy.ndarray of shape (n, m)
            Probabilities in the order of the rows and of `times`.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `predict_survival` does; and for an event that the model does not have.
        """
        engine = self._require()
        place = self._place(event)
        customers, survived = self._given(X, given)
        found: Floats = engine.cumulative_incidence(
            customers.attributes(self._features), place, listed(times), survived, **self._jobs()
        )
        return found

    def predict_hazard(self, X: Any, event: str | None = None) -> Floats:
        """Return each customer's probability of an event in every period, given none before it.

        Parameters
        ----------
        X : table, array of shape (n, p) or SnapshotTable
            One row a customer.
        event : str, optional
            The event; without, any.

        Returns
        -------
        numpy.ndarray of shape (n, n_periods_)
            Probabilities, period by period.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `predict_survival` does.
        """
        engine = self._require()
        place = None if event is None else self._place(event)
        attributes = self._customers(X).attributes(self._features)
        found: Floats = engine.hazard(attributes, place, **self._jobs())
        return found

    def predict_median(self, X: Any, given: float | str | ArrayLike = 0.0) -> Floats:
        """Return the time from now by which each customer's survival has fallen to a half.

        Parameters
        ----------
        X, given
            As for `predict_survival`.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Times; inf where survival is above a half at `horizon_`, the end of the data.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `predict_survival` does.
        """
        engine = self._require()
        customers, survived = self._given(X, given)
        found: Floats = engine.median(
            customers.attributes(self._features), survived, **self._jobs()
        )
        return found

    def expected_remaining_time(
        self, X: Any, horizon: float | None = None, given: float | str | ArrayLike = 0.0
    ) -> Floats:
        """Return the expected time from now until an event, of at most `horizon`.

        It is the area under survival up to the horizon, a restricted mean: of what comes after the
        horizon nothing is added, since the data say nothing of it.

        Parameters
        ----------
        X, given
            As for `predict_survival`.
        horizon : float, optional
            How far to look from now. Default: as far as the data go for every row, `horizon_` less
            the longest time in `given`.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Times from 0 to the horizon.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `predict_survival` does.
        """
        engine = self._require()
        customers, survived = self._given(X, given)
        if horizon is None:
            horizon = max(engine.horizon - float(survived.max()), 0.0)
        horizon = _arguments.number(horizon, "horizon", "a number of at least 0, or None")
        found: Floats = engine.expected_remaining_time(
            customers.attributes(self._features), horizon, survived, **self._jobs()
        )
        return found
