"""The closed loop against a real socket: everything is sent once, whatever happens to connections on the way."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from mooring.bench.exchange import post_bytes
from mooring.bench.load import Fleet, Run, new_event_loop
from mooring.bench.report import figures
from mooring.errors import ClientError
from mooring.target import parse_target
from tests.support.answering import Answering, Reply

pytestmark = pytest.mark.wire


def drive(url: str, count: int, clients: int = 4, *, timeout_s: float = 30.0) -> Run:
    """One run of `count` numbered requests."""
    target = parse_target(url)
    requests = [post_bytes(target, b'{"n": %d}' % number) for number in range(count)]

    async def run() -> Run:
        async with Fleet(target, clients, timeout_s) as fleet:
            return await fleet.run(requests, keep=True)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(run())


def test_every_request_is_sent_once_over_as_many_connections_as_clients() -> None:
    """Keep-alive, nothing lost, nothing twice, and each answer belongs to its request."""
    with Answering(lambda _number, body: Reply(body)) as server:
        run = drive(server.url, 200)
        assert sorted(body["n"] for body in server.bodies) == list(range(200))
        assert server.connections == 4
    assert all(run.bodies[place] == b'{"n": %d}' % place for place in range(200))
    assert figures(run)["statuses"] == {"200": 200}


def test_more_clients_than_requests() -> None:
    """Idle clients do not keep the run from ending."""
    with Answering(lambda _number, _body: Reply({})) as server:
        assert len(drive(server.url, 2, clients=8).samples) == 2


def test_no_requests_at_all() -> None:
    """A warm-up of zero."""
    with Answering(lambda _number, _body: Reply({})) as server:
        assert drive(server.url, 0).samples == []


def test_statuses_are_counted_and_the_run_goes_on() -> None:
    """Every fifth request is refused."""
    with Answering(lambda number, _body: Reply({}, 429 if number % 5 == 0 else 200)) as server:
        assert figures(drive(server.url, 50))["statuses"] == {"200": 40, "429": 10}


def test_a_server_that_closes_after_each_answer_loses_nothing() -> None:
    """The client connects again without counting an error."""
    with Answering(lambda _number, _body: Reply({}, close=True)) as server:
        result = figures(drive(server.url, 20, clients=2))
    assert (result["statuses"], result["errors"]) == ({"200": 20}, {})


def test_a_dropped_connection_is_an_error_of_one_request() -> None:
    """It is not sent again (it may have been computed), and the client goes on."""
    with Answering(lambda number, _body: Reply({}, drop=number == 7)) as server:
        result = figures(drive(server.url, 30, clients=2))
    assert result["statuses"] == {"200": 29}
    assert Counter(result["errors"]).total() == 1


def test_clients_give_up_when_the_server_only_drops() -> None:
    """Three in a row each, instead of for ever."""
    with Answering(lambda _number, _body: Reply(drop=True)) as server:
        assert len(drive(server.url, 100, clients=2).samples) == 6


def test_a_request_without_an_answer_times_out() -> None:
    """The connection is dropped and the loss is named."""
    hold = threading.Event()

    def reply(_number: int, body: dict[str, int]) -> Reply:
        if body["n"] == 0:
            hold.wait(30)
        return Reply({})

    with Answering(reply) as server:
        result = figures(drive(server.url, 10, clients=2, timeout_s=0.3))
        hold.set()
    assert (result["statuses"], result["errors"]) == ({"200": 9}, {"timeout": 1})


@contextmanager
def speaking(data: bytes, *, first: bool) -> Iterator[str]:
    """A server that sends `data`, at once or when it is asked, and closes. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        if not first:
                            connection.recv(65_536)
                        connection.sendall(data)
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(65_536)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_what_is_not_http_is_said_so() -> None:
    """A client gives up after three."""
    with speaking(b"SSH-2.0-x\r\n", first=False) as address:
        assert figures(drive(address, 9, clients=1))["errors"] == {"invalid HTTP/1 response": 3}


def test_a_server_that_speaks_first_does_not_hold_the_run_up() -> None:
    """Whether its greeting comes before the request is sent or after, the run ends without an answer."""
    with speaking(b"220 mail.example\r\n", first=True) as address, suppress(ClientError):
        assert figures(drive(address, 9, clients=2))["statuses"] == {}


def test_nobody_listening_is_an_error_before_the_run() -> None:
    """With the address, the reason and what to try."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ClientError, match=f"Cannot reach http://127.0.0.1:{port}: connection refused"):
        drive(f"127.0.0.1:{port}", 1)
