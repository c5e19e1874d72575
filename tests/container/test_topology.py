"""Which workers for which machine."""

import pytest

from mooring.container.topology import GROWTH, Topology, affordable, plan
from mooring.observe.machine import Machine

GIB = 1 << 30


def planned(cores: int, *, cpus: float | None = None, workers: int = 0, threads: int = 0) -> Topology:
    """For a machine of so many cores."""
    machine = Machine(tuple(range(cores)), cpus if cpus is not None else float(cores), 16 * GIB)
    return plan(machine, workers=workers, threads=threads, standby=True)


@pytest.mark.parametrize("cores", [1, 2, 4, 7])
def test_a_small_machine_has_one_engine_with_every_core_and_a_standby(cores: int) -> None:
    """Batches and the queue see all the traffic."""
    found = planned(cores)
    assert [(worker.slot, worker.threads, worker.cores) for worker in found.active] == [(1, cores, ())]
    assert found.standby is not None
    assert (found.standby.slot, found.standby.threads) == (2, cores)


@pytest.mark.parametrize(("cores", "count"), [(8, 2), (16, 4), (64, 16)])
def test_a_large_machine_has_several_engines_with_cores_of_their_own(cores: int, count: int) -> None:
    """Every core belongs to one worker; the others stand by for each."""
    found = planned(cores)
    assert len(found.active) == count
    assert found.standby is None
    assert sorted(core for worker in found.active for core in worker.cores) == list(range(cores))
    assert {worker.threads for worker in found.active} == {4}


def test_a_quota_counts_and_not_the_cores() -> None:
    """Of 64 cores, 2.5 CPUs: one engine with two threads, on whichever cores."""
    found = planned(64, cpus=2.5)
    assert [(worker.threads, worker.cores) for worker in found.active] == [(2, ())]
    assert "2.5 CPUs by quota" in found.reason


def test_workers_that_were_asked_for_share_the_cores() -> None:
    """As evenly as can be."""
    found = planned(5, workers=2)
    assert [worker.cores for worker in found.active] == [(0, 1, 2), (3, 4)]
    assert [worker.threads for worker in found.active] == [3, 2]
    assert found.standby is None
    assert found.reason == "as configured"


def test_more_workers_than_cores_have_one_thread_each_and_no_core_of_their_own() -> None:
    """The kernel shares the cores out."""
    found = planned(2, workers=4)
    assert [(worker.threads, worker.cores) for worker in found.active] == [(1, ())] * 4


def test_threads_that_were_asked_for_are_each_workers() -> None:
    """OMP_NUM_THREADS of the stock container."""
    assert [worker.threads for worker in planned(4, threads=1).workers] == [1, 1]


def test_one_worker_without_a_standby_if_that_is_wanted() -> None:
    """Half of the memory."""
    assert plan(Machine((0, 1), 2.0, None), workers=1, threads=0, standby=False).standby is None


@pytest.mark.parametrize(
    ("wanted", "limit", "each", "count"),
    [(1, None, 300, 1), (1, 2000, 300, 1), (1, 900, 300, 0), (3, 2700, 300, 2), (3, 100_000, 300, 3), (3, 10, 300, 0)],
)
def test_so_many_more_workers_fit_below_the_memory_limit(wanted: int, limit: int | None, each: int, count: int) -> None:
    """Each counted as large as it becomes, with a tenth of the limit to spare."""
    assert affordable(wanted, limit=limit, used=350, each=each) == count
    if limit is not None and count:
        assert 350 + (count + 1) * GROWTH * each - each <= limit
