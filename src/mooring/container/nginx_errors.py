"""nginx's own error responses, in the format of the application's errors.

Each error has its own internal location. Named locations do not work, because nginx cannot enter one from a request
whose first line it could not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mooring.web.no_route import RouteTable
from mooring.web.status import ErrorBody

NAME = "$name"
"""nginx's variable for the request's id."""
LINE_BYTES = 8192
"""Maximum length of the request line and of each header."""
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


def pages(max_body: int, in_flight: int, large: int, body_s: int, answer_s: int, table: RouteTable) -> tuple[Page, ...]:
    """All error responses. Sizes in bytes, times in seconds; `large` is the limit of bodies of a megabyte or more."""
    head = (
        f"The request line or headers are too long: each may have {LINE_BYTES} bytes, and at most {LINES} may be that "
        "long. Send fewer or shorter headers, or a shorter URL."
    )
    nothing = f"Not found. Send inference requests to {table.ask}. Routes: {table.listed}."
    slow = f"No data of the body arrived for {body_s} s. Send it faster, or in smaller requests."
    coding = "Unsupported Transfer-Encoding. Send the body with a Content-Length, or chunked."
    return (
        Page("400", 400, "InvalidRequest", "Invalid HTTP request."),
        Page("404", 404, "NotFound", nothing),
        Page("405", 405, "MethodNotAllowed", f"Method not allowed. Send inference requests to {table.ask}."),
        Page("408", 408, "BodyTooSlow", slow),
        Page(
            "413",
            413,
            "PayloadTooLarge",
            f"The body has $size; the limit is {max_body}. Split it, or raise the server's --max-body-bytes.",
        ),
        Page("414 494", 431, "InvalidRequest", head),
        Page(
            "429",
            429,
            "QueueFull",
            f"Too many concurrent requests: the limit is {in_flight}, and {large} with a body of a megabyte or more. "
            "Try again in 1 s.",
            ("Retry-After 1",),
        ),
        Page("500", 500, "InternalError", "nginx failed, most likely because the disk is full. See the server's log."),
        Page("501", 501, "InvalidRequest", coding),
        Page("504", 504, "DeadlineExceeded", f"The answer was not ready within {answer_s} s."),
        Page("505", 505, "InvalidRequest", "Unsupported HTTP version. Use HTTP/1.1."),
    )


def directives(found: Sequence[Page]) -> str:
    """The error_page directives."""
    return "\n".join(f"        error_page {page.codes} ={page.status} {page.path};" for page in found)


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
