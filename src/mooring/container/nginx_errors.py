"""nginx's own error responses, in the format of the application's. Used by `nginx_conf.py`.

Each has its own internal location: nginx cannot enter a named one from a request whose first line it could not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from mooring.web.connection import LINE_BYTES
from mooring.web.heads import CODING, VERSION
from mooring.web.no_route import RouteTable
from mooring.web.pace import MIN_RATE
from mooring.web.status import ErrorBody

NAME = "$name"
"""nginx's variable for the request's id."""
LINES = 8
"""How many of them may have the maximum length."""


@dataclass(frozen=True, slots=True)
class Page:
    """An error response."""

    codes: str
    """nginx's status codes that lead to it."""
    status: int
    type: str
    message: str
    """May contain nginx variables."""
    headers: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Path of its location."""
        return f"/-/{self.status}-{self.codes.split()[0]}"


SLOW, FULL, BUSY, NO_FRONT = "/-/408-408", "/-/429-full", "/-/429-429", "/-/503-front"
"""Locations of responses that are not chosen by nginx's status code alone."""


class Bounds(Protocol):
    """What the messages say."""

    @property
    def body_s(self) -> float:
        """Seconds for a body."""

    @property
    def max_body_bytes(self) -> int:
        """Of one body."""

    @property
    def max_in_flight(self) -> int:
        """Complete requests."""

    @property
    def bytes(self) -> int:
        """Of all bodies."""


def error_pages(limits: Bounds, answer_s: int, table: RouteTable) -> tuple[Page, ...]:
    """All error responses; `answer_s` is how long nginx waits for an answer."""
    head = (
        f"The request line or headers are too long: each may have {LINE_BYTES} bytes, and at most {LINES} may be that "
        "long. Send fewer or shorter headers, or a shorter URL."
    )
    nothing = f"Not found. Send inference requests to {table.ask}. Routes: {table.listed}."
    slow = (
        f"The body arrived too slowly. It may take {limits.body_s:g} s, and a second more per {MIN_RATE} bytes. If the "
        "server runs short of room for bodies, the slowest are dropped first. Send it faster, or in smaller requests."
    )
    large = (
        f"The body has $size; the limit is {limits.max_body_bytes}. Split it, or raise the server's --max-body-bytes."
    )
    busy = f"Too many concurrent requests: the limit is {limits.max_in_flight}. Try again in 1 s."
    full = (
        f"Concurrent request bodies exceed {limits.bytes} bytes in total. Try again in 1 s, or send smaller requests."
    )
    return (
        Page("400", 400, "InvalidRequest", "Invalid HTTP request."),
        # nginx has these codes, but this configuration has nothing that makes it use them.
        Page("401 402 403 406 409 410 411 412 415 416 421 495 496 497", 400, "InvalidRequest", "Invalid HTTP request."),
        Page("404", 404, "NotFound", nothing),
        Page("405", 405, "MethodNotAllowed", f"Method not allowed. Send inference requests to {table.ask}."),
        Page("408", 408, "BodyTooSlow", slow),
        Page("413", 413, "PayloadTooLarge", large),
        Page("414 494", 431, "InvalidRequest", head),
        Page("429", 429, "QueueFull", busy, ("Retry-After 1",)),
        Page("full", 429, "QueueFull", full, ("Retry-After 1",)),
        Page(
            "500 507", 500, "InternalError", "nginx failed, most likely because the disk is full. See the server's log."
        ),
        Page("501", 501, "InvalidRequest", CODING),
        Page("front", 503, "NotReady", "The server cannot answer now. Try again.", ("Retry-After 1",)),
        Page("504", 504, "DeadlineExceeded", f"The answer was not ready within {answer_s} s."),
        Page("505", 505, "InvalidRequest", VERSION),
    )


def directives(found: Sequence[Page]) -> str:
    """The error_page directives."""
    chosen = [page for page in found if page.codes[0].isdigit()]
    return "\n".join(f"        error_page {page.codes} ={page.status} {page.path};" for page in chosen)


def locations(found: Sequence[Page]) -> str:
    """The location blocks."""
    return "\n".join(_location(page) for page in found)


def _location(page: Page) -> str:
    body = msgspec.json.encode(ErrorBody(page.status, page.type, page.message, NAME)).decode()
    # Inside nginx's quotes, where it would unescape what JSON has escaped.
    quoted = body.replace("\\", "\\\\").replace("'", "\\'")
    headers = "".join(f"\n            add_header {header} always;" for header in ("X-Request-Id $name", *page.headers))
    return f"""        location = {page.path} {{
            internal;{headers}
            return {page.status} '{quoted}';
        }}"""
