"""Bodies to what a task parses, and what is said of bodies that are none."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.errors import InvalidRequest
from mooring.web.decode import Decoded, decode
from mooring.web.media import CSV, JSON, KINDS, LINES

PAIR = {"question": "Wo?", "context": "In Köln 🌊."}
ROW = {"question": "q", "context": "c"}


def refused(kind: str, data: bytes) -> str:
    """The message of a body that is refused."""
    with pytest.raises(InvalidRequest) as caught:
        decode(kind, data)
    return str(caught.value)


def test_json_is_decoded_as_it_is() -> None:
    """Wrapped or not is the task's concern; beyond ASCII, escaped or not, is the same."""
    assert decode(JSON, '{"question":"Wo?","context":"In Köln \\ud83c\\udf0a."}'.encode()) == Decoded(PAIR)


def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    """Some editors put one before everything."""
    assert decode(JSON, b"\xef\xbb\xbf[1]") == Decoded([1])
    assert decode(CSV, b"\xef\xbb\xbfquestion,context\r\nq,c") == Decoded({"inputs": [ROW]}, 1)


def test_the_last_of_equal_keys_wins() -> None:
    """As in every JSON library that people use."""
    assert decode(JSON, b'{"a": 1, "a": 2}') == Decoded({"a": 2})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf"])
def test_an_empty_body_is_said_to_be_empty(kind: str, data: bytes) -> None:
    """Not "unexpected end of input"."""
    assert "The body is empty." in refused(kind, data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1', "it ends too early"),
        (b'{"a": NaN}', "invalid character (byte 6)"),
        (b"[Infinity]", "invalid character (byte 1)"),
        (b"[-Infinity]", "byte 2"),
        (b"[1e999]", "number out of range"),
        (b"{'a': 1}", "object keys must be strings (byte 1)"),
        (b'{"a": 1,}', "byte 8"),
        (b'{"a": "\x01"}', "byte 7"),
        (b'{"a": "\\ud800 alone"}', "surrogate"),
        (b'{"a": 1} {"a": 2}', "application/jsonlines"),
        (b"question,context\nq,c", "invalid character (byte 0)"),
    ],
)
def test_what_is_not_json_is_said_with_its_place(data: bytes, said: str) -> None:
    """A byte to look at, and what a body looks like."""
    message = refused(JSON, data)
    assert message.startswith("This is not JSON: ")
    assert said in message


@pytest.mark.parametrize("data", [b"[" * 100_000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000])
def test_deep_nesting_is_a_fault_of_the_request(data: bytes) -> None:
    """And does not end the server."""
    assert "nested too deeply" in refused(JSON, data)


@pytest.mark.parametrize("kind", [JSON, LINES])
def test_bytes_that_are_not_utf8_are_named(kind: str) -> None:
    """With their place in the body, or in the line."""
    assert "This is not UTF-8: byte 10 is 0xff." in refused(kind, b'{"question\xff": 1}')


def test_csv_bytes_that_are_not_utf8_are_named() -> None:
    """As in JSON."""
    assert "byte 17 is 0xe9" in refused(CSV, b"question,context\n\xe9t\xe9,c")


def test_lines_are_requests_in_order() -> None:
    """Wrapped and bare ones, with either line break, blank lines left out."""
    data = b'{"question":"q","context":"c"}\r\n\n{"inputs": {"question":"q","context":"c"}}\n'
    assert decode(LINES, data) == Decoded({"inputs": [ROW, ROW]}, 2)


def test_a_lines_parameters_hold_for_all() -> None:
    """They are one batch."""
    line = b'{"inputs": "x", "parameters": {"top_k": 2}}\n'
    assert decode(LINES, line + line) == Decoded({"inputs": ["x", "x"], "parameters": {"top_k": 2}}, 2)


def test_parameters_that_differ_are_refused_by_line() -> None:
    """Rather than ignored."""
    message = refused(LINES, b'{"inputs": "x"}\n\n{"inputs": "y", "parameters": {"top_k": 2}}')
    assert message.startswith("Line 3: its parameters differ")


@pytest.mark.parametrize("line", [b"[1]", b'{"inputs": [1]}'])
def test_a_list_in_a_line_is_refused(line: bytes) -> None:
    """One line in is one line out."""
    assert refused(LINES, b'{"inputs": "x"}\n' + line).startswith("Line 2: a list")


def test_a_broken_line_is_named() -> None:
    """By number."""
    assert refused(LINES, b'{"inputs": "x"}\n{"inputs"').startswith("Line 2: This is not JSON: it ends too early.")


def test_csv_rows_are_requests_of_their_columns() -> None:
    """Names in any case and with blanks around them; quotes, commas and line breaks inside of quotes."""
    data = 'Question, CONTEXT\r\n"Who, now?","Ada said ""I"".\nTwice."\r\nWo?,"In Köln 🌊."\r\n\r\n'.encode()
    rows = [{"question": "Who, now?", "context": 'Ada said "I".\nTwice.'}, PAIR]
    assert decode(CSV, data) == Decoded({"inputs": rows}, 2)


def test_a_column_inputs_is_the_request() -> None:
    """And the other columns are left out."""
    assert decode(CSV, b"id,inputs\n7,hello\n8,world\n") == Decoded({"inputs": ["hello", "world"]}, 2)


def test_a_field_may_be_longer_than_the_csv_modules_own_limit() -> None:
    """Which is 128 KB."""
    context = "x" * 300_000
    data = f"question,context\nq,{context}\n".encode()
    assert decode(CSV, data) == Decoded({"inputs": [{"question": "q", "context": context}]}, 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a,b\n1,2\n", "first row must name its columns, and is 'a, b'"),
        (b"What?,Ada.\n", "first row must name its columns"),
        (b"question,question\nq,q\n", "names a column twice"),
        (b"question,context\n", "a header and no rows"),
        (b"question,context\nq,c\nq\n", "Row 2 (line 3) has 1 fields, the header 2."),
        (b"question,context\nq,c,d\n", "Row 1 (line 2) has 3 fields, the header 2."),
        (b'question,context\nq,"c\nd"\nq,"c', "Row 2 (line 4) is not CSV"),
        (b'question,context\nq,"c"d\n', "Row 1 (line 2) is not CSV"),
    ],
)
def test_what_is_not_csv_is_said_with_its_row(data: bytes, said: str) -> None:
    """Row and line differ when a field has line breaks."""
    assert said in refused(CSV, data)


def test_a_header_that_is_echoed_is_cut() -> None:
    """A body without a header may have a text in its first row."""
    assert len(refused(CSV, b"x" * 1000 + b"\n")) < 300


@given(kind=st.sampled_from(KINDS), data=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(kind: str, data: bytes) -> None:
    """Nothing but an InvalidRequest comes out."""
    with contextlib.suppress(InvalidRequest):
        assert isinstance(decode(kind, data), Decoded)
