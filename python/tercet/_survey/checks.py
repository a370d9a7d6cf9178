"""How carefully a questionnaire was answered: one number or flag a respondent for each check.

Columns are looked at one after the other; nothing of the size of the whole table is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tercet._columns import floats
from tercet._survey.item import NO_ANSWER, WITH_LEVELS, Item, codes, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._columns import Floats

Flags: TypeAlias = NDArray[np.bool_]
Counts: TypeAlias = NDArray[np.int32]

#: A battery of fewer ratings says nothing about straight-lining.
SHORTEST_BATTERY: Final = 4
#: Fewer answers that are all the same as somebody else's are no sign of anything.
FEWEST_ANSWERS: Final = 8
#: Whoever took less than this share of the median time was too fast to read.
TOO_FAST: Final = 1 / 3


@dataclass(frozen=True)
class Checks:
    """What the checks found.

    Attributes
    ----------
    n_answered : array
        Items answered, by respondent.
    answered : dict
        Answers, by item.
    most_common : dict
        How often the most common answer of an item was given; items with levels only.
    chosen : dict
        How many levels of an item anybody chose.
    straight : dict
        Whether respondents gave one and the same answer throughout, by battery.
    duplicates : array
        Who gave the same answers to all items as somebody else.
    fast : array or None
        Who was too fast; None where no times are known.
    fastest : float
        The shortest time, in seconds, that is not too fast.
    repeated : array or None
        Whose id other respondents have, too.
    n_without_id : int
        How many have none.
    """

    n_answered: Counts
    answered: dict[str, int]
    most_common: dict[str, int]
    chosen: dict[str, int]
    straight: dict[str, Flags]
    duplicates: Flags
    fast: Flags | None
    fastest: float
    repeated: Flags | None
    n_without_id: int


def check(
    columns: Mapping[str, Any], items: Mapping[str, Item], ids: Any, durations: Any, duration: str
) -> Checks:
    """Return what the checks find.

    Parameters
    ----------
    columns : mapping
        The items' columns as Arrow.
    items : mapping
        The items.
    ids : Arrow array or None
        The respondents' ids.
    durations : Arrow array or None
        How long they took.
    duration : str
        The name of that column.
    """
    n_rows = len(next(iter(columns.values())))
    n_answered = np.zeros(n_rows, dtype=np.int32)
    patterns = np.zeros(n_rows, dtype=np.uint64)
    answered, most_common, chosen = {}, {}, {}
    ratings = _rating_batteries(items)
    runs = {name: _Run(n_rows) for name in ratings}
    for name, item in items.items():
        found = _codes(columns[name], item)
        given = found >= 0
        n_answered += given
        patterns = _mix(patterns, found)
        answered[name] = int(given.sum())
        if item.kind in WITH_LEVELS:
            counts = np.bincount(found[given], minlength=1)
            most_common[name] = int(counts.max())
            chosen[name] = int((counts > 0).sum())
        if item.battery in runs:
            runs[item.battery].add(found, given)
    fast, fastest = _too_fast(durations, duration)
    return Checks(
        n_answered,
        answered,
        most_common,
        chosen,
        {name: run.straight() for name, run in runs.items()},
        _repeated(patterns) & (n_answered >= FEWEST_ANSWERS),
        fast,
        fastest,
        None if ids is None else _repeated(encoded(ids)[0], unless=-1),
        0 if ids is None else ids.null_count,
    )


class _Run:
    """The lowest and the highest answer of each respondent to a battery so far."""

    def __init__(self, n_rows: int) -> None:
        self.low = np.full(n_rows, np.iinfo(np.int64).max)
        self.high = np.full(n_rows, -1, dtype=np.int64)
        self.count = np.zeros(n_rows, dtype=np.int32)

    def add(self, found: NDArray[np.int64], given: Flags) -> None:
        self.low = np.minimum(self.low, np.where(given, found, self.low))
        self.high = np.maximum(self.high, found)
        self.count += given

    def straight(self) -> Flags:
        one: Flags = (self.low == self.high) & (self.count >= SHORTEST_BATTERY)
        return one


def _rating_batteries(items: Mapping[str, Item]) -> list[str]:
    """Return the batteries of ordinal items, four at least, that share their levels."""
    members: dict[str, list[Item]] = {}
    for item in items.values():
        if item.battery is not None:
            members.setdefault(item.battery, []).append(item)
    return [
        name
        for name, some in members.items()
        if len(some) >= SHORTEST_BATTERY
        and all(item.kind == "ordinal" and item.levels == some[0].levels for item in some)
        and len(some[0].levels or ()) > 2
    ]


def _codes(column: Any, item: Item) -> NDArray[np.int64]:
    """Return answers as numbers from 0 on, equal ones where answers are equal; -1 where none is."""
    if item.levels is not None:
        found = codes(column, item).astype(np.int64)
        found[found == NO_ANSWER] = -1
        return found
    return encoded(column)[0]


def _mix(patterns: NDArray[np.uint64], found: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each respondent's answers so far.

    The finaliser is that of splitmix64. Two patterns among a million share a hash by chance once in
    forty million surveys.
    """
    with np.errstate(over="ignore"):
        mixed = (patterns + found.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)).astype(
            np.uint64
        )
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def _repeated(values: Any, unless: int | None = None) -> Flags:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: Flags = (counts > 1)[inverse]
    return found if unless is None else found & (values != unless)


def _too_fast(durations: Any, name: str) -> tuple[Flags | None, float]:
    if durations is None:
        return None, float("nan")
    kind = durations.type
    if pa.types.is_duration(kind):
        durations = pc.divide(
            durations.cast(pa.duration("ns")).cast(pa.int64()).cast(pa.float64()), 1e9
        )
    seconds: Floats = floats(durations, name, missing_as_nan=True)
    known = seconds[seconds > 0]
    if not len(known):
        return None, float("nan")
    fastest = float(np.median(known)) * TOO_FAST
    with np.errstate(invalid="ignore"):
        return (seconds < fastest) & (seconds >= 0), fastest
