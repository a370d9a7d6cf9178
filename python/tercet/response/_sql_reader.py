"""The condition of a SQL query as the tree of a segment, where it is one that a segment can say."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tercet import _arguments
from tercet.exceptions import ParameterError
from tercet.response._sql import sqlglot

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMPARED: Final = {"EQ": "==", "NEQ": "!=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def read(text: str, dialect: str) -> dict[str, Any]:
    """Return the tree of a condition.

    Raises
    ------
    ParameterError
        For text that is no SQL, and for what no segment can say; it quotes the part.
    """
    with _arguments.not_too_deep("sql"):
        return _read(text, dialect)


def _read(text: str, dialect: str) -> dict[str, Any]:
    exp = sqlglot()
    parse_one = importlib.import_module("sqlglot").parse_one
    errors = importlib.import_module("sqlglot.errors")
    try:
        expression = parse_one(text, dialect=dialect)
    except errors.SqlglotError as error:
        said = str(error).splitlines()[0]
        message = f"sql: cannot be read as {dialect} ({said}); give what follows WHERE"
        raise ParameterError(message, "sql") from error
    if isinstance(expression, exp.Query):
        message = "sql: is a whole query; give the condition that follows WHERE only"
        raise ParameterError(message, "sql")
    return _Reader(exp, dialect).condition(expression, turned=False)


class _Reader:
    def __init__(self, exp: Any, dialect: str) -> None:
        self._exp = exp
        self._dialect = dialect

    def _refuse(self, expression: Any, expected: str) -> NoReturn:
        message = f"sql: {expression.sql(dialect=self._dialect)}: expected {expected}"
        raise ParameterError(message, "sql")

    def condition(self, expression: Any, *, turned: bool) -> dict[str, Any]:
        """Return the tree of an expression; `turned` if it stands below a NOT."""
        exp = self._exp
        if isinstance(expression, exp.Paren):
            return self.condition(expression.this, turned=turned)
        for joined, word in ((exp.And, "all"), (exp.Or, "any")):
            if isinstance(expression, joined):
                parts = _flat(expression, joined)
                return {word: [self.condition(part, turned=turned) for part in parts]}
        if isinstance(expression, exp.Not):
            return self._negated(expression.this)
        if isinstance(expression, exp.Is) and isinstance(expression.expression, exp.Boolean):
            if turned or not expression.expression.this:
                expected = "IS TRUE outside of NOT: below it a segment cannot say the same"
                self._refuse(expression, expected)
            return self.condition(expression.this, turned=turned)
        if isinstance(expression, exp.Boolean):
            everyone: dict[str, Any] = {"everyone": True}
            return everyone if expression.this else {"not": everyone}
        if isinstance(expression, exp.Column):
            return {"column": self._name(expression), "==": True}
        return self._leaf(expression)

    def _negated(self, inner: Any) -> dict[str, Any]:
        exp = self._exp
        if isinstance(inner, exp.In):
            return {**self._leaf(inner, "not_in")}
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
            return {"column": self._name(inner.this), "is_missing": False}
        return {"not": self.condition(inner, turned=True)}

    def _leaf(self, expression: Any, among: str = "in") -> dict[str, Any]:
        exp = self._exp
        if isinstance(expression, exp.Is) and isinstance(expression.expression, exp.Null):
            return {"column": self._name(expression.this), "is_missing": True}
        if isinstance(expression, exp.In):
            values = [self._value(value) for value in expression.expressions]
            if not values:
                self._refuse(expression, "a list of values, not a query")
            return {"column": self._name(expression.this), among: values}
        if isinstance(expression, exp.Between):
            ends = [self._value(expression.args[end]) for end in ("low", "high")]
            return {"column": self._name(expression.this), "between": ends}
        if isinstance(expression, exp.Like):
            return self._like(expression)
        if isinstance(expression, exp.StartsWith | exp.EndsWith):
            word = "starts_with" if isinstance(expression, exp.StartsWith) else "ends_with"
            part = self._value(expression.expression)
            return {"column": self._name(expression.this), word: part}
        sign = type(expression).__name__
        if sign not in _COMPARED:
            expected = "a comparison, IN, BETWEEN, IS NULL or LIKE of a column and values"
            self._refuse(expression, expected)
        word = _COMPARED[sign]
        left, right = expression.this, expression.expression
        if self._is_value(left):
            left, right, word = right, left, _TURNED.get(word, word)
        return self._of_part(expression, left, word, right) or {
            "column": self._name(left),
            word: self._value(right),
        }

    def _of_part(self, whole: Any, left: Any, word: str, right: Any) -> dict[str, Any] | None:
        """Return a test of a part of a text, if it is one."""
        exp = self._exp
        if isinstance(left, exp.StrPosition):
            if word != ">" or self._value(right) != 0:
                self._refuse(whole, "a place above 0")
            return {"column": self._name(left.this), "contains": self._value(left.args["substr"])}
        if isinstance(left, exp.Left | exp.Right):
            part = self._value(right)
            same = isinstance(part, str) and self._value(left.expression) == len(part)
            if word != "==" or not same:
                self._refuse(whole, "as many characters as the text has that they are to be")
            test = "starts_with" if isinstance(left, exp.Left) else "ends_with"
            return {"column": self._name(left.this), test: part}
        return None

    def _like(self, expression: Any) -> dict[str, Any]:
        pattern = self._value(expression.expression)
        if isinstance(pattern, str):
            core = pattern.strip("%")
            plain = core and not set(core) & set("%_\\")
            first, last = pattern.startswith("%"), pattern.endswith("%")
            words = {(True, True): "contains", (False, True): "starts_with"}
            words |= {(True, False): "ends_with", (False, False): "=="}
            if plain:
                return {"column": self._name(expression.this), words[first, last]: core}
        return self._refuse(expression, "a pattern with % at its ends only")

    def _name(self, expression: Any) -> str:
        exp = self._exp
        if isinstance(expression, exp.Column):
            return str(expression.name)
        # What guards a column against NaN.
        if isinstance(expression, exp.Paren | exp.Nullif):
            return self._name(expression.this)
        if isinstance(expression, exp.Cast) and expression.is_type("double", "float"):
            return self._name(expression.this)
        if isinstance(expression, exp.If | exp.Case):
            columns = {column.name for column in expression.find_all(exp.Column)}
            if len(columns) == 1 and expression.find(exp.IsNan) is not None:
                return str(columns.pop())
        return self._refuse(expression, "the name of a column")

    def _is_value(self, expression: Any) -> bool:
        exp = self._exp
        if isinstance(expression, exp.Cast | exp.Neg | exp.Paren):
            return self._is_value(expression.this)
        return isinstance(expression, exp.Literal | exp.Boolean | exp.Null)

    def _value(self, expression: Any) -> Any:
        exp = self._exp
        if isinstance(expression, exp.Paren):
            return self._value(expression.this)
        if isinstance(expression, exp.Literal):
            text = expression.this
            return text if expression.is_string else _number(text)
        if isinstance(expression, exp.Boolean):
            return bool(expression.this)
        if isinstance(expression, exp.Neg):
            # The least whole number of 64 bits is the negative of one that has more.
            if expression.this.name == str(2**63):
                return -(2**63)
            return -self._value(expression.this)
        inner = expression.this
        if isinstance(expression, exp.Cast) and isinstance(inner, exp.Literal) and inner.is_string:
            return self._time(expression, str(inner.this))
        return self._refuse(expression, "a number, text, TRUE, FALSE, a date or a time")

    def _time(self, expression: Any, text: str) -> Mapping[str, str]:
        if expression.is_type("date"):
            return {"date": text}
        if expression.is_type("timestamp", "timestampntz", "datetime"):
            return {"time": text.replace(" ", "T")} if len(text) > 10 else {"date": text}
        return self._refuse(expression, "a date, or a time without a zone")


def _number(text: str) -> float:
    """Return a number; one of more than 64 bits is the float that it was written for."""
    text = f"0{text}" if text.startswith(".") else text
    json_text = text.replace(".e", ".0e").replace(".E", ".0E") + ("0" if text.endswith(".") else "")
    value: float = json.loads(json_text)
    if abs(value) > sys.float_info.max:  # also of a whole number without end
        text = text if len(text) < 30 else f"{text[:12]}... ({len(text)} digits)"
        reason = "is greater than every number that a column holds; leave the comparison out"
        raise ParameterError(f"sql: {text} {reason}", "sql")
    return float(value) if abs(value) >= 2**63 and int(float(value)) == value else value


def _flat(expression: Any, joined: Any) -> list[Any]:
    """Return what is joined by one connective, without parentheses between, in order."""
    parts, waiting = [], [expression]
    while waiting:
        one = waiting.pop()
        if isinstance(one, joined):
            waiting += [one.expression, one.this]
        else:
            parts.append(one)
    return parts
