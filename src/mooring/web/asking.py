"""Handle inference requests: the part common to all wire protocols. Called by `border.py`.

Admission (`room.py`) → headers (the endpoint's `Begin`) → body (`body.py`) → the endpoint's `Answer` → response.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from starlette.types import Receive, Scope, Send

from mooring.engine.job import Answered, Timings
from mooring.errors import BodyTooSlow, PayloadTooLarge, QueueFull
from mooring.observe import pulse
from mooring.observe.metrics import Metrics
from mooring.observe.pulse import ORIGIN
from mooring.web.batch import wait_for_room
from mooring.web.body import read_body, unless_gone
from mooring.web.border import HEADER_NAMES, REQUEST_ID, UNREAD, WINDOWS, start
from mooring.web.limits import WebLimits
from mooring.web.reply import Reply, UserCode, counts
from mooring.web.room import FREE_BYTES, Room, Visit
from mooring.web.service import ByEngine, Service

WRITTEN_HERE = 512
"""Most answers encoded on the event loop (a millisecond as CSV); more are encoded in a thread."""
VALUES = 64
"""Values of an array that are encoded in the time of one answer."""


class Asking:
    """One request to a model. Its body has not been read."""

    __slots__ = ("_metrics", "_scope", "headers", "limits", "model")

    def __init__(self, scope: Scope, model: ByEngine | UserCode, limits: WebLimits, metrics: Metrics) -> None:
        self._scope = scope
        self._metrics = metrics
        self.headers = headers_in(scope)
        """By lower-case name; the first of several. A dict because Starlette's `Headers` searches linearly."""
        self.model = model
        self.limits = limits

    @property
    def request_id(self) -> str:
        """As in the response header."""
        name: str = self._scope[REQUEST_ID]
        return name

    @property
    def path(self) -> Mapping[str, str]:
        """Path parameters."""
        found: Mapping[str, str] = self._scope["path_params"]
        return found

    @property
    def accept(self) -> str:
        """The Accept header; the server's default if it accepts anything."""
        given = b",".join([value for name, value in self._scope["headers"] if name == b"accept"])
        return self.limits.default_accept if given.strip() in (b"", b"*/*") else given.decode("latin-1")

    def headers_as_sent(self) -> dict[str, str]:
        """Headers by the client's spelling, if the server kept it; the last of several."""
        headers = self._scope["headers"]
        names = self._scope.get(HEADER_NAMES) or [name for name, _ in headers]
        pairs = zip(names, headers, strict=True)
        return {name.decode("latin-1"): value.decode("latin-1") for name, (_, value) in pairs}

    def refuse_large_if_full(self) -> None:
        """Raise QueueFull for a large body before it is held in memory and decoded, if the engine would refuse it.

        Small ones are decoded first, because their answer may be cached.
        """
        size = self.headers.get("content-length", "")
        if isinstance(self.model, ByEngine) and not self.limits.batch and size.isdecimal() and int(size) > FREE_BYTES:
            try:
                self.model.engine.refuse_if_full(0, self.limits.deadline_s)
            except QueueFull:
                self._scope[UNREAD] = True
                raise

    async def exchange(
        self, model: ByEngine, body: bytes, decode: Callable[[bytes], Any], encode: Callable[[Answered], Reply]
    ) -> Reply:
        """Decode a body, compute the answer and encode it. Slow steps run in a thread."""
        large = len(body) > self.limits.thread_bytes
        request = await asyncio.to_thread(_patiently, decode, body) if large else _noted(decode, body)
        answered = await self._computed(model, request)
        long = _is_long(answered.answer)
        reply = await asyncio.to_thread(_patiently, encode, answered) if long else _noted(encode, answered)
        if answered.source == "computed":
            self._metrics.stages(answered.timings)
        headers = {**_headers(answered), **reply.headers}
        return Reply(reply.body, reply.content_type, reply.status, headers, answered.windows)

    async def _computed(self, model: ByEngine, request: Any) -> Answered:
        deadline_s = self.limits.deadline_s
        if self.limits.batch:
            return await wait_for_room(model, request, asyncio.get_running_loop().time() + deadline_s)
        return await model.answer(request, deadline_s, afresh=_afresh(self.headers))


A = TypeVar("A")
R = TypeVar("R")


def _noted(function: Callable[[A], R], argument: A) -> R:
    """Call it, and let process 1 know that the process may die of the current request meanwhile."""
    with pulse.working((ORIGIN.get(),)):
        return function(argument)


def _patiently(function: Callable[[A], R], argument: A) -> R:
    """As `_noted`, for work that may hold the interpreter's lock for long."""
    with pulse.patient():
        return _noted(function, argument)


