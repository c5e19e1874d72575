"""Which models to try, in which order, and when to stop. Pure. Called by `pipeline.py`."""

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
    """Means nothing to an exact one."""

    @property
    def name(self) -> str:
        """The precision, and the recipe where there is one: what `--precision` and `--recipe` take."""
        return self.precision if self.exact else f"{self.precision} {self.recipe.name}"

    @property
    def exact(self) -> bool:
        """Nothing is quantised: needs no calibration and passes no gate."""
        return self.precision in ("bf16", "fp32")

    def excluded(self, ranked: list[tuple[str, float]]) -> tuple[str, ...]:
        """The names to leave out, from (operation, error) pairs, worst first."""
        return tuple(name for name, _ in ranked[: math.ceil(self.recipe.excluded_share * len(ranked))])


def quantised(recipe: Recipe) -> Attempt:
    """int8, or mixed where the recipe leaves operations out."""
    return Attempt("mixed" if recipe.excluded_share else "int8", recipe)


INT8 = Attempt("int8")
BF16 = Attempt("bf16")
FP32 = Attempt("fp32")

# A quarter in fp32 is the most that still runs faster than everything in bf16.
MIXED = tuple(quantised(Recipe(excluded_share=Fraction(1, part))) for part in (16, 8, 4))

LADDERS: Mapping[str, tuple[Attempt, ...]] = {
    "auto": (INT8, *MIXED, BF16),
    "int8": (INT8,),
    "bf16": (BF16,),
    "fp32": (FP32,),
}
"""What the user asked for → what is tried. Who names a precision gets that one or an error, never another one."""


def ladder_of(precision: str, recipe: Recipe) -> tuple[Attempt, ...]:
    """The ladder of a key of `LADDERS`, by this recipe; a recipe that leaves operations out begins where it stands."""
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
    """Anything that knows whether it may be shipped."""

    @property
    def accepted(self) -> bool:
        """True ends the climb."""


Trial = TypeVar("Trial", bound=Judged)


def climb(ladder: tuple[Attempt, ...], build_and_judge: Callable[[Attempt], Trial]) -> list[Trial]:
    """Try one after the other until one is accepted; all that were tried. The last one may be refused too."""
    tried: list[Trial] = []
    for attempt in ladder:
        tried.append(build_and_judge(attempt))
        if tried[-1].accepted:
            break
    return tried
