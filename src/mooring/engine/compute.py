"""Run batches on the backend and store each row in its job.

Used by the threads of `worker.py`. A failing batch fails only its own requests.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mooring.backends.base import Backend, Outputs, Window
from mooring.engine.health import Vitals
from mooring.engine.job import Job
from mooring.engine.overdue import Busy
from mooring.engine.queue import Take
from mooring.errors import BackendError, ModelError, ModelInvalid, MooringError, RefusedError

log = logging.getLogger(__name__)

Results = Sequence[Outputs | BackendError]


def windows_of(batch: Take[Job]) -> list[Window]:
    """The windows of a batch's rows."""
    windows = []
    for entry, index in batch.rows:
        assert entry.owner.prepared is not None  # noqa: S101 — only prepared jobs are queued
        windows.append(entry.owner.prepared.windows[index])
    return windows


class Runner:
    """Runs batches in one stream (None: on all threads) and records it in the vitals under the thread's `number`."""

    def __init__(self, backend: Backend, vitals: Vitals, number: int, clock: Callable[[], float]) -> None:
        self._backend = backend
        self._clock = clock
        self._vitals = vitals
        self.number = number

    def results(self, windows: Sequence[Window], stream: int | None) -> Results:
        """Each window's output, or the error of that window alone."""
        try:
            results = self.run(windows, stream)
        except Exception as error:  # Boundary: a batch may fail in any way.
            log_failure(f"a batch of {len(windows)} windows failed", error)
            self._vitals.failed = say(error)
            return self._apart(windows, stream, error)
        self._vitals.failed = ""
        return results

    def run(self, windows: Sequence[Window], stream: int | None) -> list[Outputs]:
        """Compute, visible to the health check. Raises whatever the backend raises."""
        grid, pace, cpu_s = self._backend.grid, self._vitals.pace, time.process_time()
        tokens = grid.padded_batch(len(windows)) * grid.padded_length(max(map(len, windows)))
        began = self._clock()
        self._vitals.busy[self.number] = Busy(began, len(windows), pace.expect(tokens), cpu_s)
        try:
            outputs = self._backend.run(windows, stream=stream)
        finally:
            self._vitals.busy.pop(self.number, None)
        pace.record(tokens, self._clock() - began, time.process_time() - cpu_s)
        if len(outputs) != len(windows):
            raise BackendError(f"the backend returned {len(outputs)} rows for {len(windows)} windows")
        return outputs

    def _apart(self, windows: Sequence[Window], stream: int | None, error: Exception) -> Results:
        """After a failed batch, compute each row alone, so one bad window does not fail the others."""
        if len(windows) == 1:
            return [_as_backend_error(error)]
        results: list[Outputs | BackendError] = []
        for window in windows:
            try:
                results += self.run([window], stream)
            except Exception as alone:  # Boundary: as above.
                results.append(_as_backend_error(alone))
        return results


def deliver(batch: Take[Job], results: Results, seconds: float) -> list[Job]:
    """Store the rows in their jobs. Hold the worker's lock: another stream may have rows of the same jobs.

    Returns the jobs that are now computed or failed; each job is returned once.
    """
    jobs = list(dict.fromkeys(entry.owner for entry, _ in batch.rows))
    for job in jobs:
        job.compute_s += seconds
    for (entry, index), result in zip(batch.rows, results, strict=True):
        _put(entry.owner, index, result)
    done = [job for job in jobs if (job.error is not None or not job.missing) and not job.handed]
    for job in done:
        job.handed = True
    return done


def _put(job: Job, index: int, result: Outputs | BackendError) -> None:
    if isinstance(result, BackendError):
        job.error = job.error or result
    else:
        job.outputs[index] = result
        job.missing -= 1


@contextmanager
def proving() -> Iterator[None]:
    """Wrap a model's first batches: raises ModelInvalid if they fail, because a restart would not help.

    Transient errors pass unchanged: RefusedError (a deadline, a shutdown) and MemoryError.
    """
    try:
        yield
    except (RefusedError, ModelError, MemoryError):
        raise
    except Exception as error:  # Boundary: a damaged model may fail in any way.
        said = error.message if isinstance(error, MooringError) else f"{type(error).__name__}: {error}"
        hint = error.hint if isinstance(error, MooringError) else ""
        raise ModelInvalid(f"The model was loaded, but its first batches failed: {said}", hint=hint) from error


def log_failure(what: str, error: BaseException) -> None:
    """Log a failure: the message of a BackendError, the traceback of anything unexpected."""
    log.error("%s: %s", what, say(error), exc_info=None if isinstance(error, BackendError) else error)


def say(error: BaseException) -> str:
    """The message of an error, or its class."""
    return str(error) or type(error).__name__


def _as_backend_error(error: Exception) -> BackendError:
    if isinstance(error, BackendError):
        return error
    wrapped = BackendError(f"the engine failed on a batch: {say(error)}")
    wrapped.__cause__ = error
    return wrapped
