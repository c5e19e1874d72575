"""The histogram against exact percentiles of the same values."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mooring.bench.histogram import RELATIVE_ERROR, Histogram

LATENCIES = st.lists(st.floats(0, 4000), min_size=1, max_size=200)
PERCENTS = (0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0)


def filled(values: list[float]) -> Histogram:
    """All of them recorded."""
    made = Histogram()
    for value in values:
        made.record(value)
    return made


def exact(values: list[float], percent: float) -> float:
    """The nearest rank: the smallest value that at least `percent` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values) - 1e-9) - 1)]


@given(LATENCIES)
@example([0.0])
@example([2047e-6, 2048e-6, 2049e-6, 4095e-6, 4096e-6])
def test_percentiles_are_exact_within_half_a_counter(values: list[float]) -> None:
    """0.05 % above 2 ms, half a microsecond below (and the part of a microsecond that is cut off)."""
    for percent, found in zip(PERCENTS, filled(values).percentiles(*PERCENTS), strict=True):
        right = exact(values, percent)
        assert abs(found - right) <= max(1.01e-6, 1.001 * RELATIVE_ERROR * right + 1e-6)


@given(LATENCIES)
def test_count_mean_and_ends_are_exact(values: list[float]) -> None:
    """They are kept apart from the counters."""
    made = filled(values)
    assert (made.count, made.min, made.max) == (len(values), min(values), max(values))
    assert made.mean == pytest.approx(sum(values) / len(values))


@given(LATENCIES, LATENCIES)
def test_two_added_are_one_of_all(one: list[float], other: list[float]) -> None:
    """Percentiles cannot be averaged; histograms can be added."""
    together = filled(one)
    together.add(filled(other))
    assert together.percentiles(*PERCENTS) == filled(one + other).percentiles(*PERCENTS)
    assert (together.count, together.min, together.max) == (len(one + other), min(one + other), max(one + other))


@given(LATENCIES, st.integers(1, 80))
def test_bars_hold_every_value_once(values: list[float], most: int) -> None:
    """In ascending ranges that do not overlap, and no more of them than asked for."""
    made = filled(values)
    bars = made.bars(most)
    assert sum(bar.count for bar in bars) == len(values)
    assert len(bars) <= most
    assert all(left.high <= right.low * (1 + 1e-9) for left, right in pairwise(bars))


def test_an_empty_one() -> None:
    """Nothing is made up."""
    assert (Histogram().percentiles(50), Histogram().bars(), Histogram().mean) == ([0.0], [], 0.0)


def test_what_is_beyond_the_largest_counter_is_still_the_maximum() -> None:
    """A request of two hours."""
    made = filled([7200.0, 0.001])
    assert (made.max, made.percentiles(100)) == (7200.0, [7200.0])


def test_p99_9_of_a_long_run() -> None:
    """100,000 latencies, as a server has them."""
    chance = random.Random(1)
    values = [chance.lognormvariate(-4, 0.5) for _ in range(100_000)]
    assert filled(values).percentiles(99.9)[0] == pytest.approx(exact(values, 99.9), rel=RELATIVE_ERROR)
