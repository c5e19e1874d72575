"""Bodies to what a task parses, and what is said of bodies that are none."""

import contextlib
import json
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.errors import InvalidRequest, PayloadTooLarge
from mooring.tasks.single_texts import read_inputs
from mooring.tasks.text_classification import READERS
from mooring.web import decode as decoding
from mooring.web import records as splitting
from mooring.web.decode import MOST_RECORDS, Decoded
from mooring.web.form import FORMS, form_of
from mooring.web.media import CSV, JSON, KINDS, LINES
from mooring.web.records import Record

FORM = FORMS["question-answering"]
PAIR = {"question": "Wo?", "context": "In Köln 🌊."}
ROW = {"question": "q", "context": "c"}


def decode(kind: str, data: bytes, most: int = MOST_RECORDS) -> Decoded:
    """A body for question answering."""
    return decoding.decode(kind, data, FORM, most)


def records(kind: str, data: bytes, most: int) -> Iterator[Record]:
    """As for question answering."""
    return splitting.records(kind, data, FORM, most)


def told(decoded: Decoded) -> tuple[object, int | None]:
    """The body and how many records it was made of."""
    return decoded.body, decoded.rows


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
    assert told(decode(CSV, b"\xef\xbb\xbfquestion,context\r\nq,c")) == ({"inputs": [ROW]}, 1)


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
    assert message.startswith("Invalid JSON: ")
    assert said in message


@pytest.mark.parametrize("data", [b"[" * 100_000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000])
def test_deep_nesting_is_a_fault_of_the_request(data: bytes) -> None:
    """And does not end the server."""
    assert "nested too deeply" in refused(JSON, data)


@pytest.mark.parametrize("kind", [JSON, LINES])
def test_bytes_that_are_not_utf8_are_named(kind: str) -> None:
    """With their place in the body, or in the line."""
    assert "Invalid UTF-8: byte 10 is 0xff." in refused(kind, b'{"question\xff": 1}')


def test_csv_bytes_that_are_not_utf8_are_named() -> None:
    """As in JSON."""
    assert "byte 17 is 0xe9" in refused(CSV, b"question,context\n\xe9t\xe9,c")


def test_lines_are_requests_in_order() -> None:
    """Wrapped and bare ones, with either line break, blank lines left out."""
    data = b'{"question":"q","context":"c"}\r\n\n{"inputs": {"question":"q","context":"c"}}\n'
    assert told(decode(LINES, data)) == ({"inputs": [ROW, ROW]}, 2)


def test_a_lines_parameters_hold_for_all() -> None:
    """They are one batch."""
    line = b'{"inputs": "x", "parameters": {"top_k": 2}}\n'
    assert told(decode(LINES, line + line)) == ({"inputs": ["x", "x"], "parameters": {"top_k": 2}}, 2)


def test_parameters_that_differ_are_refused_by_line() -> None:
    """Rather than ignored."""
    message = refused(LINES, b'{"inputs": "x"}\n\n{"inputs": "y", "parameters": {"top_k": 2}}')
    assert message.startswith("Line 3: the parameters differ")


@pytest.mark.parametrize("line", [b"[1]", b'{"inputs": [1]}'])
def test_a_list_in_a_line_is_refused(line: bytes) -> None:
    """One line in is one line out."""
    assert refused(LINES, b'{"inputs": "x"}\n' + line).startswith("Line 2: expected one request, found a list")


def test_a_broken_line_is_named() -> None:
    """By number."""
    assert refused(LINES, b'{"inputs": "x"}\n{"inputs"').startswith("Line 2: Invalid JSON: it ends too early.")


def test_csv_rows_are_requests_of_their_columns() -> None:
    """Names in any case and with blanks around them; quotes, commas and line breaks inside of quotes."""
    data = 'Question, CONTEXT\r\n"Who, now?","Ada said ""I"".\nTwice."\r\nWo?,"In Köln 🌊."\r\n\r\n'.encode()
    rows = [{"question": "Who, now?", "context": 'Ada said "I".\nTwice.'}, PAIR]
    assert told(decode(CSV, data)) == ({"inputs": rows}, 2)


def test_a_column_inputs_is_the_request() -> None:
    """And the other columns are beside it, as keys are in JSON."""
    expected = {"id": "7", "inputs": ["hello", "world"]}
    assert told(decode(CSV, b"id,inputs\n7,hello\n8,world\n")) == (expected, 2)


