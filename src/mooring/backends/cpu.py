"""Detect which precisions this CPU computes well. Used by `wiring/` and `build/` to choose a precision.

int8 matrix products need fused multiply-add instructions (VNNI on x86, DotProd on Arm). Older x86 instructions add
pairs in 16 bits, where large sums saturate, so activations get fewer levels there. With AVX2 that is still much faster
than fp32; with AVX-512 it has not been measured.
"""

import functools
import platform
from pathlib import Path

from mooring.graph.runtime import import_openvino

X86 = frozenset({"x86_64", "amd64", "i386", "i686"})
"""Values of `platform.machine` for x86, in lower case."""
DOT_PRODUCTS = {True: frozenset({"avx512_vnni", "avx_vnni", "amx_int8"}), False: frozenset({"asimddp", "i8mm"})}
"""Flags in /proc/cpuinfo, of x86 and Arm. An x86 process emulated on Arm (Docker) sees Arm's."""
INT8_INSTRUCTIONS = {True: "VNNI", False: "DotProd"}
"""The names that people know for them, of x86 and Arm."""
INT8_GAIN = "int8 is 1.3 to 3 times as fast as fp32, depending on the CPU and the model"
"""What to say of int8 before anything is measured: docs/benchmarks.md has the figures."""
CPUINFO = Path("/proc/cpuinfo")


@functools.cache
def capabilities() -> frozenset[str]:
    """Precisions that OpenVINO reports as native, e.g. {"FP32", "BF16", "INT8"}. It reports INT8 for every x86 CPU."""
    return frozenset(import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@functools.cache
def signature(cpuinfo: Path = CPUINFO) -> str:
    """Everything about this CPU that affects compilation: its name and capabilities."""
    wanted = ("model name", "flags", "features", "cpu part")
    said = dict.fromkeys(line for line in _lines(cpuinfo) if line.lower().startswith(wanted))
    return "\n".join((platform.machine(), *sorted(capabilities()), *said))


def is_x86() -> bool:
    """Whether this is an x86 process, even if emulated."""
    return platform.machine().lower() in X86


def has_bf16() -> bool:
    """Whether this CPU computes bf16 fast."""
    return "BF16" in capabilities()


def has_int8(cpuinfo: Path = CPUINFO) -> bool:
    """Whether it has int8 dot products. If unknown: assumed on Arm (Apple, macOS), not on x86."""
    flags = _flags(cpuinfo)
    if not flags:
        return not is_x86()
    return not DOT_PRODUCTS[is_x86()].isdisjoint(flags)


def fast_int8(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this CPU computes int8 fast."""
    return has_int8(cpuinfo) or avx2_alone(cpuinfo)


def int8_support(cpuinfo: Path = CPUINFO) -> str | None:
    """How this CPU computes int8, as `/info` and `moor serve` show it; None if more slowly than fp32."""
    if has_int8(cpuinfo):
        return INT8_INSTRUCTIONS[is_x86()]
    return "AVX2, with fewer levels" if avx2_alone(cpuinfo) else None


def avx2_alone(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this is an x86 CPU with AVX2 but neither AVX-512 nor dot products."""
    flags = _flags(cpuinfo)
    return is_x86() and "avx2" in flags and "avx512f" not in flags and not has_int8(cpuinfo)


def _flags(cpuinfo: Path) -> frozenset[str]:
    """The first CPU's flags as in /proc/cpuinfo; empty if unknown."""
    for line in _lines(cpuinfo):
        if line.lower().startswith(("flags", "features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def _lines(cpuinfo: Path) -> list[str]:
    try:
        return cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
