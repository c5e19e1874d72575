"""Two batches at a time when requests meet, everything for one when they don't."""

import asyncio
import random

import pytest

from mooring.errors import BackendError, NotReady
from mooring.testing import FakeBackend
from tests.engine.running import Running, alone, play, until


def two() -> FakeBackend:
    return FakeBackend(streams=2)


async def settled(stage: Running) -> None:
    """Until the streams are open and warm, and what that did is forgotten."""
    # Nothing is cold either before the streams' shapes are known: both streams must have computed.
    await until(lambda: {0, 1} <= set(stage.backend.used) and stage.engine.snapshot()["cold_shapes"] == 0)
    # The last shape is being warmed until its batch has been recorded.
    await until(lambda: stage.engine.snapshot()["cold_shapes"] == 0 and not stage.engine._vitals.busy)
    stage.backend.used.clear()
    stage.backend.batches.clear()


async def meet(stage: Running) -> None:
    """Two requests at the same time, answered."""
    first = await stage.hold()
    second = stage.ask(11)
    await stage.queued(1)
    stage.backend.gate.open()
    await asyncio.gather(first, second)


def test_one_after_the_other_has_everything_and_streams_are_never_opened() -> None:
    """Who asks one thing at a time spends neither the time nor the memory."""

    async def scene(stage: Running) -> None:
        for length in (10, 60, 120):
            assert await stage.ask(length) == alone(length)
        assert stage.backend.used == [None] * 3
        assert stage.backend.opened == 0

    play(scene, backend=two())


def test_two_that_meet_are_computed_at_the_same_time() -> None:
    """Each in a stream of its own, while the other is being computed."""

    async def scene(stage: Running) -> None:
        await meet(stage)
        await settled(stage)
        first = await stage.hold()
        second, third = stage.ask(60), stage.ask(120)
        await stage.queued(2)
        stage.backend.gate.let(1)
        await stage.held(2)
        assert set(stage.backend.used[1:]) == {0, 1}
        stage.backend.gate.open()
        assert list(await asyncio.gather(first, second, third)) == [alone(n) for n in (10, 60, 120)]

    play(scene, backend=two())


def test_who_comes_to_an_idle_engine_has_everything_again() -> None:
    """Having met somebody is forgotten."""

    async def scene(stage: Running) -> None:
        await meet(stage)
        await settled(stage)
        assert await stage.ask(60) == alone(60)
        assert stage.backend.used == [None]

    play(scene, backend=two())


def test_the_windows_of_one_request_are_shared_out() -> None:
    """Both streams have half of them, and the answer is in their order."""

    async def scene(stage: Running) -> None:
        await meet(stage)
        await settled(stage)
        stage.backend.gate.close()
        asked = stage.ask(120, 118, 60, 10)
        await stage.held(2)
        assert sorted(stage.backend.used, key=str) == [0, 1]
        stage.backend.gate.open()
        assert await asked == alone(120, 118, 60, 10)

    play(scene, backend=two())


def test_a_request_of_several_windows_opens_them_too() -> None:
    """It meets itself."""

    async def scene(stage: Running) -> None:
        assert await stage.ask(120, 120, 120) == alone(120, 120, 120)
        await until(lambda: stage.backend.opened == 1)

    play(scene, backend=two())


def test_a_request_that_fails_in_one_stream_is_answered_once_and_its_neighbour_is_not_harmed() -> None:
    """The other stream computes a window of the same request, and one of somebody else."""

    async def scene(stage: Running) -> None:
        await meet(stage)
        await settled(stage)
        stage.backend.poison = lambda window: len(window) == 61
        stage.backend.gate.close()
        bad = stage.ask(61, 120, 118)
        await stage.held(2)
        good = stage.ask(30)
        await until(lambda: stage.engine.snapshot()["in_flight"] == 2)
        stage.backend.gate.open()
        with pytest.raises(BackendError, match="poisoned"):
            await bad
        assert await good == alone(30)
        assert await stage.ask(31) == alone(31)

    play(scene, backend=two())


def test_streams_that_cannot_be_opened_leave_one_batch_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    """And it is said once."""

    class Closed(FakeBackend):
        def open_streams(self) -> None:
            super().open_streams()
            raise BackendError("no memory for it")

    async def scene(stage: Running) -> None:
        for _ in range(3):
            await meet(stage)
        assert stage.backend.opened == 1
        assert stage.engine.health().ready

    play(scene, backend=Closed(streams=2))
    assert [text for text in caplog.messages if "no memory for it" in text] == caplog.messages
    assert len(caplog.messages) == 1


def test_when_one_thread_dies_everybody_is_told_and_the_other_ends() -> None:
    """There is no half of an engine."""

    async def scene(stage: Running) -> None:
        await meet(stage)
        await settled(stage)

        def broken(rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
            raise LookupError("no such metric")

        stage.counts.batch = broken  # type: ignore[method-assign]
        results = await asyncio.gather(*(stage.ask(60) for _ in range(6)), return_exceptions=True)
        assert all(isinstance(result, NotReady) for result in results)
        await until(lambda: not any(thread.is_alive() for thread in stage.engine._worker._threads))

    play(scene, backend=two())


def test_many_at_once_get_their_own_answers() -> None:
    """300 requests of one to six windows from 30 clients, the answers those of each by itself."""

    async def scene(stage: Running) -> None:
        chance = random.Random(5)

        async def client() -> None:
            for _ in range(10):
                lengths = [chance.randint(1, 128) for _ in range(chance.choice((1, 1, 1, 2, 6)))]
                assert await stage.ask(*lengths) == alone(*lengths)

        await asyncio.gather(*(client() for _ in range(30)))
        assert {0, 1} <= set(stage.backend.used)
        snapshot = stage.engine.snapshot()
        assert (snapshot["in_flight"], snapshot["queued_windows"], snapshot["queued_tokens"]) == (0, 0, 0)

    play(scene, backend=two())


def test_a_stuck_stream_is_seen_whatever_the_other_does() -> None:
    """The oldest batch counts."""

    async def scene(stage: Running) -> None:
        await meet(stage)
        await settled(stage)
        slow = await stage.hold()
        other = stage.ask(120)
        await stage.queued(1)
        stage.clock.advance(31)
        assert "a batch of 1 windows" in stage.engine.health().reason.lower()
        stage.backend.gate.open()
        await asyncio.gather(slow, other)
        assert stage.engine.health().ready

    play(scene, backend=two())
