"""A segment in words, which are read back as they are written.

Names are those of columns; text stands in quotes, numbers and dates do not, so that a word is
always a name or one of the language's own.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tercet import _arguments
from tercet._snapshots.duration import Duration
from tercet.exceptions import ParameterError
from tercet.response._tree import span_of, test_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEGINNING: Final = "Customers where "
_NAME: Final = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
# Words that may stand where a column does: a column of such a name stands in backticks.
_WORDS: Final = frozenset(
    ("all", "and", "any", "customers", "everyone", "false", "in", "is", "not", "or", "true")
)
_COMPARED: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
}
_DATED: Final = {
    "==": "is on",
    "!=": "is not on",
    "<": "is before",
    "<=": "is on or before",
    ">": "is after",
    ">=": "is on or after",
}
_OF_TEXT: Final = {"contains": "contains", "starts_with": "starts with", "ends_with": "ends with"}


def write(tree: Mapping[str, Any]) -> str:
    """Return a tree in words."""
    return f"{_BEGINNING}{_group(tree)}."


def _group(tree: Mapping[str, Any]) -> str:
    """Return a condition that stands alone, or in parentheses."""
    for word, joint in (("all", " and "), ("any", " or ")):
        if word in tree:
            parts = tree[word]
            if len(parts) == 1:
                return f"{word} of ({_group(parts[0])})"
            return joint.join(_part(part) for part in parts)
    return _part(tree)


def _part(tree: Mapping[str, Any]) -> str:
    """Return a condition among others."""
    if "all" in tree or "any" in tree:
        several = len(tree.get("all", tree.get("any", ()))) > 1
        return f"({_group(tree)})" if several else _group(tree)
    if "not" in tree:
        inner = tree["not"]
        return f"not {_part(inner)}" if "segment" in inner else f"not ({_group(inner)})"
    if "segment" in tree:
        return f"in segment {_value(tree['segment'])}"
    if "everyone" in tree:
        return "everyone"
    return f"{_name(tree['column'])} {_test(*test_of(tree))}"


def _test(word: str, value: Any) -> str:
    if word in _COMPARED:
        words = _DATED if isinstance(value, dict) else _COMPARED
        return f"{words[word]} {_value(value)}"
    if word in ("in", "not_in"):
        return f"is {'one' if word == 'in' else 'none'} of {_list(value)}"
    if word == "between":
        return f"is from {_value(value[0])} to {_value(value[1])}"
    if word == "is_missing":
        return "is missing" if value else "is known"
    if word in _OF_TEXT:
        return f"{_OF_TEXT[word]} {_value(value)}"
    span = span_of(word, value).words
    if word.startswith("within"):
        return f"is in the last {span}"
    return f"is in the next {span}" if word.startswith("next") else f"is more than {span} ago"


def _list(values: list[Any]) -> str:
    texts = [_value(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("date") or value["time"])
    return json.dumps(value, ensure_ascii=False)


def _name(column: str) -> str:
    if _NAME.match(column) and column.lower() not in _WORDS:
        return column
    return "`" + column.replace("`", "``") + "`"


_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*")
    | `(?P<quoted>(?:[^`]|``)+)`
    | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>[(),])
    )""",
    re.VERBOSE | re.DOTALL,
)


def read(sentence: str) -> dict[str, Any]:
    """Return the tree that a sentence says.

    Raises
    ------
    ParameterError
        For a sentence that is none; it says where it stops being one.
    """
    reader = _Reader(sentence)
    with _arguments.not_too_deep("sentence"):
        tree = reader.whole()
    if reader.kind:
        reader.refuse("'and', 'or' or the end of the sentence")
    return tree


