"""What the queue takes next, case by case; the clock is a number."""

import pytest

from mooring.backends.base import ShapeGrid
from mooring.engine.queue import Entry, Queue, Take

GRID = ShapeGrid(lengths=(16, 32, 64, 112, 128, 256), batches=(1, 2, 4, 8), tokens=256)
NEVER = float("inf")


def put(queue: Queue[str], name: str, *lengths: int, deadline: float = NEVER) -> Entry[str]:
    entry = queue.entry(name, lengths, deadline)
    queue.add(entry)
    return entry


def names(batch: Take[str]) -> str:
    return "".join(entry.owner for entry, _ in batch.rows)


def drained(queue: Queue[str], now: float = 0.0) -> list[str]:
    """The batches until nothing waits, each as its owners' names in order of rows."""
    batches = []
    while (batch := queue.take(now)).rows:
        batches.append(names(batch))
    return batches


def test_an_empty_queue_gives_an_empty_batch() -> None:
    """Nothing waits, nothing runs."""
    queue: Queue[str] = Queue(GRID)
    assert queue.take(0.0).rows == []


def test_alike_windows_share_a_batch_up_to_the_budget() -> None:
    """Four windows of 64 are 256 tokens; the fifth waits."""
    queue: Queue[str] = Queue(GRID)
    for name in "abcde":
        put(queue, name, 60)
    assert drained(queue) == ["abcd", "e"]


def test_windows_of_close_lengths_share_a_batch_and_distant_ones_do_not() -> None:
    """128 takes 112 along, but not 64."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "a", 120)
    put(queue, "b", 60)
    put(queue, "c", 100)
    assert drained(queue) == ["ac", "b"]


def test_a_shorter_leader_may_be_computed_longer() -> None:
    """Padding 112 to 128 costs less than another batch."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "a", 100)
    put(queue, "b", 120)
    batch = queue.take(0.0)
    assert names(batch) == "ab"
    assert queue.padded(batch) == (2, 128)


def test_the_same_length_goes_before_a_close_one() -> None:
    """Of two mates for one place the one that wastes nothing wins, though it came later."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "a", 120)
    put(queue, "b", 100)
    put(queue, "c", 120)
    assert drained(queue) == ["ac", "b"]


def test_five_rows_are_computed_as_four_and_one() -> None:
    """The grid would compute eight for five; four fifths must be real."""
    queue: Queue[str] = Queue(GRID)
    for name in "abcde":
        put(queue, name, 30)
    assert drained(queue) == ["abcd", "e"]


def test_seven_rows_are_computed_as_eight() -> None:
    """An eighth of padding is accepted."""
    queue: Queue[str] = Queue(GRID)
    for name in "abcdefg":
        put(queue, name, 30)
    assert drained(queue) == ["abcdefg"]


def test_rows_given_back_keep_their_turn() -> None:
    """The one that did not fit leads the next batch, before who came later."""
    queue: Queue[str] = Queue(GRID)
    for name in "abc":
        put(queue, name, 60)
    assert names(queue.take(0.0)) == "ab"
    put(queue, "d", 120)
    assert drained(queue) == ["c", "d"]


def test_a_small_request_stays_together() -> None:
    """Its windows fill the batch it leads."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "a", 60, 60, 60, 60)
    put(queue, "b", 120)
    assert drained(queue) == ["aaaa", "b"]


def test_windows_of_one_request_are_computed_longest_first() -> None:
    """Alike ones follow each other and share batches."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "a", 10, 120, 10, 120)
    assert [[index for _, index in queue.take(0.0).rows] for _ in range(2)] == [[1, 3], [0, 2]]


def test_a_newcomer_goes_before_the_next_turn_of_a_large_request() -> None:
    """It waits for the batch that runs, and for no more."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "L", *[120] * 10)
    queue.take(0.0)
    put(queue, "a", 60)
    put(queue, "b", 60)
    assert [names(queue.take(0.0)) for _ in range(3)] == ["ab", "L", "L"]


def test_a_large_request_does_not_widen_a_batch_that_a_small_one_waits_for() -> None:
    """Though its windows are of the same length and there is room."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "L", *[60] * 20)
    queue.take(0.0)
    put(queue, "a", 60)
    assert names(queue.take(0.0)) == "a"


@pytest.mark.parametrize(("ride_tokens", "rows"), [(0, 2), (64, 1), (256, 4), (9999, 4)])
def test_a_batch_of_a_large_request_alone_ends_at_its_own_budget(ride_tokens: int, rows: int) -> None:
    """Whoever comes meanwhile waits for no more than that; 0 means half, and the grid's own are the most."""
    queue: Queue[str] = Queue(GRID, ride_tokens=ride_tokens)
    put(queue, "L", *[60] * 20)
    assert "L" * rows == names(queue.take(0.0))


