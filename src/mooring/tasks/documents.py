"""Cache tokenized texts, so a document with many questions is tokenized once.

Used by `question_answering.py` from several threads. Texts are kept in memory and never written to disk.
"""

import threading
from collections.abc import Callable

from cachetools import LRUCache

from mooring.tokenization.text import Tokens

MAX_BYTES = 8 << 20
"""Most texts cached per model."""
SHARE = 4
"""A text larger than `max_bytes` / `LARGEST` is not cached."""


class Documents:
    """An LRU cache of at most `max_bytes`."""

    def __init__(self, encode: Callable[[str], Tokens], max_bytes: int = MAX_BYTES) -> None:
        self._encode = encode
        self._lock = threading.Lock()
        self._kept: LRUCache[str, tuple[Tokens, int]] = LRUCache(max_bytes, getsizeof=lambda value: value[1])

    def tokens(self, text: str) -> Tokens:
        """The text's tokens; do not modify them. Raises as `TextTokenizer.encode`."""
        with self._lock:
            if (known := self._kept.get(text)) is not None:
                return known[0]
        # Outside the lock: at worst two concurrent requests tokenize the same text twice.
        tokens = self._encode(text)
        size = _size(text, tokens)
        if size <= self._kept.maxsize // SHARE:
            with self._lock:
                self._kept[text] = tokens, size
        return tokens

    @property
    def bytes(self) -> int:
        """Bytes cached now."""
        return int(self._kept.currsize)


def _size(text: str, tokens: Tokens) -> int:
    # A str takes 1, 2 or 4 bytes per character, depending on its widest one.
    width = 1 if text.isascii() else 4
    return width * len(text) + tokens.ids.nbytes + tokens.places.nbytes + tokens.words.nbytes + 700
