"""Estimate how long windows take to compute, from the batches measured so far.

Used by `door.py` under the worker's lock. The cost of a padded token depends on the length (attention is quadratic), on
the number of rows (a full batch costs up to a third less per row) and on the precision, so a single rate can be wrong
by a factor of two. Therefore two things are measured:

* per shape of the grid, the mean time of a batch. A length class costs what a row of its fullest measured batch does,
because only a long queue matters here, and it makes full batches. A class never computed costs what the nearest one
does per padded token.
* the pace: the time of recent batches relative to that. It covers what the shapes do not: other processes on the same
cores, models that take turns, and, if batches leave others waiting, that mixed lengths cannot fill them. A batch that
leaves nobody waiting is compared with its own shape: its rows cost more than in a long queue.

Times are integer nanoseconds of the whole machine: a batch in one of n streams takes n times as long, but n are
computed in that time.
"""

from collections.abc import Sequence

from mooring.backends.base import ShapeGrid

SECOND = 1_000_000_000
MEMORY = 0.9
"""Weight of the past in the pace after each batch: about ten batches count."""
STEADY = 20
"""Measurements of a shape from which its mean moves slowly; the pace covers faster changes."""
SLOWEST, FASTEST = 20.0, 0.1
"""Bounds of the pace: one batch that hung must not close the door for long."""


class Costs:
    """See the module docstring."""

    def __init__(self, grid: ShapeGrid) -> None:
        self._grid = grid
        self._shapes: dict[tuple[int, int], tuple[float, int]] = {}  # mean time, number of measurements
        self._rows = [0] * len(grid.lengths)
        self._actual = 0.0
        self._expected = 0.0

    @property
    def pace(self) -> float:
        """Factor between the costs of this object and the time that they take now."""
        return min(SLOWEST, max(FASTEST, self._actual / self._expected)) if self._expected else 1.0

    @property
    def turn(self) -> int:
        """Cost of the most that one request computes in its turn: one window of the longest class."""
        return self._rows[-1]

    @property
    def tokens_per_second(self) -> float:
        """Padded tokens per second at the longest length measured; 0 before the first batch."""
        longest = max((length for _, length in self._shapes), default=0)
        if not longest:
            return 0.0
        return longest * SECOND / (self._rows[self._grid.lengths.index(longest)] * self.pace)

    def rows(self, classes: Sequence[int]) -> int:
        """Cost of windows of these length classes."""
        return sum(self._rows[place] for place in classes)

    def about(self, tokens: int) -> int:
        """Cost of a request of about that many tokens, before it is tokenized."""
        longest = self._grid.lengths[-1]
        if tokens >= longest:
            return int(self._rows[-1] * tokens / longest)
        return self._rows[self._grid.lengths.index(self._grid.padded_length(max(1, tokens)))]

    def warmed(self, shape: tuple[int, int], seconds: float) -> None:
        """Record the first computation of a shape, which includes one-time work: it counts until the next one."""
        if shape not in self._shapes and seconds > 0:
            self._shapes[shape] = seconds * SECOND, 0
            self._update()

    def measured(self, shape: tuple[int, int], classes: Sequence[int], seconds: float, *, busy: bool) -> None:
        """Record a batch of windows of `classes`, computed as `shape`; `busy` if it left others waiting."""
        if seconds <= 0:
            return
        mean, count = self._shapes.get(shape, (0.0, 0))
        expected = self.rows(classes) if busy else mean if count else 0
        if expected:
            self._actual = MEMORY * self._actual + seconds * SECOND
            self._expected = MEMORY * self._expected + expected
        count = min(STEADY, count + 1)
        self._shapes[shape] = mean + (seconds * SECOND - mean) / count, count
        self._update()

    def _update(self) -> None:
        """Derive the cost of a row of each class."""
        lengths = self._grid.lengths
        fullest: dict[int, tuple[int, float]] = {}
        for (rows, length), (mean, _) in self._shapes.items():
            if rows > fullest.get(length, (0, 0.0))[0]:
                fullest[length] = rows, mean / rows
        for place, length in enumerate(lengths):
            near = min(fullest, key=lambda other: max(other, length) / min(other, length))
            self._rows[place] = max(1, int(fullest[near][1] * length / near))
