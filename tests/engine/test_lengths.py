"""Which lengths share a batch."""

import pytest

from mooring.backends.base import ShapeGrid
from mooring.engine.lengths import LengthClasses

GRID = ShapeGrid(lengths=(16, 32, 64, 128, 144, 160), batches=(1, 2, 4, 8), tokens=512)


def classes(ride_tokens: int = 256, max_waste: float = 0.125) -> LengthClasses:
    return LengthClasses(GRID, ride_tokens=ride_tokens, max_waste=max_waste)


def test_a_window_belongs_to_the_shortest_length_that_holds_it() -> None:
    """Also exactly at and just above a border."""
    table = classes()
    assert [table.of(length) for length in (1, 16, 17, 144, 145)] == [0, 0, 1, 4, 5]


@pytest.mark.parametrize("length", [0, 161])
def test_a_length_outside_of_the_grid_is_refused(length: int) -> None:
    """Neither an empty window nor one longer than the grid goes in quietly."""
    with pytest.raises(ValueError, match=f"{length} tokens"):
        classes().of(length)


def test_neighbours_are_close_in_length_and_nearest_first() -> None:
    """An eighth of waste joins 144 with 128 and 160, but not 128 with 160, nor anything with 16."""
    assert tuple(classes().near[place] for place in (0, 3, 4)) == ((0,), (3, 4), (4, 3, 5))


def test_no_waste_allowed_means_no_neighbours() -> None:
    """Each length is then by itself."""
    assert tuple((place,) for place in range(6)) == classes(max_waste=0).near


def test_a_batch_that_nobody_small_waits_for_is_narrower_but_never_empty() -> None:
    """Half of the tokens are half of the rows; one row is always allowed."""
    table = classes(ride_tokens=256)
    assert table.max_rows == (8, 8, 8, 4, 2, 2)
    assert table.ride_rows == (8, 8, 4, 2, 1, 1)
    assert classes(ride_tokens=1).ride_rows == (1, 1, 1, 1, 1, 1)
