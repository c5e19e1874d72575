"""The memory that a worker shares with process 1."""

import os
from collections.abc import Iterator

import pytest

from mooring.observe import pulse
from mooring.observe.pulse import Origin, Pulse, read_id

A, B = b"aaaaaaaa", b"bbbbbbbb"


@pytest.fixture
def both() -> Iterator[tuple[Pulse, Pulse]]:
    """The worker's view and that of process 1."""
    descriptor = pulse.create()
    worker, one = Pulse(descriptor), Pulse(descriptor)
    os.close(descriptor)
    yield worker, one
    worker.close()
    one.close()


def test_beats_are_counted_and_the_reason_is_the_last(both: tuple[Pulse, Pulse]) -> None:
    """However long it is."""
    worker, one = both
    assert (one.beats, one.reason) == (0, "")
    worker.beat("")
    worker.beat("The engine é hangs.")
    assert (one.beats, one.reason) == (2, "The engine é hangs.")
    worker.beat("x" * 10_000)
    assert set(one.reason) == {"x"}
    worker.beat("")
    assert one.reason == ""


def test_requests_at_work_are_seen_until_the_work_is_over(both: tuple[Pulse, Pulse]) -> None:
    """Also if it fails, and beside other work."""
    worker, one = both
    with worker.working([A]):
        with worker.working([B, A]):
            assert one.at_work() == {A, B}
        assert one.at_work() == {A}
    with pytest.raises(ValueError, match="no"), worker.working([B]):
        raise ValueError("no")
    assert one.at_work() == set()


def test_no_work_is_refused_for_want_of_places(both: tuple[Pulse, Pulse]) -> None:
    """What does not fit is not noted; places are used again."""
    worker, one = both
    held = [worker.working([bytes([number]) * 8]) for number in range(1, 200)]
    for each in held:
        each.__enter__()
    assert 10 < len(one.at_work()) < 199
    for each in held:
        each.__exit__(None, None, None)
    assert one.at_work() == set()
    with worker.working([b"%08d" % number for number in range(1000)]):
        assert len(one.at_work()) > 100
    with worker.working([A]):
        assert one.at_work() == {A}


def test_claims_last_until_the_request_is_answered(both: tuple[Pulse, Pulse]) -> None:
    """Independent of the work."""
    worker, one = both
    first, second = Origin([A]), Origin([B])
    worker.claim(first)
    worker.claim(first)
    worker.claim(second)
    assert one.claimed() == {A, B}
    worker.release(first)
    assert one.claimed() == {B}
    worker.release(first)
    worker.release(second)
    assert one.claimed() == set()


def test_requests_are_accepted_until_they_are_answered(both: tuple[Pulse, Pulse]) -> None:
    """As many as there are places."""
    worker, one = both
    with worker.accepting([A]), worker.accepting([B]):
        assert one.accepted() == {A, B}
        assert one.at_work() == set()
    assert one.accepted() == set()
    with worker.accepting([b"%08d" % number for number in range(1, 10_000)]):
        assert 1000 < len(one.accepted()) < 9999
    with worker.accepting([A]):
        assert one.accepted() == {A}


def test_a_single_request_is_found_where_it_is(both: tuple[Pulse, Pulse]) -> None:
    """Not in two halves of others, not where it was before, and not in a count."""
    worker, one = both
    with worker.working([B, A]):
        assert (one.has(A), one.has(B), one.has_claimed(A)) == (True, True, False)
        assert not one.has(B[4:] + A[4:])
        assert not one.has((2).to_bytes(8, "little"))
    with worker.working([B]):
        assert (one.has(A), one.has(B), one.has(b"")) == (False, True, False)
    with worker.accepting([B, A]):
        assert (one.has(A), one.has_claimed(A), one.has(B[4:] + A[4:])) == (True, False, False)
    origin = Origin([A])
    worker.claim(origin)
    assert (one.has(A), one.has_claimed(A), one.has_claimed(B)) == (False, True, False)
    worker.release(origin)
    assert not one.has_claimed(A)


def test_patience_is_counted(both: tuple[Pulse, Pulse]) -> None:
    """Two may be needed at a time."""
    worker, one = both
    with worker.patient():
        with worker.patient():
            assert one.is_patient
        assert one.is_patient
    assert not one.is_patient


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"00112233445566778899aabbccddeeff", bytes.fromhex("0011223344556677")),
        (b"00112233", b""),
        (b"", b""),
        (b"not hexadecimal!", b""),
        (b"\xff" * 32, b""),
        (b"0" * 32, b""),
    ],
)
def test_ids_are_read_from_a_header(text: bytes, found: bytes) -> None:
    """Anything else has no id."""
    assert read_id(text) == found


def test_a_process_without_a_pulse_notes_nothing() -> None:
    """The functions do nothing then."""
    origin = Origin([A])
    with pulse.working([origin]), pulse.patient():
        pulse.claim(origin)
    pulse.release(origin)
    assert origin.claims == []
