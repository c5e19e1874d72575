"""Distributions of lengths by name, and texts of so many words."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.bench.lengths import TEXT, Writer, parse_lengths, sentences_of
from mooring.errors import UsageError


def drawn(said: str, count: int = 4000) -> list[int]:
    """Numbers of words, from a seed."""
    chance = random.Random(5)
    return [parse_lengths(said).sample(chance) for _ in range(count)]


def test_a_number_is_always_that_many() -> None:
    """With and without its name."""
    assert set(drawn("120")) == set(drawn("fixed:120")) == {120}


def test_a_choice_is_each_as_often() -> None:
    """Of three, a third each."""
    found = drawn("16,64,256")
    assert {value: round(found.count(value) / len(found), 1) for value in set(found)} == {16: 0.3, 64: 0.3, 256: 0.3}


def test_uniform_has_both_ends_and_nothing_outside() -> None:
    """Ends included."""
    found = drawn("uniform:50-54")
    assert set(found) == {50, 51, 52, 53, 54}


def test_lognormal_has_its_median() -> None:
    """And a long tail, cut at the most words a text may have."""
    found = drawn("lognormal:120,0.6")
    assert statistics.median(found) == pytest.approx(120, rel=0.05)
    assert max(found) > 500
    assert min(drawn("lognormal:1,3")) == 1


@pytest.mark.parametrize(
    "said",
    ["", "0", "-4", "x", "uniform:", "uniform:9-3", "uniform:1-99999999", "normal:5", "lognormal:5", "lognormal:5,x",
     "lognormal:5,0", "lognormal:5,nan", "1,,2", "uniform:1.5-3"],
)  # fmt: skip
def test_what_is_no_distribution_is_refused(said: str) -> None:
    """With examples of some."""
    with pytest.raises(UsageError, match=r"is not a valid value for --lengths.*uniform:50-400"):
        parse_lengths(said)


@given(st.integers(1, 700), st.integers(0, 5))
def test_a_text_has_the_words_that_were_ordered(words: int, seed: int) -> None:
    """Of the sentences given, and the same for the same seed."""
    sentences = sentences_of(TEXT)
    made = Writer(sentences, random.Random(seed)).write(words)
    assert len(made.split()) == words
    assert made == Writer(sentences, random.Random(seed)).write(words)
    assert set(made.split()) <= set(TEXT.split())
