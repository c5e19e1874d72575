"""What `moor build --explore` tries, and which of it is best. Pure.

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
"""The usual one, and those that differ from it in one thing."""

CANDIDATES = (FP32, BF16, *(quantised(recipe) for recipe in RECIPES))

SAME_SPEED = 0.9
"""Within this of the fastest a candidate counts as no slower: fp32 raced against itself on a shared machine has come
out 7 % faster."""

Outcome = Literal["exact", "passed", "failed", "undecided", "error"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One attempt with what came of it."""

    attempt: Attempt
    judgement: Judgement | None = None
    """None together with `pace` and `size` where it could not be built or run."""
    pace: Pace | None = None
    size: int = 0
    """Bytes of its graph."""
    excluded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""
    """Why there are no figures."""

    @property
    def outcome(self) -> Outcome:
        """What the gate says; an exact one has none to pass."""
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
    """The best of those that passed or are exact: of the fastest the one that loses least, of equal ones the smallest.

    `fast_int8`: this CPU computes int8 well, so that its clock counts. If not, it says nothing about those that do,
    and the order of `moor build` stands in its place: int8, then the fewest operations left out, then bf16.
    None when there is none.
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
