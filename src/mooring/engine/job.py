"""Track one request through the engine: its queue entry, its outputs and its waiting caller.

Made by `engine.py` on the event loop, then passed to a prepare thread, the worker threads and a finish thread.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from mooring.backends.base import Outputs
from mooring.engine.door import Ticket
from mooring.engine.queue import Entry
from mooring.errors import DeadlineExceeded
from mooring.observe import pulse
from mooring.observe.pulse import UNKNOWN, Origin
from mooring.tasks.base import Prepared, Task


@dataclass(frozen=True, slots=True)
class Timings:
    """The stages of a request in milliseconds; the four add up to its time in the engine."""

    queue_ms: float
    """All waiting: for a tokenizing thread, for its turn, and between its batches."""
    tokenise_ms: float
    compute_ms: float
    """Total wall time of its batches."""
    decode_ms: float


@dataclass(slots=True)
class Answered:
    """What `Engine.answer` returns."""

    answer: object
    windows: int
    tokens: int
    """Tokens of all windows, including special tokens and overlaps, without padding."""
    truncated: int
    """Number of texts that were cut off."""
    timings: Timings
    source: Literal["computed", "shared", "cache"] = "computed"
    """Computed for this request, shared with identical concurrent requests, or cached."""


def deadline_exceeded(allowed_s: float) -> DeadlineExceeded:
    """The error of a request with that deadline."""
    return DeadlineExceeded(
        f"The answer was not ready within the deadline of {allowed_s:g} s.",
        hint="Allow more time, send smaller requests, or try again when the server is less busy.",
    )


@dataclass(slots=True, eq=False)
class Job:
    """Times in seconds on the engine's clock."""

    request: Any
    future: "asyncio.Future[Answered]"
    """The caller's future; set on the event loop."""
    received: float
    allowed_s: float
    ticket: Ticket | None = None
    """As admitted at the door; None for a probe."""
    per_token: float = 0.0
    """Cost of a padded token of it at the door, once it is tokenized."""
    origin: Origin = UNKNOWN
    gone: bool = False
    """The caller has left. Written under the worker's lock."""
    prepared: Prepared | None = None
    entry: "Entry[Job] | None" = None
    outputs: list[Outputs | None] = field(default_factory=list)
    missing: int = 0
    """Windows not yet computed. This, `error` and `compute_s` are written under the worker's lock."""
    error: Exception | None = None
    handed: bool = False
    """Passed to a finish thread, which happens once."""
    tokenise_s: float = 0.0
    compute_s: float = 0.0

    @property
    def deadline(self) -> float:
        """The deadline, on the engine's clock."""
        return self.received + self.allowed_s

    @property
    def computed(self) -> bool:
        """Whether the worker is done with it; then a finish thread has it, or will."""
        return self.error is not None or (self.prepared is not None and not self.missing)

    def prepare(self, task: Task) -> Prepared:
        """Tokenize its texts. Raises what `Task.prepare` raises."""
        with pulse.working((self.origin,)):
            return task.prepare(self.request)

    def finish(self, task: Task, prepared: Prepared) -> object:
        """Decode its outputs."""
        with pulse.working((self.origin,)):
            return task.finish(prepared, [rows for rows in self.outputs if rows is not None])

    def late(self) -> DeadlineExceeded:
        """The error for a job past its deadline."""
        return deadline_exceeded(self.allowed_s)

    def answered(self, prepared: Prepared, answer: object, decode_started: float, now: float) -> Answered:
        """The result with its timings at `now`, given the time at which decoding began."""
        waited = decode_started - self.received - self.tokenise_s - self.compute_s
        timings = Timings(
            queue_ms=max(0.0, waited) * 1000,
            tokenise_ms=self.tokenise_s * 1000,
            compute_ms=self.compute_s * 1000,
            decode_ms=(now - decode_started) * 1000,
        )
        return Answered(answer, len(self.outputs), prepared.tokens, int(prepared.truncated), timings)
