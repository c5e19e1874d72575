"""Measure this process's memory, return unused memory to the system, and import modules with less work."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_M_ARENA_MAX = -8  # of glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20

_STATUS = Path("/proc/self/status")


def oom_kills() -> int | None:
    """How many processes of this machine the kernel has killed for want of memory; None if it does not tell."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


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
    """Resident memory now (VmRSS), including mapped files; None if unknown."""
    kilobytes = _kilobytes("VmRSS")
    return None if kilobytes is None else kilobytes * 1024


def peak_bytes() -> int | None:
    """Peak resident memory (VmHWM); None if unknown."""
    kilobytes = _kilobytes("VmHWM")
    return None if kilobytes is None else kilobytes * 1024


def proportional_bytes(pid: int) -> int | None:
    """Proportional set size (Pss): shared pages are divided among the processes.

    Resident memory if Pss of another user's process is not readable; None if unknown.
    """
    folder = Path("/proc") / str(pid)
    kilobytes = _kilobytes("Pss", folder / "smaps_rollup") or _kilobytes("VmRSS", folder / "status")
    return None if kilobytes is None else kilobytes * 1024


def tune_malloc() -> None:
    """Make glibc (`mallopt`) return freed memory to the kernel. Call it before other threads run.

    One arena for all threads: each arena keeps its freed memory. This saves 20 MB with the embedded model, and stops a
    multi-model server from growing 20 MB every fifth load, at the same throughput. Blocks of 1 MiB and more get their
    own mappings: by default the first freed block raises that bound up to 32 MiB, and weights then leave holes in the
    heap (16 MB after a few loads; none in 60 loads with a fixed bound).
    """
    _call("mallopt", _M_ARENA_MAX, 1)
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE_BYTES)


def release_memory() -> None:
    """Return freed memory to the kernel now: glibc would keep it, and it would not count as free for the next model."""
    gc.collect()
    _call("malloc_trim", 0)


def _call(function: str, *arguments: int) -> None:
    """A glibc function, or None with another C library."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        getattr(ctypes.CDLL(None), function)(*arguments)


@contextmanager
def without(module: str) -> Iterator[None]:
    """Hide `module` from imports meanwhile, unless it is already imported.

    For libraries that work without it well enough for us. Afterwards it can be imported normally.
    Half of structlog's import time is rich, which it uses for tracebacks.
    """
    if module in sys.modules:
        yield
        return
    # None makes `import module` raise ImportError.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection around imports: it would take a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
