"""The same request computed once: whoever asks it while it is being computed waits for it, and later it is remembered.

Made by `wiring/` around an `Engine`, awaited by the web layer in its place. Everything here is on the event loop.
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
from mooring.tasks.base import Task

HASHED_HERE = 16_384
"""Tokens up to which a request is hashed on the event loop (0.1 ms); larger ones in a thread."""
COPIED_HERE = 64
"""Windows up to which an answer is copied on the event loop (1 ms); larger ones in a thread."""

NO_TIME = Timings(queue_ms=0.0, tokenise_ms=0.0, compute_ms=0.0, decode_ms=0.0)


@dataclass(slots=True, eq=False)
class _Flight:
    """A request that is being computed."""

    task: "asyncio.Task[Answered]"
    waiting: int = 0
    """Callers. When the last one leaves, the windows that are left need not be computed."""


class Once:
    """Answers as the engine does, computing less."""

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
        """`deadline_s` is the engine's own, for requests that name none."""
        self._engine = engine
        self._task = task
        self._cache = cache
        self._deadline_s = deadline_s
        self._observer = observer
        self._clock = clock
        self._flights: dict[bytes, _Flight] = {}

    def counts(self) -> dict[str, object]:
        """What is remembered, for `/info`."""
        return {"cached_answers": len(self._cache), "cached_bytes": self._cache.bytes}

    async def answer(self, request: Any, *, deadline_s: float | None = None) -> Answered:
        """As `Engine.answer`; `source` of the result says whether it was computed for this caller.

        Who waits for another's answer keeps a deadline of their own, and the answer goes on being computed for whoever
        is left when somebody gives up.
        """
        allowed = self._deadline_s if deadline_s is None else deadline_s
        until = self._clock() + allowed
        left = allowed
        key = await self._key(request)
        # While the engine is not well, what it once knew must not hide it.
        if (known := self._cache.get(key)) is not None and self._engine.health().ready:
            self._observer.answered("cache")
            return Answered(known.answer, known.windows, known.tokens, known.truncated, NO_TIME, "cache")
        while True:
            flight = self._flights.get(key)
            if flight is None:
                answered = await self._wait(key, self._launch(key, request, left))
                self._observer.answered("computed")
                return answered
            try:
                async with asyncio.timeout(until - self._clock()):
                    answered = await self._wait(key, flight)
            except (TimeoutError, DeadlineExceeded) as error:
                left = until - self._clock()
                if isinstance(error, DeadlineExceeded) and left > 0:
                    continue  # Whoever asked first had less time.
                raise deadline_exceeded(allowed) from error
            self._observer.answered("shared")
            return dataclasses.replace(answered, answer=await _copied(answered), source="shared")

    async def _key(self, request: Any) -> bytes:
        if self._task.estimate(request) > HASHED_HERE:
            return await asyncio.to_thread(self._task.key, request)
        return self._task.key(request)

    def _launch(self, key: bytes, request: Any, seconds: float) -> _Flight:
        async def compute() -> Answered:
            answered = await self._engine.answer(request, deadline_s=seconds)
            self._cache.put(key, Known(answered.answer, answered.windows, answered.tokens, answered.truncated))
            self._observer.cached(self._cache.bytes)
            return answered

        def over(task: "asyncio.Task[Answered]") -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not task.cancelled():
                task.exception()  # Looked at, also when everybody has left.

        flight = _Flight(asyncio.ensure_future(compute()))
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
                # Out of the way first: who asks the same from now on must not wait for what is being given up.
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()


async def _copied(answered: Answered) -> object:
    """A copy of the answer: the model's own code may change what it is given."""
    if answered.windows > COPIED_HERE:
        return await asyncio.to_thread(copy.deepcopy, answered.answer)
    return copy.deepcopy(answered.answer)