def test_a_field_may_be_longer_than_the_csv_modules_own_limit() -> None:
    """Which is 128 KB."""
    context = "x" * 300_000
    data = f"question,context\nq,{context}\n".encode()
    assert told(decode(CSV, data)) == ({"inputs": [{"question": "q", "context": context}]}, 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a,b\n1,2\n", "first CSV row must name the columns, but is 'a, b'"),
        (b"What?,Ada.\n", "first CSV row must name the columns"),
        (b"question,question\nq,q\n", "names a column twice"),
        (b"question,context\n", "a header but no rows"),
        (b"question,context\nq,c\nq\n", "Row 2 (line 3) has 1 fields, but the header has 2."),
        (b"question,context\nq,c,d\n", "Row 1 (line 2) has 3 fields, but the header has 2."),
        (b'question,context\nq,"c\nd"\nq,"c', "Row 2 (line 4) is not valid CSV"),
        (b'question,context\nq,"c"d\n', "Row 1 (line 2) is not valid CSV"),
    ],
)
def test_what_is_not_csv_is_said_with_its_row(data: bytes, said: str) -> None:
    """Row and line differ when a field has line breaks."""
    assert said in refused(CSV, data)


def test_a_header_that_is_echoed_is_cut() -> None:
    """A body without a header may have a text in its first row."""
    assert len(refused(CSV, b"x" * 1000 + b"\n")) < 300


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons (;)"), ("\t", "tabs"), ("|", "vertical bars (|)")])
def test_another_delimiter_is_named(mark: str, name: str) -> None:
    """As spreadsheets in some countries write."""
    message = refused(CSV, f"Question{mark}Context\nWho?{mark}Ada.\n".encode())
    assert message.startswith(f"The CSV columns are separated by {name}: the first row is ")
    assert message.endswith("Separate columns by commas (RFC 4180).")


