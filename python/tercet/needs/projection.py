"""Segments of a survey carried to the whole customer base."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _features, _tercet
from tercet._columns import column_error
from tercet._estimator import Model, note_of
from tercet._features import Feature
from tercet._frames import Table, new_table, read_table
from tercet._join import check_one_row_each, rows_among
from tercet._progress import Progress, reporting
from tercet._weights import read_weights
from tercet.data.survey import Survey
from tercet.exceptions import ParameterError
from tercet.needs import _segment_models
from tercet.needs._items import weights_like
from tercet.needs._memberships import checked_posterior

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats, Integers
    from tercet._features import Attribute

__all__ = ["SegmentProjection"]

#: Where a customer's memberships come from, by code.
_SOURCES = ("projected", "typed", "answered")
_TO_FIT = "name the right ones with features="
_TO_SCORE = "add the column; the projection was fitted with it"


class _Projected(NamedTuple):
    """Customers, their memberships, and the code of where these come from."""

    table: Table
    probabilities: Floats
    source: Integers

    @property
    def modal(self) -> Integers:
        """The most probable segments; the larger of equals."""
        segments: Integers = self.probabilities.argmax(axis=1) + 1
        return segments


class SegmentProjection(Model):
    r"""Carries the segments of a survey to customers who were never asked.

    Its assumptions:

    1. Attributes that are known of everybody (age, region, tenure, past purchases) shift the
       log-odds of the segments along straight lines.
    2. Within a segment, answers to the questionnaire do not depend on the attributes.
    3. Customers with the attributes of a respondent are like that respondent. Whom the survey did
       not reach, the projection does not know.

    With memberships $p_{ik}$ of the respondents, shares $s_k$ and attributes $x$ it maximises

    $$
    \sum_i w_i \ln \sum_k \pi_k(x_i) \frac{p_{ik}}{s_k} - \frac{\lambda}{2} W |\beta|^2, \qquad
    \pi_k(x) = \frac{e^{x' \beta_k}}{\sum_m e^{x' \beta_m}}
    $$

    and at last shifts the intercepts so that the respondents' probabilities add up to the shares.
    Everything that it says of its own quality comes from respondents left out of the fit.

    Needs are only weakly visible in attributes. Add up the probabilities: naming the most probable
    segment of everybody makes large segments larger and small ones vanish.

    Parameters
    ----------
    model : LatentClass, TypingTool or other model of segments, optional
        The fitted model that the segments come from. Without one, `fit` needs a `posterior`, and
        `project` knows of no answers.
    penalty : "cv" or float
        How much coefficients are drawn to 0: as predicts respondents best who were left out, or by
        this much.
    correction : bool
        Whether the attenuation is undone that comes of memberships being uncertain.
    folds : int
        Into how many parts respondents are divided, each of which is left out once.
    random_state : int
        The seed of that division.
    min_level_count : int
        The fewest respondents that a level needs for an effect of its own; rarer levels share one,
        which levels that were never seen join.
    max_iterations : int
        Steps of the optimiser at most, for each penalty.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    verdict_ : str
        What the cross-validation means, in words.
    is_informative_ : bool
        Whether the attributes tell the segments apart at all: they predict respondents left out
        better than the segments' sizes do, by more than two standard errors.
    accuracy_, majority_, ceiling_ : float
        The expected share of respondents whose segment is named right: by their attributes; if
        everybody is counted in the largest segment; by the questionnaire itself.
    auc_ : numpy.ndarray of shape (K,)
        How often a member of a segment gets a higher probability of it than somebody else; 0.5 is
        chance. `mean_auc_` is the mean, weighted by size.
    log_loss_, null_log_loss_ : float
        Cross-entropy of the memberships with what the projection, and what the shares alone, let
        expect of them.
    share_error_ : float
        The share of respondents who, on balance, adding up probabilities counts in a wrong segment.
    quality_ : dict
        All these numbers and more, by name: `log_likelihood_gain` with its standard error
        `log_likelihood_gain_error` (per respondent, over the shares alone),
        `modal_agreement` and `modal_agreement_largest` (how often the most probable segments by
        attributes and by questionnaire agree), `share_error_by_mode`, and others.
    calibration_ : table
        Tenths of the respondents by predicted probability of each segment: `segment`, `decile`,
        `weight`, `predicted`; `expected`, the mean of the memberships that this lets expect, since
        uncertain memberships are drawn towards the shares; `observed`, their mean.
    effects_ : table
        `feature`, `segment`, `log_odds` against the mean of all segments, `odds_ratio`: of a number
        per standard deviation, of a level against an average level.
    penalty_ : float
        The penalty that was used.
    penalties_ : table
        What each penalty wins for respondents left out: `penalty`, `log_likelihood_gain`.
    shares_ : numpy.ndarray of shape (K,)
        The segments' sizes in the survey.
    features_ : list of str
        The attributes.
    classes_ : numpy.ndarray of shape (K,)
        The segments' numbers.
    params_ : dict
        The effects by name; `standard_errors_` are nan, since a penalty draws effects to 0.
    n_observations_, n_iterations_, log_likelihood_, converged_, how_it_ended_, boundary_
        How the fit went, as for other models.

    References
    ----------
    Bakk, Z. and Kuha, J. (2018). "Two-step estimation of models between latent classes and external
    variables." Psychometrika 83(4), 871-892.

    Bolck, A., Croon, M. and Hagenaars, J. (2004). "Estimating latent structure models with
    categorical variables: one-step versus three-step estimators." Political Analysis 12(1), 3-27.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = {
    ...     "price": ["yes", "no", "yes", "no"] * 50,
    ...     "visits": [9, 0, 8, 1, 7, 2, 9, 1] * 25,
    ...     "age": [25, 60, 31, 66, 29, 70, 44, 48, 35, 41] * 20,
    ... }
    >>> segments = tc.LatentClass(2, kinds={"visits": "count"}).fit(survey, ["price", "visits"])
    >>> projection = tc.SegmentProjection(segments).fit(survey, ["age"])
    >>> projection.is_informative_
    True
    >>> customers = {"customer_id": [1, 2], "age": [23, 68]}
    >>> table = projection.project(customers)
    >>> table.column_names
    ['customer_id', 'segment_1', 'segment_2', 'macro_segment', 'source']
    """

    _engine_class: ClassVar[Any] = _tercet.FittedSegmentProjection
    _fitted_on = "respondents, features"

    def __init__(
        self,
        model: Any = None,
        *,
        penalty: Literal["cv"] | float = "cv",
        correction: bool = True,
        folds: int = 10,
        random_state: int = 0,
        min_level_count: int = 10,
        max_iterations: int = 200,
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.penalty = penalty
        self.correction = correction
        self.folds = folds
        self.random_state = random_state
        self.min_level_count = min_level_count
        self.max_iterations = max_iterations
        self.n_jobs = n_jobs

    @property
    def verdict_(self) -> str:
        """What the cross-validation means, in words."""
        engine: _tercet.FittedSegmentProjection = self._require()
        return engine.verdict

    @property
    def is_informative_(self) -> bool:
        """Whether the attributes tell the segments apart at all."""
        engine: _tercet.FittedSegmentProjection = self._require()
        return engine.is_informative

    @property
    def quality_(self) -> dict[str, float]:
        """What cross-validation says, in numbers by name."""
        return dict(self._require().quality)

    @property
    def accuracy_(self) -> float:
        """The expected share of respondents whose segment is named right by their attributes."""
        return self.quality_["expected_accuracy"]

    @property
    def majority_(self) -> float:
        """The same if everybody is counted in the largest segment."""
        return self.quality_["expected_accuracy_largest"]

    @property
    def ceiling_(self) -> float:
        """The same by the questionnaire itself."""
        return self.quality_["expected_accuracy_ceiling"]

    @property
    def auc_(self) -> Floats:
        """How often a member of each segment gets a higher probability of it than another."""
        auc: Floats = self._require().quality_by_segment["auc"]
        return auc

    @property
    def mean_auc_(self) -> float:
        """The mean of `auc_`, weighted by the segments' sizes."""
        return self.quality_["mean_auc"]

    @property
    def log_loss_(self) -> float:
        """Cross-entropy of the memberships with what the projection lets expect of them."""
        return self.quality_["log_loss"]

    @property
    def null_log_loss_(self) -> float:
        """The same of the shares alone."""
        return self.quality_["log_loss_shares"]

    @property
    def share_error_(self) -> float:
        """The share of respondents whom adding up probabilities counts in a wrong segment."""
        return self.quality_["share_error_by_probability"]

    @property
    def calibration_(self) -> Any:
        """Predicted and observed memberships by tenths of the respondents, in a table."""
        return new_table(self._require().calibration, self._kind)

    @property
    def effects_(self) -> Any:
        """What each attribute does to each segment's log-odds, in a table."""
        effects = self._require().effects
        columns = {
            "feature": pa.array(effects["column"], pa.string()),
            "segment": effects["segment"],
            "log_odds": effects["log_odds"],
            "odds_ratio": np.exp(effects["log_odds"]),
        }
        return new_table(columns, self._kind)

    @property
    def penalty_(self) -> float:
        """The penalty that was used."""
        engine: _tercet.FittedSegmentProjection = self._require()
        return engine.penalty

    @property
    def penalties_(self) -> Any:
        """What each penalty that was tried wins for respondents left out, in a table."""
        return new_table(self._require().penalties, self._kind)

    @property
    def shares_(self) -> Floats:
        """The segments' sizes in the survey."""
        engine: _tercet.FittedSegmentProjection = self._require()
        return engine.shares

    @property
    def features_(self) -> list[str]:
        """The attributes, in the order of the fit."""
        engine: _tercet.FittedSegmentProjection = self._require()
        return engine.features

    @property
    def classes_(self) -> Integers:
        """The segments' numbers."""
        return np.arange(1, len(self.shares_) + 1)

    def fit(
        self,
        respondents: Any,
        features: Sequence[str],
        posterior: ArrayLike | None = None,
        weights: str | ArrayLike | Literal[False] | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Learn how memberships depend on attributes.

        Parameters
        ----------
        respondents : Survey or table
            One row a respondent: the attributes, and the answers unless `posterior` is given.
        features : sequence of str
            The attributes: columns that are known of every customer too. Numbers are numbers; text,
            categories and true/false are levels. A number that is a code must be made text or a
            category. Missing values are allowed, and tell of the segments in their own way.
        posterior : array of shape (n, K), optional
            The memberships; by default what the `model` says of the answers.
        weights : str, array of shape (n,), False, optional
            Survey weights; 0 leaves a respondent out. By default those that a `tercet.Survey`
            names, or the column that the model was fitted with; False for none.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For a column that is missing or the same for everybody, an infinite number, a posterior
            that is none; it names column and row.
        ParameterError
            For an argument that cannot be used, such as an attribute that is one of the items.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or without a penalty an attribute gives a segment away. That
            attributes say nothing is no warning, but the `verdict_`.
        """
        settings, n_jobs = self._settings(), _arguments.threads(self.n_jobs)
        names = _arguments.names(features, "features", "a list of different columns' names")
        weights = weights_like(self.model, respondents, weights)
        frame = respondents.answers if isinstance(respondents, Survey) else respondents
        table = _read_respondents(frame, names, weights)
        members, shares = self._memberships(respondents, posterior, names, table)
        values = read_weights(table, weights, what="respondents")
        named = None if values is None else (weights if isinstance(weights, str) else "weights")
        learned = [Feature.learn(table, name) for name in names]
        with reporting(progress) as report:
            engine = _tercet.FittedSegmentProjection.fit(
                _features.columns_of(learned, table),
                members.ravel(),
                members.shape[1],
                shares,
                None if values is None or named is None else (named, values),
                settings=settings,
                note=json.dumps({"features": [one.note() for one in learned]}),
                n_jobs=n_jobs,
                progress=report,
            )
        return self._learn(engine, table.kind)

    def predict_proba(self, customers: Any) -> Floats:
        """Return each customer's probability of belonging to each segment, by attributes alone.

        Parameters
        ----------
        customers : table
            One row a customer, with the columns of the fit.

        Returns
        -------
        numpy.ndarray of shape (n, K)
            Probabilities in the order of the rows, a column a segment. Numbers beyond the
            respondents' range count as its end, levels never seen as the rare ones.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        """
        return self._predict(_read_customers(customers, self.features_))

    def predict(self, customers: Any) -> Integers:
        """Return each customer's most probable segment, by attributes alone.

        Beware: such numbers do not add up to the segments' sizes; see `share_report`. To count,
        add up what `predict_proba` returns.

        Parameters
        ----------
        customers : table
            One row a customer, with the columns of the fit.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Numbers from 1, the largest segment of the survey.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        """
        segments: Integers = self.predict_proba(customers).argmax(axis=1) + 1
        return segments

    def project(
        self,
        customers: Any,
        answers: Any = None,
        *,
        customer: str = "customer_id",
        respondent: str | None = None,
        golden: Any = None,
    ) -> Any:
        """Return the memberships of the whole customer base, own answers first.

        Of customers who answered questions, the projected probabilities are the prior and the
        answers the evidence. Whoever answered a whole questionnaire is hardly moved by attributes.

        Parameters
        ----------
        customers : table
            One row a customer: ids, each once, and the columns of the fit.
        answers : Survey or table, optional
            One row a respondent: ids, and any of the items that the segments were made from. Rows
            without an id, or of nobody among the customers, are passed over.
        customer : str
            The column of the customers' ids.
        respondent : str, optional
            The column of ids in `answers`; by default that of the `tercet.Survey`, else `customer`.
        golden : TypingTool or sequence of str, optional
            The golden questions: whoever answered nothing else is "typed". By default those of the
            `model`, where it is a `TypingTool`.

        Returns
        -------
        table
            Of the kind of `customers` and in its order: the ids, `segment_1` to `segment_K`
            (probabilities), `macro_segment` (the most probable; do not count it, see
            `share_report`) and `source`: "answered", "typed" or "projected".

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, a customer whose id is missing or occurs twice, a
            respondent with two rows of answers, an answer that cannot be; it names column and row.
        ParameterError
            For answers without a model that could read them, or golden questions that are none of
            its items.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = {
        ...     "price": ["yes", "no", "yes", "no"] * 50,
        ...     "visits": [9, 0, 8, 1, 7, 2, 9, 1] * 25,
        ...     "age": [25, 60, 31, 66, 29, 70, 44, 48, 35, 41] * 20,
        ... }
        >>> segments = tc.LatentClass(2, kinds={"visits": "count"})
        >>> segments = segments.fit(survey, ["price", "visits"])
        >>> projection = tc.SegmentProjection(segments).fit(survey, ["age"])
        >>> table = projection.project(
        ...     {"customer_id": ["ann", "bob"], "age": [68, 68]},
        ...     answers={"customer_id": ["bob"], "price": ["yes"], "visits": [9]},
        ... )
        >>> table["source"].to_pylist(), table["macro_segment"].to_pylist()
        (['projected', 'answered'], [2, 1])
        """
        if not isinstance(customer, str):
            raise _arguments.refusal(customer, "customer", "a column's name")
        found = self._project(customers, answers, customer, respondent, golden)
        columns: dict[str, Any] = {customer: found.table.take(customer)}
        made: dict[str, Any] = {
            f"segment_{number}": np.ascontiguousarray(found.probabilities[:, number - 1])
            for number in self.classes_
        }
        made["macro_segment"] = found.modal
        made["source"] = pa.array(_SOURCES, pa.string()).take(pa.array(found.source))
        if customer in made:
            reason = "has the name of a column of the result; rename it"
            raise column_error(customer, reason)
        return found.table.build({**columns, **made})

    def share_report(
        self,
        customers: Any,
        answers: Any = None,
        *,
        customer: str = "customer_id",
        respondent: str | None = None,
        golden: Any = None,
    ) -> Any:
        """Return the segments' sizes in the customer base, and what modal assignment makes of them.

        Parameters
        ----------
        customers, answers, customer, respondent, golden
            As for `project`. Without answers, customers need no ids.

        Returns
        -------
        table
            A row a segment: `segment`; `survey_share`, its size in the survey; `expected_share`, by
            adding up the customers' probabilities; `modal_share`, by counting everybody in the most
            probable segment; `difference`, the modal less the expected share.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError, ParameterError
            As `project` does.
        """
        ids = None if answers is None else customer
        found = self._project(customers, answers, ids, respondent, golden)
        expected = found.probabilities.mean(axis=0)
        counts = np.bincount(found.modal - 1, minlength=len(expected))
        modal = counts / len(found.probabilities)
        columns = {
            "segment": self.classes_,
            "survey_share": self.shares_,
            "expected_share": expected,
            "modal_share": modal,
            "difference": modal - expected,
        }
        return new_table(columns, found.table.kind)

    def _memberships(
        self, respondents: Any, posterior: Any, features: list[str], table: Table
    ) -> tuple[Floats, Floats | None]:
        """Return the respondents' memberships, and the shares that are their prior if known."""
        model = None if self.model is None else _segment_models.checked(self.model)
        if model is None:
            if posterior is None:
                message = (
                    "posterior = None: expected memberships of the respondents, or a fitted model "
                    "of the segments as SegmentProjection(model)"
                )
                raise ParameterError(message, "posterior")
            return checked_posterior(posterior, table, None, what="respondents"), None
        _segment_models.refuse_items_as_features(features, model)
        shares = model.shares_
        if posterior is None:
            posterior = _segment_models.posterior_of(model, respondents)
        return checked_posterior(posterior, table, len(shares), what="respondents"), shares

    def _predict(self, table: Table) -> Floats:
        engine: _tercet.FittedSegmentProjection = self._require()
        return engine.probabilities(self._attributes(table), n_jobs=_arguments.threads(self.n_jobs))

    def _attributes(self, table: Table) -> list[Attribute]:
        note = note_of(self._require())
        return _features.columns_of(_features.noted(note, self.features_, table), table)

    def _project(
        self, customers: Any, answers: Any, customer: Any, respondent: Any, golden: Any
    ) -> _Projected:
        table = _read_customers(customers, self.features_, customer)
        if customer is not None:
            check_one_row_each(table, customer)
        probabilities = self._predict(table)
        source: Integers = np.zeros(len(table), dtype=np.int64)
        if answers is None:
            return _Projected(table, probabilities, source)
        model = self._scoring_model()
        golden = self.model if golden is None and model is not self.model else golden
        short = _segment_models.checked_golden(golden, model)
        read = _segment_models.read_answers(answers, respondent, customer, model)
        own = _segment_models.own_answers(model, read.table, read.questions, short)
        among = rows_among(table, customer, read.table, read.respondent)
        _check_found(among, len(read.table), read.respondent, customer)
        theirs = np.flatnonzero((among >= 0) & own.answered[among])
        if len(theirs):
            rows = among[theirs]
            projected, said = probabilities[theirs].ravel(), own.posterior[rows].ravel()
            probabilities[theirs] = self._require().with_answers(projected, said)
            source[theirs] = np.where(own.beyond[rows], 2, 1)
        return _Projected(table, probabilities, source)

    def _scoring_model(self) -> Any:
        model = None if self.model is None else _segment_models.latent_class_of(self.model)
        if model is None:
            message = (
                "answers = ...: expected none, since no latent class model can read them; fit "
                "SegmentProjection(model) with a LatentClass or a TypingTool"
            )
            raise ParameterError(message, "answers")
        return model

    def _settings(self) -> dict[str, Any]:
        penalty: Any = self.penalty
        if isinstance(penalty, str):
            penalty = _arguments.word(penalty, "penalty", ("cv",))
        else:
            penalty = {"fixed": _arguments.number(penalty, "penalty", 'a number, or "cv"')}
        return {
            "penalty": penalty,
            "correction": _arguments.truth(self.correction, "correction"),
            "folds": _arguments.whole(self.folds, "folds", "a whole number, at least 2"),
            "seed": _arguments.seed(self.random_state, "random_state"),
            "min_level_count": _arguments.whole(
                self.min_level_count, "min_level_count", "a whole number, at least 1"
            ),
            "max_iterations": _arguments.iterations(self.max_iterations),
        }

    def _describe(self, schema: dict[str, Any]) -> None:
        model = None if self.model is None else _segment_models.checked(self.model)
        kept = None if model is None else _segment_models.content_of(model)
        schema["note"] = {**note_of(self._require()), "model": kept}

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        settings = dict(engine.settings)
        model = _segment_models.restored(note_of(engine).get("model"))
        return {**settings, "random_state": settings["seed"], "model": model}

    def __sklearn_clone__(self) -> Self:
        # The model is data here: a clone keeps it fitted.
        return type(self)(**self.get_params())

    def _shown(self) -> _display.Grid:
        by_segment = self._require().quality_by_segment
        numbers = zip(self.shares_, by_segment["auc"], by_segment["auc_ceiling"], strict=True)
        rows = [
            (str(segment), _display.per_cent(float(share), 1), f"{auc:.2f}", f"{ceiling:.2f}")
            for segment, (share, auc, ceiling) in enumerate(numbers, start=1)
        ]
        return _display.Grid(
            title=self._call(),
            header=("segment", "share", "AUC", "AUC of the questionnaire"),
            rows=rows,
            words=list(self._words()),
        )

    def _words(self) -> Iterator[str]:
        n, names = _display.count(self.n_observations_), self.features_
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        yield f"{n} respondents; {len(names)} features: {shown}; penalty {self.penalty_:g}."
        yield self.verdict_
        if self.how_it_ended_ != "converged":
            yield f"How it ended: {self.how_it_ended_}."

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so it is there to be imported.
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = InputTags(two_d_array=False, categorical=True, string=True, allow_nan=True)
        target = TargetTags(required=False)
        return Tags(estimator_type=None, target_tags=target, input_tags=tags)


def _check_found(among: Integers, n: int, respondent: str, customer: str) -> None:
    """Refuse respondents of whom nobody is a customer.

    Of a few customers that are scored alone none may have been asked; of a base none must not.
    """
    if len(among) >= n and not (among >= 0).any():
        reason = (
            f"holds none of the ids in '{customer}' of the customers, so that no answer counts; "
            "code both alike, or leave answers= out"
        )
        raise column_error(respondent, reason)


def _read_respondents(frame: Any, features: Sequence[str], weights: Any) -> Table:
    wanted = {f"features[{k}]": name for k, name in enumerate(features)}
    remedies = dict.fromkeys(wanted, _TO_FIT)
    if isinstance(weights, str):
        wanted["weights"] = weights
    return read_table(frame, wanted, what="table of respondents", remedies=remedies)


def _read_customers(frame: Any, features: Sequence[str], customer: Any = None) -> Table:
    wanted = {f"features[{k}]": name for k, name in enumerate(features)}
    remedies = dict.fromkeys(wanted, _TO_SCORE)
    if customer is not None:
        wanted["customer"] = customer
    return read_table(frame, wanted, what="table of customers", remedies=remedies)
