"""The shipped fakes do what their docstrings say."""

import pytest

from mooring.errors import InvalidRequest
from mooring.testing import FakeBackend, FakeTask, ManualClock


@pytest.mark.parametrize("body", [{"inputs": [40, 12]}, [40, 12], (40, 12)])
def test_the_fake_task_reads_wrapped_and_bare_bodies(body: object) -> None:
    """As real tasks do."""
    assert FakeTask().parse(body) == (40, 12)


def test_one_length_is_one_window() -> None:
    """Without a list around it."""
    assert FakeTask().parse({"inputs": 7}) == (7,)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [("x", "/inputs"), ({"inputs": None}, "/inputs"), ([1, "2"], "/inputs/1"), ([0], "/inputs/0")],
)
def test_the_fake_task_points_at_what_it_cannot_read(body: object, pointer: str) -> None:
    """An InvalidRequest with a JSON pointer, as of a real task."""
    with pytest.raises(InvalidRequest) as caught:
        FakeTask().parse(body)
    assert caught.value.pointer == pointer


def test_the_fake_task_answers_with_what_was_computed() -> None:
    """The lengths asked for and one number for each."""
    task, backend = FakeTask(), FakeBackend()
    prepared = task.prepare(task.parse([3, 5]))
    answer = task.finish(prepared, backend.run(prepared.windows))
    assert answer == {"windows": [3, 5], "scores": [float(backend.logits(w)[0][0]) for w in prepared.windows]}
    assert task.estimate((3, 5)) == 8
    assert len(task.prepare(task.probe()).windows) == 1


def test_the_manual_clock_moves_when_told() -> None:
    """And only then."""
    clock = ManualClock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    clock.advance(0.5)
    assert clock() == 5.5
