"""Whether there are data enough to ask: "no" rather than a bad score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _display, _tercet
from tercet._columns import column_error
from tercet._frames import new_table
from tercet.exceptions import ParameterError
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._frames import Kind

__all__ = ["DataCheck", "enough_data"]

_ANSWERS = {
    "yes": "Yes: there are data enough.",
    "barely": "Barely: it can be done; say how unsure it is.",
    "no": "No: do not build on it yet.",
}


class DataCheck(_display.Shown):
    """Whether there are data enough, requirement by requirement; made by `enough_data`.

    Attributes
    ----------
    verdict : {"yes", "barely", "no"}
        The least of the answers.
    table : table
        One row a requirement: `check`, `value`, `barely` and `needed` (from where on the answer is
        "barely" and "yes"; of `stability` up to where), `enough`, `words`.
    """

    def __init__(self, found: Mapping[str, Any], kind: Kind | None) -> None:
        self.verdict = str(found["verdict"])
        self._found = found
        self._kind = kind

    def __bool__(self) -> bool:
        """Whether the verdict is not "no"."""
        return self.verdict != "no"

    @property
    def table(self) -> Any:
        """One row a requirement."""
        columns: dict[str, Any] = {"check": pa.array(self._found["check"], pa.string())}
        columns |= {name: self._found[name] for name in ("value", "barely", "needed")}
        columns |= {name: pa.array(self._found[name], pa.string()) for name in ("enough", "words")}
        return new_table(columns, self._kind)

    def text(self) -> str:
        """Return the verdict and its reasons, in sentences."""
        wanting = [
            words
            for words, enough in zip(self._found["words"], self._found["enough"], strict=True)
            if enough != "yes"
        ]
        return " ".join([_ANSWERS[self.verdict], *(f"{words}." for words in wanting)])

    def _shown(self) -> _display.Grid:
        found = self._found
        rows = zip(found["check"], found["value"], found["needed"], found["enough"], strict=True)
        return _display.Grid(
            title="Are there data enough?",
            header=("requirement", "found", "needed", "enough"),
            rows=[
                (name, _display.decimals(value, 1), _display.decimals(needed, 1), enough)
                for name, value, needed, enough in rows
            ],
            words=[self.text()],
        )


def enough_data(
    y: ArrayLike | None = None,
    *,
    n_events: float | None = None,
    n_non_events: float | None = None,
    n_parameters: int | None = None,
    dates: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
) -> DataCheck:
    """Tell whether there are data enough to fit, or to judge, a model of an event.

    What counts is not rows but the rarer of the two outcomes, after weights and repeated customers:

    | requirement | barely | yes |
    |---|---|---|
    | `events`, `non_events`: customers with and without | 50 | 100 |
    | `events_per_parameter`: the rarer of the two, over the coefficients of the model | 5 | 20 |
    | `events_per_date`: of the date with the fewest | 10 | 30 |
    | `stability`: highest over lowest event rate of the dates, chance taken off | 3 | 1.5 |

    Parameters
    ----------
    y : array of shape (n,), optional
        Whether the event happened, as in `tercet.score_probabilities`; or give the two numbers:
    n_events, n_non_events : float, optional
        Customers with the event and without.
    n_parameters : int, optional
        Coefficients of the model that is to be fitted.
    dates : array of shape (n,), optional
        The as-of date of each row.
    sample_weight : array of shape (n,), optional
        How much each row counts: events are counted as `(Σ w)² / Σ w²`.
    groups : array of shape (n,), optional
        The customer of each row: several events of one customer count as one.
    pos_label : label, optional
        Which of two labels is the event.

    Returns
    -------
    DataCheck
        `verdict`, `table`, `text()`; false where the verdict is "no".

    Raises
    ------
    DataError
        For outcomes or weights that cannot be; it names column and row.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Peduzzi, P. et al. (1996). "A simulation study of the number of events per variable in logistic
    regression analysis." Journal of Clinical Epidemiology 49(12), 1373-1379.

    van Smeden, M. et al. (2019). "Sample size for binary logistic prediction models: beyond events
    per variable criteria." Statistical Methods in Medical Research 28(8), 2455-2474.

    Vergouwe, Y. et al. (2005). "Substantial effective sample sizes were required for external
    validation studies of predictive logistic regression models." Journal of Clinical Epidemiology
    58(5), 475-483.

    Examples
    --------
    >>> import tercet as tc
    >>> print(tc.enough_data(n_events=60, n_non_events=5_000, n_parameters=20).text())
    No: do not build on it yet. 60 customers with the event: intervals will be wide. 3 events ...
    >>> bool(tc.enough_data([0, 0, 0, 1] * 200, n_parameters=8))
    True
    """
    parameters = None
    if n_parameters is not None:
        parameters = _arguments.whole(n_parameters, "n_parameters", "a whole number, at least 1")
    if y is None:
        return DataCheck(_by_counts(n_events, n_non_events, parameters), None)
    if n_events is not None or n_non_events is not None:
        raise ParameterError("n_events: give y, or the two numbers, not both", "n_events")
    happened = _inputs.read_happened(y, pos_label)
    kind = _inputs.kind_of(y)
    given = _inputs.read_outcomes(happened, np.full(len(happened), 0.5), sample_weight, groups)
    counting = happened if given.weights is None else happened[given.weights > 0]
    if len(counting) and counting.all() == counting.any():
        # One class only: the answer is no, which is no error.
        counts = (float(counting.sum()), float((~counting).sum()))
        return DataCheck(_by_counts(*counts, parameters), kind)
    _, _, weights, ids = given.arrays
    found = _tercet.enough_data(
        None,
        happened,
        weights,
        ids,
        None if dates is None else _coded(dates, len(happened)),
        columns=_inputs.NAMES,
        n_parameters=parameters,
    )
    return DataCheck(found, kind)


def _by_counts(events: Any, others: Any, n_parameters: int | None) -> Any:
    counts = (_arguments.number(events, "n_events"), _arguments.number(others, "n_non_events"))
    return _tercet.enough_data(counts, columns=_inputs.NAMES, n_parameters=n_parameters)


def _coded(dates: Any, n: int) -> tuple[list[int], list[str]]:
    """Return the place of each row's date among the dates, and their names."""
    column = _inputs.read_column(dates, "dates")
    if len(column) != n:
        raise column_error("dates", f"has {len(column)} values for {n} rows; give one a row")
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise column_error("dates", "is missing (null or NaN); fill the gap or drop the row", row)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    labels = encoded.dictionary
    if pa.types.is_timestamp(labels.type):
        labels = labels.cast(pa.date32())
    return encoded.indices.to_pylist(), [str(label) for label in labels.to_pylist()]
