"""Which requests a dead worker may have died of."""

import os
from collections.abc import Iterator

import pytest

from mooring.container import suspects
from mooring.container.child import Slot
from mooring.container.suspects import Suspects
from mooring.container.topology import Worker
from mooring.observe import pulse
from mooring.observe.pulse import Origin, Pulse

A, B = b"aaaaaaaa", b"bbbbbbbb"


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
    """The worker has died, and another one has taken its place."""
    found.died(one)
    one.pulse = slot(one.worker.slot).pulse
    one.starts += 1


def test_only_what_was_being_worked_on_is_suspect(slots: dict[int, Slot]) -> None:
    """A request that waited is innocent."""
    found = Suspects(slots)
    working(slots[1], A)
    restarted(found, slots[1])
    assert (found.deaths(A), found.deaths(B)) == (1, 0)


def test_a_death_counts_before_it_is_known_and_once(slots: dict[int, Slot]) -> None:
    """nginx may ask before the process has been waited for."""
    found = Suspects(slots)
    working(slots[1], A)
    assert found.deaths(A) == 1
    found.died(slots[1])
    assert found.deaths(A) == 1


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


def test_old_requests_are_forgotten(slots: dict[int, Slot], monkeypatch: pytest.MonkeyPatch) -> None:
    """They have been answered long ago."""
    monkeypatch.setattr(suspects, "MOST", 3)
    found = Suspects(slots)
    names = [b"%08d" % number for number in range(1, 6)]
    for name in names:
        working(slots[1], name)
        restarted(found, slots[1])
    assert [found.deaths(name) for name in names] == [0, 0, 1, 1, 1]
