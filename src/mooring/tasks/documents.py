"""Texts that were tokenised lately: a document that is asked about again and again is tokenised once.

Used by `question_answering.py` from several threads. Kept in memory with their texts, never written anywhere.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from mooring.tokenization.text import Tokens

MAX_BYTES = 8 << 20
"""Of one model: more texts are hardly asked about at a time."""
SHARE = 4
"""A text of more than one so-manieth of the whole is not kept."""


class Documents:
    """As many as fit into `max_bytes`, the longest unused forgotten first."""

    def __init__(self, encode: Callable[[str], Tokens], max_bytes: int = MAX_BYTES) -> None:
        self._encode = encode
        self._max = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Tokens] = OrderedDict()
        self.bytes = 0
        """What is kept now."""

    def tokens(self, text: str) -> Tokens:
        """The text's tokens; not to be changed. Raises as `TextTokenizer.encode`."""
        with self._lock:
            if (known := self._kept.get(text)) is not None:
                self._kept.move_to_end(text)
                return known
        # Outside of the lock: at worst a text that two ask about at the same time is tokenised twice.
        tokens = self._encode(text)
        size = _size(text, tokens)
        if size <= self._max // SHARE:
            with self._lock:
                if text not in self._kept:
                    self._kept[text] = tokens
                    self.bytes += size
                while self.bytes > self._max:
                    self.bytes -= _size(*self._kept.popitem(last=False))
        return tokens


def _size(text: str, tokens: Tokens) -> int:
    # A str takes 1, 2 or 4 bytes a character, by its widest one.
    width = 1 if text.isascii() else 4
    return width * len(text) + tokens.ids.nbytes + tokens.places.nbytes + tokens.words.nbytes + 500
