"""Batches that fail, workers that die, batches that never end: who is told, who is spared, what health says."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from mooring.backends.base import Outputs, Window
from mooring.engine.limits import Limits
from mooring.errors import BackendError, DeadlineExceeded, NotReady
from mooring.tasks.base import Prepared
from mooring.testing import FakeBackend, FakeTask
from tests.engine.running import Running, play, until


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Failures are logged; here they are meant."""
    caplog.set_level(logging.CRITICAL)


def test_a_failed_batch_is_told_and_the_next_one_runs() -> None:
    """One BackendError for its request; red until something passes."""

    async def scene(stage: Running) -> None:
        stage.backend.fail_next = 1
        with pytest.raises(BackendError, match="told to fail"):
            await stage.ask(60)
        health = stage.engine.health()
        assert not health.ready
        assert "told to fail" in health.reason
        assert await stage.ask(60)
        assert stage.engine.health().ready

    play(scene)


def test_an_error_that_is_not_the_backends_own_becomes_one() -> None:
    """Whatever a backend raises, its callers get a BackendError that says what."""

    def fall(windows: Sequence[Window]) -> None:
        raise MemoryError("no room")

    async def scene(stage: Running) -> None:
        stage.backend.on_run = fall
        with pytest.raises(BackendError, match="no room"):
            await stage.ask(60)
        assert "no room" in stage.engine.health().reason

    play(scene)


def test_one_poisoned_window_does_not_fail_its_neighbours() -> None:
    """A failed batch is computed again, each row once by itself."""

    async def scene(stage: Running) -> None:
        stage.backend.poison = lambda window: len(window) == 61
        first = await stage.hold()
        tasks = [stage.ask(length) for length in (60, 61, 62, 63)]
        await stage.queued(4)
        stage.backend.gate.open()
        await first
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [dict, BackendError, dict, dict]
        assert stage.backend.batches[1:] == [(60, 61, 62, 63), (60,), (61,), (62,), (63,)]

    play(scene)


def test_a_poisoned_window_of_a_large_request_ends_it() -> None:
    """Its other windows are not computed any more."""

    async def scene(stage: Running) -> None:
        stage.backend.poison = lambda window: len(window) == 127
        with pytest.raises(BackendError):
            await stage.engine.answer((127,) + (120,) * 20)
        assert stage.backend.batches == [(127,)]
        assert stage.engine.snapshot()["queued_windows"] == 0
        await until(lambda: stage.counts.drops == [("failed", 20)])

    play(scene)


def test_a_backend_that_loses_rows_has_failed() -> None:
    """Better an error than somebody else's answer."""

    class Forgetful(FakeBackend):
        def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:
            rows = super().run(windows, stream=stream)
            return rows[:-1] if len(windows[0]) == 61 else rows

    async def scene(stage: Running) -> None:
        with pytest.raises(BackendError, match="0 rows for 1 windows"):
            await stage.ask(61)

    play(scene, backend=Forgetful())


def test_after_a_failure_check_asks_the_model_and_finds_it_well() -> None:
    """Health does not stay red for want of traffic."""

    async def scene(stage: Running) -> None:
        stage.backend.fail_next = 1
        with pytest.raises(BackendError):
            await stage.ask(60)
        assert not stage.engine.health().ready
        assert (await stage.engine.check()).ready
        assert stage.backend.batches == [(60,), (8,)]

    play(scene)


def test_after_a_failure_check_asks_the_model_and_finds_it_ill() -> None:
    """Nor does it turn green by itself."""

    async def scene(stage: Running) -> None:
        stage.backend.fail_next = 3
        with pytest.raises(BackendError):
            await stage.ask(60)
        assert "a probe failed" in (await stage.engine.check()).reason
        assert not (await stage.engine.check()).ready
        assert (await stage.engine.check()).ready

    play(scene)


def test_while_healthy_check_costs_nothing() -> None:
    """Load balancers ask every few seconds."""

    async def scene(stage: Running) -> None:
        assert (await stage.engine.check()).ready
        assert stage.backend.batches == []

    play(scene)


def test_many_checks_at_once_make_one_probe() -> None:
    """Single-flight."""

    async def scene(stage: Running) -> None:
        stage.backend.fail_next = 1
        with pytest.raises(BackendError):
            await stage.ask(60)
        healths = await asyncio.gather(*(stage.engine.check() for _ in range(20)))
        assert all(health.ready for health in healths)
        assert stage.backend.batches == [(60,), (8,)]

    play(scene)


