"""What a caller says about a survey: checked once, in the words of the arguments."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tercet import _arguments
from tercet._survey.item import ITEM_KINDS, MOST_LEVELS, ItemKind
from tercet._survey.missing import MissingRule
from tercet._survey.profile import plain
from tercet.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

DontKnow: TypeAlias = Literal["missing", "level"]
BadWeights: TypeAlias = Literal["error", "drop"]


@dataclass(frozen=True)
class Options:
    """What the caller says of a survey's columns; names are those of columns or of batteries."""

    items: tuple[str, ...] | None
    kinds: Mapping[str, ItemKind]
    levels: Mapping[str, tuple[Any, ...]]
    labels: Mapping[str, Mapping[Any, str]]
    texts: Mapping[str, str]
    batteries: Mapping[str, tuple[str, ...]]
    respondent: str | None
    weights: str | Literal[False] | None
    duration: str | None
    missing: MissingRule
    drop_bad_weights: bool

    @classmethod
    def checked(
        cls,
        *,
        items: Any = None,
        kinds: Any = None,
        levels: Any = None,
        labels: Any = None,
        texts: Any = None,
        batteries: Any = None,
        respondent: Any = None,
        weights: Any = None,
        duration: Any = None,
        missing: Any = None,
        dont_know: Any = "missing",
        bad_weights: Any = "error",
    ) -> Options:
        """Return the arguments, or refuse one in its own name."""
        by_kind = _mapping(kinds, "kinds", "a mapping from items to kinds")
        for name, kind in by_kind.items():
            if not isinstance(kind, str) or kind not in ITEM_KINDS:
                listed = ", ".join(f'"{one}"' for one in ITEM_KINDS)
                raise _refusal(kind, "kinds", name, f"one of {listed}")
        word = _arguments.word(dont_know, "dont_know", ("missing", "level"))
        return cls(
            None if items is None else _names(items, "items"),
            by_kind,
            {
                name: _levels(name, some)
                for name, some in _mapping(levels, "levels", _LEVELS).items()
            },
            {
                name: _labels(name, some)
                for name, some in _mapping(labels, "labels", _LABELS).items()
            },
            _texts(texts),
            {
                name: _names(members, "batteries", name)
                for name, members in _mapping(batteries, "batteries", _BATTERIES).items()
            },
            _column(respondent, "respondent"),
            False if weights is False else _column(weights, "weights"),
            _column(duration, "duration"),
            MissingRule.of(missing, word),
            _arguments.word(bad_weights, "bad_weights", ("error", "drop")) == "drop",
        )

    def of(self, what: Mapping[str, Any], name: str, group: str | None) -> Any:
        """Return what the caller says of an item, or else of the battery that it is in."""
        return what.get(name, None if group is None else what.get(group))

    def check_names(self, known: Iterable[str]) -> None:
        """Refuse a name that is neither a column nor a battery."""
        names = list(known)
        said: dict[str, Mapping[str, Any]] = {
            "kinds": self.kinds,
            "levels": self.levels,
            "labels": self.labels,
            "texts": self.texts,
            "missing": self.missing.by_item,
        }
        for argument, mapping in said.items():
            for name in mapping:
                if name not in names:
                    message = (
                        f"{argument} = {{'{name}': ...}}: expected an item or a battery of the "
                        f"survey{guess(name, names)}"
                    )
                    raise ParameterError(message, argument)


_LEVELS = "a mapping from items to their levels, lowest first"
_LABELS = "a mapping from items to mappings from values to words"
_BATTERIES = "a mapping from batteries to lists of items"


def guess(name: str, names: Iterable[str]) -> str:
    """Return "; did you mean ...?" if one of some names is near."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def missing_column(name: str, names: Sequence[str], argument: str, what: str) -> DataError:
    """Return the error for a column that a survey lacks."""
    shown = ", ".join(f"'{one}'" for one in names[:12]) + (", ..." if len(names) > 12 else "")
    message = (
        f"column '{name}': is missing from the {what}{guess(name, names)}; it has "
        f"{shown or 'no columns'}: name the right one with {argument}="
    )
    return DataError(message, name)


def _mapping(value: Any, parameter: str, expected: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _arguments.refusal(value, parameter, expected)
    return dict(value)


def _refusal(value: Any, argument: str, key: str, expected: str) -> ParameterError:
    message = f"{argument}['{key}'] = {reprlib.repr(value)}: expected {expected}"
    return ParameterError(message, argument)


def _names(value: Any, parameter: str, key: str | None = None) -> tuple[str, ...]:
    expected = "a list of different columns' names"
    wrong = (
        _arguments.refusal(value, parameter, expected)
        if key is None
        else _refusal(value, parameter, key, expected)
    )
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise wrong
    names = tuple(value)
    if (
        not names
        or not all(isinstance(name, str) for name in names)
        or len(set(names)) < len(names)
    ):
        raise wrong
    return names


def _column(value: Any, parameter: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _arguments.refusal(value, parameter, "a column's name")
    return value


def _levels(name: str, value: Any) -> tuple[Any, ...]:
    expected = f"a list of 2 to {MOST_LEVELS} different levels, lowest first"
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise _refusal(value, "levels", name, expected)
    levels = tuple(plain(_scalar(level)) for level in value)
    if not 2 <= len(set(levels)) == len(levels) <= MOST_LEVELS:
        raise _refusal(value, "levels", name, expected)
    return levels


def _labels(name: str, value: Any) -> dict[Any, str]:
    if not isinstance(value, Mapping):
        raise _refusal(value, "labels", name, "a mapping from values to words")
    return {plain(_scalar(level)): str(word) for level, word in value.items()}


def _texts(value: Any) -> dict[str, str]:
    texts = _mapping(value, "texts", "a mapping from items to what was asked")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise _refusal(text, "texts", name, "text")
    return texts


def _scalar(value: Any) -> Any:
    """Return a NumPy scalar as Python's own."""
    return value.item() if hasattr(value, "item") else value
