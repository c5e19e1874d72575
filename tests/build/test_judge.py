"""The rounds of the accuracy check, as its progress shows them."""

from dataclasses import replace

from mooring.backends.base import Backend
from mooring.backends.fake import FakeBackend
from mooring.build.judge import Judge, Rules
from mooring.quality.examples import Example
from mooring.tasks.question_answering import QUESTION_ANSWERING
from mooring.testing import FakeTask

RULES = Rules(asked=10, most=40, max_drop=5.0, gated=True, seed=0)
DIFFERING = replace(QUESTION_ANSWERING.metric, agree=lambda exact, _: float(exact["windows"][0] % 10 != 5))
"""Of ten answers one, which leaves a limit of 5 points undecided."""


def rounds(judge: Judge, candidate: Backend, ticks: list[int], rules: Rules) -> list[tuple[int, int, int]]:
    """(questions before, announced answers, answers that came) of each round."""
    begun: list[tuple[int, int, int]] = []
    judge.judge(candidate, rules, lambda before, answers: begun.append((before, answers, len(ticks))))
    ends = [came for *_, came in begun[1:]] + [len(ticks)]
    return [(before, answers, end - came) for (before, answers, came), end in zip(begun, ends, strict=True)]


def test_every_round_announces_as_many_answers_as_come() -> None:
    """Of both models in the first check, of the candidate alone once the exact model's answers are known."""
    ticks: list[int] = []
    examples = [Example([length]) for length in range(1, 41)]
    judge = Judge(FakeTask(), DIFFERING, FakeBackend(), examples, ticks.append)
    found = rounds(judge, FakeBackend(), ticks, RULES)
    assert found == [(0, 20, 20), (10, 20, 20), (20, 40, 40)]
    known = rounds(judge, FakeBackend(), ticks, replace(RULES, one_look=True))
    assert known == [(0, 10, 10)]
