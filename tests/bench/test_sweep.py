"""What to sweep over, and where the curve bends."""

import pytest

from mooring.bench.sweep import CLIENTS, Sweep, best_step, parse_sweep, rates_of
from mooring.errors import UsageError


def test_sweeps_by_name() -> None:
    """Values in ascending order, once each."""
    assert parse_sweep("clients") == Sweep("clients", tuple(map(float, CLIENTS)))
    assert parse_sweep("clients:8,1,8") == Sweep("clients", (1.0, 8.0))
    assert parse_sweep("rates") == Sweep("rates", ())
    assert parse_sweep("rates:50,2.5") == Sweep("rates", (2.5, 50.0))


@pytest.mark.parametrize(
    "said", ["", "threads", "clients:", "clients:0", "clients:1.5", "clients:99999", "rates:0", "rates:nan", "rates:x"]
)
def test_what_cannot_be_swept_is_refused(said: str) -> None:
    """With the forms that can."""
    with pytest.raises(UsageError, match=r"is not a valid value for --sweep.*rates:20,50"):
        parse_sweep(said)


def test_rates_go_a_little_beyond_the_best() -> None:
    """From a tenth of it, in round figures."""
    assert rates_of(156.43) == (15.6, 39.1, 78.2, 110.0, 125.0, 141.0, 149.0, 156.0, 172.0)


def test_the_bend_is_the_first_step_that_is_nearly_the_best() -> None:
    """What comes after it only waits longer."""
    steps = [{"clients": n, "per_second": speed} for n, speed in [(1, 50.0), (2, 90.0), (4, 98.0), (8, 100.0)]]
    assert best_step(steps) == steps[2]
    assert best_step([{"per_second": 0.0}]) is None
