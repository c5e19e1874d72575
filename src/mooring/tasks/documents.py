"""Texts that were tokenised lately: a document that is asked about again and again is tokenised once.

Used by `question_answering.py` from several threads. Kept in memory with their texts, never written anywhere.
"""

import threading
from collections.abc import Callable

from cachetools import LRUCache

from mooring.tokenization.text import Tokens

MAX_BYTES = 8 << 20
"""Of one model: more texts are hardly asked about at a time."""
SHARE = 4
"""A text of more than one so-manieth of the whole is not kept."""


class Documents:
    """As many as fit into `max_bytes`, the longest unused forgotten first."""

    def __init__(self, encode: Callable[[str], Tokens], max_bytes: int = MAX_BYTES) -> None:
        self._encode = encode
        self._lock = threading.Lock()
        self._kept: LRUCache[str, tuple[Tokens, int]] = LRUCache(max_bytes, getsizeof=lambda value: value[1])

    def tokens(self, text: str) -> Tokens:
        """The text's tokens; not to be changed. Raises as `TextTokenizer.encode`."""
        with self._lock:
            if (known := self._kept.get(text)) is not None:
                return known[0]
        # Outside of the lock: at worst a text that two ask about at the same time is tokenised twice.
        tokens = self._encode(text)
        size = _size(text, tokens)
        if size <= self._kept.maxsize // SHARE:
            with self._lock:
                self._kept[text] = tokens, size
        return tokens

    @property
    def bytes(self) -> int:
        """What is kept now."""
        return int(self._kept.currsize)


def _size(text: str, tokens: Tokens) -> int:
    # A str takes 1, 2 or 4 bytes a character, by its widest one.
    width = 1 if text.isascii() else 4
    return width * len(text) + tokens.ids.nbytes + tokens.places.nbytes + tokens.words.nbytes + 700
