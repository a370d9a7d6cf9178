"""The tree of a segment on its way to Rust: Python's own values become those of JSON.

Rust reads the tree and says what is wrong with it; here only what JSON cannot hold is looked at.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _arguments
from tercet._snapshots.duration import Duration
from tercet._time import _plain

if TYPE_CHECKING:
    from collections.abc import Callable

#: Tests whose value is a length of time.
SPANS: Final = ("within", "older_than", "next")
#: Tests that count from the as-of date, and the length of time that a number of days is.
RELATIVE: Final = {
    "within": "within",
    "within_days": "within",
    "older_than": "older_than",
    "older_than_days": "older_than",
    "next": "next",
    "next_days": "next",
}


def to_json(values: Any, path: str = "") -> str:
    """Return plain and less plain values as JSON.

    Raises
    ------
    ParameterError
        For a value that no rule can have; it names the place in the tree.
    """
    with _arguments.not_too_deep("where"):
        return json.dumps(plain(values, path), allow_nan=False)


def plain(value: Any, path: str) -> Any:
    """Return a value as JSON has it; dates become `{"date": "2025-01-31"}`."""
    if hasattr(value, "to_dict") and not isinstance(value, Mapping):
        value = value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): _entry(str(key), item, path) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item, f"{path}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, AbstractSet):
        ordered = sorted(value, key=repr)
        return [plain(item, f"{path}[{place}]") for place, item in enumerate(ordered)]
    if isinstance(value, np.bool_ | np.floating):
        value = value.item()
    value = _plain(value)
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.datetime):
        return _time(value, path)
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        expected = "a finite number; ask for missing values with {'is_missing': True}"
        raise _arguments.refusal(value, path, expected)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    expected = "a number, text, True or False, a date or a datetime"
    raise _arguments.refusal(value, path, expected)


def _entry(key: str, value: Any, path: str) -> Any:
    place = f"{path}.{key}" if path else key
    if key in SPANS and isinstance(value, str | dt.timedelta | np.timedelta64):
        return Duration.of(value, place).label
    return plain(value, place)


def _time(value: dt.datetime, path: str) -> dict[str, str]:
    if value != value:  # NaT
        raise _arguments.refusal(value, path, "a time")
    if value.tzinfo is not None:
        expected = "a time without a zone, on the local clock of the column"
        raise _arguments.refusal(value, path, expected)
    text = value.replace(tzinfo=None).isoformat(timespec="microseconds")[:26]
    return {"time": text}


def test_of(leaf: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the one test of a column's condition: its word and its value."""
    word = next(key for key in leaf if key != "column")
    return word, leaf[word]


def span_of(word: str, value: Any) -> Duration:
    """Return the length of time of a test that counts from the as-of date."""
    text = f"{value}d" if word.endswith("_days") else value
    return Duration.of(text, word)


def replaced(
    tree: Mapping[str, Any], change: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Return the tree with every condition that has none below it changed."""
    for word in ("all", "any"):
        if word in tree:
            return {word: [replaced(part, change) for part in tree[word]]}
    if "not" in tree:
        return {"not": replaced(tree["not"], change)}
    return change(tree)
