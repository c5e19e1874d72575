"""Define the engine's limits. Made by `wiring/` from the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Plain values; times in seconds."""

    max_windows: int = 4096
    """Most windows per request; larger requests are refused permanently (PayloadTooLarge)."""
    max_queue_s: float = 1.0
    """Longest expected wait of a request before it is computed; beyond it requests are refused for now (QueueFull).

    Its deadline is a limit, too. 0: a request is admitted only when nothing waits or runs.
    """
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
    """A batch that takes longer makes the engine unhealthy, as does a step that takes this plus `deadline_s`."""
    probe_s: float = 5.0
    """Time limit of a probe."""
    alone: bool = True
    """Whether no other engine and no user code computes in this process."""
