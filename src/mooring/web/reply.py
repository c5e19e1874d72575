"""A request and a response as bytes, for whatever answers without Starlette: wire protocols and a model's own code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec


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


class Reply(msgspec.Struct, frozen=True):
    """What is sent back: an answer or an error. A Struct, for it is made twice for each request."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = {}
    windows: int | None = None
    """How many the engine computed for it; None where it did not compute."""


def counts(windows: int, tokens: int, truncated: bool) -> dict[str, str]:
    """The headers that say what an answer took."""
    headers = {"X-Mooring-Windows": str(windows), "X-Mooring-Tokens": str(tokens)}
    if truncated:
        headers["X-Mooring-Truncated"] = "true"
    return headers


Refuse = Callable[[BaseException, str], Reply]
"""(error, request id) → what is sent back: how a wire protocol answers a request that failed."""


class UserCode(Protocol):
    """A model's own code. Implemented by `handler/`."""

    async def handle(self, call: Call, deadline_s: float) -> Reply:
        """Raises what the web layer turns into a response; cancelling it drops what has not begun."""
