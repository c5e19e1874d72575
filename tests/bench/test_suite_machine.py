"""Which machine the project's own figures were measured on: as /proc/cpuinfo has it, and where the page says it."""

from pathlib import Path
from typing import Any

from bench.machine import cpu

from bench import page

ZEN_3 = """processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 1
model name	: AMD EPYC
flags		: fpu sse2 fma avx avx2 sha_ni

processor	: 1
cpu family	: 25
model		: 1
model name	: AMD EPYC
flags		: fpu sse2 fma avx avx2 sha_ni
"""
START = {"starts": 3, "seconds": 0.8, "slowest": 0.9, "pss": 235_000_000}


def test_a_cpu_is_named_with_what_it_computes_by() -> None:
    """A hypervisor says no more than "AMD EPYC" of a Zen 3 and of a Zen 5, and one is four times the other."""
    assert cpu(ZEN_3) == "AMD EPYC (family 25, model 1; AVX2), 2 cores"
    newer = ZEN_3.replace("avx2", "avx2 avx512f avx512_vnni avx_vnni avx512_bf16 amx_tile")
    assert cpu(newer) == "AMD EPYC (family 25, model 1; AVX2, AVX-512, VNNI, BF16, AMX), 2 cores"


def test_an_arm_cpu_has_other_words_for_it() -> None:
    """No family, no model name, `Features`."""
    text = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\nCPU implementer\t: 0x41\n"
    assert cpu(text).endswith(" (DotProd, I8MM), 1 cores")
    assert "no AVX2" in cpu("processor\t: 0\n")


def written(kept: dict[str, Any], folder: Path) -> str:
    """The page."""
    page.write(kept, folder / "page.md")
    return (folder / "page.md").read_text(encoding="utf-8")


def test_each_part_says_its_machine_where_there_are_several(tmp_path: Path) -> None:
    """Figures of two CPUs on one page must not be compared by mistake."""
    start = {"day": "2026-01-02", "machine": "old, 2 cores", "figures": START}
    growth = {"warm": 1e8, "after_500": 1e8, "after_5500": 1.1e8}
    kept = {"start": start, "growth": {"day": "2026-01-03", "machine": "new, 2 cores", "figures": growth}}
    text = written(kept, tmp_path)
    assert "- machine A, 2026-01-02: old, 2 cores\n- machine B, 2026-01-03: new, 2 cores" in text
    assert "## Start\n*Machine A, 2026-01-02.*\n" in text
    assert "## Memory under use\n*Machine B, 2026-01-03.*\n" in text


def test_one_machine_is_named_once(tmp_path: Path) -> None:
    """Nothing to tell apart."""
    text = written({"start": {"day": "2026-01-02", "machine": "old, 2 cores", "figures": START}}, tmp_path)
    assert "- machine A, 2026-01-02: old, 2 cores" in text
    assert "*Machine" not in text