def test_the_end_of_a_large_request_is_a_small_one() -> None:
    """When what is left fits a batch it is computed as one."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "L", *[60] * 6)
    assert drained(queue) == ["LL", "LLLL"]


def test_the_older_ones_get_their_turns_whoever_comes() -> None:
    """A newcomer with every batch does not keep a large request waiting for more than a turn."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "L", *[120] * 40)
    order = []
    for _ in range(20):
        put(queue, "n", 60)
        order.append(names(queue.take(0.0))[0])
    assert order.count("L") == 10


def test_two_large_requests_take_turns() -> None:
    """Neither waits for the other's end."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "A", *[120] * 10)
    put(queue, "B", *[120] * 10)
    assert [names(queue.take(0.0)) for _ in range(4)] == ["A", "B", "A", "B"]


def test_a_probe_goes_before_everybody() -> None:
    """Health must not wait for a backlog."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "L", *[120] * 10)
    put(queue, "a", 60)
    queue.take(0.0)
    queue.add(queue.entry("p", [10], NEVER), first=True)
    assert names(queue.take(0.0)) == "p"


def test_an_expired_entry_is_reported_and_not_computed() -> None:
    """At its deadline it is late already; the others run."""
    queue: Queue[str] = Queue(GRID)
    late = put(queue, "a", 60, deadline=5.0)
    put(queue, "b", 60, deadline=5.1)
    batch = queue.take(5.0)
    assert names(batch) == "b"
    assert [late] == batch.expired
    assert (queue.entries, queue.windows, queue.tokens) == (0, 0, 0)


def test_an_expired_mate_is_reported_and_not_computed() -> None:
    """Also when it is met while a batch is filled."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "a", 60)
    late = put(queue, "b", 60, deadline=5.0)
    batch = queue.take(6.0)
    assert ("a", [late]) == (names(batch), batch.expired)


def test_only_expired_entries_give_a_batch_without_rows() -> None:
    """The caller must tell them, and has nothing to run."""
    queue: Queue[str] = Queue(GRID)
    late = put(queue, "a", 60, deadline=5.0)
    batch = queue.take(6.0)
    assert ([], [late]) == (batch.rows, batch.expired)


def test_a_dropped_entry_is_never_computed() -> None:
    """`drop` says how many windows that spared, once."""
    queue: Queue[str] = Queue(GRID)
    entry = put(queue, "L", *[120] * 10)
    queue.take(0.0)
    assert queue.drop(entry) == 9
    assert queue.drop(entry) == 0
    assert drained(queue) == []
    assert (queue.entries, queue.windows, queue.tokens) == (0, 0, 0)


def test_clear_takes_everybody_out() -> None:
    """Those of this round and of the next."""
    queue: Queue[str] = Queue(GRID)
    put(queue, "L", *[120] * 10)
    put(queue, "M", *[120] * 10)
    queue.take(0.0)
    put(queue, "a", 60)
    assert sorted(entry.owner for entry in queue.clear()) == ["L", "M", "a"]
    assert (drained(queue), queue.windows) == ([], 0)


def test_entries_dropped_while_nothing_is_taken_do_not_pile_up() -> None:
    """A stuck batch and clients that come and go leave a bounded number of records behind."""
    queue: Queue[str] = Queue(GRID)
    kept = put(queue, "k", 60)
    for _ in range(10_000):
        queue.drop(put(queue, "x", 60))
    records = sum(len(each.turns) for each in (*queue._now, *queue._next))
    assert records < 1000
    assert [(kept, 0)] == queue.take(0.0).rows


def test_a_window_longer_than_the_grid_is_refused() -> None:
    """Before it is in the queue, where it could only fail others."""
    with pytest.raises(ValueError, match="257 tokens"):
        Queue[str](GRID).entry("a", [257], NEVER)


@pytest.mark.parametrize("waiting", [100, 10_000])
def test_taking_costs_as_much_as_the_batch_however_many_wait(waiting: int) -> None:
    """Counted in records looked at, not in time: below ten a row, with 100 and with 10,000 entries of mixed lengths."""
    queue: Queue[str] = Queue(GRID)
    for place in range(waiting):
        put(queue, "x", *[1 + (place * 37) % 128] * (1 + place % 3))
    rows, most = 0, 0
    while True:
        before = queue.visits
        batch = queue.take(0.0)
        if not batch.rows:
            break
        rows += len(batch.rows)
        most = max(most, queue.visits - before)
    assert sum(1 + place % 3 for place in range(waiting)) == rows
    assert queue.visits < 10 * rows
    assert most < 2 * waiting


def test_dropping_ten_thousand_costs_a_look_at_each() -> None:
    """Cancelled entries in front of a live one are passed over once."""
    queue: Queue[str] = Queue(GRID)
    entries = [put(queue, "x", 60) for _ in range(10_000)]
    kept = put(queue, "k", 60)
    for entry in entries:
        queue.drop(entry)
    assert [(kept, 0)] == queue.take(0.0).rows
    assert queue.visits <= 2 * 10_000
