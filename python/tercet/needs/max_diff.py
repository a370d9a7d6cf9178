"""Best-worst scaling (MaxDiff): what matters to whom, from choices."""

from __future__ import annotations

import json
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.exceptions import ParameterError
from tercet.needs._choices import Choices, Layout, check_known, read_choices
from tercet.needs._mixture import Mixture
from tercet.needs.importance import importance_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats, Integers

__all__ = ["MaxDiff"]

Worst: TypeAlias = Literal["sequential", "independent"]
WeightType: TypeAlias = Literal["sampling", "frequency", "expansion"]


class MaxDiff(Mixture):
    r"""Latent classes of best-worst choices: segments of respondents who prefer alike.

    Respondents see sets of items and say of each which is best and which is worst. Unlike ratings,
    choices force a trade-off and leave no room for a style of answering. The model's assumptions:

    1. Every respondent belongs to one of K segments; a segment gives item $j$ the utility $u_{kj}$.
    2. Of a set $S$ the best is picked with probability $e^{u_j} / \sum_{i \in S} e^{u_i}$, the
       worst with $e^{-u_j} / \sum e^{-u_i}$ over what is left.
    3. Within a segment, choices in different sets are independent. A choice that is missing says
       nothing.

    Utilities have no zero of their own: they add up to 0 in each segment. `importance_` says the
    same in shares that add up to 100%. Segments are ordered by size, the largest is number 1.

    Parameters
    ----------
    n_segments : int
        How many segments, 1 to 32.
    starts : int
        How many random starts; more where few of them reach the best (`n_starts_at_best_`).
    random_state : int
        The seed of the starts. The same seed gives the same fit, on any number of threads.
    prior : float
        The precision of a normal prior around 0 on every utility. It keeps an item that a segment
        always or never picks from running to infinity; 1 is enough. 0 is maximum likelihood.
    worst : {"sequential", "independent"}
        Whether the worst is picked among what is left once the best is picked, or among all.
    weight_type : {"sampling", "frequency", "expansion"}
        What weights are; as for `LatentClass`.
    drop_early : bool
        Whether starts that lie clearly below others are given up before they have arrived.
    max_iterations : int
        Steps of EM of a start at most, and of Newton's method after them.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    utilities_ : table
        One row a segment and item: `segment`, `item`, `utility`, `standard_error`, `lower`, `upper`
        (95%).
    importance_ : table
        One row a segment and item: `segment`, `item`, `importance` (the share, in per cent, of
        choices that the item would get if all were shown and the best picked), `standard_error`,
        `lower`, `upper` (95%), `rank` (1 is the most important). `rating_importance` gives the
        same columns for ratings.
    shares_ : numpy.ndarray of shape (K,)
        The segments' shares of the respondents (weighted), largest first.
    items_ : list of str
        The items.
    classes_ : numpy.ndarray of shape (K,)
        The segments' numbers.
    params_, standard_errors_ : dict
        Shares and utilities by name: "share[1]", "price[2]".
    log_likelihood_, n_parameters_, n_observations_, n_iterations_
        As for `LatentClass`.
    n_effective_ : float
        The respondents that the weights are worth (Kish): what the criteria count.
    aic_, aic3_, bic_, caic_, sabic_, icl_ : float
        Criteria to choose a number of segments by; smaller is better.
    entropy_r2_, classification_, assigned_posterior_
        How well the segments are told apart, as for `LatentClass`.
    starts_, n_starts_at_best_
        What became of each start, and how many reached the best.
    converged_, how_it_ended_, boundary_
        How the fit ended; `boundary_` names utilities that run to infinity.

    References
    ----------
    Finn, A. and Louviere, J. J. (1992). "Determining the appropriate response to evidence of public
    concern: the case of food safety." Journal of Public Policy & Marketing 11(2), 12-25.

    Marley, A. A. J. and Louviere, J. J. (2005). "Some probabilistic models of best, worst, and
    best-worst choices." Journal of Mathematical Psychology 49(6), 464-480.

    Kamakura, W. A. and Russell, G. J. (1989). "A probabilistic choice model for market segmentation
    and elasticity structure." Journal of Marketing Research 26(4), 379-390.

    Examples
    --------
    >>> import tercet as tc
    >>> truth = tc.MaxDiff.from_params(
    ...     items=["price", "quality", "speed", "service"],
    ...     shares=[0.6, 0.4],
    ...     utilities=[[2, 0, -1, -1], [-1, 1, -1, 1]],
    ... )
    >>> choices = truth.simulate(200, tasks=6, shown=3, seed=1)
    >>> model = tc.MaxDiff(2).fit(choices)
    >>> print(model.shares_.round(1))
    [0.6 0.4]
    >>> table = model.importance_
    >>> table[(table["rank"] == 1) & (table["segment"] == 1)]["item"].tolist()
    ['price']
    """

    _engine_class: ClassVar[Any] = _tercet.FittedMaxDiff
    _fitted_on = "choices"

    def __init__(
        self,
        n_segments: int = 1,
        *,
        starts: int = 20,
        random_state: int = 0,
        prior: float = 0.0,
        worst: Worst = "sequential",
        weight_type: WeightType = "sampling",
        drop_early: bool = True,
        max_iterations: int = 500,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.starts = starts
        self.random_state = random_state
        self.prior = prior
        self.worst = worst
        self.weight_type = weight_type
        self.drop_early = drop_early
        self.max_iterations = max_iterations
        self.n_jobs = n_jobs

    @classmethod
    def from_params(
        cls,
        items: Sequence[str],
        shares: Sequence[float],
        utilities: Sequence[Sequence[float]],
        n_jobs: int | None = None,
    ) -> Self:
        """Return a model of given utilities: a truth to draw from, or published results.

        Parameters
        ----------
        items : sequence of str
            The items.
        shares : sequence of float
            The segments' shares; they add up to 1, and put the segments in order.
        utilities : sequence of sequence of float
            A row a segment, a number an item.
        n_jobs : int, optional
            Threads; None or -1 for all cores.

        Returns
        -------
        MaxDiff
            A model that predicts and simulates; nothing was fitted.

        Raises
        ------
        ParameterError
            For shares that do not add up to 1, or utilities that do not fit.

        Examples
        --------
        >>> import tercet as tc
        >>> model = tc.MaxDiff.from_params(["a", "b", "c"], [1.0], [[1.0, 0.0, -1.0]])
        >>> model.importance_["importance"].round(1).tolist()
        [66.5, 24.5, 9.0]
        """
        names = _arguments.names(items, "items", "a list of different names")
        given = [_arguments.number(share, "shares", "numbers") for share in shares]
        rows = [[_arguments.number(u, "utilities", "numbers") for u in row] for row in utilities]
        engine = _tercet.FittedMaxDiff.from_parameters(names, given, rows)
        return cls._around(engine, {"n_segments": len(given), "n_jobs": n_jobs})

    @property
    def utilities_(self) -> Any:
        """The utilities of the items in each segment, with intervals, in a table."""
        engine: _tercet.FittedMaxDiff = self._require()
        n_segments = len(engine.shares)
        lower, upper = engine.intervals(0.95).T
        columns = {
            **self._labels(),
            "utility": engine.estimates[n_segments:],
            "standard_error": engine.standard_errors[n_segments:],
            "lower": np.ascontiguousarray(lower[n_segments:]),
            "upper": np.ascontiguousarray(upper[n_segments:]),
        }
        return new_table(columns, self._kind)

    @property
    def importance_(self) -> Any:
        """The importance of the items in each segment, in per cent, in a table."""
        return new_table(self._importance(0.95), self._kind)

    @property
    def items_(self) -> list[str]:
        """The items."""
        engine: _tercet.FittedMaxDiff = self._require()
        return engine.items

    def fit(
        self,
        choices: Any,
        *,
        respondent: str = "respondent",
        task: str | None = "task",
        item: str = "item",
        choice: str = "choice",
        shown: Sequence[str] | None = None,
        best: str = "best",
        worst: str = "worst",
        weights: str | ArrayLike | None = None,
        progress: Progress = False,
    ) -> Self:
        """Estimate segments and their utilities from choices.

        Parameters
        ----------
        choices : table
            Long, with a row for every item shown; or, with `shown`, wide, with a row a task.
        respondent, task : str
            The columns of the respondents' ids, and of what tells the tasks of a respondent apart.
            In a wide table `task` may be None: every row is a task.
        item, choice : str
            Of a long table: the item shown, and "best", "worst" (or 1, -1) or nothing.
        shown : sequence of str, optional
            Of a wide table: the columns of the items shown. A cell may be empty where sets differ
            in size.
        best, worst : str
            Of a wide table: the items picked; missing where no choice was made.
        weights : str or array of shape (n,), optional
            Survey weights: a column or one number a row, the same in all rows of a respondent.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For choices that cannot be: two best in a task, an item shown twice, fewer than three
            items; it names column and row. And for items that were never compared, not even
            through others.
        ParameterError
            For an argument that cannot be used, or more segments than the data can carry.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or utilities run to infinity; a `prior` holds them.
        """
        settings, n_jobs = self._settings(), _arguments.threads(self.n_jobs)
        if shown is not None:
            layout = Layout.wide(respondent, task, shown, best, worst)
        elif task is None:
            message = (
                "task = None: expected a column's name, unless `shown` names the items' columns"
            )
            raise ParameterError(message, "task")
        else:
            layout = Layout.long(respondent, task, item, choice)
        read = read_choices(choices, layout, weights)
        with reporting(progress) as report:
            engine = _tercet.FittedMaxDiff.fit(
                read.rows,
                read.items,
                layout.core_names(),
                read.weights,
                settings=settings,
                note=json.dumps({"layout": layout.note()}),
                n_jobs=n_jobs,
                progress=report,
            )
        return self._learn(engine, read.table.kind)

    def predict_proba(self, choices: Any) -> Floats:
        """Return each respondent's probability of belonging to each segment.

        Parameters
        ----------
        choices : table
            Choices in columns of the same names as in the fit. Few tasks are enough: whoever made
            no choice gets the segments' shares.

        Returns
        -------
        numpy.ndarray of shape (n, K)
            A row a respondent, in the order in which they first occur; `memberships` has their ids
            beside.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For choices that cannot be, or an item that the model does not have.
        """
        engine, read, names = self._open(choices)
        return engine.posterior(
            read.rows, read.items, names, n_jobs=_arguments.threads(self.n_jobs)
        )

    def predict(self, choices: Any) -> Integers:
        """Return each respondent's most probable segment.

        Parameters
        ----------
        choices : table
            Choices in columns of the same names as in the fit.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Numbers from 1, in the order in which respondents first occur.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For choices that cannot be, or an item that the model does not have.
        """
        segments: Integers = self.predict_proba(choices).argmax(axis=1) + 1
        return segments

    def memberships(self, choices: Any) -> Any:
        """Return who belongs to which segment, and how well the model explains their choices.

        Parameters
        ----------
        choices : table
            Choices in columns of the same names as in the fit.

        Returns
        -------
        table
            One row a respondent, in the order in which they first occur: the ids; `segment_1` to
            `segment_K`, the probabilities; `segment`, the most probable; `fit`, the geometric mean
            of the probabilities of the choices that were made (whoever clicks at random gets about
            that of chance; nan without a choice).

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For choices that cannot be, or an item that the model does not have.
        """
        engine, read, names = self._open(choices)
        n_jobs = _arguments.threads(self.n_jobs)
        members = engine.posterior(read.rows, read.items, names, n_jobs=n_jobs)
        respondent = self._layout().respondent
        columns: dict[str, Any] = {respondent: read.table.take(respondent, read.first_row)}
        for number, column in enumerate(members.T, start=1):
            columns[f"segment_{number}"] = np.ascontiguousarray(column)
        columns["segment"] = members.argmax(axis=1) + 1
        columns["fit"] = engine.root_likelihood(read.rows, read.items, names, n_jobs=n_jobs)
        return read.table.build(columns)

    def respondent_utilities(self, choices: Any) -> Any:
        """Return each respondent's expected utilities: the segments', by the memberships.

        Respondents of one segment are taken for equal; differences within it are not seen.

        Parameters
        ----------
        choices : table
            Choices in columns of the same names as in the fit.

        Returns
        -------
        table
            One row a respondent, in the order in which they first occur: the ids, and a column an
            item.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For choices that cannot be, or an item that the model does not have.
        """
        engine, read, names = self._open(choices)
        utilities = engine.respondent_utilities(
            read.rows, read.items, names, n_jobs=_arguments.threads(self.n_jobs)
        )
        respondent = self._layout().respondent
        columns: dict[str, Any] = {respondent: read.table.take(respondent, read.first_row)}
        for item, column in zip(engine.items, utilities.T, strict=True):
            columns[item] = np.ascontiguousarray(column)
        return read.table.build(columns)

    def log_likelihood(self, choices: Any, weights: str | ArrayLike | None = None) -> float:
        """Return the log-likelihood of choices under the fitted model.

        Parameters
        ----------
        choices : table
            Choices in columns of the same names as in the fit; of others than those it was fitted
            to, say, to compare models by.
        weights : str or array of shape (n,), optional
            How much each respondent counts: a column or one number a row; by default 1.

        Returns
        -------
        float
            The sum over respondents.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For choices that cannot be, or an item that the model does not have.
        """
        engine, read, names = self._open(choices, weights)
        n_jobs = _arguments.threads(self.n_jobs)
        return engine.log_likelihood(read.rows, read.items, names, read.weights, n_jobs=n_jobs)

    def importance(self, level: float = 0.95) -> Any:
        """Return `importance_` with intervals of another confidence.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1; they are symmetric for the log-odds.

        Returns
        -------
        table
            One row a segment and item, as `importance_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If `level` is not between 0 and 1.
        """
        return new_table(self._importance(_arguments.number(level, "level")), self._kind)

    def counts(self, choices: Any, weights: str | ArrayLike | None = None) -> Any:
        """Count how often each item was shown and picked: what can be said without a model.

        Parameters
        ----------
        choices : table
            Choices in columns of the same names as in the fit.
        weights : str or array of shape (n,), optional
            How much each respondent counts: a column or one number a row; by default 1.

        Returns
        -------
        table
            One row an item: `item`, `shown`, `best`, `worst` and `score`, (best - worst) / shown.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For choices that cannot be, or an item that the model does not have.
        """
        _, read, names = self._open(choices, weights)
        counts = _tercet.best_worst_counts(read.rows, read.items, names, read.weights)
        columns = {"item": pa.array(read.items, pa.string()), **counts}
        return new_table(columns, read.table.kind)

    def simulate(
        self,
        n_respondents: int,
        *,
        tasks: int,
        shown: int,
        seed: int = 0,
    ) -> Any:
        """Draw respondents who choose as the model says: to plan a survey, or to try things.

        Parameters
        ----------
        n_respondents : int
            How many respondents.
        tasks : int
            How many sets each of them sees.
        shown : int
            How many items a set has.
        seed : int
            The seed.

        Returns
        -------
        table
            Long: `respondent`, `task`, `item`, `choice` ("best", "worst" or missing), and the true
            `segment`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For sets of fewer than three items, or more than there are.
        """
        engine: _tercet.FittedMaxDiff = self._require()
        drawn = engine.simulate(
            _arguments.whole(n_respondents, "n_respondents", "a whole number, at least 1"),
            _arguments.whole(tasks, "tasks", "a whole number, at least 1"),
            _arguments.whole(shown, "shown", "a whole number, at least 3"),
            _arguments.seed(seed, "seed"),
        )
        words = pa.array([None, "best", "worst"], pa.string())
        columns = {
            "respondent": drawn["respondent"].astype(np.int64) + 1,
            "task": drawn["task"].astype(np.int64) + 1,
            "item": pa.array(engine.items, pa.string()).take(pa.array(drawn["item"])),
            "choice": words.take(pa.array(drawn["choice"] % 3)),
            "segment": drawn["segment"],
        }
        return new_table(columns, self._kind)

    def _importance(self, level: float) -> dict[str, Any]:
        engine: _tercet.FittedMaxDiff = self._require()
        engine.intervals(level)  # refuses what is no level
        z = NormalDist().inv_cdf(0.5 + 0.5 * level)
        shares, errors = engine.preference_shares, engine.preference_errors
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            half = z * errors / (shares * (1.0 - shares))
            odds = np.log(shares) - np.log1p(-shares)
            ends = [1.0 / (1.0 + np.exp(-(odds + sign * half))) for sign in (-1.0, 1.0)]
        return importance_columns(
            engine.items, 100.0 * shares, 100.0 * errors, 100.0 * ends[0], 100.0 * ends[1]
        )

    def _labels(self) -> dict[str, Any]:
        """Return the columns that say of which segment and item a row is."""
        items, n_segments = self.items_, len(self.shares_)
        return {
            "segment": np.repeat(np.arange(1, n_segments + 1), len(items)),
            "item": pa.array(items * n_segments, pa.string()),
        }

    def _layout(self) -> Layout:
        told = note_of(self._require()).get("layout")
        default = Layout.long("respondent", "task", "item", "choice")
        return default if told is None else Layout.of(told)

    def _open(
        self, choices: Any, weights: Any = None
    ) -> tuple[_tercet.FittedMaxDiff, Choices, dict[str, str]]:
        """Return the fitted model, choices as it reads them, and what its columns are called."""
        engine: _tercet.FittedMaxDiff = self._require()
        layout = self._layout()
        read = read_choices(choices, layout, weights)
        check_known(read, layout, engine.items)
        return engine, read, layout.core_names()

    def _settings(self) -> dict[str, Any]:
        return {
            "n_segments": _arguments.whole(
                self.n_segments, "n_segments", "a whole number, at least 1"
            ),
            "starts": _arguments.whole(self.starts, "starts", "a whole number, at least 1"),
            "seed": _arguments.seed(self.random_state, "random_state"),
            "prior": _arguments.number(self.prior, "prior"),
            "worst": _arguments.word(self.worst, "worst", get_args(Worst)),
            "weight_type": _arguments.word(self.weight_type, "weight_type", get_args(WeightType)),
            "drop_early": _arguments.truth(self.drop_early, "drop_early"),
            "max_iterations": _arguments.iterations(self.max_iterations),
        }

    def _describe(self, schema: dict[str, Any]) -> None:
        # The layout is what predictions read by; it stays as it was fitted.
        schema["note"] = note_of(self._require())

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        settings = dict(engine.settings)
        return {**settings, "random_state": settings["seed"]}

    def _shown(self) -> _display.Grid:
        shares = self._require().preference_shares
        order = np.argsort(-shares[0], kind="stable")
        rows = [
            (self.items_[item], *(_display.per_cent(float(share), 1) for share in shares[:, item]))
            for item in order
        ]
        rows.append(("share of respondents", *(_display.per_cent(s) for s in self.shares_)))
        return _display.Grid(
            title=self._call(),
            header=("importance", *(f"segment {number}" for number in self.classes_)),
            rows=rows,
            words=list(self._words()),
        )

    def _words(self) -> Iterator[str]:
        if self._was_given:
            yield "The parameters were given, not fitted."
            return
        n = _display.count(self.n_observations_)
        yield (
            f"Log-likelihood {self.log_likelihood_:.4f} of {n} respondents, "
            f"{self.n_parameters_:,} parameters; BIC {self.bic_:.2f}; entropy R² "
            f"{self.entropy_r2_:.3f}."
        )
        if len(self.shares_) > 1:
            yield f"Starts: {self._how_they_went()}."
        yield f"How it ended: {self.how_it_ended_}."

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so it is there to be imported.
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = InputTags(two_d_array=False, categorical=True, string=True, allow_nan=True)
        target = TargetTags(required=False)
        return Tags(estimator_type="clusterer", target_tags=target, input_tags=tags)
