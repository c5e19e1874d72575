"""Decide what to send when, in a closed or an open loop. Clients ask it for work. `load.py` makes one per run.

Closed loop: each client sends its next request as soon as it has read the previous answer. A slow server gets fewer
requests, so this finds the maximum throughput. Open loop: requests arrive independently of the server, as from users,
which gives the latency at a given load. Independent users arrive as a Poisson process, with exponential gaps. Evenly
spaced requests would flatter a server, which would never see two at once below its limit.
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
    """Endless ascending times in seconds from 0, on average `rate` per second. Deterministic for a seed."""
    gaps = random.Random(f"arrivals {seed}")  # noqa: S311 - not a secret
    at = 0.0
    while True:
        at += gaps.expovariate(rate)
        yield at


class Schedule:
    """Arrivals by a clock: which are due, and when the next one is."""

    def __init__(self, arrivals: Iterator[float], *, count: int | None = None, seconds: float | None = None) -> None:
        """Ends after `count` arrivals or `seconds`, whichever is first; at least one is set."""
        self._arrivals = arrivals
        self._left = count
        self._seconds = seconds
        self._ended = False
        self.next: float | None = None
        """When the next one is due, in seconds from the start; None: no more."""
        self.handed = 0
        """Number of arrivals returned by `take`."""
        self.last = 0.0
        """Time of the last one."""
        self._advance()

    def due(self, now: float) -> list[float]:
        """The times up to `now` (seconds from the start) that were not returned before."""
        found = []
        while self.next is not None and self.next <= now:
            found.append(self.next)
            self._advance()
        self.handed += len(found)
        self.last = found[-1] if found else self.last
        return found

    @property
    def until(self) -> float:
        """The end of the run after the last arrival: `seconds`, or 0 after all of `count` or after `end`."""
        over = self._ended or self._seconds is None or (self._left is not None and self._left < 0)
        return 0.0 if over else self._seconds or 0.0

    def end(self) -> None:
        """End: nothing more is due."""
        self.next = None
        self._ended = True

    def _advance(self) -> None:
        at = next(self._arrivals, None) if self._left is None or self._left > 0 else None
        if self._left is not None:
            self._left -= 1
        self.next = None if at is None or (self._seconds is not None and at > self._seconds) else at


class Loop(Protocol):
    """Assigns work. `done` (set on creation) is called once, when all clients are idle."""

    abandoned: bool
    """Every client has given up."""

    def begin(self, clients: Sequence[Client]) -> None:
        """Start the clients."""

    def take(self) -> Work | None:
        """The next work for a client; None: none now."""

    def idle(self, client: Client) -> None:
        """The client got no work."""

    def gone(self, client: Client) -> None:
        """The client has given up."""

    def stop(self) -> None:
        """Assign no more work."""


class ClosedLoop:
    """A closed loop: each client always has a request in flight."""

    def __init__(self, works: Iterator[Work], done: Callable[[], None]) -> None:
        self._works = works
        self._done = done
        self._busy = 0
        self._alive = 0
        self.abandoned = False

    def begin(self, clients: Sequence[Client]) -> None:
        """Start all at once."""
        self._busy = self._alive = len(clients)
        for client in clients:
            client.next()

    def take(self) -> Work | None:
        """The next request."""
        return next(self._works, None)

    def idle(self, client: Client) -> None:  # noqa: ARG002 - the protocol's
        """The client is not called again."""
        self._busy -= 1
        if self._busy == 0:
            self._done()

    def gone(self, client: Client) -> None:
        """The other clients send the rest."""
        self._alive -= 1
        self.abandoned = self._alive == 0
        self.idle(client)

    def stop(self) -> None:
        """Requests in flight are still answered."""
        self._works = iter(())


class OpenLoop:
    """An open loop: requests at given times. Without a free connection they wait, which counts as latency."""

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
        """Whether the next request had to wait for a connection."""
        self.abandoned = False
        self._alarm: Alarm | None = None

    def begin(self, clients: Sequence[Client]) -> None:
        """The clock starts."""
        self._free, self._alive = list(clients), len(clients)
        self._began = time.perf_counter()
        self._alarm = Alarm(self._ring)
        self._ring()

    def take(self) -> Work | None:
        """The longest-waiting request that has not timed out."""
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
        """The client waits for the alarm."""
        self._free.append(client)
        self._rest()

    def gone(self, client: Client) -> None:  # noqa: ARG002 - the protocol's
        """One connection fewer."""
        self._alive -= 1
        self.abandoned = self._alive == 0
        self._rest()

    def stop(self) -> None:
        """Waiting requests are not sent."""
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
