"""What a window is expected to cost, from what batches took."""

import pytest

from mooring.backends.base import ShapeGrid
from mooring.engine.costs import SECOND, Costs

GRID = ShapeGrid(lengths=(16, 32, 128), batches=(1, 2, 4, 8), tokens=512)


def test_a_row_costs_what_it_does_in_the_fullest_batch() -> None:
    """A long queue makes full batches, whatever single rows took."""
    costs = Costs(GRID)
    costs.measured((1, 16), [0], 0.010, busy=False)
    assert costs.rows([0]) == pytest.approx(0.010 * SECOND)
    costs.measured((8, 16), [0] * 8, 0.040, busy=False)
    costs.measured((1, 16), [0], 0.010, busy=False)
    assert costs.rows([0, 0]) == pytest.approx(0.010 * SECOND)


def test_a_length_never_computed_costs_what_the_nearest_does_per_token() -> None:
    """So the first, short shapes of a warm-up give a cost for long windows."""
    costs = Costs(GRID)
    costs.warmed((1, 16), 0.004)
    assert costs.rows([2]) == pytest.approx(0.032 * SECOND)
    costs.measured((1, 128), [2], 0.050, busy=False)
    assert costs.rows([0, 2]) == pytest.approx(0.054 * SECOND)


def test_a_warm_up_counts_until_the_shape_is_computed_again() -> None:
    """The first computation includes one-time work; a later warm-up changes nothing."""
    costs = Costs(GRID)
    costs.warmed((1, 16), 1.0)
    costs.measured((1, 16), [0], 0.004, busy=False)
    costs.warmed((1, 16), 1.0)
    assert costs.rows([0]) == pytest.approx(0.004 * SECOND)


def test_the_pace_follows_the_machine_within_some_batches() -> None:
    """Three times as slow: known after twenty batches that left others waiting, and forgotten as soon."""
    costs = Costs(GRID)
    for factor in (1, 3, 1):
        for _ in range(20):
            costs.measured((4, 128), [2] * 4, 0.1 * factor, busy=True)
        assert costs.rows([2] * 4) * costs.pace == pytest.approx(0.1 * factor * SECOND, rel=0.2)


def test_batches_that_leave_nobody_waiting_are_compared_with_their_own_shape() -> None:
    """Each row costs more than in a long queue; but they show when the machine is slow, and when it is fast again."""
    costs = Costs(GRID)
    for _ in range(20):
        costs.measured((8, 16), [0] * 8, 0.040, busy=True)
        costs.measured((1, 16), [0], 0.010, busy=False)
    assert costs.pace == pytest.approx(1, rel=0.05)
    costs.measured((8, 16), [0] * 8, 0.400, busy=True)
    assert costs.pace > 2
    for _ in range(50):
        costs.measured((1, 16), [0], 0.010, busy=False)
    assert costs.pace == pytest.approx(1, rel=0.1)


def test_one_batch_that_hung_does_not_close_the_door_for_long() -> None:
    """The pace is bounded, and ten good batches later it is within two thirds of its bound."""
    costs = Costs(GRID)
    for _ in range(20):
        costs.measured((4, 128), [2] * 4, 0.1, busy=True)
    costs.measured((4, 128), [2] * 4, 600.0, busy=True)
    assert costs.pace == 20


def test_a_request_is_about_as_costly_as_its_windows() -> None:
    """Before it is tokenized."""
    costs = Costs(GRID)
    costs.measured((1, 128), [2], 0.1, busy=False)
    assert costs.about(128 * 3) == costs.rows([2, 2, 2])
    assert costs.about(20) == costs.rows([1])
    assert costs.about(0) == costs.rows([0])


def test_nothing_costs_anything_before_a_measurement() -> None:
    """And a clock that does not move measures nothing."""
    costs = Costs(GRID)
    costs.measured((1, 16), [0], 0.0, busy=True)
    costs.warmed((1, 32), 0.0)
    assert (costs.rows([0, 1, 2]), costs.about(1000), costs.pace, costs.tokens_per_second) == (0, 0, 1.0, 0.0)
