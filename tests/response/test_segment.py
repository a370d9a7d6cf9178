"""One segment: as data, in words, and over every kind of table."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

AS_OF = "2025-06-01"
COUNTRY = {"column": "country", "in": ["NO", "SE"]}
CUSTOMERS = {
    "customer_id": ["ann", "bob", "eve", "kim"],
    "country": ["NO", "SE", "DK", None],
    "orders": [3, 1, 5, 4],
    "spend": [10.0, None, 2.5, 8.0],
    "opted_in": [True, False, True, None],
    "last": [dt.date(2025, 5, 1), dt.date(2025, 3, 3), dt.date(2025, 6, 1), None],
}


def members(tree, customers=CUSTOMERS, as_of=None):
    return tc.Segment("s", tree).members(customers, as_of).tolist()


def test_a_definition_is_data():
    tree = {"all": [COUNTRY, {"column": "orders", ">=": 2}, {"not": {"segment": "vip"}}]}
    segment = tc.Segment.from_dict(
        {"id": "nordic", "version": 2, "description": "for the spring offer", "where": tree}
    )
    assert segment.where == tree
    assert list(segment.where["all"][1]) == ["column", ">="]
    assert (segment.id, segment.version, segment.references) == ("nordic", 2, ["vip"])
    assert segment.columns == {"country": "text", "orders": "number"}
    assert not segment.needs_as_of
    again = tc.Segment.from_dict(segment.to_dict())
    assert again == segment
    assert hash(again) == hash(segment)
    assert pickle.loads(pickle.dumps(segment)) == segment
    assert copy.deepcopy(segment) == segment
    assert "for the spring offer" in repr(segment)
    assert "&quot;NO&quot;" in segment._repr_html_()
    changed = segment.to_dict()
    changed["where"]["all"].clear()
    assert segment.where == tree


def test_pythons_own_values_become_those_of_json():
    tree = {
        "any": [
            {"column": "a", "in": {np.int64(3), 1}},
            {"column": "b", "between": (np.float64(0.5), Decimal(2))},
            {"column": "c", ">=": dt.date(2025, 1, 31)},
            {"column": "c", "<": pd.Timestamp("2025-01-31 10:00")},
            {"column": "c", "==": np.datetime64("2025-01-31")},
            {"column": "c", "within": dt.timedelta(days=90)},
            {"column": "c", "older_than": "6 months"},
            {"column": "d", "==": np.True_},
        ]
    }
    assert tc.Segment("s", tree).where["any"] == [
        {"column": "a", "in": [1, 3]},
        {"column": "b", "between": [0.5, 2]},
        {"column": "c", ">=": {"date": "2025-01-31"}},
        {"column": "c", "<": {"time": "2025-01-31T10:00:00"}},
        {"column": "c", "==": {"date": "2025-01-31"}},
        {"column": "c", "within_days": 90},
        {"column": "c", "older_than": "6mo"},
        {"column": "d", "==": True},
    ]


@pytest.mark.parametrize(
    ("tree", "parameter", "words"),
    [
        ({"all": [COUNTRY, {"column": "a", "in": []}]}, "where.all[1].in", "at least one"),
        ({"all": [COUNTRY, {"column": "a", "in": [1, "x"]}]}, "where.all[1].in[1]", "a number, as"),
        ({"any": []}, "where.any", "at least one"),
        ({"not": [COUNTRY]}, "where.not", "expected a condition"),
        ({"all": [COUNTRY, {"colum": "a", "==": 1}]}, "where.all[1]", "expected a condition"),
        ({"column": "a", "like": "x%"}, "where.like", "expected a test among"),
        ({"column": "a", "==": float("nan")}, "where.==", "'is_missing': True"),
        ({"column": "a", "==": None}, "where.==", "is_missing"),
        ({"column": "a", "<": "x"}, "where.<", "no order"),
        (
            {"column": "a", "==": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)},
            "where.==",
            "without a zone",
        ),
        ({"column": "a", "within": "soon"}, "where.within", "a length of time"),
        ({"column": "a", "within_days": 0}, "where.within_days", "from 1 to"),
        ({"column": "a", "between": [3, 1]}, "where.between", "the lower value first"),
        ({"column": "a", "==": object()}, "where.==", "a number, text"),
        (
            {"any": [{"column": "a", "==": 1}, {"column": "a", "==": "x"}]},
            "where.any[1].==",
            "where.any[0]",
        ),
        ({"everyone": 1}, "where.everyone", "expected true"),
    ],
)
def test_what_is_wrong_with_a_tree_is_named(tree, parameter, words):
    with pytest.raises(tc.ParameterError) as caught:
        tc.Segment("s", tree)
    assert caught.value.parameter == parameter
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"where": COUNTRY}, "id"),
        ({"id": "", "where": COUNTRY}, "id"),
        ({"id": "s"}, "where"),
        ({"id": "s", "where": COUNTRY, "version": 0}, "version"),
        ({"id": "s", "where": COUNTRY, "owner": "me"}, "segment.owner"),
        ([1], "segment"),
    ],
)
def test_what_is_wrong_with_a_definition_is_named(values, parameter):
    with pytest.raises(tc.ParameterError) as caught:
        tc.Segment.from_dict(values)
    assert caught.value.parameter == parameter


def test_members_of_every_kind_of_table(table, kind):
    where = {"all": [COUNTRY, {"column": "orders", ">=": 2}, {"column": "last", "within_days": 90}]}
    columns = dict(CUSTOMERS, country=["NO", "SE", "DK", "FI"])
    columns["last"] = np.array(["2025-05-01", "2025-03-03", "2025-06-01", "NaT"], "datetime64[us]")
    found = members(where, table(columns, kind), "2025-06-01")
    assert found == [True, False, False, False]


def test_missing_values_are_unknown():
    assert members(COUNTRY) == [True, True, False, False]
    assert members({"not": COUNTRY}) == [False, False, True, False]
    assert members({"column": "country", "not_in": ["DK"]}) == [True, True, False, False]
    assert members({"column": "country", "is_missing": True}) == [False, False, False, True]
    assert members({"column": "spend", "is_missing": False}) == [True, False, True, True]
    assert members({"any": [COUNTRY, {"column": "spend", ">": 5}]}) == [True, True, False, True]
    everything = {"any": [{"column": "spend", ">": 5}, {"not": {"column": "spend", ">": 5}}]}
    assert members(everything) == [True, False, True, True]
    assert members({"everyone": True}) == [True] * 4


def test_nan_is_missing_in_every_library():
    tree = {"any": [{"column": "x", ">": 1}, {"not": {"column": "x", "<=": 1}}]}
    values = np.array([0.0, 2.0, np.nan])
    for customers in (
        {"x": values},
        pd.DataFrame({"x": values}),
        pl.DataFrame({"x": values}),
        pa.table({"x": values}),
        duckdb.from_arrow(pa.table({"x": values})),
    ):
        assert members(tree, customers) == [False, True, False]


def test_a_date_is_its_whole_day():
    times = ["2025-01-30 23:59:59.999999", "2025-01-31", "2025-01-31 23:59:59.999999", "2025-02-01"]
    customers = {"t": np.array(times, "datetime64[us]")}
    day = dt.date(2025, 1, 31)
    assert members({"column": "t", "==": day}, customers) == [False, True, True, False]
    assert members({"column": "t", "!=": day}, customers) == [True, False, False, True]
    assert members({"column": "t", "<": day}, customers) == [True, False, False, False]
    assert members({"column": "t", "<=": day}, customers) == [True, True, True, False]
    assert members({"column": "t", ">": day}, customers) == [False, False, False, True]
    assert members({"column": "t", "in": [day]}, customers) == [False, True, True, False]
    assert members({"column": "t", "between": [day, day]}, customers) == [False, True, True, False]
    nine = dt.datetime(2025, 1, 31, 9)
    assert members({"column": "t", "<": nine}, customers) == [True, True, False, False]


def test_windows_count_from_the_date_and_leave_it_out():
    times = ["2025-03-02 23:59", "2025-03-03", "2025-05-31 23:59", "2025-06-01", "2025-06-30 23:59"]
    customers = {"t": np.array([*times, "2025-07-01"], "datetime64[us]")}

    def found(test):
        return "".join(
            "x" if one else "." for one in members({"column": "t", **test}, customers, AS_OF)
        )

    assert found({"within_days": 90}) == ".xx..."
    assert found({"older_than_days": 90}) == "x....."
    assert found({"next_days": 30}) == "...xx."
    assert found({"within": "3mo"}) == "xxx..."
    assert found({"next": "1mo"}) == "...xx."
    noon = tc.Segment("s", {"column": "t", "within_days": 90})
    assert noon.members(customers, "2025-06-01 12:00").tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_times_with_a_zone_count_on_their_own_clock():
    utc = pd.to_datetime(["2025-05-31 21:59", "2025-05-31 22:00"], utc=True)
    customers = pd.DataFrame({"t": utc.tz_convert("Europe/Oslo")})
    today = {"column": "t", "next_days": 1}
    assert members(today, customers, "2025-06-01") == [False, True]
    assert members(today, customers, dt.datetime(2025, 5, 31, 22, tzinfo=dt.UTC)) == [False, True]
    assert members(today, pd.DataFrame({"t": utc}), "2025-06-01") == [False, False]
    with pytest.raises(tc.ParameterError, match="without a zone"):
        members(today, {"t": utc.tz_localize(None)}, dt.datetime(2025, 6, 1, tzinfo=dt.UTC))


def test_types_of_columns():
    big = 2**53
    customers = pd.DataFrame(
        {
            "whole": pd.array([big, big + 1, None], "Int64"),
            "category": pd.Categorical(["a", "b", None]),
            "decimal": pd.Series([Decimal("0.1"), Decimal("2.5"), None], dtype=object),
            "flag": pd.array([True, False, None], "boolean"),
            "date": pd.Series([dt.date(2025, 1, 1), None, dt.date(2025, 1, 2)], dtype=object),
            "nothing": pd.Series([None, None, None], dtype=object),
            "unsigned": np.array([0, 1, 2**64 - 1], np.uint64),
            "short": np.array([1, 2, 3], np.int8),
        }
    )
    for tree, expected in [
        ({"column": "whole", "==": big + 1}, [False, True, False]),
        ({"column": "whole", ">": big + 0.5}, [False, True, False]),
        ({"column": "whole", "<": 1e300}, [True, True, False]),
        ({"column": "category", "!=": "a"}, [False, True, False]),
        ({"column": "decimal", "==": 0.1}, [True, False, False]),
        ({"column": "flag", "==": False}, [False, True, False]),
        ({"column": "flag", "in": [True]}, [True, False, False]),
        ({"column": "date", ">": dt.date(2025, 1, 1)}, [False, False, True]),
        ({"column": "nothing", "==": 1}, [False, False, False]),
        ({"not": {"column": "nothing", "contains": "x"}}, [False, False, False]),
        ({"column": "nothing", "is_missing": True}, [True, True, True]),
        ({"column": "unsigned", ">=": 1}, [False, True, True]),
        ({"column": "short", "between": [2, 3]}, [False, True, True]),
    ]:
        assert members(tree, customers) == expected, tree


def test_text_that_is_a_dictionary_with_gaps():
    values = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2]), pa.array(["a", None, "b"]))
    customers = pa.table({"t": pa.chunked_array([values, values.slice(2)])})
    assert members({"column": "t", "!=": "a"}, customers) == [
        False,
        False,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("tree", "error", "words"),
    [
        ({"column": "order", ">": 1}, tc.DataError, "did you mean 'orders'.*where asks for it"),
        ({"all": [{"column": "x", ">": 1}]}, tc.DataError, r"where\.all\[0\] asks for it"),
        (
            {"column": "country", "==": 1},
            tc.ParameterError,
            r"where\.== = 1: expected a test of text",
        ),
        ({"column": "orders", "==": "1"}, tc.ParameterError, "a test of numbers"),
        ({"column": "last", ">": 3}, tc.ParameterError, "a test of dates or times"),
        (
            {"column": "last", "==": "2025-01-01"},
            tc.ParameterError,
            'write dates as {"date": "2025',
        ),
        ({"column": "orders", ">": dt.date(2025, 1, 1)}, tc.ParameterError, "a test of numbers"),
        (
            {"column": "last", "within_days": 3},
            tc.ParameterError,
            "where.within_days counts from it",
        ),
        ({"segment": "vip"}, tc.ParameterError, "expected a book with 'vip'"),
        ({"column": "tags", "is_missing": True}, tc.DataError, "list.*convert the column"),
    ],
)
def test_a_rule_that_does_not_fit_the_table(tree, error, words):
    customers = pa.table({**CUSTOMERS, "tags": [["a"], ["b"], [], None]})
    with pytest.raises(error, match=words):
        tc.Segment("s", tree).members(customers)


def test_the_as_of_date_must_be_one():
    for as_of in ("soon", 20250601, 3.5):
        with pytest.raises(tc.ParameterError, match="as_of"):
            members({"column": "last", "within_days": 3}, CUSTOMERS, as_of)


def test_no_rows():
    with pytest.raises(tc.DataError, match="has no rows"):
        members(COUNTRY, {"country": np.array([], dtype=str)})


def test_sentences_as_a_marketer_reads_them():
    for tree, said in [
        ({"column": "orders", "between": [2, 5]}, "orders is from 2 to 5"),
        (
            {"column": "country", "not_in": ["NO", "SE", "DK"]},
            'country is none of "NO", "SE" or "DK"',
        ),
        ({"column": "since", ">=": dt.date(2025, 1, 31)}, "since is on or after 2025-01-31"),
        ({"column": "last", "older_than": "6mo"}, "last is more than 6 months ago"),
        ({"column": "renewal", "next_days": 1}, "renewal is in the next 1 day"),
        ({"column": "email", "is_missing": False}, "email is known"),
        ({"column": "opted in", "==": True}, "`opted in` is true"),
        ({"column": "any", "==": 1}, "`any` is 1"),
        ({"not": {"segment": "vip"}}, 'not in segment "vip"'),
        ({"any": [COUNTRY]}, 'any of (country is one of "NO" or "SE")'),
    ]:
        sentence = tc.Segment("s", tree).sentence()
        assert sentence == f"Customers where {said}."


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (
            "orders is at least",
            "the end after 'orders is at least' at character 18: expected a value",
        ),
        ("orders is 1 and country is 2 or a is 3", "expected 'and', or parentheses"),
        ("(orders is 1", r"expected '\)'"),
        ("orders is 1 soon", "expected 'and', 'or' or the end"),
        ("orders more than 1", "expected 'is'"),
        ("in is 3", "expected a column"),
        ("orders is in the last few days", "a length of time, as 90 days"),
        ("orders is in the last 3 moons", "sentence = '3 moons'"),
        ("orders is €", "'€' after 'orders is'"),
        ("", "the end at character 0"),
    ],
)
def test_what_is_no_sentence_is_told(sentence, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.Segment.from_sentence("s", sentence)


def test_a_sentence_may_be_typed_by_hand():
    typed = 'CUSTOMERS WHERE  Orders is  at least 2 AND (country is one of "NO", "SE" or x is true)'
    assert tc.Segment.from_sentence("s", typed).where == {
        "all": [
            {"column": "Orders", ">=": 2},
            {"any": [COUNTRY, {"column": "x", "==": True}]},
        ]
    }


def test_the_table_of_edges_is_read(edges):
    found = tc.Segment("s", {"column": "instant", ">=": dt.date(2025, 6, 1)}).members(edges)
    assert found.sum() == 5
