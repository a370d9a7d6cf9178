"""Every kind of table goes in, gives the same numbers, and comes back as it was."""

from __future__ import annotations

import datetime as dt
import gc
import uuid
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc
from tercet import _columns, _frames, _time

EXPECTED = {
    "customer_id": ["ann", "bob", "eve"],
    "frequency": [2.0, 0.0, 0.0],
    "recency": [4.0, 0.0, 0.0],
    "T": [5.0, 2.0, 0.0],
    "monetary_value": [25.0, 0.0, 0.0],
}
NUMBERS = {name: values for name, values in EXPECTED.items() if name != "customer_id"}


def summarise(log: Any, **options: Any) -> Any:
    return tc.purchase_summary(log, amount="amount", **options)


def test_each_kind_comes_back_as_it_was(kind, native, table, lists, log):
    result = summarise(table(log, kind))
    assert isinstance(result, native[kind])
    assert lists(result) == EXPECTED


def test_each_kind_carries_a_model_through(kind, native, table, lists, summary):
    columns = {name: summary[name].to_numpy() for name in summary.columns}
    plain = tc.BGNBD(n_jobs=1).fit(summary)
    ours = table(columns, kind)
    model, spend = tc.BGNBD().fit(ours), tc.GammaGamma().fit(ours)
    assert model.params_ == plain.params_
    alive = model.probability_alive(ours)
    assert type(alive) is np.ndarray
    assert alive.dtype == np.float64
    np.testing.assert_array_equal(alive, plain.probability_alive(summary))
    value = tc.lifetime_value(model, spend, ours, horizon=52)
    assert isinstance(value, native[kind])
    assert lists(value)["customer_id"] == summary["customer_id"].tolist()
    eager = {"polars lazy": pl.DataFrame}.get(kind, native[kind])
    assert isinstance(model.summary(), eager)
    assert lists(model.summary())["parameter"] == ["r", "alpha", "a", "b"]


def test_split_gives_two_tables_of_the_kind(kind, native, table, log):
    parts = tc.split_purchases(table(log, kind), calibration_end="2024-01-22")
    assert all(isinstance(part, native[kind]) for part in parts)


IDS = {
    "int8": pa.array([3, 3, 7, 3, 3, 9], pa.int8()),
    "int32": pa.array([3, 3, 7, 3, 3, 9], pa.int32()),
    "int64": pa.array([-3, -3, 7, -3, -3, 2**62], pa.int64()),
    "uint16": pa.array([3, 3, 7, 3, 3, 9], pa.uint16()),
    "uint64": pa.array([3, 3, 2**63, 3, 3, 2**64 - 1], pa.uint64()),
    "float": pa.array([3.0, 3, 7, 3, 3, 9]),
    "decimal": pa.array([3, 3, 7, 3, 3, 9]).cast(pa.decimal128(38, 0)),
    "string": pa.array(["ann", "ann", "bob", "ann", "ann", "eve"], pa.string()),
    "large_string": pa.array(["ann", "ann", "bob", "ann", "ann", "eve"], pa.large_string()),
    "string_view": pa.array(["ann", "ann", "bob", "ann", "ann", "eve"], pa.string_view()),
    "not ascii": pa.array(["änn", "änn", "öbb", "änn", "änn", "日本"]),
    "dictionary": pa.array(["eve", "ann", "bob"]).take(pa.array([1, 1, 2, 1, 1, 0])),
    "categories": pa.DictionaryArray.from_arrays(
        pa.array([1, 1, 2, 1, 1, 0], pa.uint8()), pa.array(["eve", "ann", "bob", "unused"])
    ),
    "integer categories": pa.DictionaryArray.from_arrays(
        pa.array([1, 1, 2, 1, 1, 0], pa.int32()), pa.array([9, 3, 7])
    ),
    "repeated categories": pa.DictionaryArray.from_arrays(
        pa.array([1, 3, 2, 1, 3, 0], pa.int32()), pa.array(["eve", "ann", "bob", "ann"])
    ),
    "bytes": pa.array([b"\x01", b"\x01", b"\x02", b"\x01", b"\x01", b"\xff"], pa.binary(1)),
}


