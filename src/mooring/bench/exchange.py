"""One keep-alive connection with one request in flight, and the parser of its responses. Used by `load.py`.

A protocol with callbacks, without tasks and futures, and a parser that looks for three headers only: the client must
leave the cores to the server it measures.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

_MAX_HEAD = 65_536


class Owner(Protocol):
    """Who owns a connection and hears what becomes of it."""

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """A whole response is here. If `reusable`, the next request may be sent; else the connection is gone."""

    def lost(self, reason: str) -> None:
        """The connection is gone. Called at most once; `reason` is short and tells kinds of loss apart."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response, whole."""

    status: int
    body: bytes
    closes: bool
    """The server ends the connection after it."""


class Exchange(asyncio.Protocol):
    """Writes requests made elsewhere and cuts responses out of the stream."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._need = 0
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
        self._buffer = self._buffer + data if self._buffer else data
        if len(self._buffer) < self._need:
            return
        try:
            response = read_response(self._buffer)
        except ValueError as error:
            self.abort(str(error))
            return
        if isinstance(response, int):
            self._need = response
            return
        self._buffer, self._need = b"", 0
        if response.closes:
            self.close()
        self._owner.answered(response.status, response.body, reusable=not response.closes)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.gone.set()
        self.abort("connection reset" if exc else "connection closed")


def read_response(data: bytes) -> Response | int:
    """The response that `data` holds; or, if its end is missing, how many bytes to wait for at least.

    Raises ValueError, in few words, for what is not one HTTP/1 response with a length.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > _MAX_HEAD or not data.startswith(b"HTTP/1."[: len(data)]):
            raise ValueError("not an HTTP/1 response")
        return len(data) + 1
    head = data[: end + 2].lower()
    if not head.startswith(b"http/1.") or not head[9:12].isdigit():
        raise ValueError("not an HTTP/1 response")
    closes = b"\r\nconnection: close\r\n" in head or head.startswith(b"http/1.0")
    body: bytes | int
    if (length := _header(head, b"content-length")) is not None:
        if not length.isdigit():
            raise ValueError("a Content-Length that is no number")
        whole = end + 4 + int(length)
        body = data[end + 4 : whole] if len(data) >= whole else whole
        if len(data) > whole:
            raise ValueError("bytes after the response")
    elif _header(head, b"transfer-encoding") == b"chunked":
        body = _chunks(data, end + 4)
    else:
        raise ValueError("a response without a length")
    return body if isinstance(body, int) else Response(int(head[9:12]), body, closes)


def _header(head: bytes, name: bytes) -> bytes | None:
    """A header's value; `head` is in lower case and ends in a line break."""
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + 3 + len(name)
    return head[start : head.index(b"\r\n", start)].strip()


def _chunks(data: bytes, at: int) -> bytes | int:
    """The chunked body that begins at `at`, or how many bytes to wait for. Trailers are not expected."""
    parts: list[bytes] = []
    while (line := data.find(b"\r\n", at)) >= 0:
        try:
            size = int(data[at:line].split(b";")[0], 16)
        except ValueError as error:
            raise ValueError("a chunk without a size") from error
        at = line + 2 + size + 2
        if len(data) < at:
            return at
        if size == 0:
            return b"".join(parts)
        parts.append(data[line + 2 : line + 2 + size])
    return len(data) + 1
