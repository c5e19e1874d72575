"""Answers to bytes."""

import csv
import io
import json

import pytest

from mooring.errors import NotAcceptable
from mooring.web.encode import encode
from mooring.web.media import CSV, JSON, LINES

ADA = {"score": 0.5, "start": 0, "end": 3, "answer": "Ada"}
SEA = {"score": 0.25, "start": 4, "end": 9, "answer": 'die "See", 海\n'}


def test_json_is_compact_and_keeps_its_letters() -> None:
    """No blanks, no \\u escapes."""
    assert encode(JSON, {"score": 0.5, "answer": "海é"}) == '{"score":0.5,"answer":"海é"}'.encode()
    assert json.loads(encode(JSON, [ADA, SEA])) == [ADA, SEA]


def test_lines_are_one_answer_each() -> None:
    """Of a list; what is no list is one line."""
    assert [json.loads(line) for line in encode(LINES, [ADA, SEA]).splitlines()] == [ADA, SEA]
    assert json.loads(encode(LINES, ADA)) == ADA
    assert encode(LINES, []) == b""


def test_one_line_in_is_one_line_out() -> None:
    """Also when that one line has several answers."""
    assert json.loads(encode(LINES, [ADA, SEA], rows=1)) == [ADA, SEA]
    lines = encode(LINES, [[ADA, SEA], [SEA, ADA]], rows=2).splitlines()
    assert [json.loads(line) for line in lines] == [[ADA, SEA], [SEA, ADA]]


def test_csv_has_a_header_and_crlf() -> None:
    """As RFC 4180 wants it, quotes doubled."""
    data = encode(CSV, [ADA, SEA])
    assert data == 'score,start,end,answer\r\n0.5,0,3,Ada\r\n0.25,4,9,"die ""See"", 海\n"\r\n'.encode()
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [row["answer"] for row in rows] == ["Ada", 'die "See", 海\n']


def test_one_answer_is_one_row() -> None:
    """Under the same header."""
    assert encode(CSV, ADA) == b"score,start,end,answer\r\n0.5,0,3,Ada\r\n"


def test_a_csv_cell_deeper_than_a_number_is_json() -> None:
    """Whatever a task answers can be written."""
    assert encode(CSV, {"a": [1, 2], "b": True}) == b'a,b\r\n"[1,2]",true\r\n'
    assert encode(CSV, ["x"]) == b"answer\r\nx\r\n"


def test_several_answers_to_several_requests_say_whose_they_are() -> None:
    """By its number; a request without answers has no row."""
    rows = list(csv.DictReader(io.StringIO(encode(CSV, [[ADA, SEA], [], [ADA]], rows=3).decode(), newline="")))
    assert [(row["row"], row["answer"]) for row in rows] == [("1", "Ada"), ("1", SEA["answer"]), ("3", "Ada")]
    assert encode(CSV, [[], []], rows=2) == b"row\r\n"
    assert encode(CSV, [[0.5, 0.25], [1.0]], rows=2) == b'answer\r\n"[0.5,0.25]"\r\n[1.0]\r\n'


@pytest.mark.parametrize(
    ("answer", "rows"), [([[ADA, SEA], [SEA, ADA]], 1), ([[[ADA], [SEA]], [[ADA]]], 2), ([ADA, [SEA]], 2)]
)
def test_answers_in_more_dimensions_do_not_fit_into_csv(answer: object, rows: int) -> None:
    """Rather than rows of which nobody knows whose they are."""
    with pytest.raises(NotAcceptable, match="top_k 1"):
        encode(CSV, answer, rows)
