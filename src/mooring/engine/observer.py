"""Define the events that the engine reports to metrics: numbers only, never a request's text.

The engine calls observers from its threads and the event loop. They must be fast and thread-safe and must not raise.
Implemented by `observe/metrics.py`.
"""

from typing import Protocol


class Observer(Protocol):
    """Receives the engine's events as they happen."""

    def batch(self, rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """One batch was computed: `rows` windows holding `tokens` tokens, computed as `padded_tokens`."""

    def dropped(self, reason: str, windows: int) -> None:
        """A request ended before it was fully computed. `reason` is "cancelled", "expired" or "failed".

        `windows` is the number of its windows that were not computed.
        """

    def refused(self, reason: str) -> None:
        """A request was refused at the door: "queue_full", "too_large", "not_ready" or "draining"."""

    def answered(self, source: str) -> None:
        """A request was answered; `source` is "computed", "shared" or "cache", as in `Answered`."""

    def cached(self, size: int) -> None:
        """Bytes now used by the answer cache."""

    def queue(self, windows: int, tokens: int, wait_s: float) -> None:
        """The waiting windows, their padded tokens, and the expected wait of a request that arrives now."""


class NullObserver:
    """Counts nothing."""

    def batch(self, rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """Nothing."""

    def dropped(self, reason: str, windows: int) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""

    def answered(self, source: str) -> None:
        """Nothing."""

    def cached(self, size: int) -> None:
        """Nothing."""

    def queue(self, windows: int, tokens: int, wait_s: float) -> None:
        """Nothing."""
