"""What made-up companies have in common: their calendar, events by chance, and words.

Days are counted from the start of the calendar, as floating-point numbers.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import pyarrow as pa

from tercet import _arguments
from tercet._snapshots.clock import Clock
from tercet._snapshots.duration import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Floats, Integers
    from tercet._mixing import Draws
    from tercet._time import TimeLike

START: Final = dt.date(2023, 1, 1)
END: Final = dt.date(2025, 6, 30)
DAYS: Final = (END - START).days + 1
_SECONDS: Final = 86_400
_WHOLE: Final = "a whole number, at least 1"


def head_count(n_customers: Any, parameter: str = "n_customers") -> int:
    """Return how many customers to draw."""
    n = _arguments.whole(n_customers, parameter, _WHOLE)
    if n < 1:
        raise _arguments.refusal(n_customers, parameter, _WHOLE)
    return n


def happenings(
    draws: Draws, rates: Sequence[Floats], start: Floats, until: Floats
) -> tuple[Integers, Floats, Integers]:
    """Draw Poisson events of several kinds: who, when, and of which kind; in order of time."""
    parts = []
    for which, rate in enumerate(rates):
        counts = draws.poisson(rate * (until - start))
        who = np.repeat(np.arange(len(start)), counts)
        when = start[who] + draws.uniform(len(who)) * (until - start)[who]
        parts.append((who, when, np.full(len(who), which)))
    who, when, kinds = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(when, kind="stable")
    return who[order], when[order], kinds[order]


def times(days: Floats, missing: Any = None) -> Any:
    """Return days as times to the second, missing where the mask says so."""
    begin = int(np.datetime64(START, "s").astype(np.int64))
    seconds = begin + np.floor(days * _SECONDS).astype(np.int64)
    return pa.array(seconds, mask=missing).cast(pa.timestamp("s"))


def words(texts: Sequence[str], places: Integers, missing: Any = None) -> Any:
    """Return places in a list of words as the words."""
    return pa.array(texts, pa.string()).take(pa.array(places, mask=missing))


def day_of(as_of: TimeLike, parameter: str = "as_of") -> float:
    """Return a date or time as days since the start of the calendar."""
    begin = int(np.datetime64(START, "us").astype(np.int64))
    return (Clock().start(as_of, parameter) - begin) / DAY


def positive_days(days: Any) -> float:
    """Return the length of a window."""
    expected = "a number of days above 0"
    found = _arguments.number(days, "days", expected)
    if not 0.0 < found < np.inf:
        raise _arguments.refusal(days, "days", expected)
    return found


def shrinking(x: Floats) -> Floats:
    """Return (1 - e^-x) / x, which is 1 at 0: the mean of e^-t for t from 0 to x."""
    small = np.abs(x) < 1e-9
    found: Floats = np.where(small, 1.0, -np.expm1(-x) / np.where(small, 1.0, x))
    return found


def rows_of(customers: Any, first: int, n: int, what: str = "customers") -> Any:
    """Return the places of some of `n` customers whose numbers begin with `first`.

    None asks for all of them, in their order.
    """
    if customers is None:
        return slice(None)
    expected = f"numbers of {what} from {first} to {first + n - 1}"
    found = np.asarray(customers)
    if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
        raise _arguments.refusal(customers, "customers", expected)
    rows = found.astype(np.int64) - first
    if len(rows) and not (rows.min() >= 0 and rows.max() < n):
        raise _arguments.refusal(customers, "customers", expected)
    return rows


def shown(made_up: Any) -> str:
    """Return what a made-up company consists of: its tables by rows and columns, and the rest."""
    rows = []
    for name, value in made_up._asdict().items():
        table = nw.from_native(value, eager_only=True, pass_through=True)
        if isinstance(table, nw.DataFrame):
            rows.append((name, f"{len(table):,}", ", ".join(table.columns)))
        elif isinstance(value, Mapping):
            rows.append((name, "", f"names of {', '.join(value)}"))
        else:
            rows.append((name, "", str(value)))
    rows.insert(0, ("table", "rows", "columns"))
    wide = [max(len(row[place]) for row in rows) for place in range(2)]
    lines = [
        f"  {name:<{wide[0]}}  {count:>{wide[1]}}  "
        + textwrap.shorten(words, 86 - sum(wide), placeholder=" ...")
        for name, count, words in rows
    ]
    return "\n".join([type(made_up).__name__, *lines])
