"""Effects, costs, consent and contacts on their way to the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import Table, check_same_rows, read_table, read_whole
from tercet._join import check_one_row_each, rows_among
from tercet._levels import quoted
from tercet.exceptions import DataError, ParameterError
from tercet.value.evaluation import _inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats, Ids, Integers
    from tercet._frames import Kind
    from tercet._time import TimeLike

#: Numbers, and what there is one for.
Amounts: TypeAlias = "tuple[str, Floats]"
Flags: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.uint8]

#: What closes an action, as the core counts it.
DO_NOT_CONTACT: Final = 1
NOT_ELIGIBLE: Final = 2
#: The limit on all actions together.
TOTAL: Final = "total"
_ID: Final = "customer_id"
_RULE: Final = (
    'rules such as {"days": 30, "contacts": 2}, each with "channel" where it is for one channel'
)
_TICKS: Final = {"second": 1, "millisecond": 10**3, "microsecond": 10**6, "nanosecond": 10**9}


@dataclass(frozen=True)
class Effects:
    """Effects of actions on customers, a row a customer.

    Attributes
    ----------
    actions : tuple of str
        The actions' names.
    values : numpy.ndarray of shape (n * K,)
        The effects, customer by customer.
    given : object
        What the caller passed.
    table : Table or None
        The caller's table; None of an array.
    kind : str or None
        The kind of table to give back.
    id_name : str
        What the column of ids is called.
    id_table : Table or None
        A table with that column; None where nobody is named.
    """

    actions: tuple[str, ...]
    values: Floats
    given: Any
    table: Table | None
    kind: Kind | None
    id_name: str
    id_table: Table | None

    def __len__(self) -> int:
        return len(self.values) // len(self.actions)

    def ids(self) -> tuple[str, Ids] | None:
        """Return the ids for the core."""
        if self.id_table is None:
            return None
        return self.id_name, self.id_table.ids_to_show(self.id_name)

    def place(self, action: str) -> int:
        """Return the place of an action."""
        return self.actions.index(action)


def read_effects(given: Any, customer_id: Any) -> Effects:
    """Read a table of effects, a column an action, or an array."""
    if _is_table(given):
        return _effects_of_table(given, customer_id)
    values = _matrix(given, "effects", None)
    actions = tuple(f"action {k + 1}" for k in range(values.shape[1]))
    if len(actions) == 1:
        name = getattr(given, "name", None)
        actions = (name,) if isinstance(name, str) and name else ("action",)
    if not len(values):
        raise DataError("effects has no rows; pass at least one")
    id_table, id_name = _ids_apart(customer_id, given, len(values))
    flat = np.ascontiguousarray(values).ravel()
    return Effects(actions, flat, given, None, _inputs.kind_of(given), id_name, id_table)


def _effects_of_table(given: Any, customer_id: Any) -> Effects:
    table = read_whole(given, "table of effects")
    names = list(table.columns.columns)
    if isinstance(customer_id, str) and customer_id not in names:
        shown = quoted(names[:12])
        raise column_error(customer_id, f"is missing; the table of effects has {shown}")
    if customer_id is None and _ID in names:
        customer_id = _ID
    if isinstance(customer_id, str):
        id_table: Table | None = table
        id_name = customer_id
        names.remove(id_name)
        check_one_row_each(table, id_name)
    else:
        id_table, id_name = _ids_apart(customer_id, given, len(table))
    if not names:
        raise DataError("the table of effects has no column of an action; pass at least one")
    columns = [table.floats(name) for name in names]
    flat = np.column_stack(columns).ravel()
    return Effects(tuple(names), flat, given, table, table.kind, id_name, id_table)


def _ids_apart(customer_id: Any, given: Any, n: int) -> tuple[Table | None, str]:
    if customer_id is None:
        return None, _ID
    if isinstance(customer_id, str):
        expected = "the ids themselves, one a row, since effects is no table"
        raise _arguments.refusal(customer_id, "customer_id", expected)
    check_same_rows(customer_id, given, "customer_id", "effects")
    column = _inputs.read_column(customer_id, "customer_id")
    _check_length(len(column), n, "customer_id")
    table = read_table({_ID: column}, {"customer_id": _ID}, what="column of ids")
    check_one_row_each(table, _ID)
    return table, _ID


def read_amounts(given: Any, name: str, effects: Effects) -> Amounts:
    """Read one number, or one an action, a customer, or each."""
    if isinstance(given, Mapping) and all(np.ndim(value) == 0 for value in given.values()):
        _check_actions(given, name, effects.actions, complete=True)
        expected = "a number for each action"
        numbers = [_arguments.number(given[one], name, expected) for one in effects.actions]
        return "action", np.array(numbers)
    if np.ndim(given) == 0 and not hasattr(given, "__len__") and not _is_table(given):
        expected = "a number, or one by action, by customer or both"
        return "all", np.array([_arguments.number(given, name, expected)])
    if _is_table(given):
        return "each", read_each(given, name, effects)
    check_same_rows(given, effects.given, name, "effects")
    if np.ndim(given) == 2:
        return "each", read_each(given, name, effects)
    numbers_by_row = _inputs.read_numbers(given, name)
    if len(numbers_by_row) != len(effects):
        reason = (
            f"has {len(numbers_by_row):,} values for {len(effects):,} customers; give one a "
            'customer, or one an action as a mapping, {"mail": 0.5}'
        )
        raise column_error(name, reason)
    return "customer", numbers_by_row


def read_each(given: Any, name: str, effects: Effects) -> Floats:
    """Read a number for each customer and action, customer by customer."""
    check_same_rows(given, effects.given, name, "effects")
    if _is_table(given):
        wanted = {f"{name} {k}": action for k, action in enumerate(effects.actions)}
        remedies = dict.fromkeys(wanted, f"{name} needs a column for each action")
        table = read_table(given, wanted, what=f"table of {name}", remedies=remedies)
        _check_length(len(table), len(effects), name)
        columns = [table.floats(action) for action in effects.actions]
        return np.column_stack(columns).ravel()
    values = _matrix(given, name, len(effects.actions))
    _check_length(len(values), len(effects), name)
    return np.ascontiguousarray(values).ravel()


def read_limits(given: Any, effects: Effects, channels: Mapping[str, str]) -> dict[str, Any]:
    """Return by name the places of the actions that a limit holds for, and the limit."""
    if given is None:
        return {}
    expected = "a whole number of customers, at least 0, for all actions, or a mapping by action"
    if not isinstance(given, Mapping):
        given = {TOTAL: given}
        if TOTAL in effects.actions:
            raise _arguments.refusal(given[TOTAL], "limits", "a mapping by action")
    found: dict[str, Any] = {}
    for key, most in given.items():
        if key in effects.actions:
            places = [effects.place(key)]
        elif key in channels.values():
            places = [effects.place(one) for one in effects.actions if channels[one] == key]
        elif key == TOTAL:
            places = list(range(len(effects.actions)))
        else:
            raise _unknown(key, "limits", effects.actions, channels, TOTAL)
        number = _arguments.whole(most, "limits", expected)
        if number < 0:
            raise _arguments.refusal(most, "limits", expected)
        found[key] = (places, number)
    return found


def read_channels(given: Any, actions: Sequence[str]) -> dict[str, str]:
    """Return the channel of each action: by default its own name."""
    found = {action: action for action in actions}
    if given is None:
        return found
    if not isinstance(given, Mapping):
        raise _arguments.refusal(given, "channels", "a mapping from actions to their channels")
    _check_actions(given, "channels", actions, complete=False)
    for action, channel in given.items():
        if not isinstance(channel, str) or not channel:
            raise _arguments.refusal(channel, "channels", "the name of a channel")
        if channel != action and channel in actions:
            raise _arguments.refusal(channel, "channels", "a name that is no action's own")
        found[action] = channel
    return found


@dataclass
class Closed:
    """Which actions are closed to whom, and which ids were not among the customers.

    Attributes
    ----------
    codes : numpy.ndarray of shape (n, K)
        0 where an action is open.
    unknown : dict
        By argument how many ids were not among the customers.
    """

    codes: Codes
    unknown: dict[str, int]

    def close(self, rows: Flags, places: Sequence[int], code: int) -> None:
        """Close actions to customers; what closed them before stays."""
        for place in places:
            column = self.codes[:, place]
            column[rows & (column == 0)] = code


def read_closed(
    eligible: Any, do_not_contact: Any, effects: Effects, channels: Mapping[str, str]
) -> Closed:
    """Read consent and eligibility; a customer's wish goes before anything else."""
    n, everything = len(effects), range(len(effects.actions))
    closed = Closed(np.zeros((n, len(effects.actions)), dtype=np.uint8), {})
    by_action = isinstance(do_not_contact, Mapping) and not _is_frame(do_not_contact)
    parts = do_not_contact if by_action else {TOTAL: do_not_contact}
    for key, part in parts.items():
        if part is None:
            continue
        places = _places(key, "do_not_contact", effects, channels)
        closed.close(_whom(part, effects, closed), places, DO_NOT_CONTACT)
    if eligible is None:
        return closed
    check_same_rows(eligible, effects.given, "eligible", "effects")
    if _is_table(eligible):
        keys = list(eligible) if isinstance(eligible, Mapping) else None
        table = read_whole(eligible, "table of eligible customers")
        _check_length(len(table), n, "eligible")
        for key in keys or table.columns.columns:
            if key == effects.id_name:
                continue
            allowed = _booleans(table.arrow(key), f"eligible {key}")
            closed.close(~allowed, _places(key, "eligible", effects, channels), NOT_ELIGIBLE)
        return closed
    array = np.asarray(eligible)
    if array.dtype != np.bool_ or array.ndim not in (1, 2):
        expected = "true or false, one a customer, or a column an action"
        raise _arguments.refusal(eligible, "eligible", expected)
    allowed = array.reshape(len(array), -1)
    _check_length(len(allowed), n, "eligible")
    if allowed.shape[1] not in (1, len(everything)):
        expected = f"a column for each of {len(everything)} actions, or one for all"
        raise _arguments.refusal(eligible, "eligible", expected)
    for place in everything:
        column = np.ascontiguousarray(allowed[:, min(place, allowed.shape[1] - 1)])
        closed.close(~column, [place], NOT_ELIGIBLE)
    return closed


