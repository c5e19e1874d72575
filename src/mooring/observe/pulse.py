"""Memory that a worker shares with process 1: that its event loop turns, how it is, and what it is working on.

Process 1 can read it while the worker hangs and after it has died. It tells apart the requests that may have killed
the worker, which are those being worked on, from those that only waited.

A worker has one `Pulse` (`adopt`). Without one, as in a server without workers, the functions of this module do
nothing. Noting a batch takes a few assignments to mapped memory: no lock and no system call.
"""

import contextlib
import mmap
import os
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field

ID_BYTES = 8
"""Bytes of a request's id. Two requests with the same id would be confused, which is harmless."""

_COUNT = struct.Struct("<Q")
_BEATS, _PATIENCE, _REASON, _TABLES = 0, 8, 16, 512
_REASON_BYTES = _TABLES - _REASON - 2
_PLACES = 64
_PLACE_IDS = 256
_PLACE_BYTES = _COUNT.size + _PLACE_IDS * ID_BYTES
_CLAIMS = _TABLES + _PLACES * _PLACE_BYTES
_ACCEPTED = _CLAIMS + 1024 * ID_BYTES
SIZE = _ACCEPTED + 4096 * ID_BYTES
_NONE = b"\0" * ID_BYTES


@dataclass(slots=True, eq=False)
class Origin:
    """Where a computation comes from."""

    ids: list[bytes] = field(default_factory=list)
    """Of its requests: several if identical requests share it."""
    retried: bool = False
    """The engine of another worker had accepted it and died: this one must not refuse it for want of room."""
    claims: list[int] = field(default_factory=list)
    """Places of `Pulse.claim` to release when the request has been answered."""


UNKNOWN = Origin()
"""Of requests without an id: those of a server without workers, and probes."""
ORIGIN: ContextVar[Origin] = ContextVar("mooring_origin", default=UNKNOWN)
"""Of the current request."""


def read_id(text: bytes) -> bytes:
    """The id in a header: at least 16 hexadecimal digits, of which the first ones count. b"" for anything else."""
    try:
        found = bytes.fromhex(text[: 2 * ID_BYTES].decode("ascii"))
    except ValueError:
        return b""
    return found if len(found) == ID_BYTES and found != _NONE else b""


class Pulse:
    """The shared memory. The worker writes; process 1 reads."""

    def __init__(self, descriptor: int) -> None:
        """Of a file of `SIZE` bytes. It is not closed."""
        self._memory = mmap.mmap(descriptor, SIZE)
        self._free = deque(range(_TABLES, _CLAIMS, _PLACE_BYTES))
        self._unclaimed = deque(range(_CLAIMS, _ACCEPTED, ID_BYTES))
        self._unaccepted = deque(range(_ACCEPTED, SIZE, ID_BYTES))
        self._patience = 0
        self._lock = threading.Lock()

    # The worker's part

    def beat(self, reason: str) -> None:
        """The event loop turns. `reason` says why only a new process can help; "" if none is needed."""
        words = reason.encode()[:_REASON_BYTES]
        # The text before its length: process 1 may read at any time.
        self._memory[_REASON + 2 : _REASON + 2 + len(words)] = words
        self._memory[_REASON : _REASON + 2] = len(words).to_bytes(2, "little")
        _COUNT.pack_into(self._memory, _BEATS, self.beats + 1)

    @contextlib.contextmanager
    def patient(self) -> Iterator[None]:
        """Meanwhile the event loop may stand still: something that holds the interpreter's lock is running."""
        self._count_patience(1)
        try:
            yield
        finally:
            self._count_patience(-1)

    def _count_patience(self, change: int) -> None:
        with self._lock:
            self._patience += change
            _COUNT.pack_into(self._memory, _PATIENCE, self._patience)

    def working(self, ids: Sequence[bytes]) -> AbstractContextManager[None]:
        """While the block runs, the process may die of these requests."""
        return Working(self._memory, self._free, ids)

    @contextlib.contextmanager
    def accepting(self, ids: Sequence[bytes]) -> Iterator[None]:
        """While the block runs, the engine has accepted these requests."""
        places = [self._unaccepted.popleft() for _ in ids[: len(self._unaccepted)]]
        for place, one in zip(places, ids, strict=False):
            self._memory[place : place + ID_BYTES] = one
        try:
            yield
        finally:
            for place in places:
                self._memory[place : place + ID_BYTES] = _NONE
            self._unaccepted.extend(places)

    def claim(self, origin: Origin) -> None:
        """The user's code has begun on a request, which must not be run a second time. Valid until `release`."""
        for one in origin.ids:
            with contextlib.suppress(IndexError):  # far more requests than there may be
                place = self._unclaimed.popleft()
                self._memory[place : place + ID_BYTES] = one
                origin.claims.append(place)

    def release(self, origin: Origin) -> None:
        """The request has been answered."""
        for place in origin.claims:
            self._memory[place : place + ID_BYTES] = _NONE
            self._unclaimed.append(place)
        origin.claims.clear()

    # The part of process 1

    @property
    def beats(self) -> int:
        """How often the event loop has turned."""
        count: int = _COUNT.unpack_from(self._memory, _BEATS)[0]
        return count

    @property
    def is_patient(self) -> bool:
        """Whether the event loop may stand still now."""
        return bool(_COUNT.unpack_from(self._memory, _PATIENCE)[0])

    @property
    def reason(self) -> str:
        """Why the worker must be replaced, in its own words."""
        size = int.from_bytes(self._memory[_REASON : _REASON + 2], "little")
        return self._memory[_REASON + 2 : _REASON + 2 + min(size, _REASON_BYTES)].decode("utf-8", "replace")

    def at_work(self) -> set[bytes]:
        """Ids of the requests that it is working on."""
        found: set[bytes] = set()
        for place in range(_TABLES, _CLAIMS, _PLACE_BYTES):
            count = min(_COUNT.unpack_from(self._memory, place)[0], _PLACE_IDS)
            ids = self._memory[place + _COUNT.size : place + _COUNT.size + count * ID_BYTES]
            found.update(ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES))
        return found - {_NONE}

    def claimed(self) -> set[bytes]:
        """Ids of the unanswered requests that the user's code has begun on."""
        return self._table(_CLAIMS, _ACCEPTED)

    def accepted(self) -> set[bytes]:
        """Ids of the requests that its engine has accepted and not answered."""
        return self._table(_ACCEPTED, SIZE)

    def has(self, one: bytes) -> bool:
        """Whether the worker has accepted this request or works on it. Takes microseconds, unlike the sets."""
        for at in self._places(one, _TABLES, _CLAIMS):
            place = at - (at - _TABLES) % _PLACE_BYTES
            count = _COUNT.unpack_from(self._memory, place)[0]
            if place < at < place + _COUNT.size + count * ID_BYTES:
                return True
        return any(True for _ in self._places(one, _ACCEPTED, SIZE))

    def has_claimed(self, one: bytes) -> bool:
        """Whether the user's code has begun on this request, which is not answered."""
        return any(True for _ in self._places(one, _CLAIMS, _ACCEPTED))

    def _places(self, one: bytes, start: int, end: int) -> Iterator[int]:
        """Where an id is."""
        at = self._memory.find(one, start, end) if one else -1
        while at >= 0:
            if (at - start) % ID_BYTES == 0:
                yield at
            at = self._memory.find(one, at + 1, end)

    def _table(self, start: int, end: int) -> set[bytes]:
        table = self._memory[start:end]
        return {table[at : at + ID_BYTES] for at in range(0, len(table), ID_BYTES)} - {_NONE}

    def close(self) -> None:
        """Unmap it."""
        self._memory.close()


