"""How much memory this process has, and giving back what it does not need.

Used by `/info`, by the load report of `wiring/`, and by `multi/`.
"""

import contextlib
import ctypes
import gc
from pathlib import Path

_M_ARENA_MAX = -8  # of glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20

_STATUS = Path("/proc/self/status")


def _kilobytes(field: str, path: Path = _STATUS) -> int | None:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None  # not Linux, not allowed, or the process has ended
    for line in text.splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return None


def resident_bytes() -> int | None:
    """Resident memory now (VmRSS), mapped files included; None where the kernel does not say."""
    kilobytes = _kilobytes("VmRSS")
    return None if kilobytes is None else kilobytes * 1024


def peak_bytes() -> int | None:
    """The most resident memory so far (VmHWM); None where the kernel does not say."""
    kilobytes = _kilobytes("VmHWM")
    return None if kilobytes is None else kilobytes * 1024


def proportional_bytes(pid: int) -> int | None:
    """A process's share of memory: pages that it shares with others count in part (Pss).

    Its resident memory where this process may not look so closely at another user's; None where nothing is known.
    """
    folder = Path("/proc") / str(pid)
    kilobytes = _kilobytes("Pss", folder / "smaps_rollup") or _kilobytes("VmRSS", folder / "status")
    return None if kilobytes is None else kilobytes * 1024


def tune_malloc() -> None:
    """Have glibc (`mallopt`) give freed memory back to the kernel. Call it before other threads run.

    One arena for all threads: of several, each keeps what was freed in it. A server of the embedded model takes 20 MB
    less, and a multi-model server no longer 20 MB more after every fifth load. Requests a second stay the same.
    Blocks of 1 MiB and more in mappings of their own: by default the first one that is freed raises that bound up to
    32 MiB, and from then on weights leave holes in the heap (16 MB after a few loads; none in 60 with a fixed bound).
    """
    _call("mallopt", _M_ARENA_MAX, 1)
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE_BYTES)


def release_memory() -> None:
    """Give freed memory back to the kernel now: glibc keeps it otherwise, and the next model would not find it free."""
    gc.collect()
    _call("malloc_trim", 0)


def _call(function: str, *arguments: int) -> None:
    """A function of glibc; nothing where the C library is another one, or cannot be named (Windows)."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        getattr(ctypes.CDLL(None), function)(*arguments)
