"""What all requests may take together: how many are in flight, and how much of their bodies is held.

Used by `asking.py` and `body.py`, on the event loop. Behind nginx it is nginx that turns away what is too much;
for a server that listens by itself this is all there is.
"""

from mooring.errors import QueueFull

FREE_BYTES = 65_536
"""Of each body that are not counted: small requests are never refused because of large ones."""
BODIES = 8
"""How many bodies of the largest size may be held."""


class Room:
    """Admits requests and bodies, or raises QueueFull."""

    def __init__(self, requests: int, max_body_bytes: int) -> None:
        """So many requests at a time, with bodies of so many bytes at most."""
        self._requests = requests
        self._bytes = BODIES * max_body_bytes
        self.in_flight = 0
        """Requests now."""
        self.held = 0
        """Bytes of bodies now, those that count."""

    def enter(self) -> "Visit":
        """One request more, until it leaves. Raises QueueFull."""
        if self.in_flight >= self._requests:
            raise QueueFull(
                f"Too many requests at the same time: {self._requests} may be in flight.", hint="Try again in 1 s."
            )
        self.in_flight += 1
        return Visit(self)

    def hold(self, size: int) -> None:
        """So many bytes more. Raises QueueFull."""
        if self.held + size > self._bytes:
            raise QueueFull(
                f"Too much was sent at the same time: bodies may have {self._bytes} bytes together.",
                hint="Try again in 1 s, or send less at once.",
            )
        self.held += size


class Visit:
    """One request's part of the room."""

    __slots__ = ("_held", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def grow(self, size: int) -> None:
        """The body has so many bytes by now. Raises QueueFull."""
        more = size - FREE_BYTES - self._held
        if more > 0:
            self._room.hold(more)
            self._held += more

    def leave(self) -> None:
        """The request is over."""
        self._room.in_flight -= 1
        self._room.held -= self._held
