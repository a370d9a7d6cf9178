"""Survival without a model: Kaplan-Meier, and Aalen-Johansen for competing events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments, _columns, _tercet
from tercet._columns import column_error
from tercet._frames import check_same_rows, new_table
from tercet.value.evaluation import _inputs
from tercet.value.hazard._events import read_events, read_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet.value.hazard._events import Events

__all__ = ["aalen_johansen", "kaplan_meier"]


def kaplan_meier(
    duration: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    by: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    level: float = 0.95,
) -> Any:
    """Estimate survival from times alone, where some have not ended yet.

    Rows are at risk after their entry and up to their end, inclusive; events come before what is
    censored at the same time. Events of any kind count alike.

    Parameters
    ----------
    duration : array of shape (n,)
        Time until the event, or until the row was last seen.
    event : array of shape (n,)
        Whether it happened: true/false, numbers (0 for no event), or texts (missing or "censored"
        for none).
    entry : array of shape (n,), optional
        Time from which the row is under observation; without, 0.
    by : array of shape (n,), optional
        Groups; each gets a curve.
    sample_weight : array of shape (n,), optional
        How much each row counts. Intervals take weights as numbers of rows.
    level : float
        Confidence level of the intervals, between 0 and 1: symmetric on ln(-ln S), with Greenwood's
        variance.

    Returns
    -------
    table
        A row a time (and group, in a column `by`), rising: `time`, `at_risk` just before, `events`,
        `censored`, `survival`, `lower`, `upper` (nan once nobody is left).

    Raises
    ------
    DataError
        For a time that is negative or missing, a row that ends before it enters, an event that
        cannot be; it names column and row.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958). "Nonparametric estimation from incomplete observations."
    Journal of the American Statistical Association 53, 457-481.

    Examples
    --------
    >>> import tercet as tc
    >>> table = tc.kaplan_meier([3, 5, 5, 8], [True, True, False, True])
    >>> table["survival"].tolist()
    [0.75, 0.5, 0.0]
    """
    events = read_events(event, None)
    parts: dict[str, list[Any]] = {}
    for group, found in event_tables(duration, events, entry, by, sample_weight, level):
        ends = found["survival_interval"]
        columns = {
            "time": found["time"],
            "at_risk": found["at_risk"],
            "events": found["events"].sum(axis=1),
            "censored": found["censored"],
            "survival": found["survival"],
            "lower": np.ascontiguousarray(ends[:, 0]),
            "upper": np.ascontiguousarray(ends[:, 1]),
        }
        _append(parts, group, columns)
    return _joined(parts, duration)


def aalen_johansen(
    duration: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    by: ArrayLike | None = None,
    *,
    events: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
    level: float = 0.95,
) -> Any:
    """Estimate the probability of each of several events by a time, from times alone.

    Of who leaves in one way nobody can tell when they would have left in another. So the incidence
    of an event counts who had it first, and incidences and survival add up to 1; one minus a
    Kaplan-Meier curve that takes the others as censored would be too much.

    Parameters
    ----------
    duration : array of shape (n,)
        Time until the event, or until the row was last seen.
    event : array of shape (n,)
        Which it was: numbers (0 for no event) or texts (missing or "censored" for none).
    entry : array of shape (n,), optional
        Time from which the row is under observation; without, 0.
    by : array of shape (n,), optional
        Groups; each gets its curves.
    events : sequence of str, optional
        Names of the numbers 1, 2 and so on.
    sample_weight : array of shape (n,), optional
        How much each row counts. Intervals take weights as numbers of rows.
    level : float
        Confidence level of the intervals, between 0 and 1: symmetric on ln(-ln F), by the delta
        method.

    Returns
    -------
    table
        A row an event and time (and group, in a column `by`): `event`, `time`, `at_risk` just
        before, `events` of this kind, `incidence`, `lower`, `upper`.

    Raises
    ------
    DataError, ParameterError
        As `kaplan_meier`.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978). "An empirical transition matrix for non-homogeneous Markov
    chains based on censored observations." Scandinavian Journal of Statistics 5, 141-150.

    Marubini, E. and Valsecchi, M. G. (1995). Analysing Survival Data from Clinical Trials and
    Observational Studies. Wiley.

    Examples
    --------
    >>> import tercet as tc
    >>> table = tc.aalen_johansen([3, 5, 5, 8], ["price", "moved", None, "price"])
    >>> table["event"].tolist(), table["incidence"].tolist()
    (['moved', 'moved', 'moved', 'price', 'price', 'price'], [0.0, 0.25, 0.25, 0.25, 0.25, 0.75])
    """
    read = read_events(event, None, read_names(events))
    parts: dict[str, list[Any]] = {}
    for group, found in event_tables(duration, read, entry, by, sample_weight, level):
        for place, name in enumerate(read.kinds.names):
            columns = {
                "event": pa.array([name] * len(found["time"]), pa.string()),
                "time": found["time"],
                "at_risk": found["at_risk"],
            }
            for column in ("events", "incidence", "lower", "upper"):
                columns[column] = np.ascontiguousarray(found[column][:, place])
            _append(parts, group, columns)
    return _joined(parts, duration)


def event_tables(
    duration: Any, events: Events, entry: Any, by: Any, sample_weight: Any, level: Any
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield each group (None where there are none) with what the core says of it."""
    times = _numbers(duration, "duration", len(events.codes), duration)
    arrays = [
        None if values is None else _numbers(values, name, len(times), duration)
        for name, values in (("entry", entry), ("sample_weight", sample_weight))
    ]
    level = _arguments.number(level, "level", "a number between 0 and 1")
    n_events = max(len(events.kinds.names), 1)

    def table(rows: Any) -> dict[str, Any]:
        late, weights = (None if one is None else np.ascontiguousarray(one[rows]) for one in arrays)
        own = (np.ascontiguousarray(times[rows]), np.ascontiguousarray(events.codes[rows]))
        found: dict[str, Any] = _tercet.event_table(*own, n_events, late, weights, level=level)
        return found

    whole = table(slice(None))  # which refuses a row by its number among all
    if by is None:
        yield None, whole
        return
    for group, rows in read_groups(by, len(times)):
        yield group, table(rows)


