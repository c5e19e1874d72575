"""What holds of the queue for every order of adding, dropping, taking and passing time."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from mooring.backends.base import ShapeGrid
from mooring.engine.queue import Entry, Queue, Take

GRIDS = (
    ShapeGrid(lengths=(16, 32, 64, 112, 128), batches=(1, 2, 4, 8), tokens=256),
    ShapeGrid(lengths=(128, 144, 160, 176, 192), batches=(1, 2, 4, 8), tokens=1024),
    ShapeGrid(lengths=(64,), batches=(1,), tokens=64),
    ShapeGrid(lengths=(32, 36, 40), batches=(3, 8), tokens=320),
)
MAX_WASTE = 0.125

lengths = st.integers(1, 128)
add = st.tuples(st.just("add"), st.lists(lengths, min_size=1, max_size=12), st.none() | st.integers(0, 30))
drop = st.tuples(st.just("drop"), st.integers(0, 1000), st.none())
take = st.tuples(st.just("take"), st.integers(0, 3), st.none())
scripts = st.lists(st.one_of(add, add, take, take, drop), max_size=60)


@dataclass
class Ledger:
    """Every entry of a run and what became of its windows."""

    queue: Queue[int]
    now: float = 0.0
    entries: list[Entry[int]] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    computed: list[list[int]] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    """Dropped or expired."""
    patience: dict[int, int] = field(default_factory=dict)
    """For those that have not begun: how many more batches they may see go by."""
    batches: list[Take[int]] = field(default_factory=list)

    def add(self, windows: list[int], deadline: int | None, longest: int) -> None:
        """A request whose windows fit the grid."""
        fitting = [min(window, longest) for window in windows]
        entry = self.queue.entry(len(self.entries), fitting, float("inf") if deadline is None else deadline)
        self.patience[entry.owner] = self.queue.entries
        self.entries.append(entry)
        self.wanted.append(len(fitting))
        self.computed.append([])
        self.queue.add(entry)

    def drop(self, place: int) -> None:
        """Somebody goes away."""
        if self.entries:
            owner = place % len(self.entries)
            if self.queue.drop(self.entries[owner]):
                self.ended.add(owner)

    def take(self, later: int) -> Take[int]:
        """Time passes, a batch is taken."""
        self.now += later
        batch = self.queue.take(self.now)
        for entry in batch.expired:
            assert entry.deadline <= self.now
            assert entry.owner not in self.ended
            self.ended.add(entry.owner)
        for entry, index in batch.rows:
            assert entry.owner not in self.ended
            assert entry.deadline > self.now
            self.computed[entry.owner].append(index)
        led = {entry.owner for entry, _ in batch.rows}
        for owner in list(self.patience):
            if owner in led or owner in self.ended:
                del self.patience[owner]
            elif batch.rows:
                self.patience[owner] -= 1
        self.batches.append(batch)
        return batch


def play(grid: ShapeGrid, script: list[tuple[str, object, object]]) -> Ledger:
    """Run the script, then take until nothing waits."""
    ledger = Ledger(Queue(grid, max_waste=MAX_WASTE))
    for what, first, second in script:
        if what == "add":
            ledger.add(first, second, grid.lengths[-1])  # type: ignore[arg-type]
        elif what == "drop":
            ledger.drop(first)  # type: ignore[arg-type]
        else:
            ledger.take(first)  # type: ignore[arg-type]
        counted(ledger)
    while ledger.take(0).rows:
        counted(ledger)
    return ledger


def counted(ledger: Ledger) -> None:
    """The queue's own counts are those of what waits."""
    waiting = [entry for entry in ledger.entries if entry.ticket]
    queue = ledger.queue
    assert (len(waiting), sum(entry.windows for entry in waiting), sum(entry.tokens for entry in waiting)) == (
        queue.entries,
        queue.windows,
        queue.tokens,
    )


@settings(max_examples=60, deadline=None)
@given(grid=st.sampled_from(GRIDS), script=scripts)
def test_nothing_is_lost_and_nothing_computed_twice(grid: ShapeGrid, script: list[tuple[str, object, object]]) -> None:
    """Every window of a request that stays is computed once; of one that left, at most once, and none after it left."""
    ledger = play(grid, script)
    for owner, indices in enumerate(ledger.computed):
        assert len(set(indices)) == len(indices)
        if owner not in ledger.ended:
            assert set(range(ledger.wanted[owner])) == set(indices)
    assert (ledger.queue.entries, ledger.queue.windows, ledger.queue.tokens) == (0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(grid=st.sampled_from(GRIDS), script=scripts)
def test_every_batch_keeps_to_the_grid(grid: ShapeGrid, script: list[tuple[str, object, object]]) -> None:
    """Rows and tokens within the budget, and no more than a fifth of the rows padding if a smaller batch exists."""
    ledger = play(grid, script)
    for batch in ledger.batches:
        if not batch.rows:
            continue
        rows, length = ledger.queue.padded(batch)
        assert len(batch.rows) <= grid.max_rows(length)
        assert rows * length <= grid.tokens or rows == grid.batches[0] or rows == 1
        assert len(batch.rows) >= 0.8 * rows or len(batch.rows) <= grid.batches[0]


@settings(max_examples=60, deadline=None)
@given(grid=st.sampled_from(GRIDS), script=scripts)
def test_padding_to_the_batch_is_bounded(grid: ShapeGrid, script: list[tuple[str, object, object]]) -> None:
    """No row is computed as more than an eighth of padding beyond its own length in the grid."""
    ledger = play(grid, script)
    for batch in ledger.batches:
        if batch.rows:
            _, length = ledger.queue.padded(batch)
            assert min(grid.lengths[place] for place in batch.classes) >= (1 - MAX_WASTE) * length


@settings(max_examples=60, deadline=None)
@given(grid=st.sampled_from(GRIDS), script=scripts)
def test_a_newcomer_waits_for_one_turn_of_each_who_was_there(
    grid: ShapeGrid, script: list[tuple[str, object, object]]
) -> None:
    """Fairness: a request begins after at most as many batches as requests waited when it came."""
    ledger = Ledger(Queue(grid, max_waste=MAX_WASTE))
    for what, first, second in script:
        if what == "add":
            ledger.add(first, second, grid.lengths[-1])  # type: ignore[arg-type]
        elif what == "take":
            ledger.take(first)  # type: ignore[arg-type]
            assert all(left >= 0 for left in ledger.patience.values())
