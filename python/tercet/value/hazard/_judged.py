"""A hazard against what became of customers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet._columns import column_error
from tercet._estimator import note_of
from tercet.data.snapshot_table import SnapshotTable
from tercet.value.hazard._events import Kinds, read_events
from tercet.value.hazard._inputs import listed, of_snapshots, read_times, required
from tercet.value.hazard._predicting import Predicting
from tercet.value.hazard.scores import HazardScores, Seen
from tercet.value.propensity import _outcome
from tercet.value.propensity._customers import read_customers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tercet._columns import Floats

#: Times at which scores are taken between 0 and the last horizon.
_FINE = 24


class Judged(Predicting):
    """A hazard that is held against what became of customers."""

    def score(
        self,
        X: Any,
        duration: str | ArrayLike | None = None,
        event: str | ArrayLike | None = None,
        entry: str | ArrayLike | None = None,
        sample_weight: str | ArrayLike | None = None,
        *,
        judged: str | None = None,
        horizons: float | ArrayLike | None = None,
        groups: int = 5,
        level: float = 0.95,
    ) -> HazardScores:
        """Compare what is predicted of customers with what became of them.

        Each row is judged from its entry on, with its features as they were then: so a row is a
        customer, and not a part of one. Who was censored is accounted for by the inverse
        probability of not being censored, which is taken not to depend on the features.

        Parameters
        ----------
        X, duration, event, entry, sample_weight
            As for `fit`, best of customers whom the model has not seen.
        judged : str, optional
            Which of several events; the others end a row, and count as censored for concordance.
            Without, any event.
        horizons : float or array of shape (m,), optional
            Times from entry at which probabilities are judged. Default: a third, two thirds and all
            of the time that both model and customers reach.
        groups : int
            Groups of customers of similar probability for `calibration`.
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        HazardScores
            `concordance`, `harrell`, `integrated_brier`, `horizons`, `calibration`.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `fit` and `predict_survival` do.

        References
        ----------
        Uno, H., Cai, T., Pencina, M. J., D'Agostino, R. B. and Wei, L. J. (2011). "On the
        C-statistics for evaluating overall adequacy of risk prediction procedures with censored
        survival data." Statistics in Medicine 30(10), 1105-1117.

        Gerds, T. A. and Schumacher, M. (2006). "Consistent estimation of the expected Brier score
        in general survival models with right-censored event times." Biometrical Journal 48(6),
        1029-1040.
        """
        engine = self._require()
        place = None if judged is None else self._place(judged)
        level = _arguments.number(level, "level", "a number between 0 and 1")
        groups = _arguments.whole(groups, "groups", "a whole number, at least 1")
        if isinstance(X, SnapshotTable):
            X, duration, event, _, _, _ = of_snapshots(X, duration, event, None, None)
        customers = read_customers(X)
        name, times = read_times(duration, "duration", customers)
        read = read_events(required(event, "event"), customers, known=self._kinds)
        late = _outcome.read_named(entry, "entry", customers)
        weights = _outcome.read_named(sample_weight, "sample_weight", customers)
        survived = np.zeros(1) if late is None else late[1]
        remaining = times - survived
        if (remaining < 0).any():
            row = int((remaining < 0).argmax())
            reason = f"is {times[row]:.10g}, before the row's entry; a row ends after it begins"
            raise column_error(name, reason, row)
        reach = min(float(remaining.max()), engine.horizon - float(survived.max()))
        if horizons is None:
            horizons = [reach / 3.0, reach * 2.0 / 3.0, reach]
        wanted = np.array(sorted(listed(horizons, "horizons")))
        if not len(wanted) or wanted[0] <= 0 or wanted[-1] > reach * (1 + 1e-9):
            expected = f"positive times of at most {reach:g}, which model and customers reach"
            raise _arguments.refusal(horizons, "horizons", expected)
        scored = self._customers(X)
        attributes = scored.attributes(self._features)
        fine = [float(wanted[-1]) * step / _FINE for step in range(1, _FINE + 1)]

        def within(at: list[float]) -> Floats:
            jobs = self._jobs()
            found: Floats
            if place is None:
                found = 1.0 - engine.survival(attributes, at, survived, **jobs)
            else:
                found = engine.cumulative_incidence(attributes, place, at, survived, **jobs)
            return found

        seen = Seen(
            np.ascontiguousarray(remaining),
            read.codes,
            None if weights is None else weights[1],
            wanted,
            within(wanted.tolist()),
            None if place is None else place + 1,
            json.loads(engine.settings)["closed"],
            level,
        )
        title = ", ".join(engine.events) if judged is None else judged
        return HazardScores(seen, within(fine), groups, title, customers.kind)

    @property
    def _kinds(self) -> Kinds:
        noted = note_of(self._require()).get("events")
        if noted is None:
            return Kinds(tuple(self.events_), None)
        return Kinds.of(noted)

    @property
    def events_(self) -> list[str]:
        """The events."""
        found: list[str] = self._require().events
        return found
