"""Find the cores, CPU time and memory that this process may use, with cgroup limits (v1 and v2). Unix only.

Used by `container/` for its topology and by `multi/` for its memory ledger.

A container's --cpus does not change `nproc`, nor --memory /proc/meminfo: both limit a cgroup, this process's or any
above it, and the smallest limit applies.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

NO_LIMIT = 1 << 60
"""Memory limits from here on mean "no limit" in cgroup v1."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The available resources."""

    cores: tuple[int, ...]
    """Numbers of the cores that this process may run on."""
    cpus: float
    """CPU seconds per second: the number of cores, or less under a quota."""
    memory: int | None
    """In bytes; None if unknown."""

    @property
    def threads(self) -> int:
        """Threads that can run all the time: with more, a quota would make all of them wait."""
        return max(1, min(len(self.cores), int(self.cpus + 0.01)))


def this_machine(root: Path = Path("/")) -> Machine:
    """Read the resources. `root` is for tests."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = tuple(sorted(affinity(0))) if affinity else tuple(range(os.cpu_count() or 1))
    quotas = [quota for folder in _folders(root, "cpu") if (quota := _quota(folder)) is not None]
    limits = [limit for folder in _folders(root, "memory") if (limit := _memory_limit(folder)) is not None]
    total = _meminfo(root, "MemTotal")
    if total is not None:
        limits.append(total)
    return Machine(cores, min([float(len(cores)), *quotas]), min(limits, default=None))


def free_bytes(root: Path = Path("/")) -> int | None:
    """Bytes available before the kernel kills processes: in this cgroup, those above it, and the machine.

    Unused page cache counts as free. None if unknown.
    """
    found = [free for folder in _folders(root, "memory") if (free := _free(folder)) is not None]
    available = _meminfo(root, "MemAvailable")
    return min([*found, *([available] if available is not None else [])], default=None)


def _free(folder: Path) -> int | None:
    limit = _memory_limit(folder)
    used = next(
        (int(text) for name in ("memory.current", "memory.usage_in_bytes") if (text := _text(folder / name)).isdigit()),
        None,
    )
    if limit is None or used is None:
        return None
    statistics = dict(line.split() for line in _lines(folder / "memory.stat") if len(line.split()) == 2)
    reclaimable = int(statistics.get("total_inactive_file", statistics.get("inactive_file", "0")))
    return max(0, limit - (used - reclaimable))


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The cgroup's folder and those above it, for a controller of either version."""
    for mount, group in _mounts(root, controller):
        path = PurePosixPath(group.lstrip("/"))
        for part in (path, *path.parents):
            # In a container the path is often the host's, and only the top of the mount exists.
            if (folder := mount / part).is_dir():
                yield folder


def _mounts(root: Path, controller: str) -> Iterator[tuple[Path, str]]:
    """(mount point, this process's cgroup); version 1 first, for mixed systems."""
    base = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        number, names, group = [*line.split(":", 2), "", ""][:3]
        if controller in names.split(","):
            yield from ((base / name, group) for name in (names, controller) if (base / name).is_dir())
        elif number == "0":
            yield base, group
            yield base / "unified", group


def _quota(folder: Path) -> float | None:
    """The folder's CPU limit, or None."""
    two = _text(folder / "cpu.max").split()
    if len(two) == 2 and two[0].isdigit():
        return int(two[0]) / int(two[1])
    quota, period = (_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota.isdigit() and period.isdigit() and int(quota) > 0:
        return int(quota) / int(period)
    return None


def _memory_limit(folder: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _text(folder / name)
        if text.isdigit() and int(text) < NO_LIMIT:
            return int(text)
    return None


def _meminfo(root: Path, name: str) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None


def _text(path: Path) -> str:
    return " ".join(_lines(path))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
