"""Run a model in this process: the server's engine and batching, without HTTP. Made by `mooring.open`.

The engine runs on an event loop in its own thread, so a model may be called from several threads, whose requests share
batches. Requests have no deadline; answers are not cached.
"""

import asyncio
import json
import os
import threading
import weakref
from collections import deque
from collections.abc import Coroutine, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import closing
from dataclasses import dataclass, replace
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar

from mooring.errors import BackendError, HandlerFailed, MooringError, RequestError, UsageError
from mooring.observe.logs import where
from mooring.observe.metrics import Metrics
from mooring.settings import BY_NAME, Settings, load_settings
from mooring.tasks.arrays import plain
from mooring.tasks.offer import columns_of
from mooring.web.media import JSON
from mooring.web.reply import Call, Reply
from mooring.web.service import AnyServed, ByEngine
from mooring.wiring.opening import Place, open_served
from mooring.wiring.source import Progress

LOOK_AHEAD = 64
"""Concurrent requests of `map` in the engine: more do not make batches fuller, and each holds its text."""
NO_DEADLINE_S = 1e9
NO_DEADLINE_MS = int(NO_DEADLINE_S * 1000)
"""Callers wait as long as it takes."""
ENVIRONMENT = ("hub_token", "hub_endpoint", "cache_dir", "offline", "compile_cache_bytes")
"""Settings that are also read from the environment here: where models come from and are stored."""

ONE_ITEM = (RequestError, BackendError, HandlerFailed)
"""Errors that concern one item, so that the others are still answered."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and what it took."""

    answer: Any
    """Vectors are float32 arrays."""
    windows: int = 0
    truncated: int = 0
    """Number of texts that were cut off."""


def open_model(source: str | PathLike[str] | None, **flags: object) -> "OpenModel":
    """As `mooring.open`, with flags by setting name."""
    names = {name for option in ENVIRONMENT for name in (BY_NAME[option].own, *BY_NAME[option].variables)}
    environ = {name: value for name, value in os.environ.items() if name in names}
    return open_with(load_settings(environ, **flags, model=None if source is None else str(source)))


def open_with(settings: Settings, progress: Progress | None = None) -> "OpenModel":
    """As `mooring.open`, with all server settings; `progress` reports downloads."""
    settings = replace(settings, answer_cache_bytes=0, max_queue_ms=NO_DEADLINE_MS, deadline_s=NO_DEADLINE_S)
    return OpenModel(open_served(settings, Metrics(), progress, Place(idle_warm=False)))


