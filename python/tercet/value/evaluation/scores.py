"""How good probabilities are, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _display, _tercet
from tercet._columns import column_error
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._frames import Kind

__all__ = ["ProbabilityScores", "score_probabilities"]

_FIGURES = ("value", "lower", "upper", "compare_with")
_ENOUGH = {
    "yes": "There are events enough to judge by.",
    "barely": "There are few events (50 to 100): the intervals are wide.",
    "no": "There are too few events, or too few rows without (fewer than 50), to judge by.",
}


class ProbabilityScores(_display.Shown):
    """Measures of probabilities, with intervals; made by `score_probabilities`.

    Attributes
    ----------
    table : table
        One row a measure: `measure`, `value`, `lower`, `upper`, `compare_with`.
    by_table : table or None
        The same for each group of `by`, below each other, with `by`, `n`, `events` and `enough`.
    n, n_events : int
        Rows that count, and those with the event.
    n_customers : int or None
        Customers, if `groups` were given.
    event_rate : float
        The weighted share of events.
    enough : {"yes", "barely", "no"}
        Whether there are events enough to judge by.
    n_failed : int
        Replications that held one class only, and count nowhere.
    """

    def __init__(
        self,
        found: Mapping[str, Any],
        level: float,
        blocks: Sequence[Mapping[str, Any]] | None,
        labels: Any,
        kind: Kind | None,
    ) -> None:
        self.n = int(found["n"])
        self.n_events = int(found["n_events"])
        self.n_customers: int | None = found["n_customers"]
        self.event_rate = float(found["event_rate"])
        self.enough = str(found["enough"])
        self.n_failed = int(found["n_failed"])
        self._found = found
        self._level = level
        self._blocks = blocks
        self._labels = labels
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a measure."""
        columns = {"measure": pa.array(self._found["measure"], pa.string())}
        return new_table({**columns, **{name: self._found[name] for name in _FIGURES}}, self._kind)

    @property
    def by_table(self) -> Any:
        """One row a group and measure; None without `by`."""
        if self._blocks is None:
            return None
        width = len(self._found["measure"])
        columns: dict[str, Any] = {
            "by": self._labels.take(pa.array(np.repeat(np.arange(len(self._blocks)), width))),
            "measure": pa.array(self._found["measure"] * len(self._blocks), pa.string()),
        }
        for name in _FIGURES:
            columns[name] = np.concatenate([block[name] for block in self._blocks])
        for name, entry in (("n", "n"), ("events", "n_events")):
            columns[name] = np.repeat([int(block[entry]) for block in self._blocks], width)
        enough = [block["enough"] for block in self._blocks for _ in range(width)]
        columns["enough"] = pa.array(enough, pa.string())
        return new_table(columns, self._kind)

    def __getitem__(self, measure: str) -> float:
        """Return the value of a measure."""
        names = self._found["measure"]
        if measure not in names:
            raise _arguments.refusal(measure, "measure", f"one of {', '.join(names)}")
        return float(self._found["value"][names.index(measure)])

    def text(self) -> str:
        """Return what the measures say, in sentences.

        Examples
        --------
        >>> import tercet as tc
        >>> print(tc.score_probabilities([0, 1] * 200, [0.3, 0.6] * 200, replications=0).text())
        200 events in 400 rows (50.0%). There are events enough to judge by. ...
        """
        found = dict(zip(self._found["measure"], self._found["value"], strict=True))
        lower = dict(zip(self._found["measure"], self._found["lower"], strict=True))
        chance = self._found["compare_with"][self._found["measure"].index("ece")]
        whose = "" if self.n_customers is None else f" of {self.n_customers:,} customers"
        rate = _display.per_cent(self.event_rate, 1)
        words = [
            f"{self.n_events:,} events in {self.n:,} rows{whose} ({rate}).",
            _ENOUGH[self.enough],
        ]
        if lower["auc"] <= 0.5:
            words.append("The ranking is not surely better than chance: do not use it.")
        saved = 1 - found["log_loss"] / self._found["compare_with"][3]
        than = "more" if saved >= 0 else "less"
        words.append(
            f"The probabilities explain {_display.per_cent(abs(saved), 1)} {than} than the event "
            "rate alone (log loss)."
        )
        if found["ece"] > 2 * chance:
            words.append(
                f"They are off by {_display.per_cent(found['ece'], 1)} on average, where chance "
                f"alone would leave {_display.per_cent(chance, 1)}: calibrate them."
            )
        if self.n_failed:
            words.append(f"{self.n_failed} replications held one class only and count nowhere.")
        return " ".join(words)

    def _shown(self) -> _display.Grid:
        figures = zip(*(self._found[name].tolist() for name in _FIGURES), strict=True)
        rows = [
            (name, *(_display.decimals(value, 4) for value in values))
            for name, values in zip(self._found["measure"], figures, strict=True)
        ]
        level = _display.per_cent(self._level)
        return _display.Grid(
            title=f"Probabilities judged by outcomes, {level} intervals",
            header=("measure", "value", "lower", "upper", "compare with"),
            rows=rows,
            words=[self.text()],
        )


