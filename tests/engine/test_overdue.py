"""A batch that never ends, told from one that is long, and from a CPU that is shared or throttled."""

import asyncio
import threading
import time

import pytest

from mooring.engine.engine import Engine
from mooring.engine.health import Looking, Vitals
from mooring.engine.limits import Limits
from mooring.engine.overdue import CPU_FACTOR, FACTOR, GRACE_S, LOOK_S, Busy, Expected, Overdue, Pace
from mooring.observe.threads import Activity
from mooring.testing import FakeBackend, FakeTask
from tests.engine.running import until

COMPUTES, SLEEPS = True, False


def looks(*seen: Activity | None, batch: Busy, alone: bool = True, start: float = 100.0) -> list[str]:
    """What each look says; the first is at `start`."""
    found = iter(seen)
    overdue = Overdue(lambda: next(found), alone=alone)
    return [overdue.look([batch], start + at * LOOK_S) for at in range(len(seen))]


BATCH = Busy(since=90.0, rows=4, expected=Expected(seconds=0.1, cpu_s=0.2), cpu_s=7.0)


def test_a_batch_that_nobody_computes_hangs_at_the_second_look() -> None:
    """No thread runs or waits for a CPU."""
    first, second = looks(Activity(7.0, SLEEPS), Activity(7.0, SLEEPS), batch=BATCH)
    assert first == ""
    assert second == "A batch of 4 windows has been computing for 10.2 s; 0.1 s was expected."


def test_a_thread_that_waits_for_a_cpu_is_no_hang() -> None:
    """Throttled to a quarter: it wants to run and has used little."""
    assert looks(*[Activity(7.5, COMPUTES)] * 9, batch=BATCH) == [""] * 9


def test_a_batch_that_computes_in_a_circle_hangs() -> None:
    """It has used many times the CPU time that it should take."""
    above = 7.0 + CPU_FACTOR * 0.2 + GRACE_S + 0.01
    assert looks(Activity(above, COMPUTES), Activity(above, COMPUTES), batch=BATCH)[1]
    assert not any(looks(*[Activity(above - 0.02, COMPUTES)] * 3, batch=BATCH))


def test_cpu_time_says_nothing_where_others_use_it() -> None:
    """Another engine's batch, or user code: only a batch that nobody computes is known to hang."""
    assert not any(looks(*[Activity(99.0, COMPUTES)] * 3, batch=BATCH, alone=False))
    assert looks(*[Activity(99.0, SLEEPS)] * 2, batch=BATCH, alone=False)[1]


def test_two_looks_in_a_row_are_needed() -> None:
    """Threads sleep for a moment between two layers."""
    seen = [Activity(7.0, runs) for runs in (SLEEPS, COMPUTES, SLEEPS, COMPUTES, SLEEPS)]
    assert not any(looks(*seen, batch=BATCH))


def test_a_long_batch_is_not_overdue() -> None:
    """Its length is expected."""
    long = Busy(since=90.0, rows=64, expected=Expected(3.0, 6.0), cpu_s=7.0)
    end = 90.0 + FACTOR * 3.0 + GRACE_S
    assert not any(looks(*[Activity(7.0, SLEEPS)] * 3, batch=long, start=end - 1.0))
    assert looks(*[Activity(7.0, SLEEPS)] * 2, batch=long, start=end + 0.1)[1]


def test_a_batch_is_noticed_within_two_seconds() -> None:
    """One of 100 ms, whenever the looks happen to begin."""
    for shift in (0.0, 0.1, 0.2):
        overdue = Overdue(lambda: Activity(7.0, SLEEPS))
        times = [90.0 + shift + at * LOOK_S for at in range(20)]
        noticed = next(at for at in times if overdue.look([BATCH], at))
        # The worker's beat (0.2 s) and the look of process 1 (0.5 s) come on top.
        assert noticed - 90.0 + 0.2 + 0.5 < 2.5


@pytest.mark.parametrize("batch", [None, Busy(0.0, 1)])
def test_nothing_is_known_without_a_batch_or_without_a_pace(batch: Busy | None) -> None:
    """The first batches of a start may compile."""
    overdue = Overdue(lambda: Activity(7.0, SLEEPS))
    assert not any(overdue.look([batch] if batch else [], 1000.0 + at) for at in range(3))


def test_nothing_is_known_where_threads_cannot_be_seen() -> None:
    """On other systems than Linux."""
    assert not any(looks(None, None, None, batch=BATCH))


def test_the_pace_follows_the_slowest_batches() -> None:
    """At once when they become slower, gradually when they become faster."""
    pace = Pace()
    assert pace.expect(100) is None
    pace.record(100, 1.0, 2.0)
    pace.record(100, 0.1, 0.2)
    expected = pace.expect(200)
    assert expected is not None
    assert 1.5 < expected.seconds < 2.0
    assert 3.0 < expected.cpu_s < 4.0
    pace.record(100, 4.0, 8.0)
    assert pace.expect(100) == Expected(4.0, 8.0)


def test_a_real_thread_that_sleeps_in_a_batch_is_noticed() -> None:
    """And no longer when the batch has ended."""

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        ended = threading.Event()
        thread = threading.Thread(target=ended.wait)
        thread.start()
        vitals = Vitals(phase="serving", busy={0: Busy(loop.time() - 2.0, 1, Expected(0.01, 0.01))})
        looking = Looking(vitals, loop.time, alone=False)
        looking.start(loop)
        await until(lambda: bool(vitals.hangs))
        vitals.busy.clear()
        await until(lambda: not vitals.hangs)
        looking.stop()
        ended.set()
        thread.join()

    asyncio.run(scene())


def test_an_engine_that_hangs_is_noticed_within_two_seconds() -> None:
    """With real threads and a real clock: the batch never ends, and nobody computes it."""

    async def scene() -> float:
        backend = FakeBackend()
        engine = Engine(FakeTask(), backend, Limits(alone=False))
        await engine.start()
        backend.gate.close()
        asked = asyncio.ensure_future(engine.answer((10,)))
        await asyncio.to_thread(backend.gate.wait_held)
        began = time.monotonic()
        await until(lambda: not engine.alive().ready)
        noticed = time.monotonic() - began
        assert "A batch of 1 windows has been computing for" in engine.health().reason
        backend.gate.open()
        await asked
        await until(lambda: engine.alive().ready)
        await engine.stop()
        return noticed

    assert GRACE_S < asyncio.run(scene()) < 2.0
