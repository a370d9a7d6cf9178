"""Survey weights: each respondent's must be a positive number, or a rule must leave the row out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error, floats

if TYPE_CHECKING:
    from tercet._columns import Integers


def bad_weights(column: Any, name: str) -> Any:
    """Return which rows have a weight that is missing, zero, negative or not finite."""
    values = floats(column, name, missing_as_nan=True)
    with np.errstate(invalid="ignore"):
        return ~(values > 0) | ~np.isfinite(values)


def check_weights(column: Any, name: str, ids: Any, rows: Integers) -> None:
    """Refuse a bad weight in words: which respondent, which row, what to do."""
    bad = bad_weights(column, name)
    if not bad.any():
        return
    at = int(bad.argmax())
    value = column[at].as_py()
    row = int(rows[at])
    who = "" if ids is None else f" (respondent {ids[at].as_py()!r})"
    found = "is missing" if value is None or value != value else f"is {value}"
    others = int(bad.sum()) - 1
    more = f", and so are {others} more that are missing or not above 0" if others else ""
    reason = (
        f"the weight{who} {found}{more}; give every respondent a positive weight, or leave such "
        'respondents out with bad_weights="drop"'
    )
    raise column_error(name, reason, row)


def looks_like_weights(name: str, column: Any) -> bool:
    """Whether a column has a name that weights usually have, and fractions as they have."""
    if not pa.types.is_floating(column.type) or _NAME.match(name.strip().casefold()) is None:
        return False
    return not pc.all(pc.equal(pc.floor(column), column)).as_py()


_NAME: Final = re.compile(
    r"^(?:[a-z0-9]+_)*(?:p?weights?|wgts?|wts?|pw|weighting|weightvar|wtvar)(?:_[a-z0-9]+)?$"
)
