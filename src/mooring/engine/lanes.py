"""Run tokenizing and decoding in threads, beside the computation.

Used by `engine.py`. This Python work would delay the event loop, and in the worker thread nothing would be computed
meanwhile; here it runs while the next batch computes (the backend releases the GIL). There are three lanes, so large
requests do not block small ones: one tokenizes small requests, one finishes answers, and large requests have their own
thread for both.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mooring.observe import pulse

A = TypeVar("A")

LARGE_WINDOWS = 16
"""Windows from which a request uses the lane for large ones: a few milliseconds of tokenizing."""


class Lanes:
    """The three lanes. Threads start when first needed."""

    def __init__(self, prepare_threads: int) -> None:
        self._prepare = ThreadPoolExecutor(max(1, prepare_threads), "moor-prepare")
        self._finish = ThreadPoolExecutor(1, "moor-finish")
        self._large = ThreadPoolExecutor(1, "moor-large")
        self._closed = False

    def prepare(self, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        """Run `work(argument)` soon. It must not raise."""
        self._submit(work, argument, None if large else self._prepare)

    def finish(self, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        """Run `work(argument)` soon. It must not raise."""
        self._submit(work, argument, None if large else self._finish)

    def _submit(self, work: Callable[[A], None], argument: A, lane: ThreadPoolExecutor | None) -> None:
        # A batch that outlived `close` may still deliver results: no caller waits for them.
        if self._closed:
            return
        if lane is None:
            self._large.submit(_patiently, work, argument)
        else:
            lane.submit(work, argument)

    def close(self) -> None:
        """Accept no more work; running work continues."""
        self._closed = True
        for lane in (self._prepare, self._finish, self._large):
            lane.shutdown(wait=False, cancel_futures=True)


def _patiently(work: Callable[[A], None], argument: A) -> None:
    """Do it. Converting a million tokens holds the interpreter's lock for a second, which is no hang."""
    with pulse.patient():
        work(argument)
