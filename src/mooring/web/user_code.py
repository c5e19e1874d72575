"""What the web layer needs of a model's own code. Implemented by `handler/`, made by `wiring/`."""

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
    """What is sent back."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    windows: int | None = None
    """How many the engine computed for it; None where it did not compute."""


class UserCode(Protocol):
    """Answers requests in the model's own way."""

    async def handle(self, call: Call, deadline_s: float) -> Reply:
        """Raises what the web layer turns into a response; cancelling it spares what has not begun."""
