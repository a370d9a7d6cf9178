"""A log of events, opened: ids, times, amounts and labels under names of our own.

A table in memory becomes Arrow. A lazy one (polars, DuckDB) stays lazy: its columns are
expressions, and one query looks whether they hold what they should. Where they do not it is read
after all, by the code that says which row is at fault; and so it is where its times are text or
integers, which engines read in other ways than we do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet._frames import Scan, read_table, scan_table
from tercet._snapshots import small
from tercet._snapshots.clock import NEVER, Clock
from tercet._snapshots.roles import ROLES, Naming, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Integers
    from tercet._frames import Table

#: Amounts are added up in millionths, as whole numbers: the same sum in any order of the rows.
MILLIONTHS: Final = 10**6
# The sum of all amounts in millionths fits into 64 bits.
_LARGEST_SUM: Final = 9e12


@dataclass(frozen=True)
class Log:
    """A log of events.

    Attributes
    ----------
    table : str
        Which one it is: "purchases", "events", "contacts" or "responses".
    frame : narwhals.DataFrame or narwhals.LazyFrame
        `customer`, `tick`, and where there are such, `amount` (millionths), `label`. In memory,
        words are numbers: places in `customers` (unless ids are numbers anyway) and in `words`.
    scan : Scan
        The caller's table.
    clock : Clock
        What its ticks are.
    first, last : int
        Its first and last tick.
    timed : bool
        Whether it has times of day other than midnight.
    has_amount, has_label : bool
        Which columns there are.
    whole_ids : bool
        Whether ids are whole numbers, not text.
    customers, words : pyarrow.Array or None
        The ids and labels of a log in memory, where they are words: groups of numbers are found ten
        times as fast.
    """

    table: str
    frame: Any
    scan: Scan
    clock: Clock
    first: int
    last: int
    timed: bool
    has_amount: bool
    has_label: bool
    whole_ids: bool
    customers: Any = None
    words: Any = None

    @property
    def lazy(self) -> bool:
        """Whether the rows are in no memory of ours."""
        return isinstance(self.frame, nw.LazyFrame)

    @property
    def role(self) -> Role:
        """Return the words for it."""
        return ROLES["contacts" if self.table == "responses" else self.table]

    def has(self, label: str) -> Any:
        """Return an expression: whether a row has a label."""
        # A label that no row has is at place -1, where none is.
        wanted: Any = label if self.words is None else pc.index(self.words, label).as_py()
        return nw.col("label") == wanted

    def labels(self) -> list[str]:
        """Return all labels that occur."""
        if self.words is not None:
            return list(self.words.to_pylist())
        found = collect(self.frame.select("label").unique())["label"]
        return list(found.drop_null().to_pylist())

    def with_ids(self, table: pa.Table) -> pa.Table:
        """Return a collected table with ids, instead of places, in the column `customer`."""
        return _in_words(table, "customer", self.customers)

    def with_labels(self, table: pa.Table) -> pa.Table:
        """Return a collected table with words, instead of places, in the column `label`."""
        return _in_words(table, "label", self.words)

    def beside(self, columns: pa.Table) -> Any:
        """Return a small table as a frame that can be joined to a lazy log."""
        if self.frame.implementation.is_duckdb():
            # Made from the caller's relation, it is on the caller's connection, without a name.
            rows = ", ".join(
                "{" + ", ".join(f"'{name}': {value}::BIGINT" for name, value in row.items()) + "}"
                for row in columns.to_pylist()
            )
            unnested = f"unnest([{rows}], recursive := true)"
            return nw.from_native(self.scan.native.limit(1).project(unnested))
        return nw.from_arrow(columns, backend=self.frame.implementation).lazy()


def collect(frame: Any) -> pa.Table:
    """Return a frame's rows as Arrow."""
    if not isinstance(frame, nw.LazyFrame):
        return frame.to_arrow()
    if frame.implementation.is_polars():
        return frame.collect(backend="polars", engine="streaming").to_arrow()
    return frame.collect(backend="pyarrow").to_arrow()


def open_log(native: Any, table: str, naming: Naming, *, drop_refunds: bool = False) -> Log:
    """Open a log of events.

    Raises
    ------
    DataError
        For a missing column, no rows, missing ids or times, and amounts that are no numbers or, in
        a log of purchases, negative.
    """
    names, optional = naming.names(table)
    return _open(native, table, table, naming, names, optional, drop_refunds=drop_refunds)


