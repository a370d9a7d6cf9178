"""What customers do, as of a date: one row a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _display, _frames
from tercet._behaviour import lifecycle as stages_of_life
from tercet._behaviour import rfm
from tercet._behaviour.build import describe, limits_of
from tercet._behaviour.recipe import BehaviourRecipe
from tercet._snapshots.duration import Duration
from tercet._snapshots.feature import slugs
from tercet._snapshots.roles import Naming
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._behaviour.build import Found
    from tercet._progress import Progress
    from tercet._time import TimeLike
    from tercet.data.snapshots import DurationLike

__all__ = ["Behaviour", "BehaviourRecipe", "behaviour"]

#: Where a customer comes from who had not bought at the earlier date.
NOT_YET: Final = "not yet a customer"


class Behaviour:
    """What customers did before a date; made by `tercet.behaviour`.

    Attributes
    ----------
    table : table
        One row a customer who was known before the date, sorted by id, of the kind of the
        purchases: the id, and the columns that `features_` lists.
    as_of : str
        The date.
    recipe : BehaviourRecipe
        Cut points, rhythm and shares, to be applied at other dates.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self.as_of = found.as_of
        self.recipe = found.recipe
        self.table = _frames.build_as(found.columns, found.scan)

    def __len__(self) -> int:
        return len(next(iter(self._found.columns.values())))

    @property
    def features_(self) -> Any:
        """One row a column of `table`: its name, its words, and from where and when it is."""
        rows = [feature.to_dict() for feature in self._found.features]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return self._new({"feature": columns.pop("name"), **columns})

    @property
    def lifecycle(self) -> Any:
        """One row a stage of the lifecycle: how many customers are in it, and their share."""
        return self._new(stages_of_life.counts(self._column("lifecycle_stage")))

    @property
    def rfm_grid(self) -> Any:
        """One row a pair of scores of recency and frequency: customers, their share and money."""
        return self._new(self._grid())

    @property
    def transitions(self) -> Any:
        """One row a move in the funnel: from where to where, how often, share, interval, time.

        Shares are of all times that leads came into a stage; `to_stage` is missing for those that
        are still there. Intervals are Wilson's at 95%.

        Raises
        ------
        ParameterError
            Without a history of stages.
        """
        if self._found.transitions is None:
            message = "stages: expected a table; without one there are no transitions"
            raise ParameterError(message, "stages")
        return self._new(self._found.transitions)

    def flow(self, earlier: Behaviour) -> Any:
        """Count who went from which stage of the lifecycle to which since an earlier date.

        Parameters
        ----------
        earlier : Behaviour
            The same customers at an earlier date, by the same recipe.

        Returns
        -------
        table
            `from_stage` (missing: not yet a customer), `to_stage`, `customers`, and their share of
            those of `from_stage`.

        Raises
        ------
        ParameterError
            If the stages were told by another recipe, or of a later date.
        """
        moves = self._moves(earlier)
        whole: dict[str, int] = {}
        for (source, _), n in moves.items():
            whole[source] = whole.get(source, 0) + n
        named = [None if source == NOT_YET else source for source, _ in moves]
        return self._new(
            {
                "from_stage": pa.array(named, pa.string()),
                "to_stage": pa.array([target for _, target in moves], pa.string()),
                "customers": np.array(list(moves.values()), dtype=np.int64),
                "share": np.array([n / whole[source] for (source, _), n in moves.items()]),
            }
        )

    def _moves(self, earlier: Behaviour) -> dict[tuple[str, str], int]:
        """Count customers by their stages at two dates."""
        if not isinstance(earlier, Behaviour):
            raise _arguments.refusal(earlier, "earlier", "a Behaviour")
        if _is_after(earlier.as_of, self.as_of):
            message = f"earlier: is of {earlier.as_of}, after {self.as_of}; swap the two"
            raise ParameterError(message, "earlier")
        ours, theirs = self.recipe.to_dict(), earlier.recipe.to_dict()
        if any(ours[key] != theirs[key] for key in ("typical_gap", "limits")):
            message = "earlier: expected behaviour by the same recipe; pass recipe= when it is made"
            raise ParameterError(message, "earlier")
        before = pa.table({"id": earlier._ids(), "from": earlier._column("lifecycle_stage")})
        after = pa.table({"id": self._ids(), "to": self._column("lifecycle_stage")})
        both = after.filter(pc.is_valid(after["to"])).join(before, "id")
        counted = both.group_by(["from", "to"]).aggregate([([], "count_all")]).to_pylist()
        found = {(row["from"] or NOT_YET, row["to"]): int(row["count_all"]) for row in counted}
        order = (NOT_YET, *stages_of_life.STAGES)
        return {
            (source, target): found[source, target]
            for source in order
            for target in stages_of_life.STAGES
            if (source, target) in found
        }

    def _grid(self) -> dict[str, Any]:
        r, f = self._column("r_score"), self._column("f_score")
        return rfm.grid(r, f, self._found.money, self.recipe.n_scores)

    def _column(self, name: str) -> Any:
        if name not in self._found.columns:
            message = f"purchases: expected a table; without one there is no '{name}'"
            raise ParameterError(message, "purchases")
        column = self._found.columns[name]
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

    def _ids(self) -> Any:
        return self._found.columns[self._found.id_column]

    def _new(self, columns: Mapping[str, Any]) -> Any:
        return _frames.new_table(columns, self._found.scan.kind)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        n_columns = len(self._found.features)
        title = f"Behaviour of {_display.count(len(self))} customers as of {self.as_of}"
        words = [f"{n_columns} columns; .features_ says what they are."]
        if "lifecycle_stage" not in self._found.columns:
            return _display.Grid(title, ["table"], [[name] for name in self.recipe.logs], words)
        counts = stages_of_life.counts(self._column("lifecycle_stage"))
        rows = [
            [stage, _display.count(n), _display.per_cent(share, 1)]
            for stage, n, share in zip(
                counts["stage"], counts["customers"], counts["share"], strict=True
            )
        ]
        return _display.Grid(title, ["stage", "customers", "share"], rows, words)


