"""nginx, workers and process 1 for real, on a model of a few thousand weights: what a client sees when things die."""

import contextlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mooring.container.proxy import find_nginx
from tests.support.behind import PAIR, Behind, behind, prepared
from tests.support.served import read
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

LONG = {"question": "who ?", "context": "The king lives near the river. " * 12_000}
"""Hundreds of windows: some seconds of work."""


@pytest.fixture(autouse=True, scope="module")
def needs_nginx() -> None:
    """Debian's package, or any other."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of a few thousand weights."""
    return str(write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def shared(model: str) -> Iterator[Behind]:
    """One server for the tests that leave it as it was."""
    with behind(model, "--max-body-bytes", "3000000") as server:
        server.wait_for_workers(2)
        yield server


def in_background(work: Any) -> tuple[threading.Thread, list[Any]]:
    """Run it in a thread; its result comes into the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def test_it_answers_through_nginx_and_says_who_answers(shared: Behind) -> None:
    """With the caller's request id, the stages, and the topology in the start-up text and in /info."""
    status, headers, answer = shared.ask(X_Request_Id="mine-1")
    assert status == 200
    assert PAIR["context"][answer["start"] : answer["end"]] == answer["answer"]
    assert headers["x-request-id"] == "mine-1"
    assert "compute;dur=" in headers["server-timing"]
    _, facts = shared.get("/info")
    assert (facts["topology"]["front"], facts["topology"]["active"], facts["topology"]["standby"]) == ("nginx", 1, 1)
    assert any("1 worker behind nginx, 1 on standby" in line for line in shared.said)


def test_health_is_of_two_kinds(shared: Behind) -> None:
    """/ping and readiness are the workers', liveness is process 1's."""
    assert shared.get("/ping") == (200, {"status": "ready"})
    assert shared.get("/health/ready") == (200, {"status": "ready"})
    assert shared.get("/health/live") == (200, {"status": "live"})


def test_the_api_is_described_by_a_worker(shared: Behind) -> None:
    """With the types of the task that it serves, and logged by its route."""
    status, document = shared.get("/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    media = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    assert list(media["examples"]) == ["question-answering"]
    shared.until(lambda: any(line["route"] == "/openapi.json" for line in shared.logged("request")))


def test_a_request_is_logged_once_and_a_ping_is_not(shared: Behind) -> None:
    """One line a request, whoever answered it, without anything that the client sent but its request id."""
    shared.ask({"question": "canary ?", "context": "the canary sings"}, X_Request_Id="logged-1")
    shared.get("/ping")
    shared.send("GET", "/no/such/canary?q=canary")
    shared.until(lambda: any(line["route"] == "other" for line in shared.logged("request")))
    mine = [line for line in shared.logged("request") if line["request_id"] == "logged-1"]
    assert [(line["method"], line["route"], line["status"], line["windows"]) for line in mine] == [
        ("POST", "/invocations", 200, 1)
    ]
    assert not any(line["route"] == "/ping" for line in shared.logged("request"))
    assert "canary" not in "\n".join(shared.log)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_nginxs_413_in_our_shape(shared: Behind, chunked: bool) -> None:
    """No worker sees it; both numbers are named where both are known."""
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=30)
    body: Any = (b"x" * 500_000 for _ in range(8)) if chunked else b"x" * 4_000_000
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"}, encode_chunked=chunked)
    response = connection.getresponse()
    found = json.loads(response.read())
    connection.close()
    assert response.status == found["code"] == 413
    assert found["type"] == "PayloadTooLarge"
    assert ("more than 3000000" if chunked else "4000000") in found["message"]
    assert "3000000" in found["message"]
    assert found["request_id"] == response.getheader("X-Request-Id")
    assert found["error"] == found["message"]


def told(port: int, data: bytes) -> tuple[int, dict[str, str], Any]:
    """What comes back for these bytes: status, headers in lower case, decoded body."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        one.sendall(data)
        response = read(one)
    return response.status, response.headers, response.json


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (b"NONSENSE\x01 / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "InvalidRequest"),
        (b"GET /-/400-400 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "NotFound"),
        (b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 404, "NotFound"),
        (b"POST /health/no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 404, "NotFound"),
        (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "MethodNotAllowed"),
        (b"GET /invocations HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "MethodNotAllowed"),
        (b"POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 405, "MethodNotAllowed"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 9000 + b"\r\n\r\n", 431, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: x\r\n" * 20_000 + b"\r\n", 431, "InvalidRequest"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
            "InvalidRequest",
        ),
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, "InvalidRequest"),
    ],
)
def test_every_error_has_our_shape_whoever_makes_it(shared: Behind, data: bytes, status: int, kind: str) -> None:
    """nginx, process 1 or a worker; never a page of HTML."""
    found, headers, body = told(shared.port, data)
    assert (found, body["code"], body["type"]) == (status, status, kind)
    assert headers["content-type"] == "application/json"
    assert set(body) == {"code", "type", "message", "request_id", "error"}
    assert body["error"] == body["message"]
    assert body["request_id"] == headers["x-request-id"]
    if status in (404, 405):
        assert "Send inference requests to POST /invocations" in body["message"] or body["message"].endswith(
            "Supported: POST."
        )


def test_the_address_alone_answers_and_health_is_a_ping(shared: Behind) -> None:
    """As Hugging Face's clients ask, without a redirect."""
    status, _, answer = shared.send("POST", "/", json.dumps({"inputs": PAIR, "parameters": {}}).encode())
    assert (status, set(answer)) == (200, {"score", "start", "end", "answer"})
    assert shared.get("/health") == (200, {"status": "ready"})
    assert shared.get("/")[1]["routes"]["POST /"]


def test_a_slow_client_holds_no_worker(shared: Behind) -> None:
    """nginx waits for the rest of its body; the worker hears of it when it is whole."""
    body = json.dumps(PAIR).encode()
    lines = (
        "POST /invocations HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    head = "\r\n".join((*lines, "", ""))
    with socket.create_connection(("127.0.0.1", shared.port), timeout=30) as slow:
        slow.sendall(head.encode() + body[:10])
        _, facts = shared.get("/info")
        assert facts["engine"]["in_flight"] == 0
        assert shared.ask()[0] == 200
        slow.sendall(body[10:])
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")


def test_requests_survive_the_death_of_the_worker_that_had_them(model: str) -> None:
    """kill -9 in the middle: the standby computes it again; the worker comes back, and its counters never fall."""
    with behind(model) as server:
        server.wait_for_workers(2)
        before = server.ask(LONG)[2]
        counted = server.metric("mooring_batch_tokens_total", worker="1")
        thread, results = in_background(lambda: server.ask(LONG, **{"Cache-Control": "no-cache"}))
        server.until(lambda: server.metric("mooring_queue_windows", worker="1") > 0)
        dead = server.kill(1)
        thread.join()
        [(status, _, answer)] = results
        assert (status, answer) == (200, before)
        assert server.metric("mooring_retried_requests_total") >= 1
        server.replaced(1, dead)
        assert server.metric("mooring_batch_tokens_total", worker="1") >= counted > 0
        assert server.metric("mooring_worker_starts_total", worker="1") == 2
        assert "SIGKILL" in server.logged("worker died")[0]["how"]
        assert server.stop() == 0


def test_a_request_that_two_workers_die_of_is_502_and_poison(model: str) -> None:
    """It is not given to a third."""
    with behind(model) as server:
        pids = server.wait_for_workers(2)

        def computed(slot: int) -> float:
            return server.metric("mooring_batch_tokens_total", worker=str(slot))

        before = {slot: computed(slot) for slot in (1, 2)}
        thread, results = in_background(lambda: server.ask({**LONG, "context": LONG["context"] * 2}))
        for slot in (1, 2):
            server.until(lambda: computed(slot) > before[slot])  # noqa: B023 - it computes one batch after the other
            os.kill(pids[slot], signal.SIGSEGV)  # a crash: SIGKILL would be somebody else's doing
        thread.join()
        [(status, _, body)] = results
        assert (status, body["code"], body["type"]) == (502, 502, "BackendError")
        assert server.metric("mooring_poison_requests_total") == 1
        server.until(lambda: any(line.get("poison") for line in server.logged("request")))
        server.wait_for_workers(2)
        assert server.ask()[0] == 200


def test_several_kills_fail_no_request(model: str) -> None:
    """One worker after the other, while eight clients ask without retrying."""
    with behind(model) as server:
        server.wait_for_workers(2)
        expected = server.ask()[2]
        stop = threading.Event()
        wrong: list[Any] = []
        answered = [0]

        def client() -> None:
            while not stop.is_set():
                try:
                    status, _, answer = server.ask()
                except (OSError, http.client.HTTPException) as error:
                    wrong.append(error)
                    continue
                answered[0] += 1
                if (status, answer) != (200, expected):
                    wrong.append((status, answer))

        clients = [threading.Thread(target=client) for _ in range(8)]
        for one in clients:
            one.start()
        for slot in (1, 2, 1):
            server.replaced(slot, server.kill(slot))
        stop.set()
        for one in clients:
            one.join()
        assert wrong == []
        assert answered[0] > 100


def test_nginx_comes_back_when_it_was_killed(model: str) -> None:
    """Its old workers let go of the port, and the new one takes it."""
    with behind(model) as server:
        master, *_ = server.nginx()
        os.kill(master, signal.SIGKILL)

        def answered() -> bool:
            try:
                return server.ask()[0] == 200 and server.nginx()[:1] != [master]
            except (OSError, http.client.HTTPException):
                return False

        server.until(answered, 15)
        assert server.logged("nginx died")
        assert server.stop() == 0


def test_it_stops_while_nginx_starts_again(model: str) -> None:
    """A new master notes the signal to end and does nothing until it gets another one."""
    with behind(model) as server:
        master, *_ = server.nginx()
        os.kill(master, signal.SIGKILL)
        server.until(lambda: server.nginx()[:1] not in ([], [master]))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10


def test_a_stopped_worker_does_not_make_the_ping_late(model: str) -> None:
    """The standby says for both, within the platform's 2 s."""
    with behind(model) as server:
        pids = server.wait_for_workers(2)
        os.kill(pids[1], signal.SIGSTOP)
        began = time.monotonic()
        assert server.get("/ping")[0] == 200
        assert time.monotonic() - began < 2
        os.kill(pids[1], signal.SIGCONT)


def test_being_told_to_stop_answers_what_is_in_flight(model: str) -> None:
    """SIGTERM: no connection is refused an answer that was being computed; exit code 0, no process left."""
    with behind(model) as server:
        pids = [*server.wait_for_workers(2).values(), *server.nginx()]
        asking = [in_background(partial(server.ask, {**LONG, "question": word})) for word in ("who", "what", "where")]
        server.until(lambda: server.get("/info")[1]["engine"]["in_flight"] == 3)
        assert server.stop() == 0
        for thread, _ in asking:
            thread.join()
        assert [results[0][0] for _, results in asking] == [200] * 3
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_before_it_stops_it_can_go_on_accepting_with_a_red_ping(model: str) -> None:
    """For a load balancer to notice: --drain-delay."""
    with behind(model, "--drain-delay", "1.5") as server:
        server.process.send_signal(signal.SIGTERM)
        server.until(lambda: server.get("/ping")[0] == 503)
        assert server.get("/ping")[1]["type"] == "Draining"
        assert server.ask()[0] == 200
        assert server.process.wait(30) == 0


def test_what_takes_longer_than_the_drain_is_cut_off_and_that_is_said(model: str) -> None:
    """Exit code 1: not everything was answered."""
    with behind(model, "--drain", "0.2") as server:
        thread, results = in_background(lambda: server.ask({**LONG, "context": LONG["context"] * 3}))
        server.until(lambda: server.get("/info")[1].get("engine", {}).get("in_flight") == 1)
        assert server.stop() == 1
        thread.join()
        assert isinstance(results[0], Exception)
        assert server.logged("stopped before all requests were answered")


def test_a_model_that_can_never_be_served_ends_it_with_3_and_the_reason() -> None:
    """And is not tried again and again."""
    with prepared("./no/such/model") as server:
        assert server.process.wait(60) == 3
        server.until(lambda: bool(server.logged("giving up")))
        said = "\n".join(server.log)
        assert said.count("No file or folder './no/such/model' exists") == 1


def test_before_the_first_worker_is_ready_the_ping_says_what_it_waits_for(model: str) -> None:
    """nginx listens from the start: a platform sees 503 and a reason, and not a refused connection."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with prepared(model, MOORING_PORT=str(port)) as server:
        server.port = port
        seen: list[tuple[int, Any]] = []

        def green() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                seen.append(server.get("/ping"))
            return bool(seen) and seen[-1][0] == 200

        server.until(green)
        assert seen[0][0] == 503
        assert "loading" in seen[0][1]["message"]
        assert {status for status, _ in seen} == {200, 503}


def test_too_many_at_once_are_refused_by_nginx_with_429(model: str) -> None:
    """In our shape, with Retry-After, before Python sees them. Their bodies no longer count afterwards."""
    with behind(model, "--max-in-flight", "1", "--max-body-bytes", "400000") as server:
        thread, results = in_background(lambda: server.ask(LONG))
        server.until(lambda: server.get("/info")[1].get("engine", {}).get("in_flight") == 1)
        status, headers, body = server.ask()
        assert (status, body["code"], body["type"]) == (429, 429, "QueueFull")
        assert headers["retry-after"] == "1"
        assert server.get("/ping")[0] == 200
        for _ in range(10):  # more than the bytes that bodies may take up together
            assert server.ask(LONG)[0] == 429
        thread.join()
        assert results[0][0] == 200
        assert server.metric("mooring_front_requests_total", status="429") == 11
        assert server.ask(LONG)[0] == 200


def test_two_workers_have_a_core_each_and_use_it(model: str) -> None:
    """SAGEMAKER_MODEL_SERVER_WORKERS=2: different cores, and both compute."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine has one core")
    with behind(model, SAGEMAKER_MODEL_SERVER_WORKERS="2") as server:
        pids = server.wait_for_workers(2)
        cores = [os.sched_getaffinity(pid) for pid in pids.values()]
        assert [len(one) for one in cores] == [1, 1]
        assert cores[0] != cores[1]
        asking = [in_background(lambda: server.ask(LONG)) for _ in range(4)]
        for thread, _ in asking:
            thread.join()
        assert [results[0][0] for _, results in asking] == [200] * 4
        computed = [server.metric("mooring_batch_tokens_total", kind="real", worker=str(slot)) for slot in (1, 2)]
        assert min(computed) > 0.3 * max(computed)


def test_the_platforms_port_and_its_other_names_are_honoured(model: str) -> None:
    """Each with a line where its meaning is not plain."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    environ = {"SAGEMAKER_BIND_TO_PORT": str(port), "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2", "MMS_NUMBER_OF_GPU": "1"}
    with behind(model, **environ, MOORING_PORT="") as server:
        assert server.port == port
        assert server.get("/info")[1]["limits"]["deadline_s"] == 120
        said = "\n".join(server.said)
        assert "SAGEMAKER_MODEL_SERVER_TIMEOUT=2 is read as minutes, as the stock server reads it" in said
        assert "MMS_NUMBER_OF_GPU has no effect" in said


def test_without_nginx_one_worker_serves_and_that_is_said(model: str) -> None:
    """On a laptop, or in an image that left it out."""
    hidden = "import mooring.container.proxy as proxy; proxy.find_nginx = lambda: None"
    with behind(model, program=hidden) as server:
        assert any("nginx is not installed, so one process serves without it." in line for line in server.said)
        assert server.ask()[0] == 200
        assert server.stop() == 0


def test_a_second_ctrl_c_ends_it_at_once(model: str) -> None:
    """Whatever is in flight."""
    with behind(model) as server:
        pids = list(server.workers().values())
        in_background(lambda: server.ask({**LONG, "context": LONG["context"] * 3}))
        server.until(lambda: server.get("/info")[1].get("engine", {}).get("in_flight") == 1)
        server.process.send_signal(signal.SIGINT)
        server.until(lambda: bool(server.logged("stopping")))
        began = time.monotonic()
        assert server.stop(signal.SIGINT) == 130
        assert time.monotonic() - began < 5
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_workers_end_when_process_1_is_killed(model: str) -> None:
    """Nobody serves on unwatched."""
    with behind(model) as server:
        pids = [*server.wait_for_workers(2).values(), *server.nginx()]
        server.process.kill()
        server.process.wait()
        server.until(lambda: not [pid for pid in pids if _runs(pid)], 20)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
