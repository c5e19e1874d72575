"""All of SQuAD dev against transformers 4.57's pipeline, and answers alone against answers in a batch of others."""

import json
from typing import Any

import pytest

from mooring.engine.offline import answer_all
from mooring.quality.squad import Question, read_squad
from mooring.settings import Settings
from mooring.wiring.model import OpenedModel, open_model
from tests.support.golden_questions import GOLDEN, SQUAD_MODEL
from tests.support.squad import squad_file

pytestmark = pytest.mark.slow

QUESTIONS = 10_570
TOLERANCE = 1e-4
TIE = 1e-5
ALONE = 500
"""Questions that are asked once more by themselves."""


def answers(opened: OpenedModel, questions: list[Question], look_ahead: int = 64) -> list[dict[str, Any]]:
    """In order; a look-ahead of 1 computes each question by itself."""
    requests = [opened.task.parse({"question": one.question, "context": one.context}) for one in questions]
    found: list[Any] = list(answer_all(opened.task, opened.backend, requests, look_ahead=look_ahead))
    return found


def test_answers_are_the_pipelines_on_all_of_squad() -> None:
    """Same start and end for at least 99.9 %, scores within 1e-4; each that differs is listed, and is a tie."""
    golden = json.loads((GOLDEN / "squad-dev.json").read_text(encoding="utf-8"))["answers"]
    questions = read_squad(squad_file("dev-v1.1.json"))
    assert len(questions) == len(golden) == QUESTIONS
    opened = open_model(Settings(precision="fp32"), str(SQUAD_MODEL))

    elsewhere, off = [], []
    for question, mine in zip(questions, answers(opened, questions), strict=True):
        [[score, start, end]] = golden[question.id]
        if abs(mine["score"] - score) > TOLERANCE:
            off.append((question.id, mine["score"], score))
        if (mine["start"], mine["end"]) != (start, end):
            elsewhere.append((question.id, mine, score))

    print(
        f"\n{QUESTIONS - len(elsewhere):,} of {QUESTIONS:,} answers are the same; {len(off)} scores differ by more than"
    )
    print(f"{TOLERANCE:g}. Elsewhere:", *elsewhere, sep="\n  ")
    assert off == []
    assert len(elsewhere) <= 0.001 * QUESTIONS
    # What is chosen elsewhere scores the same to the pipeline: only rounding decides between the two.
    assert all(abs(mine["score"] - score) <= TIE for _, mine, score in elsewhere)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_answer_does_not_depend_on_its_batch(precision: str) -> None:
    """Alone, and in batches with others of all lengths: the same span for every question but for ties."""
    questions = read_squad(squad_file("dev-v1.1.json"))[:: QUESTIONS // ALONE][:ALONE]
    source = str(SQUAD_MODEL) if precision == "fp32" else None
    opened = open_model(Settings(precision=precision), source)

    together, alone = answers(opened, questions), answers(opened, questions, look_ahead=1)
    moved = [
        (question.id, one, other)
        for question, one, other in zip(questions, together, alone, strict=True)
        if (one["start"], one["end"]) != (other["start"], other["end"])
    ]

    print(
        f"\n{precision}: {len(questions) - len(moved):,} of {len(questions):,} spans are the same", *moved, sep="\n  "
    )
    assert all(abs(one["score"] - other["score"]) <= TIE for _, one, other in moved)
    assert len(moved) <= 1
