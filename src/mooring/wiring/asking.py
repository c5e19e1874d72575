"""Answer requests in this process, without a server but with the model's own code. For `moor ask` and `moor eval`.

The engine alone answers in batches. User code is called as the server calls it, one request at a time.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, Protocol

import msgspec

from mooring.engine.offline import answer_all
from mooring.errors import RequestError
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.media import JSON
from mooring.web.reply import Call, Reply, UserCode
from mooring.web.service import Served
from mooring.wiring.handler import user_code_of
from mooring.wiring.model import OpenedModel, open_found
from mooring.wiring.opening import open_with_code
from mooring.wiring.source import Progress, find_model


class Answering(Protocol):
    """A model that answers bodies of POST /invocations."""

    facts: Mapping[str, Any]
    """As `/info` has them: "model", "backend" and "warnings"."""

    def answers(self, bodies: Iterable[object], *, errors: bool = False) -> Iterator[object]:
        """An answer to each body, in order. A RequestError is raised, or with `errors` stands in the answer's place."""


@contextmanager
def answering(settings: Settings, progress: Progress | None = None) -> Iterator[Answering]:
    """Open the model that the settings name. Raises what opening raises; UsageError for code that nobody spoke of."""
    found = find_model(settings, progress=progress)
    code, warnings = user_code_of(settings, found)
    if code is None:
        opened = open_found(settings, found)
        try:
            yield ByEngine(opened, warnings)
        finally:
            opened.backend.close()
        return
    # What it prints is no part of the answer.
    with redirect_stdout(sys.stderr), asyncio.Runner() as runner:
        served = open_with_code(settings, Metrics(), found, code, warnings)
        try:
            runner.run(served.life.start())
            yield ByUserCode(runner, served, settings.deadline_s)
        finally:
            runner.run(served.life.stop())
            served.close()


class ByEngine:
    """The engine alone."""

    def __init__(self, opened: OpenedModel, warnings: tuple[str, ...]) -> None:
        self._opened = opened
        backend = dict(opened.backend.info())
        manifest = msgspec.to_builtins(opened.manifest)
        self.facts: Mapping[str, Any] = {
            "model": manifest,
            "backend": backend,
            "warnings": (*opened.warnings, *warnings),
        }

    def answers(self, bodies: Iterable[object], *, errors: bool = False) -> Iterator[object]:
        """As `Answering`."""
        task = self._opened.task
        yield from answer_all(task, self._opened.backend, map(task.parse, bodies), errors=errors)


class ByUserCode:
    """The model's own code, with or without the engine."""

    def __init__(self, runner: asyncio.Runner, served: Served[UserCode], deadline_s: float) -> None:
        self._runner = runner
        self._served = served
        self._deadline_s = deadline_s
        self.facts: Mapping[str, Any] = served.facts

    def answers(self, bodies: Iterable[object], *, errors: bool = False) -> Iterator[object]:
        """As `Answering`. An answer that is not JSON is text."""
        for number, body in enumerate(bodies):
            try:
                yield _value(self._runner.run(self._ask(json.dumps(body).encode(), str(number))))
            except RequestError as error:
                if not errors:
                    raise
                yield error

    async def _ask(self, body: bytes, request_id: str) -> Reply:
        call = Call(body, JSON, JSON, {"Content-Type": JSON, "Accept": JSON}, request_id)
        return await self._served.model.handle(call, self._deadline_s)


def _value(reply: Reply) -> object:
    text = reply.body.decode("utf-8", errors="replace")
    if reply.status >= 400:
        raise RequestError(f"The model's own code answered {reply.status}: {text[:200]}")
    try:
        return json.loads(text)
    except ValueError:
        return text
