"""Time two models alternately on the same questions. Called by `workshop.py`.

Speeds measured minutes apart can differ by a fifth because of other load on the machine. Alternating cancels this, so
candidates can be compared through the exact model, which is timed with each of them.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mooring.backends.base import Backend
from mooring.engine.offline import answer_all
from mooring.quality.examples import Example
from mooring.tasks.base import Task

RACE_QUESTIONS = 32
"""Questions per turn: enough for batches as full as in a long run."""
RACE_TURNS = 6
RACE_RUNS = 2 * (1 + RACE_TURNS)
"""Total passes over the questions: by both models, plus one before the first turn to compile the shapes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A candidate's speed, including tokenizing and decoding."""

    per_second: float
    """Questions per second in the median turn."""
    ratio: float
    """Its speed relative to the exact model's in the median turn."""
    lowest: float
    """Ratio of the worst turn."""
    highest: float
    """Ratio of the best turn."""


def race(
    task: Task, reference: Backend, candidate: Backend, samples: Sequence[Example], tick: Callable[[int], None]
) -> Pace:
    """Time both on all `samples` (at least one), `RACE_TURNS` times each. `tick` is called with their number."""

    def lap(backend: Backend) -> float:
        began = time.perf_counter()
        for _ in answer_all(task, backend, (task.parse(sample.request) for sample in samples)):
            pass
        spent = time.perf_counter() - began
        tick(len(samples))
        return spent

    for backend in (reference, candidate):
        lap(backend)
    turns = []
    for turn in range(RACE_TURNS):
        # The second model finds caches and CPU clock as the first left them: alternate to even that out.
        if turn % 2:
            own, exact = lap(candidate), lap(reference)
        else:
            exact, own = lap(reference), lap(candidate)
        turns.append((exact, own))
    return pace_of(len(samples), turns)


def pace_of(questions: int, turns: Sequence[tuple[float, float]]) -> Pace:
    """The pace from each turn's (exact, candidate) seconds and the number of questions."""
    ratios = [exact / own for exact, own in turns]
    own = statistics.median(own for _, own in turns)
    return Pace(questions / own, statistics.median(ratios), min(ratios), max(ratios))
