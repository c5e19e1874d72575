"""One keep-alive connection with one request in flight. Used by `load.py`.

A protocol with callbacks, without tasks and futures, and httptools, a parser in C that hands out no headers: the client
must leave the cores to the server it measures.
"""

import asyncio
from typing import Protocol, cast

import httptools

from mooring.client import Target

NOT_HTTP = "not an HTTP/1 response"


def post_bytes(target: Target, body: bytes) -> bytes:
    """A whole HTTP/1.1 POST of JSON, ready to be written."""
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.authority}\r\nContent-Type: application/json\r\n"
        # Requests are repeated when there are fewer than the run needs: computing is to be measured, not the cache.
        f"Accept: application/json\r\nCache-Control: no-cache\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


class Owner(Protocol):
    """Who owns a connection and hears what becomes of it."""

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """A whole response is here. If `reusable`, the next request may be sent; else the connection is gone."""

    def lost(self, reason: str) -> None:
        """The connection is gone. Called at most once; `reason` is short and tells kinds of loss apart."""


class Exchange(asyncio.Protocol):
    """Writes requests made elsewhere and reads the responses. The parser calls its methods that begin with `on_`."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._begun = 0
        """Responses that have begun since the last whole one."""
        self._whole: tuple[int, bool] | None = None
        """Status of a whole response, and whether the connection stays."""
        self._over = False
        self.gone = asyncio.Event()
        """The event loop has let go of the connection."""

    @property
    def usable(self) -> bool:
        """Whether a request may be sent. That the server has closed may be known before it is reported as lost."""
        return not self._over and self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes) -> None:
        """Write one request, if `usable`. The response to the one before has been read."""
        if self._transport is not None:
            self._transport.write(request)

    def abort(self, reason: str) -> None:
        """Drop the connection now and tell the owner."""
        if not self._over:
            self.close()
            self._owner.lost(reason)

    def close(self) -> None:
        """Drop the connection without a word to the owner."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

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
            self.abort("bytes after the response")
            return
        (status, reusable), body = self._whole, b"".join(self._body)
        self._body, self._begun, self._whole = [], 0, None
        if not reusable:
            self.close()
        # Only now, and not within the parser: the owner may send the next request, or fail.
        self._owner.answered(status, body, reusable=reusable)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._begun += 1

    def on_body(self, body: bytes) -> None:
        """Called by the parser, once or several times."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser, which forgets both after it."""
        self._whole = self._parser.get_status_code(), self._parser.should_keep_alive()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.gone.set()
        self.abort("connection reset" if exc else "connection closed")
