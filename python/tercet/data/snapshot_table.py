"""A table of snapshots: one row a customer and date, with what was known and what came of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _frames
from tercet._display import Grid, count, per_cent
from tercet._snapshots.checks import NEARLY_ALL, TOO_GOOD, look_at
from tercet._snapshots.feature import TODAY
from tercet._snapshots.split import Overlap, customer_folds, dates_by_time
from tercet._snapshots.target import REASONS
from tercet.data.snapshot_audit import SnapshotAudit, SnapshotFinding
from tercet.data.snapshot_recipe import SnapshotRecipe
from tercet.exceptions import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Integers
    from tercet._frames import Kind
    from tercet._snapshots.build import Built

__all__ = ["SnapshotSplit", "SnapshotTable"]

_EAGER: dict[str, Kind] = {"polars lazy": "polars", "duckdb": "pyarrow"}


class SnapshotSplit(NamedTuple):
    """Two tables of snapshots: to learn from, and to be judged by.

    Attributes
    ----------
    train : SnapshotTable
        The earlier dates.
    test : SnapshotTable
        The later dates.
    """

    train: SnapshotTable
    test: SnapshotTable


@dataclass(frozen=True, eq=False, repr=False)
class SnapshotTable:
    """One row a customer and date: ids, dates, features and outcomes.

    Made by `Snapshots` to learn from, and by `SnapshotRecipe.features` to be scored. Rows are in
    order of the date and then of the customer's id (numbers by size, text by its bytes).

    Attributes
    ----------
    recipe : SnapshotRecipe
        How to build the same features again at another date.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-05-01", "2024-09-01"], observation="120d", outcome="90d"
    ... )
    >>> table = snapshots.purchases(purchases=shop.transactions)
    >>> table
    Snapshots of purchases: 2,000 rows of 1,000 customers at 2 dates, 15 features
      as of        rows   buys  left out
      2024-05-01  1,000  21.6%         0
      2024-09-01  1,000  15.7%         0
      Observed for 120 days before each date; outcome within 90 days from the date on.
    """

    _built: Built
    _rows: Integers
    _places: tuple[int, ...]
    recipe: SnapshotRecipe

    @classmethod
    def _of(cls, built: Built) -> SnapshotTable:
        rows = np.arange(len(built.code))
        places = tuple(range(len(built.windows)))
        return cls(built, rows, places, SnapshotRecipe(built.plan, built.events))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def id_column(self) -> str:
        """Return the name of the column of ids."""
        return self._built.plan.id_column

    @property
    def feature_names(self) -> list[str]:
        """Return the names of the features."""
        return list(self._built.columns)

    @property
    def outcome_names(self) -> list[str]:
        """Return the names of the outcomes; none where customers are to be scored."""
        return list(self._built.outcomes)

    @property
    def events(self) -> tuple[str, ...]:
        """Return what the numbers in the column `event` mean, where there is one."""
        return self._built.events

    @cached_property
    def frame(self) -> Any:
        """Return everything as a table of the caller's kind: ids, `as_of`, features, outcomes."""
        columns = {self.id_column: self._built.ids, "as_of": self._dates} | self._features
        columns |= self._built.outcomes
        return _frames.build_as(self._taken(columns), self._built.scan)

    @cached_property
    def X(self) -> Any:
        """Return the features as a table: pandas, polars or pyarrow, never lazy."""
        return _frames.build_table(self._taken(self._features), self._eager)

    @cached_property
    def y(self) -> Any:
        """Return the outcome as an array; several outcomes as a table like `X`."""
        if not self._built.outcomes:
            raise DataError("there is no outcome: these customers are to be scored")
        taken = self._taken(self._built.outcomes)
        if len(taken) > 1:
            return _frames.build_table(taken, self._eager)
        (values,) = taken.values()
        if isinstance(values, np.ndarray):
            return values
        return values.cast(pa.float64()).to_numpy(zero_copy_only=False)

    @cached_property
    def groups(self) -> npt.NDArray[Any]:
        """Return the customer of each row, for folds that keep customers whole."""
        ids: npt.NDArray[Any] = self._built.ids.take(pa.array(self._rows)).to_numpy(
            zero_copy_only=False
        )
        return ids

    @cached_property
    def as_of(self) -> npt.NDArray[Any]:
        """Return the date of each row: datetime64 on the local clock, or integer periods."""
        ticks = self._ticks[self._rows]
        if self._built.clock.period:
            return ticks
        return ticks.astype("datetime64[us]")

    @cached_property
    def features_(self) -> Any:
        """Return a table of the features: `feature`, `words`, `table`, `window`, `kind`."""
        return self.recipe._table(self._eager)

    @cached_property
    def left_out(self) -> Any:
        """Return who has no row and why, as a table: `as_of`, `reason`, `customers`.

        At each date the rows and those left out are all customers of all tables.
        """
        ticks, reasons, counts = [], [], []
        for place in self._places:
            for number in np.flatnonzero(self._built.states[place][1:]) + 1:
                ticks.append(self._built.windows[place].as_of)
                reasons.append(REASONS[number])
                counts.append(int(self._built.states[place][number]))
        columns = {
            "as_of": self._built.clock.column_of(np.array(ticks, dtype=np.int64)),
            "reason": pa.array(reasons, pa.large_string()),
            "customers": np.array(counts, dtype=np.int64),
        }
        return _frames.build_table(columns, self._eager)

    def split(self, last: int = 1, *, overlap: Overlap = "error") -> SnapshotSplit:
        """Split by date: the last ones judge what is learnt from those before.

        On the first test date only those outcomes are known whose window has closed. Dates whose
        outcome window ends later could not have been learnt from at that time, and rows of the same
        days on both sides make a model look better than it is.

        Parameters
        ----------
        last : int
            How many dates to test on.
        overlap : {"error", "drop"}
            What to do with earlier dates whose outcome window ends after the first test date:
            refuse to split, or leave them out.

        Returns
        -------
        SnapshotSplit
            `train` and `test`.

        Raises
        ------
        ParameterError
            If no date is left on one side, or outcome windows overlap the training end.
        """
        word = _arguments.word(overlap, "overlap", ("error", "drop"))
        windows = [self._built.windows[place] for place in self._places]
        checked: Any = word
        train, test = dates_by_time(windows, self._built.clock, last, checked)
        return SnapshotSplit(self._at(train), self._at(test))

    def folds(
        self, n_folds: int = 5, *, seed: int = 0
    ) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Return folds of rows in which no customer is on both sides.

        Parameters
        ----------
        n_folds : int
            How many.
        seed : int
            The same seed gives the same folds, on any machine.

        Returns
        -------
        list of tuple
            For each fold the rows to learn from and those to be judged by, as `cv=` of
            scikit-learn takes them.

        Raises
        ------
        ParameterError
            For fewer than two folds, or more than customers.
        """
        return customer_folds(self._built.code[self._rows], n_folds, seed)

    def audit(self) -> SnapshotAudit:
        """Look for what should not be there.

        Single features with an AUC above 0.95 against the outcome; source rows at or after their
        date; attributes without a date; features that are constant or nearly all missing;
        observation windows that begin before the data; outcome windows that share days.

        Returns
        -------
        SnapshotAudit
            The findings in words, and how well every feature tells the outcome alone.
        """
        outcomes = {} if not self._built.outcomes else self._yes_or_no()
        # Who has a product already says nothing of who will buy it.
        there = {name: self._has_outcome(name) for name in outcomes}
        taken = self._taken(self._features)
        looks, findings = {}, self._of_dates()
        for feature in self._built.plan.features:
            column = taken[feature.name]
            found = [
                look_at(_where(column, there[name]), known[there[name]])
                for name, known in outcomes.items()
            ]
            look = found[0] if found else look_at(column, np.zeros(len(self), bool))
            scores = dict(zip(outcomes, (one.auc for one in found), strict=True))
            best = max(scores, key=lambda name: np.nan_to_num(scores[name]), default="")
            score = scores.get(best, float("nan"))
            looks[feature.name] = (score, look.missing)
            if score > TOO_GOOD:
                words = (
                    f"'{feature.name}' ({feature.words}) alone tells '{best}' with an AUC of "
                    f"{score:.3f}; find out when its values were written down, or leave it out"
                )
                findings.append(SnapshotFinding("too good", feature.name, words))
            if look.constant:
                words = f"'{feature.name}' ({feature.words}) is the same in all rows"
                findings.append(SnapshotFinding("constant", feature.name, words))
            elif look.missing > NEARLY_ALL:
                words = (
                    f"'{feature.name}' ({feature.words}) is missing in {per_cent(look.missing, 1)} "
                    "of the rows"
                )
                findings.append(SnapshotFinding("missing", feature.name, words))
        order = ["leak", "too good", "undated", "overlap", "short history", "constant", "missing"]
        findings.sort(key=lambda finding: order.index(finding.kind))
        names = sorted(looks, key=lambda name: -np.nan_to_num(looks[name][0]))
        columns = {
            "feature": pa.array(names, pa.large_string()),
            "auc": np.array([looks[name][0] for name in names]),
            "missing": np.array([looks[name][1] for name in names]),
        }
        features = _frames.build_table(columns, self._eager)
        return SnapshotAudit(findings, features, [(name, *looks[name]) for name in names[:5]])

    def summary(self) -> str:
        """Return in words what the table is, who is in it, and who is left out and why."""
        built = self._built
        lines = [self._grid().text(), ""]
        end = built.clock.text(
            built.end - (built.clock.day if built.end % built.clock.day == 0 else 1)
        )
        lines.append(f"  The data run from {built.clock.text(built.first)} to {end}.")
        spans = self._built.plan.spans
        if built.outcomes:
            names = built.plan.target.names()
            lines += [f"  {name}: {names[name]}." for name in built.outcomes]
        if built.events:
            said = ", ".join(f"{number} {name}" for number, name in enumerate(built.events))
            lines.append(f"  event: {said}.")
        totals = built.states[list(self._places)].sum(axis=0)
        for number in np.flatnonzero(totals[1:]) + 1:
            lines.append(f"  left out: {count(totals[number])} {REASONS[number]}.")
        tables = dict.fromkeys(feature.table for feature in built.plan.features)
        for table in tables:
            n = sum(feature.table == table for feature in built.plan.features)
            lines.append(f"  {n} feature{'' if n == 1 else 's'} of {table}.")
        short = [w for w in built.windows if w.start < built.first and w.place in self._places]
        if short:
            lines.append(
                f"  At {len(short)} date{'' if len(short) == 1 else 's'} fewer than "
                f"{spans.observation.words} of history are in the data."
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self._grid().text()

    def _repr_html_(self) -> str:
        return self._grid().html()

    @property
    def _eager(self) -> Kind:
        kind = self._built.scan.kind
        return _EAGER.get(kind, kind)

    @property
    def _features(self) -> dict[str, Any]:
        return self._built.columns

    @property
    def _ticks(self) -> Integers:
        found: Integers = np.array([window.as_of for window in self._built.windows])[self._built.k]
        return found

    @property
    def _dates(self) -> Any:
        return self._built.clock.column_of(self._ticks)

    def _taken(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return the rows of columns; NaN becomes null where the kind of table tells them apart."""
        whole = len(self._rows) == len(self._built.code)
        found = {}
        for name, column in columns.items():
            if isinstance(column, np.ndarray):
                values = column if whole else column[self._rows]
                gaps = values.dtype == np.float64 and np.isnan(values).any()
                found[name] = pa.array(values, from_pandas=True) if gaps else values
            else:
                found[name] = column if whole else column.take(pa.array(self._rows))
        return found

    def _at(self, places: list[int]) -> SnapshotTable:
        rows = self._rows[np.isin(self._built.k[self._rows], places)]
        return replace(self, _rows=rows, _places=tuple(places))

    def _yes_or_no(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Return the outcomes that are yes or no; of a time, whether the event was seen."""
        found = {}
        for name, column in self._built.outcomes.items():
            if name in ("duration", "next_stage"):
                continue
            values = column
            if not isinstance(values, np.ndarray):
                values = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
            found[name] = np.nan_to_num(values[self._rows]) > 0
        return found

    def _has_outcome(self, name: str) -> npt.NDArray[np.bool_]:
        """Return which rows have an outcome; who has a product already has none where it is new."""
        column = self._built.outcomes[name]
        if isinstance(column, np.ndarray):
            return np.ones(len(self), dtype=bool)
        valid: npt.NDArray[np.bool_] = pc.is_valid(column).to_numpy(zero_copy_only=False)
        return valid[self._rows]

    def _of_dates(self) -> list[SnapshotFinding]:
        """Return what the windows and the origin of the features say."""
        built, clock, findings = self._built, self._built.clock, []
        windows = [built.windows[place] for place in self._places]
        for table, latest in built.latest.items():
            for window in windows:
                if latest[window.place] >= window.as_of:
                    words = (
                        f"a row of {table} at {clock.text(int(latest[window.place]))} went into "
                        f"features as of {clock.text(window.as_of)}; please report this"
                    )
                    findings.append(SnapshotFinding("leak", None, words))
        undated = [one.name for one in built.plan.features if one.window == TODAY]
        if undated:
            words = (
                f"{', '.join(repr(name) for name in undated)}: values as known today, which may "
                "have been written down after the date; name the column that says when with "
                'columns={"customers": {"known_at": {...}}} or "valid_from"'
            )
            findings.append(SnapshotFinding("undated", undated[0], words))
        shared = [
            (one, other) for one, other in itertools.pairwise(windows) if other.opens < one.closes
        ]
        if shared and built.outcomes:
            one, other = shared[0]
            words = (
                f"the outcome windows of {clock.text(one.as_of)} and {clock.text(other.as_of)} "
                f"share days ({len(shared)} such pairs): one event may be the outcome of two rows; "
                "use folds() and split(), and standard errors clustered by customer"
            )
            findings.append(SnapshotFinding("overlap", None, words))
        short = [window for window in windows if window.start < built.first]
        if short:
            words = (
                f"the data begin on {clock.text(built.first)}, after the observation window of "
                f"{clock.text(short[0].as_of)} does ({len(short)} such dates): counts are of a "
                "shorter time there; begin with a later date"
            )
            findings.append(SnapshotFinding("short history", None, words))
        return findings

    def _grid(self) -> Grid:
        built = self._built
        shown = self._yes_or_no() if built.outcomes else {}
        names = list(shown)[:4]
        rows = []
        k = built.k[self._rows]
        for place in self._places:
            here = k == place
            n = int(here.sum())
            rates = [per_cent(float(shown[name][here].mean()) if n else None, 1) for name in names]
            left = int(built.states[place][1:].sum())
            date = built.clock.text(built.windows[place].as_of)
            rows.append([date, count(n), *rates, count(left)])
        spans = built.plan.spans
        words = [f"Observed for {spans.observation.words} before each date"]
        if built.outcomes:
            begin = "from the date on"
            if spans.gap.count:
                begin = f"from {spans.gap.words} after the date on"
            words[0] += f"; outcome within {spans.outcome.words} {begin}"
        words[0] += "."
        customers = len(np.unique(built.code[self._rows]))
        dates = f"{len(self._places)} date{'' if len(self._places) == 1 else 's'}"
        kind = built.plan.target.kind.replace("_", " ")
        title = (
            f"Snapshots of {kind}: {count(len(self))} rows of {count(customers)} customers at "
            f"{dates}, {len(built.columns)} features"
        )
        return Grid(title, ("as of", "rows", *names, "left out"), rows, words)


def _where(column: Any, rows: npt.NDArray[np.bool_]) -> Any:
    """Return some rows of a column."""
    if rows.all():
        return column
    return column[rows] if isinstance(column, np.ndarray) else column.filter(pa.array(rows))
