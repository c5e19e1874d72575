"""A request to an endpoint, read from the wire: operation, parameters, body. Made for `app.py`.

Which header is which parameter, and what it may be, comes from botocore's model of the runtime.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from starlette.types import Receive

from mooring_local.arguments.sagemaker import RUNTIME
from mooring_local.wire.faults import Fault
from mooring_local.wire.service_model import service_model

OPERATIONS: Mapping[str, str] = {
    "invocations": "InvokeEndpoint",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "async-invocations": "InvokeEndpointAsync",
}
_OURS = b"x-amzn-sagemaker-"
"""How headers begin that are arguments; one that the model does not know is refused."""
_PATH = re.compile(r"/endpoints/([^/]+)/([a-z-]+)")


class ClientLeft(Exception):
    """The caller went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the runtime."""

    operation: str
    endpoint: str
    parameters: Mapping[str, Any]
    """By the API's names; those that were not given are not in it."""
    body: bytes
    size: int
    """Of the body as it was sent; if that is more than was kept of it, it is too long."""
    request_id: str

    def get(self, name: str) -> str | None:
        """A parameter that is text."""
        value = self.parameters.get(name)
        return None if value is None else str(value)


def parse(path: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str, dict[str, Any]]:
    """Operation, endpoint and parameters. Raises Fault for a path of no operation, and values that break the model."""
    found = _PATH.fullmatch(path)
    operation = OPERATIONS.get(found[2]) if found else None
    if found is None or operation is None:
        raise Fault("UnknownOperationException", f"The runtime has no operation at {path[:200]}.", 404)
    parameters: dict[str, Any] = {"EndpointName": found[1]}
    known = _members(operation)
    for raw, value in headers:
        member = known.get(raw)
        if member is not None:
            parameters[member[0]] = _typed(member, value.decode("latin-1"))
        elif raw.startswith(_OURS):
            raise Fault("ValidationError", f"{operation} has no header {raw.decode('latin-1')}. Leave it out.")
    _check(operation, parameters)
    return operation, found[1], parameters


def _check(operation: str, parameters: Mapping[str, Any]) -> None:
    model = service_model("sagemaker-runtime")
    # A body there always is; how long it may be depends on the endpoint, and the model's limit is an old one.
    model.check(operation, {"Body": b"", **parameters})
    for path, value in RUNTIME.violations(operation, model.inputs(operation), parameters):
        raise model.unsupported(operation, path, value)


@cache
def _members(operation: str) -> Mapping[bytes, tuple[str, str, str]]:
    """Header in lower case → the member's name, its type, and the header as the model writes it."""
    shape = service_model("sagemaker-runtime").inputs(operation)
    found = {}
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header":
            header = member.serialization["name"]
            found[header.lower().encode()] = (name, member.type_name, header)
    return found


def _typed(member: tuple[str, str, str], value: str) -> Any:
    name, kind, header = member
    if kind != "integer":
        return value
    if not value.strip().lstrip("-").isdigit():
        raise Fault("ValidationError", f"{name} is no whole number: {header} is {value[:100]!r}.")
    return int(value)


async def read_body(receive: Receive, most: int) -> tuple[bytes, int]:
    """Its first bytes and its size: nothing beyond `most` is kept, but all of it is read.

    Who still sends would not hear an answer. Raises ClientLeft.
    """
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        size += len(piece)
        if size <= most:
            pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces), size
