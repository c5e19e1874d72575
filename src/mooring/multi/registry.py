"""The models that are loaded, by name: each with an engine of its own. Made by `wiring/`, asked by `routes.py`."""

import asyncio
import contextlib
import ctypes
import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from mooring.errors import AlreadyLoaded, InvalidRequest, MooringError, NotLoaded, NotReady, echo
from mooring.multi.ledger import Ledger
from mooring.web.service import Served, Service

NAME_LIMIT = 1024
M_ARENA_MAX = -8
"""Of glibc's malloc.h."""
UNLOAD_S = 30.0
"""How long requests in flight may go on when their model is unloaded."""


@dataclass(frozen=True, slots=True)
class Model:
    """One that is loaded."""

    name: str
    url: str
    """The folder that it was loaded from, as the caller named it."""
    service: Service

    @property
    def described(self) -> dict[str, str]:
        """As the contract's routes show it."""
        return {"modelName": self.name, "modelUrl": self.url}


class Registry:
    """Loads one model at a time; answers while it does."""

    def __init__(
        self, open_model: Callable[[Path, str], Served], ledger: Ledger, first: Mapping[str, str] | None = None
    ) -> None:
        """`open_model` opens the model of a folder under a name, in a thread, and may raise a ModelError.

        `first` are names and folders of models to load before the start is over: those of a worker that died.
        """
        self._open = open_model
        self._ledger = ledger
        self._first = dict(first or {})
        self._models: dict[str, Model] = {}
        self._loading: set[str] = set()
        self._turn = asyncio.Lock()
        self._log = structlog.get_logger("mooring.multi").bind()

    @property
    def models(self) -> list[Model]:
        """All of them, by name."""
        return [self._models[name] for name in sorted(self._models)]

    @property
    def facts(self) -> Mapping[str, Any]:
        """For whoever started this: which models it holds."""
        return {"models": [model.described for model in self.models], "multi_model": True}

    async def start(self) -> None:
        """Load what is to be there from the start; what cannot be loaded any more is left out, and that is said."""
        for name, url in self._first.items():
            try:
                await self.load(name, url)
            except MooringError as error:
                self._log.error("model not loaded again", model=name, error=type(error).__name__, reason=error.message)

    async def drain(self, timeout_s: float) -> bool:
        """All models take nothing new; whether all of them answered what they had."""
        done = await asyncio.gather(*(model.service.drain(timeout_s) for model in self.models))
        return all(done)

    def snapshot(self) -> Mapping[str, object]:
        """For the log."""
        counts = [model.service.snapshot().get("in_flight") for model in self.models]
        return {"models": len(counts), "in_flight": sum(count for count in counts if isinstance(count, int))}

    async def load(self, name: str, url: str) -> Model:
        """Raises AlreadyLoaded, NotLoaded (no such folder), NoMemory, or what opening the model raises."""
        check_name(name)
        folder = Path(url)
        if name in self._models or name in self._loading:
            raise AlreadyLoaded(f"The model {echo(name)} is loaded already.", hint="Unload it first.")
        if not await asyncio.to_thread(folder.is_dir):
            raise NotLoaded(f"There is no folder {echo(url)}.", hint="`url` is a folder in the container.")
        self._loading.add(name)
        try:
            async with self._turn:
                self._ledger.reserve(name, folder)
                try:
                    service = Service(lambda: self._open(folder, name))
                    await self._start(service)
                finally:
                    self._ledger.settle(name)
            model = self._models[name] = Model(name, url, service)
        finally:
            self._loading.discard(name)
        self._log.info("model loaded", model=name)
        return model

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
            raise NotReady(f"The model {echo(name)} is loading.")
        raise NotLoaded(f"There is no model {echo(name)}.", hint="GET /models lists those that are loaded.")

    async def unload(self, name: str) -> None:
        """Answer what is in flight, then give its memory back. Raises NotLoaded."""
        model = self.get(name)
        del self._models[name]
        await model.service.drain(UNLOAD_S)
        await model.service.stop()
        del model
        await asyncio.to_thread(release_memory)
        self._log.info("model unloaded", model=name)

    async def stop(self, timeout_s: float = 5.0) -> None:
        """All of them."""
        for model in self.models:
            await model.service.stop(timeout_s)
        self._models.clear()


def check_name(name: object) -> str:
    """Raises InvalidRequest for a name that cannot be one."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or "/" in name or not name.isprintable():
        raise InvalidRequest(
            f"it is {echo(name)}; it must be 1 to {NAME_LIMIT} characters without /.", pointer="/model_name"
        )
    return name


def use_one_arena() -> None:
    """Have all threads allocate from one arena (glibc's `mallopt`): of several, parts stay behind an unloaded model.

    Measured over 40 loads and unloads: 20 MB too much after every fifth of them, and none with one arena.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def release_memory() -> None:
    """Give freed memory back to the kernel: glibc keeps it otherwise, and the next model would not find it free."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
