"""Describe the client's machine and versions for a report. Called by `moor bench`."""

import os
import platform
from pathlib import Path

import mooring


def machine() -> dict[str, str]:
    """The facts as text. Unknown ones are left out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    found = {
        "cpu": _cpu(),
        "cores": str(cores),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}".strip(),
        "python": platform.python_version(),
        "mooring": mooring.__version__,
    }
    return {name: value for name, value in found.items() if value}


def _cpu() -> str:
    """The CPU's name from the kernel."""
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 2**20:.1f} GiB"
    return ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
