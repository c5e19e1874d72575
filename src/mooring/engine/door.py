"""Admit requests by the time that they would wait. Used by the engine under the worker's lock.

The expected wait of a request that arrives now is the longest of the waits for the stages that it passes, which work at
the same time, plus the delay of the event loop:

    wait = max(tokenizing, computing, finishing) + lag
    computing = rest of the running batches + pace × sum over the admitted requests of min(cost, turn)

The queue has rounds (`queue.py`): before a new request has its turn, every other one has at most one. So a request
counts with at most the cost of a turn, and one of a thousand windows does not close the door for others. The requests
already served in this round are counted although they come later: otherwise each round could admit more of them, and
rounds would grow without bound. Batches that run longer than expected count as half done. Costs are measured
(`costs.py`).

A request that needs several turns also waits between them, until it has had as much computed as each of the others
that needs as much: sum of min(cost, its own cost). It is refused if that takes longer than it has.

The request's own cost never counts, so an idle server admits everything. Expected waits bound the queue's memory, too.
"""

import math
from dataclasses import dataclass

from mooring.backends.base import ShapeGrid
from mooring.engine.costs import SECOND, Costs

MEMORY = 0.95
"""Weight of the past in the speed of a stage after each measurement."""
LONGEST_RETRY_S = 600
TIMELY = 0.9
"""Fraction of the time until the deadline that a request may wait: it must be computed as well, and waits are
estimates. With more, a server whose queue is as long as the deadline computes answers that come too late."""


@dataclass(slots=True, eq=False)
class Ticket:
    """An admitted request. Costs in nanoseconds, as in `costs.py`."""

    tokens: int
    """Estimated tokens that are still to be tokenized."""
    cost: int
    """What is left to compute of it."""
    turn: int
    """At most a turn of that."""
    large: bool
    """Whether it uses the lane for large requests."""
    finishing: int = 0
    """Windows that are computed and not yet turned into the answer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Times in seconds."""

    wait_s: float
    limit_s: float

    @property
    def retry_after(self) -> int:
        """Whole seconds, 1 to 600, until the request would be admitted if no others arrived."""
        return min(LONGEST_RETRY_S, max(1, math.ceil(self.wait_s - self.limit_s)))


class Backlog:
    """Work that waits for a stage: tokens to tokenize, or windows to finish."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = max(1, threads)
        self._seconds = 0.0
        self._units = 0.0
        self.waiting = 0

    @property
    def wait_s(self) -> float:
        """Seconds until it is done; 0 before the first measurement."""
        return self.waiting * self._seconds / (self._units * self._threads) if self._units else 0.0

    def measured(self, units: int, seconds: float) -> None:
        """Record that so many units took `seconds` in one thread."""
        self._units = MEMORY * self._units + units
        self._seconds = MEMORY * self._seconds + seconds


class Door:
    """See the module docstring. Times in seconds on the engine's clock, which the caller reads."""

    def __init__(self, grid: ShapeGrid, prepare_threads: int = 1) -> None:
        self.costs = Costs(grid)
        self._small = Backlog(prepare_threads)
        self._large = Backlog()
        self._finish = Backlog()
        self._tickets: set[Ticket] = set()
        self._turns = 0
        self._running: dict[int, tuple[float, float, int]] = {}  # since, machine seconds expected, streams
        self._lag_s = 0.0

    def wait_s(self, now: float, *, large: bool = False) -> float:
        """Expected wait of a request that arrives now."""
        if not self._tickets and not self._running:
            return 0.0
        computing = self._rest_s(now) + self._turns * self.costs.pace / SECOND
        tokenizing = (self._large if large else self._small).wait_s
        return max(computing, tokenizing, self._finish.wait_s) + self._lag_s

    def refusal(self, tokens: int, now: float, limit_s: float, left_s: float, *, large: bool = False) -> Refusal | None:
        """Why a request of about `tokens` tokens is not admitted; None if it is.

        Its wait until its first turn may be at most `limit_s`, and in all most of the `left_s` until its deadline.
        """
        left_s *= TIMELY
        limit_s = min(limit_s, left_s)
        wait_s = self.wait_s(now, large=large)
        if wait_s > limit_s:
            return Refusal(wait_s, limit_s)
        cost = self.costs.about(tokens)
        if cost > self.costs.turn:
            others = sum(min(one.cost, cost) for one in self._tickets)
            wait_s = self._rest_s(now) + others * self.costs.pace / SECOND
            if wait_s > left_s:
                return Refusal(wait_s, left_s)
        return None

    def admit(self, tokens: int, *, large: bool = False) -> Ticket:
        """Count a request in. It must `leave` in the end."""
        ticket = Ticket(tokens, 0, 0, large)
        self._tickets.add(ticket)
        self._lane(ticket).waiting += tokens
        self.change(ticket, self.costs.about(tokens))
        return ticket

    def tokenized(self, ticket: Ticket, seconds: float) -> None:
        """It has been tokenized, which took `seconds`."""
        self._lane(ticket).measured(ticket.tokens, seconds)
        self._skip(ticket)

    def change(self, ticket: Ticket, cost: int) -> None:
        """Update what is left to compute of it: a better estimate, or the rest. Without effect once it has left."""
        if ticket in self._tickets:
            turn = min(cost, self.costs.turn)
            self._turns += turn - ticket.turn
            ticket.cost, ticket.turn = cost, turn

    def computed(self, ticket: Ticket, windows: int) -> None:
        """Its windows are computed and wait to be turned into an answer."""
        self.change(ticket, 0)
        if ticket in self._tickets and not ticket.large and not ticket.finishing:
            ticket.finishing = windows
            self._finish.waiting += windows

    def finished(self, windows: int, seconds: float) -> None:
        """Answers of so many windows were made in `seconds`."""
        self._finish.measured(windows, seconds)

    def leave(self, ticket: Ticket) -> None:
        """The request is over. A second call does nothing."""
        self.change(ticket, 0)
        self._skip(ticket)
        self._finish.waiting -= ticket.finishing
        ticket.finishing = 0
        self._tickets.discard(ticket)

    def begin(self, number: int, cost: int, now: float, streams: int) -> None:
        """Thread `number` begins a batch of that cost, in one of so many streams."""
        self._running[number] = now, cost * self.costs.pace / SECOND, streams

    def end(self, number: int) -> None:
        """Thread `number` has computed its batch."""
        self._running.pop(number, None)

    def lagged(self, seconds: float) -> None:
        """The event loop took so long to run what was scheduled."""
        self._lag_s = (self._lag_s + max(0.0, seconds)) / 2

    def _rest_s(self, now: float) -> float:
        # A batch that is late: as long again is a good guess, and a hung one closes the door.
        return sum(abs(expected - (now - since) / among) for since, expected, among in self._running.values())

    def _lane(self, ticket: Ticket) -> Backlog:
        return self._large if ticket.large else self._small

    def _skip(self, ticket: Ticket) -> None:
        self._lane(ticket).waiting -= ticket.tokens
        ticket.tokens = 0
