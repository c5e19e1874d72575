"""Requests in, what became of each out: a fixed number of clients in a closed loop, without think time.

Each client sends its next request as soon as it has read the answer to the one before. Called by `moor bench` and by
`moor eval --url`; `exchange.py` does the talking.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

from mooring.bench.exchange import Exchange
from mooring.bench.target import Target
from mooring.errors import BenchError

CONNECT_TIMEOUT_S = 10.0
GIVE_UP_AFTER = 3
"""Requests that a client loses in a row before it stops: the server is gone."""
_TICK_S = 0.25

Tick = Callable[[int], None]
"""Called a few times a second with how many requests are done."""


class Sample(NamedTuple):
    """What became of one request. `status` 0: no response, for the `reason`."""

    place: int
    """In the requests given."""
    status: int
    seconds: float
    reason: str


@dataclass(slots=True)
class Run:
    """One pass over the requests."""

    samples: list[Sample] = field(default_factory=list)
    """In order of completion."""
    bodies: dict[int, bytes] = field(default_factory=dict)
    """Responses by the request's index, if they were to be kept."""
    asked: int = 0
    """Requests that were to be sent; fewer samples mean that the run was cut short."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process, all threads, user and system."""
    interrupted: bool = False


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where there is one: half the client's CPU time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class Fleet:
    """The clients. Connected on entry, closed on exit; `run` may be called several times."""

    def __init__(self, target: Target, clients: int, timeout_s: float = 120.0) -> None:
        """`timeout_s` is for one request; its connection is dropped after that, and it counts as lost."""
        self.target = target
        self.tls = target.tls()
        self._timeout_s = timeout_s
        self._clients = [Client(self) for _ in range(clients)]
        self._exchanges: list[Exchange] = []
        self._run = Run()
        self._keep = False
        self._requests: Iterator[tuple[int, bytes]] = iter(())
        self._busy = 0
        self._done: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises BenchError if the server cannot be reached."""
        try:
            await asyncio.gather(*(client.connect() for client in self._clients))
        except (OSError, TimeoutError) as error:
            await self._close()
            raise unreachable(self.target, error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        for client in self._clients:
            client.close()
        for exchange in self._exchanges:
            await exchange.gone.wait()

    def add(self, exchange: Exchange) -> None:
        """A client has connected: its connection is waited for at the end, however it ends."""
        self._exchanges = [known for known in self._exchanges if not known.gone.is_set()]
        self._exchanges.append(exchange)

    async def run(self, requests: Sequence[bytes], *, keep: bool = False, tick: Tick | None = None) -> Run:
        """Send them all, in order of the sequence, and return when the last answer is here or Ctrl-C was pressed."""
        loop = asyncio.get_running_loop()
        run = self._run = Run(asked=len(requests))
        self._keep, self._requests = keep, iter(enumerate(requests))
        self._done = loop.create_future()
        self._busy = len(self._clients)
        watch = loop.create_task(self._watch(tick))
        cpu, began = time.process_time(), time.perf_counter()
        for client in self._clients:
            client.next()
        try:
            await self._done
        except asyncio.CancelledError:
            # asyncio's way of passing Ctrl-C on. What has been measured is worth showing.
            run.interrupted = True
            self._requests = iter(())
        run.seconds, run.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        watch.cancel()
        if tick:
            tick(len(run.samples))
        return run

    def take(self) -> tuple[int, bytes] | None:
        """A client wants work."""
        return next(self._requests, None)

    def record(self, sample: Sample, body: bytes = b"") -> None:
        """A client's request is over."""
        self._run.samples.append(sample)
        if self._keep:
            self._run.bodies[sample.place] = body

    def idle(self) -> None:
        """A client has nothing left to do, or has given up."""
        self._busy -= 1
        if self._busy == 0 and self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def _watch(self, tick: Tick | None) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            late = time.perf_counter() - self._timeout_s
            for client in self._clients:
                client.expire(late)
            if tick:
                tick(len(self._run.samples))


class Client:
    """One of the fleet: an exchange, the request in flight, and a new connection when the old one is lost."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._exchange: Exchange | None = None
        self._index = -1
        """Of the request in flight; -1: none."""
        self._began = 0.0
        self._lost = 0
        self._connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Raises OSError (also for a connection that is gone at once) or TimeoutError."""
        target, loop = self._fleet.target, asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, exchange = await loop.create_connection(
                lambda: Exchange(self), target.host, target.port, ssl=self._fleet.tls
            )
        self._fleet.add(exchange)
        if not exchange.usable:
            raise ConnectionResetError("the server spoke before it was asked, or closed at once")
        self._exchange = exchange

    def next(self) -> None:
        """Send the next request, or tell the fleet that there is none."""
        if self._exchange is None or not self._exchange.usable:
            self._reconnect()
            return
        work = self._fleet.take()
        if work is None:
            self._fleet.idle()
            return
        self._index, request = work
        self._began = time.perf_counter()
        self._exchange.send(request)

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """From the exchange."""
        seconds = time.perf_counter() - self._began
        index, self._index = self._index, -1
        if index < 0:
            # An answer that nobody asked for: whatever speaks there, it is not this request's server any more.
            self.close()
            return
        self._lost = 0
        if not reusable:
            self._exchange = None
        self._fleet.record(Sample(index, status, seconds, ""), body)
        self.next()

    def lost(self, reason: str) -> None:
        """From the exchange. Without a request in flight it is only an idle connection that the server closed."""
        self._exchange = None
        if self._index < 0:
            return
        index, self._index = self._index, -1
        self._lost += 1
        self._fleet.record(Sample(index, 0, time.perf_counter() - self._began, reason))
        if self._lost >= GIVE_UP_AFTER:
            self._fleet.idle()
        else:
            self.next()

    def expire(self, late: float) -> None:
        """Drop the request if it was sent before `late`."""
        if self._index >= 0 and self._began < late and self._exchange is not None:
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
            self._fleet.idle()  # the server is gone; what is left to send is the other clients'
            return
        self.next()


def unreachable(target: Target, error: Exception) -> BenchError:
    """What a failed connection means to the user."""
    return BenchError(
        f"Cannot reach {target.origin}: {reason_of(error)}.",
        hint="Is the server running, and is this its address? `moor serve` starts one.",
    )


def reason_of(error: Exception) -> str:
    """A network error in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
