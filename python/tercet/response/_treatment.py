"""Treatments, outcomes and known propensities on their way to the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tercet import _arguments, _columns
from tercet._columns import column_error
from tercet._frames import check_same_rows
from tercet._levels import as_text, quoted
from tercet.value.evaluation import _inputs
from tercet.value.propensity._customers import column_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats
    from tercet.value.propensity._customers import Customers

Codes: TypeAlias = NDArray[np.uint16]
#: What the core takes: a word, and the numbers that go with it.
Known: TypeAlias = "tuple[str, Floats | None]"

#: Arms that are compared at once.
MOST_ARMS: Final = 8


@dataclass(frozen=True)
class Treatment:
    """How each customer was treated.

    Attributes
    ----------
    name : str
        What messages call it.
    arms : tuple
        The arms' labels, the control first; none for an amount.
    values : numpy.ndarray
        A code a row, or an amount.
    """

    name: str
    arms: tuple[Any, ...]
    values: Codes | Floats

    def core(self) -> tuple[str, Any, list[str]]:
        """Return it as the core takes it."""
        return self.name, self.values, [as_text(arm) for arm in self.arms]


def read_treatment(given: Any, control: Any, customers: Customers) -> Treatment:
    """Read labels of arms or amounts, one a row, or the column of them."""
    name, column = _column(given, "treatment", customers)
    column = _columns.contiguous(column, name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    labels = pc.unique(column).to_pylist()
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    numeric = numeric or pa.types.is_decimal(column.type)
    if numeric and control is None and _are_amounts(labels):
        return Treatment(name, (), _columns.floats(column, name))
    if len(labels) > MOST_ARMS:
        reason = f"has {len(labels):,} arms; at most {MOST_ARMS} are compared at once"
        raise column_error(name, f"{reason}, and amounts are numbers: convert the column")
    if len(labels) < 2:
        reason = f"has one arm only, {as_text(labels[0])!r}" if labels else "has no row"
        raise column_error(name, f"{reason}; an effect is a difference between two")
    arms = _in_order(labels, control)
    codes = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    places = np.array([arms.index(label) for label in labels], dtype=np.uint16)
    return Treatment(name, tuple(arms), places[codes])


def read_outcome(given: Any, customers: Customers) -> tuple[str, Floats]:
    """Read numbers or true/false, one a row, or the column of them."""
    name, column = _column(given, "outcome", customers)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return name, _columns.floats(column, name)


def read_known(given: Any, treatment: Treatment, customers: Customers) -> Known:
    """Read what is known of the arms' probabilities."""
    if given is None:
        return "estimated", None
    if isinstance(given, str) and given == "observed":
        return "observed", None
    n_arms = len(treatment.arms)
    expected = (
        'None, "observed", a probability (or one a row) of treatment, a dict of them by arm, '
        "or a column an arm"
    )
    if isinstance(given, Mapping):
        if set(given) != set(treatment.arms):
            wanted = f"a probability for each of {quoted(treatment.arms)}"
            raise _arguments.refusal(given, "propensity", wanted)
        shares = [_arguments.number(given[arm], "propensity", expected) for arm in treatment.arms]
        return "shares", np.array(shares)
    if not isinstance(given, str) and np.ndim(given) == 0 and not hasattr(given, "__len__"):
        share = _arguments.number(given, "propensity", expected)
        _check_two(treatment, given)
        return "shares", np.array([1.0 - share, share])
    if not isinstance(given, str) and np.ndim(given) == 2:
        rows = np.ascontiguousarray(given, dtype=np.float64)
        if rows.shape != (len(customers), n_arms):
            shape = f"an array of {len(customers):,} rows and {n_arms} columns, one an arm"
            raise _arguments.refusal(given, "propensity", shape)
        return "rows", rows.ravel()
    _check_two(treatment, given)
    name, column = _column(given, "propensity", customers)
    treated = _columns.floats(column, name)
    return "rows", np.column_stack([1.0 - treated, treated]).ravel()


def probabilities(known: Known, treatment: Treatment) -> Floats | None:
    """Return known probabilities, an arm or a row and arm each; None where they are not known."""
    word, values = known
    n_arms = len(treatment.arms)
    if word == "estimated" or not n_arms:
        return None
    if values is None:
        shares: Floats = np.bincount(treatment.values.astype(np.int64), minlength=n_arms) / len(
            treatment.values
        )
        return shares
    return values if word == "shares" else values.reshape(-1, n_arms)


def _check_two(treatment: Treatment, given: Any) -> None:
    if len(treatment.arms) != 2:
        arms = f"a probability an arm, since there are {len(treatment.arms)}"
        raise _arguments.refusal(given, "propensity", arms if treatment.arms else "None")


def _column(given: Any, argument: str, customers: Customers) -> tuple[str, Any]:
    if isinstance(given, str):
        return given, column_of(customers.table, given, argument)
    if isinstance(given, int) and not isinstance(given, bool):
        expected = "values, one a row, or the name of a column, a text: rename numbered columns"
        raise _arguments.refusal(given, argument, expected)
    if given is None:
        raise _arguments.refusal(given, argument, "values, one a row, or the name of a column")
    check_same_rows(given, customers.given, argument, "X")
    column = _inputs.read_column(given, argument)
    if len(column) != len(customers):
        reason = f"has {len(column):,} values for {len(customers):,} rows; give one a row"
        raise column_error(argument, reason)
    return argument, column


def _are_amounts(labels: Sequence[Any]) -> bool:
    """Whether numbers are amounts rather than names of arms."""
    return len(labels) > MOST_ARMS or any(float(label) % 1 for label in labels)


def _in_order(labels: list[Any], control: Any) -> list[Any]:
    """Return the arms, the control first and the others sorted."""
    rest = sorted(labels, key=lambda label: (as_text(label).casefold(), as_text(label)))
    if all(not isinstance(label, str) for label in labels):
        rest = sorted(labels)
    if control is None:
        # 0 and False say by themselves that nothing was done.
        if rest and not isinstance(rest[0], str) and rest[0] == 0:
            return rest
        raise _arguments.refusal(control, "control", f"the arm to compare with: {quoted(rest)}")
    if control not in labels:
        raise _arguments.refusal(control, "control", f"one of the arms, {quoted(rest)}")
    first = labels[labels.index(control)]
    return [first, *(label for label in rest if label != first)]
