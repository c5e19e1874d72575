"""A rate and a seed in, times to send at out: the arrivals of an open loop. Pure. Called by `loops.py`.

Independent users come as a Poisson process: the gaps between them are exponential. Evenly spaced requests would
flatter a server, which then never sees two at once below its limit.
"""

import random
from collections.abc import Iterator


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Ascending times in seconds from 0, `rate` a second on average, without end. One seed, one sequence."""
    gaps = random.Random(f"arrivals {seed}")  # noqa: S311 - chance, not a secret
    at = 0.0
    while True:
        at += gaps.expovariate(rate)
        yield at


class Schedule:
    """Arrivals against a clock: which of them are due, and when the next one will be."""

    def __init__(self, arrivals: Iterator[float], *, count: int | None = None, seconds: float | None = None) -> None:
        """Ends after `count` arrivals or `seconds`, whichever is first; one of them is given."""
        self._arrivals = arrivals
        self._left = count
        self._seconds = seconds
        self._ended = False
        self.next: float | None = None
        """When the next one is due, in seconds from the start; None: there is none."""
        self.handed = 0
        """How many have been handed out."""
        self.last = 0.0
        """The time of the last of them."""
        self._advance()

    def due(self, now: float) -> list[float]:
        """The times, up to `now` (seconds from the start), that have not been handed out before."""
        found = []
        while self.next is not None and self.next <= now:
            found.append(self.next)
            self._advance()
        self.handed += len(found)
        self.last = found[-1] if found else self.last
        return found

    @property
    def until(self) -> float:
        """Until when it lasts though nothing more is due: `seconds`, or 0 after all of `count` or after `end`."""
        over = self._ended or self._seconds is None or (self._left is not None and self._left < 0)
        return 0.0 if over else self._seconds or 0.0

    def end(self) -> None:
        """Nothing more is due."""
        self.next = None
        self._ended = True

    def _advance(self) -> None:
        at = next(self._arrivals, None) if self._left is None or self._left > 0 else None
        if self._left is not None:
            self._left -= 1
        self.next = None if at is None or (self._seconds is not None and at > self._seconds) else at
