"""How segments differ in what was not part of the segmentation, and who belongs to them.

Respondents are assigned to segments, some of them wrongly; the misassignment is known from the
memberships and taken into account ("three-step" estimation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table, read_table
from tercet._levels import is_number
from tercet._progress import Progress, reporting
from tercet._warning import warn
from tercet._weights import read_weights
from tercet.data.survey import Survey
from tercet.exceptions import ConvergenceWarning, ParameterError
from tercet.needs import _covariates, _items
from tercet.needs._covariates import Covariate
from tercet.needs._memberships import checked_posterior

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind, Table
    from tercet._survey.item import Codes

__all__ = ["SegmentOutcome", "SegmentPredictors", "distal_outcome", "segment_predictors"]

Method: TypeAlias = Literal["bch", "ml", "naive"]
Assignment: TypeAlias = Literal["modal", "proportional"]
OutcomeKind: TypeAlias = Literal["nominal", "ordinal", "continuous", "count"]
Variance: TypeAlias = Literal["free", "shared"]
StandardErrors: TypeAlias = Literal["robust", "model"]

_KINDS: Final = get_args(OutcomeKind)
_CORRECTED: Final = {
    "bch": "corrected for misassignment (BCH)",
    "ml": "corrected for misassignment (maximum likelihood)",
    "naive": "not corrected for misassignment",
}


class Members(NamedTuple):
    """Respondents of a third step: their table, memberships and weights."""

    table: Table
    posterior: Floats
    weights: _covariates.Named | None

    @property
    def n_segments(self) -> int:
        """How many segments there are."""
        return int(self.posterior.shape[1])


class SegmentOutcome:
    """How segments differ in an outcome; made by `LatentClass.distal` or `distal_outcome`.

    Attributes
    ----------
    table : table
        One row a segment, and of an outcome with levels one a segment and level: `segment`, `level`
        (if it has levels), `estimate` (a mean, or a probability), `standard_error`, `lower`,
        `upper`; `n`, how many respondents (by weight) are expected to belong to the segment;
        `effective_n`, how many that belong to it for certain would give as exact an estimate.
    pairs : table
        One row a pair of segments: `first`, `second`, `difference` and `standard_error` (of means),
        `chi_squared`, `degrees_of_freedom`, `p_value`, and `p_adjusted` for looking at all pairs
        (Holm).
    test : dict
        That all segments are equal: `chi_squared`, `degrees_of_freedom`, `p_value` (Wald).
    deviations : numpy.ndarray of shape (K,)
        How far a number varies within each segment; nan for levels.
    shares : numpy.ndarray of shape (K,)
        The segments' shares among the respondents whose outcome is known.
    misassignment : numpy.ndarray of shape (K, K)
        By true segment (rows), the probability of being assigned to each.
    n_missing : int
        Respondents whose outcome is missing.
    notes : list of str
        What to know before the numbers are used.
    outcome, method : str
        The column, and how misassignment was taken into account.
    log_likelihood, converged, how_it_ended
        How the estimation went; without "ml" there is no log-likelihood (nan).

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> posterior = np.array([[0.9, 0.1], [0.1, 0.9]] * 50)
    >>> spend = {"spend": [float(row % 2 * 8 + row // 2 % 5) for row in range(100)]}
    >>> found = tc.distal_outcome(spend, "spend", posterior)
    >>> print(found.table["estimate"].to_numpy().round(2))
    [ 1. 11.]
    """

    def __init__(
        self,
        question: Mapping[str, Any],
        method: str,
        found: Mapping[str, Any],
        kind: Kind | None,
    ) -> None:
        self.outcome = str(question["name"])
        self.method = method
        self.shares: Floats = found["shares"]
        self.misassignment: Floats = found["misassignment"]
        self.deviations: Floats = found["deviations"]
        self.n_missing = int(found["n_missing"])
        self.notes: list[str] = found["notes"]
        self.test = {name: column[0].item() for name, column in found["test"].items()}
        report = found["report"]
        likelihood = report["log_likelihood"]
        self.log_likelihood = float("nan") if likelihood is None else float(likelihood)
        self.converged = bool(report["converged"])
        self.how_it_ended = str(report["how_it_ended"])
        self._levels: list[str] | None = question["levels"]
        self._found = found
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a segment, or one a segment and level."""
        return new_table(self._columns(), self._kind)

    @property
    def pairs(self) -> Any:
        """One row a pair of segments."""
        found = self._found["comparisons"]
        columns = {name: found[name] for name in ("first", "second")}
        if self._levels is None:
            columns |= {name: found[name] for name in ("difference", "standard_error")}
        columns |= {name: found[name] for name in ("chi_squared", "degrees_of_freedom", "p_value")}
        return new_table({**columns, "p_adjusted": found["adjusted_p_value"]}, self._kind)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _columns(self) -> dict[str, Any]:
        width = 1 if self._levels is None else len(self._levels)
        segments = np.arange(1, len(self.shares) + 1)
        columns: dict[str, Any] = {"segment": np.repeat(segments, width)}
        if self._levels is not None:
            columns["level"] = pa.array(self._levels * len(segments), pa.string())
        estimates = self._found["estimates"]
        for place, name in enumerate(("estimate", "standard_error", "lower", "upper")):
            columns[name] = np.ascontiguousarray(estimates[:, place])
        n = self.shares * self._found["report"]["n_observations"]
        columns["n"] = np.repeat(n, width)
        columns["effective_n"] = np.repeat(self._found["effective_n"], width)
        return columns

    def _shown(self) -> _display.Grid:
        columns = self._columns()
        of_levels = ["level"] if "level" in columns else []
        names = ["estimate", "standard_error", "lower", "upper"]
        labels = [columns["segment"].tolist()]
        labels += [columns[name].to_pylist() for name in of_levels]
        numbers = [[_display.number(float(x)) for x in columns[name]] for name in names]
        n = [_display.decimals(float(x), 0) for x in columns["n"]]
        return _display.Grid(
            title=f"{self.outcome} by segment, {_CORRECTED[self.method]}",
            header=("segment", *of_levels, "estimate", "standard error", "lower", "upper", "n"),
            rows=[[str(cell) for cell in row] for row in zip(*labels, *numbers, n, strict=True)],
            words=list(self._words()),
        )

    def _words(self) -> Iterator[str]:
        p, degrees = self.test["p_value"], self.test["degrees_of_freedom"]
        yield (
            f"All segments equal: chi-squared {self.test['chi_squared']:.2f} with {degrees} "
            f"degrees of freedom, p = {_display.p_value(p)}."
        )
        if self.n_missing:
            yield f"{self.n_missing:,} respondents without an outcome count for nothing here."
        yield from self.notes
        if not self.converged:
            yield self.how_it_ended


class SegmentPredictors:
    """Who belongs to which segment; made by `LatentClass.predictors` or `segment_predictors`.

    Attributes
    ----------
    table : table
        One row a segment but the first, and covariate: `segment`, `covariate` ("intercept" first),
        `coefficient` (log-odds against segment 1), `standard_error`, `lower`, `upper`,
        `odds_ratio`.
    tests : table
        One row a covariate, that it matters for no segment: `covariate`, `chi_squared`,
        `degrees_of_freedom`, `p_value` (Wald).
    covariates : list of str
        The covariates; of categories a 0/1 column each but the first ("region=south").
    shares : numpy.ndarray of shape (K,)
        The segments' shares among the respondents.
    misassignment : numpy.ndarray of shape (K, K)
        By true segment (rows), the probability of being assigned to each.
    notes : list of str
        What to know before the numbers are used.
    method : str
        How misassignment was taken into account.
    log_likelihood, converged, how_it_ended
        How the estimation went; "bch" has no log-likelihood (nan).

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> right, wrong = [0.1, 0.9], [0.9, 0.1]
    >>> posterior = np.array([right, right, right, right, wrong, wrong, wrong, wrong, wrong, right])
    >>> customers = {"young": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0] * 20}
    >>> found = tc.segment_predictors(customers, ["young"], np.tile(posterior, (20, 1)))
    >>> print(found.table["odds_ratio"].to_numpy().round(1))
    [ 0.1 49. ]
    """

    def __init__(
        self, names: Sequence[str], method: str, found: Mapping[str, Any], kind: Kind | None
    ) -> None:
        self.covariates = list(names)
        self.method = method
        self.shares: Floats = found["shares"]
        self.misassignment: Floats = found["misassignment"]
        self.notes: list[str] = found["notes"]
        report = found["report"]
        likelihood = report["log_likelihood"]
        self.log_likelihood = float("nan") if likelihood is None else float(likelihood)
        self.converged = bool(report["converged"])
        self.how_it_ended = str(report["how_it_ended"])
        self._found = found
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a segment but the first, and covariate."""
        return new_table(self._columns(), self._kind)

    @property
    def tests(self) -> Any:
        """One row a covariate: that it matters for no segment."""
        columns = {"covariate": pa.array(self.covariates, pa.string()), **self._found["tests"]}
        return new_table(columns, self._kind)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _columns(self) -> dict[str, Any]:
        names = ["intercept", *self.covariates]
        others = np.arange(2, len(self.shares) + 1)
        columns: dict[str, Any] = {
            "segment": np.repeat(others, len(names)),
            "covariate": pa.array(names * len(others), pa.string()),
        }
        estimates = self._found["coefficients"]
        for place, name in enumerate(("coefficient", "standard_error", "lower", "upper")):
            columns[name] = np.ascontiguousarray(estimates[:, place])
        # A coefficient that ran off has infinite odds.
        with np.errstate(over="ignore"):
            columns["odds_ratio"] = np.exp(columns["coefficient"])
        return columns

    def _shown(self) -> _display.Grid:
        columns = self._columns()
        names = ["coefficient", "standard_error", "odds_ratio"]
        numbers = [[_display.number(float(x)) for x in columns[name]] for name in names]
        labels = [columns["covariate"].to_pylist(), columns["segment"].tolist()]
        tests = zip(self.covariates, self._found["tests"]["p_value"], strict=True)
        said = ", ".join(f"{name} {_display.p_value(float(p))}" for name, p in tests)
        ended = [] if self.converged else [self.how_it_ended]
        return _display.Grid(
            title=f"Membership against segment 1, {_CORRECTED[self.method]}",
            header=("covariate", "segment", "coefficient", "standard error", "odds ratio"),
            rows=[[str(cell) for cell in row] for row in zip(*labels, *numbers, strict=True)],
            words=[f"That a covariate matters for no segment, p: {said}.", *self.notes, *ended],
        )


def distal_outcome(
    frame: Any,
    outcome: str,
    posterior: ArrayLike,
    *,
    kind: OutcomeKind | None = None,
    method: Method = "bch",
    assignment: Assignment = "modal",
    variance: Variance = "free",
    standard_errors: StandardErrors = "robust",
    weights: str | ArrayLike | Literal[False] | None = None,
    level: float = 0.95,
    max_iterations: int = 200,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> SegmentOutcome:
    """Compare segments in an outcome that was not part of the segmentation: spend, churn.

    Means by assigned segment lie nearer to each other than those of the segments are, since some
    respondents are assigned wrongly. How often is known from the memberships, and is undone. Given
    the segment, the outcome must be independent of the answers that made the segments.

    Parameters
    ----------
    frame : Survey or table
        One row a respondent.
    outcome : str
        The column; where it is missing, a respondent counts for the misassignment only.
    posterior : array of shape (n, K)
        The memberships: what a model's `predict_proba` returns.
    kind : {"nominal", "ordinal", "continuous", "count"}, optional
        What the outcome is. By default what a `tercet.Survey` says; in a plain table numbers are
        continuous, text, categories and true/false nominal. Of nominal and ordinal outcomes the
        probabilities of the levels are estimated, of others the mean.
    method : {"bch", "ml", "naive"}
        How misassignment is undone. "bch" weighs respondents by the inverse of the misassignment
        and assumes nothing of the outcome's distribution. "ml" is more exact where a number is
        normally distributed within segments, or the outcome has levels. "naive" undoes nothing.
    assignment : {"modal", "proportional"}
        Whether respondents are assigned to the likeliest segment, or to all by their probabilities.
    variance : {"free", "shared"}
        Whether a number varies equally far in all segments ("ml").
    standard_errors : {"robust", "model"}
        Whether standard errors hold whatever the distribution, and with survey weights; or if the
        model is right ("ml" only).
    weights : str, array of shape (n,), False, optional
        Survey weights, all positive: a column or one number a row. By default those that a
        `tercet.Survey` names; False for none.
    level : float
        Confidence level of the intervals.
    max_iterations : int
        Steps of the optimiser at most ("ml").
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    SegmentOutcome
        A table by segment, a test that all are equal, and one of each pair.

    Raises
    ------
    DataError
        For a column that is missing, an outcome that does not vary, memberships that are none, or
        segments that are not told apart.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Bolck, A., Croon, M. and Hagenaars, J. (2004). "Estimating latent structure models with
    categorical variables: one-step versus three-step estimators." Political Analysis 12(1), 3-27.

    Vermunt, J. K. (2010). "Latent class modeling with covariates: two improved three-step
    approaches." Political Analysis 18(4), 450-469.

    Bakk, Z., Tekle, F. B. and Vermunt, J. K. (2013). "Estimating the association between latent
    class membership and external variables using bias-adjusted three-step approaches." Sociological
    Methodology 43(1), 272-311.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> posterior = np.array([[0.9, 0.1], [0.1, 0.9]] * 50)
    >>> spend = {"spend": [float(row % 2 * 8 + row // 2 % 5) for row in range(100)]}
    >>> naive = tc.distal_outcome(spend, "spend", posterior, method="naive")
    >>> print(naive.table["estimate"].to_numpy())
    [ 2. 10.]
    """
    settings = {
        "method": _arguments.word(method, "method", get_args(Method)),
        "assignment": _arguments.word(assignment, "assignment", get_args(Assignment)),
        "variance": _arguments.word(variance, "variance", get_args(Variance)),
        "standard_errors": _arguments.word(
            standard_errors, "standard_errors", get_args(StandardErrors)
        ),
        "level": _arguments.number(level, "level"),
        "max_iterations": _arguments.iterations(max_iterations),
    }
    if not isinstance(outcome, str):
        raise _arguments.refusal(outcome, "outcome", "a column's name")
    members = _members(frame, {"outcome": outcome}, posterior, weights)
    question, answers = _outcome(frame, members.table, outcome, kind)
    with reporting(progress) as report:
        found = _tercet.distal_outcome(
            question,
            answers,
            members.posterior.ravel(),
            members.n_segments,
            members.weights,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    means = SegmentOutcome(question, method, found, members.table.kind)
    if not means.converged:
        warn(means.how_it_ended, ConvergenceWarning)
    return means


def segment_predictors(
    frame: Any,
    covariates: Sequence[str],
    posterior: ArrayLike,
    *,
    method: Method = "ml",
    assignment: Assignment = "modal",
    weights: str | ArrayLike | Literal[False] | None = None,
    level: float = 0.95,
    max_iterations: int = 200,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> SegmentPredictors:
    """Explain who belongs to which segment by what is known of respondents.

    Regressing the assigned segment on age or region understates how far these matter, since some
    respondents are assigned wrongly. How often is known from the memberships, and is undone.

    To carry segments to other customers, use `SegmentProjection`, which predicts; this explains,
    with standard errors.

    Parameters
    ----------
    frame : Survey or table
        One row a respondent.
    covariates : sequence of str
        The columns: numbers, or categories, which become 0/1 columns ("region=south") against the
        first category. None may be missing.
    posterior : array of shape (n, K)
        The memberships: what a model's `predict_proba` returns.
    method : {"ml", "bch", "naive"}
        How misassignment is undone: by a mixture with known misassignment, the more exact way; by
        weights; or not at all.
    assignment : {"modal", "proportional"}
        Whether respondents are assigned to the likeliest segment, or to all by their probabilities.
    weights : str, array of shape (n,), False, optional
        Survey weights, all positive: a column or one number a row. By default those that a
        `tercet.Survey` names; False for none.
    level : float
        Confidence level of the intervals.
    max_iterations : int
        Steps of the optimiser at most.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    SegmentPredictors
        Coefficients with standard errors, and a test of each covariate.

    Warns
    -----
    ConvergenceWarning
        If no optimum was reached, because a covariate tells a segment from another without an
        error, say; then there are no standard errors.

    Raises
    ------
    DataError
        For a covariate that is missing or the same for everybody, memberships that are none, or
        segments that are not told apart.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Vermunt, J. K. (2010). "Latent class modeling with covariates: two improved three-step
    approaches." Political Analysis 18(4), 450-469.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> right, wrong = [0.1, 0.9], [0.9, 0.1]
    >>> posterior = np.array([right, right, right, right, wrong, wrong, wrong, wrong, wrong, right])
    >>> customers = {"young": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0] * 20}
    >>> naive = tc.segment_predictors(
    ...     customers, ["young"], np.tile(posterior, (20, 1)), method="naive"
    ... )
    >>> print(naive.table["odds_ratio"].to_numpy().round(2))
    [ 0.25 16. ]
    """
    settings = {
        "method": _arguments.word(method, "method", get_args(Method)),
        "assignment": _arguments.word(assignment, "assignment", get_args(Assignment)),
        "level": _arguments.number(level, "level"),
        "max_iterations": _arguments.iterations(max_iterations),
    }
    names = _arguments.names(covariates, "covariates", "a list of different columns' names")
    wanted = {f"covariates[{k}]": name for k, name in enumerate(names)}
    members = _members(frame, wanted, posterior, weights)
    learned = [Covariate.learn(members.table, name) for name in names]
    columns = _covariates.columns_of(learned, members.table)
    with reporting(progress) as report:
        found = _tercet.segment_predictors(
            columns,
            members.posterior.ravel(),
            members.n_segments,
            members.weights,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    effects = SegmentPredictors([name for name, _ in columns], method, found, members.table.kind)
    if not effects.converged:
        warn(effects.how_it_ended, ConvergenceWarning)
    return effects


def _members(frame: Any, wanted: Mapping[str, str], posterior: Any, weights: Any) -> Members:
    weights = _items.own_weights(frame, weights)
    columns = dict(wanted)
    if isinstance(weights, str):
        columns["weights"] = weights
    native = frame.answers if isinstance(frame, Survey) else frame
    table = read_table(native, columns, what="table of respondents")
    values = read_weights(table, weights, what="table of respondents")
    name = weights if isinstance(weights, str) else "weights"
    members = checked_posterior(posterior, table, None)
    return Members(table, members, None if values is None else (name, values))


def _outcome(
    frame: Any, table: Table, name: str, kind: Any
) -> tuple[dict[str, Any], Codes | Floats]:
    """Return what an outcome is, and its values as the core takes them."""
    described = frame.items if isinstance(frame, Survey) else {}
    if kind is not None:
        kind = _arguments.word(kind, "kind", _KINDS)
    elif name not in described:
        kind = "continuous" if is_number(table.arrow(name).type) else "nominal"
    source = _items.Source(table.native, [name], described)
    if kind in ("continuous", "count") and not is_number(table.arrow(name).type):
        message = f"kind = {kind!r}: expected another kind, since '{name}' holds no numbers"
        raise ParameterError(message, "kind")
    [column] = _items.learn(table, source, {} if kind is None else {name: kind})
    return column
