"""Run the worker threads: each takes a batch from the queue, computes it and passes finished jobs on.

Started and stopped by `engine.py`. Threads take batches themselves, under the lock, without a round trip to the event
loop, so none is idle while a window waits. Finished jobs go to `on_done`, once per batch.

One worker thread suffices until requests overlap. A window that arrives while the engine is idle is computed on all of
the backend's threads, for the lowest latency. Overlapping requests are computed in parallel streams: two batches on
half of the cores each finish sooner than one after the other on all cores. The second worker thread opens the streams
when this first happens, while the first continues.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mooring.backends.base import Backend, Window
from mooring.engine.compute import Runner, deliver, log_failure, say, windows_of
from mooring.engine.door import Door
from mooring.engine.health import Vitals
from mooring.engine.job import Job
from mooring.engine.observer import Observer
from mooring.engine.queue import Entry, Queue, Take
from mooring.errors import BackendError
from mooring.observe import pulse

Shape = tuple[int, int]
"""(rows, length)."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A batch and its stream; None: all threads."""

    batch: Take[Job]
    stream: int | None
    busy: bool
    """Whether others are left waiting."""


@dataclass(eq=False)
class Worker:
    """Holders of `condition` may use `queue` and `door`; work is submitted by `add`."""

    backend: Backend
    queue: Queue[Job]
    door: Door
    clock: Callable[[], float]
    observer: Observer
    on_done: Callable[[list[Job]], None]
    """Called from a worker thread with jobs that are computed or have an `error`."""
    on_death: Callable[[str], None]
    """Called from a worker thread with the reason when it dies."""
    idle_warm: bool = True
    """Whether to warm more shapes while idle."""
    vitals: Vitals = field(default_factory=Vitals)
    condition: threading.Condition = field(default_factory=threading.Condition)
    _cold: dict[int | None, deque[Shape]] = field(default_factory=dict)
    """Shapes still to warm, by stream."""
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopping: bool = False
    _open: bool = False
    """Whether the streams are open."""
    _running: int = 0
    """Number of running batches."""
    _warming: int = 0
    """Number of shapes being warmed."""
    _alone: bool = False
    """A batch or warm-up is using all threads; streams must wait."""
    _met: bool = False
    """Whether the last added request found others waiting or running."""

    def shapes(self, stream: int | None) -> tuple[Shape, ...]:
        """Shapes that can occur: in a stream all of the grid; with streams open, single rows on all threads."""
        shapes = self.backend.grid.shapes()
        if stream is None and self.backend.streams > 1:
            return tuple(shape for shape in shapes if shape[0] == 1)
        return shapes

    @property
    def cold_shapes(self) -> int:
        """Number of shapes that may be needed by now but have never been computed."""
        return sum(len(shapes) for shapes in list(self._cold.values()))

    def start(self, warm: Sequence[Shape], later: Sequence[Shape], on_warm: Callable[[Exception | None], None]) -> None:
        """Warm the shapes of `warm`, call `on_warm` (from the thread), then serve; warm `later` while idle."""
        self._cold[None] = deque(later if self.idle_warm else ())
        self._spawn(0, lambda runner: self._begin(runner, tuple(warm), on_warm))

    def add(self, entry: Entry[Job], *, first: bool = False) -> None:
        """Under the lock: queue it, with `first` before all others (a probe), and wake a thread."""
        self._met = bool(self._running or self.queue.entries)
        self.queue.add(entry, first=first)
        self.condition.notify(entry.windows)
        if (self._met or entry.windows > 1) and not first and self.backend.streams > 1 and len(self._threads) == 1:
            self._spawn(1, self._open_streams)

    def stop(self) -> None:
        """Stop after the running batches. The caller must fail what still waits."""
        with self.condition:
            self._stopping = True
            self.condition.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads to end. Whether they did."""
        deadline = time.monotonic() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _spawn(self, number: int, begin: Callable[[Runner], bool]) -> None:
        runner = Runner(self.backend, self.vitals, number, self.clock)
        # A daemon: a batch that never ends must not keep the process alive.
        thread = threading.Thread(
            target=self._live, args=(number, runner, begin), name=f"moor-worker-{number}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _live(self, number: int, runner: Runner, begin: Callable[[Runner], bool]) -> None:
        # Boundary: any failure of this thread must become a readable reason, not a silent end.
        try:
            if not begin(runner):
                return
            while (turn := self._next(number, runner)) is not None:
                self._serve(turn, runner)
        except BaseException as error:
            self._die(number, error)

    def _begin(self, runner: Runner, warm: tuple[Shape, ...], on_warm: Callable[[Exception | None], None]) -> bool:
        try:
            for shape in warm:
                self._warm(shape, None, runner)
        except BaseException as error:
            self._die(0, error)
            on_warm(error if isinstance(error, Exception) else BackendError(self.vitals.died))
            return False
        on_warm(None)
        return True

    def _open_streams(self, _: Runner) -> bool:
        try:
            self.backend.open_streams()
        except Exception as error:  # Boundary: go on with one batch at a time.
            log_failure("failed to open the streams; computing one batch at a time", error)
            return False
        with self.condition:
            self._open = True
            for stream in range(self.backend.streams):
                self._cold[stream] = deque(self.shapes(stream) if self.idle_warm else ())
            for number in range(2, self.backend.streams):
                self._spawn(number, lambda _: True)
        return True

    def _die(self, number: int, error: BaseException) -> None:
        log_failure("a worker thread died", error)
        self.vitals.died = say(error)
        self.vitals.busy.pop(number, None)
        self.stop()
        self.on_death(self.vitals.died)

    def _next(self, number: int, runner: Runner) -> _Turn | None:
        """Wait for work. None: stop."""
        while True:
            with self.condition:
                while True:
                    if self._stopping:
                        return None
                    if (turn := self._take(number)) is not None:
                        return turn
                    if cold := self._coldest(number):
                        break
                    self.condition.wait()
                stream, shape = cold
            # Outside the lock, and one shape only: a new request waits for at most this.
            self._warm_idle(shape, stream, runner)

    def _take(self, number: int) -> _Turn | None:
        """Under the lock: the next batch for this thread, if any."""
        if self._alone:
            return None
        free = self.backend.streams - self._running if self._open else 1
        batch = self.queue.take(self.clock(), rows=self.backend.share(self.queue.windows, free))
        if not batch.rows and not batch.expired:
            return None
        for entry, _ in batch.rows:
            self._charge(entry, entry.tokens)
        for entry in batch.expired:
            self._charge(entry, 0)
        if batch.rows:
            company = self._met or self._running or self._warming or self.queue.windows or len(batch.rows) > 1
            self._alone = not (self._open and company)
            self._running += 1
        stream = None if self._alone else number
        if batch.rows:
            self.door.begin(number, self.door.costs.rows(batch.classes), self.clock(), self._among(stream))
        return _Turn(batch, stream, busy=self.queue.windows > 0)

    def _charge(self, entry: Entry[Job], tokens: int) -> None:
        job = entry.owner
        if job.ticket is not None:
            self.door.change(job.ticket, int(job.per_token * tokens))

    def _among(self, stream: int | None) -> int:
        """How many such batches run at a time."""
        return 1 if stream is None else self.backend.streams

    def _coldest(self, number: int) -> tuple[int | None, Shape] | None:
        """Under the lock: the next shape to warm while idle, if any."""
        if self._alone:
            return None
        streams = (number, None) if number == 0 and not (self._running or self._warming) else (number,)
        for stream in streams:
            if shapes := self._cold.get(stream):
                self._warming += 1
                self._alone = stream is None
                return stream, shapes.popleft()
        return None

    def _warm(self, shape: Shape, stream: int | None, runner: Runner) -> None:
        rows, length = shape
        window = Window(np.zeros(length, np.int32), np.zeros(length, np.int32))
        began = self.clock()
        runner.run([window] * rows, stream)
        with self.condition:
            self.door.costs.warmed(shape, (self.clock() - began) / self._among(stream))

    def _warm_idle(self, shape: Shape, stream: int | None, runner: Runner) -> None:
        try:
            self._warm(shape, stream, runner)
        except Exception as error:  # Boundary: as for any batch.
            log_failure(f"warming {shape[0]} × {shape[1]} failed", error)
            self.vitals.failed = say(error)
        with self.condition:
            self._warming -= 1
            self._leave(stream)

    def _serve(self, turn: _Turn, runner: Runner) -> None:
        if late := self._late(turn.batch.expired):
            self.on_done(late)
        if turn.batch.rows:
            self._compute(turn, runner)
        with self.condition:
            wait_s = self.door.wait_s(self.clock())
        self.observer.queue(self.queue.windows, self.queue.tokens, wait_s)

    def _late(self, expired: Sequence[Entry[Job]]) -> list[Job]:
        """Fail expired jobs that no batch has finished yet."""
        with self.condition:
            done = [entry.owner for entry in expired if not entry.owner.handed]
            for job in done:
                job.error = job.late()
                job.handed = True
        return done

    def _leave(self, stream: int | None) -> None:
        """Under the lock: a computation has ended; wake waiting threads."""
        if stream is None:
            self._alone = False
        if self.queue.windows or self.cold_shapes:
            self.condition.notify_all()

    def _compute(self, turn: _Turn, runner: Runner) -> None:
        """Run the batch, store each row in its job, and pass finished jobs on."""
        batch = turn.batch
        windows = windows_of(batch)
        started = self.clock()
        # The process may die of a batch: process 1 must know of which requests.
        with pulse.working(entry.owner.origin for entry, _ in batch.rows):
            results = runner.results(windows, turn.stream)
        seconds = self.clock() - started
        rows, length = self.queue.padded(batch)
        self.observer.batch(len(windows), sum(len(window) for window in windows), rows * length, seconds)
        with self.condition:
            self._running -= 1
            self._leave(turn.stream)
            cold = self._cold.get(turn.stream)
            if cold and (rows, length) in cold:
                cold.remove((rows, length))
            # With n streams a batch takes n times as long, but n are done in that time.
            alone_s = seconds / self._among(turn.stream)
            self.door.end(runner.number)
            self.door.costs.measured((rows, length), batch.classes, alone_s, busy=turn.busy)
            done = deliver(batch, results, seconds)
            for job in done:
                if job.ticket is not None:
                    self.door.computed(job.ticket, len(job.outputs))
            spared = [self._spare(job) for job in done if job.error is not None]
        if done:
            self.on_done(done)
        for count in spared:
            self.observer.dropped("failed", count)

    def _spare(self, job: Job) -> int:
        """Under the lock: drop the windows of a failed job. Returns their number."""
        assert job.entry is not None  # noqa: S101 — it was in a batch
        return self.queue.drop(job.entry)
