"""What becomes of requests, counted as it comes, in memory that does not grow with a run. Made by `load.py`.

What is called per request is kept short: it is time that the server under load does not get.
"""

from collections import Counter
from collections.abc import Sequence

from mooring.bench.histogram import Histogram
from mooring.client import server_message

OK = 200


class Tally:
    """Of one run."""

    def __init__(self, groups: Sequence[int] = (), *, paced: bool = False) -> None:
        """`groups` has a small number for each request, 0 upwards: latencies are also kept for each of them.

        `paced`: the times requests were meant to be sent at are known, and what came after them.
        """
        self.latency = Histogram()
        """Of answers with 200: from when the request was sent, or was to be sent if `paced`."""
        self.service = Histogram() if paced else None
        """Of the same answers: from when the request was sent."""
        self.late = Histogram() if paced else None
        """From when a request was to be sent until it was, if a connection was free."""
        self.waited = Histogram() if paced else None
        """The same of those for which no connection was free."""
        self.by_group = [Histogram() for _ in range(max(groups, default=-1) + 1)]
        self.refused: Counter[int] = Counter()
        """By status."""
        self.lost: Counter[str] = Counter()
        """Without a status, by reason."""
        self.messages: dict[int, str] = {}
        """By status, what the server said first with it; "" if that was nothing that we can read."""
        self._groups = groups

    @property
    def done(self) -> int:
        """Requests that are over, whatever became of them."""
        return self.latency.count + self.refused.total() + self.lost.total()

    @property
    def failed(self) -> int:
        """Of those, the ones that were not answered with 200."""
        return self.refused.total() + self.lost.total()

    def answered(self, place: int, seconds: float, since_sent: float) -> None:
        """With 200."""
        self.latency.record(seconds)
        if self._groups:
            self.by_group[self._groups[place]].record(seconds)
        if self.service is not None:
            self.service.record(since_sent)

    def refuse(self, status: int, body: bytes) -> None:
        """Answered with something else."""
        self.refused[status] += 1
        if status not in self.messages:
            self.messages[status] = server_message(body)

    def lose(self, reason: str) -> None:
        """Not answered."""
        self.lost[reason] += 1
