"""Texts that are tokenised once, within a bound."""

import numpy as np
import pytest

from mooring.errors import InvalidRequest
from mooring.tasks.documents import Documents
from mooring.tokenization.text import Tokens


class Counting:
    """Tokenises by characters and counts how often."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> Tokens:
        self.asked.append(text)
        if text == "bad":
            raise InvalidRequest("no")
        ids = np.arange(len(text), dtype=np.int32)
        return Tokens(ids, np.zeros((len(text), 2), np.int32), ids)


def test_a_text_is_tokenised_once() -> None:
    """However often it is asked for; a fault each time."""
    encode = Counting()
    documents = Documents(encode)
    first = documents.tokens("a text")
    assert documents.tokens("a " + "text") is first
    for _ in range(2):
        with pytest.raises(InvalidRequest):
            documents.tokens("bad")
    assert encode.asked == ["a text", "bad", "bad"]


def test_no_more_is_kept_than_allowed_and_the_longest_unused_goes_first() -> None:
    """A text larger than its share is not kept at all."""
    encode = Counting()
    documents = Documents(encode, 20_000)
    for number in range(100):
        documents.tokens("the one that is used")
        documents.tokens(f"text {number}")
        assert documents.bytes <= 20_000
    assert encode.asked.count("the one that is used") == 1
    documents.tokens("text 0")
    assert encode.asked.count("text 0") == 2
    for _ in range(2):
        documents.tokens("x" * 400)
    assert encode.asked.count("x" * 400) == 2