def is_empty(native: Any, table: str, naming: Naming) -> bool:
    """Whether a log of events has its columns, but no rows."""
    names, _ = naming.names(table)
    wanted = {role: names[role] for role in ("customer", "time")}
    scan = scan_table(native, wanted, (), ROLES[table].what, naming.remedies(table))
    return not len(collect(scan.frame.select(wanted["customer"]).head(1)))


def open_responses(native: Any, naming: Naming) -> Log | None:
    """Open the responses to contacts as a log of their own; None where nobody responded."""
    names, _ = naming.names("contacts")
    scan = scan_table(native, {"responded_at": names["responded_at"]}, ["responded_at"])
    if not scan.names:
        return None
    answered = scan.frame.filter(~nw.col(names["responded_at"]).is_null())
    if len(collect(answered.select(names["responded_at"]).head(1))) == 0:
        return None
    names = {"customer": names["customer"], "time": names["responded_at"]}
    return _open(answered.to_native(), "responses", "contacts", naming, names, [])


def _open(
    native: Any,
    log: str,
    table: str,
    naming: Naming,
    names: dict[str, str],
    optional: Sequence[str],
    *,
    drop_refunds: bool = False,
) -> Log:
    role, remedies = ROLES[table], naming.remedies(table)
    names = {
        key: name
        for key, name in names.items()
        if key in ("customer", "time", role.label, role.amount)
    }
    optional = [key for key in optional if key in names]
    scan = scan_table(native, names, optional, role.what, remedies)
    if scan.lazy:
        opened = _open_lazily(scan, log, role, drop_refunds)
        if opened is not None:
            return opened
    found = read_table(scan.native, scan.names, (), role.what, remedies=remedies)
    return _open_read(found, scan, log, role, drop_refunds)


def _open_read(table: Table, scan: Scan, log: str, role: Role, drop_refunds: bool) -> Log:
    names = scan.names
    ids = small.id_column(table, names["customer"])
    ticks, clock = small.time_column(table, names["time"])
    columns = {"customer": ids, "tick": pa.array(ticks)}
    if role.amount in names:
        columns["amount"] = pa.array(_millionths(table, names[role.amount], log, drop_refunds))
    if role.label in names:
        columns["label"] = small.text_column(table, names[role.label])
    found = pa.table(columns)
    if drop_refunds and "amount" in columns:
        found = found.filter(pc.greater_equal(found["amount"], 0))
        if not len(found):
            reason = "has no amount that is not negative; there is no purchase"
            raise column_error(names[str(role.amount)], reason)
    found, customers = _numbered(found, "customer")
    found, words = _numbered(found, "label")
    return Log(
        log,
        nw.from_native(found, eager_only=True),
        scan,
        clock,
        int(ticks.min()),
        int(ticks.max()),
        bool((ticks % clock.day).any()),
        "amount" in columns,
        "label" in columns,
        pa.types.is_integer(ids.type),
        customers,
        words,
    )


def _numbered(table: pa.Table, name: str) -> tuple[pa.Table, Any]:
    """Return a table with a column of words as places among them, and the words."""
    if name not in table.column_names or not small.is_text(table[name].type):
        return table, None
    encoded = table[name].combine_chunks().dictionary_encode()
    place = table.column_names.index(name)
    return table.set_column(place, name, encoded.indices.cast(pa.int64())), encoded.dictionary


def _in_words(table: pa.Table, name: str, words: Any) -> pa.Table:
    """Return a table with a column of places among words as these words."""
    if words is None:
        return table
    places = table[name].combine_chunks()
    named = pa.DictionaryArray.from_arrays(places, words)
    return table.set_column(table.column_names.index(name), name, named)


def _millionths(table: Table, name: str, log: str, drop_refunds: bool) -> Integers:
    values = table.floats(name)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(bad.argmax())
        raise column_error(name, f"{values[row]} is no amount; correct or drop the row", row)
    if log == "purchases" and not drop_refunds and (values < 0).any():
        row = int((values < 0).argmax())
        reason = (
            f"{values[row]:g} is negative; leave refunds out with refunds='drop', or net them "
            "against the purchases that they belong to"
        )
        raise column_error(name, reason, row)
    if np.abs(values).sum() > _LARGEST_SUM:
        reason = "adds up to more than 9e12; give the amounts in thousands or millions"
        raise column_error(name, reason)
    return np.floor(values * MILLIONTHS + 0.5).astype(np.int64)


