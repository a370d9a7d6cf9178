"""Rows to learn from, and rows to be judged by: split in time, and folds of whole customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from tercet import _arguments
from tercet._mixing import mixed
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tercet._columns import Integers
    from tercet._snapshots.clock import Clock
    from tercet._snapshots.windows import Window

#: What to do with dates whose outcome was not known when the test begins.
Overlap: TypeAlias = Literal["error", "drop"]


def dates_by_time(
    windows: Sequence[Window], clock: Clock, last: int, overlap: Overlap
) -> tuple[list[int], list[int]]:
    """Return the places of the dates to learn from, and of those to be judged by.

    On the first test date only those outcomes are known whose window has closed by then. A date
    whose window closes later could not have been learnt from.

    Raises
    ------
    ParameterError
        If no date is left on one side, or windows overlap and are not to be dropped.
    """
    last = _arguments.whole(last, "last", "a whole number of dates, at least 1")
    if not 1 <= last < len(windows):
        expected = f"from 1 to {len(windows) - 1}: there are rows of {len(windows)} dates"
        raise _arguments.refusal(last, "last", expected)
    train, test = list(windows[:-last]), list(windows[-last:])
    begins = test[0].as_of
    late = [window for window in train if window.closes > begins]
    if late and overlap == "error":
        message = (
            f"outcome windows overlap the training end: on {clock.text(begins)}, the first test "
            f"date, the outcome of {clock.text(late[0].as_of)} was not known yet (its window ends "
            f"on {clock.text(late[0].closes)}); overlap='drop' leaves such dates out, or test on "
            "fewer dates, or space the dates by the gap and the outcome window"
        )
        raise ParameterError(message, "overlap")
    kept = [window.place for window in train if window.closes <= begins]
    if not kept:
        message = (
            f"no date is left to learn from: the outcome of none was known on "
            f"{clock.text(begins)}, the first test date; add earlier dates"
        )
        raise ParameterError(message, "last")
    return kept, [window.place for window in test]


def customer_folds(
    customers: Integers, n_folds: int, seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return the rows of each fold: to learn from, and to be judged by; no customer is in both."""
    n_folds = _arguments.whole(n_folds, "n_folds", "a whole number, at least 2")
    seed = _arguments.seed(seed, "seed")
    distinct, code = np.unique(customers, return_inverse=True)
    if not 2 <= n_folds <= len(distinct):
        if len(distinct) < 2:
            raise DataError("there is one customer; folds by customer need two at least")
        expected = f"from 2 to the number of customers, {len(distinct)}"
        raise _arguments.refusal(n_folds, "n_folds", expected)
    order = np.argsort(mixed(len(distinct), seed), kind="stable")
    fold = np.empty(len(distinct), dtype=np.int64)
    fold[order] = np.arange(len(distinct)) % n_folds
    of_row = fold[code]
    return [
        (np.flatnonzero(of_row != place), np.flatnonzero(of_row == place))
        for place in range(n_folds)
    ]
