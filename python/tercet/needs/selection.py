"""How many segments: every criterion side by side, and a recommendation in words."""

from __future__ import annotations

import json
import math
import operator
import warnings
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.exceptions import ConvergenceWarning, NotFittedError
from tercet.needs import _respondents
from tercet.needs.latent_class import LatentClass
from tercet.needs.stability import SegmentStability

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._frames import Kind
    from tercet.needs._items import Kind as ItemKind

__all__ = ["SegmentSelection", "select_segments"]

_NUMBERS = "numbers of segments from 1: a range, a list, or one"
_WHOLE = ("n_segments", "n_parameters", "starts_at_best", "blrt_replications")
_HEADER = (
    "segments",
    "log-likelihood",
    "parameters",
    "BIC",
    "ICL",
    "entropy R²",
    "smallest",
    "at best",
    "test p",
    "Rand",
    "Jaccard",
)


class SegmentSelection:
    """Models of several numbers of segments, side by side.

    Made by `select_segments`.

    Attributes
    ----------
    table : table
        One row a number of segments: `n_segments`, `log_likelihood`, `n_parameters`; the criteria
        `aic`, `bic`, `sabic`, `caic`, `aic3`, `icl` (smaller is better); `entropy_r2`;
        `smallest_share`; `starts_at_best`, how many starts reached the best solution; `blrt`,
        `blrt_p` and `blrt_replications`, the bootstrap test against one segment less;
        `adjusted_rand` and `jaccard_min`, the stability of all segments and of the least stable
        one; `problem`, why the number could not be fitted.
    recommended : int or None
        The number that is recommended; None where none could be fitted.
    reasons : str
        Why, in sentences.
    models : dict
        The fitted models by their number of segments.
    stability : dict
        What `segment_stability` returns of them, by their number of segments.
    best : LatentClass
        The recommended model.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(3_000, n_respondents=300, seed=1).survey
    >>> selection = tc.select_segments(survey, range(1, 4), starts=4, replications=20, stability=4)
    >>> sorted(selection.models), selection.best is selection.models[selection.recommended]
    ([1, 2, 3], True)
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        models: Mapping[int, LatentClass],
        stability: Mapping[int, SegmentStability],
        advice: tuple[int | None, str],
        kind: Kind | None,
    ) -> None:
        self.recommended, self.reasons = advice
        self.models = dict(models)
        self.stability = dict(stability)
        self._rows = [dict(row) for row in rows]
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a number of segments, a column a criterion."""
        columns = {}
        for name in self._rows[0]:
            values = [row[name] for row in self._rows]
            kind = pa.int64() if name in _WHOLE else pa.float64()
            columns[name] = pa.array(values, pa.string() if name == "problem" else kind)
        return new_table(columns, self._kind)

    @property
    def best(self) -> LatentClass:
        """The recommended model."""
        if self.recommended is None:
            message = f"{self.reasons} The column 'problem' of .table says why"
            raise NotFittedError(message)
        return self.models[self.recommended]

    def text(self) -> str:
        """Return the recommendation and its reasons, in sentences.

        Examples
        --------
        >>> import tercet as tc
        >>> survey = tc.datasets.simulate_needs(3_000, n_respondents=300, seed=1).survey
        >>> selection = tc.select_segments(
        ...     survey, range(1, 3), starts=4, replications=0, stability=0
        ... )
        >>> print(selection.text())
        2 segments are recommended. The Bayesian information criterion is lowest for 2 segments ...
        """
        if self.recommended is None:
            return self.reasons
        n = self.recommended
        said = "1 segment is recommended." if n == 1 else f"{n} segments are recommended."
        return f"{said} {self.reasons}"

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        numbers = [row["n_segments"] for row in self._rows]
        marked = None if self.recommended is None else numbers.index(self.recommended)
        problems = [
            f"{row['n_segments']} segments: {row['problem']}."
            for row in self._rows
            if row["problem"]
        ]
        return _display.Grid(
            title="Numbers of segments side by side",
            header=_HEADER,
            rows=[_cells(row) for row in self._rows],
            words=[self.text(), *problems],
            marked=marked,
        )


