"""A server that listens by itself bounds what nginx bounds in front of the image: bytes, counts and times."""

import contextlib
import json
import select
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.served import Response, Server, read, request, served

pytestmark = pytest.mark.wire

ASK = json.dumps({"inputs": [4]}).encode()
CHUNKED = request("POST", "/invocations", b"", "Transfer-Encoding: chunked")
GROWTH = 64 << 20
"""Bytes of memory that 150 MB of an attack may cost."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for the tests that leave it as it was."""
    with served() as one:
        yield one


def resident(server: Server) -> int:
    """Bytes."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def answers(one: socket.socket) -> list[tuple[int, str]]:
    """Status and type of error of all responses until the connection ends."""
    data = b""
    while piece := one.recv(65536):
        data += piece
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        found.append((int(head.split()[1]), json.loads(rest[:length]).get("type", "") if rest[:1] == b"{" else ""))
        data = rest[length:]
    return found


def pour(server: Server, head: bytes, pieces: Iterable[bytes]) -> tuple[Response, int]:
    """Send until the server has had enough; its response, and how many bytes it took."""
    sent = 0
    with server.connect() as one:
        one.sendall(head)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                one.sendall(piece)
                sent += len(piece)
        return read(one), sent


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"1\r\n{\r\n0\r\n", b"X-A: " + b"x" * 60_000 + b"\r\n"),
        (b"1\r\n{\r\n0\r\n", b"X-A: 1\r\n" * 8000),
        (b"1\r\n{\r\n0\r\nX-A: ", b"x" * 60_000),
        (b"1;", b"x" * 60_000),
    ],
    ids=["trailers", "short trailers", "one trailer", "a chunk's extension"],
)
def test_what_is_around_a_body_is_bounded(server: Server, begin: bytes, piece: bytes) -> None:
    """150 MB of it: a 400 after the first few, and no memory. For a while the rest is read, but dropped."""
    before = resident(server)
    response, sent = pour(server, CHUNKED + begin, (piece for _ in range(150_000_000 // len(piece))))
    assert (response.status, response.json["type"], response.headers["connection"]) == (400, "InvalidRequest", "close")
    assert "chunk extensions or trailers" in response.json["message"]
    assert response.json["error"] == response.json["message"]
    assert sent < 100_000_000
    assert resident(server) - before < GROWTH
    assert server.ask({"inputs": [4]}).status == 200


def test_trailers_and_extensions_that_are_short_are_dropped(server: Server) -> None:
    """As HTTP wants it; what a trailer says is no header."""
    with server.connect() as one:
        body = b"%x;why=not\r\n%s\r\n0\r\nX-Request-Id: trailer\r\n\r\n" % (len(ASK), ASK)
        for _ in range(2):
            one.sendall(CHUNKED + body)
            response = read(one)
            assert response.status == 200
            assert response.headers["x-request-id"] != "trailer"


def test_a_body_in_chunks_of_a_byte_is_read(server: Server) -> None:
    """However its sender cut it."""
    body = json.dumps({"inputs": [4], "more": "x" * 100_000}).encode()
    with server.connect() as one:
        one.sendall(CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert read(one).status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"x" * 8300 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\nX-A: " + b"x" * 8300 + b"\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\n" + b"X-A: x\r\n" * 9000 + b"\r\n", 431),
        (b"GET /ping HTTP/1.1\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /ping HTTP/1.0\r\n\r\n", 200),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
    ],
)
def test_heads_that_are_too_large_or_unclear_are_refused(server: Server, data: bytes, status: int) -> None:
    """Also those that arrive in one piece."""
    with server.connect() as one:
        one.sendall(data)
        response = read(one)
    assert response.status == status
    if status != 200:
        assert (response.json["code"], response.headers["connection"]) == (status, "close")
        assert response.json["error"] == response.json["message"]


def test_few_requests_may_wait_on_a_connection() -> None:
    """Those are answered in order; the first too many is told so after them, and nothing of the rest is read."""
    with served(protocol={"MOST_PIPELINED": 3}) as server, server.connect() as one:
        server.tell("close")
        one.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        one.sendall(request("GET", "/ping") * 1000)
        before = resident(server)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            one.setblocking(False)
            for _ in range(1000):
                one.send(request("GET", "/ping") * 1000)
        one.setblocking(True)
        assert resident(server) - before < GROWTH
        server.tell("open")
        assert answers(one) == [(200, "")] * 4 + [(429, "QueueFull")]
        assert server.get("/ping").status == 200


def test_a_bad_request_behind_a_good_one_does_not_take_its_place() -> None:
    """The answers of a connection come in the order of its requests."""
    with served() as server, server.connect() as one:
        server.tell("close")
        one.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        one.sendall(b"NONSENSE\r\n\r\n")
        time.sleep(0.1)
        server.tell("open")
        assert answers(one) == [(200, ""), (400, "InvalidRequest")]


def test_an_answer_that_nobody_takes_ends_its_connection() -> None:
    """One that is taken slowly does not."""
    body = json.dumps({"inputs": {"question": "q", "context": "c"}, "parameters": {"top_k": 300_000}}).encode()
    with served(task="text", protocol={"SEND_S": 1.0}) as server:
        for first_s, each_s in ((3.0, 0.0), (0.0, 0.01)):
            with socket.socket() as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                one.settimeout(15)
                one.connect(("127.0.0.1", server.port))
                one.sendall(request("POST", "/invocations", body))
                got = one.recv(4096)
                length = int(got.lower().partition(b"content-length: ")[2].split()[0])
                taken = len(got)
                time.sleep(first_s)
                with contextlib.suppress(ConnectionError):
                    while taken < length and (piece := one.recv(1 << 20)):
                        taken += len(piece)
                        time.sleep(each_s)
                assert (taken >= length) == (first_s == 0)
        assert server.get("/ping").status == 200


def test_the_rest_of_a_refused_body_is_not_waited_for() -> None:
    """It is refused by its type, and goes on and on."""
    with served(protocol={"LINGER_S": 0.3}) as server, server.connect() as one:
        one.sendall(request("POST", "/invocations", b"x", "Content-Type: text/plain", length=1_000_000_000))
        assert read(one).status == 415
        assert one.recv(1) == b""


def test_connections_are_counted() -> None:
    """The one that has been idle longest makes room; if all wait for an answer, the new one is told so."""
    with served(max_connections=3) as server, contextlib.ExitStack() as held:
        idle = [held.enter_context(server.connect()) for _ in range(3)]
        for one in idle:
            one.sendall(request("GET", "/ping"))
            assert read(one).status == 200
        assert server.get("/ping").status == 200
        ended, _, _ = select.select(idle, [], [], 15)
        assert [idle.index(one) for one in ended] == [0]
        server.tell("close")
        kept = [held.enter_context(server.connect()) for _ in range(3)]
        for one in kept:
            one.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        with server.connect() as late:
            response = read(late)
            assert (response.status, response.json["type"]) == (503, "QueueFull")
        server.tell("open")
        assert [read(one).status for one in kept] == [200, 200, 200]


def test_requests_in_flight_are_counted() -> None:
    """One too many is 429; /ping is not one of them."""
    with served(limits={"max_in_flight": 2}) as server:
        server.tell("close")
        waiting = [server.connect() for _ in range(2)]
        for one in waiting:
            one.sendall(request("POST", "/invocations", ASK))
        while server.get("/info").json["engine"]["in_flight"] < 2:
            pass
        response = server.ask({"inputs": [4]})
        assert (response.status, response.json["type"]) == (429, "QueueFull")
        assert "the limit is 2" in response.json["message"]
        assert response.headers["retry-after"] == "1"
        server.tell("open")
        assert [read(one).status for one in waiting] == [200, 200]
        assert server.ask({"inputs": [4]}).status == 200
        for one in waiting:
            one.close()


def test_large_bodies_are_counted_together() -> None:
    """Eight of the largest size may be held; the slowest makes room for one more, large or small."""
    size = 1_000_000
    with served(limits={"max_body_bytes": size}) as server:
        senders = [server.connect() for _ in range(9)]
        for one in senders:
            one.sendall(request("POST", "/invocations", b"x" * (size - 1), length=size))
        refused = []
        for one in senders:
            one.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                refused.append(read(one))
        assert {(one.status, one.json["type"]) for one in refused} == {(408, "BodyTooSlow")}
        assert len(refused) <= 2  # one more than needed, to leave some room
        assert "bodies exceed 8000000 bytes in total" in refused[0].json["message"]
        assert server.ask({"inputs": [4]}).status == 200
        assert server.ask({"inputs": [4], "more": "x" * (size - 100)}).status == 200
        for one in senders:
            one.close()


def test_a_refusal_is_read_by_a_client_that_still_sends() -> None:
    """Closing at once would reset the connection, and the client would see only that."""
    with served() as server, server.connect() as one:
        kind = ("Content-Type: text/plain", "Connection: close")
        one.sendall(request("POST", "/invocations", b"", *kind, length=5_000_000))
        for _ in range(50):
            one.sendall(b"x" * 100_000)
            time.sleep(0.002)
        response = read(one)
        assert (response.status, response.headers["connection"]) == (415, "close")
        assert one.recv(1) == b""
