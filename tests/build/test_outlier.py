"""A channel that int8 cannot hold, planted into the real model: the gate sees it, and mixed precision heals it."""

import json
import shutil
from pathlib import Path

import pytest

from mooring.build.pipeline import Order, build
from mooring.model.source import resolve
from mooring.progress import Silent
from mooring.wiring.model import make_task
from tests.support.golden_questions import SQUAD_MODEL
from tests.support.outliers import plant_outlier
from tests.support.squad import squad_file

pytestmark = pytest.mark.slow


def part_of(path: Path, target: Path, every: int) -> Path:
    """A SQuAD file with every n-th paragraph."""
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    target.write_text(json.dumps({"data": [{"paragraphs": paragraphs[::every]}]}), encoding="utf-8")
    return target


def test_int8_fails_its_gate_and_the_spoiled_operation_stays_in_floating_point(tmp_path: Path) -> None:
    """F1 falls by many points in int8; without the attention of that layer, and a few others, it does not."""
    model = tmp_path / "model"
    shutil.copytree(SQUAD_MODEL, model)
    plant_outlier(model, layers=(2,))
    judge = part_of(squad_file("dev-v1.1.json"), tmp_path / "judge.json", 5)
    order = Order(
        resolve(str(model)),
        tmp_path / "out",
        calibration=squad_file("train-44-articles.json"),
        samples=100,
        judge=judge,
        questions=500,
        max_drop=1.5,
    )
    said = Silent()

    built = build(order, make_task, said)

    first, last = built.tried[0], built.tried[-1]
    assert first.judgement is not None
    assert last.judgement is not None
    assert (first.attempt.precision, first.accepted) == ("int8", False)
    assert first.judgement.drop.mean > 10
    assert "int8 failed the accuracy check: F1 drops by" in said.notes[0]
    assert (last.attempt.precision, last.accepted) == ("mixed", True)
    assert last.judgement.drop.mean < 1
    assert last.excluded[0].startswith("ScaledDotProductAttention")
    assert built.manifest.gate is not None
    assert built.manifest.gate.excluded_ops == last.excluded
