"""Reasons of customers in the words of the features of snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._columns import Floats


def table(model: Any, X: Any, top: int, words: Mapping[str, str]) -> dict[str, Any]:
    """Return reasons as columns, sorted by row and rank; `row` is an array of places in `X`."""
    found = model.reasons(X, top)
    columns: dict[str, Any] = {
        name: found.column(name).combine_chunks()
        for name in ("row", "rank", "feature", "value", "direction", "log_odds")
    }
    points = columns["percentage_points"] = found.column("percentage_points").combine_chunks()
    columns["row"] = columns["row"].to_numpy(zero_copy_only=False)
    columns["sentence"] = _sentences(columns, points.to_numpy(zero_copy_only=False), words)
    return columns


def sentences(model: Any, X: Any, top: int, words: Mapping[str, str]) -> list[Any]:
    """Return for each rank the reasons of all rows; null for who has no more."""
    if top < 1:
        raise _arguments.refusal(top, "reasons", "a whole number, at least 0")
    found = table(model, X, top, words)
    rank = found["rank"].to_numpy(zero_copy_only=False)
    columns = []
    for place in range(1, top + 1):
        here = np.flatnonzero(rank == place)
        where = np.full(len(X), -1)
        where[found["row"][here]] = here
        places = pa.array(np.where(where < 0, 0, where), mask=where < 0)
        columns.append(
            found["sentence"].take(places) if len(rank) else pa.nulls(len(X), pa.large_string())
        )
    return columns


def _sentences(columns: Mapping[str, Any], points: Floats, words: Mapping[str, str]) -> Any:
    """Return "orders in the last 30 days: 3 (lowers the probability by 4.2 percentage points)"."""
    coded = columns["feature"].dictionary_encode()
    names = [words.get(name, name) for name in coded.dictionary.to_pylist()]
    features = pa.array(names, pa.large_string()).take(coded.indices)
    values = columns["value"]
    values = pc.if_else(pc.equal(values, "missing"), "none", values).cast(pa.large_string())
    sizes = pa.array([f"{tenth / 10:.1f}" for tenth in range(1_001)], pa.large_string())
    size = sizes.take(pa.array(np.rint(10.0 * np.abs(points)).astype(np.int64)))
    small = pa.scalar("less than 0.1", pa.large_string())
    size = pc.if_else(pa.array(np.abs(points) < 0.05), small, size)
    direction = columns["direction"].cast(pa.large_string())
    between = (": ", " (", " the probability by ", " percentage points)")
    pieces = zip(between, (values, direction, size, ""), strict=True)
    said = [piece for pair in pieces for piece in pair]
    texts = [pa.scalar(one, pa.large_string()) if isinstance(one, str) else one for one in said]
    return pc.binary_join_element_wise(features, *texts)
