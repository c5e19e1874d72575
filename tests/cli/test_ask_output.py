"""What `moor ask` says beside an answer: that its score is low, or that the model may not know "no answer"."""

from typing import Any

import pytest

from mooring.cli.ask import _show
from mooring.cli.opening import warn_of_no_answer

CONTEXT = "Ada wrote it in London."
ON = {"handle_impossible_answer": True}


def answer(score: float, text: str = "Ada") -> dict[str, Any]:
    return {"answer": text, "start": 0, "end": len(text), "score": score}


@pytest.mark.parametrize(("scores", "marked"), [((0.5,), 0), ((0.499,), 1), ((0.3, 0.2), 1), ((0.9, 0.05), 0)])
def test_a_low_score_is_marked(scores: tuple[float, ...], marked: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the first answer: others are always less likely than all together."""
    _show(CONTEXT, [answer(score) for score in scores])
    said = capsys.readouterr().out
    assert said.count("low score: below 0.5") == marked
    assert said.count("--top-k 3 shows them") == (marked and len(scores) == 1)


def test_no_answer_is_never_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """Its score is the least one of all windows."""
    _show(CONTEXT, [answer(0.2, "")])
    assert "low score" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("parameters", "facts", "said"),
    [
        (ON, {"name": "m", "task": "question-answering", "no_answer": None}, "m may have been trained on answerable"),
        (ON, {"name": "m", "task": "question-answering", "no_answer": False}, "m was trained on answerable"),
        (ON, {"name": "m", "task": "question-answering", "no_answer": True}, ""),
        ({"handle_impossible_answer": False}, {"name": "m", "task": "question-answering"}, ""),
        (ON, {"name": "m"}, ""),  # a model's own code
        (ON, None, ""),  # a server that says nothing
    ],
)
def test_no_answer_of_a_model_that_never_learned_it(
    parameters: dict[str, object], facts: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning, unless the model's facts say that it did."""
    warn_of_no_answer(parameters, facts)
    warned = capsys.readouterr().err
    assert warned.startswith(f"moor: warning: {said}") if said else warned == ""
