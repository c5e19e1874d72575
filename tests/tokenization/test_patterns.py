"""Which regular expressions may run on texts, and that these take linear time in the library's engine."""

import time

import pytest
from tokenizers import Regex, pre_tokenizers

from mooring.tokenization.patterns import KNOWN, MAX_PATTERN, is_linear

LINEAR = (
    " {2,}",
    r"\s+",
    "▁",
    ".",
    r"[^\r\n]+|\p{N}{1,3}",
    r"\p{^L}x",
    "^ +|b$",
    "ab?",
    "ab*",
    r"\.\/",
    "a{2,99}",
)
SLOW = (
    "(x+x+)+y",
    "a+b",
    r"\s+$",
    "a*",
    "a?",
    "",
    "|a",
    "a|",
    "a||b",
    "+a",
    "a++",
    "a^b",
    "a$b",
    "(a)",
    "(?=a)",
    r"(a)\1",
    r"a\b",
    "[a-z&&[b]]",
    "a{100}",
    "a{0,}",
    "a" * (MAX_PATTERN + 1),
    "(",
    "\\",
)
TEXTS = (" ", "a", "1", "'", "\n", " a", "\r ", "'s", "\u00e9", "\u0661 ")
LENGTH = 30_000
SECONDS = 3.0
"""Quadratic time is more than 7 s for `a+b`; linear time less than 0.3."""


@pytest.mark.parametrize("pattern", LINEAR)
def test_patterns_that_never_give_back(pattern: str) -> None:
    """Characters and classes of which only the last is repeated."""
    assert is_linear(pattern)


@pytest.mark.parametrize("pattern", SLOW)
def test_patterns_that_may_give_back(pattern: str) -> None:
    """Or whose form is not understood."""
    assert not is_linear(pattern)


@pytest.mark.parametrize("pattern", [*sorted(KNOWN), r"\s+", "ab*", r"[^\r\n]+|\p{N}{1,3}"])
def test_accepted_patterns_take_linear_time(pattern: str) -> None:
    """In the engine that the tokenizers library has, on texts that are all of one kind."""
    assert is_linear(pattern)
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    for text in TEXTS:
        before = time.thread_time()
        split.pre_tokenize_str(text * (LENGTH // len(text)))
        assert time.thread_time() - before < SECONDS, text
