"""What is sent when: a closed loop, or an open one. Clients ask for work here. Made by `load.py`, one for each run.

Closed: each client sends its next request as soon as it has read the answer to the one before. A slow server is asked
less, so this finds how much it can do. Open: requests come when they come, whatever the server does. This is what
users do, and what a latency at a given load means. Independent users come as a Poisson process: the gaps between them
are exponential. Evenly spaced requests would flatter a server, which then never sees two at once below its limit.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mooring.bench.alarm import Alarm
from mooring.bench.client import Client, Work
from mooring.bench.tally import Tally

NOT_SENT = "no free connection in time"


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Ascending times in seconds from 0, `rate` a second on average, without end. One seed, one sequence."""
    gaps = random.Random(f"arrivals {seed}")  # noqa: S311 - chance, not a secret
    at = 0.0
    while True:
        at += gaps.expovariate(rate)
        yield at


class Schedule:
    """Arrivals against a clock: which of them are due, and when the next one will be."""

    def __init__(self, arrivals: Iterator[float], *, count: int | None = None, seconds: float | None = None) -> None:
        """Ends after `count` arrivals or `seconds`, whichever is first; one of them is given."""
        self._arrivals = arrivals
        self._left = count
        self._seconds = seconds
        self._ended = False
        self.next: float | None = None
        """When the next one is due, in seconds from the start; None: there is none."""
        self.handed = 0
        """How many have been handed out."""
        self.last = 0.0
        """The time of the last of them."""
        self._advance()

    def due(self, now: float) -> list[float]:
        """The times, up to `now` (seconds from the start), that have not been handed out before."""
        found = []
        while self.next is not None and self.next <= now:
            found.append(self.next)
            self._advance()
        self.handed += len(found)
        self.last = found[-1] if found else self.last
        return found

    @property
    def until(self) -> float:
        """Until when it lasts though nothing more is due: `seconds`, or 0 after all of `count` or after `end`."""
        over = self._ended or self._seconds is None or (self._left is not None and self._left < 0)
        return 0.0 if over else self._seconds or 0.0

    def end(self) -> None:
        """Nothing more is due."""
        self.next = None
        self._ended = True

    def _advance(self) -> None:
        at = next(self._arrivals, None) if self._left is None or self._left > 0 else None
        if self._left is not None:
            self._left -= 1
        self.next = None if at is None or (self._seconds is not None and at > self._seconds) else at


class Loop(Protocol):
    """Hands out work. `done` (given when it is made) is called once, when all clients have come to rest."""

    abandoned: bool
    """Every client has given up."""

    def begin(self, clients: Sequence[Client]) -> None:
        """Set the clients to work."""

    def take(self) -> Work | None:
        """A client wants work; None: there is none now."""

    def idle(self, client: Client) -> None:
        """It got none."""

    def gone(self, client: Client) -> None:
        """It has given up."""

    def stop(self) -> None:
        """Hand out no more."""


class ClosedLoop:
    """As much as the clients can carry."""

    def __init__(self, works: Iterator[Work], done: Callable[[], None]) -> None:
        self._works = works
        self._done = done
        self._busy = 0
        self._alive = 0
        self.abandoned = False

    def begin(self, clients: Sequence[Client]) -> None:
        """All at once."""
        self._busy = self._alive = len(clients)
        for client in clients:
            client.next()

    def take(self) -> Work | None:
        """The next one."""
        return next(self._works, None)

    def idle(self, client: Client) -> None:  # noqa: ARG002 - the protocol's
        """It is never called again."""
        self._busy -= 1
        if self._busy == 0:
            self._done()

    def gone(self, client: Client) -> None:
        """What is left to send is the other clients'."""
        self._alive -= 1
        self.abandoned = self._alive == 0
        self.idle(client)

    def stop(self) -> None:
        """What is in flight is still answered."""
        self._works = iter(())


class OpenLoop:
    """Requests at times set beforehand. If no connection is free they wait, and the wait is part of their latency."""

    def __init__(
        self,
        works: Iterator[Work],
        schedule: Schedule,
        tally: Tally,
        timeout_s: float,
        done: Callable[[], None],
    ) -> None:
        """A request that could not be sent for `timeout_s` is lost."""
        self._works = works
        self._schedule = schedule
        self._tally = tally
        self._timeout_s = timeout_s
        self._done = done
        self._backlog: deque[Work] = deque()
        self._free: list[Client] = []
        self._alive = 0
        self._began = 0.0
        self._busy = False
        """The request that is taken next had to wait for a connection."""
        self.abandoned = False
        self._alarm: Alarm | None = None

    def begin(self, clients: Sequence[Client]) -> None:
        """The clock starts."""
        self._free, self._alive = list(clients), len(clients)
        self._began = time.perf_counter()
        self._alarm = Alarm(self._ring)
        self._ring()

    def take(self) -> Work | None:
        """The one that waits longest; none that has waited too long."""
        now = time.perf_counter()
        while self._backlog:
            work = self._backlog.popleft()
            late = now - work.intended
            if late > self._timeout_s:
                self._tally.lose(NOT_SENT)
                continue
            kept = self._tally.waited if self._busy else self._tally.late
            if kept is not None:
                kept.record(late)
            return work
        return None

    def idle(self, client: Client) -> None:
        """It waits for the alarm."""
        self._free.append(client)
        self._rest()

    def gone(self, client: Client) -> None:  # noqa: ARG002 - the protocol's
        """One connection fewer."""
        self._alive -= 1
        self.abandoned = self._alive == 0
        self._rest()

    def stop(self) -> None:
        """What waits is not sent any more."""
        self._schedule.end()
        self._backlog.clear()
        self._rest()

    def _ring(self) -> None:
        for at in self._schedule.due(time.perf_counter() - self._began):
            place, request, _ = next(self._works)
            self._backlog.append(Work(place, request, self._began + at))
        self._busy = False
        while self._backlog and self._free:
            self._free.pop().next()
        self._busy = True
        if self._schedule.next is not None:
            self._wake(self._schedule.next)
        elif time.perf_counter() < self._began + self._schedule.until:
            self._wake(self._schedule.until)
        self._rest()

    def _wake(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.set(self._began + at)

    def _rest(self) -> None:
        resting = self._schedule.next is None and not self._backlog and len(self._free) == self._alive
        over = resting and time.perf_counter() >= self._began + self._schedule.until
        if (over or self.abandoned) and self._alarm is not None:
            self._alarm.close()
            self._alarm = None
            self._done()
