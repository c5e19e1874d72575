"""Compute identical requests once: concurrent ones share the computation, later ones use the answer cache.

Made by `wiring/` around an `Engine`, awaited by the web layer in its place. Runs on the event loop.
"""

import asyncio
import copy
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mooring.engine.answers import AnswerCache, Known
from mooring.engine.engine import Engine
from mooring.engine.job import Answered, Timings, deadline_exceeded
from mooring.engine.observer import Observer
from mooring.errors import DeadlineExceeded
from mooring.observe import pulse
from mooring.observe.pulse import ORIGIN, Origin
from mooring.tasks.arrays import array_bytes
from mooring.tasks.base import Task

HASHED_HERE = 16_384
"""Larger requests (in tokens) are hashed in a thread; up to here it takes 0.1 ms on the event loop."""
COPIED_HERE = 64
"""Larger answers (in windows) are copied in a thread; up to here it takes 1 ms on the event loop."""

COPIED_BYTES = 1 << 20
"""Larger arrays are copied in a thread; up to here it takes 0.2 ms."""

NO_TIME = Timings(queue_ms=0.0, tokenise_ms=0.0, compute_ms=0.0, decode_ms=0.0)


@dataclass(slots=True, eq=False)
class _Flight:
    """A request being computed."""

    task: "asyncio.Task[Answered]"
    origin: Origin
    """Of all callers, since the process may die of any of them."""
    waiting: int = 0
    """Number of callers. When the last one leaves, the remaining windows are dropped."""


class Once:
    """Answers like the engine, computing identical requests once."""

    def __init__(
        self,
        engine: Engine,
        task: Task,
        cache: AnswerCache,
        *,
        deadline_s: float,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`deadline_s` is the engine's default deadline."""
        self._engine = engine
        self._task = task
        self._cache = cache
        self._deadline_s = deadline_s
        self._observer = observer
        self._clock = clock
        self._flights: dict[bytes, _Flight] = {}

    def counts(self) -> dict[str, object]:
        """Cache statistics for `/info`."""
        return {"cached_answers": len(self._cache), "cached_bytes": self._cache.bytes}

    async def answer(self, request: Any, *, deadline_s: float | None = None) -> Answered:
        """As `Engine.answer`; `source` of the result says whether it was computed for this caller.

        Callers that share a computation keep their own deadlines, and it continues for the remaining callers when one
        leaves.
        """
        allowed = self._deadline_s if deadline_s is None else deadline_s
        until = self._clock() + allowed
        left = allowed
        key = await self._key(request)
        # Cached answers must not hide an unhealthy engine.
        if (known := self._cache.get(key)) is not None and self._engine.health().ready:
            self._observer.answered("cache")
            return Answered(known.answer, known.windows, known.tokens, known.truncated, NO_TIME, "cache")
        while True:
            flight = self._flights.get(key)
            if flight is None:
                # Before a task is made for it: under overload most requests end here.
                self._engine.refuse_if_full(self._task.estimate(request), left)
                answered = await self._wait(key, self._launch(key, request, left))
                self._observer.answered("computed")
                return answered
            flight.origin.ids += ORIGIN.get().ids
            try:
                async with asyncio.timeout(until - self._clock()):
                    with pulse.accepting(ORIGIN.get()):
                        answered = await self._wait(key, flight)
            except (TimeoutError, DeadlineExceeded) as error:
                left = until - self._clock()
                if isinstance(error, DeadlineExceeded) and left > 0:
                    continue  # the first caller had a shorter deadline
                raise deadline_exceeded(allowed) from error
            self._observer.answered("shared")
            return dataclasses.replace(answered, answer=await _copied(answered), source="shared")

    async def _key(self, request: Any) -> bytes:
        if self._task.estimate(request) > HASHED_HERE:
            return await asyncio.to_thread(self._task.key, request)
        return self._task.key(request)

    def _launch(self, key: bytes, request: Any, seconds: float) -> _Flight:
        caller = ORIGIN.get()
        origin = Origin(list(caller.ids), caller.retried)

        async def compute() -> Answered:
            ORIGIN.set(origin)
            answered = await self._engine.answer(request, deadline_s=seconds)
            self._cache.put(key, Known(answered.answer, answered.windows, answered.tokens, answered.truncated))
            self._observer.cached(self._cache.bytes)
            return answered

        def over(task: "asyncio.Task[Answered]") -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not task.cancelled():
                task.exception()  # retrieve it even if all callers have left

        flight = _Flight(asyncio.ensure_future(compute()), origin)
        flight.task.add_done_callback(over)
        self._flights[key] = flight
        return flight

    async def _wait(self, key: bytes, flight: _Flight) -> Answered:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Remove it first: a new identical request must not wait for a cancelled computation.
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()


async def _copied(answered: Answered) -> object:
    """A copy of the answer: user code may modify what it gets."""
    if answered.windows > COPIED_HERE or array_bytes(answered.answer) > COPIED_BYTES:
        return await asyncio.to_thread(copy.deepcopy, answered.answer)
    return copy.deepcopy(answered.answer)
