"""Answers without a server: in order, in shared batches, within bounded memory."""

from collections.abc import Iterator

import pytest

from mooring.engine.offline import answer_all
from mooring.errors import BackendError
from mooring.testing import FakeBackend, FakeTask


def lengths(count: int) -> list[tuple[int, ...]]:
    """Requests of one to five windows and all lengths."""
    return [((place * 37) % 128 + 1,) * (1 + place % 5) for place in range(count)]


def test_answers_come_in_the_order_of_the_requests() -> None:
    """Whichever batches they were computed in, and though some have many windows."""
    requests = [*lengths(300), (128,) * 100, *lengths(20)]
    alone = [next(answer_all(FakeTask(), FakeBackend(), [request])) for request in requests]
    assert list(answer_all(FakeTask(), FakeBackend(), requests)) == alone


def test_windows_of_several_requests_share_batches() -> None:
    """64 alike requests of one window: four a batch."""
    backend = FakeBackend()
    list(answer_all(FakeTask(), backend, [(60,)] * 64))
    assert backend.batches == [(60,) * 4] * 16


def test_it_reads_no_further_ahead_than_asked() -> None:
    """A million requests do not have to fit into memory."""
    read = 0

    def source() -> Iterator[tuple[int, ...]]:
        nonlocal read
        for request in lengths(1000):
            read += 1
            yield request

    answers = answer_all(FakeTask(), FakeBackend(), source(), look_ahead=10)
    for place, _ in enumerate(answers):
        assert read <= place + 10
    assert read == 1000


def test_nothing_asked_nothing_answered() -> None:
    """And the backend is left alone; a request without windows is answered without it too."""
    backend = FakeBackend()
    assert list(answer_all(FakeTask(), backend, [])) == []
    assert list(answer_all(FakeTask(), backend, [()])) == [{"windows": [], "scores": []}]
    assert backend.batches == []


def test_a_failing_backend_is_not_hidden() -> None:
    """What was yielded before stands."""
    backend = FakeBackend()
    answers = answer_all(FakeTask(), backend, [(60,), (60,)], look_ahead=1)
    next(answers)
    backend.fail_next = 1
    with pytest.raises(BackendError):
        next(answers)
