"""Who is let in, and what the others are told."""

import asyncio
import math
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

    play(scene, Limits(max_windows=10, queue_tokens=1))


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


def test_a_full_queue_refuses_at_the_door_and_says_when_to_come_back() -> None:
    """Judged by the estimate, before tokenising; let in again when there is room."""

    async def scene(stage: Running) -> None:
        stage.backend.on_run = lambda _: stage.clock.advance(1.0)
        for _ in range(200):  # Until the measured rate forgets the warm-up, in which no time passed.
            await stage.engine.answer((16,))
        first = await stage.hold()
        waiting = [stage.ask(32) for _ in range(4)]
        await stage.queued(4)
        with pytest.raises(QueueFull, match="128 of 130 tokens") as refused:
            await stage.engine.answer((32,))
        assert refused.value.retry_after == math.ceil((128 + 32 - 130) / 16)
        assert stage.counts.refusals == ["queue_full"]
        stage.backend.gate.open()
        await asyncio.gather(first, *waiting)
        assert await stage.ask(32) == alone(32)

    play(scene, Limits(queue_tokens=130))


def test_a_request_larger_than_the_bound_is_served_when_nothing_waits() -> None:
    """And others are still let in beside it."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        large = stage.ask(*(128,) * 20)
        await stage.queued(20)
        small = stage.ask(32)
        await stage.queued(21)
        with pytest.raises(QueueFull):
            await stage.engine.answer((128,) * 20)
        stage.backend.gate.open()
        assert await large == alone(*(128,) * 20)
        assert await small == alone(32)
        await first

    play(scene, Limits(queue_tokens=100))


def test_what_was_estimated_is_corrected_after_tokenising() -> None:
    """The queue is charged by padded tokens, not by the guess."""

    class Overestimating(FakeTask):
        def estimate(self, request: Any) -> int:
            return 90

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        waiting = []
        for place in range(3):
            waiting.append(stage.ask(16))
            await stage.queued(place + 1)
        stage.backend.gate.open()
        await asyncio.gather(first, *waiting)

    play(scene, Limits(queue_tokens=100), task=Overestimating())
