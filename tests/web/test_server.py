"""A real server, real sockets and signals: how it begins, ends, and what rude clients cannot do to others."""

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.support.served import Server, free_port, launched, read, request, served

pytestmark = pytest.mark.wire

ASK = json.dumps({"inputs": [4]}).encode()
PAIR = {"question": "Who?", "context": "Ada wrote it."}
PING_S = 2.0
"""What the platform waits for an answer to /ping."""
DRAIN_S = 60
"""Longer than anything here takes: who is over in half of it did not wait for it."""


def test_a_connection_is_kept_and_used_again() -> None:
    """Also after requests that were refused."""
    with served() as server, server.connect() as one:
        for body, status in ((ASK, 200), (b"{", 400), (ASK, 200)):
            one.sendall(request("POST", "/invocations", body))
            assert read(one).status == status
        one.sendall(request("POST", "/invocations", ASK, "Content-Type: text/plain"))
        assert read(one).status == 415
        one.sendall(request("GET", "/ping"))
        assert read(one).json == {"status": "ready"}


def test_a_head_of_ping_has_no_body() -> None:
    """As HTTP wants it."""
    with served() as server, server.connect() as one:
        one.sendall(request("HEAD", "/ping", b"", "Connection: close"))
        data = b""
        while piece := one.recv(4096):
            data += piece
        assert data.startswith(b"HTTP/1.1 200 ")
        assert data.endswith(b"\r\n\r\n")


def test_a_truncated_body_is_not_computed() -> None:
    """The client says more than it sends, and leaves."""
    with served() as server:
        with server.connect() as one:
            one.sendall(request("POST", "/invocations", ASK, length=1000))
        before = int(server.tell("windows"))
        assert server.ask({"inputs": [4]}).status == 200
        assert int(server.tell("windows")) == before + 1


def test_a_slow_body_holds_up_nobody() -> None:
    """Others are answered between its pieces, and it is in the end."""
    with served() as server, server.connect() as slow:
        whole = request("POST", "/invocations", ASK)
        for place in range(0, len(whole), 20):
            slow.sendall(whole[place : place + 20])
            assert server.ask({"inputs": [4]}).status == 200
        assert read(slow).status == 200


def test_a_body_that_does_not_come_is_408() -> None:
    """After the time that a body may take."""
    with served(limits={"body_s": 0.1}) as server, server.connect() as one:
        one.sendall(request("POST", "/invocations", b"{", length=100))
        response = read(one)
        assert (response.status, response.headers["connection"]) == (408, "close")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_everything_first_can_read_its_413(chunked: bool) -> None:
    """The connection is not reset under the response."""
    body = b"x" * 3_000_000
    if chunked:
        pieces = b"".join(b"%x\r\n%s\r\n" % (100_000, body[:100_000]) for _ in range(30)) + b"0\r\n\r\n"
        whole = request("POST", "/invocations", b"", "Transfer-Encoding: chunked") + pieces
    else:
        whole = request("POST", "/invocations", body)
    with served(limits={"max_body_bytes": 1000}) as server, server.connect() as one:
        one.sendall(whole)
        response = read(one)
        assert (response.status, response.json["type"]) == (413, "PayloadTooLarge")
        assert "the limit is 1000" in response.json["message"]


def test_a_client_that_asks_before_it_sends_is_told_413_at_once() -> None:
    """Expect: 100-continue, as curl does; nothing of the body is sent for nothing."""
    with served(limits={"max_body_bytes": 1000}) as server, server.connect() as one:
        one.sendall(request("POST", "/invocations", b"", "Expect: 100-continue", length=5000))
        assert read(one).status == 413


def test_a_client_that_leaves_spares_the_computing() -> None:
    """Its windows are dropped, the others' computed."""
    with served() as server, server.connect() as first:
        before = int(server.tell("windows"))
        server.tell("close")
        first.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        with server.connect() as leaving:
            leaving.sendall(request("POST", "/invocations", json.dumps({"inputs": [4] * 5}).encode()))
            while server.get("/info").json["engine"]["queued_windows"] < 5:
                pass
        assert float(server.tell("dropped")) == 5
        server.tell("open")
        assert read(first).status == 200
        assert int(server.tell("windows")) == before + 1


