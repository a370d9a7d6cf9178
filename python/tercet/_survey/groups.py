"""Which columns belong to one question: by their names, as the file says, or as the caller says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Q5_1, Q5.1, Q5-1, Q5 1, Q5_a, Q5r1, Q5m1, Q5a, "How important is [Price]": a part of a question.
_PART: Final = re.compile(
    r"^(?P<stem>.+?)(?:[_.\- ](?:\d{1,3}|[A-Za-z])|(?<=\d)[rRmM]\d{1,3}|(?<=\d)[a-z]"
    r"|\s*\[[^\]]+\]|(?<=\d)_?SQ\d{3})$"
)
# item1, v12: numbered, and perhaps parts of one question.
_NUMBERED: Final = re.compile(r"^(?P<stem>.*[^\d\W_])\d{1,3}$")


@dataclass(frozen=True)
class Group:
    """Columns that may be one question.

    Attributes
    ----------
    name : str
        The question.
    members : tuple of str
        Its columns.
    origin : {"declared", "set", "part", "numbered"}
        How they were found: named by the caller, as a multiple-response set of the file, by names
        such as Q5_1 or texts such as "Which do you use? - Radio", or by names such as item1, which
        are many a file's way to number questions that have nothing in common.
    """

    name: str
    members: tuple[str, ...]
    origin: str


def groups_of(
    names: Sequence[str],
    batteries: Mapping[str, Sequence[str]],
    sets: Mapping[str, Sequence[str]],
    texts: Mapping[str, str],
) -> list[Group]:
    """Return the groups that columns form; no column is in two.

    Parameters
    ----------
    names : sequence of str
        The columns that may be items, in order.
    batteries : mapping
        Questions and their columns, as the caller says.
    sets : mapping
        Multiple-response sets of the file.
    texts : mapping
        What was asked, by column.
    """
    free = dict.fromkeys(names)
    found = []
    for name, members in batteries.items():
        found.append(Group(name, _taken(members, free, name), "declared"))
    for name, members in sets.items():
        left = tuple(member for member in members if member in free)
        if len(left) >= 2:
            found.append(Group(name, _taken(left, free, name), "set"))
    for name, members in _by_pattern(free, _PART).items():
        found.append(Group(name, _taken(members, free, name), "part"))
    for members in _by_text(list(free), texts):
        name = _common(members).rstrip("_.- ")
        taken = name in {group.name for group in found}
        name = _span(members) if len(name) < 2 or taken else name
        found.append(Group(name, _taken(members, free, name), "part"))
    for name, members in _by_pattern(free, _NUMBERED).items():
        for run in _runs(members, list(names)):
            found.append(Group(_span(run), _taken(run, free, name), "numbered"))
    return found


def split_by(group: Group, keys: Sequence[object]) -> list[Group]:
    """Split a group into runs of members whose keys are equal and not None; of two at least."""
    runs: list[list[str]] = []
    last: object = None
    for member, key in zip(group.members, keys, strict=True):
        if runs and key is not None and key == last:
            runs[-1].append(member)
        else:
            runs.append([member])
        last = key
    return [Group(_span(run), tuple(run), group.origin) for run in runs if len(run) >= 2]


def _span(members: Sequence[str]) -> str:
    return f"{members[0]} to {members[-1]}"


def _taken(members: Iterable[str], free: dict[str, None], question: str) -> tuple[str, ...]:
    members = tuple(members)
    for member in members:
        if member not in free:
            message = (
                f"batteries = {{'{question}': [... '{member}' ...]}}: expected items of the survey,"
                " each in one battery"
            )
            raise ParameterError(message, "batteries")
        del free[member]
    return members


def _by_pattern(names: Iterable[str], pattern: re.Pattern[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        match = pattern.match(name)
        if match:
            found.setdefault(match["stem"].strip(), []).append(name)
    return {stem: members for stem, members in found.items() if len(members) >= 2}


def _common(names: Sequence[str]) -> str:
    """Return the characters with which all names begin."""
    first, last = min(names), max(names)
    same = next(
        (k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:same]


def _by_text(names: Sequence[str], texts: Mapping[str, str]) -> list[list[str]]:
    """Return neighbours whose texts are one question and different statements."""
    runs: list[list[str]] = []
    last = ""
    for name in names:
        question, joint, _ = texts.get(name, "").rpartition(" - ")
        if not joint:
            question, joint, _ = texts.get(name, "").rpartition(": ")
        if question and question == last:
            runs[-1].append(name)
        else:
            runs.append([name])
        last = question
    return [run for run in runs if len(run) >= 2]


def _runs(members: Sequence[str], names: Sequence[str]) -> list[list[str]]:
    """Split columns into runs of neighbours in the table."""
    place = {name: k for k, name in enumerate(names)}
    runs: list[list[str]] = []
    for member in members:
        if runs and place[member] == place[runs[-1][-1]] + 1:
            runs[-1].append(member)
        else:
            runs.append([member])
    return [run for run in runs if len(run) >= 2]
