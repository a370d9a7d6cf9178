"""How large an experiment must be, what it can show, and who gets what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import narwhals as nw
import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table, read_table
from tercet.response import _experiment_columns as _read
from tercet.response import _experiment_design as _design

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tercet._columns import Floats

__all__ = ["ExperimentPlan", "plan_experiment"]

PlanAdjust: TypeAlias = Literal["holm", "none"]

#: Points of the curve of detectable effects.
_POINTS: Final = 61


class ExperimentPlan:
    """The size of an experiment and what it can show; made by `plan_experiment`.

    Attributes
    ----------
    table_ : table
        One row an arm and segment, "everyone" first: `arm`, `segment`, `n` and `n_control`
        customers, `baseline`; `detectable`, the smallest rise that is found with the power asked
        for, and `detectable_lift`, the same as a share of the baseline; where an effect is looked
        for `effect`, `power` to find it, and `customers`, how many in all arms of the whole
        experiment it would take.
    curve_ : table
        `n`, `segment`, `arm`, `detectable`, `detectable_lift`: what experiments of other sizes
        show; drawn by `tercet.plots.detectable_effect`.
    n_ : int or None
        Customers of the experiment, those held out among them; None if neither an effect nor `n`
        was given.
    shares_ : dict
        The share of each arm, the holdout among them.
    duration_ : float or None
        Days until there are so many customers, where the traffic is known.
    verdict_ : str
        What it means, in words.
    arms : list of str
        The arms, the control first.
    power : float
        The probability with which detectable effects are found.
    is_rate : bool
        Whether the outcome is a rate.
    random_state : int
        The seed of the assignment.

    Examples
    --------
    >>> import tercet as tc
    >>> plan = tc.plan_experiment(0.05, lift=0.2, holdout=0.1)
    >>> plan.n_
    18123
    >>> arms = plan.assign({"customer_id": list(range(1_000))})
    >>> arms.column("arm").to_pylist().count("holdout")
    100
    """

    def __init__(
        self,
        shares: Mapping[str, float],
        segments: Sequence[_design.PlannedSegment],
        holdout: float,
        wanted: Mapping[str, Any],
        settings: Mapping[str, Any],
    ) -> None:
        self.arms = list(shares)
        self.random_state = int(settings["random_state"])
        self.power = float(settings["power"])
        self.is_rate = math.isnan(segments[0].deviation)
        self._segments = list(segments)
        self._holdout = holdout
        self._settings = dict(settings)
        self._wanted = dict(wanted)
        self._shares = dict(shares)
        self.n_ = self._size()
        self._found = self._at(self._inside)

    @property
    def shares_(self) -> dict[str, float]:
        """The share of each arm, the holdout among them."""
        kept = {arm: share * (1.0 - self._holdout) for arm, share in self._shares.items()}
        return {**kept, _design.HOLDOUT: self._holdout} if self._holdout else kept

    @property
    def duration_(self) -> float | None:
        """Days until there are so many customers."""
        traffic = self._settings["traffic"]
        return None if traffic is None or self.n_ is None else self.n_ / traffic

    @property
    def table_(self) -> Any:
        """One row an arm and segment."""
        return new_table(self._columns(), None)

    @property
    def curve_(self) -> Any:
        """What experiments of other sizes can show."""
        middle = self._inside or 10_000.0
        sizes = np.unique(np.round(np.geomspace(middle / 10, middle * 10, _POINTS)))
        parts = [self._labels() | {"found": self._at(float(n))["detectable"]} for n in sizes]
        rows = len(self._labels()["segment"])
        detectable = np.concatenate([part["found"] for part in parts])
        columns = {
            "n": np.repeat(np.ceil(sizes / (1.0 - self._holdout)).astype(np.int64), rows),
            "arm": pa.array(self._labels()["arm"] * len(sizes), pa.string()),
            "segment": pa.array(self._labels()["segment"] * len(sizes), pa.string()),
            "detectable": detectable,
            "detectable_lift": _lift(detectable, np.tile(self._baselines(), len(sizes))),
        }
        return new_table(columns, None)

    @property
    def verdict_(self) -> str:
        """What it means, in words."""
        return " ".join(self._words())

    def assign(
        self,
        customers: Any,
        id: str = "customer_id",  # noqa: A002 - what the argument is
        strata: str | Sequence[str] | None = None,
        *,
        arm: str = "arm",
        n_jobs: int | None = None,
    ) -> Any:
        """Draw who gets what: at random, with the planned shares in every stratum.

        The same customers and seed give the same assignment, whatever the order of the rows.

        Parameters
        ----------
        customers : table
            One row a customer.
        id : str
            The column of their ids.
        strata : str or list of str, optional
            Columns of labels; within every combination the arms have their shares, up to rounding.
            A missing label is a stratum of its own.
        arm : str
            What to call the new column.
        n_jobs : int, optional
            Threads; None or -1 for all cores.

        Returns
        -------
        table
            Ids, strata and `arm`, in the order of the rows and of the caller's kind; of a pandas
            frame with its index. Customers who are held out have the arm "holdout".

        Raises
        ------
        DataError
            For a customer with two rows or without an id, or a stratum for nearly every customer;
            it names column and row.
        """
        columns = [] if strata is None else _read.names(strata, "strata")
        taken = {"id": id, **{f"strata {k}": name for k, name in enumerate(columns)}}
        if arm in taken.values():
            other = "a name that none of the columns has"
            raise _arguments.refusal(arm, "arm", other)
        remedies = {key: f"name the right one with {key.split()[0]}=" for key in taken}
        table = read_table(customers, taken, what="table of customers", remedies=remedies)
        shares = self.shares_
        codes = _tercet.assign_arms(
            table.ids_to_show(id),
            id,
            _design.strata_of(table, columns),
            list(shares.values()),
            self.random_state,
            n_jobs=_arguments.threads(n_jobs),
        )
        named = pa.array(np.asarray(list(shares), dtype=object)[codes], pa.string())
        own = {name: table.take(name) for name in taken.values()}
        drawn = table.build({**own, arm: named})
        if nw.dependencies.is_pandas_dataframe(customers):
            # Its columns then fit beside those of the customers, whatever rows were chosen before.
            drawn.index = customers.index
        return drawn

    def balance(self, assigned: Any, columns: str | Sequence[str], arm: str = "arm") -> Any:
        """Return how alike the arms are in some columns.

        Parameters
        ----------
        assigned : table
            One row a customer, with the arm and the columns.
        columns : str or list of str
            Numbers or true/false; of categories every level but the first counts as a column.
        arm : str
            The column of arms.

        Returns
        -------
        table
            One row a column and arm: `column`, `arm`, `n`, `mean`, and `difference` from the
            control's mean in standard deviations; beyond 0.1 it is worth a look.
        """
        names = _read.names(columns, "columns")
        taken = {"arm": arm, **{f"columns {k}": name for k, name in enumerate(names)}}
        table = read_table(assigned, taken, what="table of customers")
        arms = _read.Arms.read(table, arm, self.arms[0])
        order = [arms.control, *(k for k in range(len(arms.labels)) if k != arms.control)]
        place = np.argsort(order).astype(np.uint16)
        covariates = _read.read_covariates(table, names)
        found = _tercet.balance_of_arms(covariates, place[arms.codes], len(order))
        shown = [arms.names[k] for k in order]
        made = {
            "column": pa.array([name for name, _ in covariates for _ in shown], pa.string()),
            "arm": pa.array(shown * len(covariates), pa.string()),
            **found,
        }
        return new_table(made, table.kind)

    def summary(self) -> str:
        """Return the table and the verdict as text."""
        return self._shown(len(self._found["detectable"])).text()

    def __repr__(self) -> str:
        return self._shown(12).text()

    def _repr_html_(self) -> str:
        return self._shown(12).html()

    @property
    def _inside(self) -> float | None:
        """Customers of the experiment without the holdout."""
        return None if self.n_ is None else self.n_ * (1.0 - self._holdout)

    def _size(self) -> int | None:
        if self._wanted["n"] is not None:
            return int(self._wanted["n"])
        if self._wanted["effect"] is None and self._wanted["lift"] is None:
            return None
        # The arm that needs most; segments are smaller and their effects are seen less sharply.
        needed = float(self._at(None)["customers"][: len(self.arms) - 1].max())
        return math.ceil(needed / (1.0 - self._holdout))

    def _at(self, inside: float | None) -> dict[str, Floats]:
        """Return what the core says of an experiment of some size, a number a row."""
        control = self._shares[self.arms[0]]
        every = (len(self.arms) - 1) * self._settings["outcomes"]
        adjusted = self._settings["adjust"] == "holm"
        rows = []
        for segment in self._segments:
            number = every * (len(self._segments) - 1) if segment.name != _read.EVERYONE else every
            for name in self.arms[1:]:
                size = (segment.share, self._shares[name], control)
                outcome = (segment.baseline, segment.deviation)
                rows.append([*size, *outcome, float(number if adjusted else 1)])
        names = ("level", "power", "variance_reduction", "sequential")
        settings = {name: self._settings[name] for name in names}
        settings |= {name: self._wanted[name] for name in ("effect", "lift")}
        found: dict[str, Floats] = dict(_tercet.plan_experiment(rows, inside, settings=settings))
        return found

    def _labels(self) -> dict[str, list[str]]:
        return {
            "arm": self.arms[1:] * len(self._segments),
            "segment": [one.name for one in self._segments for _ in self.arms[1:]],
        }

    def _baselines(self) -> Floats:
        values: Floats = np.repeat([one.baseline for one in self._segments], len(self.arms) - 1)
        return values

    def _columns(self) -> dict[str, Any]:
        labels = self._labels()
        columns: dict[str, Any] = {name: pa.array(labels[name], pa.string()) for name in labels}
        baseline = self._baselines()
        if self._inside is not None:
            shares = np.repeat([one.share for one in self._segments], len(self.arms) - 1)
            arms = np.array([self._shares[arm] for arm in labels["arm"]])
            inside = self._inside * shares
            columns["n"] = np.round(inside * arms).astype(np.int64)
            control = np.round(inside * self._shares[self.arms[0]])
            columns["n_control"] = control.astype(np.int64)
        columns["baseline"] = baseline
        if self._inside is not None:
            columns["detectable"] = self._found["detectable"]
            columns["detectable_lift"] = _lift(self._found["detectable"], baseline)
        effect = self._effect()
        if effect is not None:
            columns["effect"] = effect
            columns["power"] = self._found["power"]
            columns["customers"] = np.ceil(self._found["customers"] / (1.0 - self._holdout))
        return columns

    def _effect(self) -> Floats | None:
        baseline = self._baselines()
        if self._wanted["effect"] is not None:
            return np.full(len(baseline), self._wanted["effect"])
        return None if self._wanted["lift"] is None else baseline * self._wanted["lift"]

    def _amount(self, value: float) -> str:
        if self.is_rate:
            return _display.per_cent(value, 2)
        return _display.number(float(f"{value:.4g}") if math.isfinite(value) else value)

    def _difference(self, value: float) -> str:
        if self.is_rate:
            return _display.decimals(100.0 * value, 2, " points")
        return self._amount(value)

    def _shown(self, most: int) -> _display.Grid:
        columns = self._columns()
        header = ["arm", "segment"]
        cells = [columns[name].to_pylist() for name in header]
        for name in ("n", "n_control", "customers"):
            if name in columns:
                header.append(
                    {"n_control": "n control", "customers": "customers needed"}.get(name, name)
                )
                cells.append([_display.decimals(float(x), 0) for x in columns[name]])
        for name in ("baseline", "effect", "detectable"):
            if name in columns:
                header.append(name)
                cells.append([self._amount(float(x)) for x in columns[name]])
        for name, words in (("detectable_lift", "lift"), ("power", "power")):
            if name in columns:
                header.append(words)
                cells.append([_display.per_cent(float(x), 1) for x in columns[name]])
        rows = list(zip(*cells, strict=True))
        said = list(self._words())
        if len(rows) > most:
            said.insert(0, f"{len(rows) - most} more rows are in table_.")
        title = f"Plan of an experiment against '{self.arms[0]}'"
        return _display.Grid(title=title, header=header, rows=rows[:most], words=said)

    def _words(self) -> Iterator[str]:
        power = _display.per_cent(self._settings["power"])
        if self.n_ is None:
            yield "Give an effect to look for, or the number of customers, for more."
            return
        held = f", {_display.per_cent(self._holdout)} of them held out" if self._holdout else ""
        yield f"{self.n_:,} customers{held}."
        if self.duration_ is not None:
            a_day = f"{self._settings['traffic']:,.6g} a day"
            yield f"At {a_day} they take {math.ceil(self.duration_):,} days."
        width = len(self.arms) - 1
        everyone = float(np.max(self._found["detectable"][:width]))
        if math.isfinite(everyone):
            lift = everyone / self._segments[0].baseline if self._segments[0].baseline > 0 else None
            told = "" if lift is None else f" (a lift of {_display.per_cent(lift, 1)})"
            yield (
                f"Among everyone an effect of {self._difference(everyone)}{told} is found with a "
                f"probability of {power}."
            )
        of_segments = self._found["detectable"][width:]
        if len(of_segments):
            hidden = int(np.isnan(of_segments).sum())
            if np.isfinite(of_segments).any():
                low, high = np.nanmin(of_segments), np.nanmax(of_segments)
                span = f"{self._difference(float(low))} to {self._difference(float(high))}"
                span = self._difference(float(low)) if low == high else span
                yield (
                    f"In single segments it must be {span}: smaller ones show in the shrunken "
                    "effects only."
                )
            if hidden:
                rows = f"{hidden} of {len(of_segments)} rows of segments"
                yield f"In {rows} no effect is large enough."
        effect = self._effect()
        if effect is not None:
            found = float(np.min(self._found["power"][:width]))
            wanted = self._difference(float(effect[0]))
            yield (
                f"The effect looked for, {wanted}, is found among everyone with a probability of "
                f"{_display.per_cent(found)}."
            )


def plan_experiment(
    baseline: float,
    *,
    deviation: float | None = None,
    effect: float | None = None,
    lift: float | None = None,
    n: int | None = None,
    arms: Sequence[str] | Mapping[str, float] = ("control", "treatment"),
    holdout: float = 0.0,
    segments: Mapping[str, Any] | None = None,
    outcomes: int = 1,
    power: float = 0.8,
    level: float = 0.95,
    adjust: PlanAdjust = "holm",
    variance_reduction: float = 0.0,
    sequential: bool = False,
    traffic: float | None = None,
    random_state: int = 0,
) -> ExperimentPlan:
    r"""Tell how many customers an experiment needs, and what it can show.

    An effect $\delta$ is found with probability
    $\Phi(|\delta| / s - c) + \Phi(-|\delta| / s - c)$, where
    $s^2 = (1 - r) (\sigma_0^2 / n_0 + \sigma_1^2 / n_1)$ and $c$ is the normal quantile of the
    level, divided among the comparisons.

    Parameters
    ----------
    baseline : float
        The outcome's mean in the control: a rate, or with `deviation` any mean.
    deviation : float, optional
        The standard deviation of an outcome that is a number.
    effect, lift : float, optional
        The effect to look for: as a difference of means, or as a share of the baseline.
    n : int, optional
        Customers in all, those held out among them. Without it as many as the effect takes.
    arms : list of str or mapping
        The arms' names, the control first; or their shares, the control first.
    holdout : float
        The share of the customers who are kept out of the experiment.
    segments : mapping, optional
        Segments and their shares of the customers; or mappings with "share" and, where they
        differ, "baseline" and "deviation". They may overlap.
    outcomes : int
        How many outcomes will be looked at.
    power : float
        The probability with which the effect shall be found.
    level : float
        Confidence level of the intervals.
    adjust : {"holm", "none"}
        Whether p-values will be adjusted: over arms and outcomes, in segments over these too (the
        level is divided by their number, which is a little on the safe side of Holm's method).
    variance_reduction : float
        The share of the variance that covariates take away: the square of the correlation of the
        outcome with its own past, say.
    sequential : bool
        Whether the data will be looked at more than once.
    traffic : float, optional
        Customers a day, for the duration.
    random_state : int
        The seed of the assignment.

    Returns
    -------
    ExperimentPlan
        `table_`, `n_`, `assign(customers, id=..., strata=...)`.

    Raises
    ------
    ParameterError
        For an argument that cannot be used, such as an effect that takes a rate above 1.

    Examples
    --------
    >>> import tercet as tc
    >>> plan = tc.plan_experiment(
    ...     0.10,
    ...     n=64_000,
    ...     arms=["No E-Mail", "Mens E-Mail", "Womens E-Mail"],
    ...     segments={"new": 0.5, "loyal": {"share": 0.1, "baseline": 0.2}},
    ... )
    >>> plan.table_["detectable"].round(4).tolist()
    [0.0091, 0.0091, 0.0141, 0.0141, 0.0424, 0.0424]
    """
    shares = _design.planned_shares(arms)
    for name, value in (("effect", effect), ("lift", lift)):
        if value is not None:
            _arguments.finite(value, name, "a number other than 0")
    if effect is not None and lift is not None:
        raise _arguments.refusal(lift, "lift", "None, since effect= is given")
    expected = "a number; of an outcome that is not a rate give deviation=, too"
    mean = _arguments.finite(baseline, "baseline", expected)
    spread = math.nan if deviation is None else _arguments.finite(deviation, "deviation", "above 0")
    if deviation is not None and spread <= 0:
        raise _arguments.refusal(deviation, "deviation", "a positive number")
    if lift is not None and mean <= 0:
        raise _arguments.refusal(lift, "lift", "None: a baseline of 0 or less has no lift")
    held = _arguments.finite(holdout, "holdout", "a share, at least 0 and below 1")
    if not 0 <= held < 1:
        raise _arguments.refusal(holdout, "holdout", "a share, at least 0 and below 1")
    if held and _design.HOLDOUT in shares:
        raise _arguments.refusal(
            arms, "arms", f"no arm with the name '{_design.HOLDOUT}' beside holdout="
        )
    settings = {
        "level": _arguments.number(level, "level"),
        "power": _arguments.number(power, "power"),
        "variance_reduction": _arguments.number(variance_reduction, "variance_reduction"),
        "sequential": _arguments.truth(sequential, "sequential"),
        "adjust": _arguments.word(adjust, "adjust", get_args(PlanAdjust)),
        "outcomes": _design.at_least_1(outcomes, "outcomes"),
        "traffic": None if traffic is None else _design.positive(traffic, "traffic"),
        "random_state": _arguments.seed(random_state, "random_state"),
    }
    wanted = {
        "effect": None if effect is None else float(effect),
        "lift": None if lift is None else float(lift),
        "n": None if n is None else _enough(n, shares, held),
    }
    everyone = _design.PlannedSegment(_read.EVERYONE, 1.0, mean, spread)
    parts = [everyone, *_design.planned_segments(segments, everyone)]
    return ExperimentPlan(shares, parts, held, wanted, settings)


def _enough(n: Any, shares: Mapping[str, float], held: float) -> int:
    """Return a number of customers that leaves every arm two, of whom a variance can be told."""
    found = _design.at_least_1(n, "n")
    total = sum(shares.values())
    least = math.ceil(2 * total / min(shares.values()) / (1.0 - held) - 1e-9)
    if found < least:
        raise _arguments.refusal(n, "n", f"at least {least}, two customers an arm")
    return found


def _lift(effect: Floats, baseline: Floats) -> Floats:
    """Return effects as shares of the baseline; nan where that is not above 0."""
    positive = baseline > 0
    return np.where(positive, effect / np.where(positive, baseline, 1.0), np.nan)
