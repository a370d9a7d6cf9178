"""Columns that say who answered: ids by their names, and numbers of rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from tercet._survey.options import Options
    from tercet._survey.source import Source

# Names that columns of ids usually have, in small letters and without anything between.
_RESPONDENT: Final = frozenset(
    {
        "respondentid",
        "respondent",
        "respid",
        "responseid",
        "customerid",
        "caseid",
        "participantid",
        "personid",
        "userid",
        "uuid",
        "id",
        "idno",
        "seqn",
    }
)


def numbers_rows(column: Any) -> bool:
    """Whether a column numbers the rows: 0, 1, 2 or 1, 2, 3 and so on."""
    if not pa.types.is_integer(column.type) or column.null_count or len(column) < 10:
        return False
    values = column.to_numpy()
    first = int(values[0])
    return first in (0, 1) and bool((values == np.arange(first, first + len(values))).all())


def named_like_ids(source: Source, options: Options) -> str | None:
    """Return a column whose name is one that ids of respondents usually have."""
    taken = {*(options.items or ()), options.weights, options.duration}
    for name in source.names:
        if re.sub(r"[^a-z]", "", name.casefold()) in _RESPONDENT and name not in taken:
            return name
    return None
