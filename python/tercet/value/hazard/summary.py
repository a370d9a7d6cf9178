"""A hazard at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tercet import _display

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["HazardSummary"]

_SHOWN = 20


class HazardSummary:
    """The features of a hazard by how much they matter; made by `HazardModel.summary`.

    Attributes
    ----------
    features : table
        A row an event and feature, the one that matters most first: `event`; `feature`; `spread`,
        the standard deviation of what it adds to the log-odds of the event in a period, over all
        that was at risk; `effective_parameters`, how many the penalty leaves it; `strength` of its
        penalty. The baseline over time has a row of its own, without a spread.
    effects : table
        As `HazardModel.effects` returns.
    changes : table
        As `HazardModel.changes` returns: effects that change over time.
    baseline : table
        As `HazardModel.baseline_`.
    """

    def __init__(
        self,
        features: Any,
        effects: Any,
        changes: Any,
        baseline: Any,
        figures: Mapping[str, Any],
        words: Sequence[str],
    ) -> None:
        self.features = features
        self.effects = effects
        self.changes = changes
        self.baseline = baseline
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
        title = "HazardModel: features by spread of the log-odds of an event in a period"
        return grid(title, self._figures, self._words)


def grid(title: str, figures: Mapping[str, Any], words: Sequence[str]) -> _display.Grid:
    """Return the features as they are shown."""
    columns = [figures[name] for name in ("feature", "event", "spread", "effective_parameters")]
    rows = [
        (name, event, _display.decimals(spread, 3), _display.decimals(used, 1))
        for name, event, spread, used in zip(*columns, strict=True)
    ]
    more = len(rows) - _SHOWN
    said = [f"And {more:,} more rows."] if more > 0 else []
    return _display.Grid(
        title=title,
        header=("feature", "event", "spread", "parameters"),
        rows=rows[:_SHOWN],
        words=[*said, *words],
    )
