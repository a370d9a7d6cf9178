"""Results as a model's file keeps them, and files that are written whole or not at all."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARRAY = "array"
#: Numbers that JSON has no word for.
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def noted(value: Any) -> Any:
    """Return a result (numbers, texts, arrays, lists and mappings of them) as JSON keeps it."""
    if isinstance(value, np.ndarray):
        return {_ARRAY: noted(value.tolist()), "dtype": value.dtype.str}
    if isinstance(value, np.generic):
        return noted(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"odd": repr(value)}
    if isinstance(value, dict):
        return {name: noted(one) for name, one in value.items()}
    return [noted(one) for one in value] if isinstance(value, list | tuple) else value


def restored(value: Any) -> Any:
    """Return what `noted` has kept; tuples come back as lists."""
    if isinstance(value, dict):
        if set(value) == {_ARRAY, "dtype"}:
            return np.array(restored(value[_ARRAY]), dtype=np.dtype(value["dtype"]))
        if set(value) == {"odd"}:
            return _ODD[value["odd"]]
        return {name: restored(one) for name, one in value.items()}
    return [restored(one) for one in value] if isinstance(value, list) else value


def write_whole(path: str, text: str) -> None:
    """Write a file beside its place and move it there, so that nobody sees half of it."""
    place = Path(path)
    handle, fresh = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mode = place.stat().st_mode if place.exists() else 0o666 & ~_umask()
        Path(fresh).chmod(mode & 0o777)
        Path(fresh).replace(place)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return names as a sentence has them."""
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return f"{shown}, ..." if len(names) > most else shown