def headers_in(scope: Scope) -> dict[str, str]:
    """The request's headers by lower-case name; the first of several."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


Answer = Callable[[bytes], Awaitable[Reply]]
"""A complete body → the reply. Raises what `border.py` turns into a response."""
Begin = Callable[[Asking], Answer]
"""Called before the body is read: refuses based on the headers, or returns what answers the body."""


class ModelEndpoint:
    """The ASGI endpoint for inference. It avoids request and response objects for speed."""

    def __init__(
        self,
        begin: Begin,
        find: Callable[[Mapping[str, str]], Service],
        limits: WebLimits,
        metrics: Metrics,
        room: Room,
        choose: Callable[[Scope, bytes], Service] | None = None,
    ) -> None:
        """`find` returns the service that the path parameters name. All models of a server share `room`.

        `choose`, if given, finds it by the body instead, which is then read before the headers are judged.
        """
        self._begin = begin
        self._find = find
        self._choose = choose
        self._limits = limits
        self._metrics = metrics
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what `border.py` turns into a response."""
        visit = self._room.visit()
        try:
            if self._choose is None:
                asking = Asking(scope, self._find(scope["path_params"]).model, self._limits, self._metrics)
                answer = self._begin(asking)
                asking.refuse_large_if_full()
                body = await self._body(scope, asking.headers, receive, visit)
            else:
                body = await self._body(scope, headers_in(scope), receive, visit)
                large = len(body) > self._limits.thread_bytes
                chosen = await asyncio.to_thread(self._choose, scope, body) if large else self._choose(scope, body)
                asking = Asking(scope, chosen.model, self._limits, self._metrics)
                answer = self._begin(asking)
            reply = await unless_gone(receive, answer(body))
            if reply.windows is not None:
                scope[WINDOWS] = reply.windows
            await send(start(reply.status, reply.content_type, len(reply.body), reply.headers))
            await send({"type": "http.response.body", "body": reply.body})
        finally:
            visit.leave()

    async def _body(self, scope: Scope, headers: Mapping[str, str], receive: Receive, visit: Visit) -> bytes:
        try:
            return await read_body(headers, receive, self._limits.max_body_bytes, self._limits.body_s, visit)
        except (PayloadTooLarge, BodyTooSlow, QueueFull):
            scope[UNREAD] = True
            raise


def _is_long(answer: object) -> bool:
    """Whether encoding takes long."""
    if isinstance(answer, np.ndarray):
        return answer.size > WRITTEN_HERE * VALUES
    if not isinstance(answer, list):
        return False
    return sum(_weight(one) for one in answer) > WRITTEN_HERE


def _weight(part: object) -> float:
    """In answers of four values each."""
    if isinstance(part, np.ndarray):
        return part.size / VALUES
    return sum(_weight(one) if isinstance(one, np.ndarray) else 1 for one in part) if isinstance(part, list) else 1


def _afresh(headers: Mapping[str, str]) -> bool:
    """Whether the client bypasses the cache: RFC 9111, 5.2.1."""
    asked = headers.get("cache-control", "").lower()
    return "no-cache" in asked or "no-store" in asked


HEADERS: Mapping[str, tuple[type, str]] = {
    "X-Mooring-Windows": (int, "Number of windows."),
    "X-Mooring-Tokens": (int, "Tokens in these windows, including special tokens and overlaps, without padding."),
    "X-Truncated": (int, "Number of texts that were cut off; absent if none was."),
    "X-Mooring-Cache": (
        str,
        "`hit` or `shared` if the answer came from the cache or from an identical concurrent request.",
    ),
    "X-Mooring-Failed-Records": (
        int,
        "In a batch transform job: number of records with an error instead of an answer.",
    ),
    "Server-Timing": (str, "Duration of each stage in milliseconds."),
}
"""Response header → type and meaning."""


def _headers(answered: Answered) -> dict[str, str]:
    headers = counts(answered.windows, answered.tokens, answered.truncated)
    headers["Server-Timing"] = server_timing(answered.timings)
    if answered.source != "computed":
        headers["X-Mooring-Cache"] = "hit" if answered.source == "cache" else answered.source
    return headers


def server_timing(timings: Timings) -> str:
    """Stage durations in milliseconds as a W3C Server-Timing header, which browsers and proxies also read."""
    return (
        f"queue;dur={timings.queue_ms:.3f}, tokenise;dur={timings.tokenise_ms:.3f}, "
        f"compute;dur={timings.compute_ms:.3f}, decode;dur={timings.decode_ms:.3f}"
    )
