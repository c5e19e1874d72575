"""Admit requests to the engine, or say why not. Used by `engine.py` from the event loop and the prepare threads."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mooring.engine.door import Door, Refusal, Ticket
from mooring.engine.health import Health, Vitals
from mooring.engine.job import Job
from mooring.engine.lanes import LARGE_WINDOWS
from mooring.engine.limits import Limits
from mooring.engine.observer import Observer
from mooring.engine.queue import Queue
from mooring.errors import Draining, NotReady, PayloadTooLarge, QueueFull
from mooring.observe.pulse import ORIGIN

SURELY = 2
"""Factor by which the estimated windows must exceed the limit to refuse a request before tokenizing."""


@dataclass(frozen=True)
class Admission:
    """The rules in front of the door. `longest` is the padded length of the longest window."""

    limits: Limits
    longest: int
    door: Door
    queue: Queue[Job]
    lock: threading.Condition
    vitals: Vitals
    observer: Observer
    clock: Callable[[], float]

    def admit(self, tokens: int, allowed_s: float, health: Callable[[], Health]) -> Ticket:
        """Admit a request of about `tokens` tokens. Raises NotReady, Draining, PayloadTooLarge and QueueFull."""
        self._refuse_unless_serving(health)
        about = tokens // self.longest
        if about > SURELY * self.limits.max_windows:
            raise self.too_large(f"about {about}")
        with self.lock:
            refusal = self._refusal(tokens, allowed_s)
            if refusal is None:
                return self.door.admit(tokens, large=self._large(tokens))
        raise self._full(refusal)

    def check(self, tokens: int, allowed_s: float, health: Callable[[], Health]) -> None:
        """Raise what `admit` would raise now, without PayloadTooLarge."""
        self._refuse_unless_serving(health)
        with self.lock:
            refusal = self._refusal(tokens, allowed_s)
        if refusal is not None:
            raise self._full(refusal)

    def wait_s(self) -> float:
        """Expected wait of a request that arrives now."""
        with self.lock:
            return self.door.wait_s(self.clock())

    def too_large(self, windows: str) -> PayloadTooLarge:
        """The error for a request of so many windows."""
        self.observer.refused("too_large")
        return PayloadTooLarge(
            f"The request makes {windows} windows; the limit is {self.limits.max_windows}.",
            hint="Split it into several requests.",
        )

    def _refuse_unless_serving(self, health: Callable[[], Health]) -> None:
        phase = self.vitals.phase
        if phase == "serving" and not self.vitals.died:
            return
        draining = phase == "draining"
        self.observer.refused("draining" if draining else "not_ready")
        if draining:
            raise Draining(
                "The server is shutting down and accepts no new requests.", hint="Send the request to another server."
            )
        raise NotReady(health().reason, hint="Poll GET /ping until it returns 200.")

    def _refusal(self, tokens: int, allowed_s: float) -> Refusal | None:
        """Under the lock; None for a request that another worker had accepted."""
        if ORIGIN.get().retried:
            return None
        limit_s = self.limits.max_queue_s
        return self.door.refusal(tokens, self.clock(), limit_s, allowed_s, large=self._large(tokens))

    def _large(self, tokens: int) -> bool:
        return tokens >= LARGE_WINDOWS * self.longest

    def _full(self, refusal: Refusal) -> QueueFull:
        self.observer.refused("queue_full")
        # A hung batch reports nothing, but the wait grows.
        self.observer.queue(self.queue.windows, self.queue.tokens, refusal.wait_s)
        after = refusal.retry_after
        return QueueFull(
            f"The queue is full: the expected wait is {refusal.wait_s:.3g} s, and at most {refusal.limit_s:.3g} s "
            "is allowed (--max-queue-ms, or 90 % of the time until the deadline).",
            retry_after=after,
            hint=f"Try again in {after} s.",
        )
