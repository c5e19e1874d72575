"""How often something is looked at."""

import pytest

from mooring.deploy.wait import pause_after


@pytest.mark.parametrize(("waited", "pause"), [(0.0, 0.1), (0.5, 0.1), (3.0, 0.3), (50.0, 5.0), (900.0, 5.0)])
def test_looks_are_a_tenth_of_the_wait_apart(waited: float, pause: float) -> None:
    """From a tenth of a second up to five."""
    assert pause_after(waited) == pytest.approx(pause)
