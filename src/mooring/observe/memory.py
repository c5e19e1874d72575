"""How much memory this process has, read from the kernel: for `/info` and the load report of `wiring/`."""

from pathlib import Path

_STATUS = Path("/proc/self/status")


def _kilobytes(field: str) -> int | None:
    try:
        text = _STATUS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None  # not Linux
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