def select_segments(
    survey: Any,
    n_segments: Iterable[int] | int = range(1, 9),
    *,
    model: LatentClass | None = None,
    items: Sequence[str] | None = None,
    weights: str | ArrayLike | Literal[False] | None = None,
    covariates: Sequence[str] | None = None,
    kinds: Mapping[str, ItemKind] | ItemKind | None = None,
    replications: int = 100,
    stability: int = 20,
    smallest: float = 0.05,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
    **settings: Any,
) -> SegmentSelection:
    """Fit several numbers of segments, compare them, and recommend one.

    No single criterion knows the number of segments, and data hold no such number to be found. The
    recommendation follows the Bayesian information criterion, and takes fewer segments where its
    choice has a segment that is too small to be addressed or does not come back in other samples (a
    mean Jaccard index below 0.6; see `segment_stability`), or where the bootstrap test finds one
    segment less as good. The bootstrap likelihood-ratio test of K segments against K - 1 (McLachlan
    1987) ends early: a test once ten replications exceed the observed statistic, all further tests
    once two numbers in a row have added nothing.

    Parameters
    ----------
    survey : Survey or table
        One row a respondent; missing answers are null or NaN.
    n_segments : iterable of int
        The numbers to compare. The test needs neighbours, such as those of a range.
    model : LatentClass, optional
        A model whose settings are used (its own number of segments is not).
    items : sequence of str, optional
        The columns that are items; of a `tercet.Survey` also batteries, and by default all.
    weights : str, array of shape (n,), False, optional
        Survey weights: a column or one number a row. By default those that a `tercet.Survey` names;
        False for none.
    covariates : sequence of str, optional
        Columns that the probability of belonging to a segment may depend on.
    kinds : mapping or str, optional
        What the items are, by column, as in `LatentClass`.
    replications : int
        The most replications of each bootstrap test; 0 for no test.
    stability : int
        Bootstrap samples in which the segments of each number are looked for again; 0 for none.
    smallest : float
        The smallest share of the customers that is worth addressing as a segment.
    random_state : int
        The seed of starts and replications; of replications only where `model` is given. The same
        seed gives the same result, on any number of threads.
    n_jobs : int, optional
        Threads; None or -1 for all cores.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.
    **settings
        Other settings of `LatentClass`, such as `starts=50`, `prior=1`,
        `response_style="random_intercept"`.

    Returns
    -------
    SegmentSelection
        `table`, `recommended`, `reasons`, `models`, `stability`, `best`.

    Raises
    ------
    DataError
        For what no number of segments can be fitted to; it names column and row.
    ParameterError
        For an argument that cannot be used. A number that the data cannot carry is no error, but
        a row of the table that says so.

    Warns
    -----
    ConvergenceWarning
        If the recommended model is one that `LatentClass.fit` would warn of.
    WeightsWarning
        If the mean of sampling weights is above 1.5 or below two thirds.

    References
    ----------
    McLachlan, G. J. (1987). "On bootstrapping the likelihood ratio test statistic for the number of
    components in a normal mixture." Applied Statistics 36(3), 318-324.

    Nylund, K. L., Asparouhov, T. and Muthén, B. O. (2007). "Deciding on the number of classes in
    latent class analysis and growth mixture modeling." Structural Equation Modeling 14(4), 535-569.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(3_000, n_respondents=300, seed=1).survey
    >>> settings = {"starts": 4, "response_style": "random_intercept"}
    >>> selection = tc.select_segments(survey, range(2, 6), replications=0, stability=4, **settings)
    >>> selection.recommended
    4
    >>> print(selection.reasons)
    The Bayesian information criterion is lowest for 4 segments (...
    >>> selection.stability[5].table["verdict"].iloc[-1]
    'doubtful'
    """
    template = _template(model, {"kinds": kinds, "n_jobs": n_jobs, **settings}, random_state)
    numbers = _numbers(n_segments)
    fit = template._settings()
    given, note = template._given_to_fit(survey, items, weights, covariates)
    kind = given.table.kind
    tests = _arguments.whole(replications, "replications", "a whole number, 0 for no test")
    samples = _arguments.whole(stability, "stability", "a whole number, 0 for none")
    if tests or samples:
        given = _respondents.as_rows(given, template)
    with reporting(progress) as report:
        found = _tercet.select_segments(
            given.questions,
            given.weights,
            given.covariates,
            numbers=numbers,
            settings=fit,
            note=json.dumps(note),
            replications=tests,
            stability=samples,
            smallest=_arguments.share(smallest, "smallest", "0.05 for 5 per cent"),
            seed=_arguments.seed(random_state, "random_state"),
            n_jobs=_arguments.threads(template.n_jobs),
            progress=report,
        )
    selection = _selection(found, template, samples, kind)
    if selection.recommended is not None and selection.best._is_doubtful():
        warnings.warn(selection.best.how_it_ended_, ConvergenceWarning, stacklevel=2)
    return selection


