"""At which precision a model is computed, by what this CPU can do and what its gate saw."""

from typing import Any

import msgspec
import pytest

from mooring.backends import precision
from mooring.backends.precision import precision_for
from mooring.errors import UsageError
from mooring.model.manifest import GateRecord, Manifest, NarrowRecord
from mooring.settings import Settings
from mooring.wiring.model import open_model

PASSED = NarrowRecord(questions=500, candidate=74.0, drop=0.1, drop_upper=0.4, passed=True)
FAILED = msgspec.structs.replace(PASSED, drop_upper=0.9, passed=False)
INT8 = Manifest(
    name="m", source="m", task="question-answering", family="bert", architecture="B", format="openvino",
    precision="int8", weights_dtype="I8", labels={}, max_positions=512, vocab_size=10, hidden_size=8, layers=1,
    max_seq_len=384, gate=GateRecord(passed=True),
)  # fmt: skip
DOT, AVX2, NEITHER = (True, False), (False, True), (False, False)


def on(monkeypatch: pytest.MonkeyPatch, kind: tuple[bool, bool], *, bf16: bool = False) -> None:
    for name, has in zip(("has_int8", "avx2_alone", "has_bf16"), (*kind, bf16), strict=True):
        monkeypatch.setattr(precision, name, lambda has=has: has)


def gated(**record: Any) -> Manifest:
    return msgspec.structs.replace(INT8, gate=GateRecord(**record))


@pytest.mark.parametrize("cpu", [DOT, AVX2])
def test_int8_that_passed_its_gates_is_computed_without_a_word(
    cpu: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dot products, and with the fewer levels of AVX2."""
    on(monkeypatch, cpu)
    manifest = gated(passed=True, narrow=PASSED)
    assert precision_for(manifest, None) == precision_for(manifest, "int8") == ("int8", ())


@pytest.mark.parametrize(
    ("narrow", "said"),
    [
        (None, "this model was not checked (build it again with this version)"),
        (FAILED, "this model failed the accuracy check"),
    ],
)
def test_with_avx2_alone_int8_has_to_have_passed_with_fewer_levels(
    narrow: NarrowRecord | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it is computed in fp32, and who asks for int8 is told why not."""
    on(monkeypatch, AVX2)
    manifest = gated(passed=True, narrow=narrow)
    found, (warning,) = precision_for(manifest, None)
    assert found == "fp32"
    assert said in warning
    assert "computing in fp32. --precision int8 forces int8." in warning
    found, (warning,) = precision_for(manifest, "int8")
    assert found == "int8"
    assert said in warning


def test_who_left_the_gate_out_left_out_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--no-gate` is for all CPUs."""
    on(monkeypatch, AVX2)
    assert precision_for(gated(skipped=True), None) == ("int8", ())


@pytest.mark.parametrize(("bf16", "better"), [(False, "fp32"), (True, "bf16")])
def test_where_int8_is_slow_it_is_computed_in_the_next_best(
    bf16: bool, better: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AVX-512 without dot products, for one: faster there, and never with sums that are cut off."""
    on(monkeypatch, NEITHER, bf16=bf16)
    found, (warning,) = precision_for(gated(passed=True, narrow=PASSED), None)
    assert found == better
    assert f"(VNNI): computing in {better}, which is faster here." in warning


def test_who_asks_for_slow_int8_gets_it_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may know why."""
    on(monkeypatch, NEITHER)
    found, (warning,) = precision_for(gated(passed=True, narrow=PASSED), "int8")
    assert found == "int8"
    assert "slower than fp32" in warning


def test_arms_instructions_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is cut off there."""
    on(monkeypatch, NEITHER)
    monkeypatch.setattr(precision, "is_x86", lambda: False)
    _, (warning,) = precision_for(gated(passed=True), "int8")
    assert warning == "This CPU has no int8 dot products (DotProd): int8 is slower than fp32 here."


def test_bf16_where_there_is_none_is_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a word."""
    on(monkeypatch, DOT)
    assert precision_for(INT8, "bf16") == ("fp32", ("This CPU does not support bf16: computing in fp32 instead.",))


def test_int8_is_made_before_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """And mixed is not int8."""
    on(monkeypatch, DOT)
    exact = msgspec.structs.replace(INT8, precision="fp32", weights_dtype="F32", gate=None)
    with pytest.raises(UsageError, match="has F32 weights; a model must be converted to int8 before serving"):
        precision_for(exact, "int8")
    with pytest.raises(UsageError, match="This model was built as int8 and does not support"):
        precision_for(INT8, "mixed")


@pytest.mark.wire
@pytest.mark.parametrize(("cpu", "rewritten"), [(DOT, "none"), (AVX2, "pointwise")])
def test_the_embedded_model_is_served_in_int8_by_either_kind(
    cpu: tuple[bool, bool], rewritten: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passed both gates."""
    on(monkeypatch, cpu)
    monkeypatch.setattr("mooring.backends.rewrites.avx2_alone", lambda: cpu == AVX2)
    opened = open_model(Settings())
    assert (opened.manifest.precision, opened.warnings) == ("int8", ())
    assert opened.backend.info()["rewritten"] == rewritten


@pytest.mark.wire
def test_the_embedded_model_is_dequantised_where_int8_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the backend computes what the manifest then says."""
    on(monkeypatch, NEITHER)
    monkeypatch.setattr("mooring.backends.rewrites.avx2_alone", lambda: False)
    opened = open_model(Settings())
    assert opened.manifest.precision == opened.backend.info()["precision"] == "fp32"
    assert [text for text in opened.warnings if "computing in fp32" in text]
