"""A model as the web layer sees it: loading, ready, draining. Made by `wiring/` or a test.

The server listens before the model is loaded, so /ping can report the reason. The model is opened in a thread.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from mooring.engine.health import Health
from mooring.engine.job import Answered
from mooring.engine.life import ModelLife
from mooring.errors import NotLoaded, NotReady, echo
from mooring.observe import pulse
from mooring.tasks import TASKS
from mooring.tasks.base import Task
from mooring.tasks.offer import Offer, names_of, offered
from mooring.tokenization.text import TextTokenizer
from mooring.web.reply import UserCode

LOADING = "The model is loading."


class Answers(Protocol):
    """An engine, or an answer cache around it."""

    async def answer(self, request: Any, *, deadline_s: float | None = None) -> Answered:
        """As `Engine.answer`."""


class Computes(Answers, Protocol):
    """An engine."""

    def refuse_if_full(self, tokens: int, deadline_s: float) -> None:
        """As `Engine.refuse_if_full`."""


@dataclass(frozen=True, slots=True)
class ByEngine:
    """A model whose task parses requests and whose answers the engine computes."""

    task: Task
    engine: Computes
    once: Answers | None = None
    """The answer cache; None: every request is computed."""
    tokenizer: TextTokenizer | None = None
    """The model's tokenizer, for routes that only tokenize."""
    version: str = "1"
    """The model's version, for protocols that name one."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The model's tasks, its own first."""
        return names_of(self.task)

    def meant(self, body: object) -> str:
        """The task that a decoded body is meant for."""
        return self.task.meant(body) if isinstance(self.task, Offer) else self.task.name

    def lists(self, body: object) -> bool:
        """Whether a list of one request, which the decoded body is, is answered by a list."""
        spec = TASKS.get(self.meant(body))
        return spec is not None and not spec.unlisted

    def request(self, task: str, body: object) -> Any:
        """Parse a decoded body for one of the tasks. Raises NotOffered, and what `Task.parse` raises."""
        if isinstance(self.task, Offer):
            return self.task.request(task, body)
        offered(task, self.tasks)
        return self.task.parse(body)

    async def answer(self, request: Any, deadline_s: float, *, afresh: bool = False) -> Answered:
        """As `Engine.answer`; `afresh` bypasses the cache."""
        answers = self.engine if afresh or self.once is None else self.once
        return await answers.answer(request, deadline_s=deadline_s)


M_co = TypeVar("M_co", bound=ByEngine | UserCode, covariant=True)


@dataclass(frozen=True, slots=True)
class Served(Generic[M_co]):
    """An opened model, ready to start."""

    model: M_co
    """Answers requests: the engine, or user code."""
    life: ModelLife
    """The life cycle to start and stop."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For `/info`: "model" (the manifest) and "backend"."""
    close: Callable[[], None] = lambda: None
    """Called after `life` has stopped."""
    counts: Callable[[], Mapping[str, object]] = dict
    """More numbers for `/info`, besides those of `life`."""


AnyServed = Served[ByEngine | UserCode]


class Service:
    """The life cycle of a model that is opened on start."""

    def __init__(self, open_model: Callable[[], AnyServed]) -> None:
        """`open_model` may be slow and may raise: a ModelError ends the start."""
        self._open = open_model
        self._served: AnyServed | None = None
        self._opener: threading.Thread | None = None
        self.stopping = threading.Event()
        """Set when the start was cancelled: slow steps of `open_model` should check it and raise."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Facts of the model, empty while it loads."""
        return self._served.facts if self._served else {}

    @property
    def name(self) -> str:
        """The name under which the model is served, once it is loaded."""
        return str(self.facts.get("model", {}).get("name", "model"))

    def named(self, name: str) -> "Service":
        """This model, if that is its name. Raises NotLoaded, NotReady."""
        _ = self.model
        if name != self.name:
            raise NotLoaded(f"This server has no model {echo(name)}.", hint=f"Its model is {self.name}.")
        return self

    @property
    def model(self) -> ByEngine | UserCode:
        """What answers requests. Raises NotReady."""
        if self._served is None:
            raise NotReady(LOADING, hint="Poll GET /ping until it returns 200.")
        return self._served.model

    @property
    def may_run_code(self) -> bool:
        """Whether user code may answer requests, as far as known."""
        return self._served is None or not isinstance(self._served.model, ByEngine)

    async def start(self) -> None:
        """Open the model and warm it up. Raises what opening and warming raise."""
        self._served = await self._opened()
        await self._served.life.start()

    def health(self) -> Health:
        """As `ModelLife.health`."""
        return self._served.life.health() if self._served else Health(False, LOADING)

    def alive(self) -> Health:
        """As `ModelLife.alive`; true while the model loads."""
        return self._served.life.alive() if self._served else Health(True)

    async def check(self) -> Health:
        """As `ModelLife.check`."""
        return await self._served.life.check() if self._served else Health(False, LOADING)

    def snapshot(self) -> Mapping[str, object]:
        """As `ModelLife.snapshot`."""
        if self._served is None:
            return {"phase": "loading"}
        return {**self._served.life.snapshot(), **self._served.counts()}

    async def drain(self, timeout_s: float) -> bool:
        """As `ModelLife.drain`."""
        return await self._served.life.drain(timeout_s) if self._served else True

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """As `ModelLife.stop`; the model is closed only if its threads have ended."""
        self.stopping.set()
        if self._opener is not None:
            # Exiting Python while this thread is inside a library can crash: wait for it.
            await asyncio.to_thread(self._opener.join, timeout_s)
        if self._served is None:
            return True
        if ended := await self._served.life.stop(timeout_s):
            self._served.close()
        return ended

    async def _opened(self) -> AnyServed:
        """Call `open_model` in a daemon thread: a thread of asyncio's pool would keep the process alive."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[AnyServed] = loop.create_future()

        def settle(result: AnyServed | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            elif result is not None:
                future.set_result(result)

        def work() -> None:
            outcome: tuple[AnyServed | None, BaseException | None]
            try:
                with pulse.patient():  # reading a large tokenizer holds the interpreter's lock for seconds
                    outcome = self._open(), None
            except BaseException as error:  # Boundary: pass it to the task that awaits the start.
                outcome = None, error
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server was stopped meanwhile
                loop.call_soon_threadsafe(settle, *outcome)

        self._opener = threading.Thread(target=work, name="moor-open", daemon=True)
        self._opener.start()
        return await future
