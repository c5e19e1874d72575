"""A request and a response as bytes, for whatever answers without Starlette: wire protocols and a model's own code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its body whole."""

    body: bytes
    content_type: str
    """The header as it came; "" for none."""
    accept: str
    headers: Mapping[str, str]
    """All of them, by their names as the client wrote them."""
    request_id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back: an answer or an error."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    windows: int | None = None
    """How many the engine computed for it; None where it did not compute."""


class UserCode(Protocol):
    """A model's own code. Implemented by `handler/`."""

    async def handle(self, call: Call, deadline_s: float) -> Reply:
        """Raises what the web layer turns into a response; cancelling it drops what has not begun."""
