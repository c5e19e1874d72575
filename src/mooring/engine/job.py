"""One request on its way through the engine: its place in the queue, its numbers as they come, and who waits for them.

Made by `engine.py` on the event loop; then a prepare thread has it, the worker's threads, a finish thread.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from mooring.backends.base import Outputs
from mooring.engine.queue import Entry
from mooring.errors import DeadlineExceeded
from mooring.tasks.base import Prepared


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a request's time went, in milliseconds; the four add up to its whole time in the engine."""

    queue_ms: float
    """All waiting: for a thread that tokenises, for its turn, and between its batches if it needed several."""
    tokenise_ms: float
    compute_ms: float
    """Wall time of the batches it took part in, added up."""
    decode_ms: float


@dataclass(slots=True)
class Answered:
    """What `Engine.answer` returns."""

    answer: object
    windows: int
    tokens: int
    """Of all windows, special tokens and overlaps included, padding not."""
    truncated: bool
    """Whether some of the text was in no window."""
    timings: Timings
    source: Literal["computed", "shared", "cache"] = "computed"
    """Computed for whoever asked, shared with others who asked the same at the same time, or remembered."""


def deadline_exceeded(allowed_s: float) -> DeadlineExceeded:
    """The error for whoever allowed so many seconds."""
    return DeadlineExceeded(
        f"The answer was not ready within the deadline of {allowed_s:g} s.",
        hint="Allow more time, send less at once, or try again when the server is less busy.",
    )


@dataclass(slots=True, eq=False)
class Job:
    """Times in seconds on the engine's clock."""

    request: Any
    future: "asyncio.Future[Answered]"
    """The way back: settled on the event loop."""
    received: float
    allowed_s: float
    cost: int = 0
    """Padded tokens charged at the door now; 0 for a probe and when nothing is left to compute."""
    first: bool = False
    """A probe, which goes before everybody."""
    gone: bool = False
    """Nobody waits any more. Written under the worker's lock."""
    prepared: Prepared | None = None
    entry: "Entry[Job] | None" = None
    outputs: list[Outputs | None] = field(default_factory=list)
    missing: int = 0
    """Windows not yet computed. This, `error` and `compute_s` are written under the worker's lock."""
    error: Exception | None = None
    handed: bool = False
    """Has gone to a finish thread, which happens once."""
    tokenise_s: float = 0.0
    compute_s: float = 0.0

    @property
    def deadline(self) -> float:
        """After this nobody wants the answer."""
        return self.received + self.allowed_s

    @property
    def computed(self) -> bool:
        """Does the worker owe it nothing more? Then a finish thread has it, or will."""
        return self.error is not None or (self.prepared is not None and not self.missing)

    def late(self) -> DeadlineExceeded:
        """The error for whoever waits for a job past its deadline."""
        return deadline_exceeded(self.allowed_s)

    def answered(self, prepared: Prepared, answer: object, decode_started: float, now: float) -> Answered:
        """The result with its timings, at `now`, its decoding having begun at `decode_started`."""
        waited = decode_started - self.received - self.tokenise_s - self.compute_s
        timings = Timings(
            queue_ms=max(0.0, waited) * 1000,
            tokenise_ms=self.tokenise_s * 1000,
            compute_ms=self.compute_s * 1000,
            decode_ms=(now - decode_started) * 1000,
        )
        return Answered(answer, len(self.outputs), prepared.tokens, prepared.truncated, timings)
