"""Responses as a connection of the load generator reads them: whole, in pieces, and what is no response."""

import json
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.bench.exchange import NOT_HTTP, Exchange, post_bytes
from mooring.target import parse_target

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbod\r\n1;x=y\r\ny\r\n0\r\n\r\n"


class Heard:
    """What an owner hears of its connection."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, bool]] = []
        self.losses: list[str] = []

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """As the exchange's owner."""
        self.answers.append((status, body, reusable))

    def lost(self, reason: str) -> None:
        """As the exchange's owner."""
        self.losses.append(reason)


def read(pieces: Iterable[bytes]) -> Heard:
    """What becomes of bytes that arrive like that."""
    heard = Heard()
    exchange = Exchange(heard)
    for piece in pieces:
        exchange.data_received(piece)
    return heard


def test_a_request_is_whole_and_its_length_counts_bytes() -> None:
    """Headers and body in one write; é is two bytes."""
    body = '{"inputs": "Là."}'.encode()
    head, _, sent = post_bytes(parse_target("http://[::1]:9"), body).partition(b"\r\n\r\n")
    assert json.loads(sent) == {"inputs": "Là."}
    assert head.split(b"\r\n")[:2] == [b"POST /invocations HTTP/1.1", b"Host: [::1]:9"]
    assert b"Content-Length: %d" % len(body) in head


def test_a_response_with_a_length() -> None:
    """Status and body; the connection stays, and the next response is read by itself."""
    assert read([PLAIN]).answers == [(200, b"body", True)]
    assert read([PLAIN, CHUNKED, PLAIN]).answers == [(200, b"body", True), (429, b"body", True), (200, b"body", True)]


def test_a_response_in_chunks() -> None:
    """A proxy in front may send them."""
    assert read([CHUNKED]).answers == [(429, b"body", True)]


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_a_response_after_which_the_server_closes(head: bytes) -> None:
    """Said by a header or by an old version."""
    assert read([head + b"Content-Length: 0\r\n\r\n"]).answers == [(200, b"", False)]


@given(st.sampled_from([PLAIN, CHUNKED]), st.data())
def test_a_response_is_read_wherever_the_network_cuts_it(whole: bytes, data: st.DataObject) -> None:
    """Once, when its last byte is here."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=5)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    heard = read(pieces[:-1])
    assert (heard.answers, heard.losses) == ([], [])
    assert [answer[1] for answer in read(pieces).answers] == [b"body"]


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        PLAIN + b"x",
    ],
)
def test_what_is_no_response_is_said_in_few_words(data: bytes) -> None:
    """The reason becomes a row of the report."""
    heard = read([data])
    assert (heard.answers, heard.losses) == ([], [NOT_HTTP])


@pytest.mark.parametrize("more", [PLAIN, PLAIN[:20]])
def test_a_second_response_that_nobody_asked_for_is_no_answer(more: bytes) -> None:
    """Nor would it be to the next request."""
    heard = read([PLAIN + more])
    assert (heard.answers, heard.losses) == ([], ["extra bytes after the response"])