def _whom(given: Any, effects: Effects, closed: Closed) -> Flags:
    """Return the rows of customers who are told by flags or by their ids."""
    column = given
    if not isinstance(given, pa.Array | pa.ChunkedArray):
        if isinstance(given, set | frozenset):
            given = list(given)
        if not isinstance(given, str) and not np.size(np.asarray(given, dtype=object)):
            return np.zeros(len(effects), dtype=np.bool_)
        column = _inputs.read_column(given, "do_not_contact")
    if pa.types.is_null(column.type):
        reason = "is missing in every row; pass ids, or true/false"
        raise column_error("do_not_contact", reason)
    if pa.types.is_boolean(column.type):
        check_same_rows(given, effects.given, "do_not_contact", "effects")
        _check_length(len(column), len(effects), "do_not_contact")
        return _booleans(column, "do_not_contact")
    if effects.id_table is None:
        expected = "true/false for each customer; ids need customer_id=, so that they can be found"
        raise _arguments.refusal(given, "do_not_contact", expected)
    wanted = read_table({_ID: column}, {"do_not_contact": _ID}, what="list of ids")
    places = _rows_of(wanted, _ID, effects, "do_not_contact", closed)
    flags = np.zeros(len(effects), dtype=np.bool_)
    flags[places[places >= 0]] = True
    return flags


