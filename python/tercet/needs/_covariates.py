"""What membership of a segment may depend on: numbers, and categories as 0/1 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from tercet._columns import column_error
from tercet._levels import as_text, is_number, quoted
from tercet.needs._items import levels_in, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tercet._columns import Floats
    from tercet._frames import Table

#: What the core takes for a covariate: its name and a number a row.
Named: TypeAlias = "tuple[str, Floats]"


@dataclass(frozen=True)
class Covariate:
    """A column that memberships depend on.

    Attributes
    ----------
    name : str
        The caller's column.
    levels : tuple of str or None
        The categories, the first one of which the others are compared with; None for a number.
    """

    name: str
    levels: tuple[str, ...] | None = None

    @classmethod
    def learn(cls, table: Table, name: str) -> Covariate:
        """Return a covariate of a fit: its categories are those that occur."""
        column = table.arrow(name)
        if is_number(column.type) or pa.types.is_null(column.type):
            return cls(name)
        values, _ = levels_in(column, name)
        if len(values) == 1:
            reason = f"is '{as_text(values[0])}' for every respondent, which explains no membership"
            raise column_error(name, f"{reason}; leave the covariate out")
        return cls(name, tuple(as_text(value) for value in values))

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Covariate:
        """Return the covariate that a model's note tells of."""
        levels = note.get("levels")
        return cls(note["name"], None if levels is None else tuple(levels))

    def note(self) -> dict[str, Any]:
        """Return what a model notes of it."""
        return {"name": self.name, "levels": None if self.levels is None else list(self.levels)}

    def columns(self, table: Table) -> list[Named]:
        """Return its column, or a 0/1 column for every category but the first."""
        if self.levels is None:
            return [(self.name, table.floats(self.name, missing_as_nan=True))]
        column = table.arrow(self.name)
        found, row, value = places_of(column, self.levels, self.name)
        if row is not None:
            reason = (
                f"'{value}' is none of the categories that the model knows "
                f"({quoted(self.levels)}); correct it, or score by the answers alone with "
                "covariates=False"
            )
            raise column_error(self.name, reason, row)
        missing = found == np.iinfo(np.uint8).max
        if missing.any():
            reason = (
                "is missing; a covariate must be known for every respondent: fill the gap, or "
                "leave the covariate out"
            )
            raise column_error(self.name, reason, int(missing.argmax()))
        return [
            (f"{self.name}={level}", (found == place + 1).astype(np.float64))
            for place, level in enumerate(self.levels[1:])
        ]


def columns_of(covariates: Iterable[Covariate], table: Table) -> list[Named]:
    """Return the columns of covariates as the core takes them."""
    return [named for covariate in covariates for named in covariate.columns(table)]


def noted(note: Mapping[str, Any], names: Sequence[str]) -> list[Covariate]:
    """Return the covariates of a model: those that it notes, else numbers of the names it has."""
    told = note.get("covariates")
    return [Covariate(name) for name in names] if told is None else list(map(Covariate.of, told))
