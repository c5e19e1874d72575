"""What is known of the workers, and what /ping, /health/live, /info, /metrics and waiting requests make of it."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mooring.container import front
from mooring.container.board import Board
from mooring.container.child import End, Slot
from mooring.container.front import WAIT_S, Front, create_front, longest_wait
from mooring.container.metrics import FrontMetrics, WorkerMetrics
from mooring.container.topology import Worker
from mooring.observe.metrics import Metrics
from tests.support.asgi import Client, Reply

REFUSED = End(3, None, "ModelInvalid", "model.safetensors has 0 bytes.")
CHANGED = End(3, None, "ModelChanged", "The model on disk is not the one being served.")
KILLED = End(-9, 12.0)


def slot(number: int, *, ready: bool = False, last: End | None = None, failures: int = 0) -> Slot:
    """One of a service that has been ready."""
    return Slot(Worker(number, 1), ready=ready, last=last, failures=failures)


def board(*slots: Slot, was_ready: bool = True) -> Board:
    """With these workers."""
    return Board({one.worker.slot: one for one in slots}, was_ready=was_ready)


def ask(known: Board, path: str, folder: Path, **headers: str) -> Reply:
    """What the front answers; nobody listens at any worker's socket."""

    async def call() -> Reply:
        metrics = FrontMetrics(WorkerMetrics(folder, known.slots))
        app = create_front(Front(known, metrics, lambda number: folder / f"{number}.sock"), Metrics())
        return await Client(app).call("GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()})

    return asyncio.run(call())


def test_a_healthy_service_is_not_degraded() -> None:
    """Nor is one whose standby is on its first start, or that has not been ready yet."""
    assert board(slot(1, ready=True), slot(2)).degraded == []
    assert board(slot(1, last=REFUSED), was_ready=False).degraded == []


def test_a_worker_that_cannot_start_is_named_with_the_reason_and_since_when(tmp_path: Path) -> None:
    """In /info, and counted in /metrics."""
    known = board(slot(1, last=REFUSED, failures=3), slot(2, ready=True))
    info = ask(known, "/info", tmp_path).json
    [entry] = info["degraded"]
    assert (entry["worker"], entry["since"]) == (1, known.slots[1].since)
    assert "model.safetensors has 0 bytes" in entry["reason"]
    assert [worker["reason"] for worker in info["topology"]["workers"]] == [entry["reason"], ""]
    assert "mooring_front_degraded 1.0" in ask(known, "/metrics", tmp_path).body.decode()
    assert "mooring_front_degraded 0.0" in ask(board(slot(1, ready=True)), "/metrics", tmp_path).body.decode()


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([CHANGED, CHANGED], 503),
        ([CHANGED, REFUSED], 200),
        ([CHANGED, KILLED], 200),
        ([REFUSED, REFUSED], 200),
        ([CHANGED, None], 200),
    ],
)
def test_liveness_is_red_only_where_a_new_start_of_it_all_would_help(
    ends: list[End | None], status: int, tmp_path: Path
) -> None:
    """The files are another model's, and nobody serves the old one any more."""
    known = board(*(slot(number, ready=end is None, last=end) for number, end in enumerate(ends, 1)))
    reply = ask(known, "/health/live", tmp_path)
    assert reply.status == status
    if status == 503:
        assert "is not the one being served" in reply.json["message"]


def test_the_ping_has_each_reason_once(tmp_path: Path) -> None:
    """However many workers have it."""
    reply = ask(board(slot(1, last=REFUSED, failures=1), slot(2, last=REFUSED, failures=1)), "/ping", tmp_path)
    assert (reply.status, reply.json["type"]) == (503, "NotReady")
    assert reply.json["message"].count("model.safetensors has 0 bytes") == 1


@pytest.mark.parametrize("holder", ["", "worker_1"])
def test_a_request_does_not_wait_for_a_worker_that_failed_to_start(tmp_path: Path, holder: str) -> None:
    """It is refused at once, with the reason: nobody knows when there will be one."""
    others = [slot(2, last=REFUSED, failures=1)] if not holder else [slot(2, ready=True)]
    known = board(slot(1, last=REFUSED, failures=1), *others)
    reply = asyncio.run(asyncio.wait_for(_unanswered(known, tmp_path, holder), WAIT_S / 2))
    assert reply.status == 503
    assert "model.safetensors has 0 bytes" in reply.json["message"]


