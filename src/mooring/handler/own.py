"""Serve user code that computes: model_fn, predict_fn, transform_fn, or an EndpointHandler.

It replaces the engine: a `ModelLife` and the `UserCode` that answers. Made by `wiring/`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mooring.engine.health import BEGINNING, ENDING, Health
from mooring.errors import Draining, NotReady
from mooring.handler.calls import accept_of, guarded, input_of, reply_of, written
from mooring.handler.context import Context
from mooring.handler.functions import UserFunctions
from mooring.handler.payload import decode
from mooring.handler.thread import UserThread
from mooring.web.media import JSON, answer_kind
from mooring.web.reply import Call, Reply
from mooring.web.service import LOADING

Transform = Callable[[Any, Call, Context], Reply]
"""(model, call, context) → reply; runs in the user code thread."""


class OwnService:
    """One call at a time. Healthy if the model is loaded and no call hangs."""

    def __init__(self, load: Callable[[Context], Any], transform: Transform, loading: Context, stuck_s: float) -> None:
        """`load` makes the model in the user code thread, and raises a ModelError on failure.

        `loading` is its context. A call longer than `stuck_s` makes the process unhealthy.
        """
        self._load = load
        self._transform = transform
        self._loading = loading
        self._stuck_s = stuck_s
        self._thread = UserThread()
        self._model: Any = None
        self._phase = "new"

    async def start(self) -> None:
        """Load the model. Raises what `load` raises."""
        self._phase = "starting"
        loop = asyncio.get_running_loop()
        self._model = await loop.run_in_executor(self._thread.pool, self._load, self._loading)
        self._phase = "serving"

    async def handle(self, call: Call, deadline_s: float) -> Reply:
        """As `UserCode.handle`."""
        if self._phase == "draining":
            raise Draining(
                "The server is shutting down and accepts no new requests.", hint="Send the request to another server."
            )
        if self._phase != "serving":
            raise NotReady(self.health().reason, hint="Poll GET /ping until it returns 200.")
        context = self._loading.of_request(call.headers, call.request_id)
        return await self._thread.run(lambda: self._transform(self._model, call, context), deadline_s)

    def health(self) -> Health:
        """As `ModelLife.health`."""
        if not (life := self.alive()).ready:
            return life
        reason = {**BEGINNING, **ENDING, "starting": LOADING}.get(self._phase, "")
        return Health(not reason, reason)

    async def check(self) -> Health:
        """As `health`: errors in user code are mostly caused by requests."""
        return self.health()

    def alive(self) -> Health:
        """False if a call has been running longer than any deadline."""
        busy = self._thread.busy_s()
        if self._phase == "serving" and busy > self._stuck_s:
            return Health(False, f"A call of the model's code has been running for {busy:.0f} s.")
        return Health(True)

    def snapshot(self) -> dict[str, object]:
        """As `ModelLife.snapshot`."""
        return {"phase": self._phase, "in_flight": self._thread.in_flight, "cold_shapes": 0}

    async def drain(self, timeout_s: float) -> bool:
        """As `ModelLife.drain`."""
        self._phase = "draining"
        end = asyncio.get_running_loop().time() + timeout_s
        while self._thread.in_flight:
            if asyncio.get_running_loop().time() >= end:
                return False
            await asyncio.sleep(0.01)
        return True

    async def stop(self, timeout_s: float = 5.0) -> bool:  # noqa: ARG002 - a running call cannot be waited for
        """As `ModelLife.stop`; a running call is abandoned."""
        self._phase = "stopped"
        self._thread.close()
        return self._thread.busy_s() == 0


def transform_with(functions: UserFunctions, path: Path) -> Transform:
    """transform_fn, or input_fn → predict_fn → output_fn with defaults for missing functions."""

    def transform(model: Any, call: Call, context: Context) -> Reply:
        accept = accept_of(call)

        def step(name: str, function: Callable[[], Any]) -> Any:
            return guarded(name, path, call.request_id, function)

        if functions.transform_fn is not None:
            whole = functions.transform_fn
            body, kind = step("input_fn", lambda: input_of(call))
            result = step("transform_fn", lambda: whole(model, body, kind, accept, context))
            return step("transform_fn", lambda: reply_of(result, accept, context))  # type: ignore[no-any-return]
        data = step("input_fn", lambda: _input(functions, call, context))
        predict = functions.predict_fn or _predict
        prediction = step("predict_fn", lambda: predict(data, model, context))
        if functions.output_fn is None:
            kind = answer_kind(call.accept)
            return step("output_fn", lambda: reply_of(written(prediction, kind), kind, context))  # type: ignore[no-any-return]
        output = functions.output_fn
        result = step("output_fn", lambda: output(prediction, accept, context))
        return step("output_fn", lambda: reply_of(result, accept, context))  # type: ignore[no-any-return]

    return transform


def transform_by_endpoint(path: Path) -> Transform:
    """The model is an EndpointHandler: called with the decoded body."""

    def transform(model: Any, call: Call, context: Context) -> Reply:
        def step(name: str, function: Callable[[], Any]) -> Any:
            return guarded(name, path, call.request_id, function)

        data = step("input_fn", lambda: _decoded(call))
        result = step("EndpointHandler", lambda: model(data))
        kind = answer_kind(call.accept)
        return step("EndpointHandler", lambda: reply_of(result, kind, context))  # type: ignore[no-any-return]

    return transform


def _input(functions: UserFunctions, call: Call, context: Context) -> Any:
    if functions.input_fn is None:
        return _decoded(call)
    body, kind = input_of(call)
    return functions.input_fn(body, kind, context)


def _decoded(call: Call) -> Any:
    return decode(call.body, call.content_type or JSON)


def _predict(data: Any, model: Any, context: Context) -> Any:  # noqa: ARG001 - a user function's signature
    """The stock default: call the model like a pipeline."""
    if not isinstance(data, dict):
        return model(data)
    inputs = data.pop("inputs", data)
    parameters = data.pop("parameters", None)
    return model(inputs, **(parameters or {}))
