"""Cache answers: an LRU cache bounded in bytes.

Used by `once.py` on the event loop only. Answers are stored encoded, so callers cannot change them and their bytes can
be counted.
"""

from typing import Any

import msgspec
from cachetools import LRUCache

from mooring.tasks.arrays import array_bytes, pack, unpacked

OVERHEAD = 400
"""Overhead of an entry in bytes: key, two bytes objects and slots in three dicts (measured: 330)."""
SHARE = 8
"""An answer larger than `max_bytes` / `SHARE` is not cached: it would evict too many others."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """An answer without the data of a particular request."""

    answer: Any
    windows: int
    tokens: int
    truncated: int


_DECODER = msgspec.msgpack.Decoder(Known, ext_hook=unpacked)


class AnswerCache:
    """Keys are digests of everything an answer depends on; texts are not stored, answers are."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` 0 disables the cache."""
        self._kept: LRUCache[bytes, bytes] = LRUCache(max_bytes, getsizeof=_size)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Known | None:
        """The answer to `key` and its cost, or None."""
        found = self._kept.get(key)
        if found is None:
            return None
        return _DECODER.decode(found)

    def put(self, key: bytes, known: Known) -> None:
        """Store it, unless it is too large, and evict what no longer fits."""
        if array_bytes(known.answer) > self._kept.maxsize // SHARE:
            return  # before it is packed, which takes half a second for 64 MB
        value = pack(known)
        if _size(value) <= self._kept.maxsize // SHARE:
            self._kept[key] = value

    @property
    def bytes(self) -> int:
        """Bytes in use, including keys and overhead."""
        return int(self._kept.currsize)


def _size(value: bytes) -> int:
    return len(value) + OVERHEAD
