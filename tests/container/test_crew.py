"""Workers that hang: ended when they say themselves that only a new process helps, and at no other time."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from mooring.container import crew
from mooring.container.board import Board
from mooring.container.child import End, Keeper, Slot
from mooring.container.crew import CRASHES, Crew
from mooring.container.folders import Folders
from mooring.container.metrics import FrontMetrics, WorkerMetrics
from mooring.container.topology import Worker
from mooring.settings import Settings


@contextlib.asynccontextmanager
async def worker_that_says(path: Path, status: int) -> AsyncIterator[None]:
    """Something at a worker's socket that answers every request alike."""
    path.parent.mkdir(parents=True, exist_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" % status)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        yield


async def _signals(
    folders: Folders, slot: Slot, monkeypatch: pytest.MonkeyPatch, until: int, *others: Slot
) -> list[signal.Signals]:
    """What a worker is sent by a crew that has asked that often, whomever."""
    sent: list[signal.Signals] = []
    looked = asyncio.Event()
    looks = 0
    lives = Crew._lives

    async def counted(self: Crew, number: int) -> bool:
        nonlocal looks
        looks += 1
        if looks > until:
            looked.set()
        return await lives(self, number)

    monkeypatch.setattr(crew, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(Crew, "_lives", counted)
    monkeypatch.setattr(Keeper, "signal", lambda _, number: sent.append(number))
    slots = {one.worker.slot: one for one in (slot, *others)}
    one = Crew(Settings(), folders, None, Board(slots), FrontMetrics(WorkerMetrics(folders.metrics, slots)))
    one._keepers[1] = Keeper(slot, lambda *_: ((), {}))
    looking = asyncio.ensure_future(one.look_after())
    await looked.wait()
    looking.cancel()
    return sent


@pytest.mark.parametrize(("status", "ended"), [(503, True), (200, False), (404, False)])
def test_a_worker_is_ended_when_it_says_that_it_hangs(
    status: int, ended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By kill -9: an engine that hangs hears nothing."""

    async def main() -> list[signal.Signals]:
        folders = Folders(tmp_path)
        slot = Slot(Worker(1, 1), pid=1, ready=True)
        async with worker_that_says(folders.socket(1), status):
            return await _signals(folders, slot, monkeypatch, 3)

    assert (signal.SIGKILL in asyncio.run(main())) is ended


def test_a_worker_that_cannot_be_asked_is_not_ended_for_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may only be busy."""

    async def main() -> list[signal.Signals]:
        folders = Folders(tmp_path)
        folders.make(None)
        folders.hold(1)
        return await _signals(folders, Slot(Worker(1, 1), pid=1, ready=True), monkeypatch, 3)

    assert asyncio.run(main()) == []


def test_a_worker_whose_socket_is_gone_is_told_to_end_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can reach it any more; what it has in hand it may still answer. Another slot is looked at as before."""

    async def main() -> list[signal.Signals]:
        folders = Folders(tmp_path)
        async with worker_that_says(folders.socket(2), 200):
            other = Slot(Worker(2, 1), pid=2, ready=True)
            return await _signals(folders, Slot(Worker(1, 1), pid=1, ready=True), monkeypatch, 3, other)

    assert asyncio.run(main()) == [signal.SIGTERM]


@pytest.mark.parametrize(
    ("end", "failures", "code"),
    [
        (End(2), 1, 2),
        (End(3), 1, 3),
        (End(1), 99, None),  # a connection, a port: it may pass
        (End(-9), 99, None),  # memory, most likely
        (End(-11), CRASHES - 1, None),
        (End(-11), CRASHES, 3),
        (End(0), CRASHES, 3),
        (End(3, 1.0), 0, None),  # it was ready: its own code may end it with any number
    ],
)
def test_what_ends_all_only_does_so_until_the_service_has_been_ready(
    end: End, failures: int, code: int | None, tmp_path: Path
) -> None:
    """Afterwards somebody may be answering, and files come back."""
    board = Board()
    one = Crew(Settings(), Folders(tmp_path), None, board, FrontMetrics(WorkerMetrics(tmp_path, board.slots)))
    slot = Slot(Worker(1, 1), failures=failures)
    assert one._verdict(slot, end) == code
    board.was_ready = True
    assert one._verdict(slot, end) is None


def test_a_reason_is_logged_once_until_a_worker_was_ready(tmp_path: Path) -> None:
    """However often it is tried; a worker that was ready and died is logged each time."""
    board = Board(was_ready=True)
    one = Crew(Settings(), Folders(tmp_path), None, board, FrontMetrics(WorkerMetrics(tmp_path, board.slots)))
    slot = Slot(Worker(1, 1))
    with structlog.testing.capture_logs() as lines:
        one._log = structlog.get_logger("mooring.container").bind()
        for end in (End(-9, 50.0), End(3, message="Empty."), End(3, message="Empty."), End(3, message="Gone.")):
            slot.last = end
            one._on_end(slot, end, 1.0)
        one._on_end(slot, End(3, message="Empty."), 1.0)
        one._on_ready(slot)
        one._on_end(slot, End(3, message="Empty."), 1.0)
    said = [(line["event"], line.get("reason")) for line in lines]
    assert said == [
        ("worker died", None),
        ("worker cannot start", "Empty."),
        ("worker cannot start", "Gone."),
        ("worker is back", None),
        ("worker cannot start", "Empty."),
    ]
