"""The web application over a model's own code, in process: writes the file, loads it, asks. For tests/handler."""

import asyncio
import json
import textwrap
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from mooring.handler.context import Context
from mooring.handler.find import Places, locate, read_code
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.app import create_app
from mooring.web.limits import WebLimits
from mooring.web.service import Served, Service
from mooring.wiring.handler import Loaded, load_user_code, own_service
from tests.support.asgi import Client, Reply


@dataclass
class Site:
    """A started application."""

    app: ASGIApp
    service: Service

    async def ask(self, body: object = b"{}", **headers: str) -> Reply:
        """POST /invocations: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await Client(self.app).call("POST", "/invocations", [data], given)

    async def get(self, path: str) -> Reply:
        """GET."""
        return await Client(self.app).call("GET", path)


def load(folder: Path, text: str, name: str = "inference.py") -> Loaded:
    """Write `text` as the code of a model and import it."""
    path = folder / "code" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    located = locate(Places(folder))
    assert located.path is not None
    return load_user_code(Settings(run_code=True), read_code(located.path))


def play(
    folder: Path,
    text: str,
    scene: Callable[[Site], Coroutine[None, None, None]],
    *,
    name: str = "inference.py",
    deadline_s: float = 10.0,
) -> None:
    """Serve code that needs no model of ours, and play a scene."""

    def unusable(_: Path) -> Any:
        raise AssertionError("the model was opened")

    loaded = load(folder, text, name)
    loading = Context("model", str(folder))
    own = own_service(Settings(run_code=True, deadline_s=deadline_s), loaded, loading, unusable)
    service = Service(lambda: Served(own, own, {"handler": loaded.facts}))
    limits = WebLimits(deadline_s=deadline_s)

    async def run() -> None:
        await service.start()
        await scene(Site(create_app(service, Metrics(), limits), service))
        await service.stop()

    asyncio.run(run())
