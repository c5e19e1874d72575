"""The door: what it admits, what counts as waiting, and when it says to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.backends.base import ShapeGrid
from mooring.engine.door import Door, Ticket

GRID = ShapeGrid(lengths=(10, 100), batches=(1, 2), tokens=100)


def measured(row_s: float = 0.1) -> Door:
    """A door for a machine that computes a window of 100 tokens in `row_s`, one of 10 in a tenth of that."""
    door = Door(GRID)
    door.costs.measured((1, 100), [1], row_s, busy=False)
    return door


def refused(door: Door, tokens: int = 10, *, now: float = 0.0, limit_s: float = 1.0, left_s: float = 60.0) -> bool:
    """Whether it is."""
    return door.refusal(tokens, now, limit_s, left_s) is not None


def test_requests_come_in_until_the_wait_exceeds_the_limit() -> None:
    """Ten of a tenth of a second wait for a second: one more is in, the next is not, until something has left."""
    door, inside = measured(), []
    while not refused(door, 100):
        inside.append(door.admit(100))
    assert len(inside) == 11
    assert door.wait_s(0.0) == pytest.approx(1.1)
    for ticket in inside[:2]:
        door.leave(ticket)
    assert not refused(door, 100)


@pytest.mark.parametrize("limit_s", [0.0, 1.0])
def test_an_idle_server_admits_everything(limit_s: float) -> None:
    """Whatever the request itself costs, and also with a limit of 0, which refuses as soon as anything is in."""
    door = measured()
    assert not refused(door, 1_000_000, limit_s=limit_s)
    ticket = door.admit(10)
    assert refused(door, limit_s=limit_s) == (limit_s == 0)
    door.leave(ticket)
    assert not refused(door, limit_s=limit_s)


def test_nothing_is_refused_before_anything_is_measured() -> None:
    """No wait is known."""
    door = Door(GRID)
    door.admit(1000)
    assert not refused(door)


def test_a_large_request_counts_as_its_turn_for_others() -> None:
    """A request of a hundred seconds delays a small one by one window: it has one turn per round."""
    door = measured()
    door.admit(100_000)
    assert door.wait_s(0.0) == pytest.approx(0.1)
    assert not refused(door)


def test_a_request_of_several_turns_waits_between_them() -> None:
    """Beside one of 100 s, one of 50 s is done after 100 s: too late for 60 s less its own, so not within 40 s."""
    door = measured()
    door.admit(100_000)
    assert refused(door, 50_000, left_s=40.0)
    assert not refused(door, 50_000, left_s=60.0)
    assert not refused(door, 100, left_s=40.0)


def test_the_deadline_is_a_limit_too() -> None:
    """A request that would begin after it, or so shortly before that its answer would come too late, is refused."""
    door = measured()
    for _ in range(5):
        door.admit(100)
    assert [refused(door, limit_s=1000.0, left_s=left) for left in (0.4, 0.52, 0.6)] == [True, True, False]


def test_what_is_computed_of_a_request_counts_no_longer() -> None:
    """Its turn does until less than that is left."""
    door = measured()
    ticket = door.admit(100_000)
    door.change(ticket, ticket.cost // 2)
    assert door.wait_s(0.0) == pytest.approx(0.1)
    door.change(ticket, ticket.cost // 1000)
    assert door.wait_s(0.0) == pytest.approx(0.05)


def test_the_rest_of_a_running_batch_counts() -> None:
    """Less and less until it should have ended, then more and more: something holds it up."""
    door = measured()
    door.begin(0, door.costs.rows([1, 1]), 10.0, 1)
    assert [door.wait_s(now) for now in (10.0, 10.15, 10.2, 10.3, 12.0)] == pytest.approx([0.2, 0.05, 0.0, 0.1, 1.8])
    door.end(0)
    assert door.wait_s(12.0) == 0


def test_two_streams_share_the_machine() -> None:
    """A batch in one of two streams takes twice as long."""
    door = measured()
    door.begin(0, door.costs.rows([1]), 0.0, 2)
    assert [door.wait_s(now) for now in (0.0, 0.1, 0.2)] == pytest.approx([0.1, 0.05, 0.0])


def test_a_stage_that_is_slower_than_computing_decides() -> None:
    """Tokenizing and finishing work at the same time as computing, and all of them behind the event loop."""
    door = measured(row_s=0.001)
    first = door.admit(1000)
    door.tokenized(first, 1.0)
    waiting = [door.admit(100) for _ in range(15)]
    assert door.wait_s(0.0) == pytest.approx(1.5)
    assert refused(door)
    for ticket in waiting[1:]:
        door.tokenized(ticket, 0.1)
    assert door.wait_s(0.0) == pytest.approx(0.1)
    door.finished(1, 0.5)
    for ticket in waiting[1:4]:
        door.computed(ticket, 1)
    assert door.wait_s(0.0) == pytest.approx(1.5)
    door.lagged(0.2)
    assert door.wait_s(0.0) == pytest.approx(1.6)


def test_the_lane_of_large_requests_does_not_delay_small_ones() -> None:
    """It has a thread of its own."""
    door = measured(row_s=0.001)
    door.tokenized(door.admit(1000, large=True), 1.0)
    door.admit(5000, large=True)
    assert door.wait_s(0.0, large=True) == pytest.approx(5.0)
    assert door.wait_s(0.0) < 0.1


@pytest.mark.parametrize(("row_s", "after"), [(0.01, 1), (0.5, 4), (1000.0, 600)])
def test_come_back_when_the_excess_has_been_computed(row_s: float, after: int) -> None:
    """In whole seconds, at least one and at most ten minutes: ten rows of half a second at a limit of 1 s are 4 s."""
    door = measured(row_s)
    for _ in range(10):
        door.admit(100)
    found = door.refusal(100, 0.0, min(1.0, 5 * row_s), 600.0)
    assert found is not None
    assert found.retry_after == after


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 4)), max_size=60))
def test_whatever_happens_to_requests_nothing_is_left_when_all_are_gone(script: list[tuple[int, int]]) -> None:
    """Every step in any order, some twice; and an expected wait is never negative."""
    door = measured()
    door.finished(1, 0.01)
    inside: list[Ticket] = []
    for tokens, step in script:
        if step == 0 or not inside:
            inside.append(door.admit(tokens, large=tokens > 1600))
        elif step == 1:
            door.tokenized(inside[tokens % len(inside)], 0.001)
        elif step == 2:
            door.change(inside[tokens % len(inside)], tokens * 1000)
        elif step == 3:
            door.computed(inside[tokens % len(inside)], 2)
        else:
            door.leave(inside.pop(0))
        assert door.wait_s(0.0) >= 0
    for ticket in (*inside, *inside):
        door.leave(ticket)
    door.begin(0, 0, 0.0, 1)  # so that the door does not see an idle server
    assert door.wait_s(0.0) == door.wait_s(0.0, large=True) == 0
