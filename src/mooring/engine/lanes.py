"""Run tokenizing and decoding in threads, beside the computation.

Used by `engine.py`. This Python work would delay the event loop, and in the worker thread nothing would be computed
meanwhile; here it runs while the next batch computes (the backend releases the GIL). There are three lanes, so large
requests do not block small ones: one tokenizes small requests, one finishes answers, and large requests have their own
thread for both.
"""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mooring.engine.health import Step, Vitals
from mooring.observe import pulse

A = TypeVar("A")

LARGE_WINDOWS = 16
"""Windows from which a request uses the lane for large ones: a few milliseconds of tokenizing."""


class Lanes:
    """The three lanes. Threads start when first needed. What they are doing is in the vitals."""

    def __init__(self, prepare_threads: int, vitals: Vitals, clock: Callable[[], float], most_s: float) -> None:
        """Work that takes longer than `most_s` on the clock counts as hung."""
        self._prepare = ThreadPoolExecutor(max(1, prepare_threads), "moor-prepare")
        self._finish = ThreadPoolExecutor(1, "moor-finish")
        self._large = ThreadPoolExecutor(1, "moor-large")
        self._vitals, self._clock, self._most_s = vitals, clock, most_s
        self._closed = False

    def prepare(self, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        """Run `work(argument)` soon. It must not raise."""
        self._submit("Tokenizing", work, argument, self._large if large else self._prepare)

    def finish(self, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        """Run `work(argument)` soon. It must not raise."""
        self._submit("Decoding", work, argument, self._large if large else self._finish)

    def _submit(self, what: str, work: Callable[[A], None], argument: A, lane: ThreadPoolExecutor) -> None:
        # A batch that outlived `close` may still deliver results: no caller waits for them.
        if not self._closed:
            lane.submit(self._run, what, work, argument, large=lane is self._large)

    def _run(self, what: str, work: Callable[[A], None], argument: A, *, large: bool) -> None:
        now, thread = self._clock(), threading.get_ident()
        self._vitals.steps[thread] = Step(what, now, now + self._most_s)
        try:
            # Converting a million tokens holds the interpreter's lock for a second, which is no hang.
            with pulse.patient() if large else contextlib.nullcontext():
                work(argument)
        finally:
            del self._vitals.steps[thread]

    def close(self) -> None:
        """Accept no more work; running work continues."""
        self._closed = True
        for lane in (self._prepare, self._finish, self._large):
            lane.shutdown(wait=False, cancel_futures=True)
