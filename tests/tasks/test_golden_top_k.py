"""Contexts with fewer answers than were asked for, beside those of transformers 4.57, kept in tests/golden/top-k."""

import json
from pathlib import Path
from typing import Any

import pytest

from mooring.engine.offline import answer_all
from mooring.settings import Settings
from mooring.wiring.model import open_model

pytestmark = pytest.mark.wire

FOLDER = Path(__file__).parents[1] / "golden" / "top-k"


def test_fewer_answers_than_asked_for_are_a_list() -> None:
    """Those of transformers without the ones of score 0, which are no part of the text; alone, one is an object."""
    opened = open_model(Settings(precision="fp32"), str(FOLDER))
    cases: list[dict[str, Any]] = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))["cases"]
    try:
        for case in cases:
            inputs = {"question": case["question"], "context": case["context"]}
            bodies = [{"inputs": inputs, "parameters": case["parameters"]}, {"inputs": inputs}]
            requests = [opened.task.parse(body) for body in bodies]
            several, alone = answer_all(opened.task, opened.backend, requests)
            expected = [answer for answer in case["answers"] if answer["score"] > 0]
            assert several == [{**answer, "score": pytest.approx(answer["score"], abs=1e-4)} for answer in expected]
            assert alone == several[0]
    finally:
        opened.backend.close()
