"""Which thing to offer next: owned ones left out, by probability or by expected margin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments
from tercet._frames import read_table
from tercet._snapshots import small
from tercet.exceptions import DataError, ParameterError
from tercet.value.propensity._customers import is_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats
    from tercet.value.models._estimates import Estimate
    from tercet.value.models._whom import Whom


def read_owned(owned: Any, whom: Whom, listed: Sequence[str], thing: str) -> Any:
    """Return who has what, of a table with a row for each customer and thing that it has."""
    if not is_table(owned):
        expected = (
            '"before" (what was had at any time before the date), None, or a table with a row for '
            f"each customer and {thing}"
        )
        raise _arguments.refusal(owned, "owned", expected)
    wanted = {"customer": whom.name, "thing": thing}
    remedies = dict.fromkeys(wanted, "rename the column")
    table = read_table(owned, wanted, what="table of what is owned", remedies=remedies)
    ids = small.id_column(table, whom.name)
    everybody = whom.snapshots._built.everybody
    if ids.type != everybody.type:
        message = f"column '{whom.name}': ids of owned= are of another type; convert the column"
        raise DataError(message, whom.name)
    code = pc.index_in(ids, value_set=everybody).fill_null(-1).to_numpy(zero_copy_only=False)
    names = small.text_column(table, thing)
    place = pc.index_in(names, value_set=pa.array(listed, names.type)).fill_null(-1)
    place = place.to_numpy(zero_copy_only=False)
    known = (code >= 0) & (place >= 0)
    has = np.zeros((len(everybody), len(listed)), dtype=bool)
    has[code[known], place[known]] = True
    return has[whom.snapshots._built.code[whom.snapshots._rows]]


def read_margins(margins: Any, listed: Sequence[str], customers: Any, whom: Whom) -> Any:
    """Return what each thing earns, one value a row and thing; None without margins."""
    if margins is None:
        return None
    check_margins(margins, listed)
    n = len(whom.snapshots)
    found = np.empty((n, len(listed)))
    for place, name in enumerate(listed):
        value = margins[name]
        if not isinstance(value, str):
            found[:, place] = _arguments.number(value, f"margins['{name}']")
            continue
        if not is_table(customers):
            message = f"margins['{name}'] = {value!r}: expected a number, or a table of customers"
            raise ParameterError(message, "margins")
        remedy = "name a column of the table of customers in margins="
        table = read_table(customers, {"margin": value}, remedies={"margin": remedy})
        values = table.floats(value)
        if whom.chosen is not None:
            values = values[whom.chosen]
        there = whom.rows >= 0
        found[whom.rows[there], place] = values[there]
    return found


def check_margins(margins: Any, listed: Sequence[str]) -> None:
    """Refuse margins that are not one for each thing."""
    expected = "a number or the name of a column for each of "
    expected += ", ".join(f"'{name}'" for name in listed)
    if not isinstance(margins, Mapping):
        raise _arguments.refusal(margins, "margins", expected)
    missing = [name for name in listed if name not in margins]
    unknown = [str(name) for name in margins if name not in listed]
    if missing or unknown:
        what = f"'{missing[0]}' is missing" if missing else f"'{unknown[0]}' is none of them"
        raise ParameterError(f"margins: {what}; expected {expected}", "margins")


def table(
    each: Sequence[Estimate],
    taken: Any,
    worth: Any,
    listed: Sequence[str],
    top: int,
    thing: str,
    whom: Whom,
) -> Any:
    """Return the best things of every customer, as a table."""
    p = np.column_stack([one.p for one in each])
    value: Floats = p if worth is None else p * worth
    value = np.where(taken | np.isnan(value), -np.inf, value)
    order = np.argsort(-value, axis=1, kind="stable")[:, :top]
    rows = np.arange(len(p))
    names = pa.array(listed, pa.large_string())
    columns: dict[str, Any] = {whom.name: whom.ids(), "as_of": whom.dates()}
    for place in range(top):
        chosen = order[:, place]
        none = np.isinf(value[rows, chosen])
        stem = f"next_{thing}" + ("" if place == 0 else f"_{place + 1}")
        found = {stem: names.take(pa.array(chosen, mask=none))}
        found[f"{stem}_probability"] = np.where(none, np.nan, p[rows, chosen])
        for end in ("lower", "upper"):
            if getattr(each[0], end) is not None:
                ends = np.column_stack([getattr(one, end) for one in each])
                found[f"{stem}_probability_{end}"] = np.where(none, np.nan, ends[rows, chosen])
        if worth is not None:
            found[f"{stem}_expected_margin"] = np.where(none, np.nan, value[rows, chosen])
        columns |= {name: whom.spread(column) for name, column in found.items()}
    nothing = np.asarray(np.isinf(value).all(axis=1))
    columns["not_scored"] = whom.why_not(nothing, f"has every {thing}")
    return whom.build(columns)
