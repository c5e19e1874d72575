"""Read from /proc whether a process runs, waits for a CPU, sleeps or is stopped. Linux only."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_STATE, _PARENT, _USER, _SYSTEM = 0, 1, 11, 12  # fields of /proc/PID/stat after the name


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread, or a process as a whole."""

    state: str
    """One letter: R runs or waits for a CPU, S sleeps, D waits for a disk, T is stopped, Z is dead."""
    cpu_s: float
    """CPU time so far."""

    @property
    def stopped(self) -> bool:
        """Whether a signal or a debugger has stopped it."""
        return self.state in ("T", "t")

    @property
    def wants(self) -> bool:
        """Whether it would go on if it got a CPU, or its data from a disk."""
        return self.state in ("R", "D")


def read_process(pid: int) -> Thread | None:
    """The process: the state of its main thread, and the CPU time of all threads. None if there is none."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return None if fields is None else _thread(fields)


def read_threads(pid: int, *, main_only: bool = False) -> dict[int, Thread]:
    """All threads by their id, or the main one, whose id is `pid`."""
    found: dict[int, Thread] = {}
    try:
        numbers = [str(pid)] if main_only else [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return found
    for number in numbers:
        fields = _fields(Path(f"/proc/{pid}/task/{number}/stat"))
        if fields is not None:
            found[int(number)] = _thread(fields)
    return found


def main_cpu_s(pid: int, otherwise: float) -> float:
    """CPU time of the main thread in nanosecond steps; `otherwise` if the kernel does not tell."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return otherwise


def children_of(pid: int) -> list[int]:
    """Its child processes."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(one) for one in listed.split()]
    except (OSError, ValueError):  # a kernel without this list
        folders = Path("/proc").iterdir() if Path("/proc").is_dir() else ()
        every = (int(path.name) for path in folders if path.name.isdecimal())
        return [one for one in every if _parent(one) == pid]


def _parent(pid: int) -> int:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return 0 if fields is None else int(fields[_PARENT])


def _thread(fields: list[str]) -> Thread:
    return Thread(fields[_STATE], (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS)


def _fields(path: Path) -> list[str] | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may contain anything.
    return text.rpartition(")")[2].split()


@dataclass(frozen=True, slots=True)
class Activity:
    """What this process is doing, apart from its main thread."""

    cpu_s: float
    """CPU time of the whole process so far."""
    wants: bool
    """Whether a thread other than the main one runs, or would if it got a CPU."""


def own_activity() -> Activity | None:
    """Of this process; None if it is not known."""
    threads = read_threads(os.getpid())
    threads.pop(os.getpid(), None)
    if not threads:
        return None
    return Activity(time.process_time(), any(one.wants for one in threads.values()))
