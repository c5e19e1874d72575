"""Assign request ids, turn errors into responses, log and count requests: the outermost ASGI middleware.

The route's protocol turns exceptions into responses. Of what a client sends only the request id gets into the log.
`app.py` wraps the routes in it.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import structlog
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mooring.errors import BackendError, ClientGone, RefusedError
from mooring.observe import pulse
from mooring.observe.logs import where
from mooring.observe.metrics import Metrics
from mooring.observe.pulse import ORIGIN, Origin, read_id
from mooring.web.callers import Callers
from mooring.web.reply import Refuse, Reply
from mooring.web.status import refuse, status_of

REQUEST_ID = "mooring.request_id"
"""Scope key: the request id, str."""
UNREAD = "mooring.unread"
"""Scope key: true if a body was refused unread, so the connection cannot be reused."""
WINDOWS = "mooring.windows"
"""Scope key: number of windows of an answered request, for the log."""

HEADER_NAMES = "mooring.header_names"
"""Scope key: header names as sent, list[bytes]; only if user code may need them."""

CLOSE = "mooring.close"
"""Scope key: closes the connection at once."""
PROXY_ID, RETRIED = b"x-mooring-request", b"x-mooring-retry"
"""Headers from the proxy: its own id of the request, and whether another worker had accepted it."""

ID_HEADERS = (b"x-request-id", b"x-amzn-sagemaker-inference-id")
"""Headers that may carry a request id, in order of precedence."""

_SAFE = frozenset(range(0x21, 0x7F)) - frozenset(b'"\\')
"""An id of these characters needs no escaping anywhere."""


class Border:
    """Pure ASGI: responses are not buffered."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        routes: Mapping[str, Refuse],
        timed: Collection[str] = (),
        quiet: Collection[str] = (),
        log_requests: bool = True,
        leaving: Callable[[], bool] | None = None,
        callers: Callers | None = None,
    ) -> None:
        """`routes` maps the paths named in logs and metrics to what answers their errors. Any other path is logged as
        "other", because a path can hold any text.

        POST requests to `timed` paths count in the latency histogram. Requests to `quiet` paths are not logged. With
        `log_requests` false a proxy in front logs all requests.

        `leaving` is for a worker behind a proxy, and says whether this process will be replaced. Then a request that
        would be refused is handed back to the proxy, which gives it to another worker: its connection is closed
        without a response.
        """
        self._leaving = leaving
        self._log_requests = log_requests
        self._callers = callers or Callers()
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._templates = [(path, compile_path(path)[0]) for path in routes if "{" in path]
        self._timed = timed
        self._quiet = quiet
        self._log = structlog.get_logger("mooring.web").bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = request_id_of(scope["headers"])
        scope[REQUEST_ID] = request_id
        origin = None if self._leaving is None else _origin_of(scope["headers"])
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            if self._callers.choosy:
                self._callers.check(scope, self._route_of(scope["path"]))
            await self._app(scope, receive, send_named)
        except ClientGone as error:
            status = status_of(error)
        except Exception as error:  # Boundary: nothing above could answer the client.
            if not status and self._is_for_another(error, scope):
                await _hand_back(scope, receive)
                return
            if status_of(error) == 500:
                # A BackendError's message is ours; any other may repeat what the client sent.
                words = {"message": str(error)} if isinstance(error, BackendError) else {}
                self._log.error(
                    "failed", request_id=request_id, error=type(error).__name__, where=where(error), **words
                )
            if status:
                raise  # the response has begun; only closing the connection shows that it is incomplete
            refuse_route = self._routes.get(self._route_of(scope["path"]), refuse)
            await _send_refusal(refuse_route(error, request_id), scope, send_named)
        finally:
            if origin is not None:
                pulse.release(origin)
            if status:
                self._note(scope, status, time.perf_counter() - began)

    def _is_for_another(self, error: Exception, scope: Scope) -> bool:
        """Whether an inference request is refused only because this process is shutting down or broken."""
        if self._leaving is None or CLOSE not in scope or not isinstance(error, RefusedError):
            return False
        return status_of(error) == 503 and self._route_of(scope["path"]) in self._timed and self._leaving()

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = self._route_of(scope["path"])
        route = shown(path)
        timed = route in self._timed and scope["method"] == "POST"
        self._metrics.request(route, status, seconds, timed=timed)
        if self._log_requests and path not in self._quiet:
            more: dict[str, Any] = {"windows": scope[WINDOWS]} if WINDOWS in scope else {}
            self._log.info(
                "request",
                method=_method(scope["method"]),
                route=route,
                status=status,
                ms=round(seconds * 1000, 2),
                request_id=scope[REQUEST_ID],
                **more,
            )

    def _route_of(self, path: str) -> str:
        """The path itself, or the matching template; "other" for unknown paths."""
        if path in self._routes:
            return path
        return next((template for template, pattern in self._templates if pattern.match(path)), "other")


def shown(path: str) -> str:
    """A path for people, logs and OpenAPI documents: without the type of parameters that may contain slashes."""
    return path.replace(":path}", "}")


def _method(method: str) -> str:
    """The method for the log; clients may invent methods."""
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH") else "other"


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The client's request id if it is 1 to 128 visible ASCII characters without " and \\, else a new one."""
    for wanted in ID_HEADERS:
        for name, value in headers:
            if name == wanted and 1 <= len(value) <= 128 and all(byte in _SAFE for byte in value):
                return value.decode("ascii")
    # Unique, not secret: uuid4 would make a system call for each.
    return f"{random.getrandbits(128):032x}"


def _origin_of(headers: list[tuple[bytes, bytes]]) -> Origin:
    """The origin by the proxy's headers, made known to what the current task calls."""
    found = Origin()
    for name, value in headers:
        if name == PROXY_ID:
            found.ids = [one] if (one := read_id(value)) else []
        elif name == RETRIED:
            found.retried = value == b"1"
    ORIGIN.set(found)
    return found


async def _hand_back(scope: Scope, receive: Receive) -> None:
    """Close the connection without a response."""
    scope[CLOSE]()
    # uvicorn would send a 500 if this returned before the connection is closed.
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_refusal(reply: Reply, scope: Scope, send: Send) -> None:
    # The connection is closed gracefully: the client reads the refusal even if it is still sending.
    headers = {**reply.headers, "Connection": "close"} if scope.get(UNREAD, False) else reply.headers
    await send(start(reply.status, reply.content_type, len(reply.body), headers))
    await send({"type": "http.response.body", "body": reply.body})


def start(status: int, media_type: str, length: int, headers: Mapping[str, str]) -> Message:
    """The start message of an ASGI response."""
    raw = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % length)]
    raw += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}
