"""The model as the web layer sees it: nothing yet, starting, answering, going down. Made by `wiring/`, or by a test.

The server listens before the model is there, so that /ping can say what it waits for; opening happens in a thread.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mooring.engine.health import Health
from mooring.engine.job import Answered
from mooring.errors import NotReady
from mooring.tasks.base import Task
from mooring.web.user_code import UserCode

LOADING = "The model is loading."


class Computes(Protocol):
    """What answers: the engine, or the model's own code."""

    async def start(self) -> None:
        """Warm up. Raises what that raises."""

    async def answer(self, request: Any, *, deadline_s: float | None = None) -> Answered:
        """As `Engine.answer`."""

    def health(self) -> Health:
        """What is known now."""

    async def check(self) -> Health:
        """As `health`, after a failure proved anew."""

    def alive(self) -> Health:
        """Whether anything but a new process could help."""

    def snapshot(self) -> dict[str, object]:
        """Numbers for /info."""

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait; whether all of it was answered."""

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """End the threads; whether they did."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model ready to be started."""

    task: Task | None
    """None where the model's own code reads requests."""
    engine: Computes
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What `/info` says of it: "model" (the manifest) and "backend"."""
    close: Callable[[], None] = lambda: None
    """Called after the engine has stopped."""
    afresh: Computes | None = None
    """What computes everything anew, for who asks for that; None: `engine` does."""
    user_code: UserCode | None = None
    """Answers instead of parsing, engine and encoding."""


class Service:
    """Everything but `start` works before, during and after it."""

    def __init__(self, open_model: Callable[[], Served]) -> None:
        """`open_model` may take its time and may raise: a ModelError ends the start."""
        self._open = open_model
        self._served: Served | None = None
        self._opener: threading.Thread | None = None
        self.stopping = threading.Event()
        """Set when nobody waits for the model any more: what takes long in `open_model` should look at it and raise."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is known of the model, empty while it loads."""
        return self._served.facts if self._served else {}

    async def start(self) -> None:
        """Open the model and warm it up. Raises what opening and warming raise."""
        self._served = await self._opened()
        await self._served.engine.start()

    @property
    def user_code(self) -> UserCode | None:
        """The model's own code, if it has any. Raises NotReady."""
        return self._now().user_code

    @property
    def may_run_code(self) -> bool:
        """Whether requests may be answered by the model's own code, as far as is known."""
        return self._served is None or self._served.user_code is not None

    def parse(self, body: object) -> Any:
        """The task's own request. Raises NotReady, InvalidRequest."""
        task = self._now().task
        assert task is not None  # noqa: S101 - without one, user_code answers
        return task.parse(body)

    async def answer(self, request: Any, deadline_s: float, *, afresh: bool = False) -> Answered:
        """As `Engine.answer`; `afresh` computes it whatever is remembered."""
        served = self._now()
        engine = (served.afresh if afresh else None) or served.engine
        return await engine.answer(request, deadline_s=deadline_s)

    def health(self) -> Health:
        """What is known now."""
        return self._served.engine.health() if self._served else Health(False, LOADING)

    def alive(self) -> Health:
        """Whether anything but a new process could help; true while the model loads."""
        return self._served.engine.alive() if self._served else Health(True)

    async def check(self) -> Health:
        """As `health`, after a failed batch proved anew."""
        return await self._served.engine.check() if self._served else Health(False, LOADING)

    def snapshot(self) -> Mapping[str, object]:
        """The engine's numbers."""
        return self._served.engine.snapshot() if self._served else {"phase": "loading"}

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait for what is in flight; whether all of it was answered."""
        return await self._served.engine.drain(timeout_s) if self._served else True

    async def stop(self, timeout_s: float = 5.0) -> None:
        """End the threads, waiting so long for what they are at, and give the model's memory back."""
        self.stopping.set()
        if self._opener is not None:
            # Leaving Python while this thread is inside a library can end in a crash: let it come out.
            await asyncio.to_thread(self._opener.join, timeout_s)
        if self._served is not None and await self._served.engine.stop(timeout_s):
            # Only if its thread has ended: a backend must not be closed under a batch.
            self._served.close()

    def _now(self) -> Served:
        if self._served is None:
            raise NotReady(LOADING, hint="GET /ping says when it is there.")
        return self._served

    async def _opened(self) -> Served:
        """Call `open_model` in a daemon thread: one of asyncio's pool would keep the process from ending."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Served] = loop.create_future()

        def settle(result: Served | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            elif result is not None:
                future.set_result(result)

        def work() -> None:
            outcome: tuple[Served | None, BaseException | None]
            try:
                outcome = self._open(), None
            except BaseException as error:  # Border: it belongs to whoever awaits the start.
                outcome = None, error
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server has been stopped meanwhile
                loop.call_soon_threadsafe(settle, *outcome)

        self._opener = threading.Thread(target=work, name="moor-open", daemon=True)
        self._opener.start()
        return await future
