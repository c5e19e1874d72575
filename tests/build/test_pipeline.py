"""`moor build` from order to artefact on a tiny model with the real engine and nncf."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import openvino
import pytest

from mooring.backends.base import Backend
from mooring.build.judge import Judge, Judgement, Rules
from mooring.build.pipeline import Order, build
from mooring.build.workshop import Workshop
from mooring.engine.offline import answer_all
from mooring.errors import BuildError, UsageError
from mooring.graph.source import GraphSource
from mooring.model.source import resolve
from mooring.progress import Silent
from mooring.settings import Settings
from mooring.tasks.recognise import read_manifest
from mooring.wiring.model import make_task, open_model
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

CONTEXT = "The capital of the north is a great old city. The king lives near the river, and the queen in the south."

NEVER = -1.0
"""A limit that nothing keeps: the candidate would have to be better than the exact model."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of a few thousand weights."""
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A hundred requests, one a line."""
    path = tmp_path / "questions.jsonl"
    lines = [json.dumps({"question": f"who lives near {n}", "context": f"{CONTEXT} {n}"}) for n in range(100)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def order(model: Path, out: Path, **more: object) -> Order:
    """To build `model` into `out`."""
    return replace(Order(resolve(str(model)), out), **more)  # type: ignore[arg-type]


def test_without_questions_it_builds_bf16_and_says_why(model: Path, tmp_path: Path) -> None:
    """Never int8 calibrated on made-up tokens."""
    said = Silent()
    built = build(order(model, tmp_path / "out"), make_task, said)
    assert built.manifest.precision == "bf16"
    assert "made-up ones would reduce its accuracy" in said.notes[0]
    assert built.manifest.gate is None


def test_int8_by_name_without_questions_is_refused_at_once(model: Path, tmp_path: Path) -> None:
    """With the way out, and nothing written."""
    with pytest.raises(BuildError, match="needs real questions for calibration") as caught:
        build(order(model, tmp_path / "out", precision="int8"), make_task)
    assert "--calibration" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_artefact_is_whole_and_answers_as_it_was_judged(model: Path, questions: Path, tmp_path: Path) -> None:
    """Manifest with gate, precision and digest; it opens and answers with a part of the context."""
    out = tmp_path / "out"
    said = Silent()
    wanted = order(model, out, precision="int8", calibration=questions, samples=40, questions=40, max_drop=90.0)
    built = build(wanted, make_task, said)
    stored = read_manifest(out, source=str(out))
    assert (stored.precision, stored.weights_dtype, stored.format) == ("int8", "I8", "openvino")
    assert stored.gate is not None
    assert (stored.gate.passed, stored.gate.metric, stored.gate.questions) == (True, "agreement", 40)
    assert stored.digest.startswith("sha256:")
    assert built.size == sum(path.stat().st_size for path in out.iterdir())
    opened = open_model(Settings(), str(out))
    [answer] = answer_all(opened.task, opened.backend, [opened.task.parse({"question": "who", "context": CONTEXT})])
    assert isinstance(answer, dict)
    assert CONTEXT[answer["start"] : answer["end"]] == answer["answer"]


def quantisers(judged: openvino.Model) -> Counter[str]:
    """Of a graph that was judged, and what holds values within fewer levels."""
    kinds = Counter(node.get_type_name() for node in judged.get_ordered_ops())
    return Counter({kind: kinds[kind] for kind in ("FakeQuantize", "Clamp") if kinds[kind]})


@pytest.mark.parametrize(("dot_products", "avx2"), [(True, False), (False, True), (False, False)])
def test_int8_is_judged_as_both_kinds_of_cpus_compute_it_wherever_it_is_built(
    dot_products: bool, avx2: bool, model: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those with dot products and those with AVX2 alone: what they will serve depends on it."""
    judged: list[tuple[Any, str, Backend]] = []
    compile_ = Workshop._compile

    def noted(self: Workshop, source: GraphSource, precision: str) -> Backend:
        judged.append((source, precision, compile_(self, source, precision)))
        return judged[-1][2]

    monkeypatch.setattr(Workshop, "_compile", noted)
    monkeypatch.setattr("mooring.build.workshop.has_int8", lambda: dot_products)
    for module in ("backends.rewrites", "build.workshop"):
        monkeypatch.setattr(f"mooring.{module}.avx2_alone", lambda: avx2)
    wanted = order(model, tmp_path / "out", precision="int8", calibration=questions, samples=40, questions=40)
    built = build(replace(wanted, max_drop=90.0), make_task)
    gate = read_manifest(tmp_path / "out", source="out").gate
    assert gate is not None
    assert gate.narrow is not None
    assert gate.allows_narrow
    assert (gate.narrow.questions, gate.narrow.passed) == (40, True)
    assert gate.narrow.reference == gate.reference
    (wide, precision, _), _, (narrow, narrow_precision, backend) = judged
    if dot_products:
        assert (precision, next(iter(wide.hashes))) == ("int8", "1-int8.xml")
    else:
        assert (precision, quantisers(wide.model())) == ("fp32", Counter())
    assert narrow_precision == "int8"
    if avx2:
        assert backend.info()["rewritten"] == "pointwise"
    else:
        found = quantisers(narrow.model())
        assert found["Clamp"] == found["FakeQuantize"] > 0
    assert (built.tried[-1].per_second is not None) == (dot_products or avx2)


