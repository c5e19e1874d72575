"""Decide which models to try, in which order, and when to stop. Pure. Called by `pipeline.py`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, Protocol, TypeVar

from mooring.build.recipe import USUAL, Recipe

Precision = Literal["int8", "mixed", "bf16", "fp32"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One model to build."""

    precision: Precision
    recipe: Recipe = USUAL
    """Ignored by exact attempts."""

    @property
    def name(self) -> str:
        """The precision, and the recipe if any, as in `--precision` and `--recipe`."""
        return self.precision if self.exact else f"{self.precision} {self.recipe.name}"

    @property
    def exact(self) -> bool:
        """Not quantized: needs neither calibration nor an accuracy check."""
        return self.precision in ("bf16", "fp32")

    def excluded(self, ranked: list[tuple[str, float]]) -> tuple[str, ...]:
        """Operations to leave out, from (operation, error) pairs, worst first."""
        return tuple(name for name, _ in ranked[: math.ceil(self.recipe.excluded_share * len(ranked))])


def quantised(recipe: Recipe) -> Attempt:
    """int8, or mixed if the recipe leaves operations out."""
    return Attempt("mixed" if recipe.excluded_share else "int8", recipe)


INT8 = Attempt("int8")
BF16 = Attempt("bf16")
FP32 = Attempt("fp32")

# With more than a quarter in fp32, bf16 is faster.
MIXED = tuple(quantised(Recipe(excluded_share=Fraction(1, part))) for part in (16, 8, 4))

LADDERS: Mapping[str, tuple[Attempt, ...]] = {
    "auto": (INT8, *MIXED, BF16),
    "int8": (INT8,),
    "bf16": (BF16,),
    "fp32": (FP32,),
}
"""Requested precision → attempts. An explicit precision gives that one or an error, never another."""


def ladder_of(precision: str, recipe: Recipe) -> tuple[Attempt, ...]:
    """The attempts for a key of `LADDERS` with this recipe; one that leaves operations out starts at that share."""
    steps = []
    for attempt in LADDERS[precision]:
        share = attempt.recipe.excluded_share
        if attempt.exact:
            steps.append(attempt)
        elif share == 0:
            steps.append(quantised(recipe))
        elif share > recipe.excluded_share:
            steps.append(quantised(replace(recipe, excluded_share=share)))
    return tuple(steps)


class Judged(Protocol):
    """Anything that can be accepted or not."""

    @property
    def accepted(self) -> bool:
        """True ends the search."""


Trial = TypeVar("Trial", bound=Judged)


def climb(ladder: tuple[Attempt, ...], build_and_judge: Callable[[Attempt], Trial]) -> list[Trial]:
    """Try attempts in order until one is accepted. Returns all that were tried; the last may be refused too."""
    tried: list[Trial] = []
    for attempt in ladder:
        tried.append(build_and_judge(attempt))
        if tried[-1].accepted:
            break
    return tried
