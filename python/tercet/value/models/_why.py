"""Reasons of customers in the words of the features of snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet.value.propensity._reasons import short

if TYPE_CHECKING:
    from collections.abc import Mapping


def table(model: Any, X: Any, top: int, words: Mapping[str, str]) -> dict[str, Any]:
    """Return reasons as columns, sorted by row and rank; `row` is an array of places in `X`."""
    found = model.reasons(X, top)
    columns: dict[str, Any] = {
        name: found.column(name).combine_chunks()
        for name in ("row", "rank", "feature", "value", "direction", "log_odds")
    }
    columns["percentage_points"] = found.column("percentage_points").combine_chunks()
    told = zip(
        columns["feature"].to_pylist(),
        columns["value"].to_pylist(),
        columns["direction"].to_pylist(),
        columns["percentage_points"].to_pylist(),
        strict=True,
    )
    columns["row"] = columns["row"].to_numpy(zero_copy_only=False)
    shown = _shown(X, columns)
    texts = [
        _sentence(words.get(name, name), value, *rest)
        for (name, _, *rest), value in zip(told, shown, strict=True)
    ]
    columns["sentence"] = pa.array(texts, pa.large_string())
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


def _shown(X: Any, columns: Mapping[str, Any]) -> list[str]:
    """Return the values of reasons as sentences have them: numbers in few figures."""
    names, values = columns["feature"].to_pylist(), columns["value"].to_pylist()
    numbers = {
        name: X.column(name).to_numpy()
        for name in set(names)
        if pa.types.is_floating(X.schema.field(name).type)
    }
    for place, (name, row) in enumerate(zip(names, columns["row"].tolist(), strict=True)):
        if name in numbers and values[place] != "missing":
            values[place] = short(float(numbers[name][row]))
    return list(values)


def _sentence(words: str, value: str, direction: str, points: float) -> str:
    size = "less than 0.1" if abs(points) < 0.05 else f"{abs(points):.1f}"
    shown = "none" if value == "missing" else value
    return f"{words}: {shown} ({direction} the probability by {size} percentage points)"
