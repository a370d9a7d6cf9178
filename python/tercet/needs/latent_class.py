"""Latent classes: segments of respondents who answer alike."""

from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet._weights import read_weights
from tercet.data.survey import Survey
from tercet.exceptions import WeightsWarning
from tercet.needs import _covariates, _items
from tercet.needs._covariates import Covariate
from tercet.needs._items import Kind, Question, UnknownLevels
from tercet.needs._mixture import Mixture
from tercet.needs._simulate import simulated
from tercet.needs.distal import distal_outcome, segment_predictors
from tercet.needs.profile import SegmentProfile, profile_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats, Integers
    from tercet._frames import Table
    from tercet.needs.distal import (
        Assignment,
        Method,
        OutcomeKind,
        SegmentOutcome,
        SegmentPredictors,
        StandardErrors,
    )

__all__ = ["LatentClass"]

Variance: TypeAlias = Literal["free", "shared"]
WeightType: TypeAlias = Literal["sampling", "frequency", "expansion"]
ResponseStyle: TypeAlias = Literal["ignore", "random_intercept"]

# Sampling weights whose mean lies outside look like another kind of weights.
_MEAN_WEIGHTS = (2 / 3, 3 / 2)
_TO_FIT = ("name the right ones with items=", "name the right ones with covariates=")
_TO_SCORE = (
    "add the column, or score by some of the items with items=[...]",
    "add the column, or score by the answers alone with covariates=False",
)


class _Given(NamedTuple):
    """What a call is given, as the core takes it."""

    table: Table
    questions: list[_items.Column]
    weights: _covariates.Named | None
    covariates: list[_covariates.Named]


