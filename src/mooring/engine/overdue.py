"""Tell a batch that never ends from one that is long, or slow because the CPU is shared or throttled. Pure.

A batch is overdue after `FACTOR` times the time that its padded tokens would take at the slowest recent pace, plus
`GRACE_S`. Being overdue alone is no proof: on a quarter of a core every batch takes four times as long. It hangs if,
at `LOOKS` consecutive looks, it was overdue and

* no thread but the event loop's ran or waited for a CPU: nobody is computing it; or
* the process has used `CPU_FACTOR` times the CPU time that the batch should take, plus `GRACE_S`: it is in an
  infinite loop. CPU time stands still while the process waits for a CPU, so throttling does not add to it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mooring.observe.threads import Activity

LOOK_S = 0.25
"""Interval of the looks."""
LOOKS = 2
FACTOR = 6.0
CPU_FACTOR = 8.0
GRACE_S = 0.5
FADES = 0.9
"""Weight of the slowest pace so far against the pace of a batch."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a batch should take."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Busy:
    """A running batch."""

    since: float
    """On the engine's clock."""
    rows: int
    """Its windows."""
    expected: Expected | None = None
    """None if no batch has been measured yet."""
    cpu_s: float = 0.0
    """CPU time of the process when it began."""


@dataclass(slots=True)
class Pace:
    """The slowest recent time per padded token, from all worker threads."""

    seconds: float = 0.0
    cpu_s: float = 0.0

    def record(self, tokens: int, seconds: float, cpu_s: float) -> None:
        """A batch of that many padded tokens has been computed."""
        self.seconds = _slower(self.seconds, seconds / tokens)
        self.cpu_s = _slower(self.cpu_s, cpu_s / tokens)

    def expect(self, tokens: int) -> Expected | None:
        """For a batch of that many padded tokens; None if nothing has been measured."""
        return Expected(self.seconds * tokens, self.cpu_s * tokens) if self.seconds else None


def _slower(before: float, now: float) -> float:
    return max(now, FADES * before + (1 - FADES) * now)


class Overdue:
    """Looks at the running batches every `LOOK_S`."""

    def __init__(self, activity: Callable[[], Activity | None], *, alone: bool = True) -> None:
        """`activity` is called only if a batch is overdue.

        `alone` is false if other engines or user code use CPU time in this process: then only a batch that nobody
        computes is known to hang.
        """
        self._activity = activity
        self._alone = alone
        self._since: float | None = None
        self._looks = 0

    def look(self, running: Iterable[Busy], now: float) -> str:
        """Why the oldest overdue batch hangs; "" if none does. `now` is on the engine's clock."""
        batch = min((one for one in running if _is_overdue(one, now)), key=lambda one: one.since, default=None)
        if batch is None or (activity := self._activity()) is None or not self._hangs(batch, activity):
            self._looks = 0
            return ""
        self._looks = self._looks + 1 if batch.since == self._since else 1
        self._since = batch.since
        if self._looks < LOOKS or batch.expected is None:
            return ""
        took = f"has been computing for {now - batch.since:.1f} s"
        return f"A batch of {batch.rows} windows {took}; {batch.expected.seconds:.1f} s was expected."

    def _hangs(self, batch: Busy, activity: Activity) -> bool:
        if not activity.wants:
            return True
        assert batch.expected is not None  # noqa: S101 - it is overdue
        return self._alone and activity.cpu_s - batch.cpu_s > CPU_FACTOR * batch.expected.cpu_s + GRACE_S


def _is_overdue(batch: Busy, now: float) -> bool:
    return batch.expected is not None and now - batch.since > FACTOR * batch.expected.seconds + GRACE_S
