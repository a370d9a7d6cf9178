"""Which products customers have, and which they bought lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._frames import read_table
from tercet._snapshots import small
from tercet._snapshots.duration import Duration
from tercet._snapshots.roles import ROLES
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tercet._snapshots.roles import Naming


@dataclass(frozen=True)
class Bought:
    """What each of some customers bought, a column a product.

    Attributes
    ----------
    ever : numpy.ndarray
        At any time before the date.
    lately : numpy.ndarray
        Within the horizon before the date.
    """

    ever: npt.NDArray[np.bool_]
    lately: npt.NDArray[np.bool_]


def read_bought(
    log: Any, ids: Any, listed: Sequence[str], as_of: Any, horizon: Any, naming: Naming
) -> Bought:
    """Read a log of purchases; what was sent back (a negative amount) is no purchase.

    Raises
    ------
    DataError
        For a column that is missing or cannot be used.
    ParameterError
        For a product that nobody ever bought.
    """
    names, optional = naming.names("purchases")
    wanted = {role: names[role] for role in ("customer", "time", "product", "amount")}
    without = [role for role in optional if role != "product"]
    what = ROLES["purchases"].what
    table = read_table(log, wanted, without, what, remedies=naming.remedies("purchases"))
    customer = small.id_column(table, wanted["customer"])
    if customer.type != ids.type:
        message = (
            f"column '{wanted['customer']}': ids of the {what} are text where the others are "
            "whole numbers, or the other way round; convert one of the two"
        )
        raise DataError(message, wanted["customer"])
    tick, clock = small.time_column(table, wanted["time"])
    place = pc.index_in(customer, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
    words = small.text_column(table, wanted["product"])
    product = pc.index_in(words, value_set=pa.array(listed, words.type)).fill_null(-1)
    product = product.to_numpy(zero_copy_only=False)
    for k, name in enumerate(listed):
        if not (product == k).any():
            message = f"margins: product '{name}' does not occur in the {what}; check its name"
            raise ParameterError(message, "margins")
    date = clock.start(as_of, "as_of")
    counts = (place >= 0) & (product >= 0) & (tick < date)
    if wanted["amount"] in table:
        counts &= ~(table.floats(wanted["amount"], missing_as_nan=True) < 0)
    found = [np.zeros((len(ids), len(listed)), dtype=bool) for _ in range(2)]
    found[0][place[counts], product[counts]] = True
    if horizon is not None:
        length = Duration.of(horizon, "horizon")
        clock.check(length, "horizon")
        counts &= tick >= length.before(date)
        found[1][place[counts], product[counts]] = True
    return Bought(*found)