@pytest.mark.parametrize("name", IDS)
def test_ids_of_every_type_group_alike_and_keep_their_type(name, log, lists):
    ids = IDS[name]
    result = summarise(pa.table({**log, "customer_id": ids}))
    assert result.column("customer_id").type == ids.type
    got = lists(result)
    assert got.pop("customer_id") == [ids[0].as_py(), ids[2].as_py(), ids[5].as_py()]
    assert got == NUMBERS


def test_uuids_are_ids(log):
    ids = [uuid.UUID(int=k) for k in (1, 1, 2, 1, 1, 3)]
    result = summarise(pa.table({**log, "customer_id": pa.array(ids)}))
    assert result.column("customer_id").to_pylist() == [ids[0], ids[2], ids[5]]


@pytest.mark.parametrize(
    "dtype", ["category", "object", "string[pyarrow]", "string[python]", "str"]
)
def test_pandas_ids_keep_their_dtype(dtype, log):
    frame = pd.DataFrame(log)
    frame["customer_id"] = frame["customer_id"].astype(dtype)
    result = summarise(frame)
    assert result["customer_id"].dtype == frame["customer_id"].dtype
    assert result["customer_id"].tolist() == EXPECTED["customer_id"]
    assert isinstance(result.index, pd.RangeIndex)
    assert (result.index.start, result.index.step) == (0, 1)


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", "uint8"])
def test_pandas_integer_ids_keep_their_dtype(dtype, log):
    frame = pd.DataFrame({**log, "customer_id": [1, 1, 2, 1, 1, 3]}).astype({"customer_id": dtype})
    assert summarise(frame)["customer_id"].dtype == frame["customer_id"].dtype


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["eve", "ann", "bob"]), pl.String])
def test_polars_ids_keep_their_dtype(dtype, log):
    frame = pl.DataFrame(log).with_columns(pl.col("customer_id").cast(dtype))
    result = summarise(frame)
    assert result.schema["customer_id"] == frame.schema["customer_id"]
    assert result["customer_id"].cast(pl.String).to_list() == EXPECTED["customer_id"]


