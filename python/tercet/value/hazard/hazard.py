"""When customers leave, or come to the next stage, from what is known of them."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._features import Feature, of_encoding
from tercet._progress import Progress, reporting
from tercet.data.snapshot_table import SnapshotTable
from tercet.exceptions import DataError
from tercet.value.evaluation import _inputs
from tercet.value.hazard import _settings
from tercet.value.hazard._events import read_events, read_names
from tercet.value.hazard._inputs import of_snapshots, read_times, required
from tercet.value.hazard._judged import Judged
from tercet.value.propensity import _outcome
from tercet.value.propensity._customers import (
    read_again,
    read_customers,
    warn_of_numbers_as_text,
)
from tercet.value.propensity._effects import card
from tercet.value.propensity._order import in_order
from tercet.value.propensity._settings import levels_in_order, params_as_json, params_of_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet.value.hazard._settings import Baseline, Closed, Errors, Strength
    from tercet.value.propensity._customers import Customers
    from tercet.value.propensity._settings import Features

__all__ = ["HazardModel"]


class HazardModel(Judged):
    r"""When customers churn, or come to the next stage: a hazard in discrete periods.

    In each period $t$ the probability of event $k$, given that nothing has happened before, is a
    multinomial logit (with one event a logistic regression):
    $\ln \frac{h_k(t)}{1 - \sum_j h_j(t)} = b_k(t) + \sum_f s_{kf}(x_f)$. Its assumptions:

    1. Every feature adds its own share to the log-odds: a smooth curve of the customer's rank, a
       table of levels, or a straight line; the baseline $b_k$ goes over time as it likes.
    2. Effects do not change over time, but for those that `time_varying_effects` names.
    3. Within a period the rate is constant: a period of which a share $e$ was seen counts as
       $(1 - h)^e$ where nothing happened.
    4. Given the features, who is no longer seen (is censored), or seen from later on only, is like
       all others at risk.

    One row a person and period is never written out, so that days may be periods. Features that
    change over time are several rows a customer: each is at risk from `entry` on, where the one
    before ended. Missing values, rare levels and numbers beyond the range of the fit are treated as
    in `tercet.Propensity`.

    Parameters
    ----------
    period : float
        The width of a period, in the unit of the durations.
    closed : {"auto", "right", "left"}
        Whether an event after exactly one period is of the first ("right": durations are numbers of
        periods, the event's own included) or of the second ("left": durations count whole days from
        a date on). "auto" is "left" for a `SnapshotTable`, else "right".
    baseline : {"spline", "steps"}
        How the hazard goes over time: a smooth curve, or a level a period whose steps are
        penalised.
    baseline_intervals : int, optional
        Between the knots of the curve; by default as many as periods, at most 20.
    events : sequence of str, optional
        Names of the events 1, 2 and so on, where `event` holds numbers; or all texts that it may
        hold.
    features : {"spline", "bins", "linear"}
        How numbers enter: by smooth curves, by levels of equally filled bins, by straight lines.
    intervals : int, optional
        Between the knots of a feature's curve; by default a tenth of the number of events, from 5
        to 10.
    bins : int
        Bins at most.
    ordered : sequence of str, or dict
        Features whose levels are in order, as in `tercet.Propensity`.
    min_level_count : int
        The fewest periods at risk (by weight) that a level needs for an effect of its own.
    time_varying_effects : sequence of str
        Features whose effects change with the logarithm of time.
    strength : "estimated" or float
        By how much coefficients are drawn to 0. "estimated": every feature and the baseline by its
        own strength, under which the data are most probable. A number: by this much; 0 for no
        penalty at all.
    standard_errors : {"auto", "model", "robust", "cluster", "none"}
        Those of the model, robust ones (Huber 1967), those for dependent rows of one group (Liang
        and Zeger 1986), or none. "auto" is "cluster" where `groups` are given, else "model". Rows
        of one customer that follow each other do not depend on each other under the model;
        snapshots whose windows overlap do.
    max_iterations : int
        Steps of the optimiser at most.
    tolerance : float
        A step that wins no more than this share of the log-likelihood is the last.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    events_ : list of str
        The events.
    n_periods_ : int
        Periods in which somebody was at risk.
    horizon_ : float
        Their end: the data say nothing of what comes after.
    baseline_ : table
        The hazard of a customer whom no feature tells apart, period by period.
    importance_ : table
        How much each feature matters, the one that matters most first: `event`, `feature`,
        `spread`, `effective_parameters`, `strength`.
    n_features_in_ : int
        Number of features.
    params_, standard_errors_ : dict
        The effects of `summary`, by name.
    log_likelihood_, n_observations_, n_iterations_, converged_, how_it_ended_, boundary_
        How the fit went, as for other models.

    References
    ----------
    Allison, P. D. (1982). "Discrete-time methods for the analysis of event histories." Sociological
    Methodology 13, 61-98.

    Singer, J. D. and Willett, J. B. (1993). "It's about time: using discrete-time survival analysis
    to study duration and the timing of events." Journal of Educational Statistics 18(2), 155-195.

    Tutz, G. and Schmid, M. (2016). Modeling Discrete Time-to-Event Data. Springer.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> visits = rng.integers(0, 20, 2_000)
    >>> months = rng.geometric(0.3 / (1 + visits))
    >>> seen = np.minimum(months, 24)
    >>> model = tc.HazardModel().fit({"visits": visits}, seen, months <= 24)
    >>> model.predict_survival({"visits": [0, 15]}, times=[6, 12]).round(1).tolist()
    [[0.1, 0.0], [0.9, 0.8]]
    """

    _engine_class: ClassVar[Any] = _tercet.FittedHazard
    _fitted_on = "X, duration, event"
    _features: tuple[Feature, ...] = ()

    def __init__(
        self,
        *,
        period: float = 1.0,
        closed: Closed = "auto",
        baseline: Baseline = "spline",
        baseline_intervals: int | None = None,
        events: Sequence[str] | None = None,
        features: Features = "spline",
        intervals: int | None = None,
        bins: int = 10,
        ordered: Sequence[str] | Mapping[str, Sequence[Any]] = (),
        min_level_count: int = 20,
        time_varying_effects: Sequence[str] = (),
        strength: Strength = "estimated",
        standard_errors: Errors = "auto",
        max_iterations: int = 100,
        tolerance: float = 1e-9,
        n_jobs: int | None = None,
    ) -> None:
        self.period = period
        self.closed = closed
        self.baseline = baseline
        self.baseline_intervals = baseline_intervals
        self.events = events
        self.features = features
        self.intervals = intervals
        self.bins = bins
        self.ordered = ordered
        self.min_level_count = min_level_count
        self.time_varying_effects = time_varying_effects
        self.strength = strength
        self.standard_errors = standard_errors
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        duration: str | ArrayLike | None = None,
        event: str | ArrayLike | None = None,
        entry: str | ArrayLike | None = None,
        sample_weight: str | ArrayLike | None = None,
        groups: str | ArrayLike | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Learn how the hazard depends on time and features.

        Parameters
        ----------
        X : table, array of shape (n, p), or SnapshotTable
            One row a customer, or several rows a customer whose features change; a column a
            feature. A `SnapshotTable` that was made with `outcome_form="when"` brings durations,
            events and the customers as groups with it.
        duration : str or array of shape (n,)
            Time until the event, or until the row was last seen. Here and below a text names a
            column of `X`, which is no feature then.
        event : str or array of shape (n,)
            What ended the row: true/false; numbers, 0 where nothing did; or texts, missing or
            "censored" where nothing did.
        entry : str or array of shape (n,), optional
            Time from which the row is at risk; without, 0.
        sample_weight : str or array of shape (n,), optional
            How much each row counts; one of weight 0 not at all.
        groups : str or array of shape (n,), optional
            Which rows belong together: the customer of each.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For a time that is negative or missing, a row that ends before it enters, an event that
            is not known, no event at all, and a column that tells who has the event without an
            error where nothing is penalised; it names column and row.
        ParameterError
            For a setting that cannot be used.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached; the message is `how_it_ended_`.
        """
        names = read_names(self.events)
        closed = "right"
        if isinstance(X, SnapshotTable):
            X, duration, event, groups, names, closed = of_snapshots(
                X, duration, event, groups, names
            )
        customers = read_customers(X)
        times = read_times(duration, "duration", customers)
        read = read_events(required(event, "event"), customers, names)
        late = _outcome.read_named(entry, "entry", customers)
        weights = _outcome.read_named(sample_weight, "sample_weight", customers)
        together = _outcome.read_groups(groups, customers)
        apart = (duration, event, entry, sample_weight, groups)
        customers = customers.without([one for one in apart if isinstance(one, str)])
        params = self.get_params()
        settings = _settings.of_fit(params, closed, together is not None)
        learned = customers.learn()
        note = {
            "params": params_as_json(params),
            "features": [feature.note() for feature in learned],
            "named": customers.named,
            "events": read.kinds.note(),
        }
        attributes = in_order(customers.attributes(learned), self.ordered, customers)
        warn_of_numbers_as_text(attributes, list(levels_in_order(self.ordered)))
        with reporting(progress) as report:
            try:
                engine = _tercet.FittedHazard.fit(
                    attributes,
                    times,
                    read.core(),
                    late,
                    weights,
                    together,
                    settings=settings,
                    note=json.dumps(note),
                    n_jobs=_arguments.threads(self.n_jobs),
                    progress=report,
                )
            except DataError as error:
                raise _of_all_alike(error) from None
        self._adopt(engine)
        return self._learn(engine, customers.kind or "pandas")

    @property
    def n_periods_(self) -> int:
        """Periods in which somebody was at risk."""
        return int(self._require().n_periods)

    @property
    def horizon_(self) -> float:
        """The end of the last period in which somebody was at risk."""
        return float(self._require().horizon)

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self._require().features)

    def _place(self, event: Any) -> int:
        events = self.events_
        if event is None and len(events) == 1:
            return 0
        if event not in events:
            raise _arguments.refusal(event, "event", f"one of {events}")
        return events.index(event)

    def _given(self, X: Any, given: Any) -> tuple[Customers, Floats]:
        """Return customers, and what they have survived: one number, or one a row."""
        customers = self._customers(X)
        if isinstance(given, str):
            whole = read_customers(customers.given)
            named = _outcome.read_named(given, "given", whole)
            return customers, np.zeros(1) if named is None else named[1]
        if np.ndim(given) == 0 and not hasattr(given, "__len__"):
            return customers, np.array([_arguments.number(given, "given", "a time, or one a row")])
        return customers, _inputs.read_numbers(given, "given")

    def _customers(self, X: Any) -> Customers:
        named = bool(note_of(self._require()).get("named", True))
        X = X.X if isinstance(X, SnapshotTable) else X
        found = read_again(X, [feature.name for feature in self._features], named)
        if found.named != named:
            has, was = ("names", "without") if found.named else ("no names", "with")
            message = f"X has {has} of features, but the model was fitted {was}; they go by place"
            warnings.warn(message, UserWarning, stacklevel=self._depth())
        return found

    def _adopt(self, engine: Any) -> None:
        """Take over what the model notes of its features."""
        told = note_of(engine).get("features")
        if told is None:  # fitted in Rust, which keeps the levels that it needs
            lines = json.loads(engine.to_json())["fitted"]["lines"]
            learned = lines[0]["schema"]["encoding"]["features"]
            self._features = of_encoding(learned)
        else:
            self._features = tuple(Feature.of(one) for one in told)

    @classmethod
    def _around(cls, engine: Any, settings: Mapping[str, Any]) -> Self:
        model = super()._around(engine, settings)
        model._adopt(engine)
        return model

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        if self._engine is not None:
            self._adopt(self._engine)

    def _settings(self) -> dict[str, Any]:
        return _settings.of_file(self.get_params(), json.loads(self._require().settings))

    def _describe(self, schema: dict[str, Any]) -> None:
        engine = self._require()
        params = params_as_json(self.get_params())
        # What predictions depend on stays as it was fitted.
        params["period"] = json.loads(engine.settings)["period"]
        schema["note"] = {**note_of(engine), "params": params}

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        kept = note_of(engine).get("params")
        if kept is None:
            return _settings.from_file(json.loads(engine.settings))
        found = params_of_json(kept)
        for name in ("time_varying_effects", "events"):
            if isinstance(found.get(name), list):
                found[name] = tuple(found[name])
        return found

    def _words(self) -> Iterator[str]:
        engine = self._require()
        rows, periods = _display.count(self.n_observations_), _display.count(self.n_periods_)
        settings = json.loads(engine.settings)
        events = ", ".join(engine.events[:6]) + (", ..." if len(engine.events) > 6 else "")
        yield (
            f"{rows} rows, {_display.count(self.n_cells_)} periods at risk; {periods} periods of "
            f"{settings['period']:g} each, up to {engine.horizon:g}; events: {events}."
        )
        yield f"How it ended: {self.how_it_ended_}."

    def _shown(self) -> _display.Grid:
        return card(self._call(), self._matters(), list(self._words()))


def _of_all_alike(error: DataError) -> DataError:
    """Return an error; where no feature tells rows apart, with what estimates their one hazard."""
    if error.column != "features":
        return error
    message = (
        f"{error}; pass one that does, or estimate the curve that all rows share by "
        "tercet.kaplan_meier, of several events by tercet.aalen_johansen"
    )
    return DataError(message, error.column, error.row)
