"""A later wave of a survey: are the segments still there, how large, and answering as before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._estimator import note_of
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.needs import _covariates, _respondents
from tercet.needs._items import Question, weights_like
from tercet.needs.align import SegmentAlignment, align_segments
from tercet.needs.latent_class import LatentClass, _labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind
    from tercet.needs.latent_class import _Given

__all__ = ["WaveComparison", "compare_waves"]

Mode: TypeAlias = Literal["apply", "refit"]
#: A row of answers: item, level (None for a mean), segment from 1.
_Figure: TypeAlias = "tuple[str, str | None, int]"
#: An estimate and its standard error.
_Estimate: TypeAlias = "tuple[float, float]"

_SIGNIFICANT = 0.05
# From half of the items on it is the segments that have changed, and not some questions.
_MANY = 0.5
# Hennig's bounds of a mean Jaccard index: a segment that is found again, and one that is not.
_FOUND, _LOST = 0.75, 0.6
_LISTED = 5
# A segment with a smaller share is not there.
_GONE = 0.001
_NAN = math.nan
_TEXTS = frozenset({"item", "level"})
_WHOLE = frozenset({"segment", "segment_after", "degrees_of_freedom"})


class WaveComparison:
    """What has changed between the survey that a model was fitted to and a later wave.

    Made by `compare_waves`.

    Attributes
    ----------
    mode : {"apply", "refit"}
        Whether the model was applied to the wave as it is, or fitted to it anew.
    shares : table
        One row a segment of the model: `segment`, its share `before` and `after` with their
        standard errors `before_error` and `after_error`, `change` with `change_error`, `p_value`.
        Where the model is applied as it is, `after_error` holds what the segments answer fixed, and
        `change_error` is less than both errors together: an error in what they answer shifts both
        shares alike. After a refit also `segment_after` (the number of its counterpart),
        `similarity` (the overlap of what both answer) and `jaccard` (the share of the wave's
        respondents in either who are in both).
    shares_test : dict or None
        That all shares are as before: `chi_squared`, `degrees_of_freedom`, `p_value`. None after
        a refit, for one segment, and without standard errors.
    questions : table
        One row an item: the test that the segments answer it as before, `chi_squared`,
        `degrees_of_freedom`, `p_value`, `p_adjusted` for the number of items (Holm); and
        `largest_change` in any segment: of the share of a level where levels have no order, else
        of the mean in standard deviations within the segment. After a refit there is no test.
    answers : table
        One row a level of a nominal item, or the mean of another, and a segment: `item`, `level`
        (null where the figure is a mean), `segment`, `before`, `after`, `change`. After a refit
        also the levels of ratings, the `standard_error` of the change (nan for the mean of a
        rating), `p_value`, and `p_adjusted` for the number of rows (Benjamini & Hochberg).
    changed_items : list of str
        Items whose answers differ from before: `p_adjusted` below 5 per cent.
    model : LatentClass
        The model that the wave was described with: the given one, or the one fitted anew.
    alignment : SegmentAlignment or None
        After a refit, which of its segments is which.
    adjusted_rand : float or None
        After a refit, how far both models put the wave's respondents into the same segments.
    verdict : str
        What to make of it, in sentences.
    """

    def __init__(self, mode: Mode, model: LatentClass, kind: Kind | None) -> None:
        self.mode = mode
        self.model = model
        self.shares_test: dict[str, float] | None = None
        self.alignment: SegmentAlignment | None = None
        self.adjusted_rand: float | None = None
        self.changed_items: list[str] = []
        self.verdict = ""
        self._kind = kind
        self._shares: dict[str, Any] = {}
        self._questions: dict[str, Any] = {}
        self._answers: dict[str, Any] = {}

    @property
    def shares(self) -> Any:
        """One row a segment: its share before and after."""
        return _table(self._shares, self._kind)

    @property
    def questions(self) -> Any:
        """One row an item: whether the segments answer it as before."""
        return _table(self._questions, self._kind)

    @property
    def answers(self) -> Any:
        """One row a level (or mean) of an item and a segment: before and after."""
        return _table(self._answers, self._kind)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        header = ["segment", "before", "after", "change", "p"]
        columns: list[tuple[str, Callable[[float], str]]] = [
            ("before", _tenths),
            ("after", _tenths),
            ("change", _points),
            ("p_value", _display.p_value),
        ]
        if self.mode == "refit":
            header += ["now", "similarity", "Jaccard"]
            columns += [
                ("segment_after", lambda value: _display.decimals(value, 0)),
                ("similarity", lambda value: _display.decimals(value, 2)),
                ("jaccard", lambda value: _display.decimals(value, 2)),
            ]
        rows = [
            (str(number), *(said(self._shares[name][row]) for name, said in columns))
            for row, number in enumerate(self._shares["segment"])
        ]
        how = "the model applied as it is" if self.mode == "apply" else "fitted anew"
        return _display.Grid(
            title=f"A later wave, {how}", header=header, rows=rows, words=[self.verdict]
        )


def compare_waves(
    model: LatentClass,
    wave: Any,
    *,
    mode: Mode = "apply",
    items: Sequence[str] | None = None,
    weights: str | ArrayLike | Literal[False] | None = None,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> WaveComparison:
    """Compare a later wave with the survey that a model was fitted to.

    "apply" keeps the segments and asks whether they still hold. Their shares are estimated anew in
    the wave, with what they answer held fixed; then every item is asked whether its own part of the
    model still fits, by a score test whose variance includes that of the old estimates (Rao 1948;
    Oberski, van Kollenburg & Vermunt 2013). This is the comparison for tracking: it needs no second
    segmentation, and a small wave will do.

    "refit" makes segments anew, with the same settings, finds out which is which, and sets sizes
    and answers side by side. This is the comparison to make before old segments are replaced.

    Parameters
    ----------
    model : LatentClass
        The model fitted to the earlier survey.
    wave : Survey or table
        The later one: other respondents, the same items (or some of them).
    mode : {"apply", "refit"}
        Whether to keep the segments, or to make them anew.
    items : sequence of str, optional
        Some of the model's items, where the wave asked no more.
    weights : str, array of shape (n,), False, optional
        The weights of the wave: a column or one number a row. By default those that
        a `tercet.Survey` names, or the column of the fit; False for none.
    n_jobs : int, optional
        Threads; by default those of the model.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    WaveComparison
        `shares`, `questions`, `answers`, `verdict`; after a refit `model` and `alignment` too.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    DataError
        For a column that is missing, answers that cannot be, or a weight that is not positive.
    ParameterError
        For an argument that cannot be used, or a model whose parameters were given.

    References
    ----------
    Oberski, D. L., van Kollenburg, G. H. and Vermunt, J. K. (2013). "A Monte Carlo evaluation of
    three methods to detect local dependence in binary data latent class models." Advances in Data
    Analysis and Classification 7(3), 267-279.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(4_000, n_respondents=500, seed=1).survey
    >>> later = tc.datasets.simulate_needs(4_000, n_respondents=400, seed=2).survey
    >>> model = tc.LatentClass(4, starts=6, response_style="random_intercept").fit(survey)
    >>> wave = tc.compare_waves(model, later)
    >>> list(wave.shares.columns)
    ['segment', 'before', 'before_error', 'after', 'after_error', 'change', 'change_error',
     'p_value']
    >>> wave.changed_items
    []
    >>> again = tc.compare_waves(model, later, mode="refit")
    >>> again.alignment.matches == {1: 1, 2: 2, 3: 3, 4: 4}, again.adjusted_rand > 0.7
    (True, True)
    """
    fitted = _respondents.checked_model(model)
    jobs = _arguments.threads(fitted.n_jobs if n_jobs is None else n_jobs)
    found = weights_like(fitted, wave, weights)
    weights = False if found is None else found
    if _arguments.word(mode, "mode", get_args(Mode)) == "apply":
        return _applied(fitted, wave, items, weights, jobs, progress)
    return _refitted(fitted, wave, items, weights, jobs, progress)


# --- applied as it is -----------------------------------------------------------------------------


def _applied(
    model: LatentClass, wave: Any, items: Any, weights: Any, jobs: int | None, progress: Progress
) -> WaveComparison:
    engine, given = _respondents.opened(model, wave, weights, items=items, covariates=False)
    with reporting(progress) as report:
        drift = _tercet.wave_drift(
            engine, given.questions, given.weights, n_jobs=jobs, progress=report
        )
    found = WaveComparison("apply", model, given.table.kind)
    shares = drift["shares"]
    found._shares = {
        "segment": model.classes_,
        **{name: shares[name] for name in ("before", "before_error", "after", "after_error")},
        "change": shares["after"] - shares["before"],
        "change_error": shares["change_error"],
        "p_value": shares["p_value"],
    }
    if drift["shares_test"] is not None:
        found.shares_test = _as_test(drift["shares_test"])
    found._answers = _answers_applied(engine, given, shares, jobs)
    tests = drift["questions"]
    names = tests["name"]
    found._questions = {
        "item": names,
        "chi_squared": tests["statistic"],
        "degrees_of_freedom": tests["degrees"],
        "p_value": tests["p_value"],
        "p_adjusted": tests["p_adjusted"],
        "largest_change": _largest_changes(names, found._answers, _deviations(engine)),
    }
    changed = tests["p_adjusted"] < _SIGNIFICANT
    found.changed_items = [
        name for name, is_changed in zip(names, changed, strict=True) if is_changed
    ]
    found.verdict = " ".join(_verdict_applied(found, engine))
    return found


def _as_test(test: Mapping[str, Any]) -> dict[str, float]:
    return {
        "chi_squared": test["statistic"],
        "degrees_of_freedom": test["degrees"],
        "p_value": test["p_value"],
    }


def _answers_applied(
    engine: _tercet.FittedLatentClass, given: _Given, shares: Mapping[str, Floats], jobs: int | None
) -> dict[str, Any]:
    """Return what members answer in the wave beside what the model says that they answer."""
    members = engine.posterior(given.questions, [], n_jobs=jobs)
    # The wave's own shares are the prior of its members.
    members = members * (shares["after"] / shares["before"])
    members /= members.sum(axis=1, keepdims=True)
    profile = _tercet.profile_segments(
        given.questions, given.weights, np.ascontiguousarray(members).ravel(), members.shape[1]
    )
    names = [record["name"] for record, _ in given.questions]
    items = [names[place] for place in profile["question"]]
    figures = list(zip(items, profile["level"], profile["segment"].tolist(), strict=True))
    said = _estimates(engine)
    ratings = {name for name, _ in _ratings(engine)}
    # A rating is compared by its mean: the model's shares of its levels are smoothed.
    rows = [
        row
        for row, figure in enumerate(figures)
        if figure in said and not (figure[0] in ratings and figure[1] is not None)
    ]
    kept = [figures[row] for row in rows]
    before = np.array([said[figure][0] for figure in kept])
    after = profile["value"][rows]
    return {**_columns(kept), "before": before, "after": after, "change": after - before}


def _verdict_applied(found: WaveComparison, engine: _tercet.FittedLatentClass) -> Iterable[str]:
    yield _said_of_shares(found)
    n_items, n_changed = len(found._questions["item"]), len(found.changed_items)
    untested = int(np.isnan(found._questions["p_value"]).sum())
    if not n_changed:
        yield "No item is answered differently within the segments, as far as can be told."
    else:
        be = "is" if n_changed == 1 else "are"
        worst = "; ".join(_said_of_item(found, name, engine) for name in _worst(found))
        more = "" if n_changed <= _LISTED else f" and {n_changed - _LISTED} more"
        yield (
            f"{n_changed} of {n_items} items {be} answered differently within the segments: "
            f"{worst}{more}."
        )
    if untested:
        yield f"{untested} of {n_items} items could not be tested."
    if _gone(found):
        yield 'These are hardly the same segments: fit the wave anew (mode="refit").'
    elif not n_changed and untested:
        yield "What could be tested speaks for scoring the wave with the model as it is."
    elif not n_changed:
        yield "Score the wave with the model as it is."
    elif n_changed < _MANY * n_items:
        yield (
            "The segments are still there; look at these items before you compare their answers "
            "between the waves."
        )
    else:
        yield 'These are hardly the same segments: fit the wave anew (mode="refit").'


def _said_of_shares(found: WaveComparison) -> str:
    shares = found._shares
    gone = _gone(found)
    if gone:
        be = "is" if len(gone) == 1 else "are"
        lost = _display.numbered("Segment", gone)
        return f"{lost} {be} gone from the wave; the other shares cannot be tested."
    if found.shares_test is None:
        known = np.isfinite(shares["p_value"]).any()
        if len(shares["segment"]) == 1 or not known:
            return "Whether the shares of the segments have changed cannot be tested."
        clear = _holm(shares["p_value"]) < _SIGNIFICANT
        tested = ""
    else:
        p = found.shares_test["p_value"]
        clear = (shares["p_value"] < _SIGNIFICANT) & (p < _SIGNIFICANT)
        tested = f" (p {_as_p(p)})"
        if p < _SIGNIFICANT and not clear.any():
            return f"The shares of the segments have changed{tested}."
    if not clear.any():
        return f"The shares of the segments have not changed beyond chance{tested}."
    moves = [
        f"segment {shares['segment'][row]} from {_display.per_cent(shares['before'][row])} to "
        f"{_display.per_cent(shares['after'][row])}"
        for row in np.flatnonzero(clear)
    ]
    return f"The shares of the segments have changed{tested}: {', '.join(moves)}."


def _gone(found: WaveComparison) -> list[int]:
    """Return the segments that nobody in the wave belongs to."""
    shares = found._shares
    gone = (shares["after"] < _GONE) & (shares["before"] >= _GONE)
    numbers: list[int] = shares["segment"][gone].tolist()
    return numbers


def _worst(found: WaveComparison) -> list[str]:
    """Return the changed items of which some are named, the clearest first."""
    adjusted = dict(zip(found._questions["item"], found._questions["p_adjusted"], strict=True))
    return sorted(found.changed_items, key=adjusted.__getitem__)[:_LISTED]


def _said_of_item(found: WaveComparison, name: str, engine: _tercet.FittedLatentClass) -> str:
    row = found._questions["item"].index(name)
    change = found._questions["largest_change"][row]
    nominal = any(one["name"] == name and one["kind"] == "nominal" for one in engine.questions)
    if math.isnan(change):
        by = ""
    elif nominal:
        by = f", by up to {100 * change:.0f} points"
    else:
        by = f", by up to {change:.2f} standard deviations"
    return f"{name} (p {_as_p(found._questions['p_adjusted'][row])}{by})"


# --- fitted anew ----------------------------------------------------------------------------------


def _refitted(
    model: LatentClass, wave: Any, items: Any, weights: Any, jobs: int | None, progress: Progress
) -> WaveComparison:
    asked = [question.name for question in model._asked(items)]
    kinds = {name: kind for name, kind in model.kinds_.items() if name in asked}
    engine = model._require()
    known = _covariates.noted(note_of(engine), engine.covariates)
    settings = {**model.get_params(), "n_segments": len(model.shares_), "kinds": kinds}
    other = LatentClass(**{**settings, "n_jobs": jobs})
    names = [one.name for one in known]
    other.fit(wave, asked, weights, names, progress=progress)
    other.n_jobs = model.n_jobs
    found = WaveComparison("refit", other, other._kind)
    found.alignment = align_segments(model, other)
    place = _places(found.alignment)
    old, new = _estimates_of_shares(model), _estimates_of_shares(other)
    after = np.array([new[at] for at in place])
    change, error, p_value = _changes(old, after)
    jaccard, found.adjusted_rand, same = _members_in_common(model, other, wave, weights, place)
    found._shares = {
        "segment": model.classes_,
        "before": old[:, 0],
        "before_error": old[:, 1],
        "after": after[:, 0],
        "after_error": after[:, 1],
        "change": change,
        "change_error": error,
        "p_value": p_value,
        "segment_after": np.array(place) + 1,
        "similarity": found.alignment.similarity[place],
        "jaccard": jaccard,
    }
    found._answers = _answers_refitted(model, other, place)
    found._questions = {
        "item": asked,
        "largest_change": _largest_changes(asked, found._answers, _deviations(engine)),
    }
    adjusted = found._answers["p_adjusted"]
    clear = {
        item for item, p in zip(found._answers["item"], adjusted, strict=True) if p < _SIGNIFICANT
    }
    found.changed_items = [name for name in asked if name in clear]
    found.verdict = " ".join(_verdict_refitted(found, same))
    return found


def _places(alignment: SegmentAlignment) -> list[int]:
    """Return for each segment of the first solution its counterpart in the second, from 0."""
    counterpart = {match: number - 1 for number, match in alignment.matches.items()}
    # Both have as many segments, so that each has a match.
    return [counterpart[number] for number in range(1, alignment.n_first + 1)]


def _estimates_of_shares(model: LatentClass) -> Floats:
    """Return shares and their standard errors, a row a segment."""
    errors = model.standard_errors_
    return np.array(
        [
            (share, errors[f"share[{number}]"])
            for number, share in zip(model.classes_, model.shares_, strict=True)
        ]
    )


def _members_in_common(
    model: LatentClass, other: LatentClass, wave: Any, weights: Any, place: Sequence[int]
) -> tuple[Floats, float | None, float]:
    """Compare where both models put the wave's respondents: by segment, in all, and the share."""
    # Answers that only the wave has say nothing to the old model.
    lenient = LatentClass._around(
        model._require(), {**model.get_params(), "unknown_levels": "missing"}
    )
    engine, given = _respondents.opened(lenient, wave, weights, items=other.items_)
    first = engine.posterior(given.questions, given.covariates).argmax(axis=1) + 1
    numbers = np.empty(len(place), dtype=np.int64)
    numbers[list(place)] = model.classes_
    engine, given = _respondents.opened(other, wave, weights)
    second = numbers[engine.posterior(given.questions, given.covariates).argmax(axis=1)]
    counts = np.ones(len(first)) if given.weights is None else given.weights[1]
    jaccard = []
    for number in model.classes_:
        both = counts[(first == number) & (second == number)].sum()
        either = counts[(first == number) | (second == number)].sum()
        jaccard.append(both / either if either else _NAN)
    rand = align_segments(first, second, weights=counts).adjusted_rand
    return np.array(jaccard), rand, float(counts[first == second].sum() / counts.sum())


def _answers_refitted(
    model: LatentClass, other: LatentClass, place: Sequence[int]
) -> dict[str, Any]:
    """Return what segments and their counterparts answer, side by side."""
    old, new = _estimates(model._require()), _estimates(other._require())
    number_of = {at + 1: number for number, at in enumerate(place, start=1)}
    renumbered = {
        (item, level, number_of[segment]): estimate
        for (item, level, segment), estimate in new.items()
    }
    asked = set(other.items_)
    # A level that nobody chose in one of the waves has no share there.
    figures = [figure for figure in {**old, **renumbered} if figure[0] in asked]
    unknown = (_NAN, _NAN)
    before = np.array([old.get(figure, unknown) for figure in figures])
    after = np.array([renumbered.get(figure, unknown) for figure in figures])
    change, error, p_value = _changes(before, after)
    return {
        **_columns(figures),
        "before": before[:, 0],
        "after": after[:, 0],
        "change": change,
        "standard_error": error,
        "p_value": p_value,
        "p_adjusted": _benjamini_hochberg(p_value),
    }


def _verdict_refitted(found: WaveComparison, same: float) -> Iterable[str]:
    jaccard = found._shares["jaccard"]
    lost = [str(number) for number in np.flatnonzero(~(jaccard >= _LOST)) + 1]
    vague = [str(number) for number in np.flatnonzero((jaccard >= _LOST) & (jaccard < _FOUND)) + 1]
    if not lost and not vague:
        yield "Every segment comes back in the new segmentation."
    if vague:
        come = "comes" if len(vague) == 1 else "come"
        yield f"{_display.numbered('Segment', vague)} {come} back in outline, with other borders."
    if lost:
        be = "is" if len(lost) == 1 else "are"
        yield f"{_display.numbered('Segment', lost)} {be} not found again."
    yield (
        f"Both models put {_display.per_cent(same)} of the wave's respondents into the same "
        f"segment (adjusted Rand index {_display.decimals(found.adjusted_rand, 2)})."
    )
    yield _said_of_shares(found)
    if found.changed_items:
        n = len(found.changed_items)
        shown = ", ".join(found.changed_items[:_LISTED]) + (", ..." if n > _LISTED else "")
        yield f"Segments and their counterparts differ clearly in {shown}."
    else:
        yield "No answer of a segment differs clearly from that of its counterpart."
    if lost:
        yield "Reports that follow these segments would break; keep the old model for them."
    else:
        yield "The old numbers can go on: alignment.relabel() puts new predictions under them."


