"""What is tried after what, with fakes in place of models."""

from dataclasses import dataclass

import pytest

from mooring.build.ladder import LADDERS, Attempt, climb


@dataclass(frozen=True)
class FakeTrial:
    """An attempt with its outcome."""

    attempt: Attempt
    accepted: bool


def climbed(asked: str, passes: set[str]) -> list[str]:
    """Precisions tried when those in `passes` are accepted."""
    trials = climb(LADDERS[asked], lambda attempt: FakeTrial(attempt, attempt.precision in passes))
    return [trial.attempt.precision for trial in trials]


def test_a_good_model_stays_int8() -> None:
    """Nothing else is built when int8 passes."""
    assert climbed("auto", {"int8", "bf16"}) == ["int8"]


def test_a_bad_model_goes_to_mixed() -> None:
    """The first mixed attempt is the next one."""
    assert climbed("auto", {"mixed", "bf16"}) == ["int8", "mixed"]


def test_a_hopeless_model_ends_in_bf16() -> None:
    """Three mixed attempts with more and more operations left out, then bf16."""
    assert climbed("auto", {"bf16"}) == ["int8", "mixed", "mixed", "mixed", "bf16"]
    shares = [attempt.excluded_share for attempt in LADDERS["auto"] if attempt.precision == "mixed"]
    assert shares == sorted(set(shares))
    assert shares[-1] <= 0.25


@pytest.mark.parametrize("precision", ["int8", "bf16", "fp32"])
def test_a_precision_asked_for_by_name_is_the_only_one_tried(precision: str) -> None:
    """Nobody gets another precision than the one named."""
    assert climbed(precision, set()) == [precision]


def test_the_worst_operations_are_left_out_rounded_up() -> None:
    """A sixteenth of 37 operations is the worst three; of two, one."""
    ranked = [(f"op{number}", 1.0 / (number + 1)) for number in range(37)]
    assert Attempt("mixed", 1 / 16).excluded(ranked) == ("op0", "op1", "op2")
    assert Attempt("mixed", 1 / 16).excluded(ranked[:2]) == ("op0",)
    assert Attempt("int8").excluded(ranked) == ()


def test_exact_precisions_need_no_gate() -> None:
    """bf16 and fp32 are exact, int8 and mixed are not."""
    exact = {attempt.precision for ladder in LADDERS.values() for attempt in ladder if attempt.exact}
    assert exact == {"bf16", "fp32"}
