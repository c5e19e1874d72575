"""What this CPU computes well: asked by `wiring/` and `build/` before they choose a precision.

int8 matrix products need instructions that multiply and add in one (VNNI on x86, DotProd on Arm). x86's older ones add
pairs in 16 bits, where large sums would be cut off: there activations get fewer levels. With AVX2 that is still much
faster than fp32; with AVX-512 nobody has measured it.
"""

import functools
import platform
from pathlib import Path

from mooring.graph.runtime import import_openvino

X86 = frozenset({"x86_64", "amd64", "i386", "i686"})
"""What `platform.machine` calls them, in lower case."""
DOT_PRODUCTS = {True: frozenset({"avx512_vnni", "avx_vnni", "amx_int8"}), False: frozenset({"asimddp", "i8mm"})}
"""Names in /proc/cpuinfo, of x86 and of Arm. An x86 process on an Arm machine (Docker's emulation) reads Arm's."""
CPUINFO = Path("/proc/cpuinfo")


@functools.cache
def capabilities() -> frozenset[str]:
    """What OpenVINO says this CPU computes natively, e.g. {"FP32", "BF16", "INT8"}. It says INT8 of every x86 CPU."""
    return frozenset(import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@functools.cache
def signature(cpuinfo: Path = CPUINFO) -> str:
    """Whatever of this CPU decides what is compiled for it: its name and all that it can do."""
    wanted = ("model name", "flags", "features", "cpu part")
    said = dict.fromkeys(line for line in _lines(cpuinfo) if line.lower().startswith(wanted))
    return "\n".join((platform.machine(), *sorted(capabilities()), *said))


def is_x86() -> bool:
    """Whether this process is one of x86, whatever runs it."""
    return platform.machine().lower() in X86


def has_bf16() -> bool:
    """Whether bf16 is worth it."""
    return "BF16" in capabilities()


def has_int8(cpuinfo: Path = CPUINFO) -> bool:
    """Whether it has dot products. Where nothing says what it has: Arm's have (Apple's, with macOS), x86's may not."""
    flags = _flags(cpuinfo)
    if not flags:
        return not is_x86()
    return not DOT_PRODUCTS[is_x86()].isdisjoint(flags)


def fast_int8(cpuinfo: Path = CPUINFO) -> bool:
    """Whether int8 is worth it."""
    return has_int8(cpuinfo) or avx2_alone(cpuinfo)


def avx2_alone(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this is an x86 CPU of the years before AVX-512 and dot products."""
    flags = _flags(cpuinfo)
    return is_x86() and "avx2" in flags and "avx512f" not in flags and not has_int8(cpuinfo)


def _flags(cpuinfo: Path) -> frozenset[str]:
    """What the first CPU can do, in Linux's words; empty where nothing says."""
    for line in _lines(cpuinfo):
        if line.lower().startswith(("flags", "features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def _lines(cpuinfo: Path) -> list[str]:
    try:
        return cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
