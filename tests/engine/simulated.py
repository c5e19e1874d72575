"""The queue under load on a virtual clock: clients in a closed loop, or requests at a rate through the door.

Used by `test_fairness.py` and `test_overload.py`. No thread and no waiting: an hour of load takes a second.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mooring.backends.base import ShapeGrid
from mooring.engine.door import Door, Ticket
from mooring.engine.queue import Queue

BATCH_S = 0.0005
"""What a batch costs whatever is in it."""
TOKEN_S = 0.000025
"""What a padded token costs more: about a MiniLM in int8 on two cores."""
TURNAROUND_S = 0.001
"""From an answer to the same client's next question, tokenised."""


@dataclass(frozen=True)
class Outcome:
    """What a run showed."""

    latencies: Sequence[float]
    """Of the one-window requests, in seconds, ascending."""
    large_windows: int
    """Windows of the large requests that were computed."""
    seconds: float

    def p99(self) -> float:
        """The 99th percentile of the latencies."""
        return self.latencies[int(0.99 * len(self.latencies))]


def simulate(
    grid: ShapeGrid, *, clients: int, lengths: Sequence[int], large: Sequence[Sequence[int]] = (), seconds: float = 60.0
) -> Outcome:
    """`clients` ask for one window each, of a random one of `lengths`; `large` requests come again when done."""
    chance = random.Random(0)
    queue: Queue[int] = Queue(grid)
    now = 0.0
    asked: dict[int, float] = {}
    coming = [(chance.random() * 0.01, client) for client in range(clients)]
    heapq.heapify(coming)
    for place, windows in enumerate(large):
        queue.add(queue.entry(-1 - place, windows, float("inf")))
    latencies: list[float] = []
    large_windows = 0
    while now < seconds:
        while coming and coming[0][0] <= now:
            at, client = heapq.heappop(coming)
            asked[client] = at
            queue.add(queue.entry(client, [chance.choice(lengths)], float("inf")))
        batch = queue.take(now)
        if not batch.rows:
            now = coming[0][0]
            continue
        rows, length = queue.padded(batch)
        now += BATCH_S + TOKEN_S * rows * length
        for entry, _ in batch.rows:
            large_windows += entry.owner < 0
        for owner in {entry.owner for entry, _ in batch.rows if not entry.windows}:
            if owner >= 0:
                latencies.append(now - asked.pop(owner) + TURNAROUND_S)
                heapq.heappush(coming, (now + TURNAROUND_S, owner))
            else:
                queue.add(queue.entry(owner, large[-1 - owner], float("inf")))
    return Outcome(sorted(latencies), large_windows, now)


@dataclass
class Asked:
    """A request at the door."""

    at: float
    lengths: Sequence[int]
    ticket: Ticket
    expected: float
    """Wait, as the door said."""
    per_token: float = 0.0
    waited: float = -1.0
    """Until its first batch began; negative before."""
    took: float = -1.0
    """Until its last one ended; negative before."""

    @property
    def tokens(self) -> int:
        """Of its windows."""
        return sum(self.lengths)


@dataclass
class Overload:
    """What a run through the door showed. Times in seconds."""

    admitted: list[Asked] = field(default_factory=list)
    refused: int = 0
    retries: list[int] = field(default_factory=list)
    """Each refused request's Retry-After."""
    batches: list[float] = field(default_factory=list)
    """What each took."""
    tokens: int = 0
    """Computed of the requests, without padding."""
    seconds: float = 0.0

    def waits(self, *, large: bool = False) -> list[float]:
        """Waits until the first batch of the requests of one window, or of the others, ascending."""
        return sorted(one.waited for one in self.admitted if one.waited >= 0 and (len(one.lengths) > 1) == large)

    def p99(self) -> float:
        """Of the waits of the requests of one window."""
        waits = self.waits()
        return waits[int(0.99 * len(waits))]


@dataclass(frozen=True)
class Arrivals:
    """Requests at random times, `rate` a second; every `every`-th has `windows` windows."""

    rate: float
    lengths: Sequence[int]
    every: int = 0
    windows: int = 0

    def next(self, chance: random.Random, count: int) -> tuple[float, list[int]]:
        """The pause before the next request, and its windows."""
        windows = self.windows if self.every and count % self.every == 0 else 1
        length = chance.choice(self.lengths)
        return chance.expovariate(self.rate), [length] * windows


def overload(
    grid: ShapeGrid,
    arrivals: Arrivals,
    *,
    limit_s: float = 1.0,
    deadline_s: float = 60.0,
    seconds: float = 60.0,
    slow: Callable[[float], float] = lambda _: 1.0,
) -> Overload:
    """Requests come whatever happens, and those that the door admits are computed `slow(now)` times as slowly."""
    chance = random.Random(0)
    queue: Queue[Asked] = Queue(grid)
    door = Door(grid)
    found = Overload()
    door.costs.warmed((1, grid.lengths[0]), 1.5 * cost_s(1, grid.lengths[0]))
    now, count, (coming, lengths) = 0.0, 1, arrivals.next(chance, 0)
    while now < seconds:
        batch = queue.take(now)
        if not batch.rows:
            now = max(now, coming)
        for entry, _ in batch.rows:
            one = entry.owner
            door.change(one.ticket, int(one.per_token * entry.tokens))
            one.waited = one.waited if one.waited >= 0 else now - one.at
        rows, length = queue.padded(batch) if batch.rows else (0, 0)
        took = slow(now) * cost_s(rows, length) if batch.rows else 0.0
        busy = queue.windows > 0
        if batch.rows:
            door.begin(0, door.costs.rows(batch.classes), now, 1)
            found.batches.append(took)
        while coming <= now + took:
            refusal = door.refusal(sum(lengths), coming, limit_s, deadline_s)
            if refusal is None:
                wait_s = door.wait_s(coming)
                one = Asked(coming, lengths, door.admit(sum(lengths)), wait_s)
                entry = queue.entry(one, lengths, coming + deadline_s)
                cost = door.costs.rows(entry.classes)
                door.change(one.ticket, cost)
                one.per_token = cost / entry.tokens
                queue.add(entry)
                found.admitted.append(one)
            else:
                found.refused += 1
                found.retries.append(refusal.retry_after)
            pause, lengths = arrivals.next(chance, count)
            coming, count = coming + pause, count + 1
        now += took
        if batch.rows:
            door.end(0)
            door.costs.measured((rows, length), batch.classes, took, busy=busy)
        for entry, index in batch.rows:
            one = entry.owner
            found.tokens += one.lengths[index]
            if not entry.windows:
                one.took = now - one.at
                door.leave(one.ticket)
    found.seconds = now
    return found


def cost_s(rows: int, length: int) -> float:
    """What a batch takes: per token less in full batches, more for long windows, as measured for a DistilBERT."""
    return BATCH_S + TOKEN_S * 4 * rows * length * (1 + length / 1500) * (1 + 0.4 / rows)
