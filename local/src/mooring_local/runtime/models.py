"""Load and unload the models of a multi-model endpoint on demand. contract.md §1.11.

Each model gets a generated name in the container and lies in /opt/ml/models/NAME/model. When the container is out of
memory (507), the least recently used model is unloaded; while all are in use, a new one waits.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from uuid import uuid4

from mooring.errors import ModelError, ModelNotFound
from mooring_local.runners.client import Answer, Asked, ContainerGone
from mooring_local.runners.launch import Launched, Loaded, told
from mooring_local.runners.model_data import Objects, locate, place_one
from mooring_local.runtime import model_error
from mooring_local.runtime.limits import Limits
from mooring_local.runtime.routing import Route
from mooring_local.wire.faults import Fault

NO_ROOM = 507
ALREADY = 409
UNKNOWN = 404
_JSON = (("Content-Type", "application/json"),)

Ask = Callable[[Asked], Awaitable[Answer]]
"""Sends a request to the container for the caller."""


class Models:
    """Loads and unloads models."""

    def __init__(self, objects: Objects, limits: Limits) -> None:
        self._objects = objects
        self._limits = limits
        self._changed = asyncio.Event()
        """Set and replaced whenever a request completes or a model is loaded or unloaded."""
        self._unloaded = 0
        """Total of unloaded models, to detect whether memory was freed during a request."""

    async def invoke(self, route: Route, target: str, asked: Asked, ask: Ask) -> Answer:
        """The container's response to an invocation, of any status.

        Retries once if the container lost the model (a worker died) or is out of memory.
        Raises Fault if the model does not exist, is still loading, or does not fit into memory.
        """
        ((_, container),) = route.hops
        for again in (True, False):
            loaded = await self._loaded(route, container, target)
            try:
                with loaded.engaged():
                    answer = await ask(replace(asked, path=f"/models/{loaded.name}/invoke"))
            finally:
                self._tell()
            if not again or answer.status not in (NO_ROOM, UNKNOWN):
                break
            if answer.status == UNKNOWN:
                if container.loaded.get(target) is loaded:  # otherwise another request has reloaded it
                    await self._unload(container, target)
            elif not await self._make_room(container, besides=target):
                break
        if container.loaded.get(target) is loaded and not loaded.in_flight and not _keeps(route):
            await self._unload(container, target)
        return answer

    async def _loaded(self, route: Route, container: Launched, target: str) -> Loaded:
        """The model, loading it if needed; moves it to the end of the dictionary."""
        loaded = container.loaded.pop(target, None)
        if loaded is None:
            name = uuid4().hex
            loaded = Loaded(name, asyncio.ensure_future(self._load(route, container, target, name)))
            loaded.loading.add_done_callback(partial(self._settled, container, target))
        container.loaded[target] = loaded
        with loaded.engaged():
            done, _ = await asyncio.wait([loaded.loading], timeout=self._limits.invoke_s)
        if not done:
            raise Fault("ModelNotReadyException", f"Model {target} is still loading. Retry later.", 429)
        loaded.loading.result()
        return loaded

    def _settled(self, container: Launched, target: str, loading: "asyncio.Future[None]") -> None:
        """Loading has finished or failed; after a failure, the next request tries again."""
        loaded = container.loaded.get(target)
        if (loading.cancelled() or loading.exception()) and loaded is not None and loaded.loading is loading:
            del container.loaded[target]
        self._tell()

    async def _load(self, route: Route, container: Launched, target: str, name: str) -> None:
        folder, whole = container.folder / "models" / name / "model", False
        try:
            await asyncio.to_thread(place_one, self._objects, _prefix(route), target, folder)
            body = json.dumps({"model_name": name, "url": container.running.inside(folder)}).encode()
            answer = await self._offer(container, target, Asked("POST", "/models", _JSON, body))
            whole = 200 <= answer.status < 300 or answer.status == ALREADY
        except ModelNotFound:
            raise _not_there(_prefix(route), target) from None
        except ModelError as error:
            raise Fault("ValidationError", f"Could not load model {target}: {told(error)}") from None
        except TimeoutError:
            raise model_error.timed_out(route.live, route.hops[0][0]) from None
        except ContainerGone as error:
            raise model_error.broke_off(route.live, route.hops[0][0], str(error)) from None
        finally:
            if not whole:
                await asyncio.to_thread(shutil.rmtree, folder.parent, ignore_errors=True)
        if not whole:
            raise model_error.refused(route.live, route.hops[0][0], answer.status, answer.body)

    async def _offer(self, container: Launched, target: str, asked: Asked) -> Answer:
        """Ask the container to load a model, and retry as long as memory can be freed."""
        async with asyncio.timeout(self._limits.load_s):
            while True:
                before = self._unloaded
                answer = await container.client.send(asked, timeout_s=self._limits.load_s)
                if answer.status != NO_ROOM:
                    return answer
                if self._unloaded == before and not await self._room(container, target):
                    return answer

    async def _room(self, container: Launched, target: str) -> bool:
        """Free memory; whether that succeeded. Waits while all other models are in use, loading or unloading."""
        mine, before = container.loaded.get(target), self._unloaded
        while not await self._make_room(container, besides=target):
            others = [one for one in container.loaded.values() if one is not mine and not one.waiting]
            if self._unloaded != before:
                return True
            if not others and not container.leaving:
                return False
            try:
                if mine is not None:
                    # Two waiting for each other would deadlock.
                    mine.waiting = True
                await self._changed.wait()
            finally:
                if mine is not None:
                    mine.waiting = False
        return True

    async def _make_room(self, container: Launched, besides: str) -> bool:
        """Unload the least recently used idle model; whether there was one."""
        for target, loaded in list(container.loaded.items()):
            if target != besides and not loaded.in_flight and loaded.loading.done():
                await self._unload(container, target)
                return True
        return False

    async def _unload(self, container: Launched, target: str) -> None:
        """Unload a model. The response does not matter: the name is not used again."""
        name = container.loaded.pop(target).name
        container.leaving.add(name)
        try:
            with contextlib.suppress(ContainerGone, TimeoutError):
                await container.client.send(Asked("DELETE", f"/models/{name}"), timeout_s=self._limits.load_s)
            await asyncio.to_thread(shutil.rmtree, container.folder / "models" / name, ignore_errors=True)
        finally:
            container.leaving.discard(name)
            self._unloaded += 1
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _prefix(route: Route) -> str:
    return (route.variant.model.prefix if route.variant.model is not None else None) or ""


def _keeps(route: Route) -> bool:
    """Whether models stay loaded (ModelCacheSetting)."""
    parts = route.variant.model.parts if route.variant.model is not None else ()
    settings = [part.container.get("MultiModelConfig") or {} for part in parts]
    return all(one.get("ModelCacheSetting", "Enabled") == "Enabled" for one in settings)


def _not_there(prefix: str, target: str) -> Fault:
    uri = f"{prefix.rstrip('/')}/{target}"
    bucket, key = ("file", uri) if uri.startswith("file://") else locate(uri)
    return Fault(
        "ValidationError",
        f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object located "
        "at the URL and that the role passed to CreateModel has permissions to download the model.",
    )
