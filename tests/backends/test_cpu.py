"""Which CPUs int8 is worth anything on, by what Linux says of them."""

from pathlib import Path

import pytest

from mooring.backends.cpu import avx2_alone, fast_int8, has_int8


@pytest.mark.parametrize(
    ("said", "has"),
    [
        ("processor : 0\nflags\t\t: fpu sse2 avx avx2 fma\n", False),
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("processor : 0\nflags\t\t: fpu avx2 avx_vnni\n", True),
        ("processor : 0\nFeatures\t: fp asimd aes atomics\n", False),
        ("processor : 0\nFeatures\t: fp asimd asimddp\n", True),
        ("a CPU of a kind that says nothing of itself\n", True),
    ],
)
def test_int8_needs_dot_products(said: str, has: bool, tmp_path: Path) -> None:
    """VNNI on x86, DotProd on Arm; who says nothing gets the benefit of the doubt."""
    (tmp_path / "cpuinfo").write_text(said)
    assert has_int8(tmp_path / "cpuinfo") is has


@pytest.mark.parametrize(
    ("said", "alone"),
    [
        ("flags\t\t: fpu sse2 avx avx2 fma\n", True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", False),
        ("flags\t\t: fpu avx2 avx_vnni\n", False),
        ("flags\t\t: fpu sse2 avx\n", False),
        ("Features\t: fp asimd aes atomics\n", False),
        ("nothing\n", False),
    ],
)
def test_a_cpu_with_avx2_alone_is_known(said: str, alone: bool, tmp_path: Path) -> None:
    """Of x86, and only where it says so."""
    (tmp_path / "cpuinfo").write_text(said)
    assert avx2_alone(tmp_path / "cpuinfo") is alone


@pytest.mark.parametrize(
    ("said", "fast"),
    [
        ("flags\t\t: fpu avx2 fma\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("Features\t: fp asimd\n", False),
    ],
)
def test_int8_is_worth_it_with_dot_products_or_avx2_alone(said: str, fast: bool, tmp_path: Path) -> None:
    """With AVX-512 and nothing else nobody has measured it."""
    (tmp_path / "cpuinfo").write_text(said)
    assert fast_int8(tmp_path / "cpuinfo") is fast


def test_a_system_without_cpuinfo_counts_as_having_it(tmp_path: Path) -> None:
    """macOS, on every Arm CPU that Apple made for it."""
    assert has_int8(tmp_path / "none")
