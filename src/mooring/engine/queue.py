"""What runs next: requests cut into windows go in, one batch at a time comes out. Plain data: no clock, thread or lock.

Used by the worker's threads under their lock (`worker.py`) and by `offline.py`.

A batch on a CPU costs about as much as the padded tokens in it, and cannot be interrupted. Whoever comes waits for the
batch that is running and for those before it, so what a batch may hold is decided by who waits for it:

* Rounds. Each waiting request has one turn in a round, and its turn leads a batch. A request that comes while a round
  is on has its turn in the next, before those that were served already. So a newcomer waits for one round at most, and
  however many newcomers there are, the older ones get their turns. With one request of a thousand windows and many of
  one: the large one computes a batch, then everybody who came meanwhile, then the large one again.
* Mates. The leader's batch is filled, up to the grid's tokens, with windows of the same padded length, then of lengths
  close to it: never with one more than `max_waste` shorter than the batch. Being a mate is a turn taken early.
* Large requests. A request that still needs more tokens than the longest window has joins no batch that a smaller one
  waits for: it would delay the small one and end the large one no sooner. A batch of only such windows ends at
  `ride_tokens`: a newcomer waits for that much, or for one window if that is more. (A large request of windows of 64
  tokens loses a tenth of its throughput to this, one of full windows nothing.)
* The grid computes 8 rows for 5, and 8 cost more than 4 and 1. If more than a fifth of the rows were padding, the last
  ones wait a batch longer.

Everything is lazy: a record in a deque is good only while its ticket is its entry's. So taking, dropping and expiring
cost nothing in the middle of the queue, and a record is looked at once: `take` costs O(batch) amortised, whoever waits.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mooring.backends.base import ShapeGrid
from mooring.engine.lengths import LengthClasses

T = TypeVar("T")

FULL_ENOUGH = 0.8
"""Part of a batch's rows that must be real, if a smaller batch is in the grid."""


@dataclass(slots=True, eq=False)
class Entry(Generic[T]):
    """One request's windows. `owner` is whatever its answer goes back to."""

    owner: T
    deadline: float
    order: list[int]
    """Indices of its windows in the order of computing: longest first, so that alike ones follow each other."""
    classes: list[int]
    """For each of them its class of length."""
    tokens: int
    """Padded tokens not yet taken."""
    taken: int = 0
    ticket: int = 0
    """Of the one record that stands for it; 0 when it is not waiting."""

    @property
    def windows(self) -> int:
        """Windows not yet taken."""
        return len(self.order) - self.taken


Records = deque[tuple[Entry[T], int]]
"""Entries with the ticket each had when it was put here."""


@dataclass(slots=True)
class Take(Generic[T]):
    """One batch. No rows: nothing waits."""

    rows: list[tuple[Entry[T], int]] = field(default_factory=list)
    """Entry and index of its window."""
    classes: list[int] = field(default_factory=list)
    """Each row's class of length."""
    expired: list[Entry[T]] = field(default_factory=list)
    """Entries found past their deadline; they are out of the queue."""
    most: int = 1
    """Rows it may have."""
    small: bool = False
    """Whether one of the rows is of a request that is not large."""


class _Round(Generic[T]):
    """Waiting entries: in order of their turns, and by (large, class of the next window) to find mates."""

    def __init__(self) -> None:
        self.turns: Records[T] = deque()
        self.mates: defaultdict[tuple[bool, int], Records[T]] = defaultdict(deque)


class Queue(Generic[T]):
    """See the module. Not thread-safe."""

    def __init__(self, grid: ShapeGrid, *, ride_tokens: int = 0, max_waste: float = 0.125) -> None:
        """`ride_tokens` 0 means half of the longest window."""
        self._grid = grid
        self._classes = LengthClasses(grid, ride_tokens=ride_tokens or grid.lengths[-1] // 2, max_waste=max_waste)
        self._ticket = 0
        self._dropped = 0
        # Each a pair: those who came since the round before, and those who were served in it already.
        self._now: tuple[_Round[T], _Round[T]] = (_Round(), _Round())
        self._next: tuple[_Round[T], _Round[T]] = (_Round(), _Round())
        self.entries = 0
        """Requests that wait, whole or in part."""
        self.windows = 0
        """Windows that wait."""
        self.tokens = 0
        """Their padded tokens."""
        self.visits = 0
        """Records looked at so far: what the queue's work is measured by."""

    def entry(self, owner: T, lengths: Sequence[int], deadline: float) -> Entry[T]:
        """Make an entry for `add` of at least one window of so many tokens. Needs no lock.

        Raises ValueError for a length the grid does not hold.
        """
        classes = [self._classes.of(length) for length in lengths]
        order = sorted(range(len(classes)), key=lambda index: -classes[index])
        ordered = [classes[index] for index in order]
        return Entry(owner, deadline, order, ordered, sum(self._classes.padded[place] for place in ordered))

    def add(self, entry: Entry[T], *, first: bool = False) -> None:
        """Let it wait for its turn; `first` before everybody else (a probe)."""
        self.entries += 1
        self.windows += entry.windows
        self.tokens += entry.tokens
        self._insert(self._now[0] if first else self._next[0], entry, first=first)

    def drop(self, entry: Entry[T]) -> int:
        """Forget what has not been taken of it. Returns how many windows that spared; 0 if it did not wait."""
        if not entry.ticket:
            return 0
        entry.ticket = 0
        self.entries -= 1
        self.windows -= entry.windows
        self.tokens -= entry.tokens
        self._dropped += 1
        if self._dropped > 256 + self.entries:
            self._sweep()
        return entry.windows

    def clear(self) -> list[Entry[T]]:
        """Take everybody out, in no special order."""
        rounds = (*self._now, *self._next)
        waiting = [entry for each in rounds for entry, ticket in each.turns if entry.ticket == ticket]
        for entry in waiting:
            self.drop(entry)
        return waiting

    def take(self, now: float, *, rows: int | None = None) -> Take[T]:
        """The next batch, at `now` on the clock of the deadlines, of so many rows at most. They have left the queue."""
        batch: Take[T] = Take(most=rows or self._grid.batches[-1])
        lead = self._lead(now, batch.expired)
        if lead is None:
            return batch
        undo: list[tuple[Records[T], int]] = []
        near = self._classes.near[lead.classes[lead.taken]]
        self._pick(batch, lead)
        sources = (*self._now, *self._next)
        for large in (False, True):
            for place in near:
                for source in sources:
                    self._fill(batch, source.mates.get((large, place)), now, undo)
        self._trim(batch, undo)
        return batch

    def padded(self, batch: Take[T]) -> tuple[int, int]:
        """The (rows, length) that the grid computes for a batch with rows."""
        length = self._classes.padded[max(batch.classes)]
        return self._grid.padded_batch(len(batch.rows)), length

    def row_tokens(self, batch: Take[T]) -> int:
        """Padded tokens of the batch's windows, each by itself: what left the queue with it."""
        return sum(self._classes.padded[place] for place in batch.classes)

    def _large(self, entry: Entry[T]) -> bool:
        return entry.tokens > self._classes.padded[-1]

    def _insert(self, into: _Round[T], entry: Entry[T], *, first: bool = False) -> None:
        self._ticket += 1
        entry.ticket = self._ticket
        mates = into.mates[self._large(entry), entry.classes[entry.taken]]
        for records in (into.turns, mates):
            (records.appendleft if first else records.append)((entry, self._ticket))

    def _sweep(self) -> None:
        """Throw away the records of the dropped: while nothing is taken, nobody else would."""
        self._dropped = 0
        for each in (*self._now, *self._next):
            for records in (each.turns, *each.mates.values()):
                for _ in range(len(records)):
                    entry, ticket = records.popleft()
                    if entry.ticket == ticket:
                        records.append((entry, ticket))

    def _lead(self, now: float, expired: list[Entry[T]]) -> Entry[T] | None:
        """Whose turn it is. Begins the next round when this one is over."""
        for _ in range(2):
            for each in self._now:
                while each.turns:
                    self.visits += 1
                    entry, ticket = each.turns.popleft()
                    if self._good(entry, ticket, now, expired):
                        return entry
            self._now, self._next = self._next, (_Round(), _Round())
        return None

    def _good(self, entry: Entry[T], ticket: int, now: float, expired: list[Entry[T]]) -> bool:
        if entry.ticket != ticket:
            return False
        if entry.deadline > now:
            return True
        self.drop(entry)
        expired.append(entry)
        return False

    def _fill(self, batch: Take[T], mates: Records[T] | None, now: float, undo: list[tuple[Records[T], int]]) -> None:
        """Take mates, all of one class and one kind, while they fit. `undo` learns how to give each back."""
        while mates:
            entry, ticket = mates[0]
            self.visits += 1
            if not self._good(entry, ticket, now, batch.expired):
                mates.popleft()
            elif self._room(batch, entry):
                mates.popleft()
                undo.append((mates, ticket))
                self._pick(batch, entry)
            else:
                return

    def _room(self, batch: Take[T], entry: Entry[T]) -> bool:
        """May this entry's next window make the batch one row wider?"""
        large = self._large(entry)
        if large and batch.small:
            return False
        place = entry.classes[entry.taken]
        top, low = max(place, *batch.classes), min(place, *batch.classes)
        most = (self._classes.ride_rows if large else self._classes.max_rows)[top]
        return len(batch.rows) < min(most, batch.most) and self._classes.fits[top][low]

    def _pick(self, batch: Take[T], entry: Entry[T]) -> None:
        """Take the entry's next window out of the queue; if it has more, they wait for the next round."""
        place = entry.classes[entry.taken]
        batch.small = batch.small or not self._large(entry)
        batch.rows.append((entry, entry.order[entry.taken]))
        batch.classes.append(place)
        entry.taken += 1
        entry.tokens -= self._classes.padded[place]
        entry.ticket = 0
        self.windows -= 1
        self.tokens -= self._classes.padded[place]
        if entry.windows:
            self._insert(self._next[1], entry)
        else:
            self.entries -= 1

    def _trim(self, batch: Take[T], undo: list[tuple[Records[T], int]]) -> None:
        """Give rows back when the grid's next smaller batch fits better."""
        rows = len(batch.rows)
        if rows >= FULL_ENOUGH * self.padded(batch)[0]:
            return
        fit = max((size for size in self._grid.batches if size <= rows), default=rows)
        while len(batch.rows) > fit:
            entry, _ = batch.rows.pop()
            tokens = self._classes.padded[batch.classes.pop()]
            mates, ticket = undo.pop()
            self.entries += 0 if entry.ticket else 1
            self.windows += 1
            self.tokens += tokens
            entry.taken -= 1
            entry.tokens += tokens
            # With its old ticket its old record among the turns is good again: it keeps its place.
            entry.ticket = ticket
            mates.appendleft((entry, ticket))
