"""Limit all requests together: how many wait for their answer, and how many bytes of bodies are held.

Used by `asking.py` and `body.py`, on the event loop. A request whose body is still arriving takes no place among those
in flight, but its bytes count. When they are too many, the bodies that arrive slowest are given up.
"""

from collections.abc import Callable

from mooring.errors import BodyTooSlow, QueueFull
from mooring.web.pace import Pace

FREE_BYTES = 65_536
"""Uncounted bytes of each complete body: small requests are never refused because of large ones."""
BODIES = 8
"""Number of bodies of the largest size that may be held."""


LEFT = 0.875
"""Share of the bytes that is left after the slowest were given up: so that they are not searched for each time."""


class Room:
    """Admits requests and bodies, or raises QueueFull."""

    def __init__(self, requests: int, max_body_bytes: int) -> None:
        """Limits: `requests` concurrent requests, each with a body of at most `max_body_bytes`."""
        self.requests = requests
        """Most complete requests."""
        self.bytes = BODIES * max_body_bytes
        """Most counted bytes."""
        self.in_flight = 0
        """Complete requests now."""
        self.held = 0
        """Counted bytes of bodies now."""
        self.arriving: dict[Visit, None] = {}
        """Requests whose body is not complete and has begun to arrive."""
        self.arriving_bytes = 0
        """The part of `held` that is theirs."""

    def visit(self) -> "Visit":
        """A request whose body is still to be read; it must `leave`."""
        return Visit(self)


class Visit:
    """The share of one request."""

    __slots__ = ("_entered", "_give_up", "_held", "_pace", "_room", "_size", "given_up")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = self._held = 0
        self._entered = False
        self._pace: Pace | None = None
        self._give_up: Callable[[], None] | None = None
        self.given_up = False
        """Whether the body was given up, because it was the slowest."""

    @property
    def most_bytes(self) -> int:
        """Most bytes of all bodies."""
        return self._room.bytes

    def grow(self, size: int, now: float, give_up: Callable[[], None]) -> None:
        """Record the size of an incomplete body. `give_up` ends its reading.

        Raises BodyTooSlow if this body is the slowest of too many bytes or was given up before, QueueFull if complete
        bodies take them up.
        """
        if self.given_up:
            raise slowest_of(self._room.bytes)
        if self._pace is None:
            self._pace = Pace(now)
            self._give_up = give_up
            self._room.arriving[self] = None
        self._pace.moved(size - self._size, now)
        self._size = size
        self._count(size)
        self._make_room(now)

    def enter(self, size: int, now: float) -> None:
        """The body is complete. Raises QueueFull."""
        room = self._room
        self._arrives_no_longer()
        if room.in_flight >= room.requests:
            raise QueueFull(f"Too many concurrent requests: the limit is {room.requests}.", hint="Try again in 1 s.")
        room.in_flight += 1
        self._entered = True
        self._size = size
        if self._held or size > FREE_BYTES:
            self._count(max(0, size - FREE_BYTES))
            self._make_room(now)

    def leave(self) -> None:
        """The request is over."""
        self._forget()
        self._room.in_flight -= self._entered

    def _make_room(self, now: float) -> None:
        room = self._room
        if room.held <= room.bytes:
            return
        if room.held - room.arriving_bytes <= room.bytes:
            self._give_up_slowest(now)
        if room.held > room.bytes and self._size > FREE_BYTES:
            raise QueueFull(
                f"Concurrent request bodies exceed {room.bytes} bytes in total.",
                hint="Try again in 1 s, or send smaller requests.",
            )

    def _give_up_slowest(self, now: float) -> None:
        room = self._room
        most = LEFT * room.bytes
        if room.held - room.arriving_bytes > most:
            most = room.bytes
        dropped = False
        for slowest in sorted(room.arriving, key=lambda one: one._rank(now)):
            if room.held <= most:
                return
            if slowest is not self:
                dropped = True
                slowest.given_up = True
                slowest._forget()
                if slowest._give_up is not None:
                    slowest._give_up()
            elif room.held > room.bytes and len(room.arriving) > 1:
                raise slowest_of(room.bytes)
            elif dropped:
                return

    def _rank(self, now: float) -> tuple[bool, float]:
        """The smallest is given up first. New ones come last, the oldest of them first."""
        assert self._pace is not None  # noqa: S101 - set by `grow`
        new = self._pace.is_new(now)
        return new, self._pace.began if new else self._pace.rate(now)

    def _count(self, held: int) -> None:
        more, self._held = held - self._held, held
        self._room.held += more
        if self in self._room.arriving:
            self._room.arriving_bytes += more

    def _arrives_no_longer(self) -> None:
        if self in self._room.arriving:
            del self._room.arriving[self]
            self._room.arriving_bytes -= self._held

    def _forget(self) -> None:
        self._count(0)
        self._arrives_no_longer()


def slowest_of(total: int) -> BodyTooSlow:
    """The error for a body that was given up because all of them exceeded `total` bytes."""
    return BodyTooSlow(
        f"Concurrent request bodies exceed {total} bytes in total, and this one arrived the slowest.",
        hint="Try again in 1 s, or send smaller requests.",
    )
