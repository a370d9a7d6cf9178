"""Memberships of respondents as the core takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._columns import column_error

if TYPE_CHECKING:
    from tercet._columns import Floats


def checked_posterior(posterior: Any, n_rows: int, n_segments: int | None) -> Floats:
    """Return memberships as rows of numbers; their values are checked by the core."""
    try:
        found = np.ascontiguousarray(np.asarray(posterior, dtype=np.float64))
    except (TypeError, ValueError):
        reason = "holds no numbers; pass what a model's predict_proba returns"
        raise column_error("posterior", reason) from None
    wanted = "K" if n_segments is None else str(n_segments)
    fits = found.ndim == 2 and (n_segments is None or found.shape[1] == n_segments)
    if not fits or len(found) != n_rows:
        shape = " x ".join(str(n) for n in found.shape)
        reason = f"has {shape or 'no'} values; expected {n_rows} x {wanted}, a row a respondent"
        raise column_error("posterior", reason)
    return found
