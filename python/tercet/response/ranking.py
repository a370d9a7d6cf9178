"""Whether treating some customers before others pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments, _columns, _display, _tercet
from tercet._frames import check_same_rows, new_table
from tercet.exceptions import ParameterError
from tercet.response import _treatment
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import Customers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._columns import Floats
    from tercet._frames import Kind

__all__ = ["EffectRanking", "rank_effects"]

_SAID = {"qini": "Qini", "auuc": "AUUC", "autoc": "AUTOC"}


class EffectRanking:
    """What treating customers in the order of predicted effects reaches; made by `rank_effects`.

    Attributes
    ----------
    areas : table
        `area`: "qini", "auuc" and "autoc", defined in `rank_effects`; `estimate`, `standard_error`,
        `lower`, `upper`; `z`, by how many standard errors it is above that of a random order;
        `p_value`, one-sided.
    gains : table
        A row a share of the customers, best first: `share`; `effect`, the mean effect on them;
        `gain`, the effect by customer of all; `above_random`, by how much that is more than a
        random choice gains, with `standard_error`, `lower`, `upper`.
    comparison : table or None
        Of `areas` less those of the other ranking, with two-sided `p_value`; None without.
    better_than_random : bool
        Whether the Qini area is above 0 at one-sided level `1 - level`.
    level : float
        Of the intervals.
    """

    def __init__(self, found: Mapping[str, Any], level: float, kind: Kind | None) -> None:
        self.level = level
        self._found = found
        self._kind = kind

    @property
    def areas(self) -> Any:
        """The three areas."""
        return new_table(_columns_of(self._found["areas"]), self._kind)

    @property
    def gains(self) -> Any:
        """What each share reaches."""
        return new_table(dict(self._found["gains"]), self._kind)

    @property
    def comparison(self) -> Any:
        """The differences from the other ranking."""
        found = self._found["differences"]
        return None if found is None else new_table(_columns_of(found), self._kind)

    @property
    def better_than_random(self) -> bool:
        """Whether treating in this order gains more than a random order."""
        return bool(self._found["areas"]["p_value"][0] < 1.0 - self.level)

    def text(self) -> str:
        """Return the verdict in sentences."""
        p = _display.p_sentence(float(self._found["areas"]["p_value"][0]))
        words = (
            f"Treating in this order gains more than a random order (Qini, {p})."
            if self.better_than_random
            else f"This order is not clearly better than a random one (Qini, {p})."
        )
        found = self._found["differences"]
        if found is None:
            return words
        p = _display.p_sentence(float(found["p_value"][0]))
        if found["p_value"][0] >= 1.0 - self.level:
            return f"{words} The two rankings cannot be told apart ({p})."
        which = "better" if found["estimate"][0] > 0 else "worse"
        return f"{words} It is {which} than the other ranking ({p})."

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        found = self._found["areas"]
        names = ("estimate", "standard_error", "lower", "upper")
        rows = [
            (_SAID[area], *(f"{found[name][k]:.4g}" for name in names))
            for k, area in enumerate(found["area"])
        ]
        title = f"Customers by predicted effect, {_display.per_cent(self.level)} intervals"
        header = ("area", "estimate", "error", "lower", "upper")
        return _display.Grid(title, header, rows, [self.text()])


def rank_effects(
    effect: ArrayLike,
    treatment: ArrayLike | None = None,
    outcome: ArrayLike | None = None,
    propensity: str | float | Mapping[Any, float] | ArrayLike = "observed",
    *,
    scores: ArrayLike | None = None,
    control: Any = None,
    expected_outcome: ArrayLike | None = None,
    other: ArrayLike | None = None,
    shares: int | Sequence[float] = 20,
    level: float = 0.95,
) -> EffectRanking:
    r"""Judge a ranking of customers by effect, with standard errors and a verdict.

    With $G(q)$ the mean effect on the best share $q$ of the customers, all in units of the outcome:

    - Qini, $\int_0^1 q\,(G(q) - G(1))\,dq$: the area between the curve of gains and the straight
      line of a random order, by customer. 0 for a random order.
    - AUUC, $\int_0^1 q\,G(q)\,dq$: the area below the curve. Half the mean effect for a random
      order.
    - AUTOC, $\int_0^1 (G(q) - G(1))\,dq$: small shares count as much as large ones, which suits
      effects on a few customers. 0 for a random order.

    No area is divided by that of a perfect order, which nobody knows; other packages do so in
    various ways, and their figures are not comparable with each other. Standard errors follow from
    the influence of every customer on the areas, ranks included.

    The customers must not be those whom the model learned from, unless effects were predicted out
    of bag or out of fold. Equal effects stand for the mean over their orders.

    Parameters
    ----------
    effect : array of shape (n,)
        Predicted effects, or any other priorities; the highest are treated first.
    treatment, outcome : array of shape (n,), optional
        The arm of each customer (two arms), and what became of it, as in `CausalForest.fit`. Not
        needed with `scores`.
    propensity : "observed", float, dict or array
        The probability of treatment, as in `CausalForest.fit`; it has to be known here.
    scores : array of shape (n,), optional
        Doubly robust scores, `CausalForest.scores_` say, instead of treatment and outcome.
    control : label, optional
        The arm without treatment; not needed where it is 0 or False.
    expected_outcome : array of shape (n,), optional
        The outcome that features predict, by a model that did not see these customers. It makes
        errors smaller. Default: the arms' means.
    other : array of shape (n,), optional
        Effects predicted by another model, to compare with.
    shares : int or list of float
        So many equal steps (20: twentieths), or the shares to stop at, above 0 and at most 1.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    EffectRanking
        `areas`, `gains`, `comparison` and a verdict; drawn by `tercet.plots.qini`.

    Raises
    ------
    DataError
        For effects, scores, treatments or outcomes that cannot be; it names column and row.
    ParameterError
        For an argument that cannot be used, or is missing.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). "Evaluating treatment
    prioritization rules via rank-weighted average treatment effects." Journal of the American
    Statistical Association 120(549), 38-51.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> orders, mailed = rng.uniform(0, 10, 2_000), rng.random(2_000) < 0.5
    >>> spend = rng.normal(size=2_000) + 0.1 * orders * mailed
    >>> found = tc.rank_effects(orders, mailed, spend)
    >>> found.better_than_random
    True
    >>> list(found.areas["area"])
    ['qini', 'auuc', 'autoc']
    """
    level = _arguments.number(level, "level", "a number between 0 and 1")
    priority = _inputs.read_numbers(effect, "effect")
    if scores is not None:
        _refuse_both(treatment, outcome)
        check_same_rows(scores, effect, "scores", "effect")
        values = _inputs.read_numbers(scores, "scores")
    else:
        values = _scores(effect, treatment, outcome, propensity, control, expected_outcome)
    rival = None
    if other is not None:
        check_same_rows(other, effect, "other", "effect")
        rival = _inputs.read_numbers(other, "other")
    found = _tercet.rank_effects(values, priority, rival, shares=_inputs.steps(shares), level=level)
    if rival is not None:
        # What the other ranking reaches, to be drawn beside.
        own = _tercet.rank_effects(values, rival, None, shares=_inputs.steps(shares), level=level)
        found["other_gains"] = own["gains"]
    return EffectRanking(found, level, _inputs.kind_of(effect))


def _scores(
    effect: Any,
    treatment: Any,
    outcome: Any,
    propensity: Any,
    control: Any,
    expected_outcome: Any,
) -> Floats:
    """Return doubly robust scores of an experiment, from what is predicted without the features."""
    n = len(_inputs.read_column(effect, "effect"))
    customers = Customers((), False, None, np.empty((n, 1)), effect, None)
    treated = _treatment.read_treatment(treatment, control, customers)
    if len(treated.arms) != 2:
        expected = "two arms; of several pass scores, a ranking by arm"
        raise _arguments.refusal(treatment, "treatment", expected)
    _, y = _treatment.read_outcome(outcome, customers)
    word, known = _treatment.read_known(propensity, treated, customers)
    w = treated.values == 1
    if word == "estimated":
        expected = "known probabilities; where they are not, pass scores of a CausalForest"
        raise _arguments.refusal(propensity, "propensity", expected)
    e: Any = w.mean() if known is None else known[1] if word == "shares" else known[1::2]
    strange = ~((np.asarray(e) > 0) & (np.asarray(e) < 1))
    if strange.any():
        row = int(strange.argmax()) if strange.ndim else None
        reason = "is not between 0 and 1, so that there is nothing to compare"
        raise _columns.column_error("propensity", reason, row)
    # Weighted means of the arms: right whatever the probabilities.
    means = [np.average(y[part], weights=1 / p) for part, p in _arms(w, e)]
    if expected_outcome is not None:
        check_same_rows(expected_outcome, effect, "expected_outcome", "effect")
        m = _inputs.read_numbers(expected_outcome, "expected_outcome")
        difference = means[1] - means[0]
        low, high = m - e * difference, m + (1 - e) * difference
    else:
        low, high = means[0], means[1]
    found: Floats = high - low + np.where(w, (y - high) / e, -(y - low) / (1 - e))
    return np.ascontiguousarray(found)


def _arms(w: Any, e: Any) -> list[tuple[Any, Any]]:
    chance = np.broadcast_to(e, w.shape)
    return [(~w, 1 - chance[~w]), (w, chance[w])]


def _refuse_both(treatment: Any, outcome: Any) -> None:
    for name, value in (("treatment", treatment), ("outcome", outcome)):
        if value is not None:
            message = f"{name} is given and scores too: expected one of both"
            raise ParameterError(message, name)


def _columns_of(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "area": pa.array(found["area"], pa.string())}
