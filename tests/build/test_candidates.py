"""Which candidate is best, on figures of the test's own."""

from fractions import Fraction

from mooring.build.candidates import CANDIDATES, Candidate, choose
from mooring.build.ladder import BF16, FP32, INT8, quantised
from mooring.build.race import pace_of
from mooring.build.recipe import OFF, Recipe
from tests.support.candidates import candidate

SMOOTHER = quantised(Recipe(smooth_alpha=0.5))
PLAIN = quantised(Recipe(smooth_alpha=OFF))
SIXTEENTH = quantised(Recipe(excluded_share=Fraction(1, 16)))


def best(*candidates: Candidate, fast_int8: bool = True) -> str | None:
    """The name of the best."""
    found = choose(candidates, fast_int8=fast_int8)
    return found.attempt.name if found else None


def test_every_kind_is_tried_once() -> None:
    """Exact ones first, so that the others have something to be compared with."""
    assert CANDIDATES[:2] == (FP32, BF16)
    assert len(set(CANDIDATES)) == len(CANDIDATES)
    assert {attempt.precision for attempt in CANDIDATES} == {"fp32", "bf16", "int8", "mixed"}


def test_outcomes() -> None:
    """The gate's word on what is quantised; whatever an exact one loses, it has no gate to pass."""
    outcomes = [candidate(INT8, upper=upper).outcome for upper in (0.5, 0.6, 0.95)]
    assert outcomes == ["passed", "undecided", "failed"]
    assert candidate(BF16, upper=3.0).outcome == "exact"
    assert Candidate(INT8, failure="nncf cannot").outcome == "error"


def test_the_fastest_that_passed_is_best() -> None:
    """However little the slower ones lose."""
    fast, slow = candidate(INT8, upper=0.45, ratio=2.5), candidate(SIXTEENTH, upper=0.1, ratio=2.0)
    assert best(candidate(FP32), candidate(BF16, ratio=1.5), slow, fast) == "int8 smooth=0.95"


def test_among_equally_fast_ones_the_one_that_loses_least_is_best() -> None:
    """Two percent of speed may be noise, twelve are not."""
    usual, smoother = candidate(INT8, upper=0.45, ratio=2.5), candidate(SMOOTHER, upper=0.2, ratio=2.45)
    assert best(usual, smoother) == "int8 smooth=0.5"
    assert best(usual, candidate(SMOOTHER, upper=0.2, ratio=2.2)) == "int8 smooth=0.95"


def test_what_does_not_pass_is_never_best() -> None:
    """Failed, undecided and failed to build; then an exact one is."""
    failed, open_ended = candidate(INT8, upper=2.0, ratio=3), candidate(SMOOTHER, upper=0.7, ratio=3)
    assert best(candidate(FP32), failed, open_ended, Candidate(PLAIN, failure="no")) == "fp32"
    assert best(failed, open_ended) is None
    assert best() is None


def test_of_two_that_are_alike_the_smaller_is_best() -> None:
    """bf16 that is computed as fp32 is as fast and as good, and half as large."""
    assert best(candidate(FP32, size=90), candidate(BF16, size=45)) == "bf16"


def test_where_int8_is_slow_its_clock_does_not_count() -> None:
    """int8 before mixed before exact, as a build would go; within one precision the one that loses least."""
    exact, mixed = candidate(FP32, upper=0.1), candidate(SIXTEENTH, upper=0.1, ratio=0.5)
    usual, smoother = candidate(INT8, upper=0.4, ratio=0.4), candidate(SMOOTHER, upper=0.3, ratio=0.3)
    assert best(exact, mixed, usual, smoother, fast_int8=False) == "int8 smooth=0.5"
    assert best(exact, mixed, fast_int8=False) == "mixed smooth=0.95,exclude=1/16"
    assert best(exact, usual, fast_int8=True) == "fp32"


def test_a_pace_is_the_median_turns() -> None:
    """One turn that something else disturbed moves neither the speed nor the ratio, only the ratio's end."""
    pace = pace_of(48, [(2.0, 1.0), (2.0, 1.0), (2.2, 1.1), (2.0, 4.0), (3.0, 1.0)])
    assert (pace.per_second, pace.ratio) == (48.0, 2.0)
    assert (pace.lowest, pace.highest) == (0.5, 3.0)
