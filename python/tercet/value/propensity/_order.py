"""Levels that are in order: lowest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet._columns import column_error
from tercet._features import NO_LEVEL, Attribute
from tercet._levels import as_text, quoted
from tercet.value.propensity import _settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet.value.propensity._customers import Customers


def in_order(attributes: list[Attribute], ordered: Any, customers: Customers) -> list[Attribute]:
    """Return the columns, those of ordered features with their levels in order."""
    wanted = _settings.levels_in_order(ordered)
    found = []
    for place, attribute in enumerate(attributes):
        name, values, _ = attribute
        if name in wanted and values.ndim == 1 and values.dtype == np.uint16:
            attribute = _sorted(attribute, wanted[name], customers.arrow(place))
        found.append(attribute)
    return found


def _sorted(attribute: Attribute, given: Sequence[Any] | None, column: Any) -> Attribute:
    name, codes, levels = attribute
    if given is not None:
        order = [as_text(level) for level in given]
        unknown = [level for level in levels if level not in order]
        if unknown:
            row = int((codes == levels.index(unknown[0])).argmax())
            reason = f"is '{unknown[0]}', which ordered= does not list ({quoted(order)}); add it"
            raise column_error(name, reason, row)
    elif pa.types.is_dictionary(column.type):
        return attribute  # categories come in their order
    else:
        order = sorted(levels, key=_by_size)
    places = np.full(NO_LEVEL + 1, NO_LEVEL, dtype=np.uint16)
    for old, level in enumerate(levels):
        places[old] = order.index(level)
    return name, places[codes.astype(np.int64)], order


def _by_size(level: str) -> tuple[int, float, str]:
    """Numbers by size, then texts by their letters."""
    try:
        return 0, float(level), level
    except ValueError:
        return 1, 0.0, level