class _Reader:
    """A sentence, read word by word."""

    def __init__(self, sentence: str) -> None:
        text = sentence.strip()
        self._text = text[:-1] if text.endswith(".") else text
        self._next = 0
        self._advance()
        beginning = self._place
        if not (self._takes("customers") and self._takes("where")):
            self._next = beginning
            self._advance()

    def _advance(self) -> None:
        """Go to the next token: its place, its kind, and what it says."""
        rest = self._text[self._next :]
        self._place = self._next + len(rest) - len(rest.lstrip())
        found = _TOKEN.match(self._text, self._next)
        if found is None:
            self.kind, self._said = ("", "") if not rest.strip() else ("strange", rest.strip()[0])
            return
        self.kind = str(found.lastgroup)
        self._said = str(found[self.kind])
        self._next = found.end()

    def refuse(self, expected: str) -> NoReturn:
        """Raise the error for what stands here."""
        here = self._text[self._place :]
        before = self._text[: self._place].rstrip()[-40:]
        shown = repr(here[:40]) if here else "the end"
        after = f" after {before!r}" if before else ""
        message = f"sentence: {shown}{after} at character {self._place}: expected {expected}"
        raise ParameterError(message, "sentence")

    def _is(self, word: str) -> bool:
        return self.kind in ("word", "sign") and self._said.lower() == word

    def _takes(self, *words: str) -> bool:
        """Go past words if they stand here; all of them or none."""
        before = (self._next, self._place, self.kind, self._said)
        for word in words:
            if not self._is(word):
                self._next, self._place, self.kind, self._said = before
                return False
            self._advance()
        return True

    def _needs(self, *words: str) -> None:
        if not self._takes(*words):
            self.refuse(f"'{' '.join(words)}'")

    def whole(self) -> dict[str, Any]:
        """Read conditions that are joined by "and", or by "or"."""
        parts = [self._part()]
        joint = next((word for word in ("and", "or") if self._is(word)), None)
        if joint is None:
            return parts[0]
        while self._takes(joint):
            parts.append(self._part())
        if self._is("and") or self._is("or"):
            self.refuse(f"'{joint}', or parentheses: 'and' and 'or' do not mix without them")
        return {"all" if joint == "and" else "any": parts}

    def _part(self) -> dict[str, Any]:
        if self._takes("("):
            inside = self.whole()
            self._needs(")")
            return inside
        if self._takes("not"):
            return {"not": self._part()}
        if self._takes("everyone"):
            return {"everyone": True}
        for word in ("all", "any"):
            if self._takes(word, "of", "("):
                inside = self.whole()
                self._needs(")")
                return {word: [inside]}
        if self._takes("in", "segment"):
            return {"segment": self._literal()}
        if self.kind == "quoted":
            column = self._said.replace("``", "`")
        elif self.kind == "word" and self._said.lower() not in _WORDS:
            column = self._said
        else:
            self.refuse("a column, 'not', '(', 'everyone' or 'in segment'")
        self._advance()
        return {"column": column, **self._test()}

    def _test(self) -> dict[str, Any]:
        for word, words in _OF_TEXT.items():
            if self._takes(*words.split()):
                return {word: self._literal()}
        self._needs("is")
        simple = {"missing": True, "known": False}
        for said, missing in simple.items():
            if self._takes(said):
                return {"is_missing": missing}
        for said, word in (("one", "in"), ("none", "not_in")):
            if self._takes(said, "of"):
                return {word: self._values()}
        if self._takes("from"):
            low = self._literal()
            self._needs("to")
            return {"between": [low, self._literal()]}
        for said, word in (("last", "within"), ("next", "next")):
            if self._takes("in", "the", said):
                return {word: self._span()}
        if self._takes("more", "than"):
            span = self._span()
            self._needs("ago")
            return {"older_than": span}
        # The longer words first: "is on or before" begins as "is on".
        compared = [*_DATED.items(), *_COMPARED.items()]
        for word, words in sorted(compared, key=lambda item: -len(item[1])):
            rest = words.split()[1:]
            if rest and self._takes(*rest):
                return {word: self._literal()}
        return {"==": self._literal()}

    def _span(self) -> str:
        if self.kind != "number":
            self.refuse("a length of time, as 90 days")
        count = self._said
        self._advance()
        if self.kind != "word":
            self.refuse("a unit of time, as days")
        span = f"{count} {self._said}"
        self._advance()
        return Duration.of(span, "sentence").label

    def _values(self) -> list[Any]:
        values = [self._literal()]
        while True:
            if self._takes(","):
                values.append(self._literal())
            elif self._is("or") and self._literal_follows():
                self._advance()
                values.append(self._literal())
            else:
                return values

    def _literal_follows(self) -> bool:
        """Whether the word after this one is a value, not the beginning of a condition."""
        found = _TOKEN.match(self._text, self._next)
        if found is None:
            return False
        kind = str(found.lastgroup)
        return kind in ("text", "number", "date", "time") or found[kind].lower() in (
            "true",
            "false",
        )

    def _literal(self) -> Any:
        said, kind = self._said, self.kind
        value: Any
        if kind == "text":
            try:
                value = json.loads(said, strict=False)
            except ValueError:
                self.refuse("text in quotes, with \\ before a quote or a \\ in it")
        elif kind == "number":
            value = json.loads(said)
        elif kind in ("date", "time"):
            value = {kind: said}
        elif kind == "word" and said.lower() in ("true", "false"):
            value = said.lower() == "true"
        else:
            self.refuse('a value: a number, "text" in quotes, a date as 2025-01-31, true or false')
        self._advance()
        return value
