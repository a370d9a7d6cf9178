"""The stages of leads: where each one is at a date, since when, and where it goes next."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet._frames import Scan, read_table, scan_table
from tercet._snapshots import small
from tercet._snapshots.clock import NEVER, Clock
from tercet._snapshots.duration import DAY, Duration
from tercet._snapshots.feature import AT_DATE, EVER, Feature, slugs
from tercet._snapshots.roles import ROLES, Naming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Integers

_TABLE: Final = "stages"


@dataclass(frozen=True)
class Stages:
    """A history of stages, read: one row for each stage that a lead came into."""

    scan: Scan
    clock: Clock
    ids: Any
    tick: Integers
    stage: Any
    column: str

    def places(self, order: Sequence[str], lost: Sequence[str]) -> Integers:
        """Return the place of each row's stage in the order, then in the lost ones.

        Raises
        ------
        DataError
            For a stage that is in neither, and for one in the order that no row has.
        """
        known = [*order, *lost]
        places = pc.index_in(self.stage, value_set=pa.array(known, self.stage.type))
        if places.null_count:
            row = int(np.argmax(pc.is_null(places).to_numpy(zero_copy_only=False)))
            value = self.stage[row].as_py()
            near = difflib.get_close_matches(str(value), known, n=1)
            guess = f" (did you mean '{near[0]}'?)" if near else ""
            reason = f"{value!r} is none of the stages{guess}; name it in stages= or lost="
            raise column_error(self.column, reason, row)
        found: Integers = places.to_numpy(zero_copy_only=False).astype(np.int64)
        return found


def open_stages(native: Any, naming: Naming) -> Stages:
    """Read a history of stages.

    Raises
    ------
    DataError
        For a missing column, id, time or stage.
    """
    names, optional = naming.names(_TABLE)
    what, remedies = ROLES[_TABLE].what, naming.remedies(_TABLE)
    scan = scan_table(native, names, optional, what, remedies)
    names = scan.names
    table = read_table(scan.native, names, (), what, remedies=remedies)
    ticks, clock = small.time_column(table, names["time"])
    stage = small.text_column(table, names["stage"])
    if stage.null_count:
        row = int(np.argmax(pc.is_null(stage).to_numpy(zero_copy_only=False)))
        raise column_error(names["stage"], "is missing; fill the gap or drop the row", row)
    ids = small.id_column(table, names["customer"])
    return Stages(scan, clock, ids, ticks, stage, names["stage"])


@dataclass(frozen=True)
class Pipeline:
    """Rows of stages in order of lead and time.

    Attributes
    ----------
    code : numpy.ndarray
        The lead of each, as a place in the list of all customers.
    tick, until : numpy.ndarray
        When it came into the stage, and when into the next one (NEVER where there is none).
    place : numpy.ndarray
        The stage: a place in `order`, then in `lost`.
    order, lost : tuple of str
        The stages from first to last, and those from which nothing leads on.
    """

    code: Integers
    tick: Integers
    until: Integers
    place: Integers
    order: tuple[str, ...]
    lost: tuple[str, ...]
    n_customers: int
    period: bool

    @classmethod
    def of(
        cls,
        table: Stages,
        code: Integers,
        n_customers: int,
        order: Sequence[str],
        lost: Sequence[str],
    ) -> Pipeline:
        """Sort a history; rows of equal time keep the table's order."""
        place = table.places(order, lost)
        rows = np.lexsort((np.arange(len(code)), table.tick, code))
        code, tick = code[rows], table.tick[rows]
        until = np.full(len(code), NEVER)
        same = code[1:] == code[:-1]
        until[:-1][same] = tick[1:][same]
        return cls(
            code,
            tick,
            until,
            place[rows],
            tuple(order),
            tuple(lost),
            n_customers,
            table.clock.period,
        )

    @property
    def names(self) -> list[str]:
        """Return all stages."""
        return [*self.order, *self.lost]

    def at(self, tick: int) -> Integers:
        """Return for each lead its last row before a tick, or -1."""
        found = np.full(self.n_customers, -1)
        rows = np.flatnonzero(self.tick < tick)
        found[self.code[rows]] = rows
        return found

    def moves(self, since: Integers, start: int) -> tuple[Integers, Integers]:
        """Return when each lead first moves on or is lost at or after a tick, and whereto.

        Moving on is to come into a stage later in the order than the one of the row `since`;
        moving back is none. NEVER and -1 for who does not move.
        """
        own = np.where(since >= 0, self.place[since], len(self.names))
        ahead = (self.tick >= start) & (self.place > own[self.code])
        # From the last to the first, so that the first one stays.
        rows = np.flatnonzero(ahead)[::-1]
        when = np.full(self.n_customers, NEVER)
        whereto = np.full(self.n_customers, -1)
        when[self.code[rows]] = self.tick[rows]
        whereto[self.code[rows]] = self.place[rows]
        return when, whereto

    def features(self, observation: Duration) -> list[Feature]:
        """Return the features, in the order of `values`."""
        unit = "period" if self.period else "day"
        span = observation.label
        window = f"{observation.words} before the date"
        found = [
            Feature("stage", "stage at the date", _TABLE, AT_DATE, "text"),
            Feature(f"{unit}s_in_stage", f"{unit}s in the present stage", _TABLE, AT_DATE),
            Feature(f"{unit}s_as_lead", f"{unit}s since the first stage", _TABLE, EVER),
            Feature(
                f"stage_changes_{span}",
                f"stages come into in {observation.words}",
                _TABLE,
                window,
            ),
        ]
        for name, short in zip(self.order, slugs(self.order, "stages"), strict=True):
            words = f"{unit}s in stage {name} before the date, all visits together"
            found.append(Feature(f"{unit}s_in_{short}", words, _TABLE, EVER))
        return found

    def values(self, start: int, as_of: int, wanted: Integers) -> list[Any]:
        """Return the columns of the features at a date for some leads."""
        day = 1 if self.period else DAY
        now = self.at(as_of)[wanted]
        there = now >= 0
        first = np.full(self.n_customers, NEVER)
        np.minimum.at(first, self.code, self.tick)
        recent = (self.tick >= start) & (self.tick < as_of)
        changes = np.bincount(self.code[recent], minlength=self.n_customers)
        stage = pa.array(self.names, pa.large_string()).take(
            pa.array(np.where(there, self.place[now], 0))
        )
        found: list[Any] = [
            pc.if_else(there, stage, None),
            np.where(there, (as_of - self.tick[now]) / day, np.nan),
            np.where(there, (as_of - first[wanted]) / day, np.nan),
            changes[wanted],
        ]
        past = self.tick < as_of
        stayed = np.minimum(self.until, as_of) - self.tick
        for place in range(len(self.order)):
            rows = past & (self.place == place)
            total = np.zeros(self.n_customers, dtype=np.int64)
            np.add.at(total, self.code[rows], stayed[rows])
            found.append(total[wanted] / day)
        return found
