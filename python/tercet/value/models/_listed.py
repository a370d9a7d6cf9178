"""Models of several things at once: products bought, features used, and any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tercet import _arguments, _display
from tercet._snapshots.feature import slugs
from tercet._snapshots.roles import ROLES
from tercet._snapshots.target import MAIN
from tercet.exceptions import DataError, ParameterError
from tercet.value.models import _next
from tercet.value.models._coherence import coherent, moved
from tercet.value.models._estimates import Estimate, estimate, outcome_column, with_ends
from tercet.value.models._judging import matrix_of
from tercet.value.models._model import SnapshotModel
from tercet.value.propensity import Propensity
from tercet.value.propensity._many import fit_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats
    from tercet.data.snapshot_table import SnapshotTable
    from tercet.value.propensity._settings import Features

#: What is predicted of a thing that nobody had in the rows of a fit.
_NOBODY = 0.5
#: From which share of rows on, and below which share of events among them, it is said that
#: customers who are not active make the ranking look good.
_MANY_IDLE = 0.2
_HARDLY_ANY = 0.01


class ListedModel(SnapshotModel):
    """A model of whether any of some things happens, and each of them."""

    products: Sequence[str] | None
    features: Sequence[str] | None
    channels: Sequence[str] | None
    active_within: Any
    first_only: bool
    #: Many things with curves of many features take long, and rare ones cannot carry them.
    _shape: ClassVar[Features] = "linear"
    #: Names of the outcomes, of the score's columns and of the features that tell who has a thing.
    _verb: ClassVar[str]
    _stem: ClassVar[str]
    _has: ClassVar[str]
    #: What the things are called, what the rows of their log are, and the argument that lists them.
    _thing: ClassVar[str]
    _rows: ClassVar[str]
    _argument: ClassVar[str]

    def _build(self, snapshots: Any, tables: Mapping[str, Any]) -> SnapshotTable:
        """Return the rows of the snapshots."""
        (target,) = self._targets
        main = MAIN[target]
        if main not in tables:
            raise ParameterError(f"{main}: expected a table of {self._rows}", main)
        if "stages" in tables:
            raise ParameterError("stages: expected none; no features are made of it", "stages")
        built: SnapshotTable = getattr(snapshots, target)(
            **tables,
            products=self.products,
            features=self.features,
            channels=self.channels,
            first_only=self.first_only,
            active_within=self.active_within,
        )
        return built

    @property
    def _listed_now(self) -> tuple[str, ...]:
        """Return the things of the fit."""
        listed: tuple[str, ...] = self._require().recipe._plan.target.listed
        return listed

    def _table(self, snapshots: Any, tables: Mapping[str, Any]) -> SnapshotTable:
        _arguments.truth(self.first_only, "first_only")
        ready = self._of_snapshots(snapshots, tables)
        return self._build(snapshots, tables) if ready is None else ready

    def _outcomes(self, table: SnapshotTable) -> dict[str, Floats]:
        names = table.outcome_names
        # That of any thing is the last column.
        return {name: outcome_column(table, name) for name in [names[-1], *names[:-1]]}

    def _learn(
        self, table: SnapshotTable, outcomes: Mapping[str, Floats]
    ) -> tuple[dict[str, Propensity], dict[str, Floats | None]]:
        main, *each = outcomes
        there = ~np.isnan(outcomes[main])
        X, groups = matrix_of(table), table.groups
        several = len(table._places) > 1
        total = self._propensity(several).fit(
            X.filter(there), outcomes[main][there].astype(np.int64), groups=groups[there]
        )
        models, held = {main: total}, {main: _spread(total.out_of_fold_, there)}
        if len(each) == 1:  # Of one thing, any of them is it.
            return {**models, each[0]: total}, {**held, each[0]: held[main]}
        own = {name: outcomes[name] for name in each}
        template = self._propensity(several)
        if each and isinstance(template, Propensity):
            folds = table.folds(template.folds, seed=template.random_state)
            found, left_out = fit_many(template, X, own, groups, folds)
            models |= {name: found[name] for name in each if name in found}
            return models, self._agreed(held | left_out)
        for name, values in own.items():
            known = ~np.isnan(values)
            if 0.0 < values[known].mean() < 1.0:
                models[name] = self._propensity(several).fit(
                    X.filter(known), values[known].astype(np.int64), groups=groups[known]
                )
                held[name] = _spread(models[name].out_of_fold_, known)
        return models, self._agreed(held)

    def _agreed(self, held: dict[str, Floats | None]) -> dict[str, Floats | None]:
        """Return probabilities of rows left out, brought into agreement where there are all."""
        main, *names = held
        known = [held[name] for name in names]
        union = held[main]
        if not names or union is None or any(one is None for one in known):
            return held
        each, total = coherent(np.column_stack([one for one in known if one is not None]), union)
        return {main: total, **{name: each[:, k].copy() for k, name in enumerate(names)}}

    def _of_models(
        self,
        models: Mapping[str, Propensity],
        X: Any,
        table: SnapshotTable,
        level: float | None,
    ) -> dict[str, Estimate]:
        main = next(iter(models))
        total = estimate(models[main], X, level)
        listed: tuple[str, ...] = table.recipe._plan.target.listed
        if not listed:
            return {main: total}
        shorts = slugs(listed, self._argument)
        has = self._has_columns(table, shorts)
        raw = {}
        for short in shorts:
            name = f"{self._verb}_{short}"
            if name in models:
                raw[name] = estimate(models[name], X, level)
            else:
                raw[name] = Estimate(np.full(X.num_rows, _NOBODY / (X.num_rows + 1)))
        before = np.column_stack([one.p for one in raw.values()])
        if table.recipe._plan.target.first_only:
            before = np.where(has, np.nan, before)
        each, union = coherent(before, total.p)
        found = {main: _moved(total, total.p, union)}
        for place, (name, one) in enumerate(raw.items()):
            found[name] = _moved(one, before[:, place], each[:, place])
        return ends_in_order(found)

    def _remarks(self, test: SnapshotTable) -> list[str]:
        happened = next(iter(self._outcomes(test).values()))
        idle = _idle(test)[~np.isnan(happened)]
        happened = happened[~np.isnan(happened)]
        if not idle.any() or idle.mean() < _MANY_IDLE or happened[idle].mean() >= _HARDLY_ANY:
            return []
        words = (
            f"{_display.per_cent(float(idle.mean()))} of these rows are customers who were not "
            "active in the observation window, and hardly any of them has the outcome: much of "
            "the ranking says who is still a customer; see active_within"
        )
        return [words]

    def _has_columns(self, table: SnapshotTable, shorts: Sequence[str]) -> Any:
        """Return who had each thing before the date."""
        names = [f"{self._has}_{short}" for short in shorts]
        known = table._taken({name: table._features[name] for name in names})
        return np.column_stack([np.asarray(known[name]) > 0 for name in names])

    def _columns(
        self, found: Mapping[str, Estimate], X: Any, table: SnapshotTable
    ) -> dict[str, Any]:
        main, *each = found.values()
        columns = with_ends(self._stem, main)
        for short, one in zip(slugs(self._listed_now, self._argument), each, strict=True):
            columns |= with_ends(f"{self._stem}_{short}", one)
        return columns

    def _outcome(self, outcome: Any) -> str:
        listed = self._listed_now
        if outcome in listed:
            return f"{self._verb}_{slugs(listed, self._argument)[listed.index(outcome)]}"
        return super()._outcome(outcome)

    def _next_best(
        self,
        customers: Any,
        as_of: Any,
        tables: Any,
        margins: Any,
        owned: Any,
        top: Any,
        level: Any,
        anyway: Any,
    ) -> Any:
        self._require()
        listed = self._listed_now
        if len(listed) < 2:
            message = (
                f"{self._argument}: expected two at least in the fit, to choose from; this model "
                f"has {len(listed)}"
            )
            raise ParameterError(message, self._argument)
        self._check_card(anyway)
        names = [f"{self._verb}_{short}" for short in slugs(listed, self._argument)]
        unfit = [] if anyway or self.anyway else self._require().card.unfit
        if all(name in unfit for name in names):
            message = (
                f"the report card says no for every {self._thing} ({', '.join(names)}): there is "
                "none to choose. To choose regardless: anyway=True"
            )
            raise DataError(message)
        whom = self._whom(customers, as_of, tables)
        X = matrix_of(whom.snapshots)
        found = self._given_out(X, whom.snapshots, self._level(level), anyway)
        each = [found[name] for name in names]
        taken = np.column_stack([np.isnan(one.p) for one in each])
        if isinstance(owned, str) and owned == "before":
            taken |= self._has_columns(whom.snapshots, slugs(listed, self._argument))
        elif owned is not None:
            taken |= _next.read_owned(owned, whom, listed, self._thing)
        worth = _next.read_margins(margins, listed, customers, whom)
        how_many = _arguments.whole(top, "top", "a whole number, at least 1")
        if not 1 <= how_many <= len(listed):
            raise _arguments.refusal(top, "top", f"from 1 to {len(listed)}")
        return _next.table(each, taken, worth, listed, how_many, self._thing, whom)


def _idle(table: SnapshotTable) -> Any:
    """Return which rows have no purchase or use in the observation window, and no subscription."""
    span = table.recipe._plan.spans.observation.label
    signs = [(name, f"{ROLES[name].plural}_{span}") for name in ("purchases", "events")]
    signs.append(("subscriptions", "subscriptions_active"))
    known = {(one.table, one.name) for one in table.recipe._plan.features}
    names = [name for of, name in signs if (of, name) in known]
    taken = table._taken({name: table._features[name] for name in names})
    idle = np.ones(len(table), dtype=bool)
    for name in names:
        idle &= np.asarray(taken[name]) == 0
    return idle


def ends_in_order(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return probabilities, the first that of any thing, with ends that do not contradict it.

    P(any) is not below any P(j). So what P(j) is at least, P(any) is at least too, and what P(any)
    is at most, P(j) is at most; estimates stay within their ends.
    """
    main, *names = found
    total = found[main]
    if total.lower is None or total.upper is None:
        return dict(found)
    lower = total.lower
    ordered = {}
    for name in names:
        one = found[name]
        if one.lower is not None and one.upper is not None:
            # Of who has the thing already there is no end (nan).
            lower = np.fmax(lower, one.lower)
            upper = np.maximum(np.minimum(one.upper, total.upper), one.p)
            one = Estimate(one.p, one.lower, upper)
        ordered[name] = one
    return {main: Estimate(total.p, np.minimum(lower, total.p), total.upper), **ordered}


def _moved(found: Estimate, before: Floats, after: Floats) -> Estimate:
    if found.lower is None or found.upper is None:
        return Estimate(after)
    ends = (moved(end, before, after) for end in (found.lower, found.upper))
    lower, upper = (np.where(np.isnan(after), np.nan, end) for end in ends)
    return Estimate(after, lower, upper)


def _spread(found: Floats | None, there: Any) -> Floats | None:
    if found is None:
        return None
    whole = np.full(len(there), np.nan)
    whole[there] = found[:, 1]
    return whole
