"""Who ends in a tree's leaf, as segments of the caller's columns and in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from tercet._features import NO_LEVEL
from tercet._frames import new_table
from tercet._levels import is_number
from tercet.response import _sentence
from tercet.response._tree import test_of
from tercet.response.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tercet._features import Attribute, Feature
    from tercet.value.propensity._customers import Customers

_BEGINNING = "Customers where "


@dataclass(frozen=True)
class LeafRules:
    """How conditions of the core become conditions on the caller's columns.

    Attributes
    ----------
    kinds : dict
        Of features that are levels what their values are: "truth", "number" or "text".
    gaps : tuple of str
        Features that were missing at times in the fit: of others nothing is said of missing values
        in words. Segments always say where they go.
    """

    kinds: Mapping[str, str]
    gaps: tuple[str, ...]

    @classmethod
    def learn(
        cls, customers: Customers, features: Sequence[Feature], attributes: Sequence[Attribute]
    ) -> Self:
        """Return the rules of a fit."""
        kinds = {}
        for place, feature in enumerate(features):
            if feature.has_levels:
                kind = customers.arrow(place).type
                kind = kind.value_type if pa.types.is_dictionary(kind) else kind
                truth = "truth" if pa.types.is_boolean(kind) else "text"
                kinds[feature.name] = "number" if is_number(kind) else truth
        gaps = tuple(name for name, values in columns_of(attributes) if _has_gaps(values))
        return cls(kinds, gaps)

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Self:
        """Return the rules that a model's note tells of; those of a fit in Rust are of text."""
        return cls(note.get("kinds", {}), tuple(note.get("gaps", ())))

    def note(self) -> dict[str, Any]:
        """Return what a model notes of them."""
        return {"kinds": dict(self.kinds), "gaps": list(self.gaps)}

    def where(self, condition: str) -> dict[str, Any]:
        """Return a condition of the core, a JSON text, as the tree of a segment."""
        return self._typed(json.loads(condition))

    def words(self, where: Mapping[str, Any]) -> str:
        """Return a condition in words, without what no customer of the fit was concerned by."""
        plain = self._plain(where)
        if plain is None or "everyone" in plain:
            return "everyone"
        return _sentence.write(plain).removeprefix(_BEGINNING).removesuffix(".")

    def _typed(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        for word in ("all", "any"):
            if word in tree:
                return {word: [self._typed(part) for part in tree[word]]}
        if "everyone" in tree:
            return dict(tree)
        name, (test, value) = tree["column"], test_of(tree)
        if test not in ("in", "not_in"):
            # An edge of 4.0 is said as 4.
            value = int(value) if isinstance(value, float) and value.is_integer() else value
            return {"column": name, test: value}
        kind = self.kinds.get(name, "text")
        levels = [_level(level, kind) for level in value]
        if len(levels) == 1:
            return {"column": name, "==" if test == "in" else "!=": levels[0]}
        if kind == "truth":
            return {"column": name, "is_missing": test == "not_in"}
        return {"column": name, test: levels}

    def _plain(self, tree: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a tree without conditions on missing values that there were none of."""
        for word in ("all", "any"):
            if word in tree:
                parts = [self._plain(part) for part in tree[word]]
                left = [part for part in parts if part is not None]
                return {word: left} if len(left) > 1 else left[0] if left else None
        return None if "is_missing" in tree and tree["column"] not in self.gaps else dict(tree)


def columns_of(attributes: Sequence[Attribute]) -> Iterator[tuple[str, Any]]:
    """Return names and values of attributes one by one, also where they came as a matrix."""
    for name, values, names in attributes:
        if getattr(values, "ndim", 1) == 2:
            yield from ((own, values[:, place]) for place, own in enumerate(names))
        else:
            yield name, values


def drawn(nodes: Sequence[tuple[int, int | None, str]], leaf: Callable[[int], str]) -> list[str]:
    """Return a tree as lines; `nodes` have a depth, a leaf or None, and words of a split."""
    lines: list[str] = []
    # Whether each split above still waits for its other side.
    waiting: list[bool] = []
    for depth, number, words in nodes:
        what = f"{words}?" if number is None else leaf(number)
        if depth == 0:
            lines.append(what)
        else:
            del waiting[depth:]
            first = len(waiting) < depth
            if first:
                waiting.append(True)
            else:
                waiting[depth - 1] = False
            bars = "".join("│  " if open_ else "   " for open_ in waiting[: depth - 1])
            lines.append(f"{bars}{'├─ yes: ' if first else '└─ no: '}{what}")
    return lines


def as_segments(
    wheres: Sequence[dict[str, Any]], name: str, descriptions: Sequence[str]
) -> list[Segment]:
    """Return conditions as segments, numbered."""
    pairs = enumerate(zip(wheres, descriptions, strict=True), start=1)
    return [Segment(f"{name}_{place}", where, description=words) for place, (where, words) in pairs]


def table_of(customers: Customers) -> Any:
    """Return customers as a table whose columns have the features' names."""
    if customers.named or customers.table is not None:
        return new_table({name: _column(customers, name) for name in customers.names}, "pyarrow")
    columns = {name: customers.arrow(place) for place, name in enumerate(customers.names)}
    return new_table(columns, "pyarrow")


def _column(customers: Customers, name: str) -> Any:
    return customers.arrow(customers.names.index(name))


def _has_gaps(values: Any) -> bool:
    if values.dtype.kind == "f":
        return bool(np.isnan(values).any())
    return bool((values == NO_LEVEL).any())


def _level(level: str, kind: str) -> str | float | bool:
    if kind == "text":
        return level
    if kind == "truth":
        return level == "true"
    number = float(level)
    return int(number) if number.is_integer() else number