def behaviour(
    purchases: Any = None,
    events: Any = None,
    *,
    as_of: TimeLike,
    contacts: Any = None,
    stages: Any = None,
    customers: Any = None,
    observation: DurationLike | None = None,
    n_scores: int | None = None,
    products: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    channels: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    lost: Sequence[str] | None = None,
    lifecycle: Mapping[str, float] | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    refunds: Literal["error", "drop"] | None = None,
    recipe: BehaviourRecipe | None = None,
    progress: Progress = False,
) -> Behaviour:
    """Describe what customers did before a date: one row a customer.

    - recency, frequency, money: scores from 1 to `n_scores` by cut points of those who bought
      within the window, and all together as text ("544");
    - habits of purchases: weekday, channel, product, basket, discount, affinity to products;
    - engagement: events, contacts and responses, as in `tercet.Snapshots`;
    - the stage of the lifecycle: new, active, slowing, passive, lost, won back, by the time since
      the last purchase in gaps of the customer's own rhythm;
    - the stage of the funnel, how long, and from stage to stage how many.

    Everything before the date counts, nothing on it. Equal values have equal scores. What is found
    at one date (cut points, the typical gap, shares of products) is kept in `recipe`, by which
    later dates and unseen customers are described alike.

    Parameters
    ----------
    purchases, events : table, optional
        One row a purchase; one row a use, visit, opened message.
    as_of : str, date, datetime, numpy.datetime64 or int
        The date; a date is the first instant of its day.
    contacts, stages, customers : table, optional
        One row a contact; one row for each stage that a lead came into; one row a customer, whose
        columns are taken over as they were known.
    observation : str, timedelta or int, optional
        How long before the date the window begins: "365d" unless said otherwise. Rhythm and
        recency look at everything before the date.
    n_scores : int, optional
        How many scores of recency, frequency and money: 5 unless said otherwise.
    products, features, channels : sequence of str, optional
        Products, product features and channels of contacts with columns of their own.
    order, lost : sequence of str, optional
        With `stages`: the stages from first to last, and those that are lost.
    lifecycle : mapping, optional
        When stages begin, in gaps: {"new": 1.5, "slowing": 1.5, "passive": 3, "lost": 6}.
    columns : mapping, optional
        What columns are called, by table and role, as for `tercet.Snapshots`; purchases may have
        besides `channel` ("channel") and `discount` ("discount": the amount taken off).
    refunds : {"error", "drop"}, optional
        What to do with purchases of negative amounts: refuse them, or leave them out.
    recipe : BehaviourRecipe, optional
        That of another date. Then what it says is not said again.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    Behaviour
        `table`, `recipe`, `lifecycle`, `rfm_grid`, `transitions`.

    Raises
    ------
    DataError
        For a table that lacks a column or holds what cannot be used.
    ParameterError
        For an argument that cannot be used, and a date at which nothing is known yet.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> june = tc.behaviour(shop.transactions, as_of="2024-06-01")
    >>> june.table[["r_score", "f_score", "m_score"]].max().tolist()
    [5, 5, 5]
    >>> december = tc.behaviour(shop.transactions, as_of="2024-12-01", recipe=june.recipe)
    >>> december.recipe.cuts == june.recipe.cuts
    True
    """
    tables = {
        "purchases": purchases,
        "events": events,
        "contacts": contacts,
        "stages": stages,
        "customers": customers,
    }
    tables = {name: table for name, table in tables.items() if table is not None}
    if not set(tables) - {"customers"}:
        message = "purchases = None: expected a table of purchases, events, contacts or stages"
        raise ParameterError(message, "purchases")
    said = {
        "observation": observation,
        "n_scores": n_scores,
        "products": products,
        "features": features,
        "channels": channels,
        "order": order,
        "lost": lost,
        "lifecycle": lifecycle,
        "columns": columns,
        "refunds": refunds,
    }
    if recipe is None:
        plan = _plan(said, tables)
        return Behaviour(describe(tables, as_of, plan, fresh=True, progress=progress))
    if not isinstance(recipe, BehaviourRecipe):
        raise _arguments.refusal(recipe, "recipe", "a BehaviourRecipe, as Behaviour.recipe")
    for name, value in said.items():
        if value is not None:
            raise _arguments.refusal(value, name, "nothing beside recipe=, which says it")
    return Behaviour(describe(tables, as_of, recipe, fresh=False, progress=progress))


