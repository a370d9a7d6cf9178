"""Golden questions: the few that put a customer into the right segment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._estimator import Saved, note_of
from tercet._frames import new_table
from tercet._levels import as_text
from tercet._progress import Progress, reporting
from tercet.data.survey import Survey
from tercet.needs import _covariates, _items, _respondents, _segment_models
from tercet.needs._items import Question
from tercet.needs.latent_class import LatentClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats, Integers
    from tercet.needs._covariates import Covariate

__all__ = ["TypingTool"]

_TO_SCORE = (
    "add the column; where the question was not asked, its answers are missing",
    "add the column, or score by the answers alone with covariates=False",
)


class TypingTool(Saved):
    r"""Chooses the few questions of a segmentation that tell the segments apart best.

    A segmentation by twenty questions cannot be repeated with every customer. Under the latent
    class model the answers to some of the questions, the set $S$, give the memberships

    $$
    p(k \mid y_S) = \frac{\pi_k \prod_{j \in S} f_j(y_j \mid k)}
    {\sum_l \pi_l \prod_{j \in S} f_j(y_j \mid l)}
    $$

    and no rule that uses the same answers does better: the tool is the model, asked less. Questions
    are added one by one, each time the one that raises the expected agreement with the assignment
    by all questions most, and exchanged as long as that raises it further.

    How well the tool does is told by cross-validation: model and questions are found without a
    tenth of the respondents, who are then assigned by these questions and by all.

    Parameters
    ----------
    model : LatentClass
        The fitted model.
    n_questions : int
        How many questions the tool asks.
    folds : int
        Into how many parts respondents are divided, each of which is left out once; 0 for no
        cross-validation.
    exclude : sequence of str, optional
        Items that the tool may not ask: too long, too delicate.
    include : sequence of str, optional
        Items that the tool asks in any case.
    max_questions : int, optional
        Up to how many questions `agreement_` tells; by default 8, or `n_questions` if more.
    random_state : int
        The seed of the division into folds.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    questions_ : list of str
        The chosen items: those that are asked in any case, then as they were chosen.
    covariates_ : list of str
        The covariates of the model, which `predict` needs as well unless `covariates=False`.
    agreement_ : table
        Of a model with covariates with them, on both sides; `agreement` tells it without. One row a
        number of questions: `n_questions`; `added` and `dropped`, the questions that came
        and went; `in_sample`, the share of respondents whom they assign as all questions do;
        `cross_validated`, the same of respondents left out, with its `standard_error`; `expected`,
        the mean probability that they give the segment by all questions; `majority`, what asking
        nothing achieves.
    sets_ : dict
        The questions of each number of questions.
    chosen_in_folds_ : dict
        In which share of the folds each of the chosen questions was chosen; empty without folds.
    confusion_ : numpy.ndarray of shape (K, K)
        Respondents (by weight) by segment by all questions (rows) and by the tool (columns); of
        respondents left out, where there were folds.
    recall_, precision_ : numpy.ndarray of shape (K,)
        Of the members of each segment, the share whom the tool finds; of those whom it puts into a
        segment, the share who belong to it. nan where there are none.
    shares_ : numpy.ndarray of shape (K,)
        The segments' shares in the survey.
    classes_ : numpy.ndarray of shape (K,)
        The segments' numbers.

    References
    ----------
    Miller, A. J. (1984). "Selection of subsets of regression variables." Journal of the Royal
    Statistical Society A 147(3), 389-425.

    Magidson, J. and Vermunt, J. K. (2002). "Latent class models for clustering: a comparison with
    K-means." Canadian Journal of Marketing Research 20, 36-43.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(3_000, n_respondents=400, seed=1).survey
    >>> model = tc.LatentClass(4, starts=5, random_state=1).fit(survey, ["importance"])
    >>> tool = tc.TypingTool(model, n_questions=4, folds=4).fit(survey)
    >>> len(tool.questions_)
    4
    >>> bool(tool.agreement_["cross_validated"].iloc[3] > 0.6)
    True
    """

    _engine_class: ClassVar[Any] = _tercet.FittedTypingTool
    _fitted_on = "survey"

    def __init__(
        self,
        model: LatentClass,
        n_questions: int = 4,
        *,
        folds: int = 10,
        exclude: Sequence[str] | None = None,
        include: Sequence[str] | None = None,
        max_questions: int | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.n_questions = n_questions
        self.folds = folds
        self.exclude = exclude
        self.include = include
        self.max_questions = max_questions
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def questions_(self) -> list[str]:
        """The chosen items, in the order in which they are asked."""
        return [question.name for question in self._questions()]

    @property
    def covariates_(self) -> list[str]:
        """The columns besides the questions that `predict` needs: the covariates of the model."""
        return [one.name for one in self._covariates()]

    @property
    def agreement_(self) -> Any:
        """How well each number of questions does, in a table."""
        engine: _tercet.FittedTypingTool = self._require()
        sizes = engine.sizes
        sets = sizes["questions"]
        before = [[], *sets[:-1]]
        pairs = list(zip(before, sets, strict=True))
        added = [_listed(name for name in now if name not in then) for then, now in pairs]
        dropped = [_listed(name for name in then if name not in now) for then, now in pairs]
        columns = {
            "n_questions": np.array([len(one) for one in sets], dtype=np.int64),
            "added": pa.array(added, pa.string()),
            "dropped": pa.array(dropped, pa.string()),
            "in_sample": sizes["agreement"],
            "cross_validated": sizes["cross_validated"],
            "standard_error": sizes["standard_error"],
            "expected": sizes["expected"],
            "majority": np.full(len(sets), engine.majority),
        }
        return new_table(columns, self._kind)

    @property
    def sets_(self) -> dict[int, list[str]]:
        """The questions of each number of questions."""
        return {len(one): list(one) for one in self._require().sizes["questions"]}

    @property
    def chosen_in_folds_(self) -> dict[str, float]:
        """In which share of the folds each of the chosen questions was chosen."""
        sizes = self._require().sizes
        chosen = dict(zip(map(len, sizes["questions"]), sizes["chosen_in_folds"], strict=True))
        shares = chosen[len(self.questions_)]
        names = self.sets_[len(self.questions_)]
        return dict(zip(names, shares, strict=True)) if shares else {}

    @property
    def confusion_(self) -> Floats:
        """Respondents by segment by all questions (rows) and by the tool (columns)."""
        engine: _tercet.FittedTypingTool = self._require()
        return engine.confusion

    @property
    def recall_(self) -> Floats:
        """Of the members of each segment, the share whom the tool finds."""
        engine: _tercet.FittedTypingTool = self._require()
        return engine.recall

    @property
    def precision_(self) -> Floats:
        """Of those whom the tool puts into each segment, the share who belong to it."""
        engine: _tercet.FittedTypingTool = self._require()
        return engine.precision

    @property
    def shares_(self) -> Floats:
        """The segments' shares in the survey."""
        engine: _tercet.FittedTypingTool = self._require()
        return engine.model.shares

    @property
    def classes_(self) -> Integers:
        """The segments' numbers."""
        return np.arange(1, len(self.shares_) + 1)

    def fit(
        self,
        survey: Any,
        weights: str | ArrayLike | Literal[False] | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Choose the questions.

        Parameters
        ----------
        survey : Survey or table
            The respondents whom the model was fitted to. A `tercet.Survey` also knows the wording
            of the questions, for the `questionnaire`.
        weights : str, array of shape (n,), False, optional
            The weights that the model was fitted with. By default those that a `tercet.Survey`
            names, or the column of the fit; False for none.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        DataError
            For a column that is missing, or answers that cannot be; it names column and row.
        ParameterError
            For an argument that cannot be used, such as more questions than the model has items.
        """
        model = _respondents.checked_model(self.model)
        settings = self._settings()
        engine, given = _respondents.opened(model, survey, weights)
        described = survey.items if isinstance(survey, Survey) else {}
        wording = _wording(model, described)
        with reporting(progress) as report:
            fitted = _tercet.FittedTypingTool.fit(
                engine,
                given.questions,
                given.weights,
                given.covariates,
                settings={**settings, **wording},
                note="{}",
                n_jobs=_arguments.threads(self.n_jobs),
                progress=report,
            )
        self._engine, self._kind = fitted, given.table.kind
        return self

    def predict_proba(self, answers: Any, *, covariates: bool = True) -> Floats:
        """Return each customer's probability of belonging to each segment.

        Parameters
        ----------
        answers : Survey or table
            One row a customer, with the columns of the chosen questions and of the model's
            `covariates_`; other columns are not looked at. Answers may be missing: whoever answered
            nothing gets the shares.
        covariates : bool
            Whether the covariates of the model count, if it has any; without them the segments'
            shares do, and fewer customers are put where all questions put them (`agreement`).

        Returns
        -------
        numpy.ndarray of shape (n, K)
            Probabilities in the order of the rows, a column a segment.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, or answers that cannot be; it names column and row.
        """
        engine: _tercet.FittedTypingTool = self._require()
        frame = answers.answers if isinstance(answers, Survey) else answers
        model = engine.model
        known = self._covariates()
        known = known if _arguments.truth(covariates, "covariates") else []
        names = [one.name for one in known]
        table = _items.read_columns(frame, self.questions_, names, None, _TO_SCORE)
        columns = _items.code(table, self._questions(), self.model._unknown())
        others = _covariates.columns_of(known, table)
        return model.posterior(columns, others, n_jobs=_arguments.threads(self.n_jobs))

    def predict(self, answers: Any, *, covariates: bool = True) -> Integers:
        """Return each customer's most probable segment.

        Parameters
        ----------
        answers : Survey or table
            One row a customer, with the columns of the chosen questions and of the model's
            `covariates_`; answers may be missing.
        covariates : bool
            Whether the covariates of the model count, if it has any.

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
        """
        members = self.predict_proba(answers, covariates=covariates)
        segments: Integers = members.argmax(axis=1) + 1
        return segments

    def agreement(
        self,
        survey: Any,
        weights: str | ArrayLike | Literal[False] | None = None,
        *,
        covariates: bool = True,
    ) -> float:
        """Return the share of respondents whom the tool assigns as all questions do.

        Of the survey of `fit` it is `in_sample` of `agreement_`. Without covariates it says what
        is lost where the covariates of customers are not known; all questions are still taken
        together with them.

        Parameters
        ----------
        survey : Survey or table
            One row a respondent, with all items and covariates of the model.
        weights : str, array of shape (n,), False, optional
            As for `fit`.
        covariates : bool
            Whether the covariates of the model count for the tool.

        Returns
        -------
        float
            Between 0 and 1.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing, or answers that cannot be; it names column and row.
        """
        self._require()
        model = _respondents.checked_model(self.model)
        engine, given = _respondents.opened(model, survey, weights)
        everything = engine.posterior(
            given.questions, given.covariates, n_jobs=_arguments.threads(self.n_jobs)
        )
        same = everything.argmax(axis=1) + 1 == self.predict(survey, covariates=covariates)
        counted = None if given.weights is None else given.weights[1]
        return float(np.average(same, weights=counted))

    def questionnaire(self) -> str:
        """Return the questions as a short text to put before a customer.

        Returns
        -------
        str
            The wording of each question (its name, where the survey of `fit` knew no other) and its
            levels; a level with a label of its own stands in brackets before it. At the end, what
            must be known of the customer besides: the covariates of the model.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        engine: _tercet.FittedTypingTool = self._require()
        known = self._covariates()
        if not known:
            return engine.questionnaire
        listed = "\n".join(
            f"   {one.name}: {'a number' if one.levels is None else ', '.join(one.levels)}"
            for one in known
        )
        asked = engine.questionnaire.rstrip()
        return f"{asked}\n\nBesides, of the customer must be known:\n{listed}\n"

    def _covariates(self) -> list[Covariate]:
        engine: _tercet.FittedTypingTool = self._require()
        return _covariates.noted(note_of(engine.model), engine.model.covariates)

    def _questions(self) -> list[Question]:
        engine: _tercet.FittedTypingTool = self._require()
        return [Question.of(record) for record in engine.model.questions]

    def _settings(self) -> dict[str, Any]:
        n_questions = _arguments.whole(
            self.n_questions, "n_questions", "a whole number, at least 1"
        )
        most = self.max_questions
        if most is not None:
            most = _arguments.whole(most, "max_questions", "a whole number, or None")
            if most < n_questions:
                expected = f"at least n_questions, {n_questions}, or None"
                raise _arguments.refusal(most, "max_questions", expected)
        always, never = self._some("include"), self._some("exclude")
        for name in never:
            if name in always:
                raise _arguments.refusal(name, "exclude", "items that `include` does not name")
        left = len(self.model.items_) - len(never)
        if most is not None and most > left:
            raise _arguments.refusal(most, "max_questions", f"at most {left}, the items there are")
        return {
            "n_questions": n_questions,
            "up_to": most,
            "folds": _arguments.whole(self.folds, "folds", "0, or a whole number from 2"),
            "seed": _arguments.seed(self.random_state, "random_state"),
            "always": always,
            "never": never,
        }

    def _some(self, parameter: str) -> list[str]:
        """Return an argument that names some of the model's items."""
        value = getattr(self, parameter)
        if value is None or (isinstance(value, list | tuple) and not value):
            return []
        names = _arguments.names(value, parameter, "a list of different items, or None")
        for name in names:
            if name not in self.model.items_:
                expected = f"items of the model: {', '.join(self.model.items_)}"
                raise _arguments.refusal(name, parameter, expected)
        return names

    def _describe(self, schema: dict[str, Any]) -> None:
        schema["note"] = {"model": _segment_models.content_of(self.model)}

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        settings = json.loads(engine.to_json())["settings"]
        model = _segment_models.restored(note_of(engine).get("model"))
        if model is None:  # made in Rust, where the tool's own model is all that is kept
            model = LatentClass._from_json(engine.model.to_json())
        return {
            "model": model,
            "n_questions": settings["n_questions"],
            "folds": settings["folds"],
            "exclude": settings["never"] or None,
            "include": settings["always"] or None,
            "max_questions": settings["up_to"],
            "random_state": settings["seed"],
        }

    def __sklearn_clone__(self) -> Self:
        # The model is data here: a clone keeps it fitted.
        return type(self)(**self.get_params())

    def _shown(self) -> _display.Grid:
        sizes = self._require().sizes
        sets = sizes["questions"]
        cells = [
            (
                str(len(one)),
                _display.per_cent(float(inside), 1),
                _display.per_cent(float(outside), 1),
                _display.per_cent(float(expected), 1),
            )
            for one, inside, outside, expected in zip(
                sets,
                sizes["agreement"],
                sizes["cross_validated"],
                sizes["expected"],
                strict=True,
            )
        ]
        return _display.Grid(
            title=self._call(),
            header=("questions", "in sample", "cross-validated", "expected"),
            rows=cells,
            words=list(self._words()),
            marked=[len(one) for one in sets].index(len(self.questions_)),
        )

    def _words(self) -> Iterator[str]:
        engine: _tercet.FittedTypingTool = self._require()
        yield f"Asks: {', '.join(self.questions_)}."
        if self.covariates_:
            yield (
                f"Needs as well: {', '.join(self.covariates_)}, with which all agreement was "
                "found; agreement(survey, covariates=False) tells it without."
            )
        yield (
            "Agreement with the assignment by all questions; asking nothing achieves "
            f"{_display.per_cent(engine.majority, 1)}."
        )
        recall = [_display.per_cent(float(share)) for share in self.recall_]
        found = ", ".join(f"{k} {share}" for k, share in enumerate(recall, start=1))
        who = "of respondents left out" if engine.cross_validated else "in sample"
        yield f"Members found by segment ({who}): {found}."


def _wording(model: LatentClass, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the texts of a survey's items, and what the levels that the model knows are called."""
    texts: dict[str, str] = {}
    labels: dict[str, list[str]] = {}
    for question in model._questions():
        item = described.get(question.name)
        if item is None:
            continue
        if item.text:
            texts[question.name] = item.text
        if item.labels is not None and question.levels is not None:
            pairs = zip(map(as_text, item.levels or ()), item.labels, strict=True)
            words = dict(pairs)
            labels[question.name] = [words.get(level, level) for level in question.levels]
    return {"texts": texts, "labels": labels}


def _listed(names: Iterator[str]) -> str | None:
    return ", ".join(names) or None