class Working(AbstractContextManager[None]):
    """A context manager: a class, since it is used for every batch."""

    __slots__ = ("_free", "_ids", "_memory", "_place")

    def __init__(self, memory: mmap.mmap, free: "deque[int]", ids: Sequence[bytes]) -> None:
        self._memory = memory
        self._free = free
        self._ids = ids
        self._place = 0

    def __enter__(self) -> None:
        """Write the ids, then their number."""
        try:
            place = self._place = self._free.popleft()
        except IndexError:  # more threads than places: these requests count as waiting
            return
        data = b"".join(self._ids[:_PLACE_IDS])
        start = place + _COUNT.size
        self._memory[start : start + len(data)] = data
        _COUNT.pack_into(self._memory, place, len(data) // ID_BYTES)

    def __exit__(self, *_: object) -> None:
        """Forget them."""
        if self._place:
            _COUNT.pack_into(self._memory, self._place, 0)
            self._free.append(self._place)


def create() -> int:
    """The descriptor of a new file for a `Pulse`. Raises OSError."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("mooring-pulse")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        # Written, not truncated to size: memory that is missing later would end the worker with SIGBUS.
        os.write(descriptor, bytes(SIZE))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


_own: Pulse | None = None
_NOTHING: AbstractContextManager[None] = contextlib.nullcontext()


def adopt(descriptor: int) -> Pulse:
    """Make it this process's own."""
    global _own
    _own = Pulse(descriptor)
    return _own


def working(origins: Iterable[Origin]) -> AbstractContextManager[None]:
    """As `Pulse.working`, of the own pulse."""
    if _own is None:
        return _NOTHING
    ids = [one for origin in origins for one in origin.ids]
    return _own.working(ids) if ids else _NOTHING


def accepting(origin: Origin) -> AbstractContextManager[None]:
    """As `Pulse.accepting`, of the own pulse. For the event loop."""
    return _NOTHING if _own is None or not origin.ids else _own.accepting(tuple(origin.ids))


def patient() -> AbstractContextManager[None]:
    """As `Pulse.patient`, of the own pulse."""
    return _NOTHING if _own is None else _own.patient()


def claim(origin: Origin) -> None:
    """As `Pulse.claim`, of the own pulse."""
    if _own is not None:
        _own.claim(origin)


def release(origin: Origin) -> None:
    """As `Pulse.release`, of the own pulse."""
    if _own is not None and origin.claims:
        _own.release(origin)