# --- estimates ------------------------------------------------------------------------------------


def _estimates(engine: _tercet.FittedLatentClass) -> dict[_Figure, _Estimate]:
    """Return what a model says that each segment answers: shares of levels, and means."""
    numbers = zip(engine.estimates.tolist(), engine.standard_errors.tolist(), strict=True)
    found: dict[_Figure, _Estimate] = {
        (item, level, segment): pair
        for (parameter, item, level, segment), pair in zip(_labels(engine), numbers, strict=True)
        if parameter in ("probability", "mean") and item is not None and segment is not None
    }
    means = {(item, None, segment): mean for (item, segment), (mean, _) in _ratings(engine).items()}
    return {**found, **{figure: (mean, _NAN) for figure, mean in means.items()}}


def _ratings(engine: _tercet.FittedLatentClass) -> dict[tuple[str, int], tuple[float, float]]:
    """Return mean and standard deviation of each ordinal item in each segment.

    Where respondents have a style of their own, it is averaged over them: a share that the model
    tells is that of somebody of average style.
    """
    estimates = dict(zip(engine.parameter_names, engine.estimates.tolist(), strict=True))
    nodes, weights = np.zeros(1), np.ones(1)
    if engine.settings["response_style"] != "ignore":
        # Exact for polynomials of degree 61; weights are scaled to add up to 1.
        nodes, weights = np.polynomial.hermite_e.hermegauss(31)
        nodes, weights = nodes * estimates["response style"], weights / weights.sum()
    found = {}
    for question in map(Question.of, engine.questions):
        if question.kind != "ordinal":
            continue
        scores = np.array(question.scores)
        for segment in range(1, len(engine.shares) + 1):
            slopes = estimates[f"{question.name} slope[{segment}]"] + nodes
            logits = engine.intercepts[question.name] + slopes[:, np.newaxis] * scores
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            shares = weights @ (odds / odds.sum(axis=1, keepdims=True))
            mean = float(shares @ scores)
            spread = math.sqrt(max(float(shares @ (scores - mean) ** 2), 0.0))
            found[question.name, segment] = (mean, spread)
    return found


