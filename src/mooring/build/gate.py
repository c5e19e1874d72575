"""Scores of two models on the same questions in, a verdict out: may the compressed model replace the exact one?

Pure: numpy only. Called by `pipeline.py`. Scores are per question, in points from 0 to 100.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

RESAMPLES = 2_000
CONFIDENCE = 0.95
MINIMUM_QUESTIONS = 2_000
"""Below this the interval is as wide as the drops it should detect; a smaller number has to be asked for by name."""
MOST_QUESTIONS = 8_000
"""While the verdict is undecided, unless all are asked for: a build must end. Two doublings halve the interval."""

RULE_OF_THREE = 3
"""−ln(0.05), rounded: with 95 % confidence an event that did not happen in n attempts has a probability below 3/n."""

_CHUNK = 2_000_000
"""Random indices drawn at a time: 16 MB of memory instead of 170 MB for all of SQuAD dev."""


class Verdict(Enum):
    """What an interval says about a limit."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    """The limit lies inside the interval: more questions could still decide either way."""


@dataclass(frozen=True, slots=True)
class Drop:
    """How much worse the candidate is, in points; negative where it is better."""

    mean: float
    lower: float
    upper: float
    reference: float
    candidate: float
    questions: int

    def verdict(self, max_drop: float) -> Verdict:
        """PASSED only if the whole interval lies at or below `max_drop`."""
        if self.upper <= max_drop:
            return Verdict.PASSED
        return Verdict.FAILED if self.lower > max_drop else Verdict.UNDECIDED


def paired_drop(
    reference: Sequence[float], candidate: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Drop:
    """Mean of reference − candidate with its percentile bootstrap interval (Efron 1979), two-sided, 95 %.

    Where no question went wrong the bootstrap has no width; the bad end is then 100 · 3/n points, the rule of three for
    what was not seen in n attempts (Hanley and Lippman-Hand 1983).

    Paired: questions are drawn, not scores, so that what is hard for both models cancels. Both sequences have the same
    order and length, at least 1.
    """
    differences = np.asarray(reference, np.float64) - np.asarray(candidate, np.float64)
    if differences.size == 0:
        raise ValueError("no questions to compare")
    means = _bootstrap_means(differences, resamples, np.random.default_rng(seed))
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(means, [tail, 1 - tail])
    return Drop(
        mean=float(differences.mean()),
        lower=float(lower),
        upper=max(float(upper), 100 * RULE_OF_THREE / differences.size),
        reference=float(np.mean(reference)),
        candidate=float(np.mean(candidate)),
        questions=int(differences.size),
    )


def _bootstrap_means(
    values: npt.NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    rows = max(1, _CHUNK // values.size)
    parts = []
    for start in range(0, resamples, rows):
        picks = rng.integers(0, values.size, (min(rows, resamples - start), values.size))
        parts.append(values[picks].mean(axis=1))
    return np.concatenate(parts)


def fewest_questions(max_drop: float) -> int:
    """How many questions can show a drop of at most `max_drop` points (above 0), even if not one goes wrong."""
    fewest = max(1, math.floor(100 * RULE_OF_THREE / max_drop))
    return fewest if 100 * RULE_OF_THREE / fewest <= max_drop else fewest + 1


def looks(asked: int, available: int) -> tuple[int, ...]:
    """How many questions to have answered at each look: `asked`, then twice as many while undecided, up to `available`.

    `asked` is cut to `available`. A good model is then not refused merely because the first look was too coarse.
    """
    counts = [min(asked, available)]
    while counts[-1] < available:
        doubled = counts[-1] * 2
        # A last look at few more than the one before would cost time and tell nothing.
        counts.append(available if doubled * 1.5 > available else doubled)
    return tuple(counts)
