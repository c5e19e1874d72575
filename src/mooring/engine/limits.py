"""What the engine may be asked for: the limits as plain values, and the door that keeps the queue within its bound.

`Limits` is made by `wiring/` from the settings. `Door` is used under the worker's lock and has no clock.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Plain values; times in seconds."""

    max_windows: int = 4096
    """Windows one request may have; above, it is refused for good (PayloadTooLarge)."""
    queue_tokens: int = 524_288
    """Padded tokens that may wait; above, requests are refused for now (QueueFull)."""
    deadline_s: float = 60.0
    """How long a request may take when its caller names no deadline."""
    prepare_threads: int = 1
    """Threads that tokenise. Large requests have one more of their own, so that nobody waits behind them."""
    warm: tuple[tuple[int, int], ...] | None = None
    """(batch, length) shapes computed once before the engine says it is ready; None: all of the grid's.

    The grid's other shapes are computed when there is nothing else to do, one at a time.
    """
    idle_warm: bool = True
    """Whether those other shapes are computed ahead of time at all."""
    ride_tokens: int = 0
    """Padded tokens of a batch made only of large requests' windows; 0: half of the longest window. See `queue.py`."""
    max_waste: float = 0.125
    """How much shorter than its batch a window's own padded length may be, as a fraction of the batch's length."""
    stuck_s: float = 30.0
    """A batch that computes longer than this makes the engine unhealthy."""
    probe_s: float = 5.0
    """How long a probe may take before it counts as failed."""


class Door:
    """Admits requests by estimated cost (padded tokens) and says when to come back.

    A request is charged its cost, but never more than half of the bound: one request of a thousand windows must not
    turn everybody else away. One that is larger than the whole bound comes in when nothing waits.
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
        """Padded tokens computed per second lately; 0 before the first batch."""
        return self._rate

    def admit(self, cost: int) -> bool:
        """Let a request of `cost` in, or not. What was let in is to be changed to 0 in the end."""
        charge = min(cost, self._share)
        if self._charged and (cost > self._bound or self._charged + charge > self._bound):
            return False
        self.change(0, cost)
        return True

    def change(self, old: int, new: int) -> None:
        """A request's cost is known better now, or less of it is left."""
        self._charged += min(new, self._share) - min(old, self._share)
        self._cost += new - old

    def measured(self, tokens: int, seconds: float) -> None:
        """A batch of `tokens` took `seconds`: a moving average, so that one slow batch does not frighten anybody."""
        if seconds > 0:
            rate = tokens / seconds
            self._rate = rate if not self._rate else 0.9 * self._rate + 0.1 * rate

    def retry_after(self, cost: int) -> int:
        """Whole seconds, 1 to 600, until a request of `cost` would be let in if nobody else came."""
        excess = self._cost if cost > self._bound else self._cost + min(cost, self._share) - self._bound
        if not self._rate:
            return 1
        return min(600, max(1, math.ceil(excess / self._rate)))
