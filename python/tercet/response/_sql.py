"""A segment as the condition of a SQL query: sqlglot's expressions, printed in each dialect.

Nothing is put together as text: names and values become expressions, and sqlglot quotes them by
the rules of the dialect.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import narwhals as nw
import numpy as np

from tercet import _arguments
from tercet._frames import scan_table
from tercet._snapshots.clock import Clock
from tercet._snapshots.duration import DAY
from tercet._time import Times
from tercet.exceptions import ParameterError, TercetError
from tercet.response._rule_columns import WHAT
from tercet.response._tree import RELATIVE, span_of, test_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Dialect: TypeAlias = Literal["postgres", "duckdb", "spark", "bigquery"]
DIALECTS: Final = ("postgres", "duckdb", "spark", "bigquery")

_COMPARED: Final = {"==": "EQ", "!=": "NEQ", "<": "LT", "<=": "LTE", ">": "GT", ">=": "GTE"}
# So many digits, and so many places, are a float exactly; a longer number is written with an
# exponent, which makes it a float before it is compared.
_DIGITS: Final = 15
_PLACES: Final = 22
# A whole float of at most so many bits is written as the whole number that it is, so that whole
# numbers next to it, which are no floats, are told from it.
_BITS: Final = {"bigquery": 63}
_MOST_BITS: Final = 126


def sqlglot() -> Any:
    """Return sqlglot's expressions.

    Raises
    ------
    TercetError
        If it is not installed.
    """
    try:
        return importlib.import_module("sqlglot.expressions")
    except ImportError as error:
        message = "SQL needs the package 'sqlglot'; install it with: pip install 'tercet[sql]'"
        raise TercetError(message) from error


@dataclass(frozen=True)
class Schema:
    """What is known of the columns' types; nothing where no table was given.

    Attributes
    ----------
    types : dict or None
        narwhals' types by column.
    """

    types: dict[str, Any] | None = None

    @classmethod
    def of(cls, customers: Any, paths: Mapping[str, str], kinds: Mapping[str, str]) -> Schema:
        """Return the types of the columns that rules ask for.

        Raises
        ------
        DataError
            For a column that the table lacks.
        ParameterError
            For a column of another kind than a rule takes it for.
        """
        if customers is None:
            return cls()
        remedies = {name: f"{path} asks for it" for name, path in paths.items()}
        scan = scan_table(customers, {name: name for name in paths}, (), WHAT, remedies)
        schema = scan.frame.collect_schema()
        for name, kind in kinds.items():
            held = _kind_of(schema[name])
            if held is not None and held != kind:
                message = (
                    f"{paths[name]}: takes column '{name}' for {_KINDS[kind]}, but it holds "
                    f"{_KINDS[held]}; correct the rule, or convert the column"
                )
                raise ParameterError(message, paths[name])
        return cls({name: schema[name] for name in paths})

    def of_column(self, name: str) -> Any:
        """Return a column's type; None where it is not known."""
        return None if self.types is None else self.types[name]

    def clocks(self) -> list[Clock]:
        """Return the clocks of columns of times, of which an as-of time with a zone must be one."""
        times = {
            name: dtype
            for name, dtype in (self.types or {}).items()
            if dtype == nw.Date or dtype == nw.Datetime
        }
        return [
            Clock(column=name)
            if dtype == nw.Date
            else Clock(zone=dtype.time_zone, timed=True, column=name)
            for name, dtype in times.items()
        ]


_KINDS: Final = {
    "number": "numbers",
    "text": "text",
    "truth": "true/false values",
    "time": "dates or times",
}


def _kind_of(dtype: Any) -> str | None:
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "truth"
    if dtype == nw.Date or dtype == nw.Datetime:
        return "time"
    return "text" if dtype in (nw.String, nw.Categorical, nw.Enum) else None


