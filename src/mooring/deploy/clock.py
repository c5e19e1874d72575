"""Time in, for what waits: `invoke.py` between tries, `wait.py` between looks."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as a test drives it by hand."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