def test_a_header_is_repeated_as_it_was_sent() -> None:
    """With its capital letters."""
    assert "but is 'Frage, Text'" in refused(CSV, b"Frage,Text\n1,2\n")
    assert told(decode(CSV, b"Question,CONTEXT,Id\nq,c,7\n")) == ({"inputs": [{**ROW, "Id": "7"}]}, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_named(kind: str, encoding: str) -> None:
    """With a byte order mark and without one."""
    text = "question,context\nq,c\n" if kind == CSV else json.dumps({"inputs": ROW})
    message = refused(kind, text.encode(encoding))
    assert message.startswith("The body is encoded in UTF-")
    assert encoding[:6].upper() in message


@pytest.mark.parametrize(
    ("kind", "data"), [(LINES, b'{"inputs":"x"}\n' * 6), (LINES, b"1\n" * 6), (CSV, b"inputs\n" + b"x\n" * 6)]
)
def test_more_records_than_allowed_are_too_large(kind: str, data: bytes) -> None:
    """As many as allowed are not."""
    what = "rows" if kind == CSV else "lines"
    assert decode(kind, data, 6).rows == 6
    with pytest.raises(PayloadTooLarge) as caught:
        decode(kind, data, 5)
    assert str(caught.value) == (
        f"The body has more than 5 {what}, the limit for one request. "
        f"Split it into several requests of at most 5 {what} each."
    )


@pytest.mark.parametrize("kind", [LINES, CSV])
def test_records_are_read_one_at_a_time(kind: str) -> None:
    """Whoever wants the first of a million pays for the first; and counting them makes none."""
    data = b"question,context\nq,c\n" if kind == CSV else b'{"question":"q","context":"c"}\n'
    found = records(kind, data + data.splitlines(keepends=True)[-1] * 1_000_000, 10)
    assert next(found).value == ROW
    assert sum(1 for _ in islice(found, 9)) == 9
    with pytest.raises(PayloadTooLarge):
        next(found)


def test_blank_lines_cost_little() -> None:
    """24 MB of them, and lines keep their numbers."""
    blank = b"\n" * 12_000_000 + b" \n\r\n\t" * 2_400_000
    (found,) = records(LINES, blank + b'{"inputs":"x"}', 1)
    assert (found.value, found.line) == ({"inputs": "x"}, 1 + blank.count(b"\n"))
    assert list(records(LINES, blank, 1)) == []
    with pytest.raises(PayloadTooLarge):
        list(records(CSV, b"inputs\n" + blank, 1000))


def test_a_header_of_thousands_of_columns_is_refused() -> None:
    """Before anything is made of them."""
    assert "has 1000001 columns; the limit is 1000" in refused(CSV, b"," * 1_000_000)


@pytest.mark.parametrize(
    ("kind", "data", "pointer", "said"),
    [
        (CSV, b'question,context\n"a\nb",c\n\nq,\n', "/inputs/1/context", "Row 2 (line 5), column context: why"),
        (CSV, b"question,context\nq,c\n", "/inputs/0", "Row 1 (line 2): why"),
        (LINES, b'\n{"inputs":"x"}\n\n{"inputs":"y"}', "/inputs/1/question", "Line 4, /question: why"),
        (LINES, b'{"inputs":"x"}', "/parameters/top_k", "/parameters/top_k: why"),
        (JSON, b'{"inputs":["x"]}', "/inputs/0", "/inputs/0: why"),
    ],
)
def test_a_fault_of_a_record_is_told_by_its_row_or_line(kind: str, data: bytes, pointer: str, said: str) -> None:
    """Not by its index in a list that the client never sent."""
    error = decode(kind, data).located(InvalidRequest("why", pointer=pointer, hint="Do that."))
    assert str(error) == f"{said} Do that."


@pytest.mark.parametrize("piece", [b"{},", b"[],"])
def test_a_body_of_nothing_but_objects_is_too_large(piece: bytes) -> None:
    """Decoded, each would take twenty times its bytes."""
    assert len(decode(JSON, b"[" + piece * 100_000 + b"0]").body) == 100_001  # type: ignore[arg-type]
    with pytest.raises(PayloadTooLarge, match="more than 1000000 objects and lists"):
        decode(JSON, b"[" + piece * 1_000_000 + b"0]")


@given(kind=st.sampled_from(KINDS), data=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(kind: str, data: bytes) -> None:
    """Nothing but an InvalidRequest comes out."""
    with contextlib.suppress(InvalidRequest):
        assert isinstance(decode(kind, data), Decoded)


@pytest.mark.parametrize(
    ("tasks", "header", "task"),
    [
        (("text-classification", "zero-shot-classification"), "text,candidate_labels", "zero-shot-classification"),
        (("text-classification", "text-ranking"), "Query,text", "text-ranking"),
        (("text-ranking",), "inputs,texts", "text-ranking"),
        (("feature-extraction", "sentence-similarity"), "source_sentence,text", "sentence-similarity"),
    ],
)
def test_csv_of_a_task_with_lists_is_refused_and_not_answered_as_another_task(
    tasks: tuple[str, ...], header: str, task: str
) -> None:
    """With the content types that can hold them. A model without that task ignores the column, as any other."""
    data = f"{header}\na,b\n".encode()
    with pytest.raises(InvalidRequest, match=f"of {task}, whose requests contain lists") as caught:
        decoding.decode(CSV, data, form_of(tasks))
    assert "send application/json or application/jsonlines" in str(caught.value)
    if task == "zero-shot-classification":
        assert decoding.decode(CSV, data, form_of(tasks[:1])).body == {
            "inputs": [{"text": "a", "candidate_labels": "b"}]
        }


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (LINES, b'{"inputs":"a"}\n{"inputs":"b","top_k":2}', "Line 2, /top_k: this is a parameter"),
        (LINES, b'{"inputs":"a"}\n\n{"inputs":"b","paramters":{}}', "Line 3, /paramters: this key has no effect"),
        (LINES, b'{"inputs":{"text":"a","top_k":2}}', "Line 1, /top_k: this is a parameter"),
        (LINES, b'{"text":"a","top_k":2}', "Line 1, /top_k: this is a parameter"),
        (CSV, b"inputs,top_k\na,2\n", "Row 1 (line 2), column top_k: this is a parameter"),
        (CSV, b"text,top_k\na,2\n", "Row 1 (line 2), column top_k: this is a parameter"),
    ],
)
def test_parameters_beside_inputs_are_refused_as_in_json(kind: str, data: bytes, said: str) -> None:
    """Dropped, they would have no effect and nobody would know."""
    decoded = decoding.decode(kind, data, FORMS["text-classification"])
    with pytest.raises(InvalidRequest) as caught:
        read_inputs(decoded.body, READERS, 10)
    assert decoded.located(caught.value).message.startswith(said)


def test_other_keys_beside_inputs_are_as_in_json() -> None:
    """Such as `options` of Hugging Face's clients, meant for other services."""
    decoded = decode(LINES, b'{"inputs":{"question":"a","context":"b"},"options":{"use_cache":false}}')
    assert decoded.body == {"inputs": [{"question": "a", "context": "b"}], "options": {"use_cache": False}}