@dataclass(frozen=True)
class Writer:
    """What is needed to write conditions.

    Attributes
    ----------
    dialect : str
        The dialect.
    as_of : int or None
        In microseconds of the local clock.
    schema : Schema
        The columns' types.
    table : str or None
        What stands before the columns' names.
    segments : callable
        Returns the expression of a segment that is referred to.
    """

    dialect: str
    as_of: int | None
    schema: Schema
    table: str | None
    segments: Callable[[str], Any]
    exp: Any = field(default_factory=sqlglot)

    def text(self, expression: Any) -> str:
        """Return an expression in the dialect."""
        text = str(expression.sql(dialect=self.dialect))
        # Spark puts settings and variables of the environment in place of ${...}, also within
        # quotes; it reads a backslash before the brace as the brace alone. No name has one.
        return text.replace("${", "$\\{") if self.dialect == "spark" else text

    def condition(self, tree: Mapping[str, Any]) -> Any:
        """Return a tree as an expression."""
        exp = self.exp
        for word, joined in (("all", exp.And), ("any", exp.Or)):
            if word in tree:
                parts = tree[word]
                if len(parts) == 1:
                    return self.condition(parts[0])
                return self._joined([self._part(part) for part in parts], joined)
        if "not" in tree:
            return exp.Not(this=exp.Paren(this=self.condition(tree["not"])))
        if "segment" in tree:
            return self.is_true(self.segments(tree["segment"]))
        return exp.true() if "everyone" in tree else self._leaf(tree)

    def is_true(self, expression: Any) -> Any:
        """Return whether an expression is true: false, not unknown, where a value is missing."""
        exp = self.exp
        return exp.Is(this=exp.Paren(this=expression), expression=exp.true())

    def listed(self, column: str, values: Sequence[Any]) -> Any:
        """Return whether a column is one of some values; nothing is one of none."""
        exp = self.exp
        if not len(values):
            return exp.false()
        return exp.In(this=self._column(column), expressions=[self._plain(v) for v in values])

    def _part(self, tree: Mapping[str, Any]) -> Any:
        expression = self.condition(tree)
        connected = isinstance(expression, self.exp.And | self.exp.Or)
        return self.exp.Paren(this=expression) if connected else expression

    def _joined(self, parts: Sequence[Any], joined: Any) -> Any:
        """Join conditions as a tree of small depth, so that a thousand of them can be printed."""
        if len(parts) == 1:
            return parts[0]
        found, *others = parts
        for part in others:
            found = joined(this=found, expression=part)
        return found

    def _leaf(self, tree: Mapping[str, Any]) -> Any:
        exp, name = self.exp, tree["column"]
        word, value = test_of(tree)
        if word == "is_missing":
            missing = exp.Is(this=self._operand(name), expression=exp.null())
            return missing if value else exp.Not(this=missing)
        if word in RELATIVE:
            return self._between_bounds(name, *self._window(RELATIVE[word], word, value))
        if _is_time(value):
            return self._of_time(name, word, value)
        if word in ("contains", "starts_with", "ends_with"):
            return self._of_text(name, word, value)
        if word == "between":
            low, high = (self._plain(end) for end in value)
            return exp.Between(this=self._operand(name), low=low, high=high)
        if word in ("in", "not_in"):
            among = exp.In(this=self._operand(name), expressions=[self._plain(v) for v in value])
            return among if word == "in" else exp.Not(this=among)
        comparison = getattr(exp, _COMPARED[word])
        return comparison(this=self._operand(name), expression=self._plain(value))

    def _column(self, name: str) -> Any:
        self._check_name(name, "column")
        if self.table is not None:
            self._check_name(self.table, "table")
        return self.exp.column(name, table=self.table, quoted=True)

    def _check_name(self, name: str, what: str) -> None:
        """Refuse a name that no quotes of the dialect can hold."""
        said = {"bigquery": "BigQuery", "spark": "Spark"}.get(self.dialect, self.dialect)
        marks = {"bigquery": ("`", ".", "\\"), "spark": ("${",)}.get(self.dialect, ())
        reason = f"{said} has no such names"
        if not name or any(ord(character) < 32 for character in name):
            reason = "expected text without line breaks"
        elif not any(mark in name for mark in marks):
            return
        raise ParameterError(f"{what} {name!r}: {reason}; rename the {what}", "dialect")

    def _operand(self, name: str) -> Any:
        """Return a column; NaN, which databases sort above all numbers, becomes null.

        Numbers of more digits than a float or a whole number of 64 bits has are compared as floats,
        as they are here.
        """
        column, exp = self._column(name), self.exp
        dtype = self.schema.of_column(name)
        if dtype is not None and _is_wide(dtype):
            return exp.cast(column, "double")
        if dtype is None or not dtype.is_float():
            return column
        if dtype == nw.Float32:
            column = exp.cast(column, "double")
        if self.dialect == "bigquery":
            return exp.func("IF", exp.IsNan(this=column), exp.null(), column.copy())
        return exp.Nullif(this=column, expression=exp.cast(exp.Literal.string("NaN"), "double"))

    def _plain(self, value: Any) -> Any:
        exp = self.exp
        if isinstance(value, bool):
            return exp.true() if value else exp.false()
        if isinstance(value, str):
            return exp.Literal.string(value)
        bits = _BITS.get(self.dialect, _MOST_BITS)
        number = exp.Literal.number(_digits(abs(value), bits))
        return exp.Neg(this=number) if value < 0 else number

    def _of_text(self, name: str, word: str, value: str) -> Any:
        exp, text = self.exp, self.exp.Literal.string(value)
        if word == "contains":
            place = exp.StrPosition(this=self._operand(name), substr=text)
            return exp.GT(this=place, expression=exp.Literal.number(0))
        end = exp.Left if word == "starts_with" else exp.Right
        part = end(this=self._operand(name), expression=exp.Literal.number(len(value)))
        return exp.EQ(this=part, expression=text)

    def _window(self, kind: str, word: str, value: Any) -> tuple[int | None, int | None]:
        span = span_of(word, value)
        if self.as_of is None:
            raise _arguments.refusal(None, "as_of", f"a date: {word} counts from it")
        if kind == "within":
            return span.before(self.as_of), self.as_of
        if kind == "next":
            return self.as_of, span.after(self.as_of)
        return None, span.before(self.as_of)

    def _of_time(self, name: str, word: str, value: Any) -> Any:
        exp = self.exp
        if word in ("in", "not_in"):
            parts = [self._of_time(name, "==", one) for one in value]
            wrapped = [exp.Paren(this=p) if isinstance(p, exp.And) else p for p in parts]
            among = self._joined(wrapped, exp.Or)
            return among if word == "in" else exp.Not(this=exp.Paren(this=among))
        first, last = value if word == "between" else (value, value)
        low, high = _stretch(first)[0], _stretch(last)[1]
        exact = self._exact(name, first)
        if exact is not None and exact[1] is not None and word != "between":
            comparison = getattr(exp, _COMPARED[word])
            return comparison(this=self._column(name), expression=exact[1])
        bounds = {"==": (low, high), "between": (low, high), ">=": (low, None), "<": (None, low)}
        bounds |= {"<=": (None, high), ">": (high, None)}
        if word == "!=":
            below = self._between_bounds(name, None, low)
            return exp.Or(this=below, expression=self._between_bounds(name, high, None))
        return self._between_bounds(name, *bounds[word])

    def _exact(self, name: str, value: Mapping[str, str]) -> tuple[int, Any] | None:
        """Return a bound that a column's values may equal: a date of dates, a time of times."""
        dtype = self.schema.of_column(name)
        low, high = _stretch(value)
        if dtype == nw.Date:
            return (low, self._bound(name, low)) if "date" in value else None
        fine = dtype is not None and dtype == nw.Datetime and dtype.time_unit == "ns"
        return None if fine or high - low > 1 else (low, self._bound(name, low))

    def _between_bounds(self, name: str, low: int | None, high: int | None) -> Any:
        """Return low <= column < high."""
        exp, parts = self.exp, []
        if low is not None:
            parts.append(exp.GTE(this=self._column(name), expression=self._bound(name, low)))
        if high is not None:
            parts.append(exp.LT(this=self._column(name), expression=self._bound(name, high)))
        return self._joined(parts, exp.And)

    def _bound(self, name: str, tick: int) -> Any:
        """Return a time as a value of the column's type."""
        exp, dtype = self.exp, self.schema.of_column(name)
        if dtype == nw.Date:
            # Between two midnights a date is what it is at the later one.
            return exp.cast(exp.Literal.string(_date_text(-(-tick // DAY) * DAY)), "date")
        if dtype is None and tick % DAY == 0:
            return exp.cast(exp.Literal.string(_date_text(tick)), "date")
        if dtype is not None and dtype == nw.Datetime and dtype.time_zone is not None:
            local = np.datetime64(tick, "us").astype(object)
            zone = Times(np.empty(0, dtype=np.int64), "microsecond", dtype.time_zone, instants=True)
            text = _time_text(zone.start(local, "as_of")) + "+00:00"
            return exp.cast(exp.Literal.string(text), "timestamptz")
        return exp.cast(exp.Literal.string(_time_text(tick)), "timestamp")


def _is_time(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict)


def _stretch(value: Mapping[str, str]) -> tuple[int, int]:
    """Return the first tick of a date or time, and the first one after it."""
    if "date" in value:
        start = int(np.datetime64(value["date"], "us").astype(np.int64))
        return start, start + DAY
    start = int(np.datetime64(value["time"], "us").astype(np.int64))
    return start, start + 1


def _date_text(tick: int) -> str:
    return str(np.datetime64(tick, "us").astype("datetime64[D]"))


def _time_text(tick: int) -> str:
    unit: Literal["us", "s"] = "us" if tick % 10**6 else "s"
    text = np.datetime_as_string(np.datetime64(tick, "us"), unit=unit)
    return str(text).replace("T", " ")


def _is_wide(dtype: Any) -> bool:
    """Whether a column may hold numbers that are read as the nearest floats."""
    if dtype == nw.Decimal:
        return int(getattr(dtype, "precision", None) or 38) > _DIGITS
    return dtype in (nw.UInt64, nw.Int128, nw.UInt128)


def _digits(value: float, bits: int) -> str:
    """Return a number that is read as the same float."""
    text = repr(value)
    if isinstance(value, int):
        return text
    if value.is_integer() and value < 2.0**bits:
        return str(int(value))
    plain = re.fullmatch(r"(\d+)\.(\d+)", text)
    short = plain and len((plain[1] + plain[2]).lstrip("0")) <= _DIGITS and len(plain[2]) <= _PLACES
    if short:
        return text
    return text if "e" in text else f"{text}e0"
