"""Which leads move on, and where to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import pyarrow as pa

from tercet._snapshots.feature import slugs
from tercet.exceptions import DataError, ParameterError
from tercet.value.models._bands import points_of
from tercet.value.models._estimates import Estimate, estimate, outcome_column, with_ends
from tercet.value.models._judging import matrix_of
from tercet.value.models._model import SnapshotModel
from tercet.value.propensity import Propensity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats
    from tercet.data.snapshot_table import SnapshotTable
    from tercet.value.models._judged import Judged

__all__ = ["LeadScore"]

#: From 5%, 15%, 35% and 60% on.
_BANDS: Final = {"cold": 0.0, "cool": 0.05, "warm": 0.15, "hot": 0.35, "ready": 0.6}
_STAGE: Final = "stage"
#: What the report card calls leads of one stage.
_FROM: Final = "moves from "


class LeadScore(SnapshotModel):
    r"""Points from 0 to 100 for every lead, the probability behind them, and the next stage.

    A lead is in one of some stages in order; it moves on, is lost, or stays. Three models that
    cannot contradict each other:

    1. $P(\text{moves})$, that a later stage is come into within the outcome window, with intervals
       and reasons;
    2. which one, of those that move: $P(s) = P(\text{moves})\, P(s \mid \text{moves})$, a
       multinomial logit in which stages that are not later than the lead's have probability 0;
    3. whether lost, of those that do not move: $P(\text{lost}) = (1 - P(\text{moves}))\,
       P(\text{lost} \mid \text{does not move})$. What is left is that it stays.

    Points are a fixed function of $P(\text{moves})$: each band has the same number of points, and
    within a band they rise evenly. A lead of 60 points has the same probability today and next
    year, whoever the other leads are.

    The report card judges the leads of every stage, too. Leads of a stage that it says no for are
    not scored, and `not_scored` says so; `anyway=True` scores them.

    Parameters
    ----------
    stages : sequence of str
        The stages, from first to last.
    lost : sequence of str
        Stages from which nothing leads on.
    products, features, channels : sequence of str, optional
        Products, product features and channels that get features of their own.
    estimator : Propensity, ClassifierPropensity or classifier, optional
        What learns; by default a `Propensity` whose standard errors are by lead. Another
        library's classifier has no intervals, and is kept by pickle only.
    bands : mapping, optional
        Names and the probabilities of moving on that they begin at, ascending from 0. By default
        "cold" from 0, "cool" from 5%, "warm" from 15%, "hot" from 35%, "ready" from 60%.
    test_dates : int
        How many of the last dates the model is judged on.
    overlap : {"error", "drop"}
        What to do with earlier dates whose outcome was not known yet on the first of these: refuse,
        or leave them out of the judged fit.
    anyway : bool
        Whether `score` scores although the report card says no, and `fit` does not warn of it.
    replications : int
        Bootstrap replications (of leads) of the report card's intervals; 0 for none.
    random_state : int
        The seed of folds and replications.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    report_card_ : ReportCard
        How the model did on later dates: of all leads, of the leads of every stage, and of being
        lost (`outcomes`).
    audit_ : SnapshotAudit
        What looked like the future in the rows of the fit.
    recipe_ : SnapshotRecipe
        How the features are built again at another date.
    models_ : dict
        The `Propensity` by outcome: "moves"; "next_stage" of those that move, where they came into
        several stages; "lost" of those that do not, where some are lost.
    bands_, event_rates_ : dict
        Bands by the probability that they begin at; the share of rows that move.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_subscriptions(1_500, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2023-10-01", "2024-01-01", "2024-04-01"], observation="90d", outcome="60d"
    ... )
    >>> model = tc.LeadScore(
    ...     ["lead", "qualified", "offer", "customer"], lost=["lost"], anyway=True
    ... ).fit(snapshots, stages=company.stages)
    >>> scored = model.score(as_of="2024-06-15", stages=company.stages)
    >>> list(scored.columns)[2:6]
    ['lead_score', 'lead_score_lower', 'lead_score_upper', 'stage']
    """

    _file_kind: ClassVar[str] = "lead_score"
    _noun: ClassVar[str] = "move"
    _targets: ClassVar[tuple[str, ...]] = ("leads",)
    _nothing_left: ClassVar[str] = "the report card says no for leads of this stage"

    def __init__(
        self,
        stages: Sequence[str],
        *,
        lost: Sequence[str] = (),
        products: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        estimator: Any = None,
        bands: Mapping[str, float] | None = None,
        test_dates: int = 1,
        overlap: Literal["error", "drop"] = "error",
        anyway: bool = False,
        replications: int = 200,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.stages = stages
        self.lost = lost
        self.products = products
        self.features = features
        self.channels = channels
        self.estimator = estimator
        self.bands = bands
        self.test_dates = test_dates
        self.overlap = overlap
        self.anyway = anyway
        self.replications = replications
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _table(self, snapshots: Any, tables: Mapping[str, Any]) -> SnapshotTable:
        ready = self._of_snapshots(snapshots, tables)
        if ready is not None:
            return ready
        if "stages" not in tables:
            raise ParameterError("stages: expected a table of the stages of leads", "stages")
        if "subscriptions" in tables:
            message = "subscriptions: expected none; no features of leads are made of it"
            raise ParameterError(message, "subscriptions")
        built: SnapshotTable = snapshots.leads(
            **tables,
            order=self.stages,
            lost=self.lost,
            products=self.products,
            features=self.features,
            channels=self.channels,
        )
        return built

    def _bands_of(self, rate: float) -> dict[str, float]:
        return dict(_BANDS) if self.bands is None else super()._bands_of(rate)

    def _outcomes(self, table: SnapshotTable) -> dict[str, Floats]:
        return {"moves": outcome_column(table, "moves")}

    def _learn(
        self, table: SnapshotTable, outcomes: Mapping[str, Floats]
    ) -> tuple[dict[str, Propensity], dict[str, Floats | None]]:
        models, held = super()._learn(table, outcomes)
        X, groups = matrix_of(table), table.groups
        moved, where = outcomes["moves"] > 0, _texts(table._built.outcomes["next_stage"], table)
        several = len(table._places) > 1
        if len(set(where[moved])) > 1:
            # Standard errors are of two classes only.
            learner = self._propensity(several)
            if isinstance(learner, Propensity):
                learner.set_params(standard_errors="none")
            models["next_stage"] = learner.fit(X.filter(moved), where[moved], groups=groups[moved])
        gone = where[~moved] != "stays"
        if gone.any() and not gone.all():
            lost = self._propensity(several).fit(
                X.filter(~moved), gone.astype(np.int64), groups=groups[~moved]
            )
            models["lost"] = lost
            if held["moves"] is not None and lost.out_of_fold_ is not None:
                # Of leads that move nothing was learnt: all of that fit is left out for them.
                share = np.empty(len(moved))
                share[~moved] = lost.out_of_fold_[:, 1]
                share[moved] = lost.predict_proba(X.filter(moved))[:, 1]
                held["lost"] = (1.0 - held["moves"]) * share
        return models, held

    def _of_models(
        self,
        models: Mapping[str, Propensity],
        X: Any,
        table: SnapshotTable,
        level: float | None,
    ) -> dict[str, Estimate]:
        moves = estimate(models["moves"], X, level)
        found = {"moves": moves}
        target = table.recipe._plan.target
        for name, share in self._whereto(models, X, table).items():
            found[f"next:{name}"] = Estimate(moves.p * share)
        if target.lost:
            gone = np.zeros(X.num_rows)
            if "lost" in models:
                gone = (1.0 - moves.p) * estimate(models["lost"], X, None).p
            found["lost"] = Estimate(gone)
        return found

    def _whereto(
        self, models: Mapping[str, Propensity], X: Any, table: SnapshotTable
    ) -> dict[str, Floats]:
        """Return where leads go if they move on: a share for each stage but the first."""
        stages = table.recipe._plan.target.stages
        now = _texts(table._features[_STAGE], table)
        place = np.array([stages.index(one) for one in now])
        shares = np.zeros((X.num_rows, len(stages)))
        if "next_stage" in models:
            p = models["next_stage"].predict_proba(X)
            for k, name in enumerate(models["next_stage"].classes_):
                shares[:, stages.index(name)] = p[:, k]
        shares[np.arange(len(stages)) <= place[:, None]] = 0.0
        total = shares.sum(axis=1)
        # Nobody has moved so far from here: the next stage it is.
        none = total <= 0.0
        shares[none, np.minimum(place[none] + 1, len(stages) - 1)] = 1.0
        shares /= np.where(none, 1.0, total)[:, None]
        return {name: np.ascontiguousarray(shares[:, k]) for k, name in enumerate(stages) if k}

    def _judge(self, test: SnapshotTable, probabilities: Mapping[str, Floats]) -> list[Judged]:
        judged = super()._judge(test, probabilities)
        now = _texts(test._features[_STAGE], test)
        values, p = outcome_column(test, "moves"), probabilities["moves"]
        for stage in test.recipe._plan.target.stages:
            here = now == stage
            if here.any():
                name = f"{_FROM}{stage}"
                judged.append(self._judged(name, values[here], p[here], test.groups[here]))
        if probabilities.get("lost") is not None:
            lost = _texts(test._built.outcomes["next_stage"], test)
            gone = np.isin(lost, test.recipe._plan.target.lost).astype(np.float64)
            judged.append(self._judged("lost", gone, probabilities["lost"], test.groups))
        return judged

    def _withheld(
        self, found: dict[str, Estimate], table: SnapshotTable, unfit: Sequence[str]
    ) -> dict[str, Estimate]:
        found = super()._withheld(found, table, unfit)
        stages = [one for one in table.recipe._plan.target.stages if f"{_FROM}{one}" in unfit]
        hidden = np.isin(_texts(table._features[_STAGE], table), stages)
        if len(hidden) and hidden.all():
            message = (
                f"all leads are of stages that the report card says no for ({', '.join(stages)}). "
                "To score regardless: score(..., anyway=True)"
            )
            raise DataError(message)
        return {name: one.without(hidden) for name, one in found.items()}

    def _columns(
        self, found: Mapping[str, Estimate], X: Any, table: SnapshotTable
    ) -> dict[str, Any]:
        fitted, moves = self._require(), found["moves"]
        target = fitted.recipe._plan.target
        columns: dict[str, Any] = {}
        for name, values in with_ends("lead_score", moves).items():
            columns[name] = points_of(values, fitted.bands)
        columns["stage"] = table._taken({_STAGE: table._features[_STAGE]})[_STAGE]
        columns |= with_ends("move_probability", moves)
        later = target.stages[1:]
        each = np.column_stack([found[f"next:{name}"].p for name in later])
        best = pa.array(np.nan_to_num(each).argmax(axis=1), mask=np.isnan(moves.p))
        columns["next_stage"] = pa.array(later, pa.large_string()).take(best)
        for place, short in enumerate(slugs(later, "stages")):
            columns[f"next_stage_probability_{short}"] = np.ascontiguousarray(each[:, place])
        if "lost" in found:
            columns["lost_probability"] = found["lost"].p
        return columns


def _texts(column: Any, table: SnapshotTable) -> Any:
    """Return a column of words of a table's rows."""
    return np.asarray(column.take(pa.array(table._rows)).to_pylist(), dtype=object)
