"""What ended each row, and when: columns of any kind as the core takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import check_same_rows
from tercet._levels import quoted
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import column_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats
    from tercet.value.propensity._customers import Customers

Codes = NDArray[np.uint16]
#: What texts call a row that is last seen without an event.
CENSORED: Final = "censored"
_MOST: Final = 100


@dataclass(frozen=True)
class Kinds:
    """The events that a model knows.

    Attributes
    ----------
    names : tuple of str
        What they are called.
    codes : tuple of int or None
        The numbers that stand for them, where the column holds numbers.
    """

    names: tuple[str, ...]
    codes: tuple[int, ...] | None

    def note(self) -> dict[str, Any]:
        """Return what a model notes of them."""
        return {"names": list(self.names), "codes": self.codes and list(self.codes)}

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Kinds:
        """Return what a model has noted."""
        codes = note["codes"]
        return cls(tuple(note["names"]), None if codes is None else tuple(codes))


@dataclass(frozen=True)
class Events:
    """The event of each row.

    Attributes
    ----------
    name : str
        What messages call the column.
    codes : numpy.ndarray
        0 for none, else the event's place among the kinds, from 1.
    kinds : Kinds
        The events.
    """

    name: str
    codes: Codes
    kinds: Kinds

    def core(self) -> tuple[str, Codes, list[str]]:
        """Return it as the core takes it."""
        return self.name, self.codes, list(self.kinds.names)


def read_events(
    values: Any,
    customers: Customers | None,
    given: Sequence[str] | None = None,
    known: Kinds | None = None,
    n_rows: int | None = None,
) -> Events:
    """Read true/false, numbers (0 for none) or texts (missing or "censored" for none).

    `given` are names of the numbers 1, 2 and so on, or all texts; `known` what a model was fitted
    with.
    """
    name, column = _column(values, customers)
    n_rows = n_rows if customers is None else len(customers)
    if n_rows is not None and len(column) != n_rows:
        reason = f"has {len(column):,} values for {n_rows:,} rows; give one a row"
        raise column_error(name, reason)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_boolean(kind):
        flags = _columns.contiguous(column, name).to_numpy(zero_copy_only=False)
        return _of_numbers(np.asarray(flags, dtype=np.float64), name, given, known)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _of_numbers(_columns.floats(column, name), name, given, known)
    if pa.types.is_null(kind):
        raise column_error(name, "has no event in any row that counts; a hazard needs some")
    return _of_texts(column, name, given, known)


def _column(values: Any, customers: Customers | None) -> tuple[str, Any]:
    if isinstance(values, str) and customers is not None:
        table = customers.table
        if table is None or values not in table:
            return values, column_of(table, values, "event")  # which says what is missing
        return values, table.arrow(values)
    if customers is not None:
        check_same_rows(values, customers.given, "event", "X")
    return "event", _inputs.read_column(values, "event")


def _of_numbers(
    numbers: Floats, name: str, given: Sequence[str] | None, known: Kinds | None
) -> Events:
    broken = ~(numbers == np.floor(numbers)) | (numbers < 0) | np.isinf(numbers)
    if broken.any():
        row = int(broken.argmax())
        reason = f"is {numbers[row]:.10g}; events are 0 (none) or whole numbers from 1"
        raise column_error(name, reason, row)
    found = [int(code) for code in np.unique(numbers) if code > 0]
    if known is not None:
        codes = known.codes or tuple(range(1, len(known.names) + 1))
        kinds = Kinds(known.names, codes)
    elif given is not None:
        kinds = Kinds(tuple(given), tuple(range(1, len(given) + 1)))
    elif found in ([], [1]):
        kinds = Kinds((name,), (1,))
    else:
        kinds = Kinds(tuple(str(code) for code in found), tuple(found))
    if len(found) > _MOST:
        reason = f"has {len(found):,} different events; pass whether, and which of a few"
        raise column_error(name, reason)
    places = np.zeros(len(numbers), dtype=np.uint16)
    for place, code in enumerate(kinds.codes or (), start=1):
        places[numbers == code] = place
    unknown = (places == 0) & (numbers > 0)
    if unknown.any():
        row = int(unknown.argmax())
        listed = ", ".join(
            f"{code} ({label})" for code, label in zip(kinds.codes or (), kinds.names, strict=True)
        )
        reason = f"is {numbers[row]:.10g}; the events are {listed}, and 0 for none"
        raise column_error(name, reason, row)
    return Events(name, places, kinds)


def _of_texts(column: Any, name: str, given: Sequence[str] | None, known: Kinds | None) -> Events:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = [None if text is None else str(text) for text in column.to_pylist()]
    distinct = sorted({text for text in texts if text is not None and text != CENSORED})
    names = known.names if known is not None else tuple(given or distinct)
    if not names or len(names) > _MOST:
        reason = f"has {len(names):,} different events; expected 1 to {_MOST}"
        raise column_error(name, reason)
    unknown = set(distinct) - set(names)
    if unknown:
        row = next(row for row, text in enumerate(texts) if text in unknown)
        reason = (
            f"is '{texts[row]}'; the events are {quoted(list(names))}, and missing or '{CENSORED}' "
            "where there is none"
        )
        raise column_error(name, reason, row)
    places = {None: 0, CENSORED: 0} | {text: k for k, text in enumerate(names, start=1)}
    return Events(name, np.array([places[text] for text in texts], np.uint16), Kinds(names, None))


def read_names(events: Any) -> list[str] | None:
    """Return the names of events that a caller gives."""
    if events is None:
        return None
    return _arguments.names(events, "events", "a list of different names of events, or None")
