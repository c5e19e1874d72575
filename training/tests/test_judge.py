"""The figures of a judgement, from answers that are known."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mooring_training.judge import Asked, calibration_error, judge
from mooring_training.negatives import judged_pairs
from mooring_training.questions import Question, read_questions
from training.tests.support.tiny_data import write_squad


def test_calibration_error_by_hand() -> None:
    """Two answers in the bin of 0.9, of which one is right: 0.4 off; two at 0.25 and 0.25, none right: 0.25 off."""
    assert calibration_error([0.9, 0.9, 0.25, 0.25], [1, 0, 0, 0]) == pytest.approx((0.4 + 0.25) / 2)
    assert calibration_error([1.0, 0.0], [1, 0]) == 0


def test_figures_of_known_answers(tmp_path: Path) -> None:
    """Every first question is answered rightly; "no answer" is said to questions about years that were moved."""
    questions = read_questions(write_squad(tmp_path / "squad.json"))

    def ask(asked: Sequence[Question]) -> Iterator[Asked]:
        for one in asked:
            about_years = one.question.startswith("When")
            said = one.answers[0] if one.answers and about_years else "old"
            on = "" if about_years and not one.answers else said
            yield Asked({"answer": said, "score": 0.75}, {"answer": on, "score": 0.75}, 1)

    found = judge(questions, judged_pairs(questions, questions, seed=0), ask)
    assert (found.answerable, found.unanswerable, found.pairs, found.single_window) == (24, 0, 24, 24)
    assert (found.exact_match, found.f1, found.f1_lost) == (50, 50, 0)
    assert (found.recognized, found.random_recognized, found.hard_recognized) == (None, 50, 50)
    assert found.calibration_error == pytest.approx(25)
