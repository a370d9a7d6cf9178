"""What segments are usually found by: k-means and mixtures of Gaussians, to compare with."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._estimator import Model
from tercet._frames import new_table
from tercet._levels import is_number
from tercet._progress import Progress, reporting
from tercet.data.survey import Survey
from tercet.exceptions import ParameterError
from tercet.needs import _items
from tercet.needs._items import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tercet._columns import Floats, Integers

__all__ = ["GaussianMixtureSegments", "KMeansSegments"]

_TO_FIT = ("name the right ones with items=", "")
_TO_SCORE = ("add the column; the model needs every item", "")


class _Baseline(Model):
    """Segments by distances between points."""

    n_segments: int
    starts: int
    random_state: int
    max_iterations: int
    _fitted_on = "survey"
    #: What it is, for messages.
    _method: ClassVar[str]

    @property
    def shares_(self) -> Floats:
        """The segments' shares of the respondents, largest first."""
        shares: Floats = self._require().shares
        return shares

    @property
    def items_(self) -> list[str]:
        """The items, in the order of the fit."""
        return [question.name for question in self._questions()]

    @property
    def classes_(self) -> Integers:
        """The segments' numbers: 1 for the largest."""
        return np.arange(1, len(self.shares_) + 1)

    @property
    def n_starts_at_best_(self) -> int:
        """How many starts found the best solution."""
        return int(self._require().starts_at_best)

    @property
    def n_parameters_(self) -> int:
        """How many numbers were estimated."""
        return int(self._report("n_parameters"))

    @property
    def centers_(self) -> Any:
        """The segments' means in the items' own units, in a table."""
        columns: dict[str, Any] = {"segment": self.classes_}
        for name, column in zip(self.items_, self._require().centers.T, strict=True):
            columns[name] = np.ascontiguousarray(column)
        return new_table(columns, self._kind)

    def fit(
        self,
        survey: Any,
        items: Sequence[str] | None = None,
        weights: Literal[False] | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Find segments of respondents with similar answers.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent; no answer may be missing.
        items : sequence of str, optional
            The columns that are items; of a `tercet.Survey` also batteries, and by default all.
            Numbers are numbers, ordered categories (and ordinal items of a survey) their scores,
            what has two levels 0 and 1; other categories are refused.
        weights : False, optional
            False disregards the weights that a `tercet.Survey` names; the method knows none.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For an answer that is missing, levels without an order, an item that everybody answered
            alike; it names column and row.
        ParameterError
            For weights, or an argument that cannot be used.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached.
        """
        settings, n_jobs = self._settings(), _arguments.threads(self.n_jobs)
        self._refuse_weights(survey, weights)
        source = _items.source_of(survey, items)
        table = _items.read_columns(source.frame, source.items, [], None, _TO_FIT)
        plain = [name for name in source.items if name not in source.described]
        kinds = {name: "continuous" for name in plain if is_number(table.arrow(name).type)}
        questions = _items.learn(table, source, kinds)
        with reporting(progress) as report:
            engine = self._engine_class.fit(
                questions, settings=settings, n_jobs=n_jobs, progress=report
            )
        return self._learn(engine, table.kind)

    def predict_proba(self, survey: Any) -> Floats:
        """Return each respondent's probability of belonging to each segment.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with the columns of the fit; no answer may be missing.

        Returns
        -------
        numpy.ndarray of shape (n, K)
            Probabilities in the order of the rows, a column a segment; of k-means 0 or 1.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column or an answer that is missing, or a level that the model does not know.
        """
        members: Floats = self._require().posterior(
            self._read(survey), n_jobs=_arguments.threads(self.n_jobs)
        )
        return members

    def predict(self, survey: Any) -> Integers:
        """Return each respondent's segment.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with the columns of the fit; no answer may be missing.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Numbers from 1, the largest segment.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column or an answer that is missing, or a level that the model does not know.
        """
        segments: Integers = self.predict_proba(survey).argmax(axis=1) + 1
        return segments

    def _read(self, survey: Any) -> list[_items.Column]:
        """Return answers as the core takes them."""
        questions = self._questions()
        frame = survey.answers if isinstance(survey, Survey) else survey
        names = [one.name for one in questions]
        table = _items.read_columns(frame, names, [], None, _TO_SCORE)
        return _items.code(table, questions, "error")

    def _questions(self) -> list[Question]:
        return [Question.of(record) for record in self._require().questions]

    def _refuse_weights(self, survey: Any, weights: Any) -> None:
        weights = _items.own_weights(survey, weights)
        if weights is not None:
            shown = repr(weights) if isinstance(weights, str) else "..."
            message = (
                f"weights = {shown}: expected none, since {self._method} knows no weights; "
                "LatentClass does. weights=False disregards them"
            )
            raise ParameterError(message, "weights")

    def _describe(self, schema: dict[str, Any]) -> None:
        """Put nothing: the schema has the items."""

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        settings = dict(engine.settings)
        return {**settings, "random_state": settings["seed"]}

    def _common_settings(self) -> dict[str, Any]:
        return {
            "n_segments": _arguments.whole(
                self.n_segments, "n_segments", "a whole number, at least 1"
            ),
            "starts": _arguments.whole(self.starts, "starts", "a whole number, at least 1"),
            "seed": _arguments.seed(self.random_state, "random_state"),
            "max_iterations": _arguments.iterations(self.max_iterations),
        }

    def _shown(self) -> _display.Grid:
        centers = self._require().centers
        rows = [
            (name, *(_display.number(float(x)) for x in column))
            for name, column in zip(self.items_, centers.T, strict=True)
        ]
        rows.append(("share", *(_display.per_cent(float(share)) for share in self.shares_)))
        return _display.Grid(
            title=self._call(),
            header=("mean", *(f"segment {number}" for number in self.classes_)),
            rows=rows,
            words=list(self._words()),
        )

    @abstractmethod
    def _words(self) -> Iterator[str]:
        """Say how the fit went."""

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so it is there to be imported.
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = InputTags(two_d_array=False, categorical=True, string=True)
        target = TargetTags(required=False)
        return Tags(estimator_type="clusterer", target_tags=target, input_tags=tags)


class KMeansSegments(_Baseline):
    r"""Segments by k-means: what is usually done, to compare with.

    Segments are taken to be round and of like extent. What is minimised is the sum of squared
    distances of respondents from their segment's center $c$,

    $$
    W = \sum_i \min_k \sum_j \left( \frac{x_{ij} - c_{kj}}{s_j} \right)^2
    $$

    $s$ being the items' standard deviations. K-means knows no missing answers, no weights, no
    levels without an order, nothing of how surely a respondent belongs to a segment, and nothing of
    how many segments there are; `LatentClass` does. The computations are those of the Rust library
    linfa.

    Parameters
    ----------
    n_segments : int
        How many segments, 1 to 32.
    standardize : bool
        Whether every item is brought to mean 0 and standard deviation 1; otherwise one whose
        numbers are ten times as large counts a hundred times as much.
    starts : int
        From how many starts the least sum of squares is looked for.
    random_state : int
        The seed of the starts. The same seed gives the same fit, on any number of threads.
    max_iterations : int
        Iterations of a start at most.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    shares_ : numpy.ndarray of shape (K,)
        The segments' shares of the respondents, largest first.
    centers_ : table
        One row a segment: `segment`, and its mean of each item in the item's own units.
    within_squares_ : numpy.ndarray of shape (K,)
        The sum of squared distances within each segment, on the scales of the fit.
    explained_ : float
        The share of the sum of squares that lies between segments.
    items_ : list of str
        The items.
    classes_ : numpy.ndarray of shape (K,)
        The segments' numbers.
    n_starts_at_best_ : int
        How many starts found the least sum of squares.
    n_observations_, n_parameters_, n_iterations_, converged_, how_it_ended_
        How the fit went.
    params_ : dict
        Shares and centers by name; there are no standard errors and no likelihood (nan).

    References
    ----------
    Lloyd, S. P. (1982). "Least squares quantization in PCM." IEEE Transactions on Information
    Theory 28(2), 129-137.

    Arthur, D. and Vassilvitskii, S. (2007). "k-means++: the advantages of careful seeding."
    Proceedings of the 18th ACM-SIAM Symposium on Discrete Algorithms, 1027-1035.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = {"price": [5, 4, 5, 1, 2, 1, 1], "service": [1, 2, 1, 5, 4, 5, 4]}
    >>> model = tc.KMeansSegments(2).fit(survey, ["price", "service"])
    >>> print(model.predict(survey))
    [2 2 2 1 1 1 1]
    """

    _engine_class: ClassVar[Any] = _tercet.FittedKMeansSegments
    _method = "k-means"

    def __init__(
        self,
        n_segments: int,
        *,
        standardize: bool = True,
        starts: int = 20,
        random_state: int = 0,
        max_iterations: int = 1000,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.standardize = standardize
        self.starts = starts
        self.random_state = random_state
        self.max_iterations = max_iterations
        self.n_jobs = n_jobs

    @property
    def within_squares_(self) -> Floats:
        """The sum of squared distances within each segment."""
        engine: _tercet.FittedKMeansSegments = self._require()
        return engine.within_squares

    @property
    def explained_(self) -> float:
        """The share of the sum of squares that lies between segments."""
        engine: _tercet.FittedKMeansSegments = self._require()
        return float(1.0 - engine.within_squares.sum() / engine.total_squares)

    def _settings(self) -> dict[str, Any]:
        standardize = _arguments.truth(self.standardize, "standardize")
        return {**self._common_settings(), "standardize": standardize}

    def _words(self) -> Iterator[str]:
        n = _display.count(self.n_observations_)
        explained = _display.per_cent(self.explained_, 1)
        yield f"{n} respondents; {explained} of the sum of squares lie between segments."
        yield f"Starts: {self.n_starts_at_best_} of {self.starts} reached the best."
        yield f"How it ended: {self.how_it_ended_}."


class GaussianMixtureSegments(_Baseline):
    r"""Segments as a mixture of Gaussians, to compare with.

    Within a segment the answers are normal around its mean, with a covariance of its own of any
    shape. What is maximised is

    $$
    \sum_i \ln \sum_k \pi_k \, N(x_i; \mu_k, \Sigma_k)
    $$

    With $p$ items a segment costs $1 + p + p (p + 1) / 2$ parameters. Not for answers of few
    levels, whose density can be made as high as you like, nor for missing or weighted answers: see
    `LatentClass`. The computations are those of the Rust library linfa.

    Parameters
    ----------
    n_segments : int
        How many segments, 1 to 32.
    regularization : float
        What is added to the variances of the standardised items, to keep covariances off
        singularity.
    starts : int
        From how many starts the highest likelihood is looked for.
    random_state : int
        The seed of the starts. The same seed gives the same fit, on any number of threads.
    max_iterations : int
        EM steps of a start at most.
    tolerance : float
        A start ends once a step wins less than this of log-likelihood per respondent.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    shares_ : numpy.ndarray of shape (K,)
        The segments' shares, largest first.
    centers_ : table
        One row a segment: `segment`, and its mean of each item in the item's own units.
    covariances_ : numpy.ndarray of shape (K, p, p)
        The covariances within the segments, in the items' own units.
    log_likelihood_, aic_, bic_ : float
        The log-likelihood summed over respondents, and criteria; smaller is better.
    items_ : list of str
        The items.
    classes_ : numpy.ndarray of shape (K,)
        The segments' numbers.
    n_starts_at_best_ : int
        How many starts ended within 0.1 of the best log-likelihood.
    n_observations_, n_parameters_, converged_, how_it_ended_
        How the fit went.
    params_ : dict
        Shares and means by name; there are no standard errors (nan).

    References
    ----------
    Fraley, C. and Raftery, A. E. (2002). "Model-based clustering, discriminant analysis, and
    density estimation." Journal of the American Statistical Association 97(458), 611-631.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> wide = np.where(np.arange(300) % 3 == 0, 10.0, 1.0)
    >>> survey = {name: wide * rng.normal(size=300) for name in ("price", "service")}
    >>> model = tc.GaussianMixtureSegments(2).fit(survey, ["price", "service"])
    >>> print(model.shares_.round(1))
    [0.7 0.3]
    """

    _engine_class: ClassVar[Any] = _tercet.FittedGaussianMixtureSegments
    _method = "a Gaussian mixture"

    def __init__(
        self,
        n_segments: int,
        *,
        regularization: float = 1e-6,
        starts: int = 20,
        random_state: int = 0,
        max_iterations: int = 5000,
        tolerance: float = 1e-6,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.regularization = regularization
        self.starts = starts
        self.random_state = random_state
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_jobs = n_jobs

    @property
    def covariances_(self) -> Floats:
        """The covariances within the segments, in the items' own units."""
        engine: _tercet.FittedGaussianMixtureSegments = self._require()
        n_items = len(self.items_)
        return engine.covariances.reshape(len(self.shares_), n_items, n_items)

    def log_likelihood(self, survey: Any) -> float:
        """Return the log-likelihood of respondents under the fitted model.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with the columns of the fit; no answer may be missing.

        Returns
        -------
        float
            The sum over respondents.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column or an answer that is missing, or a level that the model does not know.
        """
        engine: _tercet.FittedGaussianMixtureSegments = self._require()
        return engine.log_likelihood(self._read(survey), n_jobs=_arguments.threads(self.n_jobs))

    def _settings(self) -> dict[str, Any]:
        return {
            **self._common_settings(),
            "regularization": _arguments.number(self.regularization, "regularization"),
            "tolerance": _arguments.number(self.tolerance, "tolerance"),
        }

    def _words(self) -> Iterator[str]:
        n = _display.count(self.n_observations_)
        yield (
            f"Log-likelihood {self.log_likelihood_:.4f} of {n} respondents, "
            f"{self.n_parameters_:,} parameters; BIC {self.bic_:.2f}."
        )
        yield f"Starts: {self.n_starts_at_best_} of {self.starts} reached the best."
        yield f"How it ended: {self.how_it_ended_}."
