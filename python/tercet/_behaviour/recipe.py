"""What was found once and is applied later: cut points, rhythm, shares, and what tables had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tercet import _arguments
from tercet._behaviour.lifecycle import Limits
from tercet._snapshots.duration import Duration
from tercet._snapshots.plan import LogShape
from tercet._snapshots.roles import Naming
from tercet.exceptions import ModelFileError, UnsupportedVersionError

_VERSION: Final = 1


@dataclass(frozen=True)
class BehaviourRecipe:
    """How behaviour is described at another date in the same way.

    Use `Behaviour.recipe` or `BehaviourRecipe.from_dict`, and pass it to `tercet.behaviour`.

    Attributes
    ----------
    observation : str
        The length of the window.
    n_scores : int
        How many scores of recency, frequency and money there are.
    cuts : dict
        The cut points of each; empty without purchases.
    typical_gap : float
        The typical time between two purchases, in days or periods; nan where none is known.
    limits : dict
        When stages of the lifecycle begin, in gaps.
    shares : dict
        For each listed product its share among all purchases.
    listed : dict
        For each log, the labels with columns of their own.
    order, lost : tuple of str
        The stages of the funnel.
    logs : dict
        What each log had.
    columns : dict
        What the tables' columns are called.
    drop_refunds : bool
        Whether purchases of negative amounts are left out.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(1_000, seed=1)
    >>> june = tc.behaviour(shop.transactions, as_of="2024-06-01")
    >>> recipe = tc.BehaviourRecipe.from_dict(june.recipe.to_dict())
    >>> july = tc.behaviour(shop.transactions, as_of="2024-07-01", recipe=recipe)
    >>> july.recipe == june.recipe
    True
    """

    observation: str
    n_scores: int
    cuts: dict[str, list[float]]
    typical_gap: float
    limits: dict[str, float]
    shares: dict[str, float]
    listed: dict[str, tuple[str, ...]]
    order: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    logs: Mapping[str, LogShape] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    drop_refunds: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, which `from_dict` reads.

        Returns
        -------
        dict
            Text, numbers, lists and mappings.
        """
        typical = None if self.typical_gap != self.typical_gap else self.typical_gap
        return {
            "version": _VERSION,
            "observation": self.observation,
            "n_scores": self.n_scores,
            "cuts": {name: list(cuts) for name, cuts in self.cuts.items()},
            "typical_gap": typical,
            "limits": dict(self.limits),
            "shares": dict(self.shares),
            "listed": {name: list(labels) for name, labels in self.listed.items()},
            "order": list(self.order),
            "lost": list(self.lost),
            "logs": {name: asdict(shape) for name, shape in self.logs.items()},
            "columns": {table: dict(names) for table, names in self.columns.items()},
            "drop_refunds": self.drop_refunds,
        }

    @classmethod
    def from_dict(cls, values: Any) -> BehaviourRecipe:
        """Read a recipe that `to_dict` wrote.

        Parameters
        ----------
        values : mapping
            The plain values.

        Raises
        ------
        UnsupportedVersionError
            If a newer tercet wrote it.
        ModelFileError
            If it is no such thing.
        """
        version = values.get("version") if isinstance(values, Mapping) else None
        if not isinstance(version, int):
            raise ModelFileError("this is no recipe of behaviour: it has no version")
        if version > _VERSION:
            message = (
                f"the recipe was written by a newer tercet (version {version}, {_VERSION} is the "
                "newest known here); install a newer tercet"
            )
            raise UnsupportedVersionError(message)
        try:
            return cls._read(values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"this recipe of behaviour is damaged ({error}); write it again"
            raise ModelFileError(message) from error

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> BehaviourRecipe:
        Duration.of(values["observation"], "observation")
        Naming.of(values["columns"])
        typical = values["typical_gap"]
        return cls(
            str(values["observation"]),
            _arguments.whole(values["n_scores"], "n_scores", "a whole number"),
            {name: [float(cut) for cut in cuts] for name, cuts in values["cuts"].items()},
            float("nan") if typical is None else float(typical),
            asdict(Limits.of(values["limits"])),
            {name: float(share) for name, share in values["shares"].items()},
            {name: tuple(labels) for name, labels in values["listed"].items()},
            tuple(values["order"]),
            tuple(values["lost"]),
            {name: LogShape(**shape) for name, shape in values["logs"].items()},
            {table: dict(names) for table, names in values["columns"].items()},
            bool(values["drop_refunds"]),
        )

    def __eq__(self, other: object) -> bool:
        # nan, where there is no typical gap, is here equal to itself.
        return isinstance(other, BehaviourRecipe) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.observation, self.n_scores, tuple(self.cuts)))
