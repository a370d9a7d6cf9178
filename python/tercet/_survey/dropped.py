"""Respondents who were left out: which, by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Integers


@dataclass(frozen=True)
class Dropped:
    """Rows that one rule left out.

    Attributes
    ----------
    reason : str
        The rule, in words.
    rows : array
        The rows of the file or table, counted from 0.
    respondents : Arrow array or None
        Their ids, as text.
    """

    reason: str
    rows: Integers
    respondents: Any = None

    def __len__(self) -> int:
        return len(self.rows)


def dropped_rows(reason: str, rows: Integers, ids: Any, mask: Any) -> Dropped:
    """Return what a rule leaves out.

    Parameters
    ----------
    reason : str
        The rule.
    rows : array
        The rows that the rows of the table were in the file.
    ids : Arrow array or None
        The ids of all rows of the table.
    mask : array of bool
        Which rows of the table are left out.
    """
    gone = np.asarray(mask, dtype=bool)
    respondents = None if ids is None else as_text(ids.filter(pa.array(gone)))
    return Dropped(reason, rows[gone], respondents)


def as_text(ids: Any) -> Any:
    """Return ids as text, whatever they are."""
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    if pa.types.is_floating(ids.type) and pc.all(pc.equal(pc.floor(ids), ids)).as_py():
        ids = ids.cast(pa.int64())
    try:
        return ids.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.chunked_array([pa.array([str(value) for value in ids.to_pylist()])])


def dropped_columns(dropped: Sequence[Dropped]) -> dict[str, Any]:
    """Return everything that was left out as columns: reason, row, respondent."""
    rows = [one.rows for one in dropped]
    ids = [
        pa.nulls(len(one), pa.large_string())
        if one.respondents is None
        else one.respondents.cast(pa.large_string())
        for one in dropped
    ]
    chunks = [
        chunk
        for one in ids
        for chunk in (one.chunks if isinstance(one, pa.ChunkedArray) else [one])
    ]
    return {
        "row": np.concatenate([np.empty(0, dtype=np.int64), *rows]),
        "respondent": pa.chunked_array(chunks, type=pa.large_string()),
        "reason": pa.array(
            [reason for one in dropped for reason in [one.reason] * len(one)], pa.large_string()
        ),
    }


@dataclass(frozen=True)
class History:
    """What happened to a survey before its answers became what they are.

    Attributes
    ----------
    rows : array
        The row of the file or table that each row was.
    dropped : tuple of Dropped
        What was left out.
    notes : tuple of str
        What a reader of the report should know.
    """

    rows: Integers
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
