"""The arrivals of an open loop, by a clock that the test drives."""

import math
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.bench.loops import Schedule, poisson


def test_gaps_are_exponential() -> None:
    """Mean and deviation are 1/rate, and as many gaps are above it as e says."""
    times = list(islice(poisson(50, seed=3), 20_000))
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(1 / 50, rel=0.03)
    assert deviation == pytest.approx(1 / 50, rel=0.03)
    assert sum(gap > 1 / 50 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.01)


def test_one_seed_one_sequence() -> None:
    """Runs can be repeated, and differ when they are to."""
    first, again, other = (list(islice(poisson(10, seed), 20)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@given(st.lists(st.floats(0, 12), min_size=1, max_size=20))
def test_every_arrival_is_due_once_whenever_the_clock_is_read(clock: list[float]) -> None:
    """However late: all that were missed come together, each with the time that it was meant for."""
    schedule = Schedule(poisson(4, seed=9), seconds=10.0)
    found = [at for now in sorted(clock) for at in schedule.due(now)]
    meant = [at for at in islice(poisson(4, seed=9), 200) if at <= min(10.0, max(clock))]
    assert found == meant
    assert schedule.handed == len(meant)


def test_a_schedule_says_when_the_next_is_due() -> None:
    """None once they are all handed out."""
    schedule = Schedule(iter([0.5, 0.75, 2.0]), count=2)
    assert (schedule.next, schedule.due(0.4), schedule.due(0.5), schedule.next) == (0.5, [], [0.5], 0.75)
    assert (schedule.due(9.0), schedule.next, schedule.due(99.0)) == ([0.75], None, [])


def test_a_schedule_that_is_ended_has_nothing_more() -> None:
    """Ctrl-C."""
    schedule = Schedule(iter([0.5, 0.75]), seconds=5)
    schedule.end()
    assert (schedule.due(9.0), schedule.next) == ([], None)


def test_a_schedule_by_time_lasts_that_long_though_nothing_more_comes() -> None:
    """Two arrivals in 5 s are 0.4 a second, whenever the last one was; of a count the last one is the end."""
    by_time, by_count = Schedule(iter([1.0, 2.0, 9.0]), seconds=5), Schedule(iter([1.0, 2.0]), seconds=5, count=2)
    assert (by_time.due(9.0), by_time.next, by_time.until) == ([1.0, 2.0], None, 5)
    assert (by_count.due(9.0), by_count.next, by_count.until) == ([1.0, 2.0], None, 0)
    by_time.end()
    assert by_time.until == 0
