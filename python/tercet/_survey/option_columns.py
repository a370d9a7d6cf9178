"""Questions with several answers in the table: cells are split, sets of the file are unfolded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tercet._survey import missing, ticks
from tercet._survey.columns import blanked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tercet._survey.columns import Columns
    from tercet._survey.options import Options
    from tercet._survey.source import OptionSet


def split_joined(
    columns: Columns, names: Sequence[str], options: Options, *, unasked: bool
) -> list[str]:
    """Split the columns whose cells hold several options; return the names of all columns.

    Parameters
    ----------
    columns : Columns
        The columns.
    names : sequence of str
        Those that may be items.
    options : Options
        What the caller says.
    unasked : bool
        Whether to look for such columns where the caller says nothing: exports of Qualtrics have
        them.
    """
    found: list[str] = []
    for name in names:
        kind = options.kinds.get(name)
        one = columns.profiles[name]
        joined = kind == "multi-select" and one.type == "text" and len(one.counts) != 1
        if kind is None and unasked and name not in options.levels:
            joined = not columns.what_is_said(name).typed_in and ticks.is_joined(one)
        found += _split(columns, name, options) if joined else [name]
    return found


def unfold_sets(
    columns: Columns,
    names: Sequence[str],
    sets: Iterable[OptionSet],
    make_missing: Callable[[str], None],
) -> list[str]:
    """Make the columns of a file's multiple-response sets 0 and 1; return the names of all columns.

    Parameters
    ----------
    columns : Columns
        The columns.
    names : sequence of str
        Those that may be items.
    sets : iterable of OptionSet
        The sets.
    make_missing : callable
        Makes the missing answers of a column missing.
    """
    left = list(names)
    for one in sets:
        members = [member for member in one.members if member in left]
        if len(members) < 2:
            continue
        for member in members:
            make_missing(member)
        if not one.categories:
            for member, column in ticks.ticked(
                {m: columns[m] for m in members}, one.counted
            ).items():
                columns[member] = column
            columns.option_sets[one.name] = tuple(members)
            continue
        made = _unfold_categories(columns, one, members)
        at = left.index(members[0])
        left = [*left[:at], *made, *(name for name in left[at:] if name not in members)]
    return left


def _unfold_categories(columns: Columns, one: OptionSet, members: list[str]) -> list[str]:
    """Make a column for each option that is chosen in any of some columns."""
    labels = columns.what_is_said(members[0]).labels
    held = [columns[member] for member in members]
    values = sorted({value for member in members for value in columns.profiles[member].values})
    asked = _any(pc.is_valid(column) for column in held)
    chosen = {}
    for value in values:
        picked = _any(pc.fill_null(pc.equal(column, value), False) for column in held)
        chosen[value] = pc.if_else(asked, picked.cast(pa.int8()), pa.scalar(None, pa.int8()))
    words = [labels.get(value, str(value)) for value in values]
    return columns.put_options(one.name, members, chosen, words, one.text)


def _split(columns: Columns, name: str, options: Options) -> list[str]:
    column = columns[name]
    said = columns.what_is_said(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    absent = missing.absent_answers(
        columns.profiles[name], None, {}, said.missing, options.missing, None
    )
    column = blanked(column, absent.values)
    given = options.levels.get(name)
    choices = ticks.options_in(name, column) if given is None else list(given)
    split = ticks.split_joined(name, column, choices)
    labels = {**said.labels, **options.labels.get(name, {})}
    words = [labels.get(_number(choice), str(choice)) for choice in choices]
    suffixes = [choice if str(choice).isdigit() else k for k, choice in enumerate(choices, 1)]
    made = dict(zip(suffixes, split, strict=True))
    # What the caller says was asked comes before the options later on, as in any battery.
    text = "" if name in options.texts else said.text
    return columns.put_options(name, [name], made, words, text)


def _any(masks: Iterable[Any]) -> Any:
    found = None
    for mask in masks:
        found = mask if found is None else pc.or_(found, mask)
    return found


def _number(choice: Any) -> Any:
    return int(choice) if str(choice).isdigit() else choice
