"""Between the port and the local SageMaker: which operations were asked for, and how they were answered.

What a client sends is named here as botocore names it, so that a table can be made of any client's requests. Put in
place by conftest.py; it changes nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope, Send

from mooring_local.app import LocalApp
from mooring_local.objects import subresources
from mooring_local.objects.api import route_of
from mooring_local.objects.exchange import read_ask
from mooring_local.wire.faults import Fault
from mooring_local.wire.service import Service

RUNTIME = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
BY_HAND = "by-hand"
"""What a client's program asks by itself, not by the client: clients/notes.py."""
SETTINGS = frozenset(subresources.NAMES.values())
_RUNTIME = re.compile(r"/endpoints/[^/]+/([a-z-]+)")
FORM = b"application/x-www-form-urlencoded"


@dataclass
class Seen:
    """One request."""

    service: str
    operation: str
    status: int = 0
    agent: str = ""


@dataclass
class Tap:
    """What one test has of it."""

    seen: list[Seen] = field(default_factory=list)
    services: Mapping[str, Service] = field(default_factory=dict)
    """The JSON and Query services of the server, once it has begun."""

    def answered(self) -> set[str]:
        """`service.Operation` of what was not refused. That a bucket has no such setting is an answer."""
        return {
            f"{one.service}.{one.operation}"
            for one in self.seen
            if BY_HAND not in one.agent
            and (200 <= one.status < 400 or (one.operation in SETTINGS and one.status == 404))
        }


@dataclass
class Tapped:
    """The application, with a note of each request."""

    app: LocalApp
    tap: Tap

    @property
    def in_flight(self) -> int:
        """The application's own."""
        return self.app.in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and note it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        form = bytearray()
        is_form = scope["path"] == "/" and headers.get(b"content-type", b"").startswith(FORM)
        status: list[int] = []

        async def hear() -> Message:
            message = await receive()
            if is_form:
                form.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
            await send(message)

        await self.app(scope, hear, say)
        agent = headers.get(b"user-agent", b"").decode()
        service, operation = self._named(scope, headers, bytes(form))
        self.tap.seen.append(Seen(service, operation, status[0] if status else 0, agent))

    def _named(self, scope: Scope, headers: Mapping[bytes, bytes], form: bytes) -> tuple[str, str]:
        if target := headers.get(b"x-amz-target", b"").decode():
            prefix, _, operation = target.rpartition(".")
            return self._service("target_prefix", prefix), operation
        if found := _RUNTIME.fullmatch(scope["path"]):
            return "sagemaker-runtime", RUNTIME.get(found[1], found[1])
        if form:
            fields = parse_qs(form.decode())
            return self._service("version", fields["Version"][0]), fields["Action"][0]
        try:
            return "s3", route_of(read_ask(scope)).name
        except Fault:
            return "s3", f"{scope['method']} {scope['path']}"

    def _service(self, attribute: str, value: str) -> str:
        services = self.tap.services.items()
        return next((name for name, one in services if getattr(one.model, attribute) == value), "")
