"""Parquet in and out: types, errors, and which records a shard has."""

import gc
import io
import json
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mooring.batch.arrow import MOST_NESTED
from mooring.batch.formats import BadFile
from mooring.batch.job import Watch, run
from mooring.batch.local import Local
from mooring.batch.manifest import Shard
from mooring.batch.parquet import MOST_PARTS, Parquet
from mooring.batch.plan import find, manifest_of
from mooring.errors import RequestError, UsageError
from tests.support.corpora import answers, carry_out, fake_model, order_of, record, write_lines


def file_of(rows: int, group: int) -> bytes:
    """A file of one column, in row groups of that size."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": list(range(rows))}), sink, row_group_size=group)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("rows", "group", "wanted"), [(1, 1, 5), (100, 7, 10), (100, 100, 30), (200, 200, 5), (130, 64, 64), (10, 3, 100)]
)
def test_shards_of_row_groups_hold_every_record_once(rows: int, group: int, wanted: int) -> None:
    """However they lie on each other; a large group is not cut into small ones, as each decodes it from its start."""
    data, first, found = file_of(rows, group), 0, []
    ranges = list(Parquet().boundaries(io.BytesIO(data), wanted))
    for number, (count, at, skip) in enumerate(ranges):
        shard = Shard(number, 0, first, count, at, skip)
        rows_ = [row for chunk in Parquet().read(io.BytesIO(data), shard) for row in chunk.rows()]
        found += [row["n"] for row in rows_ if not isinstance(row, RequestError)]
        first += count
    assert found == list(range(rows))
    assert len(ranges) <= max(MOST_PARTS * -(-rows // group), 1)


def test_what_is_not_parquet_is_refused() -> None:
    """And files whose columns differ, with the column."""
    with pytest.raises(BadFile, match="it is not valid Parquet"):
        list(Parquet().boundaries(io.BytesIO(b"x" * 100), 10))
    reader, other = Parquet(), io.BytesIO()
    list(reader.boundaries(io.BytesIO(file_of(1, 1)), 10))
    pq.write_table(pa.table({"n": ["1"]}), other)
    with pytest.raises(BadFile, match="its column 'n' has the type string; in the first file it has the type int64"):
        list(reader.boundaries(other, 10))


def test_columns_keep_their_types(tmp_path: Path) -> None:
    """Answers are nested, not text, and errors have a column of their own; every part has the same schema."""
    records = [record(number) for number in range(5)]
    records[3]["question"] = ""
    when = pa.array([1, None, 3, 4, 5], pa.timestamp("ns"))
    table = pa.Table.from_pylist(records).append_column("when", when)
    pq.write_table(table, tmp_path / "in.parquet")
    with fake_model() as model:
        carry_out(order_of(tmp_path / "in.parquet", tmp_path / "out"), model)
    parts = [pq.read_table(part) for part in sorted((tmp_path / "out").glob("part-*.parquet"))]
    assert parts[0].schema == parts[1].schema
    found = pa.concat_tables(parts)
    assert found.schema.names == ["id", "when", "prediction", "error"]
    assert found["when"].type == pa.timestamp("ns")
    assert found["when"].combine_chunks() == when
    rows = found.drop_columns(["when"]).to_pylist()
    assert [one["prediction"] and one["prediction"]["answer"] for one in rows] == ["w0", "w1", "w2", None, "w4"]
    assert rows[3]["error"]["record"] == 4
    assert [one["error"] for one in rows[:3]] == [None] * 3


def test_parquet_becomes_lines_and_lines_become_parquet(tmp_path: Path) -> None:
    """As --format says; in both the answers are the same."""
    records = [{**record(number), "tags": ["x"] * number, "price": number / 2} for number in range(4)]
    lines = write_lines(tmp_path / "in.jsonl", records)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "in.parquet")
    with fake_model() as model:
        carry_out(order_of(tmp_path / "in.parquet", tmp_path / "lines", write="jsonl"), model)
        carry_out(order_of(lines, tmp_path / "parquet", write="parquet", shard_rows=9), model)
    part = pq.read_table(tmp_path / "parquet" / "part-00000.parquet")
    assert [{**one, "error": None} for one in answers(tmp_path / "lines")] == part.to_pylist()


def test_a_record_of_other_types_is_an_error_in_its_place(tmp_path: Path) -> None:
    """A Parquet column has one type, decided by the first records."""
    first = [{**record(number), "n": number} for number in range(70)]
    late: list[dict[str, Any]] = [{**record(70), "n": "seven"}, {**record(71), "m": 1}, {**record(72), "n": None}]
    lines = write_lines(tmp_path / "in.jsonl", [*first, *late])
    with fake_model() as model:
        summary = carry_out(order_of(lines, tmp_path / "out", write="parquet", shard_rows=100), model)
    rows = pq.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()
    assert summary.total.errors == 2
    assert "'n' does not hold integers as in the first records: 'seven'" in rows[70]["error"]["message"]
    assert "'m' is not in the first records" in rows[71]["error"]["message"]
    assert (rows[70]["n"], rows[72]["error"], rows[72]["prediction"]["answer"]) == (None, None, "w72")


def test_an_answer_of_another_shape_is_an_error_in_its_place(tmp_path: Path) -> None:
    """Never cut to fit."""
    lines = write_lines(tmp_path / "in.jsonl", [{**record(number), "k": 1 + number // 70} for number in range(71)])
    order = order_of(lines, tmp_path / "out", write="parquet", shard_rows=100, columns={"top_k": "k"})
    with fake_model() as model:
        assert carry_out(order, model).total.errors == 1
    rows = pq.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()
    assert "does not have the type of the first answers" in rows[70]["error"]["message"]


NESTED: Any = json.loads("[" * (MOST_NESTED + 1) + "1" + "]" * (MOST_NESTED + 1))
NANOSECONDS = pa.timestamp("ns")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "holds only empty objects"),
        ([{}], "holds only empty objects"),
        (1 << 63, "holds an integer of more than 64 bits"),
        (NESTED, "holds values nested more than 32 deep"),
    ],
)
def test_values_that_no_parquet_column_holds_are_refused_at_once(value: object, said: str, tmp_path: Path) -> None:
    """Not when the first part is written. In JSON Lines they are carried along."""
    lines = write_lines(tmp_path / "in.jsonl", [{**record(1), "n": value}])
    with fake_model() as model:
        with pytest.raises(UsageError, match=f"The column 'n' {said}"):
            carry_out(order_of(lines, tmp_path / "out", write="parquet"), model)
        carry_out(order_of(lines, tmp_path / "lines"), model)
    assert answers(tmp_path / "lines")[0]["n"] == value


def test_the_deepest_values_are_written(tmp_path: Path) -> None:
    """Arrow can read them, too."""
    lines = write_lines(tmp_path / "in.jsonl", [{**record(1), "n": NESTED[0]}])
    with fake_model() as model:
        carry_out(order_of(lines, tmp_path / "out", write="parquet"), model)
    assert pq.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()[0]["n"] == NESTED[0]


@pytest.mark.parametrize("later", [70, 1])
def test_values_that_do_not_fit_are_errors_of_their_records(later: int, tmp_path: Path) -> None:
    """Among the first records as among the others: an integer that a float64 would round, and an added column."""
    records: list[dict[str, Any]] = [{**record(number), "n": number + 0.5} for number in range(later + 2)]
    records[later]["n"] = (1 << 60) + 1
    records[later + 1]["prediction"] = "mine"
    lines = write_lines(tmp_path / "in.jsonl", records)
    with fake_model() as model:
        summary = carry_out(order_of(lines, tmp_path / "out", write="parquet", shard_rows=100), model)
    rows = pq.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()
    assert summary.total.errors == 2
    assert "'n' does not hold numbers as in the first records: 1152921504606846977" in rows[later]["error"]["message"]
    assert "the column 'prediction', which the output adds" in rows[later + 1]["error"]["message"]


@pytest.mark.parametrize(
    ("column", "read"),
    [
        (pa.array([1, 1000], NANOSECONDS), ["1970-01-01 00:00:00.000000001", "1970-01-01T00:00:00.000001"]),
        (pa.array([[1], None], pa.list_(NANOSECONDS)), [["1970-01-01 00:00:00.000000001"], None]),
        (pa.array([[1]] * 2, pa.list_(NANOSECONDS, 1)), [["1970-01-01 00:00:00.000000001"]] * 2),
        (pa.array([{"a": 1}] * 2, pa.struct([("a", pa.time64("ns"))])), [{"a": "00:00:00.000000001"}] * 2),
        (pa.array([[("a", 0)]] * 2, pa.map_(pa.string(), pa.duration("ns"))), [[["a", "P0D"]]] * 2),
        (pa.array([1 << 40] * 2, pa.timestamp("s")), ["<value out of range: 1099511627776000>"] * 2),
    ],
)
def test_times_that_python_cannot_hold_become_text(column: Any, read: list[Any], tmp_path: Path) -> None:
    """Also inside of lists and objects, and whether pandas is installed or not."""
    table = pa.Table.from_pylist([record(0), record(1)]).append_column("x", column)
    pq.write_table(table, tmp_path / "in.parquet")
    with fake_model() as model:
        carry_out(order_of(tmp_path / "in.parquet", tmp_path / "out", write="jsonl"), model)
    assert [one["x"] for one in answers(tmp_path / "out")] == read


def test_a_value_that_cannot_be_read_is_an_error_in_its_place(tmp_path: Path) -> None:
    """The others of its record are carried along."""
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(struct.pack("<3i", 0, 1, 2)), pa.py_buffer(b"\xffa")]
    )
    table = pa.Table.from_pylist([record(0), record(1)]).append_column("x", texts)
    pq.write_table(table, tmp_path / "in.parquet")
    with fake_model() as model:
        carry_out(order_of(tmp_path / "in.parquet", tmp_path / "out", write="jsonl"), model)
    found = answers(tmp_path / "out")
    assert "The value in the column 'x' cannot be read" in found[0]["error"]["message"]
    assert (found[0]["id"], found[1]["x"], found[1]["prediction"]["answer"]) == (0, "a", "w1")


def test_columns_of_one_name_are_refused() -> None:
    """One of them would be lost."""
    sink = io.BytesIO()
    pq.write_table(pa.table([[1], [2]], names=["x", "x"]), sink)
    with pytest.raises(BadFile, match="it has several columns named 'x'"):
        list(Parquet().boundaries(sink, 10))


def test_a_part_that_failed_is_silent(tmp_path: Path) -> None:
    """pyarrow's object would write to the closed file when it is deleted, which pytest reports."""
    lines = write_lines(tmp_path / "in.jsonl", [record(1), record(2)])
    order = order_of(lines, tmp_path / "out", write="parquet")
    with fake_model() as model:
        found = find(order)
        with found.output.reserved():
            manifest = manifest_of(order, found, model)
            lines.unlink()
            assert len(run(manifest, found.output, Local(model, lambda _: None), Watch()).unreadable) == 1
    gc.collect()


def test_mixed_types_in_the_first_records_are_refused(tmp_path: Path) -> None:
    """With the column and what it holds."""
    lines = write_lines(tmp_path / "in.jsonl", [{**record(1), "n": 1}, {**record(2), "n": "two"}])
    with fake_model() as model, pytest.raises(UsageError, match="The column 'n' holds both integers and text"):
        carry_out(order_of(lines, tmp_path / "out", write="parquet"), model)
