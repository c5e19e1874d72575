"""Find and stop processes that outlived a killed `moor local`.

A process is ours if its initial environment contains the marker, 128 random bits that are recorded in a file; for the
recorded pid, the start time must match, too. `process.py` also uses this to stop what a server's children left
behind.
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
"""Environment variable with the marker. Not MOORING_…, because it is not a setting."""
PATIENCE_S = 5.0
_PROC = Path("/proc")


class Ledger:
    """Files in `folder`, one per running process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> str:
        """A new marker, recorded before its process starts."""
        marker = uuid4().hex
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(marker).write_text("{}", encoding="utf-8")
        return marker

    def record(self, marker: str, pid: int) -> None:
        """Record the started process."""
        entry = {"pid": pid, "began": began(pid)}
        self._file(marker).write_text(json.dumps(entry), encoding="utf-8")

    def close(self, marker: str) -> None:
        """The process has exited: stop what it left running, and delete its file."""
        end(find(marker, None), patience_s=0.2)
        self._file(marker).unlink(missing_ok=True)

    def clean(self) -> list[int]:
        """Stop what a killed server left running. Returns the pids; takes up to `PATIENCE_S` for each marker."""
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
    """Start time of a process in clock ticks since boot; None if it has exited or there is no /proc."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program name in parentheses, and may contain anything.
    return int(stat.rpartition(")")[2].split()[19])


def find(marker: str, leader: tuple[int, int | None] | None) -> dict[int, int]:
    """Pid → open pidfd of each process with that marker; `end` closes them.

    `leader`: a pid and its start time; a process with that pid and another start time is not ours.
    """
    needle = f"{MARKER}={marker}".encode()
    found: dict[int, int] = {}
    for path in _PROC.iterdir() if hasattr(os, "pidfd_open") and _PROC.is_dir() else []:
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        pid = int(path.name)
        descriptor = -1
        # Open before checking, so that the signal reaches the process that was checked even if its pid is reused.
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
    """Send SIGTERM, then SIGKILL to those that do not exit in time, and close the descriptors."""
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
    # Not select, which rejects descriptors above 1023.
    one = select.poll()
    one.register(descriptor, select.POLLIN)
    return bool(one.poll(max(0, round(1000 * patience_s))))


def _send(descriptor: int, number: signal.Signals) -> None:
    # It may have exited, or changed its user.
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(descriptor, number)
