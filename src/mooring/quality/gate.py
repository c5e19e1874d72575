"""Decide whether a quantized model may replace the exact one, from the scores of both on the same questions.

Pure: numpy only. A task's metric says how scores become one number (`metrics.py`), in points.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from mooring.quality.metrics import Parts

RESAMPLES = 2_000
CONFIDENCE = 0.95
MINIMUM_QUESTIONS = 2_000
"""Default number of questions: with fewer, the interval is as wide as the drops it should detect."""
MOST_QUESTIONS = 8_000
"""Most questions while undecided, unless all are requested: a build must end. Two doublings halve the interval."""

RULE_OF_THREE = 3
"""−ln(0.05), rounded: with 95 % confidence an event not seen in n trials has a probability below 3/n."""

_CHUNK = 2_000_000
"""Random indices drawn at a time: 16 MB of memory instead of 170 MB for all of SQuAD dev."""


class Verdict(Enum):
    """The result of comparing an interval with a limit."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    """The limit is inside the interval: more questions could decide it."""


@dataclass(frozen=True, slots=True)
class Drop:
    """How much worse the candidate is, in points; negative if better."""

    mean: float
    lower: float
    upper: float
    reference: float
    candidate: float
    questions: int

    def verdict(self, max_drop: float) -> Verdict:
        """PASSED only if the whole interval is at or below `max_drop`."""
        if self.upper <= max_drop:
            return Verdict.PASSED
        return Verdict.FAILED if self.lower > max_drop else Verdict.UNDECIDED


def paired_drop(
    reference: Parts,
    candidate: Parts,
    total: Callable[[Parts], npt.NDArray[np.float64]],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Drop:
    """Total of reference − total of candidate, with its percentile bootstrap interval (Efron 1979), two-sided, 95 %.

    Both are [n, k], n at least 1, for the same questions in the same order; `total` is the metric's, [.., n, k] → [..].
    Questions are resampled, not scores, so that difficulty common to both models cancels. The total is recomputed for
    every resample: it need not be a mean.

    If no question got worse the bootstrap interval has no width; the upper bound is then 100 · 3/n points, by the rule
    of three for events not seen in n trials (Hanley and Lippman-Hand 1983).
    """
    count = len(reference)
    if count == 0:
        raise ValueError("no questions to compare")
    drops = _bootstrap(reference, candidate, total, resamples, np.random.default_rng(seed))
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(drops, [tail, 1 - tail])
    exact, other = float(total(reference)), float(total(candidate))
    return Drop(
        mean=exact - other,
        lower=float(lower),
        upper=max(float(upper), 100 * RULE_OF_THREE / count),
        reference=exact,
        candidate=other,
        questions=count,
    )


def _bootstrap(
    reference: Parts,
    candidate: Parts,
    total: Callable[[Parts], npt.NDArray[np.float64]],
    resamples: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    rows = max(1, _CHUNK // reference.size)
    drops = []
    for start in range(0, resamples, rows):
        picks = rng.integers(0, len(reference), (min(rows, resamples - start), len(reference)))
        drops.append(total(reference[picks]) - total(candidate[picks]))
    return np.concatenate(drops)


def fewest_questions(max_drop: float) -> int:
    """Fewest questions that can show a drop of at most `max_drop` points (above 0), even if none gets worse."""
    fewest = max(1, math.floor(100 * RULE_OF_THREE / max_drop))
    return fewest if 100 * RULE_OF_THREE / fewest <= max_drop else fewest + 1


def looks(asked: int, available: int) -> tuple[int, ...]:
    """Total questions after each round: `asked`, then twice as many while undecided, up to `available`.

    `asked` is capped at `available`. More rounds avoid refusing a good model because the first was too coarse.
    """
    counts = [min(asked, available)]
    while counts[-1] < available:
        doubled = counts[-1] * 2
        # A last round with only a few more questions would cost time and decide nothing.
        counts.append(available if doubled * 1.5 > available else doubled)
    return tuple(counts)
