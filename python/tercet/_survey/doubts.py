"""Answers in words that look as if something had happened to them on the way: notes, no changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tercet._survey.brackets import are_unordered_brackets

if TYPE_CHECKING:
    from collections.abc import Sequence

_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE: Final = re.compile(rf"^(?:\d{{1,2}}[-. ](?:{_MONTHS})|(?:{_MONTHS})[-. ]\d{{1,2}})\.?$")
_JOINT: Final = re.compile(r"\s*[,;|]\s*")


def doubt_about(name: str, labels: Sequence[str]) -> str | None:
    """Return what a reader should know of the answers to a nominal item; None if nothing.

    Parameters
    ----------
    name : str
        The item.
    labels : sequence of str
        Its levels in words.
    """
    if are_unordered_brackets(labels):
        return (
            f"'{name}' has brackets of numbers that overlap or whose units do not compare, "
            "and is nominal; if they have an order, name them from the lowest to the "
            f"highest with levels={{'{name}': [...]}}"
        )
    plain = [" ".join(label.casefold().split()) for label in labels]
    for k, word in enumerate(plain):
        if word in plain[:k]:
            return (
                f"'{name}' tells '{labels[plain.index(word)]}' from '{labels[k]}'; if they are one "
                "answer, write them alike"
            )
    for label, word in zip(labels, plain, strict=True):
        if _DATE.match(word):
            return (
                f"'{name}' holds '{label}', which looks like a bracket that a spreadsheet took for "
                "a date; correct it, and format the column as text"
            )
    if _may_be_several(plain):
        return (
            f"answers to '{name}' look like several options each; if they are, pass "
            f"kinds={{'{name}': 'multi-select'}}"
        )
    return None


def _may_be_several(labels: Sequence[str]) -> bool:
    """Whether labels are made of fewer options that come again in other labels."""
    parts = [_JOINT.split(label) for label in labels]
    joined = [some for some in parts if len(some) > 1]
    options = {option for some in parts for option in some}
    if len(joined) < 2 or len(options) >= len(labels) + 1:
        return False
    counts = [sum(option in some for some in parts) for option in options]
    return min(counts) >= 1 and 2 * sum(count > 1 for count in counts) > len(counts)
