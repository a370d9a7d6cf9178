"""What treatments do, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tercet import _display
from tercet.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tercet.response import EffectRanking


def qini(ranking: EffectRanking, *, ax: Axes | None = None) -> Axes:
    """Draw what treating the best share of the customers gains, against a random choice.

    Where the band leaves the straight line, the ranking is better there than chance. The curve may
    fall: then treatment does harm to those treated last. The order of `other=` is drawn too,
    without a band; `ranking.comparison` says whether the two can be told apart.

    Parameters
    ----------
    ranking : EffectRanking
        What `tercet.rank_effects` returned; more shares give a smoother curve.
    ax : Axes, optional
        Axes to draw on. Default: new ones.

    Returns
    -------
    Axes
        The axes, for further changes.

    Raises
    ------
    ParameterError
        For anything but a ranking.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> orders, mailed = rng.uniform(0, 10, 2_000), rng.random(2_000) < 0.5
    >>> spend = rng.normal(size=2_000) + 0.1 * orders * mailed
    >>> ax = tc.plots.qini(tc.rank_effects(orders, mailed, spend))
    """
    from tercet.response import EffectRanking

    _style.require(ranking, EffectRanking, "ranking", "tercet.rank_effects")
    found = ranking._found["gains"]
    share = np.append(0.0, found["share"])
    gain = np.append(0.0, found["gain"])
    by_chance = gain - np.append(0.0, found["above_random"])
    lower = by_chance + np.append(0.0, found["lower"])
    upper = by_chance + np.append(0.0, found["upper"])
    ax = _style.new_axes(ax, width=6.2, height=4.6)
    ax.fill_between(share, lower, upper, color=_style.PALE, alpha=0.5, linewidth=0)
    ax.plot(share, gain, color=_style.ACTUAL, linewidth=2.0, label="in this order")
    rival = ranking._found.get("other_gains")
    if rival is not None:
        ax.plot(
            np.append(0.0, rival["share"]),
            np.append(0.0, rival["gain"]),
            color=_style.MUTED,
            linewidth=1.6,
            linestyle="-.",
            label="in the other order",
        )
    ax.plot(
        share, by_chance, color=_style.EXPECTED, linewidth=1.2, linestyle="--", label="at random"
    )
    verdict = (
        "Treating in this order beats a random choice"
        if ranking.better_than_random
        else "This order is not clearly better than a random one"
    )
    area = ranking._found["areas"]
    p = _display.p_sentence(float(area["p_value"][0]))
    _style.dress(
        ax,
        title=verdict,
        subtitle=(
            f"Qini {area['estimate'][0]:.3g} a customer, {p}; "
            f"{_display.per_cent(ranking.level)} band of the gain above random"
        ),
        x_label="Share of the customers treated, highest predicted effect first",
        y_label="Gain in the outcome, by customer of all",
        grid="both",
    )
    ax.set_xlim(0.0, 1.0)
    _style.percent(ax.xaxis)
    _style.legend(ax, loc="upper left")
    return ax
