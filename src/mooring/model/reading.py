"""Large files read once into memory of the caller's, hashed on the way.

Nothing is mapped: what is served cannot change, and cannot vanish, when somebody writes into a file, truncates it or
puts another one in its place.
"""

import os
import weakref
from pathlib import Path
from typing import Protocol

from mooring.errors import ModelInvalid

_CHUNK = 8 << 20


class Digest(Protocol):
    """A hash of hashlib's."""

    def update(self, data: memoryview, /) -> None: ...


class OpenFile:
    """A file that is opened once; later reads are of the same one, whatever its name means by then.

    Raises OSError; whoever opens a model turns it into a ModelError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Unbuffered: what is read goes straight into the caller's memory.
        self._file = path.open("rb", buffering=0)
        self._close = weakref.finalize(self, self._file.close)
        self.size = os.fstat(self._file.fileno()).st_size

    def rewind(self) -> None:
        """Read from the beginning again."""
        self._file.seek(0)

    def read_into(self, target: memoryview, digest: Digest | None = None) -> None:
        """Fill `target`, which is of single bytes. Raises ModelInvalid if the file ends before that."""
        done = 0
        while done < len(target):
            part = target[done : done + _CHUNK]
            count = self._file.readinto(part)
            if not count:
                raise ModelInvalid(
                    f"{self.path.name} became shorter while it was read: {len(target) - done} bytes are missing.",
                    hint="Do not write into a model's files while it is loaded; put a new folder in their place.",
                )
            if digest is not None:
                digest.update(part[:count])
            done += count

    def close(self) -> None:
        """Let go of the file; whoever forgets this object has that done for him."""
        self._close()
