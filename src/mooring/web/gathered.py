"""The sending half of a connection. Used by `connection.py`.

- The writes of one event loop turn are combined. uvicorn writes a response's head and body separately. Combined they
  take one system call, and a process that is killed has sent all of a response or nothing, so a proxy may retry
  elsewhere.
- A client that does not read at `MIN_RATE` is disconnected.
- Closing a connection with unread input resets it, and the reset can overtake the response. So `close` first only ends
  the sending half and discards what still arrives.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from mooring.web.pace import MIN_RATE, Pace

SEND_S = 60.0
"""A client must read `MIN_RATE` × `SEND_S` bytes, or all there is, in this time."""
LINGER_S = 5.0
"""Longest pause in the rest of a request that has already been answered."""
LINGER_TOTAL_S = 30.0
LINGER_BYTES = 64 << 20
"""Time and bytes after which the rest is cut off."""


class Gathered:
    """A transport with other `write`, `close` and `is_closing`; everything else is delegated."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        unread: Callable[[], bool] = lambda: False,
        on_unsent: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`unread`: whether part of a request is still to come. `on_unsent` gets what the client leaves unread."""
        self._transport = transport
        self._loop = loop
        self._unread = unread
        self._on_unsent = on_unsent
        self._parts: list[bytes] = []
        self._written = 0
        self._watch: asyncio.TimerHandle | None = None
        self._sent = 0
        self._pace: Pace | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._linger_until = 0.0
        self._discarded = 0

    # Sending

    def write(self, data: bytes) -> None:
        """Send at the end of this turn, together with its other writes."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        if not parts or self._transport.is_closing():
            return
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if not self._transport.get_write_buffer_size():
            self._stop_watching()  # the client has read everything so far
        self._transport.write(data)
        self._written += len(data)
        unsent = self._transport.get_write_buffer_size()
        if unsent:
            if self._watch is None:
                self._pace = Pace(self._loop.time())
                self._sent = self._written - unsent
                self._watch = self._loop.call_later(SEND_S, self._look, self._sent)
            self._on_unsent(unsent)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def sending(self) -> Pace | None:
        """How fast the client reads; None if it has read everything."""
        unsent = self._transport.get_write_buffer_size()
        if self._pace is None or not unsent:
            return None
        sent = self._written - unsent
        self._pace.moved(sent - self._sent, self._loop.time())
        self._sent = sent
        return self._pace

    def _look(self, before: int) -> None:
        """Disconnect a client that has read too little since `SEND_S` ago."""
        self._watch = None
        unsent = self._transport.get_write_buffer_size()
        if not unsent:
            return
        sent = self._written - unsent
        if sent - before < MIN_RATE * SEND_S:
            self._transport.abort()
        else:
            self._watch = self._loop.call_later(SEND_S, self._look, sent)

    # Closing

    @property
    def lingers(self) -> bool:
        """Whether the response is sent, and the rest of the request is being discarded."""
        return self._linger is not None

    def close(self) -> None:
        """Send what has been written, then close, without a reset while the client is still sending."""
        self._send()
        if self.is_closing():
            return
        if not self._unread():
            self._transport.close()
            return
        now = self._loop.time()
        self._linger_until = now + LINGER_TOTAL_S
        self._linger = self._loop.call_later(LINGER_S, self._transport.close)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def discard(self, size: int) -> None:
        """Some of the rest has arrived."""
        assert self._linger is not None  # noqa: S101 - called only if `lingers`
        self._discarded += size
        self._linger.cancel()
        now = self._loop.time()
        if self._discarded > LINGER_BYTES or now > self._linger_until:
            self._transport.close()
        else:
            self._linger = self._loop.call_later(LINGER_S, self._transport.close)

    def drop(self, farewell: bytes = b"") -> None:
        """Close now, whatever still arrives; `farewell` is sent if that takes no waiting."""
        if farewell:
            self.write(farewell)
        self._send()
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def lost(self) -> None:
        """The connection has ended."""
        for timer in (self._watch, self._linger):
            if timer is not None:
                timer.cancel()

    def is_closing(self) -> bool:
        """Whether `close` was called, or the connection has ended."""
        return self._linger is not None or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
