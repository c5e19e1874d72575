"""The verdict on the facts, and the probe that many may wait for."""

import asyncio

import pytest

from mooring.engine.health import Health, Prober, Step, Vitals, can_probe, judge
from mooring.engine.overdue import Busy


def test_serving_with_nothing_against_it_is_ready() -> None:
    """And says no reason."""
    assert judge(Vitals(phase="serving"), 0.0, 30.0) == Health(True, "")


@pytest.mark.parametrize(
    ("vitals", "reason"),
    [
        (Vitals(), "not been started"),
        (Vitals(phase="starting"), "warming up"),
        (Vitals(phase="draining"), "shutting down"),
        (Vitals(phase="stopped"), "stopped"),
        (Vitals(phase="serving", failed="no memory"), "last batch failed: no memory"),
        (Vitals(phase="starting", failed="no memory"), "last batch failed: no memory"),
        (Vitals(phase="serving", died="SystemExit"), "worker thread died: SystemExit"),
        (Vitals(phase="serving", busy={0: Busy(130.5, 1), 1: Busy(100.0, 4)}), "4 windows has been computing for 31 s"),
    ],
)
def test_everything_else_is_not_ready_and_says_why(vitals: Vitals, reason: str) -> None:
    """At 131 s, with 30 s allowed for a batch."""
    health = judge(vitals, 131.0, 30.0)
    assert not health.ready
    assert reason in health.reason


def test_a_batch_that_has_not_taken_too_long_is_healthy() -> None:
    """Being busy is no illness."""
    assert judge(Vitals(phase="serving", busy={0: Busy(100.0, 1)}), 130.0, 30.0).ready


@pytest.mark.parametrize(
    ("vitals", "worth"),
    [
        (Vitals(phase="serving"), False),
        (Vitals(phase="serving", failed="x"), True),
        (Vitals(phase="serving", failed="x", died="y"), False),
        (Vitals(phase="serving", failed="x", busy={0: Busy(0.0, 1)}), False),
        (Vitals(phase="serving", failed="x", steps={1: Step("Tokenizing", 0.0, 99.0)}), False),
        (Vitals(phase="serving", failed="x", steps={1: Step("Tokenizing", 0.0, 101.0)}), True),
        (Vitals(phase="draining", failed="x"), False),
    ],
)
def test_a_probe_is_worth_it_only_after_a_failure_and_with_somebody_to_run_it(vitals: Vitals, worth: bool) -> None:
    """Never while healthy, dead, stuck or on the way out."""
    assert can_probe(vitals, 100.0, 30.0) is worth


def test_callers_share_one_probe_and_the_first_may_leave() -> None:
    """Ten at once ask the model once, and the next time once more."""

    async def scene() -> None:
        asked = 0
        go = asyncio.Event()

        async def ask() -> None:
            nonlocal asked
            asked += 1
            await go.wait()

        prober = Prober(Vitals(), ask)
        callers = [asyncio.ensure_future(prober.prove()) for _ in range(10)]
        await asyncio.sleep(0)
        callers[0].cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*callers[1:])
        assert asked == 1
        await prober.prove()
        assert asked == 2

    asyncio.run(scene())


def test_a_probe_that_fails_leaves_its_reason() -> None:
    """Whatever it was, also an error without words."""

    async def scene() -> None:
        async def ask() -> None:
            raise RuntimeError

        vitals = Vitals()
        await Prober(vitals, ask).prove()
        assert vitals.failed == "a probe failed: RuntimeError"

    asyncio.run(scene())
