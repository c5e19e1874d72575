"""Requests in, answers out in the same order, without a server: one thread, no event loop, the server's own batches.

Called by `moor ask`, `moor eval`, the build's gate, and as what the server's throughput is measured against.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from mooring.backends.base import Backend, Outputs, Window
from mooring.engine.queue import Queue
from mooring.errors import RequestError
from mooring.tasks.base import Prepared, Task


@dataclass(slots=True, eq=False)
class _Item:
    prepared: Prepared | RequestError
    outputs: list[Outputs | None] = field(default_factory=list)
    missing: int = 0


def answer_all(
    task: Task, backend: Backend, requests: Iterable[Any], *, look_ahead: int = 64, errors: bool = False
) -> Iterator[object]:
    """Answer what `task.parse` made, in order, reading at most `look_ahead` requests ahead of the one that is yielded.

    Windows of the requests at hand share batches, so more of a look-ahead means fuller batches and more memory. Raises
    whatever the task or the backend raises; answers already yielded stand. With `errors` a request that the task cannot
    take has its RequestError in its answer's place.
    """
    # Nobody is waiting: batches may be as large as the grid has them.
    queue: Queue[_Item] = Queue(backend.grid, ride_tokens=backend.grid.tokens)
    source = iter(requests)
    items: deque[_Item] = deque()
    while True:
        for request in islice(source, max(1, look_ahead) - len(items)):
            items.append(_admit(task, queue, request, errors=errors))
        if not items:
            return
        while items[0].missing:
            _compute(backend, queue)
        while items and not items[0].missing:
            item = items.popleft()
            if isinstance(item.prepared, RequestError):
                yield item.prepared
            else:
                yield task.finish(item.prepared, [rows for rows in item.outputs if rows is not None])


def _admit(task: Task, queue: Queue[_Item], request: Any, *, errors: bool) -> _Item:
    try:
        prepared = task.prepare(request)
    except RequestError as error:
        if not errors:
            raise
        return _Item(error)
    count = len(prepared.windows)
    item = _Item(prepared, [None] * count, count)
    if count:
        queue.add(queue.entry(item, [len(window) for window in prepared.windows], float("inf")))
    return item


def _compute(backend: Backend, queue: Queue[_Item]) -> None:
    batch = queue.take(0.0)
    outputs = backend.run([_window(entry.owner, index) for entry, index in batch.rows])
    for (entry, index), rows in zip(batch.rows, outputs, strict=True):
        entry.owner.outputs[index] = rows
        entry.owner.missing -= 1


def _window(item: _Item, index: int) -> Window:
    assert isinstance(item.prepared, Prepared)  # noqa: S101 - others have no windows
    return item.prepared.windows[index]
