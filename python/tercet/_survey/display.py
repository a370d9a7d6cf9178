"""How a survey shows itself: a line a question as text, a row an item as HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from tercet._display import count

if TYPE_CHECKING:
    from tercet._survey.item import Item
    from tercet.data.survey import Survey

_MOST_NOTES = 3
_MOST_LINES: Final = 12
_LONGEST: Final = 60
_HEADER: Final = ("item", "kind", "levels", "battery", "text")


def as_text(survey: Survey) -> str:
    """Return a survey as text: who answered, and each question in a line."""
    lines = _questions(survey)
    more = len(lines) - _MOST_LINES
    if more > 1:
        lines = [*lines[:_MOST_LINES], f"and {more} more"]
    lines += _notes(survey)
    return "\n".join([_title(survey), *(f"  {line}" for line in lines)])


def as_html(survey: Survey) -> str:
    """Return a survey as HTML that takes its colours and fonts from the notebook."""
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in _cells(item))}</tr>"
        for item in survey.items.values()
    )
    head = "".join(f"<th>{cell}</th>" for cell in _HEADER)
    notes = "".join(f"<div>{html.escape(note)}</div>" for note in _notes(survey))
    return (
        f"<div><code>{html.escape(_title(survey))}</code>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{notes}</div>"
    )


def _title(survey: Survey) -> str:
    who = f" ({survey.respondent})" if survey.respondent else ""
    weights = f", weighted by {survey.weights}" if survey.weights else ""
    left_out = sum(survey.n_dropped.values())
    dropped = f"; {count(left_out)} left out" if left_out else ""
    n_items = len(survey.items)
    return (
        f"Survey of {count(len(survey))} respondent{'s' * (len(survey) != 1)}{who}, "
        f"{n_items} item{'s' * (n_items != 1)}{weights}{dropped}"
    )


def _notes(survey: Survey) -> list[str]:
    """Return what was decided about columns; the report of quality has all of it."""
    notes = [f"note: {note}" for note in survey.quality.notes]
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], f"and {more} more notes: see quality"] if more > 0 else notes


def _questions(survey: Survey) -> list[str]:
    batteries = survey.batteries()
    lines, done = [], set()
    for name, item in survey.items.items():
        if item.battery is None or len(batteries[item.battery]) == 1:
            lines.append(f"{name}: {item.kind}{_span(item, ', ')}")
        elif item.battery not in done:
            done.add(item.battery)
            members = [survey.items[member] for member in batteries[item.battery]]
            lines.append(f"{item.battery}: {_battery(members)}")
    return lines


def _battery(members: list[Item]) -> str:
    first = members[0]
    if first.kind == "multi-select":
        return f"{len(members)} options"
    if any((one.kind, one.levels) != (first.kind, first.levels) for one in members):
        return f"{len(members)} items"
    return f"{len(members)} {first.kind} items{_span(first, ' of ')}"


def _span(item: Item, before: str) -> str:
    if item.levels is None or item.kind == "multi-select":
        return ""
    found = f"{before}{len(item.levels)} level{'s' if len(item.levels) > 1 else ''}"
    if item.kind != "ordinal" or not item.labels:
        return found
    ends = f"{_short(item.labels[0])} to {_short(item.labels[-1])}"
    return f"{found}, {ends}"


def _cells(item: Item) -> tuple[str, ...]:
    shown = " · ".join(item.labels or ())
    return item.name, item.kind, _short(shown), item.battery or "", _short(item.text)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
