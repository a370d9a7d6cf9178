"""Questions that are answered by yes or no, in whatever words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

#: The core knows the same (`needs/profile.rs`). "2" beside "1" means anything.
_PAIRS: Final = {
    ("0", "1"),
    ("no", "yes"),
    ("n", "y"),
    ("false", "true"),
    ("not selected", "selected"),
    ("not chosen", "chosen"),
    ("unchecked", "checked"),
    ("not mentioned", "mentioned"),
}


def yes_of(levels: Collection[str]) -> str | None:
    """Return the yes of two levels that are yes and no; None if they are anything else."""
    if len(levels) != 2:
        return None
    one, other = levels
    if (one.lower(), other.lower()) in _PAIRS:
        return other
    return one if (other.lower(), one.lower()) in _PAIRS else None
