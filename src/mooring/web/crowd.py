"""Keep a server's connections within bounds: when it runs short, the slowest clients are disconnected first.

All that counts is what a connection does now, not its address: behind an ingress all clients have the same one.
"""

import asyncio
import heapq
from collections.abc import Iterable
from typing import Protocol

SHARE = 64
"""One in `SHARE` connections is dropped at a time, so that a flood does not make the server search for each."""
UNSENT_BYTES = 256 << 20
"""Bytes of responses that clients may leave unread in total."""

Rank = tuple[int, float, float]
"""Sort key of a connection: what is smallest is dropped first."""
LINGERING, SLOW, IDLE, STEADY, NEW = range(5)
"""Its first part: answered and still sending; slower than MIN_RATE; idle; fast enough; new or idle for a moment."""


class Member(Protocol):
    """A connection."""

    def rank(self, now: float) -> Rank | None:
        """None while the server owes it an answer: it is not dropped."""

    def unsent(self) -> int:
        """Bytes that the client has not read."""

    def drop(self) -> None:
        """Disconnect the client now."""


class Crowd:
    """The connections of a server."""

    def __init__(self, most: int = 0) -> None:
        """`most` connections; 0 for any number."""
        self.most = most
        # Ordered: of equal connections, the oldest is dropped first.
        self._members: dict[Member, None] = {}
        self._unsent: dict[Member, None] = {}

    def enter(self, member: Member) -> bool:
        """Add a connection. False if there are too many and each is waiting for its answer."""
        if 0 < self.most <= len(self._members):
            self._drop(self._members, max(1, self.most // SHARE))
            if self.most <= len(self._members):
                return False
        self._members[member] = None
        return True

    def leave(self, member: Member) -> None:
        """A connection has ended, or is about to."""
        self._members.pop(member, None)
        self._unsent.pop(member, None)

    def left_unread(self, member: Member) -> None:
        """A client has not read all of a response. Drops the slowest readers if that is too much."""
        self._unsent[member] = None
        self._unsent = {one: None for one in self._unsent if one.unsent()}
        while len(self._unsent) > 1 and sum(one.unsent() for one in self._unsent) > UNSENT_BYTES:
            if not self._drop(self._unsent, 1):
                return

    def _drop(self, members: Iterable[Member], count: int) -> bool:
        now = asyncio.get_running_loop().time()
        ranked = [(rank, place, one) for place, one in enumerate(members) if (rank := one.rank(now)) is not None]
        slowest = heapq.nsmallest(count, ranked)
        # Beyond the first, only clients that hold up the others.
        for place, (rank, _, one) in enumerate(slowest):
            if place == 0 or rank[0] <= IDLE:
                self.leave(one)
                one.drop()
        return bool(slowest)
