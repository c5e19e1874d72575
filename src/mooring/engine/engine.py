"""A parsed request in, its answer and timings out: admission, tokenising, the queue, the worker thread, health, drain.

Made by `wiring/`, awaited by the web layer. The hops of a request: `answer` (event loop: admitted or refused) →
`_prepare` (a prepare thread: tokenised, queued) → a worker thread (computed, in batches with others) → `_finish` (a
finish thread: numbers to answer) → the request's future (event loop). One wake-up of the loop per batch.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from mooring.backends.base import Backend
from mooring.engine.compute import proving
from mooring.engine.health import Health, Prober, can_probe, judge, judge_life
from mooring.engine.job import Answered, Job
from mooring.engine.lanes import LARGE_WINDOWS, Lanes
from mooring.engine.limits import Door, Limits
from mooring.engine.observer import NullObserver, Observer
from mooring.engine.queue import Queue
from mooring.engine.worker import Worker
from mooring.errors import DeadlineExceeded, Draining, NotReady, PayloadTooLarge, QueueFull
from mooring.tasks.base import Task

SURELY = 2
"""How far above the limit an estimate of windows must be for a request to be refused untokenised."""


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
        """The backend is the worker's alone until `stop` has returned, and closed by whoever made it."""
        self._task = task
        self._limits = limits
        self._grid = backend.grid
        self._clock = clock
        self._observer: Observer = observer or NullObserver()
        self._queue: Queue[Job] = Queue(backend.grid, ride_tokens=limits.ride_tokens, max_waste=limits.max_waste)
        self._door = Door(limits.queue_tokens)
        self._worker = Worker(
            backend,
            self._queue,
            self._door,
            clock,
            self._observer,
            on_done=self._on_done,
            on_death=self._on_death,
            idle_warm=limits.idle_warm,
        )
        self._vitals = self._worker.vitals
        self._lock = self._worker.condition
        self._lanes = Lanes(limits.prepare_threads)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: set[Job] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._prober = Prober(self._vitals, lambda: self._run(task.probe(), limits.probe_s, first=True))

    async def start(self) -> None:
        """Warm up and answer one real question. Raises as `proving`."""
        self._loop = asyncio.get_running_loop()
        self._vitals.phase = "starting"
        warm, later = self._shapes()
        warmed: asyncio.Future[None] = self._loop.create_future()
        self._worker.start(warm, later, lambda error: self._call(_settle, (warmed, None, error)))
        with proving():
            await warmed
            await self._run(self._task.probe(), self._limits.deadline_s, first=True)
        self._vitals.phase = "serving"

    def _shapes(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """What to warm before and after ready."""
        every = list(self._worker.shapes(None))
        if self._limits.warm is None:
            return every, []
        first = [shape for shape in self._limits.warm if shape in every]
        return first, [shape for shape in every if shape not in first]

    async def drain(self, timeout_s: float) -> bool:
        """Refuse what is new, wait for what is in flight. Whether all of it was answered in time."""
        if self._vitals.phase in ("starting", "serving"):
            self._vitals.phase = "draining"
        # Only what is still in flight may time out: wait_for with no time left would not even look.
        if not self._quiet.is_set():
            try:
                await asyncio.wait_for(self._quiet.wait(), timeout_s)
            except TimeoutError:
                return False
        return True

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """End the threads; whoever still waits gets NotReady. Whether the worker ended in time (or is stuck)."""
        self._vitals.phase = "stopped"
        self._worker.stop()
        self._fail(list(self._jobs), "The server has stopped.")
        ended = await asyncio.to_thread(self._worker.join, timeout_s)
        self._lanes.close()
        return ended

    def health(self) -> Health:
        """What is known now; asks nobody."""
        return judge(self._vitals, self._clock(), self._limits.stuck_s)

    def alive(self) -> Health:
        """Whether the worker thread is there and moves."""
        return judge_life(self._vitals, self._clock(), self._limits.stuck_s)

    async def check(self) -> Health:
        """As `health`; but after a failed batch, ask the model one real question first. Callers share one probe."""
        if can_probe(self._vitals, self._clock(), self._limits.stuck_s):
            await self._prober.prove()
        return self.health()

    def snapshot(self) -> dict[str, object]:
        """Numbers for `/info` and the log, none of them from a request's content."""
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
        """Answer what `task.parse` made; `deadline_s` from now, None for the limit's.

        Raises NotReady, Draining, QueueFull, PayloadTooLarge, DeadlineExceeded, BackendError and what the task's
        `prepare` raises (InvalidRequest). Cancelling the caller drops the windows that have not been computed.
        """
        self._refuse_unless_serving()
        cost = self._task.estimate(request)
        about = cost // self._grid.lengths[-1]
        if about > SURELY * self._limits.max_windows:
            raise self._too_large(f"about {about}")
        with self._lock:
            admitted = self._door.admit(cost)
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
            raise Draining("The server is going down and takes nothing new.", hint="Send the request to another one.")
        raise NotReady(self.health().reason, hint="GET /ping says when it is.")

    def _too_large(self, windows: str) -> PayloadTooLarge:
        self._observer.refused("too_large")
        return PayloadTooLarge(
            f"The request makes {windows} windows; one request may have {self._limits.max_windows}.",
            hint="Split it into several requests.",
        )

    def _full(self, cost: int) -> QueueFull:
        self._observer.refused("queue_full")
        after = self._door.retry_after(cost)
        return QueueFull(
            f"Too much is waiting: {self._door.cost} tokens, of {self._limits.queue_tokens} that may; "
            f"this request has about {cost}.",
            retry_after=after,
            hint=f"Try again in {after} s.",
        )

    async def _run(self, request: Any, allowed_s: float, *, cost: int = 0, first: bool = False) -> Answered:
        """Send a request through; `cost` has been charged at the door and is given back here whatever happens."""
        loop = asyncio.get_running_loop()
        job = Job(request, loop.create_future(), self._clock(), allowed_s, cost=cost, first=first)
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
        """Nobody waits for this job any more. Returns how many windows need not be computed."""
        with self._lock:
            job.gone = True
            self._door.change(job.cost, 0)
            job.cost = 0
            if job.entry is None:
                return 0
            self._queue.drop(job.entry)
            return job.entry.windows

    # In the lanes' threads

    def _prepare(self, job: Job) -> None:
        if job.gone:
            return
        started = self._clock()
        try:
            if started >= job.deadline:
                raise job.late()
            prepared = self._task.prepare(job.request)
            windows = len(prepared.windows)
            if windows > self._limits.max_windows:
                raise self._too_large(str(windows))
            job.entry = self._queue.entry(job, [len(window) for window in prepared.windows], job.deadline)
        except Exception as error:  # Border: it belongs to the caller, not to this thread.
            self._call(_settle, (job.future, None, error))
            return
        job.outputs = [None] * windows
        job.missing = windows
        job.prepared = prepared  # Last: `Job.computed` must not look true meanwhile.
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
        """From the worker: jobs that are computed or failed."""
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
                answer = self._task.finish(job.prepared, [rows for rows in job.outputs if rows is not None])
                results.append((job.future, job.answered(job.prepared, answer, started, self._clock()), None))
            except Exception as error:  # Border: it belongs to the caller, not to this thread.
                results.append((job.future, None, error))
        self._call(_settle, *results)

    # Back on the event loop

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run on the event loop soon; not at all if it is gone, and with it everybody who waited."""
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(function, *arguments)

    def _on_death(self, reason: str) -> None:
        def fail() -> None:
            # What is computed already is being finished, and answered.
            self._fail([job for job in self._jobs if not job.computed], f"The worker thread ended: {reason}")

        self._call(fail)

    def _fail(self, jobs: list[Job], reason: str) -> None:
        for job in jobs:
            _settle((job.future, None, NotReady(reason)))


def _settle(*outcomes: tuple["asyncio.Future[Any]", Any, Exception | None]) -> None:
    """Give each future its result or error, unless nobody waits for it any more."""
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
