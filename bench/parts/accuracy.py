"""Exact match and F1 of each precision on a SQuAD file, and whether an answer depends on who shares its batch."""

from pathlib import Path
from typing import Any

from bench.engines import precisions
from bench.processes import moor
from mooring.engine.offline import answer_all
from mooring.quality.squad import read_squad
from mooring.settings import Settings
from mooring.wiring.model import open_model

ALONE = 2_000


def accuracy(model: Path, dev: Path) -> list[dict[str, Any]]:
    """Each precision that this CPU computes; int8 is the embedded artefact."""
    rows = []
    for precision in precisions():
        source = [] if precision == "int8" else ["--model", str(model)]
        result = moor("eval", str(dev), *source, "--precision", precision)
        keys = ("exact_match", "f1", "questions", "per_second")
        rows.append({"precision": precision, **{key: result[key] for key in keys}})
    return rows


def batches(model: Path, dev: Path) -> list[dict[str, Any]]:
    """How many of so many answers have the same span alone and in batches with others."""
    questions = read_squad(dev)
    questions = questions[:: max(1, len(questions) // ALONE)][:ALONE]
    rows = []
    for precision in precisions():
        opened = open_model(Settings(precision=precision), None if precision == "int8" else str(model))
        requests = [opened.task.parse({"question": one.question, "context": one.context}) for one in questions]
        together, alone = (
            list(answer_all(opened.task, opened.backend, requests, look_ahead=ahead)) for ahead in (64, 1)
        )
        opened.backend.close()
        same = sum(_span(one) == _span(other) for one, other in zip(together, alone, strict=True))
        rows.append({"precision": precision, "questions": len(questions), "same": same})
    return rows


def _span(answer: Any) -> tuple[int, int]:
    return answer["start"], answer["end"]