def _rows_of(table: Table, name: str, effects: Effects, argument: str, closed: Closed) -> Integers:
    """Return the customer's row of each row of a table, -1 for strangers, who are counted."""
    assert effects.id_table is not None  # noqa: S101 - both callers have looked
    places = rows_among(table, name, effects.id_table, effects.id_name)
    unknown = int((places < 0).sum())
    if unknown == len(places):
        shown = _columns.take(table.arrow(name), np.arange(min(3, len(table)))).to_pylist()
        have = effects.id_table.arrow(effects.id_name)
        theirs = _columns.take(have, np.arange(min(3, len(effects)))).to_pylist()
        reason = (
            f"has {len(places):,} ids, none of which is among the customers ({quoted(shown)} "
            f"against {quoted(theirs)}); write ids alike, or leave it out"
        )
        raise column_error(argument, reason)
    closed.unknown[argument] = closed.unknown.get(argument, 0) + unknown
    return places


@dataclass(frozen=True)
class Contacts:
    """Contacts of the past, and the rules that they count for, as the core takes them."""

    arrays: tuple[Integers, Integers, NDArray[np.uint32] | None] | None
    settings: dict[str, Any]


def read_contacts(
    history: Any,
    fatigue: Any,
    as_of: TimeLike | None,
    columns: tuple[str, str],
    effects: Effects,
    channels: Mapping[str, str],
    closed: Closed,
) -> Contacts:
    """Read whom was contacted when, and how often that may be."""
    rules = _rules(fatigue, effects, channels)
    if history is None:
        if rules:
            message = "contact_history = None: expected a table of contacts, since fatigue is given"
            raise ParameterError(message, "contact_history")
        return Contacts(None, {})
    if not rules:
        raise _arguments.refusal(fatigue, "fatigue", f"{_RULE}, since contact_history is given")
    if as_of is None:
        expected = "the date up to which contacts count, since contact_history is given"
        raise _arguments.refusal(as_of, "as_of", expected)
    if effects.id_table is None:
        expected = "ids, so that contacts can be found: a column of effects, or one a row"
        raise _arguments.refusal(None, "customer_id", expected)
    by_channel = any(rule[2] is not None for rule in rules)
    time, channel = columns
    names = {"customer_id": effects.id_name, "contact_time": time}
    if by_channel:
        names["contact_channel"] = channel
    if _is_empty(history):
        return Contacts(None, {})
    table = read_table(history, names, what="contact history")
    times = table.times(time, instants=True)
    until = times.moment(as_of, "as_of")
    late = times.ticks > until
    if late.any():
        row = int(late.argmax())
        reason = (
            f"is {times.text(int(times.ticks[row]))}, after as_of ({int(late.sum()):,} such "
            "contacts); leave out what has not happened yet, or move as_of"
        )
        raise column_error(time, reason, row)
    rows = _rows_of(table, effects.id_name, effects, "contact_history", closed)
    day = 1 if times.tick in ("day", "period") else 86_400 * _TICKS[times.tick]
    known: dict[str, int] = {}
    codes = None
    if by_channel:
        column = _columns.contiguous(table.arrow(channel), channel)
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        known = {str(one): place for place, one in enumerate(encoded.dictionary.to_pylist())}
        codes = np.ascontiguousarray(encoded.indices.cast(pa.uint32()).to_numpy())
    # A channel that nobody was contacted through has a code of its own.
    told = [
        (days * day, contacts, None if own is None else known.get(own, len(known)), places)
        for days, contacts, own, places in rules
    ]
    arrays = (np.ascontiguousarray(rows), np.ascontiguousarray(times.ticks), codes)
    return Contacts(arrays, {"rules": told, "as_of": until})


