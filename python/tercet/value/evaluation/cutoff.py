"""Whom it pays to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind

__all__ = ["BestCutoff", "best_cutoff"]

Rule: TypeAlias = Literal["cost over benefit", "capacity", "search", "everybody", "nobody"]

_CURVE = ("share", "cutoff", "contacted", "profit", "lower", "upper")


class BestCutoff(_display.Shown):
    """Whom to contact, and what it earns; made by `best_cutoff`.

    Attributes
    ----------
    verdict : str
        What to do.
    rule : {"cost over benefit", "capacity", "search", "everybody", "nobody"}
        The rule to use: the cut-off of calibrated probabilities, unless the one that the search
        found earns surely more; as many as can be contacted where either would contact more;
        everybody or nobody where that is best.
    rule_cutoff : float or None
        The lowest value that the rule contacts: a probability, or where amounts differ between
        customers an expected profit `p * benefit - cost`. None where it contacts nobody.
    rule_share, rule_profit : float
        Whom the rule contacts, and the profit to be expected.
    rule_interval : tuple of float
        The interval of that profit.
    cutoff : float or None
        What the search found: the lowest value contacted where the profit is highest in these
        customers. None where contacting nobody is best.
    cutoff_interval : tuple of float
        Where so many of the replications have it: an indication, no interval of exact level.
    by_probability : bool
        Whether cut-offs are probabilities.
    share, contacted : float
        The customers that the search contacts, as a share of all and by weight.
    profit : float
        The profit to be expected with the searched cut-off in other customers of the kind: what
        the search owed to chance is taken off.
    profit_interval : tuple of float
        Its interval.
    apparent_profit, optimism : float
        The profit in these customers, among whom the cut-off was searched for, and the difference.
    theoretical_cutoff : float
        The cut-off of calibrated probabilities: cost over benefit (0 for an expected profit).
    theoretical_profit, theoretical_share : float
        What that earns, and whom it contacts; no more than can be.
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
    level : float
        Of the intervals.
    """

    def __init__(
        self, found: Mapping[str, Any], level: float, kind: Kind | None, last: float
    ) -> None:
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
        self.level = level
        self._told = str(found["verdict"])
        #: The value of the last customer that the capacity leaves room for.
        self._last = last
        self.rule = self._chosen()
        self.rule_cutoff, self.rule_share, self.rule_profit, self.rule_interval = self._of_rule()
        self.verdict = self._said()
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

    def _chosen(self) -> Rule:
        """Return the rule to use."""
        if self.cutoff is None:
            return "nobody"
        if self.share >= 1.0:
            return "everybody"
        share = self.share if self._searched_is_better else self.theoretical_share
        if self.capacity < 1.0 and share >= self.capacity * (1.0 - 1e-9):
            return "capacity"
        return "search" if self._searched_is_better else "cost over benefit"

    @property
    def _searched_is_better(self) -> bool:
        """Whether the search earns more than cost over benefit, by more than chance."""
        # The core compares the two draw by draw; of its comparison it tells the verdict only.
        return "It earns more than" in self._told

    def _of_rule(self) -> tuple[float | None, float, float, tuple[float, float]]:
        searched = (self.cutoff, self.share, self.profit, self.profit_interval)
        theory = (self.theoretical_share, self.theoretical_profit, self.theoretical_interval)
        if self.rule == "capacity":
            if self._searched_is_better:
                return self._last, *searched[1:]
            return self._last, *theory
        return (self.theoretical_cutoff, *theory) if self.rule == "cost over benefit" else searched

    def _said(self) -> str:
        """Return what to do."""
        if self.rule in ("nobody", "everybody"):
            return self._told
        share = _display.per_cent(self.rule_share, 1)
        floor, searched = self._from(self.theoretical_cutoff), self._from(self.cutoff)
        over = "cost over benefit" if self.by_probability else "where it brings in what it costs"
        if self.rule == "capacity":
            pays = f"contacting pays from {floor} on ({over}), which more customers have"
            more = "more would pay" if self._searched_is_better else pays
            limit = self._from(self.rule_cutoff)
            said = f"Contact as many as can be, the best {share} of the customers"
            words = [f"{said} ({limit} or more): {more}."]
        elif self.rule == "search":
            words = [f"Contact the {share} of the customers with {searched} or more."]
        else:
            words = [f"Contact the {share} of the customers with {floor} or more ({over})."]
        if self.rule_interval[0] <= 0:
            words.append(
                "Whether it pays at all is not certain: the interval of the profit reaches 0."
            )
        if self._searched_is_better:
            words.append(
                "The search earns more on these customers than the cut-off of calibrated "
                f"probabilities ({floor}), by more than chance at this level: look at the "
                "reliability, calibrate where that is off, and then use cost over benefit."
            )
        elif self.rule != "capacity" and np.isfinite(self.profit_interval).all():
            words.append(
                "With calibrated probabilities this needs no search; the cut-off of the highest "
                f"profit here ({searched}) is not surely better."
            )
        return " ".join(words)

    def _from(self, cutoff: float | None) -> str:
        what = "a probability" if self.by_probability else "an expected profit"
        if cutoff is None or np.isnan(cutoff):
            return what
        shown = f"{cutoff:,.0f}" if abs(cutoff) >= 100 else f"{cutoff:.4f}".rstrip("0").rstrip(".")
        return f"{what} of {shown}"

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

        unit = "p" if self.by_probability else "expected profit"
        over = "cost over benefit" if self.by_probability else "where a contact pays"
        limited = self.capacity < 1.0
        use = (self.rule_cutoff, self.rule_share, self.rule_profit, self.rule_interval)
        theory = (self.theoretical_cutoff, self.theoretical_share, self.theoretical_profit)
        rows = {
            "capacity": row("as many as can be", *use),
            "cost over benefit": row(over, *theory, self.theoretical_interval),
            "search": row(
                "highest profit here, less chance",
                self.cutoff,
                self.share,
                self.profit,
                self.profit_interval,
            ),
            "everybody": row(
                "everybody, if that could be" if limited else "everybody", None, 1.0, self.everybody
            ),
            "nobody": row("nobody", None, 0.0, 0.0),
        }
        if self.rule != "capacity":
            del rows["capacity"]
        elif self._searched_is_better:
            del rows["search"]
        else:
            del rows["cost over benefit"]
        # The rule to use leads.
        order = [self.rule, *(name for name in rows if name != self.rule)]
        return _display.Grid(
            title=f"Whom to contact, {_display.per_cent(self.level)} intervals",
            header=("contact", f"{unit} from", "share", "profit", "lower", "upper"),
            rows=[rows[name] for name in order],
            words=[self.verdict],
            marked=0,
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

    With calibrated probabilities it pays from cost over benefit on, and nothing is to be searched.
    Whether a search among these customers does surely better, which says that the probabilities are
    off, is told beside it, and `rule` is what to use. Where fewer can be contacted than it pays
    for, the rule is as many as can be, the best first.

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
        `verdict`, `rule`, `rule_cutoff`, `rule_profit`, `cutoff`, `profit`, `table`; drawn by
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
    >>> best.rule, best.rule_cutoff
    ('cost over benefit', 0.1)
    >>> 0.04 < best.cutoff < 0.2 and best.profit < best.apparent_profit  # what a search finds
    True
    """
    given = _inputs.read_outcomes(y, p, sample_weight, groups, pos_label)
    settings = _inputs.resampling(replications, level, random_state)
    share, number = _limit(capacity)
    worth, price = _inputs.read_money(benefit, "benefit"), _inputs.read_money(cost, "cost")
    with reporting(progress) as report:
        found = _tercet.best_cutoff(
            *given.arrays,
            columns=_inputs.NAMES,
            benefit=worth,
            cost=price,
            capacity_share=share,
            capacity_number=number,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    value = given.probabilities
    if not found["by_probability"]:
        value = value * worth - price
    last = _last(value, given.weights, float(found["capacity"]))
    return BestCutoff(found, settings["level"], given.kind, last)


def _last(value: Floats, weights: Floats | None, share: float) -> float:
    """Return the value of the last customer of a share of all, the best first."""
    order = np.argsort(-value, kind="stable")
    weight = np.ones(len(value)) if weights is None else weights[order]
    so_far = np.cumsum(weight)
    place = int(np.searchsorted(so_far, share * so_far[-1] * (1.0 - 1e-12)))
    return float(value[order[min(place, len(order) - 1)]])


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
