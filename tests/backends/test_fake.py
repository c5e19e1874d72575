"""The fake backend keeps a real one's promises and does as it is told."""

import threading

import numpy as np
import pytest

from mooring.backends.base import Window
from mooring.errors import BackendError
from mooring.testing import FakeBackend, Gate


def window(*ids: int) -> Window:
    return Window(np.array(ids, np.int32), np.zeros(len(ids), np.int32))


def test_a_windows_numbers_do_not_depend_on_its_batch() -> None:
    """Alone and in company, to the bit."""
    backend = FakeBackend()
    ours = window(101, 7, 102)
    alone = backend.run([ours])[0]
    among = backend.run([window(1, 2, 3, 4), ours, window(9)])[1]
    assert all(np.array_equal(a, b) for a, b in zip(alone, among, strict=True))


def test_there_is_one_number_a_token_and_output() -> None:
    """float32, the window's own length, start and end different."""
    backend = FakeBackend()
    start, end = backend.run([window(5, 6, 7)])[0]
    assert (start.shape, end.shape) == ((3,), (3,))
    assert start.dtype == np.float32
    assert not np.array_equal(start, end)
    assert len(backend.outputs) == 2


def test_different_ids_give_different_numbers() -> None:
    """Otherwise a test could not see a mix-up."""
    backend = FakeBackend()
    rows = backend.run([window(number) for number in range(1, 9)])
    assert len({float(row[0][0]) for row in rows}) == 8


def test_it_records_batches_and_fails_when_told() -> None:
    """Failed batches are recorded too."""
    backend = FakeBackend()
    backend.fail_next = 1
    with pytest.raises(BackendError):
        backend.run([window(1, 2)])
    backend.run([window(1), window(2, 3)])
    assert backend.batches == [(2,), (1, 2)]


def test_it_fails_on_poison_only() -> None:
    """Whoever shares the batch fails with it."""
    backend = FakeBackend()
    backend.poison = lambda each: 13 in each.input_ids
    with pytest.raises(BackendError):
        backend.run([window(1), window(13)])
    assert backend.run([window(1)])


def test_a_batch_outside_of_the_grid_is_an_error_of_the_caller() -> None:
    """Too many rows, or a run after close."""
    backend = FakeBackend()
    with pytest.raises(AssertionError, match="not in the grid"):
        backend.run([window(*range(100))] * 3)
    backend.close()
    with pytest.raises(AssertionError, match="after close"):
        backend.run([window(1)])


def test_the_gate_holds_batches_until_they_are_let_through() -> None:
    """One at a time, or all."""
    backend = FakeBackend()
    backend.gate.close()
    done = threading.Semaphore(0)

    def three() -> None:
        for _ in range(3):
            backend.run([window(1)])
            done.release()

    thread = threading.Thread(target=three)
    thread.start()
    backend.gate.wait_held()
    assert not done.acquire(blocking=False)
    backend.gate.let(1)
    assert done.acquire(timeout=5)
    backend.gate.wait_held()
    assert not done.acquire(blocking=False)
    backend.gate.open()
    thread.join(5)
    assert not thread.is_alive()


def test_waiting_for_nobody_times_out() -> None:
    """A test that waits in vain fails instead of hanging."""
    with pytest.raises(TimeoutError, match="0 of 1 batches"):
        Gate().wait_held(timeout_s=0.0)
