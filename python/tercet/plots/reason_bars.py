"""Why a customer's probability is what it is."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _arguments, _display
from tercet._columns import column_error
from tercet._frames import read_whole
from tercet.exceptions import DataError
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Letters of a line beside a bar.
_WIDTH: Final = 44
#: What a sentence says after the feature and its value.
_END: Final = re.compile(r" \(?(?:raises|lowers) the probability by [^()]*\)?$")


def reasons(
    reasons: Any,
    customer: Any = None,
    *,
    probability: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what speaks for and against the outcome of one customer, in words.

    The length of a bar is what the feature adds to the log-odds, against the average of the
    customers of the fit; beside it stands what that is worth in the probability.

    Parameters
    ----------
    reasons : table
        What `reasons` of a model returned, such as `tercet.Propensity` or `tercet.ChurnModel`,
        whose words are shown. A larger `top` gives more bars.
    customer : optional
        Whose: a value of the table's first column. Default: the first customer in it.
    probability : float, optional
        The customer's probability, for the title.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    DataError
        For a table that is none of reasons, and a customer who is not in it.

    Examples
    --------
    >>> import tercet as tc
    >>> customers = {"plan": ["basic", "pro"] * 100, "visits": [0, 9, 1, 8, 0, 7, 2, 9] * 25}
    >>> left = [1, 0, 1, 0, 1, 0, 0, 1] * 25
    >>> model = tc.Propensity().fit(customers, left)
    >>> ax = tc.plots.reasons(model.reasons(customers, top=5), customer=3)
    """
    share = None
    if probability is not None:
        share = _arguments.share(probability, "probability", "0.2 is 20%")
    whose, found = _of_customer(reasons, customer)
    order = np.argsort(-np.abs(found["log_odds"]), kind="stable")
    shares = found["log_odds"][order]
    names = [found["words"][k] for k in order]
    worth = [_points(found["percentage_points"][k]) for k in order]
    ax = _style.new_axes(ax, width=8.0, height=1.7 + 0.36 * max(len(names), 2))
    places = np.arange(len(names))
    colours = [_style.EXPECTED if one > 0 else _style.ACTUAL for one in shares]
    ax.barh(places, shares, color=colours, height=0.62)
    ax.axvline(0.0, color=_style.INK, linewidth=0.9)
    for place, one, words in zip(places, shares, worth, strict=True):
        # Right of the bar, or of the axis: to the left stand the names.
        ax.annotate(
            words,
            xy=(max(one, 0.0), place),
            xytext=(5, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=_style.TICK_SIZE,
            color=_style.INK,
        )
    heading = "What speaks for and against it"
    if share is not None:
        heading = f"{_display.per_cent(share, 1)}: what speaks for and against it"
    _style.dress(
        ax,
        title=heading,
        subtitle=f"{whose}; to the right it is raised, to the left lowered",
        x_label="Added to the log-odds of an average customer",
        y_label="Feature and its value",
        grid="x",
    )
    # Names may hold what matplotlib takes for formulas.
    ax.set_yticks(places, [_lines(name) for name in names], parse_math=False)
    ax.invert_yaxis()
    # Room for the words beside the bars.
    low, high = min(0.0, float(shares.min())), max(0.0, float(shares.max()))
    ax.set_xlim(low - 0.04 * (high - low), high + 0.35 * (high - low))
    return ax


def _of_customer(table: Any, customer: Any) -> tuple[str, dict[str, Any]]:
    """Return what the customer is called, and the customer's reasons."""
    whole = read_whole(table, what="table of reasons")
    names = ("feature", "value", "log_odds", "percentage_points")
    for name in names:
        if name not in whole:
            message = (
                f"column '{name}' is missing from the table of reasons; pass what "
                "model.reasons(...) returned"
            )
            raise DataError(message, name)
    first = whole.columns.columns[0]
    ids = whole.arrow(first).to_pylist()
    wanted = ids[0] if customer is None else customer
    rows = [row for row, one in enumerate(ids) if one == wanted]
    if not rows:
        some = ", ".join(repr(one) for one in dict.fromkeys(ids[:200]))[:60]
        reason = f"has no {wanted!r} (but {some}...); who has no reasons has no bars"
        raise column_error(first, reason)
    columns = ("feature", "value", *(("sentence",) if "sentence" in whole else ()))
    texts = [whole.arrow(name).to_pylist() for name in columns]
    found: dict[str, Any] = {"words": [_words(*(text[row] for text in texts)) for row in rows]}
    for name in ("log_odds", "percentage_points"):
        found[name] = whole.floats(name)[rows]
    return f"{first} {wanted}", found


def _words(feature: str, value: str, sentence: str | None = None) -> str:
    """Return the feature and its value as the sentence of the reason has them."""
    end = None if sentence is None else _END.search(sentence)
    return f"{feature} = {value}" if sentence is None or end is None else sentence[: end.start()]


def _lines(words: str) -> str:
    """Return words in two lines at most, as there is room for."""
    return "\n".join(
        textwrap.wrap(words, _WIDTH, max_lines=2, placeholder="\N{HORIZONTAL ELLIPSIS}")
    )


def _points(points: float) -> str:
    if abs(points) < 0.05:
        return "less than 0.1 points"
    return f"{points:+.1f} points".replace("-", "\N{MINUS SIGN}")
