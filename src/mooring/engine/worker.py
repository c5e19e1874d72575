"""The threads that compute: each takes a batch from the queue, runs the backend, hands finished jobs on, and so on.

Started and stopped by `engine.py`. They take batches by themselves, under the lock, without a trip to the event loop:
nothing idles while a window waits. What they hand over goes to `on_done`, once per batch.

One thread is enough until two requests meet. A window that came while nothing else was to do is computed on all of the
backend's threads, the soonest it can be done. One that met another is computed in a stream of its own beside it: two
batches on half of the cores each are done sooner than both of them, one after the other, on everything. The streams are
opened when that first happens, by the second thread, while the first goes on.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mooring.backends.base import Backend, Window
from mooring.engine.compute import Runner, deliver, log_failure, say, windows_of
from mooring.engine.health import Vitals
from mooring.engine.job import Job
from mooring.engine.limits import Door
from mooring.engine.observer import Observer
from mooring.engine.queue import Entry, Queue, Take
from mooring.errors import BackendError

Shape = tuple[int, int]
"""(rows, length)."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A batch, and in which stream to compute it; None is on everything."""

    batch: Take[Job]
    stream: int | None


@dataclass(eq=False)
class Worker:
    """`queue` and `door` may be touched by anyone who holds `condition`; what is to be computed comes by `add`."""

    backend: Backend
    queue: Queue[Job]
    door: Door
    clock: Callable[[], float]
    observer: Observer
    on_done: Callable[[list[Job]], None]
    """Gets jobs that have all their windows or an `error`; called from one of the threads."""
    on_death: Callable[[str], None]
    """Told, from one of the threads, why it ends without having been asked to."""
    idle_warm: bool = True
    """Whether to compute shapes ahead of time while nothing waits."""
    vitals: Vitals = field(default_factory=Vitals)
    condition: threading.Condition = field(default_factory=threading.Condition)
    _cold: dict[int | None, deque[Shape]] = field(default_factory=dict)
    """Shapes still to be warmed, by stream."""
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopping: bool = False
    _open: bool = False
    """Whether the streams are."""
    _running: int = 0
    """Batches that are being computed."""
    _warming: int = 0
    """Shapes that are."""
    _alone: bool = False
    """One of all these is, on everything."""
    _met: bool = False
    """Did what was added last find something waiting or running?"""

    def shapes(self, stream: int | None) -> tuple[Shape, ...]:
        """All that may have to be computed: in a stream what the grid holds; beside streams, single rows."""
        shapes = self.backend.grid.shapes()
        if stream is None and self.backend.streams > 1:
            return tuple(shape for shape in shapes if shape[0] == 1)
        return shapes

    @property
    def cold_shapes(self) -> int:
        """How many have never been computed, of those that it would have to by now."""
        return sum(len(shapes) for shapes in list(self._cold.values()))

    def start(self, warm: Sequence[Shape], later: Sequence[Shape], on_warm: Callable[[Exception | None], None]) -> None:
        """Warm the shapes of `warm`, tell `on_warm` (from the thread), then serve; warm `later` whenever idle."""
        self._cold[None] = deque(later if self.idle_warm else ())
        self._spawn(0, lambda runner: self._begin(runner, tuple(warm), on_warm))

    def add(self, entry: Entry[Job], *, first: bool = False) -> None:
        """Under the lock: put it into the queue, `first` before everybody else (a probe), and wake who computes it."""
        self._met = bool(self._running or self.queue.entries)
        self.queue.add(entry, first=first)
        self.condition.notify(entry.windows)
        if (self._met or entry.windows > 1) and not first and self.backend.streams > 1 and len(self._threads) == 1:
            self._spawn(1, self._open_streams)

    def stop(self) -> None:
        """End after the batches that are computing. What still waits is the caller's to fail."""
        with self.condition:
            self._stopping = True
            self.condition.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads to end; whether they did."""
        deadline = time.monotonic() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _spawn(self, number: int, begin: Callable[[Runner], bool]) -> None:
        runner = Runner(self.backend, self.vitals, number)
        # A daemon: a batch that never ends must not keep the process from ending.
        thread = threading.Thread(
            target=self._live, args=(number, runner, begin), name=f"moor-worker-{number}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _live(self, number: int, runner: Runner, begin: Callable[[Runner], bool]) -> None:
        # Border: whatever happens in this thread must become a reason that people can read, not a silent end.
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
        except Exception as error:  # Border: what one stream can do goes on being done.
            log_failure("there will be one batch at a time: the streams cannot be opened", error)
            return False
        with self.condition:
            self._open = True
            for stream in range(self.backend.streams):
                self._cold[stream] = deque(self.shapes(stream) if self.idle_warm else ())
            for number in range(2, self.backend.streams):
                self._spawn(number, lambda _: True)
        return True

    def _die(self, number: int, error: BaseException) -> None:
        log_failure("a worker thread ends", error)
        self.vitals.died = say(error)
        self.vitals.busy.pop(number, None)
        self.stop()
        self.on_death(self.vitals.died)

    def _next(self, number: int, runner: Runner) -> _Turn | None:
        """Wait for work. None when it is time to stop."""
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
            # Outside of the lock, and one shape only: who comes now waits for no more than this.
            self._warm_idle(shape, stream, runner)

    def _take(self, number: int) -> _Turn | None:
        """Under the lock: what this thread is to compute now, if anything."""
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
        return _Turn(batch, None if self._alone else number)

    def _charge(self, entry: Entry[Job], tokens: int) -> None:
        self.door.change(entry.owner.cost, tokens)
        entry.owner.cost = tokens

    def _coldest(self, number: int) -> tuple[int | None, Shape] | None:
        """Under the lock: what this thread could warm while nobody waits."""
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
        runner.run([window] * rows, stream, self.clock())

    def _warm_idle(self, shape: Shape, stream: int | None, runner: Runner) -> None:
        try:
            self._warm(shape, stream, runner)
        except Exception as error:  # Border: as for any batch.
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
        self.observer.queue(self.queue.windows, self.queue.tokens)

    def _late(self, expired: Sequence[Entry[Job]]) -> list[Job]:
        """Those whose time is over, unless a batch has ended them already."""
        with self.condition:
            done = [entry.owner for entry in expired if not entry.owner.handed]
            for job in done:
                job.error = job.late()
                job.handed = True
        return done

    def _leave(self, stream: int | None) -> None:
        """Under the lock: something has been computed, and others may go on."""
        if stream is None:
            self._alone = False
        if self.queue.windows or self.cold_shapes:
            self.condition.notify_all()

    def _compute(self, turn: _Turn, runner: Runner) -> None:
        """Run the batch, put each row into its job, hand on the jobs that are done with."""
        batch = turn.batch
        windows = windows_of(batch)
        started = self.clock()
        results = runner.results(windows, turn.stream, started)
        seconds = self.clock() - started
        rows, length = self.queue.padded(batch)
        self.observer.batch(len(windows), sum(len(window) for window in windows), rows * length, seconds)
        with self.condition:
            self._running -= 1
            self._leave(turn.stream)
            cold = self._cold.get(turn.stream)
            if cold and (rows, length) in cold:
                cold.remove((rows, length))
            # In a stream a batch is slower by as many as there are, and as many are done in that time.
            among = 1 if turn.stream is None else self.backend.streams
            self.door.measured(self.queue.row_tokens(batch), seconds / among)
            done = deliver(batch, results, seconds)
            spared = [self._spare(job) for job in done if job.error is not None]
        if done:
            self.on_done(done)
        for count in spared:
            self.observer.dropped("failed", count)

    def _spare(self, job: Job) -> int:
        """Under the lock: a job that has failed needs no more of its windows. How many that were."""
        assert job.entry is not None  # noqa: S101 — it was in a batch
        self.door.change(job.cost, 0)
        job.cost = 0
        return self.queue.drop(job.entry)
