"""JSON Lines and CSV: where shards begin, and what their records are."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mooring.batch import text_files
from mooring.batch.formats import BadFile, Reader, Row
from mooring.batch.manifest import Shard
from mooring.batch.text_files import Csv, JsonLines
from mooring.errors import RequestError


def read(reader: Reader, data: bytes, rows: int) -> list[list[Row | RequestError]]:
    """The records of each shard, read one by one as actors do."""
    shards, first = [], 0
    for number, (count, at, skip) in enumerate(list(reader.boundaries(io.BytesIO(data), rows))):
        shard = Shard(number, 0, first, count, at, skip)
        shards.append([row for chunk in reader.read(io.BytesIO(data), shard) for row in chunk.rows()])
        assert len(shards[-1]) == count
        first += count
    return shards


def said(one: Row | RequestError) -> Any:
    """A record, or what its error says."""
    return one.message if isinstance(one, RequestError) else dict(one)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=30)
@given(st.lists(st.dictionaries(TEXT, TEXT | st.integers(-9, 9), max_size=3), max_size=40), st.integers(1, 9))
def test_shards_of_lines_hold_every_record_once(records: list[dict[str, Any]], rows: int) -> None:
    """In order, whatever the texts are."""
    data = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode()
    shards = read(JsonLines(), data, rows)
    assert [one for shard in shards for one in shard] == records
    assert all(len(shard) == rows for shard in shards[:-1])


@settings(max_examples=30)
@given(st.lists(st.tuples(TEXT, TEXT.filter(bool)), max_size=40), st.integers(1, 9))
def test_shards_of_rows_hold_every_record_once(rows_: list[tuple[str, str]], rows: int) -> None:
    """Also cells with line breaks, quotes and commas; an empty cell is left out."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows_])
    shards = read(Csv(), text.getvalue().encode(), rows)
    expected = [{"a": a, "b": b} if a else {"b": b} for a, b in rows_]
    assert [one for shard in shards for one in shard] == expected


def test_a_line_at_fault_is_an_error_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not JSON, not an object, not UTF-8, too long; blank lines count for nothing."""
    monkeypatch.setattr(text_files, "LONGEST", 40)
    lines = [b'\xef\xbb\xbf{"a": 1}', b"", b"{", b"[1]", b'{"a": "\xff"}', b" \r", b"x" * 100, b'{"a": 2}']
    found = [said(one) for shard in read(JsonLines(), b"\r\n".join(lines), 2) for one in shard]
    assert found[0] == {"a": 1}
    assert found[-1] == {"a": 2}
    assert [
        part in one
        for part, one in zip(("Invalid JSON", "found a list", "UTF-8", "more than 40 bytes"), found[1:5], strict=True)
    ]
    assert len(found) == 6


def test_a_row_at_fault_is_an_error_in_its_place() -> None:
    """Another number of fields, or not UTF-8."""
    data = b"a,b\n1,2\n\n1\n\xff,2\n3,4"
    found = [said(one) for shard in read(Csv(), data, 2) for one in shard]
    assert found == [
        {"a": "1", "b": "2"},
        "The row has 1 fields, but the header has 2.",
        "The row is not valid UTF-8.",
        {"a": "3", "b": "4"},
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'a,b\n1,"2\n3,4\n', "the row at byte 4 is not valid CSV"),
        (b'a,b\n1,"2"x\n', "not valid CSV"),
        (b"a,b,a\n1,2,3\n", "names the column 'a' twice"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"\xff,b\n", "the header is not valid UTF-8"),
        (b'a\n"' + b"x\n" * 40, "has more than 40 bytes; a quote may be missing"),
    ],
)
def test_csv_that_cannot_be_divided_into_rows_is_refused(
    data: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the job is planned, with the place."""
    monkeypatch.setattr(text_files, "LONGEST", 40)
    with pytest.raises(BadFile, match=said):
        list(Csv().boundaries(io.BytesIO(data), 10))


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    """Of either kind; a header alone is none."""
    assert list(JsonLines().boundaries(io.BytesIO(b"\n \n"), 10)) == []
    assert list(Csv().boundaries(io.BytesIO(b""), 10)) == []
    assert list(Csv().boundaries(io.BytesIO(b"a,b\n\n"), 10)) == []
