"""Requests that end before they are computed: cancelled, expired, refused."""

import asyncio
import threading
from collections.abc import Callable, Coroutine

import pytest

from mooring.engine.limits import Limits
from mooring.errors import DeadlineExceeded
from mooring.tasks.base import Prepared
from mooring.testing import FakeTask
from tests.engine.running import Running, play, until


def play_out(
    scene: Callable[[Running], Coroutine[None, None, None]],
    limits: Limits | None = None,
    *,
    task: FakeTask | None = None,
) -> None:
    """Play a scene; in the end nothing may be left behind."""

    async def to_the_end(stage: Running) -> None:
        await scene(stage)
        stage.backend.gate.open()
        assert await stage.engine.drain(5)
        await until(lambda: stage.engine.snapshot()["queued_windows"] == 0)
        assert stage.engine.snapshot()["in_flight"] == 0
        assert stage.engine.snapshot()["queue_wait_seconds"] == 0
        assert not stage.engine._door._tickets

    play(to_the_end, limits, task=task)


class Held(FakeTask):
    """Tokenising waits for the test."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.prepared = 0

    def prepare(self, request: object) -> Prepared:
        """Held for every request but the probe."""
        if request != self.probe():
            self.prepared += 1
            self.began.set()
            assert self.go_on.wait(5)
        return super().prepare(request)


def test_a_cancelled_request_is_not_computed() -> None:
    """Neither the one waiting nor, of a large one, what had not run yet."""

    async def scene(stage: Running) -> None:
        stage.backend.gate.close()
        large = stage.ask(*(128,) * 20)
        await stage.held()
        small = stage.ask(60)
        await stage.queued(20)
        large.cancel()
        small.cancel()
        await asyncio.wait([large, small])
        assert stage.engine.snapshot()["queued_windows"] == 0
        stage.backend.gate.open()
        await stage.ask(32)
        assert stage.backend.batches == [(128,), (32,)]
        assert sorted(stage.counts.drops) == [("cancelled", 1), ("cancelled", 19)]

    play_out(scene)


def test_a_request_cancelled_while_it_is_tokenised_is_not_computed() -> None:
    """It never enters the queue, and its charge is given back."""
    task = Held()

    async def scene(stage: Running) -> None:
        asked = stage.ask(60)
        await asyncio.to_thread(task.began.wait, 5)
        asked.cancel()
        await asyncio.wait([asked])
        task.go_on.set()
        await stage.ask(32)
        assert stage.backend.batches == [(32,)]

    play_out(scene, task=task)


def test_a_request_cancelled_before_it_is_tokenised_is_not_tokenised() -> None:
    """It waited behind another one for the thread."""
    task = Held()

    async def scene(stage: Running) -> None:
        first = stage.ask(60)
        await asyncio.to_thread(task.began.wait, 5)
        second = stage.ask(61)
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        task.go_on.set()
        await first
        await stage.ask(32)
        assert task.prepared == 2
        assert stage.backend.batches == [(60,), (32,)]

    play_out(scene, task=task)


def test_a_request_cancelled_while_it_is_computed_harms_nobody() -> None:
    """Its row is thrown away, its neighbour's is not."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        pair = [stage.ask(60), stage.ask(60)]
        await stage.queued(2)
        stage.backend.gate.let(1)
        await first
        await stage.held()
        pair[0].cancel()
        stage.backend.gate.open()
        assert await pair[1]
        assert pair[0].cancelled() or not pair[0].done()

    play_out(scene)


def test_a_request_past_its_deadline_is_dropped_unseen_by_the_backend() -> None:
    """The clock passes it while it waits: 504 for its caller, and its window costs nothing."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        late = stage.ask(60, deadline_s=30.0)
        fine = stage.ask(60, deadline_s=31.0)
        await stage.queued(2)
        stage.clock.advance(30.5)
        stage.backend.gate.open()
        with pytest.raises(DeadlineExceeded, match="30 s"):
            await late
        await asyncio.gather(first, fine)
        assert stage.backend.batches == [(10,), (60,)]
        assert stage.counts.drops == [("expired", 1)]

    play_out(scene)


def test_the_rest_of_a_large_request_is_dropped_at_its_deadline() -> None:
    """What has been computed is lost, what has not been is not begun."""

    async def scene(stage: Running) -> None:
        stage.backend.gate.close()
        large = stage.ask(*(128,) * 20, deadline_s=30.0)
        await stage.held()
        stage.clock.advance(30.0)
        stage.backend.gate.open()
        with pytest.raises(DeadlineExceeded):
            await large
        assert stage.backend.batches == [(128,)]
        assert stage.counts.drops == [("expired", 19)]

    play_out(scene)


def test_a_caller_is_told_at_its_deadline_and_not_when_the_engine_gets_to_it() -> None:
    """The engine is busy with a batch that does not end; a real hundredth of a second passes."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        late = stage.ask(60, deadline_s=0.01)
        with pytest.raises(DeadlineExceeded):
            await late
        assert not first.done()
        assert stage.engine.snapshot()["queued_windows"] == 0
        stage.backend.gate.open()
        await first

    play_out(scene)


def test_a_deadline_that_has_passed_already_costs_nothing() -> None:
    """Zero seconds: not even tokenised."""

    async def scene(stage: Running) -> None:
        with pytest.raises(DeadlineExceeded):
            await stage.engine.answer((60,), deadline_s=0.0)
        assert stage.backend.batches == []

    play_out(scene)


def test_without_a_deadline_of_its_own_a_request_has_the_limits() -> None:
    """Here 7 s."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        late = stage.ask(60)
        await stage.queued(1)
        stage.clock.advance(7.0)
        stage.backend.gate.open()
        with pytest.raises(DeadlineExceeded, match="7 s"):
            await late
        await first

    play_out(scene, Limits(deadline_s=7.0))


def test_many_cancelled_at_random_leave_the_others_right() -> None:
    """Two hundred requests, every third one cancelled at some moment."""

    async def scene(stage: Running) -> None:
        tasks = [stage.ask(*(1 + place % 128,) * (1 + place % 5)) for place in range(200)]
        for place in range(0, 200, 3):
            tasks[place].cancel()
            if place % 2:
                await asyncio.sleep(0)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for place, answer in enumerate(answers):
            if place % 3:
                assert isinstance(answer, dict)
                assert answer["windows"] == [1 + place % 128] * (1 + place % 5)

    play_out(scene)
