"""Answers that were given, by what was asked: as many as fit into so many bytes, the longest unused forgotten first.

Used by `once.py` on the event loop alone. Kept encoded: what was handed out can be changed by whoever has it, and bytes
can be counted.
"""

from typing import Any

import msgspec
from cachetools import LRUCache

OVERHEAD = 400
"""Bytes that an entry costs beside its answer: its key, two bytes objects and places in three dicts (measured: 330)."""
SHARE = 8
"""An answer of more than one so-manieth of the whole is not kept: it would push out too many others."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """An answer, without what belongs to the one who asked."""

    answer: Any
    windows: int
    tokens: int
    truncated: bool


_DECODER = msgspec.msgpack.Decoder(Known)


class AnswerCache:
    """Keys are digests of everything an answer depends on; texts are not kept, answers are."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` 0 keeps nothing."""
        self._kept: LRUCache[bytes, bytes] = LRUCache(max_bytes, getsizeof=_size)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Known | None:
        """The answer to `key` and what it took; None if it is not known."""
        found = self._kept.get(key)
        if found is None:
            return None
        return _DECODER.decode(found)

    def put(self, key: bytes, known: Known) -> None:
        """Keep it, if it is not too large, and forget what no longer fits."""
        value = msgspec.msgpack.encode(known)
        if _size(value) <= self._kept.maxsize // SHARE:
            self._kept[key] = value

    @property
    def bytes(self) -> int:
        """What is kept now, keys and overhead included."""
        return int(self._kept.currsize)


def _size(value: bytes) -> int:
    return len(value) + OVERHEAD
