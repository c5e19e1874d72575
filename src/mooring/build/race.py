"""Two models on the same questions by turns, how fast one is beside the other out. Called by `workshop.py`.

Speeds measured minutes apart differ by what else the machine did, also by a fifth. Turn by turn that cancels, so that
candidates can be compared through the exact model, which runs beside each of them.
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
"""Of a turn: enough that batches are as full as they are in a long run."""
RACE_TURNS = 6
RACE_RUNS = 2 * (1 + RACE_TURNS)
"""How often the questions are answered in all: by both, and once before the first turn, to compile the shapes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A candidate's speed, tokenising and decoding included."""

    per_second: float
    """Questions, in the median turn."""
    ratio: float
    """Of its speed to the exact model's beside it, in the median turn."""
    lowest: float
    """Ratio of the worst turn."""
    highest: float
    """Ratio of the best turn."""


def race(
    task: Task, reference: Backend, candidate: Backend, samples: Sequence[Example], tick: Callable[[int], None]
) -> Pace:
    """Time both on all of `samples` (at least one), `RACE_TURNS` times each. `tick` is called with their number."""

    def lap(backend: Backend) -> float:
        began = time.perf_counter()
        for _ in answer_all(task, backend, (task.parse(sample.body) for sample in samples)):
            pass
        spent = time.perf_counter() - began
        tick(len(samples))
        return spent

    for backend in (reference, candidate):
        lap(backend)
    turns = []
    for turn in range(RACE_TURNS):
        # Whoever runs second finds the caches and the clock as the first has left them: that has to even out.
        if turn % 2:
            own, exact = lap(candidate), lap(reference)
        else:
            exact, own = lap(reference), lap(candidate)
        turns.append((exact, own))
    return pace_of(len(samples), turns)


def pace_of(questions: int, turns: Sequence[tuple[float, float]]) -> Pace:
    """From each turn's (exact model's, candidate's) seconds for so many questions."""
    ratios = [exact / own for exact, own in turns]
    own = statistics.median(own for _, own in turns)
    return Pace(questions / own, statistics.median(ratios), min(ratios), max(ratios))
