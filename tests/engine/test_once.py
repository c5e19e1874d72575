"""The same request computed once: at the same time, and again later."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import pytest

from mooring.engine.answers import AnswerCache, Known
from mooring.engine.job import Answered
from mooring.engine.limits import Limits
from mooring.engine.once import Once
from mooring.errors import BackendError, DeadlineExceeded
from mooring.testing import FakeBackend
from tests.engine.running import Running, alone, play, until


@dataclass
class Asking:
    """A running engine with `Once` around it."""

    stage: Running
    once: Once
    cache: AnswerCache

    def ask(self, *lengths: int, deadline_s: float | None = None) -> "asyncio.Task[Answered]":
        """Ask in the background."""
        return asyncio.ensure_future(self.once.answer(lengths, deadline_s=deadline_s))

    async def computing(self, flights: int) -> None:
        """Until so many different requests are being computed."""
        await until(lambda: len(self.once._flights) == flights)


def scene(act: Callable[[Asking], Coroutine[None, None, None]], *, max_bytes: int = 1 << 20) -> None:
    async def run(stage: Running) -> None:
        cache = AnswerCache(max_bytes)
        once = Once(
            stage.engine,
            stage.task,
            cache,
            deadline_s=Limits().deadline_s,
            observer=stage.counts,
            clock=stage.clock,
        )
        await act(Asking(stage, once, cache))

    play(run, backend=FakeBackend())


def test_the_same_at_the_same_time_is_computed_once() -> None:
    """Twenty who ask one thing and one who asks another make two batches, and everybody has their answer."""

    async def act(asking: Asking) -> None:
        asking.stage.backend.gate.close()
        tasks = [asking.ask(60, 10) for _ in range(20)]
        other = asking.ask(30)
        await asking.computing(2)
        asking.stage.backend.gate.open()
        answers = await asyncio.gather(*tasks)
        assert all(answered.answer == alone(60, 10) for answered in answers)
        assert [answered.source for answered in answers] == ["computed"] + ["shared"] * 19
        assert (await other).answer == alone(30)
        assert sum(map(len, asking.stage.backend.batches)) == 3
        assert sorted(asking.stage.counts.sources) == ["computed"] * 2 + ["shared"] * 19

    scene(act, max_bytes=0)


def test_what_is_handed_out_is_each_callers_own() -> None:
    """The model's own code may change it."""

    async def act(asking: Asking) -> None:
        asking.stage.backend.gate.close()
        first, second = asking.ask(60), asking.ask(60)
        await asking.computing(1)
        asking.stage.backend.gate.open()
        one, other = (await first).answer, (await second).answer
        third = (await asking.ask(60)).answer
        for answer in (one, other, third):
            assert isinstance(answer, dict)
            assert answer == alone(60)
            answer.clear()
        assert (await asking.ask(60)).answer == alone(60)

    scene(act)


def test_what_was_answered_is_not_computed_again() -> None:
    """No batch, no time; another request is computed."""

    async def act(asking: Asking) -> None:
        first = await asking.ask(60, 10)
        batches = len(asking.stage.backend.batches)
        again = await asking.ask(60, 10)
        assert (again.answer, again.windows, again.source) == (first.answer, 2, "cache")
        assert (first.tokens, again.tokens, again.truncated) == (70, 70, False)
        assert again.timings.compute_ms == 0
        assert len(asking.stage.backend.batches) == batches
        assert (await asking.ask(10, 60)).source == "computed"
        assert asking.once.counts()["cached_answers"] == 2

    scene(act)


def test_nothing_is_remembered_without_a_cache() -> None:
    """The switch."""

    async def act(asking: Asking) -> None:
        assert (await asking.ask(60)).source == "computed"
        assert (await asking.ask(60)).source == "computed"
        assert len(asking.cache) == 0

    scene(act, max_bytes=0)