BERLIN = pa.timestamp("us", tz="Europe/Berlin")
DATES = pa.array(
    [dt.date(2024, 1, day) for day in (1, 1, 22, 29, 15)] + [dt.date(2024, 2, 5)], pa.date32()
)
TEXT = DATES.cast(pa.string())
TIMES = {
    "date32": DATES,
    "date64": DATES.cast(pa.date64()),
    **{f"timestamp {unit}": DATES.cast(pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    "zone": pa.compute.assume_timezone(DATES.cast(pa.timestamp("us")), "Europe/Berlin"),
    "offset": pa.compute.assume_timezone(DATES.cast(pa.timestamp("ms")), "+05:30"),
    "text": TEXT,
    "text with blanks": pa.array([f" {text} " for text in TEXT.to_pylist()]),
    "compact text": pa.array([text.replace("-", "") for text in TEXT.to_pylist()]),
    "text with times": pa.array([f"{text}T12:30:00" for text in TEXT.to_pylist()]),
    "text with some times": pa.array([*TEXT.to_pylist()[:5], "2024-02-05 23:59:59.5"]),
    "text with nanoseconds": pa.array([f"{text} 12:30:00.123456789" for text in TEXT.to_pylist()]),
    "text with offsets": pa.array([f"{text}T23:30:00-08:00" for text in TEXT.to_pylist()]),
    "text in UTC": pa.array([f"{text} 23:30:00Z" for text in TEXT.to_pylist()]),
    "categories": TEXT.dictionary_encode(),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_of_every_type_give_the_same_summary(name, log, lists):
    assert lists(summarise(pa.table({**log, "date": TIMES[name]}))) == EXPECTED


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int64"])
def test_integer_periods_count_one_time_unit_each(dtype, log, lists):
    periods = np.array([0, 0, 3, 4, 2, 5], dtype=dtype)
    assert lists(summarise(pa.table({**log, "date": periods}))) == EXPECTED


def test_pandas_objects_of_dates_are_times(log, lists):
    frame = pd.DataFrame(log).astype({"date": object})
    frame["date"] = [stamp.date() for stamp in pd.to_datetime(frame["date"])]
    assert frame["date"].dtype == object
    assert lists(summarise(frame)) == EXPECTED


def test_a_zone_counts_on_its_own_clock():
    # 23:30 in London is half past midnight of the next day in Berlin, where it meets 08:00.
    london = [dt.datetime(2024, 1, 1, 23, 30), dt.datetime(2024, 1, 2, 7, 0)]
    utc = pa.array(london, pa.timestamp("us", tz="UTC"))
    there = tc.purchase_summary(pa.table({"customer_id": [1, 1], "date": utc.cast(BERLIN)}))
    assert there["frequency"].to_pylist() == [0.0]
    here = tc.purchase_summary(pa.table({"customer_id": [1, 1], "date": utc}))
    assert here["frequency"].to_pylist() == [1.0]


@pytest.mark.parametrize("name", ["date32", "timestamp ns", "zone", "offset"])
def test_dates_come_back_in_the_type_of_the_times(name, log):
    times = TIMES[name]
    result = summarise(pa.table({**log, "date": times}), include_dates=True)
    assert result.column("first_purchase").type == times.type
    assert result.column("first_purchase").to_pylist() == [times[k].as_py() for k in (0, 2, 5)]
    assert result.column("last_purchase").to_pylist() == [times[k].as_py() for k in (3, 2, 5)]


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb"])
def test_dates_come_back_as_dates(kind, table, lists, log):
    result = summarise(table(log, kind), include_dates=True)
    first = pd.to_datetime(pd.Series(lists(result)["first_purchase"]))
    assert first.tolist() == [pd.Timestamp(d) for d in ("2024-01-01", "2024-01-22", "2024-02-05")]


AMOUNTS = {
    "float32": pa.array([10, 5, 8, 30, 20, 1], pa.float32()),
    "int32": pa.array([10, 5, 8, 30, 20, 1], pa.int32()),
    "decimal": pa.array([10, 5, 8, 30, 20, 1]).cast(pa.decimal128(22, 2)),
    "categories": pa.array([10, 5, 8, 30, 20, 1]).dictionary_encode(),
}


@pytest.mark.parametrize("name", AMOUNTS)
def test_amounts_of_every_numeric_type_are_numbers(name, log, lists):
    assert lists(summarise(pa.table({**log, "amount": AMOUNTS[name]}))) == EXPECTED


def test_chunks_and_slices_are_read_as_they_lie(log, lists):
    whole = pa.table({**log, "date": DATES})
    ballast = whole.slice(4).append_column("extra", pa.array([1, 2])).drop_columns("extra")
    chunked = pa.concat_tables([ballast, whole.slice(0, 2), whole.slice(2)]).slice(2)
    assert chunked.column("customer_id").num_chunks > 1
    assert lists(summarise(chunked)) == EXPECTED


def test_strided_and_fortran_ordered_columns_are_read_row_by_row(model):
    block = np.asfortranarray([[2.0, 3.0, 9.0], [0.0, 0.0, 9.0], [5.0, 8.0, 9.0]])
    frame = pd.DataFrame(block, columns=["frequency", "recency", "T"])
    strided = {name: block[:, k] for k, name in enumerate(frame.columns)}
    wide = np.ascontiguousarray(block)
    rowwise = {name: wide[:, k] for k, name in enumerate(frame.columns)}
    expected = model.probability_alive(frame)
    np.testing.assert_array_equal(model.probability_alive(strided), expected)
    np.testing.assert_array_equal(model.probability_alive(rowwise), expected)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "mapping"])
def test_float_columns_are_not_copied(kind, table):
    numbers = np.arange(1000.0)
    if kind == "mapping":
        ours, source = {"x": numbers}, numbers
    else:
        ours = table({"x": numbers}, kind)
        column = ours["x"].chunk(0) if kind == "pyarrow" else ours["x"]
        source = column.to_numpy()
    got = _frames.read_table(ours, {"x": "x"}).floats("x")
    assert np.shares_memory(got, source)


def test_pandas_floats_that_need_care_get_it():
    for values in ([1.0, 2.0, np.nan], [1.0, np.inf, 2.0], [1e308, 1e308, -1e308]):
        for dtype in ("float64", "Float64", "float64[pyarrow]"):
            frame = pd.DataFrame({"x": pd.Series(values).astype(dtype)})
            got = _frames.read_table(frame, {"x": "x"}).floats("x", missing_as_nan=True)
            np.testing.assert_array_equal(got, values)


def test_columns_of_one_name_are_no_matter_where_nobody_asks_for_them(log, lists):
    arrow = pa.table(log)
    twins = pa.Table.from_arrays(
        [*arrow.columns, arrow["amount"], arrow["date"]], names=[*log, "extra", "extra"]
    )
    frame = pd.concat([pd.DataFrame(log), pd.DataFrame({"extra": [0] * 6})], axis=1)
    frame = pd.concat([frame, frame[["extra"]]], axis=1)
    relation = duckdb.connect().from_arrow(arrow).project("*, 1 AS extra, 2 AS extra")
    for ours in (twins, frame, relation):
        assert lists(summarise(ours)) == EXPECTED


def test_only_the_columns_that_are_needed_are_read(log, lists):
    frame = pd.DataFrame(log)
    frame["odd"] = [1, "two", 3.0, None, object(), []]  # which Arrow could not take
    assert lists(summarise(frame)) == EXPECTED
    assert lists(summarise(pl.LazyFrame(log).with_columns(odd=pl.lit(1)))) == EXPECTED


def test_a_table_that_only_speaks_arrow_is_read(log):
    class Capsule:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table(log).__arrow_c_stream__(requested_schema)

    assert isinstance(summarise(Capsule()), pa.Table)


def test_a_duckdb_result_lives_on_the_callers_connection(log):
    connection = duckdb.connect()
    connection.execute("CREATE TYPE name AS ENUM ('eve', 'bob', 'ann')")
    source = pa.table(log)
    connection.register("source", source)
    query = "CREATE TABLE log AS SELECT customer_id::name AS customer_id, date, amount FROM source"
    connection.execute(query)
    result = summarise(connection.table("log"))
    gc.collect()
    assert str(result.types[0]) == "ENUM('eve', 'bob', 'ann')"
    joined = connection.sql(
        "SELECT count(*), max(monetary_value) FROM log JOIN result USING (customer_id)"
    )
    assert joined.fetchall() == [(6, 25.0)]
    assert connection.sql("SHOW TABLES").fetchall() == [("log",), ("source",)]


def test_tables_of_a_duckdb_connection_are_not_mistaken_for_results(log, lists):
    connection = duckdb.connect()
    for name in ("table", "tercet_result", "columns", "log"):
        connection.execute(f'CREATE TABLE "{name}" AS SELECT 1 AS customer_id, 2 AS frequency')
    assert lists(summarise(connection.from_arrow(pa.table(log)))) == EXPECTED


def test_a_duckdb_connection_that_ignores_python_gets_a_relation_too(log, lists):
    connection = duckdb.connect()
    relation = connection.from_arrow(pa.table(log))
    connection.execute("SET python_enable_replacements = false")
    assert lists(summarise(relation)) == EXPECTED


def test_pandas_and_pyarrow_note_unit_and_end(log):
    note = {"as_of": "2024-02-05", "time_unit": "day", "customer": "customer_id"}
    assert summarise(pd.DataFrame(log), time_unit="day").attrs["tercet"] == note
    arrow = summarise(pa.table(log), time_unit="day")
    assert _frames.read_table(arrow, {"frequency": "frequency"}).note() == note


def test_ties_in_categories_and_large_unsigned_ids_keep_the_order():
    ids = _columns.ids(pa.array([2**64 - 1, 0, 2**63, 2**63 - 1], pa.uint64()), "id")
    assert np.argsort(ids).tolist() == [1, 3, 2, 0]
    ranks = _columns.ids(IDS["repeated categories"], "id")
    assert ranks.tolist() == [1, 1, 2, 1, 1, 3]


MOMENTS = {
    "day": ("1997-09-30", dt.date(1997, 9, 30), np.datetime64("1997-09-30"), "19970930"),
    "noon": (
        "1997-09-30T12:00",
        dt.datetime(1997, 9, 30, 12),
        np.datetime64("1997-09-30T12"),
        pd.Timestamp("1997-09-30 12:00"),
        pa.scalar(dt.datetime(1997, 9, 30, 12)),
    ),
}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_are_ticks_of_the_column(unit):
    times = _time.read_times(DATES.cast(pa.timestamp(unit)), "date")
    day = int(np.datetime64("1997-10-01").astype(f"datetime64[{unit}]").astype(int))
    noon = int(np.datetime64("1997-09-30T12").astype(f"datetime64[{unit}]").astype(int))
    assert {times.moment(value, "end") for value in MOMENTS["day"]} == {day - 1}
    assert {times.moment(value, "end") for value in MOMENTS["noon"]} == {noon}
    assert times.text(day - 1) == "1997-09-30"
    assert times.text(noon) == "1997-09-30T12:00:00"


def test_moments_on_a_column_of_dates_are_days():
    times = _time.read_times(DATES, "date")
    expected = (dt.date(1997, 9, 30) - dt.date(1970, 1, 1)).days
    values = MOMENTS["day"] + MOMENTS["noon"]
    assert {times.moment(value, "end") for value in values} == {expected}
    assert times.text(expected) == "1997-09-30"


def test_moments_with_a_zone_are_read_on_the_columns_clock():
    times = _time.read_times(TIMES["zone"], "date")
    utc = dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.UTC)
    assert times.text(times.moment(utc, "end")) == "2024-01-02T00:30:00"
    assert times.text(times.moment("2024-01-01T23:30:00Z", "end")) == "2024-01-02T00:30:00"
    # A time without a zone is one of the column's clock.
    assert times.text(times.moment("2024-01-01T23:30:00", "end")) == "2024-01-01T23:30:00"