def test_a_probe_goes_before_what_waits_and_has_a_time_limit() -> None:
    """A batch that hangs after a failure: /ping gets its answer all the same."""

    async def scene(stage: Running) -> None:
        stage.backend.fail_next = 1
        with pytest.raises(BackendError):
            await stage.ask(60)
        stage.backend.gate.close()
        hung = stage.ask(*(128,) * 5)
        await stage.held()
        health = await stage.engine.check()
        assert "a probe failed: The answer was not ready" in health.reason
        checking = asyncio.ensure_future(stage.engine.check())
        await stage.queued(5)
        stage.backend.gate.let(2)
        await checking
        stage.backend.gate.open()
        await hung
        assert stage.backend.batches[:3] == [(60,), (128,), (8,)]

    play(scene, Limits(probe_s=0.02))


def test_a_batch_that_does_not_end_makes_health_red_and_check_does_not_hang() -> None:
    """31 s on the clock; green again when it ends."""

    async def scene(stage: Running) -> None:
        first = await stage.hold()
        stage.clock.advance(31.0)
        assert "1 windows has been computing for 31 s" in stage.engine.health().reason
        assert not (await stage.engine.check()).ready
        stage.backend.gate.open()
        await first
        await until(lambda: stage.engine.health().ready)

    play(scene)


def test_when_the_worker_dies_everybody_is_told() -> None:
    """The one being computed, the one waiting, the next one, and whoever asks for health. Nobody hangs."""

    def die(windows: Sequence[Window]) -> None:
        if len(windows[0]) == 66:
            raise SystemExit("the end")

    async def scene(stage: Running) -> None:
        stage.backend.on_run = die
        first = await stage.hold()
        fatal, waiting = stage.ask(66), stage.ask(30)
        await stage.queued(2)
        stage.backend.gate.open()
        await first
        ends = await asyncio.gather(fatal, waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [NotReady, NotReady]
        with pytest.raises(NotReady, match="the end"):
            await stage.ask(60)
        assert "the end" in (await stage.engine.check()).reason
        assert stage.counts.refusals == ["not_ready"]

    play(scene)


def test_an_observer_that_raises_ends_the_worker_and_not_the_answers_in_silence() -> None:
    """Our own mistakes in that thread are a reason for red, too."""

    async def scene(stage: Running) -> None:
        def broken(rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
            raise LookupError("no such metric")

        stage.counts.batch = broken  # type: ignore[method-assign]
        with pytest.raises(NotReady, match="no such metric"):
            await stage.ask(60)
        assert "no such metric" in stage.engine.health().reason

    play(scene)


def test_failures_are_logged_without_what_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    """A reason in the log, the number of windows, and nothing of the request."""
    caplog.set_level(logging.ERROR)

    async def scene(stage: Running) -> None:
        stage.backend.fail_next = 1
        with pytest.raises(BackendError):
            await stage.ask(60)

    play(scene)
    assert caplog.messages == ["a batch of 1 windows failed: the fake backend was told to fail"]


class Stuck(FakeTask):
    """Tokenizes or decodes a request of 77 tokens without end, until the test opens the gate."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.reached, self.gate = threading.Event(), threading.Event()

    def prepare(self, request: Any) -> Prepared:
        """As `Task.prepare`."""
        self._wait("prepare", request)
        return super().prepare(request)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """As `Task.finish`."""
        self._wait("finish", prepared.state)
        return super().finish(prepared, outputs)

    def _wait(self, step: str, request: Any) -> None:
        if step == self.step and 77 in request:
            self.reached.set()
            assert self.gate.wait(60)


@pytest.mark.parametrize(("step", "said"), [("prepare", "Tokenizing"), ("finish", "Decoding")])
@pytest.mark.parametrize("windows", [1, 20], ids=["small", "large"])
def test_tokenizing_or_decoding_that_never_ends_is_seen(step: str, said: str, windows: int) -> None:
    """After the time that a request may take and 30 s, in every lane; and a slow one that ends is forgiven."""
    task = Stuck(step)

    async def scene(stage: Running) -> None:
        slow = stage.ask(*[77] * windows)
        assert await asyncio.to_thread(task.reached.wait, 30)
        stage.clock.advance(39)
        assert stage.engine.alive().ready
        stage.clock.advance(2)
        for health in (stage.engine.alive(), await stage.engine.check()):
            assert health.reason == f"{said} a request has taken 41 s."
            assert not health.ready
        task.gate.set()
        assert isinstance((await asyncio.gather(slow, return_exceptions=True))[0], (dict, DeadlineExceeded))
        await until(lambda: stage.engine.alive().ready)

    play(scene, Limits(deadline_s=10), task=task)
