"""Parse a request to an endpoint: operation, parameters, body.

botocore's model of the runtime maps headers to parameters and has their constraints.
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
"""Prefix of argument headers; unknown ones are refused."""
_PATH = re.compile(r"/endpoints/([^/]+)/([a-z-]+)")


class ClientLeft(Exception):
    """The caller disconnected before its request was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the runtime."""

    operation: str
    endpoint: str
    parameters: Mapping[str, Any]
    """By API name; without those that were not given."""
    body: bytes
    size: int
    """Size of the body as sent; larger than the stored body if that was truncated."""
    request_id: str

    def get(self, name: str) -> str | None:
        """A string parameter."""
        value = self.parameters.get(name)
        return None if value is None else str(value)


def parse(path: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str, dict[str, Any]]:
    """Operation, endpoint and parameters. Raises Fault for an unknown path and for invalid values."""
    found = _PATH.fullmatch(path)
    operation = OPERATIONS.get(found[2]) if found else None
    if found is None or operation is None:
        raise Fault("UnknownOperationException", f"No runtime operation at {path[:200]}.", 404)
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
    # There is always a body; its limit depends on the endpoint, and the one in the model is outdated.
    model.check(operation, {"Body": b"", **parameters})
    for path, value in RUNTIME.violations(operation, model.inputs(operation), parameters):
        raise model.unsupported(operation, path, value)


@cache
def _members(operation: str) -> Mapping[bytes, tuple[str, str, str]]:
    """Lower-case header → member name, type, and the header's spelling in the model."""
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
        raise Fault("ValidationError", f"{name} must be an integer; {header} is {value[:100]!r}.")
    return int(value)


async def read_body(receive: Receive, most: int) -> tuple[bytes, int]:
    """The first `most` bytes of the body, and its full size.

    Reads to the end, because a client that is still sending would miss the response. Raises ClientLeft.
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
