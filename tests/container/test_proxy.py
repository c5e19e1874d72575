"""What nginx's times of connecting say of a request."""

import pytest

from mooring.container.proxy import Tries


@pytest.mark.parametrize(
    ("text", "tried", "took", "poison"),
    [
        ("", 0, 0, False),
        ("0.000", 1, 1, False),
        ("-", 1, 0, False),
        ("-, 0.001", 2, 1, False),
        ("0.000, 0.000", 2, 2, True),
        ("0.000, 0.000 : 0.000", 2, 2, True),
        ("-, - : 0.002", 2, 0, False),
        ("-, 0.000 : 0.000 : 0.001", 3, 2, True),
        ("-, - : 0.000 : 0.001", 3, 1, False),
    ],
)
def test_tries(text: str, tried: int, took: int, poison: bool) -> None:
    """A worker that was not there did not die of the request."""
    tries = Tries.read(text)
    assert (tries.tried, tries.took, tries.poison) == (tried, took, poison)
