"""Which CPUs int8 is worth anything on, by what Linux says of them."""

from pathlib import Path

import pytest

from mooring.backends.cpu import avx2_alone, fast_int8, has_int8, int8_support


@pytest.mark.parametrize(
    ("machine", "said", "has"),
    [
        ("x86_64", "processor : 0\nflags\t\t: fpu sse2 avx avx2 fma\n", False),
        ("x86_64", "processor : 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("AMD64", "processor : 0\nflags\t\t: fpu avx2 avx_vnni\n", True),
        ("aarch64", "processor : 0\nFeatures\t: fp asimd aes atomics\n", False),
        ("aarch64", "processor : 0\nFeatures\t: fp asimd asimddp\n", True),
        # An image for x86, emulated on an Arm machine.
        ("x86_64", "processor : 0\nFeatures\t: fp asimd asimddp\n", False),
        ("arm64", "a CPU of a kind that says nothing of itself\n", True),
        ("x86_64", "a CPU of a kind that says nothing of itself\n", False),
    ],
)
def test_int8_needs_dot_products(
    machine: str, said: str, has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VNNI on x86, DotProd on Arm; of those that say nothing, Arm's get the benefit of the doubt."""
    monkeypatch.setattr("platform.machine", lambda: machine)
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
def test_a_cpu_with_avx2_alone_is_known(
    said: str, alone: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of x86, and only where it says so."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
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
def test_int8_is_worth_it_with_dot_products_or_avx2_alone(
    said: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With AVX-512 and nothing else nobody has measured it."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "cpuinfo").write_text(said)
    assert fast_int8(tmp_path / "cpuinfo") is fast


@pytest.mark.parametrize(
    ("machine", "said", "support"),
    [
        ("x86_64", "flags\t\t: fpu avx2 avx512f avx512_vnni\n", "VNNI"),
        ("aarch64", "Features\t: fp asimd asimddp\n", "DotProd"),
        ("x86_64", "flags\t\t: fpu avx2 fma\n", "AVX2, with fewer levels"),
        ("x86_64", "flags\t\t: fpu avx2 avx512f\n", None),
    ],
)
def test_what_people_read_of_int8(
    machine: str, said: str, support: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there exactly where int8 is fast."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    (tmp_path / "cpuinfo").write_text(said)
    assert int8_support(tmp_path / "cpuinfo") == support
    assert (support is not None) is fast_int8(tmp_path / "cpuinfo")


@pytest.mark.parametrize(("machine", "has"), [("arm64", True), ("x86_64", False)])
def test_a_system_without_cpuinfo(machine: str, has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS: every Arm CPU that Apple made for it has them. Of x86 nobody knows, and wrong sums are worse than slow."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert has_int8(tmp_path / "none") is has
    assert not avx2_alone(tmp_path / "none")
