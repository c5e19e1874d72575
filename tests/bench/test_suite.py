"""The project's own benchmarks: every figure of the page is one that was measured, and says on which machine."""

import json
from typing import Any

import pytest
from bench.machine import cpu
from bench.page import fill
from bench.peers.products import ALL
from bench.server import as_computed

from bench import measure, overload

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
PAGE = """Words.
<!-- table machines
-->
<!-- end -->
More words.
<!-- table throughput
clients: {clients}
requests/s: {per_second:.1f}
-->
out of date
<!-- end -->
<!-- table growth
MB: {warm:MB}
-->
<!-- end -->
The last words."""


def part(figures: Any, *, machine: str = "old", day: str = "2026-01-02") -> dict[str, Any]:
    """As it is kept."""
    return {"day": day, "machine": machine, "figures": figures}


def round_(per_second: float, **more: Any) -> dict[str, Any]:
    """What one closed loop gave."""
    return {"per_second": per_second, "p50": 20.0, "p99": 90.0, "errors": 0, **more}


def test_the_page_shows_the_figures_that_are_kept() -> None:
    """Nobody has changed one by hand, or forgotten to write the page again."""
    text = measure.PAGE.read_text(encoding="utf-8")
    assert fill(text, json.loads(measure.FIGURES.read_text(encoding="utf-8"))) == text


def test_the_page_on_resilience_shows_the_figures_that_are_kept() -> None:
    """Those of every case, or that it has not been measured."""
    kept = json.loads(overload.FIGURES.read_text(encoding="utf-8")) if overload.FIGURES.is_file() else {}
    text = overload.PAGE.read_text(encoding="utf-8")
    assert fill(text, kept) == text
    load = {"factor": 2, "goodput": 30.0, "goodput_share": 0.95, "p50": 900.0, "p99": 1100.0, "refused": 10}
    load |= {"refused_p50": 1.0, "others": 0, "recovered_s": 0.1, "client_cpu": 0.01}
    case = part({"own_p99_ms": 50.0, "warm": 500_000_000, "idle": 490_000_000, "loads": [load]})
    filled = fill(text, {f"overload-{name}": case for name in overload.CASES})
    assert filled.count("| 2 × | 30.0 | 95% | 900 | 1,100 | 50 | 10 | 1.0 | 0 | 0.1 | 0.01 | 500 | 490 |") == 4


def test_figures_are_written_into_their_table_alone() -> None:
    """Every row of them, instead of what stood there; the words stay."""
    rows = [{"clients": 1, "per_second": 20.04}, {"clients": 8, "per_second": 35.0}]
    text = fill(PAGE, {"throughput": part(rows)})
    table = "| clients | requests/s |\n| --- | --- |\n| 1 | 20.0 |\n| 8 | 35.0 |\n"
    assert f"-->\n{table}\n*Machine A, 2026-01-02, `make bench PARTS=throughput`*\n<!-- end -->" in text
    assert "out of date" not in text
    assert text.startswith("Words.\n")
    assert text.endswith("The last words.")
    assert fill(text, {"throughput": part(rows)}) == text


def test_what_was_not_measured_has_no_figures() -> None:
    """A part that has not run says so."""
    assert fill(PAGE, {}).count("Not measured yet.") == 3


def test_a_table_that_nothing_measures_is_an_error() -> None:
    """It would stay as it is for ever. So would a column without its figure."""
    with pytest.raises(KeyError):
        fill(PAGE.replace("throughput", "speed"), {})
    with pytest.raises(KeyError):
        fill(PAGE, {"throughput": part([{"clients": 1}])})


def test_each_table_says_its_machine() -> None:
    """Figures of two CPUs on one page must not be compared by mistake."""
    growth = {"warm": 335e6, "after_500": 340e6, "after_5500": 343e6}
    kept = {"throughput": part([], machine="new", day="2026-01-03"), "growth": part(growth)}
    text = fill(PAGE, kept)
    assert "- machine A: old\n- machine B: new\n" in text
    assert "| 335 |\n\n*Machine A, 2026-01-02," in text
    assert "*Machine B, 2026-01-03," in text


def test_rounds_far_apart_are_shown() -> None:
    """A figure between 10 and 20 says little. Medians are shown, the fastest configuration of a precision first."""
    row = {"product": "stock", "precision": "int8", "layout": "2x1", "run": "then", "start_s": [1.0], "memory": [1e8]}
    slow = row | {"closed": {"1": [round_(5.0)], "8": [round_(10.0), round_(20.0)]}}
    fast = row | {"closed": {"1": [round_(5.0)], "8": [round_(29.0), round_(31.0), round_(30.0)]}}
    models = {"distilbert": {"slow": slow, "fast": fast}}
    page = "<!-- table peers distilbert\nname: {name}\nat 8: {at8}\n-->\n<!-- end -->"
    text = fill(page, {"peers": part({"models": models})})
    assert "| fast | 30.0 |\n| slow | 15.0 (10.0 to 20.0) |\n" in text


def test_a_load_that_was_never_answered_is_infinite() -> None:
    """And not 0."""
    runs = [{"rate": 20.0, "p99": None, "requests": 100, "errors": 100}]
    page = "<!-- table peers distilbert loads\nname: {name}\np99 ms: {p99:.0f}\n-->\n<!-- end -->"
    text = fill(page, {"peers": part({"models": {"distilbert": {"ours": {"open": {"95": runs}}}}})})
    assert "| ours | inf |" in text


def test_a_configuration_is_named_by_what_it_is() -> None:
    """As `--peers` takes it and the tables show it."""
    assert all(peer.name == name for name, peer in ALL.items())


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


def test_a_name_does_not_promise_another_precision() -> None:
    """Where a CPU has no int8 products, an int8 model is served in fp32."""
    assert as_computed("DistilBERT int8", "fp32") == "DistilBERT int8, computed in fp32"
    assert as_computed("DistilBERT int8", "int8") == "DistilBERT int8"


def test_the_storm_is_a_row_for_each_set_of_workers() -> None:
    """With what clients saw: answers, refusals, and anything else."""
    outcomes = {"200": 1_500, "429": 40, "502": 2, "ConnectionResetError": 1}
    one = {"kills": 6, "requests": 1_543, "outcomes": outcomes, "slowest_s": 2.25}
    filled = fill(overload.PAGE.read_text(encoding="utf-8"), {"storm": part({"sets": {"two active": one}})})
    assert "| two active | 6 | 1,543 | 1,500 | 40 | 3 | 2.2 |" in filled