def test_what_is_not_http_ends_its_connection_and_no_other() -> None:
    """Bytes of any kind can arrive at a port."""
    with served() as server:
        with server.connect() as one:
            one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
            response = read(one)
            assert (response.status, response.json["type"]) == (400, "InvalidRequest")
        assert server.get("/ping").status == 200


def test_a_body_of_20_mb_does_not_hold_up_ping() -> None:
    """It is answered or refused; meanwhile the health check is on time."""
    body = json.dumps({"question": "Who?", "context": "Ada wrote it. " * 1_500_000}).encode()
    with served(task="text") as server, server.connect() as large:
        large.sendall(request("POST", "/invocations", body))
        began = time.monotonic()
        assert server.get("/ping").status == 200
        assert time.monotonic() - began < PING_S
        assert read(large).status in (200, 413)
        assert server.ask(PAIR).status == 200


def test_sigterm_answers_what_is_in_flight_and_refuses_the_rest() -> None:
    """Then the process ends with 0 and without a word too many."""
    with served() as server, server.connect() as first:
        server.tell("close")
        first.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        server.signal(signal.SIGTERM)
        while (ping := server.get("/ping")).status == 200:
            pass
        assert (ping.status, ping.json["message"]) == (503, "The server is shutting down.")
        late = server.ask({"inputs": [4]})
        assert (late.status, late.json["type"], late.headers["connection"]) == (503, "Draining", "close")
        server.tell("open")
        assert read(first).status == 200
        status, out, err = server.ended()
        assert (status, out) == (0, ["ended"])
        assert "Traceback" not in err


def test_a_drain_behind_a_proxy_ends_the_connections_that_it_keeps() -> None:
    """So that the proxy's next request goes to another worker. What is in flight is answered."""
    with served(late=True) as server, server.connect() as kept, server.connect() as busy:
        kept.sendall(request("GET", "/ping"))
        assert read(kept).status == 200
        server.tell("close")
        busy.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        server.signal(signal.SIGTERM)
        assert kept.recv(100) == b""
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        server.tell("open")
        answer = read(busy)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert server.ended()[0] == 0


def test_a_drain_is_not_for_ever() -> None:
    """Whoever is still waiting then gets a 503 and not a broken connection."""
    with served(drain_s=0.1) as server, server.connect() as one:
        server.tell("close")
        one.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        server.signal(signal.SIGTERM)
        response = read(one)
        assert (response.status, response.json["message"]) == (503, "The server has stopped.")
        server.tell("open")
        status, out, err = server.ended()
        assert (status, out) == (0, ["ended"])
        assert "stopped before all requests were answered" in err


def test_ctrl_c_ends_it_cleanly_with_idle_connections() -> None:
    """Connections that are kept open do not hold it up."""
    with served() as server, server.connect() as idle:
        idle.sendall(request("GET", "/ping"))
        assert read(idle).status == 200
        server.signal(signal.SIGINT)
        status, out, err = server.ended()
        assert (status, out) == (0, ["ended"])
        assert "Traceback" not in err
        assert idle.recv(1) == b""


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    """Though a batch computes and computes."""
    with served(drain_s=DRAIN_S) as server, server.connect() as one:
        server.tell("close")
        one.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        server.signal(signal.SIGINT)
        while server.get("/ping").status == 200:
            pass
        began = time.monotonic()
        server.signal(signal.SIGINT)
        status, out, err = server.ended()
        assert (status, out) == (130, ["interrupted"])
        assert "Traceback" not in err
        assert time.monotonic() - began < DRAIN_S / 2


def test_two_times_ctrl_c_at_an_idle_server() -> None:
    """However short the time between them."""
    for pause in (0.0, 0.01, 0.05):
        with served() as server:
            server.signal(signal.SIGINT)
            time.sleep(pause)
            server.signal(signal.SIGINT)
            status, _, err = server.ended()
            assert status in (0, 130)
            assert "Traceback" not in err