class OpenModel:
    """A model running in this process. Close it, or use it in a with statement."""

    def __init__(self, served: AnyServed) -> None:
        """Start the engine. Raises what that raises; this object then owns `served`."""
        self._served = served
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="moor-open", daemon=True)
        self._thread.start()
        # Also at exit, if never closed: a thread inside the engine must not outlive Python.
        self._finalizer = weakref.finalize(self, _close, served, self._loop, self._thread)
        try:
            self._run(served.life.start())
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> Mapping[str, Any]:
        """Facts: "model" (task, family, precision, quality …), "backend" and "warnings", as in `/info`."""
        return self._served.facts

    def __call__(self, inputs: Any = None, /, *, task: str | None = None, **arguments: Any) -> Any:
        """Answer one request as POST /invocations does, in dicts, lists, str and numbers.

        Pass either `inputs`, as in a request, or its parts by name (`question=…, context=…`; `text=…`). `task` names
        one of the model's tasks; by default the request decides. All other arguments are task parameters (`top_k=2`).
        Raises InvalidRequest with a pointer to the invalid field, and NotOffered for a task that the model lacks.
        """
        return plain(self._run(self._answer(self._body(inputs, arguments), task)).answer)

    def map(
        self, items: Iterable[Mapping[str, Any]], *, task: str | None = None, errors: bool = False
    ) -> Iterator[Any]:
        """Yield the answer to each item, in order, while the next ones are computed in full batches.

        Each item holds the arguments of one call: `{"question": …, "context": …, "top_k": 2}` or `{"inputs": …}`.
        Lazy: at most `LOOK_AHEAD` items are read ahead of the yielded answer. A RequestError is raised in the answer's
        place, or yielded with `errors`.
        """
        with closing(self.outcomes(items, task=task)) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, Outcome):
                    yield plain(outcome.answer)
                elif errors and isinstance(outcome, RequestError):
                    yield outcome
                else:
                    raise outcome

    def outcomes(
        self, items: Iterable[Mapping[str, Any] | RequestError], *, task: str | None = None
    ) -> Generator[Outcome | MooringError, None, None]:
        """As `map`, with what each answer took. Errors of single items (`ONE_ITEM`) are yielded in their place.

        An item may be the error of reading it.
        """
        pending: deque[Future[Outcome]] = deque()
        try:
            for item in items:
                pending.append(self._begin(item, task))
                if len(pending) >= LOOK_AHEAD:
                    yield _outcome(pending.popleft())
            while pending:
                yield _outcome(pending.popleft())
        finally:
            for future in pending:
                future.cancel()

    def check(self, item: Mapping[str, Any], *, task: str | None = None) -> None:
        """Raise as a call with these arguments would, without computing. User code is not asked."""
        body = self._body(item.get("inputs"), {key: value for key, value in item.items() if key != "inputs"})
        if isinstance(self._served.model, ByEngine):
            self._request(self._served.model, body, task)

    def close(self) -> None:
        """Stop the engine and free its memory. Calling it again does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, item: Mapping[str, Any] | RequestError, task: str | None) -> "Future[Outcome]":
        try:
            if isinstance(item, RequestError):
                raise item
            body = self._body(item.get("inputs"), {key: value for key, value in item.items() if key != "inputs"})
        except (RequestError, UsageError) as error:
            failed: Future[Outcome] = Future()
            failed.set_exception(error)
            return failed
        return self._submit(self._answer(body, task))

    def _body(self, inputs: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """The `inputs` and `parameters` of a request."""
        columns = columns_of(self.info.get("model", {}).get("tasks", ()))
        parts = {name: value for name, value in arguments.items() if name in columns}
        if inputs is None:
            inputs = parts
        elif parts:
            raise UsageError(f"Pass either inputs or {', '.join(parts)}, not both.")
        return {"inputs": inputs, "parameters": {key: arguments[key] for key in arguments if key not in parts}}

    async def _answer(self, body: dict[str, Any], task: str | None) -> Outcome:
        model = self._served.model
        if isinstance(model, ByEngine):
            found = await model.answer(self._request(model, body, task), NO_DEADLINE_S, afresh=True)
            return Outcome(found.answer, found.windows, found.truncated)
        call = Call(json.dumps(body).encode(), JSON, JSON, {"Content-Type": JSON, "Accept": JSON}, "")
        return Outcome(_value(await model.handle(call, NO_DEADLINE_S)))

    @staticmethod
    def _request(model: ByEngine, body: dict[str, Any], task: str | None) -> Any:
        return model.task.parse(body) if task is None else model.request(task, body)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._submit(coroutine).result()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        if not self._finalizer.alive:
            coroutine.close()
            raise UsageError("The model is closed.", hint="Open it again with mooring.open.")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


def _value(reply: Reply) -> Any:
    """The reply of user code; anything but JSON is text. Raises RequestError for an error reply."""
    text = reply.body.decode("utf-8", errors="replace")
    if reply.status >= 400:
        raise RequestError(f"The model's code answered {reply.status}: {text[:200]}")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _outcome(future: "Future[Outcome]") -> Outcome | MooringError:
    try:
        return future.result()
    except ONE_ITEM as error:
        return error
    except (MooringError, CancelledError):
        raise
    except Exception as error:  # Boundary: a bug that one item meets must not fail the others.
        failed = BackendError(f"{type(error).__name__} while answering ({where(error)}).")
        failed.__cause__ = error
        return failed


def _close(served: AnyServed, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Separate from the object, so that nothing keeps it alive."""
    try:
        ended = asyncio.run_coroutine_threadsafe(served.life.stop(), loop).result()
    except RuntimeError:  # Python is exiting and starts no more threads; the engine's were told to end
        ended = False
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    if ended:
        served.close()
