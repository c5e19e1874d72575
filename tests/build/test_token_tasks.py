"""`moor build` and `moor eval` on the tasks of single tokens, with their samples and the real engine and nncf."""

import json
from pathlib import Path
from typing import Any

import pytest

import mooring
from mooring.build.pipeline import Order, build
from mooring.cli import run
from mooring.model.source import resolve
from mooring.wiring.model import make_task
from tests.support.golden_tokens import write

pytestmark = pytest.mark.wire

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "data"
CASES = {
    "token-classification": ("token", "Ada lives in the city.", {"precision", "recall", "f1"}),
    "fill-mask": ("masked", "The king is [MASK].", {"accuracy"}),
}


def folder_of(task: str, folder: Path) -> Path:
    """A tiny BERT of the task."""
    return write("bert", CASES[task][0], folder)


@pytest.mark.parametrize("task", CASES)
def test_a_quantized_model_is_judged_with_the_task_s_metric(task: str, tmp_path: Path) -> None:
    """On the sample, labeled; and the artefact answers in the same shape as the folder."""
    folder, out = folder_of(task, tmp_path / "model"), tmp_path / "out"
    sample = SAMPLES / f"{task}.jsonl"
    wanted = Order(resolve(str(folder)), out, precision="int8", calibration=sample, questions=30, max_drop=99.9)
    gate = build(wanted, make_task).manifest.gate
    assert gate is not None
    assert (gate.metric, gate.passed) == ("f1" if task == "token-classification" else "accuracy", True)
    answers = []
    for source in (folder, out):
        with mooring.open(source) as model:
            answers.append(model(CASES[task][1]))
    assert [one.keys() for one in answers[0]] == [one.keys() for one in answers[1]]


@pytest.mark.parametrize("task", CASES)
def test_without_labels_a_quantized_model_is_judged_by_agreement(task: str, tmp_path: Path) -> None:
    """On requests as clients send them."""
    requests = tmp_path / "requests.jsonl"
    lines = [json.dumps({"inputs": f"{CASES[task][1]} {number}"}) for number in range(80)]
    requests.write_text("\n".join(lines))
    folder, out = folder_of(task, tmp_path / "model"), tmp_path / "out"
    wanted = Order(resolve(str(folder)), out, precision="int8", calibration=requests, questions=40, max_drop=99.9)
    gate = build(wanted, make_task).manifest.gate
    assert gate is not None
    assert (gate.metric, gate.questions) == ("agreement", 40)


@pytest.mark.parametrize("task", CASES)
def test_a_model_is_evaluated_on_the_sample(task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With the figures of its metric; a random model is far from 100 %."""
    folder = folder_of(task, tmp_path)
    assert run(["eval", str(SAMPLES / f"{task}.jsonl"), "-m", str(folder), "--json"]) == 0
    result: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert result["questions"] == 70
    assert not result["errors"]
    assert all(0 <= result[name] < 50 for name in CASES[task][2])