def _plan(said: Mapping[str, Any], tables: Mapping[str, Any]) -> BehaviourRecipe:
    observation = Duration.of(
        "365d" if said["observation"] is None else said["observation"], "observation"
    )
    n_scores = said["n_scores"]
    expected = "a whole number from 2 to 100"
    n = 5 if n_scores is None else _arguments.whole(n_scores, "n_scores", expected)
    if not 2 <= n <= 100:
        raise _arguments.refusal(n_scores, "n_scores", expected)
    listed: dict[str, tuple[str, ...]] = {}
    for table, name in (
        ("purchases", "products"),
        ("events", "features"),
        ("contacts", "channels"),
    ):
        if said[name] is None:
            continue
        if table not in tables:
            raise _arguments.refusal(said[name], name, f"none without a table of {table}")
        listed[table] = tuple(_arguments.names(said[name], name, f"a list of different {name}"))
        slugs(listed[table], name)
        if table == "contacts":
            listed["responses"] = listed[table]
    order, lost = said["order"], said["lost"]
    if ("stages" in tables) != (order is not None):
        expected = (
            "the stages from first to last" if order is None else "none without a table of stages"
        )
        raise _arguments.refusal(order, "order", expected)
    stages = (
        ()
        if order is None
        else tuple(_arguments.names(order, "order", "a list of different stages"))
    )
    ends = (
        () if lost is None else tuple(_arguments.names(lost, "lost", "a list of different stages"))
    )
    if set(stages) & set(ends):
        raise _arguments.refusal(lost, "lost", "stages that are not in order=")
    naming = Naming.of(said["columns"])
    refunds = said["refunds"]
    drop = refunds is not None and _arguments.word(refunds, "refunds", ("error", "drop")) == "drop"
    return BehaviourRecipe(
        observation.label,
        n,
        {},
        float("nan"),
        limits_of(said["lifecycle"]),
        {},
        listed,
        stages,
        ends,
        {},
        naming.given,
        drop,
    )


def _is_after(one: str, other: str) -> bool:
    """Whether a moment is later: dates as ISO has them, or numbers."""
    if one.lstrip("-").isdigit() and other.lstrip("-").isdigit():
        return int(one) > int(other)
    return one > other
