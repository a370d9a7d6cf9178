"""Whether something of the future may have got into a table of snapshots, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tercet._display import Grid, decimals, per_cent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SnapshotAudit", "SnapshotFinding"]


@dataclass(frozen=True)
class SnapshotFinding:
    """One thing that an audit found.

    Attributes
    ----------
    kind : str
        "leak" for a row at or after its date (a defect: please report it), "too good" for a feature
        that tells the outcome almost alone, "undated" for attributes without a date, "constant",
        "missing" for a feature with hardly any value, "short history" for observation windows that
        begin before the data, "overlap" for outcome windows that share days.
    column : str or None
        The feature, where it is about one.
    words : str
        What was found and what to do.
    """

    kind: Literal["leak", "too good", "undated", "constant", "missing", "short history", "overlap"]
    column: str | None
    words: str


class SnapshotAudit:
    """What `SnapshotTable.audit` found.

    Attributes
    ----------
    findings : tuple of SnapshotFinding
        What was found, the gravest first.
    features : table
        One row a feature: `feature`, `missing` (the share of rows without a value), `auc` (how well
        it tells the outcome alone, from 0.5 to 1), the best first.

    Examples
    --------
    >>> import tercet as tc
    >>> shop = tc.datasets.simulate_purchases(300, seed=1)
    >>> snapshots = tc.Snapshots(as_of="2024-09-01", observation="90d", outcome="90d")
    >>> audit = snapshots.inactivity(purchases=shop.transactions).audit()
    >>> audit.passed
    True
    """

    def __init__(
        self,
        findings: Sequence[SnapshotFinding],
        features: Any,
        best: Sequence[tuple[str, float, float]],
    ) -> None:
        self.findings = tuple(findings)
        self.features = features
        self._best = tuple(best)

    @property
    def passed(self) -> bool:
        """Whether nothing was found that speaks of the future: no leak, nothing too good."""
        return not any(finding.kind in ("leak", "too good") for finding in self.findings)

    def _grid(self) -> Grid:
        verdict = "nothing of the future was found" if self.passed else "the future may be in it"
        rows = [
            [name, decimals(found, 3), per_cent(missing, 1)] for name, found, missing in self._best
        ]
        words = [f"{finding.kind}: {finding.words}" for finding in self.findings]
        return Grid(
            f"Audit of snapshots: {verdict}",
            ("best single features", "AUC", "missing"),
            rows,
            words or ["No findings."],
        )

    def __repr__(self) -> str:
        return self._grid().text()

    def _repr_html_(self) -> str:
        return self._grid().html()
