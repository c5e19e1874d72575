"""Combine a connection's writes of one event loop turn into one. Used by `connection.py`.

uvicorn writes a response's head and body separately. Combined they take one system call, and a process that is killed
has sent all of a response or nothing, so a proxy may retry elsewhere.
"""

import asyncio
from typing import Any


class Gathered:
    """A transport that delays `write` and `close`; everything else is delegated."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send at the end of this turn, together with its other writes."""
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
