"""From a `Source` to the parts of a survey: roles of columns, missing answers, questions, items."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet._survey import missing, qualtrics
from tercet._survey.columns import Columns, blanked
from tercet._survey.doubts import doubt_about
from tercet._survey.dropped import Dropped, dropped_rows
from tercet._survey.groups import Group, groups_of
from tercet._survey.item import Item, codes
from tercet._survey.option_columns import split_joined, unfold_sets
from tercet._survey.options import Options, missing_column
from tercet._survey.profile import profile, without
from tercet._survey.questions import Questions
from tercet._survey.respondents import named_like_ids, numbers_rows
from tercet._survey.weights import bad_weights, check_weights, weights_or_item
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tercet._columns import Integers
    from tercet._frames import Table
    from tercet._survey.source import Source


@dataclass
class Parts:
    """What a survey is made of.

    Attributes
    ----------
    items : dict
        The items, in the order of their columns.
    columns : dict
        The columns of the table that are not as they were, as Arrow.
    order : list of str
        All columns of the table, in order.
    keep : array or None
        The rows to keep; None for all.
    rows : array
        The rows of the file or table that they were.
    respondent, weights, duration : str or None
        The columns of ids, weights and seconds.
    dropped : list of Dropped
        What was left out.
    notes : list of str
        What a reader of the report should know.
    """

    items: dict[str, Item]
    columns: dict[str, Any]
    order: list[str]
    keep: Integers | None
    rows: Integers
    respondent: str | None
    weights: str | None
    duration: str | None
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put_into(self, table: Table) -> Any:
        """Return a caller's table with what had to change; the table itself if nothing had to."""
        if not self.columns and self.keep is None:
            return table.native
        return table.build(
            {
                name: self.columns[name] if name in self.columns else table.take(name, self.keep)
                for name in self.order
            }
        )


def assemble(source: Source, options: Options) -> Parts:
    """Return the parts of a survey.

    Raises
    ------
    DataError
        For a column that is not there, a weight that is none, an answer that cannot be what the
        caller says; it names the column, the row and the remedy.
    ParameterError
        For a name in an argument that is neither a column nor a battery.
    """
    return _Assembly(source, options).parts()


