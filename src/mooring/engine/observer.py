"""What the engine tells whoever counts: numbers only, never a request's text.

Called by the engine from its own threads and from the event loop; implemented by `observe/metrics.py`. An observer must
be quick, safe to call from several threads, and must not raise.
"""

from typing import Protocol


class Observer(Protocol):
    """Receives the engine's events as they happen."""

    def batch(self, rows: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """One batch was computed: `rows` windows holding `tokens` tokens, computed as `padded_tokens`."""

    def dropped(self, reason: str, windows: int) -> None:
        """A request left before it was computed whole. `reason` is "cancelled", "expired" or "failed".

        `windows` is how many of its windows were spared the computing.
        """

    def refused(self, reason: str) -> None:
        """A request was refused at the door: "queue_full", "too_large", "not_ready" or "draining"."""

    def answered(self, source: str) -> None:
        """A request was answered; `source` is "computed", "shared" or "cache", as in `Answered`."""

    def cached(self, size: int) -> None:
        """What the answers that are remembered take now, in bytes."""

    def queue(self, windows: int, tokens: int) -> None:
        """What waits now: windows, and their tokens after padding."""


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

    def queue(self, windows: int, tokens: int) -> None:
        """Nothing."""
