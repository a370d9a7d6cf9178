"""The tables that snapshots are built from, and what their columns are called."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tercet import _arguments
from tercet.exceptions import ParameterError


@dataclass(frozen=True)
class Role:
    """A kind of table.

    Attributes
    ----------
    what : str
        What it is called in messages.
    required, optional : dict
        The roles of its columns, and the names that they have unless the caller says otherwise.
    noun, plural : str
        One row of it, and several, as names of features say it.
    label : str or None
        The role of the column by which rows are told apart: products, product features, channels.
    amount : str or None
        The role of the column that is added up.
    """

    what: str
    required: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    noun: str = ""
    plural: str = ""
    label: str | None = None
    amount: str | None = None


_ID: Final = {"customer": "customer_id"}
_EVENT: Final = {**_ID, "time": "date"}

ROLES: Final[dict[str, Role]] = {
    "subscriptions": Role(
        "table of subscriptions",
        {**_ID, "start": "start", "end": "end"},
        {"plan": "plan", "amount": "amount", "reason": "reason"},
    ),
    "purchases": Role(
        "log of purchases",
        _EVENT,
        {
            "amount": "amount",
            "product": "product",
            # Of these, snapshots make no features; habits are made of them.
            "channel": "channel",
            "discount": "discount",
        },
        "purchase",
        "purchases",
        "product",
        "amount",
    ),
    "events": Role(
        "log of events",
        _EVENT,
        {"feature": "feature", "value": "value"},
        "event",
        "events",
        "feature",
        "value",
    ),
    "contacts": Role(
        "log of contacts",
        _EVENT,
        {"channel": "channel", "responded_at": "responded_at"},
        "contact",
        "contacts",
        "channel",
    ),
    "stages": Role("history of stages", {**_EVENT, "stage": "stage"}),
    "customers": Role("table of customers", _ID, {"since": "since", "valid_from": "valid_from"}),
}
#: Tables of events that may have more rows than memory holds; the others are read.
LOGS: Final = ("purchases", "events", "contacts")

_CUSTOMERS_ONLY: Final = ("attributes", "known_at")


@dataclass(frozen=True)
class Naming:
    """What the caller's columns are called, where that is not what they usually are.

    Attributes
    ----------
    given : dict
        For each table, the names by role, as the caller gave them.
    """

    given: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, columns: Any) -> Naming:
        """Read the argument `columns`.

        Raises
        ------
        ParameterError
            For a table or a role that does not exist, or a name that is none.
        """
        if columns is None:
            return cls({})
        if not isinstance(columns, Mapping):
            expected = 'names by table and role: {"purchases": {"time": "bought_at"}}'
            raise _arguments.refusal(columns, "columns", expected)
        return cls({table: _checked(table, names) for table, names in columns.items()})

    def names(self, table: str) -> tuple[dict[str, str], list[str]]:
        """Return a table's columns by role, and the roles whose column need not be there."""
        role, given = ROLES[table], self.given.get(table, {})
        usual = role.required | role.optional
        names = {key: given.get(key, name) for key, name in usual.items()}
        return names, [key for key in role.optional if key not in given]

    def remedies(self, table: str) -> dict[str, str]:
        """Return for each role what to do about a column that is not there."""
        role = ROLES[table]
        return {
            key: f'name the right one with columns={{"{table}": {{"{key}": ...}}}}'
            for key in role.required | role.optional
        }

    @property
    def attributes(self) -> list[str] | None:
        """Return which columns of the table of customers are attributes; None for all others."""
        return self.given.get("customers", {}).get("attributes")

    @property
    def known_at(self) -> dict[str, str]:
        """Return the columns that say when an attribute was known, by attribute."""
        found: dict[str, str] = self.given.get("customers", {}).get("known_at", {})
        return found


def _checked(table: Any, names: Any) -> dict[str, Any]:
    if table not in ROLES:
        raise _unknown(table, "columns", "tables", list(ROLES))
    role = ROLES[table]
    if not isinstance(names, Mapping):
        expected = f'names by role: {{"{table}": {{"customer": "id"}}}}'
        raise _arguments.refusal(names, f"columns['{table}']", expected)
    known = [*role.required, *role.optional]
    known += _CUSTOMERS_ONLY if table == "customers" else ()
    for key, name in names.items():
        where = f"columns['{table}']"
        if key not in known:
            raise _unknown(key, where, "roles", known)
        if key == "attributes":
            _arguments.names(name, f"{where}['attributes']", "a list of different columns")
        elif key == "known_at":
            _check_known_at(name, f"{where}['known_at']")
        elif not isinstance(name, str):
            raise _arguments.refusal(name, f"{where}['{key}']", "a column's name")
    return {str(key): list(name) if key == "attributes" else name for key, name in names.items()}


def _check_known_at(value: Any, where: str) -> None:
    texts = isinstance(value, Mapping) and all(
        isinstance(text, str) for pair in value.items() for text in pair
    )
    if not texts:
        expected = 'a column of times for each attribute: {"score": "scored_at"}'
        raise _arguments.refusal(value, where, expected)


def _unknown(value: Any, where: str, what: str, known: list[str]) -> ParameterError:
    near = difflib.get_close_matches(str(value), known, n=1)
    guess = f" (did you mean '{near[0]}'?)" if near else ""
    listed = ", ".join(f"'{one}'" for one in known)
    message = f"{where} has {value!r}{guess}: expected {what} among {listed}"
    return ParameterError(message, "columns")
