"""A connection's writes of one turn of the event loop, sent as one. Used by `connection.py`.

uvicorn writes a response's head and body one after the other. Sent as one they cost one system call instead of two; and
a process that is killed leaves all of an answer behind or nothing of it, so that a proxy may give it to another.
"""

import asyncio
from typing import Any


class Gathered:
    """Everything but `write` and `close` is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send at the end of this turn, with what else is written in it."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        """Send what has been written, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
