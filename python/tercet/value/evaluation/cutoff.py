"""Whom it pays to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._frames import Kind

__all__ = ["BestCutoff", "best_cutoff"]

_CURVE = ("share", "cutoff", "contacted", "profit", "lower", "upper")


class BestCutoff:
    """The cut-off of the highest profit; made by `best_cutoff`.

    Attributes
    ----------
    cutoff : float or None
        The lowest value contacted: a probability, or where amounts differ between customers an
        expected profit `p * benefit - cost`. None where contacting nobody is best.
    cutoff_interval : tuple of float
        Where so many of the replications have it: an indication, no interval of exact level.
    by_probability : bool
        Whether cut-offs are probabilities.
    share, contacted : float
        The customers contacted, as a share of all and by weight.
    profit : float
        The profit to be expected with that cut-off in other customers of the kind: what the search
        owed to chance is taken off.
    profit_interval : tuple of float
        Its interval.
    apparent_profit, optimism : float
        The profit in these customers, among whom the cut-off was searched for, and the difference.
    theoretical_cutoff : float
        The cut-off of calibrated probabilities: cost over benefit (0 for an expected profit).
    theoretical_profit, theoretical_share : float
        What that earns, and whom it contacts.
    theoretical_interval : tuple of float
        The interval of its profit.
    everybody : float
        The profit of contacting everybody.
    capacity : float
        The largest share that can be contacted.
    n : float
        All customers, by weight.
    table : table
        The profit curve: `share`, `cutoff`, `contacted`, `profit`, `lower`, `upper`.
    verdict : str
        What to do.
    level : float
        Of the intervals.
    """

    def __init__(self, found: Mapping[str, Any], level: float, kind: Kind | None) -> None:
        self.cutoff: float | None = found["cutoff"]
        self.cutoff_interval = _pair(found["cutoff_interval"])
        self.by_probability = bool(found["by_probability"])
        self.share = float(found["share"])
        self.contacted = float(found["contacted"])
        self.profit = float(found["profit"][0])
        self.profit_interval = _pair(found["profit"][1:])
        self.apparent_profit = float(found["apparent_profit"])
        self.optimism = float(found["optimism"])
        self.theoretical_cutoff = float(found["theoretical_cutoff"])
        self.theoretical_profit = float(found["theoretical_profit"][0])
        self.theoretical_interval = _pair(found["theoretical_profit"][1:])
        self.theoretical_share = float(found["theoretical_share"])
        self.everybody = float(found["everybody"])
        self.capacity = float(found["capacity"])
        self.n = float(found["total"])
        self.verdict = str(found["verdict"])
        self.level = level
        self._curve = found["curve"]
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a share of the customers contacted, from nobody to everybody."""
        columns = {
            name: np.ascontiguousarray(self._curve[:, place]) for place, name in enumerate(_CURVE)
        }
        return new_table(columns, self._kind)

    def text(self) -> str:
        """Return what to do, in sentences."""
        return self.verdict

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        def row(
            name: str,
            cutoff: float | None,
            share: float,
            profit: float,
            interval: tuple[float, float] = (np.nan, np.nan),
        ) -> tuple[str, ...]:
            ends = (_display.decimals(end, 0) for end in interval)
            shown = "-" if cutoff is None else _display.number(cutoff)
            return name, shown, _display.per_cent(share, 1), _display.decimals(profit, 0), *ends

        theory = (self.theoretical_cutoff, self.theoretical_share, self.theoretical_profit)
        unit = "p" if self.by_probability else "expected profit"
        return _display.Grid(
            title=f"Whom to contact, {_display.per_cent(self.level)} intervals",
            header=("contact", f"{unit} from", "share", "profit", "lower", "upper"),
            rows=[
                row("best", self.cutoff, self.share, self.profit, self.profit_interval),
                row("if calibrated", *theory, self.theoretical_interval),
                row("everybody", None, 1.0, self.everybody),
                row("nobody", None, 0.0, 0.0),
            ],
            words=[self.verdict],
        )


