"""Columns become items, question by question: batteries, options, and what stands alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tercet._columns import column_error
from tercet._survey import ticks
from tercet._survey.groups import Group, split_by
from tercet._survey.item import Item
from tercet._survey.kinds import Nature, Words, nature_of
from tercet._survey.profile import Profile, pooled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._survey.columns import Columns
    from tercet._survey.options import Options

# With fewer answers an item may well miss half of its scale by chance.
_SMALL: Final = 100


class Questions:
    """What the columns of a survey say about its items.

    Columns of options become 0 and 1 on the way.
    """

    def __init__(self, columns: Columns, options: Options, group_of: Mapping[str, str]) -> None:
        self.columns = columns
        self.options = options
        self.group_of = group_of
        # Questions with "don't know" among their levels: nobody can say where it belongs.
        self.unordered: set[str] = set()

    def items(self, names: Sequence[str], groups: Sequence[Group]) -> dict[str, Item]:
        """Return the items of a survey, in the order of the columns."""
        for members in self._asked_together(names, groups):
            self._settle_dont_know(members)
        found: dict[str, Item] = {}
        for group in groups:
            found |= self._items_of(group)
        for name in names:
            if name not in found:
                found |= self._single(name)
        return {name: found[name] for name in names if name in found}

    def _asked_together(
        self, names: Sequence[str], groups: Sequence[Group]
    ) -> list[tuple[str, ...]]:
        """Return the columns of each question; numbered ones are one if they share labels."""
        parts = [group.members for group in groups if group.origin != "numbered"]
        by_labels: dict[object, list[str]] = {}
        for name in names:
            if not any(name in members for members in parts):
                labels = tuple(sorted(self._labels(name).values()))
                by_labels.setdefault(
                    (self.group_of.get(name), labels) if labels else name, []
                ).append(name)
        return [*parts, *map(tuple, by_labels.values())]

    def _settle_dont_know(self, members: Sequence[str]) -> None:
        """Make "don't know" a level of all of a question if anybody said so, of none if nobody."""
        profiles, said = self.columns.profiles, self.columns.said
        kept = {name: self.columns.dont_know.get(name, frozenset()) for name in members}
        anybody = any(profiles[name].counts.get(value) for name in members for value in kept[name])
        for name in members:
            if anybody:
                self.unordered.add(name)
            elif kept[name]:
                words = self.columns.what_is_said(name)
                left = {
                    value: word for value, word in words.labels.items() if value not in kept[name]
                }
                said[name] = replace(words, labels=left)

    def _items_of(self, group: Group) -> dict[str, Item]:
        kinds = {self.options.of(self.options.kinds, name, group.name) for name in group.members}
        if group.origin == "set" or kinds == {"multi-select"}:
            return self._options(group)
        if group.origin == "numbered":
            found: dict[str, Item] = {}
            for run in split_by(group, [self._rating_key(name) for name in group.members]):
                found |= self._battery(run)
            return found
        if kinds == {None} and ticks.are_options(
            [self.columns.profiles[name] for name in group.members],
            {name: self._text(name) for name in group.members},
            {name: self._labels(name) for name in group.members},
        ):
            return self._options(group)
        return self._battery(group)

    def _options(self, group: Group) -> dict[str, Item]:
        """Return the options of a question with several answers."""
        profiles = [self.columns.profiles[name] for name in group.members]
        if group.origin != "set":
            for one in profiles:
                ticks.check_option(one)
        already = all(set(one.values) <= {0, 1} for one in profiles)
        if not (already and any(0 in one.counts for one in profiles)):
            columns = {name: self.columns[name] for name in group.members}
            for name, column in ticks.ticked(columns).items():
                self.columns[name] = column
        return {
            name: Item(
                name,
                "multi-select",
                self._text(name),
                (0, 1),
                labels=ticks.TICK_LABELS,
                battery=group.name,
            )
            for name in group.members
        }

    def _battery(self, group: Group) -> dict[str, Item]:
        """Return the items of a battery: of one nature where their answers allow it."""
        own = [name for name in group.members if self._is_told_apart(name)]
        shared = [name for name in group.members if name not in own]
        common = self._common_nature(group, shared) if shared else None
        natures = {name: self._nature(name) for name in own}
        if common is None:
            natures |= {name: self._nature(name) for name in shared}
        else:
            natures |= dict.fromkeys(shared, common)
        together = group.origin == "declared" or common is not None or self._alike(natures)
        battery = group.name if together else None
        return {
            name: nature.item(name, self._text(name), battery)
            for name in group.members
            if (nature := natures[name]) is not None
        }

    def _common_nature(self, group: Group, names: Sequence[str]) -> Nature | None:
        """Return what a battery's items are together; None where each has to be looked at alone."""
        profiles = [self.columns.profiles[name] for name in names]
        labels = [self._labels(name) for name in names]
        measures = {self.columns.what_is_said(name).measure for name in names}
        both = pooled(group.name, profiles)
        if both is None or len(measures) > 1 or any(one != labels[0] for one in labels):
            return None
        words = Words(
            self.options.kinds.get(group.name),
            measures.pop(),
            self.options.levels.get(group.name),
            labels[0],
        )
        if words.kind is None and self.unordered.intersection(names):
            return None
        nature = nature_of(both, words)
        told = words.kind is not None or words.levels is not None or bool(labels[0])
        told = told or (group.origin == "declared" and nature is not None and both.type == "number")
        if nature is None or (not told and not self._belong(both, nature, profiles)):
            return None
        if nature.kind == "nominal" and not told:
            return None
        return nature

    def _belong(self, both: Profile, nature: Nature, profiles: Sequence[Profile]) -> bool:
        """Whether unlabelled columns that were pooled look like answers to one scale."""
        if both.type == "text":
            return nature.kind == "ordinal"
        for one in profiles:
            if one.n_answers < _SMALL:
                continue
            if nature.kind == "ordinal" and 2 * len(one.chosen) < len(both.chosen):
                return False
            if nature.kind == "continuous" and self._guess(one.name) != "continuous":
                return False
        return True

    def _alike(self, natures: Mapping[str, Nature | None]) -> bool:
        """Whether items that were looked at alone have the same answers all the same."""
        found = list(natures.values())
        first = found[0]
        if first is None or first.kind not in ("nominal", "ordinal"):
            return False
        return all(
            one is not None and one.kind == first.kind and one.levels == first.levels
            for one in found
        )

    def _single(self, name: str) -> dict[str, Item]:
        if self.options.of(self.options.kinds, name, self.group_of.get(name)) == "multi-select":
            return self._options(Group(name, (name,), "declared"))
        nature = self._nature(name)
        return {} if nature is None else {name: nature.item(name, self._text(name), None)}

    def _nature(self, name: str) -> Nature | None:
        group = self.group_of.get(name)
        one = self.columns.profiles[name]
        words = Words(
            self.options.of(self.options.kinds, name, group),
            self.columns.what_is_said(name).measure,
            self.options.of(self.options.levels, name, group),
            self._labels(name),
        )
        if not one.n_answers and words.levels is None:
            if name in self.options.kinds:
                reason = "holds no answers; leave it out of kinds=, or give its levels="
                raise column_error(name, reason)
            return None
        found = nature_of(one, words)
        if name in self.unordered and words.kind is None and found and found.kind == "ordinal":
            found = nature_of(one, replace(words, kind="nominal"))
        if found is None and name in (self.options.items or ()):
            if one.type == "other":
                reason = "holds no text, numbers or true/false; leave it out of items="
                raise column_error(name, reason)
            found = nature_of(one, Words("nominal", None, None, words.labels))
        return found

    def _guess(self, name: str) -> str | None:
        found = nature_of(
            self.columns.profiles[name],
            Words(None, self.columns.what_is_said(name).measure, None, {}),
        )
        return None if found is None else found.kind

    def _rating_key(self, name: str) -> object:
        """Return what numbered columns must have in common to be a battery: scale and labels."""
        nature = self._nature(name)
        if nature is None or nature.kind != "ordinal" or self.options.kinds.get(name) is not None:
            return None
        return nature.levels, nature.labels

    def _is_told_apart(self, name: str) -> bool:
        return name in self.options.kinds or name in self.options.levels

    def _text(self, name: str) -> str:
        own = self.options.texts.get(name) or self.columns.what_is_said(name).text
        battery = self.options.texts.get(self.group_of.get(name, ""))
        return f"{battery} - {own or name}" if battery else own

    def _labels(self, name: str) -> dict[Any, str]:
        return dict(self.columns.what_is_said(name).labels)
