"""Answers of transformers 4.57's pipeline, kept in tests/golden, against ours: the real model in fp32, many scripts."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest

from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest
from mooring.settings import Settings
from mooring.wiring.model import OpenedModel, open_model
from tests.support.golden_questions import GOLDEN, LONG_GRID, MODEL, Asked, about, long, passages

TOLERANCE = 1e-4
TIE = 1e-5
"""Two answers whose scores are closer than this are in no order."""

Found = tuple[float, int, int]
"""score, start, end."""

DOCUMENTED = {
    # A question with "[CLS]" in it: the pipeline lets that token answer, and takes the context's word with its number.
    "specials/0/no overlap",
    "specials/0/tiny windows",
    "specials/0/tiny windows, tokens",
    *(f"long 1/4/{name}" for name in LONG_GRID),
}
"""Keys of answers that differ on purpose."""


@pytest.fixture(scope="module")
def opened() -> OpenedModel:
    """The reference model."""
    return open_model(Settings(precision="fp32"), str(MODEL))


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    """Key → answers as [score, start, end]."""
    found: dict[str, Any] = json.loads((GOLDEN / "answers.json").read_text(encoding="utf-8"))["answers"]
    return found


def ours(opened: OpenedModel, questions: Iterable[Asked]) -> dict[str, list[Found] | None]:
    """The same as the golden file has, None for a refusal."""
    asked = []
    found: dict[str, list[Found] | None] = {}
    for one in questions:
        body = {"inputs": {"question": one.question, "context": one.context}, "parameters": one.parameters}
        request = opened.task.parse(body)
        try:
            opened.task.prepare(request)
        except InvalidRequest:
            found[one.key] = None
        else:
            asked.append((one, request))
    answers = answer_all(opened.task, opened.backend, [request for _, request in asked])
    for (one, _), answer in zip(asked, answers, strict=True):
        listed: list[Any] = answer if isinstance(answer, list) else [answer]
        for entry in listed:
            assert entry["answer"] == one.context[entry["start"] : entry["end"]]
        found[one.key] = [(entry["score"], entry["start"], entry["end"]) for entry in listed]
    return found


def differences(mine: list[Found], theirs: list[list[Any]]) -> str:
    """What differs beyond rounding and ties; "" if nothing does."""
    # Spans with score 0 fill the pipeline's list where a text has fewer answers than were asked for.
    wanted: list[Found] = [(score, start, end) for score, start, end in theirs if score > 0 or len(theirs) == 1]
    if len(mine) != len(wanted):
        return f"{len(mine)} answers, {len(wanted)} wanted"
    for (score, _, _), (right, _, _) in zip(mine, wanted, strict=True):
        if abs(score - right) > TOLERANCE:
            return f"score {score}, {right} wanted"
    cut = wanted[-1][0]
    for index, ((_, *place), (score, *expected)) in enumerate(zip(mine, wanted, strict=True)):
        alike = [list(other[1:]) for other in wanted if abs(other[0] - score) <= TIE]
        # At the end of the list the other one of a tie may have been cut off.
        at_the_end = len(wanted) > 1 and abs(score - cut) <= TIE
        if place not in alike and not at_the_end:
            return f"answer {index} at {place}, {expected} wanted"
    return ""


def wrong(questions: Iterable[Asked], opened: OpenedModel, golden: dict[str, Any]) -> dict[str, str]:
    """Key → what differs from the pipeline, except for what differs on purpose."""
    asked = list(questions)
    found = ours(opened, asked)
    said = {}
    for one in asked:
        mine, theirs = found[one.key], golden[one.key]
        if mine is not None and theirs is not None:
            said[one.key] = differences(mine, theirs)
        elif mine is not theirs:  # a refusal where the pipeline's tokenizer panics
            said[one.key] = f"{mine} and {theirs}"
    assert all("[CLS]" in one.question for one in asked if one.key in DOCUMENTED)
    return {key: text for key, text in said.items() if text and key not in DOCUMENTED}


@pytest.mark.wire
@pytest.mark.parametrize("passage", passages(), ids=lambda passage: passage["name"])
def test_answers_are_the_pipelines(passage: dict[str, Any], opened: OpenedModel, golden: dict[str, Any]) -> None:
    """Scores within 1e-4, the same places in the same order, with every set of parameters."""
    questions = list(about(passage))
    assert questions
    assert wrong(questions, opened, golden) == {}


@pytest.mark.wire
def test_answers_on_long_texts_are_the_pipelines(opened: OpenedModel, golden: dict[str, Any]) -> None:
    """Every fifth: all parameters and both contexts come up, and all of them together take a minute of two cores."""
    assert wrong(islice(long(), 0, None, 5), opened, golden) == {}


@pytest.mark.slow
def test_all_answers_on_long_texts_are_the_pipelines(opened: OpenedModel, golden: dict[str, Any]) -> None:
    """Two contexts of more than 5,000 words."""
    assert wrong(long(), opened, golden) == {}