def score_probabilities(
    y: ArrayLike,
    p: ArrayLike,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    by: ArrayLike | None = None,
    shares: float | Sequence[float] = (0.1,),
    bins: int = 10,
    pos_label: Any = None,
    replications: int = 200,
    level: float = 0.95,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> ProbabilityScores:
    r"""Judge predicted probabilities by what happened: ranking, sharpness, calibration.

    Use rows that the model has not seen: a later date, or predictions of held-out folds.

    | measure | definition | compare with |
    |---|---|---|
    | `event_rate` | weighted share of events | |
    | `auc` | share of pairs (event, no event) in the right order; equal `p` count half | 0.5 |
    | `average_precision` | $\sum_k (R_k - R_{k-1}) P_k$ over distinct `p` | event rate |
    | `log_loss` | mean of $-\ln p$ of events, $-\ln(1 - p)$ of others | of the event rate |
    | `brier` | mean of $(y - p)^2$: reliability - resolution + uncertainty | of the event rate |
    | `brier_reliability` | what the best monotone recalibration takes off; 0 is perfect | 0 |
    | `brier_resolution` | what that recalibration wins over the event rate; more is better | 0 |
    | `brier_uncertainty` | $\bar y (1 - \bar y)$ | |
    | `ece` | $\sum_b W_b / W \, \lvert \bar y_b - \bar p_b \rvert$, groups of one weight | chance |
    | `calibration_slope` | $b$ of $\mathrm{logit}\, q = a + b\, \mathrm{logit}\, p$ | 1 |
    | `calibration_intercept` | $a$ with $b = 1$; below 0: predictions are too high | 0 |
    | `lift@10%` | events among the best tenth, over those among a random tenth | 1 |

    Intervals draw customers with replacement (all rows of a customer together); see the page on
    probabilities for how they are made. With the same seed they are the same on any number of
    threads.

    Parameters
    ----------
    y : array of shape (n,)
        Whether the event happened: true/false, 0/1 or -1/1; any other two labels with `pos_label`.
    p : array of shape (n,)
        The predicted probability of the event.
    sample_weight : array of shape (n,), optional
        How much each row counts.
    groups : array of shape (n,), optional
        The customer of each row, where customers have several. By default every row is its own.
    by : array of shape (n,), optional
        Date, segment: the measures are told for each, too.
    shares : float or list of float
        The best shares of the rows of which the lift is told.
    bins : int
        Groups of the calibration error; equal probabilities stay in one group.
    pos_label : label, optional
        Which of two labels is the event.
    replications : int
        Bootstrap replications; 0 for no intervals.
    level : float
        Confidence level, between 0 and 1.
    random_state : int
        The seed of the replications.
    n_jobs : int, optional
        Threads; None or -1 for all cores.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    ProbabilityScores
        `table`, `by_table`, `text()`; a measure by name in brackets.

    Raises
    ------
    DataError
        For one class only, a probability outside [0, 1] or missing, a weight below 0, lengths that
        differ; it names column and row.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021). "Stable reliability diagrams for
    probabilistic classifiers." PNAS 118(8), e2016191118.

    Field, C. A. and Welsh, A. H. (2007). "Bootstrapping clustered data." Journal of the Royal
    Statistical Society B 69(3), 369-390.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 9, 5_000)
    >>> scores = tc.score_probabilities(rng.random(5_000) < p, p)
    >>> list(scores.table.columns)
    ['measure', 'value', 'lower', 'upper', 'compare_with']
    >>> scores["auc"] > 0.6 and scores["ece"] < 0.03
    True
    """
    given = _inputs.read_outcomes(y, p, sample_weight, groups, pos_label)
    settings = {
        "shares": _inputs.shares(shares),
        "bins": _arguments.whole(bins, "bins", "a whole number, at least 1"),
        **_inputs.resampling(replications, level, random_state),
    }
    grouped = None if by is None else _grouped(by, len(given.happened))
    blocks = None
    with reporting(progress) as report:
        options: dict[str, Any] = {
            "columns": _inputs.NAMES,
            "settings": settings,
            "n_jobs": _arguments.threads(n_jobs),
            "progress": report,
        }
        found = _tercet.score_probabilities(*given.arrays, **options)
        if grouped is not None:
            blocks = [_block(given.rows(places), found, options) for places in grouped[1]]
    labels = None if grouped is None else grouped[0]
    return ProbabilityScores(found, settings["level"], blocks, labels, given.kind)


def _grouped(by: Any, n: int) -> tuple[Any, list[Any]]:
    """Return the labels of groups in order, and the rows of each."""
    column = _inputs.read_column(by, "by")
    if len(column) != n:
        raise column_error("by", f"has {len(column)} values for {n} rows; give one a row")
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        row = int(np.asarray(column.is_null()).argmax())
        raise column_error("by", "is missing (null or NaN); fill the gap or drop the row", row)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = [place for place in pc.sort_indices(encoded.dictionary).to_pylist() if place in codes]
    labels = encoded.dictionary.take(pa.array(order, pa.int64()))
    return labels, [np.flatnonzero(codes == place) for place in order]


def _block(given: _inputs.Given, overall: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the measures of a group; of one class only, nothing but its size."""
    counting = given.happened if given.weights is None else given.happened[given.weights > 0]
    n, events = len(counting), int(counting.sum())
    if 0 < events < n:
        return _tercet.score_probabilities(*given.arrays, **options)
    block: dict[str, Any] = dict.fromkeys(_FIGURES, np.full(len(overall["measure"]), np.nan))
    return {**block, "n": n, "n_events": events, "enough": "no"}
