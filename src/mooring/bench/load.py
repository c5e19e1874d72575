"""Requests in, what became of them out: a fixed number of connections to one server. Called by `moor bench` and `eval`.

`loops.py` says what is sent when, `client.py` sends it, `tally.py` counts.
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
from mooring.client import Target, unreachable

_TICK_S = 0.25

Tick = Callable[["Run"], None]
"""Called a few times a second with what there is so far."""


class Sample(NamedTuple):
    """What became of one request. `status` 0: no response, for the `reason`."""

    place: int
    """In the requests given."""
    status: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """What to send. Ends after `count` requests or `seconds`, whichever is first; one of them is given."""

    requests: Sequence[bytes]
    """Whole ones, sent in this order and then again from the first."""
    count: int | None = None
    seconds: float | None = None
    first: int = 0
    """Where in `requests` to begin."""
    rate: float | None = None
    """Requests a second, in an open loop; None: a closed one."""
    seed: int = 0
    """Of the arrivals in an open loop."""
    groups: Sequence[int] = ()
    """One for each of `requests`; see Tally."""

    def works(self) -> Iterator[Work]:
        """Without end, or until `count`. Made beforehand: what is left to do for each is to take it."""
        made = [Work(place, request, 0.0) for place, request in enumerate(self.requests)]
        around = islice(cycle(made), self.first % max(1, len(made)), None)
        return around if self.count is None else islice(around, self.count)


@dataclass(slots=True)
class Run:
    """One pass over the requests."""

    tally: Tally = field(default_factory=Tally)
    samples: list[Sample] = field(default_factory=list)
    """In order of completion, if they were to be kept."""
    bodies: dict[int, bytes] = field(default_factory=dict)
    """Responses by the request's place, if they were to be kept."""
    asked: int = 0
    """Requests that were to be sent; if fewer are over, the run was cut short."""
    rate: float | None = None
    """Of an open loop."""
    arrived_per_second: float = 0.0
    """In an open loop: chance makes it a little more or less than `rate`."""
    connections: int = 0
    began: float = 0.0
    seconds: float = 0.0
    """Until the last answer."""
    cpu_seconds: float = 0.0
    """Of this process, all threads, user and system."""
    interrupted: bool = False
    cut_short: bool = False
    """Ended before its time, since every client had given up: the server was gone."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where there is one: half the client's CPU time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class Fleet:
    """The clients. Connected on entry, closed on exit; may run several times."""

    def __init__(self, target: Target, clients: int, timeout_s: float = 120.0) -> None:
        """`timeout_s` is for one request; its connection is dropped after that, and it counts as lost."""
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
        """Send them all once, in a closed loop, and return when the last answer is here or Ctrl-C was pressed.

        `tick` is called a few times a second with how many requests are done.
        """

        def counted(run: Run) -> None:
            if tick:
                tick(run.tally.done)

        return await self.drive(Order(requests, count=len(requests)), keep=keep, tick=counted)

    async def drive(self, order: Order, *, keep: bool = False, tick: Tick | None = None) -> Run:
        """Send what is ordered. `keep` is for orders that send each request once."""
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
            # asyncio's way of passing Ctrl-C on. What has been measured is worth showing.
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
        """A client's request is over."""
        now = time.perf_counter()
        seconds = now - (work.intended or sent)
        tally = self._run.tally
        if status == OK:
            tally.answered(work.place, seconds, now - sent)
        elif status:
            tally.refuse(status, body)
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
    """How many requests were to be sent by the time that the run ended."""
    if order.seconds is None and order.count is not None:
        return order.count
    return schedule.handed if schedule else run.tally.done
