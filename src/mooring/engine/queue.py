"""Schedule windows into batches. Plain data: no clock, thread or lock.

Used by the worker's threads under their lock (`worker.py`) and by `offline.py`.

The cost of a batch on a CPU is about proportional to its padded tokens, and it cannot be interrupted. A new request
waits for the running batch and those before it, so the contents of a batch depend on who is waiting:

* Rounds. Each waiting request has one turn per round, in which it leads a batch. A request that arrives during a round
has its turn in the next one, before those already served. So a new request waits for at most one round, and new
requests cannot starve old ones. With one request of a thousand windows and many of one window, the large one computes
a batch, then all that arrived meanwhile, then the large one again.
* Mates. The leader's batch is filled, up to the grid's tokens, with windows of the same padded length, then of similar
lengths: at most `max_waste` shorter than the batch. Being a mate counts as the request's turn.
* Large requests. A request that needs more tokens than the longest window does not join batches of small requests: it
would delay them without finishing sooner. A batch of only such windows holds at most `ride_tokens` (or one window),
which bounds the wait of a new request. (A large request of 64-token windows loses a tenth of its throughput to this,
one of full windows nothing.)
* Padding rows. The grid computes 8 rows for 5, and 8 cost more than 4 plus 1. If more than a fifth of the rows would
be padding, the last rows wait for the next batch.

Deletion is lazy: a record in a deque is valid only while its ticket equals its entry's. So taking, dropping and
expiring never search the queue, and each record is examined once: `take` costs O(batch) amortized, however many wait.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mooring.backends.base import ShapeGrid
from mooring.engine.lengths import LengthClasses

T = TypeVar("T")

FULL_ENOUGH = 0.8
"""Fraction of a batch's rows that must be real, if the grid has a smaller batch."""


@dataclass(slots=True, eq=False)
class Entry(Generic[T]):
    """One request's windows. `owner` is the job that they belong to."""

    owner: T
    deadline: float
    order: list[int]
    """Window indices in order of computation: longest first, so similar ones are adjacent."""
    classes: list[int]
    """Length class of each of them."""
    tokens: int
    """Padded tokens not yet taken."""
    taken: int = 0
    ticket: int = 0
    """Ticket of its valid record; 0 if it is not waiting."""

    @property
    def windows(self) -> int:
        """Windows not yet taken."""
        return len(self.order) - self.taken


Records = deque[tuple[Entry[T], int]]
"""(ticket, entry) records; valid while the ticket equals the entry's."""


@dataclass(slots=True)
class Take(Generic[T]):
    """One batch. Without rows nothing was waiting."""

    rows: list[tuple[Entry[T], int]] = field(default_factory=list)
    """(entry, window index) pairs."""
    classes: list[int] = field(default_factory=list)
    """Length class of each row."""
    expired: list[Entry[T]] = field(default_factory=list)
    """Expired entries, already removed from the queue."""
    most: int = 1
    """Most rows."""
    small: bool = False
    """Whether a row belongs to a request that is not large."""


class _Round(Generic[T]):
    """Waiting entries: in order of turns, and by (large, class of the next window) to find mates."""

    def __init__(self) -> None:
        self.turns: Records[T] = deque()
        self.mates: defaultdict[tuple[bool, int], Records[T]] = defaultdict(deque)


class Queue(Generic[T]):
    """See the module docstring. Not thread-safe."""

    def __init__(self, grid: ShapeGrid, *, ride_tokens: int = 0, max_waste: float = 0.125) -> None:
        """`ride_tokens` 0 means half of the longest window."""
        self._grid = grid
        self._classes = LengthClasses(grid, ride_tokens=ride_tokens or grid.lengths[-1] // 2, max_waste=max_waste)
        self._ticket = 0
        self._dropped = 0
        # Each a pair: entries that arrived since the previous round, and entries already served in it.
        self._now: tuple[_Round[T], _Round[T]] = (_Round(), _Round())
        self._next: tuple[_Round[T], _Round[T]] = (_Round(), _Round())
        self.entries = 0
        """Waiting requests, whole or in part."""
        self.windows = 0
        """Waiting windows."""
        self.tokens = 0
        """Padded tokens of the waiting windows."""
        self.visits = 0
        """Records examined so far: the measure of the queue's work."""

    def entry(self, owner: T, lengths: Sequence[int], deadline: float) -> Entry[T]:
        """Make an entry for `add` from at least one window length in tokens. Needs no lock.

        Raises ValueError for a length outside the grid.
        """
        classes = [self._classes.of(length) for length in lengths]
        order = sorted(range(len(classes)), key=lambda index: -classes[index])
        ordered = [classes[index] for index in order]
        return Entry(owner, deadline, order, ordered, sum(self._classes.padded[place] for place in ordered))

    def add(self, entry: Entry[T], *, first: bool = False) -> None:
        """Queue an entry; with `first` before all others (a probe)."""
        self.entries += 1
        self.windows += entry.windows
        self.tokens += entry.tokens
        self._insert(self._now[0] if first else self._next[0], entry, first=first)

    def drop(self, entry: Entry[T]) -> int:
        """Remove the windows not yet taken. Returns their number; 0 if it was not waiting."""
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
        """Remove all entries, in no particular order."""
        rounds = (*self._now, *self._next)
        waiting = [entry for each in rounds for entry, ticket in each.turns if entry.ticket == ticket]
        for entry in waiting:
            self.drop(entry)
        return waiting

    def take(self, now: float, *, rows: int | None = None) -> Take[T]:
        """Take the next batch of at most `rows` rows, at `now` on the clock of the deadlines."""
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
        """The (rows, length) that the grid computes for a non-empty batch."""
        length = self._classes.padded[max(batch.classes)]
        return self._grid.padded_batch(len(batch.rows)), length

    def _large(self, entry: Entry[T]) -> bool:
        return entry.tokens > self._classes.padded[-1]

    def _insert(self, into: _Round[T], entry: Entry[T], *, first: bool = False) -> None:
        self._ticket += 1
        entry.ticket = self._ticket
        mates = into.mates[self._large(entry), entry.classes[entry.taken]]
        for records in (into.turns, mates):
            (records.appendleft if first else records.append)((entry, self._ticket))

    def _sweep(self) -> None:
        """Discard records of dropped entries, which otherwise happens only on `take`."""
        self._dropped = 0
        for each in (*self._now, *self._next):
            for records in (each.turns, *each.mates.values()):
                for _ in range(len(records)):
                    entry, ticket = records.popleft()
                    if entry.ticket == ticket:
                        records.append((entry, ticket))

    def _lead(self, now: float, expired: list[Entry[T]]) -> Entry[T] | None:
        """The entry whose turn it is. Begins the next round when this one is over."""
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
        """Take mates of one class and one kind while they fit. `undo` collects how to return each."""
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
        """Whether this entry's next window may join the batch."""
        large = self._large(entry)
        if large and batch.small:
            return False
        place = entry.classes[entry.taken]
        top, low = max(place, *batch.classes), min(place, *batch.classes)
        most = (self._classes.ride_rows if large else self._classes.max_rows)[top]
        return len(batch.rows) < min(most, batch.most) and self._classes.fits[top][low]

    def _pick(self, batch: Take[T], entry: Entry[T]) -> None:
        """Take the entry's next window; the rest waits for the next round."""
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
        """Return rows if the grid's next smaller batch fits better."""
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
            # Its old ticket makes its old record valid again, so it keeps its place.
            entry.ticket = ticket
            mates.appendleft((entry, ticket))
