"""What a service of the local SageMaker raises to refuse a request; `app.py` writes it as the service's protocol does.

A fault is for the caller over the wire and in AWS's words, so that code that matches on them works here too; a
`MooringError` is for whoever started `moor local`.
"""

from collections.abc import Mapping
from typing import Any


class Fault(Exception):
    """An error answer. `members` are further members of the error's body (ModelError has some)."""

    def __init__(self, code: str, message: str, status: int = 400, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, Any] = members or {}


def invalid(message: str) -> Fault:
    """The control plane's word for most that goes wrong, a missing model or endpoint among them."""
    return Fault("ValidationException", message)


def missing(noun: str, arn: str) -> Fault:
    """`noun` as the real one says it: "endpoint", "endpoint configuration", "model"."""
    return invalid(f'Could not find {noun} "{arn}".')


def taken(noun: str, arn: str) -> Fault:
    """There is one of that name already."""
    return invalid(f'Cannot create already existing {noun} "{arn}".')


def unknown_member(shape: Any, name: str) -> Fault:
    """An argument that botocore's model does not have; `shape` is botocore's, of the structure that it came in."""
    message = f"{shape.name} has no member {name[:100]!r}. Leave it out, or update boto3 where moor local runs."
    return Fault("SerializationException", message)
