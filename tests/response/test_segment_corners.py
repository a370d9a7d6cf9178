"""Corners where a rule and its SQL could part: wide numbers, decimals, clocks, depth, quotes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import expressions as exp

import tercet as tc

FLOATS_END = 2**53
SIGNS = ("==", "!=", "<", "<=", ">", ">=")


def parted(
    customers: pa.Table, trees: list[dict[str, Any]], as_of: str = "2025-06-01", zone: str = "UTC"
) -> list[Any]:
    """Return the rules whose members are others in DuckDB than here, of a table or a relation."""
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{zone}'")
    connection.register("arrow", customers)
    connection.execute("CREATE TABLE t AS SELECT * FROM arrow")
    relation = connection.table("t")
    found = []
    for tree in trees:
        segment = tc.Segment("s", tree)
        condition = segment.sql("duckdb", customers=relation, as_of=as_of)
        rows = connection.execute(f"SELECT coalesce(({condition}), false) FROM t").fetchall()
        theirs = [bool(row[0]) for row in rows]
        ours = segment.members(customers, as_of).tolist()
        if not theirs == ours == segment.members(relation, as_of).tolist():
            found.append((tree, condition, ours, theirs))
    return found


def compared(values: list[Any]) -> list[dict[str, Any]]:
    """Every comparison of the column `a` with some values."""
    return [{"column": "a", sign: value} for sign in SIGNS for value in values]


def test_whole_numbers_beside_floats_of_their_size():
    end = FLOATS_END
    values = [end - 1, end, end + 1, end + 2, 2**63 - 1, -(2**63), -(2**63) + 1, -end - 1, None]
    whole = pa.table({"a": pa.array(values, pa.int64())})
    asked = [end, end + 1, float(end), float(end + 2), -float(end), 0.5, 1e18, 1e19]
    trees = compared([*asked, 2.0**63, -(2.0**63), 2**63 - 1, -(2**63)])
    trees += [
        {"column": "a", "in": [float(end), 0.5]},
        {"column": "a", "not_in": [-float(end)]},
        {"column": "a", "between": [0.5, float(end)]},
    ]
    assert parted(whole, trees) == []
    exact = tc.Segment("s", {"column": "a", "==": float(end)})
    assert np.flatnonzero(exact.members(whole)).tolist() == [1]


@pytest.mark.parametrize("dialect", ["postgres", "duckdb", "spark", "bigquery"])
@pytest.mark.parametrize(
    "value", [2.0**53, -(2.0**53), 2.0**63, -(2.0**63), 1e19, 2.0**64, -(2**63), 1e300, -0.0]
)
def test_large_floats_are_read_back(dialect, value):
    segment = tc.Segment("s", {"column": "a", "==": value})
    text = segment.sql(dialect)
    again = tc.Segment.from_sql("s", text, dialect)
    assert again.where["=="] == value
    assert again.sql(dialect) == text


def test_unsigned_numbers_of_64_bits_are_compared_as_floats():
    end = FLOATS_END
    for values in ([2**64 - 1, end, end + 1, None, 2**63], [1, end, end + 1]):
        unsigned = pa.table({"a": pa.array(values, pa.uint64())})
        assert parted(unsigned, compared([end, end + 1, 2**63 - 1, float(end), 2.0**63])) == []


@pytest.mark.parametrize(("precision", "scale"), [(10, 2), (15, 4), (18, 4), (38, 0), (38, 18)])
def test_decimals(precision, scale):
    rng = np.random.default_rng(1)
    step = Decimal(1).scaleb(-scale)
    some = rng.integers(-(10 ** min(precision, 16)), 10 ** min(precision, 16), 400)
    values = [Decimal(int(n)) * step for n in some] + [Decimal(35) * step, Decimal(29) * step]
    if precision == 38:
        values += [Decimal(FLOATS_END), Decimal(FLOATS_END + 1)]
    decimals = pa.table({"a": pa.array([*values, None], pa.decimal128(precision, scale))})
    asked = [float(value) for value in values[::25]] + [float(values[-1]), float(35 * step), 3]
    assert parted(decimals, compared([*asked, FLOATS_END, FLOATS_END + 1])) == []
    for place in (0, 100, 400, 401):
        segment = tc.Segment("s", {"column": "a", "==": float(values[place])})
        assert segment.members(decimals)[place]


def test_a_price_is_its_price():
    prices = pa.table({"a": pa.array([Decimal("0.35"), Decimal("0.29")], pa.decimal128(10, 2))})
    assert tc.Segment("s", {"column": "a", "==": 0.35}).members(prices).tolist() == [True, False]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units_of_time(unit):
    midnight = dt.datetime(2025, 6, 1)
    values = [midnight, midnight - dt.timedelta(seconds=1), None, dt.datetime(1960, 1, 1)]
    times = pa.table({"a": pa.array([*values, dt.datetime(2025, 3, 3)], pa.timestamp(unit))})
    trees = compared([midnight, midnight.date()])
    trees += [{"column": "a", "within_days": 90}, {"column": "a", "next": "36h"}]
    assert parted(times, trees) == []


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("America/Sao_Paulo", "2018-11-04"),  # This day begins at one.
        ("America/Sao_Paulo", "2018-02-18"),  # The hour before it comes twice.
        ("America/Havana", "2025-11-02"),  # Its first hour comes twice.
        ("Africa/Cairo", "2025-04-25"),
        ("Pacific/Apia", "2011-12-30"),  # A day that never was.
        ("Asia/Kathmandu", "2025-06-01"),
        ("Australia/Lord_Howe", "2025-04-06"),
    ],
)
def test_days_that_begin_late_or_twice(zone, around):
    middle = np.datetime64(around, "us")
    steps = np.arange(-36 * 4, 36 * 4) * np.timedelta64(15, "m")
    instants = pa.array(middle + steps).cast(pa.timestamp("us", tz="UTC"))
    customers = pa.table({"a": instants.cast(pa.timestamp("us", tz=zone))})
    days = [(middle + np.timedelta64(k, "D")).astype("datetime64[D]").item() for k in (-1, 0, 1)]
    trees = compared(days)
    trees += [{"column": "a", word: 1} for word in ("within_days", "older_than_days", "next_days")]
    assert parted(customers, trees, around, zone) == []


def test_an_as_of_time_with_a_zone_is_that_of_the_columns():
    zone = ZoneInfo("Europe/Oslo")
    instants = pa.array([dt.datetime(2025, 5, 31, 22, 30, tzinfo=dt.UTC)] * 2)
    customers = pa.table({"a": instants.cast(pa.timestamp("us", tz="Europe/Oslo"))})
    segment = tc.Segment("s", {"column": "a", "within_days": 1})
    as_of = dt.datetime(2025, 6, 1, 1, tzinfo=zone)
    assert segment.members(customers, as_of).tolist() == [True, True]
    found = segment.sql(customers=customers, as_of=as_of)
    assert found == segment.sql(customers=customers, as_of="2025-06-01 01:00:00")
    with pytest.raises(tc.ParameterError, match="without a zone"):
        segment.sql(as_of=as_of)


def test_what_is_nested_in_itself_or_too_deeply():
    deep: dict[str, Any] = {"column": "a", "==": 1}
    for _ in range(5_000):
        deep = {"not": deep}
    endless: dict[str, Any] = {}
    endless["not"] = endless
    for tree in (deep, endless):
        with pytest.raises(tc.ParameterError, match="where: is nested too deeply"):
            tc.Segment("s", tree)
    for opening, closing in (("(", ")"), ("not ", "")):
        with pytest.raises(tc.ParameterError, match="sentence: is nested too deeply"):
            tc.Segment.from_sentence("s", f"{opening * 5_000}a is 1{closing * 5_000}")
        with pytest.raises(tc.ParameterError, match="sql: is nested too deeply"):
            tc.Segment.from_sql("s", f"{opening * 5_000}a = 1{closing * 5_000}")


@pytest.mark.parametrize("depth", [31, 32, 33, 130, 300])
@pytest.mark.parametrize("word", ["not", "all", "any"])
def test_what_is_just_deep_enough_comes_back_from_everywhere(word, depth, tmp_path):
    tree: dict[str, Any] = {"column": "a", "in": [dt.date(2025, 6, 1)]}
    for _ in range(depth - 1):
        tree = {word: tree} if word == "not" else {word: [tree]}
    if depth > 32:
        with pytest.raises(tc.ParameterError, match=r"where.*at most 32 levels"):
            tc.Segment("s", tree)
        return
    segment = tc.Segment("s", tree)
    assert tc.Segment.from_sentence("s", segment.sentence()) == segment
    assert tc.Segment.from_dict(segment.to_dict()) == segment
    book = tc.SegmentBook([segment])
    book.save(tmp_path / "book.json")
    assert tc.load(tmp_path / "book.json") == book
    assert segment.sql().count("NOT") == (depth - 1 if word == "not" else 0)


@pytest.mark.parametrize("text", ["${env:HOME}", "a\\${x}", "$${x}}", "${"])
def test_spark_puts_no_settings_into_text(text):
    written = tc.Segment("s", {"column": "a", "==": text}).sql("spark")
    assert "${" not in written
    literal = sqlglot.parse_one(written, dialect="spark").find(exp.Literal)
    assert literal is not None
    assert literal.this == text


@pytest.mark.parametrize(
    ("dialect", "bad"),
    [
        ("spark", ["a${x}", "", "a\nb"]),
        ("bigquery", ["a`b", "a.b", "a\\", "a\nb"]),
        ("duckdb", ["", "a\0b"]),
        ("postgres", ["a\nb"]),
    ],
)
def test_names_that_cannot_be_quoted(dialect, bad):
    segment = tc.Segment("s", {"column": "a", "==": 1})
    frozen = tc.SegmentBook([segment]).freeze("s", {"customer_id": ["x"], "a": [1]}, "2025-01-01")
    for name in bad:
        with pytest.raises(tc.ParameterError, match="rename the table"):
            segment.sql(dialect, table=name)
        with pytest.raises(tc.ParameterError, match="rename the column"):
            frozen.sql("s", dialect, customer=name)


@pytest.mark.parametrize("dialect", ["postgres", "duckdb", "spark", "bigquery"])
def test_ids_of_segments_and_of_customers_stay_what_they_are(dialect):
    """Ids of segments are not in the SQL at all; those of frozen customers are literals."""
    hostile = "x') OR 1=1; DROP TABLE customers; --"
    ids = [hostile, "\\", "${x}", '"', "`"]
    book = tc.SegmentBook(
        [tc.Segment(hostile, {"column": "n", ">": 1}), tc.Segment("w", {"segment": hostile})]
    )
    plain = book.sql("w", dialect)
    assert "DROP" not in plain
    book = book.freeze(hostile, {"customer_id": ids, "n": [2] * 5}, "2025-01-01")
    parsed = sqlglot.parse(book.sql("w", dialect, table=hostile.replace("\\", "")), dialect=dialect)
    assert len(parsed) == 1
    assert parsed[0] is not None
    literals = [one.this for one in parsed[0].find_all(exp.Literal)]
    assert sorted(literals) == sorted(ids)
    assert [one.name for one in parsed[0].find_all(exp.Column)] == ["customer_id"]
