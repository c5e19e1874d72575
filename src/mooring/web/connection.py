"""Extend uvicorn's HTTP connection with limits on what a client may send and our error bodies. Used by `server.py`.

A server without nginx in front has the same limits as the image with nginx:

| what | here | nginx |
| --- | --- | --- |
| first line, each header | `LINE_BYTES`: 431 | large_client_header_buffers: 431 |
| the whole head | `HEAD_BYTES`: 431 | large_client_header_buffers: 431 |
| time for a head | `HEAD_S`: 408 | client_header_timeout: the connection ends |
| body | `WebLimits.max_body_bytes`, read by `body.py`: 413 | client_max_body_size: 413 |
| time for a body | `WebLimits.body_s`, all of it: 408 | client_body_timeout, between two pieces: 408 |
| chunk extensions and trailers | `FRAMING_BYTES` in a row: 400; trailers are dropped | not kept |
| rest of a body after its response | `LINGER_S` | read before the worker sees it |
| requests in one connection at a time | `MOST_PIPELINED` wait: 429 | one; the others stay in the socket |
| time for a client to take a response | `SEND_S` without progress | send_timeout |
| idle connections | `keep_alive_s` | keepalive_timeout |
| connections | `ServerOptions.max_connections`: 503 | worker_connections: the oldest idle one ends |
| requests in flight, large bodies | `Room`: 429 | limit_conn: 429 |
| exactly one Host, known codings, HTTP/1.x | 400, 501 | 400, 501, 505 |
"""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mooring.web.border import CLOSE, HEADER_NAMES
from mooring.web.gathered import Gathered
from mooring.web.status import ErrorBody

LINE_BYTES = 8192
"""Longest request line, and longest header."""
HEAD_BYTES = 65_536
HEAD_S = 20.0
"""Time for a head to arrive after its first byte, and for a new connection to send anything."""
FRAMING_BYTES = 65_536
"""Most bytes received in a row without body data before the body ends."""
MOST_PIPELINED = 64
"""Most pipelined requests waiting on one connection. Few clients use pipelining."""
LINGER_S = 5.0
"""Time for the rest of a body whose request has already been answered."""
SEND_S = 60.0
"""Time for a client to read some of what was sent."""

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}


class _Refused(Exception):
    """Raised to stop parsing the received data."""


class _Trailers(list[tuple[bytes, bytes]]):
    """Discards a message's trailers."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Nothing."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    max_connections = 0
    """Connections of the whole server; 0: limited by file descriptors. Set by `server.py`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._read = 0
        self._framing = 0
        self._pieces: list[bytes] = []
        self._refusal = b""
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(Gathered(transport, self.loop))  # type: ignore[arg-type]  # same interface, different class
        if 0 < self.max_connections < len(self.connections):
            message = f"Too many connections: {self.max_connections} are open, which is the limit. Try again later."
            self._refuse(503, "QueueFull", message)
            return
        self._timer = self.loop.call_later(HEAD_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._cancel()
        self._taken()
        super().connection_lost(exc)

    # Incoming

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._refusal or self.transport.is_closing():
            return
        in_body = not self._in_head
        self._read = len(data)
        if self._in_head:
            if self._timer is None:
                self._timer = self.loop.call_later(HEAD_S, self._too_late)
            self._head_bytes += self._read
        super().data_received(data)
        progress = bool(self._pieces)
        self._deliver()
        if self._in_head:
            if self._head_bytes > HEAD_BYTES:
                self._head_too_large()
        elif in_body and not progress:
            self._framing += self._read
            if self._framing > FRAMING_BYTES:
                message = f"The body has more than {FRAMING_BYTES} consecutive bytes of chunk extensions or trailers."
                self._refuse(400, "InvalidRequest", message)
        else:
            self._framing = 0

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._check_head()
        if len(self.pipeline) >= MOST_PIPELINED:
            message = (
                f"{MOST_PIPELINED} requests are queued on this connection. Wait for answers, or use more connections."
            )
            self._refuse(429, "QueueFull", message)
            raise _Refused
        self._in_head = False
        self._framing = 0
        self._cancel()
        self.scope[CLOSE] = self.transport.close  # type: ignore[literal-required]
        super().on_headers_complete()
        self.headers = _Trailers()

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each chunk. Tiny chunks are passed on in larger pieces."""
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser. A keep-alive connection may wait longer for the next head."""
        self._deliver()
        self._in_head = True
        self._head_bytes = 0
        self._cancel()
        super().on_message_complete()

    def _deliver(self) -> None:
        if self._pieces:
            body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces = []
            super().on_body(body)

    def _check_head(self) -> None:
        """Refuse a head that is too large, or that nginx would refuse."""
        if (self._head_bytes > LINE_BYTES or self._read > LINE_BYTES) and self._is_too_large():
            self._head_too_large()
            raise _Refused
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                message = "Unsupported Transfer-Encoding. Send the body with Content-Length, or chunked."
                self._refuse(501, "InvalidRequest", message)
                raise _Refused
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            self._refuse(400, "InvalidRequest", f"The request has {hosts} Host headers. Send exactly one.")
            raise _Refused

    def _is_too_large(self) -> bool:
        lengths = [len(self.url), *(len(name) + len(value) for name, value in self.headers)]
        return max(lengths) > LINE_BYTES or sum(lengths) + len(": \r\n") * len(lengths) > HEAD_BYTES

    # Outgoing

    def on_response_complete(self) -> None:
        """Called when a response has been written."""
        if self._refusal and not self.pipeline:
            self._end(self._refusal)
            return
        super().on_response_complete()
        if not self._in_head and not self.pipeline and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def pause_writing(self) -> None:
        """Called by the transport when the client does not read."""
        super().pause_writing()
        if self._sending is None:
            self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Called by the transport when the client has read most of the data."""
        self._taken()
        super().resume_writing()

    def _watch(self, unsent: int) -> None:
        """Close the connection if there was no progress."""

        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if left >= unsent:
                self.transport.abort()
            else:
                self._watch(left)

        self._sending = self.loop.call_later(SEND_S, look)

    def _taken(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """As in uvicorn, with our error body."""
        del msg
        self._refuse(400, "InvalidRequest", "Invalid HTTP request.")

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore upgrade requests."""

    def _too_late(self) -> None:
        self._timer = None
        if self._head_bytes:
            self._refuse(408, "BodyTooSlow", f"The request head did not arrive within {HEAD_S:g} s.")
        else:
            self.transport.close()

    def _head_too_large(self) -> None:
        message = (
            f"The request head has a line of more than {LINE_BYTES} bytes, or more than {HEAD_BYTES} bytes in total. "
            "Shorten the headers and the URL."
        )
        self._refuse(431, "InvalidRequest", message)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer and close, after the responses to earlier requests that are still in progress."""
        self._cancel()
        if self._refusal or self.transport.is_closing():
            return
        body = msgspec.json.encode(ErrorBody(status, kind, message, ""))
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self._refusal = head % (status, _REASONS[status], len(body)) + body
        before = self.cycle is not None and not self.cycle.response_complete
        if self._in_head and before:
            self.flow.pause_reading()
        elif before and (self.pipeline or self.cycle.response_started):
            self.transport.close()
        else:
            self._end(self._refusal)

    def _end(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class NamesAsSent(BoundedProtocol):
    """Keeps header names as the client wrote them, besides ASGI's lower-case names, for user code.

    A separate class, so that models without user code do not pay for it.
    """

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self._names: list[bytes] = []
        self.scope[HEADER_NAMES] = self._names  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, also for trailers, which are dropped."""
        if self._in_head:
            self._names.append(name)
        super().on_header(name, value)