def _deviations(engine: _tercet.FittedLatentClass) -> dict[tuple[str, int], float]:
    """Return how far numbers and ratings vary within each segment of a model."""
    pairs = zip(_labels(engine), engine.estimates.tolist(), strict=True)
    found: dict[tuple[str, str | None, int | None], float] = {}
    for (parameter, item, _, segment), estimate in pairs:
        if item is not None and parameter in ("mean", "standard_deviation", "size"):
            found[parameter, item, segment] = estimate
    deviations = {place: spread for place, (_, spread) in _ratings(engine).items()}
    for question in map(Question.of, engine.questions):
        if question.levels is not None:
            continue
        for segment in range(1, len(engine.shares) + 1):
            mean = found["mean", question.name, segment]
            size = found.get(("size", question.name, None), math.inf)
            spread = math.sqrt(max(mean + mean * mean / size, 0.0))
            deviations[question.name, segment] = found.get(
                ("standard_deviation", question.name, segment), spread
            )
    return deviations


def _largest_changes(
    names: Sequence[str], answers: Mapping[str, Any], deviations: Mapping[tuple[str, int], float]
) -> Floats:
    """Return the largest change of each item in any segment; of numbers and ratings by the mean."""
    numbers = {item for item, _ in deviations}
    largest: dict[str, float] = {}
    rows = zip(
        answers["item"], answers["level"], answers["segment"], answers["change"], strict=True
    )
    for item, level, segment, change in rows:
        if level is not None and item in numbers:
            continue  # told by its mean
        unit = 1.0 if level is not None else deviations[item, segment]
        if unit > 0 and not math.isnan(change):
            largest[item] = max(largest.get(item, 0.0), abs(change) / unit)
    return np.array([largest.get(name, _NAN) for name in names])


