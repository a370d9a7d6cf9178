"""What contacting the best customers reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.exceptions import ParameterError
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._frames import Kind

__all__ = ["GainTable", "gain_table"]

_NAMES = {
    "share": "share",
    "cutoff": "cutoff",
    "contacted": "contacted",
    "events": "events",
    "share_captured": "captured",
    "share_captured_lower": "captured_lower",
    "share_captured_upper": "captured_upper",
    "response": "response",
    "lift": "lift",
    "lift_lower": "lift_lower",
    "lift_upper": "lift_upper",
    "band_response": "band_response",
    "band_lift": "band_lift",
}
_PROFIT = ("profit", "profit_lower", "profit_upper")


class GainTable(_display.Shown):
    """What contacting the best shares reaches; made by `gain_table`.

    Attributes
    ----------
    table : table
        One row a share of the customers, best first, cumulated: `share`, `cutoff` (the probability
        of the last one contacted), `contacted`, `events`, `share_captured` (of all events) and
        `lift` with intervals, `response` (events of those contacted); `band_response` and
        `band_lift` of those whom this row has more than the one before; `profit` with its interval
        where money was given.
    event_rate, n_events, n : float
        Of all rows, by weight.
    level : float
        Of the intervals.
    """

    def __init__(self, found: Mapping[str, Any], level: float, kind: Kind | None) -> None:
        self.event_rate = float(found["event_rate"])
        self.n_events = float(found["n_events"])
        self.n = float(found["total"])
        self.level = level
        self._found = found
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a share."""
        columns = {name: self._found[entry] for name, entry in _NAMES.items()}
        if self._found["profit"] is not None:
            columns |= {name: self._found[name] for name in _PROFIT}
        return new_table(columns, self._kind)

    def text(self) -> str:
        """Return what the first row says, in a sentence."""
        found = self._found
        words = (
            f"The best {_display.per_cent(found['share'][0])} of the customers have "
            f"{_display.per_cent(found['captured'][0])} of the events, "
            f"{found['lift'][0]:.1f} times as many as a random choice."
        )
        if found["profit"] is not None:
            best = int(np.argmax(found["profit"]))
            if found["profit"][best] > 0:
                words += (
                    f" Of these shares {_display.per_cent(found['share'][best])} earns most, "
                    f"{found['profit'][best]:,.0f}."
                )
            else:
                words += " None of these shares earns what it costs."
        return words

    def _shown(self) -> _display.Grid:
        found = self._found
        header = ["share", "p from", "contacted", "events", "captured", "response", "lift", "lower"]
        columns = [
            [
                _display.per_cent(x, 0 if abs(100 * x - round(100 * x)) < 1e-9 else 1)
                for x in found["share"]
            ],
            [_display.decimals(x, 4) for x in found["cutoff"]],
            [_display.decimals(x, 0) for x in found["contacted"]],
            [_display.decimals(x, 0) for x in found["events"]],
            [_display.per_cent(x, 1) for x in found["captured"]],
            [_display.per_cent(x, 1) for x in found["response"]],
            [_display.decimals(x, 2) for x in found["lift"]],
            [_display.decimals(x, 2) for x in found["lift_lower"]],
            [_display.decimals(x, 2) for x in found["lift_upper"]],
        ]
        header.append("upper")
        if found["profit"] is not None:
            header.append("profit")
            columns.append([_display.decimals(x, 0) for x in found["profit"]])
        return _display.Grid(
            title=f"Best customers first, {_display.per_cent(self.level)} intervals",
            header=header,
            rows=list(zip(*columns, strict=True)),
            words=[self.text()],
        )


def gain_table(
    y: ArrayLike,
    p: ArrayLike,
    shares: int | Sequence[float] = 10,
    benefit: float | ArrayLike | None = None,
    cost: float | ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
    replications: int = 200,
    level: float = 0.95,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> GainTable:
    """Count what contacting the customers of the highest probabilities reaches.

    Where a share ends within customers of the same probability, it takes its part of all of them:
    the mean over random orders. So no figure depends on the order of the rows.

    Parameters
    ----------
    y, p : array of shape (n,)
        Outcomes and predicted probabilities, as in `tercet.score_probabilities`.
    shares : int or list of float
        So many equal steps (10: tenths), or the shares to stop at, ascending, above 0 and at most
        1.
    benefit, cost : float or array of shape (n,), optional
        What the event of a contacted customer is worth, and what contacting a customer costs.
    sample_weight : array of shape (n,), optional
        How much each row counts.
    groups : array of shape (n,), optional
        The customer of each row; customers are drawn with all their rows.
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
    GainTable
        `table`; drawn by `tercet.plots.gain` and `tercet.plots.lift`.

    Raises
    ------
    DataError
        For outcomes, probabilities, weights or amounts that cannot be; it names column and row.
    ParameterError
        For an argument that cannot be used.

    Examples
    --------
    >>> import tercet as tc
    >>> y = [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    >>> p = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    >>> found = tc.gain_table(y, p, shares=[0.2, 0.5, 1.0], benefit=10, cost=1, replications=0)
    >>> found.table[["events", "lift", "profit"]].round(2).to_numpy().tolist()
    [[2.0, 3.33, 18.0], [3.0, 2.0, 25.0], [3.0, 1.0, 20.0]]
    """
    given = _inputs.read_outcomes(y, p, sample_weight, groups, pos_label)
    if (benefit is None) != (cost is None):
        missing = "benefit" if benefit is None else "cost"
        raise ParameterError(
            f"{missing} = None: expected a number, since the other is given", missing
        )
    money = None
    if benefit is not None:
        money = (_inputs.read_money(benefit, "benefit"), _inputs.read_money(cost, "cost"))
    settings = {
        "shares": _inputs.steps(shares),
        **_inputs.resampling(replications, level, random_state),
    }
    with reporting(progress) as report:
        found = _tercet.gain_table(
            *given.arrays,
            columns=_inputs.NAMES,
            money=money,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    return GainTable(found, settings["level"], given.kind)