def best_cutoff(
    y: ArrayLike,
    p: ArrayLike,
    *,
    benefit: float | ArrayLike,
    cost: float | ArrayLike,
    capacity: float | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    pos_label: Any = None,
    replications: int = 200,
    level: float = 0.95,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> BestCutoff:
    """Find the probability from which on it pays to contact a customer.

    A contacted customer brings in `benefit` if the event happens, and costs `cost`. Customers are
    contacted in order of probability, or of expected profit where amounts differ between them.

    The highest point of a curve that chance has a part in is too high. So the cut-off is also
    searched for among nine tenths of the customers and its profit counted in the other tenth, for
    every tenth in turn; what that is less is taken off. Contacting everybody, or nobody, is the
    answer where it does better than the cut-off then. Customers of equal probability are contacted
    together, except where the capacity ends among them, where the mean over random orders counts.
    Of equally good cut-offs the one that contacts fewest is taken.

    Parameters
    ----------
    y, p : array of shape (n,)
        Outcomes and predicted probabilities, as in `tercet.score_probabilities`.
    benefit : float or array of shape (n,)
        What the event of a contacted customer is worth: positive; or one amount a customer, none
        below 0, such as its lifetime value times a margin.
    cost : float or array of shape (n,)
        What contacting a customer costs, at least 0.
    capacity : int or float, optional
        How many customers can be contacted: a whole number of them, or a share (a float, at most
        1).
    sample_weight : array of shape (n,), optional
        How much each row counts; money is multiplied by it.
    groups : array of shape (n,), optional
        The customer of each row; customers are drawn with all their rows.
    pos_label : label, optional
        Which of two labels is the event.
    replications : int
        Bootstrap replications; 0 for no intervals, and nothing taken off.
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
    BestCutoff
        `cutoff`, `profit`, `theoretical_cutoff`, `table`, `verdict`; drawn by
        `tercet.plots.profit_by_cutoff`.

    Raises
    ------
    DataError
        For outcomes, probabilities, weights or amounts that cannot be; it names column and row.
    ParameterError
        For an argument that cannot be used, such as a benefit that is not positive.

    References
    ----------
    Elkan, C. (2001). "The foundations of cost-sensitive learning." IJCAI, 973-978.

    Abrevaya, J. and Huang, J. (2005). "On the bootstrap of the maximum score estimator."
    Econometrica 73(4), 1175-1204: why the search is not corrected by the bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 9, 5_000)
    >>> best = tc.best_cutoff(rng.random(5_000) < p, p, benefit=30, cost=3)
    >>> best.theoretical_cutoff
    0.1
    >>> 0.04 < best.cutoff < 0.2 and best.profit < best.apparent_profit
    True
    """
    given = _inputs.read_outcomes(y, p, sample_weight, groups, pos_label)
    settings = _inputs.resampling(replications, level, random_state)
    share, number = _limit(capacity)
    with reporting(progress) as report:
        found = _tercet.best_cutoff(
            *given.arrays,
            columns=_inputs.NAMES,
            benefit=_inputs.read_money(benefit, "benefit"),
            cost=_inputs.read_money(cost, "cost"),
            capacity_share=share,
            capacity_number=number,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    return BestCutoff(found, settings["level"], given.kind)


def _limit(capacity: Any) -> tuple[float | None, float | None]:
    """Return the capacity as a share (a float) or a number of customers (a whole number)."""
    if capacity is None:
        return None, None
    expected = "a whole number of customers, or a share of them above 0 and at most 1 (a float)"
    found = _arguments.number(capacity, "capacity", expected)
    is_share = isinstance(capacity, float | np.floating)
    if not (0.0 < found <= 1.0 if is_share else found >= 1.0):
        raise _arguments.refusal(capacity, "capacity", expected)
    return (found, None) if is_share else (None, found)


def _pair(ends: Any) -> tuple[float, float]:
    lower, upper = ends
    return float(lower), float(upper)
