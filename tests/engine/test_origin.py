"""Which requests a process may die of, and those that it must not refuse."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from mooring.engine.answers import AnswerCache
from mooring.engine.limits import Limits
from mooring.engine.observer import NullObserver
from mooring.engine.once import Once
from mooring.errors import QueueFull
from mooring.observe import pulse
from mooring.observe.pulse import ORIGIN, Origin, Pulse
from tests.engine.running import Running, play


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    """The pulse of this process, as process 1 sees it."""
    descriptor = pulse.create()
    monkeypatch.setattr(pulse, "_own", None)
    yield pulse.adopt(descriptor)
    os.close(descriptor)


def ask(stage: Running, name: bytes, length: int, *, retried: bool = False) -> "asyncio.Task[object]":
    """Ask in the background as a request with an id."""

    async def answer() -> object:
        ORIGIN.set(Origin([name], retried))
        return (await stage.engine.answer((length,))).answer

    return asyncio.ensure_future(answer())


def test_only_the_batch_being_computed_is_suspect(seen: Pulse) -> None:
    """A request that waits in the queue is not."""

    async def scene(stage: Running) -> None:
        stage.backend.gate.close()
        first = ask(stage, b"computed", 10)
        await stage.held()
        second = ask(stage, b"waiting.", 10)
        await stage.queued(1)
        assert seen.at_work() == {b"computed"}
        stage.backend.gate.open()
        await asyncio.gather(first, second)
        assert seen.at_work() == set()

    play(scene)


def test_identical_requests_are_suspect_together(seen: Pulse) -> None:
    """They share one computation."""

    async def scene(stage: Running) -> None:
        once = Once(stage.engine, stage.task, AnswerCache(0), deadline_s=60.0, observer=NullObserver())

        async def answer(name: bytes) -> object:
            ORIGIN.set(Origin([name]))
            return (await once.answer((10,))).source

        stage.backend.gate.close()
        first = asyncio.ensure_future(answer(b"aaaaaaaa"))
        await stage.held()
        # It has not begun to wait when the batch is computed: its id is not noted for this batch.
        second = asyncio.ensure_future(answer(b"bbbbbbbb"))
        third = ask(stage, b"cccccccc", 10)
        await stage.queued(1)
        assert seen.accepted() == {b"aaaaaaaa", b"bbbbbbbb", b"cccccccc"}
        stage.backend.gate.open()
        assert sorted([await first, await second]) == ["computed", "shared"]  # type: ignore[type-var]
        await third

        stage.backend.gate.close()
        blocking = ask(stage, b"blocking", 20)
        await stage.held()
        both = [asyncio.ensure_future(answer(name)) for name in (b"aaaaaaaa", b"bbbbbbbb")]
        await stage.queued(1)
        stage.backend.gate.let()
        await blocking
        await stage.held()
        assert seen.at_work() == {b"aaaaaaaa", b"bbbbbbbb"}
        stage.backend.gate.open()
        await asyncio.gather(*both)

    play(scene)


def test_a_request_that_another_worker_had_accepted_is_not_refused() -> None:
    """Nothing that was accepted is lost; a new one is refused. A batch takes 1 s here."""

    async def scene(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(1.0)
        await stage.engine.answer((16,))
        first = await stage.hold()
        waiting = [ask(stage, b"waiting.", 16)]
        await stage.queued(1)
        with pytest.raises(QueueFull):
            await ask(stage, b"new.....", 16)
        waiting.append(ask(stage, b"retried.", 16, retried=True))
        await stage.queued(2)
        stage.backend.gate.open()
        await asyncio.gather(first, *waiting)

    play(scene, Limits(max_queue_s=0.5, idle_warm=False))
