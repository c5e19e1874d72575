"""Precompute the grid's length classes, and which of them may share a batch.

Used by `queue.py` only, for every window. A class is the index of a length in `grid.lengths`.
"""

from collections.abc import Sequence

from mooring.backends.base import ShapeGrid


class LengthClasses:
    """Tables over the grid's lengths."""

    def __init__(self, grid: ShapeGrid, *, ride_tokens: int, max_waste: float) -> None:
        """Batches without small requests hold at most `ride_tokens`; `queue.py` explains both arguments."""
        lengths = grid.lengths
        self.padded: Sequence[int] = lengths
        """Padded tokens of a row of each class."""
        self.max_rows = tuple(grid.max_rows(length) for length in lengths)
        """Most rows of a batch of each class."""
        self.ride_rows = tuple(
            max([1, *(rows for rows in grid.batches if rows <= most and rows * length <= ride_tokens)])
            for length, most in zip(lengths, self.max_rows, strict=True)
        )
        """Most rows of a batch of each class that holds only windows of large requests."""
        self.fits = tuple(tuple(low >= (1 - max_waste) * top for low in lengths) for top in lengths)
        """`fits[top][low]`: whether a window of class `low` may be computed at the length of class `top`."""
        self.near = tuple(self._near(place) for place in range(len(lengths)))
        """Classes that may share a batch with each class: itself first, then the nearest."""
        self._class_of = [0] * (lengths[-1] + 1)
        for length in range(1, len(self._class_of)):
            self._class_of[length] = lengths.index(grid.padded_length(length))

    def _near(self, place: int) -> tuple[int, ...]:
        own = self.padded[place]
        near = [other for other in range(len(self.padded)) if self.fits[max(place, other)][min(place, other)]]
        return tuple(sorted(near, key=lambda other: (abs(self.padded[other] - own), other)))

    def of(self, length: int) -> int:
        """The class of a window of `length` tokens. Raises ValueError for a length outside the grid."""
        if not 1 <= length < len(self._class_of):
            raise ValueError(f"a window of {length} tokens does not fit the grid: it holds 1 to {self.padded[-1]}")
        return self._class_of[length]
