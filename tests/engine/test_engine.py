"""Requests through a whole engine: answers, splitting, sharing, limits and what is reported of it."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mooring.backends.base import Outputs
from mooring.errors import InvalidRequest
from mooring.tasks.base import Prepared
from mooring.testing import FakeTask
from tests.engine.running import Running, alone, play, running, until


def test_an_answer_comes_back_as_the_task_made_it() -> None:
    """One window in, one answer out."""

    async def scene(stage: Running) -> None:
        answered = await stage.engine.answer((40,))
        assert answered.answer == alone(40)
        assert answered.windows == 1

    play(scene)


def test_a_large_request_is_split_and_put_together_in_order() -> None:
    """300 windows of mixed lengths, computed longest first, answered in the order asked."""

    async def scene(stage: Running) -> None:
        lengths = tuple(1 + (place * 37) % 128 for place in range(300))
        answered = await stage.engine.answer(lengths)
        assert answered.answer == alone(*lengths)
        assert len(stage.backend.batches) > 30

    play(scene)


def test_many_at_once_each_get_their_own_answer() -> None:
    """Sharing batches mixes nothing up."""

    async def scene(stage: Running) -> None:
        asked = [(1 + place % 128,) * (1 + place % 4) for place in range(200)]
        answers = await asyncio.gather(*(stage.ask(*lengths) for lengths in asked))
        assert answers == [alone(*lengths) for lengths in asked]

    play(scene)


def test_who_waits_at_the_same_time_shares_a_batch() -> None:
    """While one batch computes the next ones gather; the engine is not asked once per request."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        others = [stage.ask(60) for _ in range(4)]
        await stage.queued(4)
        stage.backend.gate.open()
        await asyncio.gather(first, *others)
        assert stage.backend.batches == [(10,), (60, 60, 60, 60)]

    play(scene)


def test_an_idle_engine_does_not_wait_for_company() -> None:
    """A request alone is computed alone, at once."""

    async def scene(stage: Running) -> None:
        await stage.ask(60)
        assert stage.backend.batches == [(60,)]

    play(scene)


def test_a_request_without_windows_is_answered_without_computing() -> None:
    """As an empty list of inputs is."""

    async def scene(stage: Running) -> None:
        answered = await stage.engine.answer(())
        assert answered.answer == {"windows": [], "scores": []}
        assert stage.backend.batches == []

    play(scene)


def test_timings_add_up_to_the_whole_time() -> None:
    """Waiting 3 s, tokenising 1 s, two batches of 2 s, decoding 0.5 s, on a clock that moves by hand."""

    class SlowTask(FakeTask):
        def prepare(self, request: Any) -> Prepared:
            stage_clock(1.0 if request != (10,) else 0.0)
            return super().prepare(request)

        def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
            if len(outputs) > 1:
                stage_clock(0.5)
            return super().finish(prepared, outputs)

    stage_clock: Callable[[float], None] = lambda _: None  # noqa: E731

    async def scene(stage: Running) -> None:
        nonlocal stage_clock
        first = await stage.hold()
        stage_clock = stage.clock.advance
        large = asyncio.ensure_future(stage.engine.answer((32, 32, 10)))
        await stage.queued(3)
        stage.clock.advance(3.0)
        stage.backend.on_run = lambda _: stage.clock.advance(2.0)
        stage.backend.gate.open()
        await first
        timings = (await large).timings
        assert stage.backend.batches == [(10,), (32, 32), (10,)]
        assert [timings.queue_ms, timings.tokenise_ms, timings.compute_ms, timings.decode_ms] == [
            pytest.approx(milliseconds) for milliseconds in (3000, 1000, 4000, 500)
        ]

    play(scene, task=SlowTask())


def test_a_bad_request_is_the_callers_and_harms_nobody() -> None:
    """What `prepare` raises comes out of `answer` as it is; health stays."""

    class Picky(FakeTask):
        def prepare(self, request: Any) -> Prepared:
            if request == (13,):
                raise InvalidRequest("thirteen", pointer="/inputs/0")
            return super().prepare(request)

    async def scene(stage: Running) -> None:
        with pytest.raises(InvalidRequest, match="/inputs/0: thirteen"):
            await stage.engine.answer((13,))
        assert stage.engine.health().ready
        assert await stage.ask(14) == alone(14)
        assert stage.engine.snapshot()["in_flight"] == 0

    play(scene, task=Picky())


def test_a_decoding_that_fails_is_told_to_its_caller_alone() -> None:
    """An error of `finish`, also among others of the same batch."""

    class Broken(FakeTask):
        def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
            if prepared.state == (61,):
                raise ZeroDivisionError
            return super().finish(prepared, outputs)

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        tasks = [stage.ask(length) for length in (60, 61, 62)]
        await stage.queued(3)
        stage.backend.gate.open()
        await first
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [dict, ZeroDivisionError, dict]
        assert stage.engine.health().ready

    play(scene, task=Broken())


def test_a_newcomer_overtakes_a_large_request() -> None:
    """Round-robin seen from outside: the newcomer runs in the next batch."""

    async def scene(stage: Running) -> None:
        stage.backend.gate.close()
        large = stage.ask(*(128,) * 20)
        await stage.held()
        small = stage.ask(32)
        await stage.queued(20)
        stage.backend.gate.let(2)
        assert await small == alone(32)
        assert not large.done()
        stage.backend.gate.open()
        assert await large == alone(*(128,) * 20)

    play(scene)


def test_the_observer_hears_of_batches_and_of_what_waits() -> None:
    """Rows, tokens, padded tokens; the queue's depth up and down."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        others = [stage.ask(length) for length in (50, 60, 60, 60)]
        await stage.queued(4)
        stage.backend.gate.open()
        await asyncio.gather(first, *others)
        await until(lambda: len(stage.counts.batches) == 2)
        assert stage.counts.batches == [(1, 10, 16), (4, 230, 256)]
        assert max(stage.counts.depths) == (4, 256)
        await until(lambda: stage.counts.depths[-1] == (0, 0))

    play(scene)


def test_a_large_request_and_a_small_one_are_tokenised_in_different_threads() -> None:
    """Nobody waits behind half a second of tokenising."""
    tokenising = threading.Event()
    go_on = threading.Event()

    class Slow(FakeTask):
        def prepare(self, request: Any) -> Prepared:
            if len(request) > 100:
                tokenising.set()
                assert go_on.wait(5)
            return super().prepare(request)

    async def scene(stage: Running) -> None:
        large = stage.ask(*(128,) * 200)
        await asyncio.to_thread(tokenising.wait, 5)
        assert await stage.ask(32) == alone(32)
        go_on.set()
        assert await large == alone(*(128,) * 200)

    play(scene, task=Slow())


def test_it_works_on_uvloop_too() -> None:
    """The loop that serves in production."""
    uvloop = pytest.importorskip("uvloop")

    async def run() -> None:
        async with running() as stage:
            answers = await asyncio.gather(*(stage.ask(length) for length in range(1, 100)))
            assert answers == [alone(length) for length in range(1, 100)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