def _changes(before: Floats, after: Floats) -> tuple[Floats, Floats, Floats]:
    """Return changes of independent estimates, their standard errors and two-sided p-values."""
    change: Floats = after[:, 0] - before[:, 0]
    error: Floats = np.hypot(before[:, 1], after[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(change) / error
    p_value: Floats = np.array([math.erfc(value / math.sqrt(2)) for value in z])
    return change, error, p_value


def _holm(p_values: Floats) -> Floats:
    """Return p-values adjusted for their number, after Holm (1979); nan stays nan."""
    adjusted: Floats = np.full(len(p_values), _NAN)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def _benjamini_hochberg(p_values: Floats) -> Floats:
    """Return p-values adjusted after Benjamini & Hochberg (1995); nan stays nan."""
    adjusted: Floats = np.full(len(p_values), _NAN)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(-p_values[known], kind="stable")]
    factors = len(order) / np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


# --- tables and words -----------------------------------------------------------------------------


def _columns(figures: Sequence[_Figure]) -> dict[str, Any]:
    return {
        "item": [item for item, _, _ in figures],
        "level": [level for _, level, _ in figures],
        "segment": [segment for _, _, segment in figures],
    }


def _table(columns: Mapping[str, Any], kind: Kind | None) -> Any:
    made = {}
    for name, values in columns.items():
        if name in _TEXTS:
            made[name] = pa.array(values, pa.string())
        elif name in _WHOLE:
            made[name] = np.asarray(values, dtype=np.int64)
        else:
            made[name] = np.ascontiguousarray(values, dtype=np.float64)
    return new_table(made, kind)


def _tenths(value: float) -> str:
    return _display.per_cent(value, 1)


def _points(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:+.1f}"


def _as_p(value: float) -> str:
    return _display.p_sentence(value).removeprefix("p ")
