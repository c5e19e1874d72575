"""Run input_fn before and output_fn after the engine, which still batches requests. Made by `wiring/`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mooring.errors import DeadlineExceeded
from mooring.handler.calls import accept_of, guarded, input_of, reply_of
from mooring.handler.context import Context
from mooring.handler.functions import UserFunctions
from mooring.handler.payload import decode
from mooring.handler.thread import UserThread
from mooring.tasks.arrays import plain
from mooring.web.encode import encode
from mooring.web.media import JSON, answer_kind
from mooring.web.reply import Call, Reply, counts
from mooring.web.service import ByEngine

R = TypeVar("R")


class AroundEngine:
    """User functions run one call at a time; the engine's work between them is concurrent."""

    def __init__(self, functions: UserFunctions, path: Path, loading: Context, model: ByEngine) -> None:
        """`loading` is the context that the functions got while the model was loaded."""
        self._functions = functions
        self._path = path
        self._loading = loading
        self._model = model
        self._thread = UserThread()

    async def handle(self, call: Call, deadline_s: float) -> Reply:
        """input_fn → engine → output_fn, with defaults for functions that the user did not define."""
        began = time.monotonic()
        context = self._loading.of_request(call.headers, call.request_id)

        def left() -> float:
            seconds = deadline_s - (time.monotonic() - began)
            if seconds <= 0:
                raise DeadlineExceeded(f"The answer was not ready within the deadline of {deadline_s:g} s.")
            return seconds

        data = await self._input(call, context, left())
        answered = await self._model.answer(self._model.task.parse(data), left())
        reply = await self._output(call, context, plain(answered.answer), left())
        headers = {**reply.headers, **counts(answered.windows, answered.tokens, answered.truncated)}
        return Reply(reply.body, reply.content_type, reply.status, headers, answered.windows)

    async def _input(self, call: Call, context: Context, seconds: float) -> Any:
        input_fn = self._functions.input_fn
        if input_fn is None:
            return decode(call.body, call.content_type or JSON)
        body, kind = input_of(call)
        return await self._thread.run(self._step("input_fn", call, lambda: input_fn(body, kind, context)), seconds)

    async def _output(self, call: Call, context: Context, answer: object, seconds: float) -> Reply:
        output_fn = self._functions.output_fn
        if output_fn is None:
            kind = answer_kind(call.accept)
            return self._step("output_fn", call, lambda: reply_of(encode(kind, answer), kind, context))()
        accept = accept_of(call)
        work = self._step("output_fn", call, lambda: output_fn(answer, accept, context))
        result = await self._thread.run(work, seconds)
        return self._step("output_fn", call, lambda: reply_of(result, accept, context))()

    def _step(self, name: str, call: Call, function: Callable[[], R]) -> Callable[[], R]:
        return lambda: guarded(name, self._path, call.request_id, function)

    def close(self) -> None:
        """Accept no more calls."""
        self._thread.close()
