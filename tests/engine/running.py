"""A whole engine on fakes for the tests of this folder, and a way to wait without sleeping."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.testing import FakeBackend, FakeTask, ManualClock


@dataclass
class Counts:
    """An observer that remembers."""

    batches: list[tuple[int, int, int]] = field(default_factory=list)
    drops: list[tuple[str, int]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    depths: list[tuple[int, int]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def batch(self, rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """As `Observer`."""
        self.batches.append((rows, tokens, padded_tokens))

    def dropped(self, reason: str, windows: int) -> None:
        """As `Observer`."""
        self.drops.append((reason, windows))

    def refused(self, reason: str) -> None:
        """As `Observer`."""
        self.refusals.append(reason)

    def answered(self, source: str) -> None:
        """As `Observer`."""
        self.sources.append(source)

    def cached(self, size: int) -> None:
        """As `Observer`."""

    def queue(self, windows: int, tokens: int, wait_s: float) -> None:
        """As `Observer`."""
        self.depths.append((windows, tokens))
        self.waits.append(wait_s)


@dataclass
class Running:
    """What a test turns and looks at."""

    engine: Engine
    backend: FakeBackend
    task: FakeTask
    clock: ManualClock
    counts: Counts

    def ask(self, *lengths: int, deadline_s: float | None = None) -> "asyncio.Task[object]":
        """Ask in the background."""

        async def answer() -> object:
            return (await self.engine.answer(lengths, deadline_s=deadline_s)).answer

        return asyncio.ensure_future(answer())

    async def held(self, batches: int = 1) -> None:
        """Until so many batches wait at the closed gate."""
        await asyncio.to_thread(self.backend.gate.wait_held, batches)

    async def queued(self, windows: int) -> None:
        """Until so many windows wait in the queue."""
        await until(lambda: self.engine.snapshot()["queued_windows"] == windows)

    async def hold(self) -> "asyncio.Task[object]":
        """Close the gate and put one request of one window behind it, so that everything after it waits."""
        self.backend.gate.close()
        first = self.ask(10)
        await self.held()
        return first


async def until(true: Callable[[], bool]) -> None:
    """Give the event loop and the threads turns until something is so; fails after 5 s."""
    async with asyncio.timeout(30):
        # Polled, because what is waited for happens in other threads.
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.0005)


@asynccontextmanager
async def running(
    limits: Limits | None = None, *, backend: FakeBackend | None = None, task: FakeTask | None = None
) -> AsyncIterator[Running]:
    """A started engine, stopped in the end. What the warm-up did is forgotten in `backend.batches` and `counts`."""
    backend = backend or FakeBackend()
    task = task or FakeTask()
    clock, counts = ManualClock(), Counts()
    engine = Engine(task, backend, limits or Limits(), clock=clock, observer=counts)
    await engine.start()
    backend.batches.clear()
    backend.used.clear()
    counts.batches.clear()
    counts.depths.clear()
    try:
        yield Running(engine, backend, task, clock, counts)
    finally:
        backend.gate.open()
        assert await engine.stop()


def play(
    scene: Callable[[Running], Coroutine[None, None, None]],
    limits: Limits | None = None,
    *,
    backend: FakeBackend | None = None,
    task: FakeTask | None = None,
) -> None:
    """Run a scene on an engine of its own."""

    async def run() -> None:
        async with running(limits, backend=backend, task=task) as stage:
            await scene(stage)

    asyncio.run(run())


def alone(*lengths: int) -> object:
    """The answer as the fakes give it without an engine."""
    task, backend = FakeTask(), FakeBackend()
    prepared = task.prepare(lengths)
    return task.finish(prepared, [backend.run([window])[0] for window in prepared.windows])
