"""The best rule of a few splits that says which action a customer gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _columns, _display, _tercet
from tercet._columns import column_error
from tercet._estimator import note_of
from tercet._frames import check_same_rows, new_table, read_whole
from tercet._levels import as_text, quoted
from tercet._progress import Progress, reporting
from tercet.exceptions import ParameterError
from tercet.response import _leaf_rules, _treatment
from tercet.response._binned_model import BinnedModel
from tercet.response._crossing import labels_of
from tercet.response._leaf_rules import LeafRules
from tercet.response._leaks import warn_of_leaks
from tercet.value.propensity._customers import (
    column_of,
    is_table,
    read_customers,
    warn_of_numbers_as_text,
)
from tercet.value.propensity._outcome import classes_of, noted_classes
from tercet.value.propensity._settings import params_as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats
    from tercet.response.segment import Segment
    from tercet.value.propensity._customers import Customers

__all__ = ["PolicyTree"]

_OPTIONAL: Final = "a whole number, at least 1, or None"
_NEITHER: Final = "rewards, or treatment and outcome"
_COST: Final = "a number, one an action, or a dict of them by action"


class PolicyTree(BinnedModel):
    r"""The best rule of a few splits that says which action a customer gets.

    Of all trees of the depth the one is found for which the rewards of the actions that it gives
    add up to the most, $\max_\pi \sum_i \Gamma_{i,\pi(x_i)}$, where $\Gamma_{ia}$ is what customer
    $i$ brings under action $a$. Rewards are given, or told by an experiment: doubly robust, of
    expectations that are learned from other customers (see the methods page). Trees of depth 1 and
    2 are the best of all on the binned features. Of depth 3 the best of all below `shortlist` root
    splits is found, which is never worse than the best of depth 2.

    The best of many rules looks better than it is on the customers that chose it. So with `honest`
    the tree is searched for in one half of the customers, and the other half tells its value.

    Features are cut into at most `bins` bins. Of numbers all cuts between bins are looked at, with
    missing values on either side or alone; of levels each one against the others, and all cuts of
    their orders by what the actions bring. Of rules that bring the same the one of fewest splits is
    taken, then the first feature, then the lowest cut.

    Parameters
    ----------
    depth : int
        How many questions are asked one after the other at most, 0 to 3.
    control : label, optional
        The action that the rule is compared with. Of an experiment it is needed, unless it is 0 or
        False.
    min_leaf : int, optional
        The fewest customers of a leaf, of those that the tree is searched in. By default a
        hundredth of them, at least 10.
    bins : int
        Into how many bins numbers are cut at most, 2 to 254.
    shortlist : int
        For how many root splits of a tree of depth 3 all that is below is looked at.
    honest : bool
        Whether one half of the customers finds the tree and the other one tells its value. False:
        all of them find it, and nothing is said of its value.
    nuisance_trees : int
        Trees that tell what is expected of each arm, and the probability of the arms.
    min_propensity : float
        The smallest probability of an arm that leaves enough to compare: with more than a row in
        twenty below it there is no overlap, which is an error.
    random_state : int
        The seed of the halves and of the trees that expect.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    actions_ : numpy.ndarray
        The actions; of an experiment the control first.
    rules_ : table
        One row a leaf: `segment`, its id; `rule` in words; `action`; `n` and `share` of the
        customers of the fit; `reward` of the action there with `standard_error`, `lower`, `upper`
        (95%), by the half that did not choose it.
    segments_ : list of Segment
        The leaves as segments: every customer is in exactly one of them.
    value_ : table or None
        What the rule is worth by the half that did not choose it, with 95% intervals: see `value`.
    is_exact_ : bool
        Whether no tree of the depth is better on the customers that were searched.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only if the fit saw a table.
    how_it_ended_ : str
        How far was searched.

    References
    ----------
    Zhou, Z., Athey, S. and Wager, S. (2023). "Offline multi-action policy learning: generalization
    and optimization." Operations Research 71(1), 148-183.

    Athey, S. and Wager, S. (2021). "Policy learning with observational data." Econometrica 89(1),
    133-161.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> orders, country = rng.integers(0, 10, 4_000), rng.choice(["NO", "SE", "DK"], 4_000)
    >>> arm = rng.choice(["none", "mail"], 4_000)
    >>> gain = np.where((orders >= 5) & (country != "DK"), 4.0, 0.0)
    >>> spend = orders + gain * (arm == "mail") + rng.normal(size=4_000)
    >>> customers = {"orders": orders, "country": country}
    >>> tree = tc.PolicyTree(control="none")
    >>> tree = tree.fit(customers, arm, spend, "observed", cost={"mail": 1.0})
    >>> print("\n".join(tree.text().splitlines()[:3]))
    orders is at most 4?
    ├─ yes: none (50%)
    └─ no: country is not "DK"?
    >>> tree.predict({"orders": [8, 8], "country": ["NO", "DK"]}).tolist()
    ['mail', 'none']
    """

    _engine_class: ClassVar[Any] = _tercet.FittedPolicyTree
    _fitted_on = "X, treatment, outcome"

    def __init__(
        self,
        depth: int = 2,
        *,
        control: Any = None,
        min_leaf: int | None = None,
        bins: int = 64,
        shortlist: int = 32,
        honest: bool = True,
        nuisance_trees: int = 50,
        min_propensity: float = 0.01,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.depth = depth
        self.control = control
        self.min_leaf = min_leaf
        self.bins = bins
        self.shortlist = shortlist
        self.honest = honest
        self.nuisance_trees = nuisance_trees
        self.min_propensity = min_propensity
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        treatment: str | ArrayLike | None = None,
        outcome: str | ArrayLike | None = None,
        propensity: str | float | Mapping[Any, float] | ArrayLike | None = None,
        *,
        rewards: Any = None,
        cost: float | Sequence[float] | Mapping[Any, float] | None = None,
        progress: Progress = False,
    ) -> Self:
        """Search for the best rule, by an experiment or by rewards.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer, a column a feature that was known before the treatment.
        treatment : str or array of shape (n,), optional
            The arm of each customer: labels, of which `control` is one. Here and below a text names
            a column of `X`, which is no feature then.
        outcome : str or array of shape (n,), optional
            What became of each: a number, or whether it happened.
        propensity : "observed", float, dict or array, optional
            The probability of treatment, where it is known, as for `CausalForest`. None: estimated
            from the features.
        rewards : table, array of shape (n, actions) or list of str, optional
            Instead of an experiment: what each action brings of each customer. Columns of a table,
            or of `X` by their names, are the actions; of an array their places.
        cost : float, sequence or mapping, optional
            What actions cost, in units of the outcome: a number for each action but the control,
            one an action in the order of `actions_`, or a dict by action (those not named cost
            nothing). It is taken off the rewards.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For columns, treatments, outcomes or rewards that cannot be, for a single arm, an arm of
            fewer than 40 rows, amounts, and features that all but tell the arm.
        ParameterError
            For a setting that cannot be used, and a control that is not said.

        Warns
        -----
        UserWarning
            For a feature that is the outcome again, or that tells the treatment.
        """
        settings = self._settings()
        given = _Given.read(
            read_customers(X), self.control, treatment, outcome, propensity, rewards
        )
        customers, actions = given.customers, given.actions
        costs = _read_costs(cost, actions, given.control)
        learned = customers.learn()
        attributes = customers.attributes(learned)
        warn_of_numbers_as_text(attributes, ())
        rules = LeafRules.learn(customers, learned, attributes)
        note = {
            "params": params_as_json(self.get_params()),
            "features": [feature.note() for feature in learned],
            "named": customers.named,
            "actions": noted_classes(labels_of(actions)),
            "rules": rules.note(),
        }
        with reporting(progress) as report:
            engine = _tercet.FittedPolicyTree.fit(
                attributes,
                given.experiment,
                given.rewards,
                costs,
                settings=settings,
                note=json.dumps(note),
                n_jobs=_arguments.threads(self.n_jobs),
                progress=report,
            )
        if given.treated is not None and given.experiment is not None:
            treated, (_, result, known) = given.treated, given.experiment
            probabilities = _treatment.probabilities(known, treated)
            warn_of_leaks(attributes, (treated.name, treated.values), result, probabilities)
        self._engine, self._kind = engine, customers.kind or "pandas"
        self._adopt(engine)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the action of each customer.

        Parameters
        ----------
        X : table or array of shape (n, p)
            One row a customer. A table's columns are found by their names, in any order, and
            others are passed over; an array's by their places.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Labels, of `actions_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a column that is missing or holds something else than in the fit.
        """
        found: NDArray[Any] = self.actions_[self._leaves()["action"][self.apply(X)]]
        return found

    def apply(self, X: Any) -> NDArray[np.int64]:
        """Return the leaf of each customer: its place in `rules_` and `segments_`.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict`.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Places from 0.

        Raises
        ------
        NotFittedError, DataError
            As `predict` does.
        """
        engine: _tercet.FittedPolicyTree = self._require()
        found: NDArray[np.int64] = engine.apply(
            self._attributes(X), n_jobs=_arguments.threads(self.n_jobs)
        )
        return found

    def value(
        self,
        X: Any,
        treatment: str | ArrayLike | None = None,
        outcome: str | ArrayLike | None = None,
        propensity: str | float | Mapping[Any, float] | ArrayLike | None = None,
        *,
        rewards: Any = None,
        cost: float | Sequence[float] | Mapping[Any, float] | None = None,
        level: float = 0.95,
    ) -> Any:
        """Return what the rule is worth on customers who were not in the fit.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict`.
        treatment, outcome, propensity, rewards
            As for `fit`, of these customers.
        cost : float, sequence or mapping, optional
            As for `fit`; None: that of the fit.
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            `what`: the mean reward by the "rule", and of each "single action" for everybody; what
            the rule gains "over control" and "over best single action" (the best in the half that
            was searched); `action` that it is about; `value` with `standard_error`, `lower` and
            `upper`; `n` customers.

        Raises
        ------
        NotFittedError, DataError
            As `predict` and `fit` do.
        ParameterError
            For a level that cannot be, and other actions than those of the fit.
        """
        engine: _tercet.FittedPolicyTree = self._require()
        control = None if engine.control is None else self.actions_[engine.control]
        customers = read_customers(X)
        given = _Given.read(customers, control, treatment, outcome, propensity, rewards)
        actions = tuple(self.actions_.tolist())
        if given.actions != actions:
            expected = f"the actions of the fit, {quoted([as_text(one) for one in actions])}"
            raise _arguments.refusal(list(given.actions), "actions", expected)
        costs = engine.costs.tolist()
        if cost is not None:
            costs = _read_costs(cost, actions, engine.control)
        found = engine.value_on(
            self._attributes(X if self._named else given.customers.given),
            given.experiment,
            given.rewards,
            costs,
            level=_arguments.number(level, "level"),
            n_jobs=_arguments.threads(self.n_jobs),
        )
        return new_table(self._valued(found), self._kind)

    def text(self) -> str:
        """Return the tree as text.

        Returns
        -------
        str
            The questions, and the actions with their shares of the customers of the fit. Missing
            values are spoken of where there were any in the fit; `segments_` always say where they
            go.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        engine: _tercet.FittedPolicyTree = self._require()
        found, rules = self._leaves(), self._rules
        shares = found["n"] / found["n"].sum()

        def leaf(place: int) -> str:
            action = engine.actions[found["action"][place]]
            return f"{action} ({_display.per_cent(float(shares[place]))})"

        nodes = [
            (depth, number, "" if number is not None else rules.words(rules.where(condition)))
            for depth, number, condition in engine.nodes
        ]
        return "\n".join(_leaf_rules.drawn(nodes, leaf))

    @property
    def actions_(self) -> NDArray[Any]:
        """The actions; of an experiment the control first."""
        engine: _tercet.FittedPolicyTree = self._require()
        kept = note_of(engine).get("actions")
        return np.array(engine.actions) if kept is None else classes_of(kept)

    @property
    def rules_(self) -> Any:
        """One row a leaf."""
        engine: _tercet.FittedPolicyTree = self._require()
        found = self._leaves()
        columns = {
            "segment": pa.array([segment.id for segment in self.segments_], pa.string()),
            "rule": pa.array(self._rule_words(), pa.string()),
            "action": pa.array([engine.actions[place] for place in found["action"]], pa.string()),
            "n": found["n"],
            "share": found["n"] / found["n"].sum(),
        }
        rest = ("reward", "standard_error", "lower", "upper")
        return new_table({**columns, **{name: found[name] for name in rest}}, self._kind)

    @property
    def segments_(self) -> list[Segment]:
        """The leaves as segments: every customer is in exactly one of them."""
        engine: _tercet.FittedPolicyTree = self._require()
        found = self._leaves()
        words = [f"Action: {engine.actions[place]}" for place in found["action"]]
        wheres = [self._rules.where(condition) for condition in found["condition"]]
        return _leaf_rules.as_segments(wheres, "rule", words)

    @property
    def value_(self) -> Any:
        """What the rule is worth by the half that did not choose it; None of a fit of all rows."""
        found = self._require().value(level=0.95)
        return None if found is None else new_table(self._valued(found), self._kind)

    @property
    def is_exact_(self) -> bool:
        """Whether no tree of the depth is better on the customers that were searched."""
        return bool(self._require().is_exact)

    @property
    def treatment_(self) -> str | None:
        """What the treatment is called; None where rewards were given."""
        engine: _tercet.FittedPolicyTree = self._require()
        return engine.treatment

    @property
    def outcome_(self) -> str | None:
        """What the outcome is called; None where rewards were given."""
        engine: _tercet.FittedPolicyTree = self._require()
        return engine.outcome

    @property
    def _rules(self) -> LeafRules:
        return LeafRules.of(note_of(self._require()).get("rules", {}))

    def _leaves(self) -> dict[str, Any]:
        found: dict[str, Any] = self._require().leaves(level=0.95)
        return found

    def _rule_words(self) -> list[str]:
        rules = self._rules
        return [rules.words(rules.where(one)) for one in self._leaves()["condition"]]

    def _valued(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rows of a value: of the rule, the actions, and the gains that matter."""
        engine: _tercet.FittedPolicyTree = self._require()
        k = len(engine.actions)
        rows: list[tuple[str, str | None, int]] = [("rule", None, 0)]
        rows += [("single action", name, 1 + k) for k, name in enumerate(engine.actions)]
        if engine.control is not None:
            name = engine.actions[engine.control]
            rows.append(("gain over control", name, 1 + k + engine.control))
        best = engine.best_single
        rows.append(("gain over best single action", engine.actions[best], 1 + k + best))
        places = [place for _, _, place in rows]
        columns: dict[str, Any] = {
            "what": pa.array([what for what, _, _ in rows], pa.string()),
            "action": pa.array([action for _, action, _ in rows], pa.string()),
        }
        for name in ("value", "standard_error", "lower", "upper"):
            columns[name] = found[name][places]
        return {**columns, "n": found["rows"][places]}

    def _settings(self) -> dict[str, Any]:
        counts = {"depth": "from 0 to 3", "bins": "at least 2", "shortlist": "at least 1"}
        counts["nuisance_trees"] = "at least 2"
        found: dict[str, Any] = {
            name: _arguments.whole(getattr(self, name), name, f"a whole number, {least}")
            for name, least in counts.items()
        }
        least = self.min_leaf
        found["min_leaf"] = (
            None if least is None else _arguments.whole(least, "min_leaf", _OPTIONAL)
        )
        found["honest"] = _arguments.truth(self.honest, "honest")
        found["min_propensity"] = _arguments.number(self.min_propensity, "min_propensity")
        found["seed"] = _arguments.seed(self.random_state, "random_state")
        return found

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        control = None if engine.control is None else engine.actions[engine.control]
        return {"control": control, **super()._stored(engine)}

    def _words(self) -> Iterator[str]:
        found = self._require().value(level=0.95)
        if found is None:
            yield "Nothing is said of its value, since all customers were used to find it."
        else:
            rows = self._valued(found)
            ends = zip(rows["value"], rows["lower"], rows["upper"], strict=True)
            for (mean, low, high), what, action in zip(
                ends, rows["what"].to_pylist(), rows["action"].to_pylist(), strict=True
            ):
                if what != "single action":
                    of = "Reward by the rule" if what == "rule" else f"{what.capitalize()}"
                    name = "" if action is None else f" ({action})"
                    yield f"{of}{name}: {mean:.4g} ({low:.4g} to {high:.4g})."
        yield f"{self.n_observations_:,} rows; {self.how_it_ended_}."

    def _shown(self) -> _display.Grid:
        engine: _tercet.FittedPolicyTree = self._require()
        found = self._leaves()
        share = found["n"] / found["n"].sum()
        rows = [
            (
                _display.shortened(words, 60),
                engine.actions[found["action"][k]],
                f"{found['n'][k]:,}",
                _display.per_cent(float(share[k])),
                *(_display.number(float(f"{found[name][k]:.4g}")) for name in _ENDS),
            )
            for k, words in enumerate(self._rule_words())
        ]
        header = ("rule", "action", "n", "share", "reward", "lower", "upper")
        return _display.Grid(self._call(), header, rows, list(self._words()))


