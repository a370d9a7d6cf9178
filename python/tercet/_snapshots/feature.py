"""A feature: its column, what it says in words, and where it comes from."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Feature:
    """A column of a snapshot that is known at its date.

    Attributes
    ----------
    name : str
        The column.
    words : str
        What it says: "purchases in 180 days".
    table : str
        The table that it comes from.
    window : str
        Which stretch of time it sums up: "180 days before the date", "everything before the date",
        "at the date", or "as known today".
    kind : str
        "number" or "text".
    """

    name: str
    words: str
    table: str
    window: str
    kind: str = "number"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


#: Values for `Feature.window`.
EVER = "everything before the date"
AT_DATE = "at the date"
TODAY = "as known today"


def slug(text: str) -> str:
    """Return a name as part of a column's name: "CRM & Mail" becomes crm_mail."""
    return re.sub(r"\W+", "_", text.strip().lower()).strip("_") or "other"


def slugs(names: Sequence[str], parameter: str) -> list[str]:
    """Return the names' parts of column names, which must differ."""
    found: dict[str, str] = {}
    for name in names:
        short = slug(name)
        if short in found:
            message = (
                f"{parameter} has {found[short]!r} and {name!r}: expected names that differ in "
                "letters and digits, for they become names of columns; rename one"
            )
            raise ParameterError(message, parameter)
        found[short] = name
    return list(found)


def check_names(names: Iterable[str]) -> None:
    """Refuse two columns of one name."""
    seen = set()
    for name in names:
        if name in seen:
            message = (
                f"columns: two columns of the snapshot would be called '{name}'; rename the "
                "attribute, product or feature of that name"
            )
            raise ParameterError(message, "columns")
        seen.add(name)
