"""How much memory this process has, read from the kernel: for `/info` and the load report of `wiring/`."""

from pathlib import Path

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
