"""Processes that outlived a `moor local` which was killed: remembered in files, found at the next start, and ended.

A process is taken for ours if its marker, 128 random bits that only its environment and our file know, is in the
environment it was started with; the one whose pid we wrote down has to have begun when we wrote, too. Used by
`process.py`, which also ends with it what a server's own children left behind.
"""

import contextlib
import json
import os
import select
import signal
import time
from pathlib import Path
from uuid import uuid4

MARKER = "MOOR_LOCAL_MARKER"
"""The variable. Not one of MOORING_…: it is no setting."""
PATIENCE_S = 5.0
_PROC = Path("/proc")


class Ledger:
    """One file for each process that runs, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> str:
        """A new marker, written down before there is a process with it."""
        marker = uuid4().hex
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(marker).write_text("{}", encoding="utf-8")
        return marker

    def record(self, marker: str, pid: int) -> None:
        """It has started."""
        entry = {"pid": pid, "began": began(pid)}
        self._file(marker).write_text(json.dumps(entry), encoding="utf-8")

    def close(self, marker: str) -> None:
        """It has ended. What it started itself and left is ended too."""
        end(find(marker, None), patience_s=0.2)
        self._file(marker).unlink(missing_ok=True)

    def clean(self) -> list[int]:
        """End what is left of an earlier life. The pids of it; takes up to `PATIENCE_S`."""
        ended = []
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []:
            entry = {}
            with contextlib.suppress(OSError, ValueError):
                entry = json.loads(path.read_text(encoding="utf-8"))
            found = find(path.stem, (entry["pid"], entry["began"]) if entry.get("pid") else None)
            end(found)
            ended += sorted(found)
            path.unlink(missing_ok=True)
        return ended

    def _file(self, marker: str) -> Path:
        return self._folder / f"{marker}.json"


def began(pid: int) -> int | None:
    """When a process began, in the kernel's ticks since the machine did; None if it is gone or there is no /proc."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets, and may have anything in it.
    return int(stat.rpartition(")")[2].split()[19])


def find(marker: str, leader: tuple[int, int | None] | None) -> dict[int, int]:
    """Pid → an open descriptor of each process with that marker: `end` closes them.

    `leader` is a pid and when it began: a process of that pid that began at another time is somebody else's.
    """
    needle = f"{MARKER}={marker}".encode()
    found: dict[int, int] = {}
    for path in _PROC.iterdir() if hasattr(os, "pidfd_open") and _PROC.is_dir() else []:
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        pid = int(path.name)
        descriptor = -1
        # Opened before it is looked at: what is signalled later is what was looked at, whatever its pid has become.
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid)
            if needle in (path / "environ").read_bytes().split(b"\0") and not _another(pid, leader):
                found[pid], descriptor = descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
    return found


def _another(pid: int, leader: tuple[int, int | None] | None) -> bool:
    return leader is not None and pid == leader[0] and leader[1] is not None and began(pid) != leader[1]


def end(found: dict[int, int], patience_s: float = PATIENCE_S) -> None:
    """Tell them to end, kill those that have not in time, and close the descriptors."""
    try:
        for descriptor in found.values():
            _send(descriptor, signal.SIGTERM)
        until = time.monotonic() + patience_s
        for descriptor in found.values():
            if not _ended(descriptor, until - time.monotonic()):
                _send(descriptor, signal.SIGKILL)
                _ended(descriptor, 1.0)
    finally:
        for descriptor in found.values():
            os.close(descriptor)


def _ended(descriptor: int, patience_s: float) -> bool:
    # Not select, which takes no descriptor above 1023.
    one = select.poll()
    one.register(descriptor, select.POLLIN)
    return bool(one.poll(max(0, round(1000 * patience_s))))


def _send(descriptor: int, number: signal.Signals) -> None:
    # It may have ended, or be another user's by now.
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(descriptor, number)
