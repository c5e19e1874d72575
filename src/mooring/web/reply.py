"""Represent requests and responses as bytes, for wire protocols and user code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec


@dataclass(frozen=True, slots=True)
class Call:
    """One request with its complete body."""

    body: bytes
    content_type: str
    """The header as sent; "" if missing."""
    accept: str
    headers: Mapping[str, str]
    """All headers, named as the client wrote them."""
    request_id: str


class Reply(msgspec.Struct, frozen=True):
    """A response: an answer or an error. A Struct because two are made for each request."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = {}
    windows: int | None = None
    """Windows computed by the engine; None if it did not compute."""


def counts(windows: int, tokens: int, truncated: int) -> dict[str, str]:
    """Headers with the cost of an answer, and the number of texts that were cut off if there are any."""
    headers = {"X-Mooring-Windows": str(windows), "X-Mooring-Tokens": str(tokens)}
    if truncated:
        headers["X-Truncated"] = str(truncated)
    return headers


Refuse = Callable[[BaseException, str], Reply]
"""(error, request id) → reply: how a wire protocol answers a failed request."""


class UserCode(Protocol):
    """User code. Implemented by `handler/`."""

    async def handle(self, call: Call, deadline_s: float) -> Reply:
        """Raises what the web layer turns into a response; cancelling drops a call that has not begun."""