def test_a_request_whose_workers_end_one_after_the_other_may_be_sent_again(tmp_path: Path) -> None:
    """nginx allows no further round. It is not to blame, so this is no 502, and the service is not down."""
    reply = asyncio.run(_unanswered(board(slot(1, ready=True)), tmp_path, "", tried=" : ".join(["0.000"] * 7)))
    assert (reply.status, reply.json["type"], reply.headers["retry-after"]) == (429, "QueueFull", "1")
    assert "4 workers ended before they answered" in reply.json["message"]


def test_the_reason_is_more_useful_than_the_number_of_rounds(tmp_path: Path) -> None:
    """If no worker will come, or the service goes down, sending it again in a second does not help."""
    gone, going = board(slot(1, last=REFUSED, failures=1)), board(slot(1, ready=True))
    going.draining = True
    replies = [asyncio.run(_unanswered(one, tmp_path, "", tried=" : ".join(["0.000"] * 7))) for one in (gone, going)]
    assert [(reply.status, reply.json["type"]) for reply in replies] == [(503, "NotReady"), (503, "Draining")]


async def _unanswered(known: Board, folder: Path, holder: str, tried: str = "-", wait_s: str = "") -> Reply:
    metrics = FrontMetrics(WorkerMetrics(folder, known.slots))
    app = create_front(Front(known, metrics, lambda number: folder / f"{number}.sock"), Metrics())
    headers = {"X-Mooring-Tried": tried, "X-Mooring-Holder": holder, "X-Mooring-Spent": wait_s}
    return await Client(app).call("GET", "/unanswered", headers=headers)


def test_a_worker_is_waited_for_while_it_is_replaced() -> None:
    """Its last one was ready: the next takes a second."""
    known = board(slot(1, last=KILLED), slot(2, last=REFUSED, failures=2))
    assert known.coming()
    assert known.coming(1)
    assert not known.coming(2)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (REFUSED, ["A worker cannot start", "0 bytes"]),
        (KILLED, ["Worker 1 died (signal SIGKILL; probably out of memory", "is restarting"]),
        (End(-11), ["Worker 1 died during startup (signal SIGSEGV)"]),
        (End(-7), ["signal SIGBUS; probably a full disk"]),
        (End(-40), ["signal 40"]),
        (End(0), ["during startup (exit code 0)"]),
    ],
)
def test_why_a_slot_is_empty(end: End, words: list[str]) -> None:
    """In whole sentences, whether the worker could say it or not."""
    assert all(word in slot(1, last=end).reason for word in words)


def test_before_the_first_end_the_model_is_loading() -> None:
    """And afterwards, while it loads again, the reason of the last end stays."""
    assert slot(1).reason == "The model is loading."
    assert slot(1, ready=True).reason == ""
    assert json.dumps(board(slot(1, last=REFUSED)).degraded)


def test_requests_go_to_the_standby_only_if_no_active_worker_reacts() -> None:
    """/ping asks those that get the requests now."""
    active, standby = slot(1, ready=True), slot(2, ready=True)
    known = board(active, standby)
    known.standby = 2
    assert known.path == [active]
    active.note_silence("Worker 1 has not reacted for 0.5 s.")
    assert known.path == [standby]
    assert known.red() is None
    assert [entry["reason"] for entry in known.degraded] == ["Worker 1 has not reacted for 0.5 s."]
    standby.note_silence("Worker 2 has not reacted for 0.5 s.")
    assert known.path == []
    assert "Worker 1 has not reacted for 0.5 s. Worker 2 has not" in str(known.red())
    active.note_silence("")
    assert known.path == [active]


