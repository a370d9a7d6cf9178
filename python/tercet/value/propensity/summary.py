"""A propensity at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tercet import _display

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PropensitySummary"]

_SHOWN = 20


class PropensitySummary:
    """The features of a propensity by how much they matter; made by `Propensity.summary`.

    Attributes
    ----------
    features : table
        A row a feature, the one that matters most first: `feature`; `spread`, the standard
        deviation of what it adds to the log-odds of the customers of the fit (of several
        classes, the root of the mean of its squares over these);
        `effective_parameters`, how many the penalty leaves it; `strength` of its penalty.
    effects : table
        As `Propensity.effects` returns.
    """

    def __init__(
        self, features: Any, effects: Any, figures: Mapping[str, Any], words: Sequence[str]
    ) -> None:
        self.features = features
        self.effects = effects
        self._figures = figures
        self._words = words

    def text(self) -> str:
        """Return it as text."""
        return self._shown().text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        return grid("Propensity: features by spread of the log-odds", self._figures, self._words)


def grid(title: str, figures: Mapping[str, Any], words: Sequence[str]) -> _display.Grid:
    """Return the features as they are shown."""
    spreads, parameters = figures["spread"].tolist(), figures["effective_parameters"].tolist()
    rows = [
        (name, _display.decimals(spread, 3), _display.decimals(used, 1))
        for name, spread, used in zip(figures["feature"], spreads, parameters, strict=True)
    ]
    more = len(rows) - _SHOWN
    said = [f"And {more:,} more features."] if more > 0 else []
    return _display.Grid(
        title=title,
        header=("feature", "spread", "parameters"),
        rows=rows[:_SHOWN],
        words=[*said, *words],
    )
