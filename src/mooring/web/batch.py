"""Answer a batch transform body of many records: an answer or an error for each, in order.

Used by `protocols/sagemaker.py` when the platform marks a batch job. Each record is a separate request to the engine,
which batches them. An invalid record does not fail the others, and a full queue makes records wait instead of failing.

A body can hold as many records as bytes, so memory is bounded: `AT_ONCE` records are in the engine, `READ_AT_ONCE` are
decoded, and the others are bytes, of the body before their turn and of the response afterwards.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import structlog

from mooring.engine.job import Answered, deadline_exceeded
from mooring.errors import InvalidRequest, MooringError, QueueFull, RequestError
from mooring.observe.logs import where
from mooring.tasks.arrays import as_json
from mooring.web.encode import encode, encode_each, fits_csv, no_rows
from mooring.web.form import INPUTS, Form, form_of
from mooring.web.media import CSV, LINES
from mooring.web.records import Record, check_count, records
from mooring.web.service import ByEngine
from mooring.web.status import describe

AT_ONCE = 256
"""Concurrent records in the engine: more do not make batches fuller, and each holds its windows in memory."""
READ_AT_ONCE = 256
"""Records decoded in one step: half a millisecond if they are short."""
AGAIN_S = 0.05
"""Pause between attempts to enter a full queue."""
MESSAGE_LIMIT = 200
"""Most characters of an error message: every record can have one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The encoded answers of all records."""

    content: bytes
    windows: int
    tokens: int
    truncated: int
    """Number of texts that were cut off."""
    failed: int
    """Number of records with an error."""


@dataclass(frozen=True, slots=True)
class Job:
    """Options for answering a body."""

    sent: str
    wanted: str
    """Media types from `media.KINDS`."""
    most: int
    """Most records in the body."""
    thread_bytes: int
    """Bytes; larger bodies are decoded in a thread."""
    deadline_s: float
    """Deadline for all records together."""
    request_id: str


@dataclass(frozen=True, slots=True)
class _Request:
    """A record's parsed request."""

    parsed: Any
    listed: bool
    """Whether its answer comes in a list."""


async def answer_records(model: ByEngine, body: bytes, job: Job) -> Batch:
    """Answer every record within the deadline. Raises InvalidRequest or PayloadTooLarge before any is computed."""
    return await _Run(model, body, job).run()


class _Run:
    """One body being answered. Everything except decoding and encoding runs on the event loop."""

    def __init__(self, model: ByEngine, body: bytes, job: Job) -> None:
        self._model = model
        self._body = body
        self._job = job
        self._form = form_of(model.tasks)
        self._end = asyncio.get_running_loop().time() + job.deadline_s
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._written: list[Any] = []
        self._windows = 0
        self._tokens = 0
        self._truncated = 0
        self._failed = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> Batch:
        job = self._job
        await self._aside(check_count, job.sent, self._body, job.most)
        found = records(job.sent, self._body, self._form, job.most)
        try:
            while some := await self._aside(self._parsed, found):
                for request in some:
                    await self._begin(request)
                # If all of these were invalid, nothing was awaited.
                await asyncio.sleep(0)
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            # If the client disconnects, cancel its records.
            for task in self._tasks:
                task.cancel()
        content = await self._aside(self._content)
        return Batch(content, self._windows, self._tokens, self._truncated, self._failed)

    async def _begin(self, request: _Request | RequestError) -> None:
        """Answer it once the engine has room, or record its error."""
        place = len(self._written)
        self._written.append(None)
        if isinstance(request, RequestError):
            self._written[place] = self._failure(request)
            return
        await self._turn.acquire()
        task = asyncio.ensure_future(self._one(place, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _aside(self, function: Any, *arguments: Any) -> Any:
        """Call it, in a thread if the body is large."""
        if len(self._body) > self._job.thread_bytes:
            return await asyncio.to_thread(function, *arguments)
        return function(*arguments)

    def _parsed(self, found: Iterator[Record]) -> list[_Request | RequestError]:
        """Parse the next few records into requests; invalid ones become errors."""
        return [self._request(record) for record in islice(found, READ_AT_ONCE)]

    def _request(self, record: Record) -> _Request | RequestError:
        if isinstance(record.value, RequestError):
            return record.value
        body, alone = _listed(record, self._form)
        try:
            return _Request(self._model.task.parse(body), alone and self._model.lists(body))
        except InvalidRequest as error:
            return record.located(error, error.pointer.removeprefix(f"/{INPUTS}/0") if alone else error.pointer)
        except RequestError as error:
            return error

    async def _one(self, place: int, request: _Request) -> None:
        try:
            self._written[place] = self._kept(await self._answer(request))
        except Exception as error:  # Boundary: one failing record must not fail the others.
            if not isinstance(error, MooringError):
                log = structlog.get_logger("mooring.web")
                log.error("failed", request_id=self._job.request_id, error=type(error).__name__, where=where(error))
            self._written[place] = self._failure(error)
        finally:
            self._turn.release()

    async def _answer(self, request: _Request) -> object:
        if asyncio.get_running_loop().time() >= self._end:
            raise deadline_exceeded(self._job.deadline_s)
        answered = await wait_for_room(self._model, request.parsed, self._end)
        self._windows += answered.windows
        self._tokens += answered.tokens
        self._truncated += answered.truncated
        found: Any = answered.answer
        answer = found[0] if request.listed else found
        if self._job.wanted == CSV and not fits_csv(answer):
            raise no_rows()
        return answer

    def _failure(self, error: Exception) -> object:
        self._failed += 1
        body = describe(error, self._job.request_id)
        # Without the hint, which is the same for all.
        said = error.message if isinstance(error, MooringError) else body.message
        message = said if len(said) <= MESSAGE_LIMIT else said[: MESSAGE_LIMIT - 1] + "…"
        return self._kept({"error": {"code": body.code, "type": body.type, "message": message}})

    def _kept(self, answer: object) -> object:
        """The answer as kept until the others are done: as bytes if the type allows, a fifth of the memory."""
        return answer if self._job.wanted == CSV else msgspec.Raw(as_json(answer))

    def _content(self) -> bytes:
        if self._job.wanted == LINES and len(self._written) == 1:
            return encode(LINES, self._written[0], 1)
        if self._job.wanted == CSV:
            return encode_each(self._written)
        return encode(self._job.wanted, self._written, len(self._written))


def _listed(record: Record, form: Form) -> tuple[object, bool]:
    """A record's body, and whether its request is in a list now: then it is answered as in a body of several records.

    A line that has a list of requests stays as it is, and is answered by a list.
    """
    value = record.value
    if record.row:
        return {**record.beside, INPUTS: [value]}, True
    if not isinstance(value, dict):
        return (value, False) if form.several(value) else ({INPUTS: [value]}, True)
    inputs = value[INPUTS] if INPUTS in value else {name: part for name, part in value.items() if name != "parameters"}
    if form.several(inputs):
        return value, False
    if INPUTS in value:
        return {**value, INPUTS: [inputs]}, True
    return {INPUTS: [inputs], "parameters": value.get("parameters")}, True


async def wait_for_room(model: ByEngine, request: object, end: float) -> Answered:
    """As `ByEngine.answer`, but waits for a full queue until `end` on the loop's clock."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await model.answer(request, max(0.001, end - loop.time()))
        except QueueFull:
            if loop.time() + AGAIN_S >= end:
                raise
            await asyncio.sleep(AGAIN_S)
