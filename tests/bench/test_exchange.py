"""The response parser: whole answers, answers in pieces, and what is no answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.bench.exchange import Response, read_response

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbod\r\n1;x=y\r\ny\r\n0\r\n\r\n"


def test_a_response_with_a_length() -> None:
    """Status and body; the connection stays."""
    assert Response(200, b"body", closes=False) == read_response(PLAIN)


def test_a_response_in_chunks() -> None:
    """A proxy in front may send them."""
    assert Response(429, b"body", closes=False) == read_response(CHUNKED)


@pytest.mark.parametrize("name", [b"content-length", b"CONTENT-LENGTH", b"Content-Length"])
def test_header_names_have_no_case(name: bytes) -> None:
    """Servers differ."""
    assert Response(200, b"body", closes=False) == read_response(PLAIN.replace(b"Content-Length", name))


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_a_response_after_which_the_server_closes(head: bytes) -> None:
    """Said by a header or by an old version."""
    assert Response(200, b"", closes=True) == read_response(head + b"Content-Length: 0\r\n\r\n")


@given(st.sampled_from([PLAIN, CHUNKED]), st.data())
def test_every_beginning_of_a_response_asks_for_more(whole: bytes, data: st.DataObject) -> None:
    """Wherever the network cuts it, and never for more than there will be."""
    cut = data.draw(st.integers(1, len(whole) - 1))
    need = read_response(whole[:cut])
    assert isinstance(need, int)
    assert cut < need <= len(whole)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SSH-2.0-OpenSSH", "not an HTTP/1 response"),
        (b"HTTP/2 200\r\n\r\n", "not an HTTP/1 response"),
        (b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", "not an HTTP/1 response"),
        (b"HTTP/1.1 200 OK\r\n\r\nall until the end", "without a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk without a size"),
        (PLAIN + b"x", "bytes after the response"),
        (b"HTTP/1.1 " + b"x" * 70_000, "not an HTTP/1 response"),
    ],
)
def test_what_is_no_response_is_said_in_few_words(data: bytes, reason: str) -> None:
    """The reason becomes a row of the report."""
    with pytest.raises(ValueError, match=reason):
        read_response(data)
