"""Habits of buying: on which day, where, what, how much at once, and at what discount."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet._snapshots.cells import amount_totals, label_totals, weekday_counts
from tercet._snapshots.feature import Feature, slugs
from tercet._snapshots.log import MILLIONTHS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet._snapshots.duration import Duration
    from tercet._snapshots.log import Log
    from tercet._snapshots.rows import Everybody, Rows

WEEKDAYS: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


class Columns:
    """Columns as they are made, with their words."""

    def __init__(self, observation: Duration) -> None:
        self.features: list[Feature] = []
        self.values: list[Any] = []
        self._span = observation.label
        self._within = f"in {observation.words}"
        self._window = f"{observation.words} before the date"

    def add(self, name: str, words: str, values: Any, kind: str = "number") -> None:
        """Add a column of the window."""
        self.features.append(
            Feature(
                f"{name}_{self._span}", f"{words} {self._within}", "purchases", self._window, kind
            )
        )
        self.values.append(values)


def weekdays(
    into: Columns, log: Log, stretches: pa.Table, rows: Rows, everybody: Everybody
) -> None:
    """Add the weekday of most purchases: of several the first of the week."""
    sums = rows.scattered(weekday_counts(log, stretches), everybody)
    counts = np.column_stack([sums[f"w_{k}"] for k in range(7)])
    n = counts.sum(axis=1)
    favourite = pa.array(counts.argmax(axis=1), mask=n == 0)
    names = pa.array(WEEKDAYS, pa.large_string())
    into.add("favourite_weekday", "weekday of most purchases", names.take(favourite), "text")
    share = np.where(n > 0, counts.max(axis=1) / np.maximum(n, 1), np.nan)
    into.add("favourite_weekday_share", "share of purchases on that weekday", share)


def favourite(
    into: Columns, what: str, log: Log, stretches: pa.Table, rows: Rows, everybody: Everybody
) -> Integers:
    """Add the product (or channel) of most purchases, and its share.

    Of several with as many, the one that was bought last; of those, the first in the alphabet.

    Returns
    -------
    numpy.ndarray
        How many purchases of any product (by any channel) each row has.
    """
    table = label_totals(log, stretches)
    code = everybody.codes(table["customer"])
    labels = table["label"].cast(pa.large_string()).combine_chunks().dictionary_encode()
    if isinstance(labels, pa.ChunkedArray):
        labels = labels.unify_dictionaries().combine_chunks()
    names = np.array(labels.dictionary.to_pylist(), dtype=object)
    place = np.argsort(np.argsort(names))[labels.indices.to_numpy(zero_copy_only=False)]
    n = table["n"].cast(pa.int64()).to_numpy()
    last = table["last"].cast(pa.int64()).to_numpy()
    order = np.lexsort((place, -last, -n, code))
    first = np.r_[True, code[order][1:] != code[order][:-1]] if len(order) else np.empty(0, bool)
    best = order[first]
    chosen = np.full(len(everybody), -1)
    chosen[code[best]] = labels.indices.to_numpy(zero_copy_only=False)[best]
    most = np.zeros(len(everybody))
    most[code[best]] = n[best]
    whole = np.bincount(code, n, minlength=len(everybody))
    ours = chosen[rows.code]
    texts = labels.dictionary.take(pa.array(np.maximum(ours, 0), mask=ours < 0))
    into.add(f"favourite_{what}", f"{what} of most purchases", texts, "text")
    share = np.where(whole > 0, most / np.maximum(whole, 1), np.nan)[rows.code]
    into.add(f"favourite_{what}_share", f"share of purchases of that {what}", share)
    return whole[rows.code].astype(np.int64)


def baskets(into: Columns, n: Integers, days: Integers, amount: Floats | None, unit: str) -> None:
    """Add what is bought at once: on one day."""
    some = days > 0

    def of_a_day(values: Any) -> Floats:
        found: Floats = np.where(some, values / np.maximum(days, 1), np.nan)
        return found

    into.add("basket_size", f"purchases on a {unit} with any", of_a_day(n))
    if amount is not None:
        into.add("basket_amount", f"amount of a {unit} with purchases", of_a_day(amount))


def discounts(
    into: Columns,
    log: Log,
    stretches: pa.Table,
    rows: Rows,
    everybody: Everybody,
    amount: Floats,
) -> None:
    """Add the share of what purchases would have cost that was taken off."""
    sums = rows.scattered(amount_totals(log, stretches), everybody)
    taken_off = sums["amount"] / MILLIONTHS
    full = amount + taken_off
    share = np.where(full > 0, taken_off / np.where(full > 0, full, 1.0), np.nan)
    into.add("discount_share", "share of the full price that was taken off purchases", share)


def product_shares(
    listed: Sequence[str], counts: Sequence[Integers], labelled: Integers
) -> dict[str, float]:
    """Return the share of each listed product among all purchases of products."""
    whole = max(int(labelled.sum()), 1)
    return {name: float(n.sum() / whole) for name, n in zip(listed, counts, strict=True)}


def affinities(
    into: Columns, counts: Sequence[Integers], labelled: Integers, shares: Mapping[str, float]
) -> None:
    """Add how much more of a product somebody buys than everybody does: 1 is like everybody.

    The customer's share with one purchase more that is divided as everybody's are, over everybody's
    share: one purchase does not make a preference.
    """
    for (name, share), short, n in zip(
        shares.items(), slugs(list(shares), "products"), counts, strict=True
    ):
        own = (n + share) / (labelled + 1)
        lift = np.where((labelled > 0) & (share > 0), own / max(share, 1e-300), np.nan)
        into.add(f"affinity_{short}", f"share of {name} over that of all customers", lift)
