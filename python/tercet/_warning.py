"""Warnings that point at the caller's line, however deep in tercet they are raised."""

from __future__ import annotations

import inspect
import warnings


def warn(message: str, category: type[Warning]) -> None:
    """Warn whoever called tercet."""
    frame, depth = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "tercet":
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, category, stacklevel=depth)
