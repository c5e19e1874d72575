"""Filters and joins of JSON, JSON Lines and CSV."""

import pytest

from mooring_local.batch.faults import BatchFault
from mooring_local.batch.joining import processing

LINES = "application/jsonlines"
CSV = "text/csv"
JSON = "application/json"


def test_without_filters_nothing_is_touched() -> None:
    """Bytes go in and out as they are, whatever they are."""
    one = processing({}, "application/octet-stream", "", whole=False)

    assert one.prepare(b"\xff{") == b"\xff{"
    assert one.finish(b"\xff{", b"\xfe") == b"\xfe"


def test_json_lines_are_filtered_joined_and_filtered_again() -> None:
    """In this order: what the model gets, the whole record with its answer, what the output has of it."""
    one = processing(
        {"InputFilter": "$.qa", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
        LINES,
        LINES,
        whole=False,
    )
    payload = b'{"id":1,"qa":{"question":"Who?"}}\n{"id":2,"qa":{"question":"\xc3\xa4?"}}\n'

    assert one.prepare(payload) == '{"question":"Who?"}\n{"question":"ä?"}'.encode()
    assert one.finish(payload, b'{"answer":"Ada"}\n[1.50]') == (
        b'{"id":1,"SageMakerOutput":{"answer":"Ada"}}\n{"id":2,"SageMakerOutput":[1.5]}'
    )


def test_a_record_that_is_no_object_is_put_into_one() -> None:
    """Under SageMakerInput, with the answer beside it."""
    one = processing({"JoinSource": "Input"}, LINES, LINES, whole=False)

    assert one.finish(b"[1,2]\n", b"3\n") == b'{"SageMakerInput":[1,2],"SageMakerOutput":3}'


def test_a_whole_document() -> None:
    """Without a split, a JSON object is one record however it is laid out."""
    one = processing({"InputFilter": "$.a", "JoinSource": "Input"}, JSON, f"{JSON}; charset=utf-8", whole=True)
    payload = b'{\n  "a": [1],\n  "b": 2\n}\n'

    assert one.prepare(payload) == b"[1]"
    assert one.finish(payload, b'{\n"x": 1}') == b'{"a":[1],"b":2,"SageMakerOutput":{"x":1}}'


def test_csv_is_joined_by_columns() -> None:
    """Rows keep their text; answers go behind; filters choose columns; what needs quotes has them."""
    given = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    one = processing(given, CSV, CSV, whole=False)
    payload = b'007,"Who, me?",x\n008,b,y\n'

    assert one.prepare(payload) == b'"Who, me?",x\n008,b,y'.replace(b"008,", b"")
    assert one.finish(payload, b'0.5,"yes, ""you"""\n0.25,no') == b'007,"yes, ""you"""\n008,no'
    every = processing({"JoinSource": "Input"}, CSV, CSV, whole=False)
    assert every.finish(payload, b"1\n2\n") == b'007,"Who, me?",x,1\n008,b,y,2'


def test_one_array_for_many_records() -> None:
    """Containers that answer a batch with one JSON array over several lines are understood."""
    one = processing({"OutputFilter": "$[0]"}, LINES, JSON, whole=False)

    assert one.finish(b"1\n2\n", b"[\n1,\n2\n]") == b"1"


def test_counts_that_differ_cannot_be_joined() -> None:
    """The error says how many there were and blames the container."""
    one = processing({"JoinSource": "Input"}, LINES, LINES, whole=False)

    with pytest.raises(BatchFault, match="2 records were sent, 1 were returned") as caught:
        one.finish(b"1\n2\n", b"1\n")
    assert caught.value.blame == "AlgorithmError"


@pytest.mark.parametrize(("payload", "said"), [(b"{", "JSON"), (b'{"a": 1}\n{"b": 2}', "'a'.*'b'"), (b"\xff", "JSON")])
def test_bad_records(payload: bytes, said: str) -> None:
    """What cannot be read, or lacks what the filter asks for."""
    with pytest.raises(BatchFault, match=said):
        processing({"InputFilter": "$.a"}, LINES, LINES, whole=False).prepare(payload)


def test_bad_csv() -> None:
    """Bytes that are no text; an index that no row has."""
    one = processing({"OutputFilter": "$[2]"}, CSV, CSV, whole=False)
    with pytest.raises(BatchFault, match="CSV"):
        one.finish(b"", b"\xff\xfe")
    with pytest.raises(BatchFault, match=r"index 2 .* 2 elements"):
        one.finish(b"", b"1,2")


def test_content_types_without_records() -> None:
    """Filters need JSON or CSV; the member that says otherwise is named."""
    with pytest.raises(BatchFault, match=r"needs JSON.* as ContentType.*'image/png'"):
        processing({"InputFilter": "$.a"}, "image/png", "", whole=False)
    with pytest.raises(BatchFault, match=r"needs .* as Accept"):
        processing({"OutputFilter": "$.a"}, JSON, "image/png", whole=False)
