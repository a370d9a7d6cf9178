"""Many segments: order, members, overlap, changes, lists, files."""

from __future__ import annotations

import datetime as dt
import json
import pickle

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import tercet as tc

BUYERS = tc.Segment("buyers", {"column": "orders", ">=": 1}, description="who has bought")
RECENT = tc.Segment("recent", {"column": "last", "within_days": 90})
LAPSED = tc.Segment("lapsed", {"all": [{"segment": "buyers"}, {"not": {"segment": "recent"}}]})
AS_OF = "2025-06-01"


def customers(**changed):
    columns = {
        "customer_id": ["ann", "bob", "eve", "kim"],
        "orders": [3, 0, 1, 2],
        "last": [dt.date(2025, 5, 1), None, dt.date(2024, 3, 3), dt.date(2025, 2, 1)],
    }
    return pd.DataFrame(columns | changed)


@pytest.fixture
def book():
    return tc.SegmentBook([LAPSED, BUYERS, RECENT])


def test_who_is_in_which_segment(book):
    found = book.evaluate(customers(), AS_OF)
    assert found.ids == ["lapsed", "buyers", "recent"]
    assert found.as_of == AS_OF
    assert found.members("lapsed").tolist() == [False, False, True, True]
    assert found.customer_ids("buyers") == ["ann", "eve", "kim"]
    assert found.sizes == {"lapsed": 2, "buyers": 3, "recent": 1}
    assert found.coverage == 0.75
    assert found.segments_of_each.tolist() == [2, 0, 2, 2]
    assert found.table.to_dict("list") == {
        "segment": ["lapsed", "buyers", "recent"],
        "version": [1, 1, 1],
        "status": ["active"] * 3,
        "members": [2, 3, 1],
        "share": [0.5, 0.75, 0.25],
        "in_no_other": [0, 0, 0],
    }
    assert np.asarray(found).sum() == 6
    assert "75.0% of the customers are in a segment" in repr(found)
    assert "<table>" in found._repr_html_()
    for segment in book:
        alone = segment.members(customers(), AS_OF, book=book)
        assert (alone == found.members(segment.id)).all()


def test_overlap(book):
    found = book.evaluate(customers(), AS_OF)
    assert found.overlap().to_numpy().tolist() == [
        ["lapsed", 2, 2, 0],
        ["buyers", 2, 3, 1],
        ["recent", 0, 1, 1],
    ]
    share = found.overlap("share").set_index("segment")
    assert share.loc["buyers", "lapsed"] == pytest.approx(2 / 3)
    jaccard = found.overlap("jaccard").set_index("segment")
    assert jaccard.loc["buyers", "recent"] == pytest.approx(1 / 3)
    nobody = tc.SegmentBook([tc.Segment("none", {"column": "orders", ">": 99})])
    assert np.isnan(nobody.evaluate(customers()).overlap("share").loc[0, "none"])


def test_every_kind_of_table(book, table, kind, lists, native):
    columns = customers().to_dict("list")
    columns["last"] = np.array(["2025-05-01", "NaT", "2024-03-03", "2025-02-01"], "datetime64[us]")
    found = book.evaluate(table(columns, kind), AS_OF)
    assert found.customer_ids("lapsed") == ["eve", "kim"]
    long = found.to_table()
    assert isinstance(long, native[kind])
    assert lists(long) == {
        "customer_id": ["eve", "kim", "ann", "eve", "kim", "ann"],
        "segment": ["lapsed"] * 2 + ["buyers"] * 3 + ["recent"],
    }
    again = tc.SegmentMembers.from_table(long)
    assert sorted(again.customer_ids("buyers")) == ["ann", "eve", "kim"]


def test_a_table_without_ids_has_members_by_row(book):
    found = book.evaluate(customers().drop(columns="customer_id"), AS_OF)
    assert found.sizes["buyers"] == 3
    for call in (lambda: found.customer_ids("buyers"), found.to_table):
        with pytest.raises(tc.ParameterError, match="customer: expected a column of ids"):
            call()


def test_two_rows_of_one_customer_are_refused(book):
    with pytest.raises(tc.DataError, match="'ann' is the customer of row 0") as caught:
        book.evaluate(customers(customer_id=["ann", "bob", "ann", "kim"]), AS_OF)
    assert caught.value.row == 2


