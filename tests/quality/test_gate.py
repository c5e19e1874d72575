"""The gate's interval and verdict, on scores whose drop is known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.quality import gate
from mooring.quality.gate import Drop, Verdict, fewest_questions, looks
from mooring.quality.metrics import Parts, mean


def paired_drop(reference: Sequence[float], candidate: Sequence[float], **options: Any) -> Drop:
    """Of scores whose total is their mean."""
    exact, other = (np.array(scores, np.float64).reshape(-1, 1) for scores in (reference, candidate))
    return gate.paired_drop(exact, other, mean, **options)


def test_a_total_that_is_no_mean_is_computed_anew_of_every_draw() -> None:
    """Micro F1 of counts: its interval is the ratio's, not that of the mean of the examples' own F1."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 5, (800, 3)).astype(np.float64)
    worse = counts.copy()
    worse[:400, 0] = np.maximum(0, worse[:400, 0] - 1)

    def micro(parts: Parts) -> Parts:
        right, spurious, missed = (parts[..., column].sum(axis=-1) for column in range(3))
        found: Parts = 100 * 2 * right / (2 * right + spurious + missed)
        return found

    drop = gate.paired_drop(counts, worse, micro)
    assert (drop.reference, drop.candidate) == (float(micro(counts)), float(micro(worse)))
    assert drop.mean == pytest.approx(float(micro(counts) - micro(worse)))
    picks = rng.integers(0, 800, (4000, 800))
    lower, upper = np.quantile(micro(counts[picks]) - micro(worse[picks]), [0.025, 0.975])
    assert drop.lower == pytest.approx(lower, abs=0.2)
    assert drop.upper == pytest.approx(upper, abs=0.2)


def test_equal_scores_have_no_drop_and_an_interval_for_what_was_not_seen() -> None:
    """Of 300 questions that none was lost says no more than that fewer than one in a hundred is."""
    scores = [100.0, 0.0, 50.0] * 100
    drop = paired_drop(scores, scores)
    assert (drop.mean, drop.lower, drop.upper) == (0.0, 0.0, 1.0)
    assert drop.verdict(1.0) is Verdict.PASSED


@pytest.mark.parametrize(
    ("questions", "verdict"), [(10, Verdict.UNDECIDED), (599, Verdict.UNDECIDED), (600, Verdict.PASSED)]
)
def test_a_few_questions_prove_nothing(questions: int, verdict: Verdict) -> None:
    """However well they were answered."""
    assert paired_drop([100.0] * questions, [100.0] * questions).verdict(0.5) is verdict


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    """For many questions the bootstrap's bounds are mean ± 1.96 standard errors."""
    rng = np.random.default_rng(1)
    reference = rng.uniform(0, 100, 4000)
    differences = rng.normal(0.3, 10, 4000)
    drop = paired_drop(reference.tolist(), (reference - differences).tolist(), seed=5)
    error = float(differences.std() / np.sqrt(4000))
    assert drop.mean == pytest.approx(differences.mean())
    assert drop.lower == pytest.approx(differences.mean() - 1.96 * error, abs=0.2 * error)
    assert drop.upper == pytest.approx(differences.mean() + 1.96 * error, abs=0.2 * error)


def test_the_same_seed_gives_the_same_interval() -> None:
    """The gate is repeatable, and its seed matters."""
    rng = np.random.default_rng(2)
    reference, candidate = rng.uniform(0, 100, (2, 500)).tolist()
    assert paired_drop(reference, candidate, seed=3) == paired_drop(reference, candidate, seed=3)
    assert paired_drop(reference, candidate, seed=3) != paired_drop(reference, candidate, seed=4)


def test_pairing_cancels_what_is_hard_for_both() -> None:
    """Scores that swing from 0 to 100 but differ by exactly 1 point everywhere give an interval of width 0."""
    reference = [100.0, 1.0] * 500
    drop = paired_drop(reference, [score - 1 for score in reference])
    assert drop.lower == pytest.approx(1.0)
    assert drop.upper == pytest.approx(1.0)


def test_no_questions_is_an_error() -> None:
    """An empty comparison proves nothing."""
    with pytest.raises(ValueError, match="no questions"):
        paired_drop([], [])


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (-0.2, 0.4, Verdict.PASSED),
        (0.1, 0.5, Verdict.PASSED),
        (0.1, 0.6, Verdict.UNDECIDED),
        (0.5, 0.9, Verdict.UNDECIDED),
        (0.6, 0.9, Verdict.FAILED),
    ],
)
def test_the_verdict_looks_at_the_interval_and_not_at_the_mean(lower: float, upper: float, verdict: Verdict) -> None:
    """With a limit of 0.5 only an interval that ends there passes."""
    drop = Drop(mean=0.3, lower=lower, upper=upper, reference=80.0, candidate=79.7, questions=2000)
    assert verdict is drop.verdict(0.5)


@given(asked=st.integers(1, 50_000), available=st.integers(1, 50_000))
def test_looks_grow_from_what_was_asked_to_all_there_is(asked: int, available: int) -> None:
    """Looks ascend strictly, begin at what was asked or all there is, and end at all there is."""
    counts = looks(asked, available)
    assert counts[0] == min(asked, available)
    assert counts[-1] == available
    assert list(counts) == sorted(set(counts))


@given(max_drop=st.floats(0.01, 100))
def test_the_fewest_questions_can_pass_and_one_less_cannot(max_drop: float) -> None:
    """If not one goes wrong; to the rounding of the limit."""
    fewest = fewest_questions(max_drop)
    assert paired_drop([100.0] * fewest, [100.0] * fewest, resamples=1).verdict(max_drop) is Verdict.PASSED
    if fewest > 1:
        fewer = [100.0] * (fewest - 1)
        assert paired_drop(fewer, fewer, resamples=1).verdict(max_drop) is not Verdict.PASSED


def test_looks_double() -> None:
    """2,000 of SQuAD dev's 10,570 questions become 4,000 and then all; the last step is never a small one."""
    assert looks(2000, 10570) == (2000, 4000, 10570)
    assert looks(2000, 5900) == (2000, 5900)