_ENDS: Final = ("reward", "lower", "upper")


class _Given:
    """What customers bring under each action, as the core takes it."""

    def __init__(self, customers: Customers, actions: tuple[Any, ...]) -> None:
        self.customers = customers
        self.actions = actions
        self.control: int | None = None
        self.treated: _treatment.Treatment | None = None
        self.experiment: tuple[Any, tuple[str, Floats], Any] | None = None
        self.rewards: tuple[list[str], Floats, int | None] | None = None

    @classmethod
    def read(
        cls,
        customers: Customers,
        control: Any,
        treatment: Any,
        outcome: Any,
        propensity: Any,
        rewards: Any,
    ) -> _Given:
        """Read an experiment, or rewards."""
        if rewards is None:
            if treatment is None or outcome is None:
                lacking = "treatment" if treatment is None else "outcome"
                raise _arguments.refusal(None, lacking, _NEITHER)
            return cls._experiment(customers, control, treatment, outcome, propensity)
        if treatment is not None or outcome is not None or propensity is not None:
            message = f"rewards: expected {_NEITHER}, not both"
            raise ParameterError(message, "rewards")
        return cls._rewards(customers, control, rewards)

    @classmethod
    def _experiment(
        cls, customers: Customers, control: Any, treatment: Any, outcome: Any, propensity: Any
    ) -> _Given:
        treated = _treatment.read_treatment(treatment, control, customers)
        if not treated.arms:
            reason = (
                "is an amount; a rule chooses among arms: group it into a few, or name control="
            )
            raise column_error(treated.name, reason)
        result = _treatment.read_outcome(outcome, customers)
        known = _treatment.read_known(propensity, treated, customers)
        apart = [one for one in (treatment, outcome, propensity) if isinstance(one, str)]
        given = cls(customers.without(apart), treated.arms)
        given.control, given.treated = 0, treated
        given.experiment = (treated.core(), result, known)
        return given

    @classmethod
    def _rewards(cls, customers: Customers, control: Any, rewards: Any) -> _Given:
        labels, values, apart = _read_rewards(rewards, customers)
        given = cls(customers.without(apart), labels)
        if control is not None:
            if control not in labels:
                expected = f"one of the actions, {quoted([as_text(one) for one in labels])}"
                raise _arguments.refusal(control, "control", expected)
            given.control = labels.index(control)
        given.rewards = ([as_text(one) for one in labels], values.ravel(), given.control)
        return given


