"""Warming up, going down, ending."""

import asyncio
import logging
import threading
from typing import Any

import pytest

from mooring.backends.base import Window
from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.errors import Draining, ModelInvalid, NotReady
from mooring.tasks.base import Prepared
from mooring.testing import SMALL_GRID, FakeBackend, FakeTask
from tests.engine.running import Running, play, until


def shapes(backend: FakeBackend) -> list[tuple[int, int]]:
    """What was run, as the grid pads it."""
    return [
        (SMALL_GRID.padded_batch(len(batch)), length)
        for batch in backend.batches
        for length in [SMALL_GRID.padded_length(max(batch))]
    ]


def test_before_start_nothing_is_answered() -> None:
    """And health says why."""

    async def scene() -> None:
        engine = Engine(FakeTask(), FakeBackend(), Limits())
        assert "not been started" in engine.health().reason
        with pytest.raises(NotReady, match="not been started"):
            await engine.answer((10,))

    asyncio.run(scene())


def test_start_warms_every_shape_and_asks_a_real_question() -> None:
    """Cheapest shapes first, the probe last; only then is it ready."""

    async def scene() -> None:
        backend = FakeBackend()
        engine = Engine(FakeTask(), backend, Limits())
        await engine.start()
        assert engine.health().ready
        assert shapes(backend)[:-1] == list(SMALL_GRID.shapes())
        assert backend.batches[-1] == (8,)
        await engine.stop()

    asyncio.run(scene())


def test_while_it_warms_up_it_is_not_ready() -> None:
    """A request that comes too early is refused with the reason."""

    async def scene() -> None:
        backend = FakeBackend()
        backend.gate.close()
        engine = Engine(FakeTask(), backend, Limits())
        starting = asyncio.ensure_future(engine.start())
        await asyncio.to_thread(backend.gate.wait_held)
        assert "warming up" in engine.health().reason
        with pytest.raises(NotReady, match="warming up"):
            await engine.answer((10,))
        backend.gate.open()
        await starting
        assert engine.health().ready
        await engine.stop()

    asyncio.run(scene())


def test_chosen_shapes_are_warmed_before_ready_and_the_others_when_idle() -> None:
    """In the end all of them have run once."""

    async def scene() -> None:
        backend = FakeBackend()
        engine = Engine(FakeTask(), backend, Limits(warm=((2, 64), (1, 16))))
        await engine.start()
        assert shapes(backend)[:2] == [(2, 64), (1, 16)]
        everything = len(SMALL_GRID.shapes()) + 1
        await until(lambda: len(backend.batches) == everything and engine.snapshot()["cold_shapes"] == 0)
        assert set(shapes(backend)) == set(SMALL_GRID.shapes())
        await engine.stop()

    asyncio.run(scene())


def test_a_request_waits_for_one_cold_shape_at_most() -> None:
    """What is asked, here by the probe, goes before what is warmed."""

    second = threading.Event()

    class Patient(FakeTask):
        def prepare(self, request: Any) -> Prepared:
            assert second.wait(30)
            return super().prepare(request)

    async def scene() -> None:
        backend = FakeBackend(on_run=lambda _: second.set() if len(backend.batches) == 2 else None)
        backend.gate.close()
        engine = Engine(Patient(), backend, Limits(warm=((1, 128),)))
        starting = asyncio.ensure_future(engine.start())
        backend.gate.let(1)
        await until(lambda: len(backend.batches) == 2 and engine.snapshot()["queued_windows"] == 1)
        backend.gate.let(1)
        await until(lambda: len(backend.batches) == 3)
        assert backend.batches == [(128,), (16,), (8,)]
        backend.gate.open()
        await starting
        await engine.stop()

    asyncio.run(scene())


def test_a_warm_up_that_fails_is_raised_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing serves on an engine that cannot compute."""
    caplog.set_level(logging.CRITICAL)

    async def scene() -> None:
        backend = FakeBackend()
        backend.fail_next = 1
        engine = Engine(FakeTask(), backend, Limits())
        with pytest.raises(ModelInvalid, match=r"first batches failed: .*told to fail"):
            await engine.start()
        assert "told to fail" in engine.health().reason
        assert await engine.stop()

    asyncio.run(scene())


def test_a_first_question_that_fails_is_raised_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    """Shapes alone prove nothing."""
    caplog.set_level(logging.CRITICAL)

    async def scene() -> None:
        backend = FakeBackend()
        backend.poison = lambda window: len(window) == len(FakeTask().probe()) * 8
        engine = Engine(FakeTask(), backend, Limits())
        with pytest.raises(ModelInvalid, match=r"first batches failed: .*poisoned"):
            await engine.start()
        assert "poisoned" in engine.health().reason
        assert await engine.stop()

    asyncio.run(scene())


def test_a_cold_shape_that_fails_makes_health_red(caplog: pytest.LogCaptureFixture) -> None:
    """Until a probe or a batch passes."""
    caplog.set_level(logging.CRITICAL)

    async def scene() -> None:
        asked: list[bool] = []
        backend = FakeBackend(on_run=lambda windows: asked.append(not all(map(_all_zero, windows))))
        backend.gate.close()
        engine = Engine(FakeTask(), backend, Limits(warm=()))
        starting = asyncio.ensure_future(engine.start())
        # A cold shape or the start's question, whichever the worker came to first; then the question is next.
        await until(lambda: len(asked) == 1)
        await until(lambda: asked[0] or engine.snapshot()["queued_windows"] == 1)
        backend.poison = _all_zero
        backend.gate.let(2)
        await starting
        backend.gate.open()
        await until(lambda: "poisoned" in engine.health().reason)
        await until(lambda: engine.snapshot()["cold_shapes"] == 0)
        assert (await engine.check()).ready
        await engine.stop()

    asyncio.run(scene())


def _all_zero(window: Window) -> bool:
    return not window.input_ids.any()


def test_draining_refuses_what_is_new_and_finishes_what_is_in_flight() -> None:
    """Both the one being computed and the one waiting."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        waiting = stage.ask(60)
        await stage.queued(1)
        draining = asyncio.ensure_future(stage.engine.drain(5))
        await until(lambda: not stage.engine.health().ready)
        with pytest.raises(Draining):
            await stage.ask(61)
        assert not draining.done()
        stage.backend.gate.open()
        assert await draining
        assert first.done()
        assert waiting.done()
        assert stage.counts.refusals == ["draining"]

    play(scene)


def test_draining_gives_up_in_time() -> None:
    """What is in flight then is still in flight."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        assert not await stage.engine.drain(0.01)
        stage.backend.gate.open()
        await first

    play(scene)


def test_draining_with_nothing_in_flight_is_over_at_once() -> None:
    """Ctrl-C on an idle server."""

    async def scene(stage: Running) -> None:
        assert await stage.engine.drain(0.0)

    play(scene)


def test_stopping_tells_whoever_still_waits() -> None:
    """Nobody hangs on an engine that is gone."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        waiting = stage.ask(60)
        await stage.queued(1)
        stopping = asyncio.ensure_future(stage.engine.stop())
        ends = await asyncio.gather(first, waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [NotReady, NotReady]
        stage.backend.gate.open()
        assert await stopping
        with pytest.raises(NotReady, match="stopped"):
            await stage.ask(60)

    play(scene)


def test_stopping_does_not_wait_for_ever_for_a_stuck_batch() -> None:
    """It says that the worker has not ended."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        assert not await stage.engine.stop(timeout_s=0.01)
        with pytest.raises(NotReady):
            await first

    play(scene)
