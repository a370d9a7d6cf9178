"""What a table of customers says of each, as far as it was known at the date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet._columns import column_error
from tercet._frames import Scan, read_table, scan_table
from tercet._snapshots import small
from tercet._snapshots.clock import NEVER, Clock
from tercet._snapshots.duration import DAY
from tercet._snapshots.feature import AT_DATE, EVER, TODAY, Feature
from tercet._snapshots.roles import ROLES, Naming
from tercet._snapshots.subscription import taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Integers

_TABLE: Final = "customers"


@dataclass(frozen=True)
class Attribute:
    """One column of the table of customers.

    Attributes
    ----------
    name : str
        The column.
    kind : str
        "number" or "text", or "time" for a date, which becomes the days since then.
    values : pyarrow.Array or numpy.ndarray
        Its values, in the table's order.
    known_at : numpy.ndarray or None
        When each value was known; None if that is not said.
    """

    name: str
    kind: str
    values: Any
    known_at: Integers | None


@dataclass(frozen=True)
class Customers:
    """A table of customers, read.

    Attributes
    ----------
    since : numpy.ndarray or None
        When each became a customer.
    valid_from : numpy.ndarray or None
        From when on each row holds; with it a customer may have several.
    attributes : list of Attribute
        What is known of them.
    """

    scan: Scan
    clock: Clock | None
    ids: Any
    since: Integers | None
    valid_from: Integers | None
    attributes: list[Attribute]
    column: str


def open_customers(native: Any, naming: Naming, wanted: Sequence[str] | None) -> Customers:
    """Read a table of customers.

    Parameters
    ----------
    native : table
        The caller's table.
    naming : Naming
        What its columns are called.
    wanted : sequence of str, optional
        The attributes that there have to be; by default those that `naming` names, or every column
        that has no other role.

    Raises
    ------
    DataError
        For a missing column or id, and for an attribute that is neither number, word, truth value
        nor time.
    """
    names, optional = naming.names(_TABLE)
    what, remedies = ROLES[_TABLE].what, naming.remedies(_TABLE)
    scan = scan_table(native, names, optional, what, remedies)
    known_at = naming.known_at
    columns = wanted if wanted is not None else naming.attributes
    if columns is None:
        used = {*scan.names.values(), *known_at.values()}
        columns = [name for name in scan.present if name not in used]
    every = dict.fromkeys([*scan.names.values(), *columns, *known_at.values()])
    advice = 'name attributes with columns={"customers": {"attributes": [...]}}'
    table = read_table(
        scan.native, {name: name for name in every}, (), what, remedies=dict.fromkeys(every, advice)
    )
    clock: Clock | None = None

    def times(name: str) -> Integers:
        nonlocal clock
        ticks, found = small.open_time_column(table, name)
        if found is not None:
            clock = found if clock is None else clock.joined(found)
        return ticks

    since = times(scan.names["since"]) if "since" in scan.names else None
    valid_from = times(scan.names["valid_from"]) if "valid_from" in scan.names else None
    attributes = []
    for name in columns:
        kind, values = _values(table, name, times)
        said = times(known_at[name]) if name in known_at else None
        attributes.append(Attribute(name, kind, values, said))
    ids = small.id_column(table, scan.names["customer"])
    return Customers(scan, clock, ids, since, valid_from, attributes, scan.names["customer"])


def _values(table: Any, name: str, times: Any) -> tuple[str, Any]:
    kind = table.arrow(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "time", times(name)
    if pa.types.is_boolean(kind):
        column = table.arrow(name).cast(pa.float64())
        return "number", column.to_numpy(zero_copy_only=False)
    if small.is_text(kind) or pa.types.is_null(kind):
        return "text", small.text_column(table, name)
    return "number", table.floats(name, missing_as_nan=True)


@dataclass(frozen=True)
class Register:
    """Rows of customers in order of customer and of when they hold."""

    table: Customers
    code: Integers
    row: Integers
    valid_from: Integers | None
    n_customers: int

    @classmethod
    def of(cls, table: Customers, code: Integers, n_customers: int) -> Register:
        """Sort a table of customers.

        Raises
        ------
        DataError
            For a customer with two rows, or with two that hold from the same time on.
        """
        always = np.zeros(len(code), dtype=np.int64)
        holds = always if table.valid_from is None else table.valid_from
        row = np.lexsort((np.arange(len(code)), holds, code))
        again = (code[row][1:] == code[row][:-1]) & (holds[row][1:] == holds[row][:-1])
        if again.any():
            place = int(again.argmax())
            first, second = int(row[place]), int(row[place + 1])
            reason = (
                f"{table.ids[second].as_py()!r} is in row {first} already; keep one row of each "
                "customer, or name the time from which each holds as 'valid_from'"
            )
            raise column_error(table.column, reason, second)
        valid_from = None if table.valid_from is None else table.valid_from[row]
        return cls(table, code[row], row, valid_from, n_customers)

    def since(self) -> Integers:
        """Return when each became a customer, NEVER where that is not said."""
        found = np.full(self.n_customers, NEVER)
        if self.table.since is not None:
            np.minimum.at(found, self.code, self.table.since[self.row])
        return found

    def features(self) -> list[Feature]:
        """Return the features, in the order of `values`."""
        unit = "period" if self.table.clock is not None and self.table.clock.period else "day"
        found = []
        if self.table.since is not None:
            words = f"{unit}s since becoming a customer"
            found.append(Feature(f"tenure_{unit}s", words, _TABLE, EVER))
        for attribute in self.table.attributes:
            dated = self.table.valid_from is not None or attribute.known_at is not None
            window = AT_DATE if dated or attribute.kind == "time" else TODAY
            if attribute.kind == "time":
                name, words = f"{unit}s_since_{attribute.name}", f"{unit}s since {attribute.name}"
                found.append(Feature(name, words, _TABLE, window))
            else:
                found.append(
                    Feature(attribute.name, attribute.name, _TABLE, window, attribute.kind)
                )
        return found

    def values(self, as_of: int, wanted: Integers) -> list[Any]:
        """Return the columns of the features at a date for some customers."""
        period = self.table.clock is not None and self.table.clock.period
        day = 1 if period else DAY
        row = self.row_at(as_of)[wanted]
        found: list[Any] = []
        if self.table.since is not None:
            since = self.since()[wanted]
            found.append(np.where(since < as_of, (as_of - since) / day, np.nan))
        for attribute in self.table.attributes:
            held = row
            if attribute.known_at is not None:
                held = np.where((row >= 0) & (attribute.known_at[row] < as_of), row, -1)
            if attribute.kind == "text":
                found.append(taken(attribute.values, held))
                continue
            values = attribute.values[held]
            if attribute.kind == "time":
                # A time that has not come says something of the future.
                values = np.where(values < as_of, (as_of - values) / day, np.nan)
            found.append(np.where(held >= 0, values, np.nan))
        return found

    def row_at(self, as_of: int) -> Integers:
        """Return the row that holds at a date for each customer, or -1."""
        found = np.full(self.n_customers, -1)
        before = slice(None) if self.valid_from is None else self.valid_from < as_of
        found[self.code[before]] = self.row[before]
        return found
