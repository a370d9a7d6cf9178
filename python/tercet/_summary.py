"""A summary, one row a customer, as the models read it: named columns, weights, units, ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tercet import _tercet
from tercet._frames import Table, noted_name, read_table
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._columns import Floats

# The core calls the time under observation the age; Python has the papers' letter.
_CORE_NAMES = {"T": "age"}
_OUR_NAMES = {core: ours for ours, core in _CORE_NAMES.items()}


class Rows(NamedTuple):
    """A summary as the core takes it: arrays, and what every call is told besides."""

    arrays: tuple[Floats, ...]
    weights: Floats | None
    options: dict[str, Any]


def read_to_fit(
    summary: Any,
    columns: Mapping[str, str],
    customer: str | None,
    weights: Any,
    n_jobs: int | None,
    owner: str,
) -> tuple[Table, dict[str, str]]:
    """Read what a fit needs, and refuse a customer with two rows where customers are named.

    Parameters
    ----------
    summary : table
        One row a customer.
    columns : mapping
        The columns by the argument of the estimator's constructor that names them.
    customer : str or None
        The column of ids that the estimator names; what the summary notes is looked for, too.
    weights : str, array or None
        What `fit` was given; a column's name is read with the others.
    n_jobs : int or None
        Threads.
    owner : str
        The estimator's class.

    Returns
    -------
    table : Table
        The columns.
    names : dict
        What the caller calls them, for the core.
    """
    wanted = with_weights(columns, weights)
    ids = id_column(summary, customer)
    named = wanted if ids is None else {**wanted, "customer": ids}
    owners = dict.fromkeys(columns, owner)
    table = read_table(summary, named, optional=("customer",), what="summary", owners=owners)
    check_unique(table, ids, n_jobs)
    # The core keeps the names with the model; an empty one stands for "no column of ids".
    return table, core_names({**wanted, "customer": customer or ""})


def with_weights(columns: Mapping[str, str], weights: Any) -> dict[str, str]:
    """Return the columns to read, with the one of weights where it has a name."""
    return {**columns, "weights": weights} if isinstance(weights, str) else dict(columns)


def id_column(summary: Any, customer: str | None) -> str | None:
    """Return the column of ids: an estimator's own, else the one that made the summary."""
    if not isinstance(customer, str):
        return customer
    return noted_name(summary, "customer", customer)


def core_names(arguments: Mapping[str, str]) -> dict[str, str]:
    """Return column names under the core's words for them."""
    return {_CORE_NAMES.get(argument, argument): name for argument, name in arguments.items()}


def our_names(names: Mapping[str, str]) -> dict[str, str | None]:
    """Return the column names that a model keeps as constructor arguments."""
    return {_OUR_NAMES.get(core, core): name or None for core, name in names.items()}


def mean_spend(table: Table, name: str, frequency: Floats) -> Floats:
    """Return the mean values of repeat purchases; a customer without any may have none (a null)."""
    values = table.floats(name, missing_as_nan=True)
    absent = np.isnan(values) & (frequency == 0)
    return np.where(absent, 0.0, values) if absent.any() else values


def check_unique(table: Table, customer: str | None, n_jobs: int | None) -> None:
    """Refuse a summary in which a customer has several rows, where it names its customers."""
    if customer is not None and customer in table:
        _tercet.check_unique_ids(table.ids_to_show(customer), customer, n_jobs=n_jobs)


def check_time_unit(table: Table, time_unit: str) -> None:
    """Refuse a summary that says that it is measured in another unit than the model's."""
    found = table.note().get("time_unit", time_unit)
    if found != time_unit:
        message = (
            f"time_unit = {time_unit!r}: the summary was made with time_unit={found!r}; use one "
            "unit for both (or, if you converted it yourself, drop the note: summary.attrs.clear() "
            "in pandas, summary.replace_schema_metadata() in pyarrow)"
        )
        raise ParameterError(message, "time_unit")
