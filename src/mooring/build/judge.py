"""Compare candidate models with the exact model on the same examples.

The exact model answers each example once, however many candidates there are. Called by `workshop.py`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mooring.backends.base import Backend
from mooring.engine.offline import answer_all
from mooring.quality.examples import Example
from mooring.quality.gate import Drop, Verdict, looks, paired_drop
from mooring.quality.metrics import Metric, Parts, percentage
from mooring.tasks.base import Task

Begin = Callable[[int, int], None]
"""Called when a round of the check begins: questions before it, and answers that it will take."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the accuracy check."""

    asked: int
    """Questions of the first round."""
    most: int
    """Questions of the last round."""
    max_drop: float
    """Largest drop, in points of the metric."""
    gated: bool
    """False: skip the check."""
    seed: int
    one_look: bool = False
    """Ask exactly `asked` questions, even if the result is undecided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of one candidate compared with the exact model."""

    metric: str
    """Name of the task's metric, or "agreement" without labels."""
    title: str
    """Display name of the metric."""
    drop: Drop
    verdict: Verdict
    figures: tuple[Mapping[str, float], Mapping[str, float]] | None
    """All figures of the task's metric for the exact model and the candidate; None without labels."""
    seconds: float
    """Time that the candidate took to answer."""

    @property
    def per_second(self) -> float:
        """Questions per second, including tokenizing and decoding."""
        return self.drop.questions / self.seconds if self.seconds else 0.0

    def sentence(self, rules: Rules) -> str:
        """The drop, its interval and the limit as a sentence without a period."""
        drop = self.drop
        open_end = "; more questions could decide it" if self.verdict is Verdict.UNDECIDED else ""
        return (
            f"{self.title} drops by {drop.mean:.2f} points (95 % interval {drop.lower:.2f} to {drop.upper:.2f}, "
            f"{drop.questions:,} questions), the limit is {rules.max_drop:g}{open_end}"
        )


class Judge:
    """Holds the questions and the exact model's answers."""

    def __init__(
        self,
        task: Task,
        metric: Metric,
        reference: Backend,
        examples: Sequence[Example],
        tick: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`reference` is the exact model. `tick` is called with 1 for every answer, the reference's included."""
        self._task = task
        self._metric = metric
        self.reference = reference
        self._examples = examples
        self._tick = tick
        self._known: list[object] = []
        self._seconds = 0.0
        self._labelled = bool(examples) and all(example.label is not None for example in examples)

    @property
    def per_second(self) -> float:
        """The exact model's questions per second so far."""
        return len(self._known) / self._seconds if self._seconds else 0.0

    def judge(self, candidate: Backend, rules: Rules, begin: Begin = lambda _before, _answers: None) -> Judgement:
        """Ask until the interval is on one side of the limit, or all questions are used."""
        given: list[object] = []
        seconds = 0.0
        counts = looks(rules.asked, min(rules.most, len(self._examples)))
        for count in counts[:1] if rules.one_look else counts:
            begin(len(given), 2 * count - len(given) - min(len(self._known), count))
            self._extend_reference(count)
            answers, spent = self._ask(candidate, len(given), count)
            given, seconds = given + answers, seconds + spent
            scores = self._scores(given)
            total = self._metric.total if self._labelled else percentage
            drop = paired_drop(*scores, total, seed=rules.seed)
            verdict = drop.verdict(rules.max_drop)
            if verdict is not Verdict.UNDECIDED:
                break
        metric = self._metric
        if not self._labelled:
            return Judgement("agreement", "agreement with fp32", drop, verdict, None, seconds)
        figures = metric.report(scores[0]), metric.report(scores[1])
        return Judgement(metric.name, metric.title, drop, verdict, figures, seconds)

    def _ask(self, backend: Backend, start: int, end: int) -> tuple[list[object], float]:
        began = time.perf_counter()
        answers = []
        requests = (self._task.parse(example.request) for example in self._examples[start:end])
        for answer in answer_all(self._task, backend, requests):
            answers.append(answer)
            self._tick(1)
        return answers, time.perf_counter() - began

    def _extend_reference(self, count: int) -> None:
        answers, spent = self._ask(self.reference, len(self._known), count)
        self._known += answers
        self._seconds += spent

    def _scores(self, given: Sequence[object]) -> tuple[Parts, Parts]:
        """Per-question metric parts of the exact model and the candidate."""
        known = self._known[: len(given)]
        if self._labelled:
            labels = [example.label for example in self._examples[: len(given)]]
            return self._metric.parts(known, labels), self._metric.parts(given, labels)
        same = [[self._metric.agree(*pair)] for pair in zip(known, given, strict=True)]
        return np.ones((len(given), 1)), np.array(same, np.float64)
