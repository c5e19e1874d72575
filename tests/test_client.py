"""The client of a running server, against one that answers over a real socket."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mooring.client import AsyncClient, Client, encode
from mooring.errors import ClientError, UsageError
from mooring.target import Target, parse_target
from tests.support.answering import Answering, Reply

INPUTS = {"question": "Where?", "context": "In Rome."}
wire = pytest.mark.wire


@contextmanager
def speaking(data: bytes) -> Iterator[str]:
    """The address of a server that sends `data` to whoever connects, after their request, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(data)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


def error_of(url: str, timeout_s: float = 10.0) -> ClientError:
    """What asking there raises."""
    with Client(url, timeout_s=timeout_s) as client, pytest.raises(ClientError) as caught:
        client.ask(INPUTS)
    return caught.value


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://127.0.0.1:8080", Target("127.0.0.1", 8080, "/invocations", False)),
        ("localhost:8080", Target("localhost", 8080, "/invocations", False)),
        ("http://host/", Target("host", 80, "/invocations", False)),
        ("https://host/answer?x=1", Target("host", 443, "/answer?x=1", True)),
        ("http://host/base/answer/", Target("host", 80, "/base/answer/", False)),
        ("http://[::1]:9", Target("::1", 9, "/invocations", False)),
        ("http://ada:secret@host:81", Target("host", 81, "/invocations", False)),
    ],
)
def test_the_parts_of_an_address_have_defaults(typed: str, meant: Target) -> None:
    """The scheme is http, the port the scheme's, the path that of a Mooring server. User and password are left out."""
    assert parse_target(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "http://", "ftp://host", "http://host:port", "http://a b", "http://höst", "[::1"]
)
def test_an_invalid_address_is_refused(typed: str) -> None:
    """With an example of a valid one."""
    with pytest.raises(UsageError, match=r"Invalid address .*http://127\.0\.0\.1:8080"):
        parse_target(typed)


def test_whether_a_server_is_local() -> None:
    """`moor bench` warns of its own CPU time where it shares the server's cores."""
    assert [parse_target(host).is_local for host in ("127.0.0.1", "127.1.2.3", "localhost", "10.0.0.1")] == [
        True, True, True, False
    ]  # fmt: skip


def test_a_body_has_parameters_only_if_they_are_given() -> None:
    """Nothing else is in it."""
    assert encode([1, "é"]) == b'{"inputs": [1, "\\u00e9"]}'
    assert encode("x", {}) == b'{"inputs": "x", "parameters": {}}'


@wire
def test_ask_posts_json_and_returns_the_decoded_answer() -> None:
    """One connection for both, and no request for compression, whose size is unknown."""
    with Answering(lambda number, _: Reply({"n": number})) as server, Client(server.url) as client:
        assert client.ask(INPUTS) == {"n": 0}
        assert client.ask(INPUTS, {"top_k": 2}) == {"n": 1}
    assert server.bodies == [{"inputs": INPUTS}, {"inputs": INPUTS, "parameters": {"top_k": 2}}]
    assert server.connections == 1
    path, headers = server.heads[0]
    assert (path, headers["Content-Type"], headers["Accept"]) == (
        "/invocations",
        "application/json",
        "application/json",
    )
    assert headers["Host"] == server.url.removeprefix("http://")
    assert "Accept-Encoding" not in headers


@wire
def test_threads_share_a_client() -> None:
    """More of them than a pool of the library has connections by default."""
    with (
        Answering(lambda _, body: Reply(body["inputs"])) as server,
        Client(server.url) as client,
        ThreadPoolExecutor(32) as pool,
    ):
        assert list(pool.map(client.ask, range(200))) == list(range(200))


@wire
def test_an_ipv6_address_is_bracketed_in_the_host_header() -> None:
    """As RFC 9112 has it."""
    seen: list[bytes] = []
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                seen.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        with Client(f"http://[::1]:{port}") as client:
            assert client.ping()
        thread.join(10)
    assert f"Host: [::1]:{port}\r\n".encode() in seen[0]


@wire
def test_info_and_ping_are_at_the_root() -> None:
    """Whatever the path of the address. /info is empty where there is none."""
    with Answering(lambda *_: Reply(), {"model": {}}) as server, Client(server.url + "/base/answer") as client:
        assert client.info() == {"model": {}}
        assert client.ping() is False
    assert [path for path, _ in server.heads] == ["/info", "/ping"]
    with Answering(lambda *_: Reply()) as server, Client(server.url) as client:
        assert client.info() == {}


