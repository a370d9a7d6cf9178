"""One segment: a rule that is evaluated, written as SQL, said in words, and read back from both."""

from __future__ import annotations

import copy
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from tercet import _arguments, _display, _tercet
from tercet.exceptions import ModelFileError, ParameterError
from tercet.response import _sentence, _sql, _sql_reader
from tercet.response._rule_columns import check_as_of, read_columns
from tercet.response._tree import replaced, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from tercet._time import TimeLike
    from tercet.response._sql import Dialect
    from tercet.response.segment_book import SegmentBook

__all__ = ["Segment"]


class Segment:
    """A segment of customers: one definition, as data.

    A definition is a tree of conditions. Conditions on a missing value (null, NaN) are unknown, as
    in SQL: `not` leaves them unknown, and a member is who the whole is true of. Dates are whole
    days; windows that count from `as_of` include their first instant and exclude their last one.

    Parameters
    ----------
    id : str
        What other segments call it.
    where : mapping
        The tree of conditions:

        - `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}`: conditions together;
        - `{"column": "orders", ">=": 2}`: a column and one test of it, which is `==`, `!=`, `<`,
          `<=`, `>`, `>=` (text and truth values know the first two), `in` and `not_in` (a list),
          `between` (two values, both included), `is_missing` (True or False), `contains`,
          `starts_with` and `ends_with` (text), `within_days`, `older_than_days` and `next_days`
          (whole numbers), or `within`, `older_than` and `next` (lengths of time: "6mo", "1y");
        - `{"segment": "other"}`: whether the customer is a member of another segment;
        - `{"everyone": True}`.

        Values are numbers, text, truth values, dates and datetimes (as JSON: `{"date":
        "2025-01-31"}`, `{"time": "2025-01-31T10:00:00"}`).
    version : int
        Counts how often the definition has changed, from 1.
    description : str
        What it is for.

    Attributes
    ----------
    id, version, description
        As given.
    where : dict
        The tree, each condition in its one form.

    Raises
    ------
    ParameterError
        For a tree that is none; it names the place: "where.all[2].in".

    See Also
    --------
    SegmentBook : many segments together.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> segment = tc.Segment.from_dict(
    ...     {
    ...         "id": "nordic_repeat",
    ...         "where": {
    ...             "all": [
    ...                 {"column": "country", "in": ["NO", "SE"]},
    ...                 {"column": "orders", ">=": 2},
    ...                 {"column": "last", "within_days": 90},
    ...             ]
    ...         },
    ...     }
    ... )
    >>> customers = {
    ...     "country": ["NO", "SE", "DK", None],
    ...     "orders": [3, 1, 5, 4],
    ...     "last": np.array(["2025-05-01"] * 4, dtype="datetime64[D]"),
    ... }
    >>> segment.members(customers, as_of="2025-06-01")
    array([ True, False, False, False])
    >>> segment.sentence()
    'Customers where country is one of "NO" or "SE" and orders is at least 2 and last is in...'
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - its name in a definition
        where: Mapping[str, Any],
        *,
        version: int = 1,
        description: str = "",
    ) -> None:
        self._read({"id": id, "where": where, "version": version, "description": description})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a definition.

        Parameters
        ----------
        values : mapping
            With "id" and "where", and perhaps "version" and "description".

        Raises
        ------
        ParameterError
            For a definition that is none; it names the place.
        """
        made = cls.__new__(cls)
        made._read(values)
        return made

    @classmethod
    def from_sql(
        cls,
        id: str,  # noqa: A002
        sql: str,
        dialect: Dialect = "duckdb",
        *,
        description: str = "",
    ) -> Self:
        """Read the condition of a SQL query.

        What follows WHERE, of comparisons of columns with values, IN, BETWEEN, IS NULL, LIKE with %
        at its ends, AND, OR and NOT. Columns that are compared with dates are taken for columns of
        dates.

        Parameters
        ----------
        id : str
            The segment's id.
        sql : str
            The condition.
        dialect : {"duckdb", "postgres", "spark", "bigquery"}
            Whose SQL it is.
        description : str
            What the segment is for.

        Raises
        ------
        ParameterError
            For what is no SQL, or what no segment can say; it quotes the part.
        TercetError
            If the package sqlglot is not installed.

        Examples
        --------
        >>> import tercet as tc
        >>> tc.Segment.from_sql("big", "spend >= 100 AND country IN ('NO', 'SE')").where["all"][0]
        {'column': 'spend', '>=': 100}
        """
        checked = _arguments.word(dialect, "dialect", _sql.DIALECTS)
        if not isinstance(sql, str):
            raise _arguments.refusal(sql, "sql", "text: what follows WHERE")
        return cls(id, _sql_reader.read(sql, checked), description=description)

    @classmethod
    def from_sentence(
        cls,
        id: str,  # noqa: A002
        sentence: str,
        *,
        description: str = "",
    ) -> Self:
        """Read a definition in words, as `sentence` writes them.

        Parameters
        ----------
        id : str
            The segment's id.
        sentence : str
            The words. Columns' names stand as they are, or in backticks; text stands in quotes.
        description : str
            What the segment is for.

        Raises
        ------
        ParameterError
            For words that are no definition; it says where.

        Examples
        --------
        >>> import tercet as tc
        >>> tc.Segment.from_sentence("new", "since is in the last 30 days").where
        {'column': 'since', 'within_days': 30}
        """
        if not isinstance(sentence, str):
            raise _arguments.refusal(sentence, "sentence", "text")
        return cls(id, _sentence.read(sentence), description=description)

    def _read(self, values: Any) -> None:
        text = to_json(values)
        try:
            found = _tercet.read_segment(text)
        except ModelFileError:
            # The text is whole, as we wrote it; but readers of JSON stop at a depth.
            raise _arguments.too_deep("where") from None
        self._json: str = found["json"]
        content = json.loads(self._json)
        self.id: str = content["id"]
        self.version: int = content["version"]
        self.description: str = content["description"]
        self.where: dict[str, Any] = replaced(content["where"], _column_first)
        self._columns: list[tuple[str, str, str | None]] = found["columns"]
        self._references: list[tuple[str, str]] = found["references"]
        self._relative: str | None = found["relative"]

    @cached_property
    def columns(self) -> dict[str, str | None]:
        """What each column must hold: "number", "text", "truth", "time", or None for anything."""
        return {name: kind for name, _, kind in self._columns}

    @cached_property
    def references(self) -> list[str]:
        """The ids of the segments that it refers to."""
        return list(dict.fromkeys(other for other, _ in self._references))

    @property
    def needs_as_of(self) -> bool:
        """Whether it counts from the as-of date."""
        return self._relative is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as plain values, which `from_dict` reads.

        Returns
        -------
        dict
            "id", "version", "description" and "where".
        """
        return {
            "id": self.id,
            "version": self.version,
            "description": self.description,
            "where": copy.deepcopy(self.where),
        }

    def members(
        self,
        customers: Any,
        as_of: TimeLike | None = None,
        *,
        book: SegmentBook | Iterable[Segment] | None = None,
        customer: str = "customer_id",
        n_jobs: int | None = None,
    ) -> NDArray[np.bool_]:
        """Say which customers are members.

        Parameters
        ----------
        customers : table
            One row a customer: a pandas or polars frame (lazy too), a pyarrow table, a DuckDB
            relation or a mapping of arrays. Only the columns that the rule asks for are read.
        as_of : str, date, datetime, numpy.datetime64, optional
            The date that windows count from; a date is the first instant of its day. Times with a
            zone count on the local clock of that zone.
        book : SegmentBook or list of Segment, optional
            Where the segments are that it refers to.
        customer : str
            The column of ids; only needed where it refers to a frozen segment.
        n_jobs : int, optional
            Threads; None or -1 for all cores.

        Returns
        -------
        numpy.ndarray
            True or False for each row.

        Raises
        ------
        DataError
            For a column that is missing or of a type that no rule reads.
        ParameterError
            For a test of another kind than its column, and for windows without `as_of`.
        """
        from tercet.response.segment_book import SegmentBook

        whole = SegmentBook.around(self, book)
        return whole.evaluate(customers, as_of, customer=customer, n_jobs=n_jobs).members(self.id)

    def sql(
        self,
        dialect: Dialect = "duckdb",
        *,
        as_of: TimeLike | None = None,
        customers: Any = None,
        table: str | None = None,
        book: SegmentBook | Iterable[Segment] | None = None,
        customer: str = "customer_id",
    ) -> str:
        """Write the condition that follows WHERE in a query for the members.

        Parameters
        ----------
        dialect : {"duckdb", "postgres", "spark", "bigquery"}
            Whose SQL.
        as_of : str, date, datetime, numpy.datetime64, optional
            The date that windows count from; they are written as fixed dates.
        customers : table, optional
            The table, or one of the same columns and types; its rows are not read. Dates and times
            are then written as what the column holds, and NaN, which databases take for a number
            above all others, is made null. Without it dates are written as dates, and columns of
            numbers are taken to hold no NaN.
        table : str, optional
            The table's name or alias, put before the columns' names.
        book : SegmentBook or list of Segment, optional
            Where the segments are that it refers to.
        customer : str
            The column of ids; only needed where it refers to a frozen segment.

        Returns
        -------
        str
            The condition. All names and values are quoted by the dialect's rules.

        Raises
        ------
        ParameterError
            For windows without `as_of`, and for a test of another kind than its column.
        TercetError
            If the package sqlglot is not installed.

        Examples
        --------
        >>> import tercet as tc
        >>> recent = tc.Segment("recent", {"column": "last", "within_days": 90})
        >>> print(recent.sql("postgres", as_of="2025-06-01"))
        "last" >= CAST('2025-03-03' AS DATE) AND "last" < CAST('2025-06-01' AS DATE)
        """
        from tercet.response.segment_book import SegmentBook

        whole = SegmentBook.around(self, book)
        return whole.sql(
            self.id, dialect, as_of=as_of, customers=customers, table=table, customer=customer
        )

    def sentence(self) -> str:
        """Say the definition in words, which `from_sentence` reads.

        Returns
        -------
        str
            A sentence.
        """
        return _sentence.write(self.where)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and self._json == other._json

    def __hash__(self) -> int:
        return hash(self._json)

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return type(self).from_dict, (self.to_dict(),)

    def __repr__(self) -> str:
        said = f"Segment {self.id!r}, version {self.version}"
        described = f": {self.description}" if self.description else ""
        return f"{said}{described}\n  {self.sentence()}"

    def _repr_html_(self) -> str:
        lines = repr(self).split("\n", 1)
        return (
            "<div>" + "".join(f"<p>{_display.code(line.strip())}</p>" for line in lines) + "</div>"
        )


def _column_first(leaf: Mapping[str, Any]) -> dict[str, Any]:
    """Return a condition with its column before its test."""
    return {key: leaf[key] for key in sorted(leaf, key=lambda key: key != "column")}


def read_segments(values: Any, parameter: str = "segments") -> list[Segment]:
    """Return segments, of which some may be given as their definitions."""
    if isinstance(values, Segment | str) or not hasattr(values, "__iter__"):
        raise _arguments.refusal(values, parameter, "a list of segments")
    found = []
    for place, value in enumerate(values):
        if isinstance(value, Segment):
            found.append(value)
            continue
        try:
            found.append(Segment.from_dict(value))
        except ParameterError as error:
            raise ParameterError(f"{parameter}[{place}]: {error}", error.parameter) from error
    return found


def read_customers(
    segments: Iterable[Segment], customers: Any, as_of: Any, customer: str | None
) -> Any:
    """Read what segments ask of a table of customers."""
    paths: dict[str, str] = {}
    several = None
    for segment in segments:
        check_as_of(as_of, segment._relative)
        for name, path, _ in segment._columns:
            paths.setdefault(name, path if several is None else f"segment {segment.id!r}, {path}")
        several = segment
    return read_columns(customers, paths, customer)
