"""Load, unload and find models by name, each with its own engine. Made by `wiring/`, used by `routes.py`."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from mooring.engine.health import Health
from mooring.errors import AlreadyLoaded, ModelError, NoMemory, NotLoaded, NotReady, echo
from mooring.model.identity import Identity, identity_of
from mooring.multi import lost
from mooring.multi.ledger import Ledger
from mooring.multi.lost import Held, LostModels
from mooring.multi.requests import check_name
from mooring.observe.memory import release_memory
from mooring.web.service import AnyServed, Service

UNLOAD_S = 30.0
"""How long in-flight requests may continue when their model is unloaded."""


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model."""

    name: str
    url: str
    """The folder that it was loaded from, as the caller named it."""
    service: Service

    @property
    def described(self) -> dict[str, str]:
        """The model in the format of the contract's routes."""
        return {"modelName": self.name, "modelUrl": self.url}

    @property
    def identity(self) -> Identity:
        """Digests of the served model and code."""
        return identity_of(self.service.facts)


class Registry:
    """Loads one model at a time, while others answer."""

    def __init__(
        self,
        open_model: Callable[[Path, str, Identity], AnyServed],
        ledger: Ledger,
        first: Mapping[str, Held] | None = None,
        on_lost: Callable[[int], None] = lambda _: None,
        on_loading: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`open_model` opens a folder's model under a name, in a thread. It raises ModelChanged if the model is not the
        expected one.

        `first` are the models that the previous worker had loaded: they are reloaded before the start is complete.
        Those that fail are retried. `on_lost` is called with their number, `on_loading` with the name of the model
        that is being reloaded, and with "" afterwards.
        """
        self._open = open_model
        self._ledger = ledger
        self._first = dict(first or {})
        self._models: dict[str, Model] = {}
        self._loading: set[str] = set()
        self._lost = LostModels(on_lost)
        self._on_loading = on_loading
        self._retrying: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._log = structlog.get_logger("mooring.multi").bind()

    @property
    def models(self) -> list[Model]:
        """The loaded models, sorted by name."""
        return [self._models[name] for name in sorted(self._models)]

    @property
    def lost(self) -> list[Mapping[str, Any]]:
        """The models that could not be reloaded, sorted by name."""
        return [self._lost.described(name) for name in sorted(self._lost.held)]

    @property
    def facts(self) -> Mapping[str, Any]:
        """The loaded models, for the supervisor."""
        return {"models": [model.described for model in self.models], "multi_model": True}

    async def start(self) -> None:
        """Reload the models of the previous worker. One that fails does not affect the others."""
        for name, held in self._first.items():
            if held.deadly:
                self._lost.lose(name, held, ModelError(held.deadly))
            else:
                await self._load_again(name, held, lambda: True)
        if self._lost.held:
            self._retrying = asyncio.ensure_future(self._retry())

    async def _load_again(self, name: str, held: Held, wanted: Callable[[], bool]) -> None:
        """`wanted` is checked afterwards: a caller may have loaded or unloaded the model meanwhile."""
        self._on_loading(name)
        try:
            service = await self._opened(name, held.url, held.identity)
        except Exception as error:  # Boundary: one broken model must not affect the others.
            if wanted():
                self._lost.lose(name, held, error)
            return
        finally:
            self._on_loading("")
        if wanted():
            self._add(Model(name, held.url, service))
        else:
            await service.stop()

    async def _retry(self) -> None:
        """Retry lost models until there are none."""
        wait = lost.FIRST_PAUSE_S
        while self._lost.held:
            await asyncio.sleep(wait)
            wait = min(2 * wait, lost.LONGEST_PAUSE_S)
            for name, held in self._lost.held.items():
                if self._is_lost(name) and not held.deadly:
                    await self._load_again(name, held, functools.partial(self._is_lost, name))

    def _is_lost(self, name: str) -> bool:
        return name in self._lost and name not in self._loading

    def health(self) -> Health:
        """Healthy even without models: the platform loads models into a healthy server."""
        return Health(True)

    async def check(self) -> Health:
        """As `health`."""
        return self.health()

    def alive(self) -> Health:
        """Not ready if a model's engine hangs: only a restart ends its thread."""
        for model in self.models:
            if not (found := model.service.alive()).ready:
                return Health(False, f"Model {echo(model.name)}: {found.reason}")
        return Health(True)

    async def drain(self, timeout_s: float) -> bool:
        """As `ModelLife.drain`, for all models."""
        done = await asyncio.gather(*(model.service.drain(timeout_s) for model in self.models))
        return all(done)

    def snapshot(self) -> Mapping[str, object]:
        """As `ModelLife.snapshot`."""
        counts = [model.service.snapshot().get("in_flight") for model in self.models]
        return {"models": len(counts), "in_flight": sum(count for count in counts if isinstance(count, int))}

    async def load(self, name: str, url: str) -> Model:
        """Raises AlreadyLoaded, NotLoaded (no such folder), NoMemory, or what opening the model raises.

        A lost model may be loaded this way even if its files have changed.
        """
        check_name(name)
        if name in self._models or name in self._loading:
            raise AlreadyLoaded(f"Model {echo(name)} is already loaded.", hint="Unload it first.")
        self._loading.add(name)
        try:
            return self._add(Model(name, url, await self._opened(name, url, {})))
        finally:
            self._loading.discard(name)

    def _add(self, model: Model) -> Model:
        self._models[model.name] = model
        more = {"again": True} if self._lost.forget(model.name) else {}
        self._log.info("model loaded", model=model.name, **more)
        return model

    async def _opened(self, name: str, url: str, expected: Identity) -> Service:
        folder = await asyncio.to_thread(_folder, url)
        async with self._turn:
            await asyncio.to_thread(self._ledger.reserve, name, folder)
            try:
                service = Service(lambda: self._open(folder, name, expected))
                await self._start(service)
            except MemoryError as error:
                raise NoMemory("Out of memory while loading the model.", hint="Unload another model.") from error
            finally:
                self._ledger.settle(name)
        return service

    async def _start(self, service: Service) -> None:
        try:
            await service.start()
        except BaseException:
            await service.stop()
            release_memory()
            raise
        release_memory()

    def get(self, name: str) -> Model:
        """Raises NotLoaded, or NotReady while it loads."""
        if name in self._models:
            return self._models[name]
        if name in self._loading:
            raise NotReady(f"Model {echo(name)} is loading.")
        if name in self._lost:
            raise NotReady(f"Model {echo(name)} could not be reloaded: {self._lost.reason(name)}")
        raise NotLoaded(f"Model {echo(name)} is not loaded.", hint="List the loaded models with GET /models.")

    async def unload(self, name: str) -> None:
        """Finish in-flight requests, then free the model's memory. Raises NotLoaded."""
        if self._is_lost(name):
            self._lost.forget(name)
            return
        model = self.get(name)
        del self._models[name]
        await model.service.drain(UNLOAD_S)
        await model.service.stop()
        del model
        await asyncio.to_thread(release_memory)
        self._log.info("model unloaded", model=name)

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """As `ModelLife.stop`, for all models."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
        ended = [await model.service.stop(timeout_s) for model in self.models]
        self._models.clear()
        return all(ended)


def _folder(url: str) -> Path:
    """Raises NotLoaded if there is no such folder, or the path is invalid."""
    try:
        reason = "" if Path(url).is_dir() else "no such folder"
    except (OSError, ValueError) as error:  # no permission, name too long, invalid character
        reason = getattr(error, "strerror", None) or str(error)
    if reason:
        raise NotLoaded(f"Cannot load from {echo(url)}: {reason}.", hint="Set `url` to a folder in the container.")
    return Path(url)
