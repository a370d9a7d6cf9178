"""How a model shows itself: as text in a terminal, as a small table in a notebook."""

from __future__ import annotations

import html
import math
import textwrap
from abc import ABC, abstractmethod
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
    header: tuple[str, str, str] = ("parameter", "estimate", "standard error")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the table's cells, one row a parameter."""
        numbers = zip(self.names, self.estimates, self.standard_errors, strict=True)
        return [(name, number(estimate), number(error)) for name, estimate, error in numbers]

    def text(self) -> str:
        """Return the table as aligned text."""
        table = [self.header, *self.rows()]
        widths = [max(len(row[k]) for row in table) for k in range(3)]
        lines = [
            f"  {name:<{widths[0]}}  {estimate:>{widths[1]}}  {error:>{widths[2]}}"
            for name, estimate, error in table
        ]
        facts = [f"  {label}: {value}" for label, value in self.facts]
        return "\n".join([self.title, *lines, *facts])

    def html(self) -> str:
        """Return the table as HTML that takes its colours and fonts from the notebook."""
        head = "".join(f"<th>{cell}</th>" for cell in self.header)
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


@dataclass(frozen=True)
class Grid:
    """A table of words and figures, and what is said below it."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[str] = ()
    marked: int | None = None

    def text(self) -> str:
        """Return the table as aligned text; the first column is of words."""
        table = [self.header, *self.rows]
        widths = [max(len(row[k]) for row in table) for k in range(len(self.header))]
        lines = []
        for place, row in enumerate(table, start=-1):
            cells = [
                f"{cell:<{width}}" if k == 0 else f"{cell:>{width}}"
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(f"{'>' if place == self.marked else ' '} {'  '.join(cells)}".rstrip())
        said = [line for words in self.words for line in wrapped(words)]
        return "\n".join([self.title, *lines, *said])

    def html(self) -> str:
        """Return the table as HTML that takes its colours and fonts from the notebook."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        body = ""
        for place, row in enumerate(self.rows):
            tag = "th" if place == self.marked else "td"
            body += f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in row)}</tr>"
        said = "".join(f"<p>{html.escape(words)}</p>" for words in self.words)
        return (
            f"<div><code>{html.escape(self.title)}</code>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{said}</div>"
        )


class Shown(ABC):
    """A result that shows itself as a table and words: as text, and in a notebook."""

    @abstractmethod
    def _shown(self) -> Grid:
        """Return what is shown."""

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()


def wrapped(words: str) -> list[str]:
    """Return a paragraph in lines of a terminal, set in by two."""
    return textwrap.wrap(words, 88, initial_indent="  ", subsequent_indent="  ")


def numbered(word: str, numbers: Sequence[object]) -> str:
    """Return things by their numbers: "Segment 2", "Segments 1, 3 and 4"."""
    texts = [str(number) for number in numbers]
    if len(texts) == 1:
        return f"{word} {texts[0]}"
    return f"{word}s {', '.join(texts[:-1])} and {texts[-1]}"


def decimals(value: float | None, n: int, unit: str = "") -> str:
    """Return a number with so many decimals; a dash where there is none."""
    # What is rounded to 0 has no sign.
    return "-" if value is None or math.isnan(value) else f"{value:z,.{n}f}{unit}"


def per_cent(value: float | None, n: int = 0) -> str:
    """Return a share in per cent; a dash where there is none."""
    return "-" if value is None else decimals(100 * value, n, "%")


def p_value(value: float | None) -> str:
    """Return a probability; very small ones as a bound."""
    if value is None or math.isnan(value):
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_sentence(value: float) -> str:
    """Return a probability as it stands in a sentence: "p = 0.012", "p < 0.001"."""
    said = p_value(value)
    return f"p < {said[1:]}" if said.startswith("<") else f"p = {said}"


def number(value: float) -> str:
    """Return six significant digits; a dash where there is no number."""
    return "-" if math.isnan(value) else f"{value:.6g}"


def count(value: float) -> str:
    """Return a count with thousands set apart; a sum of fractional weights keeps its decimals."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"


def code(text: str) -> str:
    """Return text as inline code."""
    return f"<code>{html.escape(text)}</code>"


def shortened(text: str, most: int) -> str:
    """Return text of at most so many characters, with an ellipsis where some are left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