def test_an_idle_standby_does_not_vouch_for_the_active_worker(tmp_path: Path) -> None:
    """An active worker whose model fails gets the requests, so /ping is red although the standby is well."""

    async def scene() -> tuple[Reply, Reply]:
        known = board(slot(1, ready=True), slot(2, ready=True))
        known.standby = 2
        metrics = FrontMetrics(WorkerMetrics(tmp_path, known.slots))
        app = create_front(Front(known, metrics, lambda number: tmp_path / f"{number}.sock"), Metrics())
        failing = b'HTTP/1.1 503 x\r\nContent-Length: 33\r\n\r\n{"message": "The last batch ..."}'
        well = b"HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{}"
        async with says(tmp_path / "1.sock", failing), says(tmp_path / "2.sock", well):
            red = await Client(app).call("GET", "/ping")
            known.slots[1].lose()
            return red, await Client(app).call("GET", "/ping")

    red, green = asyncio.run(scene())
    assert (red.status, red.json["message"]) == (503, "The last batch ...")
    assert green.status == 200


@contextlib.asynccontextmanager
async def says(path: Path, response: bytes) -> AsyncIterator[None]:
    """A worker that answers every request alike."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        yield


def test_a_worker_that_is_late_but_beats_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be short of CPU: it accepts the connection, and nothing says that it hangs."""
    monkeypatch.setattr(front, "ASK_S", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "1.sock"))
        silent.listen()
        assert ask(board(slot(1, ready=True)), "/ping", tmp_path).status == 200


def test_a_worker_that_does_not_listen_is_not_well(tmp_path: Path) -> None:
    """nginx sends it nothing. While the standby answers, all is well; it alone is not there for the active one."""
    known = board(slot(1, ready=True), slot(2, ready=True))
    known.standby = 2
    red = ask(known, "/ping", tmp_path)
    assert (red.status, red.json["message"]) == (503, "No worker accepts connections.")

    async def scene() -> Reply:
        async with says(tmp_path / "2.sock", b"HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{}"):
            return await asyncio.to_thread(ask, known, "/ping", tmp_path)

    assert asyncio.run(scene()).status == 200


def test_a_request_goes_to_a_worker_that_says_it_lives(tmp_path: Path) -> None:
    """Not to one that would hand it back again, nor to one that does not listen."""
    known = board(slot(1, ready=True))
    known.was_ready = True

    async def scene(status: bytes) -> Reply:
        async with says(tmp_path / "1.sock", b"HTTP/1.1 %s x\r\nContent-Length: 2\r\n\r\n{}" % status):
            return await _unanswered(known, tmp_path, "", wait_s="59.5")

    assert asyncio.run(scene(b"503")).status == 503
    (tmp_path / "1.sock").unlink(missing_ok=True)
    assert asyncio.run(scene(b"200")).headers["x-accel-redirect"] == "@again"


def test_a_request_is_not_retried_after_its_deadline(tmp_path: Path) -> None:
    """All the time that it has spent counts."""
    known = board(slot(1, ready=True))
    reply = ask(known, "/unanswered", tmp_path, X_Mooring_Tried="0.000", X_Mooring_Spent="50.0 : 10.5")
    assert (reply.status, reply.json["type"]) == (504, "DeadlineExceeded")


@pytest.mark.parametrize(
    ("hung", "words"), [("Worker 1 has not reacted for 1.0 s.", "It was killed and is restarting")]
)
def test_a_worker_that_was_killed_because_it_hung_is_named_so(hung: str, words: str) -> None:
    """And memory is not blamed."""
    reason = slot(1, last=End(-9, 12.0, hung=hung)).reason
    assert reason == f"{hung} {words}."


def test_the_expected_wait_is_that_of_the_busiest_worker() -> None:
    """A standby waits for nothing; a worker of several models has no engine of its own."""
    busy, standby = ({"engine": {"phase": "serving", "queue_wait_seconds": wait}} for wait in (0.75, 0.0))
    assert longest_wait([standby, busy])["engine"] == {"phase": "serving", "queue_wait_seconds": 0.75}
    assert longest_wait([{"multi_model": True}, {"engine": {"phase": "loading"}}]) == longest_wait([]) == {}
