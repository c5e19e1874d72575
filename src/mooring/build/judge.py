"""Samples and compiled models in, per-question scores and a verdict out.

The exact model answers each question once, however many candidates are held against it. Called by `pipeline.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from mooring.backends.base import Backend
from mooring.build.gate import Drop, Verdict, looks, paired_drop
from mooring.build.questions import Sample
from mooring.engine.offline import answer_all
from mooring.evaluate import exact_match, f1_score
from mooring.tasks.base import Task

Texts = tuple[str, ...]
"""What a model answered to one sample: one text, or several where the sample asked several things."""

Metric = Literal["f1", "agreement"]

F1_MAX_DROP = 0.5
"""Points of F1 that int8 may cost at most."""
AGREEMENT_MAX_DROP = 5.0
"""Points of agreement with fp32. Wider than F1's: without labels a better answer counts against the candidate too."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a candidate passes."""

    asked: int
    """Questions at the first look."""
    most: int
    """Questions at the last look."""
    max_drop: float
    """In points of the metric."""
    gated: bool
    """False: there is nothing to pass, and nothing is asked."""
    seed: int
    one_look: bool = False
    """Ask `asked` questions and no more, also when they leave it undecided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one candidate scored against the exact model."""

    metric: Metric
    drop: Drop
    verdict: Verdict
    exact_match: tuple[float, float] | None
    """Of the exact model and of the candidate, in percent; None without labels."""
    seconds: float
    """That the candidate took to answer."""

    @property
    def per_second(self) -> float:
        """Questions a second, tokenising and decoding included."""
        return self.drop.questions / self.seconds if self.seconds else 0.0

    def sentence(self, rules: Rules) -> str:
        """The drop, its interval and the limit, in words without a full stop."""
        what = "F1" if self.metric == "f1" else "agreement with fp32"
        drop = self.drop
        open_end = "; more questions could decide it" if self.verdict is Verdict.UNDECIDED else ""
        return (
            f"{what} drops by {drop.mean:.2f} points (95 % interval {drop.lower:.2f} to {drop.upper:.2f}, "
            f"{drop.questions:,} questions), the limit is {rules.max_drop:g}{open_end}"
        )


class Judge:
    """Holds the questions and the exact model's answers to them."""

    def __init__(self, task: Task, reference: Backend, samples: Sequence[Sample], tick: Callable[[int], None]) -> None:
        """`reference` is the exact model. `tick` is called with 1 for every answer, the reference's included."""
        self._task = task
        self.reference = reference
        self._samples = samples
        self._tick = tick
        self._known: list[Texts] = []
        self._seconds = 0.0
        self.metric: Metric = "f1" if samples and all(sample.answers for sample in samples) else "agreement"

    @property
    def per_second(self) -> float:
        """The exact model's questions a second so far."""
        return len(self._known) / self._seconds if self._seconds else 0.0

    def judge(self, candidate: Backend, rules: Rules) -> Judgement:
        """Ask until the interval lies on one side of the limit, or all questions (or the one look's) are used up."""
        given: list[Texts] = []
        seconds = 0.0
        counts = looks(rules.asked, min(rules.most, len(self._samples)))
        for count in counts[:1] if rules.one_look else counts:
            self._extend_reference(count)
            answers, spent = self._ask(candidate, len(given), count)
            given, seconds = given + answers, seconds + spent
            drop = paired_drop(*self._scores(given), seed=rules.seed)
            verdict = drop.verdict(rules.max_drop)
            if verdict is not Verdict.UNDECIDED:
                break
        return Judgement(self.metric, drop, verdict, self._exact_match(given), seconds)

    def _ask(self, backend: Backend, start: int, end: int) -> tuple[list[Texts], float]:
        began = time.perf_counter()
        answers = []
        requests = (self._task.parse(sample.body) for sample in self._samples[start:end])
        for answer in answer_all(self._task, backend, requests):
            answers.append(texts(answer))
            self._tick(1)
        return answers, time.perf_counter() - began

    def _extend_reference(self, count: int) -> None:
        answers, spent = self._ask(self.reference, len(self._known), count)
        self._known += answers
        self._seconds += spent

    def _scores(self, given: Sequence[Texts]) -> tuple[list[float], list[float]]:
        """The exact model's and the candidate's score of every question, in points."""
        known = self._known[: len(given)]
        if self.metric == "agreement":
            return [100.0] * len(given), [100 * agreement(*pair) for pair in zip(known, given, strict=True)]
        return self._labelled(known, f1_score), self._labelled(given, f1_score)

    def _exact_match(self, given: Sequence[Texts]) -> tuple[float, float] | None:
        if self.metric == "agreement":
            return None
        reference, candidate = (self._labelled(answers, exact_match) for answers in (self._known[: len(given)], given))
        return sum(reference) / len(reference), sum(candidate) / len(candidate)

    def _labelled(self, answers: Sequence[Texts], score: Callable[[str, Sequence[str]], float]) -> list[float]:
        """Every answer's score against its sample's right answers, in points."""
        pairs = zip(answers, self._samples[: len(answers)], strict=True)
        return [100 * score(" ".join(said), sample.answers) for said, sample in pairs]


def texts(answer: object) -> Texts:
    """The answer's text; of a list (several questions, or several answers to one) every text in order."""
    if isinstance(answer, dict):
        return (str(answer.get("answer", "")),)
    if isinstance(answer, list):
        return tuple(text for part in answer for text in texts(part))
    return (str(answer),)


def agreement(first: Texts, second: Texts) -> float:
    """How far two models say the same, 0 to 1: token F1 of one against the other, averaged over the texts."""
    pairs = list(zip_longest(first, second, fillvalue=""))
    return sum(f1_score(right, (left,)) for left, right in pairs) / len(pairs) if pairs else 1.0
