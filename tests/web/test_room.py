"""Bodies that are arriving take no place, and the slowest of too many are given up."""

import pytest

from mooring.errors import BodyTooSlow, QueueFull
from mooring.web.room import BODIES, FREE_BYTES, Room, Visit

SIZE = 1_000_000


class Arriving:
    """A request that sends its body."""

    def __init__(self, room: Room) -> None:
        self.visit: Visit = room.visit()
        self.given_up = False
        self._size = 0

    def send(self, size: int, now: float) -> None:
        """More bytes; it is not the end."""
        self._size += size
        self.visit.grow(self._size, now, self._give_up)

    def _give_up(self) -> None:
        self.given_up = True


def test_only_complete_requests_are_counted() -> None:
    """A thousand that are arriving keep nobody out."""
    room = Room(2, SIZE)
    for _ in range(1000):
        Arriving(room).send(1, 0.0)
    visits = [room.visit(), room.visit()]
    for visit in visits:
        visit.enter(10, 1.0)
    with pytest.raises(QueueFull, match="the limit is 2"):
        room.visit().enter(10, 1.0)
    visits[0].leave()
    room.visit().enter(10, 1.0)
    assert room.in_flight == 2


def test_the_slowest_body_is_given_up() -> None:
    """A stalled one before a slow one, and both before a fast one and a new one."""
    room = Room(100, SIZE)
    stalled, slow, fast = (Arriving(room) for _ in range(3))
    stalled.send(3_000_000, 0.0)
    for second in range(30):
        slow.send(20_000, float(second))
        fast.send(100_000, float(second))
    new = Arriving(room)
    new.send(2_000_000, 29.5)
    assert (stalled.given_up, slow.given_up, fast.given_up, new.given_up) == (True, False, False, False)
    assert stalled.visit.given_up
    assert room.held == 5_600_000
    new.send(2_000_000, 29.6)
    assert not slow.given_up
    new.send(1_000_000, 29.7)
    assert (slow.given_up, fast.given_up) == (True, True)
    assert room.held == 5_000_000


def test_the_slowest_of_all_gets_the_error_itself() -> None:
    """It is the one that asks for more."""
    room = Room(100, SIZE)
    slow, fast = Arriving(room), Arriving(room)
    slow.send(10, 0.0)
    fast.send(BODIES * SIZE - 10, 20.0)
    fast.visit.grow(BODIES * SIZE - 10, 29.0, lambda: None)
    with pytest.raises(BodyTooSlow, match="this one arrived the slowest"):
        slow.send(10, 30.0)


def test_complete_bodies_are_not_given_up() -> None:
    """A large one is refused then; a small one is let in."""
    room = Room(100, SIZE)
    kept = [room.visit() for _ in range(BODIES)]
    for visit in kept:
        visit.enter(SIZE + FREE_BYTES, 0.0)
    large, small = room.visit(), room.visit()
    with pytest.raises(QueueFull, match="bodies exceed 8000000 bytes"):
        large.enter(SIZE, 0.0)
    large.leave()
    with pytest.raises(QueueFull):
        Arriving(room).send(SIZE, 0.0)
    small.enter(FREE_BYTES, 0.0)
    for visit in (*kept, small):
        visit.leave()
    assert room.in_flight == 0


def test_nobody_is_given_up_for_bytes_of_complete_bodies() -> None:
    """That would free nothing: only large newcomers are refused. The others go on when there is room."""
    room = Room(100, SIZE)
    arriving = [Arriving(room) for _ in range(3)]
    for one in arriving:
        one.send(1_000, 0.0)
    kept = [room.visit() for _ in range(BODIES - 1)]
    for visit in kept:
        visit.enter(SIZE + FREE_BYTES, 5.0)
    large = room.visit()
    with pytest.raises(QueueFull):
        large.enter(SIZE + FREE_BYTES + 1, 6.0)
    for one in arriving:
        one.send(1_000, 6.0)
    large.leave()
    assert [one.given_up for one in arriving] == [False] * 3
    arriving[1].send(FREE_BYTES, 8.0)
    assert not arriving[1].given_up


def test_no_more_are_given_up_than_makes_room() -> None:
    """Complete bodies take more than the share that is usually left: then room for all is enough."""
    room = Room(100, SIZE)
    kept = [room.visit() for _ in range(BODIES - 1)]
    for visit in kept:
        visit.enter(SIZE + FREE_BYTES, 0.0)
    kept.append(room.visit())
    kept[-1].enter(500_000 + FREE_BYTES, 0.0)
    slow, fast = Arriving(room), Arriving(room)
    slow.send(200_000, 0.0)
    fast.send(400_000, 10.0)
    assert (slow.given_up, fast.given_up) == (True, False)
    with pytest.raises(BodyTooSlow, match="this one arrived the slowest"):
        slow.send(1, 10.0)
    assert (room.held, room.arriving_bytes) == (7_900_000, 400_000)
    for one in (*kept, slow.visit, fast.visit):
        one.leave()
    assert (room.held, room.arriving_bytes, room.in_flight) == (0, 0, 0)
