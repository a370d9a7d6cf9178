"""Memberships of respondents as the core takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._columns import column_error
from tercet._frames import check_same_rows

if TYPE_CHECKING:
    from tercet._columns import Floats
    from tercet._frames import Table


def checked_posterior(
    posterior: Any,
    table: Table,
    n_segments: int | None,
    *,
    parameter: str = "posterior",
    what: str = "table of respondents",
) -> Floats:
    """Return memberships as rows of numbers; their values are checked by the core.

    Parameters
    ----------
    posterior : array of shape (n, K)
        The memberships.
    table : Table
        The respondents; a pandas frame of memberships must carry the labels of its rows.
    n_segments : int or None
        How many segments there must be.
    parameter : str
        The argument that the memberships were passed as.
    what : str
        What the table is, for messages.
    """
    check_same_rows(posterior, table.native, parameter, what)
    n_rows = len(table)
    try:
        found = np.ascontiguousarray(np.asarray(posterior, dtype=np.float64))
    except (TypeError, ValueError):
        reason = "holds no numbers; pass what a model's predict_proba returns"
        raise column_error(parameter, reason) from None
    wanted = "K" if n_segments is None else str(n_segments)
    fits = found.ndim == 2 and (n_segments is None or found.shape[1] == n_segments)
    if not fits or len(found) != n_rows:
        shape = " x ".join(str(n) for n in found.shape)
        reason = f"has {shape or 'no'} values; expected {n_rows} x {wanted}, a row a respondent"
        raise column_error(parameter, reason)
    return found
