"""Which models to try, in which order, and when to stop. Pure. Called by `pipeline.py`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

Precision = Literal["int8", "mixed", "bf16", "fp32"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One model to build."""

    precision: Precision
    excluded_share: float = 0.0
    """Part of the operations, the worst ones, that stays in floating point."""

    @property
    def exact(self) -> bool:
        """Nothing is quantised: needs no calibration and passes no gate."""
        return self.precision in ("bf16", "fp32")

    def excluded(self, ranked: list[tuple[str, float]]) -> tuple[str, ...]:
        """The names to leave out, from (operation, error) pairs, worst first."""
        return tuple(name for name, _ in ranked[: math.ceil(self.excluded_share * len(ranked))])


INT8 = Attempt("int8")
BF16 = Attempt("bf16")
FP32 = Attempt("fp32")

# A quarter in fp32 is the most that still runs faster than everything in bf16.
MIXED = tuple(Attempt("mixed", share) for share in (1 / 16, 1 / 8, 1 / 4))

LADDERS: Mapping[str, tuple[Attempt, ...]] = {
    "auto": (INT8, *MIXED, BF16),
    "int8": (INT8,),
    "bf16": (BF16,),
    "fp32": (FP32,),
}
"""What the user asked for → what is tried. Who names a precision gets that one or an error, never another one."""


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
