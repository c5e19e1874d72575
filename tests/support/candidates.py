"""Candidates of `moor build --explore` with figures of the test's own: nothing is built."""

from collections.abc import Sequence

from mooring.build.candidates import Candidate, choose
from mooring.build.explore import Explored
from mooring.build.judge import Judgement, Rules
from mooring.build.ladder import Attempt
from mooring.build.race import Pace
from mooring.quality.gate import Drop

RULES = Rules(asked=1000, most=1000, max_drop=0.5, gated=True, seed=0, one_look=True)


def candidate(attempt: Attempt, *, upper: float = 0.3, ratio: float = 1.0, size: int = 20_000_000) -> Candidate:
    """Loses between `upper` − 0.4 and `upper` points at so many times fp32's speed; the gate's limit is 0.5."""
    drop = Drop(
        mean=upper - 0.2, lower=upper - 0.4, upper=upper, reference=75.0, candidate=75.2 - upper, questions=1000
    )
    judgement = Judgement(
        "f1", "F1", drop, drop.verdict(RULES.max_drop), ({"exact_match": 63.0}, {"exact_match": 62.5}), 20.0
    )
    return Candidate(attempt, judgement, Pace(50.0 * ratio, ratio, 0.97 * ratio, 1.02 * ratio), size)


def explored(candidates: Sequence[Candidate], *, fast_int8: bool = True) -> Explored:
    """As if all of them had been tried."""
    best = choose(candidates, fast_int8=fast_int8)
    return Explored(tuple(candidates), best, "f1", "F1", RULES, calibrated=300, fast_int8=fast_int8, seconds=60.0)
