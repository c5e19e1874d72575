"""One-window requests beside a request of a thousand windows, on a virtual clock."""

import random

import pytest

from mooring.backends.base import ShapeGrid
from tests.engine.simulated import Outcome, simulate

GRID = ShapeGrid(
    lengths=(16, 32, 64, 96, 128, 144, 160, 176, 192, 208, 240, 272, 320, 384, 512), batches=(1, 2, 4, 8), tokens=512
)
WIDE = ShapeGrid(lengths=GRID.lengths, batches=(1, 2, 4, 8, 16, 32), tokens=8192)
"""As a backend with more to compute on might have it: a full batch takes 80 times a short window."""


def squad_like() -> list[int]:
    """Lengths spread like a question with its paragraph: a log-normal around 160 tokens, cut to 40 to 384."""
    chance = random.Random(1)
    return [min(384, max(40, round(chance.lognormvariate(5.08, 0.35)))) for _ in range(400)]


def run(grid: ShapeGrid, clients: int, large: list[list[int]]) -> Outcome:
    return simulate(grid, clients=clients, lengths=squad_like(), large=large, seconds=6.0)


@pytest.mark.parametrize("grid", [GRID, WIDE], ids=["512", "8192"])
@pytest.mark.parametrize("clients", [1, 2, 8, 16])
@pytest.mark.parametrize("window", [64, 384])
def test_a_thousand_windows_leave_the_others_p99_within_three_times_idle(
    grid: ShapeGrid, clients: int, window: int
) -> None:
    """The promise of the issue, for one client and for many, for short windows and long ones."""
    idle = run(grid, clients, [])
    loaded = run(grid, clients, [[window] * 1000])
    assert loaded.p99() <= 3 * idle.p99()


@pytest.mark.parametrize("clients", [1, 16])
def test_the_large_request_gets_its_turn_however_many_others_there_are(clients: int) -> None:
    """Round-robin both ways: one turn for the large one after at most one for each of the others."""
    loaded = run(GRID, clients, [[384] * 1000])
    assert loaded.large_windows >= len(loaded.latencies) / clients / 2


def test_two_large_requests_share_evenly() -> None:
    """Neither of two equal large requests waits for the other to end."""
    loaded = run(GRID, 1, [[384] * 1000, [384] * 1000])
    idle = run(GRID, 1, [])
    assert loaded.p99() <= 4 * idle.p99()
    assert loaded.large_windows >= len(loaded.latencies)
