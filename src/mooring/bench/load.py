"""Send requests to one server over a fixed number of connections, and count results. Used by `moor bench` and `eval`.

`loops.py` decides what to send when, `client.py` sends it, `tally.py` counts.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from types import TracebackType
from typing import NamedTuple, Self

from mooring.bench.client import Client, Line, Work
from mooring.bench.exchange import Exchange
from mooring.bench.loops import ClosedLoop, Loop, OpenLoop, Schedule, poisson
from mooring.bench.tally import OK, Tally
from mooring.client import unreachable
from mooring.target import Target

_TICK_S = 0.25

Tick = Callable[["Run"], None]
"""Called a few times per second with the counts so far."""


class Sample(NamedTuple):
    """The result of one request. `status` 0: no response, because of `reason`."""

    place: int
    """Index in the given requests."""
    status: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """What to send. Ends after `count` requests or `seconds`, whichever is first; at least one is set."""

    requests: Sequence[bytes]
    """Complete requests, sent in this order, repeatedly."""
    count: int | None = None
    seconds: float | None = None
    first: int = 0
    """Index of the first request."""
    rate: float | None = None
    """Requests per second of an open loop; None: a closed loop."""
    seed: int = 0
    """Seed of the arrivals in an open loop."""
    groups: Sequence[int] = ()
    """Group of each request; see Tally."""

    def works(self) -> Iterator[Work]:
        """All requests, endless or up to `count`, prepared so that taking one is cheap."""
        made = [Work(place, request, 0.0) for place, request in enumerate(self.requests)]
        around = islice(cycle(made), self.first % max(1, len(made)), None)
        return around if self.count is None else islice(around, self.count)


@dataclass(slots=True)
class Run:
    """One pass over the requests."""

    tally: Tally = field(default_factory=Tally)
    samples: list[Sample] = field(default_factory=list)
    """In order of completion, if kept."""
    bodies: dict[int, bytes] = field(default_factory=dict)
    """Responses by request index, if kept."""
    asked: int = 0
    """Number of requests to send; if fewer ended, the run was cut short."""
    rate: float | None = None
    """Set in an open loop."""
    arrived_per_second: float = 0.0
    """Actual arrivals per second of an open loop, which vary around `rate`."""
    connections: int = 0
    began: float = 0.0
    seconds: float = 0.0
    """Time until the last answer."""
    cpu_seconds: float = 0.0
    """CPU time of this process, all threads, user and system."""
    interrupted: bool = False
    cut_short: bool = False
    """Whether it ended early because every client had given up: the server was gone."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop if available: it halves the client's CPU time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class Fleet:
    """The clients, connected on entry and closed on exit; may run several times."""

    def __init__(self, target: Target, clients: int, timeout_s: float = 120.0) -> None:
        """`timeout_s` is per request; after that its connection is closed and it counts as lost."""
        self.target = target
        self._timeout_s = timeout_s
        line = Line(target, target.tls())
        self._clients = [Client(self, line) for _ in range(clients)]
        self._exchanges: list[Exchange] = []
        self._run = Run()
        self._keep = False
        self._loop: Loop = ClosedLoop(iter(()), lambda: None)

    async def __aenter__(self) -> Self:
        """Raises ClientError if the server cannot be reached."""
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

    async def run(
        self, requests: Sequence[bytes], *, keep: bool = False, tick: Callable[[int], None] | None = None
    ) -> Run:
        """Send each request once in a closed loop; returns after the last answer or Ctrl-C.

        `tick` is called a few times per second with the number of completed requests.
        """

        def counted(run: Run) -> None:
            if tick:
                tick(run.tally.done)

        return await self.drive(Order(requests, count=len(requests)), keep=keep, tick=counted)

    async def drive(self, order: Order, *, keep: bool = False, tick: Tick | None = None) -> Run:
        """Run the order. `keep` is for orders that send each request once."""
        loop = asyncio.get_running_loop()
        tally = Tally(order.groups, paced=order.rate is not None)
        run = self._run = Run(tally, rate=order.rate, connections=len(self._clients))
        self._keep = keep
        done: asyncio.Future[None] = loop.create_future()
        self._loop, schedule = self._loop_for(order, tally, done)
        watch = loop.create_task(self._watch(tick))
        end = loop.call_later(order.seconds, self._loop.stop) if order.seconds and not schedule else None
        cpu, run.began = time.process_time(), time.perf_counter()
        self._loop.begin(self._clients)
        try:
            await done
        except asyncio.CancelledError:
            # asyncio's form of Ctrl-C. Keep what has been measured.
            run.interrupted = True
            self._loop.stop()
        run.seconds, run.cpu_seconds = time.perf_counter() - run.began, time.process_time() - cpu
        run.asked = _asked(order, run, schedule)
        if schedule and schedule.last:
            run.arrived_per_second = schedule.handed / min(schedule.until or schedule.last, run.seconds)
        run.cut_short = self._loop.abandoned and run.tally.done < (order.count or math.inf)
        if end is not None:
            end.cancel()
        watch.cancel()
        if tick:
            tick(run)
        return run

    def _loop_for(self, order: Order, tally: Tally, done: "asyncio.Future[None]") -> tuple[Loop, Schedule | None]:
        def finish() -> None:
            if not done.done():
                done.set_result(None)

        if order.rate is None:
            return ClosedLoop(order.works(), finish), None
        schedule = Schedule(poisson(order.rate, order.seed), count=order.count, seconds=order.seconds)
        return OpenLoop(order.works(), schedule, tally, self._timeout_s, finish), schedule

    def take(self) -> Work | None:
        """A client wants work."""
        return self._loop.take()

    def record(self, work: Work, status: int, sent: float, reason: str, body: bytes) -> None:
        """A client's request has ended."""
        now = time.perf_counter()
        seconds = now - (work.intended or sent)
        tally = self._run.tally
        if status == OK:
            tally.answered(work.place, seconds, now - sent)
        elif status:
            tally.refuse(status, body, now - sent)
        else:
            tally.lose(reason)
        if self._keep:
            self._run.samples.append(Sample(work.place, status, seconds, reason))
            self._run.bodies[work.place] = body

    def idle(self, client: Client) -> None:
        """A client has nothing to do."""
        self._loop.idle(client)

    def gone(self, client: Client) -> None:
        """A client has given up."""
        self._loop.gone(client)

    def add(self, exchange: Exchange) -> None:
        """A client has connected."""
        self._exchanges = [known for known in self._exchanges if not known.gone.is_set()]
        self._exchanges.append(exchange)

    async def _watch(self, tick: Tick | None) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            late = time.perf_counter() - self._timeout_s
            for client in self._clients:
                client.expire(late)
            if tick:
                tick(self._run)


def _asked(order: Order, run: Run, schedule: Schedule | None) -> int:
    """Number of requests that should have been sent when the run ended."""
    if order.seconds is None and order.count is not None:
        return order.count
    return schedule.handed if schedule else run.tally.done
