"""Segments in which an action works otherwise than on other customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._columns import column_error
from tercet._frames import new_table
from tercet._levels import as_text, quoted
from tercet._progress import Progress, reporting
from tercet.response import _leaf_rules, _treatment
from tercet.response._leaf_rules import LeafRules
from tercet.response._leaks import warn_of_leaks
from tercet.response.segment_book import SegmentBook
from tercet.value.propensity._customers import (
    read_again,
    read_customers,
    warn_of_numbers_as_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from tercet._frames import Kind
    from tercet.response.experiment import Adjust
    from tercet.response.segment import Segment

__all__ = ["DiscoveredSegments", "discover_segments"]

Objective: TypeAlias = Literal["effect", "policy"]

_ADJUST: Final = ("holm", "fdr", "none")
_CORRECTIONS: Final = {
    "fdr": "false discovery rate",
    "holm": "Holm",
    "none": "no correction",
}
_OPTIONAL: Final = "a whole number, at least 1, or None"
_COST: Final = "a number, or a dict of them by arm"
#: Segments that are shown.
_SHOWN: Final = 16


class DiscoveredSegments:
    """Segments that were discovered; made by `discover_segments`.

    Attributes
    ----------
    table_ : table
        One row a segment, the largest effect of each arm first: `segment`, its id; `rule` in words;
        `arm`; `n` customers and their `share`; `effect` of the arm on them with `standard_error`,
        `lower`, `upper`; `difference`, by how much that is above the effect on the other customers,
        `p` that there is no difference, and `p_adjusted` for the number of segments;
        `effect_shrunken`, drawn towards the arm's other segments, with `shrunken_lower`,
        `shrunken_upper`; `stability`; `pays`, whether the effect was above the cost in the half
        that was searched; `found`, whether the difference is clear of chance. All but `stability`
        and `pays` are of the half in which rules were not searched.
    arms_ : table
        One row an arm: `arm`, `n_segments`, the mean `effect` on everybody with `standard_error`,
        `lower`, `upper`; `tau`, how far effects vary from segment to segment (a standard
        deviation); `differ_p` that effects are the same in all segments, and `differ_p_adjusted`
        for the number of arms; `exact`, whether no tree of the depth is better where it was
        searched.
    segments_ : list of Segment
        The segments, in the order of `table_`. Those of an arm hold every customer once.
    verdict_ : str
        What it all means, in words.
    n_found_ : int
        How many segments are clear of chance.
    arms : list of str
        The arms, the control first.
    control : str
        The arm that the others are compared with.
    is_binary : bool
        Whether the outcome is 0 or 1 in every row.
    outcome, treatment : str
        What they are called.
    level : float
        Confidence level of the intervals.
    n_searched, n_estimated : int
        Customers of the half that found the rules, and of the half that tells effects.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> orders, country = rng.integers(0, 10, 8_000), rng.choice(["NO", "SE", "DK"], 8_000)
    >>> arm = rng.choice(["none", "mail"], 8_000)
    >>> gain = np.where((orders >= 5) & (country == "NO"), 2.0, 0.0)
    >>> spend = orders + gain * (arm == "mail") + rng.normal(size=8_000)
    >>> customers = {"orders": orders, "country": country}
    >>> found = tc.discover_segments(customers, arm, spend, control="none", propensity="observed")
    >>> found.table_["rule"][0].as_py()
    'country is "NO" and orders is above 4'
    >>> found.segments_[0].members({"orders": [8, 8], "country": ["NO", "DK"]}).tolist()
    [True, False]
    """

    def __init__(
        self,
        found: Mapping[str, Any],
        wheres: Sequence[dict[str, Any]],
        rules: Sequence[str],
        facts: Mapping[str, Any],
        kind: Kind | None,
    ) -> None:
        self.control: str = facts["control"]
        self.treatment: str = facts["treatment"]
        self.outcome: str = facts["outcome"]
        self.level: float = facts["level"]
        self.n_searched = int(found["n_searched"])
        self.n_estimated = int(found["n_estimated"])
        self._found = found
        self._rules = list(rules)
        self._facts = dict(facts)
        self._kind = kind
        rows = found["segments"]
        words = [
            f"Effect of {found['names'][arm]!r} on {self.outcome!r} against {self.control!r}: "
            f"{_interval(rows, place, facts['binary'])}"
            for place, arm in enumerate(rows["arm"])
        ]
        self.segments_: list[Segment] = _leaf_rules.as_segments(wheres, "segment", words)

    @property
    def table_(self) -> Any:
        """One row a segment."""
        rows = self._found["segments"]
        names = self._found["names"]
        columns: dict[str, Any] = {
            "segment": pa.array([segment.id for segment in self.segments_], pa.string()),
            "rule": pa.array(self._rules, pa.string()),
            "arm": pa.array([names[arm] for arm in rows["arm"]], pa.string()),
        }
        columns |= {name: rows[name] for name in rows if name != "arm"}
        for name in ("pays", "found"):
            columns[name] = np.array(rows[name], dtype=bool)
        return new_table(columns, self._kind)

    @property
    def arms_(self) -> Any:
        """One row an arm."""
        found = self._found["arms"]
        columns = {"arm": pa.array(self._found["names"], pa.string()), **found}
        columns["exact"] = np.array(found["exact"], dtype=bool)
        return new_table(columns, self._kind)

    @property
    def arms(self) -> list[str]:
        """The arms, the control first."""
        return [self.control, *self._found["names"]]

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is 0 or 1 in every row."""
        return bool(self._facts["binary"])

    @property
    def n_found_(self) -> int:
        """How many segments are clear of chance."""
        return int(sum(self._found["segments"]["found"]))

    @property
    def verdict_(self) -> str:
        """What it all means, in words."""
        return " ".join(self._verdict())

    def book(self, *, found_only: bool = False) -> SegmentBook:
        """Return the segments as a book, to be evaluated, saved, or written as SQL together.

        Parameters
        ----------
        found_only : bool
            Whether only those that are clear of chance are taken.

        Returns
        -------
        SegmentBook
            The book.

        Raises
        ------
        ParameterError
            If nothing is left to be taken.
        """
        only = _arguments.truth(found_only, "found_only")
        flags = self._found["segments"]["found"]
        pairs = zip(self.segments_, flags, strict=True)
        kept = [segment for segment, found in pairs if found or not only]
        if not kept:
            raise _arguments.refusal(found_only, "found_only", "False: no segment was found")
        return SegmentBook(kept)

    def members(self, X: Any) -> Any:
        """Say which segment of each arm every customer is in.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer. A table's columns are found by their names, in any order, and
            others are passed over; an array's by their places.

        Returns
        -------
        table
            A column an arm, of ids in `segments_`.

        Raises
        ------
        DataError
            For a column that is missing or holds something else than in the search.
        """
        facts = self._facts
        found = read_again(X, facts["features"], facts["named"], "discover_segments")
        customers = found.given if facts["named"] else _leaf_rules.table_of(found)
        inside = self.book().evaluate(customers)
        columns = {}
        for place, arm in enumerate(self._found["names"]):
            own = [
                segment.id
                for segment, of in zip(self.segments_, self._found["segments"]["arm"], strict=True)
                if of == place
            ]
            flags = np.array([inside.members(name) for name in own])
            columns[arm] = pa.array(np.array(own, dtype=object)[flags.argmax(axis=0)], pa.string())
        return new_table(columns, found.kind or self._kind)

    def text(self) -> str:
        """Return the segments and the verdict as text."""
        return self._shown().text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        rows = self._found["segments"]
        several = len(self._found["names"]) > 1
        header = [f"Effect on {self.outcome}", *(["arm"] if several else []), "n", "share"]
        header += ["effect", "lower", "upper", "shrunken", "p adjusted", "stability", "found"]
        cells = [list(self._cells(k, several)) for k in range(min(len(self._rules), _SHOWN))]
        title = (
            f"Segments by the effect of {self.treatment} against '{self.control}', "
            f"{_display.per_cent(self.level)} intervals"
        )
        words = list(self._verdict())
        if len(rows["n"]) > _SHOWN:
            words.insert(0, f"{len(rows['n']) - _SHOWN} more rows are in table_.")
        words.insert(0, self._how())
        return _display.Grid(title, header, cells, words)

    def _cells(self, row: int, several: bool) -> Iterator[str]:
        found = {name: column[row] for name, column in self._found["segments"].items()}
        yield _display.shortened(self._rules[row], 56)
        if several:
            yield self._found["names"][found["arm"]]
        yield f"{found['n']:,}"
        yield _display.per_cent(float(found["share"]))
        for name in ("effect", "lower", "upper", "effect_shrunken"):
            value = float(found[name])
            yield _display.per_cent(value, 2) if self.is_binary else _signed(value)
        yield _display.p_value(float(found["p_adjusted"]))
        yield "" if np.isnan(found["stability"]) else f"{found['stability']:.2f}"
        yield "yes" if found["found"] else "no"

    def _how(self) -> str:
        return (
            f"{self.n_searched:,} customers found the rules, {self.n_estimated:,} others tell the "
            f"effects; p-values: {_CORRECTIONS[self._facts['adjust']]}, each of a segment against "
            "all other customers."
        )

    def _verdict(self) -> Iterator[str]:
        rows, arms = self._found["segments"], self._found["arms"]
        for place, arm in enumerate(self._found["names"]):
            own = np.flatnonzero(rows["arm"] == place)
            found = [int(row) for row in own if rows["found"][row]]
            overall = (
                f"On everybody the effect of '{arm}' on '{self.outcome}' is "
                f"{self._interval(arms, place)}."
            )
            if len(own) == 1:
                yield f"'{arm}': no split of the customers gained anything. {overall}"
                continue
            if not found:
                yield (
                    f"'{arm}': no segment was found in which it works otherwise than on other "
                    f"customers; choosing among these would be choosing noise. {overall}"
                )
                continue
            yield (
                f"'{arm}': {len(found)} of {len(own)} segments "
                f"{'differs' if len(found) == 1 else 'differ'} from the other customers by more "
                "than chance."
            )
            best, worst = found[0], found[-1]
            if rows["difference"][best] > 0:
                yield (
                    f"It does most for customers where {self._rules[best]} "
                    f"({_display.per_cent(float(rows['share'][best]))} of all): "
                    f"{self._interval(rows, best)}, against "
                    f"{_signed(self._others(best), self.is_binary)} on the others."
                )
            if worst != best and rows["difference"][worst] < 0:
                yield (
                    f"It does least where {self._rules[worst]} "
                    f"({_display.per_cent(float(rows['share'][worst]))}): "
                    f"{self._interval(rows, worst)}."
                )
            harmed = [row for row in found if rows["upper"][row] < 0.0]
            if harmed:
                yield "Where the interval lies below 0 it does harm."
            weak = [row for row in found if rows["stability"][row] < 0.5]
            if weak:
                yield (
                    "A stability below 0.5 says that other customers would have given another rule "
                    "for much the same difference."
                )

    def _interval(self, rows: Mapping[str, Any], row: int) -> str:
        return _interval(rows, row, self.is_binary)

    def _others(self, row: int) -> float:
        rows = self._found["segments"]
        return float(rows["effect"][row] - rows["difference"][row])


