"""One keep-alive connection with one request in flight. Used by `load.py`.

It uses callbacks instead of tasks and futures, and httptools, a C parser, and skips headers: the client must leave the
cores to the server.
"""

import asyncio
from typing import Protocol, cast

import httptools

from mooring.target import Target

NOT_HTTP = "invalid HTTP/1 response"


def post_bytes(target: Target, body: bytes) -> bytes:
    """A complete HTTP/1.1 POST of JSON, ready to send."""
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.authority}\r\nContent-Type: application/json\r\n"
        # Requests may repeat: measure computing, not the cache.
        f"Accept: application/json\r\nCache-Control: no-cache\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


class Owner(Protocol):
    """The owner of a connection, which is told of its events."""

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """A complete response arrived. If `reusable`, the next request may be sent; else the connection is closed."""

    def lost(self, reason: str) -> None:
        """The connection is lost. Called at most once; `reason` is short and identifies the kind of loss."""


class Exchange(asyncio.Protocol):
    """Writes prepared requests and reads responses. The parser calls the methods that begin with `on_`."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._begun = 0
        """Responses that have begun since the last complete one."""
        self._whole: tuple[int, bool] | None = None
        """Status of a complete response, and whether the connection stays open."""
        self._over = False
        self.gone = asyncio.Event()
        """Set when the event loop has released the connection."""

    @property
    def usable(self) -> bool:
        """Whether a request may be sent. A close by the server may be known before it is reported as lost."""
        return not self._over and self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes) -> None:
        """Write one request, if `usable`. The previous response has been read."""
        if self._transport is not None:
            self._transport.write(request)

    def abort(self, reason: str) -> None:
        """Close the connection now and tell the owner."""
        if not self._over:
            self.close()
            self._owner.lost(reason)

    def close(self) -> None:
        """Close the connection without telling the owner."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the same interface

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._over:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort(NOT_HTTP)
            return
        if self._whole is None:
            return
        if self._begun > 1:
            self.abort("extra bytes after the response")
            return
        (status, reusable), body = self._whole, b"".join(self._body)
        self._body, self._begun, self._whole = [], 0, None
        if not reusable:
            self.close()
        # Not inside the parser: the owner may send the next request, or raise.
        self._owner.answered(status, body, reusable=reusable)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._begun += 1

    def on_body(self, body: bytes) -> None:
        """Called by the parser, once or several times."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser, which resets both afterwards."""
        self._whole = self._parser.get_status_code(), self._parser.should_keep_alive()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.gone.set()
        self.abort("connection reset" if exc else "connection closed")
