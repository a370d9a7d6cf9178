"""Segments as SQL: DuckDB finds the same members, and nothing gets out of its quotes."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import expressions as exp

import tercet as tc

DIALECTS = ("postgres", "duckdb", "spark", "bigquery")
AS_OF = "2025-06-01"


def test_small_floats_are_compared_as_what_they_are(edges, database, selected):
    customers = database.table("t")
    for value in (0.1, 2.5, 0.30000001192092896):
        segment = tc.Segment("s", {"column": "small", "==": value})
        condition = segment.sql("duckdb", customers=customers)
        assert selected(condition) == segment.members(edges).tolist(), condition


def test_without_a_table_dates_are_dates_and_nan_is_not_looked_for(edges, selected):
    tree = {"all": [{"column": "day", "within_days": 90}, {"column": "orders", ">=": 2}]}
    segment = tc.Segment("s", tree)
    condition = segment.sql(as_of=AS_OF)
    assert "NaN" not in condition
    assert selected(condition) == segment.members(edges, AS_OF).tolist()


def test_nanoseconds_are_within_their_microsecond():
    customers = pd.DataFrame(
        {"t": pd.to_datetime(["2025-06-01 12:30:00.000000500", "2025-06-01 12:30:00.000001"])}
    )
    customers["t"] = customers["t"].astype("datetime64[ns]")
    connection = duckdb.connect()
    relation = connection.from_arrow(pa.Table.from_pandas(customers))
    relation.create("ns")
    for sign in ("==", "<=", ">", "!="):
        segment = tc.Segment("s", {"column": "t", sign: dt.datetime(2025, 6, 1, 12, 30)})
        condition = segment.sql("duckdb", customers=connection.table("ns"))
        rows = connection.execute(f"SELECT {condition} FROM ns").fetchall()
        assert [row[0] for row in rows] == segment.members(customers).tolist(), sign


@pytest.mark.parametrize(
    ("dialect", "quote", "name"),
    [
        ("duckdb", '"', "O''Neil"),
        ("postgres", '"', "O''Neil"),
        ("spark", "`", "O\\'Neil"),
        ("bigquery", "`", "O\\'Neil"),
    ],
)
def test_dialects(dialect, quote, name):
    tree = {
        "all": [
            {"column": "a b", "in": ["O'Neil"]},
            {"not": {"column": "n", ">": -2.5}},
            {"column": "d", ">=": dt.date(2025, 6, 1)},
        ]
    }
    expected = (
        f"'t'.'a b' IN (#{name}#) AND NOT ('t'.'n' > -2.5) "
        "AND 't'.'d' >= CAST(#2025-06-01# AS DATE)"
    )
    for part in ("t", "a b", "n", "d"):
        expected = expected.replace(f"'{part}'", f"{quote}{part}{quote}")
    found = tc.Segment("s", tree).sql(dialect, table="t")
    assert found == expected.replace("#", "'")


@pytest.mark.parametrize(
    ("dialect", "types"),
    [
        ("duckdb", ("DATE", "TIMESTAMP", "TIMESTAMPTZ")),
        ("postgres", ("DATE", "TIMESTAMP", "TIMESTAMPTZ")),
        ("spark", ("DATE", "TIMESTAMP", "TIMESTAMP")),
        ("bigquery", ("DATE", "DATETIME", "TIMESTAMP")),
    ],
)
def test_times_are_written_as_the_column_holds_them(dialect, types, edges):
    for column, kind in zip(("day", "time", "instant"), types, strict=True):
        segment = tc.Segment("s", {"column": column, "within_days": 1})
        condition = segment.sql(dialect, as_of=AS_OF, customers=edges)
        assert condition.count(f" AS {kind})") == 2, condition
    instant = tc.Segment("s", {"column": "instant", ">=": dt.date(2025, 6, 1)})
    assert "'2025-05-31 22:00:00+00:00'" in instant.sql(dialect, customers=edges)


HOSTILE = [
    "'; DROP TABLE customers; --",
    "\\'; DROP TABLE customers; --",
    "\\",
    '"',
    "`",
    "') OR 1=1 --",
    "/* */ OR TRUE",
    "a\nb\t\r",
    "${x} {{ x }} %s ?",
    "\u2019\u02bc\uff07",
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_gets_out_of_its_quotes(dialect, hostile):
    tests = (
        {"==": hostile},
        {"in": [hostile, "x"]},
        {"contains": hostile},
        {"starts_with": hostile},
    )
    for test in tests:
        condition = tc.Segment("s", {"column": "note", **test}).sql(dialect)
        parsed = sqlglot.parse(condition, dialect=dialect)
        assert len(parsed) == 1
        literals = [one.this for one in parsed[0].find_all(exp.Literal) if one.is_string]
        assert hostile in literals
        assert {one.name for one in parsed[0].find_all(exp.Column)} == {"note"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_duckdb_reads_hostile_text_as_text(hostile):
    connection = duckdb.connect()
    connection.execute("CREATE TABLE notes (note VARCHAR)")
    connection.execute("INSERT INTO notes VALUES (?), ('x'), (NULL)", [hostile])
    condition = tc.Segment("s", {"column": "note", "==": hostile}).sql("duckdb")
    assert connection.execute(f"SELECT note FROM notes WHERE {condition}").fetchall() == [
        (hostile,)
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ['a"b', "a'; --", "a.b", "select", "a`b", "a\\"])
def test_names_of_columns_stay_names(dialect, name):
    segment = tc.Segment("s", {"column": name, "==": 1})
    if dialect == "bigquery" and set(name) & set("`.\\"):
        with pytest.raises(tc.ParameterError, match="BigQuery has no such names"):
            segment.sql(dialect)
        return
    parsed = sqlglot.parse_one(segment.sql(dialect), dialect=dialect)
    assert [one.name for one in parsed.find_all(exp.Column)] == [name]


@pytest.mark.parametrize(
    ("sql", "tree"),
    [
        ("2 <= orders", {"column": "orders", ">=": 2}),
        ("opted_in", {"column": "opted_in", "==": True}),
        ("NOT opted_in", {"not": {"column": "opted_in", "==": True}}),
        ("a LIKE 'x%'", {"column": "a", "starts_with": "x"}),
        ("a LIKE '%x'", {"column": "a", "ends_with": "x"}),
        ("a LIKE '%x%'", {"column": "a", "contains": "x"}),
        ("a IS NOT NULL", {"column": "a", "is_missing": False}),
        ("d > DATE '2025-01-31'", {"column": "d", ">": {"date": "2025-01-31"}}),
        (
            "d = TIMESTAMP '2025-01-31 10:00:00'",
            {"column": "d", "==": {"time": "2025-01-31T10:00:00"}},
        ),
        ("x <> -.5", {"column": "x", "!=": -0.5}),
        (
            "(a = 1 OR b = 2) AND TRUE",
            {
                "all": [
                    {"any": [{"column": "a", "==": 1}, {"column": "b", "==": 2}]},
                    {"everyone": True},
                ]
            },
        ),
    ],
)
def test_sql_by_hand(sql, tree):
    assert tc.Segment.from_sql("s", sql).where == tree


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, ".5E999"])
def test_numbers_beyond_all_numbers_are_refused(number):
    for condition in (f"a > {number}", f"a IN (1, {number})"):
        with pytest.raises(tc.ParameterError, match="greater than every number"):
            tc.Segment.from_sql("s", condition)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("a = = 1", "cannot be read as duckdb"),
        ("SELECT * FROM t WHERE a = 1", "is a whole query"),
        ("a > b", "a number, text"),
        ("a IN (SELECT 1)", "not a query"),
        ("lower(a) = 'x'", "the name of a column"),
        ("a LIKE 'x_y'", "with % at its ends only"),
        ("NOT ((a = 1) IS TRUE)", "outside of NOT"),
        ("count(*) OVER () > 1", "the name of a column"),
        ("a BETWEEN b AND 2", "a number, text"),
        ("t > TIMESTAMPTZ '2025-01-01 00:00:00+01'", "a time without a zone"),
        ("a = 'x'; DROP TABLE t", "sql"),
    ],
)
def test_sql_that_no_segment_can_say(sql, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.Segment.from_sql("s", sql)


def test_arguments_of_sql(edges):
    segment = tc.Segment("s", {"column": "day", "within_days": 3})
    with pytest.raises(tc.ParameterError, match=r"where\.within_days counts from it"):
        segment.sql()
    with pytest.raises(tc.ParameterError, match='one of "postgres"'):
        segment.sql("oracle", as_of=AS_OF)
    with pytest.raises(
        tc.ParameterError, match="takes column 'day' for numbers, but it holds dates"
    ):
        tc.Segment("s", {"column": "day", ">": 3}).sql(customers=edges)
    with pytest.raises(tc.DataError, match="where asks for it"):
        tc.Segment("s", {"column": "days", ">": 3}).sql(customers=edges)
    with pytest.raises(tc.ParameterError, match="what follows WHERE"):
        tc.Segment.from_sql("s", 3)


def test_a_table_of_any_kind_tells_its_types(edges):
    edges = edges.select(["amount", "day"])
    segment = tc.Segment(
        "s", {"all": [{"column": "amount", ">": 1}, {"column": "day", "==": dt.date(2025, 6, 1)}]}
    )
    expected = segment.sql(customers=edges)
    assert "NULLIF" in expected
    assert "\"day\" = CAST('2025-06-01' AS DATE)" in expected
    for customers in (pl.from_arrow(edges), pl.from_arrow(edges).lazy(), duckdb.from_arrow(edges)):
        assert segment.sql(customers=customers) == expected
    mapping = {"amount": np.array([1.0]), "day": np.array(["2025-01-01"], "datetime64[D]")}
    assert segment.sql(customers=mapping) == expected


def test_without_sqlglot_the_remedy_is_told(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sqlglot.expressions", None)
    with pytest.raises(tc.TercetError, match=r"pip install 'tercet\[sql\]'"):
        tc.Segment("s", {"everyone": True}).sql()


def test_long_rules_are_written():
    many = {"any": [{"column": "orders", "==": k} for k in range(3_000)]}
    segment = tc.Segment("s", many)
    condition = segment.sql()
    assert condition.count(" OR ") == 2_999
    assert tc.Segment.from_sql("s", condition) == segment


@pytest.mark.parametrize(
    "tree",
    [
        {"column": "e", "==": "a"},
        {"column": "e", "==": "no level"},
        {"column": "e", "not_in": ["no level", "a"]},
        {"column": "e", "contains": "b"},
        {"column": "h", ">": 4},
        {"column": "s", "between": [-1, 2.5]},
    ],
)
def test_duckdbs_own_types(tree):
    connection = duckdb.connect()
    connection.execute("CREATE TYPE level AS ENUM ('a', 'b')")
    connection.execute("CREATE TABLE own (e level, h HUGEINT, s TINYINT)")
    largest = 2**127 - 1
    rows = [("a", 5, 2), (None, None, None), ("b", largest, 3), ("b", 4, -2)]
    connection.executemany("INSERT INTO own VALUES (?, ?, ?)", rows)
    segment = tc.Segment("s", tree)
    condition = segment.sql(customers=connection.table("own"))
    found = connection.execute(f"SELECT coalesce({condition}, false) FROM own").fetchall()
    assert [row[0] for row in found] == segment.members(connection.table("own")).tolist()
