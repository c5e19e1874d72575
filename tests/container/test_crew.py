"""Workers that hang: ended when they say themselves that only a new process helps, and at no other time."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mooring.container import crew
from mooring.container.child import Keeper, Slot
from mooring.container.crew import Crew, Folders
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


async def _signals(folders: Folders, slot: Slot, monkeypatch: pytest.MonkeyPatch, until: int) -> list[signal.Signals]:
    """What a worker is sent by a crew that has looked that often."""
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
    slots = {1: slot}
    one = Crew(Settings(), folders, None, slots, FrontMetrics(WorkerMetrics(folders.metrics, slots)))
    one._keepers[1] = Keeper(slot, lambda *_: ((), {}), lambda *_: asyncio.sleep(0))
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
        return await _signals(Folders(tmp_path), Slot(Worker(1, 1), pid=1, ready=True), monkeypatch, 3)

    assert asyncio.run(main()) == []
