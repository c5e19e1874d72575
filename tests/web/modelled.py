"""A whole application on a real model, in process, for the tests of wire protocols."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from mooring.observe.metrics import Metrics
from mooring.settings import load_settings
from mooring.web.app import create_app
from mooring.web.service import Service
from mooring.wiring.opening import open_served
from mooring.wiring.server import limits_of
from tests.support.asgi import Client, Reply


@dataclass
class Modelled:
    """What a test asks."""

    app: Starlette

    async def post(self, path: str, body: object, **headers: str) -> Reply:
        """POST of JSON, or of bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Client(self.app).call("POST", path, [data], named)

    async def get(self, path: str) -> Any:
        """The decoded answer of a GET."""
        reply = await Client(self.app).call("GET", path)
        assert reply.status == 200, reply.body
        return reply.json

    async def answer(self, path: str, body: object, **headers: str) -> Any:
        """The decoded answer of a POST that succeeds."""
        reply = await self.post(path, body, **headers)
        assert reply.status == 200, reply.body
        return reply.json


Scene = Callable[[Modelled], Coroutine[None, None, None]]


def play_on(folder: Path, scene: Scene, *, answer_s: float | None = None, **flags: object) -> None:
    """Run a scene on a server of that model. `answer_s` is the deadline of requests, but not of the warm-up."""
    settings = load_settings({}, **flags, model=str(folder), compile_cache_bytes=0)

    limits = limits_of(settings)
    if answer_s is not None:
        limits = dataclasses.replace(limits, deadline_s=answer_s)

    async def run() -> None:
        metrics = Metrics()
        service = Service(lambda: open_served(settings, metrics))
        await service.start()
        try:
            await scene(Modelled(create_app(service, metrics, limits)))
        finally:
            await service.stop()

    asyncio.run(run())