def _selection(
    found: Mapping[str, Any], template: LatentClass, samples: int, kind: Kind
) -> SegmentSelection:
    rows, models, stability = [], {}, {}
    for one in found["candidates"]:
        n = one["n_segments"]
        if one["model"] is not None:
            models[n] = LatentClass._around(
                one["model"], {**template.get_params(), "n_segments": n}
            )
            models[n]._kind = kind
        if one["stability"] is not None:
            stability[n] = SegmentStability(models[n].shares_, one["stability"], samples, kind)
        rows.append(_row(one, models.get(n), stability.get(n)))
    return SegmentSelection(rows, models, stability, (found["recommended"], found["reasons"]), kind)


def _template(
    model: LatentClass | None, changes: Mapping[str, Any], random_state: int
) -> LatentClass:
    """Return the model whose settings every number is fitted with."""
    if model is None:
        base = LatentClass(1, random_state=random_state)
    elif isinstance(model, LatentClass):
        base = LatentClass(**model.get_params())
    else:
        raise _arguments.refusal(model, "model", "a LatentClass, whose settings are used")
    # The numbers are those of n_segments; what the template has is never fitted.
    base.n_segments = 1
    given = {name: value for name, value in changes.items() if value is not None}
    return base.set_params(**given)


def _numbers(n_segments: Any) -> list[int]:
    try:
        return [operator.index(n_segments)]
    except TypeError:
        pass
    if isinstance(n_segments, str) or not hasattr(n_segments, "__iter__"):
        raise _arguments.refusal(n_segments, "n_segments", _NUMBERS)
    found = [_arguments.whole(number, "n_segments", _NUMBERS) for number in n_segments]
    if not found:
        raise _arguments.refusal(n_segments, "n_segments", _NUMBERS)
    return found


def _row(
    one: Mapping[str, Any], model: LatentClass | None, stability: SegmentStability | None
) -> dict[str, Any]:
    """Return a row of the table."""
    test = one["test"] or {}

    def of(name: str) -> Any:
        return None if model is None else getattr(model, f"{name}_")

    return {
        "n_segments": one["n_segments"],
        **{name: of(name) for name in ("log_likelihood", "n_parameters")},
        **{name: of(name) for name in ("aic", "bic", "sabic", "caic", "aic3", "icl")},
        "entropy_r2": of("entropy_r2"),
        "smallest_share": None if model is None else float(model.shares_.min()),
        "starts_at_best": of("n_starts_at_best"),
        "blrt": test.get("statistic"),
        "blrt_p": test.get("p_value"),
        "blrt_replications": test.get("replications"),
        "adjusted_rand": None if stability is None else stability.adjusted_rand,
        "jaccard_min": None if stability is None else float(stability.jaccard.min()),
        "problem": one["problem"],
    }


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row as it is shown."""
    at_best = row["starts_at_best"]
    # One segment has no starts to speak of, and no stability.
    one = row["n_segments"] == 1
    return (
        str(row["n_segments"]),
        _display.decimals(row["log_likelihood"], 1),
        _display.decimals(_or_nan(row["n_parameters"]), 0),
        _display.decimals(row["bic"], 1),
        _display.decimals(row["icl"], 1),
        "-" if one else _display.decimals(row["entropy_r2"], 2),
        _display.per_cent(row["smallest_share"]),
        "-" if one or at_best is None else str(at_best),
        _display.p_value(row["blrt_p"]),
        _display.decimals(row["adjusted_rand"], 2),
        _display.decimals(row["jaccard_min"], 2),
    )


def _or_nan(value: int | None) -> float:
    return math.nan if value is None else float(value)
