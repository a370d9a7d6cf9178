"""Trees of every form: evaluated, as SQL in DuckDB, and in words they are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tercet as tc

AS_OF = "2025-06-01"
TEXTS = [
    "NO",
    "SE",
    "",
    "O'Brien",
    'a "quoted" \\ one',
    "x'; DROP TABLE t; --",
    "ærlig",
    "a%b_c",
    "\n",
]
NUMBERS = [-1, 0, 2, 3, 2.5, -0.5, 0.1, 0.30000000000000004, 1e300, 1e-7, 123456789.125, 2**53 + 1]
DATES = ["2024-02-29", "2025-03-30", "2025-05-31", "2025-06-01", "2025-10-26"]
TIMES = ["2025-05-31T23:59:59", "2025-06-01T00:00:00", "2025-06-01T12:30:00.000001"]


DIALECTS = ("postgres", "duckdb", "spark", "bigquery")
OTHER = tc.Segment("other", {"column": "orders", ">": 0})


def _compared(columns: list[str], values: Any) -> Any:
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    made = st.tuples(st.sampled_from(columns), signs, values)
    return made.map(lambda one: {"column": one[0], one[1]: one[2]})


def _listed(columns: list[str], values: Any) -> Any:
    words = st.sampled_from(["in", "not_in"])
    several = st.lists(values, min_size=1, max_size=6)
    made = st.tuples(st.sampled_from(columns), words, several)
    return made.map(lambda one: {"column": one[0], one[1]: one[2]})


def _ends(columns: list[str], values: list[Any]) -> Any:
    two = st.lists(st.sampled_from(values), min_size=2, max_size=2).map(sorted)
    made = st.tuples(st.sampled_from(columns), two)
    return made.map(lambda one: {"column": one[0], "between": one[1]})


def _dates(pair: dict[str, Any]) -> dict[str, Any]:
    return pair | {"between": [{"date": day} for day in pair["between"]]}


DATED = st.sampled_from(DATES).map(lambda day: {"date": day})
MOMENTS = DATED | st.sampled_from(TIMES).map(lambda time: {"time": time})
TIMED = ["day", "time", "instant"]
FIXED = st.one_of(
    _compared(["amount", "orders", "price"], st.sampled_from(NUMBERS)),
    _listed(["amount", "orders"], st.sampled_from(NUMBERS)),
    _ends(["amount", "orders"], NUMBERS),
    st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(TEXTS)).map(
        lambda one: {"column": "text", one[0]: one[1]}
    ),
    _listed(["text"], st.sampled_from(TEXTS)),
    st.tuples(
        st.sampled_from(["contains", "starts_with", "ends_with"]),
        st.sampled_from([text for text in TEXTS if text] + ["a", "%", "'", "e"]),
    ).map(lambda one: {"column": "text", one[0]: one[1]}),
    st.booleans().map(lambda truth: {"column": "opted", "==": truth}),
    st.tuples(
        st.sampled_from(["amount", "orders", "text", "opted", "day", "time", "instant"]),
        st.booleans(),
    ).map(lambda one: {"column": one[0], "is_missing": one[1]}),
    st.just({"everyone": True}),
)
TIMELY = st.one_of(
    _compared(TIMED, MOMENTS),
    _listed(TIMED, MOMENTS),
    _ends(TIMED, DATES).map(_dates),
    st.tuples(
        st.sampled_from(TIMED),
        st.sampled_from(["within_days", "older_than_days", "next_days"]),
        st.sampled_from([1, 30, 90]),
    ).map(lambda one: {"column": one[0], one[1]: one[2]}),
    st.tuples(
        st.sampled_from(TIMED),
        st.sampled_from(["within", "older_than", "next"]),
        st.sampled_from(["1mo", "3mo", "1y", "36h", "2w", "1q"]),
    ).map(lambda one: {"column": one[0], one[1]: one[2]}),
)
REFERENCE = st.just({"segment": "other"})


def trees(*leaves: Any) -> Any:
    """Trees of some leaves."""

    def above(parts: Any) -> Any:
        several = st.lists(parts, min_size=1, max_size=3)
        return st.one_of(
            several.map(lambda found: {"all": found}),
            several.map(lambda found: {"any": found}),
            parts.map(lambda found: {"not": found}),
        )

    return st.recursive(st.one_of(*leaves), above, max_leaves=6)


@given(trees(FIXED, TIMELY, REFERENCE))
def test_duckdb_finds_the_same_members(edges, database, selected, tree):
    segment = tc.Segment("s", tree)
    relation = database.table("t")
    condition = segment.sql("duckdb", as_of=AS_OF, customers=relation, book=[OTHER])
    found = segment.members(edges, AS_OF, book=[OTHER])
    assert selected(condition) == found.tolist(), condition
    assert segment.members(relation, AS_OF, book=[OTHER]).tolist() == found.tolist()


@given(trees(FIXED, TIMELY), st.sampled_from(["2025-06-01 12:30:00", "2025-03-30", "2025-10-27"]))
def test_duckdb_finds_the_same_members_at_other_times(edges, database, selected, tree, as_of):
    segment = tc.Segment("s", tree)
    condition = segment.sql("duckdb", as_of=as_of, customers=database.table("t"))
    assert selected(condition) == segment.members(edges, as_of).tolist(), condition


@pytest.mark.parametrize("dialect", DIALECTS)
@given(trees(FIXED))
def test_sql_is_read_back(edges, dialect, tree):
    segment = tc.Segment("s", tree)
    again = tc.Segment.from_sql("s", segment.sql(dialect), dialect)
    assert again.members(edges).tolist() == segment.members(edges).tolist()
    assert again.sql(dialect) == segment.sql(dialect)


@given(trees(FIXED, TIMELY))
def test_sql_with_dates_is_read_back_as_fixed_dates(edges, tree):
    segment = tc.Segment("s", tree)
    customers = edges.drop_columns(["instant"]).append_column("instant", edges["time"])
    condition = segment.sql("duckdb", as_of=AS_OF, customers=customers)
    again = tc.Segment.from_sql("s", condition)
    assert not again.needs_as_of
    assert again.members(customers).tolist() == segment.members(customers, AS_OF).tolist()


@given(trees(FIXED, TIMELY, REFERENCE))
def test_a_sentence_says_the_tree(tree):
    segment = tc.Segment("s", tree)
    sentence = segment.sentence()
    assert sentence.startswith("Customers where ")
    assert tc.Segment.from_sentence("s", sentence) == segment


@given(
    st.text(min_size=1).filter(lambda text: text.strip() == text and text.isprintable()),
    st.one_of(
        st.text().filter(lambda text: "\0" not in text and text.isprintable()),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
)
def test_any_name_and_any_value_can_be_said(column, value):
    segment = tc.Segment("s", {"column": column, "==": value})
    assert tc.Segment.from_sentence("s", segment.sentence()) == segment
