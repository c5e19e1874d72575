"""Extend uvicorn's HTTP connection with limits on what a client may send and our error bodies. Used by `server.py`.

A server without nginx in front has the same limits as the image with nginx:

| what | here | nginx |
| --- | --- | --- |
| first line, each header | `LINE_BYTES`: 431 | large_client_header_buffers: 431 |
| the whole head | `HEAD_BYTES`: 431 | large_client_header_buffers: 431 |
| time for a head | `HEAD_S`: 408 | client_header_timeout: the connection ends |
| body | `WebLimits.max_body_bytes`, read by `body.py`: 413 | client_max_body_size: 413 |
| time for a body | `WebLimits.body_s`, and a second more per `MIN_RATE` bytes: 408 | the same, by slow.lua |
| chunk extensions and trailers | `FRAMING_BYTES` in a row: 400; trailers are dropped | not kept |
| rest of a body after its response | discarded, see `gathered.py` | lingering_time |
| requests in one connection at a time | `MOST_PIPELINED` wait: 429 | one; the others stay in the socket |
| time for a client to take a response | `MIN_RATE` on average over `SEND_S` | the same beyond 256 KiB; send_timeout |
| idle connections | `keep_alive_s` | keepalive_timeout |
| connections | `Crowd`: the slowest ends | worker_connections: the oldest idle one ends |
| bodies that are being received | `Room`: the slowest gets 408 | the same, by slow.lua |
| requests in flight | `Room`: 429 | the workers' `Room`: 429 |
| exactly one Host, known codings, HTTP/1.x | 400, 501 | 400, 501, 505 |
"""

import asyncio
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mooring.web.border import CLOSE, HEADER_NAMES
from mooring.web.crowd import IDLE, LINGERING, NEW, SLOW, STEADY, Crowd, Rank
from mooring.web.farewell import farewell
from mooring.web.gathered import LINGER_S, Gathered
from mooring.web.heads import INVALID, fault, parser_fault, without_upgrade
from mooring.web.pace import GRACE_S, MIN_RATE, Pace

LINE_BYTES = 8192
"""Longest request line, and longest header."""
HEAD_BYTES = 65_536
HEAD_S = 10.0
"""Time for a head to arrive after its first byte, and for a new connection to send anything."""
FRAMING_BYTES = 65_536
"""Most bytes received in a row without body data before the body ends."""
MOST_PIPELINED = 64
"""Most pipelined requests waiting on one connection. Few clients use pipelining."""


class _Refused(Exception):
    """Raised to stop parsing the received data."""


class _Trailers(list[tuple[bytes, bytes]]):
    """Discards a message's trailers."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Nothing."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    transport: Gathered  # type: ignore[assignment]  # same interface, different class

    def __init__(self, *arguments: Any, crowd: Crowd, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._crowd = crowd
        self._in_head = True
        self._head_bytes = 0
        self._read = 0
        self._framing = 0
        self._pieces: list[bytes] = []
        self._refusal = b""
        self._timer: asyncio.TimerHandle | None = None
        self._pace: Pace | None = None
        self._idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        gathered = Gathered(
            transport,
            self.loop,
            unread=lambda: not self._in_head or self._head_bytes > 0 or bool(self._refusal),
            on_unsent=lambda _: self._crowd.left_unread(self),
        )
        super().connection_made(gathered)  # type: ignore[arg-type]
        self._pace = Pace(self.loop.time())
        if not self._crowd.enter(self):
            message = f"Too many connections: {self._crowd.most} are open, which is the limit. Try again later."
            self._refuse(503, "QueueFull", message)
            return
        self._timer = self.loop.call_later(HEAD_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._cancel()
        self._crowd.leave(self)
        self.transport.lost()
        super().connection_lost(exc)

    # Incoming

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self.transport.lingers:
            self.transport.discard(len(data))
        if self._refusal or self.transport.is_closing():
            return
        in_body = not self._in_head
        self._read = len(data)
        if self._in_head:
            if self._timer is None:
                self._timer = self.loop.call_later(HEAD_S, self._too_late)
            self._head_bytes += self._read
            if b"pgrade" in data or b"PGRADE" in data:
                data = without_upgrade(data)
        super().data_received(data)
        progress = bool(self._pieces)
        self._deliver()
        self._note_pace()
        if self._in_head:
            if self._head_bytes > HEAD_BYTES:
                self._head_too_large()
        elif in_body and not progress:
            self._framing += self._read
            if self._framing > FRAMING_BYTES:
                message = f"The body has more than {FRAMING_BYTES} consecutive bytes of chunk extensions or trailers."
                self._refuse(400, INVALID, message)
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
        self.scope[CLOSE] = self.transport.abort  # type: ignore[literal-required]
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

    def _note_pace(self) -> None:
        """Measure requests that do not arrive in one piece."""
        if self._in_head and not self._head_bytes:
            self._pace = None
            return
        now = self.loop.time()
        if self._pace is None:
            self._pace = Pace(now)
        self._pace.moved(self._read, now)

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
        found = fault(self.url, self.headers, self.parser.get_http_version())
        if found is not None:
            self._refuse(found.status, INVALID, found.message)
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
        self._idle_since = self.loop.time()
        super().on_response_complete()
        if not self._in_head and not self.pipeline and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    # When the server is short of connections

    def rank(self, now: float) -> Rank | None:
        """As `Member.rank`."""
        if self.transport.lingers:
            return LINGERING, 0.0, 0.0
        pace = self.transport.sending()
        if pace is None:
            if self._in_head and self.cycle is not None and not self.cycle.response_complete:
                return None
            if self._in_head and self.cycle is not None and not self._head_bytes:
                return (IDLE if now - self._idle_since > GRACE_S else NEW), self._idle_since, 0.0
            pace = self._pace or Pace(now)
        if pace.is_new(now):
            return NEW, pace.began, 0.0
        rate = pace.rate(now)
        return (SLOW if rate < MIN_RATE else STEADY), rate, pace.began

    def unsent(self) -> int:
        """As `Member.unsent`."""
        size: int = self.transport.get_write_buffer_size()
        return size

    def drop(self) -> None:
        """As `Member.drop`. A client that is still sending its request is told why."""
        message = "The server is short of connections, and this client is slow. Try again in 1 s."
        answered = self.cycle is not None and self.cycle.response_started
        told = self._head_bytes > 0 if self._in_head else not answered
        self._cancel()
        self.transport.drop(farewell(408, "BodyTooSlow", message) if told else b"")

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """As in uvicorn, with our error body. Called while the parser's error is handled."""
        del msg
        found = parser_fault(str(sys.exception()))
        self._refuse(found.status, INVALID, found.message)

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
        self._refuse(431, INVALID, message)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer and close, after the responses to earlier requests that are still in progress."""
        self._cancel()
        if self._refusal or self.transport.is_closing():
            return
        self._refusal = farewell(status, kind, message)
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