def _open_lazily(scan: Scan, log: str, role: Role, drop_refunds: bool) -> Log | None:
    """Return the log of a lazy table; None if it has to be read."""
    schema = scan.frame.collect_schema()
    names = scan.names
    clock = _clock_of(schema[names["time"]], names["time"])
    whole_ids = schema[names["customer"]].is_integer()
    if clock is None or not (whole_ids or _is_text(schema[names["customer"]])):
        return None
    frame = _with_ticks(scan, schema[names["time"]])
    columns = {
        "customer": nw.col(names["customer"]).cast(nw.Int64() if whole_ids else nw.String()),
        "tick": nw.col("__tercet_tick__"),
    }
    amount, label = names.get(str(role.amount)), names.get(str(role.label))
    if amount is not None:
        if not schema[amount].is_numeric():
            return None
        columns["amount"] = nw.col(amount).cast(nw.Float64())
    if label is not None:
        if not (_is_text(schema[label]) or schema[label].is_integer()):
            return None
        columns["label"] = nw.col(label).cast(nw.String())
    frame = frame.select(**columns)
    try:
        facts = collect(frame.select(**_facts(clock, amount is not None))).to_pylist()[0]
    except Exception:
        return None
    facts = {key: value for key, value in facts.items() if value is not None}
    if _at_fault(facts, log, drop_refunds):
        return None
    if amount is not None:
        if drop_refunds:
            frame = frame.filter(nw.col("amount") >= 0)
        millionths = (nw.col("amount") * float(MILLIONTHS) + 0.5).floor().cast(nw.Int64())
        frame = frame.with_columns(amount=millionths)
    return Log(
        log,
        frame,
        scan,
        clock,
        int(facts["first"]),
        int(facts["last"]),
        bool(facts["of_day"]),
        amount is not None,
        label is not None,
        whole_ids,
    )


def _facts(clock: Clock, has_amount: bool) -> dict[str, Any]:
    """Return what one look at a lazy log asks."""
    facts = {
        "rows": nw.len(),
        "no_customer": nw.col("customer").is_null().cast(nw.Int64()).sum(),
        "no_time": nw.col("tick").is_null().cast(nw.Int64()).sum(),
        "first": nw.col("tick").min(),
        "last": nw.col("tick").max(),
        "of_day": (nw.col("tick") % clock.day).max(),
    }
    if has_amount:
        facts |= {
            "no_amount": nw.col("amount").is_null().cast(nw.Int64()).sum(),
            "least": nw.col("amount").min(),
            "sum": nw.col("amount").abs().sum(),
        }
    return facts


def _at_fault(facts: dict[str, Any], log: str, drop_refunds: bool) -> bool:
    """Whether reading the table row by row will find something to refuse."""
    if not facts["rows"] or facts["no_customer"] or facts["no_time"]:
        return True
    if facts.get("no_amount"):
        return True
    # A sum that is no number is not below anything.
    if not facts.get("sum", 0.0) <= _LARGEST_SUM:
        return True
    return log == "purchases" and not drop_refunds and facts.get("least", 0.0) < 0


def _is_text(dtype: Any) -> bool:
    return dtype in (nw.String, nw.Categorical, nw.Enum)


def _clock_of(dtype: Any, name: str) -> Clock | None:
    if dtype == nw.Date:
        return Clock(column=name)
    if dtype == nw.Datetime:
        return Clock(zone=dtype.time_zone, timed=True, column=name)
    # Integers are looked at before they pass for periods, and text before it passes for times.
    return None


def _with_ticks(scan: Scan, dtype: Any) -> Any:
    """Return a lazy table with the ticks of its times, on the local clock of their zone."""
    name = scan.names["time"]
    if scan.kind == "duckdb":
        quoted = '"' + name.replace('"', '""') + '"'
        # A time with a zone is cast to the wall clock of the connection's zone.
        ticks = f"*, epoch_us(CAST({quoted} AS TIMESTAMP)) AS __tercet_tick__"
        return nw.from_native(scan.native.project(ticks))
    column = nw.col(name)
    if dtype == nw.Datetime and dtype.time_zone is not None:
        column = column.dt.replace_time_zone(None)
    return scan.frame.with_columns(__tercet_tick__=column.dt.timestamp("us"))


def never_null(frame: pa.Table, name: str) -> Integers:
    """Return a collected column of ticks, in which what never happened is null or NEVER."""
    values: Integers = frame[name].cast(pa.int64()).fill_null(NEVER).to_numpy()
    return values
