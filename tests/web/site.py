"""A whole application on fakes, in process: routes, engine, fake backend. For the tests of this folder."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette

from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.observe.metrics import Metrics
from mooring.tasks.base import Task
from mooring.testing import FakeBackend
from mooring.web.app import create_app
from mooring.web.limits import WebLimits
from mooring.web.service import ByEngine, Served, Service
from tests.support.asgi import Client, Reply
from tests.support.text_task import TextTask

PAIR = {"question": "Who?", "context": "Ada wrote it."}
JSON = {"Content-Type": "application/json"}


@dataclass
class Site:
    """What a test turns and looks at."""

    app: Starlette
    engine: Engine
    backend: FakeBackend
    metrics: Metrics
    service: Service

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET."""
        return await Client(self.app).call("GET", path, headers=headers or {})

    async def post(self, path: str, body: object, **headers: str) -> Reply:
        """POST of JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Client(self.app).call("POST", path, [json.dumps(body).encode()], named)

    async def ask(self, body: object = PAIR, **headers: str) -> Reply:
        """POST to /invocations, bytes as they are and anything else as JSON; `content_type="text/csv"`."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Client(self.app).call("POST", "/invocations", [data], named)

    def sample(self, name: str, **labels: str) -> float:
        """A metric's value, 0 before it was first counted."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def computed(self) -> int:
        """Windows that the backend has seen since the start."""
        return sum(len(batch) for batch in self.backend.batches)


@asynccontextmanager
async def site(
    limits: WebLimits | None = None,
    engine_limits: Limits | None = None,
    facts: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> AsyncIterator[Site]:
    """A started application, stopped in the end."""
    backend, metrics, task = FakeBackend(), Metrics(), task or TextTask()
    engine = Engine(task, backend, engine_limits or Limits(max_queue_s=60), observer=metrics)
    service = Service(lambda: Served(ByEngine(task, engine), engine, facts or {}, backend.close))
    await service.start()
    backend.batches.clear()
    try:
        yield Site(create_app(service, metrics, limits), engine, backend, metrics, service)
    finally:
        backend.gate.open()
        await service.stop()
        assert backend.closed


def play(
    scene: Callable[[Site], Coroutine[None, None, None]],
    limits: WebLimits | None = None,
    engine_limits: Limits | None = None,
    facts: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> None:
    """Run a scene on an application of its own."""

    async def run() -> None:
        async with site(limits, engine_limits, facts, task) as stage:
            await scene(stage)

    asyncio.run(run())


def ask(body: object = PAIR, **headers: str) -> Reply:
    """One request on an application of its own."""
    replies: list[Reply] = []

    async def scene(stage: Site) -> None:
        replies.append(await stage.ask(body, **headers))

    play(scene)
    return replies[0]