def _read_rewards(rewards: Any, customers: Customers) -> tuple[tuple[Any, ...], Floats, list[str]]:
    """Return the actions, a column of rewards each, and which columns of X these are."""
    expected = "a table or an array with a column an action, or names of columns of X"
    if isinstance(rewards, str):
        raise _arguments.refusal(rewards, "rewards", expected)
    if isinstance(rewards, list | tuple) and all(isinstance(one, str) for one in rewards):
        names = _arguments.names(rewards, "rewards", expected)
        columns = [
            _columns.floats(column_of(customers.table, name, "rewards"), name) for name in names
        ]
        return tuple(names), np.ascontiguousarray(np.column_stack(columns)), names
    check_same_rows(rewards, customers.given, "rewards", "X")
    if is_table(rewards):
        table = read_whole(rewards, what="table of rewards")
        names = list(table.columns.columns)
        found = np.column_stack([table.floats(name) for name in names])
        labels: tuple[Any, ...] = tuple(names)
    else:
        try:
            found = np.asarray(rewards, dtype=np.float64)
        except (TypeError, ValueError):
            raise _arguments.refusal(type(rewards).__name__, "rewards", expected) from None
        if found.ndim != 2:
            raise _arguments.refusal(f"{found.ndim} dimensions", "rewards", expected)
        labels = tuple(range(found.shape[1]))
    if len(found) != len(customers):
        reason = f"has {len(found):,} rows for {len(customers):,} customers; give one a row"
        raise column_error("rewards", reason)
    return labels, np.ascontiguousarray(found), []


def _read_costs(cost: Any, actions: Sequence[Any], control: int | None) -> list[float]:
    """Return what each action costs."""
    if cost is None:
        return [0.0] * len(actions)
    if isinstance(cost, Mapping):
        for action in cost:
            if action not in actions:
                named = f"actions for keys, of {quoted([as_text(one) for one in actions])}"
                raise _arguments.refusal(action, "cost", named)
        return [_arguments.finite(cost.get(action, 0.0), "cost", _COST) for action in actions]
    if np.ndim(cost) == 0 and not isinstance(cost, str):
        one = _arguments.finite(cost, "cost", _COST)
        if control is None:
            raise _arguments.refusal(
                cost, "cost", "costs by action, since no action is the control"
            )
        return [0.0 if place == control else one for place in range(len(actions))]
    if isinstance(cost, str) or len(cost) != len(actions):
        raise _arguments.refusal(cost, "cost", f"{len(actions)} numbers, one an action")
    return [_arguments.finite(one, "cost", _COST) for one in cost]
