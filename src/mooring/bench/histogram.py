"""Compute percentiles with a high dynamic range histogram. Filled by `tally.py`, read by `report.py`.

Gil Tene's layout: below 2^11 µs there is one counter per microsecond, above that 2^10 of equal width per octave. Values
up to 4,000 s are accurate within 0.05 % (or half a microsecond), in 180 kB, however long a run is. Recording is a
shift, an addition and a counter, which is cheaper than a library (docs/dependencies.md).
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

PRECISION = 11
"""Significant bits of a value."""
RELATIVE_ERROR = 2.0**-PRECISION
"""Relative error above 2^PRECISION µs: half a counter's width against its lower edge."""
_HALF = 1 << (PRECISION - 1)
_LARGEST_US = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Bar:
    """A non-empty range of values, in seconds."""

    low: float
    high: float
    count: int


class Histogram:
    """Counts by value. Minimum, maximum and mean are exact."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (_index(_LARGEST_US) + 1)))
        self.count = 0
        self.total = 0.0
        self.min = math.inf
        self.max = 0.0

    def record(self, seconds: float) -> None:
        """Count one non-negative value; above 71 minutes it is capped, except in `max` and `mean`."""
        us = int(seconds * 1e6)
        if us > _LARGEST_US:
            us = _LARGEST_US
        shift = us.bit_length() - PRECISION
        self._counts[(shift << (PRECISION - 1)) + (us >> shift) if shift > 0 else us] += 1
        self.count += 1
        self.total += seconds
        if seconds > self.max:
            self.max = seconds
        if seconds < self.min:
            self.min = seconds

    @property
    def mean(self) -> float:
        """In seconds; 0 if empty."""
        return self.total / self.count if self.count else 0.0

    def add(self, other: Self) -> None:
        """Add everything that `other` has recorded."""
        for index, count in enumerate(other._counts):
            if count:
                self._counts[index] += count
        self.count += other.count
        self.total += other.total
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)

    def percentiles(self, *percents: float) -> list[float]:
        """The value in seconds at each percentile (nearest rank); 0 if empty."""
        if not self.count:
            return [0.0 for _ in percents]
        first, last = self._ends()
        sums = list(accumulate(self._counts[first : last + 1]))
        found = []
        for percent in percents:
            rank = max(1, min(self.count, math.ceil(percent / 100 * self.count - 1e-9)))
            found.append(self._within(_middle(first + bisect_left(sums, rank))) if rank < self.count else self.max)
        return found

    def bars(self, count: int = 60) -> list[Bar]:
        """At most `count` ranges of equal ratio between minimum and maximum, without empty ones."""
        if not self.count:
            return []
        low, high = max(self.min, 1e-6), max(self.max, 1e-6)
        ratio = max((high / low) ** (1 / count), 1 + 4 * RELATIVE_ERROR)
        found: dict[int, int] = {}
        for seconds, number in self.values():
            place = min(count - 1, max(0, int(math.log(max(seconds, low) / low, ratio))))
            found[place] = found.get(place, 0) + number
        return [Bar(low * ratio**place, low * ratio ** (place + 1), found[place]) for place in sorted(found)]

    def values(self) -> Iterator[tuple[float, int]]:
        """(seconds, count) in ascending order, to the histogram's precision."""
        first, last = self._ends()
        for index in range(first, last + 1):
            if self._counts[index]:
                yield self._within(_middle(index)), self._counts[index]

    def _ends(self) -> tuple[int, int]:
        """The first and last counter that can be non-zero."""
        if not self.count:
            return 0, -1
        return _index(int(self.min * 1e6)), _index(int(self.max * 1e6))

    def _within(self, seconds: float) -> float:
        return min(self.max, max(self.min, seconds))


def _index(us: int) -> int:
    """Index of a value's counter. Inlined in `record`: a call would double its cost."""
    us = min(us, _LARGEST_US)
    shift = us.bit_length() - PRECISION
    return (shift << (PRECISION - 1)) + (us >> shift) if shift > 0 else us


def _middle(index: int) -> float:
    """The middle of a counter's range, in seconds."""
    shift = max(0, (index >> (PRECISION - 1)) - 1)
    lowest = index if shift == 0 else (index - (shift << (PRECISION - 1))) << shift
    return (lowest + (1 << shift) / 2) / 1e6
