"""The tables of one call, opened, on one clock, with one list of customers."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet._snapshots.attributes import Customers, Register, open_customers
from tercet._snapshots.cells import first_times
from tercet._snapshots.clock import NEVER, Clock
from tercet._snapshots.log import Log, never_null, open_log, open_responses
from tercet._snapshots.roles import LOGS, ROLES, Naming
from tercet._snapshots.rows import Everybody
from tercet._snapshots.stages import Pipeline, Stages, open_stages
from tercet._snapshots.subscription import Book, Subscriptions, open_subscriptions
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Integers
    from tercet._frames import Scan
    from tercet._progress import Report


@dataclass(frozen=True)
class Firsts:
    """When each customer first appears in a log, NEVER where it does not.

    Attributes
    ----------
    all : numpy.ndarray
        Of all its rows.
    of : list of numpy.ndarray
        Of each listed label.
    """

    all: Integers
    of: list[Integers]


@dataclass(frozen=True)
class Case:
    """What one call was given.

    Attributes
    ----------
    clock : Clock
        What ticks are.
    everybody : Everybody
        All customers of all tables.
    logs : dict
        The logs of events, by table.
    firsts : dict
        When each customer first appears in each log.
    book, pipeline, register
        Subscriptions, stages and customers, where there are such tables.
    first : int
        The first time in the data.
    end : int
        The first tick that is not observed any more.
    """

    clock: Clock
    everybody: Everybody
    logs: dict[str, Log]
    firsts: dict[str, Firsts]
    book: Book | None
    pipeline: Pipeline | None
    register: Register | None
    first: int
    end: int

    def __len__(self) -> int:
        return len(self.everybody)

    def known_from(self) -> Integers:
        """Return when each customer first appears anywhere; NEVER for who does not."""
        found = np.full(len(self), NEVER)
        for firsts in self.firsts.values():
            np.minimum(found, firsts.all, out=found)
        if self.book is not None:
            np.minimum.at(found, self.book.code, self.book.start)
        if self.pipeline is not None:
            np.minimum.at(found, self.pipeline.code, self.pipeline.tick)
        if self.register is not None:
            np.minimum(found, self.register.since(), out=found)
        return found


@dataclass
class Opened:
    """The tables as they are opened, before customers and times are brought together."""

    logs: dict[str, Log] = field(default_factory=dict)
    subscriptions: Subscriptions | None = None
    stages: Stages | None = None
    customers: Customers | None = None

    def scan(self, main: str) -> Scan:
        """Return the table that says what kind of table to give back."""
        if main in self.logs:
            return self.logs[main].scan
        table = self.subscriptions if main == "subscriptions" else self.stages
        if table is None:
            raise KeyError(main)
        return table.scan

    def clock(self) -> Clock:
        """Return the clock of all tables."""
        clocks = [log.clock for log in self.logs.values()]
        for table in (self.subscriptions, self.stages, self.customers):
            if table is not None and table.clock is not None:
                clocks.append(table.clock)
        found = clocks[0]
        for clock in clocks[1:]:
            found = found.joined(clock)
        return found

    def span(self, clock: Clock) -> tuple[int, int]:
        """Return the first time in the data and the first tick after it.

        An end of a subscription may be planned, so where there is any log it counts as long as the
        logs do, and not beyond.
        """
        firsts = [log.first for log in self.logs.values()]
        lasts = [log.last for log in self.logs.values()]
        if self.stages is not None:
            firsts.append(int(self.stages.tick.min()))
            lasts.append(int(self.stages.tick.max()))
        if self.subscriptions is not None:
            firsts.append(int(self.subscriptions.start.min()))
            starts = int(self.subscriptions.start.max())
            lasts.append(starts if lasts else self.subscriptions.last_known)
        return min(firsts), clock.end_of_data(max(lasts))

    def ids(self) -> dict[str, Any]:
        """Return columns of ids in which every customer of the tables read is."""
        tables = {
            "subscriptions": self.subscriptions,
            "stages": self.stages,
            "customers": self.customers,
        }
        return {name: table.ids for name, table in tables.items() if table is not None}


def open_tables(
    tables: Mapping[str, Any],
    naming: Naming,
    attributes: Sequence[str] | None,
    report: Report,
    *,
    drop_refunds: bool,
) -> Opened:
    """Open the tables of a call; those that are None are not there."""
    found, done = Opened(), 0

    def one_more() -> None:
        nonlocal done
        done += 1
        report("reading tables", done, len(tables), None)

    for name in LOGS:
        if tables.get(name) is None:
            continue
        drop = drop_refunds and name == "purchases"
        found.logs[name] = open_log(tables[name], name, naming, drop_refunds=drop)
        if name == "contacts":
            responses = open_responses(found.logs[name].scan.native, naming)
            if responses is not None:
                found.logs["responses"] = responses
        one_more()
    if tables.get("subscriptions") is not None:
        found.subscriptions = open_subscriptions(tables["subscriptions"], naming)
        one_more()
    if tables.get("stages") is not None:
        found.stages = open_stages(tables["stages"], naming)
        one_more()
    if tables.get("customers") is not None:
        found.customers = open_customers(tables["customers"], naming, attributes)
        one_more()
    return found


def bring_together(
    opened: Opened,
    listed: Mapping[str, Sequence[str]],
    *,
    observation_end: Any,
    stages: Sequence[str],
    lost: Sequence[str],
    grace: int,
    new_labels: bool,
) -> Case:
    """Bring the tables' clocks, spans and customers together.

    Parameters
    ----------
    opened : Opened
        The tables.
    listed : mapping
        For each log, the labels that have features or outcomes of their own.
    observation_end : optional
        Until when the data are complete.
    stages, lost : sequence of str
        The order of stages, and those that are lost.
    grace : int
        In ticks: a subscription that follows within it continues the one before.
    new_labels : bool
        Whether a listed label may be one that no row has.

    Raises
    ------
    DataError
        For clocks or ids that do not fit together.
    ParameterError
        For a listed label that no row has.
    """
    clock = opened.clock()
    first, end = opened.span(clock)
    if observation_end is not None:
        end = clock.end(observation_end, "observation_end")
        if end <= first:
            message = (
                f"observation_end = {observation_end!r}: expected a time after the first one in "
                f"the data ({clock.text(first)})"
            )
            raise ParameterError(message, "observation_end")
    times = {name: first_times(log, listed.get(name, ())) for name, log in opened.logs.items()}
    ids = opened.ids() | {name: table["customer"] for name, table in times.items()}
    everybody = Everybody.of(ids)
    firsts = {}
    for name, table in times.items():
        code = everybody.codes(table["customer"])
        columns = {}
        for column in table.column_names[1:]:
            ticks = np.full(len(everybody), NEVER)
            ticks[code] = never_null(table, column)
            columns[column] = ticks
        of = [columns[f"first_{place}"] for place in range(len(listed.get(name, ())))]
        firsts[name] = Firsts(columns["first"], of)
        if not new_labels:
            _check_labels(opened.logs[name], listed.get(name, ()), of)
    n = len(everybody)
    book = pipeline = register = None
    if opened.subscriptions is not None:
        codes = everybody.codes(opened.subscriptions.ids)
        book = Book.of(opened.subscriptions, codes, n, grace)
    if opened.stages is not None:
        codes = everybody.codes(opened.stages.ids)
        pipeline = Pipeline.of(opened.stages, codes, n, stages, lost)
    if opened.customers is not None:
        register = Register.of(opened.customers, everybody.codes(opened.customers.ids), n)
    return Case(clock, everybody, opened.logs, firsts, book, pipeline, register, first, end)


def _check_labels(log: Log, listed: Sequence[str], of: Sequence[Integers]) -> None:
    role = ROLES["contacts"] if log.table == "responses" else log.role
    for label, ticks in zip(listed, of, strict=True):
        if (ticks < NEVER).any():
            continue
        known = log.labels()
        near = difflib.get_close_matches(label, known, n=1)
        guess = f" (did you mean '{near[0]}'?)" if near else ""
        some = ", ".join(f"'{one}'" for one in sorted(known)[:12])
        some += ", ..." if len(known) > 12 else ""
        expected = f"{role.label}s that occur in the {role.what}{guess}; it has {some or 'none'}"
        raise _arguments.refusal(label, f"{role.label}s", expected)
