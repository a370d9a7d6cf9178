"""How a model shows itself: as text in a terminal, as a small table in a notebook."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Estimates:
    """What is shown of a fitted model."""

    title: str
    names: Sequence[str]
    estimates: Sequence[float]
    standard_errors: Sequence[float]
    facts: Sequence[tuple[str, str]]

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the table's cells, one row a parameter."""
        numbers = zip(self.names, self.estimates, self.standard_errors, strict=True)
        return [(name, number(estimate), number(error)) for name, estimate, error in numbers]

    def text(self) -> str:
        """Return the table as aligned text."""
        table = [_HEADER, *self.rows()]
        widths = [max(len(row[k]) for row in table) for k in range(3)]
        lines = [
            f"  {name:<{widths[0]}}  {estimate:>{widths[1]}}  {error:>{widths[2]}}"
            for name, estimate, error in table
        ]
        facts = [f"  {label}: {value}" for label, value in self.facts]
        return "\n".join([self.title, *lines, *facts])

    def html(self) -> str:
        """Return the table as HTML that takes its colours and fonts from the notebook."""
        head = "".join(f"<th>{cell}</th>" for cell in _HEADER)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows()
        )
        facts = "".join(
            f"<div>{html.escape(label)}: {html.escape(value)}</div>" for label, value in self.facts
        )
        return (
            f"<div><code>{html.escape(self.title)}</code>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{facts}</div>"
        )


_HEADER = ("parameter", "estimate", "standard error")


def number(value: float) -> str:
    """Return six significant digits; a dash where there is no number."""
    return "-" if math.isnan(value) else f"{value:.6g}"


def count(value: float) -> str:
    """Return a count with thousands set apart; a sum of fractional weights keeps its decimals."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"


def code(text: str) -> str:
    """Return text as inline code."""
    return f"<code>{html.escape(text)}</code>"
