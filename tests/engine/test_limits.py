"""The door: what it admits, what it charges, and when it says to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.engine.limits import Door


def test_requests_come_in_up_to_the_bound() -> None:
    """And again when something has left."""
    door = Door(100)
    assert [door.admit(cost) for cost in (40, 40, 30)] == [True, True, False]
    door.change(40, 0)
    assert door.admit(30)


def test_a_request_larger_than_the_bound_comes_in_when_nothing_waits() -> None:
    """Never refused for ever; but not beside others."""
    door = Door(100)
    assert door.admit(5000)
    assert not door.admit(5000)
    door.change(5000, 0)
    assert door.admit(1)
    assert not door.admit(5000)


def test_a_large_request_leaves_half_of_the_bound_to_others() -> None:
    """A request of a thousand windows does not turn everybody away."""
    door = Door(100)
    door.admit(5000)
    assert [door.admit(cost) for cost in (30, 20, 1)] == [True, True, False]


def test_what_is_computed_of_a_request_is_given_back() -> None:
    """The charge of a large one falls once less is left than its share."""
    door = Door(100)
    door.admit(5000)
    assert door.admit(30)
    door.change(5000, 60)
    assert not door.admit(30)
    door.change(60, 10)
    assert door.admit(30)
    assert door.cost == 70


def test_come_back_when_the_excess_has_been_computed() -> None:
    """At 10 tokens a second, 90 waiting of 100 and 40 wanted: 3 s."""
    door = Door(100)
    for _ in range(3):
        door.admit(30)
    door.measured(tokens=20, seconds=2.0)
    assert door.retry_after(40) == 3


def test_one_too_large_for_the_bound_comes_back_when_all_has_been_computed() -> None:
    """It needs an empty queue."""
    door = Door(100)
    door.admit(90)
    door.measured(tokens=10, seconds=1.0)
    assert door.retry_after(500) == 9


@pytest.mark.parametrize(("tokens", "seconds", "after"), [(10_000, 1.0, 1), (1, 1000.0, 600), (10, 0.0, 1)])
def test_coming_back_is_asked_for_within_reason(tokens: int, seconds: float, after: int) -> None:
    """At least a second, at most ten minutes; a second when nothing has been measured."""
    door = Door(100)
    door.admit(100)
    door.measured(tokens, seconds)
    assert door.retry_after(50) == after


def test_one_slow_batch_does_not_change_the_rate_much() -> None:
    """A moving average."""
    door = Door(100)
    for _ in range(10):
        door.measured(100, 1.0)
    door.measured(1, 1.0)
    assert 85 < door.rate < 100


@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=50))
def test_the_bound_holds_but_for_one_that_came_alone(script: list[tuple[int, bool]]) -> None:
    """Whatever comes and goes: at most one request larger than the bound is in, and the rest are within twice of it."""
    door = Door(100)
    inside: list[int] = []
    for cost, leave in script:
        if leave and inside:
            door.change(inside.pop(0), 0)
        if door.admit(cost):
            inside.append(cost)
        assert door.cost == sum(inside)
        assert len([cost for cost in inside if cost > 100]) <= 1
        assert sum(cost for cost in inside if cost <= 100) <= 200
