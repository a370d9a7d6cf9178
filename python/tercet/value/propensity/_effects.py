"""Tables of what a model of log-odds says of its features, one shape for all such models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._columns import column_error
from tercet._frames import new_table
from tercet.value.propensity import _reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats
    from tercet._features import Feature
    from tercet._frames import Kind
    from tercet.value.propensity._customers import Customers

_LEVEL: Final = "a number between 0 and 1"
_FIGURES: Final = ("standard_error", "lower", "upper", "z", "p_value")
#: What is told of how much each feature matters.
MATTERS: Final = ("spread", "effective_parameters", "strength")
#: Rows that a model shows of itself.
_SHOWN: Final = 20


def read_level(level: Any) -> float:
    """Return a confidence level; its range is checked in the core."""
    return _arguments.number(level, "level", _LEVEL)


def effects_table(
    found: Mapping[str, Any], kind: Kind | None, of_row: Mapping[str, Sequence[str]] | None = None
) -> Any:
    """Return the core's effects as a table, after columns that say of which outcome a row is."""
    columns: dict[str, Any] = {
        **{name: pa.array(labels, pa.string()) for name, labels in (of_row or {}).items()},
        "feature": pa.array(found["feature"], pa.string()),
        "at": pa.array(found["at"], pa.string()),
        "log_odds": found["estimate"],
        "odds_ratio": np.exp(found["estimate"]),
        **{name: found[name] for name in _FIGURES},
    }
    return new_table(columns, kind)


def effects_of_each(
    parts: Sequence[Mapping[str, Any]], of_what: str, labels: Sequence[str], kind: Kind | None
) -> Any:
    """Return the effects of several classes or events as one table, its first column the label."""
    pairs = zip(labels, parts, strict=True)
    of_row = {of_what: [label for label, part in pairs for _ in part["at"]]}
    found: dict[str, Any] = {
        name: [one for part in parts for one in part[name]] for name in ("feature", "at")
    }
    for name in ("estimate", *_FIGURES):
        found[name] = np.concatenate([part[name] for part in parts])
    return effects_table(found, kind, of_row)


def curve_table(part: Any, feature: Any, points: Any, level: Any, kind: Kind | None) -> Any:
    """Return what a feature adds to the log-odds, from its lowest to its highest value.

    `part` is what the core has of one outcome.
    """
    if not isinstance(feature, str):
        raise _arguments.refusal(feature, "feature", "the name of a feature")
    found = part.curve(
        feature,
        points=_arguments.whole(points, "points", "a whole number, at least 2"),
        level=read_level(level),
    )
    columns = {
        "value": found["value"],
        "label": pa.array(found["label"], pa.string()),
        "log_odds": found["effect"],
        "lower": found["lower"],
        "upper": found["upper"],
    }
    return new_table(columns, kind)


def contributions_table(
    customers: Customers, features: Sequence[Feature], baseline: float, found: Floats
) -> Any:
    """Return what every feature adds to each customer's log-odds, beside the baseline."""
    columns: dict[str, Any] = {"baseline": np.full(len(found), baseline)}
    for place, feature in enumerate(features):
        if feature.name in columns:
            reason = "has the name of a column of the result; rename it"
            raise column_error(feature.name, reason)
        columns[feature.name] = np.ascontiguousarray(found[:, place])
    return _reasons.table_beside(customers, columns)


def by_spread(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return the core's terms, the feature that matters most first: a list of names, and figures.

    Features of equal spread stay in their order.
    """
    order = np.argsort(-terms["spread"], kind="stable")
    names = [terms["feature"][place] for place in order]
    return {"feature": names, **{name: terms[name][order] for name in MATTERS}}


def card(title: str, found: Mapping[str, Any], words: Sequence[str]) -> _display.Grid:
    """Return features by how much they matter as a model shows itself, and what is said below.

    `found` has `feature`, `spread` and `effective_parameters`, and `event` where there are several
    outcomes.
    """
    labels = [name for name in ("feature", "event") if name in found]
    columns = [found[name] for name in (*labels, "spread", "effective_parameters")]
    rows = [
        (*own, _display.decimals(spread, 3), _display.decimals(used, 1))
        for *own, spread, used in zip(*columns, strict=True)
    ]
    more = len(rows) - _SHOWN
    said = [f"And {more:,} more rows."] if more > 0 else []
    header = (*labels, "spread", "parameters")
    return _display.Grid(title, header, rows[:_SHOWN], [*said, *words])
