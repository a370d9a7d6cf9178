"""Names of levels: a value as text, levels for a message, and which Arrow types are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Levels that a message names at most.
_SHOWN: Final = 8


def as_text(value: Any) -> str:
    """Return an answer as the name of a level."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    try:
        return str(int(value)) if value == int(value) else str(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)


def quoted(levels: Sequence[str]) -> str:
    """Return some levels for a message."""
    shown = ", ".join(f"'{level}'" for level in levels[:_SHOWN])
    return shown + (", ..." if len(levels) > _SHOWN else "")


def is_number(kind: Any) -> bool:
    """Whether an Arrow type holds numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )
