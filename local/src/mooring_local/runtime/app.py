"""The runtime as an ASGI application, for /endpoints/NAME/…. contract.md §3.4."""

from pathlib import Path
from uuid import uuid4

import msgspec
import structlog
from starlette.types import Message, Receive, Scope, Send

from mooring_local.fleet.fleet import Fleet
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.objects.store import ObjectStore
from mooring_local.runtime.asynchronous import Asynchronous
from mooring_local.runtime.capture import Captures
from mooring_local.runtime.invoke import Patience, check_size, invoke
from mooring_local.runtime.limits import Limits
from mooring_local.runtime.models import Models
from mooring_local.runtime.notifications import Notifications
from mooring_local.runtime.records import Queue
from mooring_local.runtime.request import ClientLeft, Request, parse, read_body
from mooring_local.runtime.routing import endpoint_for, headers_from, route
from mooring_local.runtime.shadow import Shadows
from mooring_local.runtime.streaming import stream
from mooring_local.state import State
from mooring_local.wire.call import ACCOUNT
from mooring_local.wire.faults import Fault

_ERROR_TYPE = "x-amzn-errortype"
Headers = list[tuple[str, str]]


class Runtime:
    """The ASGI application. Belongs to the fleet's event loop."""

    def __init__(self, fleet: Fleet, state: State, store: ObjectStore, folder: Path, limits: Limits = Limits()) -> None:
        """`folder`: for notifications and the bodies of queued requests."""
        self._fleet = fleet
        self._limits = limits
        self._models = Models(store, limits)
        self._shadows = Shadows(self._models, limits)
        self._captures = Captures(store)
        notifications = Notifications(folder / "notifications")
        fleet.on_service = self._announce
        self._notifications = notifications
        queue = Queue(state, folder / "async")
        self._asynchronous = Asynchronous(fleet, store, queue, notifications, (self._models, limits))
        self._log = structlog.get_logger("mooring_local.runtime").bind()

    def _announce(self, live: LiveEndpoint) -> None:
        try:
            self._notifications.test(live.asynchronous or {})
        except OSError as error:  # a full disk: the endpoint still serves
            self._log.error("could not write notification", endpoint=live.name, reason=str(error))

    async def start(self) -> None:
        """Call after the fleet's `start`."""
        await self._asynchronous.start()

    async def stop(self) -> None:
        """Call before the fleet's `stop`."""
        await self._asynchronous.stop()
        await self._shadows.stop()
        await self._captures.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return
        request_id = (scope.get("state") or {}).get("request_id") or str(uuid4())
        stamped = _Stamped(send, request_id)
        try:
            await self._answer(scope, request_id, receive, stamped)
        except ClientLeft:
            return
        except Fault as fault:
            await _refuse(fault, stamped)
        except Exception as error:  # boundary: every error must become a response
            self._log.exception("a request failed", request_id=request_id, exc_info=error)
            if not stamped.begun:
                message = "Internal error of the local SageMaker. Its log has the traceback."
                await _refuse(Fault("InternalFailure", message, 500), stamped)

    async def _answer(self, scope: Scope, request_id: str, receive: Receive, send: Send) -> None:
        body, size = await read_body(receive, self._limits.body)
        operation, name, parameters = parse(scope["path"], scope["headers"])
        request = Request(operation, name, parameters, body, size, request_id)
        live = endpoint_for(self._fleet.live(name), request, ACCOUNT)
        if operation == "InvokeEndpointAsync":
            await self._accept(live, request, send)
            return
        where = route(live, request)
        check_size(where, request, self._limits)
        self._shadows.copy(live, where, request)
        if operation == "InvokeEndpointWithResponseStream":
            await stream(where, request, self._limits, receive, send)
            return
        serverless = where.variant.serverless is not None
        most = self._limits.serverless_body if serverless else self._limits.answer
        answer = await invoke(where, request, self._models, Patience(self._limits.invoke_s, most))
        self._captures.take(where, request, answer)
        headers = headers_from(where, answer.headers)
        if kind := answer.headers.get("content-type"):
            headers.append(("content-type", kind))
        await _respond(send, 200, headers, answer.body)

    async def _accept(self, live: LiveEndpoint, request: Request, send: Send) -> None:
        record = self._asynchronous.accept(live, request)
        headers = [("content-type", "application/json"), ("X-Amzn-SageMaker-OutputLocation", record.output)]
        if record.failure:
            headers.append(("X-Amzn-SageMaker-FailureLocation", record.failure))
        await _respond(send, 202, headers, msgspec.json.encode({"InferenceId": record.inference_id}))


class _Stamped:
    """`send` that adds the request ID to the response."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._header = (b"x-amzn-requestid", request_id.encode())
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message = {**message, "headers": [*message["headers"], self._header]}
        await self._send(message)


async def _refuse(fault: Fault, send: Send) -> None:
    body = msgspec.json.encode({"Message": fault.message, **fault.members})
    await _respond(send, fault.status, [("content-type", "application/json"), (_ERROR_TYPE, fault.code)], body)


async def _respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    named = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers]
    named.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})