def read_groups(by: Any, n_rows: int) -> list[tuple[Any, Any]]:
    """Return each group, in order, with its rows."""
    column = _inputs.read_column(by, "by")
    if len(column) != n_rows:
        reason = f"has {len(column):,} values for {n_rows:,} rows; give one a row"
        raise column_error("by", reason)
    column = _columns.contiguous(column, "by")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.dictionary_encode()
    labels = coded.dictionary.to_pylist()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    order = sorted(range(len(labels)), key=lambda place: labels[place])
    return [(labels[place], np.flatnonzero(codes == place)) for place in order]


def _numbers(values: Any, name: str, n_rows: int, beside: Any) -> Floats:
    check_same_rows(values, beside, name, "duration")
    numbers = _inputs.read_numbers(values, name)
    if len(numbers) != n_rows:
        reason = f"has {len(numbers):,} values for {n_rows:,} rows; give one a row"
        raise column_error(name, reason)
    return numbers


def _append(parts: dict[str, list[Any]], group: Any, columns: dict[str, Any]) -> None:
    if group is not None:
        parts.setdefault("by", []).append(pa.array([group] * len(columns["time"])))
    for name, column in columns.items():
        parts.setdefault(name, []).append(column)


def _joined(parts: dict[str, list[Any]], given: Any) -> Any:
    columns = {
        name: np.concatenate(pieces)
        if isinstance(pieces[0], np.ndarray)
        else pa.concat_arrays(pieces)
        for name, pieces in parts.items()
    }
    return new_table(columns, _inputs.kind_of(given))