def test_order_and_dependencies(book):
    assert book.dependencies == {"lapsed": ["buyers", "recent"], "buyers": [], "recent": []}
    assert book.order.index("buyers") < book.order.index("lapsed")
    assert list(book.table["depends_on"]) == ["buyers, recent", "", ""]
    assert "buyers" in book
    assert len(book) == 3
    assert book["buyers"] is BUYERS
    with pytest.raises(tc.ParameterError, match="expected one of 'lapsed'"):
        book["nobody"]


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([], "segments = .*expected at least one segment"),
        (["buyers"], r"segments\[0\]: segment = "),
        (BUYERS, "expected a list of segments"),
        ([BUYERS, BUYERS], r"segments\[1\].id = \"buyers\": expected an id of its own"),
        ([LAPSED], r'segments\["lapsed"\].where.all\[0\].segment = "buyers"'),
        (
            [
                {"id": "a", "where": {"segment": "b"}},
                {"id": "b", "where": {"not": {"segment": "c"}}},
                {"id": "c", "where": {"any": [{"segment": "b"}]}},
            ],
            "b -> c -> b: expected segments that do not refer to each other in a circle",
        ),
        ([{"id": "a", "where": {"column": "x", "in": []}}], r"segments\[0\]: where.in = \[\]"),
        ([{"id": "a", "where": {"everyone": True}, "frozen": 3}], "frozen = 3"),
    ],
)
def test_what_is_no_book(segments, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.SegmentBook(segments)


def test_a_wrong_rule_is_named_with_its_segment(book):
    with pytest.raises(tc.ParameterError, match=r'segments\["recent"\].where.within_days = 90'):
        book.evaluate(customers(last=[1, 2, 3, 4]), AS_OF)
    with pytest.raises(tc.DataError, match="segment 'recent', where asks for it"):
        book.evaluate(customers().drop(columns="last"), AS_OF)
    with pytest.raises(tc.ParameterError, match="as_of = None"):
        book.evaluate(customers())


def test_books_do_not_change(book):
    other = tc.Segment("other", {"everyone": True})
    assert book.add(other).ids == ["lapsed", "buyers", "recent", "other"]
    changed = book.replace(tc.Segment("buyers", {"column": "orders", ">=": 2}))
    assert changed["buyers"].version == 2
    assert (
        changed.replace({"id": "buyers", "where": {"everyone": True}, "version": 7})[
            "buyers"
        ].version
        == 7
    )
    assert book["buyers"].version == 1
    assert book.remove("lapsed").ids == ["buyers", "recent"]
    with pytest.raises(tc.ParameterError, match=r"segment = \"buyers\": expected a segment of the"):
        book.remove("buyers")
    with pytest.raises(tc.ParameterError, match="expected one of"):
        book.replace(other)


def test_a_frozen_segment_is_a_list(book):
    frozen = book.freeze("buyers", customers(), AS_OF)
    assert frozen.frozen == {"buyers": AS_OF}
    assert frozen.dependencies["lapsed"] == ["buyers", "recent"]
    later = customers(orders=[0, 5, 5, 5])
    assert frozen.evaluate(later, AS_OF).customer_ids("buyers") == ["ann", "eve", "kim"]
    assert frozen.evaluate(later, AS_OF).customer_ids("lapsed") == ["eve", "kim"]
    assert list(frozen.evaluate(later, AS_OF).table["status"]) == ["active", "frozen", "active"]
    assert frozen.thaw("buyers") == book
    assert frozen.evaluate(later[["customer_id", "last"]], AS_OF).sizes["buyers"] == 3
    with pytest.raises(tc.ParameterError, match="a frozen segment"):
        book.thaw("buyers")
    with pytest.raises(tc.DataError, match="is missing"):
        frozen.evaluate(later.drop(columns="customer_id"), AS_OF)
    with pytest.raises(tc.DataError, match="holds whole numbers, but the list"):
        frozen.evaluate(later.assign(customer_id=[1, 2, 3, 4]), AS_OF)
    numbered = book.freeze("buyers", customers(customer_id=[7, 8, 9, 10]), AS_OF)
    assert numbered.to_dict()["segments"][1]["frozen"] == {"as_of": AS_OF, "ids": [7, 9, 10]}


def test_who_came_and_who_went(book):
    before = book.evaluate(customers(), AS_OF)
    now = customers(
        customer_id=["zoe", "kim", "ann", "bob"],
        orders=[1, 2, 4, 1],
        last=[dt.date(2025, 6, 30), dt.date(2025, 6, 30), dt.date(2025, 5, 1), dt.date(2025, 6, 2)],
    )
    found = book.changes(before, book.evaluate(now, "2025-07-01"))
    assert found.entered("buyers") == ["zoe", "bob"]
    assert found.left("buyers") == ["eve"]
    assert found.left("lapsed") == ["eve", "kim"]
    assert found.table.to_dict("records")[1] == {
        "segment": "buyers",
        "before": 3,
        "after": 4,
        "entered": 2,
        "left": 1,
        "stayed": 2,
        "new_customers": 1,
        "gone_customers": 1,
    }
    rows = found.to_table()
    assert len(rows) == 8
    assert set(rows.loc[rows["segment"] == "recent", "change"]) == {"entered"}
    assert "from 2025-06-01 to 2025-07-01" in repr(found)
    with pytest.raises(tc.ParameterError, match="expected one that both"):
        found.entered("nobody")


def test_changes_of_stored_memberships_and_other_books(book):
    before = book.evaluate(customers(), AS_OF)
    stored = tc.SegmentMembers.from_table(before.to_table(), as_of=before.as_of)
    assert stored.sizes == before.sizes
    bigger = book.add(tc.Segment("all", {"everyone": True})).remove("lapsed")
    after = bigger.evaluate(customers(orders=[0, 1, 1, 2]), "2025-06-02")
    found = bigger.changes(stored, after)
    assert (found.added, found.removed) == (["all"], ["lapsed"])
    assert (found.entered("buyers"), found.left("buyers")) == (["bob"], ["ann"])
    nothing = tc.SegmentBook([tc.Segment("z", {"everyone": True})])
    with pytest.raises(tc.ParameterError, match="a segment in common"):
        nothing.changes(before, nothing.evaluate(customers()))
    with pytest.raises(tc.ParameterError, match="of the same type"):
        book.changes(before, book.evaluate(customers(customer_id=[1, 2, 3, 4]), AS_OF))


def test_changes_are_sets_whatever_the_order_of_rows(book):
    rng = np.random.default_rng(1)
    n = 5_000
    ids = np.arange(n)

    def drawn(some):
        days = rng.integers(0, 200, len(some)).astype("m8[D]")
        return pd.DataFrame(
            {
                "customer_id": some,
                "orders": rng.integers(0, 3, len(some)),
                "last": np.datetime64("2025-06-01") - days,
            }
        )

    first = drawn(rng.permutation(ids)[:4_000])
    second = drawn(rng.permutation(ids)[:4_500])
    before, after = book.evaluate(first, AS_OF), book.evaluate(second, AS_OF)
    found = book.changes(before, after)
    for name in book.ids:
        was, now = set(before.customer_ids(name)), set(after.customer_ids(name))
        assert set(found.entered(name)) == now - was
        assert set(found.left(name)) == was - now


@pytest.mark.parametrize("kind", ["category", "string", "uint64"])
def test_ids_of_any_type_are_compared_as_what_they_are(kind):
    """Categories are numbered by their tables; numbers of 64 bits without a sign do not fit."""
    large = 2**63 + 1
    names = [large, 5, 2**64 - 1] if kind == "uint64" else ["a", "b", "c"]
    first, second = pd.Series(names[:2]), pd.Series(names[1:])
    if kind == "category":
        # The same place in both tables is another customer.
        first = pd.Series(pd.Categorical(first, categories=["b", "a"]))
        second = pd.Series(pd.Categorical(second, categories=["c", "b"]))
    first, second = first.astype(kind), second.astype(kind)
    rule = {"id": "all", "where": {"everyone": True}}
    everybody = tc.SegmentBook([rule])
    before = everybody.evaluate(pd.DataFrame({"customer_id": first}))
    after = everybody.evaluate(pd.DataFrame({"customer_id": second}))
    shown = [str(name) for name in names]
    found = everybody.changes(before, after)
    assert [str(one) for one in before.customer_ids("all")] == shown[:2]
    assert [str(one) for one in found.entered("all")] == shown[2:]
    assert [str(one) for one in found.left("all")] == shown[:1]
    frozen = everybody.freeze("all", pd.DataFrame({"customer_id": first}), AS_OF)
    again = frozen.evaluate(pd.DataFrame({"customer_id": second}))
    assert [str(one) for one in again.customer_ids("all")] == shown[1:2]
    if kind == "category":
        text = everybody.evaluate(pd.DataFrame({"customer_id": ["b", "c"]}))
        assert everybody.changes(before, text).left("all") == ["a"]


def test_a_book_is_a_file(book, tmp_path):
    frozen = book.freeze("recent", customers(), AS_OF)
    path = tmp_path / "book.json"
    frozen.save(path)
    again = tc.load(path)
    assert again == frozen
    assert again.frozen == {"recent": AS_OF}
    assert pickle.loads(pickle.dumps(frozen)) == frozen
    assert tc.SegmentBook.from_dict(json.loads(json.dumps(frozen.to_dict()))) == frozen
    content = json.loads(path.read_text())
    content["version"] = 2
    path.write_text(json.dumps(content))
    with pytest.raises(tc.UnsupportedVersionError, match="upgrade tercet"):
        tc.load(path)
    content["version"] = 1
    content["fitted"]["segments"][0]["where"] = {"al": []}
    path.write_text(json.dumps(content))
    with pytest.raises(tc.ModelFileError, match=r"segments\[0\].where = .*expected a condition"):
        tc.load(path)
    path.write_text(json.dumps(content)[:100])
    with pytest.raises(tc.ModelFileError, match="not a whole"):
        tc.load(path)
    with pytest.raises(tc.ParameterError, match='a mapping with "segments"'):
        tc.SegmentBook.from_dict({})


def test_sql_writes_out_what_a_segment_refers_to(book):
    connection = duckdb.connect()
    connection.register("frame", customers())
    connection.execute("CREATE TABLE t AS SELECT * FROM frame")
    for one in (book, book.freeze("buyers", customers(), AS_OF)):
        found = one.evaluate(connection.table("t"), AS_OF)
        for name in one.ids:
            condition = one.sql(name, as_of=AS_OF, customers=connection.table("t"))
            rows = connection.execute(f"SELECT customer_id FROM t WHERE {condition}").fetchall()
            assert [row[0] for row in rows] == found.customer_ids(name), condition
    nobody = tc.SegmentBook([tc.Segment("n", {"column": "orders", ">": 9})])
    nobody = nobody.freeze("n", customers(), AS_OF).add(
        {"id": "rest", "where": {"not": {"segment": "n"}}}
    )
    assert nobody.sql("n") == "FALSE"
    assert nobody.sql("rest") == "NOT ((FALSE) IS TRUE)"
    assert nobody.evaluate(customers()).sizes == {"n": 0, "rest": 4}


def test_threads_change_nothing(book):
    frame = pl.DataFrame({"customer_id": range(20_000)}).with_columns(
        orders=pl.col("customer_id") % 3,
        last=pl.date(2025, 6, 1) - pl.duration(days=pl.col("customer_id") % 200),
    )
    one = book.evaluate(frame, AS_OF, n_jobs=1)
    steps = []
    two = book.evaluate(frame, AS_OF, n_jobs=2, progress=steps.append)
    assert steps
    assert (np.asarray(one) == np.asarray(two)).all()
    assert one.overlap().equals(two.overlap(n_jobs=2))


def test_books_show_themselves(book):
    frozen = book.freeze("recent", customers(), AS_OF)
    shown = repr(frozen)
    assert "SegmentBook of 3 segments" in shown
    assert "as of 2025-06-01" in shown
    assert "Customers where orders is at least 1." in shown
    many = tc.SegmentBook([tc.Segment(f"s{k}", {"everyone": True}) for k in range(25)])
    assert "5 more segments" in repr(many)
    assert "5 more segments" in repr(many.evaluate(customers()))
    assert "<table>" in many._repr_html_()


def test_stored_memberships_are_read_back_exactly(table, kind):
    book = tc.SegmentBook(
        [tc.Segment.from_sql("big", "spend > 50"), tc.Segment.from_sql("none", "spend > 999")]
    )
    columns = {"customer_id": ["kim", "ann", "bob", "eve"], "spend": [10.0, 80.0, 20.0, 60.0]}
    found = book.evaluate(table(columns, kind), customer="customer_id")
    stored = found.to_table()
    again = tc.SegmentMembers.from_table(
        stored, segments=found.ids, customers=table(columns, kind), as_of=found.as_of
    )
    assert again.ids == found.ids
    assert again.sizes == found.sizes == {"big": 2, "none": 0}
    assert (again.n_customers, again.coverage) == (4, 0.5)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(found))
    assert again.customer_ids("big") == found.customer_ids("big") == ["ann", "eve"]
    assert tc.SegmentMembers.from_table(stored).ids == ["big"]


def test_stored_members_who_are_unknown_are_refused():
    stored = {"customer_id": ["ann", "eve"], "segment": ["big", "slow"]}
    with pytest.raises(tc.DataError, match=r"column 'segment', row 1: is 'slow'.* segments="):
        tc.SegmentMembers.from_table(stored, segments=["big"])
    with pytest.raises(tc.DataError, match=r"column 'customer_id', row 1: is 'eve'.* customers="):
        tc.SegmentMembers.from_table(stored, customers={"customer_id": ["ann", "bob"]})
    with pytest.raises(tc.ParameterError, match="segments"):
        tc.SegmentMembers.from_table(stored, segments="big")
