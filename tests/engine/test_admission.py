"""Who is let in, and what the others are told."""

import asyncio
from typing import Any

import pytest

from mooring.engine.limits import Limits
from mooring.errors import PayloadTooLarge, QueueFull
from mooring.tasks.base import Prepared
from mooring.testing import FakeTask
from tests.engine.running import Running, alone, play


def test_more_windows_than_one_request_may_have_are_refused_naming_both_numbers() -> None:
    """Found after tokenising; nothing is computed and nothing stays charged."""

    async def scene(stage: Running) -> None:
        with pytest.raises(PayloadTooLarge, match=r"11 windows.* 10\."):
            await stage.engine.answer((10,) * 11)
        assert await stage.ask(*(10,) * 10) == alone(*(10,) * 10)
        assert stage.counts.refusals == ["too_large"]

    play(scene, Limits(max_windows=10, max_queue_s=0))


def test_a_request_that_is_surely_too_large_is_not_even_tokenised() -> None:
    """Its estimate is over twice the limit."""

    class Untouched(FakeTask):
        def prepare(self, request: Any) -> Prepared:
            assert len(request) < 30, "tokenised"
            return super().prepare(request)

    async def scene(stage: Running) -> None:
        with pytest.raises(PayloadTooLarge, match=r"about 30 windows.* 10\."):
            await stage.engine.answer((128,) * 30)

    play(scene, Limits(max_windows=10), task=Untouched())


def test_a_long_wait_is_refused_at_the_door_and_told_when_to_come_back() -> None:
    """Before tokenizing; let in again when less waits. A row of 16 tokens takes 1 s here, and one of 128 tokens 8 s."""

    async def scene(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(1.0)
        await stage.engine.answer((16,))
        first = await stage.hold()
        waiting = [stage.ask(16), stage.ask(128)]
        await stage.queued(2)
        with pytest.raises(QueueFull, match=r"expected wait is 9 s, and at most 2\.5 s ") as refused:
            await stage.engine.answer((16,))
        assert refused.value.retry_after == 7
        assert stage.counts.refusals == ["queue_full"]
        assert stage.counts.waits[-1] == stage.engine.snapshot()["queue_wait_seconds"] == 9.0
        stage.backend.gate.open()
        await asyncio.gather(first, *waiting)
        assert stage.counts.waits[-1] == 0
        assert await stage.ask(16) == alone(16)

    play(scene, Limits(max_queue_s=2.5, idle_warm=False))


def test_a_request_that_would_begin_after_its_deadline_is_refused() -> None:
    """At once, not when the deadline has passed."""

    async def scene(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(1.0)
        await stage.engine.answer((16,))
        first, waiting = await stage.hold(), stage.ask(16)
        await stage.queued(1)
        with pytest.raises(QueueFull, match=r"expected wait is 1 s, and at most 0\.9 s "):
            await stage.engine.answer((16,), deadline_s=1.0)
        stage.backend.gate.open()
        await asyncio.gather(first, waiting)

    play(scene, Limits(max_queue_s=100.0, idle_warm=False))


def test_a_limit_of_zero_admits_only_when_nothing_waits_or_runs() -> None:
    """One request at a time."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        with pytest.raises(QueueFull):
            await stage.engine.answer((16,))
        with pytest.raises(QueueFull):
            stage.engine.refuse_if_full(0, 60.0)
        stage.backend.gate.open()
        await first
        stage.engine.refuse_if_full(0, 60.0)
        assert await stage.ask(16) == alone(16)

    async def moving(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(0.01)
        await stage.engine.answer((16,))
        await scene(stage)

    play(moving, Limits(max_queue_s=0, idle_warm=False))


def test_a_large_request_does_not_close_the_door_for_small_ones() -> None:
    """It has one turn per round, so a small request waits for one of its windows."""

    async def scene(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(1.0)
        await stage.engine.answer((128,))
        first = await stage.hold()
        large = stage.ask(*(128,) * 20)
        await stage.queued(20)
        small = stage.ask(32)
        await stage.queued(21)
        with pytest.raises(QueueFull, match=r"at most 13\.5 s is allowed"):
            await stage.engine.answer((128,) * 20, deadline_s=15.0)
        stage.backend.gate.open()
        assert await large == alone(*(128,) * 20)
        assert await small == alone(32)
        await first

    play(scene, Limits(max_queue_s=4.0, deadline_s=1000.0, idle_warm=False))


def test_what_was_estimated_is_corrected_after_tokenizing() -> None:
    """What counts are the windows, not the guess."""

    class Overestimating(FakeTask):
        def estimate(self, request: Any) -> int:
            return 1000

    async def scene(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(1.0)
        await stage.engine.answer((16,))
        first = await stage.hold()
        waiting = []
        for place in range(3):
            waiting.append(stage.ask(16))
            await stage.queued(place + 1)
        stage.backend.gate.open()
        await asyncio.gather(first, *waiting)

    play(scene, Limits(max_queue_s=4.0, idle_warm=False), task=Overestimating())
