"""Count the results of requests in constant memory. Made by `load.py`.

The work per request is minimal, because it takes time from the server under load.
"""

from collections import Counter
from collections.abc import Sequence

from mooring.bench.histogram import Histogram
from mooring.client import server_message

OK, BUSY = 200, 429


class Tally:
    """The counts of one run."""

    def __init__(self, groups: Sequence[int] = (), *, paced: bool = False) -> None:
        """`groups` has a group number, from 0, for each request: latencies are also kept per group.

        `paced`: intended send times are known.
        """
        self.latency = Histogram()
        """Latency of answers with 200, from the send time, or from the intended time if `paced`."""
        self.service = Histogram() if paced else None
        """Latency of the same answers from the send time."""
        self.late = Histogram() if paced else None
        """Lateness of sending, if a connection was free."""
        self.waited = Histogram() if paced else None
        """Lateness of sending, if no connection was free."""
        self.by_group = [Histogram() for _ in range(max(groups, default=-1) + 1)]
        self.refused: Counter[int] = Counter()
        """By status."""
        self.refusal = Histogram()
        """Latency of 429 responses, from the send time."""
        self.lost: Counter[str] = Counter()
        """Requests without a status, by reason."""
        self.messages: dict[int, str] = {}
        """First error message for each status; "" if unreadable."""
        self._groups = groups

    @property
    def done(self) -> int:
        """Completed requests, with any result."""
        return self.latency.count + self.refused.total() + self.lost.total()

    @property
    def failed(self) -> int:
        """Completed requests that were not answered with 200."""
        return self.refused.total() + self.lost.total()

    def answered(self, place: int, seconds: float, since_sent: float) -> None:
        """With 200."""
        self.latency.record(seconds)
        if self._groups:
            self.by_group[self._groups[place]].record(seconds)
        if self.service is not None:
            self.service.record(since_sent)

    def refuse(self, status: int, body: bytes, since_sent: float) -> None:
        """Requests answered with another status."""
        self.refused[status] += 1
        if status == BUSY:
            self.refusal.record(since_sent)
        if status not in self.messages:
            self.messages[status] = server_message(body)

    def lose(self, reason: str) -> None:
        """Not answered."""
        self.lost[reason] += 1
