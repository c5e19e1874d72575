"""Measure how fast clients send or read, to drop the slowest first when the server runs short. Times in seconds.

Used by `crowd.py` for connections and by `room.py` for bodies.
"""

import math

MIN_RATE = 16_384
"""Bytes per second that a client must send or read on average, after the first `body_s` or `SEND_S` seconds."""
GRACE_S = 1.0
"""Age below which a client is too new to be called slow."""
MEMORY_S = 3.0
"""Time constant of the average: a client that stalls is soon as slow as one that was never fast."""


class Pace:
    """Bytes per second of one transfer, averaged over its last few seconds."""

    __slots__ = ("_level", "_seen", "began")

    def __init__(self, now: float) -> None:
        self.began = self._seen = now
        self._level = 0.0

    def moved(self, size: int, now: float) -> None:
        """Count `size` more bytes."""
        self._level = self._level * math.exp((self._seen - now) / MEMORY_S) + size
        self._seen = now

    def is_new(self, now: float) -> bool:
        """Whether there is too little to judge by."""
        return now - self.began < GRACE_S

    def rate(self, now: float) -> float:
        """Bytes per second; exact for a steady transfer of any age."""
        age = max(now - self.began, 0.001)
        level = self._level * math.exp((self._seen - now) / MEMORY_S)
        return level / (MEMORY_S * -math.expm1(-age / MEMORY_S))
