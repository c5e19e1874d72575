"""Turn parsed requests into answers with timings: admission, tokenizing, queue, worker threads, health, drain.

Made by `wiring/`, awaited by the web layer. Path of a request: `answer` (event loop: admit or refuse) → `_prepare`
(prepare thread: tokenize, queue) → worker thread (compute in batches) → `_finish` (finish thread: decode the answer) →
the request's future (event loop). The loop is woken once per batch.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from mooring.backends.base import Backend
from mooring.engine.admission import Admission
from mooring.engine.compute import proving
from mooring.engine.door import Door, Ticket
from mooring.engine.health import Health, Looking, Prober, can_probe, judge, judge_life
from mooring.engine.job import Answered, Job
from mooring.engine.lanes import LARGE_WINDOWS, Lanes
from mooring.engine.limits import Limits
from mooring.engine.observer import NullObserver, Observer
from mooring.engine.queue import Entry, Queue
from mooring.engine.worker import Worker
from mooring.errors import DeadlineExceeded, NotReady
from mooring.observe import pulse
from mooring.observe.pulse import ORIGIN
from mooring.tasks.base import Task

Outcome = tuple["asyncio.Future[Any]", Any, Exception | None]
"""A caller's future, and its result or error."""


class Engine:
    """Owns its threads between `start` and `stop`; everything async runs on the loop that awaited `start`."""

    def __init__(
        self,
        task: Task,
        backend: Backend,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        """Only the worker uses the backend until `stop` has returned; its creator closes it."""
        self._task = task
        self._limits = limits
        self._clock = clock
        self._observer: Observer = observer or NullObserver()
        self._queue: Queue[Job] = Queue(backend.grid, ride_tokens=limits.ride_tokens, max_waste=limits.max_waste)
        self._door = Door(backend.grid, limits.prepare_threads)
        parts = (backend, self._queue, self._door, clock, self._observer)
        self._worker = Worker(*parts, self._on_done, self._on_death, idle_warm=limits.idle_warm)
        self._vitals = self._worker.vitals
        self._lock = self._worker.condition
        self._admission = Admission(
            limits,
            backend.grid.lengths[-1],
            self._door,
            self._queue,
            self._lock,
            self._vitals,
            self._observer,
            clock,
        )
        self._lanes = Lanes(limits.prepare_threads, self._vitals, clock, limits.deadline_s + limits.stuck_s)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: set[Job] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._looking = Looking(self._vitals, clock, alone=limits.alone)
        self._prober = Prober(self._vitals, lambda: self._run(task.probe(), limits.probe_s))

    async def start(self) -> None:
        """Warm up and answer one real request. Raises as `proving`."""
        self._loop = asyncio.get_running_loop()
        self._vitals.phase = "starting"
        warm, later = self._shapes()
        warmed: asyncio.Future[None] = self._loop.create_future()
        self._worker.start(warm, later, lambda error: self._call(_settle, (warmed, None, error)))
        with proving():
            await warmed
            await self._run(self._task.probe(), self._limits.deadline_s)
        self._vitals.phase = "serving"
        self._looking.start(self._loop)

    def _shapes(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The shapes to warm before and after ready."""
        every = list(self._worker.shapes(None))
        if self._limits.warm is None:
            return every, []
        first = [shape for shape in self._limits.warm if shape in every]
        return first, [shape for shape in every if shape not in first]

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new requests and wait for in-flight ones. Whether all were answered in time."""
        if self._vitals.phase in ("starting", "serving"):
            self._vitals.phase = "draining"
        # Skip if nothing is in flight: wait_for with no time left would time out.
        if not self._quiet.is_set():
            try:
                await asyncio.wait_for(self._quiet.wait(), timeout_s)
            except TimeoutError:
                return False
        return True

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop the threads; waiting requests get NotReady. Whether the worker stopped in time (or is stuck)."""
        self._vitals.phase = "stopped"
        self._looking.stop()
        self._worker.stop()
        self._fail(list(self._jobs), "The server has stopped.")
        ended = await asyncio.to_thread(self._worker.join, timeout_s)
        self._lanes.close()
        return ended

    def health(self) -> Health:
        """The current health, without a probe."""
        return judge(self._vitals, self._clock(), self._limits.stuck_s)

    def alive(self) -> Health:
        """Whether the worker thread exists and makes progress."""
        return judge_life(self._vitals, self._clock(), self._limits.stuck_s)

    async def check(self) -> Health:
        """As `health`, but after a failed batch probe the model with a real request first. Callers share one probe."""
        if can_probe(self._vitals, self._clock(), self._limits.stuck_s):
            await self._prober.prove()
        return self.health()

    def snapshot(self) -> dict[str, object]:
        """Numbers for `/info` and the log, without any request content."""
        return {
            "phase": self._vitals.phase,
            "in_flight": len(self._jobs),
            "queued_requests": self._queue.entries,
            "queued_windows": self._queue.windows,
            "queued_tokens": self._queue.tokens,
            "queue_wait_seconds": round(self._admission.wait_s(), 3),
            "tokens_per_second": round(self._door.costs.tokens_per_second),
            "cold_shapes": self._worker.cold_shapes,
        }

    async def answer(self, request: Any, *, deadline_s: float | None = None) -> Answered:
        """Answer a parsed request; `deadline_s` from now, None for the default.

        Raises NotReady, Draining, QueueFull, PayloadTooLarge, DeadlineExceeded, BackendError and what the task's
        `prepare` raises (InvalidRequest). Cancelling the caller drops windows that are not yet computed.
        """
        allowed_s = self._limits.deadline_s if deadline_s is None else deadline_s
        ticket = self._admission.admit(self._task.estimate(request), allowed_s, self.health)
        with pulse.accepting(ORIGIN.get()):
            return await self._run(request, allowed_s, ticket)

    def refuse_if_full(self, tokens: int, deadline_s: float) -> None:
        """Raise what `answer` would raise now for a request of about `tokens` tokens; cheaper than a refused `answer`.

        The size matters only for requests of several windows, so 0 tokens suit a body that has not been read.
        """
        self._admission.check(tokens, deadline_s, self.health)

    async def _run(self, request: Any, allowed_s: float, ticket: Ticket | None = None) -> Answered:
        """Process a request, which leaves the door here in any case; a probe has no ticket and goes first."""
        loop = asyncio.get_running_loop()
        job = Job(request, loop.create_future(), self._clock(), allowed_s, ticket, origin=ORIGIN.get())
        self._jobs.add(job)
        self._quiet.clear()
        timer = loop.call_later(max(0.0, allowed_s), lambda: _settle((job.future, None, job.late())))
        try:
            self._lanes.prepare(self._prepare, job, large=ticket is not None and ticket.large)
            return await job.future
        except (asyncio.CancelledError, DeadlineExceeded) as error:
            spared = self._leave(job)
            self._observer.dropped("expired" if isinstance(error, DeadlineExceeded) else "cancelled", spared)
            raise
        finally:
            timer.cancel()
            self._leave(job)
            self._jobs.discard(job)
            if not self._jobs:
                self._quiet.set()
                self._observer.queue(self._queue.windows, self._queue.tokens, self._admission.wait_s())

    def _leave(self, job: Job) -> int:
        """Abandon a job without a waiting caller. Returns the number of windows that need not be computed."""
        with self._lock:
            job.gone = True
            if job.ticket is not None:
                self._door.leave(job.ticket)
            if job.entry is None:
                return 0
            self._queue.drop(job.entry)
            return job.entry.windows

    # In the threads of the lanes

    def _prepare(self, job: Job) -> None:
        if job.gone:
            return
        started = self._clock()
        try:
            if started >= job.deadline:
                raise job.late()
            prepared = job.prepare(self._task)
            windows = len(prepared.windows)
            if windows > self._limits.max_windows:
                raise self._admission.too_large(str(windows))
            job.entry = self._queue.entry(job, [len(window) for window in prepared.windows], job.deadline)
        except Exception as error:  # Boundary: pass it to the caller, not to this thread.
            self._call(_settle, (job.future, None, error))
            return
        job.outputs = [None] * windows
        job.missing = windows
        job.prepared = prepared  # Last: `Job.computed` must not be true before.
        job.tokenise_s = self._clock() - started
        self._enqueue(job, job.entry)
        if not windows:
            self._on_done([job])

    def _enqueue(self, job: Job, entry: Entry[Job]) -> None:
        with self._lock:
            if job.gone:
                return
            if job.ticket is not None:
                self._door.tokenized(job.ticket, job.tokenise_s)
                cost = self._door.costs.rows(entry.classes)
                self._door.change(job.ticket, cost)
                job.per_token = cost / max(1, entry.tokens)
            if entry.windows:
                self._worker.add(entry, first=job.ticket is None)
            wait_s = self._door.wait_s(self._clock())
        self._observer.queue(self._queue.windows, self._queue.tokens, wait_s)

    def _on_done(self, jobs: list[Job]) -> None:
        """Called by the worker with computed or failed jobs."""
        small = [job for job in jobs if len(job.outputs) < LARGE_WINDOWS or job.error is not None]
        if small:
            self._lanes.finish(self._finish, small, large=False)
        for job in jobs:
            if job not in small:
                self._lanes.finish(self._finish, [job], large=True)

    def _finish(self, jobs: list[Job]) -> None:
        results: list[Outcome] = []
        began, windows = self._clock(), 0
        for job in jobs:
            if job.gone:
                continue
            try:
                if job.error is not None:
                    raise job.error
                assert job.prepared is not None  # noqa: S101 — computed, so prepared
                started = self._clock()
                windows += len(job.outputs)
                answer = job.finish(self._task, job.prepared)
                results.append((job.future, job.answered(job.prepared, answer, started, self._clock()), None))
            except Exception as error:  # Boundary: pass it to the caller, not to this thread.
                results.append((job.future, None, error))
        ended = self._clock()
        with self._lock:
            self._door.finished(windows, ended - began)
        self._call(self._answered, ended, results)

    # Back on the event loop

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Schedule on the event loop; do nothing if the loop is closed, and with it all callers."""
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(function, *arguments)

    def _answered(self, since: float, results: list[Outcome]) -> None:
        with self._lock:
            self._door.lagged(self._clock() - since)
        _settle(*results)

    def _on_death(self, reason: str) -> None:
        def fail() -> None:
            # Computed jobs are being finished and answered.
            self._fail([job for job in self._jobs if not job.computed], f"The worker thread ended: {reason}")

        self._call(fail)

    def _fail(self, jobs: list[Job], reason: str) -> None:
        for job in jobs:
            _settle((job.future, None, NotReady(reason)))


def _settle(*outcomes: Outcome) -> None:
    """Set each future's result or error, unless its caller has left."""
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
