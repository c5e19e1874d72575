"""When connections run short, the slowest go first."""

import asyncio

import pytest

from mooring.web import crowd
from mooring.web.crowd import IDLE, LINGERING, NEW, SLOW, STEADY, Crowd, Rank
from mooring.web.pace import GRACE_S, MEMORY_S, Pace


class One:
    """A connection of a given rank."""

    def __init__(self, rank: Rank | None, unread: int = 0) -> None:
        self._rank = rank
        self._unread = unread
        self.dropped = False

    def rank(self, now: float) -> Rank | None:
        """As `Member.rank`."""
        return self._rank

    def unsent(self) -> int:
        """As `Member.unsent`."""
        return self._unread

    def drop(self) -> None:
        """As `Member.drop`."""
        self.dropped = True


def entered(most: int, *members: One) -> bool:
    """Whether the last one gets in."""

    async def enter() -> bool:
        full = Crowd(most)
        return [full.enter(one) for one in members][-1]

    return asyncio.run(enter())


def test_the_order() -> None:
    """Lingering, slow, idle, steady, new; the slowest, the longest idle and the oldest first."""
    ranks = [
        (LINGERING, 0.0, 0.0),
        (SLOW, 0.2, 5.0),
        (SLOW, 9.0, 1.0),
        (IDLE, 1.0, 0.0),
        (IDLE, 2.0, 0.0),
        (STEADY, 20_000.0, 1.0),
        (NEW, 7.0, 0.0),
        (NEW, 8.0, 0.0),
    ]
    members = [One(rank) for rank in ranks]
    for count in range(1, len(members)):
        rest = members[count - 1 :]
        assert entered(len(rest), *reversed(rest), One((NEW, 9.0, 0.0)))
        assert [one.dropped for one in members] == [True] * count + [False] * (len(members) - count)


def test_those_that_wait_for_an_answer_are_not_dropped() -> None:
    """Then the new one is refused."""
    members = [One(None), One(None)]
    assert not entered(2, *members, One((NEW, 1.0, 0.0)))
    assert not any(one.dropped for one in members)
    assert entered(0, *members, *members)


def test_many_are_dropped_at_a_time_if_they_are_slow() -> None:
    """A flood must not make the server search for each. Of those that make progress only one goes."""
    for kind, expected in ((SLOW, 4), (STEADY, 1)):
        members = [One((kind, float(at), 0.0)) for at in range(4 * crowd.SHARE)]
        assert entered(len(members), *members, One((NEW, 1.0, 0.0)))
        assert [one.dropped for one in members].count(True) == expected
        assert members[0].dropped


def test_answers_that_are_not_read_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slowest reader goes, also if it holds less."""
    monkeypatch.setattr(crowd, "UNSENT_BYTES", 100)
    slow, fast, last = (One((SLOW, 1.0, 0.0), 20), One((STEADY, 9e4, 0.0), 50), One((NEW, 1.0, 0.0), 40))

    async def scene() -> None:
        all_of_them = Crowd()
        for one in (slow, fast, last):
            all_of_them.left_unread(one)

    asyncio.run(scene())
    assert [one.dropped for one in (slow, fast, last)] == [True, False, False]


def test_the_pace_of_a_steady_transfer_is_its_rate_at_any_age() -> None:
    """In bytes per second."""
    pace = Pace(100.0)
    for step in range(1, 600):
        now = 100.0 + step / 10
        pace.moved(1000, now)
        if step > 5:
            assert pace.rate(now) == pytest.approx(10_000, rel=0.1)
    assert not pace.is_new(now)
    assert Pace(100.0).is_new(100.0 + GRACE_S / 2)


def test_a_transfer_that_stalls_is_soon_slow() -> None:
    """However much it sent before: 5 MB at once count for a quarter of a minute."""
    pace = Pace(0.0)
    pace.moved(5_000_000, 0.1)
    assert pace.rate(2.0) > 1_000_000
    assert pace.rate(8 * MEMORY_S) < 1000
