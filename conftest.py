"""Tests and the examples of docstrings leave no figure open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_figure_stays_open() -> Iterator[None]:
    """Close what was drawn: matplotlib warns of more than twenty figures."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
