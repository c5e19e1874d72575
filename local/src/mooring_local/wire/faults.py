"""Error responses of services; `app.py` encodes them in the service's protocol.

A `Fault` goes to the client, worded as on AWS, so that code that matches messages works here, too. A `MooringError`
is for the user who started `moor local`.
"""

from collections.abc import Mapping
from typing import Any


class Fault(Exception):
    """An error response. `members`: further members of the body, as in ModelError."""

    def __init__(self, code: str, message: str, status: int = 400, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, Any] = members or {}


def invalid(message: str) -> Fault:
    """ValidationException, the control plane's error for most problems, such as a missing model."""
    return Fault("ValidationException", message)


def missing(noun: str, arn: str) -> Fault:
    """A resource does not exist. `noun` as on AWS: "endpoint", "endpoint configuration", "model"."""
    return invalid(f'Could not find {noun} "{arn}".')


def taken(noun: str, arn: str) -> Fault:
    """A resource of that name already exists."""
    return invalid(f'Cannot create already existing {noun} "{arn}".')


def unknown_member(shape: Any, name: str) -> Fault:
    """An argument that is not in botocore's model; `shape`: of its structure."""
    message = f"{shape.name} has no member {name[:100]!r}. Leave it out, or update boto3 where moor local runs."
    return Fault("SerializationException", message)
