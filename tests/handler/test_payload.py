"""The defaults of input_fn and output_fn, as users' code calls them."""

import numpy as np
import pytest

from mooring.errors import NotAcceptable, UnsupportedMediaType
from mooring.handler import InvalidPayload, decode, encode


def test_json_both_ways() -> None:
    """Text or bytes in, bytes out."""
    assert decode('{"inputs": 1}') == decode(b'{"inputs": 1}', "application/json; charset=utf-8") == {"inputs": 1}
    assert encode({"a": "é"}, "application/json") == '{"a":"é"}'.encode()


def test_csv_becomes_rows() -> None:
    """Under inputs."""
    assert decode("question,context\nq,c\n", "text/csv") == {"inputs": [{"question": "q", "context": "c"}]}
    assert encode([{"a": 1}, {"a": 2}], "text/csv") == b"a\r\n1\r\n2\r\n"


def test_numbers_of_other_libraries_become_plain() -> None:
    """Arrays, scalars, tuples, nested."""
    value = {"x": np.float32(0.5), "y": np.arange(3), "z": (np.int64(1), [np.array([[2.0]])])}
    assert encode(value, "*/*") == b'{"x":0.5,"y":[0,1,2],"z":[1,[[[2.0]]]]}'


@pytest.mark.parametrize("body", ["{", "", b"\xff"])
def test_what_cannot_be_read_is_the_callers_fault(body: str | bytes) -> None:
    """A ValueError, so that code written for another toolkit treats it as one."""
    with pytest.raises(InvalidPayload):
        decode(body)
    assert issubclass(InvalidPayload, ValueError)


def test_types_that_are_not_known() -> None:
    """In and out."""
    with pytest.raises(UnsupportedMediaType):
        decode("x", "image/png")
    with pytest.raises(NotAcceptable):
        encode({}, "image/png")
