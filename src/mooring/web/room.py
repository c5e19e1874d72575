"""Limit all requests together: how many are in flight, and how many bytes of bodies are held.

Used by `asking.py` and `body.py`, on the event loop. Behind nginx, nginx refuses the excess first; without
nginx this is the only limit.
"""

from mooring.errors import QueueFull

FREE_BYTES = 65_536
"""Uncounted bytes of each body: small requests are never refused because of large ones."""
BODIES = 8
"""Number of bodies of the largest size that may be held."""


class Room:
    """Admits requests and bodies, or raises QueueFull."""

    def __init__(self, requests: int, max_body_bytes: int) -> None:
        """Limits: `requests` concurrent requests, each with a body of at most `max_body_bytes`."""
        self._requests = requests
        self._bytes = BODIES * max_body_bytes
        self.in_flight = 0
        """Requests now."""
        self.held = 0
        """Counted bytes of bodies now."""

    def enter(self) -> "Visit":
        """Admit one request until it leaves. Raises QueueFull."""
        if self.in_flight >= self._requests:
            raise QueueFull(f"Too many concurrent requests: the limit is {self._requests}.", hint="Try again in 1 s.")
        self.in_flight += 1
        return Visit(self)

    def hold(self, size: int) -> None:
        """Count more bytes. Raises QueueFull."""
        if self.held + size > self._bytes:
            raise QueueFull(
                f"Concurrent request bodies exceed {self._bytes} bytes in total.",
                hint="Try again in 1 s, or send smaller requests.",
            )
        self.held += size


class Visit:
    """The share of one request."""

    __slots__ = ("_held", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def grow(self, size: int) -> None:
        """Record the size of the body so far. Raises QueueFull."""
        more = size - FREE_BYTES - self._held
        if more > 0:
            self._room.hold(more)
            self._held += more

    def leave(self) -> None:
        """The request is over."""
        self._room.in_flight -= 1
        self._room.held -= self._held
