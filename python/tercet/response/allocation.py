"""Which action for whom under a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._progress import Progress, reporting
from tercet.response import _allocation_inputs as _read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats
    from tercet._time import TimeLike

__all__ = ["Allocation", "allocate"]

#: A gap of less than this part of the profit is none to speak of.
_NO_GAP: Final = 1e-6
_WHY: Final = {
    "budget": "the money earns more elsewhere",
    "capacity": "others earn more in the places there are",
    "not profitable": "no action earns what it costs",
    "resting": "contacted often enough lately",
    "do not contact": "they do not wish it",
    "not eligible": "not meant for them",
}


class Allocation(_display.Shown):
    """Which customer gets which action, and what that is expected to earn; made by `allocate`.

    Attributes
    ----------
    table_ : table
        A row a customer, in the order and of the kind of the effects: the id, if there is one;
        `action` (missing where there is none), `effect`, `cost` and `expected_incremental_profit`
        of it; with standard errors `lower` and `upper` of the profit; and `reason`: "chosen", "not
        profitable", "budget", "capacity", "resting", "do not contact" or "not eligible".
    actions_ : table
        A row an action, and one a limit on several: `action`, `n` customers, `cost`, `profit`,
        `limit`, and its `shadow_price`: what room for another customer would add.
    curve_ : table
        What other budgets earn: `budget`, `n`, `cost`, `profit`, with standard errors `lower` and
        `upper`, with scores `profit_by_scores`, `scores_lower` and `scores_upper`, and
        `shadow_price`. Customers at the margin may be counted in part. No rows where no action
        that pays costs anything.
    profit_ : float
        The profit that the effects promise. Where they were estimated it is too high as a rule:
        those are chosen whose effects look large, some of them by chance.
    profit_interval_ : tuple of float or None
        Its interval, where effects have standard errors.
    profit_by_scores_ : float or None
        The profit that the experiment found, where there are scores: free of that optimism.
    profit_by_scores_interval_ : tuple of float or None
        Its interval.
    cost_ : float
        What the actions cost.
    n_ : int
        Customers who get one.
    budget : float or None
        What they may cost.
    shadow_price_ : float or None
        What another unit of money would add to the profit, where there is a budget.
    enough_ : float or None
        The budget beyond which more earns nothing; None without a curve.
    bound_ : float
        No allocation whatever has a higher `profit_`.
    gap_ : float
        By how much the best might be better, `bound_ - profit_`: what it costs at most that nobody
        gets half an action.
    rule : str
        The allocation as a rule for further customers, in words.
    unknown_ids_ : dict
        By argument how many ids were not among the customers.
    level : float
        Of the intervals.
    """

    def __init__(
        self,
        found: Mapping[str, Any],
        effects: _read.Effects,
        amounts: tuple[_read.Amounts, _read.Amounts],
        errors: Floats | None,
        limits: Mapping[str, Any],
        unknown: Mapping[str, int],
        settings: Mapping[str, Any],
    ) -> None:
        self.budget: float | None = settings["budget"]
        self.level = float(settings["level"])
        self.unknown_ids_ = dict(unknown)
        self._found = found
        self._totals = {name: float(values[0]) for name, values in found["totals"].items()}
        self._effects = effects
        self._limits = dict(limits)
        self._choice: NDArray[np.int8] = found["choice"]
        self._scored = bool(settings["scored"])
        self._rows = self._of_rows(amounts, errors)
        self.profit_ = self._totals["profit"]
        self.cost_ = self._totals["cost"]
        self.n_ = int((self._choice >= 0).sum())
        self.bound_ = float(found["bound"])
        self.gap_ = max(self.bound_ - self.profit_, 0.0)
        self.shadow_price_: float | None = found["budget_price"]
        self.profit_interval_ = self._ends("lower", "upper") if errors is not None else None
        self.profit_by_scores_ = self._totals["profit_by_scores"] if self._scored else None
        self.profit_by_scores_interval_ = (
            self._ends("scores_lower", "scores_upper") if self._scored else None
        )
        curve = found["curve"]
        pays = curve["shadow_price"] == 0
        self.enough_ = float(curve["budget"][pays][0]) if pays.any() else None

    @property
    def table_(self) -> Any:
        """A row a customer."""
        effects = self._effects
        columns: dict[str, Any] = {}
        if effects.id_table is not None:
            own, name = effects.id_table, effects.id_name
            # Ids that came apart are Arrow's, whatever the effects are.
            columns[name] = own.arrow(name) if effects.table is None else own.take(name)
        columns["action"] = _words(effects.actions, self._choice)
        columns |= self._rows
        columns["reason"] = _words(self._found["reasons"], self._found["reason"])
        if effects.table is None:
            made = new_table(columns, effects.kind)
        else:
            made = effects.table.build(columns)
        if nw.dependencies.is_pandas_dataframe(effects.given) or nw.dependencies.is_pandas_series(
            effects.given
        ):
            made.index = effects.given.index
        return made

    @property
    def actions_(self) -> Any:
        """A row an action, and one a limit on several."""
        return new_table(self._of_actions(), self._effects.kind)

    @property
    def curve_(self) -> Any:
        """What other budgets earn."""
        found = self._found["curve"]
        names = ["budget", "n", "cost", "profit"]
        if self.profit_interval_ is not None:
            names += ["lower", "upper"]
        if self._scored:
            names += ["profit_by_scores", "scores_lower", "scores_upper"]
        columns = {name: found[name] for name in [*names, "shadow_price"]}
        return new_table(columns, self._effects.kind)

    @property
    def rule(self) -> str:
        """The allocation as a rule for further customers, in words."""
        price = 1.0 + (self.shadow_price_ or 0.0)
        cost = "cost" if price == 1.0 else f"{price:,.4g} x cost"
        words = f"the largest effect x margin - {cost}"
        places = [
            f"{float(own):,.4g} for '{name}'"
            for name, own in zip(self._limits, self._found["limit_prices"], strict=True)
            if own > 0
        ]
        if places:
            words += f" - the price of a place ({', '.join(places)})"
        return f"Of the actions open to a customer: the one with {words}, if that is above 0."

    def text(self) -> str:
        """Return what comes of it, in sentences."""
        return " ".join(self._words())

    def _of_rows(
        self, amounts: tuple[_read.Amounts, _read.Amounts], errors: Floats | None
    ) -> dict[str, Floats]:
        n, width = len(self._choice), len(self._effects.actions)
        chosen = self._choice >= 0
        rows = np.flatnonzero(chosen)
        cells = rows * width + self._choice[rows]
        cost, margin = (_at(amount, rows, self._choice[rows], cells) for amount in amounts)
        effect = self._effects.values[cells]
        profit = effect * margin - cost
        columns = {"effect": effect, "cost": cost, "expected_incremental_profit": profit}
        if errors is not None:
            # The core has the quantile: of no customer's interval is it another one.
            total = self._totals
            spread = total["upper"] - total["profit"]
            z = spread / total["standard_error"] if total["standard_error"] > 0 else 0.0
            width_of_it = z * errors[cells] * np.abs(margin)
            columns |= {"lower": profit - width_of_it, "upper": profit + width_of_it}
        filled = {}
        for name, values in columns.items():
            filled[name] = np.zeros(n)
            filled[name][rows] = values
        return filled

    def _of_actions(self) -> dict[str, Any]:
        actions = self._effects.actions
        prices = dict(zip(self._limits, self._found["limit_prices"], strict=True))
        groups = {name: ([place], None) for place, name in enumerate(actions)}
        groups |= self._limits
        found: dict[str, list[Any]] = {"n": [], "cost": [], "profit": []}
        chosen = self._choice >= 0
        own = self._choice[chosen]
        by_action = {
            "n": np.bincount(own, minlength=len(actions)),
            "cost": np.bincount(own, self._rows["cost"][chosen], len(actions)),
            "profit": np.bincount(
                own, self._rows["expected_incremental_profit"][chosen], len(actions)
            ),
        }
        for places, _ in groups.values():
            for name, values in by_action.items():
                found[name].append(values[places].sum())
        return {
            "action": pa.array(list(groups), pa.string()),
            "n": np.array(found["n"], dtype=np.int64),
            "cost": np.array(found["cost"], dtype=np.float64),
            "profit": np.array(found["profit"], dtype=np.float64),
            "limit": pa.array([most for _, most in groups.values()], pa.int64()),
            "shadow_price": np.array([float(prices.get(name, 0.0)) for name in groups]),
        }

    def _ends(self, lower: str, upper: str) -> tuple[float, float]:
        return self._totals[lower], self._totals[upper]

    def _words(self) -> Iterator[str]:
        n = len(self._choice)
        if not self.n_:
            yield f"None of {n:,} customers gets an action: {self._main_reason()}."
        else:
            spent = f"for {_money(self.cost_)}" if self.cost_ else "at no cost"
            yield (
                f"{self.n_:,} of {n:,} customers get an action {spent}; they are expected to add "
                f"a profit of {_money(self.profit_)}{_span(self.profit_interval_)}."
            )
        if self.profit_by_scores_ is not None:
            shown = f"{_money(self.profit_by_scores_)}{_span(self.profit_by_scores_interval_)}"
            yield f"By the experiment's scores it is {shown}; that is the figure to plan with."
            lower = self.profit_by_scores_interval_
            if lower is not None and lower[0] <= 0 < self.n_:
                yield "Whether it pays at all is not certain: this interval reaches 0."
        elif self.n_:
            yield (
                "Of effects that were estimated the promise is too high as a rule, since those are "
                "chosen whose effects look large, some of them by chance; scores of an experiment "
                "on customers whom the model did not see (scores=) tell by how much."
            )
        yield from self._about_money()
        prices = zip(self._limits.items(), self._found["limit_prices"], strict=True)
        for (name, (_, most)), price in prices:
            if price > 0:
                yield (
                    f"The limit of {most:,} for '{name}' is used up: room for another customer "
                    f"would add {_money(price)}."
                )
        if self.gap_ > _NO_GAP * max(abs(self.bound_), 1e-300):
            yield f"No other allocation could earn more than {_money(self.gap_)} beyond this."
        for argument, number in self.unknown_ids_.items():
            if number:
                yield f"{number:,} ids of {argument} are not among the customers."

    def _about_money(self) -> Iterator[str]:
        if self.budget is None:
            return
        price = self.shadow_price_ or 0.0
        if price > 0:
            yield (
                f"The budget of {_money(self.budget)} is what limits it: another unit of money "
                f"would add {price:,.3g}"
                + (f", up to a budget of {_money(self.enough_)}." if self.enough_ else ".")
            )
        elif self.cost_ < self.budget:
            yield f"Of the budget {_money(self.budget - self.cost_)} is left: more earns nothing."

    def _main_reason(self) -> str:
        counts = self._reasons()
        return _WHY[max(counts, key=lambda word: counts[word])]

    def _reasons(self) -> dict[str, int]:
        words = self._found["reasons"]
        counts = np.bincount(self._found["reason"], minlength=len(words))
        return {
            word: int(count)
            for word, count in zip(words, counts, strict=True)
            if word != "chosen" and count
        }

    def _shown(self) -> _display.Grid:
        found = self._of_actions()
        rows = []
        for k, action in enumerate(found["action"].to_pylist()):
            limit = found["limit"][k].as_py()
            rows.append(
                (
                    action,
                    f"{found['n'][k]:,}",
                    _money(found["cost"][k]),
                    _money(found["profit"][k]),
                    "-" if limit is None else f"{limit:,}",
                    "-" if limit is None else f"{found['shadow_price'][k]:,.4g}",
                )
            )
        words = [self.text()]
        reasons = self._reasons()
        if reasons:
            listed = ", ".join(f"{count:,} {word}" for word, count in reasons.items())
            words.append(f"Without an action: {listed}.")
        header = ("action", "customers", "cost", "profit", "limit", "shadow price")
        return _display.Grid("Which action for whom", header, rows, words)


def allocate(
    effects: Any,
    cost: Any = 0.0,
    margin: Any = 1.0,
    budget: float | None = None,
    limits: int | Mapping[str, int] | None = None,
    contact_history: Any = None,
    *,
    customer_id: str | ArrayLike | None = None,
    as_of: TimeLike | None = None,
    fatigue: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    channels: Mapping[str, str] | None = None,
    do_not_contact: Any = None,
    eligible: Any = None,
    errors: Any = None,
    error_correlation: float = 1.0,
    scores: Any = None,
    contact_time: str = "time",
    contact_channel: str = "channel",
    curve_points: int = 20,
    level: float = 0.95,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> Allocation:
    r"""Choose which action each customer gets, if any, so that the profit is as high as can be.

    With effects $\tau_{ik}$ of actions $k$ on customers $i$ the profit that an action adds is
    $p_{ik} = m_{ik} \tau_{ik} - c_{ik}$, margin times effect less cost. Each customer gets one
    action at most, none that is not expected to pay, and budget and limits hold:

    $$
    \max \sum_{ik} p_{ik} x_{ik}, \qquad \sum_k x_{ik} \le 1, \quad
    \sum_{ik} c_{ik} x_{ik} \le B, \quad \sum_{i,\, k \in l} x_{ik} \le C_l
    $$

    The prices of money and places are exact. Nobody gets half an action; what that costs at most is
    told as `gap_`. Equal customers at the margin are drawn by their ids and `random_state`: the
    order of the rows decides nothing. Without ids it decides among customers alike in everything.

    Parameters
    ----------
    effects : table or array of shape (n,) or (n, K)
        The outcome that each action adds, against doing nothing: a row a customer, a column an
        action; in a table beside the column of ids. From `CausalForest.effect`, say.
    cost : float, mapping, table or array
        What an action costs, whether it works or not: one number, one an action (a mapping), one a
        customer, or one each (a table with the actions' columns, or n x K). A cost that only
        success brings about, such as a voucher, is taken off the margin instead.
    margin : float, mapping, table or array
        What a unit of the outcome earns, in the same ways.
    budget : float, optional
        What all actions together may cost. Default: as much as pays.
    limits : int or mapping, optional
        The most customers: of all actions together, or by action, by channel, and under "total" for
        all together.
    contact_history : table, optional
        Contacts of the past: columns of the customer's id (called as in `effects`), the time and,
        for rules by channel, the channel. Needs `fatigue`, `as_of` and ids.
    customer_id : str or array of shape (n,), optional
        The column of ids in `effects`, or the ids. Default: "customer_id" if there is one.
    as_of : str, date, datetime, numpy.datetime64 or int, optional
        The day up to which contacts count, that day included; contacts after it are an error.
    fatigue : dict or list of dict, optional
        Rules such as `{"days": 30, "contacts": 2}`: who had so many contacts within so many days
        gets nothing; with `"channel"` only its contacts count, and only its actions are closed.
        Where times are whole numbers, these are the days.
    channels : dict, optional
        The channel of each action, where it is not called like the action.
    do_not_contact : ids, array of bool or mapping, optional
        Whom to leave alone: ids, or true/false a customer; or a mapping of these by action or
        channel. They get no action, whatever it would earn.
    eligible : array of bool or table, optional
        Who may get an action: true/false a customer, or a column an action or channel.
    errors : table or array like `effects`, optional
        Standard errors of the effects.
    error_correlation : float
        The correlation of two customers' errors, 0 to 1. The errors of a model are shared between
        customers, to an extent that it does not tell: 1 is on the safe side, 0 has them cancel out.
    scores : table or array like `effects`, optional
        Doubly robust scores of an experiment on these customers, from which the effects were not
        learned, such as `DRLearner.scores_` or those of a forest that was fitted to them.
    contact_time, contact_channel : str
        Columns of `contact_history`.
    curve_points : int
        Steps of the profit curve; 0 for none.
    level : float
        Confidence level, between 0 and 1.
    random_state : int
        The seed of the draw among equals.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    Allocation
        `table_`, `actions_`, `curve_`, `profit_`, `shadow_price_` and what they mean, `text()`;
        drawn by `tercet.plots.profit_by_budget`.

    Raises
    ------
    DataError
        For effects, costs, margins or errors that cannot be, ids that occur twice or are found
        nowhere, and contacts after `as_of`; it names column and row.
    ParameterError
        For an argument that cannot be used, such as a limit on an unknown action.

    References
    ----------
    Sinha, P. and Zoltners, A. A. (1979). "The multiple-choice knapsack problem." Operations
    Research 27(3), 503-515.

    Sverdrup, E., Wu, H., Athey, S. and Wager, S. (2024). "Qini curves for multi-armed treatment
    rules." arXiv 2306.11979.

    Examples
    --------
    >>> import tercet as tc
    >>> effects = {
    ...     "customer_id": ["a", "b", "c", "d"],
    ...     "mail": [0.02, 0.03, 0.01, 0.03],
    ...     "call": [0.08, 0.04, 0.09, 0.20],
    ... }
    >>> cost = {"mail": 0.5, "call": 4.0}
    >>> found = tc.allocate(effects, cost, margin=100, budget=5, do_not_contact=["d"])
    >>> found.table_["action"].to_pylist()
    ['mail', 'mail', 'call', None]
    >>> found.profit_, found.gap_
    (9.0, 0.0)
    """
    read = _read.read_effects(effects, customer_id)
    ways = _read.read_channels(channels, read.actions)
    bounds = _read.read_limits(limits, read, ways)
    closed = _read.read_closed(eligible, do_not_contact, read, ways)
    names = (contact_time, contact_channel)
    contacts = _read.read_contacts(contact_history, fatigue, as_of, names, read, ways, closed)
    money = None
    if budget is not None:
        money = _arguments.finite(budget, "budget", "a finite amount, at least 0")
    settings = {
        "budget": money,
        "limits": list(bounds.values()),
        "level": _arguments.number(level, "level", "a number between 0 and 1"),
        "error_correlation": _arguments.number(error_correlation, "error_correlation"),
        "curve_points": _arguments.whole(curve_points, "curve_points", "a whole number, 0 or more"),
        "seed": _arguments.seed(random_state, "random_state"),
        **contacts.settings,
    }
    amounts = _read.read_amounts(cost, "cost", read), _read.read_amounts(margin, "margin", read)
    spread = None if errors is None else _read.read_each(errors, "errors", read)
    with reporting(progress) as report:
        found = _tercet.allocate(
            list(read.actions),
            read.values,
            *amounts,
            spread,
            None if scores is None else _read.read_each(scores, "scores", read),
            closed.codes.ravel() if closed.codes.any() else None,
            read.ids(),
            contacts.arrays,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    told = {**settings, "scored": scores is not None}
    return Allocation(found, read, amounts, spread, bounds, closed.unknown, told)


def _words(words: Sequence[str], codes: NDArray[Any]) -> Any:
    """Return texts by their places; missing where that is below 0."""
    places = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(places, pa.array(words, pa.string())).cast(pa.string())


def _at(amount: _read.Amounts, rows: Any, actions: Any, cells: Any) -> Floats:
    """Return a number for each of some customers and their actions."""
    word, values = amount
    places = {"action": actions, "customer": rows, "each": cells}
    found: Floats = np.full(len(rows), values[0]) if word == "all" else values[places[word]]
    return found


def _money(value: float) -> str:
    return _display.decimals(float(value), 0 if abs(value) >= 1_000 else 2)


def _span(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" ({_money(ends[0])} to {_money(ends[1])})"
