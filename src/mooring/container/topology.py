"""A machine and settings in, which workers to run on which cores out. Pure. Called by `supervisor.py`.

One engine with every thread sees all the traffic: its batches are fuller and its queue is one. So below `SPLIT_FROM`
cores there is one active worker, and a second one stands by, warm, for when the first one dies. From there on batches
of an encoder no longer keep all cores busy, and several workers have cores of their own.
"""

from dataclasses import dataclass

from mooring.observe.machine import Machine

SPLIT_FROM = 8
CORES_EACH = 4
"""Of each worker, where there are several."""
HEADROOM = 0.9
"""Part of the memory limit that workers may fill."""
GROWTH = 2.1
"""How much more memory a worker has once its streams are open and every shape is computed than when it is ready."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that answers."""

    slot: int
    """From 1. A worker that replaces another has its slot."""
    threads: int
    cores: tuple[int, ...] = ()
    """Of its own; empty: whichever are free."""


@dataclass(frozen=True, slots=True)
class Topology:
    """What is to run."""

    active: tuple[Worker, ...]
    standby: Worker | None
    reason: str
    """Why, in a few words."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """All of them, the first to be started first."""
        return (*self.active, *([self.standby] if self.standby else []))


def plan(machine: Machine, *, workers: int, threads: int, standby: bool) -> Topology:
    """What fits the machine. `workers` and `threads` 0 decide by it; `threads` is each worker's."""
    if workers:
        count, reason = workers, f"{workers} asked for"
    elif machine.threads >= SPLIT_FROM:
        count = machine.threads // CORES_EACH
        reason = f"{machine.threads} cores, {CORES_EACH} a worker"
    else:
        count, reason = 1, f"{_cpus(machine)}, below {SPLIT_FROM}: one engine with all of them"
    active = tuple(
        Worker(slot, threads or _share(machine.threads, count, slot), _cores(machine, count, slot))
        for slot in range(1, count + 1)
    )
    spare = Worker(count + 1, active[0].threads) if standby and count == 1 else None
    return Topology(active, spare, reason)


def _share(threads: int, count: int, slot: int) -> int:
    """Threads of the worker in a slot: as even as can be, at least 1."""
    return max(1, threads // count + (1 if slot <= threads % count else 0))


def _cores(machine: Machine, count: int, slot: int) -> tuple[int, ...]:
    """Cores of the worker in a slot; none where there are not enough, or where a quota counts and not cores."""
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

    `used` bytes are taken already, and `each` by the first worker, which has just become ready.
    """
    if limit is None or each <= 0:
        return wanted
    grown = int(GROWTH * each)
    room = int(HEADROOM * limit) - used - (grown - each)
    return max(0, min(wanted, room // grown))
