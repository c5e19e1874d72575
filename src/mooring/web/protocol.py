"""uvicorn's HTTP connection: heads bounded, answers in one write, faults in the shape of ours. Used by `server.py`.

Behind nginx a head has been bounded already; this is for a server that listens by itself.
"""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mooring.web.border import HEADER_NAMES
from mooring.web.gathered import Gathered
from mooring.web.status import ErrorBody

HEAD_BYTES = 65_536
HEAD_S = 20.0
"""For a head to arrive, from its first byte; and for a new connection to say anything at all."""

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class BoundedProtocol(HttpToolsProtocol):
    """A head of more than `HEAD_BYTES` is 431, one that takes longer than `HEAD_S` 408."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(Gathered(transport, self.loop))  # type: ignore[arg-type]  # all but a class of asyncio's
        self._timer = self.loop.call_later(HEAD_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._in_head:
            if self._timer is None:
                self._timer = self.loop.call_later(HEAD_S, self._too_late)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES:
            message = f"The request's head has more than {HEAD_BYTES} bytes. Send less in headers and address."
            self._refuse(431, "InvalidRequest", message)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_head = False
        self._cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Called by the parser. What comes next is another head, for which a keep-alive connection may wait longer."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

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

    def _refuse(self, status: int, kind: str, message: str) -> None:
        self._cancel()
        if self.transport.is_closing():
            return
        body = msgspec.json.encode(ErrorBody(status, kind, message, ""))
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, _REASONS[status], len(body)) + body)
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
        """Called by the parser."""
        self._names.append(name)
        super().on_header(name, value)
