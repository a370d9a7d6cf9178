"""Columns of customers as models take them: numbers, and codes of levels.

Numbers stay numbers; text, categories and true/false are levels, by their names. What a column was
in the fit decides what it is read as later, so that codes may come as 1, 1.0 or "1".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet._columns import column_error
from tercet._levels import as_text, is_number, quoted
from tercet._survey.item import encoded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tercet._columns import Floats
    from tercet._frames import Table

Codes: TypeAlias = NDArray[np.uint16]
#: What the core takes for an attribute: its name, the column, and the levels of codes.
Attribute: TypeAlias = "tuple[str, Codes | Floats, list[str]]"

#: The code of a level that is not known.
NO_LEVEL: Final = int(np.iinfo(np.uint16).max)
#: Levels that a model notes at most.
_KEPT: Final = 1_000
#: So many customers do not all have a level that is new.
MANY_ROWS: Final = 30


@dataclass(frozen=True)
class Feature:
    """An attribute as a model knows it.

    Attributes
    ----------
    name : str
        Its column.
    has_levels : bool
        Whether it is a category; else a number.
    levels : tuple of str or None
        The levels that occurred in the fit; None where they are too many to be kept, or not known.
    """

    name: str
    has_levels: bool
    levels: tuple[str, ...] | None = None

    @classmethod
    def learn(cls, table: Table, name: str) -> Feature:
        """Return an attribute of a fit."""
        kind = table.arrow(name).type
        plain = cls(name, not (is_number(kind) or pa.types.is_null(kind)))
        if not plain.has_levels:
            return plain
        levels = plain.column(table)[2]
        return cls(name, True, tuple(levels) if len(levels) <= _KEPT else None)

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Feature:
        """Return the attribute that a model's note tells of."""
        levels = note.get("levels")
        return cls(note["name"], note["has_levels"], None if levels is None else tuple(levels))

    def note(self) -> dict[str, Any]:
        """Return what a model notes of it."""
        levels = None if self.levels is None else list(self.levels)
        return {"name": self.name, "has_levels": self.has_levels, "levels": levels}

    def column(self, table: Table) -> Attribute:
        """Return it as the core takes it."""
        if not self.has_levels:
            return self.name, table.floats(self.name, missing_as_nan=True), []
        indices, distinct = encoded(_readable(table.arrow(self.name), self.name))
        places: dict[str, int] = {}
        # The last place is that of rows without a level.
        codes = [*(_place(value, places) for value in distinct), NO_LEVEL]
        if len(places) >= NO_LEVEL:
            reason = (
                f"has {len(places):,} levels, as an identifier would; leave it out, or group it "
                f"into fewer than {NO_LEVEL:,}"
            )
            raise column_error(self.name, reason)
        found = np.array(codes, dtype=np.uint16)[indices]
        if np.count_nonzero(found != NO_LEVEL) >= MANY_ROWS:
            self._check_known(places)
        return self.name, found, list(places)

    def _check_known(self, found: Mapping[str, int]) -> None:
        """Refuse a column none of whose levels occurred in the fit: it is coded otherwise."""
        reason = self.unknown(found)
        if reason is not None:
            raise column_error(self.name, reason)

    def unknown(self, found: Collection[str]) -> str | None:
        """Return what is wrong with levels none of which occurred in the fit."""
        if self.levels is None or not found or any(level in found for level in self.levels):
            return None
        return (
            f"holds {quoted(list(found))}, and the model was fitted with "
            f"{quoted(self.levels)}; code the column as in the fit"
        )


def columns_of(features: Iterable[Feature], table: Table) -> list[Attribute]:
    """Return the columns of attributes as the core takes them."""
    return [feature.column(table) for feature in features]


def noted(note: Mapping[str, Any], names: Sequence[str], table: Table) -> list[Feature]:
    """Return a model's attributes: as it notes them, else as a table's columns look."""
    told = note.get("features")
    if told is None:
        return [Feature.learn(table, name) for name in names]
    return [Feature.of(one) for one in told]


def _place(value: Any, places: dict[str, int]) -> int:
    if value is None or value != value:
        return NO_LEVEL
    return places.setdefault(as_text(value), len(places))


def _readable(column: Any, name: str) -> Any:
    """Return a column whose values can be levels."""
    kind = column.type
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    is_text = pa.types.is_string(values) or pa.types.is_large_string(values)
    if is_text or is_number(values) or pa.types.is_boolean(values) or pa.types.is_null(values):
        return column
    reason = (
        f"holds values of type {values}; an attribute is a number, text, a category or true/false: "
        "convert the column (a date to days, say), or leave it out"
    )
    raise column_error(name, reason)


def of_encoding(learned: Iterable[Mapping[str, Any]]) -> tuple[Feature, ...]:
    """Return the features of a model that was fitted in Rust, which keeps the levels it needs."""
    # A constant feature says itself whether it is a category.
    return tuple(
        Feature(one["name"], one["as"] == "levels" or one.get("levels") is True) for one in learned
    )
