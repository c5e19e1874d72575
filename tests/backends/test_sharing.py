"""Backends that take turns: never two of them compute at the same time, and each computes its own answers."""

import threading
import time
from collections.abc import Sequence

import numpy as np

from mooring.backends.base import Outputs, Window
from mooring.backends.sharing import Turns, TurnTaking
from mooring.testing import FakeBackend

WINDOW = Window(np.array([1, 2, 3], np.int32), np.zeros(3, np.int32))


def test_they_compute_one_after_the_other() -> None:
    """Each of 12 would find others inside if it could compute beside them."""
    turn, results, inside, seen = Turns(), [], [], []

    def computing(_: Sequence[Window]) -> None:
        inside.append(1)
        time.sleep(0.002)
        seen.append(len(inside))
        inside.pop()

    def ask(one: TurnTaking) -> None:
        results.append(one.run([WINDOW]))

    backends = [TurnTaking(FakeBackend(on_run=computing), turn) for _ in range(3)]
    threads = [threading.Thread(target=ask, args=(one,)) for one in backends for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert seen == [1] * 12
    assert turn.waiting == 0


def test_one_waits_while_another_computes() -> None:
    """And goes on when that one is done."""
    turn = Turns()
    slow, other = FakeBackend(), FakeBackend()
    slow.gate.close()
    done: list[list[Outputs]] = []
    first = threading.Thread(target=lambda: done.append(TurnTaking(slow, turn).run([WINDOW])))
    second = threading.Thread(target=lambda: done.append(TurnTaking(other, turn).run([WINDOW])))
    first.start()
    slow.gate.wait_held()
    second.start()
    assert not done
    slow.gate.open()
    first.join()
    second.join()
    assert len(done) == 2


def test_it_is_the_backend_in_all_else() -> None:
    """Grid, outputs and facts are those of the one inside."""
    inner = FakeBackend()
    one = TurnTaking(inner, Turns())
    assert (one.grid, one.outputs, one.info()) == (inner.grid, inner.outputs, inner.info())


def test_turns_are_given_in_the_order_of_asking() -> None:
    """Nobody goes twice while another waits, which a plain lock allows."""
    turns = Turns()
    order: list[str] = []
    with turns:
        threads = []
        for name in "abc":
            threads.append(threading.Thread(target=lambda name=name: _take(turns, order, name)))
            threads[-1].start()
            while turns.waiting < len(threads) + 1:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == ["a", "b", "c"]


def _take(turns: Turns, order: list[str], name: str) -> None:
    with turns:
        order.append(name)
