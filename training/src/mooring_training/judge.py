"""Judge a question-answering model: accuracy, "no answer", and how sure it may be. Needs no torch.

Each question is computed once and decoded twice, with `handle_impossible_answer` off and on. Answers are the server's:
the same windows, spans and rules.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mooring.backends.base import Backend, Outputs
from mooring.engine.offline import answer_all
from mooring.quality.squad import exact_match, f1_score
from mooring.tasks.base import Prepared
from mooring.tasks.question_answering import QuestionAnswering
from mooring.tokenization.text import TextTokenizer
from mooring_training.questions import Question

BINS = 10
POSITIONS = 512


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's two answers."""

    off: dict[str, Any]
    """Without "no answer"."""
    on: dict[str, Any]
    """With it; its text is "" for "no answer"."""
    windows: int


class Twice:
    """The task that decodes each request with and without "no answer"."""

    name = "question-answering"

    def __init__(self, tokenizer: TextTokenizer, positions: int = POSITIONS) -> None:
        self._task = QuestionAnswering(tokenizer, max_seq_len=min(384, positions), max_positions=positions)

    def parse(self, body: object) -> Any:
        """A question → both requests."""
        parameters = ({"handle_impossible_answer": allowed} for allowed in (False, True))
        return [self._task.parse({"inputs": body, "parameters": each}) for each in parameters]

    def prepare(self, request: Any) -> Prepared:
        """The windows, which are the same for both."""
        both = [self._task.prepare(each) for each in request]
        return Prepared(both[0].windows, both)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> Asked:
        """Both answers."""
        both: list[Any] = [self._task.finish(each, outputs) for each in prepared.state]
        return Asked(both[0], both[1], len(outputs))


Ask = Callable[[Sequence[Question]], Iterator[Asked]]
"""Answers questions in order."""


def asker(tokenizer: TextTokenizer, backend: Backend, positions: int = POSITIONS) -> Ask:
    """Ask a compiled model, or a network in training."""
    task: Any = Twice(tokenizer, positions)

    def ask(questions: Sequence[Question]) -> Iterator[Asked]:
        requests = (task.parse({"question": one.question, "context": one.context}) for one in questions)
        yield from answer_all(task, backend, requests)  # type: ignore[misc]

    return ask


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured. Shares are in percent."""

    answerable: int
    exact_match: float
    f1: float
    f1_on: float
    """F1 with `handle_impossible_answer`."""
    calibration_error: float
    """Of the scores of answers to single-window questions, in points."""
    single_window: int
    unanswerable: int
    """Questions that the file itself marks as unanswerable."""
    recognized: float | None
    """Of those, the share answered with "no answer"; None without such questions."""
    pairs: int
    random_recognized: float | None
    """Of the questions moved to a random other paragraph of their article."""
    hard_recognized: float | None
    """Of those moved to the most similar one."""

    @property
    def f1_lost(self) -> float:
        """Points of F1 that allowing "no answer" costs on answerable questions."""
        return self.f1 - self.f1_on


Pairs = tuple[Sequence[Question], Sequence[Question]]
"""Questions on random and on similar paragraphs without their answers, equally many, as of `judged_pairs`."""


def judge(
    questions: Sequence[Question], pairs: Pairs, ask: Ask, show: Callable[[int], None] = lambda _: None
) -> Figures:
    """Ask all questions and all pairs. `show` gets the number of questions done."""
    known, open_ended = ([one for one in questions if one.answerable is kind] for kind in (True, False))
    sets = (known, open_ended, *pairs)
    done, answers = 0, []
    for each in sets:
        found = []
        for asked in ask(each):
            found.append(asked)
            done += 1
            show(done)
        answers.append(found)
    scored = [_scores(one, asked) for one, asked in zip(known, answers[0], strict=True)]
    exact, f1, f1_on = (100 * np.mean(scored, axis=0)) if scored else (0.0, 0.0, 0.0)
    single = [
        (asked.off["score"], score[0]) for score, asked in zip(scored, answers[0], strict=True) if asked.windows == 1
    ]
    empty = [_share_empty(found) for found in answers[1:]]
    return Figures(
        answerable=len(known),
        exact_match=float(exact),
        f1=float(f1),
        f1_on=float(f1_on),
        calibration_error=100 * calibration_error(*zip(*single, strict=True)) if single else 0.0,
        single_window=len(single),
        unanswerable=len(open_ended),
        recognized=empty[0],
        pairs=len(answers[2]),
        random_recognized=empty[1],
        hard_recognized=empty[2],
    )


def _scores(question: Question, asked: Asked) -> tuple[float, float, float]:
    off, on = asked.off["answer"], asked.on["answer"]
    return (
        exact_match(off, question.answers),
        f1_score(off, question.answers),
        f1_score(on, question.answers),
    )


def _share_empty(found: Sequence[Asked]) -> float | None:
    return 100 * sum(not asked.on["answer"] for asked in found) / len(found) if found else None


def calibration_error(scores: Sequence[float], correct: Sequence[float]) -> float:
    """Expected calibration error (Guo et al. 2017), 0 to 1: |mean score − share correct|, averaged over ten equal bins.

    Bins are weighted by their number of answers.
    """
    chances, right = np.array(scores, np.float64), np.array(correct, np.float64)
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    gaps = [abs(chances[bins == one].sum() - right[bins == one].sum()) for one in range(BINS)]
    return float(sum(gaps) / len(chances))
