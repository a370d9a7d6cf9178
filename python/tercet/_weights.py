"""How much each row of a table counts: a column of it, or one number a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet._columns import column_error, floats
from tercet._frames import check_same_rows

if TYPE_CHECKING:
    from tercet._columns import Floats
    from tercet._frames import Table


def read_weights(table: Table, weights: Any, what: str = "summary") -> Floats | None:
    """Return the weights of a table's rows: a column's name, an array, or None.

    `what` the table is, for messages.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        return table.floats(weights)
    values = np.asarray(weights)
    _check_length(values, table)
    check_same_rows(weights, table.native, "weights", what)
    return floats(pa.array(values, from_pandas=True), "weights")


def _check_length(values: Any, table: Table) -> None:
    if values.ndim == 0:
        raise column_error("weights", "is a single value; give one weight a row")
    if values.ndim != 1 or len(values) != len(table):
        shape = " x ".join(str(n) for n in values.shape)
        reason = f"has {shape} values for {len(table)} rows; give one weight a row"
        raise column_error("weights", reason)