def test_a_failure_is_shared_and_not_remembered() -> None:
    """Everybody who waited is told; whoever asks next has it tried again."""

    async def act(asking: Asking) -> None:
        asking.stage.backend.gate.close()
        tasks = [asking.ask(60) for _ in range(3)]
        await asking.computing(1)
        asking.stage.backend.fail_next = 1
        asking.stage.backend.gate.open()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, BackendError) for result in results)
        assert (await asking.ask(60)).answer == alone(60)

    scene(act)


def test_the_first_may_leave_while_others_wait() -> None:
    """It is computed for who is left."""

    async def act(asking: Asking) -> None:
        asking.stage.backend.gate.close()
        first = asking.ask(60)
        await asking.computing(1)
        second = asking.ask(60)
        await until(lambda: [flight.waiting for flight in asking.once._flights.values()] == [2])
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        asking.stage.backend.gate.open()
        assert (await second).answer == alone(60)
        assert len(asking.stage.backend.batches) == 1

    scene(act)


def test_when_all_have_left_the_rest_is_spared_and_the_next_begins_anew() -> None:
    """As without sharing: nobody's windows are computed."""

    async def act(asking: Asking) -> None:
        await asking.stage.hold()
        tasks = [asking.ask(60) for _ in range(2)]
        await asking.stage.queued(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asking.stage.queued(0)
        assert asking.once._flights == {}
        again = asking.ask(60)
        await asking.stage.queued(1)
        asking.stage.backend.gate.open()
        assert (await again).source == "computed"

    scene(act)


def test_each_keeps_a_deadline_of_their_own() -> None:
    """Who allows little is told in time, and who allows more gets the answer all the same."""

    async def act(asking: Asking) -> None:
        asking.stage.backend.gate.close()
        hasty = asking.ask(60, deadline_s=0.05)
        await asking.computing(1)
        patient = asking.ask(60, deadline_s=30)
        with pytest.raises(DeadlineExceeded, match=r"the deadline of 0\.05 s"):
            await hasty
        asking.stage.backend.gate.open()
        assert (await patient).answer == alone(60)

    scene(act)


def test_who_joins_late_with_little_time_is_told_in_time() -> None:
    """While the one who began it waits on."""

    async def act(asking: Asking) -> None:
        asking.stage.backend.gate.close()
        patient = asking.ask(60)
        await asking.computing(1)
        hasty = asking.ask(60, deadline_s=0.05)
        await until(lambda: [flight.waiting for flight in asking.once._flights.values()] == [2])
        asking.stage.clock.advance(0.05)
        with pytest.raises(DeadlineExceeded, match=r"the deadline of 0\.05 s"):
            await hasty
        asking.stage.backend.gate.open()
        assert (await patient).answer == alone(60)

    scene(act)


def test_an_engine_that_is_not_well_is_not_hidden_by_what_it_once_knew() -> None:
    """After a failed batch the same question is computed, which may prove it well."""

    async def act(asking: Asking) -> None:
        await asking.ask(60)
        asking.stage.backend.fail_next = 1
        with pytest.raises(BackendError):
            await asking.ask(30)
        assert (await asking.ask(60)).source == "computed"
        assert (await asking.ask(60)).source == "cache"

    scene(act)


def known(length: int) -> Known:
    """An answer of so many characters, the longer ones truncated."""
    return Known({"answer": "x" * length}, 1, length, int(length > 100))


def test_the_cache_keeps_within_its_bytes_and_forgets_the_longest_unused() -> None:
    """Whatever is put into it, and however often."""
    cache = AnswerCache(20_000)
    for number in range(200):
        cache.put(str(number).encode(), known(number))
        assert cache.get(b"0") == known(0)
        assert cache.bytes <= 20_000
    assert 20 < len(cache) < 100
    assert cache.get(b"199") is not None
    assert cache.get(b"1") is None
    before = cache.bytes
    cache.put(b"199", known(199))
    assert cache.bytes == before
    cache.put(b"large", known(2_500))
    assert cache.get(b"large") is None