def _rules(
    given: Any, effects: Effects, channels: Mapping[str, str]
) -> list[tuple[int, int, str | None, list[int]]]:
    if given is None:
        return []
    listed = [given] if isinstance(given, Mapping) else given
    if isinstance(listed, str) or not hasattr(listed, "__iter__"):
        raise _arguments.refusal(given, "fatigue", _RULE)
    found = []
    for rule in listed:
        if not isinstance(rule, Mapping) or not {"days", "contacts"} <= set(rule):
            raise _arguments.refusal(rule, "fatigue", _RULE)
        if not set(rule) <= {"days", "contacts", "channel"}:
            raise _arguments.refusal(rule, "fatigue", _RULE)
        days = _arguments.whole(rule["days"], "fatigue", "a whole number of days, at least 1")
        contacts = _arguments.whole(rule["contacts"], "fatigue", "a whole number, at least 1")
        if not 1 <= days <= 36_525 or not 1 <= contacts < 2**32:
            expected = "days from 1 to 36525 and contacts, at least 1"
            raise _arguments.refusal(rule, "fatigue", expected)
        channel = rule.get("channel")
        places = list(range(len(effects.actions)))
        if channel is not None:
            places = _places(channel, "fatigue", effects, channels)
        found.append((days, contacts, channel, places))
    return found


