"""The kind of tables that made-up data come in."""

from __future__ import annotations

import importlib.util
from typing import Literal, TypeAlias, get_args

from tercet.exceptions import ParameterError

Backend: TypeAlias = Literal["pandas", "polars", "pyarrow", "duckdb"]


def check_backend(backend: str) -> None:
    """Refuse a kind of table that is not known, or not installed."""
    kinds = get_args(Backend)
    if backend not in kinds:
        raise ParameterError(f"backend = {backend!r}: expected one of {kinds}", "backend")
    if importlib.util.find_spec(backend) is None:
        message = (
            f"backend = {backend!r}: {backend} is not installed; install it, or pass "
            'backend="pyarrow"'
        )
        raise ParameterError(message, "backend")
