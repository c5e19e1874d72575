"""Answer many requests in order without a server, with the server's batches and streams but no event loop.

Used by `moor ask`, `moor eval` and the accuracy check of `moor build`, and as the baseline of server benchmarks.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any, Self

from mooring.backends.base import Backend, Outputs, Window
from mooring.engine.queue import Queue, Take
from mooring.tasks.base import Prepared, Task

STREAMS_FROM = 32
"""Waiting windows from which streams are opened: opening costs about as much as computing that many."""


@dataclass(slots=True, eq=False)
class _Item:
    prepared: Prepared
    outputs: list[Outputs | None] = field(default_factory=list)
    missing: int = 0


def answer_all(task: Task, backend: Backend, requests: Iterable[Any], *, look_ahead: int = 64) -> Iterator[object]:
    """Answer parsed requests in order, reading at most `look_ahead` requests ahead of the yielded one.

    The requests share batches, so a larger look-ahead means fuller batches and more memory. Raises whatever the task or
    the backend raises; answers already yielded remain valid.
    """
    source = iter(requests)
    items: deque[_Item] = deque()
    with _Computing(backend) as computing:
        while True:
            for request in islice(source, max(1, look_ahead) - len(items)):
                items.append(_admit(task, computing.queue, request))
            if not items:
                return
            while items[0].missing:
                computing.advance()
            while items and not items[0].missing:
                item = items.popleft()
                yield task.finish(item.prepared, [rows for rows in item.outputs if rows is not None])


def _admit(task: Task, queue: Queue[_Item], request: Any) -> _Item:
    prepared = task.prepare(request)
    count = len(prepared.windows)
    item = _Item(prepared, [None] * count, count)
    if count:
        queue.add(queue.entry(item, [len(window) for window in prepared.windows], float("inf")))
    return item


class _Computing:
    """A queue and its consumers: this thread on all cores, or one thread per stream if there is enough work."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        # No client is waiting: batches may be as large as the grid allows.
        self.queue: Queue[_Item] = Queue(backend.grid, ride_tokens=backend.grid.tokens)
        self._pool: ThreadPoolExecutor | None = None
        self._free: list[int] = []
        self._running: dict[Future[list[Outputs]], tuple[Take[_Item], int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def advance(self) -> None:
        """Compute until at least one more batch is done."""
        if self._pool is None and self._backend.streams > 1 and self.queue.windows >= STREAMS_FROM:
            self._backend.open_streams()
            self._free = list(range(self._backend.streams))
            self._pool = ThreadPoolExecutor(self._backend.streams, "moor-stream")
        if self._pool is None:
            batch = self.queue.take(0.0)
            _deliver(batch, self._backend.run(_windows(batch)))
            return
        while self._free and self.queue.windows:
            batch = self.queue.take(0.0, rows=self._backend.share(self.queue.windows, len(self._free)))
            stream = self._free.pop()
            future = self._pool.submit(self._backend.run, _windows(batch), stream=stream)
            self._running[future] = batch, stream
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            batch, stream = self._running.pop(future)
            self._free.append(stream)
            _deliver(batch, future.result())


def _windows(batch: Take[_Item]) -> list[Window]:
    return [entry.owner.prepared.windows[index] for entry, index in batch.rows]


def _deliver(batch: Take[_Item], outputs: list[Outputs]) -> None:
    for (entry, index), rows in zip(batch.rows, outputs, strict=True):
        entry.owner.outputs[index] = rows
        entry.owner.missing -= 1
