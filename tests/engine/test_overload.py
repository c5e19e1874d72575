"""Requests at many times the capacity, through the door, on a virtual clock: waits keep to the limit, work goes on."""

import math

import pytest

from mooring.backends.grid import default_grid
from tests.engine.simulated import Arrivals, Overload, cost_s, overload
from tests.engine.test_fairness import squad_like

GRID = default_grid(512, streams=2)
SQUAD = squad_like()
CAPACITY = 36.0
"""Requests of `SQUAD` a second, about: in `test_capacity`."""
BATCH_S = cost_s(1, 384)
"""A batch of these requests is never longer."""
LENGTHS = {"squad": SQUAD, "short": [16, 20, 30], "long": [380], "all": list(range(8, 384, 7))}


def run(factor: float, lengths: list[int] = SQUAD, *, seconds: float = 20.0) -> Overload:
    return overload(GRID, Arrivals(factor * CAPACITY, lengths), seconds=seconds)


def test_capacity() -> None:
    """What the other tests call the capacity is computed, and a tenth more is not."""
    below, above = run(1.0), run(1.3)
    assert below.refused < 0.03 * below.seconds * CAPACITY
    assert above.refused > 0.1 * above.seconds * CAPACITY


@pytest.mark.parametrize("kind", LENGTHS)
@pytest.mark.parametrize("factor", [2, 10])
def test_admitted_requests_wait_no_longer_than_the_limit_and_a_batch(kind: str, factor: float) -> None:
    """At 2 and at 10 times the capacity for each mix of lengths, while the machine is never idle."""
    factor *= {"short": 10, "long": 0.5}.get(kind, 1)
    found = run(factor, LENGTHS[kind], seconds=10.0)
    assert found.refused > 0.3 * len(found.admitted)
    assert found.p99() <= 1.0 + BATCH_S
    assert found.waits()[len(found.waits()) // 2] > 0.7, "refused too early"
    assert sum(found.batches) > 0.98 * found.seconds


def test_work_goes_on_at_the_same_rate_whatever_comes() -> None:
    """At 10 times the capacity as much is computed as at the capacity."""
    found = [run(factor) for factor in (1.5, 10)]
    assert found[1].tokens / found[1].seconds > 0.95 * found[0].tokens / found[0].seconds


@pytest.mark.parametrize("factor", [0.9, 5])
def test_the_expected_wait_is_within_a_fifth(factor: float) -> None:
    """For nine of ten requests, at any load."""
    found = [one for one in run(factor).admitted if one.waited > 0.2 and one.at > 2]
    off = sorted(abs(one.expected / one.waited - 1) for one in found)
    assert len(off) > 20
    assert off[int(0.9 * len(off))] < 0.2


def test_single_requests_are_never_refused() -> None:
    """Although their rows cost more than those of full batches."""
    calm = overload(GRID, Arrivals(5, SQUAD), seconds=20.0)
    assert calm.refused == 0
    assert calm.p99() < 0.2


def test_requests_of_many_windows_neither_starve_nor_close_the_door() -> None:
    """Every tenth has 40 windows: small ones are admitted beside them and wait within the limit."""
    found = overload(GRID, Arrivals(2 * CAPACITY, SQUAD, every=10, windows=40), seconds=40.0)
    large = [one for one in found.admitted if len(one.lengths) > 1]
    assert found.p99() <= 1.0 + BATCH_S
    assert len(found.waits()) > 0.6 * len(found.admitted)
    assert sum(one.took >= 0 for one in large) > 0.3 * len(large)
    assert all(one.took <= 60.0 for one in large)


def test_the_door_follows_a_machine_that_becomes_slow() -> None:
    """Three times as slow from 10 s on: what is admitted 2 s later waits within the limit again."""
    found = overload(GRID, Arrivals(5 * CAPACITY, SQUAD), seconds=30.0, slow=lambda now: 3.0 if now > 10 else 1.0)
    waits = sorted(one.waited for one in found.admitted if one.at > 12 and one.waited >= 0)
    assert waits[int(0.99 * len(waits))] <= 1.0 + 2 * max(found.batches)
    assert waits[len(waits) // 2] > 0.7


def test_the_door_opens_again_after_a_machine_was_slow() -> None:
    """So slow that only single requests are admitted, which leave nobody waiting; then it is as fast as before."""
    found = overload(GRID, Arrivals(5 * CAPACITY, SQUAD), seconds=30.0, slow=lambda now: 20.0 if 5 < now < 15 else 1.0)
    done = [one for one in found.admitted if one.at > 20 and one.took >= 0]
    assert len(done) > 0.8 * CAPACITY * (found.seconds - 20 - 1)


def test_a_queue_as_long_as_the_deadline_answers_in_time() -> None:
    """As in a deployment: what is admitted is answered before its deadline, and the machine computes nothing else."""
    arrivals = Arrivals(3 * CAPACITY, SQUAD)
    found = overload(GRID, arrivals, limit_s=math.inf, deadline_s=5.0, seconds=20.0)
    assert found.waits()[-1] > 4.0
    assert all(one.took <= 5.0 for one in found.admitted)


def test_come_back_is_within_a_second_when_the_wait_is_near_the_limit() -> None:
    """An open loop keeps the wait at the limit, so a second later there would be room."""
    assert set(run(5).retries) == {1}


def test_no_batch_is_longer_than_the_longest_window() -> None:
    """Otherwise `the limit and a batch` would promise little."""
    assert max(run(5).batches) <= BATCH_S < 0.1
