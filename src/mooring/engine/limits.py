"""Define the engine's limits, and admission control that bounds the queue (`Door`).

`Limits` is made by `wiring/` from the settings. `Door` is used under the worker's lock and has no clock.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Plain values; times in seconds."""

    max_windows: int = 4096
    """Most windows per request; larger requests are refused permanently (PayloadTooLarge)."""
    queue_tokens: int = 524_288
    """Most padded tokens waiting; beyond it requests are refused for now (QueueFull)."""
    deadline_s: float = 60.0
    """Default deadline of a request."""
    prepare_threads: int = 1
    """Tokenizing threads. Large requests have one more, so they do not block small ones."""
    warm: tuple[tuple[int, int], ...] | None = None
    """(batch, length) shapes computed once before the engine is ready; None: all of the grid.

    The other shapes are computed one at a time while the engine is idle.
    """
    idle_warm: bool = True
    """Whether those other shapes are warmed at all."""
    ride_tokens: int = 0
    """Most padded tokens of a batch with only large requests; 0: half of the longest window. See `queue.py`."""
    max_waste: float = 0.125
    """How much shorter a window's padded length may be than its batch's, as a fraction of the latter."""
    stuck_s: float = 30.0
    """A batch that runs longer makes the engine unhealthy."""
    probe_s: float = 5.0
    """Time limit of a probe."""
    alone: bool = True
    """Whether no other engine and no user code computes in this process."""


class Door:
    """Admits requests by estimated cost (padded tokens), and estimates when to retry.

    A request is charged its cost, but at most half of the bound: one request of a thousand windows must not cause all
    others to be refused. A request above the whole bound is admitted when nothing waits.
    """

    def __init__(self, bound: int) -> None:
        self._bound = max(1, bound)
        self._share = max(1, self._bound // 2)
        self._charged = 0
        self._cost = 0
        self._rate = 0.0

    @property
    def cost(self) -> int:
        """Padded tokens admitted and not yet computed, uncapped."""
        return self._cost

    @property
    def rate(self) -> float:
        """Padded tokens per second, moving average; 0 before the first batch."""
        return self._rate

    def admit(self, cost: int, *, accepted: bool = False) -> bool:
        """Admit a request of `cost`, or not. An admitted request must finally be changed to 0.

        One that another worker had `accepted` is always admitted.
        """
        charge = min(cost, self._share)
        if not accepted and self._charged and (cost > self._bound or self._charged + charge > self._bound):
            return False
        self.change(0, cost)
        return True

    def change(self, old: int, new: int) -> None:
        """Update a request's cost: a better estimate, or the rest of it."""
        self._charged += min(new, self._share) - min(old, self._share)
        self._cost += new - old

    def measured(self, tokens: int, seconds: float) -> None:
        """Record that a batch of `tokens` took `seconds`, in a moving average that dampens single slow batches."""
        if seconds > 0:
            rate = tokens / seconds
            self._rate = rate if not self._rate else 0.9 * self._rate + 0.1 * rate

    def retry_after(self, cost: int) -> int:
        """Whole seconds, 1 to 600, until a request of `cost` would be admitted if no others arrived."""
        excess = self._cost if cost > self._bound else self._cost + min(cost, self._share) - self._bound
        if not self._rate:
            return 1
        return min(600, max(1, math.ceil(excess / self._rate)))
