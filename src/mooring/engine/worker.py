"""The one thread that computes: takes a batch from the queue, runs the backend, hands finished jobs on, takes the next.

Started and stopped by `engine.py`. It takes batches by itself, under the lock, without a trip to the event loop: the
engine never idles while a window waits. What it hands over goes to `on_done`, once per batch.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mooring.backends.base import Backend, Outputs, Window
from mooring.engine.health import Vitals
from mooring.engine.job import Job
from mooring.engine.limits import Door
from mooring.engine.observer import Observer
from mooring.engine.queue import Queue, Take
from mooring.errors import BackendError

log = logging.getLogger(__name__)

Shape = tuple[int, int]
"""(rows, length)."""


@dataclass(eq=False)
class Worker:
    """`queue` and `door` may be touched by anyone who holds `condition`, and notifies it after adding."""

    backend: Backend
    queue: Queue[Job]
    door: Door
    clock: Callable[[], float]
    observer: Observer
    on_done: Callable[[list[Job]], None]
    """Gets jobs that have all their windows or an `error`; called from the worker's thread."""
    on_death: Callable[[str], None]
    """Told, from the worker's thread, why it ends without having been asked to."""
    vitals: Vitals = field(default_factory=Vitals)
    condition: threading.Condition = field(default_factory=threading.Condition)
    cold: deque[Shape] = field(default_factory=deque)
    """Shapes still to be warmed."""
    _stopping: bool = False
    _thread: threading.Thread | None = None

    def start(self, warm: Sequence[Shape], later: Sequence[Shape], on_warm: Callable[[Exception | None], None]) -> None:
        """Warm the shapes of `warm`, tell `on_warm` (from the thread), then serve; warm `later` whenever idle."""
        self.cold.extend(later)
        # A daemon: a batch that never ends must not keep the process from ending.
        self._thread = threading.Thread(target=self._live, args=(tuple(warm), on_warm), name="moor-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is computing. What still waits is the caller's to fail."""
        with self.condition:
            self._stopping = True
            self.condition.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; whether it did."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def _live(self, warm: tuple[Shape, ...], on_warm: Callable[[Exception | None], None]) -> None:
        # Border: whatever happens in this thread must become a reason that people can read, not a silent end.
        try:
            for shape in warm:
                self._warm(shape)
        except BaseException as error:
            self._die(error)
            on_warm(error if isinstance(error, Exception) else BackendError(self.vitals.died))
            return
        on_warm(None)
        try:
            while (batch := self._next()) is not None:
                self._serve(batch)
        except BaseException as error:
            self._die(error)

    def _die(self, error: BaseException) -> None:
        log.error("the worker thread ends", exc_info=error)
        self.vitals.died = _say(error)
        self.vitals.busy_since = None
        self.on_death(self.vitals.died)

    def _next(self) -> Take[Job] | None:
        """Wait for work. None when it is time to stop."""
        while True:
            with self.condition:
                while True:
                    if self._stopping:
                        return None
                    batch = self.queue.take(self.clock())
                    if batch.rows or batch.expired:
                        self._account(batch)
                        return batch
                    if self.cold:
                        break
                    self.condition.wait()
            # Outside of the lock, and one shape only: who comes now waits for no more than this.
            self._warm_idle(self.cold.popleft())

    def _account(self, batch: Take[Job]) -> None:
        for entry, _ in batch.rows:
            self.door.change(entry.owner.cost, entry.tokens)
            entry.owner.cost = entry.tokens
        for entry in batch.expired:
            self.door.change(entry.owner.cost, 0)
            entry.owner.cost = 0

    def _warm(self, shape: Shape) -> None:
        rows, length = shape
        window = Window(np.zeros(length, np.int32), np.zeros(length, np.int32))
        self._run([window] * rows)

    def _warm_idle(self, shape: Shape) -> None:
        try:
            self._warm(shape)
        except Exception as error:  # Border: as for any batch.
            _log_failure(f"warming {shape[0]} × {shape[1]} failed", error)
            self.vitals.failed = _say(error)

    def _run(self, windows: Sequence[Window]) -> list[Outputs]:
        self.vitals.busy_rows = len(windows)
        self.vitals.busy_since = self.clock()
        try:
            outputs = self.backend.run(windows)
        finally:
            self.vitals.busy_since = None
        if len(outputs) != len(windows):
            raise BackendError(f"the backend returned {len(outputs)} rows for {len(windows)} windows")
        return outputs

    def _serve(self, batch: Take[Job]) -> None:
        done: list[Job] = []
        for entry in batch.expired:
            entry.owner.error = entry.owner.late()
            done.append(entry.owner)
        if batch.rows:
            done += self._compute(batch)
        if done:
            self.on_done(done)
        self.observer.queue(self.queue.windows, self.queue.tokens)

    def _compute(self, batch: Take[Job]) -> list[Job]:
        """Run the batch, put each row into its job, return the jobs that are done with."""
        windows = [_window(entry.owner, index) for entry, index in batch.rows]
        started = self.clock()
        results: Sequence[Outputs | BackendError]
        try:
            results = self._run(windows)
        except Exception as error:  # Border: a batch may fail in any way; its requests are told, the others go on.
            _log_failure(f"a batch of {len(windows)} windows failed", error)
            self.vitals.failed = _say(error)
            results = self._apart(windows, error)
        else:
            self.vitals.failed = ""
        seconds = self.clock() - started
        rows, length = self.queue.padded(batch)
        if (rows, length) in self.cold:
            self.cold.remove((rows, length))
        self.door.measured(self.queue.row_tokens(batch), seconds)
        self.observer.batch(len(windows), sum(len(window) for window in windows), rows * length, seconds)
        jobs = list(dict.fromkeys(entry.owner for entry, _ in batch.rows))
        for job in jobs:
            job.compute_s += seconds
        for (entry, index), result in zip(batch.rows, results, strict=True):
            _put(entry.owner, index, result)
        for job in jobs:
            self._spare(job)
        return [job for job in jobs if job.error is not None or not job.missing]

    def _apart(self, windows: Sequence[Window], error: Exception) -> list[Outputs | BackendError]:
        """After a failed batch: each row once by itself, so that one bad window does not fail its neighbours."""
        if len(windows) == 1:
            return [_as_backend_error(error)]
        results: list[Outputs | BackendError] = []
        for window in windows:
            try:
                results += self._run([window])
            except Exception as alone:  # Border: as above.
                results.append(_as_backend_error(alone))
        return results

    def _spare(self, job: Job) -> None:
        """A job that has failed needs no more of its windows."""
        if job.error is None or job.entry is None:
            return
        with self.condition:
            spared = self.queue.drop(job.entry)
            self.door.change(job.cost, 0)
            job.cost = 0
        self.observer.dropped("failed", spared)


def _log_failure(what: str, error: Exception) -> None:
    # A BackendError says all there is to say; anything else is a surprise that a traceback explains.
    log.error("%s: %s", what, _say(error), exc_info=None if isinstance(error, BackendError) else error)


def _window(job: Job, index: int) -> Window:
    assert job.prepared is not None  # noqa: S101 — only prepared jobs are queued
    return job.prepared.windows[index]


def _put(job: Job, index: int, result: Outputs | BackendError) -> None:
    if isinstance(result, BackendError):
        job.error = job.error or result
    else:
        job.outputs[index] = result
        job.missing -= 1


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _as_backend_error(error: Exception) -> BackendError:
    if isinstance(error, BackendError):
        return error
    wrapped = BackendError(f"the engine failed on a batch: {_say(error)}")
    wrapped.__cause__ = error
    return wrapped
