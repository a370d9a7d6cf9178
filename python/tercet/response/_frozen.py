"""Frozen segments: lists of customers as of a date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tercet import _arguments
from tercet.exceptions import DataError
from tercet.response.segment import Segment


@dataclass(frozen=True)
class Frozen:
    """A list of customers, and as of when they were members.

    Attributes
    ----------
    as_of : str
        The date.
    ids : list
        Text or whole numbers, ascending.
    """

    as_of: str
    ids: list[Any]


def taken_out(value: Any) -> tuple[Any, Frozen | None]:
    """Return a definition, and its list of customers if it has one."""
    if isinstance(value, Segment) or not hasattr(value, "keys") or "frozen" not in value:
        return value, None
    rest = {key: value[key] for key in value if key != "frozen"}
    frozen = value["frozen"]
    expected = '{"as_of": "2025-01-31", "ids": [...]} with ids that are all text or whole numbers'
    try:
        ids = [_plain_id(one) for one in frozen["ids"]]
        as_of = frozen["as_of"]
    except (TypeError, KeyError, DataError):
        raise _arguments.refusal(frozen, "frozen", expected) from None
    if not isinstance(as_of, str) or len({type(one) for one in ids}) > 1:
        raise _arguments.refusal(frozen, "frozen", expected)
    return rest, Frozen(as_of, ids)


def _plain_id(value: Any) -> int | str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    raise DataError("an id is text or a whole number")
