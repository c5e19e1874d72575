"""The queue under load on a virtual clock: clients in a closed loop, a batch that costs its padded tokens.

Used by `test_fairness.py`. No thread and no waiting: an hour of load takes a second.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from mooring.backends.base import ShapeGrid
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