class _Assembly:
    """A survey that is being put together."""

    def __init__(self, source: Source, options: Options) -> None:
        self.source = source
        self.options = options
        self.columns = Columns(source)
        self.notes = list(source.notes)
        self.dropped = list(source.dropped)
        # How often each refusal in words became a missing answer, by item.
        self.refusals: dict[str, dict[str, int]] = {}
        self._set_aside_interview()
        self.respondent = self._special("respondent", options.respondent, source.respondent)
        self.respondent = self.respondent or named_like_ids(source, options)
        own = None if options.weights is False else source.weights
        self.weights = self._special("weights", options.weights or None, own)
        self.duration = self._special("duration", options.duration, source.duration)
        self._refuse_two_roles()

    def parts(self) -> Parts:
        """Do the work, in order."""
        columns, options = self.columns, self.options
        self._leave_out_bad_weights()
        names = self._candidates()
        looked_at = names
        names = split_joined(columns, names, options, unasked=self.source.joined)
        self._note_split(name for name in looked_at if name not in names)
        names = unfold_sets(
            columns, names, self.source.sets, lambda name: self._make_missing(name, None)
        )
        groups = groups_of(names, self._batteries(names), columns.option_sets, self._texts(names))
        group_of = {member: group.name for group in groups for member in group.members}
        options.check_names([*columns.order, *self.source.names, *group_of.values()])
        self._check_labels(names)
        beside = self._numbers_beside(groups)
        for name in names:
            self._make_missing(name, group_of.get(name), beside.get(name, ()))
        questions = Questions(columns, options, group_of)
        items = self._selected(questions.items(names, groups), group_of)
        self._check_answers(items, group_of)
        self._note_refusals()
        self._note_doubts(items, group_of)
        return Parts(
            items,
            columns.changed,
            columns.order,
            columns.keep,
            columns.rows,
            self.respondent,
            self.weights,
            self.duration,
            self.dropped,
            self.notes,
        )

    def _set_aside_interview(self) -> None:
        if self.source.joined or not qualtrics.is_qualtrics(self.source.names):
            return
        orders = qualtrics.display_orders(self.source.names, ())
        for name in self.source.names:
            said = self.columns.what_is_said(name)
            role = "other" if name in orders else qualtrics.role_of_name(name)
            if role == "about":
                qualtrics.check_no_headers(self.source.arrow(name), name)
            if role != "answer" and said.role == "answer":
                self.columns.said[name] = replace(said, role=role)

    def _special(self, argument: str, given: Any, own: str | None) -> str | None:
        if given is None:
            return own
        if given not in self.columns.order:
            raise missing_column(given, self.columns.order, argument, self.source.what)
        return str(given)

    def _refuse_two_roles(self) -> None:
        special = {
            "respondent": self.respondent,
            "weights": self.weights,
            "duration": self.duration,
        }
        named = [name for name in special.values() if name is not None]
        for argument, name in special.items():
            if name is not None and (named.count(name) > 1 or name in (self.options.items or ())):
                message = (
                    f"column '{name}': is named as {argument} and as something else; a column "
                    "can be one thing only"
                )
                raise DataError(message, name)

    def _ids(self) -> Any:
        return None if self.respondent is None else self.columns[self.respondent]

    def _leave_out_bad_weights(self) -> None:
        if self.weights is None:
            return
        column = self.columns[self.weights]
        if not self.options.drop_bad_weights:
            check_weights(column, self.weights, self._ids(), self.columns.rows)
            return
        bad = bad_weights(column, self.weights)
        if not bad.any():
            return
        if bad.all():
            raise DataError(f"column '{self.weights}': no weight is above 0", self.weights)
        reason = f"weight '{self.weights}' missing or not above 0"
        self.dropped.append(dropped_rows(reason, self.columns.rows, self._ids(), bad))
        self.columns.keep_rows(np.flatnonzero(~bad))

    def _candidates(self) -> list[str]:
        """Return the columns that may be items: named ones, or else those that look like it."""
        order, options = self.columns.order, self.options
        for members in options.batteries.values():
            for member in members:
                if member not in order:
                    raise missing_column(member, order, "batteries", self.source.what)
        if options.items is not None:
            wanted = self._named_items(options.items)
            found = [name for name in order if name in wanted]
        else:
            special = {self.respondent, self.weights, self.duration, self.source.weights}
            named = {
                *options.kinds,
                *(name for some in options.batteries.values() for name in some),
            }
            found = [
                name
                for name in order
                if name in named or (name not in special and self._may_be_item(name))
            ]
        for name in found:
            self.columns.look_at(name)
        return found

    def _named_items(self, items: Sequence[str]) -> set[str]:
        """Return the columns of the items and batteries that the caller names."""
        order = self.columns.order
        sets = {one.name: one.members for one in self.source.sets}
        groups = groups_of(order, self.options.batteries, sets, self._texts(order))
        members = {group.name: group.members for group in groups}
        found: set[str] = set()
        for name in items:
            if name not in order and name not in members:
                raise missing_column(name, order, "items", self.source.what)
            found.update([name] if name in order else members[name])
        return found

    def _batteries(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the caller's batteries, without columns that are not wanted as items."""
        if self.options.items is None:
            return dict(self.options.batteries)
        return {
            battery: kept
            for battery, members in self.options.batteries.items()
            if (kept := tuple(member for member in members if member in names))
        }

    def _texts(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.columns.what_is_said(name).text for name in names}

    def _may_be_item(self, name: str) -> bool:
        if self.columns.what_is_said(name).role != "answer":
            return False
        column = self.columns[name]
        said = self.columns.what_is_said(name)
        text = self.options.texts.get(name, said.text)
        labelled = bool(said.labels or self.options.labels.get(name))
        found = weights_or_item(name, column, text, labelled, self.columns.order)
        if found == "weights":
            self.notes.append(
                f"'{name}' looks like weights and is not used; if it is, pass weights='{name}', if "
                f"it is an item, name its kind: kinds={{'{name}': 'continuous'}}"
            )
            return False
        if found == "item":
            self.notes.append(
                f"'{name}' has a name as weights have, and is taken as an item because of its "
                f"answers; if it holds weights, pass weights='{name}'"
            )
        return not numbers_rows(column)

    def _check_labels(self, names: Sequence[str]) -> None:
        """Refuse words for text where answers are numbers, or the other way: "1" is not 1."""
        for name, labels in self.options.labels.items():
            counts = self.columns.profiles[name].counts if name in names else {}
            kinds = [{isinstance(value, str) for value in some} for some in (labels, counts)]
            if all(kinds) and not kinds[0] & kinds[1]:
                shown = ", ".join(repr(value) for value in list(counts)[:6])
                message = (
                    f"labels['{name}'] = {reprlib.repr(dict(labels))}: expected words for the "
                    f"answers of the item, which are {shown}"
                )
                raise ParameterError(message, "labels")

    def _numbers_beside(self, groups: Sequence[Group]) -> dict[str, set[Any]]:
        """Return the whole numbers that the items of a battery hold together, by item."""
        found: dict[str, set[Any]] = {}
        for group in groups:
            if group.origin != "numbered":  # they may have nothing in common
                profiles = [self.columns.profiles[name] for name in group.members]
                numbers = {value for one in profiles if one.whole for value in one.counts}
                found |= dict.fromkeys(group.members, numbers)
        return found

    def _make_missing(self, name: str, group: str | None, beside: Collection[Any] = ()) -> None:
        """Make answers missing that are none, and refuse codes that may be such answers."""
        options, said, one = (
            self.options,
            self.columns.what_is_said(name),
            self.columns.profiles[name],
        )
        labels = {**said.labels, **(options.of(options.labels, name, group) or {})}
        levels = options.of(options.levels, name, group)
        absent = missing.absent_answers(one, group, labels, said.missing, options.missing, levels)
        kept = {value: word for value, word in labels.items() if value not in absent.values}
        self.columns.said[name] = replace(said, labels=kept)
        self.columns.dont_know[name] = absent.dont_know
        if absent.values:
            before = self.columns[name]
            column = blanked(before, absent.values)
            if column.null_count > before.null_count:
                self.columns.changed[name] = column
            one = profile(name, column) if one.many else without(one, absent.values)
            self.columns.profiles[name] = one
        for word, number in absent.in_words.items():
            self.refusals.setdefault(word, {})[name] = number
        if options.of(options.kinds, name, group) is None and levels is None:
            labelled = [value for value in kept if isinstance(value, int | float)]
            column, rows = self.columns[name], self.columns.rows
            error = missing.suspicious_code(one, column, rows, labelled, beside)
            if error is not None and said.measure is None:
                raise error

    def _note_refusals(self) -> None:
        for word, by_item in self.refusals.items():
            listed = ", ".join(f"{name} {number:,}" for name, number in list(by_item.items())[:6])
            more = f" and {len(by_item) - 6} more" if len(by_item) > 6 else ""
            self.notes.append(f"'{word}' was taken as missing: {listed}{more}")

    def _note_split(self, names: Iterable[str]) -> None:
        unasked = [f"'{name}'" for name in names if name not in self.options.kinds]
        if unasked:
            self.notes.append(
                f"cells of {', '.join(unasked)} were taken as several options each; if they are "
                "one answer, name its kind with kinds="
            )

    def _note_doubts(self, items: Mapping[str, Item], group_of: Mapping[str, str]) -> None:
        for name, item in items.items():
            group = group_of.get(name)
            asked = self.options.of(self.options.kinds, name, group) is not None
            words = any(isinstance(level, str) for level in item.levels or ())
            if item.kind == "nominal" and words and not asked:
                doubt = doubt_about(name, item.labels or ())
                self.notes += [] if doubt is None else [doubt]

    def _selected(self, found: dict[str, Item], group_of: Mapping[str, str]) -> dict[str, Item]:
        if self.options.items is None:
            if not found:
                what = self.source.what
                raise DataError(f"{what}: no column looks like an item; name them with items=")
            return found
        items: dict[str, Item] = {}
        for name in self.options.items:
            members = [name] if name in found else [m for m in found if group_of.get(m) == name]
            if not members:
                message = f"column '{name}': holds no answers; leave it out of items="
                raise DataError(message, name)
            items |= {member: found[member] for member in members}
        return items

    def _check_answers(self, items: Mapping[str, Item], group_of: Mapping[str, str]) -> None:
        """Refuse answers that are none of the levels that the caller names."""
        for name, item in items.items():
            given = self.options.of(self.options.levels, name, group_of.get(name))
            if given is None or item.kind == "multi-select":
                continue
            try:
                codes(self.columns[name], item)
            except DataError as error:
                if error.row is None:
                    raise
                row = int(self.columns.rows[error.row])
                message = str(error).replace(f"row {error.row}:", f"row {row}:", 1)
                raise DataError(message, name, row) from None