def _places(key: Any, argument: str, effects: Effects, channels: Mapping[str, str]) -> list[int]:
    """Return the places of an action, of a channel's actions, or of all."""
    if key in effects.actions:
        return [effects.place(key)]
    if key in channels.values():
        return [effects.place(one) for one in effects.actions if channels[one] == key]
    if key == TOTAL and argument == "do_not_contact":
        return list(range(len(effects.actions)))
    raise _unknown(key, argument, effects.actions, channels)


def _unknown(
    key: Any, argument: str, actions: Sequence[str], channels: Mapping[str, str], *more: str
) -> ParameterError:
    known = list(dict.fromkeys([*actions, *channels.values(), *more]))
    return _arguments.refusal(key, argument, f"an action or channel, one of {quoted(known)}")


def _check_actions(
    given: Mapping[Any, Any], name: str, actions: Sequence[str], *, complete: bool
) -> None:
    for key in given:
        if key not in actions:
            raise _arguments.refusal(key, name, f"one of the actions {quoted(actions)}")
    missing = [action for action in actions if action not in given]
    if complete and missing:
        raise _arguments.refusal(given, name, f"a number for {quoted(missing)}, too")


def _matrix(given: Any, name: str, width: int | None) -> Floats:
    """Return an array of one or two dimensions as rows of floats."""
    if np.ndim(given) == 1:
        values = _inputs.read_numbers(given, name)[:, None]
    else:
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise column_error(name, f"holds no numbers ({error}); convert it") from None
    if values.ndim != 2 or values.shape[1] == 0 or width not in (None, values.shape[1]):
        shape = " x ".join(str(size) for size in values.shape) or "a single value"
        wanted = "a column an action" if width is None else f"{width} columns, one an action"
        raise column_error(name, f"is {shape}; give a row a customer and {wanted}")
    return values


def _booleans(column: Any, name: str) -> Flags:
    array = _columns.contiguous(column, name)
    if not pa.types.is_boolean(array.type):
        raise column_error(name, "holds no true/false values; convert the column")
    return np.ascontiguousarray(array.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _check_length(found: int, expected: int, name: str) -> None:
    if found != expected:
        reason = f"has {found:,} rows for {expected:,} customers; give one a customer"
        raise column_error(name, reason)


def _is_empty(native: Any) -> bool:
    if isinstance(native, Mapping):
        return bool(native) and all(len(column) == 0 for column in native.values())
    try:
        return len(native) == 0
    except TypeError:
        return False


def _is_frame(native: Any) -> bool:
    return isinstance(nw.from_native(native, pass_through=True), nw.DataFrame | nw.LazyFrame)


def _is_table(native: Any) -> bool:
    if isinstance(native, Mapping):
        return True
    if isinstance(native, np.ndarray | pa.Array | pa.ChunkedArray | list | tuple):
        return False
    return _is_frame(native) or (
        hasattr(native, "__arrow_c_stream__") and not nw.dependencies.is_into_series(native)
    )