def test_narrow_int8_that_fails_is_recorded_and_the_artefact_written(
    model: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPUs with AVX2 alone will compute it in fp32."""
    judge = Judge.judge
    seen: list[object] = []

    def harsh(self: Judge, candidate: Backend, rules: Rules) -> Judgement:
        """The second time nothing is good enough."""
        found = judge(self, candidate, rules)
        seen.append(candidate)
        return replace(found, drop=replace(found.drop, upper=99.0)) if len(seen) > 1 else found

    monkeypatch.setattr("mooring.build.workshop.avx2_alone", lambda: False)
    monkeypatch.setattr(Judge, "judge", harsh)
    wanted = order(model, tmp_path / "out", precision="int8", calibration=questions, samples=40, questions=40)
    built = build(replace(wanted, max_drop=90.0), make_task)
    gate = built.manifest.gate
    assert gate is not None
    assert gate.narrow is not None
    assert (gate.passed, gate.narrow.passed, gate.allows_narrow) == (True, False, False)


def test_a_precision_that_fails_its_gate_is_not_written(model: Path, questions: Path, tmp_path: Path) -> None:
    """Asked for by name it is refused with the figures, and no other is built in its place."""
    out = tmp_path / "out"
    wanted = order(model, out, precision="int8", calibration=questions, samples=40, questions=40, max_drop=NEVER)
    with pytest.raises(BuildError, match="int8 failed the accuracy check: agreement with fp32 drops by") as caught:
        build(wanted, make_task)
    assert "--no-gate" in caught.value.hint
    assert not out.exists()


def test_auto_ends_at_bf16_when_nothing_quantised_passes(model: Path, questions: Path, tmp_path: Path) -> None:
    """After int8 and each mixed precision, every one tried and told of."""
    said = Silent()
    wanted = order(model, tmp_path / "out", calibration=questions, samples=40, questions=40, max_drop=NEVER)
    built = build(wanted, make_task, said)
    assert [trial.attempt.precision for trial in built.tried] == ["int8", "mixed", "mixed", "mixed", "bf16"]
    assert built.manifest.precision == "bf16"
    assert len(said.notes) == 4
    left_out = [len(trial.excluded) for trial in built.tried]
    assert 0 == left_out[0] < left_out[1] <= left_out[2] <= left_out[3]


def test_too_few_questions_to_pass_are_refused_before_anything_is_tried(
    model: Path, questions: Path, tmp_path: Path
) -> None:
    """Each attempt would end undecided, one after the other, for hours."""
    wanted = order(model, tmp_path / "out", calibration=questions, samples=40, questions=40)
    with pytest.raises(
        BuildError, match=r"40 questions are too few to show a drop of at most 5 points.* at least 60 are needed"
    ) as caught:
        build(replace(wanted, most_questions=40), make_task)
    assert "--max-drop 7.5" in caught.value.hint


def test_no_more_questions_are_asked_than_were_allowed(model: Path, questions: Path, tmp_path: Path) -> None:
    """An undecided verdict is not a passed one."""
    said = Silent()
    wanted = order(model, tmp_path / "out", calibration=questions, samples=40, questions=40, max_drop=7.5)
    built = build(replace(wanted, most_questions=40), make_task, said)
    judged = [trial.judgement.drop.questions for trial in built.tried if trial.judgement is not None]
    assert set(judged) == {40}


def test_leaving_the_gate_out_is_recorded(model: Path, questions: Path, tmp_path: Path) -> None:
    """In the manifest, from where /info and the start-up text have it."""
    out = tmp_path / "out"
    build(order(model, out, precision="int8", calibration=questions, samples=40, gate=False), make_task)
    gate = read_manifest(out, source=str(out)).gate
    assert gate is not None
    assert (gate.skipped, gate.passed, gate.questions) == (True, False, 0)


def test_too_few_questions_for_the_gate_are_refused_before_anything_is_computed(
    model: Path, questions: Path, tmp_path: Path
) -> None:
    """With both numbers."""
    with pytest.raises(BuildError, match="needs 2,000 questions not used for calibration") as caught:
        build(order(model, tmp_path / "out", calibration=questions, samples=40), make_task)
    assert "--questions" in caught.value.hint


def test_an_artefact_is_not_built_from_an_artefact(model: Path, tmp_path: Path) -> None:
    """Its int8 cannot be undone."""
    build(order(model, tmp_path / "one"), make_task)
    with pytest.raises(BuildError, match="already"):
        build(order(tmp_path / "one", tmp_path / "two"), make_task)


def test_an_unknown_precision_is_a_usage_error(model: Path, tmp_path: Path) -> None:
    """With those there are."""
    with pytest.raises(UsageError, match=r"Unknown precision 'int4'. Choose from auto, int8"):
        build(order(model, tmp_path / "out", precision="int4"), make_task)
