"""Run one client: a connection with its request in flight, reopened when lost.

`load.py` runs many of them; `exchange.py` speaks HTTP, `loops.py` decides what to send and when.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mooring.bench.exchange import Exchange
from mooring.target import Target

CONNECT_TIMEOUT_S = 10.0
GIVE_UP_AFTER = 3
"""Consecutive lost requests after which a client gives up: the server is gone."""


class Work(NamedTuple):
    """One request to send."""

    place: int
    """Index in the given requests."""
    request: bytes
    intended: float
    """Intended send time by `time.perf_counter`; latency counts from there. 0: now."""


class Owner(Protocol):
    """The owner of the clients."""

    def take(self) -> Work | None:
        """A client wants work."""

    def record(self, work: Work, status: int, sent: float, reason: str, body: bytes) -> None:
        """A client's request, sent at `sent`, has ended. `status` 0: no response, because of `reason`."""

    def idle(self, client: "Client") -> None:
        """A client got no work and waits for a call of `next`."""

    def gone(self, client: "Client") -> None:
        """A client has given up."""

    def add(self, exchange: Exchange) -> None:
        """A client has connected: wait for its connection at the end."""


@dataclass(frozen=True, slots=True)
class Line:
    """The address to connect to."""

    target: Target
    tls: ssl.SSLContext | None


class Client:
    """A client. It works as long as its owner has work."""

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
        """Connect. Raises OSError (also if the connection is closed at once) or TimeoutError."""
        target, loop = self._line.target, asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, exchange = await loop.create_connection(
                lambda: Exchange(self), target.host, target.port, ssl=self._line.tls
            )
        self._owner.add(exchange)
        if not exchange.usable:
            raise ConnectionResetError("the server sent data before any request, or closed the connection at once")
        self._exchange = exchange

    def next(self) -> None:
        """Send the next request, or tell the owner that this client is idle."""
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
        """Called by the exchange."""
        work, self._work = self._work, None
        if work is None:
            # An unrequested response: the connection is no longer in sync.
            self.close()
            return
        self._lost = 0
        if not reusable:
            self._exchange = None
        self._owner.record(work, status, self._sent, "", body)
        self.next()

    def lost(self, reason: str) -> None:
        """Called by the exchange. Without a request in flight the server just closed an idle connection."""
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
            self._owner.gone(self)  # the server is gone; other clients send the rest
            return
        self.next()
