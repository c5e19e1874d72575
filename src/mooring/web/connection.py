"""uvicorn's HTTP connection, with bounds on what a client may send and our own errors. Used by `server.py`.

Everything that nginx bounds in front of the image is bounded here as well, for a server that listens by itself:

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

from mooring.web.border import HEADER_NAMES
from mooring.web.gathered import Gathered
from mooring.web.status import ErrorBody

LINE_BYTES = 8192
"""Of the first line, and of each header."""
HEAD_BYTES = 65_536
HEAD_S = 20.0
"""For a head to arrive, from its first byte; and for a new connection to say anything at all."""
FRAMING_BYTES = 65_536
"""Received without a byte of the body among them, while the body is not at its end."""
MOST_PIPELINED = 64
"""Requests that wait for their turn on one connection. Few clients send a second one before the first answer."""
LINGER_S = 5.0
"""For the rest of a body whose request has been answered without it."""
SEND_S = 60.0
"""For a client to take some of what was sent to it."""

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}


class _Refused(Exception):
    """Ends the parser's work on what has been received."""


class _Trailers(list[tuple[bytes, bytes]]):
    """Takes a message's trailers, which nobody wants, and keeps none."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Nothing."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    max_connections = 0
    """Of the whole server; 0: as many as there are descriptors. Set by `server.py`."""

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
        super().connection_made(Gathered(transport, self.loop))  # type: ignore[arg-type]  # all but a class of asyncio's
        if 0 < self.max_connections < len(self.connections):
            message = f"{self.max_connections} connections are open, as many as there may be. Try again later."
            self._refuse(503, "QueueFull", message)
            return
        self._timer = self.loop.call_later(HEAD_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._cancel()
        self._taken()
        super().connection_lost(exc)

    # What comes in

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
                message = f"The body has more than {FRAMING_BYTES} bytes of chunk extensions or trailers in a row."
                self._refuse(400, "InvalidRequest", message)
        else:
            self._framing = 0

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._check_head()
        if len(self.pipeline) >= MOST_PIPELINED:
            message = f"{MOST_PIPELINED} requests wait on this connection already. Wait for answers, or use several."
            self._refuse(429, "QueueFull", message)
            raise _Refused
        self._in_head = False
        self._framing = 0
        self._cancel()
        super().on_headers_complete()
        self.headers = _Trailers()

    def on_body(self, body: bytes) -> None:
        """Called by the parser, for each chunk. A body in chunks of a byte is handed on in larger pieces."""
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser. What comes next is another head, for which a keep-alive connection may wait longer."""
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
        """Refuse a head that is too large, or that nginx would not take."""
        if (self._head_bytes > LINE_BYTES or self._read > LINE_BYTES) and self._is_too_large():
            self._head_too_large()
            raise _Refused
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                message = "This Transfer-Encoding is not read. Send the body with a length, or chunked."
                self._refuse(501, "InvalidRequest", message)
                raise _Refused
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            self._refuse(400, "InvalidRequest", f"The request has {hosts} Host headers. It needs exactly one.")
            raise _Refused

    def _is_too_large(self) -> bool:
        lengths = [len(self.url), *(len(name) + len(value) for name, value in self.headers)]
        return max(lengths) > LINE_BYTES or sum(lengths) + len(": \r\n") * len(lengths) > HEAD_BYTES

    # What goes out

    def on_response_complete(self) -> None:
        """Called when an answer has been written."""
        if self._refusal and not self.pipeline:
            self._end(self._refusal)
            return
        super().on_response_complete()
        if not self._in_head and not self.pipeline and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def pause_writing(self) -> None:
        """Called by the transport when the client does not take what is sent."""
        super().pause_writing()
        if self._sending is None:
            self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Called by the transport when it has taken most of it."""
        self._taken()
        super().resume_writing()

    def _watch(self, unsent: int) -> None:
        """End the connection if so much is still unsent after a while."""

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

    # What is refused

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, in the shape of our errors."""
        del msg
        self._refuse(400, "InvalidRequest", "This is not an HTTP request that can be read.")

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: the request is answered as if it had not asked for another protocol."""

    def _too_late(self) -> None:
        self._timer = None
        if self._head_bytes:
            self._refuse(408, "BodyTooSlow", f"The request's head did not arrive within {HEAD_S:g} s.")
        else:
            self.transport.close()

    def _head_too_large(self) -> None:
        message = (
            f"The request's head has a line of more than {LINE_BYTES} bytes, or more than {HEAD_BYTES} bytes together. "
            "Send less in headers and address."
        )
        self._refuse(431, "InvalidRequest", message)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer and close; after the answers of requests before it, if they are still being made."""
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
    """Keeps the names of headers as the client wrote them, beside ASGI's in lower case: for a model's own code.

    A class of its own, so that connections to models without such code do not spend the time.
    """

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self._names: list[bytes] = []
        self.scope[HEADER_NAMES] = self._names  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, also for trailers, which nobody sees."""
        if self._in_head:
            self._names.append(name)
        super().on_header(name, value)
