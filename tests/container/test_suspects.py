"""Which requests a dead worker may have died of."""

import os
from collections.abc import Iterator

import pytest

from mooring.container import suspects
from mooring.container.child import End, Slot
from mooring.container.suspects import Suspects
from mooring.container.topology import Worker
from mooring.observe import pulse
from mooring.observe.pulse import Origin, Pulse

A, B = b"aaaaaaaa", b"bbbbbbbb"
CRASH = End(-11, 5.0)


def slot(number: int) -> Slot:
    """A slot whose worker has just been started."""
    descriptor = pulse.create()
    found = Slot(Worker(number, 1), pulse=Pulse(descriptor), starts=1)
    os.close(descriptor)
    return found


@pytest.fixture
def slots() -> Iterator[dict[int, Slot]]:
    """Two workers."""
    found = {1: slot(1), 2: slot(2)}
    yield found
    for one in found.values():
        assert one.pulse is not None
        one.pulse.close()


def working(one: Slot, *ids: bytes) -> Pulse:
    """The worker works on these requests from now on."""
    assert one.pulse is not None
    one.pulse.working(ids).__enter__()
    return one.pulse


def restarted(found: Suspects, one: Slot) -> None:
    """The worker has crashed, and another one has taken its place."""
    found.died(one, CRASH)
    one.pulse = slot(one.worker.slot).pulse
    one.starts += 1


def test_only_what_was_being_worked_on_is_suspect(slots: dict[int, Slot]) -> None:
    """A request that waited is innocent."""
    found = Suspects(slots)
    working(slots[1], A)
    restarted(found, slots[1])
    assert (found.deaths(A), found.deaths(B)) == (1, 0)


def test_a_worker_may_be_dead_before_it_is_known(slots: dict[int, Slot]) -> None:
    """nginx may ask before the process has been waited for."""
    found = Suspects(slots)
    slots[1].pid = 7
    working(slots[1], A)
    assert (found.held(A), found.held(B), found.deaths(A)) == (True, False, 0)
    slots[1].lose()
    found.died(slots[1], CRASH)
    assert (found.held(A), found.deaths(A)) == (False, 1)


@pytest.mark.parametrize(
    ("end", "kills", "deaths"),
    [
        (End(-9, 5.0), (4, 4), 0),  # somebody has killed it
        (End(-9, 5.0), (4, 5), 1),  # the kernel has, for want of memory
        (End(-9, 5.0), (None, None), 1),  # the kernel does not tell
        (End(-9, 5.0, hung="It has not reacted."), (4, 4), 1),  # process 1 has
        (End(-11, 5.0), (4, 4), 1),
        (End(1, 5.0), (4, 4), 1),
    ],
)
def test_a_request_is_no_suspect_if_somebody_killed_the_worker(
    slots: dict[int, Slot], monkeypatch: pytest.MonkeyPatch, end: End, kills: tuple[int | None, ...], deaths: int
) -> None:
    """No request makes a process get SIGKILL but by taking its memory."""
    monkeypatch.setattr(suspects, "oom_kills", lambda: kills[0])
    found = Suspects(slots)
    found.look()
    monkeypatch.setattr(suspects, "oom_kills", lambda: kills[1])
    found.look()  # between the kernel's kill and its being known
    working(slots[1], A)
    found.died(slots[1], end)
    assert found.deaths(A) == deaths


def test_deaths_in_two_workers_or_twice_in_one_slot_add_up(slots: dict[int, Slot]) -> None:
    """Each process counts."""
    found = Suspects(slots)
    for one, request in ((slots[1], A), (slots[2], A), (slots[1], B), (slots[1], B)):
        working(one, request)
        restarted(found, one)
    assert (found.deaths(A), found.deaths(B)) == (2, 2)


def test_what_the_users_code_has_begun_on_is_remembered(slots: dict[int, Slot]) -> None:
    """It may have had effects, also if it was only waiting for its response when the worker died."""
    found = Suspects(slots)
    assert slots[1].pulse is not None
    slots[1].pulse.claim(Origin([A]))
    assert (found.begun(A), found.begun(B)) == (True, False)
    restarted(found, slots[1])
    assert (found.begun(A), found.deaths(A)) == (True, 0)


def test_what_a_dead_workers_engine_had_accepted_is_remembered(slots: dict[int, Slot]) -> None:
    """The next worker must not refuse it. A request that only reached the socket of the dead one is new."""
    found = Suspects(slots)
    assert slots[1].pulse is not None
    with slots[1].pulse.accepting([A]):
        slots[1].pid = 7
        assert (found.held(A), found.accepted(A)) == (True, False)
        found.died(slots[1], CRASH)
    assert (found.accepted(A), found.accepted(B), found.deaths(A)) == (True, False, 0)


def test_old_requests_are_forgotten(slots: dict[int, Slot], monkeypatch: pytest.MonkeyPatch) -> None:
    """They have been answered long ago."""
    monkeypatch.setattr(suspects, "MOST", 3)
    found = Suspects(slots)
    names = [b"%08d" % number for number in range(1, 6)]
    for name in names:
        working(slots[1], name)
        restarted(found, slots[1])
    assert [found.deaths(name) for name in names] == [0, 0, 1, 1, 1]
