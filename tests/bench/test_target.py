"""Addresses as people type them."""

import json

import pytest

from mooring.bench.target import Target, body_of, parse_target
from mooring.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://127.0.0.1:8080", Target("127.0.0.1", 8080, "/invocations", False)),
        ("localhost:8080", Target("localhost", 8080, "/invocations", False)),
        ("http://host/", Target("host", 80, "/invocations", False)),
        ("https://host/answer?x=1", Target("host", 443, "/answer?x=1", True)),
        ("http://[::1]:9", Target("::1", 9, "/invocations", False)),
    ],
)
def test_what_is_left_out_has_its_usual_meaning(typed: str, meant: Target) -> None:
    """Scheme http, its port, and the path that answers questions."""
    assert parse_target(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "http://", "ftp://host", "http://host:port", "http://a b", "http://höst", "[::1"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """With an example of one."""
    with pytest.raises(UsageError, match=r"is not an address.*http://127\.0\.0\.1:8080"):
        parse_target(typed)


def test_a_request_is_whole_and_its_length_counts_bytes() -> None:
    """Headers and body in one write; é is two bytes."""
    body = body_of("Où?", "Là.", {"top_k": 2})
    head, _, sent = parse_target("http://[::1]:9").request(body).partition(b"\r\n\r\n")
    assert json.loads(sent) == {"inputs": {"question": "Où?", "context": "Là."}, "parameters": {"top_k": 2}}
    assert head.split(b"\r\n")[:2] == [b"POST /invocations HTTP/1.1", b"Host: [::1]:9"]
    assert b"Content-Length: %d" % len(body) in head


def test_a_local_server_shares_the_clients_cores() -> None:
    """Which is what the warning about the client's CPU time depends on."""
    assert [parse_target(host).is_local for host in ("127.0.0.1", "127.1.2.3", "localhost", "10.0.0.1")] == [
        True, True, True, False
    ]  # fmt: skip
