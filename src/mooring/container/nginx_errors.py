"""What nginx answers by itself, in the shape of the application's errors. Used by `nginx_conf.py`.

Each error has a location of its own, which clients cannot ask for. They are not named locations, because nginx cannot
go to one from a request whose first line it could not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mooring.web.no_route import RouteTable
from mooring.web.status import ErrorBody

NAME = "$name"
"""nginx's variable for the request's id."""
LINE_BYTES = 8192
"""Of the request's first line, and of each header."""
LINES = 8
"""How many of them may be that long."""


@dataclass(frozen=True, slots=True)
class Page:
    """One error."""

    codes: str
    """nginx's own, the reasons for it."""
    status: int
    type: str
    message: str
    """May have nginx's variables."""
    headers: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/-/{self.status}-{self.codes.split()[0]}"


def pages(max_body: int, in_flight: int, large: int, body_s: int, answer_s: int, table: RouteTable) -> tuple[Page, ...]:
    """All of them. Sizes in bytes, times in seconds; `large` bodies of a megabyte or more are let in at a time."""
    head = (
        f"The first line and each header may have {LINE_BYTES} bytes, and {LINES} of them may be as long. "
        "Send less in headers and address."
    )
    nothing = f"There is nothing here. Questions go to {table.ask}. The routes are: {table.listed}."
    slow = f"The body stopped coming for {body_s} s. Send it faster, or less of it at once."
    coding = "This Transfer-Encoding is not read. Send the body with a length, or chunked."
    return (
        Page("400", 400, "InvalidRequest", "This is not an HTTP request that can be read."),
        Page("404", 404, "NotFound", nothing),
        Page("405", 405, "MethodNotAllowed", f"This method is not answered. Questions go to {table.ask}."),
        Page("408", 408, "BodyTooSlow", slow),
        Page(
            "413",
            413,
            "PayloadTooLarge",
            f"The body has $size; one request may have {max_body}. Split it, or raise the server's --max-body-bytes.",
        ),
        Page("414 494", 431, "InvalidRequest", head),
        Page(
            "429",
            429,
            "QueueFull",
            f"Too many requests at the same time: {in_flight} may be in flight, {large} of them with a body of a "
            "megabyte or more. Try again in 1 s.",
            ("Retry-After 1",),
        ),
        Page("500", 500, "InternalError", "nginx failed, most likely because its disk is full. The log has more."),
        Page("501", 501, "InvalidRequest", coding),
        Page("504", 504, "DeadlineExceeded", f"The answer was not ready within {answer_s} s."),
        Page("505", 505, "InvalidRequest", "This version of HTTP is not spoken. Use HTTP/1.1."),
    )


def directives(found: Sequence[Page]) -> str:
    """error_page for each."""
    return "\n".join(f"        error_page {page.codes} ={page.status} {page.path};" for page in found)


def locations(found: Sequence[Page]) -> str:
    """A location for each."""
    return "\n".join(_location(page) for page in found)


def _location(page: Page) -> str:
    body = msgspec.json.encode(ErrorBody(page.status, page.type, page.message, NAME)).decode()
    # Inside of nginx's quotes; what JSON has escaped it would unescape.
    quoted = body.replace("\\", "\\\\").replace("'", "\\'")
    headers = "".join(f"\n            add_header {header} always;" for header in ("X-Request-Id $name", *page.headers))
    return f"""        location = {page.path} {{
            internal;{headers}
            return {page.status} '{quoted}';
        }}"""
