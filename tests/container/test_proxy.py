"""What nginx's times of connecting and answering say of a request."""

import pytest

from mooring.container.proxy import Tries, spent_s


@pytest.mark.parametrize(
    ("text", "tried", "took", "rounds"),
    [
        ("", 0, 0, 1),
        ("0.000", 1, 1, 1),
        ("-", 1, 0, 1),
        ("-, 0.001", 2, 1, 1),
        ("0.000, 0.000", 2, 2, 1),
        ("0.000, 0.000 : 0.000", 2, 2, 1),
        ("-, - : 0.002", 2, 0, 1),
        ("-, 0.000 : 0.000 : 0.001", 3, 2, 2),
        ("-, - : 0.000 : 0.001", 3, 1, 2),
    ],
)
def test_tries(text: str, tried: int, took: int, rounds: int) -> None:
    """A worker that was not there did not accept it."""
    tries = Tries.read(text)
    assert (tries.tried, tries.took, tries.rounds) == (tried, took, rounds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0.0), ("-", 0.0), ("0.250", 0.25), ("0.000, 1.500 : 0.500 : -", 2.0), ("nonsense, 1.0", 1.0)],
)
def test_the_time_spent_is_that_of_all_tries(text: str, seconds: float) -> None:
    """Also of process 1, which waits for a worker."""
    assert spent_s(text) == pytest.approx(seconds)