def discover_segments(
    X: Any,
    treatment: str | ArrayLike,
    outcome: str | ArrayLike,
    depth: int = 2,
    *,
    control: Any = None,
    propensity: str | float | Mapping[Any, float] | ArrayLike | None = None,
    objective: Objective = "effect",
    cost: float | Mapping[Any, float] | None = None,
    adjust: Adjust = "holm",
    level: float = 0.95,
    min_leaf: int | None = None,
    bins: int = 64,
    shortlist: int = 32,
    resamples: int = 20,
    nuisance_trees: int = 50,
    min_propensity: float = 0.01,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> DiscoveredSegments:
    r"""Discover segments in which an action works otherwise than on other customers.

    Customers are divided in two halves at random. In one of them, for each arm, the tree is found
    that sets segments of different effects apart; the other half tells the effects, which are then
    those of rules that were fixed beforehand: their intervals and p-values are as honest as if
    someone had named the segments before the experiment. Effects are means of doubly robust scores
    (see the methods page).

    A segment is *found* if its effect differs from that on all other customers by more than chance,
    after correction for the number of segments. A mail that works on everybody alike discovers no
    segment, however well it works: whether it works in a segment is told by the interval of
    `effect`.

    Parameters
    ----------
    X : table or array of shape (n, p)
        One row a customer, a column a feature that was known before the treatment.
    treatment : str or array of shape (n,)
        The arm of each customer: labels, of which `control` is one. Here and below a text names a
        column of `X`, which is no feature then.
    outcome : str or array of shape (n,)
        What became of each: a number, or whether it happened.
    depth : int
        How many questions make a rule at most, 1 to 3. Trees of depth 1 and 2 are the best of all
        on the binned features, of depth 3 the best of all below `shortlist` root splits.
    control : label, optional
        The arm that others are compared with. Not needed where it is 0 or False.
    propensity : "observed", float, dict or array, optional
        The probability of treatment, where it is known, as for `CausalForest`; "observed" for an
        experiment in which everybody had the same chances. None: estimated from the features.
    objective : {"effect", "policy"}
        Whether effects shall differ as much as can be told between segments (a split that only
        chance would explain is not made), or treating some and not others shall pay as much as it
        can: $\sum n \max(0, \text{effect} - \text{cost})$.
    cost : float or mapping, optional
        What a treatment costs, in units of the outcome, or a dict by arm: for "policy", and for the
        column `pays`.
    adjust : {"holm", "fdr", "none"}
        How p-values are adjusted: so that with 95% (level) probability all segments called found
        are different (Holm); or so that at most 5% (1 - level) of them are not, on average
        (Benjamini-Hochberg).
    level : float
        Confidence level of all intervals.
    min_leaf : int, optional
        The fewest customers of a segment in the half that is searched. By default a hundredth of
        it, at least 50.
    bins : int
        Into how many bins numbers are cut at most, 2 to 254.
    shortlist : int
        For how many root splits of a tree of depth 3 all that is below is looked at.
    resamples : int
        Half samples of the searched half that tell `stability`: the mean over them of the largest
        overlap (Jaccard) with one of their segments. 1: the same customers each time; below 0.5:
        the rule is one of several that would do. 0: none.
    nuisance_trees : int
        Trees that tell what is expected of each arm, and the probability of the arms.
    min_propensity : float
        The smallest probability of an arm that leaves enough to compare.
    random_state : int
        The seed of the halves, of the trees that expect, and of the half samples.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    DiscoveredSegments
        `table_`, `segments_`, `verdict_` and more; drawn by `tercet.plots.effects_by_segment`.

    Raises
    ------
    DataError
        For columns, treatments or outcomes that cannot be, for a single arm, an arm of fewer than
        40 rows, an amount, and features that all but tell the arm.
    ParameterError
        For an argument that cannot be used, and a control that is not said.

    Warns
    -----
    UserWarning
        For a feature that is the outcome again, or that tells the treatment.

    References
    ----------
    Athey, S. and Imbens, G. (2016). "Recursive partitioning for heterogeneous causal effects."
    Proceedings of the National Academy of Sciences 113(27), 7353-7360.

    Athey, S. and Wager, S. (2021). "Policy learning with observational data." Econometrica 89(1),
    133-161.

    Zhou, Z., Athey, S. and Wager, S. (2023). "Offline multi-action policy learning: generalization
    and optimization." Operations Research 71(1), 148-183.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(2)
    >>> customers = {"orders": rng.integers(0, 10, 6_000), "age": rng.integers(18, 80, 6_000)}
    >>> arm = rng.choice(["none", "mail"], 6_000)
    >>> spend = customers["orders"] + 1.0 * (arm == "mail") + rng.normal(size=6_000)
    >>> found = tc.discover_segments(customers, arm, spend, control="none", propensity="observed")
    >>> found.n_found_  # the mail works on everybody alike
    0
    """
    customers = read_customers(X)
    treated = _treatment.read_treatment(treatment, control, customers)
    if not treated.arms:
        reason = "is an amount; segments are of the effects of arms: group it, or name control="
        raise column_error(treated.name, reason)
    result = _treatment.read_outcome(outcome, customers)
    known = _treatment.read_known(propensity, treated, customers)
    settings = {
        "depth": _arguments.whole(depth, "depth", "a whole number, 1 to 3"),
        "objective": _arguments.word(objective, "objective", get_args(Objective)),
        "cost": _read_costs(cost, treated.arms),
        "min_leaf": None if min_leaf is None else _arguments.whole(min_leaf, "min_leaf", _OPTIONAL),
        "bins": _arguments.whole(bins, "bins", "a whole number, at least 2"),
        "shortlist": _arguments.whole(shortlist, "shortlist", "a whole number, at least 1"),
        "level": _arguments.number(level, "level"),
        "adjust": _arguments.word(adjust, "adjust", _ADJUST),
        "resamples": _arguments.whole(resamples, "resamples", "a whole number, at least 0"),
        "nuisance_trees": _arguments.whole(
            nuisance_trees, "nuisance_trees", "a whole number, at least 2"
        ),
        "min_propensity": _arguments.number(min_propensity, "min_propensity"),
        "seed": _arguments.seed(random_state, "random_state"),
    }
    apart = [one for one in (treatment, outcome, propensity) if isinstance(one, str)]
    customers = customers.without(apart)
    learned = customers.learn()
    attributes = customers.attributes(learned)
    warn_of_numbers_as_text(attributes, ())
    with reporting(progress) as report:
        found = _tercet.discover_segments(
            attributes,
            treated.core(),
            result,
            known,
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    probabilities = _treatment.probabilities(known, treated)
    warn_of_leaks(attributes, (treated.name, treated.values), result, probabilities)
    rules = LeafRules.learn(customers, learned, attributes)
    wheres = [rules.where(condition) for condition in found["conditions"]]
    facts = {
        "control": as_text(treated.arms[0]),
        "treatment": treated.name,
        "outcome": result[0],
        "level": settings["level"],
        "adjust": settings["adjust"],
        "features": [feature.name for feature in learned],
        "named": customers.named,
        "binary": bool(np.isin(result[1], (0.0, 1.0)).all()),
    }
    words = [rules.words(where) for where in wheres]
    return DiscoveredSegments(found, wheres, words, facts, customers.kind or "pandas")


def _read_costs(cost: Any, arms: tuple[Any, ...]) -> list[float]:
    """Return what each arm but the control costs."""
    treated = arms[1:]
    if cost is None:
        return []
    if not hasattr(cost, "keys"):
        return [_arguments.finite(cost, "cost", _COST)] * len(treated)
    for arm in cost:
        if arm not in treated:
            named = f"arms but the control for keys, of {quoted([as_text(one) for one in treated])}"
            raise _arguments.refusal(arm, "cost", named)
    return [_arguments.finite(cost.get(arm, 0.0), "cost", _COST) for arm in treated]


def _signed(value: float, binary: bool = False) -> str:
    """Return an effect with its sign, to three digits; of a share in percentage points."""
    if not np.isfinite(value):
        return ""
    shown = f"{100.0 * value if binary else value:+.3g}".replace("-", "\N{MINUS SIGN}")
    return f"{shown} points" if binary else shown


def _interval(rows: Mapping[str, Any], row: int, binary: bool) -> str:
    effect, low, high = (float(rows[name][row]) for name in ("effect", "lower", "upper"))
    ends = (_signed(one, binary).removesuffix(" points") for one in (low, high))
    return f"{_signed(effect, binary)} ({' to '.join(ends)})"
