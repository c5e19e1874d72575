"""Who gets which question: calibration and judging never share one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.build.calibration import MINIMUM_SAMPLES, check_calibration, check_judged, split
from mooring.errors import BuildError
from mooring.quality.examples import Example, ExampleFile


def file_of(count: int, *, per_group: int = 5, name: str = "train.json", first: int = 0) -> ExampleFile:
    """A labelled file of `count` different questions."""
    numbers = range(first, first + count)
    samples = tuple(
        Example({"question": f"q{n}", "context": f"c{n // per_group}"}, ("a",), group=f"c{n // per_group}")
        for n in numbers
    )
    return ExampleFile(name, "0" * 64, samples, True, 0)


@given(count=st.integers(1, 300), samples=st.integers(1, 300), seed=st.integers(0, 9))
def test_no_question_is_in_both_parts_and_none_is_lost(count: int, samples: int, seed: int) -> None:
    """Held back from one file, the parts are disjoint and together the file."""
    parts = split(file_of(count), None, samples, seed)
    calibration, judged = ({sample.key for sample in part} for part in (parts.calibration, parts.judged))
    assert not calibration & judged
    assert len(calibration) + len(judged) == count
    assert len(calibration) <= samples


def test_a_big_file_gives_what_was_asked_for() -> None:
    """300 for calibration, all others to judge; passages that calibration saw come last."""
    parts = split(file_of(5000), None, 300, 0)
    assert len(parts.calibration) == 300
    passages = {sample.group for sample in parts.calibration}
    seen = [sample.group in passages for sample in parts.judged]
    assert seen == sorted(seen)
    assert not any(seen[:2000])


def test_a_judge_file_judges_and_is_not_calibrated_on() -> None:
    """All judged questions come from it, less those that calibration saw."""
    parts = split(file_of(400), file_of(400, first=300, name="dev.json"), 400, 0)
    assert len(parts.calibration) == 400
    assert {sample.body["question"] for sample in parts.judged} == {f"q{n}" for n in range(400, 700)}


def test_without_calibration_all_of_the_judge_file_judges() -> None:
    """As for bf16 with --judge."""
    parts = split(None, file_of(7), 300, 0)
    assert (len(parts.calibration), len(parts.judged)) == (0, 7)


def test_the_seed_decides_the_draw() -> None:
    """The same seed draws the same questions, another one others."""
    file = file_of(1000)
    assert split(file, None, 100, 1) == split(file, None, 100, 1)
    assert split(file, None, 100, 1).calibration != split(file, None, 100, 2).calibration


def test_repeated_questions_count_once() -> None:
    """A log that holds one question a thousand times is one question."""
    file = ExampleFile("log", "0" * 64, file_of(1).examples * 1000, False, 0)
    parts = split(file, None, 300, 0)
    with pytest.raises(BuildError, match="0 distinct questions") as caught:
        check_calibration(parts, file)
    assert str(MINIMUM_SAMPLES) in str(caught.value)


def test_too_few_to_judge_names_both_numbers_and_the_ways_out() -> None:
    """The message says how many are needed and how many there are."""
    parts = split(file_of(1500), None, 300, 0)
    with pytest.raises(BuildError, match=r"needs 2,000 .* train.json has 1,200") as caught:
        check_judged(parts, 2000, "train.json")
    assert "--questions" in caught.value.hint
    check_judged(parts, 1200, "train.json")
