"""One thread for the user's functions: one call at a time, off the event loop, and known to be busy or stuck.

For `own.py` and `around.py`. A call that waits can be cancelled; one that runs cannot, and its caller does not wait.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mooring.errors import DeadlineExceeded, QueueFull

R = TypeVar("R")

MAX_WAITING = 256
"""Calls that may wait: each holds its body in memory."""


class UserThread:
    """`clock` is for tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = ThreadPoolExecutor(1, "moor-user")
        self._clock = clock
        self._waiting = 0
        self._since: float | None = None
        self._lock = threading.Lock()

    async def run(self, function: Callable[[], R], deadline_s: float) -> R:
        """Call it when its turn comes. Raises what it raises, QueueFull, or DeadlineExceeded while it goes on."""
        if self._waiting >= MAX_WAITING:
            raise QueueFull(f"{self._waiting} requests wait for the model's own code.", hint="Try again in 1 s.")
        self._waiting += 1
        work = self._pool.submit(self._timed, function)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.wrap_future(work)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The model's own code did not answer within the deadline of {deadline_s:g} s.",
                hint="Allow more time, or send less at once.",
            ) from None
        finally:
            self._waiting -= 1
            work.cancel()  # has an effect only if it has not begun

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The thread itself, for what nobody's deadline holds: loading."""
        return self._pool

    @property
    def in_flight(self) -> int:
        """Calls that somebody waits for."""
        return self._waiting

    def busy_s(self) -> float:
        """For how long the call that runs has been running; 0 between calls."""
        since = self._since
        return 0.0 if since is None else self._clock() - since

    def close(self) -> None:
        """Take no more calls."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _timed(self, function: Callable[[], R]) -> R:
        self._since = self._clock()
        try:
            return function()
        finally:
            self._since = None
