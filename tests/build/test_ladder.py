"""What is tried after what, with fakes in place of models."""

from dataclasses import dataclass
from fractions import Fraction

import pytest

from mooring.build.ladder import LADDERS, Attempt, climb, ladder_of, quantised
from mooring.build.recipe import Recipe


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
    shares = [attempt.recipe.excluded_share for attempt in LADDERS["auto"] if attempt.precision == "mixed"]
    assert shares == sorted(set(shares))
    assert shares[-1] <= 0.25


@pytest.mark.parametrize("precision", ["int8", "bf16", "fp32"])
def test_a_precision_asked_for_by_name_is_the_only_one_tried(precision: str) -> None:
    """Nobody gets another precision than the one named."""
    assert climbed(precision, set()) == [precision]


def test_the_worst_operations_are_left_out_rounded_up() -> None:
    """A sixteenth of 37 operations is the worst three; of two, one."""
    ranked = [(f"op{number}", 1.0 / (number + 1)) for number in range(37)]
    mixed = quantised(Recipe(excluded_share=Fraction(1, 16)))
    assert mixed.excluded(ranked) == ("op0", "op1", "op2")
    assert mixed.excluded(ranked[:2]) == ("op0",)
    assert Attempt("int8").excluded(ranked) == ()


def test_exact_precisions_need_no_gate() -> None:
    """bf16 and fp32 are exact, int8 and mixed are not."""
    exact = {attempt.precision for ladder in LADDERS.values() for attempt in ladder if attempt.exact}
    assert exact == {"bf16", "fp32"}


def test_a_recipe_goes_through_the_whole_ladder() -> None:
    """int8 by it, then more and more left out, then bf16, which knows no recipe."""
    names = [attempt.name for attempt in ladder_of("auto", Recipe(smooth_alpha=0.5))]
    assert names == [
        "int8 smooth=0.5",
        "mixed smooth=0.5,exclude=1/16",
        "mixed smooth=0.5,exclude=1/8",
        "mixed smooth=0.5,exclude=1/4",
        "bf16",
    ]


def test_a_recipe_that_leaves_operations_out_begins_there() -> None:
    """It is mixed from the start, and nothing with fewer left out is tried after it."""
    eighth = Recipe(excluded_share=Fraction(1, 8))
    names = [attempt.name for attempt in ladder_of("auto", eighth)]
    assert names == ["mixed smooth=0.95,exclude=1/8", "mixed smooth=0.95,exclude=1/4", "bf16"]
    assert ladder_of("int8", eighth) == (quantised(eighth),)


def test_the_usual_recipe_changes_no_ladder() -> None:
    """Every ladder is then as it is written down."""
    assert {asked: ladder_of(asked, Recipe()) for asked in LADDERS} == dict(LADDERS)