@pytest.mark.parametrize("name", ["date32", "timestamp us", "text", "text with offsets"])
def test_moments_with_a_zone_mean_nothing_to_a_clock_without_one(name):
    times = _time.read_times(TIMES[name], "date")
    for end in (dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.UTC), "2024-01-01T23:30:00Z"):
        with pytest.raises(tc.ParameterError, match=r"end = .*without a zone.*local time"):
            times.moment(end, "end")


def test_moments_of_nanoseconds_and_before_the_epoch():
    times = _time.read_times(DATES.cast(pa.timestamp("ns")), "date")
    stamp = pd.Timestamp("1969-12-31 23:59:59.123456789")
    assert times.moment(stamp, "end") == stamp.value
    assert times.text(stamp.value) == "1969-12-31T23:59:59.123456789"
    zoned = pd.Timestamp("2024-01-01 10:00:00.000000001", tz="UTC")
    there = _time.read_times(TIMES["zone"].cast(pa.timestamp("ns", tz="Europe/Berlin")), "date")
    assert there.text(there.moment(zoned, "end")) == "2024-01-01T11:00:00.000000001"


def test_moments_of_periods_are_integers():
    times = _time.read_times(pa.array([1, 2, 3]), "period")
    assert times.moment(7, "end") == times.moment(np.int32(7), "end") == 7
    assert times.text(7) == "7"
