"""Arguments that are one value: their types are checked here, their ranges in the Rust core.

Each function returns the value as the core takes it, or raises a `ParameterError` that names the
argument.
"""

from __future__ import annotations

import operator
import os
import reprlib
from contextlib import contextmanager
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_THREADS = "a number of threads from 1 to 1024, or None or -1 for all cores"


def refusal(value: object, parameter: str, expected: str) -> ParameterError:
    """Return a `ParameterError` in the words that the Rust core uses too."""
    return ParameterError(f"{parameter} = {reprlib.repr(value)}: expected {expected}", parameter)


def number(value: Any, parameter: str, expected: str = "a number") -> float:
    """Return a real number as a float; text and truth values are none."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise refusal(value, parameter, expected)
    try:
        return float(value)
    except OverflowError:
        raise refusal(value, parameter, f"{expected} below 1.8e308") from None


def finite(value: Any, parameter: str, expected: str) -> float:
    """Return a number that is neither nan nor infinite."""
    found = number(value, parameter, expected)
    if not np.isfinite(found):
        raise refusal(value, parameter, expected)
    return found


def share(value: Any, parameter: str, meaning: str) -> float:
    """Return a number that cannot be above 1, as it is when somebody means per cent."""
    found = number(value, parameter)
    if found > 1.0:
        raise refusal(value, parameter, f"at most 1: {meaning}")
    return found


def whole(value: Any, parameter: str, expected: str, bits: int = 63) -> int:
    """Return a whole number that the core's integers can hold."""
    try:
        found = operator.index(value)
    except TypeError:
        raise refusal(value, parameter, expected) from None
    if isinstance(value, bool | np.bool_) or not -(2**63) <= found < 2**bits:
        raise refusal(value, parameter, expected)
    return found


def truth(value: Any, parameter: str) -> bool:
    """Return a truth value; numbers are none."""
    if not isinstance(value, bool | np.bool_):
        raise refusal(value, parameter, "True or False")
    return bool(value)


def seed(value: Any, parameter: str) -> int:
    """Return the seed of a random generator."""
    expected = "a whole number from 0 to 2^64 - 1"
    found = whole(value, parameter, expected, bits=64)
    if found < 0:
        raise refusal(value, parameter, expected)
    return found


def names(value: Any, parameter: str, expected: str) -> list[str]:
    """Return a list of different names."""
    found = list(value) if hasattr(value, "__iter__") and not isinstance(value, str | dict) else []
    texts = all(isinstance(name, str) for name in found)
    if not found or not texts or len(set(found)) < len(found):
        raise refusal(value, parameter, expected)
    return found


def iterations(value: Any) -> int:
    """Return how many steps an optimiser may take."""
    return whole(value, "max_iterations", "a whole number, at least 1")


def threads(value: Any) -> int | None:
    """Return a number of threads; None for all cores."""
    return None if value is None else whole(value, "n_jobs", _THREADS)


def word(value: Any, parameter: str, words: Sequence[str]) -> str:
    """Return one of some words."""
    if not isinstance(value, str) or value not in words:
        listed = ", ".join(f'"{one}"' for one in words)
        raise refusal(value, parameter, f"one of {listed}")
    return value


def some_of(value: Any, parameter: str, words: Sequence[str]) -> tuple[str, ...]:
    """Return one or several of some words, each once; None stands for all."""
    if value is None:
        return tuple(words)
    if isinstance(value, str):
        return (word(value, parameter, words),)
    found = names(value, parameter, "a name or a list of different names")
    return tuple(word(one, parameter, words) for one in found)


def path(value: Any) -> str:
    """Return the path of a file as text."""
    try:
        return os.fsdecode(value)
    except TypeError:
        raise refusal(value, "path", "a path: text, bytes or a pathlib.Path") from None


@contextmanager
def not_too_deep(parameter: str) -> Iterator[None]:
    """Refuse what is nested so deeply, or in itself, that nothing can go through it.

    Raises
    ------
    ParameterError
        Instead of Python's RecursionError.
    """
    try:
        yield
    except RecursionError:
        raise too_deep(parameter) from None


def too_deep(parameter: str) -> ParameterError:
    """Return the error for conditions that are nested too deeply."""
    message = f"{parameter}: is nested too deeply; expected at most 32 levels"
    return ParameterError(message, parameter)
