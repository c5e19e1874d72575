"""One ASGI application on one port: route each request to its service, and encode errors in that service's format.

    X-Amz-Target                       → a JSON service: SageMaker, Logs, ECR, Application Auto Scaling
    POST /endpoints/NAME/…invocations  → the runtime
    POST / with a form                 → a Query service: STS, IAM
    /_mooring/…                        → the page; browsers are redirected there from /
    anything else                      → S3

Web pages of other sites must not reach this server (see `_stranger`), nor must an HTML object in S3 (see `_harmless`).
"""

import asyncio
import re
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mooring_local.wire import json_protocol, query_protocol
from mooring_local.wire.call import Call, place_of
from mooring_local.wire.faults import Fault
from mooring_local.wire.service import Handler, Service
from mooring_local.wire.service_model import PAGE

LARGEST_BODY = 5 * 1024 * 1024
"""Bytes of a request to a JSON or Query service; ECR accepts manifests of 4 MB."""

_RUNTIME = re.compile(r"/endpoints/[^/]+/(async-invocations|invocations|invocations-response-stream)")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:\d+)?")
_FORM = "application/x-www-form-urlencoded"

FORBIDDEN = Fault(
    "AccessDeniedException",
    "The request comes from another site's web page, or its Host header is not a name of this machine. "
    "Connect to 127.0.0.1 or localhost.",
    403,
)


@dataclass(frozen=True, slots=True)
class Doors:
    """Applications for requests that are neither JSON nor Query."""

    runtime: ASGIApp
    objects: ASGIApp
    page: ASGIApp


class LocalApp:
    """The ASGI application."""

    def __init__(self, services: Mapping[str, Service], doors: Doors, hosts: frozenset[str] | None) -> None:
        """`services` by botocore's names; `hosts`: the Host names to accept, None for any."""
        self._by_target = {one.model.target_prefix: one for one in services.values() if one.model.target_prefix}
        self._by_version = {one.model.version: one for one in services.values() if not one.model.target_prefix}
        self._doors = doors
        self._hosts = hosts
        self.in_flight = 0
        """Number of requests in flight."""
        self._log = structlog.get_logger("mooring_local").bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        self.in_flight += 1
        try:
            await self._route(scope, receive, send)
        finally:
            self.in_flight -= 1

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, request_id = Headers(scope=scope), str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        if _stranger(scope["method"], headers, self._hosts):
            await _answer(send, 403, json_protocol.CONTENT_TYPE, json_protocol.encode_fault(FORBIDDEN), request_id)
        elif "x-amz-target" in headers:
            await self._json(headers, request_id, receive, send)
        elif scope["method"] == "POST" and _RUNTIME.fullmatch(scope["path"]):
            await self._doors.runtime(scope, receive, send)
        elif scope["path"] == "/_mooring" or scope["path"].startswith("/_mooring/"):
            await self._doors.page(scope, receive, send)
        elif scope["path"] == "/" and _is_browser(scope, headers):
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", b"/_mooring/")]})
            await send({"type": "http.response.body"})
        elif scope["path"] == "/" and scope["method"] == "POST" and headers.get("content-type", "").startswith(_FORM):
            await self._query(headers, request_id, receive, send)
        else:
            await self._doors.objects(scope, receive, _harmless(send))

    async def _json(self, headers: Headers, request_id: str, receive: Receive, send: Send) -> None:
        status, place = 200, place_of(headers.get("authorization"))
        try:
            body = await _read(receive)
            prefix, _, operation = headers["x-amz-target"].rpartition(".")
            service = self._by_target.get(prefix)
            if service is None:
                raise Fault("UnknownOperationException", _unknown(f"X-Amz-Target {headers['x-amz-target'][:100]}"), 404)
            handler = service.handler(operation)
            parameters = json_protocol.decode(body, service.model.inputs(operation))
            service.check(operation, parameters)
            result = await _do(service, handler, Call(parameters, place))
            answer = json_protocol.encode(result, service.model.outputs(operation))
        except Exception as error:  # boundary: every error must become a response
            fault = self._fault(error, request_id)
            status, answer = fault.status, json_protocol.encode_fault(fault)
        await _answer(send, status, json_protocol.CONTENT_TYPE, answer, request_id)

    async def _query(self, headers: Headers, request_id: str, receive: Receive, send: Send) -> None:
        status, namespace, place = 200, "", place_of(headers.get("authorization"))
        try:
            form = query_protocol.fields(await _read(receive))
            operation = form.pop("Action", "")
            service = self._by_version.get(form.pop("Version", ""))
            if service is None:
                raise Fault("InvalidAction", _unknown(f"Action {operation[:100]}"))
            namespace = service.model.namespace
            handler = service.handler(operation)
            parameters = query_protocol.decode(form, service.model.inputs(operation))
            service.check(operation, parameters)
            result = await _do(service, handler, Call(parameters, place))
            answer = query_protocol.encode(service.model, operation, result, request_id)
        except Exception as error:  # as above
            fault = self._fault(error, request_id)
            status, answer = fault.status, query_protocol.encode_fault(fault, namespace, request_id)
        await _answer(send, status, query_protocol.CONTENT_TYPE, answer, request_id)

    def _fault(self, error: Exception, request_id: str) -> Fault:
        """The fault to send. Any exception that is not a fault is our bug, and is logged."""
        if isinstance(error, Fault):
            return error
        if isinstance(error, sqlite3.OperationalError):
            # Mostly a full disk. SQLite's message contains nothing from the request.
            self._log.error("could not save the state", request_id=request_id, reason=str(error))
            return Fault("InternalFailure", f"The local SageMaker could not save its state: {error}.", 500)
        self._log.exception("a request failed", request_id=request_id, exc_info=error)
        return Fault("InternalFailure", "Internal error of the local SageMaker. Its log has the traceback.", 500)