@wire
@pytest.mark.parametrize("data", [b"[1]", b"<html>", b"[" * 100_000])
def test_info_of_a_server_that_is_not_mooring(data: bytes) -> None:
    """Is empty."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
    with speaking(answer) as url, Client(url) as client:
        assert client.info() == {}


@wire
def test_a_refusal_has_the_servers_message_status_and_request_id() -> None:
    """The id comes from the header, or else from the body; the text shows it where the log has more to say."""
    body = {"code": 400, "message": "/inputs: it is empty", "request_id": "from-the-body"}
    with Answering(lambda *_: Reply(body, 400, headers={"X-Request-Id": "from-the-header"})) as server:
        error = error_of(server.url)
    assert (error.status, error.reason, error.request_id) == (400, "/inputs: it is empty", "from-the-header")
    assert error.message == f"{server.url}/invocations answered 400: /inputs: it is empty"
    with Answering(lambda *_: Reply({**body, "message": "It failed."}, 500)) as server:
        error = error_of(server.url)
    assert (error.request_id, error.hint) == ("from-the-body", "")
    assert str(error).endswith("answered 500: It failed. (request id from-the-body)")


@wire
@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        (Reply(raw=b"<html>", status=404), "http://127.0.0.1:8080"),
        (Reply({}, 429), "Try again"),
        (Reply({"message": 5}, 503), "Try again"),
        (Reply([], 418), ""),
    ],
)
def test_a_refusal_without_a_message(reply: Reply, hint: str) -> None:
    """Has the status, and what to do about it if that is known."""
    with Answering(lambda *_: reply) as server:
        error = error_of(server.url)
    assert (error.status, error.reason, error.request_id) == (reply.status, "", "")
    assert "without a message" in error.message
    assert hint in error.hint
    assert bool(hint) == bool(error.hint)


@wire
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A client that follows one may send GET without the body. The error names the new address."""
    with Answering(lambda *_: Reply({}, status, headers={"Location": "/elsewhere"})) as server:
        error = error_of(server.url)
    assert error.status == status
    assert error.hint == "It redirects to '/elsewhere'. Use that address."
    assert len(server.bodies) == 1


@wire
@pytest.mark.parametrize("data", [b"<html>", b"", b"[" * 100_000])
def test_an_answer_that_is_not_json(data: bytes) -> None:
    """Also one that Python's parser gives up on."""
    with Answering(lambda *_: Reply(raw=data)) as server:
        error = error_of(server.url)
    assert error.status == 200
    assert "something that is not JSON" in error.message


@wire
def test_an_answer_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not read to its end."""
    monkeypatch.setattr("mooring.client.MAX_ANSWER_BYTES", 1 << 20)
    with Answering(lambda *_: Reply("x" * (1 << 21))) as server:
        assert error_of(server.url).reason == "more than 1 MiB"


@wire
def test_nobody_listens() -> None:
    """The address, why, and what to check."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = error_of(f"http://ada:secret@127.0.0.1:{port}/path")
    assert error.message == f"Cannot reach http://127.0.0.1:{port}: connection refused."
    assert (error.status, error.reason) == (0, "connection refused")
    assert "moor serve" in error.hint


@wire
@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 200 OK\r\nCont"]
)
def test_an_answer_that_is_not_whole_or_not_http(data: bytes) -> None:
    """The address, and a reason; nothing is sent a second time, or `speaking` would not be there for it."""
    with speaking(data) as url:
        error = error_of(url)
    assert error.message.startswith(f"{url} did not answer: {error.reason}")
    assert error.reason
    assert error.status == 0


@wire
def test_a_server_that_is_silent() -> None:
    """Is waited for as long as was said."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = error_of(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.05)
    assert error.reason == "no answer in time"


@wire
def test_proxies_of_the_environment_and_netrc_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would get the texts, and could not reach this machine's loopback address anyway."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with socket.create_server(("127.0.0.1", 0)) as proxy, Answering(lambda *_: Reply("answer")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with Client(server.url) as client:
            assert client.ask(INPUTS) == "answer"
    assert "Authorization" not in server.heads[0][1]


@wire
def test_many_requests_at_a_time_from_one_thread() -> None:
    """No more than the connections allowed, and errors as those of the other client."""
    together, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def reply(number: int, body: dict[str, object]) -> Reply:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
            if together == 4:
                full.set()
        full.wait(10)
        with lock:
            together -= 1
        return Reply({"message": "busy"}, 429) if body["inputs"] == 7 else Reply(body["inputs"])

    async def ask_all(url: str) -> list[object]:
        async with AsyncClient(url, connections=4) as client:
            return list(await asyncio.gather(*(client.ask(n) for n in range(20)), return_exceptions=True))

    with Answering(reply) as server:
        answers = asyncio.run(ask_all(server.url))
    error = answers.pop(7)
    assert isinstance(error, ClientError)
    assert (error.status, error.reason) == (429, "busy")
    assert answers == [n for n in range(20) if n != 7]
    assert most == 4
    assert server.connections <= 5  # one refused is not kept waiting for


@wire
@pytest.mark.parametrize("data", [None, b"", b"nonsense\r\n\r\n"])
def test_errors_of_the_asynchronous_client(data: bytes | None) -> None:
    """The same as the other's."""

    async def ask(url: str) -> None:
        async with AsyncClient(url) as client:
            await client.ask(INPUTS)

    if data is None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClientError, match=r"Cannot reach .*: connection refused"):
            asyncio.run(ask(url))
        return
    with speaking(data) as url, pytest.raises(ClientError, match="did not answer"):
        asyncio.run(ask(url))
