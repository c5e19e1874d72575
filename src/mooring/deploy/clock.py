"""Time in, for what waits: `invoke.py` between tries; `wait.py`, `transform.py` and `asynchronous.py` between looks."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as a test drives it by hand."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def pause_after(waited_s: float) -> float:
    """Until the next look: nobody waits a tenth longer than need be, and what takes long is looked at every 5 s."""
    return min(5.0, max(0.1, 0.1 * waited_s))
