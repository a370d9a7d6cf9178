"""Subscriptions: who is active at a date, since when, and when it ended.

A subscription runs from its start up to, and not including, its end; one without an end runs on.
Subscriptions of one customer that follow each other within the grace period are one spell, so that
a renewal is no churn. Whether a customer is active at a date is judged by single subscriptions,
not by spells: in a pause nobody knows yet that another one will follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet._frames import Scan, read_table, scan_table
from tercet._snapshots import small
from tercet._snapshots.clock import NEVER, Clock
from tercet._snapshots.duration import DAY
from tercet._snapshots.feature import AT_DATE, EVER, Feature
from tercet._snapshots.roles import ROLES, Naming

if TYPE_CHECKING:
    import numpy.typing as npt

    from tercet._columns import Integers

_TABLE: Final = "subscriptions"


@dataclass(frozen=True)
class Subscriptions:
    """A table of subscriptions, read.

    Attributes
    ----------
    scan : Scan
        The caller's table.
    clock : Clock
        What its ticks are.
    ids : pyarrow.Array
        The customer of each.
    start, end : numpy.ndarray
        In ticks; NEVER for no end.
    plan, reason : pyarrow.Array or None
        Texts.
    amount : numpy.ndarray or None
        What each pays.
    """

    scan: Scan
    clock: Clock
    ids: Any
    start: Integers
    end: Integers
    plan: Any
    reason: Any
    amount: Any

    @property
    def last_known(self) -> int:
        """Return the last time in it."""
        ended = self.end[self.end < NEVER]
        return int(max(self.start.max(), ended.max(initial=self.start.max())))


def open_subscriptions(native: Any, naming: Naming) -> Subscriptions:
    """Read a table of subscriptions.

    Raises
    ------
    DataError
        For a missing column, id or start, and for an end before its start.
    """
    names, optional = naming.names(_TABLE)
    what, remedies = ROLES[_TABLE].what, naming.remedies(_TABLE)
    scan = scan_table(native, names, optional, what, remedies)
    names = scan.names
    table = read_table(scan.native, names, (), what, remedies=remedies)
    start, clock = small.time_column(table, names["start"])
    end, other = small.open_time_column(table, names["end"])
    clock = clock if other is None else clock.joined(other)
    if (end < start).any():
        row = int((end < start).argmax())
        reason = (
            f"{clock.text(int(end[row]))} is before '{names['start']}' "
            f"({clock.text(int(start[row]))}); correct or drop the row"
        )
        raise column_error(names["end"], reason, row)

    def text(role: str) -> Any:
        return small.text_column(table, names[role]) if role in names else None

    return Subscriptions(
        scan,
        clock,
        small.id_column(table, names["customer"]),
        start,
        end,
        text("plan"),
        text("reason"),
        table.floats(names["amount"], missing_as_nan=True) if "amount" in names else None,
    )


@dataclass(frozen=True)
class Book:
    """Subscriptions in order of customer and start, with their spells.

    Attributes
    ----------
    code : numpy.ndarray
        The customer of each, as a place in the list of all customers.
    row : numpy.ndarray
        Its row in the table.
    start, end : numpy.ndarray
        In ticks.
    spell_start, spell_end : numpy.ndarray
        Of the spell that it is part of.
    spell_row : numpy.ndarray
        The row with which the spell ends.
    n_customers : int
        How many there are in the list of all customers.
    """

    table: Subscriptions
    code: Integers
    row: Integers
    start: Integers
    end: Integers
    spell_start: Integers
    spell_end: Integers
    spell_row: Integers
    n_customers: int

    @classmethod
    def of(cls, table: Subscriptions, code: Integers, n_customers: int, grace: int) -> Book:
        """Sort subscriptions and join them into spells.

        Which of two that begin together comes last is told by their plan and amount. Their ends
        must not tell it: those may lie in the future of a date.
        """
        keys = [table.start, code]
        if table.plan is not None:
            keys.insert(0, pc.rank(table.plan, tiebreaker="dense").to_numpy())
        if table.amount is not None:
            keys.insert(0, table.amount)
        row = np.lexsort(keys)
        code, start, end = code[row], table.start[row], table.end[row]
        # Ranks of ends below a customer's number: the running maximum starts anew by itself.
        _, rank = np.unique(end, return_inverse=True)
        width = int(rank.max()) + 1
        running = np.maximum.accumulate(code * width + rank) - code * width
        so_far = np.unique(end)[running]
        begins = np.ones(len(code), dtype=bool)
        begins[1:] = (code[1:] != code[:-1]) | (start[1:] > so_far[:-1] + grace)
        spell = np.cumsum(begins) - 1
        spell_end = np.full(spell[-1] + 1, -1)
        np.maximum.at(spell_end, spell, end)
        ends_it = np.flatnonzero(end == spell_end[spell])
        spell_row = np.zeros(len(spell_end), dtype=np.int64)
        spell_row[spell[ends_it]] = row[ends_it]
        return cls(
            table,
            code,
            row,
            start,
            end,
            start[begins][spell],
            spell_end[spell],
            spell_row[spell],
            n_customers,
        )

    def active(self, as_of: int) -> npt.NDArray[np.bool_]:
        """Return which subscriptions are active at a date: begun before it, not ended before it."""
        found: npt.NDArray[np.bool_] = (self.start < as_of) & (self.end >= as_of)
        return found

    def latest_active(self, as_of: int) -> Integers:
        """Return for each customer the place of the active subscription that began last, or -1."""
        return self._last(self.active(as_of))

    def begun(self, as_of: int) -> npt.NDArray[np.bool_]:
        """Return which customers had any subscription before a date."""
        found = np.zeros(self.n_customers, dtype=bool)
        found[self.code[self.start < as_of]] = True
        return found

    def reasons(self) -> Any:
        """Return why each spell ended, as text; None without such a column."""
        if self.table.reason is None:
            return None
        return self.table.reason.take(self.spell_row)

    def features(self) -> list[Feature]:
        """Return the features, in the order of `values`."""
        unit = "period" if self.table.clock.period else "day"
        found = [
            (
                f"subscription_{unit}s",
                f"{unit}s since the subscription began, renewals included",
                EVER,
            ),
            (f"{unit}s_since_renewal", f"{unit}s since the present subscription began", AT_DATE),
            ("subscriptions_active", "subscriptions active at the date", AT_DATE),
            ("subscriptions_ended", "subscriptions that ended before the date", EVER),
        ]
        if self.table.amount is not None:
            found.append(("subscription_amount", "amount of all active subscriptions", AT_DATE))
        features = [Feature(name, words, _TABLE, window) for name, words, window in found]
        if self.table.plan is not None:
            words = "plan of the active subscription that began last"
            features.append(Feature("plan", words, _TABLE, AT_DATE, "text"))
        return features

    def values(self, as_of: int, wanted: Integers) -> list[Any]:
        """Return the columns of the features at a date for some customers."""
        day = 1 if self.table.clock.period else DAY
        active, latest = self.active(as_of), self.latest_active(as_of)[wanted]
        there = latest >= 0
        # The end of a subscription that is over is known: it was before the date.
        counts = np.bincount(self.code[active], minlength=self.n_customers)
        ended = np.bincount(self.code[self.end < as_of], minlength=self.n_customers)
        found: list[Any] = [
            np.where(there, (as_of - self.spell_start[latest]) / day, np.nan),
            np.where(there, (as_of - self.start[latest]) / day, np.nan),
            counts[wanted],
            ended[wanted],
        ]
        if self.table.amount is not None:
            amounts = self.table.amount[self.row[active]]
            total = np.bincount(self.code[active], amounts, minlength=self.n_customers)
            found.append(np.where(there, total[wanted], np.nan))
        if self.table.plan is not None:
            found.append(taken(self.table.plan, np.where(there, self.row[latest], -1)))
        return found

    def _last(self, which: npt.NDArray[np.bool_]) -> Integers:
        found = np.full(self.n_customers, -1)
        places = np.flatnonzero(which)
        # Places ascend with the start, and of places for one customer the last one stays.
        found[self.code[places]] = places
        return found


def taken(texts: Any, rows: Integers) -> Any:
    """Return some of the texts; null where the row is -1."""
    filled = texts.take(np.where(rows < 0, 0, rows))
    return pc.if_else(rows >= 0, filled, None)
