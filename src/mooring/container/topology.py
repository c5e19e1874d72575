"""Decide how many workers to run, and on which cores. Pure.

A single engine with all threads sees all the traffic, so it has fuller batches and a single queue. Below `SPLIT_FROM`
cores there is therefore one active worker, with a warm standby to replace it. From there on, batches of an encoder no
longer keep all cores busy, and several workers get their own cores.
"""

from dataclasses import dataclass

from mooring.observe.machine import Machine

SPLIT_FROM = 8
CORES_EACH = 4
"""Cores per worker, if there are several."""
HEADROOM = 0.9
"""Fraction of the memory limit that workers may use."""
GROWTH = 2.1
"""Growth of a worker's memory from when it is ready until its streams are open and all shapes are compiled."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves requests."""

    slot: int
    """From 1. A replacement gets the same slot."""
    threads: int
    cores: tuple[int, ...] = ()
    """Cores reserved for it; empty for any."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The workers to run."""

    active: tuple[Worker, ...]
    standby: Worker | None
    reason: str
    """Why, in a few words."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """All workers, in the order of their start."""
        return (*self.active, *([self.standby] if self.standby else []))


def plan(machine: Machine, *, workers: int, threads: int, standby: bool) -> Topology:
    """The topology for the machine. `workers` and `threads` (per worker) of 0 are chosen by it."""
    if workers:
        count, reason = workers, "as configured"
    elif machine.threads >= SPLIT_FROM:
        count = machine.threads // CORES_EACH
        reason = f"{machine.threads} cores, {CORES_EACH} per worker"
    else:
        count, reason = 1, f"{_cpus(machine)}, fewer than {SPLIT_FROM}: a single worker uses all of them"
    active = tuple(
        Worker(slot, threads or _share(machine.threads, count, slot), _cores(machine, count, slot))
        for slot in range(1, count + 1)
    )
    spare = Worker(count + 1, active[0].threads) if standby and count == 1 else None
    return Topology(active, spare, reason)


def _share(threads: int, count: int, slot: int) -> int:
    """Threads of the worker in a slot: evenly divided, at least 1."""
    return max(1, threads // count + (1 if slot <= threads % count else 0))


def _cores(machine: Machine, count: int, slot: int) -> tuple[int, ...]:
    """Cores of the worker in a slot; empty if there are too few, or if the limit is a CPU quota."""
    if count == 1 or machine.threads < len(machine.cores) or count > len(machine.cores):
        return ()
    sizes = [_share(len(machine.cores), count, number) for number in range(1, count + 1)]
    first = sum(sizes[: slot - 1])
    return machine.cores[first : first + sizes[slot - 1]]


def _cpus(machine: Machine) -> str:
    whole = len(machine.cores)
    return f"{whole} core{'' if whole == 1 else 's'}" if machine.cpus >= whole else f"{machine.cpus:g} CPUs by quota"


def affordable(wanted: int, *, limit: int | None, used: int, each: int) -> int:
    """How many of `wanted` further workers fit below the memory limit.

    `used` bytes are already in use, `each` of them by the first worker, which has just become ready.
    """
    if limit is None or each <= 0:
        return wanted
    grown = int(GROWTH * each)
    room = int(HEADROOM * limit) - used - (grown - each)
    return max(0, min(wanted, room // grown))