async def _do(service: Service, handler: Handler, call: Call) -> Mapping[str, Any] | None:
    """Run handlers one at a time in the event loop, so that each sees a consistent state."""
    return await asyncio.to_thread(handler, call) if service.reads_much else handler(call)


def _stranger(method: str, headers: Headers, hosts: frozenset[str] | None) -> bool:
    """Whether a browser sends this for another site: foreign Origin, or a foreign Host (DNS rebinding).

    A page can also send requests without an Origin, for scripts and images. Then Sec-Fetch-Site reveals them. Following
    a link to this server is allowed: it only shows the page to the person who clicked.
    """
    host = headers.get("host", "")
    found = _HOST.fullmatch(host.lower())
    name = found[1].strip("[]") if found else ""
    if hosts is not None and name not in hosts:
        return True
    followed = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not followed:
        return True
    origin = headers.get("origin")
    return origin is not None and origin.lower() != f"http://{host.lower()}"


def _harmless(send: Send) -> Send:
    """Sandbox S3 objects in browsers: HTML with scripts would otherwise run with full access to this origin.

    `nosniff` keeps browsers from guessing another content type.
    """

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            fenced = [(b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff")]
            message = {**message, "headers": [*message["headers"], *fenced]}
        await send(message)

    return sent


def _is_browser(scope: Scope, headers: Headers) -> bool:
    signed = "authorization" in headers or b"X-Amz-" in scope.get("query_string", b"")
    return scope["method"] == "GET" and not signed and "text/html" in headers.get("accept", "")


async def _read(receive: Receive) -> bytes:
    """The body. Reads to the end even if it is too long: a client that is still sending would miss the error."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Fault("RequestAbortedException", "The request was cut off.")
        piece = message.get("body", b"")
        size += len(piece)
        if size <= LARGEST_BODY:
            pieces.append(piece)
        if not message.get("more_body", False):
            break
    if size > LARGEST_BODY:
        raise Fault("RequestEntityTooLargeException", f"The body has {size} bytes; the limit is {LARGEST_BODY}.", 413)
    return b"".join(pieces)


async def _answer(send: Send, status: int, content_type: str, body: bytes, request_id: str) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _unknown(what: str) -> str:
    return f"The local SageMaker has no service for {what}. {PAGE} lists its services."
