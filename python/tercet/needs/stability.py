"""Whether segments come back when other respondents of the same kind are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.needs import _respondents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind

__all__ = ["SegmentStability", "segment_stability"]


class SegmentStability:
    """How often the segments of a model come back in bootstrap samples.

    Made by `segment_stability`, and for each number of segments by `select_segments`.

    Attributes
    ----------
    table : table
        One row a segment: `segment`, `share`, `jaccard` (the mean over replications), `verdict`.
    replications : table
        One row a replication: `replication`, `adjusted_rand`, and `jaccard_1`, `jaccard_2`, ... of
        each segment.
    adjusted_rand : float
        The mean adjusted Rand index: 1 if every replication puts the respondents into the same
        segments, 0 if they agree no more than by chance.
    n_failed : int
        Samples that could not be fitted, and count nowhere.
    """

    def __init__(
        self, shares: Floats, found: Mapping[str, Any], asked: int, kind: Kind | None
    ) -> None:
        self.adjusted_rand = float(found["mean_adjusted_rand"])
        self.n_failed = asked - len(found["adjusted_rand"])
        self._shares = shares
        self._found = dict(found)
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a segment: its share, its mean Jaccard index, and what that says of it."""
        columns = {
            "segment": np.arange(1, len(self._shares) + 1),
            "share": self._shares,
            "jaccard": self.jaccard,
            "verdict": pa.array(self._found["verdicts"], pa.string()),
        }
        return new_table(columns, self._kind)

    @property
    def replications(self) -> Any:
        """One row a replication: its adjusted Rand index, and the Jaccard index of each segment."""
        jaccard = self._found["jaccard"]
        columns = {
            "replication": np.arange(1, jaccard.shape[1] + 1),
            "adjusted_rand": self._found["adjusted_rand"],
        }
        for segment, row in enumerate(jaccard, start=1):
            columns[f"jaccard_{segment}"] = np.ascontiguousarray(row)
        return new_table(columns, self._kind)

    @property
    def jaccard(self) -> Floats:
        """The mean Jaccard index of each segment."""
        found: Floats = self._found["mean_jaccard"]
        return found

    def text(self) -> str:
        """Return what the indices say, in sentences.

        Examples
        --------
        >>> import tercet as tc
        >>> answers = {"price": ["yes", "no"] * 50, "service": ["no", "yes"] * 50, "x": [0, 1] * 50}
        >>> model = tc.LatentClass(2).fit(answers, items=list(answers))
        >>> tc.segment_stability(model, answers, replications=4).text()
        'Both segments come back in other samples of the respondents (mean Jaccard index ...'
        """
        numbers = np.arange(1, len(self._shares) + 1)
        by_verdict = {
            verdict: [
                str(number)
                for number, own in zip(numbers, self._found["verdicts"], strict=True)
                if own == verdict
            ]
            for verdict in _SAID
        }
        if len(by_verdict["stable"]) == len(numbers):
            every = {1: "The only segment comes", 2: "Both segments come"}
            who = every.get(len(numbers), f"All {len(numbers)} segments come")
            sentences = [f"{who} back in other samples of the respondents ({_BOUNDS['stable']})."]
        else:
            sentences = [
                f"{_display.numbered('Segment', some)} {_SAID[verdict][len(some) > 1]} "
                f"({_BOUNDS[verdict]})."
                for verdict, some in by_verdict.items()
                if some
            ]
        if self.n_failed:
            sentences.append(f"{self.n_failed} samples could not be fitted.")
        return " ".join(sentences)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        rows = zip(self._shares, self.jaccard, self._found["verdicts"], strict=True)
        n = len(self._found["adjusted_rand"])
        return _display.Grid(
            title=f"Stability of {len(self._shares)} segments in {n} bootstrap samples",
            header=("segment", "share", "Jaccard", "verdict"),
            rows=[
                (str(number), _display.per_cent(share), f"{jaccard:.2f}", verdict)
                for number, (share, jaccard, verdict) in enumerate(rows, start=1)
            ],
            words=[f"Adjusted Rand index {self.adjusted_rand:.2f}.", self.text()],
        )


_SAID: dict[str, tuple[str, str]] = {
    "stable": (
        "comes back in other samples of the respondents",
        "come back in other samples of the respondents",
    ),
    "a pattern": (
        "comes back in outline, and its borders move",
        "come back in outline, and their borders move",
    ),
    "doubtful": (
        "is often not found again: do not build on it",
        "are often not found again: do not build on them",
    ),
}
_BOUNDS = {
    "stable": "mean Jaccard index 0.75 or more",
    "a pattern": "0.6 to 0.75",
    "doubtful": "below 0.6",
}


def segment_stability(
    model: Any,
    survey: Any,
    replications: int = 50,
    *,
    weights: str | ArrayLike | Literal[False] | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> SegmentStability:
    r"""Look for the segments of a model again in bootstrap samples of its respondents.

    Respondents are drawn with replacement, the same model is fitted to them from random starts of
    its own, and both models assign all respondents of the survey to segments. Segments are matched
    so that they have the most members in common; the Jaccard index of a segment $A$ and its match
    $B$ is $|A \cap B| / |A \cup B|$. A segment whose mean is 0.75 or more is called stable, from
    0.6 a pattern, below that doubtful (Hennig 2007).

    Segments that are not stable may still be useful, but they are made by the method as much as by
    the customers (Dolnicar & Leisch 2010).

    Parameters
    ----------
    model : LatentClass
        A fitted model.
    survey : Survey or table
        The respondents that it was fitted to, with the columns of the fit.
    replications : int
        How many samples are drawn, at least 2.
    weights : str, array of shape (n,), False, optional
        The weights of the fit: a column or one number a row. By default those that
        a `tercet.Survey` names, or the column of the fit; False for none.
    random_state : int
        The seed of the samples. The same seed gives the same figures, on any number of threads.
    n_jobs : int, optional
        Threads; by default those of the model.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    SegmentStability
        `table`, `replications`, `adjusted_rand`.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    DataError
        For a column that is missing, answers that cannot be, or a weight that is not positive.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Hennig, C. (2007). "Cluster-wise assessment of cluster stability." Computational Statistics &
    Data Analysis 52(1), 258-271.

    Dolnicar, S. and Leisch, F. (2010). "Evaluation of structure and reproducibility of cluster
    solutions using the bootstrap." Marketing Letters 21(1), 83-101.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.datasets.simulate_needs(3_000, n_respondents=300, seed=1).survey
    >>> model = tc.LatentClass(2, starts=4).fit(survey)
    >>> stability = tc.segment_stability(model, survey, replications=4)
    >>> list(stability.table.columns)
    ['segment', 'share', 'jaccard', 'verdict']
    >>> stability.adjusted_rand > 0.5
    True
    """
    fitted = _respondents.checked_model(model)
    engine, given = _respondents.opened(fitted, survey, weights)
    kind = given.table.kind
    given = _respondents.as_rows(given, fitted)
    asked = _arguments.whole(replications, "replications", "a whole number, at least 2")
    with reporting(progress) as report:
        found = _tercet.segment_stability(
            engine,
            given.questions,
            given.weights,
            given.covariates,
            replications=asked,
            seed=_arguments.seed(random_state, "random_state"),
            n_jobs=_arguments.threads(fitted.n_jobs if n_jobs is None else n_jobs),
            progress=report,
        )
    return SegmentStability(fitted.shares_, found, asked, kind)
