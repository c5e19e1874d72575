"""Run user functions in one thread: one call at a time, off the event loop, with detection of hanging calls.

For `own.py` and `around.py`. A waiting call can be cancelled; a running one cannot, but its caller stops waiting.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mooring.errors import DeadlineExceeded, QueueFull
from mooring.observe import pulse
from mooring.observe.pulse import ORIGIN, Origin

R = TypeVar("R")

MAX_WAITING = 256
"""Most waiting calls: each holds its body in memory."""


class UserThread:
    """`clock` is for tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = ThreadPoolExecutor(1, "moor-user")
        self._clock = clock
        self._waiting = 0
        self._since: float | None = None
        self._lock = threading.Lock()

    async def run(self, function: Callable[[], R], deadline_s: float) -> R:
        """Call it in turn. Raises its exceptions, QueueFull, or DeadlineExceeded while the call goes on."""
        if self._waiting >= MAX_WAITING:
            raise QueueFull(
                f"The queue is full: {self._waiting} requests are waiting for the model's code.",
                hint="Try again in 1 s.",
            )
        self._waiting += 1
        work = self._pool.submit(self._timed, function, ORIGIN.get())
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.wrap_future(work)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The model's code did not answer within the deadline of {deadline_s:g} s.",
                hint="Allow more time, or send smaller requests.",
            ) from None
        finally:
            self._waiting -= 1
            work.cancel()  # no effect once it has begun

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The thread's executor, for work without a deadline: loading."""
        return self._pool

    @property
    def in_flight(self) -> int:
        """Calls with a waiting caller."""
        return self._waiting

    def busy_s(self) -> float:
        """Seconds that the current call has been running; 0 between calls."""
        since = self._since
        return 0.0 if since is None else self._clock() - since

    def close(self) -> None:
        """Take no more calls."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _timed(self, function: Callable[[], R], origin: Origin) -> R:
        self._since = self._clock()
        # It may have effects: process 1 must know that it has begun, and of what the process may die.
        pulse.claim(origin)
        try:
            with pulse.working((origin,)), pulse.patient():
                return function()
        finally:
            self._since = None
