"""POST /invocations: a question's bytes in, its answer's bytes out: the hops between `border.py` and the engine.

Headers → kinds (`media.py`) → body (`body.py`) → task's request (`decode.py`, `Task.parse`) → engine → `encode.py`.
"""

import asyncio
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from mooring.engine.job import Answered, Timings
from mooring.errors import BodyTooSlow, InvalidRequest, PayloadTooLarge, QueueFull
from mooring.observe.metrics import Metrics
from mooring.tasks.base import Task
from mooring.web.batch import Job, answer_records, wait_for_room
from mooring.web.body import read_body, unless_gone
from mooring.web.border import HEADER_NAMES, REQUEST_ID, UNREAD, WINDOWS, start
from mooring.web.decode import decode
from mooring.web.encode import encode
from mooring.web.limits import WebLimits
from mooring.web.media import CSV, LINES, answer_kind, body_kind, strict_body_kind
from mooring.web.reply import Call, UserCode
from mooring.web.room import Room, Visit
from mooring.web.service import ByEngine, Service

WRITTEN_HERE = 512
"""Answers that are written on the event loop (a millisecond as CSV); more are in a thread."""


class Invocations:
    """An ASGI endpoint, without request and response objects: it is the one that has to be fast."""

    def __init__(self, service: Service, metrics: Metrics, limits: WebLimits, room: Room) -> None:
        """The `room` is one for all models of a server."""
        self._service = service
        self._metrics = metrics
        self._limits = limits
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what `border.py` turns into a response."""
        visit = self._room.enter()
        try:
            await self._handle(scope, receive, send, visit)
        finally:
            visit.leave()

    async def _handle(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        headers = Headers(scope=scope)
        model = self._service.model
        if not isinstance(model, ByEngine):
            await self._by_user(model, scope, receive, send, visit)
            return
        kind_of = strict_body_kind if self._limits.strict_content_types else body_kind
        sent = kind_of(headers.get("content-type", ""))
        wanted = answer_kind(self._accept(headers))
        body = await self._body(scope, headers, receive, visit)
        if self._limits.batch and sent in (LINES, CSV):
            await self._by_record(model, scope, receive, send, body, (sent, wanted))
            return
        request, rows = await self._request(model.task, sent, body)
        answered = await unless_gone(receive, self._answer(model, request, afresh=_afresh(headers)))
        content = await _written(wanted, answered.answer, rows)
        if answered.source == "computed":
            self._metrics.stages(answered.timings)
        scope[WINDOWS] = answered.windows
        await send(start(200, wanted, len(content), _headers(answered)))
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, model: ByEngine, request: Any, *, afresh: bool) -> Answered:
        deadline_s = self._limits.deadline_s
        if self._limits.batch:
            return await wait_for_room(model, request, asyncio.get_running_loop().time() + deadline_s)
        return await model.answer(request, deadline_s, afresh=afresh)

    async def _by_record(
        self, model: ByEngine, scope: Scope, receive: Receive, send: Send, body: bytes, kinds: tuple[str, str]
    ) -> None:
        """Batch transform: a line or row that is at fault gets an error of its own. `kinds`: as sent, as wanted."""
        limits = self._limits
        job = Job(*kinds, limits.max_records, limits.thread_bytes, limits.deadline_s, scope[REQUEST_ID])
        batch = await unless_gone(receive, answer_records(model, body, job))
        scope[WINDOWS] = batch.windows
        headers = {"X-Mooring-Windows": str(batch.windows), "X-Mooring-Failed-Records": str(batch.failed)}
        await send(start(200, kinds[1], len(batch.content), headers))
        await send({"type": "http.response.body", "body": batch.content})

    async def _by_user(self, user_code: UserCode, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        """The model's own code reads the body and writes the answer."""
        headers = Headers(scope=scope)
        body = await self._body(scope, headers, receive, visit)
        call = Call(
            body,
            headers.get("content-type", ""),
            self._accept(headers),
            _as_sent(scope),
            scope[REQUEST_ID],
        )
        reply = await unless_gone(receive, user_code.handle(call, self._limits.deadline_s))
        more = dict(reply.headers)
        if reply.windows is not None:
            scope[WINDOWS] = reply.windows
            more["X-Mooring-Windows"] = str(reply.windows)
        await send(start(reply.status, reply.content_type, len(reply.body), more))
        await send({"type": "http.response.body", "body": reply.body})

    def _accept(self, headers: Headers) -> str:
        given = ",".join(headers.getlist("accept"))
        return self._limits.default_accept if given.strip() in ("", "*/*") else given

    async def _body(self, scope: Scope, headers: Headers, receive: Receive, visit: Visit) -> bytes:
        try:
            return await read_body(headers, receive, self._limits.max_body_bytes, self._limits.body_s, visit)
        except (PayloadTooLarge, BodyTooSlow, QueueFull):
            scope[UNREAD] = True
            raise

    async def _request(self, task: Task, kind: str, data: bytes) -> tuple[Any, int | None]:
        if len(data) > self._limits.thread_bytes:
            return await asyncio.to_thread(self._parse, task, kind, data)
        return self._parse(task, kind, data)

    def _parse(self, task: Task, kind: str, data: bytes) -> tuple[Any, int | None]:
        decoded = decode(kind, data, self._limits.max_records)
        try:
            return task.parse(decoded.body), decoded.rows
        except InvalidRequest as error:
            raise decoded.located(error) from error


async def _written(kind: str, answer: object, rows: int | None) -> bytes:
    """As `encode`; in a thread if there is much to write."""
    if isinstance(answer, list) and sum(len(one) if isinstance(one, list) else 1 for one in answer) > WRITTEN_HERE:
        return await asyncio.to_thread(encode, kind, answer, rows)
    return encode(kind, answer, rows)


def _as_sent(scope: Scope) -> dict[str, str]:
    """The headers by the names that the client wrote, where the server kept them; of several the last."""
    headers = scope["headers"]
    names = scope.get(HEADER_NAMES) or [name for name, _ in headers]
    return {name.decode("latin-1"): value.decode("latin-1") for name, (_, value) in zip(names, headers, strict=True)}


def _afresh(headers: Headers) -> bool:
    """Whether the caller wants nothing remembered: RFC 9111, 5.2.1."""
    asked = headers.get("cache-control", "").lower()
    return "no-cache" in asked or "no-store" in asked


def _headers(answered: Answered) -> dict[str, str]:
    headers = {"Server-Timing": server_timing(answered.timings), "X-Mooring-Windows": str(answered.windows)}
    if answered.source != "computed":
        headers["X-Mooring-Cache"] = "hit" if answered.source == "cache" else answered.source
    return headers


def server_timing(timings: Timings) -> str:
    """The stages in milliseconds as W3C's Server-Timing has them; browsers and proxies read it too."""
    return (
        f"queue;dur={timings.queue_ms:.3f}, tokenise;dur={timings.tokenise_ms:.3f}, "
        f"compute;dur={timings.compute_ms:.3f}, decode;dur={timings.decode_ms:.3f}"
    )
