"""Describe the benchmark machine in one line: CPUs differ by up to a factor of four."""

import os
import platform
from pathlib import Path

from mooring.web.pages import versions

INSTRUCTIONS = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "BF16": ("avx512_bf16",),
    "AMX": ("amx_tile",),
    "DotProd": ("asimddp",),
    "I8MM": ("i8mm",),
}
"""Instruction sets that determine matrix multiplication speed: our name → flags in /proc/cpuinfo, x86 and Arm."""

VERSIONS = ("openvino", "tokenizers", "uvicorn")


def machine() -> str:
    """The CPU, its cores, and package versions."""
    found = versions()
    said = ", ".join(f"{name} {found[name]}" for name in VERSIONS if name in found)
    held = "".join(f", {name}={os.environ[name]}" for name in ("ONEDNN_MAX_CPU_ISA",) if name in os.environ)
    return f"{cpu(Path('/proc/cpuinfo').read_text(encoding='utf-8'))}{held}, Python {found['python']}, {said}"


def cpu(cpuinfo: str) -> str:
    """The text of /proc/cpuinfo → `AMD EPYC (family 25, model 1; AVX2), 2 cores`. Hypervisors hide the full name."""
    lines = [line.partition(":") for line in cpuinfo.splitlines()]
    pairs = [(name.strip(), value.strip()) for name, _, value in lines]
    first = dict(reversed(pairs))
    offered = set((first.get("flags") or first.get("Features") or "").split())
    has = ", ".join(name for name, flags in INSTRUCTIONS.items() if not offered.isdisjoint(flags))
    family, model = first.get("cpu family"), first.get("model")
    which = f"family {family}, model {model}; " if family and model else ""
    cores = sum(name == "processor" for name, _ in pairs)
    return f"{first.get('model name', platform.machine())} ({which}{has or 'no AVX2'}), {cores} cores"
