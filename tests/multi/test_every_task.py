"""A model for every task in one multi-model server."""

import asyncio
import json
from pathlib import Path

import pytest

from mooring.settings import load_settings
from mooring.tasks import TASKS
from mooring.web.limits import WebLimits
from mooring.wiring.multi import multi_app
from tests.support.asgi import Client, Reply
from tests.support.every_task import MODELS

pytestmark = pytest.mark.wire
BY_REQUEST = [task for task in TASKS if task != "sentence-embeddings"]
"""Tasks that a request can ask for; SageMaker's routes have no other way to name one."""


def test_models_of_all_tasks_are_loaded_and_asked(tmp_path: Path) -> None:
    """The request decides among the tasks of a model, since the platform sets none."""
    settings = load_settings({}, multi_model=True, compile_cache_bytes=0)
    app, registry = multi_app(settings, WebLimits(), {}, lambda _: None, behind=True)

    async def call(method: str, path: str, body: object) -> Reply:
        return await Client(app).call(method, path, [json.dumps(body).encode()], {"Content-Type": "application/json"})

    async def scene() -> None:
        await registry.start()
        try:
            for task in BY_REQUEST:
                url = str(MODELS[task](tmp_path / task))
                loaded = await call("POST", "/models", {"model_name": task, "url": url})
                assert loaded.status == 200, loaded.body
                mask = {"inputs": "It is <mask> ."}
                request = mask if task == "fill-mask" else TASKS[task].example
                reply = await call("POST", f"/models/{task}/invoke", request)
                assert reply.status == 200, reply.body
                assert reply.json
        finally:
            await registry.stop()

    asyncio.run(scene())
