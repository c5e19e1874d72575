"""List what `moor build --explore` tries, and choose the best result. Pure.

Called by `explore.py`; shown by `cli/explore.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from mooring.build.judge import Judgement
from mooring.build.ladder import BF16, FP32, Attempt, quantised
from mooring.build.race import Pace
from mooring.build.recipe import OFF, USUAL, Recipe
from mooring.quality.gate import Verdict

RECIPES = (
    USUAL,
    Recipe(smooth_alpha=0.8),
    Recipe(smooth_alpha=0.5),
    Recipe(smooth_alpha=OFF),
    Recipe(ranges="minmax"),
    Recipe(ranges="percentile"),
    Recipe(asymmetric_activations=False),
    Recipe(excluded_share=Fraction(1, 16)),
    Recipe(excluded_share=Fraction(1, 8)),
)
"""The default recipe, and variants that differ from it in one setting."""

CANDIDATES = (FP32, BF16, *(quantised(recipe) for recipe in RECIPES))

SAME_SPEED = 0.9
"""Candidates within this fraction of the fastest count as equally fast: on a shared machine fp32 has measured 7 %
faster than itself."""

Outcome = Literal["exact", "passed", "failed", "undecided", "error"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One attempt with its results."""

    attempt: Attempt
    judgement: Judgement | None = None
    """None, as are `pace` and `size`, if it could not be built or run."""
    pace: Pace | None = None
    size: int = 0
    """Size of its graph in bytes."""
    excluded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""
    """Why it has no results."""

    @property
    def outcome(self) -> Outcome:
        """The result of the accuracy check; exact candidates need none."""
        if self.judgement is None or self.pace is None:
            return "error"
        if self.attempt.exact:
            return "exact"
        return _OUTCOMES[self.judgement.verdict]


_OUTCOMES: dict[Verdict, Outcome] = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.UNDECIDED: "undecided",
}


def choose(candidates: Sequence[Candidate], *, fast_int8: bool) -> Candidate | None:
    """The best candidate that passed or is exact: among the fastest the most accurate, then the smallest.

    `fast_int8`: this CPU computes int8 well, so its timings count. Otherwise they say nothing about CPUs that do, and
    the order of `moor build` is used instead: int8, then the fewest operations left out, then bf16. None if no
    candidate qualifies.
    """
    fit = [candidate for candidate in candidates if candidate.outcome in ("exact", "passed")]
    if not fit:
        return None
    if fast_int8:
        limit = SAME_SPEED * max(_ratio(candidate) for candidate in fit)
        front = [candidate for candidate in fit if _ratio(candidate) >= limit]
    else:
        first = min(_place(candidate) for candidate in fit)
        front = [candidate for candidate in fit if _place(candidate) == first]
    return min(front, key=_loss)


def _ratio(candidate: Candidate) -> float:
    return candidate.pace.ratio if candidate.pace else 0.0


def _place(candidate: Candidate) -> tuple[int, Fraction]:
    return _ORDER.index(candidate.attempt.precision), candidate.attempt.recipe.excluded_share


_ORDER = ("int8", "mixed", "bf16", "fp32")


def _loss(candidate: Candidate) -> tuple[float, int]:
    drop = candidate.judgement.drop.upper if candidate.judgement else 0.0
    return drop, candidate.size