class LatentClass(Mixture):
    r"""Latent class model: every respondent belongs to one of K segments that answer differently.

    Its assumptions:

    1. Each respondent belongs to one segment; the segments' shares are unknown.
    2. Within a segment the answers to different items are independent of each other: what items
       have in common is the segment.
    3. Within a segment answers follow a distribution of its own: any probabilities for the levels
       of a nominal item, adjacent-category logits with a slope of the segment for an ordinal one, a
       normal distribution for a number, Poisson or negative binomial for a count.
    4. Answers that are missing are missing for reasons that the other answers explain.

    With answers $y_j$ to the items that were answered, and covariates $x$, the likelihood of a
    respondent is

    $$
    \sum_{k = 1}^{K} \pi_k(x) \prod_j f_j(y_j \mid k), \qquad
    \pi_k(x) = \frac{e^{\gamma_k' x}}{\sum_l e^{\gamma_l' x}}
    $$

    Segments are ordered by size and numbered from 1, the largest.

    Parameters
    ----------
    n_segments : int
        How many segments, 1 to 32.
    kinds : mapping or str, optional
        What the items are, by column, or one word for all: "nominal", "ordinal", "continuous",
        "count" (Poisson), "negative_binomial", or "multi-select" (an option that was chosen or not,
        which is nominal). By default what a `tercet.Survey` says; in a plain table ordered
        categories are ordinal; other categories, text, true/false and whole numbers of at most 12
        different values nominal; other numbers continuous.
    starts : int
        How many random starts; more where few of them reach the best (`n_starts_at_best_`).
    random_state : int
        The seed of the starts. The same seed gives the same fit, on any number of threads.
    prior : float
        A prior of so many respondents who answer like the whole sample, spread over the segments.
        It keeps probabilities off 0 and 1; 1 is enough. 0 is maximum likelihood.
    variance : {"free", "shared"}
        Whether the answers to a continuous item vary in each segment as far as they do, or equally
        far in all.
    weight_type : {"sampling", "frequency", "expansion"}
        What weights are: how much of the population each respondent stands for, adding up to about
        the number of respondents; how many respondents gave the same answers; or how many customers
        each stands for. Expansion weights are scaled to add up to Kish's effective number of
        respondents. Standard errors under "sampling" and "expansion" are those of a sandwich.
    response_style : {"ignore", "random_intercept"}
        Whether respondents who use one half of every rating scale may form a segment, or their
        style becomes an effect of its own on all ordinal items.
    unknown_levels : {"error", "missing"}
        What predictions do with an answer that did not occur in the fit.
    drop_early : bool
        Whether starts that lie clearly below others are given up before they have arrived.
    standard_errors : bool
        Whether standard errors and bivariate residuals are computed.
    max_iterations : int
        The most cycles (of three EM steps) of a start.
    tolerance : float
        The log-likelihood that may be left to win.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    shares_ : numpy.ndarray of shape (K,)
        The segments' shares of the respondents (weighted), largest first.
    params_, standard_errors_ : dict
        Every estimate and its standard error, by names such as "price=very important[1]";
        `summary` has them in a table.
    log_likelihood_ : float
        The log-likelihood summed over respondents with their weights, without the prior.
    n_parameters_ : int
        Free parameters, those on a boundary included.
    n_effective_ : float
        The respondents that the weights are worth (Kish): what the criteria count.
    aic_, aic3_, bic_, caic_, sabic_, icl_ : float
        Criteria to choose a number of segments by; smaller is better. Under weights, of the
        effective number of respondents.
    entropy_r2_ : float
        How well the segments are told apart: 1 if every respondent's segment is certain.
    g_squared_ : float
        The likelihood-ratio statistic against the observed frequencies of all patterns of answers;
        nan unless all items have levels and were answered by everybody.
    starts_ : table
        What became of each start: `start`, `log_likelihood`, `dropped`, `reached_best`.
    n_starts_at_best_ : int
        How many starts ended within 0.1 of the best log-likelihood.
    classification_ : numpy.ndarray of shape (K, K)
        By true segment (rows), the probability of being assigned to each.
    assigned_posterior_ : numpy.ndarray of shape (K,)
        The mean probability of membership of those assigned to a segment; nan if there are none.
    bivariate_residuals_ : table
        What pairs of items have in common beyond the segments, worst first: `first`, `second`,
        `residual`. Near 1 is none; above about 4, join the two, drop one, or allow a segment more.
    coefficients_ : table
        How membership depends on the covariates, against segment 1: `segment`, `covariate`,
        `coefficient`, `standard_error`, `odds_ratio`.
    items_, kinds_, levels_ : list, dict, dict
        The items, what they are, and the levels of those that have levels.
    classes_ : numpy.ndarray of shape (K,)
        The segments' numbers.
    n_observations_ : float
        Respondents: the sum of the weights, else the rows; Kish's effective number under
        "expansion".
    weights_ : str or None
        The column of the weights, "weights" if they were an array. Later tables that have it are
        weighted by it.
    n_unanswered_ : int
        Rows without any answer. They count, and belong to the segments with the probabilities of
        anybody.
    n_cells_, n_iterations_ : int
        Distinct respondents, and passes over them, of all starts.
    converged_ : bool
        Whether an optimum was reached; else `fit` warns with a `ConvergenceWarning`.
    how_it_ended_ : str
        How the fit ended, in words.
    boundary_ : str or None
        Which segments always or never give some answer, whose probability has no standard error.

    References
    ----------
    Goodman, L. A. (1974). "Exploratory latent structure analysis using both identifiable and
    unidentifiable models." Biometrika 61(2), 215-231.

    Vermunt, J. K. and Magidson, J. (2002). "Latent class cluster analysis." In Hagenaars, J. A. and
    McCutcheon, A. L. (eds.), Applied Latent Class Analysis. Cambridge University Press.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = {
    ...     "price": ["important", "important", "not", "not", "important", "not"] * 20,
    ...     "service": ["not", "not", "important", "important", "important", None] * 20,
    ...     "visits": [9, 7, 1, 0, 8, 1] * 20,
    ... }
    >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, items=list(survey))
    >>> model.kinds_
    {'price': 'nominal', 'service': 'nominal', 'visits': 'count'}
    >>> print(model.shares_.round(2))
    [0.5 0.5]
    >>> print(model.predict({"price": ["not"], "service": [None], "visits": [0]}))
    [2]
    """

    _engine_class: ClassVar[Any] = _tercet.FittedLatentClass
    _fitted_on = "survey"

    def __init__(
        self,
        n_segments: int,
        *,
        kinds: Mapping[str, Kind] | Kind | None = None,
        starts: int = 20,
        random_state: int = 0,
        prior: float = 0.0,
        variance: Variance = "free",
        weight_type: WeightType = "sampling",
        response_style: ResponseStyle = "ignore",
        unknown_levels: UnknownLevels = "error",
        drop_early: bool = True,
        standard_errors: bool = True,
        max_iterations: int = 5000,
        tolerance: float = 1e-7,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.kinds = kinds
        self.starts = starts
        self.random_state = random_state
        self.prior = prior
        self.variance = variance
        self.weight_type = weight_type
        self.response_style = response_style
        self.unknown_levels = unknown_levels
        self.drop_early = drop_early
        self.standard_errors = standard_errors
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_jobs = n_jobs

    @property
    def g_squared_(self) -> float:
        """Likelihood-ratio statistic against all observed patterns; nan unless all are complete."""
        return self._quality("g_squared")

    @property
    def bivariate_residuals_(self) -> Any:
        """What pairs of items have in common beyond the segments, in a table, worst first."""
        engine: _tercet.FittedLatentClass = self._require()
        pairs = engine.bivariate_residuals
        order = np.argsort(-pairs["residual"], kind="stable")
        columns = {
            "first": pa.array(pairs["first"], pa.string()).take(pa.array(order)),
            "second": pa.array(pairs["second"], pa.string()).take(pa.array(order)),
            "residual": pairs["residual"][order],
        }
        return new_table(columns, self._kind)

    @property
    def coefficients_(self) -> Any:
        """How membership depends on the covariates, against segment 1, in a table."""
        engine: _tercet.FittedLatentClass = self._require()
        names = ["intercept", *engine.covariates]
        values, errors = engine.coefficients[1:].ravel(), engine.coefficient_errors[1:].ravel()
        with np.errstate(over="ignore"):
            odds = np.exp(values)
        columns = {
            "segment": np.repeat(self.classes_[1:], len(names)),
            "covariate": pa.array(names * (len(self.classes_) - 1), pa.string()),
            "coefficient": values,
            "standard_error": errors,
            "odds_ratio": odds,
        }
        return new_table(columns, self._kind)

    @property
    def items_(self) -> list[str]:
        """The items, in the order of the fit."""
        return [question.name for question in self._questions()]

    @property
    def kinds_(self) -> dict[str, str]:
        """What the items are."""
        return {question.name: question.kind_word for question in self._questions()}

    @property
    def levels_(self) -> dict[str, list[str]]:
        """The levels of the items that have levels."""
        questions = self._questions()
        return {one.name: list(one.levels) for one in questions if one.levels is not None}

    @property
    def weights_(self) -> str | None:
        """The column of the fit's weights; None if respondents counted equally."""
        found: str | None = note_of(self._require()).get("weights")
        return found

    @property
    def n_unanswered_(self) -> int:
        """Rows of the fit without any answer."""
        engine: _tercet.FittedLatentClass = self._require()
        return engine.n_unanswered

    def fit(
        self,
        survey: Any,
        items: Sequence[str] | None = None,
        weights: str | ArrayLike | Literal[False] | None = None,
        covariates: Sequence[str] | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Estimate segments from the answers to a survey.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent; missing answers are null or NaN.
        items : sequence of str, optional
            The columns that are items; of a `tercet.Survey` also batteries, and by default all.
        weights : str, array of shape (n,), False, optional
            Survey weights, all positive: a column or one number a row. By default those that a
            `tercet.Survey` names; False for none.
        covariates : sequence of str, optional
            Columns that the probability of belonging to a segment may depend on: numbers, or
            categories, which become 0/1 columns ("region=West") against the first category.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For answers that cannot be, an item that everybody answered alike, a weight that is not
            positive; it names column and row.
        ParameterError
            For an argument that cannot be used, or more segments than the data can carry.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or there is none (the data do not determine the parameters,
            or a segment's numbers are all but equal); the message is `how_it_ended_`.
        WeightsWarning
            If the mean of sampling weights is above 1.5 or below two thirds.
        """
        settings, n_jobs = self._settings(), _arguments.threads(self.n_jobs)
        given, note = self._given_to_fit(survey, items, weights, covariates)
        with reporting(progress) as report:
            engine = _tercet.FittedLatentClass.fit(
                given.questions,
                given.weights,
                given.covariates,
                settings=settings,
                note=json.dumps(note),
                n_jobs=n_jobs,
                progress=report,
            )
        return self._learn(engine, given.table.kind)

    def predict_proba(
        self, survey: Any, *, items: Sequence[str] | None = None, covariates: bool = True
    ) -> Floats:
        """Return each respondent's probability of belonging to each segment.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with the columns of the fit.
        items : sequence of str, optional
            Some of the items, to score by them alone: a short questionnaire.
        covariates : bool
            Whether the covariates of the fit count; without them the segments' shares do.

        Returns
        -------
        numpy.ndarray of shape (n, K)
            Probabilities in the order of the rows, a column a segment. A respondent who answered
            nothing gets the probabilities of anybody.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, or answers that cannot be; it names column and row.
        ParameterError
            For an item that is none of the model's.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = {"price": ["yes", "no", "yes", "no"] * 25, "visits": [9, 0, 8, 1] * 25}
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
        >>> short = model.predict_proba({"price": ["yes", "no", None]}, items=["price"])
        >>> print(short.round(2))
        [[1.  0. ]
         [0.  1. ]
         [0.5 0.5]]
        """
        engine, given = self._open(survey, items, None, covariates)
        return engine.posterior(
            given.questions, given.covariates, n_jobs=_arguments.threads(self.n_jobs)
        )

    def predict(
        self, survey: Any, *, items: Sequence[str] | None = None, covariates: bool = True
    ) -> Integers:
        """Return each respondent's most probable segment.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with the columns of the fit.
        items : sequence of str, optional
            Some of the items, to score by them alone: a short questionnaire.
        covariates : bool
            Whether the covariates of the fit count; without them the segments' shares do.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Numbers from 1, the largest segment; of equally probable ones the larger.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, or answers that cannot be; it names column and row.
        ParameterError
            For an item that is none of the model's.
        """
        members = self.predict_proba(survey, items=items, covariates=covariates)
        segments: Integers = members.argmax(axis=1) + 1
        return segments

    def log_likelihood(
        self, survey: Any, weights: str | ArrayLike | Literal[False] | None = None
    ) -> float:
        """Return the log-likelihood of respondents under the fitted model.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent; others than those it was fitted to, say, to compare models by.
        weights : str, array of shape (n,), False, optional
            How much each respondent counts: a column or one number a row. By default the weights
            that a `tercet.Survey` names, or the column of the fit (`weights_`); False for none.

        Returns
        -------
        float
            The sum over respondents, the prior left out.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, answers that cannot be, or a weight that is not positive.
        """
        engine, given = self._open(survey, None, _items.weights_like(self, survey, weights), True)
        return engine.log_likelihood(
            given.questions,
            given.weights,
            given.covariates,
            n_jobs=_arguments.threads(self.n_jobs),
        )

    def profile(
        self,
        survey: Any,
        columns: Sequence[str] | None = None,
        weights: str | ArrayLike | Literal[False] | None = None,
        *,
        kinds: Mapping[str, Kind] | Kind | None = None,
        covariates: bool = True,
    ) -> SegmentProfile:
        """Return who the segments are: what each answers more and less than the others.

        Every respondent counts in each segment with the probability of belonging to it, times the
        weight. Each segment is compared with all others together, robustly to weights.

        The segments were made to differ in the model's own items, so their p-values are too small.
        In other columns differences are understated where segments are hard to tell apart
        (`entropy_r2_`), since respondents count in segments that they do not belong to; `distal`
        corrects for that.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with the columns of the fit.
        columns : sequence of str, optional
            What to profile instead of the items: any columns, of a `tercet.Survey` also batteries.
        weights : str, array of shape (n,), False, optional
            How much each respondent counts: a column or one number a row. By default the weights
            that a `tercet.Survey` names, or the column of the fit (`weights_`); False for none.
        kinds : mapping or str, optional
            What columns are that are none of the model's items, as in the constructor.
        covariates : bool
            Whether the covariates of the fit count for who belongs to which segment.

        Returns
        -------
        SegmentProfile
            `table`, `wide`, `text`, and first `names` and `descriptions` of the segments.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, answers that cannot be, or an answer that everybody gave.
        ParameterError
            For an argument that cannot be used.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = {"price": ["yes", "no", "yes", "no"] * 25, "visits": [9, 0, 8, 1] * 25}
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
        >>> model.profile(survey)
        Segment 1 (50%): price and visits
          More than others: price (100% against 0%); visits (8.500 against 0.500).
        Segment 2 (50%): low on price
          Less than others: price (0% against 100%); visits (0.500 against 8.500).
        """
        return profile_of(self, survey, columns, weights, kinds=kinds, covariates=covariates)

    def simulate(
        self,
        n: int | None = None,
        seed: int = 0,
        *,
        like: Any = None,
        segment: str | None = "segment",
    ) -> Any:
        """Draw respondents from the fitted model: to plan a survey, or to check a method.

        Parameters
        ----------
        n : int, optional
            How many respondents, who answer every item. A model with covariates needs `like`.
        seed : int
            The same seed draws the same respondents, on any machine.
        like : Survey or table, optional
            Draws a respondent for each of its rows: with the same covariates, and with no answer
            where it has none.
        segment : str, optional
            The column of the segment that a respondent was drawn from; None for no such column.

        Returns
        -------
        table
            A column an item, and the segment. Of the kind of `like`, else of the kind of table that
            the model was fitted on. Levels that are numbers come as numbers; others as categories,
            those of ordinal items ordered. With `kinds=model.kinds_` a model can be fitted to them.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For an argument that cannot be used.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = {"price": ["yes", "no", "yes", "no"] * 25, "visits": [9, 0, 8, 1] * 25}
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
        >>> drawn = model.simulate(1_000, seed=5)
        >>> drawn.column_names, len(drawn)
        (['price', 'visits', 'segment'], 1000)
        """
        return simulated(self, n, seed, like, segment)

    def summary(self, level: float = 0.95) -> Any:
        """Return the estimates as a table.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, between 0 and 1. They are symmetric on the scale on
            which a parameter is unbounded: the logarithm, or the log-odds of a probability.

        Returns
        -------
        table
            Of the kind of table that the model was fitted on, a row an estimate:

            - `parameter`: "share"; "coefficient"; "probability" of a level; "slope" of a segment on
              an ordinal item and "intercept" of its levels; "mean" and "standard_deviation"; "size"
              of a negative binomial; "response_style", the standard deviation of the random
              intercept;
            - `item`: the item, or the covariate of a coefficient;
            - `level`: the level, where the parameter has one;
            - `segment`: the segment's number; null where all segments share the parameter;
            - `estimate`, `standard_error`, `lower`, `upper`: null or nan where there is none.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import pandas as pd
        >>> import tercet as tc
        >>> survey = pd.DataFrame({"price": ["yes", "no"] * 50, "visits": [9, 0, 8, 1] * 25})
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
        >>> table = model.summary()
        >>> means = table[table["parameter"] == "mean"]
        >>> print(means[["item", "segment", "estimate"]].to_string(index=False))
          item  segment  estimate
        visits        1       8.5
        visits        2       0.5
        """
        engine: _tercet.FittedLatentClass = self._require()
        lower, upper = engine.intervals(_arguments.number(level, "level")).T
        rows = _in_order(engine, [*_labels(engine)], lower, upper)
        labels, numbers = [row[:4] for row in rows], np.array([row[4:] for row in rows])
        parameter, item, of_level, segment = zip(*labels, strict=True)
        columns = {
            "parameter": pa.array(parameter, pa.string()),
            "item": pa.array(item, pa.string()),
            "level": pa.array(of_level, pa.string()),
            "segment": pa.array(segment, pa.int64()),
        }
        for place, name in enumerate(("estimate", "standard_error", "lower", "upper")):
            columns[name] = np.ascontiguousarray(numbers[:, place])
        return new_table(columns, self._kind)

    def distal(
        self,
        frame: Any,
        outcome: str,
        *,
        posterior: ArrayLike | None = None,
        kind: OutcomeKind | None = None,
        method: Method = "bch",
        assignment: Assignment = "modal",
        variance: Variance = "free",
        standard_errors: StandardErrors = "robust",
        weights: str | ArrayLike | Literal[False] | None = None,
        level: float = 0.95,
        progress: Progress = False,
    ) -> SegmentOutcome:
        """Compare the segments in an outcome that was not part of the segmentation: spend, churn.

        Parameters
        ----------
        frame : Survey or table
            One row a respondent: the outcome, and the columns of the fit unless `posterior` is
            given.
        outcome : str
            The column, none of the model's items: their answers made the segments, which differ in
            them by construction. Where it is missing, a respondent counts for the misassignment
            only.
        posterior : array of shape (n, K), optional
            The memberships, where `frame` has no answers.
        kind, method, assignment, variance, standard_errors, weights, level, progress
            As for `tercet.distal_outcome`; weights by default those of the fit's column.

        Returns
        -------
        SegmentOutcome
            A table by segment, a test that all are equal, and one of each pair.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError, ParameterError
            As `tercet.distal_outcome` does, and for an outcome that is an item of the model.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = {
        ...     "price": ["yes", "no", "yes", "no"] * 25,
        ...     "visits": [9, 0, 8, 1] * 25,
        ...     "spend": [10.0, 30, 12, 34, 8, 30, 10, 36, 11, 30] * 10,
        ... }
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
        >>> found = model.distal(survey, "spend")
        >>> print(found.table["estimate"].to_numpy().round(1))
        [10.2 32. ]
        """
        if isinstance(outcome, str):
            _items.refuse_items([outcome], self.items_, "outcome", "a column")
        members = self.predict_proba(frame) if posterior is None else posterior
        weights = _items.weights_like(self, frame, weights)
        return distal_outcome(
            frame,
            outcome,
            members,
            kind=kind,
            method=method,
            assignment=assignment,
            variance=variance,
            standard_errors=standard_errors,
            weights=weights,
            level=level,
            n_jobs=self.n_jobs,
            progress=progress,
        )

    def predictors(
        self,
        frame: Any,
        covariates: Sequence[str],
        *,
        posterior: ArrayLike | None = None,
        method: Method = "ml",
        assignment: Assignment = "modal",
        weights: str | ArrayLike | Literal[False] | None = None,
        level: float = 0.95,
        progress: Progress = False,
    ) -> SegmentPredictors:
        """Explain who belongs to which segment by what is known of respondents.

        Parameters
        ----------
        frame : Survey or table
            One row a respondent: the covariates, and the columns of the fit unless `posterior` is
            given.
        covariates : sequence of str
            The columns: numbers, or categories, which become 0/1 columns ("region=south") against
            the first category. None may be missing, and none may be an item of the model.
        posterior : array of shape (n, K), optional
            The memberships, where `frame` has no answers.
        method, assignment, weights, level, progress
            As for `tercet.segment_predictors`; weights by default those of the fit's column.

        Returns
        -------
        SegmentPredictors
            Coefficients with standard errors, and a test of each covariate.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError, ParameterError
            As `tercet.segment_predictors` does, and for a covariate that is an item of the model.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = {
        ...     "price": ["yes", "no", "yes", "no"] * 25,
        ...     "visits": [9, 0, 8, 1] * 25,
        ...     "age": [25, 60, 31, 66, 29, 70, 44, 38, 35, 41] * 10,
        ... }
        >>> model = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
        >>> model.predictors(survey, ["age"]).covariates
        ['age']
        """
        names = _arguments.names(covariates, "covariates", "a list of different columns' names")
        _items.refuse_items(names, self.items_, "covariates", "columns")
        members = self.predict_proba(frame) if posterior is None else posterior
        weights = _items.weights_like(self, frame, weights)
        return segment_predictors(
            frame,
            covariates,
            members,
            method=method,
            assignment=assignment,
            weights=weights,
            level=level,
            n_jobs=self.n_jobs,
            progress=progress,
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "n_segments": _arguments.whole(
                self.n_segments, "n_segments", "a whole number, at least 1"
            ),
            "starts": _arguments.whole(self.starts, "starts", "a whole number, at least 1"),
            "seed": _arguments.seed(self.random_state, "random_state"),
            "prior": _arguments.number(self.prior, "prior"),
            "variance": _arguments.word(self.variance, "variance", get_args(Variance)),
            "weight_type": _arguments.word(self.weight_type, "weight_type", get_args(WeightType)),
            "response_style": _arguments.word(
                self.response_style, "response_style", get_args(ResponseStyle)
            ),
            "drop_early": _arguments.truth(self.drop_early, "drop_early"),
            "standard_errors": _arguments.truth(self.standard_errors, "standard_errors"),
            "max_iterations": _arguments.iterations(self.max_iterations),
            "tolerance": _arguments.number(self.tolerance, "tolerance"),
        }

    def _note(self) -> dict[str, Any]:
        """Return what only Python knows of the constructor's arguments."""
        return {
            "kinds": _items.checked_kinds(self.kinds),
            "unknown_levels": self._unknown(),
        }

    def _unknown(self) -> UnknownLevels:
        words = get_args(UnknownLevels)
        found: Any = _arguments.word(self.unknown_levels, "unknown_levels", words)
        return found  # type: ignore[no-any-return]

    def _describe(self, schema: dict[str, Any]) -> None:
        schema["note"] = {**note_of(self._require()), **self._note()}

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        settings = dict(engine.settings)
        return {**settings, "random_state": settings["seed"], **note_of(engine)}

    def _questions(self) -> list[Question]:
        engine: _tercet.FittedLatentClass = self._require()
        return [Question.of(record) for record in engine.questions]

    def _given_to_fit(
        self, survey: Any, items: Any, weights: Any, covariates: Any
    ) -> tuple[_Given, dict[str, Any]]:
        """Return respondents as a fit reads them, and what the fitted model notes."""
        note = self._note()
        source = _items.source_of(survey, items)
        kinds = _items.kinds_by_item(self.kinds, source.items)
        weights = _items.own_weights(survey, weights)
        names = _covariate_names(covariates)
        table = _items.read_columns(source.frame, source.items, names, weights, _TO_FIT)
        learned = [Covariate.learn(table, name) for name in names]
        given = _Given(
            table,
            _items.learn(table, source, kinds),
            _named_weights(table, weights),
            _covariates.columns_of(learned, table),
        )
        self._check_weights(given)
        note["covariates"] = [one.note() for one in learned]
        note["weights"] = None if given.weights is None else given.weights[0]
        return given, note

    def _open(
        self,
        survey: Any,
        items: Any,
        weights: Any,
        covariates: bool,
        others: Sequence[str] = (),
    ) -> tuple[_tercet.FittedLatentClass, _Given]:
        """Return the fitted model, and respondents as it reads them."""
        engine: _tercet.FittedLatentClass = self._require()
        frame = survey.answers if isinstance(survey, Survey) else survey
        asked = self._asked(items)
        known = _covariates.noted(note_of(engine), engine.covariates)
        known = known if _arguments.truth(covariates, "covariates") else []
        names = [one.name for one in known]
        columns = [one.name for one in asked]
        table = _items.read_columns(frame, columns, names, weights, _TO_SCORE, others)
        given = _Given(
            table,
            _items.code(table, asked, self._unknown()),
            _named_weights(table, weights),
            _covariates.columns_of(known, table),
        )
        return engine, given

    def _asked(self, items: Any) -> list[Question]:
        known = {question.name: question for question in self._questions()}
        if items is None:
            return list(known.values())
        names = _arguments.names(items, "items", "a list of different items")
        for name in names:
            if name not in known:
                raise _arguments.refusal(name, "items", f"items of the model: {', '.join(known)}")
        return [known[name] for name in names]

    def _check_weights(self, given: _Given) -> None:
        """Warn of weights that do not add up to about the number of respondents."""
        if given.weights is None or self.weight_type != "sampling":
            return
        _, weights = given.weights
        mean = weights.mean()
        if _MEAN_WEIGHTS[0] <= mean <= _MEAN_WEIGHTS[1] or not 0 < mean < math.inf:
            return
        message = (
            f"the weights add up to {weights.sum():,.6g} for {len(weights):,} respondents. "
            "Sampling weights add up to about as many as were asked; as these are, log-likelihood "
            "and prior count another number of respondents than there are. Pass "
            "weight_type='expansion' to have them scaled, or 'frequency' if each row stands for so "
            "many respondents who answered alike"
        )
        warnings.warn(message, WeightsWarning, stacklevel=self._depth())

    def _is_doubtful(self) -> bool:
        # A probability of 0 or 1 is common and harmless. Without errors of the shares the data do
        # not determine the parameters; where a deviation has none the likelihood has no maximum.
        errors = self.standard_errors_
        numbers = [one.name for one in self._questions() if one.kind == "continuous"]
        needed = [f"{name} deviation[{k}]" for name in numbers for k in self.classes_]
        lost = any(math.isnan(errors[name]) for name in ["share[1]", *needed])
        return not self.converged_ or (self.standard_errors and len(self.classes_) > 1 and lost)

    def _shown(self) -> _display.Estimates:
        errors = self.standard_errors_
        return _display.Estimates(
            title=self._call(),
            names=[str(number) for number in self.classes_],
            estimates=self.shares_.tolist(),
            standard_errors=[errors[f"share[{number}]"] for number in self.classes_],
            facts=list(self._how_it_was_fitted()),
            header=("segment", "share", "standard error"),
        )

    def _how_it_was_fitted(self) -> Iterator[tuple[str, str]]:
        if self._was_given:
            yield "parameters", "given, not fitted"
            return
        n, cells, p = _display.count(self.n_observations_), self.n_cells_, self.n_parameters_
        counted = f"{n} respondents, {cells:,} distinct; {p:,} parameters"
        yield "log-likelihood", f"{self.log_likelihood_:.4f} ({counted})"
        effective = self.n_effective_
        is_fewer = effective < self.n_observations_ * (1.0 - 1e-9)
        worth = f" of {effective:,.0f} effective respondents" if is_fewer else ""
        yield "BIC", f"{self.bic_:.2f}{worth}; entropy R² {self.entropy_r2_:.3f}"
        yield "starts", self._how_they_went()
        if self.n_unanswered_:
            yield "without any answer", f"{self.n_unanswered_:,} respondents"
        yield "how it ended", self.how_it_ended_

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so it is there to be imported.
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = InputTags(two_d_array=False, categorical=True, string=True, allow_nan=True)
        target = TargetTags(required=False)
        return Tags(estimator_type="clusterer", target_tags=target, input_tags=tags)


def _covariate_names(covariates: Any) -> list[str]:
    if covariates is None or (isinstance(covariates, list | tuple) and not covariates):
        return []
    return _arguments.names(covariates, "covariates", "a list of different columns' names")


def _named_weights(table: Table, weights: Any) -> _covariates.Named | None:
    values = read_weights(table, weights, what="survey")
    if values is None:
        return None
    return (weights if isinstance(weights, str) else "weights"), values


_Label: TypeAlias = "tuple[str, str | None, str | None, int | None]"
_Row: TypeAlias = "tuple[str, str | None, str | None, int | None, float, float, float, float]"


def _labels(engine: _tercet.FittedLatentClass) -> Iterator[_Label]:
    """Say of every parameter, in the core's order, what it is and of which item, level, segment."""
    segments = range(1, len(engine.shares) + 1)
    yield from (("share", None, None, k) for k in segments)
    if engine.covariates:
        names = ["intercept", *engine.covariates]
        yield from (("coefficient", name, None, k) for k in segments[1:] for name in names)
    for one in map(Question.of, engine.questions):
        if one.kind == "ordinal":
            yield from (("slope", one.name, None, k) for k in segments)
        for level in one.levels or ():
            yield from (("probability", one.name, level, k) for k in segments)
        if one.levels is None:
            yield from (("mean", one.name, None, k) for k in segments)
        if one.kind == "continuous":
            yield from (("standard_deviation", one.name, None, k) for k in segments)
        elif one.kind == "negative_binomial":
            yield "size", one.name, None, None
    if engine.settings["response_style"] != "ignore":
        yield "response_style", None, None, None


def _in_order(
    engine: _tercet.FittedLatentClass, labels: Sequence[_Label], lower: Floats, upper: Floats
) -> list[_Row]:
    """Return the rows of a summary: an ordinal item's intercepts come before its slopes."""
    numbers = zip(engine.estimates, engine.standard_errors, lower, upper, strict=True)
    levels = {one.name: one.levels or () for one in map(Question.of, engine.questions)}
    rows: list[_Row] = []
    for label, (estimate, error, low, high) in zip(labels, numbers, strict=True):
        parameter, item, _, segment = label
        if parameter == "slope" and segment == 1 and item is not None:
            rows += [
                ("intercept", item, level, None, float(value), math.nan, math.nan, math.nan)
                for level, value in zip(levels[item], engine.intercepts[item], strict=True)
            ]
        rows.append((*label, float(estimate), float(error), float(low), float(high)))
    return rows