def test_a_second_ctrl_c_tells_those_who_wait() -> None:
    """503 in our shape, not a broken connection or somebody else's 500."""
    with served(drain_s=60) as server, server.connect() as one, server.connect() as other:
        server.tell("close")
        one.sendall(request("POST", "/invocations", ASK))
        server.tell("held")
        other.sendall(request("POST", "/invocations", ASK))
        while server.get("/info").json["engine"]["in_flight"] < 2:
            pass
        server.signal(signal.SIGINT)
        while server.get("/ping").status == 200:
            pass
        server.signal(signal.SIGINT)
        response = read(other)
        assert (response.status, response.json["type"]) == (503, "NotReady")


def test_a_head_without_end_is_refused() -> None:
    """431, whether it is one line or many, and the connection ends."""
    for head in (b"X-A: " + b"a" * 200_000, b"".join(b"X-%d: 1\r\n" % n for n in range(20_000))):
        with served() as server, server.connect() as one:
            one.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n" + head)
            response = read(one)
            assert (response.status, response.json["code"], response.headers["connection"]) == (431, 431, "close")
            assert server.get("/ping").status == 200


def test_connections_that_say_nothing_are_closed() -> None:
    """408 for half a head, and no word to one that never said any; a kept connection may be idle for longer."""
    with (
        served(protocol={"HEAD_S": 0.3}) as server,
        server.connect() as silent,
        server.connect() as half,
        server.connect() as kept,
    ):
        kept.sendall(request("GET", "/ping"))
        assert read(kept).status == 200
        half.sendall(b"GET /ping HTT")
        assert read(half).status == 408
        assert silent.recv(1) == b""
        kept.sendall(request("GET", "/ping"))
        assert read(kept).status == 200


def test_a_closed_log_leaves_the_answers_alone() -> None:
    """Its reader has gone; /ping is green and requests are answered."""
    with served() as server:
        assert server.process.stderr is not None
        server.process.stderr.close()
        for _ in range(2):
            assert server.get("/ping").status == 200
            assert server.ask({"inputs": [4]}).status == 200
        server.signal(signal.SIGTERM)
        assert server.process.wait(15) == 0


def test_ping_says_what_it_waits_for_while_the_model_loads() -> None:
    """The port is open from the beginning."""
    with launched(port=free_port(), load_slowly=True) as server:
        _until_open(server)
        ping = server.get("/ping")
        assert (ping.status, ping.json["message"]) == (503, "The model is loading.")
        assert server.ask({"inputs": [4]}).status == 503
        server.write("load")
        assert {server.line(), server.line()} == {"load", f"listening {server.port}"}
        assert server.get("/ping").status == 200


def test_ctrl_c_ends_it_while_the_model_loads() -> None:
    """With 0, as at any other time."""
    with launched(port=free_port(), load_slowly=True) as server:
        _until_open(server)
        server.signal(signal.SIGINT)
        status, out, err = server.ended()
        assert (status, out) == (0, ["ended"])
        assert "Traceback" not in err


def test_a_model_that_cannot_be_loaded_ends_the_server() -> None:
    """With the reason as whoever started it gets to see it."""
    with launched(fail_to_load=True) as server:
        status, out, err = server.ended()
        assert (status, out) == (1, ["refused There is no model."])
        assert "Traceback" not in err


def test_a_port_in_use_ends_the_server_before_the_model_is_loaded() -> None:
    """It would be a pity about the time."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with launched(port=port, load_slowly=True) as server:
            status, out, _ = server.ended()
    assert status == 1
    assert out[0].startswith(f"refused Port {port} is in use")


def test_a_unix_socket_serves_and_goes_away(tmp_path: Path) -> None:
    """For a proxy on the same machine."""
    path = tmp_path / "moor.sock"
    with served(unix=str(path)) as server:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(path))
            one.sendall(request("POST", "/invocations", ASK))
            assert read(one).status == 200
        server.signal(signal.SIGTERM)
        assert server.ended()[0] == 0
    assert not path.exists()


def _until_open(server: Server) -> None:
    """Until it answers, though not yet from a model."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            assert server.get("/ping").status == 503
        except OSError:  # nobody listens there yet
            time.sleep(0.01)
        else:
            return
    raise TimeoutError(server.port)
