"""One of the clients that put a server under load: a connection, the request in flight, and a new one when it is lost.

Called by `load.py`, which has many of them; `exchange.py` does the talking, `loops.py` says what to send and when.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mooring.bench.exchange import Exchange
from mooring.client import Target

CONNECT_TIMEOUT_S = 10.0
GIVE_UP_AFTER = 3
"""Requests that a client loses in a row before it stops: the server is gone."""


class Work(NamedTuple):
    """One request to send."""

    place: int
    """In the requests given."""
    request: bytes
    intended: float
    """When it was to be sent, by `time.perf_counter`; latency counts from there. 0: now."""


class Owner(Protocol):
    """Who has the clients."""

    def take(self) -> Work | None:
        """A client wants work."""

    def record(self, work: Work, status: int, sent: float, reason: str, body: bytes) -> None:
        """A client's request, sent at `sent`, is over. `status` 0: no response, for the `reason`."""

    def idle(self, client: "Client") -> None:
        """A client got no work and waits for a call of `next`."""

    def gone(self, client: "Client") -> None:
        """A client has given up."""

    def add(self, exchange: Exchange) -> None:
        """A client has connected: its connection is waited for at the end, however it ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a client connects to."""

    target: Target
    tls: ssl.SSLContext | None


class Client:
    """Works as long as its owner has work."""

    def __init__(self, owner: Owner, line: Line) -> None:
        self._owner = owner
        self._line = line
        self._exchange: Exchange | None = None
        self._work: Work | None = None
        """The request in flight."""
        self._sent = 0.0
        self._lost = 0
        self._connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Raises OSError (also for a connection that is gone at once) or TimeoutError."""
        target, loop = self._line.target, asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, exchange = await loop.create_connection(
                lambda: Exchange(self), target.host, target.port, ssl=self._line.tls
            )
        self._owner.add(exchange)
        if not exchange.usable:
            raise ConnectionResetError("the server spoke before it was asked, or closed at once")
        self._exchange = exchange

    def next(self) -> None:
        """Send the next request, or tell the owner that there is none."""
        if self._exchange is None or not self._exchange.usable:
            self._reconnect()
            return
        work = self._owner.take()
        if work is None:
            self._owner.idle(self)
            return
        self._work = work
        self._sent = time.perf_counter()
        self._exchange.send(work.request)

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """From the exchange."""
        work, self._work = self._work, None
        if work is None:
            # An answer that nobody asked for: whatever speaks there, it is not this request's server any more.
            self.close()
            return
        self._lost = 0
        if not reusable:
            self._exchange = None
        self._owner.record(work, status, self._sent, "", body)
        self.next()

    def lost(self, reason: str) -> None:
        """From the exchange. Without a request in flight it is only an idle connection that the server closed."""
        self._exchange = None
        work, self._work = self._work, None
        if work is None:
            return
        self._lost += 1
        self._owner.record(work, 0, self._sent, reason, b"")
        if self._lost >= GIVE_UP_AFTER:
            self._owner.gone(self)
        else:
            self.next()

    def expire(self, late: float) -> None:
        """Drop the request if it was sent before `late`."""
        if self._work is not None and self._sent < late and self._exchange is not None:
            self._exchange.abort("timeout")

    def close(self) -> None:
        """Drop the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def _reconnect(self) -> None:
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None
        self._connecting = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        try:
            await self.connect()
        except (OSError, TimeoutError):
            self._owner.gone(self)  # the server is gone; what is left to send is the other clients'
            return
        self.next()
