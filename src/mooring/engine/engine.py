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
from mooring.engine.compute import proving
from mooring.engine.health import Health, Looking, Prober, can_probe, judge, judge_life
from mooring.engine.job import Answered, Job
from mooring.engine.lanes import LARGE_WINDOWS, Lanes
from mooring.engine.limits import Door, Limits
from mooring.engine.observer import NullObserver, Observer
from mooring.engine.queue import Queue
from mooring.engine.worker import Worker
from mooring.errors import DeadlineExceeded, Draining, NotReady, PayloadTooLarge, QueueFull
from mooring.observe.pulse import ORIGIN
from mooring.tasks.base import Task

SURELY = 2
"""Factor by which the estimated windows must exceed the limit to refuse a request before tokenizing."""


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
        self._grid = backend.grid
        self._clock = clock
        self._observer: Observer = observer or NullObserver()
        self._queue: Queue[Job] = Queue(backend.grid, ride_tokens=limits.ride_tokens, max_waste=limits.max_waste)
        self._door = Door(limits.queue_tokens)
        parts = (backend, self._queue, self._door, clock, self._observer)
        self._worker = Worker(*parts, self._on_done, self._on_death, idle_warm=limits.idle_warm)
        self._vitals = self._worker.vitals
        self._lock = self._worker.condition
        self._lanes = Lanes(limits.prepare_threads)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: set[Job] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._looking = Looking(self._vitals, clock, alone=limits.alone)
        self._prober = Prober(self._vitals, lambda: self._run(task.probe(), limits.probe_s, first=True))

    async def start(self) -> None:
        """Warm up and answer one real request. Raises as `proving`."""
        self._loop = asyncio.get_running_loop()
        self._vitals.phase = "starting"
        warm, later = self._shapes()
        warmed: asyncio.Future[None] = self._loop.create_future()
        self._worker.start(warm, later, lambda error: self._call(_settle, (warmed, None, error)))
        with proving():
            await warmed
            await self._run(self._task.probe(), self._limits.deadline_s, first=True)
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
        """Whether the worker thread makes progress."""
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
            "tokens_per_second": round(self._door.rate),
            "cold_shapes": self._worker.cold_shapes,
        }

    async def answer(self, request: Any, *, deadline_s: float | None = None) -> Answered:
        """Answer a parsed request; `deadline_s` from now, None for the default.

        Raises NotReady, Draining, QueueFull, PayloadTooLarge, DeadlineExceeded, BackendError and what the task's
        `prepare` raises (InvalidRequest). Cancelling the caller drops windows that are not yet computed.
        """
        self._refuse_unless_serving()
        cost = self._task.estimate(request)
        about = cost // self._grid.lengths[-1]
        if about > SURELY * self._limits.max_windows:
            raise self._too_large(f"about {about}")
        with self._lock:
            admitted = self._door.admit(cost, accepted=ORIGIN.get().retried)
        if not admitted:
            raise self._full(cost)
        return await self._run(request, self._limits.deadline_s if deadline_s is None else deadline_s, cost=cost)

    def _refuse_unless_serving(self) -> None:
        phase = self._vitals.phase
        if phase == "serving" and not self._vitals.died:
            return
        draining = phase == "draining"
        self._observer.refused("draining" if draining else "not_ready")
        if draining:
            raise Draining(
                "The server is shutting down and accepts no new requests.", hint="Send the request to another server."
            )
        raise NotReady(self.health().reason, hint="Poll GET /ping until it returns 200.")

    def _too_large(self, windows: str) -> PayloadTooLarge:
        self._observer.refused("too_large")
        return PayloadTooLarge(
            f"The request makes {windows} windows; the limit is {self._limits.max_windows}.",
            hint="Split it into several requests.",
        )

    def _full(self, cost: int) -> QueueFull:
        self._observer.refused("queue_full")
        after = self._door.retry_after(cost)
        return QueueFull(
            f"The queue is full: {self._door.cost} of {self._limits.queue_tokens} tokens are waiting; "
            f"this request has about {cost}.",
            retry_after=after,
            hint=f"Try again in {after} s.",
        )

    async def _run(self, request: Any, allowed_s: float, *, cost: int = 0, first: bool = False) -> Answered:
        """Process a request; `cost` has been charged at the door and is always released here."""
        loop, origin = asyncio.get_running_loop(), ORIGIN.get()
        job = Job(request, loop.create_future(), self._clock(), allowed_s, cost, first=first, origin=origin)
        self._jobs.add(job)
        self._quiet.clear()
        timer = loop.call_later(max(0.0, allowed_s), lambda: _settle((job.future, None, job.late())))
        try:
            self._lanes.prepare(self._prepare, job, large=self._is_large(cost))
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

    def _is_large(self, tokens: int) -> bool:
        return tokens >= LARGE_WINDOWS * self._grid.lengths[-1]

    def _leave(self, job: Job) -> int:
        """Abandon a job without a waiting caller. Returns the number of windows that need not be computed."""
        with self._lock:
            job.gone = True
            self._door.change(job.cost, 0)
            job.cost = 0
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
                raise self._too_large(str(windows))
            job.entry = self._queue.entry(job, [len(window) for window in prepared.windows], job.deadline)
        except Exception as error:  # Boundary: pass it to the caller, not to this thread.
            self._call(_settle, (job.future, None, error))
            return
        job.outputs = [None] * windows
        job.missing = windows
        job.prepared = prepared  # Last: `Job.computed` must not be true before.
        job.tokenise_s = self._clock() - started
        if windows:
            self._enqueue(job, job.entry.tokens)
        else:
            self._on_done([job])

    def _enqueue(self, job: Job, tokens: int) -> None:
        assert job.entry is not None  # noqa: S101 — `_prepare` has just made it
        with self._lock:
            if job.gone:
                return
            if not job.first:
                self._door.change(job.cost, tokens)
                job.cost = tokens
            self._worker.add(job.entry, first=job.first)
        self._observer.queue(self._queue.windows, self._queue.tokens)

    def _on_done(self, jobs: list[Job]) -> None:
        """Called by the worker with computed or failed jobs."""
        small = [job for job in jobs if len(job.outputs) < LARGE_WINDOWS or job.error is not None]
        if small:
            self._lanes.finish(self._finish, small, large=False)
        for job in jobs:
            if job not in small:
                self._lanes.finish(self._finish, [job], large=True)

    def _finish(self, jobs: list[Job]) -> None:
        results: list[tuple[asyncio.Future[Answered], Answered | None, Exception | None]] = []
        for job in jobs:
            if job.gone:
                continue
            try:
                if job.error is not None:
                    raise job.error
                assert job.prepared is not None  # noqa: S101 — computed, so prepared
                started = self._clock()
                answer = job.finish(self._task, job.prepared)
                results.append((job.future, job.answered(job.prepared, answer, started, self._clock()), None))
            except Exception as error:  # Boundary: pass it to the caller, not to this thread.
                results.append((job.future, None, error))
        self._call(_settle, *results)

    # Back on the event loop

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Schedule on the event loop; do nothing if the loop is closed, and with it all callers."""
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(function, *arguments)

    def _on_death(self, reason: str) -> None:
        def fail() -> None:
            # Computed jobs are being finished and answered.
            self._fail([job for job in self._jobs if not job.computed], f"The worker thread ended: {reason}")

        self._call(fail)

    def _fail(self, jobs: list[Job], reason: str) -> None:
        for job in jobs:
            _settle((job.future, None, NotReady(reason)))


def _settle(*outcomes: tuple["asyncio.Future[Any]", Any, Exception | None]) -> None:
    """Set each future's result or error, unless its caller has left."""
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
