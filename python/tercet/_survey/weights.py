"""Survey weights: each respondent's must be a positive number, or a rule must leave the row out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error, floats
from tercet._survey.kinds import WIDEST_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tercet._columns import Integers


def bad_weights(column: Any, name: str) -> Any:
    """Return which rows have a weight that is missing, zero, negative or not finite."""
    values = floats(column, name, missing_as_nan=True)
    with np.errstate(invalid="ignore"):
        return ~(values > 0) | ~np.isfinite(values)


def check_weights(column: Any, name: str, ids: Any, rows: Integers) -> None:
    """Refuse a bad weight in words: which respondent, which row, what to do."""
    bad = bad_weights(column, name)
    if not bad.any():
        return
    at = int(bad.argmax())
    value = column[at].as_py()
    row = int(rows[at])
    who = "" if ids is None else f" (respondent {ids[at].as_py()!r})"
    found = "is missing" if value is None or value != value else f"is {value}"
    others = int(bad.sum()) - 1
    more = f", and so are {others} more that are missing or not above 0" if others else ""
    reason = (
        f"the weight{who} {found}{more}; give every respondent a positive weight, or leave such "
        'respondents out with bad_weights="drop"'
    )
    raise column_error(name, reason, row)


def weights_or_item(
    name: str, column: Any, text: str, labelled: bool, names: Sequence[str]
) -> Literal["weights", "item"] | None:
    """Return what a column is that nobody named as weights; None if its name is no weights' name.

    Numbers from 0 on in a column with a name of weights are weights, whole ones (how many people a
    respondent stands for) too. They are answers if they have labels or are the codes of a scale,
    or if they may be what people weigh: numbers that fit in a column named "weight" beside one of
    heights, or with such a question.

    Parameters
    ----------
    name : str
        The column's name.
    column : Arrow array
        Its values.
    text : str
        What was asked.
    labelled : bool
        Whether its values have labels.
    names : sequence of str
        All columns.
    """
    kind = column.type
    is_number = any(
        check(kind) for check in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )
    if (
        _NAME.match(name.strip().casefold()) is None
        or not is_number
        or column.null_count == len(column)
    ):
        return None
    numbers = pc.drop_null(column.cast(pa.float64(), safe=False))
    ends = pc.min_max(pc.if_else(pc.is_nan(numbers), None, numbers))
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is None or low < 0:
        return None
    whole = pc.all(pc.equal(pc.floor(numbers), numbers)).as_py()
    if labelled or (whole and low < high <= low + WIDEST_SCALE):
        return "item"
    if low >= _LIGHTEST and high <= _HEAVIEST and _weighs_people(name, text, names):
        return "item"
    return "weights"


# Kilograms and pounds of grown-ups and children.
_LIGHTEST, _HEAVIEST = 15.0, 600.0
_BODY_NAME: Final = re.compile(r"^(?:body|weight|gewicht|poids|kgs?|lbs?|pounds|current|in)+$")
_BODY: Final = re.compile(r"weigh\b|your weight|kilogram|\bkgs?\b|\blbs?\b|pounds|body")
_HEIGHT: Final = re.compile(r"height|\bbmi\b|gr(?:ö|oe)(?:ß|ss)e|taille")
_NAME: Final = re.compile(
    r"^(?:[a-z0-9]+[_. ])*(?:p|per|person|final|design|survey|post|base|raked?)?"
    r"(?:weight|wgt|wt|weighting|weightvar|wtvar|gewicht|gewichtung|poids|pond[eé]ration"
    r"|ponderaci[oó]n)s?\d*(?:[_. ][a-z0-9]+)?$"
    r"|^p?w$"
)


def _weighs_people(name: str, text: str, names: Sequence[str]) -> bool:
    """Whether a column of weights may be of bodies: its name, question or a neighbour says so."""
    if _BODY_NAME.match(re.sub(r"[^a-z]", "", name.casefold())) is None:
        return False
    said = f"{name.replace('_', ' ')} {text}".casefold()
    return _BODY.search(said) is not None or any(_HEIGHT.search(one.casefold()) for one in names)
