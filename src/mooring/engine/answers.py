"""Answers that were given, by what was asked: as many as fit into so many bytes, the longest unused forgotten first.

Used by `once.py` on the event loop alone. Kept encoded: what was handed out can be changed by whoever has it, and bytes
can be counted.
"""

from collections import OrderedDict

import msgspec

OVERHEAD = 250
"""Bytes that an entry costs beside its own: two bytes objects and a place in the dict."""
SHARE = 8
"""An answer of more than one so-manieth of the whole is not kept: it would push out too many others."""


class AnswerCache:
    """Keys are digests of everything an answer depends on; texts are not kept, answers are."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` 0 keeps nothing."""
        self._max = max_bytes
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self.bytes = 0
        """What is kept now, keys and overhead included."""

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> tuple[object, int] | None:
        """The answer to `key` and how many windows it took; None if it is not known."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        answer, windows = msgspec.msgpack.decode(found)
        return answer, windows

    def put(self, key: bytes, answer: object, windows: int) -> None:
        """Keep it, if it is not too large, and forget what no longer fits."""
        value = msgspec.msgpack.encode((answer, windows))
        if _size(key, value) > self._max // SHARE:
            return
        if (old := self._kept.pop(key, None)) is not None:
            self.bytes -= _size(key, old)
        self._kept[key] = value
        self.bytes += _size(key, value)
        while self.bytes > self._max:
            self.bytes -= _size(*self._kept.popitem(last=False))


def _size(key: bytes, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD
