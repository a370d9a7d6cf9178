"""The report on how good a survey's data are: by item, by respondent, and what was left out."""

from __future__ import annotations

import html
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet._display import count
from tercet._frames import new_table
from tercet._survey.checks import FEWEST_ANSWERS, SHORTEST_BATTERY, Checks
from tercet._survey.dropped import dropped_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tercet._frames import Kind
    from tercet._survey.dropped import History
    from tercet._survey.item import Item

#: The flags by which respondents may be left out.
FLAGS: Final = (
    "all_missing",
    "straight_lined",
    "duplicate_answers",
    "too_fast",
    "duplicate_id",
)
#: The flags in words.
SPOKEN: Final = {
    "all_missing": "answered nothing",
    "straight_lined": "straight-lined",
    "duplicate_answers": "same answers as somebody else",
    "too_fast": "too fast",
    "duplicate_id": "id occurs twice",
}
_LISTED: Final = 5


class QualityReport:
    """How good the data of a survey are.

    Made by `Survey.quality`. Nothing here leaves anybody out: flags say who may deserve a second
    look, and `Survey.drop` leaves out whom you decide to leave out.

    Attributes
    ----------
    n_respondents : int
        How many there are.
    notes : tuple of str
        What was concluded on reading, and may be wrong.

    Examples
    --------
    >>> import tercet as tc
    >>> survey = tc.Survey.from_frame(
    ...     {f"q_{k}": [1, 3, 5, k, 2] for k in range(1, 6)}, batteries={"q": ["q_1", "q_2"]}
    ... )
    >>> survey.quality.n_respondents
    5
    """

    def __init__(
        self,
        checks: Checks,
        items: Mapping[str, Item],
        ids: tuple[str, Any] | None,
        history: History,
        kind: Kind,
    ) -> None:
        self._checks = checks
        self._items = items
        self._ids = ids
        self._history = history
        self._kind = kind
        self.n_respondents = len(checks.n_answered)
        self.notes = history.notes

    @cached_property
    def per_item(self) -> Any:
        """A row an item: how many answered, and whether the levels are used.

        Columns: `item`, `battery`, `kind`, `n_answers`, `n_missing`, `share_missing`, `n_levels`,
        `n_levels_chosen` (a level that nobody chose cannot be estimated) and `largest_share`, that
        of the most common answer among the answers; the last three are missing where answers are
        numbers. Shares are of respondents, unweighted.
        """
        names = list(self._items)
        found = self._checks
        answers = np.array([found.answered[name] for name in names], dtype=np.int64)
        missing = self.n_respondents - answers
        levels = [self._items[name].levels for name in names]
        largest = [
            found.most_common[name] / found.answered[name]
            if name in found.most_common and found.answered[name]
            else None
            for name in names
        ]
        columns = {
            "item": pa.array(names, pa.large_string()),
            "battery": pa.array([self._items[name].battery for name in names], pa.large_string()),
            "kind": pa.array([self._items[name].kind for name in names], pa.large_string()),
            "n_answers": answers,
            "n_missing": missing,
            "share_missing": missing / max(self.n_respondents, 1),
            "n_levels": pa.array(
                [None if some is None else len(some) for some in levels], pa.int64()
            ),
            "n_levels_chosen": pa.array([found.chosen.get(name) for name in names], pa.int64()),
            "largest_share": pa.array(largest, pa.float64()),
        }
        return new_table(columns, self._kind)

    @cached_property
    def per_respondent(self) -> Any:
        """A row a respondent, in the order of the answers: what the checks say.

        Columns: the id under its own name (if there is one); `row`, the row of the file or table
        from 0; `share_missing`; `all_missing`; `straight_lined`, the number of rating batteries of
        at least four items with one and the same answer throughout; `duplicate_answers`, whether
        somebody else gave the same answers to all items (and at least eight); `too_fast`, whether
        it took less than a third of the median time; `duplicate_id`; `n_flags`, how many of these
        hold. A check that could not be made has no column.
        """
        columns: dict[str, Any] = {}
        if self._ids is not None:
            name, ids = self._ids
            columns["respondent" if name in (*FLAGS, "row", "n_flags") else name] = ids
        columns["row"] = self._history.rows
        columns["share_missing"] = 1 - self._checks.n_answered / max(len(self._items), 1)
        flags = self.flags
        columns |= flags
        if "straight_lined" in flags:
            columns["straight_lined"] = self._n_straight
        columns["n_flags"] = np.sum(
            [np.asarray(flag) for flag in flags.values()], axis=0, dtype=np.int64
        )
        return new_table(columns, self._kind)

    @cached_property
    def dropped(self) -> Any:
        """A row for everybody who was left out: `row`, `respondent`, `reason`.

        The row is that of the file or table, from 0; header lines do not count.
        """
        return new_table(dropped_columns(self._history.dropped), self._kind)

    @cached_property
    def flags(self) -> dict[str, NDArray[np.bool_]]:
        """Whether each respondent has each flag, as arrays in the order of the answers."""
        found = self._checks
        flags = {"all_missing": found.n_answered == 0}
        if found.straight:
            flags["straight_lined"] = self._n_straight > 0
        if len(self._items) >= FEWEST_ANSWERS:
            flags["duplicate_answers"] = found.duplicates
        if found.fast is not None:
            flags["too_fast"] = found.fast
        if found.repeated is not None:
            flags["duplicate_id"] = found.repeated
        return flags

    @property
    def share_missing(self) -> float:
        """The share of all answers that are missing."""
        cells = self.n_respondents * len(self._items)
        return 1 - int(self._checks.n_answered.sum()) / max(cells, 1)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, *lines = self._lines()
        listed = "".join(f"<li>{html.escape(line.strip())}</li>" for line in lines)
        return f"<div><code>{html.escape(head)}</code><ul>{listed}</ul></div>"

    @cached_property
    def _n_straight(self) -> NDArray[np.int64]:
        total = np.zeros(self.n_respondents, dtype=np.int64)
        for flag in self._checks.straight.values():
            total += flag
        return total

    def _lines(self) -> list[str]:
        people, items = self.n_respondents, len(self._items)
        size = f"{count(people)} respondent{'s' * (people != 1)}, {items} item{'s' * (items != 1)}"
        lines = [f"Quality of a survey: {size}"]
        for one in self._history.dropped:
            lines.append(f"  left out: {count(len(one))} ({one.reason})")
        lines.append(f"  missing answers: {self.share_missing:.1%}{self._most_missing()}")
        for flag, mask in self.flags.items():
            lines.append(f"  {SPOKEN[flag]}: {self._some(int(mask.sum()))}{self._detail(flag)}")
        if self._checks.n_without_id:
            lines.append(f"  without an id: {self._some(self._checks.n_without_id)}")
        lines += [f"  note: {note}" for note in self.notes]
        return lines

    def _some(self, number: int) -> str:
        return (
            f"{count(number)} ({number / max(self.n_respondents, 1):.1%})" if number else "nobody"
        )

    def _most_missing(self) -> str:
        by_item = self._checks.answered
        worst = sorted(by_item, key=by_item.__getitem__)[:3]
        shown = [
            f"{name} {1 - by_item[name] / self.n_respondents:.1%}"
            for name in worst
            if by_item[name] < self.n_respondents
        ]
        return f"; most in {', '.join(shown)}" if shown else ""

    def _detail(self, flag: str) -> str:
        found = self._checks
        if flag == "straight_lined":
            each = {name: int(mask.sum()) for name, mask in found.straight.items()}
            worst = sorted(each, key=lambda name: -each[name])[:_LISTED]
            listed = ", ".join(f"{name} {count(each[name])}" for name in worst if each[name])
            return (
                f"; {listed}" if listed else ""
            ) + f" (batteries of {SHORTEST_BATTERY} items or more)"
        if flag == "too_fast":
            return f" (less than {found.fastest:.0f} s, a third of the median)"
        return ""
