"""Threads for what Python does around the computing: tokenising, and turning numbers into answers.

Used by `engine.py`. Neither belongs on the event loop, nor in the worker thread, where 0.2 ms of Python is 0.2 ms in
which nothing is computed: here it runs while the next batch computes (the backend gives the GIL up for that long).
Three lanes, so that nobody waits behind what takes long: small requests are tokenised in one, answers are finished in
another, and whatever is large has a thread of its own for both.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")

LARGE_WINDOWS = 16
"""Full windows from which a request goes to the lane for large ones: a few milliseconds of tokenising."""


class Lanes:
    """Threads start when first needed."""

    def __init__(self, prepare_threads: int) -> None:
        self._prepare = ThreadPoolExecutor(max(1, prepare_threads), "moor-prepare")
        self._finish = ThreadPoolExecutor(1, "moor-finish")
        self._large = ThreadPoolExecutor(1, "moor-large")
        self._closed = False

    def prepare(self, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        """Run `work(argument)` soon. It must not raise."""
        self._submit(self._large if large else self._prepare, work, argument)

    def finish(self, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        """Run `work(argument)` soon. It must not raise."""
        self._submit(self._large if large else self._finish, work, argument)

    def _submit(self, lane: ThreadPoolExecutor, work: Callable[[A], None], argument: A) -> None:
        # A batch that outlived `close` may still hand its results over: nobody waits for them.
        if not self._closed:
            lane.submit(work, argument)

    def close(self) -> None:
        """Take no more work; what runs is left to end by itself."""
        self._closed = True
        for lane in (self._prepare, self._finish, self._large):
            lane.shutdown(wait=False, cancel_futures=True)
